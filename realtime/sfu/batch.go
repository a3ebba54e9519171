package sfu

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// mediaSocket is the UDP socket of the media port, as pion's mux uses it. What the loop of a layer sends while its batch is open
// waits there and leaves with few system calls; everything else leaves at once.
//
// Between the loop and the socket lie pion's layers, which know nothing of batches. The socket tells by the synchronisation
// source of a packet, which SRTP leaves readable (RFC 3711 §3.1), whose it is.
type mediaSocket struct {
	*net.UDPConn
	many  *bulkSender // nil: packets are sent one by one
	loads sync.Pool   // of *load
	lines [64]lineTable
}

// lineTable finds lines without a lock; it is copied on each change.
type lineTable struct {
	mu  sync.Mutex
	all atomic.Pointer[map[uint32]*line]
}

// line is one outgoing stream of RTP, and the batch of the loop that feeds it now.
type line struct{ batch atomic.Pointer[batch] }

// newMediaSocket sends in batches unless that is unwanted or the system cannot.
func newMediaSocket(conn *net.UDPConn, plain bool) *mediaSocket {
	s := &mediaSocket{UDPConn: conn}
	s.loads.New = func() any { return newLoad() }
	if !plain {
		s.many = newBulkSender(conn)
	}
	return s
}

func (s *mediaSocket) table(ssrc uint32) *lineTable { return &s.lines[ssrc%uint32(len(s.lines))] }

// join makes l the line of a stream. Should another stream of the same number exist, packets of ours leave one by one.
func (s *mediaSocket) join(ssrc uint32, l *line) {
	if ssrc == 0 {
		return
	}
	s.table(ssrc).change(func(all map[uint32]*line) {
		if all[ssrc] == nil {
			all[ssrc] = l
		}
	})
}

// part ends what join began.
func (s *mediaSocket) part(ssrc uint32, l *line) {
	s.table(ssrc).change(func(all map[uint32]*line) {
		if all[ssrc] == l {
			delete(all, ssrc)
		}
	})
}

func (t *lineTable) change(how func(map[uint32]*line)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[uint32]*line{}
	if now := t.all.Load(); now != nil {
		for ssrc, l := range *now {
			next[ssrc] = l
		}
	}
	how(next)
	t.all.Store(&next)
}

func (s *mediaSocket) line(ssrc uint32) *line {
	if all := s.table(ssrc).all.Load(); all != nil {
		return (*all)[ssrc]
	}
	return nil
}

// WriteToAddrPort is part of ice.AddrPortReaderWriter.
func (s *mediaSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if s.many != nil {
		if ssrc, ok := rtpSource(b); ok {
			if l := s.line(ssrc); l != nil && l.batch.Load().take(b, to) {
				return len(b), nil
			}
		}
	}
	return s.WriteToUDPAddrPort(b, to)
}

// rtpSource is the synchronisation source of an RTP packet, false for anything else that shares the port (RFC 7983, RFC 5761 §4).
func rtpSource(b []byte) (uint32, bool) {
	if len(b) < 12 || b[0]>>6 != 2 || b[1]&0x7f >= 64 && b[1]&0x7f < 96 {
		return 0, false
	}
	return uint32(b[8])<<24 | uint32(b[9])<<16 | uint32(b[10])<<8 | uint32(b[11]), true
}

// batch gathers what one loop sends in one turn. The loop opens and flushes it; the zero value lets packets pass. Only the loop puts
// packets in, but for a clash of two streams' numbers, which the lock makes harmless.
type batch struct {
	socket *mediaSocket

	mu   sync.Mutex
	open bool
	load *load // nil: nothing waits
}

// begin makes packets wait until flush.
func (b *batch) begin() {
	b.mu.Lock()
	b.open = b.socket != nil && b.socket.many != nil
	b.mu.Unlock()
}

// take copies a packet in; false if it has to be sent at once.
func (b *batch) take(p []byte, to netip.AddrPort) bool {
	if b == nil || len(p) > slotBytes || to.Addr().Zone() != "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return false
	}
	if b.load == nil {
		b.load = b.socket.loads.Get().(*load)
	}
	b.load.put(p, to)
	if b.load.n == len(b.load.to) {
		b.send()
	}
	return true
}

// flush sends what waits. When it returns, it is with the kernel.
func (b *batch) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = false
	if b.load != nil {
		b.send()
	}
}

// send is for who holds the lock. What cannot be sent is lost, as packets are.
func (b *batch) send() {
	b.socket.many.send(b.load)
	b.load.empty()
	b.socket.loads.Put(b.load)
	b.load = nil
}

const (
	slotBytes = 1536    // of a packet as it leaves, at most
	loadSize  = 64      // packets sent together at most
	loadBytes = 8 << 10 // that a load has room for at first: sound for many, or a picture for few
)

// load is packets that wait, in the order they were put in.
type load struct {
	n      int
	to     [loadSize]netip.AddrPort
	at     [loadSize]int // where in memory a packet begins
	size   [loadSize]int
	memory []byte // packets one after the other; doubles as needed
	bulk
}

func (l *load) put(p []byte, to netip.AddrPort) {
	if len(l.memory)+len(p) > cap(l.memory) {
		l.memory = slices.Grow(l.memory, max(loadBytes, cap(l.memory)))
	}
	l.to[l.n], l.at[l.n], l.size[l.n] = to, len(l.memory), len(p)
	l.memory = append(l.memory, p...)
	l.n++
}

func (l *load) packet(i int) []byte { return l.memory[l.at[i]:][:l.size[i]] }

func (l *load) empty() { l.n, l.memory = 0, l.memory[:0] }
