package sfu

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Reading. One goroutine reads the socket and takes media to its end: decrypted, renumbered, encrypted and sent, before it reads
// on. What is not for a lane waits for pion's mux. There is one reader, so that packets keep their order.

const (
	burstSize   = 32               // packets read at once,
	burstRounds = 4                // so many times before what they have led to is sent
	intakeBytes = 2048             // of a packet at most; browsers stay below 1500
	asideQueue  = 1024             // packets that wait for pion
	readPause   = time.Millisecond // after an error of the socket that passes
)

// lanes finds the lane that packets from an address belong to.
type lanes struct {
	mu  sync.RWMutex
	all map[netip.AddrPort]*lane
}

func (t *lanes) of(from netip.AddrPort) *lane {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[from]
}

// swap gives l the packets from one address instead of those from another; the zero address stands for none.
func (t *lanes) swap(before, after netip.AddrPort, l *lane) {
	if before == after {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[before] == l {
		delete(t.all, before)
	}
	if after.IsValid() {
		if t.all == nil {
			t.all = map[netip.AddrPort]*lane{}
		}
		t.all[after] = l
	}
}

// parcel is a packet that pion is to get.
type parcel struct {
	from netip.AddrPort
	n    int
	b    [intakeBytes]byte
}

// open begins to read. Close ends it.
func (s *mediaSocket) open() {
	s.reading.Go(func() {
		defer close(s.ended)
		t := newTurns(s)
		for t.read(true) == nil {
			if t.n == 0 {
				time.Sleep(readPause)
			}
			t.serve()
		}
	})
}

// Close ends reading, and returns when everything that was read has been dealt with.
func (s *mediaSocket) Close() error {
	err := s.UDPConn.Close()
	s.reading.Wait()
	return err
}

// next waits for a packet that is pion's.
func (s *mediaSocket) next(b []byte) (int, netip.AddrPort, error) {
	select {
	case p := <-s.aside:
		n := copy(b, p.b[:p.n])
		from := p.from
		s.parcels.Put(p)
		return n, from, nil
	case <-s.ended:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// leave keeps a packet for pion; when too many wait it is lost, as packets are.
func (s *mediaSocket) leave(b []byte, from netip.AddrPort) {
	p := s.parcels.Get().(*parcel)
	p.from, p.n = from, copy(p.b[:], b)
	select {
	case s.aside <- p:
	default:
		s.parcels.Put(p)
	}
}

// turns is what a reader has in hand: a burst of packets, the layers it has taken them to, whose turns are all open, and the batch
// in which waits what they send.
type turns struct {
	socket *mediaSocket
	*burst
	batch *batch
	held  []*layer
	plain []byte
}

func newTurns(s *mediaSocket) *turns {
	return &turns{socket: s, burst: newBurst(s), batch: &batch{socket: s}, plain: make([]byte, 0, intakeBytes)}
}

// serve takes what was read, and what has come meanwhile, and sends what follows from it: packets of a picture come close together,
// and leave for each receiver as one.
func (t *turns) serve() {
	for round := 0; t.n > 0; round++ {
		now := time.Now()
		for i := range t.n {
			if b, from := t.packet(i); !t.take(b, from, now) {
				t.socket.leave(b, from)
			}
		}
		if t.n = 0; round < burstRounds && t.read(false) != nil {
			break
		}
	}
	t.end()
}

// take hands a packet to its lane; false if it has none or does not want it (RFC 7983, RFC 5761 §4).
func (t *turns) take(b []byte, from netip.AddrPort, now time.Time) bool {
	if len(b) < 12 || b[0]>>6 != 2 {
		return false
	}
	l := t.socket.lanes.of(from)
	if l == nil {
		return false
	}
	if kind := b[1]; kind >= 192 && kind < 224 {
		return l.takeReport(t, b, now)
	}
	return l.takeMedia(t, b, now)
}

// feed hands a packet to a layer, in the layer's turn, which stays open until end. False: the layer's loop has to see it first.
func (t *turns) feed(l *layer, b []byte, now time.Time) bool {
	if !slices.Contains(t.held, l) {
		if !l.work.TryLock() {
			t.end() // whoever has it may be waiting for one of ours
			l.work.Lock()
		}
		l.began(t.batch)
		t.held = append(t.held, l)
	}
	return l.feed(b, now)
}

// end sends what waits and ends all turns.
func (t *turns) end() {
	t.batch.flush()
	for _, l := range t.held {
		l.end()
	}
	clear(t.held)
	t.held = t.held[:0]
}
