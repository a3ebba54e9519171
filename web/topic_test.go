package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
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
