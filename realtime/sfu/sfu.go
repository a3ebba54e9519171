package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what Listen needs.
type Config struct {
	Addr      string       // host:port for UDP and TCP, such as ":8443"; port 0 picks a free one
	Relay     *Relay       // TURN; nil: none
	PublicIPs []netip.Addr // behind NAT: offered instead of the interfaces' addresses. Empty: all interfaces, loopback included
	Guard     bool         // drop frames that are not end-to-end encrypted
	Plain     bool         // send every packet by itself, for networks that do not take batches; slower
	Log       *slog.Logger // nil is silent. Gets room and peer ids, never an address
}

// SFU forwards the media of many rooms over one port. Listen makes it, Close ends it and everything in it. Safe for
// concurrent use.
type SFU struct {
	log     *slog.Logger
	socket  *mediaSocket
	guarded bool
	mux     *offeredMux
	tcp     *tcpMux
	relay   *relay // nil: none
	engine  *engine
	gate    gate
	count   counters

	mu      sync.Mutex
	rooms   map[string]*room
	closed  bool
	running sync.WaitGroup // goroutines of peers and trials
	trials  atomic.Int32
	closing chan struct{} // closed by Close
}

// Listen opens the media port. An address that cannot be had is named in the error.
func Listen(c Config) (*SFU, error) {
	conn, stream, err := listenBoth(c.Addr)
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	quiet := silence()
	socket := newMediaSocket(conn, c.Plain)
	socket.open()
	mux := newMux(socket, c.PublicIPs, quiet)
	s := &SFU{
		log: c.Log, socket: socket, guarded: c.Guard, mux: mux, tcp: newTCPMux(stream, mux, quiet),
		gate: gate{global: len(c.PublicIPs) > 0}, rooms: map[string]*room{}, closing: make(chan struct{}),
	}
	if s.engine, err = newEngine(mux, s.tcp, quiet); err != nil {
		return nil, errors.Join(fmt.Errorf("media engine: %w", err), s.Close())
	}
	if c.Relay != nil {
		if s.relay, err = newRelay(*c.Relay, mux, quiet); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Addr is the UDP address listened on; TCP has the same.
func (s *SFU) Addr() net.Addr { return s.mux.local }

// Close ends all peers and waits until their goroutines and the socket are gone. Closing twice is fine.
func (s *SFU) Close() error {
	for _, p := range s.shut() {
		p.Close()
	}
	s.running.Wait()
	if err := errors.Join(s.relay.close(), s.mux.Close(), s.tcp.Close()); err != nil {
		return fmt.Errorf("close media port: %w", err)
	}
	return nil
}

func (s *SFU) shut() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	var all []*Peer
	for _, r := range s.rooms {
		all = append(all, r.members()...)
	}
	return all
}

// Join brings a peer into a room, which exists as long as somebody is in it. The peer receives what the others publish from now on,
// and publishes by Offer. send is called from the peer's goroutine, one event at a time, and must not block; at most one call is
// still under way when Close returns. The error is ErrClosed, or ErrTaken while a peer of this name is in the room.
func (s *SFU) Join(roomID, peer string, send func(Event)) (*Peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("join: %w", ErrClosed)
	}
	r := s.rooms[roomID]
	if r == nil {
		r = &room{id: roomID, peers: map[string]*Peer{}, empty: make(chan struct{}), called: make(chan struct{}, 1)}
		r.epoch.Store(-1)
		s.rooms[roomID] = r
		s.running.Go(r.run)
	}
	p := newPeer(s, r, peer, send)
	if !r.enter(p) {
		return nil, fmt.Errorf("join: %w", ErrTaken)
	}
	// Asking now, not when the joiner's connection stands, lets the key frame wait in the cache by then.
	for _, u := range r.others(p) {
		u.expect(time.Now())
	}
	s.running.Go(p.run)
	return p, nil
}

// Epoch says that the room's members use new keys from now on, whose id is the number modulo 256. People who come are shown no
// picture of an earlier epoch.
func (s *SFU) Epoch(roomID string, number int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[roomID]; r != nil {
		r.epoch.Store(number)
	}
}

func (s *SFU) leave(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.room.exit(p) {
		delete(s.rooms, p.room.id)
		close(p.room.empty)
	}
}

// room is who is there and what they publish.
type room struct {
	id    string
	epoch atomic.Int64 // of the keys; negative: not known
	mu    sync.Mutex
	peers map[string]*Peer
	ups   []*up

	empty    chan struct{}            // closed when the last peer has left
	called   chan struct{}            // somebody who is not sent on speaks
	speaking atomic.Pointer[[]string] // who speaks, in order; nil at first
}

func (r *room) enter(p *Peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.peers[p.id] != nil {
		return false
	}
	r.peers[p.id] = p
	return true
}

// exit reports whether the room is empty now.
func (r *room) exit(p *Peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.peers[p.id] == p {
		delete(r.peers, p.id)
	}
	return len(r.peers) == 0
}

func (r *room) members() []*Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.peers))
}

// others is what p can receive.
func (r *room) others(p *Peer) []*up {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ups []*up
	for _, u := range r.ups {
		if u.peer != p {
			ups = append(ups, u)
		}
	}
	return ups
}

func (r *room) publish(u *up) {
	r.mu.Lock()
	r.ups = append(r.ups, u)
	r.mu.Unlock()
	r.changed(u.peer)
}

func (r *room) withdraw(u *up) {
	r.mu.Lock()
	r.ups = slices.DeleteFunc(r.ups, func(o *up) bool { return o == u })
	r.mu.Unlock()
	r.changed(u.peer)
}

// changed wakes everybody but the one whose tracks have changed.
func (r *room) changed(by *Peer) {
	for _, p := range r.members() {
		if p != by {
			signal(p.dirty)
		}
	}
}

// Stats are totals since Listen, and what there is now.
type Stats struct {
	Rooms, Peers int
	PacketsIn    uint64 // RTP from publishers, without duplicates
	PacketsOut   uint64 // RTP to subscribers, repeats included
	PacketsLost  uint64 // from publishers, given up
	NACKsIn      uint64 // packets that subscribers asked for again
	NACKsOut     uint64 // packets that publishers were asked for again
	PLIsIn       uint64 // pictures that subscribers asked for
	PLIsOut      uint64 // pictures that publishers were asked for
	Plaintext    uint64 // frames dropped because they were not end-to-end encrypted
	Refused      uint64 // calls, descriptions and candidates of clients beyond the limits
}

type counters struct {
	in, out, lost, nacksIn, nacksOut, plisIn, plisOut, plain, refused atomic.Uint64
}

// Stats reads the counters; cheap enough for every scrape.
func (s *SFU) Stats() Stats {
	c := &s.count
	st := Stats{
		PacketsIn: c.in.Load(), PacketsOut: c.out.Load(), PacketsLost: c.lost.Load(),
		NACKsIn: c.nacksIn.Load(), NACKsOut: c.nacksOut.Load(),
		PLIsIn: c.plisIn.Load(), PLIsOut: c.plisOut.Load(), Plaintext: c.plain.Load(), Refused: c.refused.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Rooms = len(s.rooms)
	for _, r := range s.rooms {
		st.Peers += len(r.members())
	}
	return st
}

// signal wakes the receiver of a channel of capacity one; a second signal before it woke adds nothing.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
