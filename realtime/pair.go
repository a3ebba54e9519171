package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// This file is the way that media takes: over the server, or, where two people
// are alone and the operator allows it, straight between their browsers. Then
// the server only hands descriptions and candidates over, each to the other of
// the two, and cannot cut what it does not carry; whoever stays can (sever).

// Limits of what is handed over; those of [sfu.Peer] where there is the same.
const (
	maxHandedTracks     = 3   // one microphone, one camera, one screen
	maxHandedMedia      = 8   // media sections of a description: a source keeps its own when it is switched off
	maxHandedCandidates = 128 // of one way: two connections, and each again after an ICE restart
	maxHandedLine       = 1 << 10
)

// way is which way media takes in a room.
type way struct {
	allowed bool // the operator's setting
	// spent: straight did not work, or more than two people were here. It is
	// not tried again before the room is empty: each change costs seconds of sound.
	spent bool
	count int64      // changes so far; they number the ways
	pair  []*visitor // the two who send to each other; empty: all send to the server
}

// partner is who somebody is connected to straight; nil: media takes the
// server's way.
func (r *roomState) partner(v *visitor) *visitor {
	i := slices.Index(r.way.pair, v)
	if i < 0 {
		return nil
	}
	return r.way.pair[1-i]
}

// chooseWay decides on the way for those who are in the room to stay. Whoever
// sends and receives in another way from now on is told; the others, who come
// just now into a room of three, begin with the server's.
func (r *roomState) chooseWay() []effect {
	var staying, pair []*visitor
	empty := true
	for _, v := range r.visitors {
		if v.in && !v.going {
			staying = append(staying, v)
		}
		empty = empty && !v.in
	}
	r.way.spent = !empty && (r.way.spent || len(staying) > 2)
	if r.mayPair(staying) {
		pair = staying
	}
	before := r.way.pair
	if slices.Equal(before, pair) {
		return nil
	}
	r.way.pair = pair
	r.way.count++
	var effects []effect
	for _, v := range staying {
		if slices.Contains(before, v) || slices.Contains(pair, v) {
			v.way, v.Live = r.way.count, false
			effects = append(effects, effect{do: doWay, to: v})
		}
	}
	r.news.people = true
	return effects
}

func (r *roomState) mayPair(all []*visitor) bool {
	unable := func(v *visitor) bool { return !v.pairs || v.plain }
	return r.way.allowed && !r.way.spent && len(all) == 2 && all[0].Person != all[1].Person && !slices.ContainsFunc(all, unable)
}

// failWay hears from one of two that there is no way between them.
func (r *roomState) failWay(v *visitor, c command, _ time.Time) []effect {
	if r.partner(v) == nil || c.Way != v.way {
		return nil
	}
	r.way.spent = true
	return r.chooseWay()
}

// wayIsUp hears from one of two that the other's media can arrive.
func (r *roomState) wayIsUp(v *visitor, c command, _ time.Time) []effect {
	if other := r.partner(v); other != nil && c.Way == v.way {
		r.setLive(other, true)
	}
	return nil
}

// sever cuts somebody off who goes and is connected straight: the other is told
// before anybody else, closes that connection and gets an epoch whose keys do
// not go to who has left. Over the server the epoch waits until media is closed;
// here it is not the server's to close.
func (r *roomState) sever(v *visitor) []effect {
	if r.partner(v) == nil {
		return nil
	}
	v.severed = true
	return append(r.chooseWay(), r.turn("leave"))
}

// wayTaken is the body of `way`.
type wayTaken struct {
	N    int64  `json:"n"`
	To   string `json:"to"`
	With string `json:"with,omitempty"`
}

// takeWay puts a socket on the way that was chosen for it. What it had on the
// server of the way before is closed.
func (c *conference) takeWay(s *socket) {
	v := s.visitor
	if other := c.room.partner(v); other != nil {
		s.enter(&route{way: v.way})
		s.out.put(textFrame("way", wayTaken{v.way, "pair", other.Peer}))
		return
	}
	s.enter(nil)
	s.out.put(textFrame("way", wayTaken{N: v.way, To: "server"}))
	s.joinRoom()
	c.tellEpoch() // the last to leave the server's room took the number along
}

// handOver gives a frame of one of two to the other. Who is not, or not any
// more, one of them hands nothing to anybody.
func (c *conference) handOver(from *socket, way int64, frame []byte) {
	if from.visitor == nil || from.visitor.way != way {
		return
	}
	other := c.room.partner(from.visitor)
	if other == nil {
		return
	}
	if s := c.socketOf(other); s != nil {
		s.out.put(frame)
	}
}

// signalPair hands on what one of two says to the other's connections; false
// when it is unusable.
func (s *socket) signalPair(e envelope, way int64) bool {
	frames, ok := s.crossed(e, way)
	if !ok {
		return false
	}
	for _, f := range frames {
		s.conf.send(inbound{from: s, kind: inHandOver, way: way, body: f})
	}
	return true
}

// crossed makes of a frame about one's own connection that for the other, whose
// subscriber one's publisher ends at. How a connection is mended is between the
// two: what the server is asked to do for that means nothing here.
func (s *socket) crossed(e envelope, way int64) (frames [][]byte, ok bool) {
	switch e.Type {
	case "pub.offer":
		o, ok := body[pubOffer](e)
		if !ok || !plausible(o.Gen, o.SDP) {
			return nil, false
		}
		tracks, ok := s.ownTracks(o)
		return [][]byte{textFrame("sub.offer", subOffer{o.Gen, o.SDP, tracks, way})}, ok
	case "sub.answer":
		a, ok := body[description](e)
		a.Way = way
		return [][]byte{textFrame("pub.answer", a)}, ok && plausible(a.Gen, a.SDP)
	case "ice":
		c, ok := body[candidate](e)
		if !ok || !c.cross() {
			return nil, false
		}
		if c.Way = way; s.mayHand(way) {
			frames = [][]byte{textFrame("ice", c)}
		}
	case "view":
		v, ok := body[view](e)
		return v.wishes(way), ok && v.usable()
	}
	return frames, true
}

// mayHand counts candidates, which make a browser knock at addresses.
func (s *socket) mayHand(way int64) bool {
	if s.handing != way {
		s.handing, s.handed = way, 0
	}
	s.handed++
	return s.handed <= maxHandedCandidates
}

// ownTracks are what an offer declares, as coming from this socket.
func (s *socket) ownTracks(o pubOffer) ([]subTrack, bool) {
	tracks := []subTrack{}
	for _, t := range o.Tracks {
		same := func(other subTrack) bool { return other.MID == t.MID || other.Source == t.Source }
		if !isSource(t.Source) || len(t.MID) > 16 || len(tracks) == maxHandedTracks || slices.ContainsFunc(tracks, same) {
			return nil, false
		}
		tracks = append(tracks, subTrack{t.MID, s.peer, t.Source})
	}
	return tracks, true
}

// plausible says whether a description has the shape of one (RFC 8866 §5).
// What it describes is between the two.
func plausible(gen int, sdp string) bool {
	return gen >= 0 && strings.HasPrefix(sdp, "v=0\r\n") && strings.Count(sdp, "\nm=") <= maxHandedMedia && !strings.ContainsRune(sdp, 0)
}

// cross makes a candidate one for the other end of its connection, written
// anew; false when it is none.
func (c *candidate) cross() bool {
	ends := map[string]string{"pub": "sub", "sub": "pub"}
	var init struct { // RTCIceCandidateInit
		Candidate string  `json:"candidate"`
		MID       *string `json:"sdpMid"`
		MLine     *uint16 `json:"sdpMLineIndex"`
		Fragment  *string `json:"usernameFragment"`
	}
	if ends[c.PC] == "" || len(c.Init) == 0 || c.Init[0] != '{' || len(c.Init) > maxHandedLine || json.Unmarshal(c.Init, &init) != nil {
		return false
	}
	if strings.ContainsAny(init.Candidate, "\r\n\x00") {
		return false
	}
	c.PC = ends[c.PC]
	c.Init, _ = json.Marshal(init)
	return true
}

// wishes are a view as the other's page understands it: of what is neither seen
// nor heard nothing need be sent. Sizes mean nothing where there is one layer.
func (v view) wishes(way int64) (frames [][]byte) {
	pictures := v.Mode == "all" || v.Mode == "few"
	wish := func(source string, on bool) {
		frames = append(frames, textFrame("pub.layers", pubLayers{source, [3]bool{on, on, on}, way}))
	}
	wish(sourceMic, v.Mode != "text")
	wish(sourceCamera, pictures)
	wish(sourceScreen, pictures)
	return frames
}
