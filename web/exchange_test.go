package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// brings sends a file for the directory.
func (b *browser) brings(file, discipline string) answered {
	b.s.t.Helper()
	return b.send(imports, `C:\Listen\Fachleute.csv`, []byte(file), "discipline", discipline)
}

func TestAListIsBroughtNamedShownAppliedAndTakenBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, ctx := s.as("Clara"), t.Context()
	if a := clara.get("/experts"); !a.Has("/experts/import") {
		t.Error("no way from the directory to an import")
	}
	template := clara.get("/experts/import/template.csv")
	if a := clara.brings(template.Body, ""); !a.Has("1") || !a.Has("Dr. Eva Beispiel") || !a.Has("Einen Eintrag übernehmen") {
		t.Errorf("the template: %d", a.Status)
	}
	a := clara.brings("Wer;Adresse;Was;Wo\nNeu Hier;neu@praxis.example;Psychiatrie;Stade\nEgal;ewald@konsil.test;Psychiatrie;Winsen\n=Falsch;x@praxis.example;Alchemie;Stade\nFern;theo@konsil.test;Psychiatrie;Füssen\n", "")
	batch := a.Path
	if a.Status != http.StatusOK || !a.Has("Fachleute.csv") || a.Has("Listen") || !a.Has("Spalten zuordnen") || a.Has("übernehmen</button>") {
		t.Fatalf("columns that nobody can guess: %d at %s", a.Status, a.Path)
	}
	if a := clara.post(batch, typed("act", "name", "column0", "name", "column1", "", "column2", "", "column3", "")); a.Status != http.StatusUnprocessableEntity || !a.Has("Name und Fachrichtung je einer Spalte") {
		t.Errorf("named without a discipline: %d", a.Status)
	}
	a = clara.post(batch, typed("act", "name", "column0", "name", "column1", "email", "column2", "discipline", "column3", "place"))
	for _, says := range []string{"2 Einträge übernehmen", "Neu Hier", "Dr. Ewald Psych", "Winsen", "Diese Fachrichtung gibt es in konsil nicht.", "Diese Adresse gehört schon zu einem anderen Zugang."} {
		if !a.Has(says) {
			t.Errorf("the preview does not say %q", says)
		}
	}
	if a.Has("Theo") || a.Has("Süd") {
		t.Error("the preview says where a taken address is from")
	}
	wrong := clara.get(batch + "/wrong.csv")
	if !strings.HasPrefix(wrong.Body, "\uFEFFWer;Adresse;Was;Wo;Fehler\r\n'=Falsch;") || strings.Count(wrong.Body, "\r\n") != 3 {
		t.Errorf("wrong rows: %q", wrong.Body)
	}
	if a := clara.post(batch, typed("act", "apply")); !a.Has("<progress") || !a.Has(`http-equiv="refresh"`) || !a.Has("0 von 2 erledigt") {
		t.Errorf("being applied: %d", a.Status)
	}
	s.must(s.Exchange.Work(ctx))
	if a := clara.get(batch); a.Has("<progress") || !a.Has("Das geht bis 30.11.2026") {
		t.Errorf("applied: %d", a.Status)
	}
	if a := clara.get("/experts?q=Neu+Hier"); !a.Has("Neu Hier") {
		t.Error("somebody who was imported is not found")
	}
	if n := query[int](s, `select count(*) from message_out where to_email = 'neu@praxis.example'`); n != 0 {
		t.Error("an import mails somebody")
	}
	if a := clara.post(batch, typed("act", "undo")); !a.Has("wird zurückgenommen") {
		t.Errorf("being taken back: %d", a.Status)
	}
	s.must(s.Exchange.Work(ctx))
	if a := clara.get(batch); !a.Has("Was sich zurücknehmen ließ, ist zurückgenommen.") {
		t.Errorf("taken back: %d", a.Status)
	}
	if n := query[int](s, `select count(*) from account where email = 'neu@praxis.example'`); n != 0 {
		t.Error("somebody who was taken back is still there")
	}
	if a := clara.post(batch, typed("act", "apply")); a.Status != http.StatusConflict || !a.Has("Das geht nicht mehr") {
		t.Errorf("applied again: %d", a.Status)
	}
}

func TestAFileForTheDirectoryThatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara := s.as("Clara")
	s.unchanged("a file that cannot be read", func() {
		for file, says := range map[string]string{
			"": "In der Datei steht niemand", "Name;Fachrichtung\n\"offen;x\n": "Aufbau der Datei", "\xff\xfeN\x00a\x00": "UTF-8",
			"{}": "Aufbau der Datei", strings.Repeat("x", 11<<20): "höchstens 10 Megabyte",
		} {
			if a := clara.brings(file, ""); a.Status != http.StatusUnprocessableEntity || !a.Has(says) {
				t.Errorf("%.12q: %d", file, a.Status)
			}
		}
		for _, who := range []string{"Anna", "Ewald"} {
			if a := s.as(who).brings("Name;Fachrichtung\nX;Psychiatrie", ""); a.Status != http.StatusNotFound {
				t.Errorf("%s: %d", who, a.Status)
			}
		}
	})
	card := clara.brings("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Dr. Jana Karte\r\nEMAIL:jana@praxis.example\r\nEND:VCARD\r\n", "neurology")
	if !card.Has("Dr. Jana Karte") || !card.Has("Neurologie") {
		t.Errorf("a card without a discipline: %d", card.Status)
	}
	if a := clara.post(card.Path, typed("act", "discard")); a.Path != imports || !a.Has("Die Datei ist verworfen.") {
		t.Errorf("thrown away: %d at %s", a.Status, a.Path)
	}
}

func TestAnExportAsksForAFactorAgainAndTakesTheOwnNetworkOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara := s.as("Clara")
	s.clock.set(testBegins.Add(20 * time.Minute))
	held := clara.post("/experts/export", typed("format", "csv", "discipline", ""))
	if held.Status != http.StatusForbidden || held.Has("ewald@konsil.test") {
		t.Fatalf("exported without a factor: %d", held.Status)
	}
	out := clara.post("/me/confirm", typed("confirm_again", "/experts/export", "format", "csv", "discipline", ""))
	if out.Status != http.StatusOK || !out.Has("ewald@konsil.test") || out.Has("theo@konsil.test") || !regexp.MustCompile(`attachment; filename="fachleute-2026-11-23\.csv"`).MatchString(out.Header.Get("Content-Disposition")) {
		t.Errorf("exported: %d, %v", out.Status, out.Header)
	}
	for format, begins := range map[string]string{"vcard": "BEGIN:VCARD", "fhir": "{"} {
		if a := clara.post("/experts/export", typed("format", format, "discipline", "physiotherapy")); !strings.HasPrefix(a.Body, begins) || !a.Has("Frieda Physio") || a.Has("Ewald") {
			t.Errorf("%s: %d, %.60q", format, a.Status, a.Body)
		}
	}
	if a := clara.post("/experts/export", typed("format", "xls", "discipline", "")); a.Status != http.StatusUnprocessableEntity || !a.Has("Bitte wählen Sie ein Format.") {
		t.Errorf("another format: %d", a.Status)
	}
}
