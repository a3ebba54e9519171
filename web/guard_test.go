package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// overrides are the documents, reasons and numbers of passages that were let through for a case, without a word of them.
func (s *testServer) overrides(id uuid.UUID) string {
	s.t.Helper()
	return query[string](s, `
		select coalesce(string_agg(document || ', ' || reason || ', ' || cardinality(digests), '; ' order by id), '')
		from guard_override where case_id = $1`, id)
}

func TestTextThatNamesTheClientIsHeldUntilThereIsAReason(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	at := "/cases/" + id.String() + "/request"
	b := s.as("Anna")
	form := with(askForm(), "question", "Was hilft Frau Geheimniss, und was Dr. Nolte?")
	s.unchanged("a question with the client's name", func() {
		a := b.post(at, form)
		wantRefused(t, "name", a, "because", "Bitte ersetzen Sie die Stellen unten")
		if !a.Has("Geheimniss</mark>") || a.Has("Nolte</mark>") || !a.Has("gehört zur Person dieses Falls") {
			t.Error("the page shows something else than the client's name")
		}
	})
	if a := b.post(at, with(form, "because", "Die Person möchte das so.")); a.Status != http.StatusOK {
		t.Fatalf("with a reason: status %d", a.Status)
	}
	if got, want := s.overrides(id), "request, Die Person möchte das so., 1"; got != want {
		t.Errorf("recorded: %s, want %s", got, want)
	}
	if n := query[int](s, `select count(*) from guard_override r where r::text ilike '%geheimniss%'`); n != 0 {
		t.Error("the record holds the name")
	}
}

func TestMeasuresAndMinutesAreHeldForTheClientsName(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(id)
	s.accept(code, "Ewald")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * 60e9))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	clara := s.as("Clara")
	measure := typed("what", "Vorname Geheimniss anrufen", "responsible", s.people["Anna"].ID.String(), "due_on", "2026-12-20")
	s.unchanged("a measure with a name", func() {
		wantRefused(t, "measure", clara.post("/conferences/"+code+"/measures", measure), "measure-because", "Bitte ersetzen Sie die Stellen")
	})
	if a := clara.post("/conferences/"+code+"/measures", with(measure, "because", "abgesprochen")); a.Status != http.StatusOK {
		t.Errorf("measure with a reason: status %d", a.Status)
	}
	s.must(s.Conferences.End(t.Context(), s.people["Clara"], code))
	minutes := typed("decisions", "Frau Geheimnis beginnt am 1. Dezember; Tel. 0171 2345678.")
	a := clara.post("/conferences/"+code+"/approve", minutes)
	wantRefused(t, "minutes", a, "minutes-because", "Bitte ersetzen Sie die Stellen")
	if state := query[string](s, `select state from minutes`); state != "draft" {
		t.Errorf("minutes are %s", state)
	}
	if a := clara.post("/conferences/"+code+"/approve", with(minutes, "because", "nur intern")); a.Status != http.StatusOK || !a.Has("festgeschrieben") && !a.Has("abgeschlossen") {
		t.Errorf("minutes with a reason: status %d", a.Status)
	}
	if got := s.overrides(id); !strings.HasPrefix(got, "measure, abgesprochen, ") || !strings.Contains(got, "minutes, nur intern, ") {
		t.Errorf("recorded: %s", got)
	}
}
