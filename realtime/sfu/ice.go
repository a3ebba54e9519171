package sfu

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// listenMedia opens the one UDP socket all media passes through. A kernel that grants smaller buffers than asked for is not an
// error: the server works, it only has less room for bursts.
func listenMedia(addr string) (*net.UDPConn, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", addr, err)
	}
	conn, err := net.ListenUDP("udp", udp)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", addr, err)
	}
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}

// listenBoth opens the port for UDP and TCP. Where any port will do, one is looked for that both are free at.
func listenBoth(addr string) (*net.UDPConn, net.Listener, error) {
	for try := 1; ; try++ {
		conn, err := listenMedia(addr)
		if err != nil {
			return nil, nil, err
		}
		stream, err := listenTCP(conn.LocalAddr().(*net.UDPAddr))
		if err == nil {
			return conn, stream, nil
		}
		_ = conn.Close()
		if try == portTries || !strings.HasSuffix(addr, ":0") {
			return nil, nil, err
		}
	}
}

// offeredMux is pion's mux with our choice of the addresses that become candidates.
type offeredMux struct {
	*ice.UDPMuxDefault
	local  *net.UDPAddr
	public []netip.Addr
}

func newMux(conn *mediaSocket, public []netip.Addr, quiet logging.LoggerFactory) *offeredMux {
	return &offeredMux{
		UDPMuxDefault: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: answering{conn}, Logger: quiet.NewLogger("mux")}),
		local:         conn.LocalAddr().(*net.UDPAddr),
		public:        public,
	}
}

// addrs is what clients are told to send to: the public addresses behind NAT, else the address listened on, else that of every
// interface.
func (m *offeredMux) addrs() []netip.Addr {
	return offered(m.local.AddrPort().Addr(), m.public)
}

func offered(local netip.Addr, public []netip.Addr) []netip.Addr {
	switch {
	case len(public) > 0:
		return public
	case local.IsUnspecified():
		return interfaceAddrs()
	}
	return []netip.Addr{local.Unmap()}
}

// Offered lists what clients will be told to send media to, as far as it leads here from another machine; loopback only where there is
// nothing else.
func (c Config) Offered() ([]netip.AddrPort, error) {
	at, err := net.ResolveUDPAddr("udp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", c.Addr, err)
	}
	local := at.AddrPort().Addr()
	if !local.IsValid() {
		local = netip.IPv6Unspecified()
	}
	var all []netip.AddrPort
	for _, ip := range outer(offered(local, c.PublicIPs)) {
		all = append(all, netip.AddrPortFrom(ip, uint16(at.Port)))
	}
	return all, nil
}

// outer leaves loopback out where there is anything else.
func outer(all []netip.Addr) []netip.Addr {
	inner := func(ip netip.Addr) bool { return ip.IsLoopback() }
	if rest := slices.DeleteFunc(slices.Clone(all), inner); len(rest) > 0 {
		return rest
	}
	return all
}

// near is where this machine reaches the mux under an address offered. What a router in front of us translates is not ours to send
// to: the way there and back may not exist.
func (m *offeredMux) near(offered netip.Addr) netip.Addr {
	switch {
	case !m.local.IP.IsUnspecified():
		return m.local.AddrPort().Addr().Unmap()
	case slices.Contains(interfaceAddrs(), offered):
		return offered
	case offered.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// GetListenAddresses is addrs with the port of the mux.
func (m *offeredMux) GetListenAddresses() []net.Addr {
	var offered []net.Addr
	for _, ip := range m.addrs() {
		offered = append(offered, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(m.local.Port))))
	}
	return offered
}

// GetConn gives the same socket for each offered address. pion's mux would refuse an address it does not listen on itself.
func (m *offeredMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	if !m.local.IP.IsUnspecified() {
		addr = m.local
	}
	return m.UDPMuxDefault.GetConn(ufrag, addr)
}

// interfaceAddrs lists the addresses a client could reach, loopback included so that a browser on this machine connects.
// Addresses of containers and link-local ones lead nowhere from outside and only slow connecting down.
func interfaceAddrs() []netip.Addr {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []netip.Addr
	for _, i := range ifaces {
		if i.Flags&net.FlagUp == 0 || inner(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if ip := prefix.Addr().Unmap(); err == nil && !ip.IsLinkLocalUnicast() && sendable(ip) {
				found = append(found, ip)
			}
		}
	}
	return found
}

func inner(name string) bool {
	for _, prefix := range []string{"docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "podman", "lxc"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// sendable says whether media may ever be sent to ip.
func sendable(ip netip.Addr) bool {
	broadcast := ip.Is4() && ip.As4() == [4]byte{255, 255, 255, 255}
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && !broadcast
}

// gate decides which candidates of clients we check. A check is a packet to an address that the client has chosen.
type gate struct {
	global bool // only public addresses: the server is one, too
}

// parse reads an RTCIceCandidateInit and lets it through or not.
func (g gate) parse(raw json.RawMessage) (webrtc.ICECandidateInit, error) {
	var init webrtc.ICECandidateInit
	if len(raw) > maxCandidate {
		return init, errCandidate
	}
	if json.Unmarshal(raw, &init) != nil {
		return init, errCandidate
	}
	return init, g.check(init.Candidate)
}

// check looks at the fields of RFC 8839 §5.1 that say where a candidate leads. It refuses names (mDNS is off), other protocols than
// UDP, unspecified, multicast and broadcast addresses, and internal ones if the server has a public address. A client that is
// refused here still connects: its own checks show where it is.
func (g gate) check(line string) error {
	f := strings.Fields(strings.TrimPrefix(line, "candidate:"))
	if len(f) < 8 || !strings.EqualFold(f[2], "udp") {
		return errCandidate
	}
	ip, err := netip.ParseAddr(f[4])
	if err != nil || !g.open(ip.Unmap()) {
		return errCandidate
	}
	if port, err := strconv.ParseUint(f[5], 10, 16); err != nil || port == 0 {
		return errCandidate
	}
	return nil
}

func (g gate) open(ip netip.Addr) bool {
	internal := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
	return sendable(ip) && !(g.global && internal)
}
