package sfu

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// wayOf looks at the lanes of a peer's two connections: what was decrypted on pub and encrypted on sub.
func (p *Peer) wayOf(t *testing.T) (in, out int) {
	t.Helper()
	done := make(chan struct{})
	p.call(func() {
		defer close(done)
		if l := p.pub.lane; l != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			for ssrc := range l.layers {
				if _, ok := l.in.ROC(ssrc); ok {
					in++
				}
			}
		}
		if l := p.sub.lane; l != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.sending.Lock()
			defer l.sending.Unlock()
			for ssrc := range l.downs {
				if _, ok := l.out.ROC(ssrc); ok {
					out++
				}
			}
		}
	})
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the peer's goroutine is stuck")
	}
	return in, out
}

func TestMediaTakesTheShortWay(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "mic", 20)
	ben.sees("anna", "camera", 20)
	eventually(t, "both streams are decrypted on the lane", func() bool { in, _ := anna.peer.wayOf(t); return in == 2 })
	eventually(t, "both are encrypted on the lane", func() bool { _, out := ben.peer.wayOf(t); return out == 2 })
	anna.restartPub()
	ben.sees("anna", "camera", 50)
	if in, _ := anna.peer.wayOf(t); in != 2 {
		t.Errorf("%d streams on the lane after a restart", in)
	}
}

// openLane is a lane to an address and what the client has at the other end.
func openLane(t *testing.T, s *mediaSocket, to netip.AddrPort, profile srtp.ProtectionProfile) (l *lane, client *srtp.Context) {
	t.Helper()
	keyLen, err := profile.KeyLen()
	if err != nil {
		t.Fatal(err)
	}
	saltLen, err := profile.SaltLen()
	if err != nil {
		t.Fatal(err)
	}
	context := func() *srtp.Context {
		c, err := srtp.CreateContext(make([]byte, keyLen), make([]byte, saltLen), profile)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l = newLane(s, newBandwidth())
	l.in, l.out = context(), context()
	l.to.Store(&to)
	l.listen(to)
	return l, context()
}

func TestTheClientReadsWhatALaneSends(t *testing.T) {
	t.Parallel()
	conn, err := listenMedia("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	conns, addrs := receivers(t, 1)
	_ = conns[0].SetReadDeadline(time.Now().Add(60 * time.Second))
	for _, plain := range []bool{false, true} {
		s := newMediaSocket(conn, plain)
		for _, profile := range []srtp.ProtectionProfile{
			srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80,
		} {
			l, client := openLane(t, s, addrs[0], profile)
			b := &batch{socket: s}
			for i := range 40 { // more than the memory begins with
				h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, SequenceNumber: uint16(65520 + i)}
				if !l.send(b, &h, bytes.Repeat([]byte{byte(i)}, 1000), addrs[0]) {
					t.Fatal("not sent")
				}
			}
			b.flush()
			for i := range 40 {
				got := make([]byte, intakeBytes)
				n, err := conns[0].Read(got)
				if err != nil {
					t.Fatal(err)
				}
				clear, err := client.DecryptRTP(nil, got[:n], nil)
				if err != nil || !bytes.Equal(clear[12:], bytes.Repeat([]byte{byte(i)}, 1000)) {
					t.Fatalf("%v: packet %d: %v", profile, i, err)
				}
			}
			l.close()
			if l.send(b, &rtp.Header{}, nil, addrs[0]) {
				t.Error("a closed lane sends")
			}
			b.flush()
		}
	}
}

func pairOver(protocol webrtc.ICEProtocol, ip string, port uint16) *webrtc.ICECandidatePair {
	return &webrtc.ICECandidatePair{
		Local: &webrtc.ICECandidate{Protocol: protocol}, Remote: &webrtc.ICECandidate{Protocol: protocol, Address: ip, Port: port},
	}
}

func TestALaneGoesWhereTheClientGoes(t *testing.T) {
	t.Parallel()
	first, second := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:2000")
	s := &mediaSocket{}
	l, _ := openLane(t, s, first, srtp.ProtectionProfileAeadAes128Gcm)
	if !l.move(pairOver(webrtc.ICEProtocolUDP, "::ffff:192.0.2.2", 2000)) {
		t.Error("it does not move")
	}
	if s.lanes.of(first) != nil || s.lanes.of(second) != l || *l.to.Load() != second {
		t.Error("it is elsewhere")
	}
	other, _ := openLane(t, s, second, srtp.ProtectionProfileAeadAes128Gcm) // another connection of the same client, before the one before has ended
	l.close()
	if s.lanes.of(second) != other {
		t.Error("who leaves takes another's packets along")
	}
}

func TestNoNumberIsEverEncryptedTwice(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort("192.0.2.1:1000")
	for name, c := range map[string]struct {
		rollovers uint32
		goesOn    bool
	}{"short": {0, true}, "long": {1, false}} {
		l, _ := openLane(t, &mediaSocket{}, at, srtp.ProtectionProfileAeadAes128Gcm)
		l.carry(&down{}, 7, 8)
		l.out.SetROC(8, c.rollovers)
		if got := l.move(pairOver(webrtc.ICEProtocolTCP, "192.0.2.1", 1000)); got != c.goesOn {
			t.Errorf("%s: pion goes on: %v", name, got)
		}
		if pions := l.to.Load() == nil; pions != c.goesOn {
			t.Errorf("%s: pion sends: %v", name, pions)
		}
		if l.socket.lanes.of(at) != nil {
			t.Errorf("%s: still takes packets", name)
		}
		l.move(pairOver(webrtc.ICEProtocolUDP, "192.0.2.1", 1000))
		if pions := l.to.Load() == nil; pions != c.goesOn {
			t.Errorf("%s: back on UDP pion sends: %v", name, pions)
		}
	}
}

func TestWhatALaneCannotReadIsPions(t *testing.T) {
	t.Parallel()
	conn, err := listenMedia("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newMediaSocket(conn, false)
	s.open()
	t.Cleanup(func() { _ = s.Close() })
	client, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	_, theirs := openLane(t, s, client.LocalAddr().(*net.UDPAddr).AddrPort(), srtp.ProtectionProfileAeadAes128Gcm)

	packet := func(number uint16, spoil byte) []byte {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 9, SequenceNumber: number}, Payload: []byte("picture")}
		plain, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := theirs.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		sealed[len(sealed)-1] ^= spoil
		return sealed
	}
	stun := make([]byte, 20)
	stun[1] = 1
	for name, b := range map[string][]byte{
		"STUN": stun, "DTLS": {22, 254, 253, 0}, "short": {0x80}, "forged media": packet(1, 1), "a stream without a layer": packet(2, 0),
		"forged report": {0x80, 201, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0, 0, 1},
	} {
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, intakeBytes)
		n, from, err := s.next(got)
		if err != nil || string(got[:n]) != string(b) || from != client.LocalAddr().(*net.UDPAddr).AddrPort() {
			t.Errorf("%s: %x from %v, %v", name, got[:n], from, err)
		}
	}
}

func TestManyPacketsAtOnceAllComeIn(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", ":0"} {
		conn, err := listenMedia(listen)
		if err != nil {
			t.Fatal(err)
		}
		s := newMediaSocket(conn, false)
		to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(conn.LocalAddr().(*net.UDPAddr).Port)))
		client, err := net.DialUDP("udp4", nil, to)
		if err != nil {
			t.Fatal(err)
		}
		const packets = 250 // many bursts, and fewer than a small buffer of the kernel holds
		for i := range packets {
			if _, err := client.Write([]byte{22, byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		s.open() // all are there
		seen := map[byte]bool{}
		for range packets {
			b := make([]byte, intakeBytes)
			n, from, err := s.next(b)
			if err != nil || n != 2 || from != client.LocalAddr().(*net.UDPAddr).AddrPort() {
				t.Fatalf("%d bytes from %v: %v", n, from, err)
			}
			seen[b[1]] = true
		}
		if len(seen) != packets {
			t.Errorf("%d different packets of %d", len(seen), packets)
		}
		_ = client.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := s.next(nil); err == nil {
			t.Error("a closed socket is read")
		}
	}
}
