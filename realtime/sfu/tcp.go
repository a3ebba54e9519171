package sfu

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// listenTCP opens the TCP side of the media port, for clients whose network lets no UDP through (RFC 6544).
func listenTCP(udp *net.UDPAddr) (net.Listener, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: udp.IP, Port: udp.Port, Zone: udp.Zone})
	if err != nil {
		return nil, fmt.Errorf("media port over TCP: %w", err)
	}
	return l, nil
}

// tcpMux is pion's, with our choice of addresses like offeredMux. What it is sent waits in a buffer and is dropped beyond, so that a
// client on a slow line never holds up the loop of a track.
type tcpMux struct {
	*ice.TCPMuxDefault
	gate *turnstile
}

func newTCPMux(l net.Listener, m *offeredMux, quiet logging.LoggerFactory) *tcpMux {
	gate := newTurnstile(l, mediaIdle)
	return &tcpMux{gate: gate, TCPMuxDefault: ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: &namedListener{Listener: gate, mux: m},
		Logger:   quiet.NewLogger("tcp"), ReadBufferSize: tcpReadQueue, WriteBufferSize: tcpWriteBuffer,
		FirstStunBindTimeout: provenWithin, AliveDurationForConnFromStun: provenWithin,
	})}
}

// LocalAddr names no address: pion would offer that one only.
func (m *tcpMux) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv6unspecified, Port: m.TCPMuxDefault.LocalAddr().(*net.TCPAddr).Port}
}

// namedListener calls the local end of a connection what clients were told, since pion finds what a connection belongs to by that.
type namedListener struct {
	net.Listener
	mux *offeredMux
}

type namedConn struct {
	net.Conn
	local *net.TCPAddr
}

func (l *namedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	for _, ip := range l.mux.public {
		if ip.Is4() == local.Addr().Unmap().Is4() {
			local = netip.AddrPortFrom(ip, local.Port())
			break
		}
	}
	return &namedConn{c, net.TCPAddrFromAddrPort(local)}, nil
}

func (c *namedConn) LocalAddr() net.Addr { return c.local }

// offeredNet shows pion the addresses that we offer as if they were all there are, so that TCP candidates get the same ones as UDP's.
type offeredNet struct {
	*stdnet.Net
	mux *offeredMux
}

func (n offeredNet) Interfaces() ([]*transport.Interface, error) {
	all := transport.NewInterface(net.Interface{Index: 1, Name: "offered", Flags: net.FlagUp})
	for _, ip := range n.mux.addrs() {
		all.AddAddress(&net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(ip.BitLen(), ip.BitLen())})
	}
	return []*transport.Interface{all}, nil
}

// turnstile admits a bounded number of connections, in all and from one address, and ends those that say nothing. Whoever has not
// proved to belong to somebody within provenWithin is cut off, however busily it sends. Close ends all connections; closing
// twice is fine.
type turnstile struct {
	net.Listener
	idle time.Duration

	mu     sync.Mutex
	closed bool
	each   map[netip.Addr]int
	conns  map[*countedConn]bool
}

func newTurnstile(l net.Listener, idle time.Duration) *turnstile {
	return &turnstile{Listener: l, idle: idle, each: map[netip.Addr]int{}, conns: map[*countedConn]bool{}}
}

// Accept waits for the next connection within the limits; the others are closed at once.
func (t *turnstile) Accept() (net.Conn, error) {
	for {
		c, err := t.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil: // out of descriptors: it passes
			time.Sleep(acceptPause)
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(provenWithin))
		counted := &countedConn{Conn: c, at: t, from: c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()}
		if t.enter(counted) {
			return counted, nil
		}
		_ = c.Close()
	}
}

func (t *turnstile) enter(c *countedConn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.conns) >= maxTCP || t.each[c.from] >= maxTCPEach {
		return false
	}
	t.conns[c] = true
	t.each[c.from]++
	return true
}

func (t *turnstile) exit(c *countedConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.conns[c] {
		return
	}
	delete(t.conns, c)
	if t.each[c.from]--; t.each[c.from] == 0 {
		delete(t.each, c.from)
	}
}

// prove lets the connection from an address live as long as it is not idle.
func (t *turnstile) prove(from net.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		if c.RemoteAddr().String() == from.String() {
			c.prove()
		}
	}
}

func (t *turnstile) Close() error {
	t.mu.Lock()
	before := t.closed
	t.closed = true
	conns := slices.Collect(maps.Keys(t.conns))
	t.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	if before {
		return nil
	}
	return t.Listener.Close()
}

// countedConn is a connection that a turnstile counts.
type countedConn struct {
	net.Conn
	at     *turnstile
	from   netip.Addr
	proven atomic.Bool
}

func (c *countedConn) prove() {
	c.proven.Store(true)
	_ = c.Conn.SetReadDeadline(time.Now().Add(c.at.idle))
}

// SetReadDeadline to never is pion's way to say that the first message named a connection of ours.
func (c *countedConn) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.prove()
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// Read ends the connection with the first error, since not everybody who reads does.
func (c *countedConn) Read(b []byte) (int, error) {
	if c.proven.Load() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.at.idle))
	}
	n, err := c.Conn.Read(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

func (c *countedConn) Close() error {
	c.at.exit(c)
	return c.Conn.Close()
}
