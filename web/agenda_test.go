package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
)

// agendaRowsOf is the form of an agenda: kind, title, minutes and owner of each phase.
func agendaRowsOf(act string, rows ...[4]string) url.Values {
	v := typed("act", act)
	for i, r := range rows {
		for j, name := range []string{"kind", "title", "minutes", "owner"} {
			v.Set(fmt.Sprint(name, i), r[j])
		}
	}
	return v
}

var (
	greets  = [4]string{"opening", "", "3", "moderator"}
	asks    = [4]string{"questions", "Was fehlt noch?", "7", "experts"}
	decides = [4]string{"decisions", "", "15", "moderator"}
)

// phasesShown are the phases of the form that a page shows, by the values of their fields.
func (a answered) phasesShown() string {
	var all []string
	for _, part := range strings.Split(a.Body, `<li id="phase-`)[1:] {
		_, kind, _ := strings.Cut(part, `selected>`)
		kind, _, _ = strings.Cut(kind, "<")
		_, minutes, _ := strings.Cut(part, `type="number"`)
		_, minutes, _ = strings.Cut(minutes, `value="`)
		minutes, _, _ = strings.Cut(minutes, `"`)
		all = append(all, kind+" "+minutes)
	}
	return strings.Join(all, ", ")
}

func TestTheAgendaIsProposedChangedAndReadByTheRound(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	clara := s.as("Clara")
	page := clara.get("/conferences/" + code)
	for _, want := range []string{"Tagesordnung ändern", "Das ist ein Vorschlag", ">10:00<", ">10:02<", "Habe ich richtig zusammengefasst?", "alle Fachpersonen · 9 Minuten"} {
		if !page.Has(want) {
			t.Errorf("the conference page does not say %q", want)
		}
	}
	path := "/conferences/" + code + "/agenda"
	if got, want := clara.get(path).phasesShown(), "Begrüßung 2, Vorstellung 4, Habe ich richtig zusammengefasst? 1, Rückfragen 5, Empfehlungen 9, Beschlüsse 4"; got != want {
		t.Errorf("the form has %s", got)
	}

	s.unchanged("buttons that save nothing", func() {
		for _, c := range []struct{ act, want string }{
			{"down:0", "Rückfragen 7, Begrüßung 3, Beschlüsse 15"},
			{"up:2", "Begrüßung 3, Beschlüsse 15, Rückfragen 7"},
			{"remove:1", "Begrüßung 3, Beschlüsse 15"},
			{"add", "Begrüßung 3, Rückfragen 7, Beschlüsse 15, Weiterer Punkt 5"},
			{"restore", "Begrüßung 2, Vorstellung 4, Habe ich richtig zusammengefasst? 1, Rückfragen 5, Empfehlungen 9, Beschlüsse 4"},
		} {
			a := clara.post(path, agendaRowsOf(c.act, greets, asks, decides))
			if a.Status != http.StatusOK || a.phasesShown() != c.want {
				t.Errorf("%s: status %d, %s", c.act, a.Status, a.phasesShown())
			}
		}
	})
	a := clara.post(path, agendaRowsOf("save", greets, asks, decides))
	if a.Status != http.StatusOK || !a.Has("Die Tagesordnung ist gespeichert.") || !a.Has("Was fehlt noch?") || a.Has("Das ist ein Vorschlag") {
		t.Errorf("saved: status %d", a.Status)
	}
	for _, name := range []string{"Anna", "Ewald"} {
		b := s.as(name)
		if a := b.get("/conferences/" + code); !a.Has("Was fehlt noch?") || !a.Has(">10:03<") || a.Has("Tagesordnung ändern") {
			t.Errorf("%s does not read the agenda, or is offered to change it", name)
		}
		if a := b.get(path); a.Status != http.StatusOK || !a.Has("Was fehlt noch?") || a.Has("<select") {
			t.Errorf("%s on its own page: %d", name, a.Status)
		}
	}
	if a := s.as("Frieda").get("/conferences/" + code); a.Has("Was fehlt noch?") {
		t.Error("who has not accepted reads a title")
	}
}

func TestTheAgendaNamesEveryWrongFieldAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	path := "/conferences/" + code + "/agenda"
	keeps := []string{`value="Was fehlt noch?"`}
	with := func(at int, value string) url.Values {
		row := greets
		row[at] = value
		return agendaRowsOf("save", row, asks, decides)
	}
	refuses(t, s.as("Clara"), path, []wrongInput{
		{"no phase", typed("act", "save"), "f-agenda-phases", nil},
		{"a kind that is none", with(0, "lunch"), "f-agenda-kind0", keeps},
		{"an own point without a title", with(0, "own"), "f-agenda-title0", keeps},
		{"a long title", with(1, strings.Repeat("ä", 81)), "f-agenda-title0", keeps},
		{"no minutes", with(2, ""), "f-agenda-minutes0", keeps},
		{"minutes that are none", with(2, "lang"), "f-agenda-minutes0", append(keeps, `value="lang"`)},
		{"minus two minutes", with(2, "-2"), "f-agenda-minutes0", keeps},
		{"two hours and a minute", with(2, "121"), "f-agenda-minutes0", keeps},
		{"half a minute", with(2, "0.5"), "f-agenda-minutes0", keeps},
		{"minutes beyond all numbers", with(2, "99999999999999999999"), "f-agenda-minutes0", keeps},
		{"nobody", with(3, ""), "f-agenda-owner0", keeps},
		{"somebody of elsewhere", with(3, uuid.NewString()), "f-agenda-owner0", keeps},
		{"longer than the conference", with(2, "4"), "f-agenda-phases", keeps},
		{"thirteen phases", agendaRowsOf("save", asks, greets, greets, greets, greets, greets, greets, greets, greets, greets, greets, greets, greets), "f-agenda-phases", keeps},
		{"a thirteenth phase", agendaRowsOf("add", asks, greets, greets, greets, greets, greets, greets, greets, greets, greets, greets, greets), "f-agenda-phases", keeps},
		{"a row that is none", agendaRowsOf("up:7", greets, asks, decides), "f-agenda-phases", keeps},
		{"above the first", agendaRowsOf("up:0", greets, asks, decides), "f-agenda-phases", keeps},
		{"a button that is none", agendaRowsOf("eat:1", greets, asks, decides), "f-agenda-phases", keeps},
		{"a name in a title", agendaRowsOf("save", [4]string{"own", "Wie geht es Vorname Geheimniss?", "3", "moderator"}, asks, decides), "f-agenda-because", append(keeps, "Wie geht es Vorname")},
	})
}

func TestAnAgendaIsNotChangedOnceItHasBegun(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	path, clara := "/conferences/"+code+"/agenda", s.as("Clara")
	if a := clara.post(path, agendaRowsOf("save", greets, asks, decides)); a.Status != http.StatusOK {
		t.Fatalf("while it is live and has not begun: %d", a.Status)
	}
	id := query[uuid.UUID](s, `select id from conference where code = $1`, code)
	_, err := s.Conferences.TurnAgenda(t.Context(), s.people["Clara"].ID, id, -1, 1)
	s.must(err)
	s.clock.set(s.Now().Add(4 * time.Minute))
	s.unchanged("changing it", func() {
		if a := clara.post(path, agendaRowsOf("save", greets, decides)); a.Status != http.StatusConflict || !a.Has("geht schon nach ihrer Tagesordnung vor") {
			t.Errorf("once it has begun: %d", a.Status)
		}
	})
	if a := clara.get(path); a.Has("<select") || !a.Has("tatsächlich 4") || !a.Has(`aria-current="step"`) {
		t.Error("the page does not say how far they are")
	}
	s.must(s.Conferences.End(t.Context(), s.people["Clara"], code))
	if a := clara.get("/conferences/" + code + "/minutes"); !a.Has("Was fehlt noch?") || !a.Has("4 Minuten") || !a.Has("7 Minuten") {
		t.Error("the minutes do not say how long a phase took")
	}
}

func TestASearchThatFindsNobodyOffersAnotherAgenda(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald", "Frieda")
	seat := query[uuid.UUID](s, `select t.id from seat t join account a on a.id = t.account_id join conference c on c.id = t.conference_id where c.code = $1 and a.name like 'Frieda%'`, code)
	clara, path := s.as("Clara"), "/conferences/"+code+"/agenda"
	hers := [4]string{"own", "Rücken", "7", seat.String()}
	if a := clara.post(path, agendaRowsOf("save", greets, hers, decides)); a.Status != http.StatusOK || !a.Has("Frieda") {
		t.Fatalf("saved: %d", a.Status)
	}
	id, err := s.Conferences.OwnInvitation(t.Context(), s.people["Frieda"], code)
	s.must(err)
	s.must(s.Conferences.Answer(t.Context(), s.people["Frieda"], id, 0, conference.Declined, ""))
	without := path + "?without=physiotherapy"
	if a := clara.get("/conferences/" + code); !a.Has(without) || !a.Has("kommt nicht") {
		t.Error("the conference page does not offer an agenda without her")
	}
	s.unchanged("looking at it", func() {
		if got, want := clara.get(without).phasesShown(), "Begrüßung 3, Beschlüsse 15"; got != want {
			t.Errorf("the draft has %s", got)
		}
	})
	if a := clara.get(without); !a.Has("Er gilt, wenn Sie speichern") {
		t.Error("the draft does not say that it is one")
	}
}

func TestAConferenceInWritingHasNoAgenda(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.exec(`update conference set form = 'written' where code = $1`, code)
	clara := s.as("Clara")
	if a := clara.get("/conferences/" + code); a.Has("Tagesordnung") {
		t.Error("its page has one")
	}
	if a := clara.get("/conferences/" + code + "/agenda"); a.Status != http.StatusNotFound {
		t.Errorf("its agenda: %d", a.Status)
	}
	if a := clara.post("/conferences/"+code+"/agenda", agendaRowsOf("save", greets)); a.Status != http.StatusNotFound {
		t.Errorf("arranging it: %d", a.Status)
	}
}
