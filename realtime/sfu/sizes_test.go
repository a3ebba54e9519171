package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// sizes is a camera in three layers of 48, 256 and 704 kbit/s, as a browser sends it.
type sizes struct {
	c      *client
	own    *source
	tracks [3]*webrtc.TrackLocalStaticRTP
	tr     *webrtc.RTPTransceiver
	active [3]atomic.Bool
	keys   [3]atomic.Bool // a key frame was asked for
	asked  [3]atomic.Int64
}

// view is a packet of such a camera as it arrives.
type view struct {
	rid     byte
	key     bool
	marker  bool
	number  uint16
	ts      uint32
	picture uint16
	source  uint32 // number of the picture at the publisher, over all layers
	at      time.Time
}

const sizesMark = 0x5e

// publishSizes adds such a camera and offers it.
func (c *client) publishSizes() *sizes {
	c.t.Helper()
	s := &sizes{c: c}
	c.mayOffer()
	c.mu.Lock()
	if c.pub == nil {
		c.pub = c.connection("pub")
	}
	var err error
	for i, rid := range rungs {
		vp8 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
		if s.tracks[i], err = webrtc.NewTrackLocalStaticRTP(vp8, "camera", c.id, webrtc.WithRTPStreamID(rid)); err != nil {
			c.t.Fatal(err)
		}
		s.active[i].Store(true)
		s.keys[i].Store(true)
	}
	s.tr, err = c.pub.AddTransceiverFromTrack(s.tracks[0], webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, t := range s.tracks[1:] {
		if err := s.tr.Sender().AddEncoding(t); err != nil {
			c.t.Fatal(err)
		}
	}
	s.own = &source{c: c, name: "camera", tr: s.tr, sender: s.tr.Sender()}
	c.sources["camera"] = s.own
	c.work.Go(s.produce)
	for i := range rungs {
		c.work.Go(func() { s.obey(i) })
	}
	c.mu.Unlock()
	c.offer()
	return s
}

func (s *sizes) obey(i int) {
	for {
		packets, _, err := s.tr.Sender().ReadSimulcastRTCP(rungs[i])
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.asked[i].Add(1)
				s.keys[i].Store(true)
			}
		}
	}
}

func (s *sizes) produce() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var numbers [3]uint16
	var pictures [3]uint16
	for i := range numbers {
		numbers[i], pictures[i] = uint16(rand.Uint32()), uint16(rand.Uint32())
	}
	offset := rand.Uint32()
	begin := time.Now()
	for count := uint32(0); ; count++ {
		select {
		case <-s.c.quit:
			return
		case <-tick.C:
		}
		ts := uint32(time.Since(begin).Seconds() * 90000)
		for i := range rungs {
			if s.active[i].Load() {
				pictures[i]++
				s.picture(i, &numbers[i], ts+offset*uint32(i), pictures[i], count)
			}
		}
	}
}

func (s *sizes) picture(i int, number *uint16, ts uint32, picture uint16, count uint32) {
	packets, size := []int{1, 2, 4}[i], []int{300, 800, 1100}[i]
	key := s.keys[i].Swap(false)
	for n := range packets {
		body := make([]byte, size)
		copy(body, []byte{0x80, 0x80, 0x80 | byte(picture>>8), byte(picture), 1, sizesMark, rungs[i][0]})
		binary.BigEndian.PutUint32(body[7:], count)
		if n == 0 {
			body[0] |= 0x10
			if key {
				body[4] = 0
			}
		}
		copy(body[size-trailerBytes:], s.own.trailer(n == packets-1))
		*number++
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: n == packets-1, SequenceNumber: *number, Timestamp: ts}, Payload: body}
		s.label(p, rungs[i])
		_ = s.tracks[i].WriteRTP(p)
	}
}

// label says which layer a packet belongs to, as RFC 8852 has it.
func (s *sizes) label(p *rtp.Packet, rid string) {
	for _, e := range s.tr.Sender().GetParameters().HeaderExtensions {
		switch e.URI {
		case sdp.SDESMidURI:
			_ = p.SetExtension(uint8(e.ID), []byte(s.tr.Mid()))
		case sdp.SDESRTPStreamIDURI:
			_ = p.SetExtension(uint8(e.ID), []byte(rid))
		}
	}
}

func viewOf(p *rtp.Packet) (v view, ok bool) {
	b := p.Payload
	if len(b) < 11 || b[0]&0x80 == 0 || b[5] != sizesMark {
		return v, false
	}
	return view{
		rid: b[6], key: b[0]&0x10 != 0 && b[4] == 0, marker: p.Marker, number: p.SequenceNumber, ts: p.Timestamp,
		picture: binary.BigEndian.Uint16(b[2:]) & 0x7fff, source: binary.BigEndian.Uint32(b[7:]), at: time.Now(),
	}, true
}

// views is a copy of what c has received of somebody's camera in sizes.
func (c *client) views(peer string) []view {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]view(nil), c.seen[peer]...)
}

// gets waits until only layers in rids come of peer's camera.
func (c *client) gets(peer, rids string) {
	c.t.Helper()
	eventually(c.t, c.id+" gets only "+rids+" of "+peer, func() bool {
		all := c.views(peer)
		if len(all) < 10 {
			return false
		}
		for _, v := range all[len(all)-10:] {
			if strings.IndexByte(rids, v.rid) < 0 || time.Since(v.at) > 2*time.Second {
				return false
			}
		}
		return true
	})
}

// says returns what was last said about a picture.
func (c *client) says(peer, src string) (l LayerState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.told {
		if e.Layers != nil && e.Layers.Peer == peer && e.Layers.Source == src {
			l = *e.Layers
		}
	}
	return l
}

// hears returns the last of what was said of another kind.
func hears[T any](c *client, pick func(Event) *T) (last T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.told {
		if v := pick(e); v != nil {
			last = *v
		}
	}
	return last
}

// narrow is a place in the way of a client through which only so much fits: a queue, and a bad radio link behind it.
type narrow struct {
	rate     atomic.Int64 // bit/s, 0: as much as comes
	loseEach atomic.Int64 // one packet in n, 0: none
	queue    chan datagram
	free     time.Time

	audio, audioOut atomic.Int64 // packets of sound that came, and that were let through
	missing         atomic.Int64 // numbers of sound that never came this far
}

type datagram struct {
	b       []byte
	from    net.Addr
	release time.Time
}

func newNarrow() *narrow { return &narrow{queue: make(chan datagram, 4096)} }

// pump takes in what comes, and drops what would wait too long.
func (n *narrow) pump(conn *net.UDPConn) {
	defer close(n.queue)
	b := make([]byte, 2048)
	count, newest := int64(0), -1
	for {
		size, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		sound := size > 12 && b[0]>>6 == 2 && b[1]&0x7f == 111
		if sound {
			n.audio.Add(1)
			at := int(binary.BigEndian.Uint16(b[2:]))
			if newest >= 0 && uint16(at-newest) > 1 && uint16(at-newest) < 1000 {
				n.missing.Add(int64(uint16(at-newest)) - 1)
			}
			newest = at
		}
		count++
		now := time.Now()
		if n.free.Before(now) {
			n.free = now
		}
		lose := n.loseEach.Load()
		if rate := n.rate.Load(); rate > 0 {
			if n.free.Sub(now) > 300*time.Millisecond || lose > 0 && count%lose == 0 {
				continue
			}
			n.free = n.free.Add(time.Duration(float64(size+28) * 8 / float64(rate) * float64(time.Second)))
		}
		if sound {
			n.audioOut.Add(1)
		}
		n.queue <- datagram{append([]byte(nil), b[:size]...), from, n.free}
	}
}

func (n *narrow) receive(b []byte) (int, net.Addr, error) {
	d, ok := <-n.queue
	if !ok {
		return 0, nil, net.ErrClosed
	}
	time.Sleep(time.Until(d.release))
	return copy(b, d.b), d.from, nil
}
