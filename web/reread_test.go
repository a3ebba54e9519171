package web

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
)

func TestWhatBecomesKnownLeadsToTheTextsThatNameThePersonNow(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	caseID := query[uuid.UUID](s, `select case_id from conference where code = $1`, code)
	s.leaveInLog(code, said{"Ewald", "assessment", "Früher Kowollik, heute anders."})
	if a := s.as("Clara").post("/conferences/"+code+"/end", nil); a.Status != http.StatusOK {
		t.Fatalf("end: %d", a.Status)
	}
	at, anna := "/cases/"+caseID.String(), s.as("Anna")
	if a := anna.get(at + "/identity"); !a.Has("Es ist mehr bekannt geworden") {
		t.Errorf("the page does not offer to add something: %d", a.Status)
	}
	s.unchanged("nothing to add", func() {
		if a := anna.post(at+"/identity/grow", nil); a.Status != http.StatusUnprocessableEntity || !a.Has("Bitte tragen Sie einen Namen oder eine weitere Angabe ein.") {
			t.Errorf("nothing: %d", a.Status)
		}
		if a := anna.post(at+"/reread", typed("act", "shred")); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			t.Errorf("a remedy that is none: %d", a.Status)
		}
	})
	if a := anna.post(at+"/identity/grow", typed("names", "Kowollik")); a.Path != at+"/reread" || !a.Has("1 Stelle nennt die Person") || !a.Has("Mitschrift") || !a.Has("Aus der Mitschrift entfernen") {
		t.Fatalf("grown: %d at %s", a.Status, a.Path)
	}
	if a := anna.get(at); !a.Has("1 Stelle nennt die Person") || !a.Has("Stellen ansehen") {
		t.Error("the case does not tell of it")
	}
	if a := anna.post(at+"/reread", typed("act", "redact", "code", code)); a.Status != http.StatusOK || !a.Has("Die Stelle ist entfernt.") || !a.Has("Kein Text nennt die Person") {
		t.Errorf("redacted: %d", a.Status)
	}
	if a := s.as("Ewald").get("/conferences/" + code + "/notes"); a.Has("Kowollik") || !a.Has("heute anders") {
		t.Errorf("the notes: %d", a.Status)
	}
	if a := anna.post(at+"/reread", typed("act", "rewrite")); a.Status != http.StatusConflict || !a.Has("Hier steht nichts mehr") {
		t.Errorf("a summary without her name: %d", a.Status)
	}
	if a := anna.post(at+"/reread", typed("act", "done")); a.Path != at || a.Has("Stellen ansehen") {
		t.Errorf("seen to: %d at %s", a.Status, a.Path)
	}
}
