package sfu

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// client is a participant as a browser would be: a full ICE agent with two connections and pion's own NACK, reports and feedback,
// on sockets that count and can lose what comes in.
type client struct {
	t    testing.TB
	id   string
	peer *Peer

	events chan Event
	quit   chan struct{}
	work   sync.WaitGroup
	pumps  sync.WaitGroup // end with their sockets

	mu      sync.Mutex
	muxes   []*ice.UDPMuxDefault
	wire    *wire // of the subscriber connection
	uplink  *wire
	pub     *webrtc.PeerConnection
	sub     *webrtc.PeerConnection
	gen     int
	sources map[string]*source    // ours
	carries map[string]Track      // by mid of the subscriber connection
	heard   map[string]*reception // by "peer/source"
	live    []bool
	refused []Refused
	inClear string // source that sends frames in clear from the beginning
	answers int
	offers  []Offer
	told    []Event            // what else was said
	seen    map[string][]view  // pictures in sizes, by publisher
	narrow  *narrow            // before the subscriber connection, if not nil
	deaf    bool               // does not answer offers
	loud    int32              // of the microphone, at first
	tcp     bool               // reaches the server over TCP only
	both    bool               // over UDP and TCP
	relayed []webrtc.ICEServer // reaches it through these only
}

// wire is the client's socket.
type wire struct {
	*net.UDPConn
	rtp  atomic.Int64 // RTP packets that came in
	size atomic.Int64 // of the largest
	lose atomic.Int64 // one in n is lost, 0: none
	dead atomic.Bool  // lets nothing through, in either direction

	narrow *narrow // nil: as wide as loopback

	out, loseOut atomic.Int64
}

func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := w.receive(b)
		if err == nil && w.dead.Load() {
			continue
		}
		if err != nil || n < 12 || b[0]>>6 != 2 || b[1]&0x7f >= 64 && b[1]&0x7f < 96 {
			return n, addr, err // not RTP (RFC 7983, RFC 5761)
		}
		count := w.rtp.Add(1)
		w.size.Store(max(w.size.Load(), int64(n)))
		if lose := w.lose.Load(); lose == 0 || count%lose != 0 {
			return n, addr, err
		}
	}
}

func (w *wire) receive(b []byte) (int, net.Addr, error) {
	if w.narrow != nil {
		return w.narrow.receive(b)
	}
	return w.UDPConn.ReadFrom(b)
}

// WriteTo loses what lose says of the RTP that goes out.
func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	if w.dead.Load() {
		return len(b), nil
	}
	if lose := w.loseOut.Load(); lose > 0 && len(b) > 1000 && w.out.Add(1)%lose == 0 {
		return len(b), nil
	}
	return w.UDPConn.WriteTo(b, to)
}

// reception is what a client got of one track.
type reception struct {
	packets, frames int
	firstKey        bool // the first packet began a key frame
	at              time.Time
	counters        map[uint32]int // payload counter → times delivered
	first, last     uint32
	reports         int
	foreign         int // payloads of somebody else
	next            uint16
	breaks          int // in the numbers of packets
}

func newSFU(t testing.TB) *SFU {
	t.Helper()
	s, err := Listen(Config{Addr: "127.0.0.1:0", Guard: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func join(t testing.TB, s *SFU, room, id string) *client {
	t.Helper()
	c := &client{
		t: t, id: id, events: make(chan Event, 1024), quit: make(chan struct{}),
		sources: map[string]*source{}, carries: map[string]Track{}, heard: map[string]*reception{}, seen: map[string][]view{},
	}
	peer, err := s.Join(room, id, func(e Event) { c.events <- e })
	if err != nil {
		t.Fatal(err)
	}
	c.peer = peer
	peer.Allow("screen", true)
	c.work.Go(c.run)
	t.Cleanup(c.leave)
	return c
}

// newAPI opens a socket of its own for one connection, as browsers do: two connections between the same two ports could not be
// told apart.
func (c *client) newAPI(name string) (*webrtc.API, *wire) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		c.t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	w := &wire{UDPConn: conn}
	if name == "sub" && c.narrow != nil {
		w.narrow = c.narrow
		c.pumps.Go(func() { c.narrow.pump(conn) })
	}
	quiet := silence()
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: w, Logger: quiet.NewLogger("")})
	c.muxes = append(c.muxes, mux)
	var set webrtc.SettingEngine
	set.LoggerFactory = quiet
	set.SetICEUDPMux(mux)
	if c.tcp {
		set.SetICEUDPMux(nil)
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	if c.both {
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	}
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	// As Chromium does: what costs most stands first.
	set.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM)
	if err := set.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil { // so do all browsers
		c.t.Fatal(err)
	}
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		c.t.Fatal(err)
	}
	if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: levelURI}, webrtc.RTPCodecTypeAudio); err != nil {
		c.t.Fatal(err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(set), webrtc.WithInterceptorRegistry(c.interceptors(media, name))), w
}

// interceptors are what a client needs to be heard and repaired. Only one behind a narrow place reports arrivals: a machine that is
// busy with other tests would seem narrow, too.
func (c *client) interceptors(media *webrtc.MediaEngine, name string) *interceptor.Registry {
	r := &interceptor.Registry{}
	for _, err := range []error{
		webrtc.ConfigureNack(media, r), webrtc.ConfigureRTCPReports(r), webrtc.ConfigureSimulcastExtensionHeaders(media),
	} {
		c.check(err)
	}
	if name == "pub" || c.narrow != nil {
		c.check(webrtc.ConfigureTWCCSender(media, r))
	}
	return r
}

func (c *client) leave() {
	select {
	case <-c.quit:
		return
	default:
	}
	c.peer.Close()
	close(c.quit)
	c.mu.Lock()
	pub, sub := c.pub, c.sub
	c.mu.Unlock()
	for _, pc := range []*webrtc.PeerConnection{pub, sub} {
		if pc != nil {
			_ = pc.GracefulClose()
		}
	}
	c.work.Wait()
	for _, m := range c.muxes {
		_ = m.Close()
	}
	c.pumps.Wait()
}

func (c *client) run() {
	for {
		select {
		case <-c.quit:
			return
		case e := <-c.events:
			c.mu.Lock()
			c.take(e)
			c.mu.Unlock()
		}
	}
}

func (c *client) take(e Event) {
	switch {
	case e.PubAnswer != nil:
		c.answers++
		c.check(c.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: e.PubAnswer.SDP}))
	case e.SubOffer != nil:
		c.offers = append(c.offers, *e.SubOffer)
		if !c.deaf {
			c.answer(e.SubOffer)
		}
	case e.Candidate != nil:
		var init webrtc.ICECandidateInit
		c.check(json.Unmarshal(e.Candidate.Init, &init))
		pc := c.sub
		if e.Candidate.PC == "pub" {
			pc = c.pub
		}
		if pc != nil && pc.RemoteDescription() != nil {
			c.check(pc.AddICECandidate(init))
		}
	case e.Refused != nil:
		c.refused = append(c.refused, *e.Refused)
	case e.Live != nil:
		c.live = append(c.live, *e.Live)
	default:
		c.told = append(c.told, e)
	}
}

func (c *client) check(err error) {
	select {
	case <-c.quit:
	default:
		if err != nil {
			c.t.Errorf("%s: %v", c.id, err)
		}
	}
}

func (c *client) answer(o *Offer) {
	if c.sub == nil {
		c.sub = c.connection("sub")
		c.sub.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
			mid := ""
			for _, tr := range c.sub.GetTransceivers() {
				if tr.Receiver() == r {
					mid = tr.Mid()
				}
			}
			c.work.Go(func() { c.listenTo(mid, t) })
			c.work.Go(func() { c.countReports(mid, r) })
		})
	}
	c.carries = map[string]Track{}
	for _, t := range o.Tracks {
		c.carries[t.MID] = t
	}
	c.check(c.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}))
	answer, err := c.sub.CreateAnswer(nil)
	c.check(err)
	c.check(c.sub.SetLocalDescription(answer))
	c.peer.Answer(o.Gen, answer.SDP)
}

func (c *client) connection(name string) *webrtc.PeerConnection {
	api, w := c.newAPI(name)
	if name == "sub" {
		c.wire = w
	} else {
		c.uplink = w
	}
	var conf webrtc.Configuration
	if c.relayed != nil {
		conf = webrtc.Configuration{ICEServers: c.relayed, ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	}
	pc, err := api.NewPeerConnection(conf)
	if err != nil {
		c.t.Fatal(err)
	}
	pc.OnICECandidate(func(cand *webrtc.ICECandidate) {
		if cand != nil {
			raw, _ := json.Marshal(cand.ToJSON())
			c.peer.Candidate(name, raw)
		}
	})
	return pc
}

func (c *client) listenTo(mid string, t *webrtc.TrackRemote) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		c.mu.Lock()
		carried := c.carries[mid]
		if v, ok := viewOf(p); ok {
			c.seen[carried.Peer] = append(c.seen[carried.Peer], v)
		} else {
			c.heardOf(carried.Peer+"/"+carried.Source).take(p, carried)
		}
		c.mu.Unlock()
	}
}

func (c *client) countReports(mid string, r *webrtc.RTPReceiver) {
	for {
		packets, _, err := r.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.SenderReport); ok {
				c.mu.Lock()
				carried := c.carries[mid]
				c.heardOf(carried.Peer+"/"+carried.Source).reports++
				c.mu.Unlock()
			}
		}
	}
}

func (c *client) heardOf(key string) *reception {
	if c.heard[key] == nil {
		c.heard[key] = &reception{counters: map[uint32]int{}}
	}
	return c.heard[key]
}

func (r *reception) take(p *rtp.Packet, from Track) {
	mark := []byte(from.Peer + "/" + from.Source)
	at := 0
	if from.Source != "mic" {
		at = 5
		if r.packets == 0 {
			r.firstKey, r.at = startsVP8Key(p.Payload), time.Now()
		}
	}
	if len(p.Payload) < at+4+len(mark) || string(p.Payload[at+4:at+4+len(mark)]) != string(mark) {
		r.foreign++
		return
	}
	if r.packets++; r.packets > 1 && p.SequenceNumber != r.next {
		r.breaks++
	}
	r.next = p.SequenceNumber + 1
	if p.Marker {
		r.frames++
	}
	r.last = binary.BigEndian.Uint32(p.Payload[at:])
	if r.packets == 1 {
		r.first = r.last
	}
	r.counters[r.last]++
}

// refusals are what c was told of its tracks.
func (c *client) refusals() []Refused {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refused)
}

// got is a copy of what c has received of a track.
func (c *client) got(peer, src string) reception {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := *c.heardOf(peer + "/" + src)
	r.counters = maps.Clone(r.counters)
	return r
}

// source is one published track.
type source struct {
	c        *client
	name     string
	track    *webrtc.TrackLocalStaticRTP
	tr       *webrtc.RTPTransceiver
	sender   *webrtc.RTPSender
	mute     atomic.Bool
	wantKey  atomic.Bool
	stubborn atomic.Bool // makes no key frame when asked
	plain    atomic.Bool // frames end as if they were not encrypted
	key      atomic.Uint32
	counter  atomic.Uint32
	loud     atomic.Int32 // level of RFC 6464
}

// publish adds tracks and offers them.
func (c *client) publish(names ...string) {
	c.t.Helper()
	c.mayOffer()
	c.mu.Lock()
	if c.pub == nil {
		c.pub = c.connection("pub")
	}
	for _, name := range names {
		c.addSource(name)
	}
	c.mu.Unlock()
	c.offer()
}

// mayOffer waits until the offer before is answered.
func (c *client) mayOffer() {
	c.t.Helper()
	eventually(c.t, "the last offer is answered", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.pub == nil || c.pub.SignalingState() == webrtc.SignalingStateStable
	})
}

func (c *client) addSource(name string) {
	mime := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if name == "mic" {
		mime = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	track, err := webrtc.NewTrackLocalStaticRTP(mime, name, c.id)
	if err != nil {
		c.t.Fatal(err)
	}
	tr, err := c.pub.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		c.t.Fatal(err)
	}
	s := &source{c: c, name: name, track: track, tr: tr, sender: tr.Sender()}
	s.wantKey.Store(true)
	s.plain.Store(name == c.inClear)
	s.loud.Store(c.loud)
	c.sources[name] = s
	c.work.Go(s.produce)
	c.work.Go(s.obey)
}

func (c *client) offer() { c.offerWith(nil) }

// restartPub offers with new ICE credentials.
func (c *client) restartPub() { c.offerWith(&webrtc.OfferOptions{ICERestart: true}) }

func (c *client) offerWith(options *webrtc.OfferOptions) {
	c.mu.Lock()
	defer c.mu.Unlock()
	offer, err := c.pub.CreateOffer(options)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pub.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	var tracks []Track
	for name, s := range c.sources {
		tracks = append(tracks, Track{MID: s.tr.Mid(), Source: name})
	}
	c.gen++
	c.peer.Offer(c.gen, offer.SDP, tracks)
}

func (s *source) obey() {
	for {
		packets, _, err := s.tr.Sender().ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.wantKey.Store(true)
			}
		}
	}
}

// produce sends what a camera or a microphone would: 30 pictures of 4 packets, or 50 packets of sound, a second.
func (s *source) produce() {
	every := 33 * time.Millisecond
	if s.name == "mic" {
		every = 20 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	begin := time.Now()
	var sn uint16 = 65500 // wraps soon
	for {
		select {
		case <-s.c.quit:
			return
		case <-tick.C:
		}
		if s.mute.Load() {
			continue
		}
		if s.name == "mic" {
			s.send(&sn, uint32(time.Since(begin).Seconds()*48000), true, nil)
			continue
		}
		s.picture(&sn, uint32(time.Since(begin).Seconds()*90000))
	}
}

func (s *source) picture(sn *uint16, ts uint32) {
	key := s.wantKey.Swap(false) && !s.stubborn.Load()
	for i := range 4 {
		head := []byte{0x80, 0x80, 0x80, 0x01, 0x01}
		if i == 0 {
			head[0] |= 0x10
			if key {
				head[4] = 0
			}
		}
		s.send(sn, ts, i == 3, head)
	}
}

func (s *source) send(sn *uint16, ts uint32, marker bool, head []byte) {
	*sn++
	size := 100
	if s.name != "mic" {
		size = 1100
	}
	body := binary.BigEndian.AppendUint32(head, s.counter.Add(1))
	body = append(body, s.c.id+"/"+s.name...)
	body = append(body, make([]byte, size-trailerBytes-len(body))...)
	body = append(body, s.trailer(marker)...)
	p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: marker, SequenceNumber: *sn, Timestamp: ts}, Payload: body}
	if s.name == "mic" {
		if id := extensionID(s.sender.GetParameters().HeaderExtensions, levelURI); id != 0 {
			_ = p.SetExtension(id, []byte{byte(s.loud.Load())})
		}
	}
	_ = s.track.WriteRTP(p)
}

// trailer is the end of a packet: that of an encrypted frame if it is the frame's last.
func (s *source) trailer(last bool) []byte {
	t := make([]byte, trailerBytes)
	if last && !s.plain.Load() {
		copy(t[trailerBytes-trailerKey:], []byte{byte(s.key.Load()), 0, 'k', 'n'})
	}
	return t
}

// eventually waits for what must come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// sees waits until c gets n more packets of a track.
func (c *client) sees(peer, src string, n int) {
	c.t.Helper()
	before := c.got(peer, src).packets
	eventually(c.t, fmt.Sprintf("%s gets %s of %s", c.id, src, peer), func() bool { return c.got(peer, src).packets >= before+n })
}

// dries waits until nothing more of a track is on its way to c, and returns how many packets there were.
func (c *client) dries(peer, src string) int {
	c.t.Helper()
	at, since := c.got(peer, src).packets, time.Now()
	eventually(c.t, fmt.Sprintf("%s of %s no longer comes to %s", src, peer, c.id), func() bool {
		if now := c.got(peer, src).packets; now != at {
			at, since = now, time.Now()
		}
		return time.Since(since) > 200*time.Millisecond
	})
	return at
}
