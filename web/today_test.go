package web

import (
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference"
)

func TestTheCoordinationSeesWaitingRequestsAndTheLateOnesInRed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.request(s.newCase("psychiatry"))
	b := s.as("Clara")
	if a := b.get("/"); !a.Has("Wie viele Stunden sind zumutbar?") || a.Has(`clock num late`) || !a.Has(`<span class="num">1<`) {
		t.Error("a new request is missing, red, or not counted")
	}
	s.clock.set(testBegins.Add(25 * time.Hour))
	if a := s.as("Clara").get("/"); !a.Has(`clock num late`) || !a.Has("25 h") {
		t.Error("a request that waits for 25 hours is not red")
	}
	if a := s.as("Rosa").get("/"); a.Has("Wie viele Stunden") || !a.Has("Nichts wartet auf Sie") {
		t.Error("another network's request is shown")
	}
}

func TestOneActIsTheOneToBeginWithAndItIsALateOne(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.request(s.newCase("psychiatry"))
	s.request(s.newCase("psychiatry"))
	for _, wait := range []time.Duration{0, 25 * time.Hour} {
		s.clock.set(testBegins.Add(wait))
		a := s.as("Clara").get("/")
		if n := strings.Count(a.Body, `class="btn go"`); n != 1 {
			t.Errorf("after %v %d acts are filled, want 1", wait, n)
		}
	}
	tasks := []task{{Title: "first"}, {Title: "late", Late: true}, {Title: "later", Late: true}}
	if markMain(tasks); tasks[0].Main || !tasks[1].Main || tasks[2].Main {
		t.Errorf("not the late one is marked: %+v", tasks)
	}
}

func TestAnExpertSeesWhatToAnswerAndNothingOfTheCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	a := s.as("Ewald").get("/")
	if !a.Has("Können Sie am Dienstag, 24. November 2026, 10:00–10:25 Uhr?") || !a.Has(code) {
		t.Error("the invitation is missing")
	}
	if a.Has("Wie viele Stunden") {
		t.Error("the question is shown before the answer")
	}
	s.accept(code, "Ewald")
	if a := s.as("Ewald").get("/"); a.Has("Können Sie am") || !a.Has(code) {
		t.Error("an accepted conference is still asked for, or not among those to come")
	}
	if a := s.as("Gustav").get("/"); a.Has(code) {
		t.Error("somebody who was not asked sees the conference")
	}
}

func TestACaseworkerSeesWhatHerCasesLack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase()
	alias := query[string](s, `select pseudonym from case_file where id = $1`, id)
	b := s.as("Anna")
	if a := b.get("/"); !a.Has(alias+": Einwilligung fehlt") || !a.Has("eine Sache wartet auf Sie") {
		t.Error("the missing consent is not named, or not counted")
	}
	b.post("/cases/"+id.String()+"/summary", summaryForm())
	if a := b.get("/"); !a.Has(alias+": Zusammenfassung prüfen") || !a.Has("Auch die Einwilligung") {
		t.Error("the draft is not named")
	}
	if a := s.as("Bernd").get("/"); a.Has(alias) {
		t.Error("the other Jobcenter's case is named")
	}
}

func TestTheNumberInTheNavigationIsTheNumberOfThings(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	s.proposed(code, "Clara")
	s.request(s.newCase())
	a := s.as("Clara").get("/")
	if !a.Has("3 Dinge warten auf Sie") || strings.Count(a.Body, `class="clock num`) != 3 {
		t.Errorf("a request, minutes and a measure are not three things: %d lines", strings.Count(a.Body, `class="clock num`))
	}
	if a.Has("Arbeitserprobung") {
		t.Error("the page says what was agreed")
	}
	s.clock.set(s.Now().AddDate(0, 0, 40))
	if a := s.as("Anna").get("/"); a.Has("Maßnahmen ohne Rückmeldung") {
		t.Error("a measure nobody accepted is overdue")
	}
}

func TestTodaysConferencesStandOnTheArcWithTheNextOneMarked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(-2 * time.Hour))
	a := s.as("Clara").get("/")
	if !a.Has(`<li class="now" aria-current="step"><b class="num">10:00</b>`) || !a.Has(code) || !a.Has("2 offen") {
		t.Error("today's conference is not on the arc")
	}
	s.must(s.Conferences.Cancel(t.Context(), s.people["Clara"], code))
	if a := s.as("Clara").get("/"); a.Has(code) || !a.Has("Heute ist keine Konferenz.") {
		t.Error("a cancelled conference stays on the arc")
	}
}

func TestMarkNextMarksOneConferenceAndTheLiveOneFirst(t *testing.T) {
	t.Parallel()
	of := []meeting{{Step: "done"}, {Step: "next"}, {Step: "next"}}
	if markNext(of); of[1].Step != "now" || of[2].Step != "next" {
		t.Errorf("the first to come is not marked alone: %+v", of)
	}
	of = []meeting{{Step: "next"}, {Step: "now", View: conference.View{}}}
	if markNext(of); of[0].Step != "next" {
		t.Error("a second one is marked beside the live one")
	}
}
