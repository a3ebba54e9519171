package ydoc

import (
	"cmp"
	"errors"
	"slices"
)

// Errors of this package; test with [errors.Is].
var (
	// ErrMalformed: the bytes are no valid update or state vector.
	ErrMalformed = errors.New("ydoc: malformed")
	// ErrTooLarge: the update exceeds the limits it was decoded under. Such
	// an error wraps ErrMalformed too.
	ErrTooLarge = errors.New("ydoc: update too large")
	// ErrMissing: the update builds on something that is not here.
	ErrMissing = errors.New("ydoc: update depends on something unknown")
	// ErrSurrogate: a border would fall inside a surrogate pair.
	ErrSurrogate = errors.New("ydoc: border inside a surrogate pair")
	// ErrRange: a position outside the text, or a clock that would overflow.
	ErrRange = errors.New("ydoc: position out of range")
)

// Limits bound what [Decode] accepts. A field that is zero takes the default:
// 16 MiB, and 2²⁰ structs.
type Limits struct {
	Bytes   int // of the whole update
	Structs int // structs and values in them; also deleted ranges
}

func (l Limits) orDefault() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 16 << 20
	}
	if l.Structs <= 0 {
		l.Structs = 1 << 20
	}
	return l
}

// Range is a run of units that one client inserted.
type Range struct {
	Client uint64
	Clock  uint32 // of the first unit
	Len    uint32
}

// Update is a decoded change to a document. [Decode] makes it, nothing alters
// it, and it may be applied to any number of documents.
type Update struct {
	names   []uint64 // clients; a ref's client is an index into this
	sites   []site   // where each client's parts are
	parts   []part   // of one client: in the order of their clocks
	deletes []span   // sorted and merged
}

// site is the stretch of Update.parts that belongs to one client.
type site struct{ from, to int }

// ref names one unit: a client, by its index in some table, and a clock.
type ref struct{ client, clock uint32 }

const nobody = ^uint32(0)

// none is the ref that refers to nothing.
func none() ref { return ref{client: nobody} }

func (r ref) some() bool { return r.client != nobody }

// span is a Range whose client is an index in some table.
type span struct{ client, clock, length uint32 }

func (s span) end() uint32 { return s.clock + s.length }

// part is one struct as it travels.
type part struct {
	id            ref
	length        uint32
	kind          kind
	wide          bool // text with a character of two units
	keyed         bool // bit 0x20: an entry of a map
	origin, right ref
	payload       []byte // see item.payload; points into the update
	more          *more
}

func (p *part) end() uint32 { return p.id.clock + p.length }

// text returns what a String part carries, of other parts nothing.
func (p *part) text() text {
	if p.kind != kindString {
		return text{}
	}
	return text{p.payload, p.length, p.wide}
}

// Empty reports whether applying the update could change nothing anywhere.
func (u *Update) Empty() bool {
	return len(u.deletes) == 0 && !slices.ContainsFunc(u.parts, func(p part) bool { return p.kind != kindSkip })
}

// Inserts lists what the update brings, whether or not it is known already,
// sorted by client and clock, neighbours merged.
func (u *Update) Inserts() []Range {
	var spans []span
	for i := range u.parts {
		if p := &u.parts[i]; p.kind != kindSkip {
			spans = addSpan(spans, span{p.id.client, p.id.clock, p.length})
		}
	}
	return u.ranges(spans)
}

// Deletes lists what the update deletes by its delete set, sorted by client
// and clock, neighbours merged.
func (u *Update) Deletes() []Range { return u.ranges(u.deletes) }

func (u *Update) ranges(spans []span) []Range {
	out := make([]Range, len(spans))
	for i, s := range spans {
		out[i] = Range{u.names[s.client], s.clock, s.length}
	}
	return tidy(out)
}

// Roots lists the root names that structs of the update name as their parent,
// each once, sorted. Structs that follow or precede another struct name none:
// they take that one's parent.
func (u *Update) Roots() []string {
	var names []string
	for i := range u.parts {
		if m := u.parts[i].more; m != nil && m.inRoot {
			names = append(names, m.root)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Plain reports whether the update is made of plain text and values only:
// no formatting, no embedded or nested things, no map entries.
func (u *Update) Plain() bool {
	for i := range u.parts {
		p := &u.parts[i]
		switch p.kind {
		case kindString, kindAny, kindDeleted, kindGC, kindSkip:
		default:
			return false
		}
		if p.keyed || p.more != nil && p.more.owner.some() {
			return false
		}
	}
	return true
}

// tidy sorts ranges by client and clock and merges those that touch or
// overlap, in place.
func tidy(rs []Range) []Range {
	if len(rs) < 2 {
		return rs
	}
	slices.SortFunc(rs, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Clock, b.Clock))
	})
	out := rs[:1]
	for _, r := range rs[1:] {
		last := &out[len(out)-1]
		if last.Client != r.Client || last.Clock+last.Len < r.Clock {
			out = append(out, r)
			continue
		}
		last.Len = max(last.Len, r.Clock+r.Len-last.Clock)
	}
	return out
}

// addSpan appends s, or lengthens the last span if s continues it.
func addSpan(spans []span, s span) []span {
	if n := len(spans); n > 0 && spans[n-1].client == s.client && spans[n-1].end() == s.clock {
		spans[n-1].length += s.length
		return spans
	}
	return append(spans, s)
}

// tidySpans is tidy for spans.
func tidySpans(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.clock, b.clock))
	})
	out := spans[:1]
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if last.client != s.client || last.end() < s.clock {
			out = append(out, s)
			continue
		}
		last.length = max(last.length, s.end()-last.clock)
	}
	return out
}
