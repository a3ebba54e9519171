package expertpool

import (
	"iter"
	"math/bits"
)

// set is a set of small numbers, one bit for each. Sets of different length go together: what is beyond the end is not in it.
type set []uint64

// newSet has room for the numbers below n.
func newSet(n int) set { return make(set, (n+63)/64) }

// add grows the set where it must.
func (s *set) add(n int32) {
	for int(n>>6) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n>>6] |= 1 << (n & 63)
}

func (s set) remove(n int32) {
	if int(n>>6) < len(s) {
		s[n>>6] &^= 1 << (n & 63)
	}
}

func (s set) has(n int32) bool { return int(n>>6) < len(s) && s[n>>6]&(1<<(n&63)) != 0 }

// keep drops what is not in o as well.
func (s set) keep(o set) {
	for i := range s {
		if i < len(o) {
			s[i] &= o[i]
		} else {
			s[i] = 0
		}
	}
}

// take adds what is in o, as far as there is room.
func (s set) take(o set) {
	for i := range min(len(s), len(o)) {
		s[i] |= o[i]
	}
}

func (s set) size() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// sharing is how many numbers are in both.
func (s set) sharing(o set) (n int) {
	for i := range min(len(s), len(o)) {
		n += bits.OnesCount64(s[i] & o[i])
	}
	return n
}

// meets tells whether any number is in both.
func (s set) meets(o set) bool {
	for i := range min(len(s), len(o)) {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// each goes through the numbers from the smallest on.
func (s set) each() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(int32(i<<6 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}
