package sfu

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rtpBytes is a packet of a stream, big enough for a number to be found again.
func rtpBytes(ssrc uint32, number, size int) []byte {
	b := make([]byte, size)
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint32(b[8:], ssrc)
	binary.BigEndian.PutUint32(b[12:], uint32(number))
	return b
}

// receivers are sockets, and the addresses they are reached at.
func receivers(t *testing.T, n int) (conns []*net.UDPConn, addrs []netip.AddrPort) {
	t.Helper()
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetReadBuffer(socketBuffer)
		conns, addrs = append(conns, c), append(addrs, c.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	return conns, addrs
}

// sizes of the packets that each receiver is sent: what can be one message, and what cannot.
var lengths = []int{1116, 1116, 1116, 700, 1116, 1300, 1300, 20, 20, 20, 1500, 1116, 1116}

func TestBatchesArriveWholeAndInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		listen  string
		prepare func(*testing.T, *mediaSocket)
	}{
		"IPv4":                   {"127.0.0.1:0", func(*testing.T, *mediaSocket) {}},
		"both families":          {":0", func(*testing.T, *mediaSocket) {}},
		"no segments":            {"127.0.0.1:0", func(_ *testing.T, s *mediaSocket) { s.many.segment.Store(false) }},
		"segments are refused":   {"127.0.0.1:0", refuseSegments},
		"refused, both families": {":0", refuseSegments},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := listenMedia(c.listen)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			s := newMediaSocket(conn, false)
			if s.many == nil {
				t.Fatal("this system does not send in bulk")
			}
			c.prepare(t, s)
			sendBursts(t, s)
		})
	}
}

// refuseSegments makes the kernel answer EINVAL, as a card that cannot compute checksums makes it answer EIO.
func refuseSegments(t *testing.T, s *mediaSocket) {
	t.Helper()
	err := s.many.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sendBursts(t *testing.T, s *mediaSocket) {
	const people, rounds = 20, 12
	conns, addrs := receivers(t, people)
	b := &batch{socket: s}
	for round := range rounds {
		for k, size := range lengths {
			for i, to := range addrs {
				put(b, rtpBytes(uint32(100+i), round*len(lengths)+k, size), to)
			}
		}
		b.flush()
		for i, c := range conns {
			readBurst(t, c, uint32(100+i), round*len(lengths))
		}
	}
	if b.load != nil {
		t.Error("something still waits")
	}
}

func put(b *batch, p []byte, to netip.AddrPort) {
	room := b.space(len(p) + 9)
	b.add(room[:copy(room, p)], to)
}

func readBurst(t *testing.T, c *net.UDPConn, ssrc uint32, first int) {
	t.Helper()
	buf := make([]byte, 2000)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for k, size := range lengths {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("packet %d: %v", first+k, err)
		}
		got, number := binary.BigEndian.Uint32(buf[8:]), int(binary.BigEndian.Uint32(buf[12:]))
		if n != size || got != ssrc || number != first+k {
			t.Fatalf("%d bytes of %d of stream %d, want %d of %d of %d", n, number, got, size, first+k, ssrc)
		}
	}
}

func TestRefusedSegmentsAreGivenUpAfterAWhile(t *testing.T) {
	t.Parallel()
	conn, err := listenMedia("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := newMediaSocket(conn, false)
	if !s.many.segment.Load() {
		t.Skip("SKIPPED: this kernel has no segments to refuse")
	}
	refuseSegments(t, s)
	sendBursts(t, s)
	if s.many.segment.Load() {
		t.Errorf("still tried after %d refusals", s.many.refusals.Load())
	}
}
