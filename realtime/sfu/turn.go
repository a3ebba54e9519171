package sfu

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Relay is what a TURN server (RFC 8656) needs. It serves networks that let nothing through but what looks like the web, and it
// relays to our media port only.
type Relay struct {
	Addr    string      // host:port for UDP and TCP; empty: neither
	TLSAddr string      // host:port for TLS; empty: none
	TLS     *tls.Config // for TLSAddr
	Host    string      // name or address that clients find Addr under
	TLSHost string      // name that the certificate is for
	Secret  []byte      // signs credentials; 16 bytes or more, known to nobody else
}

// RelayServer is one entry of RTCConfiguration.iceServers.
type RelayServer struct {
	URLs                 []string
	Username, Credential string
}

// Server is what user needs to be relayed: for life, an hour at most, the credentials begin relaying; what has begun goes on for half
// a day. user goes into them unreadably; 12 allocations at a time are one user's. Addr and TLSAddr must name ports.
func (c Relay) Server(user string, life time.Duration) RelayServer {
	s := RelayServer{}
	if c.Addr != "" {
		at := net.JoinHostPort(c.Host, portOf(c.Addr))
		s.URLs = append(s.URLs, "turn:"+at+"?transport=udp", "turn:"+at+"?transport=tcp")
	}
	if c.TLSAddr != "" {
		s.URLs = append(s.URLs, "turns:"+net.JoinHostPort(c.TLSHost, portOf(c.TLSAddr))+"?transport=tcp")
	}
	s.Username, s.Credential = c.credentials(user, time.Now().Add(min(life, maxCredential)))
	return s
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// RelayServers is Relay.Server for the relay beside this media port, nothing where there is none.
func (s *SFU) RelayServers(user string, life time.Duration) []RelayServer {
	if s.relay == nil {
		return nil
	}
	return []RelayServer{s.relay.conf.Server(user, life)}
}

const relayRealm = "konsil"

var errRelay = errors.New("not relayed")

// relay is the TURN server beside a media port.
type relay struct {
	conf   Relay // with the ports there are
	mux    *offeredMux
	server *turn.Server
	gates  []*turnstile
	closer sync.Once

	mu   sync.Mutex
	held map[string]int // allocations, by user
	all  int
}

func newRelay(c Relay, m *offeredMux, quiet logging.LoggerFactory) (*relay, error) {
	if len(c.Secret) < 16 {
		return nil, errors.New("relay: the secret is too short")
	}
	r := &relay{conf: c, mux: m, held: map[string]int{}}
	conf := turn.ServerConfig{
		Realm: relayRealm, LoggerFactory: quiet,
		AuthHandler: r.authenticate, QuotaHandler: r.mayAllocate,
		EventHandler: turn.EventHandler{OnAllocationCreated: r.allocated, OnAllocationDeleted: r.released},
		// Browsers name no family. What they are relayed to is IPv4 wherever we have it.
		StrictAddressFamily: r.has(netip.Addr.Is4),
	}
	err := r.listen(&conf)
	if err == nil {
		r.server, err = turn.NewServer(conf)
	}
	if err != nil {
		for _, p := range conf.PacketConnConfigs {
			err = errors.Join(err, p.PacketConn.Close())
		}
		for _, l := range conf.ListenerConfigs {
			err = errors.Join(err, l.Listener.Close())
		}
		return nil, fmt.Errorf("relay: %w", err)
	}
	return r, nil
}

// listen opens what is asked for and notes which ports these are.
func (r *relay) listen(conf *turn.ServerConfig) error {
	if r.conf.Addr != "" {
		packets, stream, err := listenBoth(r.conf.Addr)
		if err != nil {
			return err
		}
		conf.PacketConnConfigs = append(conf.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: packets, RelayAddressGenerator: r, PermissionHandler: r.permits,
		})
		r.accept(conf, stream, nil)
		r.conf.Addr = stream.Addr().String()
	}
	if r.conf.TLSAddr != "" {
		stream, err := net.Listen("tcp", r.conf.TLSAddr)
		if err != nil {
			return fmt.Errorf("over TLS: %w", err)
		}
		r.accept(conf, stream, r.conf.TLS)
		r.conf.TLSAddr = stream.Addr().String()
	}
	return nil
}

func (r *relay) accept(conf *turn.ServerConfig, stream net.Listener, secured *tls.Config) {
	gate := newTurnstile(stream, relayIdle)
	r.gates = append(r.gates, gate)
	stream = gate
	if secured != nil {
		stream = tls.NewListener(gate, secured)
	}
	conf.ListenerConfigs = append(conf.ListenerConfigs, turn.ListenerConfig{
		Listener: stream, RelayAddressGenerator: r, PermissionHandler: r.permits,
	})
}

// close ends all allocations. Closing twice is fine.
func (r *relay) close() (err error) {
	if r != nil {
		r.closer.Do(func() { err = r.server.Close() })
	}
	return err
}

// credentials are those of draft-uberti-behave-turn-rest §2.2 but for the hash and that the user is not readable: names of TURN
// travel in the clear.
func (c Relay) credentials(user string, until time.Time) (name, credential string) {
	name = strconv.FormatInt(until.Unix(), 10) + ":" + c.sign("user", user)[:16]
	return name, c.sign("credential", name)
}

func (c Relay) sign(purpose, what string) string {
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(purpose + "\x00" + what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate is asked for each request. Credentials that have ended begin nothing new, but let go on what has begun.
func (r *relay) authenticate(a *turn.RequestAttributes) (user string, key []byte, ok bool) {
	stamp, user, ok := strings.Cut(a.Username, ":")
	until, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil || a.Realm != relayRealm {
		return "", nil, false
	}
	ends := time.Unix(until, 0)
	if a.Method != stun.MethodAllocate {
		ends = ends.Add(relayLife)
	}
	if now := time.Now(); now.After(ends) || now.Add(maxCredential+time.Minute).Before(time.Unix(until, 0)) {
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(a.Username, a.Realm, r.conf.sign("credential", a.Username)), true
}

func (r *relay) mayAllocate(user, _ string, _ net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all < maxRelayed && r.held[user] < maxRelayedEach
}

// allocated counts, and lets the connection that the allocation was made over stay.
func (r *relay) allocated(from, _ net.Addr, _, user, _ string, _ net.Addr, _ int) {
	r.mu.Lock()
	r.all++
	r.held[user]++
	r.mu.Unlock()
	if _, ok := from.(*net.TCPAddr); !ok {
		return
	}
	for _, g := range r.gates {
		g.prove(from)
	}
}

func (r *relay) released(_, _ net.Addr, _, user, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all--
	if r.held[user]--; r.held[user] == 0 {
		delete(r.held, user)
	}
}

// targets is where may be relayed to: the addresses of our own media port. Loopback is only one of them where we offer nothing else.
func (r *relay) targets() []netip.Addr { return outer(r.mux.addrs()) }

func (r *relay) has(family func(netip.Addr) bool) bool {
	return slices.ContainsFunc(r.targets(), family)
}

// permits knows addresses only; the ports are relayed.resolve's.
func (r *relay) permits(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	return ok && slices.Contains(r.targets(), ip.Unmap())
}

// Validate is part of turn.RelayAddressGenerator.
func (r *relay) Validate() error { return nil }

// AllocateListener refuses what RFC 6062 asks for: media goes over UDP behind us.
func (r *relay) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errRelay
}

// AllocateConn refuses like AllocateListener.
func (r *relay) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errRelay }

// AllocatePacketConn opens the socket of one allocation. Nobody outside needs to reach it: what clients are told as its address is
// ours, what it is bound to is near the media port.
func (r *relay) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	six := strings.HasSuffix(c.Network, "6")
	if c.RequestedPort != 0 || !r.has(func(ip netip.Addr) bool { return ip.Is6() == six }) {
		return nil, nil, errRelay
	}
	var bind net.IP
	if !r.mux.local.IP.IsUnspecified() {
		bind = r.mux.local.IP
	}
	conn, err := net.ListenUDP(c.Network, &net.UDPAddr{IP: bind})
	if err != nil {
		return nil, nil, fmt.Errorf("allocation: %w", err)
	}
	said := &net.UDPAddr{Port: conn.LocalAddr().(*net.UDPAddr).Port}
	for _, ip := range r.targets() {
		if ip.Is6() == six {
			said.IP = ip.AsSlice()
			break
		}
	}
	return &relayed{UDPConn: conn, relay: r, ways: map[netip.AddrPort]netip.AddrPort{}}, said, nil
}

// relayed is the socket of one allocation: it sends to our media port and hears from nobody else.
type relayed struct {
	*net.UDPConn
	relay *relay

	mu   sync.Mutex
	ways map[netip.AddrPort]netip.AddrPort // what the client calls the media port → where that is
}

// WriteTo drops what is for anybody else, without a word: the client has no business there.
func (c *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errRelay
	}
	way, ok := c.resolve(udp.AddrPort())
	if !ok {
		return len(b), nil
	}
	return c.WriteToUDPAddrPort(b, way)
}

func (c *relayed) resolve(peer netip.AddrPort) (netip.AddrPort, bool) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	c.mu.Lock()
	defer c.mu.Unlock()
	if way, ok := c.ways[peer]; ok {
		return way, true
	}
	if int(peer.Port()) != c.relay.mux.local.Port || !slices.Contains(c.relay.targets(), peer.Addr()) {
		return netip.AddrPort{}, false
	}
	way := netip.AddrPortFrom(c.relay.mux.near(peer.Addr()), peer.Port())
	c.ways[peer] = way
	return way, true
}

// ReadFrom calls the media port what the client does, and skips what comes from elsewhere.
func (c *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, nil, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if peer, ok := c.called(from); ok {
			return n, net.UDPAddrFromAddrPort(peer), nil
		}
	}
}

func (c *relayed) called(way netip.AddrPort) (netip.AddrPort, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for peer, w := range c.ways {
		if w == way {
			return peer, true
		}
	}
	return netip.AddrPort{}, false
}
