package realtime

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	"golang.org/x/time/rate"

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
	greeting struct {
		Name string `json:"name"`
		E2EE *bool  `json:"e2ee"` // false: this browser cannot encrypt
		Pair bool   `json:"pair"` // this page can send straight to another
	}
	welcome struct {
		Self       string      `json:"self"`
		EndsAt     time.Time   `json:"endsAt"`
		ICEServers []ICEServer `json:"iceServers"`
		People     []person    `json:"people"`
		Role       string      `json:"role"`
		roomStatus
	}
	roomStatus struct {
		Locked bool   `json:"locked"`
		Phase  string `json:"phase"`
		Mode   string `json:"mode"`
		Roll   bool   `json:"roll"`
		Epoch  int64  `json:"epoch"`
	}
	peopleList struct {
		People []person `json:"people"`
	}
	lobbyWaiting struct {
		Name   string `json:"name"`
		Locked bool   `json:"locked"`
		Why    string `json:"why"`
	}
	lobbyList struct {
		Waiting []lobbyEntry `json:"waiting"`
	}
	lobbyEntry struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Role  string `json:"role"`
		Part  string `json:"part"`
		Kind  string `json:"kind"`
		Known bool   `json:"known"`
		Why   string `json:"why"`
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
		Way int64 `json:"way"`
	}
	subOffer struct {
		Gen    int        `json:"gen"`
		SDP    string     `json:"sdp"`
		Tracks []subTrack `json:"tracks"`
		Way    int64      `json:"way,omitempty"`
	}
	subTrack struct {
		MID    string `json:"mid"`
		Peer   string `json:"peer"`
		Source string `json:"source"`
	}
	description struct {
		Gen int    `json:"gen"`
		SDP string `json:"sdp"`
		Way int64  `json:"way,omitempty"`
	}
	candidate struct {
		PC   string          `json:"pc"`
		Init json.RawMessage `json:"cand"`
		Way  int64           `json:"way,omitempty"`
	}
	trackMend struct {
		Peer   string `json:"peer"`
		Source string `json:"source"`
		Fresh  bool   `json:"fresh"`
	}
	which struct {
		PC string `json:"pc"`
	}
	// ofWay is what all bodies about connections have: the number of the way
	// that they belong to. What is under way when it changes is of no use.
	ofWay struct {
		Way int64 `json:"way"`
	}
)

// route is a socket's end, on the server, of the way that its media takes.
type route struct {
	way  int64
	peer *sfu.Peer // nil: media goes straight to the other of two
}

// control takes one text frame.
func (s *socket) control(data []byte) {
	var e envelope
	if json.Unmarshal(data, &e) != nil || e.Type == "" {
		s.complain("malformed")
		return
	}
	if e.Type == "hello" {
		s.hello(e)
		return
	}
	if !s.greets {
		s.complain("hello first")
		return
	}
	if !s.isWelcome() {
		return // who waits is told about the lobby and nothing else
	}
	if !s.pace(e.Type) {
		s.complain("rate")
		return
	}
	if !s.perform(e) {
		s.complain("malformed")
	}
}

// isWelcome says whether the socket takes part in the room.
func (s *socket) isWelcome() bool {
	select {
	case <-s.welcomed:
		return true
	default:
		return false
	}
}

func (s *socket) complain(about string) { s.out.put(textFrame("error", what{about})) }

// perform does what a text frame asks for; false when its body is unusable.
func (s *socket) perform(e envelope) bool {
	switch e.Type {
	case "pub.offer", "sub.answer", "ice", "ice.restart", "rebuild", "track.mend", "view":
		return s.signal(e)
	case "key.put":
		k, ok := body[keyPut](e)
		return ok && k.usable() && s.conf.send(inbound{from: s, kind: inKey, key: k})
	case "caption":
		l, ok := body[caption](e)
		return ok && l.usable() && s.conf.send(inbound{from: s, kind: inLine, line: l})
	case "mod.agenda":
		t, ok := body[turn](e)
		return ok && t.From != nil && t.To != nil && s.conf.send(inbound{from: s, kind: inTurn, turn: t})
	}
	if _, known := commands[e.Type]; !known {
		return true // a type of tomorrow
	}
	c, ok := body[command](e)
	return ok && s.conf.send(inbound{from: s, kind: inCommand, name: e.Type, asks: &c})
}

// paces are the types of frames that come in numbers, with how many a second
// and how many at once a socket may send.
var paces = map[string]struct {
	second rate.Limit
	burst  int
}{
	"ice":        {50, 400}, // candidates of two connections, and again after each rebuild
	"key.put":    {50, 400}, // an envelope for each other person, and again in each epoch
	"caption":    {4, 12},   // lines that somebody types, each for everybody
	"sub.answer": {50, 400}, // whenever somebody comes or goes or switches something on; one that is missing costs seconds
}

// pace says whether a frame of this type may be looked at now. Of all other
// types it is ten a second in bursts of fifty; a frame too many is not performed
// and does no other harm.
func (s *socket) pace(kind string) bool {
	limit, many := paces[kind]
	if !many {
		limit.second, limit.burst = 10, 50
		if _, known := commands[kind]; !known {
			kind = "" // types that nobody knows must not fill the memory
		}
	}
	if s.paces == nil {
		s.paces = make(map[string]*rate.Limiter)
	}
	if s.paces[kind] == nil {
		s.paces[kind] = rate.NewLimiter(limit.second, limit.burst)
	}
	return s.paces[kind].Allow()
}

// body decodes a frame's d, which must be an object.
func body[T any](e envelope) (v T, ok bool) {
	if len(e.Data) == 0 || e.Data[0] != '{' {
		return v, false
	}
	return v, json.Unmarshal(e.Data, &v) == nil
}

// signal passes on what concerns the peer connections, to the server's end of
// them or to the other of two.
func (s *socket) signal(e envelope) bool {
	on := s.route.Load()
	if on == nil {
		s.complain("media")
		return true
	}
	of, ok := body[ofWay](e)
	switch {
	case !ok:
		return false
	case of.Way != on.way && e.Type != "view":
		return true // sent before it was told that the way has changed
	case on.peer == nil:
		return s.signalPair(e, on.way)
	}
	return s.signalRoom(e, on.peer)
}

// signalRoom passes on what concerns the connections to the server; the room
// decides whether it makes sense.
func (s *socket) signalRoom(e envelope, room *sfu.Peer) bool {
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
		room.Offer(o.Gen, o.SDP, tracks)
	case "sub.answer":
		a, ok := body[description](e)
		if !ok {
			return false
		}
		room.Answer(a.Gen, a.SDP)
	case "ice":
		c, ok := body[candidate](e)
		if !ok || c.PC != "pub" && c.PC != "sub" {
			return false
		}
		room.Candidate(c.PC, c.Init)
	case "view":
		v, ok := body[view](e)
		if !ok || !v.usable() {
			return false
		}
		room.View(v.pictures(), v.LastN, v.Mode)
	case "track.mend":
		m, ok := body[trackMend](e)
		if !ok {
			return false
		}
		room.Mend(m.Peer, m.Source, m.Fresh)
	case "ice.restart", "rebuild":
		w, ok := body[which](e)
		if !ok || w.PC != "pub" && w.PC != "sub" {
			return false
		}
		if e.Type == "rebuild" {
			room.Rebuild(w.PC)
		} else {
			room.RestartICE(w.PC)
		}
	}
	return true
}

// hello asks to take part in the room: the conference lets the socket in or
// lets it wait. A second hello changes nothing.
func (s *socket) hello(e envelope) {
	if s.greets {
		return
	}
	g, _ := body[greeting](e) // a greeting may be empty
	s.greets = s.conf.ask(inbound{from: s, kind: inHello, hello: g})
}

// joinRoom makes the two peer connections to the server. Without them the
// person still writes and is seen in the list.
func (s *socket) joinRoom() {
	rooms := s.conf.hub.cfg.Rooms
	if rooms == nil {
		return
	}
	if s.visitor.plain {
		s.complain("e2ee")
		return
	}
	way := s.visitor.way
	p, err := rooms.Join(s.conf.id, s.peer, func(e sfu.Event) { s.relay(e, way) })
	if err != nil {
		s.conf.log.Warn("joining the room failed", "conference", s.conf.id, "error", err)
		s.complain("media")
		return
	}
	if v := s.visitor; v.Part == PartModerator || v.Share == shareGranted {
		p.Allow(sourceScreen, true)
	}
	if s.visitor.Part == PartModerator {
		p.Lead()
	}
	for _, source := range s.visitor.Muted {
		p.Silence(source, true)
	}
	s.enter(&route{way, p})
}

// enter closes the server's end of one way and takes up another's. It is called
// by the conference's goroutine, while the reader may be leaving: one of the two
// sees that there is something to close.
func (s *socket) enter(next *route) {
	if before := s.route.Swap(next); before != nil && before.peer != nil {
		before.peer.Close()
	}
	if code, _ := s.out.ending(); code != 0 && next != nil {
		s.leaveRoom()
	}
}

// leaveRoom returns when no more media goes over the server to or from this
// socket.
func (s *socket) leaveRoom() {
	if on := s.route.Swap(nil); on != nil && on.peer != nil {
		on.peer.Close()
	}
}

// forwarded is the socket's peer in the server's room; nil: it has none.
func (s *socket) forwarded() *sfu.Peer {
	if on := s.route.Load(); on != nil {
		return on.peer
	}
	return nil
}

// relay sends an event of the room on, as one of that way. It is called from
// the peer's goroutine and blocks no longer than until the welcome that
// everything follows is queued.
func (s *socket) relay(e sfu.Event, way int64) {
	<-s.welcomed
	switch {
	case e.PubAnswer != nil:
		s.out.put(textFrame("pub.answer", description{e.PubAnswer.Gen, e.PubAnswer.SDP, way}))
	case e.SubOffer != nil:
		tracks := make([]subTrack, len(e.SubOffer.Tracks))
		for i, t := range e.SubOffer.Tracks {
			tracks[i] = subTrack{t.MID, t.Peer, t.Source}
		}
		s.out.put(textFrame("sub.offer", subOffer{e.SubOffer.Gen, e.SubOffer.SDP, tracks, way}))
	case e.Candidate != nil:
		s.out.put(textFrame("ice", candidate{e.Candidate.PC, e.Candidate.Init, way}))
	case e.Live != nil:
		live := *e.Live
		s.conf.mail.post(func() {
			if s.visitor.way == way {
				s.conf.room.setLive(s.visitor, live)
			}
		})
	default:
		s.relayMedia(e, way)
	}
}
