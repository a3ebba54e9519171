package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/konsil-server/konsil/realtime/sfu"
)

// plainForwarder is a media server as pion's examples suggest to write one: its
// default interceptors, its TrackLocalStaticRTP for every publisher's track,
// AES-CM, each packet sent by itself. Ours is compared with it.
type plainForwarder struct {
	api *webrtc.API

	mu     sync.Mutex
	people []*plainPeer
}

type plainPeer struct {
	house *plainForwarder
	say   func(string, any) error
	pub   *webrtc.PeerConnection
	sub   *webrtc.PeerConnection

	mu      sync.Mutex // one negotiation at a time
	gen     int
	waiting bool // for an answer
	stale   bool // something came meanwhile
	tracks  []*plainTrack
	carries map[*plainTrack]*webrtc.RTPSender
}

type plainTrack struct {
	*webrtc.TrackLocalStaticRTP
	ask func() // for a key frame
}

// runPlain is that server, as a child.
func runPlain(_ []string, out io.Writer) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	_ = conn.SetReadBuffer(4 << 20)
	_ = conn.SetWriteBuffer(4 << 20)
	api, err := defaultAPI(conn, func(set *webrtc.SettingEngine) {
		set.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	})
	if err != nil {
		return err
	}
	return serveRoom(&plainForwarder{api: api}, out)
}

// defaultAPI is pion with nothing but its defaults on one socket.
func defaultAPI(conn net.PacketConn, adjust func(*webrtc.SettingEngine)) (*webrtc.API, error) {
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, err
	}
	var set webrtc.SettingEngine
	set.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	set.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: set.LoggerFactory.NewLogger("mux")}))
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	adjust(&set)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(set)), nil
}

func (f *plainForwarder) enter(_ string, say func(string, any) error) (attendance, error) {
	p := &plainPeer{house: f, say: say, carries: map[*plainTrack]*webrtc.RTPSender{}}
	var err error
	if p.pub, err = p.connection("pub"); err != nil {
		return nil, err
	}
	if p.sub, err = p.connection("sub"); err != nil {
		return nil, errors.Join(err, p.pub.Close())
	}
	p.pub.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.publish(t) })
	f.mu.Lock()
	f.people = append(f.people, p)
	f.mu.Unlock()
	p.refresh()
	return p, nil
}

func (p *plainPeer) connection(name string) (*webrtc.PeerConnection, error) {
	pc, err := p.house.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		if init, err := json.Marshal(c.ToJSON()); err == nil {
			_ = p.say("ice", iceCandidate{name, init})
		}
	})
	return pc, nil
}

// publish copies a track to everybody until it ends.
func (p *plainPeer) publish(from *webrtc.TrackRemote) {
	local, err := webrtc.NewTrackLocalStaticRTP(from.Codec().RTPCodecCapability, from.ID(), from.StreamID())
	if err != nil {
		return
	}
	t := &plainTrack{local, func() {
		_ = p.pub.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(from.SSRC())}})
	}}
	p.mu.Lock()
	p.tracks = append(p.tracks, t)
	p.mu.Unlock()
	for _, o := range p.house.others(p) {
		o.refresh()
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := from.Read(buf)
		if err != nil {
			return
		}
		_, _ = local.Write(buf[:n]) // whoever is gone is taken out
	}
}

func (f *plainForwarder) others(p *plainPeer) []*plainPeer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.people), func(o *plainPeer) bool { return o == p })
}

func (p *plainPeer) published() []*plainTrack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tracks)
}

// refresh offers what the others publish, if that is more than before.
func (p *plainPeer) refresh() {
	var all []*plainTrack
	for _, o := range p.house.others(p) {
		all = append(all, o.published()...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		p.stale = true
		return
	}
	added := false
	for _, t := range all {
		if p.carries[t] == nil {
			added = p.carry(t) || added
		}
	}
	if !added {
		return
	}
	offer, err := p.sub.CreateOffer(nil)
	if err != nil || p.sub.SetLocalDescription(offer) != nil {
		return
	}
	p.gen++
	p.waiting = true
	_ = p.say("sub.offer", description{Gen: p.gen, SDP: offer.SDP})
}

func (p *plainPeer) carry(t *plainTrack) bool {
	sender, err := p.sub.AddTrack(t)
	if err != nil {
		return false
	}
	p.carries[t] = sender
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, k := range packets {
				if _, ok := k.(*rtcp.PictureLossIndication); ok {
					t.ask()
				}
			}
		}
	}()
	return true
}

func (p *plainPeer) Offer(gen int, sdp string, _ []sfu.Track) {
	if p.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}) != nil {
		return
	}
	answer, err := p.pub.CreateAnswer(nil)
	if err != nil || p.pub.SetLocalDescription(answer) != nil {
		return
	}
	_ = p.say("pub.answer", description{Gen: gen, SDP: answer.SDP})
}

// Answer also asks for pictures, which a new subscriber cannot begin without.
func (p *plainPeer) Answer(_ int, sdp string) {
	p.mu.Lock()
	_ = p.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp})
	p.waiting = false
	again := p.stale
	p.stale = false
	p.mu.Unlock()
	p.sub.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			p.askAll()
		}
	})
	if p.sub.ConnectionState() == webrtc.PeerConnectionStateConnected {
		p.askAll()
	}
	if again {
		p.refresh()
	}
}

func (p *plainPeer) askAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.carries {
		if t.Kind() == webrtc.RTPCodecTypeVideo {
			t.ask()
		}
	}
}

func (p *plainPeer) Candidate(pc string, init json.RawMessage) {
	var c webrtc.ICECandidateInit
	if json.Unmarshal(init, &c) != nil {
		return
	}
	to := p.sub
	if pc == "pub" {
		to = p.pub
	}
	_ = to.AddICECandidate(c)
}

// Close leaves the others' empty lines in their descriptions.
func (p *plainPeer) Close() {
	p.house.mu.Lock()
	p.house.people = slices.DeleteFunc(p.house.people, func(o *plainPeer) bool { return o == p })
	p.house.mu.Unlock()
	_ = p.pub.Close()
	_ = p.sub.Close()
}
