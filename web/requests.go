package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// askPage is the form of a new request.
type askPage struct {
	caseForm
	Disciplines []string
	Draft       *conference.Request // that the form goes on with
}

// newRequest asks one question about a case. Where a request waits already there is nothing to ask yet. The form goes on with the draft of
// the case, or begins with what an earlier request said that the address names.
func (s *server) newRequest(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	asked, _, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(asked, conference.Request.Waits) {
		return account.Refuse(account.ErrConflict, "request_waits")
	}
	p := askPage{caseForm{of, fill("urgency", "normal")}, expertpool.Disciplines, draftOf(asked)}
	from := strictID(c.QueryParam("from"))
	if p.Draft != nil && !slices.ContainsFunc(asked, func(r conference.Request) bool { return r.ID == from }) {
		from = p.Draft.ID
	}
	if from != uuid.Nil {
		before, err := s.Conferences.Request(c.Request().Context(), me(c), from)
		if err != nil {
			return err
		}
		if before.CaseID == of.ID {
			p.Form = asAsked(before, s.Now())
		}
	}
	return s.page(c, http.StatusOK, "ask", p)
}

// draftOf is the draft among the requests of a case; nil when there is none.
func draftOf(asked []conference.Request) *conference.Request {
	if i := slices.IndexFunc(asked, func(r conference.Request) bool { return r.State == "draft" }); i >= 0 {
		return &asked[i]
	}
	return nil
}

// asAsked is the form filled with what a request says. A day that is over is asked for again.
func asAsked(r conference.Request, now time.Time) form {
	f := partsForm(r.Parts)
	maps.Copy(f.Values, fill("question", r.Question, "own_wish", r.OwnWish, "urgency", r.Urgency, "urgent_why", r.UrgentWhy).Values)
	f.Values["disciplines"] = r.Disciplines
	if r.DueAt != nil && r.DueAt.After(now) {
		day, clock := dueOn(*r.DueAt)
		f.Values["due_day"], f.Values["due_clock"] = []string{day.Format(time.DateOnly)}, []string{clock}
	}
	return f
}

// newRequestPost submits a request, or keeps it for later where the button says so.
func (s *server) newRequestPost(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	r := requestIn(f)
	r.CaseID = of.ID
	to, said := "/cases/"+of.ID.String(), "request_draft"
	if f.Get("act") == "draft" {
		err = s.Conferences.KeepRequestDraft(c.Request().Context(), me(c), r)
	} else {
		var id uuid.UUID
		id, err = s.Conferences.Submit(c.Request().Context(), me(c), r)
		to, said = "/requests/"+id.String(), "request"
	}
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "ask", askPage{caseForm{of, f}, expertpool.Disciplines, nil})
	}
	if err != nil {
		return err
	}
	return s.done(c, to, said)
}

// requestIn reads what is asked.
func requestIn(f form) conference.Request {
	r := conference.Request{
		Question: f.Get("question"), Urgency: f.Get("urgency"), Disciplines: slices.Clone(f.Values["disciplines"]),
		OwnWish: f.Get("own_wish"), UrgentWhy: f.Get("urgent_why"), Because: f.Get("because"), Parts: partsIn(f),
	}
	if at := readDue(f.Get("due_day"), f.Get("due_clock")); !at.IsZero() {
		r.DueAt = &at
	}
	return r
}

// readDue reads by when something is due: without a time of day that is the end of the day, which is the midnight after it.
func readDue(day, clock string) time.Time {
	if clock != "" {
		return readMoment(day, clock)
	}
	on := readDate(day)
	if on.IsZero() {
		return on
	}
	return time.Date(on.Year(), on.Month(), on.Day()+1, 0, 0, 0, 0, expertpool.Zone())
}

// dueOn is the day and the time of day that readDue was given; no time for the end of a day.
func dueOn(at time.Time) (day time.Time, clock string) {
	local := at.In(expertpool.Zone())
	if local.Hour() == 0 && local.Minute() == 0 {
		return local.AddDate(0, 0, -1), ""
	}
	return local, local.Format("15:04")
}

// due says by when, in words.
func (s *server) due(at time.Time) string {
	day, clock := dueOn(at)
	if clock == "" {
		return s.words.f("request.due.day", shortDay(day))
	}
	return s.words.f("request.due.clock", shortDay(day), clock)
}

// lengths are those of a conference, in minutes.
var lengths = []string{"25", "45", "60"}

// requestPage is a request; for a coordinator with the two forms that decide on it.
type requestPage struct {
	conference.Request
	Decides  bool
	Offers   []offers
	Groups   []expertpool.Group
	Dated    bool                 // the offers are for the date in the form
	Polled   bool                 // there is a poll about it, or was one
	Origins  []origin             // where the date of its conference comes from; of the coordination
	Openings []conference.Opening // free places of fixed slots
	Series   *conference.Series   // of which the form takes a place; nil: of none
	Lengths  []string
	Kinds    []conference.Kind
	Asked    []conference.Information // by the coordination, the latest first
	Anew     bool                     // the same can be asked again, changed
	Me       uuid.UUID
	Convene  form
	Decline  form
	Ask      form // for part questions, as it came back
	Panel    panelView
	Inquiry  form // to ask back, or to answer
}

// Mine says that the one who looks has taken the request.
func (p requestPage) Mine() bool { return p.TakenBy == p.Me }

// Free says that she may decide: nobody else has taken it.
func (p requestPage) Free() bool { return p.TakenBy == uuid.Nil || p.Mine() }

// Open is the question that waits for an answer; nil when there is none.
func (p requestPage) Open() *conference.Information {
	if len(p.Asked) > 0 && p.Asked[0].State == conference.InformationOpen {
		return &p.Asked[0]
	}
	return nil
}

// Still says that the page answers a form, and must not be fetched again by itself.
func (p requestPage) Still() bool { return p.Inquiry.Field != "" }

// request shows a request. What stands in the address fills the form for convening, so that the pool can be looked at for a date.
func (s *server) request(c echo.Context) error {
	f := fill("length", lengths[0])
	for _, name := range []string{"date", "time", "length", "kind", "near", "visible_from", "visible_clock", "experts", "groups", "take", "held", "due_on", "opinions", "scale", "series"} {
		if v := c.QueryParams()[name]; len(v) > 0 {
			f.Values[name] = v
		}
	}
	return s.showRequest(c, http.StatusOK, requestPage{Convene: f})
}

// showRequest shows a request with the forms that came back, or fresh ones.
func (s *server) showRequest(c echo.Context, status int, p requestPage) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p.Lengths, p.Kinds, p.Me = lengths, conference.Kinds, by.ID
	if p.Convene.Values == nil {
		p.Convene = fill("length", lengths[0])
	}
	s.heldIn(p.Convene)
	if p.Inquiry.Values == nil {
		p.Inquiry = fill("due_on", expertpool.Today(s.Now()).AddDate(0, 0, 3).Format(time.DateOnly))
	}
	p.Convene.Of, p.Decline.Of, p.Inquiry.Of = "convene", "decline", "inquiry"
	if p.Request, err = s.Conferences.Request(ctx, by, id); err != nil {
		return err
	}
	if p.Asked, err = s.Conferences.Inquiries(ctx, by, id); err != nil {
		return err
	}
	if p.Anew, err = s.asksAnew(ctx, by, p.Request); err != nil {
		return err
	}
	if p.ConferenceCode != "" {
		if p.Origins, err = s.origins(ctx, by, p.ConferenceCode); err != nil {
			return err
		}
	}
	p.Decides = by.May(account.DecideRequests) && p.Waits()
	if p.Decides {
		if err := s.decisions(ctx, by, &p); err != nil {
			return err
		}
	}
	return s.page(c, status, "request", p)
}

// decisions finds what a coordinator decides on a request with.
func (s *server) decisions(ctx context.Context, by account.Actor, p *requestPage) (err error) {
	panel := panelIn(p.Convene)
	if panel.Starts.Before(s.Now()) {
		panel.Starts = time.Time{} // nobody can be asked for it
	}
	benches, err := s.Conferences.Suggestions(ctx, by, p.ID, conference.Occasion{Starts: panel.Starts, Length: panel.Length, Near: p.Convene.Get("near")})
	if err != nil {
		return err
	}
	if p.Groups, err = s.Pool.Groups(ctx, by); err != nil {
		return err
	}
	p.Panel = panelOf(p.Request, benches, p.Groups, &p.Convene)
	p.Offers, p.Dated = offersOf(benches, p.Convene), !panel.Starts.IsZero()
	if p.Polled, err = s.polled(ctx, by, p.ID); err != nil {
		return err
	}
	return s.places(ctx, by, p)
}

// asksAnew says whether a caseworker can ask again what was declined or taken back.
func (s *server) asksAnew(ctx context.Context, by account.Actor, r conference.Request) (bool, error) {
	if !by.May(account.SubmitRequests) || r.State != "declined" && r.State != "withdrawn" || r.Question == "" || r.Nobody() {
		return false, nil
	}
	asked, _, err := s.Conferences.OfCase(ctx, by, r.CaseID)
	return !slices.ContainsFunc(asked, conference.Request.Waits), err
}

// convene makes a conference of a request: round, date and invitations in one step.
func (s *server) convene(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	p, err := s.roundIn(c, f)
	if err != nil {
		return err
	}
	code, err := s.Conferences.Convene(c.Request().Context(), me(c), id, p)
	if f.wrong(err) {
		return s.showRequest(c, http.StatusUnprocessableEntity, requestPage{Convene: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/conferences/"+code, "convened")
}

// roundIn is panelIn with the members of the groups that are ticked.
func (s *server) roundIn(c echo.Context, f form) (conference.Panel, error) {
	p := panelIn(f)
	members, err := s.Pool.InGroups(c.Request().Context(), me(c), groupsIn(f))
	for _, m := range members {
		if !slices.Contains(p.Experts, m) {
			p.Experts = append(p.Experts, m)
		}
	}
	return p, err
}

// panelIn reads who and when. What cannot be read becomes a value that the domain refuses with the name of its field.
func panelIn(f form) conference.Panel {
	p := conference.Panel{
		Starts: readMoment(f.Get("date"), f.Get("time")), Kind: conference.Kind(f.Get("kind")), Visible: visibleIn(f, "visible_from", "visible_clock"),
		Written: f.Get("held") == "written", DueOn: readDate(f.Get("due_on")), Opinions: f.Get("opinions") == "yes", Fixed: f.Get("fixed") == "yes", Scale: opinion.Scale(f.Get("scale")),
	}
	for _, typed := range f.Values["experts"] {
		p.Experts = append(p.Experts, strictID(typed))
	}
	if slices.Contains(lengths, f.Get("length")) {
		minutes, _ := strconv.Atoi(f.Get("length"))
		p.Length = time.Duration(minutes) * time.Minute
	}
	if typed := f.Get("series"); typed != "" {
		if p.Series = strictID(typed); p.Series == uuid.Nil {
			p.Series = uuid.Max // refused as unknown
		}
	}
	return p
}

// groupsIn are the groups that are ticked in a form.
func groupsIn(f form) []uuid.UUID {
	var ids []uuid.UUID
	for _, typed := range f.Values["groups"] {
		ids = append(ids, strictID(typed))
	}
	return ids
}

func (s *server) decline(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Conferences.Decline(c.Request().Context(), me(c), id, f.Get("reason"))
	if f.wrong(err) {
		return s.showRequest(c, http.StatusUnprocessableEntity, requestPage{Decline: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests", "request_declined")
}
