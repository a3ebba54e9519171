package sfu

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// eachPart calls do for each packet of an RTCP compound (RFC 3550 §6.1), up to the first that is malformed.
func eachPart(b []byte, do func(kind rtcp.PacketType, part []byte)) {
	for len(b) >= 4 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return
		}
		do(rtcp.PacketType(b[1]), b[:size])
		b = b[size:]
	}
}

// arrivalReport is a transport-wide feedback packet (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1) as it came in. Everybody
// sends ten in a second, so reading one allocates nothing.
type arrivalReport []byte

const arrivalHead = 20 // bytes before the first chunk

// asArrivalReport is false for any other packet.
func asArrivalReport(kind rtcp.PacketType, part []byte) (arrivalReport, bool) {
	ok := kind == rtcp.TypeTransportSpecificFeedback && part[0]&0x1f == rtcp.FormatTCC && len(part) >= arrivalHead
	return part, ok
}

// base is the number of the first of count packets the report speaks of.
func (r arrivalReport) base() uint16 { return binary.BigEndian.Uint16(r[12:]) }
func (r arrivalReport) count() int   { return int(binary.BigEndian.Uint16(r[14:])) }

// each calls do for each packet, with the time of its arrival on the receiver's clock. It ends where the report is cut off.
func (r arrivalReport) each(do func(i int, at time.Duration, received bool)) {
	count, deltas := r.count(), arrivalHead
	for n := 0; n < count; deltas += 2 {
		if deltas+2 > len(r) {
			return
		}
		n += r.chunk(deltas).len()
	}
	clock := time.Duration(binary.BigEndian.Uint32(r[16:])>>8) * referenceUnit * arrivalUnit * time.Microsecond
	i := 0
	for at := arrivalHead; i < count; at += 2 {
		c := r.chunk(at)
		for k := 0; k < c.len() && i < count; k++ {
			delta, size := r.delta(deltas, c.symbol(k))
			if deltas += size; deltas > len(r) {
				return
			}
			clock += delta
			do(i, clock, size > 0)
			i++
		}
	}
}

// delta is the time since the packet before and how many bytes say so, none if the packet has not come.
func (r arrivalReport) delta(at int, symbol uint16) (since time.Duration, size int) {
	units := 0
	switch symbol {
	case rtcp.TypeTCCPacketReceivedSmallDelta:
		if size = 1; at < len(r) {
			units = int(r[at])
		}
	case rtcp.TypeTCCPacketReceivedLargeDelta:
		if size = 2; at+1 < len(r) {
			units = int(int16(binary.BigEndian.Uint16(r[at:])))
		}
	}
	return time.Duration(units) * arrivalUnit * time.Microsecond, size
}

func (r arrivalReport) chunk(at int) statusChunk { return statusChunk(binary.BigEndian.Uint16(r[at:])) }

// statusChunk is what became of some packets: the same of all, or a vector of symbols of one bit or two.
type statusChunk uint16

func (c statusChunk) len() int {
	switch {
	case c>>15 == 0:
		return int(c & 0x1fff)
	case c>>14&1 == 0:
		return 14
	}
	return 7
}

func (c statusChunk) symbol(k int) uint16 {
	switch {
	case c>>15 == 0:
		return uint16(c >> 13 & 3)
	case c>>14&1 == 0:
		return uint16(c >> (13 - k) & 1)
	}
	return uint16(c >> (12 - 2*k) & 3)
}
