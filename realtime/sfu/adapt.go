package sfu

import (
	"slices"
	"time"

	"github.com/pion/webrtc/v4"
)

// adaptation is what a viewer's page wants and what it was told. It belongs to the peer's goroutine.
type adaptation struct {
	items  map[Track]ViewItem // by peer and source; nil until the page has said something
	lastN  int
	mode   string
	heard  *[]string // the order of speakers told last
	probe  *time.Ticker
	padder *down // carries the padding of the probe under way
}

// unsaid is what a subscriber was told about a picture before anything was said.
var unsaid = choice{rung: -2}

// View says what the client's page shows; what it does not name is not sent. lastN is the most cameras sent at once, 0 for 9. mode is
// "all", "few" (at most two cameras), "audio" (no pictures) or "text" (no sound either). Before the first call everything is
// sent in medium size. More than 128 items are refused.
func (p *Peer) View(items []ViewItem, lastN int, mode string) {
	if len(items) > maxView {
		p.refuse("view", errFlood)
		return
	}
	view := map[Track]ViewItem{}
	for _, i := range items {
		view[Track{Peer: i.Peer, Source: i.Source}] = i
	}
	if lastN <= 0 {
		lastN = defaultLastN
	}
	p.call(func() {
		p.see.items, p.see.lastN, p.see.mode = view, min(lastN, maxLastN), mode
		p.adapt(time.Now())
	})
}

// adapt shares out what the others send, tells the loops, and tells the client what has changed.
func (p *Peer) adapt(now time.Time) {
	var downs []*down
	for _, s := range p.sub.slots {
		if d := s.down; d != nil && d.up.kind == webrtc.RTPCodecTypeVideo {
			downs = append(downs, d)
		} else if d != nil {
			p.hear(d)
		}
	}
	demands := make([]demand, len(downs))
	speaking := p.room.speaking.Load()
	for i, d := range downs {
		demands[i] = p.demand(d, speaking, now)
	}
	allowed := p.allowance()
	choices := shareOut(demands, allowed)
	for i, d := range downs {
		p.settle(d, choices[i], now)
	}
	if more := short(demands, choices); more > 0 {
		p.probeFor(more, demands, choices, downs, now)
	}
}

// hearing is the layer of a microphone to be sent: its only one, unless the person wants nothing but text.
func (p *Peer) hearing() int32 {
	if p.see.mode == "text" {
		return none
	}
	return 0
}

// hear carries out what is to be heard of a microphone, and tells the client when it is held back for louder ones, or no longer.
func (p *Peer) hear(d *down) {
	d.insists.Store(p.see.items[Track{Peer: d.up.peer.id, Source: "camera"}].Prio >= prioChosen)
	d.turnTo(p.hearing())
	c := choice{rung: high}
	if d.hushed() {
		c = choice{paused, "louder"}
	}
	if c == d.said || c.rung == high && d.said == unsaid {
		return // that a microphone is heard goes without saying
	}
	d.said = c
	p.emit(Event{Layers: &LayerState{Peer: d.up.peer.id, Source: d.up.source, State: c.rung.String(), Why: c.why}})
}

func (p *Peer) demand(d *down, speaking *[]string, now time.Time) demand {
	u := d.up
	i := demand{screen: u.source == "screen", rate: u.rates(), now: paused, maxH: firstLines}
	if d.said != unsaid {
		i.now = d.said.rung
	}
	i.held = now.Sub(d.loweredAt) < riseAfter
	if p.see.items != nil {
		item := p.see.items[Track{Peer: u.peer.id, Source: u.source}]
		i.maxH, i.prio = item.MaxH, item.Prio
	}
	i.speaker = maxView
	if speaking != nil {
		if at := slices.Index(*speaking, u.peer.id); at >= 0 {
			i.speaker = at
		}
	}
	return i
}

// allowance is what is left for pictures beside sound.
func (p *Peer) allowance() allowance {
	a := allowance{lastN: p.see.lastN, mode: p.see.mode, rate: -1}
	if a.lastN == 0 {
		a.lastN = defaultLastN
	}
	if p.sub.way == nil {
		return a
	}
	if rate := p.sub.way.rate(); rate >= 0 {
		a.rate = max(0, rate-p.soundRate())
	}
	return a
}

func (p *Peer) soundRate() (rate int) {
	for _, s := range p.sub.slots {
		if d := s.down; d != nil && d.up.kind == webrtc.RTPCodecTypeAudio && !d.hushed() {
			rate += int(d.up.layers[0].rate.Load())
		}
	}
	return rate
}

// settle carries out one choice. What the publisher does not send at the moment is replaced by the nearest it does send.
func (p *Peer) settle(d *down, c choice, now time.Time) {
	if c.why == "bandwidth" && c.rung < d.said.rung {
		d.loweredAt = now
	}
	wish := d.up.indexOf(c.rung)
	d.wish.Store(wish)
	want := d.up.nearest(wish, now)
	d.turnTo(want)
	if want != wish {
		c = choice{rung: d.up.rung(want)}
	}
	if c != d.said {
		d.said = c
		p.emit(Event{Layers: &LayerState{Peer: d.up.peer.id, Source: d.up.source, State: c.rung.String(), Why: c.why}})
	}
}

func (r rung) String() string {
	switch r {
	case low:
		return "low"
	case mid:
		return "mid"
	case high:
		return "high"
	}
	return "paused"
}

// turnTo makes i the layer that is wanted. Until its loop takes over, the layer before goes on.
func (d *down) turnTo(i int32) {
	if d.want.Swap(i) != i && i != none {
		d.up.layers[i].tell(note{down: d, turn: true})
	}
}

// rates is the cost of each rung in bit/s: measured, or usual where nothing has come in yet.
func (u *up) rates() (rates [3]int) {
	for _, l := range u.layers {
		r := u.rung(l.index)
		rates[r] = [...]int{low: 150_000, mid: 450_000, high: 1_400_000}[r]
		if len(u.layers) == 1 {
			rates[r] = 400_000
		}
		if measured := int(l.rate.Load()); measured > 0 {
			rates[r] = measured
		}
	}
	return rates
}

// rung is the place of a layer on the ladder; a track in one stream has only the top.
func (u *up) rung(i int32) rung {
	if i == none {
		return paused
	}
	if at := rungOf(u.layers[i].rid); at >= 0 {
		return rung(at)
	}
	return high
}

// indexOf is the layer at a rung that u has, or none.
func (u *up) indexOf(r rung) int32 {
	for _, l := range u.layers {
		if u.rung(l.index) == r {
			return l.index
		}
	}
	return none
}

// nearest is the layer to be sent in place of i: i itself if its packets come in, else the best below, else the one above. A browser
// stops its upper layers by itself when its uplink or its processor is too weak.
func (u *up) nearest(i int32, now time.Time) int32 {
	if i == none || len(u.layers) == 1 {
		return i
	}
	for at := i; at >= 0; at-- {
		if u.layers[at].alive(now) {
			return at
		}
	}
	for at := i + 1; int(at) < len(u.layers); at++ {
		if u.layers[at].alive(now) {
			return at
		}
	}
	return i
}

// alive says whether packets come in, or will as soon as the publisher has heard that they are wanted.
func (l *layer) alive(now time.Time) bool {
	t := now.UnixNano()
	return t-l.heard.Load() < int64(aliveFor) || t-l.told.Load() < int64(wakeFor)
}

// heedSpeakers tells the client who speaks, if that is news.
func (p *Peer) heedSpeakers() {
	order := p.room.speaking.Load()
	if order == nil || order == p.see.heard {
		return
	}
	p.see.heard = order
	p.emit(Event{Speakers: slices.Clone(*order)})
}

// probeFor finds out, when it is time to, whether the connection carries what is wanted on top.
func (p *Peer) probeFor(more int, demands []demand, choices []choice, downs []*down, now time.Time) {
	used := p.soundRate()
	for i, c := range choices {
		used += demands[i].cost(min(c.rung, demands[i].best()))
	}
	at := slices.IndexFunc(downs, (*down).paddable)
	if at < 0 || !p.sub.way.beginProbe((used+more*11/10)*5/4, now) {
		return
	}
	p.see.padder = downs[at]
	p.see.probe.Reset(probeTick)
}

// paddable says whether there is a loop that can send padding.
func (d *down) paddable() bool {
	o := d.out.Load()
	return o != nil && o.rtx != 0 && d.padding() != nil
}

// padding is the layer whose loop may write to d.
func (d *down) padding() *layer {
	if l := d.up.feeding(d); l != nil {
		return l
	}
	for _, l := range d.up.layers {
		if l.ssrc.Load() != 0 {
			return l
		}
	}
	return nil
}

// pad sends the next bit of padding of a probe.
func (p *Peer) pad(now time.Time) {
	if p.sub.way != nil && p.see.padder != nil {
		if bytes, open := p.sub.way.padding(now); open {
			if l := p.see.padder.padding(); l != nil && bytes > 0 {
				l.tell(note{down: p.see.padder, pad: bytes})
			}
			return
		}
	}
	p.see.probe.Stop()
	p.see.padder = nil
}
