package sfu

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// protocolOf is what a connection has chosen: "udp" or "tcp".
func protocolOf(t *testing.T, pc *webrtc.PeerConnection) string {
	t.Helper()
	pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		t.Fatalf("no candidate pair: %v", err)
	}
	return pair.Remote.Protocol.String()
}

func TestWhoeverHasNoUDPIsSeenAndHeardOverTCP(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.tcp = true
	anna.publish("mic", "camera")
	ben.publish("camera")
	ben.sees("anna", "camera", 50)
	ben.sees("anna", "mic", 20)
	anna.sees("ben", "camera", 50)
	anna.mu.Lock()
	defer anna.mu.Unlock()
	for name, pc := range map[string]*webrtc.PeerConnection{"pub": anna.pub, "sub": anna.sub} {
		if got := protocolOf(t, pc); got != "tcp" {
			t.Errorf("%s goes over %s", name, got)
		}
	}
}

func TestWhoeverHasUDPUsesIt(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 30)
	ben.mu.Lock()
	defer ben.mu.Unlock()
	if got := protocolOf(t, ben.sub); got != "udp" {
		t.Errorf("goes over %s", got)
	}
}

func TestAReceiverThatNoLongerReadsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben, stuck := join(t, s, "r", "anna"), join(t, s, "r", "ben"), join(t, s, "r", "stuck")
	stuck.tcp = true
	anna.publish("camera")
	stuck.sees("anna", "camera", 10)
	stall(s)
	ben.sees("anna", "camera", 600) // five seconds: much more than the sockets of the one who is stuck can take
}

// stall fills the buffers towards every client on TCP, as one does who reads no more.
func stall(s *SFU) {
	gate := s.tcp.gate
	gate.mu.Lock()
	defer gate.mu.Unlock()
	for c := range gate.conns {
		_ = c.Conn.(*net.TCPConn).SetWriteBuffer(1)
		go io.Copy(c.Conn, zeros{}) // blocks for good, and every later write with it
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func dial(t *testing.T, s *SFU) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ended waits until the server has closed c.
func ended(t *testing.T, c net.Conn, within time.Duration) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	if _, err := io.ReadAll(c); err != nil && timedOut(err) {
		t.Error("the server keeps the connection")
	}
}

func TestConnectionsThatShowNothingAreCutOff(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	silent, trickling, stranger, rubbish := dial(t, s), dial(t, s), dial(t, s), dial(t, s)
	rubbish.Write([]byte("GET / HTTP/1.1\r\n\r\n" + string(make([]byte, 20<<10))))
	go func() { // a byte now and then is no sign of life
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			if _, err := trickling.Write([]byte{0}); err != nil {
				return
			}
		}
	}()
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("nobody:here"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	stranger.Write(append([]byte{byte(len(check.Raw) >> 8), byte(len(check.Raw))}, check.Raw...))
	for _, c := range []net.Conn{rubbish, silent, trickling, stranger} {
		ended(t, c, 3*provenWithin)
	}
	eventually(t, "none is counted any more", func() bool {
		s.tcp.gate.mu.Lock()
		defer s.tcp.gate.mu.Unlock()
		return len(s.tcp.gate.conns) == 0 && len(s.tcp.gate.each) == 0
	})
}

func TestOneAddressGetsSoManyConnectionsAndNoMore(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	for range maxTCPEach {
		dial(t, s)
	}
	eventually(t, "all are counted", func() bool {
		s.tcp.gate.mu.Lock()
		defer s.tcp.gate.mu.Unlock()
		return len(s.tcp.gate.conns) == maxTCPEach
	})
	began := time.Now()
	ended(t, dial(t, s), provenWithin)
	if time.Since(began) >= provenWithin {
		t.Error("one too many was not refused, only timed out")
	}
}
