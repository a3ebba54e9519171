package realtime

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// scene is a room without sockets, on a clock of its own.
type scene struct {
	t   *testing.T
	r   *roomState
	now time.Time
}

func newScene(t *testing.T) *scene {
	return &scene{t, newRoomState(), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
}

// knocks lets a socket of a person say hello. Persons are named by their part:
// m… moderates, g… is a guest, u… came with the link of g…, others have a seat.
func (s *scene) knocks(peer, person string, with ...func(*visitor)) string {
	g := Guest{Person: person, Session: "s-" + person, Name: person}
	switch person[0] {
	case 'm':
		g.Part = PartModerator
	case 'g':
		g.Part, g.Kind = PartGuest, "client"
	case 'u':
		g.Part, g.Kind, g.Unknown, g.Session = PartGuest, "client", true, "s-g"+person[1:2]
	}
	v := newVisitor(peer, g, "")
	for _, change := range with {
		change(v)
	}
	return s.heard(s.r.knock(v, s.now))
}

// says lets a socket ask for something.
func (s *scene) says(peer, kind string, c command) string {
	return s.heard(s.r.command(s.r.find(peer), kind, c, s.now))
}

// leaves lets a socket go, its media closed.
func (s *scene) leaves(peer string) string {
	v := s.r.find(peer)
	return s.heard(append(s.r.depart(v), s.r.gone(v)...))
}

// heard spells effects.
func (s *scene) heard(effects []effect) string {
	names := map[effectKind]string{
		doWait: "waits", doDeny: "denied", doLetIn: "welcome", doEpoch: "epoch", doSendBack: "back", doRemove: "out",
		doReplace: "replaced", doComplain: "error", doSilence: "silence", doAllow: "allow", doRecord: "record", doWay: "way",
	}
	var all []string
	for _, e := range effects {
		words := []string{names[e.do]}
		if e.to != nil {
			words = append(words, e.to.Peer)
		}
		if e.what != "" && e.do != doSendBack && e.do != doRemove {
			words = append(words, e.what)
		}
		if e.do == doWay && s.r.partner(e.to) != nil {
			words = append(words, "with", s.r.partner(e.to).Peer)
		}
		if e.do == doSilence || e.do == doAllow {
			words = append(words, fmt.Sprint(e.on))
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, ", ")
}

func (s *scene) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// inRoom names the peers in the room in the order of arrival, and those who
// wait after a bar.
func (s *scene) inRoom() string {
	var in, out []string
	for _, v := range s.r.visitors {
		if v.in {
			in = append(in, v.Peer)
		} else {
			out = append(out, v.Peer)
		}
	}
	return strings.Join(in, " ") + " | " + strings.Join(out, " ")
}

func TestWhoHasASeatComesInAndGuestsWait(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.want("a participant", s.knocks("a", "anna"), "welcome a, epoch join")
	s.want("a moderator", s.knocks("m", "maria"), "welcome m, epoch join")
	s.want("a guest", s.knocks("g", "g1"), "waits g")
	s.want("the room", s.inRoom(), "a m | g")
	s.want("who waits asks for nothing", s.says("g", "hand", command{Up: true}), "")
	s.want("somebody who is not there", s.heard(s.r.command(nil, "hand", command{Up: true}, s.now)), "")
	s.want("a participant who leaves", s.leaves("a"), "epoch leave")
	s.want("a guest who leaves the lobby", s.leaves("g"), "")
	if s.r.epoch != 3 || !slices.Equal(s.r.members(), []string{"m"}) {
		t.Errorf("epoch %d of %v", s.r.epoch, s.r.members())
	}
}

func TestOnlyModeratorsModerate(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.r.open = true
	s.knocks("m", "maria")
	s.says("m", "mod.phase", command{Phase: phaseGuest})
	s.knocks("a", "anna")
	s.knocks("b", "bert")
	s.knocks("g", "g1")
	s.says("m", "lobby.admit", command{IDs: []string{"g"}})
	s.knocks("w", "g2")
	before := s.inRoom()
	asked := command{IDs: []string{"w"}, ID: "w", Peer: "b", Source: sourceMic, Phase: phaseExperts, On: true}
	for kind, c := range commands {
		if !c.moderators {
			continue
		}
		for _, peer := range []string{"a", "g"} {
			s.want(peer+" asks "+kind, s.says(peer, kind, asked), "error "+peer+" rights")
		}
		s.want("who waits asks "+kind, s.says("w", kind, asked), "")
	}
	if s.inRoom() != before || s.r.locked || s.r.roll || s.r.phase != phaseGuest || len(s.r.find("b").Muted) > 0 {
		t.Error("and it had an effect")
	}
	s.want("an unknown command", s.says("m", "mod.erase", asked), "")
}

func TestModeratorsAdmitRefuseAndSendBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.r.open = true
	s.knocks("m", "maria")
	s.knocks("g", "g1")
	s.knocks("h", "g2")
	s.knocks("u", "u1x")
	one := func(peer string) command { return command{IDs: []string{peer}} }
	s.want("outside their phase", s.says("m", "lobby.admit", one("g")), "error m phase")
	s.want("the phase begins", s.says("m", "mod.phase", command{Phase: phaseGuest}), "record phase_guest")
	s.want("and again", s.says("m", "mod.phase", command{Phase: phaseGuest}), "")
	s.want("all, but strangers", s.says("m", "lobby.admit", command{}), "record g admit, record h admit, welcome g, welcome h, epoch join")
	s.want("nobody is left to admit", s.says("m", "lobby.admit", command{}), "")
	s.want("a stranger by name", s.says("m", "lobby.admit", one("u")), "record u admit, welcome u, epoch join")
	s.want("again", s.says("m", "lobby.admit", one("u")), "")
	s.want("one who comes back", s.leaves("g")+"; "+s.knocks("g", "g1"), "epoch leave; welcome g, epoch join")
	s.want("sent back", s.says("m", "lobby.return", command{Peer: "g"}), "record g return, back g")
	s.want("twice", s.says("m", "lobby.return", command{Peer: "g"}), "")
	s.want("its commands count no more", s.says("g", "hand", command{Up: true}), "")
	s.want("its media is gone", s.leaves("g"), "epoch leave")
	s.want("it waits", s.knocks("g", "g1"), "waits g")
	if why := s.r.whyWaits(s.r.find("g")); why != reasonBack {
		t.Errorf("it waits because %q", why)
	}
	s.want("refused", s.says("m", "lobby.deny", command{ID: "g"}), "record g deny, denied g denied")
	s.want("twice", s.says("m", "lobby.deny", command{ID: "g"}), "")
	s.want("somebody inside is not refused", s.says("m", "lobby.deny", command{ID: "h"}), "")
	s.want("too early again", s.knocks("g", "g1"), "denied g denied")
	s.now = s.now.Add(knockAgain)
	s.want("after a while", s.knocks("g", "g1"), "waits g")
}

func TestWhoIsRemovedComesNoFurtherThanTheLobby(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("m", "maria")
	s.knocks("n", "max")
	s.knocks("a", "anna")
	s.knocks("a2", "anna")
	s.want("a moderator is not removed", s.says("m", "mod.kick", command{Peer: "n"}), "error m rights")
	s.want("nor sent back", s.says("m", "lobby.return", command{Peer: "m"}), "error m rights")
	s.want("nobody", s.says("m", "mod.kick", command{Peer: "x"}), "")
	s.want("a participant", s.says("m", "mod.kick", command{Peer: "a"}), "record a remove, out a")
	if s.inRoom() != "m n a a2 | " || s.r.epoch != 4 {
		t.Errorf("before the media is closed: %q in epoch %d", s.inRoom(), s.r.epoch)
	}
	s.want("both pages are going", s.says("a2", "hand", command{Up: true}), "")
	s.want("the first has gone", s.heard(s.r.gone(s.r.find("a"))), "epoch leave")
	s.want("the second has gone", s.heard(s.r.gone(s.r.find("a2"))), "epoch leave")
	s.want("back", s.knocks("b", "anna"), "waits b")
	s.want("not with all", s.says("m", "lobby.admit", command{}), "")
	s.want("by name", s.says("m", "lobby.admit", command{IDs: []string{"b"}}), "record b admit, welcome b, epoch join")
	s.want("from then on as before", s.leaves("b")+"; "+s.knocks("b", "anna"), "epoch leave; welcome b, epoch join")
	s.r.holdBack("anna")
	s.want("the record is older", s.leaves("b")+"; "+s.knocks("b", "anna"), "epoch leave; welcome b, epoch join")
	s.r.holdBack("bert")
	s.want("removed before a restart", s.knocks("c", "bert"), "waits c")
}

func TestGuestsAreThereInTheirPhaseOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("m", "maria")
	s.knocks("a", "anna")
	s.want("no guests are foreseen", s.says("m", "mod.phase", command{Phase: phaseGuest}), "error m phase")
	s.want("foreseen", s.heard(s.r.setOpen(true)), "")
	s.want("no such phase", s.says("m", "mod.phase", command{Phase: "tea"}), "error m phase")
	s.says("m", "mod.phase", command{Phase: phaseGuest})
	s.knocks("g", "g1")
	s.knocks("h", "g2")
	s.says("m", "lobby.admit", command{})
	s.leaves("h") // her network broke
	s.want("the phase ends", s.says("m", "mod.phase", command{Phase: phaseExperts}), "record phase_experts, back g")
	s.leaves("g")
	s.want("who was away waits too", s.knocks("h", "g2"), "waits h")
	s.says("m", "mod.phase", command{Phase: phaseGuest})
	s.want("and in the next phase, unless asked in", s.knocks("g", "g1"), "waits g")
	s.says("m", "lobby.admit", command{IDs: []string{"g"}})
	s.want("guests are foreseen no more", s.heard(s.r.setOpen(false)), "record phase_experts, back g")
	if s.inRoom() != "m a g | h" || s.r.mode() != "pseudonymous" {
		t.Errorf("%q, %s", s.inRoom(), s.r.mode())
	}
}

func TestTheLobbyIsBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("g", "g1")
	s.want("a page loaded again replaces the one before", s.knocks("g'", "g1"), "replaced g, waits g'")
	s.want("a stranger", s.knocks("u1", "u1x"), "waits u1")
	s.want("another", s.knocks("u2", "u1y"), "waits u2")
	s.want("a third with one link", s.knocks("u3", "u1z"), "denied u3 full")
	s.want("the guest herself still may", s.knocks("g", "g1"), "replaced g', waits g")
	s.want("strangers with another link too", s.knocks("v", "u2x"), "waits v")
	for i := len(s.r.waiting()); i < maxWaiting; i++ {
		p := fmt.Sprintf("g%d", 100+i)
		s.want("one more", s.knocks(p, p), "waits "+p)
	}
	s.want("too many", s.knocks("z", "g99"), "denied z full")
	s.want("who has a seat needs no place", s.knocks("m", "maria"), "welcome m, epoch join")
	s.want("locked", s.says("m", "mod.lock", command{On: true})[:len("record lock, waits ")], "record lock, waits ")
	s.want("locked again", s.says("m", "mod.lock", command{On: true}), "")
	s.leaves("u1")
	s.want("a stranger before a locked room", s.knocks("u4", "u1w"), "denied u4 locked")
	s.leaves("v")
	s.want("a guest before a locked room", s.knocks("w", "g50"), "waits w")
	s.want("a participant", s.knocks("a", "anna"), "welcome a, epoch join")
}

func TestWhatAModeratorSilencesIsLiftedBySwitchingOffAndOn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("m", "maria")
	s.knocks("a", "anna")
	mic := func(on bool) command { return command{Mic: on, Camera: true} }
	s.says("a", "media", mic(true))
	s.want("no such source", s.says("m", "mod.mute", command{Peer: "a", Source: "gong"}), "error m malformed")
	s.want("silenced", s.says("m", "mod.mute", command{Peer: "a", Source: sourceMic}), "silence a mic true")
	s.want("twice", s.says("m", "mod.mute", command{Peer: "a", Source: sourceMic}), "")
	s.want("a page that takes no notice", s.says("a", "media", mic(true)), "")
	if a := s.r.find("a"); a.Mic || !a.Camera || !slices.Equal(a.Muted, []string{sourceMic}) {
		t.Errorf("shown as %+v", a.person)
	}
	s.want("off", s.says("a", "media", mic(false)), "")
	s.want("and on", s.says("a", "media", mic(true)), "silence a mic false")
	if a := s.r.find("a"); !a.Mic || len(a.Muted) > 0 {
		t.Errorf("shown as %+v", a.person)
	}
}

func TestTheScreenIsSharedOnRequest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.knocks("m", "maria")
	s.knocks("a", "anna")
	share := func(peer string) string { return s.r.find(peer).Share }
	screen := command{Screen: true}
	s.says("a", "media", screen)
	if s.r.find("a").Screen || share("m") != shareGranted {
		t.Error("shown as shared before it was asked for")
	}
	s.want("asks", s.says("a", "share.request", command{On: true})+share("a"), shareAsks)
	s.want("thinks again", s.says("a", "share.request", command{})+share("a"), "")
	s.says("a", "share.request", command{On: true})
	s.want("granted", s.says("m", "mod.share", command{Peer: "a", On: true})+" "+share("a"), "allow a screen true granted")
	s.want("twice", s.says("m", "mod.share", command{Peer: "a", On: true}), "")
	s.says("a", "media", screen)
	if !s.r.find("a").Screen {
		t.Error("not shown as shared")
	}
	s.want("taken back", s.says("m", "mod.share", command{Peer: "a"})+share("a"), "allow a screen false")
	if s.r.find("a").Screen {
		t.Error("still shown as shared")
	}
	s.want("unasked", s.says("m", "mod.share", command{Peer: "a", On: true}), "allow a screen true")
	s.want("given back", s.says("a", "share.request", command{}), "allow a screen false")
	s.want("a moderator needs no leave", s.says("m", "share.request", command{}), "")
}

func TestHandsAreNumberedAndTheRollIsCalled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, p := range []string{"m", "anna", "anna2", "bert"} {
		s.knocks(p, strings.TrimSuffix(p, "2"))
	}
	order := func() (all []int) {
		for _, p := range s.r.list() {
			all = append(all, p.HandAt)
		}
		return all
	}
	for _, p := range []string{"bert", "anna", "bert"} { // raising twice keeps the place
		s.says(p, "hand", command{Up: true})
	}
	if got := order(); !slices.Equal(got, []int{0, 2, 0, 1}) {
		t.Errorf("order %v", got)
	}
	s.says("m", "mod.hand", command{Peer: "bert"})
	s.says("bert", "hand", command{Up: true})
	if got := order(); !slices.Equal(got, []int{0, 2, 0, 3}) {
		t.Errorf("order %v", got)
	}
	s.want("nobody called", s.says("anna", "present", command{}), "")
	s.want("called", s.says("m", "mod.roll", command{On: true}), "record roll")
	s.want("twice", s.says("m", "mod.roll", command{On: true}), "")
	s.want("here", s.says("anna", "present", command{}), "record anna present")
	s.want("on her other page too", s.says("anna2", "present", command{}), "")
	s.knocks("anna3", "anna")
	var rolls []bool
	for _, p := range s.r.list() {
		rolls = append(rolls, p.Roll)
	}
	if !slices.Equal(rolls, []bool{false, true, true, false, true}) {
		t.Errorf("confirmed %v", rolls)
	}
	s.want("ended", s.says("m", "mod.roll", command{}), "record roll_end")
	s.says("m", "mod.roll", command{On: true})
	if slices.ContainsFunc(s.r.list(), func(p person) bool { return p.Roll }) {
		t.Error("a new roll call begins with somebody confirmed")
	}
}

func TestANameThatAGuestTypesIsOneShortLine(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                               "Gast",
		"  Mia \n\t Bo ":                 "Mia Bo",
		"\u202eaiM":                      "aiM",
		"a\x00b\u200b\ufffdc\u2066d":     "abcd",
		strings.Repeat("ä", maxName+20):  strings.Repeat("ä", maxName),
		"\xff\xfe":                       "Gast",
		strings.Repeat("x ", maxName):    strings.TrimSpace(strings.Repeat("x ", maxName/2)),
		"<b>Mia</b>":                     "<b>Mia</b>",
		"\u00a0\u2003\u3000":             "Gast",
		"José María Ñandú-O’Neill d’Arc": "José María Ñandú-O’Neill d’Arc",
	} {
		if got := newVisitor("p", Guest{Name: "Gast", Part: PartGuest}, typed).Name; got != want {
			t.Errorf("%q became %q", typed, got)
		}
	}
	if got := newVisitor("p", Guest{Name: "Dr. Kern"}, "Mia").Name; got != "Dr. Kern" {
		t.Errorf("somebody with an account is called %q", got)
	}
}

// Whatever happens in whatever order: guests are inside in their phase only,
// nobody is in the room or the keys who was not let in, and the lobby is
// bounded.
func TestNoSequenceOfEventsBreaksTheRoom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		s := newScene(t)
		persons := []string{"maria", "max", "anna", "bert", "carl", "g1", "g2", "g3", "u1a", "u1b", "u1c", "u2a"}
		kinds := slices.Sorted(func(yield func(string) bool) {
			for k := range commands {
				if !yield(k) {
					return
				}
			}
		})
		peer := func() string { return fmt.Sprint(rng.IntN(30)) }
		for range 300 {
			s.now = s.now.Add(time.Duration(rng.IntN(20)) * time.Second)
			switch v := s.r.find(peer()); rng.IntN(6) {
			case 0, 1:
				if p := peer(); s.r.find(p) == nil {
					s.knocks(p, persons[rng.IntN(len(persons))])
				}
			case 2:
				if v != nil {
					s.leaves(v.Peer)
				}
			case 3:
				s.r.setOpen(rng.IntN(4) > 0)
			default:
				c := command{
					ID: peer(), Peer: peer(), Source: []string{sourceMic, sourceScreen, "x"}[rng.IntN(3)],
					Phase: []string{phaseGuest, phaseExperts}[rng.IntN(2)], On: rng.IntN(2) > 0, Up: rng.IntN(2) > 0, Mic: rng.IntN(2) > 0, Screen: true,
				}
				for range rng.IntN(3) {
					c.IDs = append(c.IDs, peer())
				}
				s.r.command(v, kinds[rng.IntN(len(kinds))], c, s.now)
			}
			s.check(seed)
		}
	}
}

func (s *scene) check(seed uint64) {
	s.t.Helper()
	for _, v := range s.r.visitors {
		switch {
		case v.in && !v.going && v.Part == PartGuest && (s.r.phase != phaseGuest || !s.r.open):
			s.t.Fatalf("seed %d: guest %s is in the phase %s", seed, v.Person, s.r.phase)
		case v.in && !v.going && v.Part != PartModerator && s.r.waits(v.guest):
			s.t.Fatalf("seed %d: %s is inside and has to wait", seed, v.Person)
		case !v.in && slices.Contains(s.r.members(), v.Peer):
			s.t.Fatalf("seed %d: %s waits and gets keys", seed, v.Person)
		case v.Screen && v.Share != shareGranted, v.Hand != (v.HandAt > 0), v.Mic && slices.Contains(v.Muted, sourceMic):
			s.t.Fatalf("seed %d: shown as %+v", seed, v.person)
		}
	}
	if n := len(s.r.waiting()); n > maxWaiting {
		s.t.Fatalf("seed %d: %d wait", seed, n)
	}
}

// FuzzRoom lets two people, one of whom moderates, and a guest who waits send
// frames as they come, one a line.
func FuzzRoom(f *testing.F) {
	f.Add([]byte(`{"t":"mod.phase","d":{"phase":"guest"}}` + "\n" + `{"t":"lobby.admit","d":{"ids":[]}}` + "\n" + `{"t":"mod.kick","d":{"peer":"g"}}`))
	f.Add([]byte(`{"t":"mod.mute","d":{"peer":"a","source":"mic"}}` + "\n" + `{"t":"media","d":{"mic":true}}`))
	f.Add([]byte(`{"t":"lobby.return","d":{"peer":"a"}}` + "\n" + `{"t":"lobby.admit","d":{"ids":["a"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newScene(t)
		s.r.open = true
		s.knocks("m", "maria")
		s.knocks("a", "anna")
		s.knocks("g", "g1")
		for line := range strings.SplitSeq(string(data), "\n") {
			var e envelope
			if json.Unmarshal([]byte(line), &e) != nil {
				continue
			}
			c, ok := body[command](e)
			if !ok {
				continue
			}
			for _, peer := range []string{"g", "a", "m"} {
				s.r.command(s.r.find(peer), e.Type, c, s.now)
				s.check(0)
			}
		}
		if b, err := json.Marshal(peopleList{s.r.list()}); err != nil || strings.Contains(string(b), "null") {
			t.Fatalf("%s, %v", b, err)
		}
	})
}
