package sfu

import (
	"time"

	"github.com/pion/webrtc/v4"
)

// weigh measures what the layers of this peer cost its viewers. Called about once in reportEvery.
func (p *Peer) weigh(since time.Duration) {
	for l := range p.layers() {
		octets := l.octets.Load()
		rate := int64(float64(octets-l.weighed) * 8 / since.Seconds())
		l.weighed = octets
		if rate == 0 && len(l.up.layers) > 1 {
			continue // switched off: it would cost again what it did, and a viewer must not be led to it as to one for free
		}
		// A still screen costs nothing until somebody scrolls: what it was last is forgotten slowly.
		l.rate.Store(max(rate, l.rate.Load()*9/10))
	}
}

// thin tells the client which layers nobody wants, so that it need not send them. Wanted ones are switched on at once.
func (p *Peer) thin(now time.Time) {
	for _, u := range p.pub.ups {
		if u.kind != webrtc.RTPCodecTypeVideo {
			continue
		}
		if active := u.wanted(now); active != u.active {
			u.active = active
			p.emit(Event{PubLayers: &PubLayers{Source: u.source, Active: active}})
		}
	}
}

// wanted says which rungs somebody wants or has wanted a moment ago. Somebody who has just joined will want the smallest.
func (u *up) wanted(now time.Time) (active [3]bool) {
	for _, d := range *u.receivers.Load() {
		if i := d.wish.Load(); i >= 0 {
			u.layers[i].wantedAt = now
		}
	}
	if now.UnixNano()-u.awaited.Load() < int64(arriveFor) {
		u.layers[0].wantedAt = now
	}
	for _, l := range u.layers {
		on := now.Sub(l.wantedAt) < idleAfter
		if r := u.rung(l.index); on && !u.active[r] {
			l.told.Store(now.UnixNano())
		}
		active[u.rung(l.index)] = on
	}
	if len(u.layers) == 1 {
		active = [3]bool{active[high], active[high], active[high]}
	}
	return active
}

// dormant says whether a track sends nothing because nobody wants it.
func (u *up) dormant() bool { return u.active == [3]bool{} && u.heardAt() != 0 }

// Silence drops what the client sends of a source until it is lifted, as a moderator may ask for. When it returns with on, not one
// more packet of that source goes to anybody.
func (p *Peer) Silence(source string, on bool) {
	p.mu.Lock()
	if p.silenced == nil {
		p.silenced = map[string]bool{}
	}
	p.silenced[source] = on
	ups := p.upsOf(source)
	p.mu.Unlock()
	for _, u := range ups {
		u.silence(on)
	}
}

// Allow lets the client publish a source that needs somebody's leave, which is the "screen", or takes the leave away. When it returns
// with off, not one more packet of that source goes to anybody. What was offered meanwhile and refused is published as soon as it
// is allowed.
func (p *Peer) Allow(source string, on bool) {
	if source != "screen" {
		return
	}
	p.mu.Lock()
	p.mayShare = on
	var ups []*up
	if !on {
		ups = p.upsOf(source)
	}
	p.mu.Unlock()
	for _, u := range ups {
		u.stop()
	}
	signal(p.leave)
}

// upsOf is what is published of a source. p.mu is held.
func (p *Peer) upsOf(source string) (found []*up) {
	for _, u := range p.ups {
		if u.source == source {
			found = append(found, u)
		}
	}
	return found
}

func (p *Peer) allowed(source string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return source != "screen" || p.mayShare
}
