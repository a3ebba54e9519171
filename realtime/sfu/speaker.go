package sfu

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// loudness is what is known about a microphone: its loop adds levels, the room takes them away every speakerBeats.
type loudness struct {
	heard atomic.Uint32 // packets at or above speechLevel
	voice atomic.Uint64 // sum of how far above
}

// hear takes a level of RFC 6464: 0 is as loud as can be, 127 silence.
func (l *loudness) hear(level int16) {
	if level < speechLevel {
		l.heard.Add(1)
		l.voice.Add(uint64(speechLevel - level))
	}
}

// take is how loud it was since the last call, 0 for silence. A cough or a key pressed is too short to count.
func (l *loudness) take() float64 {
	heard, voice := l.heard.Swap(0), l.voice.Swap(0)
	if heard < speechPackets {
		return 0
	}
	return float64(voice) / speechWindow
}

// speakers keeps the order in which people speak: the dominant one first, the others by when they spoke. Pure.
type speakers struct {
	order  []string
	scores map[string]float64
}

// update takes the loudness of everybody in the room for one tick and reports whether the order is another one now. Whoever speaks
// first stays first until somebody else has clearly been louder, so that two who speak at once do not alternate.
func (s *speakers) update(now map[string]float64) bool {
	if s.scores == nil {
		s.scores = map[string]float64{}
	}
	before := slices.Clone(s.order)
	s.order = slices.DeleteFunc(s.order, func(id string) bool { _, here := now[id]; return !here })
	for id := range s.scores {
		if _, here := now[id]; !here {
			delete(s.scores, id)
		}
	}
	for id, loud := range now {
		s.scores[id] = (s.scores[id] + loud) / 2
	}
	if best := s.loudest(now); best != "" && s.beats(best) {
		s.order = slices.DeleteFunc(s.order, func(id string) bool { return id == best })
		s.order = slices.Insert(s.order, 0, best)
	}
	return !slices.Equal(before, s.order)
}

// loudest is who speaks now and has been loudest of late.
func (s *speakers) loudest(now map[string]float64) string {
	best := ""
	for id, loud := range now {
		if loud == 0 {
			continue
		}
		if best == "" || cmp.Or(cmp.Compare(s.scores[id], s.scores[best]), cmp.Compare(best, id)) > 0 {
			best = id
		}
	}
	return best
}

func (s *speakers) beats(id string) bool {
	return len(s.order) == 0 || s.order[0] != id && s.scores[id] > speechLead*s.scores[s.order[0]]
}

// run is the clock of everybody in the room, follows who speaks, and chooses who is sent on in a crowd, until the room is empty. One
// clock for all, because every time it ticks the process has to wake up.
func (r *room) run() {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	var s speakers
	for beats := 0; ; {
		news := false
		select {
		case <-r.empty:
			return
		case <-r.called:
		case <-tick.C:
			r.tell(func(p *Peer) { signal(p.beat) })
			if beats++; beats%speakerBeats != 0 {
				continue
			}
			if s.update(r.loudness()) {
				order := slices.Clone(s.order)
				r.speaking.Store(&order)
				news = true
			}
		}
		if r.conduct(time.Now()) || news {
			r.tell(func(p *Peer) { signal(p.heed) })
		}
	}
}

func (r *room) tell(do func(*Peer)) {
	for _, p := range r.members() {
		do(p)
	}
}

// loudness is what was heard of everybody since the last call.
func (r *room) loudness() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := map[string]float64{}
	for id := range r.peers {
		now[id] = 0
	}
	for _, u := range r.ups {
		if u.source == "mic" {
			now[u.peer.id] = u.loud.take()
		}
	}
	return now
}
