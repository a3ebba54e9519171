package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestTheCoordinationTakesARequestAsksBackAndReadsTheAnswer(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.request(s.newCase("psychiatry"))
	at, clara, anna := "/requests/"+id.String(), s.as("Clara"), s.as("Anna")
	s.add(s.people["Clara"].Organisation, account.Coordinator, "Karl Konrad")
	karl := s.as("Karl")
	if a := clara.post(at+"/take", typed("from", "")); !a.Has("Die Anfrage ist jetzt bei Ihnen.") || !a.Has("Sie bearbeiten diese Anfrage") || !a.Has("/convene") {
		t.Fatalf("taken: %d at %s", a.Status, a.Path)
	}
	if a := karl.get(at); !a.Has("in Bearbeitung bei Clara") || a.Has("/convene") || a.Has("/decline") || !a.Has("Von dort übernehmen") {
		t.Error("a colleague is not told, or decides all the same")
	}
	if a := karl.get("/requests?show=mine"); a.Has("Wie viele Stunden") || !clara.get("/requests?show=mine").Has("Wie viele Stunden") {
		t.Error("what is mine is not")
	}
	s.unchanged("two at once", func() {
		for path, form := range map[string]string{"/take": "from", "/decline": "reason"} {
			if a := karl.post(at+path, typed(form, "")); a.Status == http.StatusOK {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
		wantRefused(t, "no question", clara.post(at+"/inquiry", typed("due_on", "2026-11-24")), "inquiry-missing", missing)
		wantRefused(t, "yesterday", clara.post(at+"/inquiry", typed("missing", "Welche Medikamente?", "due_on", "2026-11-20")), "inquiry-due_on", "ab heute")
	})
	if a := clara.post(at+"/inquiry", typed("missing", "Welche Medikamente?", "due_on", "2026-11-24")); !a.Has("So lange steht die Uhr.") || !a.Has("Rückfrage offen") {
		t.Fatalf("asked back: %d", a.Status)
	}
	if a := clara.get("/requests"); !a.Has("die Uhr steht bis zur Antwort") {
		t.Error("the inbox does not say that the clock stands")
	}
	if a := anna.get("/"); !a.Has("Rückfrage der Koordination") || a.Has("Medikamente") {
		t.Error("the caseworker is not told, or is told what")
	}
	if a := anna.get("/cases"); !a.Has("Rückfrage beantworten") {
		t.Error("the list of cases does not say what comes next")
	}
	inquiry := query[uuid.UUID](s, `select id from information_request`).String()
	s.unchanged("an answer that names the client", func() {
		if a := anna.post(at+"/inquiry/answer", typed("inquiry", inquiry, "given", "Frau Geheimniss nimmt keine.")); a.Status != http.StatusUnprocessableEntity || !a.Has(`<mark class="sure">`) {
			t.Errorf("%d", a.Status)
		}
	})
	if a := anna.post(at+"/inquiry/answer", typed("inquiry", inquiry, "given", "Ein Antidepressivum.")); !a.Has("Ihre Antwort ist bei der Koordination.") {
		t.Errorf("answered: %d at %s", a.Status, a.Path)
	}
	if a := clara.get(at); !a.Has("Ein Antidepressivum.") {
		t.Error("the coordination does not read the answer")
	}
}

func TestWhatWasDeclinedTakenBackOrKeptIsAskedAnewWithoutWritingItAgain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry")
	anna, clara, form := s.as("Anna"), s.as("Clara"), "/cases/"+caseID.String()+"/request"
	if a := anna.post(form, with(with(askForm(), "act", "draft"), "own_wish")); !a.Has("Der Entwurf ist gespeichert.") || !a.Has(`href="`+form+`">Passt eine Frage?`) {
		t.Fatalf("kept: %d at %s", a.Status, a.Path)
	}
	if a := clara.get("/requests"); a.Has("Passt eine Frage?") {
		t.Error("the coordination reads a draft")
	}
	filled := func(a answered) bool {
		return a.Has("Passt eine Frage?") && a.Has(`value="2026-11-25"`) && a.Has(`value="12:00"`) && a.Has("Der Platz verfällt.") && a.Has(`value="physiotherapy" checked`)
	}
	if a := s.as("Doris").get(form); !filled(a) || !a.Has("Entwurf verwerfen") || !a.Has("Anna") {
		t.Error("a colleague does not go on with the draft")
	}
	anna.post(form, askForm())
	at := "/requests/" + query[uuid.UUID](s, `select id from conference_request`).String()
	if a := clara.get("/requests?show=urgent"); !a.Has("bis Mi.") && !a.Has("12:00 Uhr") {
		t.Error("the inbox does not say by when")
	}
	clara.post(at+"/decline", typed("reason", "Bitte zuerst zum Hausarzt."))
	if a := anna.get(at); !a.Has("Bitte zuerst zum Hausarzt.") || !a.Has("Ändern und neu einreichen") || !filled(anna.get(form+"?from="+strings.TrimPrefix(at, "/requests/"))) {
		t.Error("what was declined cannot be asked anew")
	}
	anna.post(form, askForm())
	at = "/requests/" + query[uuid.UUID](s, `select id from conference_request where state = 'submitted'`).String()
	if a := anna.post(at+"/withdraw", nil); !a.Has("Die Anfrage ist zurückgezogen.") || !a.Has("Ändern und neu einreichen") {
		t.Errorf("taken back: %d", a.Status)
	}
	if a := clara.post(at+"/decline", typed("reason", "x")); a.Status != http.StatusConflict {
		t.Errorf("declined after that: %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 9))
	if a := s.as("Anna").get(form + "?from=" + strings.TrimPrefix(at, "/requests/")); a.Has(`value="2026-11-25"`) || !a.Has("Der Platz verfällt.") {
		t.Error("a day that is over is offered again")
	}
}

func TestTheCoordinationSeesHowQuickItWas(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	if a := s.as("Clara").get("/requests"); a.Has("Im Median") {
		t.Error("a figure from nothing")
	}
	s.clock.set(testBegins.Add(3 * time.Hour))
	b := s.as("Clara")
	b.post(at+"/convene", s.convening())
	if a := b.get("/requests"); !a.Has("Im Median nach 3 h zugeteilt, letzte 90 Tage") {
		t.Error("no figure")
	}
	if a := s.as("Anna").get("/requests"); a.Has("Im Median") {
		t.Error("a caseworker is shown it")
	}
}
