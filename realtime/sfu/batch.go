package sfu

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// mediaSocket is the UDP socket of the media port. What comes in goes to the lanes of connections, what goes out of them leaves in
// batches (batch); everything else is pion's, whose mux reads and writes packet by packet.
type mediaSocket struct {
	*net.UDPConn
	many  *bulkSender // nil: packets are sent one by one
	loads sync.Pool   // of *load
	lanes lanes

	reading sync.WaitGroup
	ended   chan struct{} // closed when no more is read
	aside   chan *parcel  // for pion
	parcels sync.Pool     // of *parcel
}

// newMediaSocket sends in batches unless that is unwanted or the system cannot. It reads when it is opened.
func newMediaSocket(conn *net.UDPConn, plain bool) *mediaSocket {
	s := &mediaSocket{
		UDPConn: conn, ended: make(chan struct{}), aside: make(chan *parcel, asideQueue),
	}
	s.loads.New = func() any { return newLoad() }
	s.parcels.New = func() any { return &parcel{} }
	if !plain {
		s.many = newBulkSender(conn)
	}
	return s
}

// WriteToAddrPort is part of ice.AddrPortReaderWriter.
func (s *mediaSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(b, to)
}

// batch gathers what is sent in one turn, see layer.begin. It belongs to whoever has the turn.
type batch struct {
	socket *mediaSocket
	load   *load // nil: nothing waits
}

// space is memory for a packet of so many bytes at most, which add sends from there.
func (b *batch) space(size int) []byte {
	if b.load == nil {
		b.load = b.socket.loads.Get().(*load)
	}
	l := b.load
	if len(l.memory)+size > cap(l.memory) {
		l.memory = slices.Grow(l.memory, max(loadBytes, cap(l.memory), size))
	}
	return l.memory[len(l.memory):][:size]
}

// add makes a packet that was written into space wait until flush.
func (b *batch) add(p []byte, to netip.AddrPort) {
	if b.socket.many == nil {
		_, _ = b.socket.WriteToUDPAddrPort(p, to) // what cannot be sent is lost, as packets are
		return
	}
	if b.load.put(p, to); b.load.n == len(b.load.to) {
		b.flush()
	}
}

// flush sends what waits. When it returns, it is with the kernel, as far as it could be sent.
func (b *batch) flush() {
	if b.load == nil {
		return
	}
	if b.load.n > 0 {
		b.socket.many.send(b.load)
	}
	b.load.empty()
	b.socket.loads.Put(b.load)
	b.load = nil
}

const (
	loadSize  = 128     // packets sent together at most, 255 for the type of their indexes
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

// put takes a packet that lies behind those in memory already.
func (l *load) put(p []byte, to netip.AddrPort) {
	l.to[l.n], l.at[l.n], l.size[l.n] = to, len(l.memory), len(p)
	l.memory = append(l.memory, p...)
	l.n++
}

func (l *load) packet(i int) []byte { return l.memory[l.at[i]:][:l.size[i]] }

func (l *load) empty() { l.n, l.memory = 0, l.memory[:0] }
