package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// endedWith is a conference that has ended and in which these people were.
func (s *testServer) endedWith(names ...string) (code string) {
	s.t.Helper()
	code = s.opened()
	for _, n := range names {
		s.must(s.Conferences.Joined(s.t.Context(), query[uuid.UUID](s, `select id from conference where code = $1`, code), s.people[n].ID))
	}
	s.must(s.Conferences.End(s.t.Context(), s.people["Clara"], code))
	return code
}

func TestAnAddendumStandsInTheMinutesWithItsAuthorAndTime(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.endedWith("Clara", "Ewald")
	minutes, at := "/conferences/"+code+"/minutes", "/conferences/"+code+"/addendum"
	clara, ewald := s.as("Clara"), s.as("Ewald")
	if a := ewald.post(at, typed("section", "assessment", "text", "Vormittags <belastbar>.")); a.Status != http.StatusNoContent {
		t.Fatalf("status %d", a.Status)
	}
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		a := s.as(name).get(minutes)
		for _, want := range []string{"Nachträge", "Vormittags <belastbar>.", "Dr. Ewald Psych, nachgereicht am 24.11.2026, 09:55 Uhr"} {
			if !a.Has(want) || strings.Contains(a.Body, "<belastbar>") {
				t.Errorf("draft for %s: %q is missing, or typed text became markup", name, want)
			}
		}
	}
	clara.post("/conferences/"+code+"/approve", typed("decisions", "Drei Stunden."))
	if a := clara.get(minutes); a.Has("Nachträge nach der Freigabe") || !a.Has("Vormittags <belastbar>.") {
		t.Error("what came before the approval is not in the approved minutes")
	}
	if a := clara.post(at, typed("section", "dissent", "text", "Das sehe ich anders.")); a.Status != http.StatusNoContent {
		t.Fatalf("after the approval: status %d", a.Status)
	}
	a := clara.get(minutes)
	for _, want := range []string{"Nachträge nach der Freigabe", "gehören nicht zum freigegebenen Protokoll", "Das sehe ich anders.", "Clara Coordes, nachgereicht"} {
		if !a.Has(want) {
			t.Errorf("approved: %q is missing", want)
		}
	}
	if file := clara.get(minutes + ".json"); file.Has("Das sehe ich anders.") || !file.Has("Vormittags") {
		t.Error("the signed file has what came after it, or lacks what came before")
	}
}

func TestAnAddendumThatMayNotBeIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.endedWith("Clara", "Ewald")
	at := "/conferences/" + code + "/addendum"
	s.unchanged("what is refused", func() {
		for _, c := range []struct {
			name, section, text string
			status              int
		}{
			{"Ewald", "assessment", strings.Repeat("x", 2001), http.StatusUnprocessableEntity},
			{"Ewald", "assessment", "", http.StatusUnprocessableEntity},
			{"Ewald", "nirgends", "x", http.StatusUnprocessableEntity},
			{"Anna", "assessment", "x", http.StatusForbidden}, // was not in the room
			{"Frieda", "assessment", "x", http.StatusForbidden},
			{"Bernd", "assessment", "x", http.StatusNotFound},
			{"Rosa", "assessment", "x", http.StatusNotFound},
		} {
			if a := s.as(c.name).post(at, typed("section", c.section, "text", c.text)); a.Status != c.status {
				t.Errorf("%s, %d characters: status %d, want %d", c.name, len(c.text), a.Status, c.status)
			}
		}
	})
	s.clock.set(s.Now().Add(24*time.Hour + time.Minute))
	if a := s.as("Ewald").post(at, typed("section", "assessment", "text", "x")); a.Status != http.StatusConflict || !a.Has("Nachträge sind nicht mehr möglich") {
		t.Errorf("a day later: status %d", a.Status)
	}
}
