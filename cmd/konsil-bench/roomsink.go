package main

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// sink is one track at one receiver.
type sink struct {
	hall  *hall
	of    *attendee
	sound bool

	mu    sync.Mutex
	from  int // publisher; -1 before the first packet
	first uint32
	last  uint32
	seen  []bool // by number after the first

	want   uint32 // number that goes on with the key frame, 0: none is coming in
	hasKey bool   // written by listen only
}

// keyPatience is how long a receiver waits for a key frame before it asks for one.
const keyPatience = 400 * time.Millisecond

// listen reads a track to its end. As long as there is no picture it asks for one, as a browser does.
func (s *sink) listen(t *webrtc.TrackRemote) {
	buf := make([]byte, 1500)
	var header rtp.Header
	asked := s.hall.now()
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		now := s.hall.now()
		at, err := header.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		if m, ok := readMark(buf[at:n], s.sound); ok {
			s.take(m, now, header.Marker, startsKey(buf[at:n]))
		}
		if !s.sound && !s.hasKey && now-asked > keyPatience {
			asked = now
			_ = s.of.sub.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}}) // again if it is lost
		}
	}
}

// startsKey says whether a key frame as our generator makes it begins here.
func startsKey(b []byte) bool { return b[0]&0x10 != 0 && b[vp8Descriptor]&1 == 0 }

func (s *sink) take(m mark, now time.Duration, marker, key bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.from < 0 {
		s.from, s.first, s.last = int(m.publisher), m.number, m.number
	}
	if m.number < s.first || s.from != int(m.publisher) {
		return
	}
	at := int(m.number - s.first)
	s.seen = slices.Grow(s.seen, max(0, at+1-len(s.seen)))[:max(len(s.seen), at+1)]
	if s.seen[at] {
		return // repeated although it had come
	}
	s.seen[at] = true
	s.last = max(s.last, m.number)
	if !s.sound && !s.hasKey {
		s.watchKey(m, now, marker, key)
	}
	if s.hall.counting.Load() {
		s.hall.packets.Add(1)
		s.hall.latency.add(now - m.sent)
	}
}

// watchKey waits for the end of a key frame of which nothing is missing.
func (s *sink) watchKey(m mark, now time.Duration, marker, key bool) {
	switch {
	case key:
		s.want = m.number
	case m.number != s.want:
		s.want = 0
	}
	if s.want == 0 {
		return
	}
	s.want++
	if marker {
		s.hasKey = true
		s.of.sawPicture(s.from, now)
	}
}

// lost is how many packets are missing of what was sent up to a number, or of what came in if its receiver has left.
func (s *sink) lost(upto uint32, left bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left {
		upto = s.last
	}
	missing := 0
	for n := s.first; n <= upto && s.from >= 0; n++ {
		if at := int(n - s.first); at >= len(s.seen) || !s.seen[at] {
			missing++
		}
	}
	return missing
}

// key names the track that comes in here.
func (s *sink) key() [2]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return trackKey(s.from, s.sound)
}

func trackKey(publisher int, sound bool) [2]int {
	if sound {
		return [2]int{publisher, 1}
	}
	return [2]int{publisher, 0}
}
