package realtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pairs is a browser that can send straight to another.
func pairs(v *visitor) { v.pairs = true }

func newPairScene(t *testing.T) *scene {
	s := newScene(t)
	s.r.way.allowed = true
	return s
}

func TestTwoWhoAreAloneAreConnectedStraightUntilAThirdComes(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.want("the first", s.knocks("a", "anna", pairs), "welcome a, epoch join")
	s.want("the second", s.knocks("b", "bert", pairs), "welcome b, epoch join, way a with b, way b with a")
	s.want("the third", s.knocks("c", "carl", pairs), "welcome c, epoch join, way a, way b")
	s.want("the third leaves", s.leaves("c"), "epoch leave")
	s.want("the second leaves", s.leaves("b"), "epoch leave")
	s.want("and comes again", s.knocks("b2", "bert", pairs), "welcome b2, epoch join")
	s.want("all leave", s.leaves("a")+", "+s.leaves("b2"), "epoch leave, epoch leave")
	s.want("the first anew", s.knocks("a2", "anna", pairs), "welcome a2, epoch join")
	s.want("the second anew", s.knocks("b3", "bert", pairs), "welcome b3, epoch join, way a2 with b3, way b3 with a2")
}

func TestWhoComesBackIsConnectedStraightAgain(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.knocks("a", "anna", pairs)
	s.knocks("b", "bert", pairs)
	s.want("one loads her page anew", s.leaves("b"), "way a, epoch leave")
	s.want("and is there again", s.knocks("b2", "bert", pairs), "welcome b2, epoch join, way a with b2, way b2 with a")
}

func TestNobodyIsConnectedStraightWhoMayNotOrCannot(t *testing.T) {
	t.Parallel()
	plain := func(v *visitor) { v.pairs, v.plain = true, true }
	old := func(*visitor) {}
	for name, c := range map[string]struct {
		allowed  bool
		person   string
		with     func(*visitor)
		straight bool
	}{
		"as it should be":             {true, "bert", pairs, true},
		"the setting is off":          {false, "bert", pairs, false},
		"a page that does not offer":  {true, "bert", old, false},
		"a browser that cannot seal":  {true, "bert", plain, false},
		"another page of one person":  {true, "anna", pairs, false},
		"a moderator is one like all": {true, "maria", pairs, true},
	} {
		s := newScene(t)
		s.r.way.allowed = c.allowed
		s.knocks("a", "anna", pairs)
		if got := s.knocks("b", c.person, c.with); strings.Contains(got, "with") != c.straight {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhoWaitsChangesNoWayBeforeSheIsLetIn(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.r.open = true
	s.knocks("m", "maria", pairs)
	s.knocks("a", "anna", pairs)
	s.says("m", "mod.phase", command{Phase: phaseGuest})
	s.want("a guest at the door", s.knocks("g", "g1", pairs), "waits g")
	s.want("let in", s.says("m", "lobby.admit", command{IDs: []string{"g"}}), "record g admit, welcome g, epoch join, way m, way a")
}

func TestAWayThatFailedIsNotTriedAgainBeforeTheRoomIsEmpty(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.knocks("a", "anna", pairs)
	s.knocks("b", "bert", pairs)
	first := s.r.find("a").way
	s.want("a way of before", s.says("a", "way.failed", command{Way: first - 1}), "")
	s.want("it failed", s.says("b", "way.failed", command{Way: first}), "way a, way b")
	s.want("the other says so too", s.says("a", "way.failed", command{Way: first}), "")
	if n := s.r.find("a").way; n != first+1 || n != s.r.find("b").way {
		t.Errorf("the way has number %d after %d", n, first)
	}
	s.want("one leaves", s.leaves("b"), "epoch leave")
	s.want("and comes again", s.knocks("b2", "bert", pairs), "welcome b2, epoch join")
}

func TestWhoIsShownOutIsCutOffByTheOtherFirst(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.knocks("m", "maria", pairs)
	s.knocks("a", "anna", pairs)
	epoch := s.r.epoch
	s.want("kick", s.says("m", "mod.kick", command{Peer: "a"}), "record a remove, way m, epoch leave, out a")
	if !slices.Equal(s.r.members(), []string{"m"}) || s.r.epoch != epoch+1 {
		t.Errorf("epoch %d after %d of %v", s.r.epoch, epoch, s.r.members())
	}
	s.want("somebody comes before her socket is gone", s.knocks("b", "bert", pairs), "welcome b, epoch join, way m with b, way b with m")
	if !slices.Equal(s.r.members(), []string{"b", "m"}) {
		t.Errorf("keys go to %v", s.r.members())
	}
	s.want("her socket is gone", s.heard(s.r.gone(s.r.find("a"))), "")
}

func TestMediaThatArrivesStraightIsSaidByWhomItReaches(t *testing.T) {
	t.Parallel()
	s := newPairScene(t)
	s.knocks("a", "anna", pairs)
	s.r.setLive(s.r.find("a"), true)
	s.knocks("b", "bert", pairs)
	a, b := s.r.find("a"), s.r.find("b")
	if a.Live {
		t.Error("what reached the server counts for another way")
	}
	s.says("b", "way.up", command{Way: b.way + 1})
	if a.Live {
		t.Error("a way that is none is up")
	}
	s.says("b", "way.up", command{Way: b.way})
	if !a.Live || b.Live {
		t.Errorf("live: a %v, b %v", a.Live, b.Live)
	}
	s.says("a", "way.failed", command{Way: a.way})
	if a.Live {
		t.Error("and for the server's")
	}
}

// --- over real sockets -------------------------------------------------------

// entersPair joins with a page that can send straight to another.
func (r *rig) entersPair(person string, id uint64) *client {
	r.t.Helper()
	c := r.join("k1", person, id)
	c.text("hello", map[string]bool{"e2ee": true, "pair": true})
	until(r.t, person+" is welcomed", func() bool { return c.textOf("welcome") != nil })
	return c
}

// onWay waits until the newest way a client was told of is this, and gives its number.
func (c *client) onWay(to, with string) int64 {
	c.t.Helper()
	var last wayTaken
	until(c.t, "way: "+to+" "+with, func() bool {
		last = wayTaken{}
		json.Unmarshal(c.textOf("way"), &last)
		return last.To == to && last.With == with
	})
	return last.N
}

func newPairRig(t *testing.T) (r *rig, anna, bert *client, way int64) {
	t.Helper()
	r = newRig(t, withRooms(t), func(c *Config) { c.PeerToPeer = true })
	anna, bert = r.entersPair("anna", 1), r.entersPair("bert", 2)
	way = anna.onWay("pair", bert.hubPeer())
	if n := bert.onWay("pair", anna.hubPeer()); n != way {
		t.Fatalf("anna is on way %d, bert on %d", way, n)
	}
	return r, anna, bert, way
}

const someSDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"

type fields = map[string]any

func offerOf(way int64, gen int) fields {
	return fields{"gen": gen, "sdp": someSDP, "way": way, "tracks": []fields{{"mid": "0", "source": "mic"}}}
}

func candidateOf(way int64, pc string, port int) fields {
	line := fmt.Sprintf("candidate:1 1 udp 2122260223 192.0.2.7 %d typ host", port)
	return fields{"pc": pc, "way": way, "cand": fields{"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0, "password": "x"}}
}

func TestWhatOneSaysToTheOtherArrivesAtTheOtherEnd(t *testing.T) {
	t.Parallel()
	r, anna, bert, way := newPairRig(t)
	anna.text("pub.offer", offerOf(way, 3))
	var o subOffer
	until(t, "bert is offered what anna sends", func() bool { return json.Unmarshal(bert.textOf("sub.offer"), &o) == nil && o.Gen == 3 })
	want := subOffer{3, someSDP, []subTrack{{"0", anna.hubPeer(), "mic"}}, way}
	if fmt.Sprint(o) != fmt.Sprint(want) {
		t.Errorf("bert is offered %+v", o)
	}
	bert.text("sub.answer", description{3, someSDP, way})
	var a description
	until(t, "anna has the answer", func() bool {
		return json.Unmarshal(anna.textOf("pub.answer"), &a) == nil && a == description{3, someSDP, way}
	})
	bert.text("ice", candidateOf(way, "sub", 4000))
	until(t, "anna has the candidate for her publisher", func() bool { return anna.textOf("ice") != nil })
	if got, want := string(anna.textOf("ice")), `{"pc":"pub","cand":{"candidate":"candidate:1 1 udp 2122260223 192.0.2.7 4000 typ host","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null},"way":`; !strings.HasPrefix(got, want) {
		t.Errorf("anna gets %s", got)
	}
	bert.text("view", fields{"items": []any{}, "lastN": 9, "mode": "audio"})
	until(t, "anna hears that her picture is not wanted", func() bool { return len(anna.all("pub.layers")) == 3 })
	wishes := map[string][3]bool{}
	for _, body := range anna.all("pub.layers") {
		var p pubLayers
		json.Unmarshal(body, &p)
		wishes[p.Source] = p.Active
	}
	if on, off := [3]bool{true, true, true}, [3]bool{}; wishes["mic"] != on || wishes["camera"] != off || wishes["screen"] != off {
		t.Errorf("bert wants %v", wishes)
	}
	bert.text("way.up", fields{"way": way})
	until(t, "anna is live", func() bool {
		var list peopleList
		json.Unmarshal(bert.textOf("people"), &list)
		return len(list.People) == 2 && list.People[0].Live && !list.People[1].Live
	})
	if st := r.hub.cfg.Rooms.Stats(); st.Peers != 0 {
		t.Errorf("%d peers are left on the server", st.Peers)
	}
}

func TestNothingIsHandedOverThatHasNotTheShapeOfIt(t *testing.T) {
	t.Parallel()
	_, anna, bert, way := newPairRig(t)
	many := strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", maxHandedMedia+1)
	with := func(f fields, key string, value any) fields { f[key] = value; return f }
	line := func(s string) fields { return with(candidateOf(way, "pub", 1), "cand", fields{"candidate": s}) }
	bad := []struct {
		kind string
		body any
	}{
		{"pub.offer", with(offerOf(way, 1), "sdp", "hello")},
		{"pub.offer", with(offerOf(way, 1), "sdp", someSDP+many)},
		{"pub.offer", with(offerOf(way, 1), "sdp", someSDP+"\x00")},
		{"pub.offer", with(offerOf(way, -1), "gen", -1)},
		{"pub.offer", with(offerOf(way, 1), "tracks", []fields{{"mid": "0", "source": "ear"}})},
		{"pub.offer", with(offerOf(way, 1), "tracks", []fields{{"mid": "0", "source": "mic"}, {"mid": "1", "source": "mic"}})},
		{"pub.offer", with(offerOf(way, 1), "tracks", []fields{{"mid": strings.Repeat("0", 17), "source": "mic"}})},
		{"sub.answer", fields{"gen": 1, "sdp": 7, "way": way}},
		{"sub.answer", fields{"gen": 1, "sdp": "", "way": way}},
		{"ice", candidateOf(way, "third", 1)},
		{"ice", with(candidateOf(way, "pub", 1), "cand", "candidate")},
		{"ice", line("a\r\nb")},
		{"ice", line(strings.Repeat("a", maxHandedLine))},
		{"view", fields{"mode": "everything"}},
	}
	for _, f := range bad {
		anna.text(f.kind, f.body)
	}
	until(t, "a complaint about each", func() bool { return len(anna.all("error")) == len(bad) })
	anna.text("pub.offer", offerOf(way, 7))
	until(t, "what is good follows", func() bool { return bert.textOf("sub.offer") != nil })
	if n := len(bert.all("sub.offer")) + len(bert.all("pub.answer")) + len(bert.all("ice")) + len(bert.all("pub.layers")); n != 1 {
		t.Errorf("bert got %d frames", n)
	}
}

func TestCandidatesAreCounted(t *testing.T) {
	t.Parallel()
	_, anna, bert, way := newPairRig(t)
	for i := range maxHandedCandidates + 20 {
		anna.text("ice", candidateOf(way, "pub", i))
	}
	anna.text("pub.offer", offerOf(way, 1))
	until(t, "what is after them", func() bool { return bert.textOf("sub.offer") != nil })
	if n := len(bert.all("ice")); n != maxHandedCandidates {
		t.Errorf("%d candidates are handed over", n)
	}
}

func TestAThirdPersonMovesBothToTheServerAndHearsNothingOfTheirWay(t *testing.T) {
	t.Parallel()
	r, anna, bert, way := newPairRig(t)
	anna.text("pub.offer", offerOf(way, 1))
	until(t, "bert is offered", func() bool { return bert.textOf("sub.offer") != nil })
	waiting := r.join("k1", "dora", 4) // has not said hello
	carl := r.entersPair("carl", 3)
	next := anna.onWay("server", "")
	if n := bert.onWay("server", ""); n != next || n <= way {
		t.Fatalf("ways %d and %d after %d", next, n, way)
	}
	before := len(bert.all("sub.offer"))
	anna.text("ice", candidateOf(way, "pub", 1)) // was under way
	anna.text("pub.offer", offerOf(way, 2))
	for _, c := range []*client{carl, waiting} { // strangers to the way
		c.text("pub.offer", offerOf(way, 9))
		c.text("ice", candidateOf(way, "sub", 9))
		c.text("way.failed", fields{"way": next})
	}
	publish(t, carl)
	until(t, "carl is answered by the server", func() bool { return carl.textOf("pub.answer") != nil })
	anna.text("hand", command{Up: true})
	until(t, "all that anna said was heard", func() bool { return strings.Contains(string(bert.textOf("people")), `"handAt":1`) })
	for _, body := range slices.Concat(bert.all("sub.offer")[before:], anna.all("ice")) {
		var of ofWay
		if json.Unmarshal(body, &of); of.Way != next {
			t.Errorf("not from the server: %s", body)
		}
	}
	if st := r.hub.cfg.Rooms.Stats(); st.Peers != 3 {
		t.Errorf("%d peers are on the server", st.Peers)
	}
	for name, c := range map[string]*client{"carl": carl, "who has not said hello": waiting} {
		if c.textOf("way") != nil {
			t.Errorf("%s is told of a way", name)
		}
	}
}

func TestAWayThatFailsIsLeftByBoth(t *testing.T) {
	t.Parallel()
	r, anna, bert, way := newPairRig(t)
	bert.text("way.failed", fields{"way": way})
	next := anna.onWay("server", "")
	bert.onWay("server", "")
	until(t, "both are on the server", func() bool { return r.hub.cfg.Rooms.Stats().Peers == 2 })
	publish(t, anna)
	until(t, "the server answers", func() bool { return anna.textOf("pub.answer") != nil })
	var a description
	if json.Unmarshal(anna.textOf("pub.answer"), &a); a.Way != next {
		t.Errorf("the answer belongs to way %d, not %d", a.Way, next)
	}
	bert.ws.Close()
	<-bert.gone
	anna.inEpoch("leave", anna)
	again := r.entersPair("bert", 5)
	anna.inEpoch("join", anna, again)
	if again.textOf("way") != nil || len(anna.all("way")) != 2 {
		t.Errorf("straight is tried again: %s", anna.textOf("way"))
	}
}

func TestTheOtherHearsFirstThatSomebodyIsShownOut(t *testing.T) {
	t.Parallel()
	r, anna, bert, _ := newPairRig(t)
	before := len(bert.epochs())
	r.hub.Drop("k1", "bert", "withdrawn")
	anna.onWay("server", "")
	anna.inEpoch("leave", anna)
	if code, _ := bert.ended(); code != closeEnded {
		t.Errorf("bert ends with %d", code)
	}
	if n := len(bert.epochs()); n != before || len(bert.all("way")) != 1 {
		t.Errorf("bert was told of %d epochs and %d ways", n-before, len(bert.all("way")))
	}
	until(t, "bert has left the list", func() bool {
		var list peopleList
		json.Unmarshal(anna.textOf("people"), &list)
		return len(list.People) == 1
	})
	if n := len(anna.epochs()); anna.epochs()[n-1].Reason != "leave" || anna.epochs()[n-2].Reason != "join" {
		t.Errorf("one who leaves ends %+v", anna.epochs())
	}
}
