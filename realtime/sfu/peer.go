package sfu

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// Peer is one participant's media. Join makes it, Close ends it. Its methods return at once: they queue work for the peer's own
// goroutine, and when the queue is full the call is refused and counted, since only a flooding client fills it.
type Peer struct {
	sfu  *SFU
	room *room
	id   string
	send func(Event)
	log  *slog.Logger

	calls  chan func()   // from the client
	events chan func()   // from pion
	dirty  chan struct{} // others publish something else now
	keys   chan struct{} // somebody wants a key frame of ours
	heed   chan struct{} // other people speak
	leave  chan struct{} // the leave to share the screen was given or taken
	beat   chan struct{} // the room's clock has ticked
	gone   chan struct{} // closed by Close
	work   sync.WaitGroup

	mu     sync.Mutex // guards what Close takes down
	closed bool
	ups    []*up
	downs  []*down

	leads    atomic.Bool
	silenced map[string]bool // sources, under mu
	mayShare bool            // under mu

	// The rest belongs to the peer's goroutine.
	pub        publisher
	sub        subscriber
	see        adaptation
	ssrc       uint32 // names us in RTCP
	stream     string // names our media in descriptions; random, so that no id goes into them
	live       bool
	reportedAt time.Time
}

func newPeer(s *SFU, r *room, id string, send func(Event)) *Peer {
	return &Peer{
		sfu: s, room: r, id: id, send: send,
		log:    s.log.With("room", r.id, "peer", id),
		calls:  make(chan func(), callBacklog),
		events: make(chan func(), eventBacklog),
		dirty:  make(chan struct{}, 1),
		keys:   make(chan struct{}, 1),
		heed:   make(chan struct{}, 1),
		leave:  make(chan struct{}, 1),
		beat:   make(chan struct{}, 1),
		gone:   make(chan struct{}),
		ssrc:   rand.Uint32(),
		stream: fmt.Sprintf("%016x", rand.Uint64()),
	}
}

// Offer is the client's offer for its publisher connection. tracks says what its m-lines carry: at most one each of "mic" (audio),
// "camera" and "screen" (video). It is answered by Event.PubAnswer with the same gen. An offer that is older than the last one, over
// 64 KiB or 32 m-lines, malformed, or at odds with tracks gets no answer. An offer with another certificate starts a new connection.
func (p *Peer) Offer(gen int, sdp string, tracks []Track) {
	switch {
	case len(sdp) > maxSDP:
		p.refuse("offer", errTooLarge)
		return
	case len(tracks) > maxTracks:
		p.refuse("offer", errTracks)
		return
	}
	tracks = slices.Clone(tracks)
	p.call(func() { p.acceptOffer(gen, sdp, tracks) })
}

// Answer is the client's answer to Event.SubOffer. Answers to anything but the outstanding offer are ignored; without a usable
// answer within 10 s the subscriber connection starts again.
func (p *Peer) Answer(gen int, sdp string) {
	if len(sdp) > maxSDP {
		p.refuse("answer", errTooLarge)
		return
	}
	p.call(func() { p.acceptAnswer(gen, sdp) })
}

// Candidate is a trickled candidate of the client for the connection pc, "pub" or "sub".
func (p *Peer) Candidate(pc string, init json.RawMessage) {
	candidate, err := p.sfu.gate.parse(init)
	if err != nil {
		p.refuse("candidate", err)
		return
	}
	p.call(func() {
		if l := p.link(pc); l != nil {
			l.addCandidate(p, candidate)
		}
	})
}

// Rebuild forgets the connection pc. After "sub" a new Event.SubOffer follows, at most twice a second; after "pub" the client offers
// again, with any gen.
func (p *Peer) Rebuild(pc string) {
	p.call(func() {
		switch pc {
		case "pub":
			p.resetPublisher()
		case "sub":
			p.resetSubscriber()
			signal(p.dirty)
		}
	})
}

// RestartICE looks for a new way between client and server while tracks, keys and numbers stay (RFC 8445 §9). For "sub" a new
// Event.SubOffer follows, at most twice a second. For "pub" the client offers with new ICE credentials by itself.
func (p *Peer) RestartICE(pc string) {
	if pc != "sub" {
		return
	}
	p.call(func() {
		p.sub.restart = p.sub.pc != nil
		signal(p.dirty)
	})
}

// Close takes the peer out of the room. When it returns, not one more RTP packet goes to this peer or comes from it to others; its
// connections are torn down soon after. Closing twice is fine.
func (p *Peer) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	ups, downs := p.ups, p.downs
	p.ups, p.downs = nil, nil
	p.mu.Unlock()

	close(p.gone)
	for _, d := range downs {
		d.up.remove(d)
	}
	for _, u := range ups {
		u.stop()
		p.room.withdraw(u)
	}
	p.sfu.leave(p)
}

// call queues work for a client, or refuses it.
func (p *Peer) call(f func()) {
	select {
	case <-p.gone:
	case p.calls <- f:
	default:
		p.refuse("call", errFlood)
	}
}

// event queues work for pion. It waits for room, because these must not be lost, and there are few of them.
func (p *Peer) event(f func()) {
	select {
	case <-p.gone:
	case p.events <- f:
	}
}

func (p *Peer) refuse(what string, err error) {
	p.sfu.count.refused.Add(1)
	p.log.Debug("refused", "what", what, "why", err)
}

// emit tells the client, unless the peer is closed.
func (p *Peer) emit(e Event) {
	select {
	case <-p.gone:
	default:
		p.send(e)
	}
}

func (p *Peer) run() {
	defer p.finish()
	pause := time.NewTimer(0) // ends the pause between two subscriber offers
	defer pause.Stop()
	p.see.probe = time.NewTicker(probeTick)
	p.see.probe.Stop()
	defer p.see.probe.Stop()
	for {
		select {
		case <-p.gone:
			return
		case f := <-p.calls:
			f()
		case f := <-p.events:
			f()
		case <-p.dirty:
			pause.Reset(p.sub.wait(time.Now()))
		case now := <-pause.C:
			p.refresh(now)
		case <-p.keys:
			p.askKeyFrames(time.Now())
		case <-p.heed:
			p.heedSpeakers()
			p.adapt(time.Now())
		case <-p.leave:
			p.publishDeclared()
		case now := <-p.see.probe.C:
			p.pad(now)
		case <-p.beat:
			p.housekeep(time.Now())
		}
	}
}

func (p *Peer) finish() {
	p.discard(&p.pub.link)
	p.discard(&p.sub.link)
	p.work.Wait()
}

func (p *Peer) housekeep(now time.Time) {
	p.watchLife(now)
	p.tellRefused()
	p.askKeyFrames(now)
	p.thin(now)
	p.adapt(now)
	if since := now.Sub(p.reportedAt); since >= reportEvery {
		p.reportedAt = now
		p.weigh(min(since, time.Minute))
		p.reportReception(now)
	}
	if p.sub.overdue(now) {
		p.log.Debug("no answer: subscriber connection starts again")
		p.resetSubscriber()
		p.refresh(now)
	}
}

func (p *Peer) watchLife(now time.Time) {
	live := slices.ContainsFunc(p.published(), func(u *up) bool {
		return now.UnixNano()-u.heardAt() < int64(quietAfter) || p.live && u.dormant()
	})
	if live != p.live {
		p.live = live
		p.emit(Event{Live: &live})
	}
}

func (p *Peer) published() []*up {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ups)
}

// link is one of a peer's two connections.
type link struct {
	name       string
	pc         *webrtc.PeerConnection // nil: not there
	lane       *lane                  // there with pc
	connected  bool
	ufrag      string                    // the client's, of the description before
	candidates int                       // since then
	early      []webrtc.ICECandidateInit // came before the description they belong to
}

func (p *Peer) link(name string) *link {
	switch name {
	case "pub":
		return &p.pub.link
	case "sub":
		return &p.sub.link
	}
	return nil
}

// open makes the connection of l, of which way is what it carries to the client, if anything. changed is called on the peer's
// goroutine with each state it reaches; one that pion cannot go on with counts as failed.
func (p *Peer) open(l *link, name string, way *bandwidth, changed func(webrtc.PeerConnectionState)) error {
	lane := newLane(p.sfu.socket, way)
	pc, err := p.sfu.engine.connect(lane)
	if err != nil {
		return fmt.Errorf("new connection: %w", err)
	}
	early := l.early
	*l = link{name: name, pc: pc, lane: lane, early: early, candidates: len(early)}
	current := func(f func()) {
		p.event(func() {
			if l.pc == pc {
				f()
			}
		})
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		if init, err := json.Marshal(c.ToJSON()); err == nil {
			current(func() { p.emit(Event{Candidate: &Candidate{PC: name, Init: init}}) })
		}
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		current(func() {
			l.connected = s == webrtc.PeerConnectionStateConnected
			if l.connected {
				p.openLane(l)
			}
			changed(s)
		})
	})
	pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		current(func() {
			switch {
			case !lane.move(pair):
				changed(webrtc.PeerConnectionStateFailed)
			case l.connected:
				changed(webrtc.PeerConnectionStateConnected) // on another way
			}
		})
	})
	return nil
}

func (p *Peer) openLane(l *link) {
	pair, err := l.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err == nil {
		err = l.lane.open(pair)
	}
	if err != nil {
		p.log.Debug("media takes pion's way", "pc", l.name)
	}
}

// discard closes the connection of l beside the peer's goroutine: closing waits for callbacks, and these wait for that goroutine.
func (p *Peer) discard(l *link) {
	pc, lane := l.pc, l.lane
	*l = link{name: l.name}
	if pc == nil {
		return
	}
	lane.close()
	p.work.Go(func() {
		if err := pc.GracefulClose(); err != nil {
			p.log.Debug("close connection", "err", "incomplete")
		}
	})
}

// addCandidate gives pion a candidate that has passed the gate, or keeps it until the description is there.
func (l *link) addCandidate(p *Peer, c webrtc.ICECandidateInit) {
	if l.candidates >= maxCandidates {
		p.refuse("candidate", errFlood)
		return
	}
	l.candidates++
	if l.pc == nil || l.pc.RemoteDescription() == nil {
		l.early = append(l.early, c)
		return
	}
	l.add(p, c)
}

func (l *link) add(p *Peer, c webrtc.ICECandidateInit) {
	if l.pc.AddICECandidate(c) != nil {
		p.refuse("candidate", errCandidate)
	}
}

// described adds what was waiting for the remote description and what came inside it. Other ICE credentials than before are a
// restart, which counts candidates anew.
func (l *link) described(p *Peer, v *vetted) {
	early := l.early
	l.early = nil
	if l.ufrag != v.ufrag {
		l.ufrag, l.candidates = v.ufrag, len(early)
	}
	for _, c := range early {
		l.add(p, c)
	}
	for _, line := range v.candidates {
		if err := p.sfu.gate.check(line); err != nil {
			p.refuse("candidate", err)
			continue
		}
		l.addCandidate(p, webrtc.ICECandidateInit{Candidate: line})
	}
}
