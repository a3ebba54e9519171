package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
)

func TestDeadLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	s.proposed(code, "Ewald")
	b := s.visitor()
	alive := s.link("Ewald", "invitation")
	s.unchanged("dead links", func() {
		for _, page := range []string{"/answer/", "/measure/", "/follow-up/"} {
			for _, token := range []string{"x", strings.Repeat("A", 43), strings.TrimPrefix(alive, "/answer/") + "x", "%00", "%ff"} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					a := b.do(method, page+token, fitting(page+":token", typed("answer", "accepted", "sequence", "0")))
					if a.Status != http.StatusNotFound || !a.Has("Dieser Link führt nirgendwohin") && token[0] != '%' {
						t.Errorf("%s %s%s: status %d", method, page, token, a.Status)
					}
				}
			}
		}
	})
}

func TestLinksDoNothingForAnotherPurpose(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.due("Ewald")
	tokens := map[string]string{}
	for page, kind := range map[string]string{"/answer/": "invitation", "/measure/": "measure", "/follow-up/": "follow_up"} {
		tokens[page] = strings.TrimPrefix(s.link("Ewald", kind), page)
	}
	b := s.visitor()
	s.unchanged("links used for something else", func() {
		for own, token := range tokens {
			for page := range tokens {
				if page == own {
					continue
				}
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					a := b.do(method, page+token, fitting(page+":token", typed("answer", "accepted", "sequence", "0", "outcome", "done")))
					if a.Status != http.StatusNotFound {
						t.Errorf("a link to %s at %s: status %d", own, page, a.Status)
					}
				}
			}
		}
	})
}

func TestLinkExpiresAfterTheConference(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.convened()
	link := s.link("Ewald", "invitation")
	s.clock.set(testBegins.AddDate(0, 0, 3))
	if a := s.visitor().get(link); a.Status != http.StatusConflict || !a.Has("Diese Konferenz ist vorbei") {
		t.Errorf("two days after: status %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 12))
	if a := s.visitor().get(link); a.Status != http.StatusNotFound {
		t.Errorf("eleven days after: status %d", a.Status)
	}
}

func TestAnswerPageKnowsNoCaseAndNoOtherPerson(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	a := s.visitor().get(s.link("Ewald", "invitation"))
	for _, want := range []string{"Können Sie am", "Dienstag, 24. November 2026", "10:00–10:25 Uhr", code, "25 Minuten"} {
		if a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("status %d, %q is missing", a.Status, want)
		}
	}
	for _, secret := range []string{"zumutbar", "fährt Rad", "Frieda", "Anna", "Psychiatrie", "Altona"} {
		if a.Has(secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
}

func TestAnswerIsNotedShownAndCanChange(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.convened()
	link, b := s.link("Ewald", "invitation"), s.visitor()
	for answer, words := range map[string]string{"accepted": "Sie haben zugesagt", "tentative": "unter Vorbehalt", "declined": "Sie haben abgesagt"} {
		a := b.post(link, typed("answer", answer, "sequence", "0", "comment", "Freitag ginge auch."))
		if a.Status != http.StatusOK || !a.Has(words) || !a.Has("Ihre Antwort ist notiert.") || !a.Has("Freitag ginge auch.") || !a.Has("calendar.ics") {
			t.Errorf("%s: status %d", answer, a.Status)
		}
		if got := query[string](s, `select state from invitation where account_id = $1`, s.people["Ewald"].ID); got != answer {
			t.Errorf("kept %s, want %s", got, answer)
		}
		s.unchanged("the same answer again", func() {
			if a := b.post(link, typed("answer", answer, "sequence", "0", "comment", "Freitag ginge auch.")); a.Status != http.StatusOK {
				t.Errorf("%s again: status %d", answer, a.Status)
			}
		})
	}
}

func TestAnswerFormNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.convened()
	long := strings.Repeat("ö", 301)
	refuses := func(name, field string, keeps string, form ...string) {
		s.unchanged(name, func() {
			a := s.visitor().post(s.link("Ewald", "invitation"), typed(form...))
			if a.Status != http.StatusUnprocessableEntity || !a.Has(`href="#`+field+`"`) || !a.Has(`id="`+field) || !a.Has(keeps) {
				t.Errorf("%s: status %d", name, a.Status)
			}
		})
	}
	refuses("no answer", "f-answer-answer", "bis bald", "sequence", "0", "comment", "bis bald")
	refuses("an answer that is none", "f-answer-answer", "bis bald", "sequence", "0", "answer", "cancelled", "comment", "bis bald")
	refuses("too long a comment", "f-answer-comment", long, "sequence", "0", "answer", "accepted", "comment", long)
	refuses("control characters", "f-answer-comment", "Hinweis", "sequence", "0", "answer", "accepted", "comment", "a\x02")
}

func TestAnswerToAnOlderDateCountsForNothing(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	old := s.link("Ewald", "invitation")
	s.must(s.Conferences.Move(t.Context(), s.people["Clara"], code, testBegins.AddDate(0, 0, 8).Add(5*time.Hour), 25*time.Minute))
	for _, sequence := range []string{"0", "", "-1", "7", "zwei", "99999999999999999999"} {
		s.unchanged("answer to date "+sequence, func() {
			a := s.visitor().post(old, typed("answer", "accepted", "sequence", sequence, "comment", "gern"))
			if a.Status != http.StatusConflict || !a.Has("Der Termin hat sich geändert") || !a.Has("Dienstag, 1. Dezember 2026") || !a.Has("14:00–14:25 Uhr") || !a.Has(`name="sequence" value="1"`) || !a.Has("gern") {
				t.Errorf("sequence %q: status %d", sequence, a.Status)
			}
		})
	}
	if a := s.visitor().post(old, typed("answer", "accepted", "sequence", "1")); a.Status != http.StatusOK || !a.Has("Sie haben zugesagt") {
		t.Errorf("the old link with the new date: status %d", a.Status)
	}
}

// TestNoOtherDateIsAskedForWhereOneStands: the coordination ticks it when it convenes.
func TestNoOtherDateIsAskedForWhereOneStands(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry")).String()
	clara := s.as("Clara")
	if a := clara.get(at); !a.Has("Der Termin steht fest") || !a.Has(`name="fixed"`) {
		t.Error("it cannot be said")
	}
	if a := clara.post(at+"/convene", with(s.convening(), "fixed", "yes")); !a.Has("Die Konferenz ist einberufen.") {
		t.Fatalf("status %d", a.Status)
	}
	link, b := s.link("Ewald", "invitation"), s.visitor()
	if a := b.get(link); a.Status != http.StatusOK || a.Has("Anderen Termin vorschlagen") || !a.Has("Können Sie am") {
		t.Errorf("the page asks for another date, status %d", a.Status)
	}
	s.unchanged("proposing all the same", func() {
		if a := b.post(link, typed("answer", "other", "sequence", "0", "starts", "2026-12-08", "clock", "10:00")); a.Status != http.StatusConflict || !a.Has("Der Termin steht fest") {
			t.Errorf("status %d", a.Status)
		}
	})
	s.convened()
	if a := b.get(s.link("Frieda", "invitation")); !a.Has("Anderen Termin vorschlagen") {
		t.Error("elsewhere none can be proposed")
	}
}

func TestAnswerAfterCancellingIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	link := s.link("Ewald", "invitation")
	s.must(s.Conferences.Cancel(t.Context(), s.people["Clara"], code))
	b := s.visitor()
	s.unchanged("answering a cancelled conference", func() {
		for _, a := range []answered{b.get(link), b.post(link, typed("answer", "accepted", "sequence", "0")), b.post(link, typed("answer", "accepted", "sequence", "1"))} {
			if a.Status != http.StatusConflict || !a.Has("Diese Konferenz ist abgesagt") || a.Has(`name="answer"`) {
				t.Errorf("status %d", a.Status)
			}
		}
		if a := b.get(link + "/calendar.ics"); a.Status != http.StatusConflict {
			t.Errorf("calendar file: status %d", a.Status)
		}
	})
}

func TestCalendarFileCarriesTheAnswer(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	a := s.visitor().get(s.link("Ewald", "invitation") + "/calendar.ics")
	if got := a.Header.Get("Content-Type"); got != "text/calendar; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	if got := a.Header.Get("Content-Disposition"); got != `attachment; filename="konsil-`+code+`.ics"` {
		t.Errorf("disposition %q", got)
	}
	o, err := ical.Parse([]byte(a.Body))
	s.must(err)
	if o.Method != "" || len(o.Attendees) != 1 || o.Attendees[0].Partstat != "ACCEPTED" || !o.Start.Equal(testBegins.AddDate(0, 0, 1).Add(time.Hour)) {
		t.Errorf("got %+v", o)
	}
}

// due makes a measure of somebody that is accepted and due, and asks what became of it. It returns its id.
func (s *testServer) due(name string) uuid.UUID {
	s.t.Helper()
	code := s.opened()
	id := s.proposed(code, name)
	s.must(s.Plans.Answer(s.t.Context(), s.people[name], id, true, ""))
	s.clock.set(testBegins.AddDate(0, 0, 23))
	if n, err := s.Plans.Sweep(s.t.Context(), s.Now()); err != nil || n != 1 {
		s.t.Fatalf("asked %d: %v", n, err)
	}
	return id
}

func TestMeasureLinkAcceptsAndRefusesOnce(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	for answer, words := range map[string]string{"accept": "Sie haben diese Maßnahme angenommen.", "refuse": "Sie haben diese Maßnahme nicht angenommen."} {
		s.proposed(code, "Ewald")
		link, b := s.link("Ewald", "measure"), s.visitor()
		if a := b.get(link); !a.Has("Arbeitserprobung beginnen") || !a.Has("15.12.2026") {
			t.Errorf("status %d", a.Status)
		}
		if a := b.post(link, typed("answer", answer, "reason", "nicht mein Gebiet")); a.Status != http.StatusOK || !a.Has(words) {
			t.Errorf("%s: status %d", answer, a.Status)
		}
		s.unchanged("a second answer", func() {
			if a := b.post(link, typed("answer", answer, "reason", "nicht mein Gebiet")); a.Status != http.StatusOK {
				t.Errorf("%s again: status %d", answer, a.Status)
			}
			other := map[string]string{"accept": "refuse", "refuse": "accept"}[answer]
			if a := b.post(link, typed("answer", other, "reason", "doch anders")); a.Status != http.StatusConflict || !a.Has(words) {
				t.Errorf("%s after %s: status %d", other, answer, a.Status)
			}
		})
	}
}

func TestMeasureFormsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	id := s.proposed(code, "Ewald").String()
	link, long := s.link("Ewald", "measure"), strings.Repeat("ü", 501)
	for _, at := range []struct {
		b    *browser
		path string
	}{{s.visitor(), link}, {s.as("Ewald"), "/plan/" + id + "/answer"}} {
		s.unchanged(at.path, func() {
			for form, field := range map[string]string{"answer=refuse&reason=": "reason", "answer=refuse&reason=" + long: "reason", "answer=vielleicht&reason=hm": "answer", "": "answer"} {
				v := typed()
				for _, pair := range strings.Split(form, "&") {
					if name, value, there := strings.Cut(pair, "="); there {
						v.Add(name, value)
					}
				}
				a := at.b.post(at.path, v)
				if a.Status != http.StatusUnprocessableEntity || !a.Has(`href="#f-`+id+"-"+field) || !a.Has(v.Get("reason")) {
					t.Errorf("%s %.30s: status %d", at.path, form, a.Status)
				}
			}
		})
	}
}

func TestFollowUpTakesOneTapAndOneFinalAnswer(t *testing.T) {
	t.Parallel()
	for _, final := range []struct{ outcome, reason, words string }{{"done", "", "Vermerkt: erledigt."}, {"not_possible", "waiting_time", "Vermerkt: nicht möglich."}} {
		t.Run(final.outcome, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			s.due("Ewald")
			link, b := s.link("Ewald", "follow_up"), s.visitor()
			for range 2 {
				if a := b.post(link, typed("outcome", "not_yet")); a.Status != http.StatusOK || !a.Has("In zwei Wochen fragen wir noch einmal") {
					t.Errorf("not yet: status %d", a.Status)
				}
			}
			if a := b.post(link, typed("outcome", final.outcome, "reason", final.reason)); a.Status != http.StatusOK || !a.Has(final.words) {
				t.Errorf("%s: status %d", final.outcome, a.Status)
			}
			s.unchanged("answers after the last", func() {
				if a := b.post(link, typed("outcome", final.outcome, "reason", final.reason)); a.Status != http.StatusOK {
					t.Errorf("%s again: status %d", final.outcome, a.Status)
				}
				other := map[string]string{"done": "not_possible", "not_possible": "done"}[final.outcome]
				for _, o := range []string{other, "not_yet"} {
					if a := b.post(link, typed("outcome", o, "reason", "health")); a.Status != http.StatusConflict || !a.Has(final.words) {
						t.Errorf("%s after %s: status %d", o, final.outcome, a.Status)
					}
				}
			})
		})
	}
}

func TestFollowUpNeedsAReasonFromTheList(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.due("Ewald").String()
	for _, at := range []struct {
		b    *browser
		path string
	}{{s.visitor(), s.link("Ewald", "follow_up")}, {s.as("Ewald"), "/plan/" + id + "/report"}} {
		s.unchanged(at.path, func() {
			for _, form := range [][]string{{"outcome", "not_possible"}, {"outcome", "not_possible", "reason", "keine Lust"}, {"outcome", "vielleicht"}, {}} {
				a := at.b.post(at.path, typed(form...))
				if a.Status != http.StatusUnprocessableEntity || !a.Has(`class="errors"`) {
					t.Errorf("%s %v: status %d", at.path, form, a.Status)
				}
			}
		})
	}
}

func TestPlanIsForTheResponsiblePersonOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	id := s.proposed(code, "Ewald").String()
	for _, name := range []string{"Clara", "Anna", "Gustav", "Bernd", "Rosa", "Frieda"} {
		b := s.as(name)
		s.unchanged(name, func() {
			for _, path := range []string{"/plan/" + id + "/answer", "/plan/" + id + "/report", "/plan/x/answer", "/plan/" + strings.ToUpper(id) + "/answer"} {
				if a := b.post(path, fitting("/plan/:id"+path[strings.LastIndex(path, "/"):], typed("answer", "accept", "outcome", "done"))); a.Status != http.StatusNotFound {
					t.Errorf("%s %s: status %d", name, path, a.Status)
				}
			}
		})
		if sees := b.get("/plan").Has("Arbeitserprobung beginnen"); sees != (name == "Clara" || name == "Anna") {
			t.Errorf("%s sees the measure: %v", name, sees)
		}
	}
	ewald := s.as("Ewald")
	s.unchanged("an outcome before the promise", func() {
		if a := ewald.post("/plan/"+id+"/report", typed("outcome", "done")); a.Status != http.StatusConflict {
			t.Errorf("report before accepting: status %d", a.Status)
		}
	})
	if a := ewald.post("/plan/"+id+"/answer", typed("answer", "accept")); a.Path != "/plan" || !a.Has("Von Ihnen zugesagt") {
		t.Errorf("accept: status %d", a.Status)
	}
	if a := ewald.post("/plan/"+id+"/report", typed("outcome", "done")); !a.Has("Danke, Ihre Rückmeldung ist notiert.") {
		t.Errorf("report: status %d", a.Status)
	}
	if a := s.as("Clara").get("/conferences/" + code); !a.Has("1 von 1 Rückmeldung") {
		t.Error("the outcome does not turn up on the page of the conference")
	}
}

func TestOutboxShowsMailsAndTheirCalendarParts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	if a := b.get("/outbox"); a.Status != http.StatusOK || !a.Has("Noch keine Mails.") {
		t.Errorf("empty: status %d", a.Status)
	}
	code := s.convened()
	id := query[uuid.UUID](s, `select id from message_out where to_email = 'ewald@konsil.test'`).String()
	if a := b.get("/outbox"); !a.Has("/outbox/"+id) || !a.Has(code) {
		t.Error("the mail is not in the list")
	}
	if a := b.get("/outbox/" + id); a.Status != http.StatusOK || !a.Has(`<a href="`+s.URL+"/answer/") || !a.Has("BEGIN:VCALENDAR") || !a.Has("ewald@konsil.test") {
		t.Errorf("mail: status %d", a.Status)
	}
	a := b.get("/outbox/" + id + "/invite.ics")
	if got := a.Header.Get("Content-Type"); got != "text/calendar; charset=utf-8; method=REQUEST" || !strings.HasPrefix(a.Body, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") {
		t.Errorf("calendar part: %q", got)
	}
	for _, wrong := range []string{"x", uuid.NewString(), strings.ToUpper(id)} {
		if a := b.get("/outbox/" + wrong); wrong != id && a.Status != http.StatusNotFound {
			t.Errorf("%s: status %d", wrong, a.Status)
		}
	}
}

func TestRealInstallationHasNoOutboxAndNoRehearsal(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.convened()
	id := query[uuid.UUID](s, `select id from message_out limit 1`).String()
	s.Evaluation = false
	h, err := New(s.Parts)
	s.must(err)
	for _, route := range []string{"GET /outbox", "GET /outbox/" + id, "GET /outbox/" + id + "/invite.ics", "POST /rehearse/" + s.people["Clara"].ID.String()} {
		method, path, _ := strings.Cut(route, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if w.Code != http.StatusNotFound || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: status %d", route, w.Code)
		}
	}
}
