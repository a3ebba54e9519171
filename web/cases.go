package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// caseLine is a case in the list, with the one thing to do next.
type caseLine struct {
	casefile.Case
	Next string // check, release, second, consent, request, waits, inquiry, runs or closed
}

// casesPage lists cases: all of the caseworker's organisation, or those of a person she looked for.
type casesPage struct {
	Lines []caseLine
	Form  form
	Found bool // Lines are what a look for somebody found
}

func (s *server) cases(c echo.Context) error {
	ctx, by := c.Request().Context(), me(c)
	found, err := s.Cases.List(ctx, by)
	if err != nil {
		return err
	}
	p := casesPage{Form: form{Of: "find"}}
	if p.Lines, err = s.caseLines(ctx, by, found); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "cases", p)
}

// findCases shows the cases of a person. What was typed is sent in the body: addresses of pages end up in logs.
func (s *server) findCases(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "find"
	ctx, by := c.Request().Context(), me(c)
	found, err := s.Cases.Find(ctx, by, f.Get("who"))
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "cases", casesPage{Form: f, Found: true})
	}
	if err != nil {
		return err
	}
	p := casesPage{Form: f, Found: true}
	if p.Lines, err = s.caseLines(ctx, by, found); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "cases", p)
}

// caseLines says of each case what comes next.
func (s *server) caseLines(ctx context.Context, by account.Actor, found []casefile.Case) ([]caseLine, error) {
	requests, err := s.Conferences.Requests(ctx, by)
	if err != nil {
		return nil, err
	}
	last := map[uuid.UUID]string{}
	for _, r := range requests { // waiting ones first, then the latest
		if _, known := last[r.CaseID]; !known {
			last[r.CaseID] = r.State
		}
	}
	lines := make([]caseLine, len(found))
	for i, f := range found {
		lines[i] = caseLine{f, nextOf(f, by.ID, last[f.ID], s.Now())}
	}
	return lines, nil
}

// nextOf names what happens next to a case whose latest request is in that state, as one caseworker sees it.
func nextOf(f casefile.Case, by uuid.UUID, request string, now time.Time) string {
	todo := f.Todo(by, now)
	switch {
	case f.Sealed:
		return "closed"
	case len(todo) > 0:
		return todo[0]
	case f.Checked():
		return "second" // waits for a colleague
	case request == "submitted":
		return "waits"
	case request == "needs_info":
		return "inquiry"
	case request == "allocated":
		return "runs"
	}
	return "request"
}

// newCasePage is the form of a new case.
type newCasePage struct {
	Writing writing
	Form    form
	Same    []casefile.Case // that could be about the same person
	Load    casefile.Load   // of the one who makes it
}

func (s *server) newCase(c echo.Context) error {
	return s.showNewCase(c, http.StatusOK, form{Of: "case"}, nil)
}

func (s *server) showNewCase(c echo.Context, status int, f form, same []casefile.Case) error {
	w, err := s.writingWith(c, f, uuid.Nil)
	if err != nil {
		return err
	}
	loads, err := s.Cases.Loads(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	p := newCasePage{Writing: w, Form: f, Same: same}
	if i := slices.IndexFunc(loads, func(l casefile.Load) bool { return l.ID == me(c).ID }); i >= 0 {
		p.Load = loads[i]
	}
	return s.page(c, status, "newcase", p)
}

func (s *server) newCasePost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "case"
	who := pseudonym.Identity{
		FirstName: f.Get("first_name"), LastName: f.Get("last_name"), Born: f.Get("born"),
		Number: f.Get("number"), Contact: f.Get("contact"),
	}
	ctx, by := c.Request().Context(), me(c)
	same, err := s.Cases.Same(ctx, by, who)
	if err == nil && len(same) > 0 && !f.Has("again", "yes") {
		err = &account.InvalidError{Field: "again", Rule: "same"}
	}
	var id uuid.UUID
	if err == nil {
		id, err = s.Cases.New(ctx, by, who, summaryIn(f))
	}
	if f.wrong(err) {
		return s.showNewCase(c, http.StatusUnprocessableEntity, f, same)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String(), "case")
}

// casePage is all about one case, and the form that releases its summary.
type casePage struct {
	casefile.Case
	Steps       []step
	Consent     string // key of words consent.…
	Names       casefile.ConsentNames
	Requests    []conference.Request
	Conferences []conference.View
	Attachments []casefile.Attachment
	Hints       []casefile.Hint // in a version that waits to be checked or released
	Meter       meterPart
	Reread      *conference.Rereading // while texts wait to be read again
	Me          uuid.UUID
	Form        form
}

// FormOf is the form of that name: as it came back, or empty.
func (p casePage) FormOf(name string) form { return p.Form.named(name) }

// Mine says that the one who looks wrote the latest version.
func (p casePage) Mine() bool { return p.Latest.AuthorID == p.Me }

// Sure says that the draft has a passage which has to be replaced, or its release justified.
func (p casePage) Sure() bool { return slices.ContainsFunc(p.Hints, casefile.Hint.Sure) }

// Waits says that a request of the case waits for the coordination.
func (p casePage) Waits() bool { return slices.ContainsFunc(p.Requests, conference.Request.Waits) }

func (s *server) caseFile(c echo.Context) error {
	return s.showCase(c, http.StatusOK, form{})
}

func (s *server) showCase(c echo.Context, status int, f form) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p := casePage{Form: f, Me: by.ID}
	if p.Case, err = s.Cases.ByID(ctx, by, id); err != nil {
		return err
	}
	if p.Requests, p.Conferences, err = s.Conferences.OfCase(ctx, by, id); err != nil {
		return err
	}
	if p.Attachments, err = s.Cases.Attachments(ctx, by, id); err != nil {
		return err
	}
	if p.Draft() || p.Checked() {
		if p.Hints, err = s.Cases.Hints(ctx, by, id); err != nil {
			return err
		}
	}
	if p.Case.Consent != nil && !p.Sealed {
		if p.Names, err = s.Cases.Names(ctx, *p.Case.Consent); err != nil {
			return err
		}
	}
	if p.Meter, err = s.meterOf(c, p.Case); err != nil {
		return err
	}
	if p.Reread, err = s.rereading(ctx, by, p.Case); err != nil {
		return err
	}
	p.Consent = consentState(p.Case, s.Now())
	p.Steps = s.caseSteps(p)
	return s.page(c, status, "case", p)
}

// consentState names how the consent of a case stands.
func consentState(f casefile.Case, now time.Time) string {
	switch {
	case f.Sealed:
		return "withdrawn"
	case f.Consent == nil:
		return "none"
	case !f.Consent.Stands(now):
		return "expired"
	}
	return "stands"
}

// caseSteps is the way of a case to its conference. What is done stays done; the first step that is not is the one to take.
func (s *server) caseSteps(p casePage) []step {
	at := "/cases/" + p.ID.String()
	asked, held := len(p.Requests) > 0 && p.Requests[0].State != "declined", len(p.Conferences) > 0 && p.Conferences[0].State != conference.Cancelled
	steps := []step{
		s.caseStep("written", true, stamp(p.CreatedAt), ""),
		s.caseStep("check", p.Latest.State == casefile.Checked || p.Latest.State == casefile.Released, "", "#check"),
		s.caseStep("release", p.Latest.State == casefile.Released, s.releaseNote(p.Case), "#release"),
		s.caseStep("consent", p.Consent == "stands", s.consentNote(p), at+"/consent"),
		s.caseStep("request", asked, s.requestNote(p), at+"/request"),
		s.caseStep("conference", held, "", ""),
	}
	if held {
		last := &steps[len(steps)-1]
		last.Note = conference.When(p.Conferences[0].StartsAt, p.Conferences[0].EndsAt)
		last.URL, last.Act = "/conferences/"+p.Conferences[0].Code, p.Conferences[0].Code
	}
	now := true
	for i := range steps {
		if steps[i].State == "done" {
			if i < len(steps)-1 {
				steps[i].URL = ""
			}
			continue
		}
		if now {
			steps[i].State, now = "now", false
		}
	}
	return steps
}

func (s *server) caseStep(key string, done bool, note, url string) step {
	one := step{State: "next", Title: s.words.t("step.", key), Note: note, URL: url}
	if done {
		one.State = "done"
	}
	if url != "" {
		one.Act = s.words.t("step.", key, ".act")
	}
	return one
}

func (s *server) releaseNote(f casefile.Case) string {
	if f.Released > 0 {
		return s.words.f("step.release.note", strconv.Itoa(f.Released))
	}
	return ""
}

func (s *server) consentNote(p casePage) string {
	if p.Consent == "stands" {
		return s.words.f("step.consent.note", p.Case.Consent.ValidUntil.Format("02.01.2006"))
	}
	return ""
}

func (s *server) requestNote(p casePage) string {
	if len(p.Requests) == 0 {
		return ""
	}
	return stamp(p.Requests[0].SubmittedAt) + ", " + s.words.t("request.", p.Requests[0].State)
}
