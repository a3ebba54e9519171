package sfu

import (
	"math/rand/v2"
	"time"
)

// sequence follows the 16-bit numbers of a stream over their wrap-around.
type sequence struct {
	newest int64
	begun  bool
}

// extend gives the number without wrap-around. The first is at least 65536, so that older ones stay positive.
func (s *sequence) extend(sn uint16) int64 {
	if !s.begun {
		s.begun, s.newest = true, 1<<16+int64(sn)
		return s.newest
	}
	ext := s.newest + int64(int16(sn-uint16(s.newest)))
	s.newest = max(s.newest, ext)
	return ext
}

// munger renumbers a stream for one receiver, so that numbers and times go on without a break when what it is fed with changes.
type munger struct {
	running bool
	ever    bool
	first   int64 // number at the source of the first packet under the present offsets
	offset  int64
	shift   uint32 // added to timestamps
	last    int64  // newest number given out
	lastTS  uint32
	lastAt  time.Time
	pic     pictureMunger
}

// start begins with pk, right after what was sent before. rate is the clock of timestamps in Hz.
func (m *munger) start(pk *packet, rate uint32, now time.Time) {
	if !m.ever {
		// RFC 3711 §3.3.1: a start in the lower half keeps both ends' rollover counters in step if the first packets are lost.
		m.ever, m.last, m.lastTS, m.lastAt = true, 1<<16+int64(rand.IntN(1<<15)), pk.timestamp-1, now
	}
	gap := max(1, now.Sub(m.lastAt).Seconds()*float64(rate))
	m.shift = m.lastTS + uint32(int64(gap)) - pk.timestamp
	m.pic.start(pk.picture)
	m.first, m.offset = pk.ext, m.last+1-pk.ext
	m.running = true
}

// pause waits for the next start.
func (m *munger) pause() { m.running = false }

// apply gives the number and time under which pk goes out; false if it belongs to the time before start.
func (m *munger) apply(pk *packet, now time.Time) (uint16, uint32, bool) {
	if pk.ext < m.first {
		return 0, 0, false
	}
	number, ts := pk.ext+m.offset, m.timestamp(pk)
	if number > m.last {
		m.last, m.lastTS, m.lastAt = number, ts, now
	}
	return uint16(number), ts, true
}

func (m *munger) timestamp(pk *packet) uint32 { return pk.timestamp + m.shift }

// describe gives a packet's picture the number it has for this receiver.
func (m *munger) describe(pk *packet) {
	if pk.picture.at != 0 {
		m.pic.describe(pk.picture, pk.payload)
	}
}

// source is the way back: which packet went out as sn.
func (m *munger) source(sn uint16) (int64, bool) {
	ext := m.last + int64(int16(sn-uint16(m.last))) - m.offset
	return ext, m.running && ext >= m.first && ext <= m.last-m.offset
}
