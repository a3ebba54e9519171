package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// captions gives the lines that a client got.
func (c *client) captions() (all []captionFrom) {
	for _, body := range c.all("caption") {
		var l captionFrom
		json.Unmarshal(body, &l)
		all = append(all, l)
	}
	return all
}

// errors gives what a client was told that it may not.
func (c *client) errors() (all []string) {
	for _, body := range c.all("error") {
		var e what
		json.Unmarshal(body, &e)
		all = append(all, e.What)
	}
	return all
}

func TestALineOfAnInterpreterReachesEverybodyInTheRoomAndNobodyInFrontOfIt(t *testing.T) {
	t.Parallel()
	r := openRig(t)
	m := r.visits("k1", "maria", PartModerator)
	anna := r.enters("k1", "anna", 2)
	old := r.join("k1", "otto", 3)
	old.text("hello", map[string]bool{"e2ee": false})
	m.text("mod.phase", command{Phase: "guest"})
	dora := r.visits("k1", "dora", PartGuest, func(g *Guest) { g.Kind = "interpreter" })
	gina := r.visits("k1", "gina", PartGuest, func(g *Guest) { g.Kind = "client" })
	until(t, "two wait", func() bool { return len(m.waiting()) == 2 })
	m.text("lobby.admit", command{})
	for _, g := range []*client{dora, gina} {
		until(t, "the guests are in", func() bool { return g.textOf("welcome") != nil })
	}
	late := r.visits("k1", "lena", PartGuest, func(g *Guest) { g.Kind = "trusted" })
	until(t, "one waits", func() bool { return len(m.waiting()) == 1 })
	elsewhere := r.enters("k2", "emil", 4)

	long := strings.Repeat("a", maxLine)
	dora.text("caption", caption{7, "Zm9v-_"})
	dora.text("caption", caption{8, long})
	want := []captionFrom{{7, dora.hubPeer(), "Zm9v-_"}, {8, dora.hubPeer(), long}}
	for _, c := range []*client{m, anna, gina} {
		until(t, "both lines came", func() bool { return slices.Equal(c.captions(), want) })
	}
	m.text("lobby.deny", command{ID: m.waiting()[0].ID}) // the last thing that she hears
	until(t, "she is sent away", func() bool { return late.textOf("lobby.denied") != nil })
	old.text("hand", command{Up: true})
	until(t, "his hand is up", func() bool { return strings.Contains(string(old.textOf("people")), `"hand":true`) })
	elsewhere.text("hand", command{Up: true})
	until(t, "a hand is up elsewhere", func() bool { return strings.Contains(string(elsewhere.textOf("people")), `"hand":true`) })
	for name, c := range map[string]*client{"its writer": dora, "who waits": late, "a browser without keys": old, "another room": elsewhere} {
		if got := c.captions(); len(got) > 0 {
			t.Errorf("%s got %+v", name, got)
		}
	}
}

func TestOnlyWhoMayWriteCaptionsIsPassedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := r.visits("k1", "maria", PartModerator)
	anna, bert := r.enters("k1", "anna", 2), r.enters("k1", "bert", 3)
	anna.text("caption", caption{1, "AAAA"})
	until(t, "anna may not", func() bool { return slices.Equal(anna.errors(), []string{"rights"}) })
	anna.text("mod.caption", command{Peer: anna.hubPeer(), On: true})
	until(t, "nor let herself", func() bool { return len(anna.errors()) == 2 })
	m.text("mod.caption", command{Peer: anna.hubPeer(), On: true})
	until(t, "she may now, and everybody sees it", func() bool { return mayIn(bert, anna) })
	anna.text("caption", caption{1, "BBBB"})
	until(t, "her line comes", func() bool { return len(bert.captions()) == 1 })

	for _, l := range []any{caption{1, ""}, caption{0, "AAAA"}, caption{1, "Grüße"}, caption{1, strings.Repeat("A", maxLine+1)}, "AAAA", nil} {
		before := len(anna.errors())
		anna.text("caption", l)
		until(t, "no line", func() bool { all := anna.errors(); return len(all) > before && all[before] == "malformed" })
	}
	for range 30 {
		m.text("caption", caption{1, "CCCC"})
	}
	until(t, "too many at once are not passed on", func() bool { return slices.Contains(m.errors(), "rate") })
	m.text("mod.caption", command{Peer: anna.hubPeer(), On: false})
	until(t, "it is taken back", func() bool { return !mayIn(m, anna) })
	before := len(anna.errors())
	anna.text("caption", caption{1, "DDDD"})
	until(t, "and holds", func() bool { return len(anna.errors()) > before })
	for _, l := range bert.captions() {
		if l.Blob == "AAAA" || l.Blob == "DDDD" {
			t.Errorf("%s was passed on", l.Blob)
		}
	}
}

// mayIn says whether somebody may write captions, as another one's list has it.
func mayIn(c, of *client) bool {
	var list peopleList
	json.Unmarshal(c.textOf("people"), &list)
	return slices.ContainsFunc(list.People, func(p person) bool { return p.Peer == of.hubPeer() && p.Captions })
}

func TestWhoWasLetWriteCaptionsMayStillWhenSheComesAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("1", "maria")
	s.knocks("2", "anna")
	may := func(peer string) bool { return s.r.find(peer).Captions }
	if !may("1") || may("2") {
		t.Fatal("a moderator may, others may not")
	}
	s.says("1", "mod.caption", command{Peer: "2", On: true})
	s.leaves("2")
	s.knocks("3", "anna")
	if !may("3") {
		t.Error("she has to be let again")
	}
	s.says("1", "mod.caption", command{Peer: "3"})
	s.knocks("4", "anna")
	if may("3") || may("4") {
		t.Error("what was taken back is given by another page")
	}
	if got := s.says("1", "mod.caption", command{Peer: "1"}); !strings.Contains(got, "error") || !may("1") {
		t.Errorf("a moderator is kept from it: %s", got)
	}
}

func TestTheListNamesTheKeysThatVouchForSomebody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.visits("k1", "maria", PartModerator, func(g *Guest) { g.Devices = []string{"p1", "p2"} })
	bert := r.enters("k1", "bert", 2)
	until(t, "both are in the list", func() bool {
		var list peopleList
		json.Unmarshal(bert.textOf("people"), &list)
		return len(list.People) == 2 && slices.Equal(list.People[0].Devices, []string{"p1", "p2"}) && list.People[1].Devices != nil
	})
}
