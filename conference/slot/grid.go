// Package slot finds dates that a panel can keep. It is pure: people are numbers, their time is sets of quarter hours, and
// what it answers follows from what it is given.
//
// Three things can be known of a quarter hour in somebody's calendar: free, busy, or nothing. A date is certain for a person
// who is known to be free all through it, possible when nothing speaks against it, and out of the question otherwise.
package slot

import (
	"math/bits"
	"slices"
	"time"
)

// Quarter is the grain of all dates.
const Quarter = 15 * time.Minute

// Grid is a span of time in quarter hours. They are counted in UTC, so that the days on which clocks change need no care:
// they have 92 or 100 quarters like others have 96.
type Grid struct {
	start time.Time
	n     int
}

// NewGrid covers from (rounded down to a quarter hour) until until.
func NewGrid(from, until time.Time) Grid {
	from = from.UTC().Truncate(Quarter)
	return Grid{from, max(0, int(until.Sub(from)/Quarter))}
}

// Len is the number of quarter hours.
func (g Grid) Len() int { return g.n }

// At is the instant at which quarter i begins.
func (g Grid) At(i int) time.Time { return g.start.Add(time.Duration(i) * Quarter) }

// Index is the quarter in which t lies; it may be outside the grid.
func (g Grid) Index(t time.Time) int {
	d := t.Sub(g.start)
	if d < 0 {
		return -1 - int((-d-1)/Quarter)
	}
	return int(d / Quarter)
}

// Set is a set of quarter hours of a grid, one bit each. The zero Set is empty.
type Set []uint64

// Empty returns a set for g with nothing in it.
func (g Grid) Empty() Set { return make(Set, (g.n+63)/64) }

// Span adds every quarter hour that the time from a until b touches: right for what is busy.
func (g Grid) Span(s Set, a, b time.Time) {
	end := g.Index(b)
	if !b.Equal(g.At(end)) {
		end++
	}
	s.fill(g.Index(a), min(end, g.n))
}

// Within adds every quarter hour that lies wholly between a and b: right for what is free.
func (g Grid) Within(s Set, a, b time.Time) {
	begin := g.Index(a)
	if !a.Equal(g.At(begin)) {
		begin++
	}
	s.fill(begin, min(g.Index(b), g.n))
}

// Has tells whether quarter i is in s.
func (s Set) Has(i int) bool { return i >= 0 && i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

// Count is how many quarter hours are in s.
func (s Set) Count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Without takes away from s what is in t.
func (s Set) Without(t Set) {
	for i := range min(len(s), len(t)) {
		s[i] &^= t[i]
	}
}

// With adds to s what is in t.
func (s Set) With(t Set) {
	for i := range min(len(s), len(t)) {
		s[i] |= t[i]
	}
}

// Any tells whether any of n quarter hours from start on is in s.
func (s Set) Any(start, n int) bool {
	for i := range n {
		if s.Has(start + i) {
			return true
		}
	}
	return false
}

// All tells whether all of n quarter hours from start on are in s.
func (s Set) All(start, n int) bool {
	for i := range n {
		if !s.Has(start + i) {
			return false
		}
	}
	return true
}

func (s Set) fill(a, b int) {
	for i := max(a, 0); i < b; {
		if i%64 == 0 && i+64 <= b {
			s[i/64] = ^uint64(0)
			i += 64
			continue
		}
		s[i/64] |= 1 << (i % 64)
		i++
	}
}

func (s Set) and(t Set) {
	for i, w := range t {
		s[i] &= w
	}
}

// each calls do with every member in order.
func (s Set) each(do func(int)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			do(i*64 + bits.TrailingZeros64(w))
		}
	}
}

// runs keeps of s the quarter hours at which d of them in a row begin. It works in place: a run of 2k is a run of k twice, so
// a few shifts do for any length.
func (s Set) runs(d int) {
	for have := 1; have < d; {
		step := min(have, d-have)
		s.andShifted(step)
		have += step
	}
}

// andShifted is s &= s >> by, with nothing shifted in.
func (s Set) andShifted(by int) {
	words, rest := by/64, by%64
	for i := range s {
		var w uint64
		if j := i + words; j < len(s) {
			w = s[j] >> rest
			if rest > 0 && j+1 < len(s) {
				w |= s[j+1] << (64 - rest)
			}
		}
		s[i] &= w
	}
}

// Weekly is a rule for one day of the week in local time: from so many minutes after midnight until so many.
type Weekly struct {
	Day      time.Weekday
	From, To int // minutes; To may be 1440
}

// Days adds what the rules say for every local day of the grid in loc. Clock changes move no rule: nine o'clock stays nine o'clock.
func (g Grid) Days(s Set, rules []Weekly, loc *time.Location) {
	if g.n == 0 {
		return
	}
	last := g.At(g.n)
	for y, m, d := g.start.In(loc).Date(); ; d++ {
		noon := time.Date(y, m, d, 12, 0, 0, 0, loc)
		if noon.Add(-24 * time.Hour).After(last) {
			return
		}
		for _, r := range rules {
			if r.Day == noon.Weekday() {
				g.Within(s, Wall(y, m, d, r.From, loc), Wall(y, m, d, r.To, loc))
			}
		}
	}
}

// Wall is the instant at which clocks in loc show so many minutes after the midnight of a day. An hour that comes twice means
// its first time; one that is left out is counted with the offset before the gap (RFC 5545 §3.3.5).
func Wall(y int, m time.Month, d, minutes int, loc *time.Location) time.Time {
	flat := time.Date(y, m, d, 0, minutes, 0, 0, time.UTC)
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := flat.Add(near).In(loc).Zone()
		found = append(found, flat.Add(-time.Duration(offset)*time.Second).In(loc))
	}
	// With the offset of the day before it is either right or in the gap; with that of the day after it may be right too, later.
	shows := func(t time.Time) bool {
		_, offset := t.Zone()
		return t.Add(time.Duration(offset) * time.Second).UTC().Equal(flat)
	}
	if i := slices.IndexFunc(found, shows); i >= 0 {
		return found[i]
	}
	return found[0]
}
