package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// visits connects somebody of another part than a participant, who says hello.
func (r *rig) visits(conference, person, part string, change ...func(*Guest)) *client {
	r.t.Helper()
	g := guest(conference, person)
	g.Part = part
	for _, c := range change {
		c(&g)
	}
	c := r.joinWith(g, uint64(len(person))<<20|uint64(person[0]), ydoc.New())
	c.text("hello", map[string]string{"name": "Mia"})
	if part == PartModerator { // who waits for nobody is in before anybody who comes later
		until(r.t, person+" is welcomed", func() bool { return c.textOf("welcome") != nil })
	}
	return c
}

// kinds are the types of the text frames that came.
func (c *client) kinds() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.texts {
		all = append(all, e.Type)
	}
	return all
}

// notes says whether anything of the notes came: any binary frame does.
func (c *client) notes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hello != nil || c.docs > 0 || c.synced || len(c.aware) > 0 || len(c.states) > 0 || c.acked > 0 || len(c.refused) > 0
}

func (c *client) waiting() []lobbyEntry {
	var list lobbyList
	json.Unmarshal(c.textOf("lobby.list"), &list)
	return list.Waiting
}

// openRig is a rig whose conferences are for guests too.
func openRig(t *testing.T, options ...func(*Config)) *rig {
	r := newRig(t, options...)
	r.gate.set(func(p *porter) { p.open = true })
	return r
}

func TestWhoWaitsHearsOfTheLobbyAndNothingElse(t *testing.T) {
	t.Parallel()
	r := openRig(t, withRooms(t))
	m := r.visits("k1", "maria", PartModerator)
	a := r.enters("k1", "anna", 2)
	g := r.visits("k1", "gast", PartGuest, func(g *Guest) { g.Kind = "client" })
	until(t, "the guest waits", func() bool { return g.textOf("lobby.waiting") != nil })
	until(t, "the moderator sees it", func() bool { return len(m.waiting()) == 1 })
	if w := m.waiting()[0]; w.Name != "Mia" || !w.Known || w.Kind != "client" || w.Part != PartGuest {
		t.Errorf("the moderator sees %+v", w)
	}
	// Everything that could be told while she waits, and everything she could ask for.
	a.edit("lage", 0, 0, "geheim")
	a.text("hand", command{Up: true})
	a.text("key.put", keyPut{1, "", "AAAA"})
	a.text("key.put", keyPut{1, g.hubPeer(), "AAAA"})
	r.hub.Refresh("k1", "measures")
	r.hub.Sealing("k1", time.Millisecond)
	r.hub.Unseal("k1")
	g.send(msgAwareness, 1, []byte{0})
	g.edit("lage", 0, 0, "dazwischen")
	for kind := range commands {
		g.text(kind, command{IDs: []string{m.waiting()[0].ID}, Peer: a.hubPeer(), Up: true, On: true})
	}
	for _, kind := range []string{"hello", "rebuild", "pub.offer", "ice", "view", "key.put", "nonsense"} {
		g.text(kind, map[string]any{"pc": "sub", "gen": 1, "sdp": "v=0", "epoch": 1, "blob": "AAAA"})
	}
	until(t, "anna's edit is saved and her hand is seen", func() bool {
		p := m.peopleSeen()
		return a.saved() && len(p) == 2 && p[1].Hand
	})
	m.text("mod.lock", command{On: true}) // which those who wait are told: all before has been dealt with
	until(t, "the lock is told", func() bool { return len(g.all("lobby.waiting")) == 2 })
	if kinds := g.kinds(); !slices.Equal(kinds, []string{"lobby.waiting", "lobby.waiting"}) || g.notes() {
		t.Errorf("who waits heard %v, notes %v", kinds, g.notes())
	}
	if a.textOf("lobby.list") != nil {
		t.Error("a participant is told who waits")
	}
	if log := r.notes.replay(t, "k1")["lage"]; log != "geheim" {
		t.Errorf("the log reads %q", log)
	}
	m.text("mod.phase", command{Phase: phaseGuest})
	m.text("lobby.admit", command{})
	until(t, "the guest is welcome", func() bool { return g.textOf("welcome") != nil })
	var w welcome
	json.Unmarshal(g.textOf("welcome"), &w)
	if w.Role != PartGuest || w.Phase != phaseGuest || w.Mode != "open" || !w.Locked || len(w.People) != 3 || w.People[2].Name != "Mia" {
		t.Errorf("welcome: %+v", w)
	}
	g.text("hand", command{Up: true})
	until(t, "her hand is seen", func() bool { p := a.peopleSeen(); return len(p) == 3 && p[2].HandAt == 2 })
	if a.edit("lage", 0, 0, "noch "); g.notes() {
		t.Error("a guest in the room gets notes")
	}
}

func TestRefusedOnesAreToldAndClosed(t *testing.T) {
	t.Parallel()
	r := openRig(t)
	m := r.visits("k1", "maria", PartModerator)
	g := r.visits("k1", "gast", PartGuest)
	until(t, "one waits", func() bool { return len(m.waiting()) == 1 })
	m.text("lobby.deny", command{ID: m.waiting()[0].ID})
	if code, reason := g.ended(); code != closeEnded || reason != reasonNo || string(g.textOf("lobby.denied")) != `{"reason":"denied"}` {
		t.Errorf("refused: %d %q %s", code, reason, g.textOf("lobby.denied"))
	}
	until(t, "nobody waits", func() bool { return len(m.waiting()) == 0 })
	if code, _ := r.visits("k1", "gast", PartGuest).ended(); code != closeEnded {
		t.Errorf("at once again: %d", code)
	}
	stranger := func(g *Guest) { g.Unknown, g.Session = true, "s-gast" }
	for i := range maxUnknown {
		r.visits("k1", "fremd"+name(i), PartGuest, stranger)
	}
	until(t, "they wait as unknown", func() bool { w := m.waiting(); return len(w) == maxUnknown && !w[0].Known && !w[1].Known })
	if code, reason := r.visits("k1", "fremder", PartGuest, stranger).ended(); code != closeEnded || reason != reasonFull {
		t.Errorf("one too many: %d %q", code, reason)
	}
	until(t, "it is on record", func() bool {
		r.gate.mu.Lock()
		defer r.gate.mu.Unlock()
		return slices.Contains(r.gate.events, "deny maria gast") && !slices.ContainsFunc(r.gate.events, func(e string) bool { return strings.Contains(e, "joined gast") })
	})
}

// listener answers a subscriber connection like a browser and counts packets.
type listener struct {
	pc      *webrtc.PeerConnection
	packets atomic.Int64
	offers  int
	ice     int
}

func listens(t *testing.T, c *client) *listener {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	l := &listener{pc: pc}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			if _, _, err := track.Read(buf); err != nil {
				return
			}
			l.packets.Add(1)
		}
	})
	pc.OnICECandidate(func(cand *webrtc.ICECandidate) {
		if cand != nil {
			c.text("ice", map[string]any{"pc": "sub", "cand": cand.ToJSON()})
		}
	})
	return l
}

// follow answers what was offered since.
func (l *listener) follow(t *testing.T, c *client) {
	for _, body := range c.all("sub.offer")[l.offers:] {
		l.offers++
		var o subOffer
		json.Unmarshal(body, &o)
		if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}); err != nil {
			t.Fatal(err)
		}
		answer, err := l.pc.CreateAnswer(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.pc.SetLocalDescription(answer); err != nil {
			t.Fatal(err)
		}
		c.text("sub.answer", description{Gen: o.Gen, SDP: answer.SDP})
	}
	if l.offers > 0 {
		l.ice = takeCandidates(c, l.pc, "sub", l.ice)
	}
}

// takeCandidates adds what came since the first taken ones.
func takeCandidates(c *client, pc *webrtc.PeerConnection, side string, taken int) int {
	for _, body := range c.all("ice")[taken:] {
		var cand struct {
			PC   string                  `json:"pc"`
			Init webrtc.ICECandidateInit `json:"cand"`
		}
		if json.Unmarshal(body, &cand) == nil && cand.PC == side {
			pc.AddICECandidate(cand.Init)
		}
		taken++
	}
	return taken
}

func TestAfterARemovalNoPacketAndNoFrameReachesThePerson(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	m := r.visits("k1", "maria", PartModerator)
	until(t, "the moderator is in", func() bool { return m.textOf("welcome") != nil })
	bert := r.enters("k1", "bert", 7)
	scribe := r.join("k1", "bert", 8) // his other page, which never said hello
	until(t, "it reads", scribe.saved)
	l := listens(t, bert)
	pc, mic := publish(t, m)
	until(t, "an answer", func() bool { return m.textOf("pub.answer") != nil })
	var answer description
	json.Unmarshal(m.textOf("pub.answer"), &answer)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	taken := 0
	speak := func() {
		taken = takeCandidates(m, pc, "pub", taken)
		mic.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond})
	}
	until(t, "bert hears the moderator", func() bool {
		speak()
		l.follow(t, bert)
		return l.packets.Load() > 5
	})
	before := len(m.epochs())
	m.text("mod.kick", command{Peer: bert.hubPeer()})
	for _, c := range []*client{bert, scribe} {
		if code, reason := c.ended(); code != closeEnded || reason != reasonKick {
			t.Errorf("removed with %d %q", code, reason)
		}
	}
	if string(bert.textOf("ended")) != `{"reason":"kicked"}` {
		t.Errorf("bert is told %s", bert.textOf("ended"))
	}
	until(t, "an epoch without him", func() bool {
		all := m.epochs()
		return len(all) > before && slices.Equal(all[len(all)-1].Members, []string{m.hubPeer()})
	})
	time.Sleep(100 * time.Millisecond) // for what the kernel still held
	packets, frames := l.packets.Load(), len(bert.kinds())
	for range 20 {
		speak()
		m.edit("lage", 0, 0, "x")
		time.Sleep(5 * time.Millisecond)
	}
	until(t, "the others go on", m.saved)
	if got := l.packets.Load(); got != packets || len(bert.kinds()) != frames {
		t.Errorf("%d packets and %d frames after the removal", got-packets, len(bert.kinds())-frames)
	}
	back := r.join("k1", "bert", 9)
	back.text("hello", struct{}{})
	until(t, "he comes as far as the lobby", func() bool {
		return string(back.textOf("lobby.waiting")) == `{"name":"BERT","locked":false,"why":"kicked"}`
	})
	if back.notes() {
		t.Error("he gets notes in the lobby")
	}
	until(t, "the moderator sees that he waits", func() bool { return len(m.waiting()) == 1 })
	m.text("lobby.admit", command{IDs: []string{m.waiting()[0].ID}})
	until(t, "he is let in", func() bool { return back.textOf("welcome") != nil })
	back.send(msgSync, syncStep1, back.vector()) // what was asked for in the lobby is not remembered
	until(t, "he reads and writes", back.saved)
}

func TestWhoIsSentBackLosesEverythingAndWaits(t *testing.T) {
	t.Parallel()
	r := openRig(t, withRooms(t))
	m := r.visits("k1", "maria", PartModerator)
	a := r.enters("k1", "anna", 5)
	m.text("lobby.return", command{Peer: a.hubPeer()})
	if code, reason := a.ended(); code != closeReturned || reason != reasonBack {
		t.Errorf("sent back with %d %q", code, reason)
	}
	until(t, "she has left the list", func() bool { return len(m.peopleSeen()) == 1 })
	again := r.join("k1", "anna", 6)
	again.text("hello", struct{}{})
	until(t, "she waits", func() bool { return again.textOf("lobby.waiting") != nil })
	r.gate.set(func(p *porter) { p.denied["anna"] = "withdrawn" })
	if code, reason := again.ended(); code != closeEnded || reason != "withdrawn" || string(again.textOf("lobby.denied")) != `{"reason":"withdrawn"}` {
		t.Errorf("her right is gone while she waits: %d %q %s", code, reason, again.textOf("lobby.denied"))
	}
}

func TestCommandsWithoutTheRightAndTooManyAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.enters("k1", "anna", 1), r.enters("k1", "bert", 2)
	a.text("mod.kick", command{Peer: b.hubPeer()})
	until(t, "refused", func() bool { return string(a.textOf("error")) == `{"what":"rights"}` })
	for i := range 120 {
		a.text("hand", command{Up: i%2 == 0})
	}
	until(t, "too many", func() bool { return string(a.textOf("error")) == `{"what":"rate"}` })
	a.text("stats", map[string]any{"missing": []any{}}) // another type has a limit of its own
	a.text("stats", 7)
	until(t, "which is looked at", func() bool { return string(a.textOf("error")) == `{"what":"malformed"}` })
	b.text("hand", command{Up: true})
	until(t, "nobody was removed", func() bool {
		p := a.peopleSeen()
		return len(p) == 2 && p[1].Hand
	})
}
