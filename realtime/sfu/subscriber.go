package sfu

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

// subscriber is the connection we offer. It belongs to the peer's goroutine.
type subscriber struct {
	link
	gen         int
	offeredAt   time.Time
	openedAt    time.Time // when the connection was made
	outstanding bool      // an offer waits for its answer
	stale       bool      // something has changed since that offer
	restart     bool      // the next offer restarts ICE
	restartedAt time.Time
	slots       []*slot
	way         *bandwidth // what the connection carries
}

// slot is one m-line. It is used again for another track of its kind once the client has agreed that it is empty.
type slot struct {
	tr      *webrtc.RTPTransceiver
	sender  *webrtc.RTPSender
	down    *down // nil: empty
	settled bool  // the client knows that it is empty
}

// wait is how long the next offer must wait: changes within 20 ms go into one offer, and a client that starts again and again does
// not make us build connections as fast as it can ask.
func (s *subscriber) wait(now time.Time) time.Duration {
	earliest := s.offeredAt.Add(coalesce)
	if again := s.openedAt.Add(rebuildEvery); s.pc == nil && again.After(earliest) {
		earliest = again
	}
	if again := s.restartedAt.Add(rebuildEvery); s.restart && again.After(earliest) {
		earliest = again
	}
	return max(0, earliest.Sub(now))
}

func (s *subscriber) overdue(now time.Time) bool {
	return s.outstanding && now.Sub(s.offeredAt) > answerWait
}

// refresh offers the client what the others publish now, if that is something else than before.
func (p *Peer) refresh(now time.Time) {
	if p.sub.outstanding {
		p.sub.stale = true
		return
	}
	p.sub.stale = false
	changed, err := p.reconcile()
	if err == nil && (changed || p.sub.restart) {
		err = p.offer(now)
	}
	if err != nil {
		p.log.Warn("subscriber connection", "err", err)
		p.resetSubscriber()
		p.sub.offeredAt, p.sub.outstanding = now, true // tries again when the answer would be overdue
	}
}

// reconcile fills and empties slots until they hold what the others publish.
func (p *Peer) reconcile() (changed bool, err error) {
	wanted := p.room.others(p)
	for _, s := range p.sub.slots {
		if s.down == nil {
			continue
		}
		if i := slices.Index(wanted, s.down.up); i >= 0 && !s.down.stale {
			wanted = slices.Delete(wanted, i, i+1)
			continue
		}
		changed = true
		if err := p.vacate(s); err != nil {
			return changed, err
		}
	}
	for _, u := range wanted {
		changed = true
		if err := p.subscribe(u); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func (p *Peer) vacate(s *slot) error {
	d := s.down
	s.down, s.settled = nil, false
	p.mu.Lock()
	p.downs = slices.DeleteFunc(p.downs, func(o *down) bool { return o == d })
	p.mu.Unlock()
	d.up.remove(d)
	if err := p.sub.pc.RemoveTrack(s.sender); err != nil {
		return fmt.Errorf("remove track: %w", err)
	}
	return nil
}

func (p *Peer) subscribe(u *up) error {
	if p.sub.pc == nil {
		if err := p.openSubscriber(); err != nil {
			return err
		}
	}
	d := newDown(p, u)
	d.madeAt = time.Now()
	s, err := p.fill(d)
	if err != nil {
		return fmt.Errorf("add track: %w", err)
	}
	s.down = d
	p.adapt(time.Now())
	return nil
}

// fill finds an empty slot for d or makes one.
func (p *Peer) fill(d *down) (*slot, error) {
	free := func(s *slot) bool { return s.down == nil && s.settled && s.tr.Kind() == d.Kind() }
	if !slices.ContainsFunc(p.sub.slots, free) {
		tr, err := p.sub.pc.AddTransceiverFromTrack(d, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, err
		}
		s := &slot{tr: tr, sender: tr.Sender()}
		p.sub.slots = append(p.sub.slots, s)
		return s, nil
	}
	sender, err := p.sub.pc.AddTrack(d) // takes the first free one of the kind
	if err != nil {
		return nil, err
	}
	for _, s := range p.sub.slots {
		if s.tr.Sender() == sender {
			s.sender = sender
			return s, nil
		}
	}
	return nil, fmt.Errorf("sender without slot")
}

// Mend is for a track of somebody else that stands still at the client, although the connection carries others. It asks for a picture that
// needs no other, or, with fresh, offers the track anew in another m-line, at most once in 3 s. What does not come in here either cannot
// be mended here, and nothing is done.
func (p *Peer) Mend(peer, source string, fresh bool) {
	p.call(func() {
		now := time.Now()
		for _, s := range p.sub.slots {
			d := s.down
			if d == nil || d.up.peer.id != peer || d.up.source != source || now.UnixNano()-d.up.heardAt() > int64(quietAfter) {
				continue
			}
			d.wantKeyFrame()
			if fresh && now.Sub(d.madeAt) >= renewEvery {
				d.stale = true
				signal(p.dirty)
			}
		}
	})
}

func (p *Peer) openSubscriber() error {
	p.sub.openedAt, p.sub.way = time.Now(), newBandwidth()
	return p.open(&p.sub.link, "sub", p.sub.way, func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			p.sub.way.reroute()
			p.repaint()
			p.attach()
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			p.resetSubscriber()
			p.refresh(time.Now())
		}
	})
}

// resetSubscriber forgets the connection and its slots. The number of the last offer stays, so that answers to it stay stale.
func (p *Peer) resetSubscriber() {
	for _, s := range p.sub.slots {
		if s.down != nil {
			s.down.up.remove(s.down)
		}
	}
	p.mu.Lock()
	p.downs = nil
	p.mu.Unlock()
	p.sub.slots, p.sub.outstanding, p.sub.stale, p.sub.restart = nil, false, false, false
	p.discard(&p.sub.link)
}

func (p *Peer) offer(now time.Time) error {
	pc := p.sub.pc
	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: p.sub.restart})
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if p.sub.restart {
		p.sub.restart, p.sub.restartedAt = false, now
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("apply offer: %w", err)
	}
	p.sub.gen++
	p.sub.offeredAt, p.sub.outstanding = now, true
	out := &Offer{Gen: p.sub.gen, SDP: offer.SDP}
	for _, s := range p.sub.slots {
		if s.down != nil {
			out.Tracks = append(out.Tracks, Track{MID: s.tr.Mid(), Peer: s.down.up.peer.id, Source: s.down.up.source})
		}
	}
	p.emit(Event{SubOffer: out})
	return nil
}

func (p *Peer) acceptAnswer(gen int, sdp string) {
	if !p.sub.outstanding || gen != p.sub.gen || p.sub.pc == nil {
		return
	}
	v, err := vet(sdp, len(p.sub.slots))
	if err == nil && p.sub.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: v.sdp}) != nil {
		err = errNegotiate
	}
	if err != nil {
		p.refuse("answer", err) // the wait for a better one goes on, then the connection starts again
		return
	}
	p.sub.outstanding = false
	p.sub.described(p, v)
	for _, s := range p.sub.slots {
		s.settled = s.down == nil
	}
	p.attach()
	if p.sub.stale {
		p.refresh(time.Now())
	}
}

// attach lets media flow to the slots that the client has agreed to.
func (p *Peer) attach() {
	if !p.sub.connected {
		return
	}
	for _, s := range p.sub.slots {
		d := s.down
		if d == nil || d.out.Load() == nil {
			continue
		}
		if p.sub.lane.to.Load() == nil && !d.heard { // else the lane brings what the client asks for
			d.heard = true
			p.work.Go(func() { d.readRTCP(s.sender) })
		}
		if p.connect(d) {
			d.up.wake()
		}
	}
}

// repaint asks for pictures that need no other: what was sent while there was no way is lost.
func (p *Peer) repaint() {
	p.mu.Lock()
	downs := slices.Clone(p.downs)
	p.mu.Unlock()
	for _, d := range downs {
		if d.up.kind == webrtc.RTPCodecTypeVideo {
			d.wantKeyFrame()
		}
	}
}

// connect makes Close responsible for d and hands it to its track's loop. False: it is there already, or too late.
func (p *Peer) connect(d *down) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || slices.Contains(p.downs, d) || !d.up.add(d) {
		return false
	}
	p.downs = append(p.downs, d)
	return true
}
