package sfu

import (
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// publisher is the connection the client offers. It belongs to the peer's goroutine.
type publisher struct {
	link
	gen         int
	offered     bool // gen is that of an offer
	fingerprint string
	ups         map[string]*up         // what is published, by mid
	declared    map[string]declared    // what the client says it sends, by mid
	arrived     map[encoding]*incoming // media that has come in
}

// encoding names one stream of a publisher connection.
type encoding struct{ mid, rid string }

// incoming is a stream whose first packet has come in, and what it is published as, if at all.
type incoming struct {
	track    *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
	layer    atomic.Pointer[layer]
}

func (p *Peer) acceptOffer(gen int, sdp string, tracks []Track) {
	if p.pub.offered && gen <= p.pub.gen {
		return // answered already, or overtaken
	}
	answer, err := p.answerOffer(sdp, tracks)
	if err != nil {
		p.refuse("offer", err)
		return
	}
	p.pub.gen, p.pub.offered = gen, true
	p.emit(Event{PubAnswer: &Description{Gen: gen, SDP: answer}})
}

func (p *Peer) answerOffer(sdp string, tracks []Track) (string, error) {
	v, err := vet(sdp, maxMedia)
	if err == nil {
		err = v.fits(tracks)
	}
	if err != nil {
		return "", err
	}
	if p.pub.pc != nil && p.pub.fingerprint != v.fingerprint {
		p.resetPublisher()
	}
	if p.pub.pc == nil {
		if err := p.openPublisher(v.fingerprint); err != nil {
			return "", err
		}
	}
	answer, err := p.negotiateOffer(v)
	if err != nil {
		if p.pub.pc.SignalingState() != webrtc.SignalingStateStable || p.pub.pc.CurrentRemoteDescription() == nil {
			p.resetPublisher() // half applied: of no use to anybody
		}
		return "", err
	}
	p.publish(v, tracks)
	return answer, nil
}

func (p *Peer) negotiateOffer(v *vetted) (string, error) {
	pc := p.pub.pc
	if pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: v.sdp}) != nil {
		return "", errNegotiate
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil || pc.SetLocalDescription(answer) != nil {
		return "", errNegotiate
	}
	p.pub.described(p, v)
	return answer.SDP, nil
}

func (p *Peer) openPublisher(fingerprint string) error {
	err := p.open(&p.pub.link, "pub", nil, func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			p.resetPublisher() // the client notices by itself and offers again
		}
	})
	if err != nil {
		return err
	}
	pc := p.pub.pc
	p.pub.fingerprint = fingerprint
	p.pub.ups, p.pub.arrived = map[string]*up{}, map[encoding]*incoming{}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		p.event(func() {
			if p.pub.pc == pc {
				p.arrive(&incoming{track: t, receiver: r})
			}
		})
	})
	return nil
}

func (p *Peer) resetPublisher() {
	for mid, u := range p.pub.ups {
		delete(p.pub.ups, mid)
		p.unpublish(u)
	}
	p.discard(&p.pub.link)
	p.pub.offered, p.pub.arrived, p.pub.declared = false, nil, nil
}

// declared is a track the client says it sends.
type declared struct {
	source string
	rids   []string
}

// publish makes the room see exactly the tracks declared. It does so before their first packet, so that the others negotiate while
// this connection is still being made.
func (p *Peer) publish(v *vetted, tracks []Track) {
	p.pub.declared = map[string]declared{}
	for _, t := range tracks {
		if m := v.media[t.MID]; m.sends {
			p.pub.declared[t.MID] = declared{t.Source, m.rids}
		}
		if !p.allowed(t.Source) {
			p.emit(Event{Refused: &Refused{MID: t.MID, Source: t.Source, Reason: "share"}})
		}
	}
	p.publishDeclared()
	for e := range p.pub.arrived {
		if !v.media[e.mid].sends {
			delete(p.pub.arrived, e)
		}
	}
}

// publishDeclared makes what the room sees what is declared and allowed.
func (p *Peer) publishDeclared() {
	for mid, u := range p.pub.ups {
		d := p.pub.declared[mid]
		if u.halted.Load() || d.source != u.source || !slices.Equal(u.rids(), d.rids) || !p.allowed(u.source) {
			delete(p.pub.ups, mid)
			p.unpublish(u)
		}
	}
	for mid, d := range p.pub.declared {
		if p.pub.ups[mid] == nil && p.allowed(d.source) && !p.publishTrack(mid, newUp(p, d.source, d.rids)) {
			return
		}
	}
}

// publishTrack shows u to the room; false if the peer is closed.
func (p *Peer) publishTrack(mid string, u *up) bool {
	if !p.own(u) {
		return false
	}
	p.pub.ups[mid] = u
	for _, l := range u.layers {
		if a, ok := p.pub.arrived[encoding{mid, l.rid}]; ok {
			p.startLayer(l, a)
		}
	}
	p.room.publish(u)
	return true
}

// own makes Close responsible for u; false means that Close has been there already.
func (p *Peer) own(u *up) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	u.silenced.Store(p.silenced[u.source])
	p.ups = append(p.ups, u)
	return true
}

func (p *Peer) unpublish(u *up) {
	p.mu.Lock()
	p.ups = slices.DeleteFunc(p.ups, func(o *up) bool { return o == u })
	p.mu.Unlock()
	u.stop()
	p.room.withdraw(u)
}

// arrive connects media with what was declared for its m-line. Media nobody declared is kept for a later offer, and goes nowhere.
func (p *Peer) arrive(a *incoming) {
	for _, t := range p.pub.pc.GetTransceivers() {
		if t.Receiver() != a.receiver {
			continue
		}
		e := encoding{t.Mid(), a.track.RID()}
		if p.pub.arrived[e] == nil && len(p.pub.arrived) >= maxTracks*len(rungs) {
			p.refuse("track", errTooMany)
			return
		}
		p.pub.arrived[e] = a
		p.work.Go(a.readRTCP)
		if u := p.pub.ups[e.mid]; u != nil {
			p.startLayer(u.layer(e.rid), a)
		}
	}
}

// startLayer connects a stream with the layer it is; nil if that was not declared.
func (p *Peer) startLayer(l *layer, a *incoming) {
	if l == nil {
		return
	}
	pc := p.pub.pc
	a.layer.Store(l)
	p.pub.lane.divert(uint32(a.track.SSRC()), l)
	l.start(stream{
		packets: a.track,
		ssrc:    uint32(a.track.SSRC()),
		level:   extensionID(a.receiver.GetParameters().HeaderExtensions, levelURI),
		codec:   func() codec { return codecOf(a.track.Codec().MimeType) },
		feedback: func(pkts ...rtcp.Packet) {
			_ = pc.WriteRTCP(pkts) // as lossy as the way there
		},
	})
}

func extensionID(all []webrtc.RTPHeaderExtensionParameter, uri string) uint8 {
	for _, e := range all {
		if e.URI == uri {
			return uint8(e.ID)
		}
	}
	return 0
}

// layers are all that the client publishes.
func (p *Peer) layers() iter.Seq[*layer] {
	return func(yield func(*layer) bool) {
		for _, u := range p.pub.ups {
			for _, l := range u.layers {
				if !yield(l) {
					return
				}
			}
		}
	}
}

// askKeyFrames passes on what the receivers of our tracks have asked for, all of them at once and not too often (RFC 4585 §6.3.1).
func (p *Peer) askKeyFrames(now time.Time) {
	if !p.pub.connected {
		return
	}
	var asks []rtcp.Packet
	for l := range p.layers() {
		if ssrc, due := l.keyFrameDue(now); due {
			asks = append(asks, &rtcp.PictureLossIndication{SenderSSRC: p.ssrc, MediaSSRC: ssrc})
		}
	}
	if len(asks) > 0 {
		p.sfu.count.plisOut.Add(uint64(len(asks)))
		_ = p.pub.pc.WriteRTCP(asks) // a lost one is asked for again
	}
}

// reportReception tells the publisher how its tracks arrive (RFC 3550 §6.4.2).
func (p *Peer) reportReception(now time.Time) {
	if !p.pub.connected {
		return
	}
	report := &rtcp.ReceiverReport{SSRC: p.ssrc}
	for l := range p.layers() {
		if r, ok := l.reception(now); ok {
			report.Reports = append(report.Reports, r)
		}
	}
	if len(report.Reports) > 0 {
		_ = p.pub.pc.WriteRTCP([]rtcp.Packet{report})
	}
}
