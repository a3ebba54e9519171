package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestARedactionLeavesAMarkInRoomHistoryAndMinutes(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened() // Tuesday, 9:55
	path := "/conferences/" + code
	s.leaveInLog(code, said{"Ewald", "assessment", "Frau Ünlü ist belastbar."}, said{"Clara", "recommendations", "Probe bei Zunderkötter."})
	if a := s.as("Ewald").post(path+"/redaction", typed("section", "assessment", "units", "569:5:4")); a.Status != http.StatusNoContent { // Ünlü
		t.Fatalf("status %d", a.Status)
	}
	const mark = "1 Stelle entfernt, von Dr. Ewald Psych, um 09:55 Uhr"
	for _, page := range []string{"/room", "/notes"} {
		if a := s.as("Anna").get(path + page); !a.Has(mark) || a.Has("Ünlü") {
			t.Errorf("%s has no mark, or what was removed", page)
		}
	}
	if a := s.as("Clara").post(path+"/end", nil); a.Status != http.StatusOK {
		t.Fatalf("end: status %d", a.Status)
	}
	clara, words := s.as("Clara"), path+"/minutes/redaction"
	if a := clara.post(words, typed("words", "Nirgendwo")); a.Status != http.StatusUnprocessableEntity || !a.Has("So steht das nirgends") || !a.Has("Nirgendwo") {
		t.Errorf("words that are not there: status %d", a.Status)
	}
	if a := clara.post(words, typed("words", "Zunderkötter")); !a.Has("Die Stelle ist entfernt.") || !a.Has("Empfehlungen: 1 Stelle entfernt, von Clara Coordes") {
		t.Errorf("in the draft: status %d", a.Status)
	}
	clara.post(path+"/approve", typed("decisions", "Drei Stunden."))
	a := clara.get(path + "/minutes")
	for _, want := range []string{"Entfernte Stellen", mark, "Frau  ist belastbar.", "Probe bei ."} {
		if !a.Has(want) {
			t.Errorf("minutes: %q is missing", want)
		}
	}
	if file := clara.get(path + "/minutes.json"); !file.Has("redactions") || file.Has("Ünlü") || file.Has("Zunderkötter") {
		t.Error("the signed file does not say that something was removed")
	}
}

func TestARedactionThatMayNotBeIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	at := "/conferences/" + code + "/redaction"
	s.leaveInLog(code, said{"Ewald", "assessment", "Frau Ünlü ist belastbar."})
	for _, c := range []struct {
		name, section, units string
		status               int
	}{
		{"Ewald", "assessment", "569:5:400", http.StatusConflict},
		{"Ewald", "recommendations", "569:5:4", http.StatusConflict},
		{"Ewald", "nirgends", "569:5:4", http.StatusUnprocessableEntity},
		{"Ewald", "assessment", "", http.StatusUnprocessableEntity},
		{"Ewald", "assessment", strings.Repeat("1:1:1 ", 5000), http.StatusUnprocessableEntity},
		{"Bernd", "assessment", "569:5:4", http.StatusNotFound},
		{"Rosa", "assessment", "569:5:4", http.StatusNotFound},
	} {
		if a := s.as(c.name).post(at, typed("section", c.section, "units", c.units)); a.Status != c.status {
			t.Errorf("%s, %.9q in %s: status %d, want %d", c.name, c.units, c.section, a.Status, c.status)
		}
	}
	if n := query[int](s, `select count(*)::int from note_redaction`); n != 0 {
		t.Errorf("%d redactions were made", n)
	}
	if a := s.as("Ewald").post(at, typed("section", "assessment", "units", "569:5:400")); !a.Has("Die Stelle hat sich inzwischen geändert") {
		t.Error("it is not said why")
	}
}
