package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
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

// looks sends a text for a look and gives what was found as "class start-end".
func looks(t *testing.T, b *browser, at, text string) []string {
	t.Helper()
	a := b.post(at, typed("text", text))
	if a.Status != http.StatusOK {
		t.Fatalf("%s: status %d", at, a.Status)
	}
	var answer struct {
		Found []struct {
			Start, End int
			Class      string
			Reason     string
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range answer.Found {
		found = append(found, fmt.Sprintf("%s %d-%d %s", f.Class, f.Start, f.End, f.Reason))
	}
	return found
}

func TestTextIsLookedAtWhileItIsWrittenAndNotKept(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(id)
	s.accept(code, "Ewald")
	anna, ewald := s.as("Anna"), s.as("Ewald")
	s.unchanged("a look", func() {
		got := looks(t, anna, "/cases/"+id.String()+"/guard", "😀 Geheimniss, 0171 2345678")
		if want := []string{"person 3-13 subject", "phone 15-27 shape"}; !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
		at := "/conferences/" + code + "/guard"
		if got := looks(t, anna, at, "Geheimniss"); !slices.Equal(got, []string{"person 0-10 subject"}) {
			t.Errorf("the caseworker is told %q", got)
		}
		if got := looks(t, ewald, at, "Geheimniss"); !slices.Equal(got, []string{"person 0-10 context"}) {
			t.Errorf("an expert is told %q: whose name it is stays unsaid", got)
		}
	})
	if a := s.as("Bernd").post("/cases/"+id.String()+"/guard", typed("text", "Geheimniss")); a.Status != http.StatusNotFound {
		t.Errorf("another Jobcenter: status %d", a.Status)
	}
	if a := anna.post("/cases/"+id.String()+"/guard", typed("text", strings.Repeat("x", maxLook+1))); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: status %d", a.Status)
	}
	for n := 0; ; n++ {
		if a := anna.post("/cases/"+id.String()+"/guard", typed("text", "x")); a.Status == http.StatusTooManyRequests {
			break
		} else if n > 500 {
			t.Fatal("nobody stops somebody who tries out names")
		}
	}
}

func TestPagesGetTheClientsNameOnlyAsHashesAndOnlyWhoMayKnowIt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(id)
	s.accept(code, "Ewald")
	marks := func(b *browser, at string) (hashes int, key string) {
		t.Helper()
		a := b.get(at)
		if a.Status != http.StatusOK || strings.Contains(strings.ToLower(a.Body), "geheimnis") {
			t.Fatalf("%s: status %d, or the name itself", at, a.Status)
		}
		var m struct {
			Key    string
			Hashes map[string]string
			Slips  map[string][]byte
		}
		s.must(json.Unmarshal([]byte(a.Body), &m))
		if slips := m.Slips["person"]; len(slips)%(6*1024) != 0 || (len(slips) > 0) != (len(m.Hashes) > 0) {
			t.Errorf("%s: %d bytes of slips beside %d hashes", at, len(slips), len(m.Hashes))
		}
		return len(m.Hashes), m.Key
	}
	anna := s.as("Anna")
	n, first := marks(anna, "/cases/"+id.String()+"/guard")
	_, second := marks(anna, "/cases/"+id.String()+"/guard")
	if n == 0 || n%64 != 0 || first == second {
		t.Errorf("%d hashes under the keys %s and %s", n, first, second)
	}
	if n, _ := marks(anna, "/conferences/"+code+"/guard"); n == 0 {
		t.Error("the caseworker's live page knows nothing")
	}
	for _, who := range []string{"Ewald", "Clara"} {
		if n, _ := marks(s.as(who), "/conferences/"+code+"/guard"); n != 0 {
			t.Errorf("%s gets %d hashes to try out names with", who, n)
		}
	}
	if a := s.as("Bernd").get("/cases/" + id.String() + "/guard"); a.Status != http.StatusNotFound {
		t.Errorf("another Jobcenter: status %d", a.Status)
	}
	// Where there is no case yet, there is nobody to look for but whom the form names, which stays there.
	if n, _ := marks(anna, "/cases/guard"); n != 0 {
		t.Errorf("the form of a new case gets %d hashes", n)
	}
	s.unchanged("a look at a new case", func() {
		if got := looks(t, anna, "/cases/guard", "Frau Geheimniss"); !slices.Equal(got, []string{"person 5-15 salutation"}) {
			t.Errorf("found %q", got)
		}
	})
	for _, who := range []string{"Ewald", "Clara"} {
		if a := s.as(who).get("/cases/guard"); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
			t.Errorf("%s is served the form's guard: %d", who, a.Status)
		}
	}
}

func TestCoordinationTriesKeepsAndRemovesPatterns(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase()
	clara := s.as("Clara")
	altona := query[uuid.UUID](s, `select id from organisation where name = 'Altona'`)
	form := typed("shape", "AB-9999", "name", "Altakte", "organisation", altona.String(), "do", "add")
	s.unchanged("trying a pattern", func() {
		a := clara.post("/guard/patterns", typed("shape", "AB-9999", "sample", "Vorgang qb-4711, nicht XAB-4711.", "do", "try"))
		if !a.Has("<mark>qb-4711</mark>") || !a.Has("1 Stelle gefunden") {
			t.Errorf("the box shows nothing: status %d", a.Status)
		}
		wantRefused(t, "shape", clara.post("/guard/patterns", with(form, "shape", "AB")), "pattern-shape", "vier bis vierzig Stellen")
		wantRefused(t, "house", clara.post("/guard/patterns", with(form, "organisation", query[uuid.UUID](s, `select id from organisation where name = 'Füssen'`).String())),
			"pattern-organisation", "für welches Haus")
		for _, who := range []string{"Anna", "Ewald"} {
			if a := s.as(who).post("/guard/patterns", form); a.Status != http.StatusNotFound {
				t.Errorf("%s: status %d", who, a.Status)
			}
		}
	})
	if a := clara.post("/guard/patterns", form); !a.Has("Das Muster gilt ab sofort.") {
		t.Fatalf("add: status %d", a.Status)
	}
	if a := clara.post("/guard/patterns", form); a.Status != http.StatusConflict {
		t.Errorf("twice: status %d", a.Status)
	}
	at := "/cases/" + id.String() + "/guard"
	if got := looks(t, s.as("Anna"), at, "in ZB-1234"); !slices.Equal(got, []string{"record 3-10 site"}) {
		t.Errorf("a case of the house: %q", got)
	}
	pattern := query[uuid.UUID](s, `select id from guard_pattern`)
	rosa := s.as("Rosa")
	if a := rosa.post("/guard/patterns/"+pattern.String()+"/remove", nil); a.Status != http.StatusNotFound || rosa.get("/guard/patterns").Has("Altakte") {
		t.Errorf("another network: status %d", a.Status)
	}
	if a := s.as("Anna").get("/guard"); !a.Has("AB-9999") || !a.Has("Personen ohne Zusammenhang") {
		t.Errorf("the page about the guard: status %d", a.Status)
	}
	clara.post("/guard/patterns/"+pattern.String()+"/remove", nil)
	if got := looks(t, s.as("Anna"), at, "in ZB-1234"); len(got) != 0 {
		t.Errorf("after its end: %q", got)
	}
}

func TestMeterCountsTheOwnCasesAndHoldsWhatIsRare(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	anna := s.as("Anna")
	told := typed("age_band", "50", "sex", "f", "occupation", "2")
	var id uuid.UUID
	for n := range 3 {
		id = s.newCase()
		at := "/cases/" + id.String()
		if a := anna.get(at); !a.Has("nicht eingeschätzt") {
			t.Errorf("a new case: status %d", a.Status)
		}
		a := anna.post(at+"/traits", with(told, "diagnosis", []string{"mental", "heart", "mental"}[n]))
		if a.Status != http.StatusOK {
			t.Fatalf("traits: status %d", a.Status)
		}
	}
	a := anna.get("/cases/" + id.String())
	if !a.Has("2 Personen der offenen Fälle") || !a.Has("ohne Diagnosegruppe") {
		t.Error("the page does not count two, or offers nothing coarser")
	}
	if a := anna.get("/cases/" + id.String() + "/summary"); !a.Has("2 Personen der offenen Fälle") {
		t.Error("the meter is not beside the form of the summary")
	}
	if a := s.as("Bernd").post("/cases/"+id.String()+"/traits", told); a.Status != http.StatusNotFound {
		t.Errorf("another Jobcenter: status %d", a.Status)
	}
	s.must(s.Cases.Write(t.Context(), s.people["Anna"], id, casefile.Summary{Situation: "Rücken.", Resources: "Rad", Tried: "viel", Goals: "raus", Limits: "keine Schicht"}))
	check := typed("version", "2", "checked", "yes")
	wantRefused(t, "rare", anna.post("/cases/"+id.String()+"/check", check), "check-reason", "Weniger als drei Personen")
	if a := anna.post("/cases/"+id.String()+"/check", with(check, "reason", "steht schon in der Zeitung")); a.Status != http.StatusOK {
		t.Errorf("with a reason: status %d", a.Status)
	}
	wantRefused(t, "unknown", anna.post("/cases/"+id.String()+"/traits", with(told, "region", "Kleindorf")), "traits-region", "Diese Auswahl gibt es nicht.")
}
