package ydoc

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Encode writes one update that carries exactly the change, which must come
// from this document, in the form the document has now: what was deleted
// since travels as deleted. Several changes of a tick may depend on each
// other in both directions; all of their encodings together, brought in by
// [Doc.ApplyAll] in any order, make the same document.
func (d *Doc) Encode(c Change) []byte {
	w := writer{d: d}
	w.structs(d.spansOf(c.Inserted))
	w.deletes(d.spansOf(c.Deleted))
	return w.out
}

// EncodeState writes one update that carries the whole document.
func (d *Doc) EncodeState() []byte { return d.diff(func(uint64) uint32 { return 0 }) }

// Diff answers a state vector (sync step 1) with one update (step 2): all
// structs beyond the vector and the whole delete set. The error wraps
// [ErrMalformed].
func (d *Doc) Diff(stateVector []byte) ([]byte, error) {
	known, err := readStateVector(stateVector)
	if err != nil {
		return nil, fmt.Errorf("state vector: %w", err)
	}
	return d.diff(func(name uint64) uint32 { return known[name] }), nil
}

func (d *Doc) diff(known func(name uint64) uint32) []byte {
	var fresh, deleted []span
	for _, i := range d.descending() {
		c := &d.clients[i]
		if k := known(c.name); k < c.state {
			fresh = append(fresh, span{i, k, c.state - k})
		}
		for _, it := range c.items {
			if it.deleted {
				deleted = addSpan(deleted, span{i, it.id.clock, it.length})
			}
		}
	}
	w := writer{d: d}
	w.structs(fresh)
	w.deletes(deleted)
	return w.out
}

// StateVector says how much of each client the document knows (sync step 1).
func (d *Doc) StateVector() []byte {
	out := binary.AppendUvarint(nil, uint64(len(d.clients)))
	for _, i := range d.descending() {
		out = binary.AppendUvarint(out, d.clients[i].name)
		out = binary.AppendUvarint(out, uint64(d.clients[i].state))
	}
	return out
}

func readStateVector(b []byte) (map[uint64]uint32, error) {
	r := reader{buf: b}
	n := r.count(2)
	known := make(map[uint64]uint32, n)
	for ; n > 0 && r.err == nil; n-- {
		name := r.uvarint()
		if _, twice := known[name]; twice {
			r.fail("client named twice")
		}
		known[name] = r.clock()
	}
	r.end()
	return known, r.err
}

// descending lists the places of all clients, highest id first: the order in
// which Yjs writes them, and which keeps conflict searches short.
func (d *Doc) descending() []uint32 {
	order := make([]uint32, len(d.clients))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Compare(d.clients[b].name, d.clients[a].name)
	})
	return order
}

// spansOf translates ranges, clips them to what the document knows and puts
// the highest client first.
func (d *Doc) spansOf(rs []Range) []span {
	spans := make([]span, 0, len(rs))
	for _, r := range rs {
		if c := d.client(r.Client); c != nobody && r.Clock < d.clients[c].state {
			spans = append(spans, span{c, r.Clock, min(r.Len, d.clients[c].state-r.Clock)})
		}
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(d.clients[b.client].name, d.clients[a.client].name), cmp.Compare(a.clock, b.clock))
	})
	return spans
}

// writer puts an update together.
type writer struct {
	d   *Doc
	out []byte
}

func (w *writer) uint(v uint64) { w.out = binary.AppendUvarint(w.out, v) }

func (w *writer) ref(r ref) {
	w.uint(w.d.clients[r.client].name)
	w.uint(uint64(r.clock))
}

func (w *writer) text(s []byte) {
	w.uint(uint64(len(s)))
	w.out = append(w.out, s...)
}

// byClient calls do with each client's spans; they come grouped.
func byClient(spans []span, do func(client uint32, spans []span)) {
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && spans[n].client == spans[0].client {
			n++
		}
		do(spans[0].client, spans[:n])
		spans = spans[n:]
	}
}

func (w *writer) groups(spans []span) {
	n := 0
	byClient(spans, func(uint32, []span) { n++ })
	w.uint(uint64(n))
}

func (w *writer) structs(spans []span) {
	w.groups(spans)
	byClient(spans, func(client uint32, spans []span) {
		c := &w.d.clients[client]
		n := len(spans) - 1 // a gap between two spans is a struct too
		for _, s := range spans {
			n += c.at(s.end()-1) - c.at(s.clock) + 1
		}
		w.uint(uint64(n))
		w.uint(c.name)
		w.uint(uint64(spans[0].clock))
		for i, s := range spans {
			if i > 0 {
				w.out = append(w.out, byte(kindSkip))
				w.uint(uint64(s.clock - spans[i-1].end()))
			}
			for k := c.at(s.clock); k < len(c.items) && c.items[k].id.clock < s.end(); k++ {
				w.item(c.items[k], s)
			}
		}
	})
}

// item writes the part of it that lies in s.
func (w *writer) item(it *item, s span) {
	from := max(s.clock, it.id.clock) - it.id.clock
	to := min(s.end(), it.end()) - it.id.clock
	if it.kind == kindGC {
		w.out = append(w.out, byte(kindGC))
		w.uint(uint64(to - from))
		return
	}
	w.links(it, from)
	w.content(it, from, to)
}

func (w *writer) links(it *item, from uint32) {
	origin := it.origin
	if from > 0 {
		origin = ref{it.id.client, it.id.clock + from - 1}
	}
	info := byte(it.kind)
	if origin.some() {
		info |= bitOrigin
	}
	if it.after.some() {
		info |= bitRight
	}
	if it.keyed() {
		info |= bitKey
	}
	w.out = append(w.out, info)
	if origin.some() {
		w.ref(origin)
	}
	if it.after.some() {
		w.ref(it.after)
	}
	if info&(bitOrigin|bitRight) == 0 {
		w.parent(it)
	}
}

func (w *writer) parent(it *item) {
	if owner := it.parent.owner; owner != nil {
		w.uint(0)
		w.ref(owner.id)
	} else {
		w.uint(1)
		w.text([]byte(it.parent.root))
	}
	if it.keyed() {
		w.text([]byte(it.more.key))
	}
}

func (w *writer) content(it *item, from, to uint32) {
	switch it.kind {
	case kindDeleted:
		w.uint(uint64(to - from))
	case kindString:
		w.text(it.slice(from, to))
	case kindJSON, kindAny:
		w.uint(uint64(to - from))
		for _, v := range it.more.values[from:to] {
			w.out = append(w.out, v...)
		}
	default:
		w.out = append(w.out, it.payload...)
	}
}

// slice returns units from to to of a String item.
func (it *item) slice(from, to uint32) []byte {
	s, units := it.payload, it.length
	if to < units {
		s, _ = cutText(s, units, to)
		units = to
	}
	if from > 0 {
		_, s = cutText(s, units, from)
	}
	return s
}

func (w *writer) deletes(spans []span) {
	w.groups(spans)
	byClient(spans, func(client uint32, spans []span) {
		w.uint(w.d.clients[client].name)
		w.uint(uint64(len(spans)))
		for _, s := range spans {
			w.uint(uint64(s.clock))
			w.uint(uint64(s.length))
		}
	})
}
