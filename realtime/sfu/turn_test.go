package sfu

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
)

const public = "203.0.113.5" // nobody's, as far as this machine's routes go

// newRelayed is a server behind NAT: what its clients call its address leads nowhere by itself.
func newRelayed(t testing.TB) (*SFU, *x509.CertPool) {
	t.Helper()
	certificate, roots := selfSigned(t)
	s, err := Listen(Config{
		Addr: "127.0.0.1:0", PublicIPs: []netip.Addr{netip.MustParseAddr(public)},
		Relay: &Relay{
			Addr: "127.0.0.1:0", Host: "127.0.0.1", TLSAddr: "127.0.0.1:0", TLSHost: "localhost",
			TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}, Secret: []byte("0123456789abcdef"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, roots
}

func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (s *SFU) publicMedia() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(public), uint16(s.mux.local.Port))
}

func TestMediaIsRelayedToAServerBehindNAT(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	relay := s.RelayServers("anna", time.Minute)[0]
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.relayed = []webrtc.ICEServer{{URLs: relay.URLs[:1], Username: relay.Username, Credential: relay.Credential}}
	ben.relayed = []webrtc.ICEServer{{URLs: relay.URLs[1:2], Username: relay.Username, Credential: relay.Credential}}
	if !strings.Contains(relay.URLs[0], "transport=udp") || !strings.Contains(relay.URLs[1], "transport=tcp") {
		t.Fatalf("addresses %v", relay.URLs)
	}
	anna.publish("camera")
	ben.publish("mic")
	ben.sees("anna", "camera", 50)
	anna.sees("ben", "mic", 20)
}

func TestEachWayToTheRelayLeadsToTheMediaPort(t *testing.T) {
	t.Parallel()
	s, roots := newRelayed(t)
	relay := s.RelayServers("anna", time.Minute)[0]
	if len(relay.URLs) != 3 {
		t.Fatalf("addresses %v", relay.URLs)
	}
	for _, url := range relay.URLs {
		if err := ProbeRelay(t.Context(), url, relay, &tls.Config{RootCAs: roots}, s.publicMedia()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	var err error
	eventually(t, "an answer in time", func() bool {
		err = ProbeRelay(t.Context(), relay.URLs[2], relay, nil, s.publicMedia())
		return !errors.Is(err, ErrSilent)
	})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// allocate gets a relayed address, over UDP or TCP, and the client it belongs to.
func allocate(t *testing.T, s *SFU, overTCP bool, as RelayServer) (*turn.Client, net.PacketConn, error) {
	t.Helper()
	at := s.relay.conf.Addr
	var conn net.PacketConn
	if overTCP {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(c)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { conn.Close() })
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Realm: relayRealm, Username: as.Username, Password: as.Credential,
		LoggerFactory: silence(), RTO: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	relayed, err := client.Allocate()
	if err == nil {
		t.Cleanup(func() { relayed.Close() })
	}
	return client, relayed, err
}

func TestNothingButOurMediaPortIsRelayedTo(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	client, relayed, err := allocate(t, s, false, s.RelayServers("anna", time.Minute)[0])
	if err != nil {
		t.Fatal(err)
	}
	port := s.mux.local.Port
	for _, ip := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "0.0.0.1", "::ffff:127.0.0.1", "::1", "::", "::127.0.0.1", "64:ff9b::7f00:1", // loopback, spelt
		"10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", // private
		"169.254.169.254", "fe80::1", // link-local
		"224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", // many
		"203.0.113.6", "198.51.100.1", "2001:db8::1", // strangers
	} {
		if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: port}); err == nil {
			t.Errorf("%s may be relayed to", ip)
		}
	}

	// Our own address is permitted, since permissions know no ports; its other ports hear nothing all the same.
	database, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	ours := &net.UDPAddr{IP: net.ParseIP(public), Port: database.LocalAddr().(*net.UDPAddr).Port}
	for range 20 {
		if _, err := relayed.WriteTo([]byte("select 1"), ours); err != nil {
			t.Fatalf("the client's side: %v", err)
		}
	}
	if _, err := ask(t.Context(), relayed, net.UDPAddrFromAddrPort(s.publicMedia())); err != nil {
		t.Errorf("the media port does not answer: %v", err) // after it, what was sent before has arrived wherever it went
	}
	_ = database.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, _, err := database.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("another port got %d bytes", n)
	}
}

func TestNobodyButTheMediaPortIsRelayedFrom(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	_, relayed, err := allocate(t, s, false, s.RelayServers("anna", time.Minute)[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), relayed, net.UDPAddrFromAddrPort(s.publicMedia())); err != nil {
		t.Fatal(err)
	}
	stranger, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", relayed.LocalAddr().(*net.UDPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for range 20 {
		stranger.Write([]byte("hello"))
	}
	_ = relayed.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, from, err := relayed.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes from %s", n, from)
	}
}

func TestOnlyFreshCredentialsOfOursAllocate(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	good := s.RelayServers("anna", time.Minute)[0]
	if strings.Contains(good.Username, "anna") {
		t.Error("the user can be read")
	}
	renamed := good
	renamed.Username = strings.Replace(good.Username, ":", ":x", 1)
	longer := good
	longer.Username = fmt.Sprint(time.Now().Add(30*time.Minute).Unix(), ":", "x")
	until := func(c Relay, end time.Duration) RelayServer {
		name, credential := c.credentials("anna", time.Now().Add(end))
		return RelayServer{Username: name, Credential: credential}
	}
	for name, c := range map[string]RelayServer{
		"ended": until(s.relay.conf, -time.Second), "too long": until(s.relay.conf, 48*time.Hour),
		"renamed": renamed, "longer": longer, "empty": {}, "no user": {Username: "1", Credential: "x"},
		"stranger's": until(Relay{Secret: []byte("another secret of 26 bytes")}, time.Minute),
	} {
		if _, _, err := allocate(t, s, false, c); err == nil {
			t.Errorf("%s: allocated", name)
		}
	}
	if _, _, err := allocate(t, s, true, good); err != nil {
		t.Errorf("good ones: %v", err)
	}
	if most := s.RelayServers("anna", 24*time.Hour)[0].Username; most > fmt.Sprint(time.Now().Add(maxCredential+time.Second).Unix(), ";") {
		t.Errorf("a day was asked for, and given: %s", most)
	}
}

func TestWhatBeganWithGoodCredentialsOutlivesThem(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	name, credential := s.relay.conf.credentials("anna", time.Now().Add(1500*time.Millisecond))
	_, relayed, err := allocate(t, s, false, RelayServer{Username: name, Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond) // seconds are what names count in
	if _, err := ask(t.Context(), relayed, net.UDPAddrFromAddrPort(s.publicMedia())); err != nil {
		t.Errorf("a permission asked for later: %v", err)
	}
}

func TestOneUserGetsTwelveAllocations(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	anna := s.RelayServers("anna", time.Minute)[0]
	var first net.PacketConn
	for i := range maxRelayedEach {
		_, relayed, err := allocate(t, s, i%2 == 1, anna)
		if err != nil {
			t.Fatalf("allocation %d: %v", i+1, err)
		}
		if i == 0 {
			first = relayed
		}
	}
	if _, _, err := allocate(t, s, false, anna); err == nil {
		t.Error("a thirteenth")
	}
	if _, _, err := allocate(t, s, false, s.RelayServers("ben", time.Minute)[0]); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	first.Close()
	eventually(t, "one that has ended makes room", func() bool {
		_, _, err := allocate(t, s, false, anna)
		return err == nil
	})
}

func TestTCPAllocationsAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := newRelayed(t)
	at := s.relay.conf.Addr
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	as := s.RelayServers("anna", time.Minute)[0]
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: turn.NewSTUNConn(conn), Realm: relayRealm, Username: as.Username,
		Password: as.Credential, LoggerFactory: silence(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AllocateTCP(); err == nil {
		t.Error("allocated")
	}
}

func TestTheMediaPortAnswersWhoeverLooksForIt(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	addr := s.Addr().String()
	if seen, err := ProbeUDP(t.Context(), addr); err != nil || !seen.Addr().IsLoopback() || seen.Port() == 0 {
		t.Errorf("over UDP: %v, %v", seen, err)
	}
	if err := ProbeTCP(t.Context(), addr); err != nil {
		t.Errorf("over TCP: %v", err)
	}

	small, err := net.Dial("udp", addr) // a request shorter than its answer would make us amplify
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	for _, b := range [][]byte{
		append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
		append([]byte{0, 1, 0, 44, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 56)...), // no fingerprint
		append([]byte{0, 1, 0, 200, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
	} {
		small.Write(b)
	}
	_ = small.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := small.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes in answer", n)
	}
}

func TestProbesSayWhatTheyFound(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	addr := s.Addr().String()
	_ = s.Close()
	if _, err := ProbeUDP(t.Context(), addr); !errors.Is(err, ErrSilent) {
		t.Errorf("over UDP: %v", err)
	}
	if err := ProbeTCP(t.Context(), addr); !errors.Is(err, ErrSilent) {
		t.Errorf("over TCP: %v", err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	go func() {
		if c, err := web.Accept(); err == nil {
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	if err := ProbeTCP(context.Background(), web.Addr().String()); !errors.Is(err, ErrOther) {
		t.Errorf("a web server: %v", err)
	}
}
