package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAnExpertSetsHerTimesByTapping(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Ewald")
	const at = "/me/availability"
	if a := b.get(at); !a.Has("Noch ist nichts eingetragen") || !a.Has("0 von 2 h") || a.Has("checked") {
		t.Fatalf("the page of somebody who has said nothing: %d", a.Status)
	}
	a := b.post(at, typed("act", "week", "quick", "4-780-1020", "at", "1-480", "at", "1-510"))
	if !a.Has("Die Zeiten sind gespeichert.") || !a.Has("13:00–17:00") || !a.Has("8:00–9:00") || !a.Has(`value="4-990" checked`) || !a.Has(`id="day-4" open`) {
		t.Errorf("hours with one tap: %d", a.Status)
	}
	a = b.post(at, typed("act", "week", "quick", "4-none", "at", "1-480", "at", "4-780"))
	if !a.Has("8:00–8:30") || a.Has("13:00–") {
		t.Error("a day is not emptied by one tap")
	}
	if a = b.post(at, typed("act", "away", "first_day", "2026-12-21", "last_day", "2027-01-03")); !a.Has("21.12.2026 – 03.01.2027") {
		t.Error("the days of absence are not shown")
	}
	absence := query[uuid.UUID](s, `select id from absence`).String()
	if a = b.post(at, typed("act", "back", "absence", absence)); a.Has("21.12.2026") {
		t.Error("the days of absence are still shown")
	}
	if a = b.post(at, typed("act", "pause")); !a.Has("Pausiert seit Mo., 23.11.") {
		t.Error("the page does not say that she has paused")
	}
	if a = b.post(at, typed("act", "resume")); a.Has("Pausiert") {
		t.Error("the page still says that she has paused")
	}
	if a = b.post(at, typed("act", "contingent", "hours_per_month", "0")); !a.Has("keine Stunden eingetragen") {
		t.Error("the page does not say that she gives no hours")
	}
}

func TestTimesWithAnythingWrongComeBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Ewald")
	for _, w := range []struct {
		name string
		form url.Values
		says string
	}{
		{"no form of the page", typed("act", "everything"), "Diese Auswahl gibt es nicht."},
		{"a quarter", typed("act", "week", "at", "1-495"), "Diese Auswahl gibt es nicht."},
		{"an eighth day", typed("act", "week", "at", "8-480"), "Diese Auswahl gibt es nicht."},
		{"no hour at all", typed("act", "week", "at", "x"), "Diese Auswahl gibt es nicht."},
		{"a number with more behind it", typed("act", "week", "at", "1-480x"), "Diese Auswahl gibt es nicht."},
		{"a tap on nothing", typed("act", "week", "quick", "1-x"), "Diese Auswahl gibt es nicht."},
		{"no day", typed("act", "away", "last_day", "2026-12-21"), missing},
		{"backwards", typed("act", "away", "first_day", "2026-12-21", "last_day", "2026-12-20"), "Das Ende liegt vor dem Anfang."},
		{"over already", typed("act", "away", "first_day", "2026-11-20", "last_day", "2026-11-22"), "Diese Tage sind schon vorbei."},
		{"hours that are no number", typed("act", "contingent", "hours_per_month", "zwei"), "ganze Zahl von 0 bis 200"},
		{"too many hours", typed("act", "contingent", "hours_per_month", "201"), "ganze Zahl von 0 bis 200"},
	} {
		s.unchanged(w.name, func() {
			if a := b.post("/me/availability", w.form); a.Status != http.StatusUnprocessableEntity || !a.Has(w.says) {
				t.Errorf("%s: %d", w.name, a.Status)
			}
		})
	}
}

func TestTheCoordinationKeepsTheTimeOfThoseWhoAskHerTo(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/experts/" + s.people["Ewald"].ID.String() + "/availability"
	if a := s.as("Clara").post(at, typed("act", "week", "at", "1-480")); !a.Has("Zeiten: Dr. Ewald Psych") || !a.Has("8:00–8:30") {
		t.Errorf("the coordination: %d", a.Status)
	}
	for _, who := range []string{"Anna", "Ewald", "Frieda", "Rosa"} {
		b := s.as(who)
		s.unchanged(who, func() {
			if a := b.get(at); a.Status != http.StatusNotFound || a.Has("8:00") {
				t.Errorf("%s reads: %d", who, a.Status)
			}
			if a := b.post(at, typed("act", "pause")); a.Status != http.StatusNotFound {
				t.Errorf("%s pauses: %d", who, a.Status)
			}
		})
	}
}

func TestAGroupIsFilledBySearchingAndInvitedWithOneTick(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Clara")
	if a := b.get("/experts/groups"); !a.Has("Noch keine Gruppen.") {
		t.Error("an empty list does not say so")
	}
	for _, w := range []wrongField{{"group_name", nil, missing}, {"group_name", long(101), tooLong}} {
		a := b.post("/experts/groups", url.Values{"group_name": w.values})
		wantRefused(t, "a group's name", a, "group_name", w.says)
	}
	made := b.post("/experts/groups", typed("group_name", "Runde Nord"))
	if !made.Has("Die Gruppe ist gespeichert.") || !strings.HasPrefix(made.Path, "/experts/groups/") {
		t.Fatalf("a group: %d at %s", made.Status, made.Path)
	}
	if a := b.post("/experts/groups", typed("group_name", "runde nord")); a.Status != http.StatusUnprocessableEntity || !a.Has("So heißt schon eine Gruppe.") {
		t.Errorf("the same name again: %d", a.Status)
	}
	if a := b.get(made.Path + "?q=Theo"); a.Has("Theo Fremd") {
		t.Error("somebody of another network is found")
	}
	for _, name := range []string{"Ewald", "Frieda"} {
		id := s.people[name].ID.String()
		if a := b.get(made.Path + "?q=" + name); !a.Has(`value="` + id + `"`) {
			t.Errorf("%s is not found", name)
		}
		b.post(made.Path, typed("act", "enrol", "expert", id, "q", name))
	}
	b.post(made.Path, typed("act", "enrol", "expert", s.people["Gustav"].ID.String()))
	b.post(made.Path, typed("act", "expel", "expert", s.people["Gustav"].ID.String()))
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	if a := b.get(at); !a.Has("Dr. Ewald Psych (Psychiatrie), Frieda Physio (Physiotherapie)") {
		t.Error("the form does not offer the group with its members")
	}
	group := made.Path[strings.LastIndex(made.Path, "/")+1:]
	form := with(s.convening(), "experts", s.people["Frieda"].ID.String()) // whoever is ticked twice is asked once
	form.Set("groups", group)
	if a := b.post(at+"/convene", form); !a.Has("Die Konferenz ist einberufen.") {
		t.Fatalf("convene: %d", a.Status)
	}
	if n := query[int](s, `select count(*) from invitation where account_id = any($1)`, []uuid.UUID{s.people["Ewald"].ID, s.people["Frieda"].ID}); n != 2 || query[int](s, `select count(*) from invitation`) != 2 {
		t.Errorf("%d invitations", n)
	}
	if a := b.post(made.Path+"/remove", nil); !a.Has("Die Gruppe ist aufgelöst.") || a.Has("Runde Nord") {
		t.Error("the group is still there")
	}
}

func TestSuggestionsGiveTheirReasonsForTheDateThatIsThoughtOf(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ctx, ewald, gustav := t.Context(), s.people["Ewald"], s.people["Gustav"]
	s.exec(`update expert set specialty = 'Stunden und Schichten' where account_id = $1`, gustav.ID) // the question speaks of hours
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	b := s.as("Clara")
	before := func(a answered, first, second string) {
		t.Helper()
		if i, k := strings.Index(a.Body, first), strings.Index(a.Body, second); i < 0 || k < 0 || i > k {
			t.Errorf("%s does not stand before %s", first, second)
		}
	}
	a := b.get(at)
	if !a.Has("passt: Schwerpunkt Stunden und Schichten") || !a.Has("noch nie angefragt") || !a.Has("0 von 2 h verbraucht") || a.Has("Nicht empfohlen") {
		t.Error("the reasons are not given")
	}
	before(a, "Gustav Psych", "Ewald Psych")
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	s.must(s.Pool.BeAway(ctx, gustav, gustav.ID, day, day))
	if a = b.get(at); a.Has("an diesem Tag nicht da") || !a.Has("gelten noch ohne Termin") {
		t.Error("somebody is absent on no day at all")
	}
	a = b.get(at + "?date=2026-11-26&time=14:00&length=45&experts=" + gustav.ID.String())
	if !a.Has("Nicht empfohlen: an diesem Tag nicht da") || !a.Has(`value="`+gustav.ID.String()+`" checked`) || !a.Has(`value="2026-11-26"`) || !a.Has("gelten für diesen Termin") {
		t.Error("the date is not taken into account, or what was typed is gone")
	}
	before(a, "Ewald Psych", "Gustav Psych")
	s.must(s.Pool.Pause(ctx, ewald, ewald.ID, true))
	if a = b.get(at); !a.Has("Nicht empfohlen: pausiert zurzeit") || !a.Has(ewald.ID.String()) {
		t.Error("who has paused is hidden, or the reason is")
	}
	if a = b.post(at+"/convene", s.convening()); !a.Has("Die Konferenz ist einberufen.") { // Ewald, although he has paused
		t.Errorf("a choice against the advice: %d", a.Status)
	}
	got := query[string](s, `select string_agg(discipline || ' ' || rank || ' ' || picks, ', ' order by discipline) from suggestion_pick`)
	if got != "physiotherapy 1 1, psychiatry 0 1" {
		t.Errorf("kept as figures: %q", got)
	}
}

func TestNobodyIsToldWhoIsBoundToACaseAndHow(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry", "physiotherapy")
	b, ctx := s.as("Clara"), t.Context()
	code := s.convenedFor(caseID)
	s.accept(code, "Ewald")
	s.must(s.Conferences.Declare(ctx, s.people["Ewald"], code, "treats"))
	consent := s.consentTo("psychiatry", "physiotherapy")
	consent.Excluded = []uuid.UUID{s.people["Gustav"].ID}
	s.must(s.Conferences.Grant(ctx, s.people["Anna"], caseID, consent))
	a := b.get("/requests/" + s.request(caseID).String())
	if n := strings.Count(a.Body, "kommt für diesen Fall nicht in Frage"); n != 2 {
		t.Errorf("%d are said not to be for this case, want 2", n)
	}
	for _, word := range []string{"behandel", "kennt", "befangen", "ausgeschlossen"} {
		if a.Has(word) {
			t.Errorf("the page says %q", word)
		}
	}
}
