package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/slot"
)

// topicForm is what Clara fills in for a topic on Thursday, with Ewald and, of another house, Bernd.
func (s *testServer) topicForm() url.Values {
	return typed("act", "convene", "topic", "Wie gelingt der Übergang aus der Tagesklinik?", "explanation", "Viele fallen zurück.",
		"experts", s.people["Ewald"].ID.String(), "colleagues", s.people["Bernd"].ID.String(), "date", "2026-11-26", "time", "14:00", "length", "45")
}

func TestATopicIsConvenedWithoutACaseAndItsPageHasNone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara := s.as("Clara")
	if a := clara.get("/conferences"); !a.Has(`href="/conferences/new"`) {
		t.Error("there is no way to a new topic")
	}
	if a := clara.post("/conferences/new", with(s.topicForm(), "act", "look")); a.Status != http.StatusOK || a.Path != "/conferences/new" || !a.Has("Viele fallen zurück.") {
		t.Errorf("a look at the pool: %d at %s", a.Status, a.Path)
	}
	if a := clara.post("/conferences/new", with(with(s.topicForm(), "act", "look"), "disciplines", "psychiatry")); !a.Has("Dr. Gustav Psych") {
		t.Error("the pool of a discipline is not offered")
	}
	for field, w := range map[string]struct{ value, says string }{
		"topic": {"", missing}, "experts": {"", "Eine der gewählten Personen"}, "date": {"", "Bitte geben Sie Datum und Beginn an."},
		"colleagues": {s.people["Quirin"].ID.String(), "kann nicht eingeladen werden"},
	} {
		at := map[string]string{"date": "starts"}[field]
		if at == "" {
			at = field
		}
		wantRefused(t, field, clara.post("/conferences/new", with(s.topicForm(), field, w.value)), "convene-"+at, w.says)
	}
	named := clara.post("/conferences/new", with(s.topicForm(), "topic", "Wie hilft man Frau Sabine Müller?"))
	if named.Status != http.StatusUnprocessableEntity || !named.Has("lassen auf jemanden schließen") || named.Has(`name="because"`) {
		t.Errorf("a topic that names somebody: %d", named.Status)
	}

	a := clara.post("/conferences/new", s.topicForm())
	at, isTopic := strings.CutPrefix(a.Path, "/conferences/")
	if a.Status != http.StatusOK || !isTopic || !strings.HasPrefix(at, "T7-") || !a.Has("Fachkonferenz") || !a.Has("Viele fallen zurück.") {
		t.Fatalf("convened: %d at %s", a.Status, a.Path)
	}
	for _, not := range []string{"Zusammenfassung", "Eigener Wunsch", "Einwilligung", "guests", "Gast"} {
		if a.Has(not) {
			t.Errorf("the page of a topic has %q", not)
		}
	}
	for _, name := range []string{"Ewald", "Bernd"} {
		b := s.as(name)
		if today := b.get("/"); !today.Has(at) {
			t.Errorf("%s is not asked on Heute", name)
		}
		b.post(a.Path+"/answer", typed("answer", "accepted", "sequence", "0"))
		if page := b.get(a.Path); page.Status != http.StatusOK || !page.Has("Viele fallen zurück.") || page.Has("Kennen oder behandeln") {
			t.Errorf("%s who accepted sees %d", name, page.Status)
		}
	}
	for _, name := range []string{"Anna", "Doris", "Frieda", "Quirin", "Rosa"} {
		if page := s.as(name).get(a.Path); page.Status != http.StatusNotFound {
			t.Errorf("%s sees the topic: %d", name, page.Status)
		}
	}
	if page := clara.post(a.Path+"/colleagues", typed("colleagues", s.people["Doris"].ID.String())); page.Status != http.StatusOK || !page.Has("Doris") {
		t.Errorf("one more colleague: %d", page.Status)
	}
	for _, post := range []struct{ path, form string }{{"/guests", "guest_kind=client&guest_confirmed=yes"}, {"/visible", ""}} {
		f, _ := url.ParseQuery(post.form)
		if page := clara.post(a.Path+post.path, f); page.Status != http.StatusConflict || !page.Has("hat keinen Fall") {
			t.Errorf("%s of a topic: %d", post.path, page.Status)
		}
	}

	s.clock.set(testBegins.AddDate(0, 0, 3).Add(5 * time.Hour))
	ctx := t.Context()
	s.must(s.Conferences.Open(ctx, s.people["Clara"], at))
	for _, path := range []string{"/room", "/measures", "/notes"} {
		if page := s.as("Bernd").get(a.Path + path); page.Status != http.StatusOK {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
	s.must(s.Conferences.End(ctx, s.people["Clara"], at))
	clara = s.as("Clara") // three days later
	s.must(s.Conferences.Minute(ctx, s.people["Clara"], at, "Übergaben werden verabredet."))
	s.must(s.Conferences.Approve(ctx, s.people["Clara"], at, ""))
	if page := s.as("Bernd").get(a.Path + "/minutes"); page.Status != http.StatusOK || page.Has("Eigener Wunsch") || !page.Has("Übergaben werden verabredet.") {
		t.Errorf("minutes: %d", page.Status)
	}
	if page := clara.get(a.Path); !page.Has("/conferences/new?of=" + at) {
		t.Error("nothing can be made of it")
	}
	if page := clara.get("/conferences/new?of=" + at); !page.Has("Wie gelingt der Übergang aus der Tagesklinik?") {
		t.Error("the next topic does not begin with what this one was about")
	}
	if page := s.as("Rosa").get("/conferences/new?of=" + at); page.Status != http.StatusNotFound {
		t.Errorf("a stranger begins with it: %d", page.Status)
	}
}

func TestAQuestionWithoutACaseGoesToTheCoordinationAndTellsOfNobody(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	anna, clara := s.as("Anna"), s.as("Clara")
	if a := anna.get("/requests"); !a.Has(`href="/questions/new"`) {
		t.Error("there is no way to a question")
	}
	if a := anna.get("/questions/new"); !a.Has("nicht begründen, nur ersetzen") {
		t.Error("the page does not say why nothing can be justified")
	}
	form := typed("question", "Ab wann ist Teilzeit ratsam?", "explanation", "Immer wieder brechen Maßnahmen ab.", "urgency", "urgent", "disciplines", "psychiatry")
	a := anna.post("/questions/new", with(form, "explanation", "Frau Sabine Müller, 58 Jahre alt, aus 17291 Prenzlau."))
	if a.Status != http.StatusUnprocessableEntity || !a.Has("kleiner Ort") || a.Has(`name="because"`) || !a.Has("f-free-explanation") {
		t.Errorf("a question that tells of somebody: %d", a.Status)
	}
	wantRefused(t, "no situation", anna.post("/questions/new", with(form, "explanation")), "free-explanation", missing)
	a = anna.post("/questions/new", form)
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Path, "/requests/") || !a.Has("ohne Fall") || a.Has("/cases/") {
		t.Fatalf("asked: %d at %s", a.Status, a.Path)
	}
	for _, path := range []string{"/", "/requests"} {
		if page := clara.get(path); !page.Has("ohne Fall") || !page.Has("Ab wann ist Teilzeit ratsam?") {
			t.Errorf("%s of the coordination lacks the question", path)
		}
	}
	page := clara.get(a.Path)
	if !page.Has("Immer wieder brechen Maßnahmen ab.") || page.Has("Einwilligung") || page.Has(`name="kind"`) || page.Has("visible_from") {
		t.Error("the page of the question is not one without a case")
	}
	page = clara.post(a.Path+"/convene", with(s.convening(), "experts", s.people["Ewald"].ID.String()))
	if page.Status != http.StatusOK || !strings.HasPrefix(page.Path, "/conferences/T7-") || !page.Has("Frage ohne Fall von Anna") {
		t.Errorf("convened: %d at %s", page.Status, page.Path)
	}
	if page := anna.get(page.Path); page.Status != http.StatusOK {
		t.Errorf("who asked sees %d", page.Status)
	}
	if page := s.as("Bernd").get(a.Path); page.Status != http.StatusNotFound {
		t.Errorf("another house sees the question: %d", page.Status)
	}
}

func TestATopicFindsItsDateAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ewald := s.people["Ewald"]
	s.must(s.Pool.KeepWeek(t.Context(), ewald, ewald.ID, []slot.Weekly{{Day: time.Thursday, From: 10 * 60, To: 11 * 60}}))
	clara := s.as("Clara")
	looks := with(with(with(s.topicForm(), "act", "dates"), "disciplines", "psychiatry"), "date", "")
	a := clara.post("/conferences/new", looks)
	if a.Status != http.StatusOK || !a.Has("Alle Möglichkeiten") || !a.Has("Donnerstag, 26. November 2026, 10:00–10:45 Uhr") || !a.Has(`value="Viele fallen zurück."`) {
		t.Fatalf("dates: %d", a.Status)
	}
	if a.Has("Umfrage") || strings.Contains(a.Body, "href=\"/requests/") {
		t.Error("a topic has no request to ask people for")
	}
	take := regexp.MustCompile(`name="take" value="([^"]+)"`).FindStringSubmatch(a.Body)
	if take == nil || take[1] != "2026-11-26T09:00:00Z "+ewald.ID.String() {
		t.Fatalf("the first date is %q", take)
	}
	back := with(with(looks, "take", take[1]), "wish", "psychiatry")
	a = clara.post("/conferences/new", back)
	for _, want := range []string{`value="2026-11-26"`, `value="10:00"`, "Viele fallen zurück.", `value="` + ewald.ID.String() + `" checked`, `value="` + s.people["Bernd"].ID.String() + `" checked`} {
		if a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("back in the form: %d, without %q", a.Status, want)
		}
	}
	a = clara.post("/conferences/new", with(with(looks, "date", "2026-11-27"), "who_psychiatry", ewald.ID.String()))
	if !a.Has("Dieser Termin geht nicht.") || !a.Has("Außerhalb der angegebenen Zeiten.") || !a.Has("Stattdessen ginge: Dr. Gustav Psych") {
		t.Error("a date that fails does not say why, and what would help")
	}
	if a := clara.post("/conferences/new", with(looks, "disciplines")); a.Status != http.StatusOK || !a.Has("Wählen Sie oben unter") {
		t.Errorf("nobody wished yet: %d", a.Status)
	}
	if a := clara.post("/conferences/new", with(looks, "weeks", "99")); a.Status != http.StatusUnprocessableEntity || !a.Has("bis acht Wochen") {
		t.Errorf("99 weeks: %d", a.Status)
	}
	for _, odd := range []string{"x", " ", "2026-11-26T09:00:00Z nobody"} {
		if a := clara.post("/conferences/new", with(looks, "take", odd)); a.Status != http.StatusOK {
			t.Errorf("take=%q: %d", odd, a.Status)
		}
	}
}

func TestATopicCanBeHeldInWriting(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara := s.as("Clara")
	if a := clara.get("/conferences/new"); !a.Has(`value="written"`) || !a.Has(`name="due_on"`) {
		t.Error("the form does not offer it")
	}
	written := with(with(with(s.topicForm(), "held", "written"), "due_on", "2026-11-30"), "date", "")
	wantRefused(t, "a colleague", clara.post("/conferences/new", written), "convene-colleagues", "nur Fachpersonen")
	written = with(written, "colleagues")
	wantRefused(t, "a Sunday", clara.post("/conferences/new", with(written, "due_on", "2026-11-29")), "convene-due_on", "Arbeitstag")
	a := clara.post("/conferences/new", written)
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Path, "/conferences/T7-") || !a.Has("schriftlich, bis Montag, 30. November 2026") {
		t.Errorf("convened: %d at %s", a.Status, a.Path)
	}
}
