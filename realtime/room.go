package realtime

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/konsil-server/konsil/realtime/sfu"
)

// ICEServer is one entry of RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// newPeerID names a socket in the room: random, so that a late message about
// an earlier connection of the same person cannot be mistaken for this one.
func newPeerID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Bodies of text frames.
type (
	welcome struct {
		Self       string      `json:"self"`
		EndsAt     time.Time   `json:"endsAt"`
		ICEServers []ICEServer `json:"iceServers"`
		People     []person    `json:"people"`
		Epoch      int64       `json:"epoch"`
	}
	peopleList struct {
		People []person `json:"people"`
	}
	mediaState struct {
		Mic    bool `json:"mic"`
		Camera bool `json:"camera"`
		Screen bool `json:"screen"`
	}
	hand struct {
		Up bool `json:"up"`
	}
	what struct {
		What string `json:"what"`
	}
	ended struct {
		Reason string `json:"reason"`
	}
	pubOffer struct {
		Gen    int    `json:"gen"`
		SDP    string `json:"sdp"`
		Tracks []struct {
			MID    string `json:"mid"`
			Source string `json:"source"`
		} `json:"tracks"`
	}
	subOffer struct {
		Gen    int        `json:"gen"`
		SDP    string     `json:"sdp"`
		Tracks []subTrack `json:"tracks"`
	}
	subTrack struct {
		MID    string `json:"mid"`
		Peer   string `json:"peer"`
		Source string `json:"source"`
	}
	description struct {
		Gen int    `json:"gen"`
		SDP string `json:"sdp"`
	}
	candidate struct {
		PC   string          `json:"pc"`
		Init json.RawMessage `json:"cand"`
	}
	which struct {
		PC string `json:"pc"`
	}
)

// control takes one text frame.
func (s *socket) control(data []byte) {
	var e envelope
	if json.Unmarshal(data, &e) != nil || e.Type == "" {
		s.complain("malformed")
		return
	}
	if e.Type == "hello" {
		s.hello()
		return
	}
	if !s.greets {
		s.complain("hello first")
		return
	}
	if !s.perform(e) {
		s.complain("malformed")
	}
}

func (s *socket) complain(about string) { s.out.put(textFrame("error", what{about})) }

// perform does what a text frame asks for; false when its body is unusable.
func (s *socket) perform(e envelope) bool {
	switch e.Type {
	case "pub.offer", "sub.answer", "ice", "ice.restart", "rebuild":
		return s.signal(e)
	case "stats":
		r, ok := body[reception](e)
		return ok && s.conf.send(inbound{from: s, kind: inStats, missing: r.peers()})
	case "media":
		m, ok := body[mediaState](e)
		return ok && s.conf.send(inbound{from: s, kind: inMedia, media: m})
	case "hand":
		h, ok := body[hand](e)
		return ok && s.conf.send(inbound{from: s, kind: inHand, flag: h.Up})
	case "key.put":
		k, ok := body[keyPut](e)
		return ok && k.usable() && s.conf.send(inbound{from: s, kind: inKey, key: k})
	}
	return true // a type of tomorrow
}

// body decodes a frame's d, which must be an object.
func body[T any](e envelope) (v T, ok bool) {
	if len(e.Data) == 0 || e.Data[0] != '{' {
		return v, false
	}
	return v, json.Unmarshal(e.Data, &v) == nil
}

// signal passes on what concerns the peer connections; the room decides
// whether it makes sense.
func (s *socket) signal(e envelope) bool {
	if s.room == nil {
		s.complain("media")
		return true
	}
	switch e.Type {
	case "pub.offer":
		o, ok := body[pubOffer](e)
		if !ok {
			return false
		}
		tracks := make([]sfu.Track, len(o.Tracks))
		for i, t := range o.Tracks {
			tracks[i] = sfu.Track{MID: t.MID, Peer: s.peer, Source: t.Source}
		}
		s.room.Offer(o.Gen, o.SDP, tracks)
	case "sub.answer":
		a, ok := body[description](e)
		if !ok {
			return false
		}
		s.room.Answer(a.Gen, a.SDP)
	case "ice":
		c, ok := body[candidate](e)
		if !ok || c.PC != "pub" && c.PC != "sub" {
			return false
		}
		s.room.Candidate(c.PC, c.Init)
	case "ice.restart", "rebuild":
		w, ok := body[which](e)
		if !ok || w.PC != "pub" && w.PC != "sub" {
			return false
		}
		if e.Type == "rebuild" {
			s.room.Rebuild(w.PC)
		} else {
			s.room.RestartICE(w.PC)
		}
	}
	return true
}

// hello lets the socket take part in the room: the conference welcomes it,
// then its two peer connections are made. A second hello changes nothing.
func (s *socket) hello() {
	if s.greets {
		return
	}
	if !s.conf.ask(inbound{from: s, kind: inHello}) {
		return
	}
	if code, _ := s.out.ending(); code != 0 {
		return
	}
	s.greets = true
	s.joinRoom()
}

// joinRoom makes the two peer connections. Without them the person still
// writes and is seen in the list.
func (s *socket) joinRoom() {
	rooms := s.conf.hub.cfg.Rooms
	if rooms == nil {
		return
	}
	p, err := rooms.Join(s.conf.id, s.peer, s.relay)
	if err != nil {
		s.conf.log.Warn("joining the room failed", "conference", s.conf.id, "error", err)
		s.complain("media")
		return
	}
	s.room = p
}

// leaveRoom returns when no more media goes to or comes from this socket.
func (s *socket) leaveRoom() {
	if s.room != nil {
		s.room.Close()
		s.room = nil
	}
}

// relay sends an event of the room on. It is called from the peer's goroutine
// and does not block.
func (s *socket) relay(e sfu.Event) {
	switch {
	case e.PubAnswer != nil:
		s.out.put(textFrame("pub.answer", description{e.PubAnswer.Gen, e.PubAnswer.SDP}))
	case e.SubOffer != nil:
		tracks := make([]subTrack, len(e.SubOffer.Tracks))
		for i, t := range e.SubOffer.Tracks {
			tracks[i] = subTrack{t.MID, t.Peer, t.Source}
		}
		s.out.put(textFrame("sub.offer", subOffer{e.SubOffer.Gen, e.SubOffer.SDP, tracks}))
	case e.Candidate != nil:
		s.out.put(textFrame("ice", candidate{e.Candidate.PC, e.Candidate.Init}))
	case e.Live != nil:
		live := *e.Live
		s.conf.mail.post(func() { s.conf.setLive(s, live) })
	}
}
