package ydoc

import "unicode/utf8"

// replacement stands for each half of a surrogate pair that a border cut:
// Yjs does the same, and a half has no UTF-8 form.
const replacement = "\uFFFD"

// text is valid UTF-8 with what measure says of it.
type text struct {
	bytes []byte
	units uint32
	wide  bool
}

// measure returns the length of s in UTF-16 units and whether s contains a
// character of two units.
func measure(s []byte) (units uint32, wide bool) {
	for _, b := range s {
		if b < 0x80 || b >= 0xc0 {
			units++
		}
		if b >= 0xf0 {
			units++
			wide = true
		}
	}
	return units, wide
}

// byteAt finds the byte at which unit n of s begins; s is valid UTF-8 of
// units UTF-16 units and n ≤ units. If n falls inside a surrogate pair,
// inside is true and at is the beginning of that character.
//
// It walks from the nearer end. Cutting a long text again and again then
// costs n·log n in all, whatever places somebody chooses.
func byteAt(s []byte, units, n uint32) (at int, inside bool) {
	switch {
	case int(units) == len(s): // ASCII
		return int(n), false
	case n <= units/2:
		return byteFromStart(s, n)
	default:
		return byteFromEnd(s, units-n)
	}
}

func byteFromStart(s []byte, n uint32) (at int, inside bool) {
	for n > 0 {
		_, size := utf8.DecodeRune(s[at:])
		if size == 4 {
			if n == 1 {
				return at, true
			}
			n--
		}
		n--
		at += size
	}
	return at, false
}

func byteFromEnd(s []byte, n uint32) (at int, inside bool) {
	at = len(s)
	for n > 0 {
		_, size := utf8.DecodeLastRune(s[:at])
		at -= size
		if size == 4 {
			if n == 1 {
				return at, true
			}
			n--
		}
		n--
	}
	return at, false
}

// cutText splits s before unit n. The left part cannot grow into the right
// one: both may share memory.
func cutText(s []byte, units, n uint32) (left, right []byte) {
	at, inside := byteAt(s, units, n)
	if !inside {
		return s[:at:at], s[at:]
	}
	left = append(s[:at:at], replacement...)
	right = append([]byte(replacement), s[at+4:]...)
	return left, right
}
