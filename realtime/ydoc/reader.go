package ydoc

import (
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"
)

const (
	maxSafe  = 1<<53 - 1 // the largest integer that a browser's number holds
	maxClock = math.MaxInt32
	maxDepth = 64 // nesting of arrays and objects inside one any value
)

// reader takes an encoded message apart. Its first failure sticks: from then
// on every method returns zero, so that callers check err once, after a loop
// whose bounds came from the message.
type reader struct {
	buf []byte
	at  int
	err error
}

func (r *reader) fail(reason string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d", ErrMalformed, reason, r.at)
	}
}

// left is the number of bytes not yet read; nothing after a failure.
func (r *reader) left() int {
	if r.err != nil {
		return 0
	}
	return len(r.buf) - r.at
}

func (r *reader) end() {
	if r.left() > 0 {
		r.fail("bytes after the end")
	}
}

func (r *reader) byte() byte {
	if r.left() == 0 {
		r.fail("cut off")
		return 0
	}
	b := r.buf[r.at]
	r.at++
	return b
}

func (r *reader) skip(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("cut off")
		return nil
	}
	r.at += n
	return r.buf[r.at-n : r.at : r.at]
}

func (r *reader) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 56; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > maxSafe {
				break
			}
			return v
		}
	}
	r.fail("integer too large")
	return 0
}

// count reads how many elements follow, each of which takes at least size
// bytes: a number that the rest of the message cannot hold is refused before
// anybody allocates for it.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(r.left()/size) {
		r.fail("more elements announced than bytes are left")
		return 0
	}
	return int(n)
}

// clock reads a clock or a length, both below 2³¹.
func (r *reader) clock() uint32 {
	v := r.uvarint()
	if v > maxClock {
		r.fail("clock too large")
		return 0
	}
	return uint32(v)
}

// length reads the length of a run that starts at clock.
func (r *reader) length(clock uint32) uint32 {
	n := r.clock()
	if n > maxClock-clock {
		r.fail("clock too large")
		return 0
	}
	return n
}

func (r *reader) bytes() []byte {
	return r.skip(r.count(1))
}

func (r *reader) text() []byte {
	b := r.bytes()
	if !utf8.Valid(b) {
		r.fail("text is not UTF-8")
		return nil
	}
	return b
}

// json reads a string that browsers hand to JSON.parse.
func (r *reader) json(undefined bool) {
	b := r.text()
	if r.err != nil || undefined && string(b) == "undefined" {
		return
	}
	if !json.Valid(b) {
		r.fail("not JSON")
	}
}

// Tags of the values that lib0 calls any.
const (
	anyBytes     = 116
	anyArray     = 117
	anyObject    = 118
	anyString    = 119
	anyTrue      = 120
	anyFalse     = 121
	anyBigInt    = 122
	anyFloat64   = 123
	anyFloat32   = 124
	anyInteger   = 125
	anyNull      = 126
	anyUndefined = 127
)

// any reads one value of lib0's any encoding and returns its bytes; the
// engine only ever passes them on.
func (r *reader) any() []byte {
	from := r.at
	r.anyValue(0)
	if r.err != nil {
		return nil
	}
	return r.buf[from:r.at:r.at]
}

func (r *reader) anyValue(depth int) {
	if depth > maxDepth {
		r.fail("value nested too deeply")
		return
	}
	switch r.byte() {
	case anyUndefined, anyNull, anyTrue, anyFalse:
	case anyInteger:
		r.varint()
	case anyFloat32:
		r.skip(4)
	case anyFloat64, anyBigInt:
		r.skip(8)
	case anyString:
		r.text()
	case anyBytes:
		r.bytes()
	case anyArray:
		for n := r.count(1); n > 0 && r.err == nil; n-- {
			r.anyValue(depth + 1)
		}
	case anyObject:
		for n := r.count(2); n > 0 && r.err == nil; n-- {
			r.text()
			r.anyValue(depth + 1)
		}
	default:
		r.fail("unknown kind of value")
	}
}

// varint reads lib0's signed integer: the first byte carries a sign bit and
// six bits of value.
func (r *reader) varint() {
	b := r.byte()
	v := uint64(b & 0x3f)
	for shift := 6; b >= 0x80; shift += 7 {
		if shift > 55 {
			r.fail("integer too large")
			return
		}
		b = r.byte()
		v |= uint64(b&0x7f) << shift
	}
	if v > maxSafe {
		r.fail("integer too large")
	}
}
