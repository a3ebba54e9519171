package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/opinion"
)

// TestNobodyButTheAuthorReadsABlindOpinionAnywhere: the estate has a live conference with an opinion that is not open. No page, file,
// search, feed, mail, entry of the record or frame of the room has a word of it, but for the author's own page.
func TestNobodyButTheAuthorReadsABlindOpinionAnywhere(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	page := "/conferences/" + e.second + "/opinion"
	form := typed("position", "no", "reason", "Doch mispelweich.", "confidence", "rather", "position_1", "yes", "reason_1", "Doch berberitzenrot.")
	if a := e.as("Ewald").post(page+"/draft", form); a.Status != http.StatusOK && a.Status != http.StatusNoContent {
		t.Fatalf("a draft: %d", a.Status)
	}
	if a := e.as("Ewald").post(page, form); a.Status != http.StatusOK || !a.Has("Ihre Einschätzung ist gesendet.") {
		t.Fatalf("a correction: %d", a.Status)
	}
	found := e.walk("Anna", "Bernd", "Doris", "Clara", "Ewald", "Frieda", "Gustav", "Quirin", "Rosa", "Theo", "")
	for _, word := range []string{"mispelweich", "berberitzenrot"} {
		if !slices.Contains(found[word], "Ewald at "+page) {
			t.Errorf("the author does not read %s herself: the check says nothing", word)
		}
		for _, where := range found[word] {
			if where != "Ewald at "+page {
				t.Errorf("%s is read by %s", word, where)
			}
		}
		for _, table := range []string{"message_out", "audit.entry", "message_in", "minutes", "note_section", "river_job"} {
			if n := query[int](e.testServer, `select count(*)::int from `+table+` m where m::text like '%' || $1 || '%'`, word); n > 0 {
				t.Errorf("%s is in %s", word, table)
			}
		}
	}
	clara := e.leads(e.as("Clara"), e.second) // nobody answers for her while all those pages are got
	if a := e.as("Ewald").post(page, form); a.Status != http.StatusOK {
		t.Fatalf("another correction: %d", a.Status)
	}
	if a := e.as("Clara").post("/conferences/"+e.second+"/opinion/open", nil); !a.Has("Doch mispelweich.") || !a.Has("Doch berberitzenrot.") || strings.Count(a.Body, "Frühere Fassungen") != 2 {
		t.Errorf("opened: %d", a.Status)
	}
	if a := e.as("Anna").get(page); !a.Has("Doch mispelweich.") || !a.Has("Doch berberitzenrot.") || !a.Has("von Clara Coordes") {
		t.Error("the caseworker does not read it after the opening")
	}
	if a := e.visitor().post(e.client, typed("sure", "yes")); a.Status != http.StatusOK {
		t.Fatalf("withdrawn: %d", a.Status)
	}
	if frames, _ := listen(t, clara.ws); strings.Contains(frames, "mispelweich") || strings.Contains(frames, "berberitzenrot") || !strings.Contains(frames, `"opinions"`) {
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

// inParts convenes Ewald and Frieda in writing, or else tomorrow at ten with first opinions, on a question with two part questions; both
// come.
func (s *testServer) inParts(written bool) (code string) {
	s.t.Helper()
	id, err := s.Conferences.Submit(s.t.Context(), s.people["Anna"], conference.Request{
		CaseID: s.newCase("psychiatry", "physiotherapy"), Question: "Wie viele Stunden sind zumutbar?", Urgency: "normal", OwnWish: "Ruhe.",
		Disciplines: []string{"psychiatry", "physiotherapy"},
		Parts: []conference.PartQuestion{
			{Text: "Trägt der Rücken schwere Arbeit?", Disciplines: []string{"physiotherapy"}}, {Text: "Ist Schichtarbeit möglich?", Disciplines: []string{"psychiatry", "physiotherapy"}},
		},
	})
	s.must(err)
	p := conference.Panel{Experts: []uuid.UUID{s.people["Ewald"].ID, s.people["Frieda"].ID}, Opinions: true, Scale: opinion.Hours}
	if written {
		p.Written, p.DueOn = true, conference.UsualDue(s.Now(), "")
	} else {
		p.Starts, p.Length = testBegins.AddDate(0, 0, 1).Add(time.Hour), 25*time.Minute
	}
	code, err = s.Conferences.Convene(s.t.Context(), s.people["Clara"], id, p)
	s.must(err)
	s.accept(code, "Ewald", "Frieda")
	return code
}

func TestPartQuestionsAreAskedAnsweredAndOrderedByDisagreement(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.inParts(false)
	page := "/conferences/" + code
	clara, ewald, frieda := s.as("Clara"), s.as("Ewald"), s.as("Frieda")
	if a := frieda.get(page + "/opinion"); !a.Has(`name="position_1"`) || !a.Has(`name="position_2"`) || !a.Has("nichts dazu") {
		t.Error("who knows about both part questions is not asked both")
	}
	if a := ewald.get(page + "/opinion"); a.Has(`name="position_1"`) || !a.Has(`name="position_2"`) || !a.Has("Trägt der Rücken schwere Arbeit?") {
		t.Error("who knows about one part question is asked more, or is not told what it is about")
	}
	good := typed("position", "from_6", "reason", "Belastbar.", "confidence", "sure", "position_2", "yes", "reason_2", "Mit Pausen.")
	with := func(name, value string) url.Values {
		f := maps.Clone(good)
		f[name] = []string{value}
		return f
	}
	refuses(t, ewald, page+"/opinion", []wrongInput{
		{"a position of another scale", with("position_2", "from_6"), "f-opinion-position_2", []string{"Mit Pausen."}},
		{"a sentence alone", with("position_2", ""), "f-opinion-position_2", []string{"Mit Pausen."}},
		{"a long sentence", with("reason_2", strings.Repeat("x", 301)), "f-opinion-reason_2", []string{"Belastbar."}},
		{"the client's name", with("reason_2", "Frau Geheimniss will."), "f-opinion-because", []string{"Belastbar."}},
	})
	for _, field := range []string{"position_3", "position_7"} {
		if a := ewald.post(page+"/opinion", with(field, "yes")); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s, of which there is no part question: %d", field, a.Status)
		}
	}
	if a := ewald.post(page+"/opinion/draft", typed("reason_2", "Halber Satz")); !a.Has("Halber Satz") {
		t.Errorf("a draft: %d", a.Status)
	}
	if a := ewald.post(page+"/opinion", good); !a.Has("1 von 2 haben geantwortet.") || !a.Has(`value="Mit Pausen."`) {
		t.Errorf("sent: %d", a.Status)
	}
	if a := frieda.get(page + "/opinion"); a.Has("Mit Pausen.") {
		t.Error("it is read before the opening")
	}
	frieda.post(page+"/opinion", typed("position", "from_6", "reason", "Geht.", "confidence", "rather", "position_2", "no"))
	a := clara.get(page + "/opinion")
	first, second, third := strings.Index(a.Body, "Ist Schichtarbeit möglich?"), strings.Index(a.Body, "Trägt der Rücken schwere Arbeit?"), strings.Index(a.Body, "Alle 2 sind sich einig")
	if first < 0 || second < first || third < second || !a.Has("1 von 2 weicht ab, weit auseinander") || !a.Has("Dazu hat niemand etwas gesagt") || !a.Has("Mit Pausen.") {
		t.Errorf("the points: %d, %d, %d", first, second, third)
	}
	if a := clara.get(page); !a.Has("1 von 2 weicht ab, weit auseinander") || !a.Has("Dazu hat niemand etwas gesagt") {
		t.Error("the conference's page does not say it")
	}
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	clara = s.as("Clara")
	if a := clara.post(page+"/end", nil); a.Status != http.StatusOK {
		t.Fatalf("end: %d", a.Status)
	}
	if a := clara.get(page + "/minutes"); !a.Has("Dazu hat niemand etwas gesagt") || !a.Has("weit auseinander") || strings.Count(a.Body, "Mit Pausen.") != 1 {
		t.Error("the minutes do not have the points")
	}
}

func TestWithoutOpinionsPointsStandInTheOrderOfAsking(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.inParts(false)
	clara, page := s.as("Clara"), "/conferences/"+code
	if a := clara.post(page+"/opinion/ask", typed("scale", "none")); a.Status != http.StatusOK {
		t.Fatalf("nobody is asked: %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	clara = s.as("Clara")
	for _, path := range []string{"/room", ""} {
		a := clara.get(page + path)
		if first, second := strings.Index(a.Body, "Trägt der Rücken"), strings.Index(a.Body, "Ist Schichtarbeit möglich?"); first < 0 || second < first {
			t.Errorf("%s%s: %d, %d", page, path, first, second)
		}
	}
	clara.post(page+"/end", nil)
	if a := clara.get(page + "/minutes"); !a.Has("Die Punkte") || !a.Has("Ist Schichtarbeit möglich?") || a.Has("niemand etwas gesagt") {
		t.Error("the minutes do not list the points, or say how far apart opinions are that nobody was asked for")
	}
}

func TestAConferenceInWritingWhoseTimeIsUpIsExtendedOrClosedByOneClick(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.inParts(true)
	page := "/conferences/" + code
	clara, ewald := s.as("Clara"), s.as("Ewald")
	ewald.post(page+"/opinion", typed("position", "from_6", "reason", "Geht.", "confidence", "rather"))
	if a := clara.get(page); a.Has("Die Frist ist um.") || a.Has("Trotzdem abschließen") {
		t.Error("its time is up too early")
	}
	s.clock.set(s.Now().AddDate(0, 0, 8))
	s.must(s.Conferences.SweepOpinions(t.Context()))
	clara, ewald = s.as("Clara"), s.as("Ewald")
	if a := clara.get("/"); !a.Has("Voten zu "+code+" sind unvollständig") || !a.Has("es fehlt: Physiotherapie.") {
		t.Error("the coordination's day does not say what is lacking")
	}
	if a := clara.get(page); !a.Has("Noch ohne Votum: Physiotherapie.") || !a.Has("Trotzdem abschließen") || !a.Has("Bis Di., 8.12. verlängern") {
		t.Error("the page does not say what is lacking and what can be done")
	}
	if a := ewald.get(page); a.Has("Noch ohne Votum") || a.Has("Trotzdem abschließen") {
		t.Error("an expert is offered to close it")
	}
	if a := ewald.post(page+"/opinion/open", nil); a.Status != http.StatusNotFound {
		t.Errorf("an expert closes it: %d", a.Status)
	}
	if a := clara.post(page+"/opinion/extend", typed("due_on", "2026-12-07")); !a.Has("7. Dezember 2026, 18:00 Uhr") || a.Has("Die Frist ist um.") {
		t.Errorf("extended: %d", a.Status)
	}
	s.clock.set(s.Now().AddDate(0, 0, 8))
	s.must(s.Conferences.SweepOpinions(t.Context()))
	clara = s.as("Clara")
	if a := clara.post(page+"/opinion/open", nil); a.Status != http.StatusOK || !a.Has("Geht.") {
		t.Errorf("closed all the same: %d", a.Status)
	}
	if a := clara.get("/"); a.Has("unvollständig") {
		t.Error("it still waits")
	}
	if n := query[int](s, `select count(*)::int from audit.entry where action = 'opinion_missing' and object_id = 'physiotherapy'`); n != 1 {
		t.Errorf("%d entries say what was lacking", n)
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
