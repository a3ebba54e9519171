package sfu

import (
	"slices"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
)

// The guard keeps media from being forwarded that is not end-to-end encrypted. It is a net for browsers that send in clear although
// they were told not to; a client that wants to fool it only fools its own side.
//
// An encrypted frame ends with a trailer: counter (8 bytes), key id, length of the clear part, and two bytes that are always the
// same. So does the last packet of a picture, which is the one with the marker, and every packet of Opus.
const (
	trailerBytes = 12
	trailerKey   = 4 // bytes from the end
)

// sealedBy is the key id of the frame that ends with b, false if b does not end like an encrypted frame.
func sealedBy(b []byte) (key byte, ok bool) {
	n := len(b)
	if n < trailerBytes || b[n-2] != 'k' || b[n-1] != 'n' {
		return 0, false
	}
	return b[n-trailerKey], true
}

// guard is the state of one layer's. All but plain belongs to the layer's loop.
type guard struct {
	plain atomic.Bool // something was not encrypted

	sealed bool // the frame before was: what comes now may go on at once
	known  bool // there was an encrypted frame,
	key    byte // with this key id
}

// restart forgets the stream before.
func (g *guard) restart() { g.sealed, g.known = false, false }

// inspect says whether a packet may be kept for later, and forwarded now. A picture's first packets wait in the cache until its last
// has shown that it is encrypted, unless the one before was.
func (l *layer) inspect(pk *packet) (keep, forward bool) {
	g := &l.guard
	if len(pk.payload) == 0 || !pk.marker && l.up.kind == webrtc.RTPCodecTypeVideo {
		return true, g.sealed
	}
	key, ok := sealedBy(pk.payload)
	if !ok {
		l.refuse()
		return false, false
	}
	if g.known && key != g.key && l.cache.forgetBefore(pk.timestamp) {
		l.renew() // those who have just come cannot read what is in the cache
	}
	g.sealed, g.known, g.key = true, true, key
	return true, true
}

// refuse stops a layer that sends in clear until it sends an encrypted frame again; nothing it sent is repeated.
func (l *layer) refuse() {
	l.up.count.plain.Add(1)
	l.guard.sealed = false
	l.guard.plain.Store(true)
	l.cache.clear()
	l.rest()
}

// refused reports, once per track, that it was not encrypted. Belongs to the publisher's goroutine.
func (u *up) refused() bool {
	plain := slices.ContainsFunc(u.layers, func(l *layer) bool { return l.guard.plain.Load() })
	first := plain && !u.toldPlain
	u.toldPlain = plain
	return first
}

// tellRefused says which tracks are not forwarded.
func (p *Peer) tellRefused() {
	for mid, u := range p.pub.ups {
		if u.refused() {
			p.emit(Event{Refused: &Refused{MID: mid, Source: u.source, Reason: "plaintext"}})
		}
	}
}

// current says whether everybody in the room can have the key of this layer's newest frame.
func (l *layer) current() bool {
	if !l.guard.known {
		return true
	}
	epoch := l.up.peer.room.epoch.Load()
	return epoch < 0 || l.guard.key == byte(epoch)
}
