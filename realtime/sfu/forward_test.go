package sfu

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// camera is a packetSource that never waits: pictures of nine packets of 1100 bytes, a key frame every 300.
type camera struct {
	left   int
	packet []byte
	header rtp.Header
	sent   int
}

func newCamera(packets int) *camera {
	body := make([]byte, 1100)
	copy(body, []byte{0x90, 0x80, 0x80, 0x01, 0x01})
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1}, Payload: body}
	raw, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return &camera{left: packets, packet: raw, header: p.Header}
}

func (c *camera) SetReadDeadline(time.Time) error { return nil }

func (c *camera) Read(b []byte) (int, interceptor.Attributes, error) {
	if c.left == 0 {
		return 0, nil, io.EOF
	}
	c.left--
	c.header.SequenceNumber++
	c.header.Timestamp = uint32(c.sent / 9 * 3000)
	c.header.Marker = c.sent%9 == 8
	if _, err := c.header.MarshalTo(b); err != nil {
		return 0, nil, err
	}
	n := copy(b[12:], c.packet[12:]) + 12
	if c.sent%300 == 0 {
		b[16] = 0 // key frame
	}
	c.sent++
	return n, nil, nil
}

// fanOut is a track with n receivers, each behind its own AES-128-GCM session on a real socket.
func fanOut(t testing.TB, n int) (*layer, stream) {
	t.Helper()
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	conn, err := listenMedia("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	socket := newMediaSocket(conn, false)
	u := newUp(&Peer{sfu: &SFU{socket: socket}, keys: make(chan struct{}, 1)}, "camera", nil)
	for range n {
		way := newBandwidth()
		d := &down{up: u, way: way, lane: encrypted(t, socket, way, sink.LocalAddr())}
		d.feeder.Store(none)
		o := &output{ssrc: 7, level: 3, way: 4}
		o.types[codecVP8].media = 96
		d.out.Store(o)
		if !u.add(d) {
			t.Fatal("track has stopped")
		}
	}
	return u.layers[0], stream{
		ssrc:     1,
		codec:    func() codec { return codecVP8 },
		feedback: func(...rtcp.Packet) { t.Error("nothing was lost") },
	}
}

// encrypted is the lane of a connection that stands, to an address.
func encrypted(t testing.TB, socket *mediaSocket, way *bandwidth, to net.Addr) *lane {
	t.Helper()
	out, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	l := newLane(socket, way)
	l.out = out
	at := to.(*net.UDPAddr).AddrPort()
	l.to.Store(&at)
	return l
}

func TestForwardingAllocatesNothingPerPacket(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget on purpose; run without -race")
	}
	l, s := fanOut(t, 20)
	const warm, runs = 2 * videoCache, 2000
	cam := newCamera(warm + runs + 1)
	buf := make([]byte, maxPacket)
	b := &batch{socket: l.up.peer.sfu.socket}
	one := func() {
		n, _, err := cam.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		l.begin(b)
		l.handle(&s, buf[:n], time.Now())
		b.flush()
		l.end()
	}
	for range warm {
		one()
	}
	if got := testing.AllocsPerRun(runs, one); got >= 1 {
		t.Errorf("%v allocations per packet to 20 receivers", got)
	}
	if sent := l.up.count.out.Load(); sent != 20*(warm+runs+1) {
		t.Errorf("%d packets sent to 20 receivers", sent)
	}
}

// BenchmarkForward1To20 measures one packet of 1100 bytes from the publisher's stream to 20 sockets: renumbered, encrypted, sent.
func BenchmarkForward1To20(b *testing.B) {
	const receivers = 20
	l, s := fanOut(b, receivers)
	s.packets = newCamera(2 * videoCache)
	l.run(s)
	s.packets = newCamera(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	l.run(s)
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*receivers), "ns/forwarded")
}
