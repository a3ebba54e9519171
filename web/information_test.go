package web

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
)

func TestARequestForInformationGoesOverThePagesToTheCaseworkerAndBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald", "Frieda")
	page, ewald, anna := "/conferences/"+code, s.as("Ewald"), s.as("Anna")
	if a := ewald.get(page); !a.Has("Eine Angabe nachfragen") {
		t.Fatal("the expert is not offered to ask")
	}
	s.unchanged("a question with a fault", func() {
		wantRefused(t, "no question", ewald.post(page+"/information", typed("due_on", "2026-11-24")), "information-missing", missing)
		wantRefused(t, "yesterday", ewald.post(page+"/information", typed("missing", "Welche Medikamente?", "due_on", "2026-11-22")), "information-due_on", "ab heute")
	})
	if a := ewald.post(page+"/information", typed("missing", "Welche Medikamente?", "due_on", "2026-11-24")); !a.Has("Ihre Rückfrage ist bei der Fallführung.") || !a.Has("offen") {
		t.Fatalf("asked: %d", a.Status)
	}
	if a := anna.get("/"); !a.Has("Rückfrage der Runde "+code) || a.Has("Medikamente") {
		t.Error("the caseworker is not told, or is told what")
	}
	id := query[uuid.UUID](s, `select id from information_request`)
	at := page + "/information/" + id.String()
	s.unchanged("others", func() {
		for _, who := range []string{"Bernd", "Quirin", "Clara", "Rosa", "Ewald", "Theo", "Gustav"} {
			if a := s.as(who).post(at, typed("given", "Keine.")); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
				t.Errorf("%s answers: %d", who, a.Status)
			}
		}
		for _, who := range []string{"Frieda", "Anna", "Rosa", "Gustav"} {
			if a := s.as(who).post(at+"/withdraw", nil); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
				t.Errorf("%s takes it back: %d", who, a.Status)
			}
		}
		if a := anna.post(at, typed("given", "Frau Geheimniss nimmt keine.")); a.Status != http.StatusUnprocessableEntity || !a.Has(`<mark class="sure">`) {
			t.Errorf("an answer that names the client: %d", a.Status)
		}
	})
	if a := anna.post(at, typed("given", "Ein Antidepressivum.")); !a.Has("Ihre Antwort steht der Runde zur Verfügung.") {
		t.Errorf("answered: %d", a.Status)
	}
	if a := s.as("Frieda").get(page); !a.Has("Welche Medikamente?") || !a.Has("Ein Antidepressivum.") || !a.Has("beantwortet") {
		t.Error("the round does not read the answer")
	}
}
