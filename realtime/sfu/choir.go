package sfu

import (
	"cmp"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// In a large room nobody hears more than a few voices at once, but everybody would be sent everybody's silence. So of more than
// crowd microphones only the loudest are sent on. Whoever begins to speak is sent on within three packets, with the packets before
// them. Silence is what is left out: no sound that somebody makes is held back while there is a place.

// voice is what one microphone is to the choice. Its loop writes, the room reads.
type voice struct {
	begun atomic.Bool   // its client says how loud it is
	spoke atomic.Int64  // Unix nanoseconds of the last packet of speech
	loud  atomic.Uint32 // of late, in 1/16 dB above speechLevel

	// The loop's own:
	past   uint8 // the newest packets, a bit for each that was loud
	speaks bool
	began  time.Time
}

// hear takes a level of RFC 6464 and says whether somebody speaks: most of the last packets were loud. A click is not enough.
func (v *voice) hear(level int16, now time.Time) bool {
	v.begun.Store(true)
	above := max(0, int32(speechLevel-level))
	v.past = v.past<<1 | uint8(min(above, 1))
	before := int32(v.loud.Load())
	v.loud.Store(uint32(before + (above*16-before)/8))
	spoke := v.speaks
	v.speaks = bits.OnesCount8(v.past&voicePast) >= voicePackets
	if v.speaks && !spoke {
		v.began = now
	}
	if v.speaks {
		v.spoke.Store(now.UnixNano())
	}
	return v.speaks
}

// singer is a microphone at the moment of a choice.
type singer struct {
	id     string
	placed bool // is sent on now
	spoke  int64
	loud   uint32
}

// choose picks the places of those who are sent on. Who speaks comes before who does not, the louder before the quieter; a place is
// kept against whoever is hardly louder, and in silence until somebody else needs it. Pure.
func choose(all []singer, now time.Time) []int {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int {
		a, b := &all[x], &all[y]
		claim := a.claim(now)
		by := cmp.Compare(b.claim(now), claim)
		if claim == speaking {
			return cmp.Or(by, cmp.Compare(b.standing(), a.standing()), cmp.Compare(a.id, b.id))
		}
		return cmp.Or(by, cmp.Compare(b.spoke, a.spoke), cmp.Compare(a.id, b.id))
	})
	return order[:min(len(order), choirSize)]
}

// What somebody has to claim a place with.
const (
	silent = iota
	placed
	speaking
)

func (s *singer) claim(now time.Time) int {
	switch {
	case now.UnixNano()-s.spoke < int64(voicePause):
		return speaking
	case s.placed:
		return placed
	}
	return silent
}

// standing is how loud somebody counts who competes for a place.
func (s *singer) standing() uint32 {
	if s.placed {
		return s.loud + voiceLead
	}
	return s.loud
}

// conduct chooses who is sent on, and reports whether somebody new is or is no longer.
func (r *room) conduct(now time.Time) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mics []*up
	sound := 0
	for _, u := range r.ups {
		if u.source != "mic" || now.UnixNano()-u.heardAt() > int64(quietAfter) {
			continue
		}
		if sound++; u.voice.begun.Load() && !u.peer.leads.Load() {
			mics = append(mics, u)
		}
	}
	chosen := map[*up]bool{}
	for _, u := range pick(mics, sound, now) {
		chosen[u] = true
	}
	for _, u := range r.ups {
		if u.source != "mic" || u.hushed.Load() == (slices.Contains(mics, u) && !chosen[u]) {
			continue
		}
		changed = true
		u.hushed.Store(!u.hushed.Load())
	}
	return changed
}

func pick(mics []*up, sound int, now time.Time) []*up {
	if sound <= crowd {
		return mics
	}
	all := make([]singer, len(mics))
	for i, u := range mics {
		all[i] = singer{id: u.peer.id, placed: !u.hushed.Load(), spoke: u.voice.spoke.Load(), loud: u.voice.loud.Load()}
	}
	var picked []*up
	for _, i := range choose(all, now) {
		picked = append(picked, mics[i])
	}
	return picked
}

// Lead lets the peer's microphone be sent on however many others there are, as that of who leads a conversation should be.
func (p *Peer) Lead() { p.leads.Store(true) }

// hold keeps a microphone from this receiver.
func (d *down) hold(l *layer) {
	d.held = true
	if d.feeder.Load() == l.index {
		d.rest()
	}
}

// overture is where a microphone begins: with the newest packet, or if it has just been given its place with the beginning of the word.
func (d *down) overture(l *layer, now time.Time) (from int64, at time.Time) {
	from, at = l.cache.newest, now
	began, held := l.up.voice.began, d.held
	d.held = false
	if !held || now.Sub(began) > voiceFresh {
		return from, at
	}
	earliest := max(began.Add(-voiceBefore).UnixNano(), d.restedAt.Load())
	for pk := l.cache.get(from - 1); pk != nil && pk.keptAt > earliest; pk = l.cache.get(from - 1) {
		from, at = from-1, time.Unix(0, pk.keptAt)
	}
	return from, at
}

// hushed says whether the sound of this track is not for this receiver at the moment.
func (d *down) hushed() bool { return d.up.hushed.Load() && !d.insists.Load() }
