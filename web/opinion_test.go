package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNobodyButTheAuthorReadsABlindOpinionAnywhere: the estate has a live conference with an opinion that is not open. No page, file,
// search, feed, mail, entry of the record or frame of the room has a word of it, but for the author's own page.
func TestNobodyButTheAuthorReadsABlindOpinionAnywhere(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	clara := e.leads(e.as("Clara"), e.second)
	page := "/conferences/" + e.second + "/opinion"
	form := typed("position", "no", "reason", "Doch mispelweich.", "confidence", "rather")
	if a := e.as("Ewald").post(page+"/draft", form); a.Status != http.StatusOK && a.Status != http.StatusNoContent {
		t.Fatalf("a draft: %d", a.Status)
	}
	if a := e.as("Ewald").post(page, form); a.Status != http.StatusOK || !a.Has("Ihre Einschätzung ist gesendet.") {
		t.Fatalf("a correction: %d", a.Status)
	}
	read := e.walk("Anna", "Bernd", "Doris", "Clara", "Ewald", "Frieda", "Gustav", "Quirin", "Rosa", "Theo", "")["mispelweich"]
	if !slices.Contains(read, "Ewald at "+page) {
		t.Error("the author does not read it herself: the check says nothing")
	}
	for _, where := range read {
		if where != "Ewald at "+page {
			t.Errorf("it is read by %s", where)
		}
	}
	for _, table := range []string{"message_out", "audit.entry", "message_in", "minutes", "note_section", "river_job"} {
		if n := query[int](e.testServer, `select count(*)::int from `+table+` m where m::text like '%mispelweich%'`); n > 0 {
			t.Errorf("it is in %s", table)
		}
	}
	if a := e.as("Clara").post("/conferences/"+e.second+"/opinion/open", nil); !a.Has("Doch mispelweich.") || !a.Has("Frühere Fassungen") {
		t.Errorf("opened: %d", a.Status)
	}
	if a := e.as("Anna").get(page); !a.Has("Doch mispelweich.") || !a.Has("von Clara Coordes") {
		t.Error("the caseworker does not read it after the opening")
	}
	if a := e.visitor().post(e.client, typed("sure", "yes")); a.Status != http.StatusOK {
		t.Fatalf("withdrawn: %d", a.Status)
	}
	if frames, _ := listen(t, clara.ws); strings.Contains(frames, "mispelweich") || !strings.Contains(frames, `"opinions"`) {
		t.Error("the room is told what it says, or not that it is open")
	}
}

func TestAnOpinionIsWrittenOnItsPageCorrectedAndRead(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	page := "/conferences/" + code
	clara, ewald, frieda := s.as("Clara"), s.as("Ewald"), s.as("Frieda")
	if a := clara.get(page + "/opinion"); a.Status != http.StatusNotFound {
		t.Errorf("nobody is asked: %d", a.Status)
	}
	if a := clara.post(page+"/opinion/ask", typed("scale", "hours")); !a.Has("Das ist übernommen.") || !a.Has("Gefragt wird, wer zugesagt hat.") {
		t.Fatalf("asked for: %d", a.Status)
	}
	s.accept(code, "Ewald", "Frieda")
	a := ewald.get(page + "/opinion")
	for _, want := range []string{"Wie viele Stunden sind zumutbar?", "fährt Rad", "3 bis unter 6 Stunden am Tag", "eher sicher", "0 von 2 haben geantwortet.", "Bis Montag, 23. November 2026, 18:00 Uhr."} {
		if !a.Has(want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	good := url.Values{"position": {"from_6"}, "words": {"Mit Pausen."}, "reason": {"Belastbar <laut> Befund."}, "missing": {""}, "confidence": {"sure"}}
	with := func(name, value string) url.Values {
		f := url.Values{}
		for k, v := range good {
			f[k] = v
		}
		f[name] = []string{value}
		return f
	}
	refuses(t, ewald, page+"/opinion", []wrongInput{
		{"no position", with("position", ""), "f-opinion-position", []string{"Mit Pausen."}},
		{"a position of another scale", with("position", "yes"), "f-opinion-position", []string{"Mit Pausen."}},
		{"no reason", with("reason", " "), "f-opinion-reason", []string{"Mit Pausen."}},
		{"a long line", with("words", strings.Repeat("x", 301)), "f-opinion-words", []string{"Befund."}},
		{"no confidence", with("confidence", ""), "f-opinion-confidence", []string{"Befund."}},
		{"the client's name", with("reason", "Frau Geheimniss kann das."), "f-opinion-because", []string{"Mit Pausen."}},
	})
	if a := ewald.post(page+"/opinion/draft", typed("reason", "Halber Satz")); !a.Has("Der Entwurf ist gespeichert.") || !a.Has("Halber Satz") {
		t.Errorf("a draft without script: %d", a.Status)
	}
	if a := frieda.get(page + "/opinion"); a.Has("Halber Satz") {
		t.Error("somebody else reads the draft")
	}
	if a := ewald.post(page+"/opinion", good); !a.Has("Änderung senden") || !a.Has("1 von 2 haben geantwortet.") {
		t.Errorf("sent: %d", a.Status)
	}
	if a := clara.get(page + "/opinion"); !a.Has("Noch ohne Antwort: Frieda Physio") || a.Has("Belastbar") || a.Has("Einschätzungen öffnen") {
		t.Error("the coordination is told more or less than it should")
	}
	if a := clara.post(page+"/opinion/open", nil); a.Status != http.StatusConflict || !a.Has("bleiben noch verdeckt") {
		t.Errorf("opened a day before: %d", a.Status)
	}
	frieda.post(page+"/opinion", typed("position", "under_3", "reason", "Schmerzen.", "confidence", "rather"))
	for _, b := range []*browser{clara, ewald, frieda, s.as("Anna")} {
		if a := b.get(page + "/opinion"); !a.Has("Belastbar <laut> Befund.") || strings.Contains(a.Body, "<laut>") || !a.Has("1 von 2 weicht ab") || !a.Has("Alle haben geantwortet") {
			t.Error("the round is not open, or typed text became markup")
		}
	}
	if a := ewald.post(page+"/opinion", good); a.Status != http.StatusConflict {
		t.Errorf("changed after the opening: %d", a.Status)
	}
	if a := ewald.post(page+"/opinion/add", typed("addition", "Nur vormittags.")); !a.Has("Ergänzung: Nur vormittags.") {
		t.Errorf("added: %d", a.Status)
	}
	if a := clara.get(page); !a.Has("1 von 2 weicht ab") || !a.Has("bleibt, wie gefragt wird") {
		t.Error("the conference's page does not say how it stands")
	}
}

func TestAConferenceInWritingIsConvenedAnsweredAndMinuted(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry", "physiotherapy")
	at := "/requests/" + s.request(caseID).String()
	clara, ewald := s.as("Clara"), s.as("Ewald")
	if a := clara.get(at); !a.Has("schriftlich, ohne Treffen") || !a.Has(`value="2026-11-30"`) {
		t.Fatal("the form for convening does not offer it")
	}
	form := typed("held", "written", "due_on", "2026-11-29", "opinions", "yes", "scale", "hours", "experts", s.people["Ewald"].ID.String(), "length", "25", "kind", "case_conference")
	wantRefused(t, "a Sunday", clara.post(at+"/convene", form), "convene-due_on", "Arbeitstag")
	form.Set("due_on", "2026-11-30")
	a := clara.post(at+"/convene", form)
	if !a.Has("schriftlich, bis Montag, 30. November 2026, 18:00 Uhr") || a.Has("Konferenz verlegen") || a.Has("Raum öffnen") {
		t.Fatalf("convened: %d", a.Status)
	}
	page := a.Path
	link := s.link("Ewald", "invitation")
	if a := s.visitor().get(link); !a.Has("Geben Sie ein schriftliches Votum?") || a.Has("per Video") {
		t.Error("the answer page speaks of a date")
	}
	if a := s.visitor().post(link, typed("answer", "accepted", "sequence", "0")); !a.Has("Zum Votum") || a.Has("calendar.ics") {
		t.Errorf("accepted: %d", a.Status)
	}
	if a := s.visitor().get(link + "/calendar.ics"); a.Status != http.StatusNotFound {
		t.Errorf("a calendar file: %d", a.Status)
	}
	ewald.post(page+"/declare", typed("declaration", "none"))
	if a := clara.post(page+"/opinion/extend", typed("due_on", "2026-12-01")); !a.Has("1. Dezember 2026, 18:00 Uhr") {
		t.Errorf("extended: %d", a.Status)
	}
	if a := ewald.get("/"); !a.Has("Ihre Einschätzung") {
		t.Error("her day does not say that she is asked")
	}
	if a := ewald.post(page+"/opinion", typed("position", "3_to_6", "reason", "Vormittags geht es.", "confidence", "sure", "spent", "20")); !a.Has("noch keine Runde") {
		t.Errorf("the only one has answered: %d", a.Status)
	}
	if a := clara.get(page + "/minutes"); !a.Has("1 × 3 bis unter 6 Stunden am Tag") || !a.Has("Anlage: schriftliche Einschätzungen") || !a.Has("schriftliches Votum") {
		t.Error("the draft does not begin with the opinion")
	}
	if a := clara.post(page+"/approve", typed("decisions", "Drei Stunden, vormittags.")); a.Status != http.StatusOK {
		t.Errorf("approved: %d", a.Status)
	}
	if a := ewald.get("/me/participation?quarter=2026-4"); !a.Has("Schriftliches Votum") || !a.Has("20") {
		t.Error("the proof lacks it")
	}
}

func TestSomebodyIsAskedToWriteInsteadOfComing(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	page := "/conferences/" + code
	clara := s.as("Clara")
	if a := clara.post(page+"/opinion/expert", typed("expert", s.people["Frieda"].ID.String())); !a.Has("antwortet schriftlich") {
		t.Fatalf("asked: %d", a.Status)
	}
	s.clock.set(s.Now().Add(time.Minute))
	if a := s.visitor().get(s.link("Frieda", "invitation")); !a.Has("Geben Sie ein schriftliches Votum?") {
		t.Error("her link speaks of a date")
	}
	if a := clara.get(page); !a.Has("Um ein schriftliches Votum bitten") { // Ewald still comes
		t.Error("nobody else can be asked")
	}
	if _, err := s.Conferences.Opinions(t.Context(), s.people["Clara"], code); err != nil {
		t.Errorf("there is no round: %v", err)
	}
}
