package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"
)

// attendee is a participant as a browser is one: a live socket and two
// connections, each with a socket of its own.
type attendee struct {
	hall    *hall
	name    string
	number  int // as a publisher; -1: only watches
	socket  *textSocket
	sources []*source
	alone   bool         // nobody to see when coming
	awaits  map[int]bool // publishers whose picture is measured
	dialled time.Duration
	done    chan error // gets why the socket has ended
	left    bool

	// The reader of the socket.
	pub, sub *webrtc.PeerConnection
	early    map[string][]webrtc.ICECandidateInit // per connection, before its description

	mu    sync.Mutex
	ready time.Duration // when media could come in, or go out if nothing comes
	sinks []*sink
}

// arrive opens the socket and lets the rest happen.
func (h *hall) arrive(ctx context.Context, name string, publisher int, awaits map[int]bool) (*attendee, error) {
	a := &attendee{
		hall: h, name: name, number: publisher, alone: len(awaits) == 0, awaits: awaits, dialled: h.now(),
		done: make(chan error, 1), early: map[string][]webrtc.ICECandidateInit{},
	}
	ws, err := h.door.dial(ctx, len(h.people))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	a.socket = &textSocket{Conn: ws}
	h.people = append(h.people, a)
	if err := a.socket.say("hello", map[string]any{"e2ee": true, "name": name}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() { a.done <- a.read() }()
	return a, nil
}

func (a *attendee) read() error {
	for {
		f, err := a.socket.next()
		if err != nil {
			return err
		}
		if err := a.take(f); err != nil {
			return fmt.Errorf("%s: %s: %w", a.name, f.Type, err)
		}
	}
}

func (a *attendee) take(f frame) error {
	switch f.Type {
	case "welcome":
		return a.publish()
	case "lobby.list": // only those who may decide get it
		return a.socket.say("lobby.admit", map[string]any{"ids": []string{}})
	case "lobby.denied", "ended", "error":
		return errors.New(string(f.Data))
	case "epoch":
		return a.changeKey(f.Data)
	case "pub.answer":
		return a.answered(f.Data)
	case "sub.offer":
		return a.subscribe(f.Data)
	case "ice":
		return a.candidate(f.Data)
	}
	return nil
}

// changeKey ends frames from now on as if they were encrypted with the key of a
// new epoch, which everybody has at once here.
func (a *attendee) changeKey(body json.RawMessage) error {
	var e struct{ N int64 }
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	a.hall.epoch.Store(e.N)
	return nil
}

// publish offers microphone and camera, if this one has any.
func (a *attendee) publish() error {
	if a.number < 0 {
		return nil
	}
	var err error
	if a.pub, err = a.connection("pub"); err != nil {
		return err
	}
	for _, sound := range []bool{true, false} {
		if err := a.addSource(sound); err != nil {
			return err
		}
	}
	offer, err := a.pub.CreateOffer(nil)
	if err == nil {
		err = a.pub.SetLocalDescription(offer)
	}
	if err != nil {
		return err
	}
	d := description{Gen: 1, SDP: offer.SDP}
	for i, t := range a.pub.GetTransceivers() {
		d.Tracks = append(d.Tracks, trackName{MID: t.Mid(), Source: a.sources[i].name()})
	}
	return a.socket.say("pub.offer", d)
}

func (a *attendee) addSource(sound bool) error {
	s, err := newSource(a.hall, a.number, sound, a.name)
	if err != nil {
		return err
	}
	tr, err := a.pub.AddTransceiverFromTrack(s.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.sources = append(a.sources, s)
	a.mu.Unlock()
	go s.produce()
	go s.obey(tr.Sender())
	return nil
}

func (a *attendee) answered(body json.RawMessage) error {
	var d description
	if err := json.Unmarshal(body, &d); err != nil {
		return err
	}
	if err := a.pub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: d.SDP}); err != nil {
		return err
	}
	return a.described("pub", a.pub)
}

// described adds the candidates that came before the description they belong to.
func (a *attendee) described(name string, pc *webrtc.PeerConnection) error {
	for _, c := range a.early[name] {
		if err := pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	delete(a.early, name)
	return nil
}

func (a *attendee) subscribe(body json.RawMessage) (err error) {
	var d description
	if err := json.Unmarshal(body, &d); err != nil {
		return err
	}
	if a.sub == nil {
		if a.sub, err = a.connection("sub"); err != nil {
			return err
		}
		a.sub.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { a.receive(t) })
	}
	if err := a.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: d.SDP}); err != nil {
		return err
	}
	if err := a.described("sub", a.sub); err != nil {
		return err
	}
	answer, err := a.sub.CreateAnswer(nil)
	if err == nil {
		err = a.sub.SetLocalDescription(answer)
	}
	if err != nil {
		return err
	}
	return a.socket.say("sub.answer", description{Gen: d.Gen, SDP: answer.SDP})
}

func (a *attendee) receive(t *webrtc.TrackRemote) {
	s := &sink{hall: a.hall, of: a, sound: t.Kind() == webrtc.RTPCodecTypeAudio, from: -1}
	a.mu.Lock()
	a.sinks = append(a.sinks, s)
	a.mu.Unlock()
	s.listen(t)
}

func (a *attendee) candidate(body json.RawMessage) error {
	var c iceCandidate
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	var init webrtc.ICECandidateInit
	if err := json.Unmarshal(c.Init, &init); err != nil {
		return err
	}
	pc := a.sub
	if c.PC == "pub" {
		pc = a.pub
	}
	if pc == nil || pc.RemoteDescription() == nil {
		a.early[c.PC] = append(a.early[c.PC], init)
		return nil
	}
	return pc.AddICECandidate(init)
}

// connection makes one that negotiates as browsers do: as DTLS client when it
// answers, and with what costs most first.
func (a *attendee) connection(name string) (*webrtc.PeerConnection, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(4 << 20) // as far as the kernel allows
	api, err := defaultAPI(conn, func(set *webrtc.SettingEngine) {
		set.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM)
		_ = set.SetAnsweringDTLSRole(webrtc.DTLSRoleClient) // refuses only what is no role
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		if init, err := json.Marshal(c.ToJSON()); err == nil {
			_ = a.socket.say("ice", iceCandidate{name, init}) // the reader notices a dead socket
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected && (name == "sub" || a.alone) {
			a.isConnected()
		}
		if s == webrtc.PeerConnectionStateClosed {
			_ = conn.Close()
		}
	})
	return pc, nil
}

func (a *attendee) isConnected() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ready == 0 {
		a.ready = a.hall.now()
		a.hall.ready.add(a.ready - a.dialled)
	}
}

// sawPicture books the first whole key frame of a publisher.
func (a *attendee) sawPicture(from int, at time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.awaits[from] {
		a.awaits[from] = false
		a.hall.pictures.add(at - a.dialled)
	}
}

// settled says whether media flows and all awaited pictures are there.
func (a *attendee) settled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, missing := range a.awaits {
		if missing {
			return false
		}
	}
	return a.ready > 0
}

func (a *attendee) received() []*sink {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sinks)
}

// leave ends the socket and both connections.
func (a *attendee) leave() {
	if a.left {
		return
	}
	a.left = true
	_ = a.socket.Close()
	err := <-a.done
	a.done <- err
	for _, pc := range []*webrtc.PeerConnection{a.pub, a.sub} {
		if pc != nil {
			_ = pc.Close() // of no interest to anybody any more
		}
	}
}
