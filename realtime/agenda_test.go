package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// timetable keeps agendas under the contract of Agendas, and fails on demand.
type timetable struct {
	mu     sync.Mutex
	now    func() time.Time
	kept   Agenda
	turned []string
	fail   error
}

func (a *timetable) Agenda(context.Context, string) (Agenda, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.copy(), a.fail
}

func (a *timetable) Turn(_ context.Context, _ string, by Guest, from, to int) (Agenda, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return Agenda{}, a.fail
	}
	if from == a.kept.At && to < len(a.kept.Phases) {
		if a.kept.At >= 0 {
			a.kept.Phases[a.kept.At].Spent += a.now().Sub(a.kept.Since)
		}
		a.kept.At, a.kept.Since = to, a.now()
		a.turned = append(a.turned, by.Person)
	}
	return a.copy(), nil
}

func (a *timetable) copy() Agenda {
	out := a.kept
	out.Phases = slices.Clone(out.Phases)
	return out
}

func (a *timetable) set(change func(*timetable)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// newTimetable is an agenda of three phases that nobody has begun, at a moment that does not pass.
func newTimetable() (*timetable, func(*Config)) {
	now := func() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }
	a := &timetable{now: now, kept: Agenda{At: -1, Phases: []Phase{
		{Kind: "opening", Minutes: 2, Owner: "moderator"},
		{Kind: "own", Title: "Kastanien", Minutes: 5, Owner: "seat", Name: "Dr. Erle", Person: "erle"},
		{Kind: "decisions", Minutes: 3, Owner: "moderator"},
	}}}
	return a, func(c *Config) { c.Agendas, c.Now = a, now }
}

// phase is what a client was told last about the agenda; at is -2 before the first word.
func (c *client) phase() agendaFrame {
	f := agendaFrame{At: -2}
	if d := c.textOf("agenda"); d != nil {
		json.Unmarshal(d, &f)
	}
	return f
}

func (c *client) isIn(phase int) func() bool { return func() bool { return c.phase().At == phase } }

func step(from, to int) map[string]int { return map[string]int{"from": from, "to": to} }

func TestEverybodyInTheRoomIsToldOfThePhaseAndWhoComesBackIsToldAgain(t *testing.T) {
	t.Parallel()
	kept, option := newTimetable()
	r := newRig(t, option)
	m := r.visits("k1", "maria", PartModerator)
	anna := r.enters("k1", "anna", 2)
	for _, c := range []*client{m, anna} {
		until(t, "they hear of an agenda that has not begun", c.isIn(-1))
	}
	m.text("mod.agenda", step(-1, 0))
	m.text("mod.agenda", step(0, 1))
	for _, c := range []*client{m, anna} {
		until(t, "both are in the second phase", c.isIn(1))
	}
	if got := anna.phase().Phases[1]; got != (phaseFrame{"own", "Kastanien", 5, "seat", "Dr. Erle", "erle", 0}) {
		t.Errorf("she is told of %+v", got)
	}
	late := r.enters("k1", "bert", 3)
	until(t, "who comes later is told", late.isIn(1))

	anna.ws.Close()
	<-anna.gone
	again := r.enters("k1", "anna", 4)
	until(t, "who comes back is told", again.isIn(1))
	m.text("mod.agenda", step(1, 0))
	until(t, "and hears that they go back", again.isIn(0))
	m.text("mod.agenda", step(1, 2)) // from a phase that it is not any more
	m.text("mod.agenda", step(0, 1))
	until(t, "what came too late counted for nothing", again.isIn(1))
	kept.set(func(a *timetable) {
		if want := []string{"maria", "maria", "maria", "maria"}; !slices.Equal(a.turned, want) {
			t.Errorf("turned by %v", a.turned)
		}
	})
}

func TestTheAgendaOutlivesTheRoom(t *testing.T) {
	t.Parallel()
	kept, option := newTimetable()
	r := newRig(t, option)
	m := r.visits("k1", "maria", PartModerator)
	until(t, "she hears of an agenda", m.isIn(-1))
	m.text("mod.agenda", step(-1, 1))
	until(t, "it is the second phase", m.isIn(1))
	r.stop()
	<-m.gone

	after := newRig(t, option)
	kept.set(func(a *timetable) { a.kept.Since = a.now().Add(-90 * time.Second) })
	m = after.visits("k1", "maria", PartModerator)
	until(t, "another server says the same", m.isIn(1))
	if got := m.phase().For; got != 90_000 {
		t.Errorf("for %d ms", got)
	}
}

func TestOnlyWhoLeadsGoesToAnotherPhase(t *testing.T) {
	t.Parallel()
	kept, option := newTimetable()
	r := newRig(t, option)
	m := r.visits("k1", "maria", PartModerator)
	anna := r.enters("k1", "anna", 2)
	until(t, "she hears of an agenda", anna.isIn(-1))
	anna.text("mod.agenda", step(-1, 1))
	until(t, "she is refused", func() bool { return slices.Equal(anna.errors(), []string{"rights"}) })
	for i, broken := range []any{nil, "next", map[string]int{"from": 0}, map[string]any{"from": 0, "to": "x"}} {
		m.text("mod.agenda", broken)
		until(t, "what is no step is refused", func() bool { return len(m.errors()) == i+1 && m.errors()[i] == "malformed" })
	}
	kept.set(func(a *timetable) { a.fail = errors.New("no database") })
	m.text("mod.agenda", step(-1, 0))
	until(t, "she is told that it could not be kept", func() bool { return slices.Contains(m.errors(), "agenda") })
	kept.set(func(a *timetable) {
		if len(a.turned) > 0 || a.kept.At != -1 {
			t.Errorf("it went on: %v", a.turned)
		}
		a.fail = nil
	})
	m.text("mod.agenda", step(-1, 0))
	until(t, "it goes on when it can be kept again", anna.isIn(0))
}

func TestAGuestIsToldOfThePhaseWithoutAWordOfTheCase(t *testing.T) {
	t.Parallel()
	_, option := newTimetable()
	r := openRig(t, option)
	m := r.visits("k1", "maria", PartModerator)
	until(t, "there is an agenda", m.isIn(-1))
	m.text("mod.agenda", step(-1, 1))
	m.text("mod.phase", command{Phase: "guest"})
	gina := r.visits("k1", "gina", PartGuest, func(g *Guest) { g.Kind = "client" })
	until(t, "she waits", func() bool { return len(m.waiting()) == 1 })
	if gina.textOf("agenda") != nil {
		t.Error("who waits is told of the agenda")
	}
	m.text("lobby.admit", command{})
	until(t, "she is told which phase it is", gina.isIn(1))
	m.text("mod.agenda", step(1, 2))
	until(t, "and which is the next", gina.isIn(2))
	for _, f := range gina.all("agenda") {
		if strings.Contains(string(f), "Kastanien") || strings.Contains(string(f), "Erle") || strings.Contains(string(f), "erle") {
			t.Errorf("she is told %s", f)
		}
	}
	if got := gina.phase().Phases[1]; got.Kind != "own" || got.Minutes != 5 || got.Owner != "seat" {
		t.Errorf("of the second phase she knows %+v", got)
	}
}

func TestAnAgendaThatWasChangedElsewhereComesToTheRoom(t *testing.T) {
	t.Parallel()
	kept, option := newTimetable()
	r := newRig(t, option)
	r.hub.AgendaChanged("k1") // nobody is there
	anna := r.enters("k1", "anna", 2)
	until(t, "there is an agenda", anna.isIn(-1))
	kept.set(func(a *timetable) { a.kept.Phases = a.kept.Phases[:2] })
	r.hub.AgendaChanged("k1")
	until(t, "it is the new one", func() bool { return len(anna.phase().Phases) == 2 })

	bare := newRig(t)
	otto := bare.enters("k1", "otto", 5)
	until(t, "he is in", func() bool { return otto.textOf("welcome") != nil })
	otto.text("mod.agenda", step(-1, 0))
	otto.text("hand", command{Up: true})
	until(t, "and goes on", func() bool { return strings.Contains(string(otto.textOf("people")), `"hand":true`) })
	if otto.textOf("agenda") != nil {
		t.Error("there is none")
	}
}
