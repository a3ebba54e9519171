package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// typist writes into the note of a conference as a node does: it claims the note, appends rows, and a row counts when the
// append has returned.
type typist struct {
	s          *testServer
	conference uuid.UUID
	note       conference.Note
	doc        *ydoc.Doc
	person     account.Actor
}

func (s *testServer) typist(code, name string) *typist {
	s.t.Helper()
	w := &typist{s: s, conference: query[uuid.UUID](s, `select id from conference where code = $1`, code), doc: ydoc.New(), person: s.people[name]}
	w.claim()
	return w
}

func (w *typist) claim() {
	w.s.t.Helper()
	var err error
	w.note, err = w.s.Conferences.OpenNote(w.s.t.Context(), w.conference)
	w.s.must(err)
}

// write appends a text to a section; ErrClosed when the note takes nothing any more.
func (w *typist) write(section, text string) error {
	const client = 4711
	change, err := w.doc.Edit(client, "s:"+section, w.doc.Len("s:"+section), 0, text)
	if err != nil {
		return err
	}
	row := conference.NoteRow{Person: w.person.ID, At: w.s.Now(), Data: w.doc.Encode(change)}
	for {
		left, err := w.s.Conferences.AppendNotes(w.s.t.Context(), []conference.NoteBatch{{
			Note: w.note.ID, Epoch: w.note.Epoch, Head: w.note.Head, Rows: []conference.NoteRow{row}, Clients: map[uint64]uuid.UUID{client: w.person.ID},
		}})
		if err != nil {
			return err
		}
		if !errors.Is(left[0], conference.ErrFenced) {
			if left[0] == nil {
				w.note.Head++
			}
			return left[0]
		}
		w.claim()
	}
}

func TestRoomOpensInItsTimeOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	s.unchanged("opening a day early", func() {
		if a := clara.post("/conferences/"+code+"/open", nil); a.Status != http.StatusConflict || !a.Has("Der Raum lässt sich jetzt nicht öffnen") {
			t.Errorf("status %d", a.Status)
		}
		if a := clara.get("/conferences/" + code + "/room"); a.Status != http.StatusConflict || a.Has("zumutbar") {
			t.Errorf("room before it is open: status %d", a.Status)
		}
	})
	if a := clara.get("/conferences/" + code); !a.Has("frühestens um 09:30 Uhr") {
		t.Error("the page does not say when the room opens")
	}
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(31 * time.Minute))
	clara = s.as("Clara") // a day later the sign-in has run out
	a := clara.post("/conferences/"+code+"/open", nil)
	for _, want := range []string{`data-socket="/conferences/` + code + "/live", `data-section="decisions"`, "Wie viele Stunden sind zumutbar?"} {
		if a.Status != http.StatusOK || a.Path != "/conferences/"+code+"/room" || !a.Has(want) {
			t.Errorf("open: status %d at %s, %q is missing", a.Status, a.Path, want)
		}
	}
}

func TestRoomIsForThoseWhoAccepted(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	for name, status := range map[string]int{"Ewald": http.StatusOK, "Anna": http.StatusOK, "Clara": http.StatusOK, "Frieda": http.StatusConflict} {
		b := s.as(name)
		if a := b.get("/conferences/" + code + "/room"); a.Status != status || (a.Has("zumutbar") != (status == http.StatusOK)) {
			t.Errorf("%s: room %d, want %d", name, a.Status, status)
		}
		a := b.post("/conferences/"+code+"/ticket", nil)
		var got struct{ Ticket string }
		if a.Status != status || status == http.StatusOK && (json.Unmarshal([]byte(a.Body), &got) != nil || len(got.Ticket) < 26) {
			t.Errorf("%s: ticket %d, want %d", name, a.Status, status)
		}
	}
}

func TestWithdrawnConsentShutsTheRoom(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	caseID := query[uuid.UUID](s, `select case_id from conference where code = $1`, code)
	if _, err := s.Conferences.Withdraw(t.Context(), s.people["Anna"], caseID); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Clara", "Ewald", "Anna"} {
		b := s.as(name)
		for route, form := range conferenceRoutes(s) {
			method, page, _ := strings.Cut(route, " ")
			s.unchanged(name+" "+route, func() {
				a := b.do(method, "/conferences/"+code+page, form)
				if route == "GET " && name != "Ewald" { // whoever was invited is not any more
					if a.Status != http.StatusOK || !a.Has("Die Einwilligung ist widerrufen") {
						t.Errorf("%s: status %d", name, a.Status)
					}
				} else if a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s %s: status %d", name, route, a.Status)
				}
				for _, secret := range []string{"zumutbar", "fährt Rad", "Drei Vormittage"} {
					if a.Has(secret) {
						t.Errorf("%s %s still shows %q", name, route, secret)
					}
				}
			})
		}
	}
}

func TestSocketNeedsATicketAndOurOrigin(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	clara := s.as("Clara")
	if a := clara.get("/conferences/" + code + "/live?ticket=falsch"); a.Status != http.StatusForbidden {
		t.Errorf("without origin: status %d", a.Status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/conferences/"+code+"/live?ticket=falsch", nil)
	s.must(err)
	r.Header.Set("Origin", s.URL)
	for status, upgrade := range map[int]string{http.StatusUpgradeRequired: "", http.StatusUnauthorized: "websocket"} {
		r.Header["Connection"], r.Header["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
		a, err := clara.http.Do(r)
		s.must(err)
		a.Body.Close()
		if a.StatusCode != status {
			t.Errorf("with a dead ticket and %q for an upgrade: status %d, want %d", upgrade, a.StatusCode, status)
		}
	}
}

func TestEndLosesNothingThatWasSaved(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	w := s.typist(code, "Ewald")
	s.must(w.write("decisions", "Arbeitserprobung, drei Stunden am Tag."))
	saved := make(chan []string)
	started := make(chan struct{})
	go func() {
		var kept []string
		for i := 0; ; i++ {
			line := fmt.Sprintf("Zeile %d.\n", i)
			err := w.write("assessment", line)
			if errors.Is(err, account.ErrClosed) {
				break
			}
			if err != nil {
				t.Error(err)
				break
			}
			if kept = append(kept, line); len(kept) == 3 {
				close(started)
			}
		}
		saved <- kept
	}()
	<-started
	a := s.as("Clara").post("/conferences/"+code+"/end", nil)
	kept := <-saved
	if a.Status != http.StatusOK || a.Path != "/conferences/"+code+"/minutes" {
		t.Fatalf("end: status %d at %s", a.Status, a.Path)
	}
	a = s.as("Clara").get("/conferences/" + code + "/minutes")
	if !a.Has("Arbeitserprobung, drei Stunden am Tag.") {
		t.Error("the decisions are not in the draft")
	}
	for _, line := range kept {
		if !a.Has(line) {
			t.Errorf("%q was saved and is not in the minutes (%d lines were)", line, len(kept))
			break
		}
	}
}

func TestEndedConferenceCannotEndAgain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	clara := s.as("Clara")
	s.unchanged("ending twice", func() {
		if a := clara.post("/conferences/"+code+"/end", nil); a.Status != http.StatusConflict {
			t.Errorf("status %d", a.Status)
		}
	})
	for _, name := range []string{"Clara", "Ewald"} {
		if a := s.as(name).get("/conferences/" + code + "/room"); a.Status != http.StatusConflict {
			t.Errorf("%s: room after the end: %d", name, a.Status)
		}
		if a := s.as(name).post("/conferences/"+code+"/ticket", nil); a.Status != http.StatusConflict {
			t.Errorf("%s: ticket after the end: %d", name, a.Status)
		}
	}
}

func measureForm(s *testServer, name, value string) url.Values {
	v := typed("what", "Rückruf durch die Hausarztpraxis klären", "responsible", s.people["Ewald"].ID.String(), "due_on", "2026-12-15")
	v.Set(name, value)
	return v
}

func TestMeasureFormNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	what, chosen := "Rückruf durch die Hausarztpraxis klären", s.people["Ewald"].ID.String()+`" selected`
	for _, name := range []string{"Clara", "Ewald"} {
		refuses(t, s.as(name), "/conferences/"+code+"/measures", []wrongInput{
			{"nothing said", measureForm(s, "what", "   "), "f-measure-what", []string{chosen, "2026-12-15"}},
			{"too much said", measureForm(s, "what", strings.Repeat("ä", 501)), "f-measure-what", []string{strings.Repeat("ä", 501), chosen}},
			{"control characters", measureForm(s, "what", "a\x01b"), "f-measure-what", []string{chosen}},
			{"nobody responsible", measureForm(s, "responsible", ""), "f-measure-responsible", []string{what, "2026-12-15"}},
			{"no id", measureForm(s, "responsible", "Ewald"), "f-measure-responsible", []string{what}},
			{"somebody outside the round", measureForm(s, "responsible", s.people["Gustav"].ID.String()), "f-measure-responsible", []string{what}},
			{"somebody who has not accepted", measureForm(s, "responsible", s.people["Frieda"].ID.String()), "f-measure-responsible", []string{what}},
			{"no date", measureForm(s, "due_on", ""), "f-measure-due_on", []string{what, chosen}},
			{"no such date", measureForm(s, "due_on", "2026-13-01"), "f-measure-due_on", []string{what, "2026-13-01"}},
			{"yesterday", measureForm(s, "due_on", "2026-11-23"), "f-measure-due_on", []string{what, "2026-11-23"}},
			{"in three years", measureForm(s, "due_on", "2029-12-15"), "f-measure-due_on", []string{what, "2029-12-15"}},
		})
	}
}

func TestProposedMeasureStandsInTheSectionThatTheLivePageFetches(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	a := s.as("Clara").post("/conferences/"+code+"/measures", measureForm(s, "what", "Arbeitserprobung <beginnen>"))
	for _, want := range []string{`<section id="measures" class="measures"`, "Arbeitserprobung <beginnen>", "Dr. Ewald Psych", "15.12.2026", "wartet auf Annahme"} {
		if a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("status %d, %q is missing", a.Status, want)
		}
	}
	if strings.Contains(a.Body, "<beginnen>") {
		t.Error("typed text became markup")
	}
	if text := query[string](s, `select body_text from message_out where kind = 'measure'`); strings.Contains(text, "Arbeitserprobung") {
		t.Error("the mail says what was agreed")
	}
}
