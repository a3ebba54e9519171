package web

import (
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
}

// newRequest asks one question about a case. Where a request waits already there is nothing to ask yet.
func (s *server) newRequest(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	asked, _, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	if len(asked) > 0 && asked[0].State == "submitted" {
		return account.Refuse(account.ErrConflict, "request_waits")
	}
	return s.page(c, http.StatusOK, "ask", askPage{caseForm{of, fill("urgency", "normal")}, expertpool.Disciplines})
}

func (s *server) newRequestPost(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id, err := s.Conferences.Submit(c.Request().Context(), me(c), conference.Request{
		CaseID: of.ID, Question: f.Get("question"), Urgency: f.Get("urgency"),
		Disciplines: slices.Clone(f.Values["disciplines"]), OwnWish: f.Get("own_wish"), Because: f.Get("because"),
		Parts: partsIn(f),
	})
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "ask", askPage{caseForm{of, f}, expertpool.Disciplines})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String(), "request")
}

type requestsPage struct{ Waiting, Decided []conference.Request }

func (s *server) requests(c echo.Context) error {
	found, err := s.Conferences.Requests(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	n := slices.IndexFunc(found, func(r conference.Request) bool { return r.State != "submitted" })
	if n < 0 {
		n = len(found)
	}
	return s.page(c, http.StatusOK, "requests", requestsPage{found[:n], found[n:]})
}

// lengths are those of a conference, in minutes.
var lengths = []string{"25", "45", "60"}

// requestPage is a request; for a coordinator with the two forms that decide on it.
type requestPage struct {
	conference.Request
	Decides bool
	Offers  []offers
	Groups  []expertpool.Group
	Dated   bool // the offers are for the date in the form
	Polled  bool // there is a poll about it, or was one
	Lengths []string
	Kinds   []conference.Kind
	Convene form
	Decline form
	Ask     form // for part questions, as it came back
	Panel   panelView
}

// request shows a request. What stands in the address fills the form for convening, so that the pool can be looked at for a date.
func (s *server) request(c echo.Context) error {
	f := fill("length", lengths[0])
	for _, name := range []string{"date", "time", "length", "kind", "near", "visible_from", "visible_clock", "experts", "groups", "take", "held", "due_on", "opinions", "scale"} {
		if v := c.QueryParams()[name]; len(v) > 0 {
			f.Values[name] = v
		}
	}
	return s.showRequest(c, http.StatusOK, f, form{}, form{})
}

func (s *server) showRequest(c echo.Context, status int, convene, decline, ask form) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	s.heldIn(convene)
	p := requestPage{Convene: convene, Decline: decline, Ask: ask, Lengths: lengths, Kinds: conference.Kinds}
	p.Convene.Of, p.Decline.Of = "convene", "decline"
	if p.Request, err = s.Conferences.Request(ctx, by, id); err != nil {
		return err
	}
	p.Decides = by.May(account.DecideRequests) && p.State == "submitted"
	if p.Decides {
		panel := panelIn(convene)
		if panel.Starts.Before(s.Now()) {
			panel.Starts = time.Time{} // nobody can be asked for it
		}
		benches, err := s.Conferences.Suggestions(ctx, by, id, conference.Occasion{Starts: panel.Starts, Length: panel.Length, Near: convene.Get("near")})
		if err != nil {
			return err
		}
		if p.Groups, err = s.Pool.Groups(ctx, by); err != nil {
			return err
		}
		p.Panel = panelOf(p.Request, benches, &p.Convene)
		p.Offers, p.Dated = offersOf(benches, p.Convene), !panel.Starts.IsZero()
		if p.Polled, err = s.polled(ctx, by, id); err != nil {
			return err
		}
	}
	return s.page(c, status, "request", p)
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
		return s.showRequest(c, http.StatusUnprocessableEntity, f, form{}, form{})
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
		Written: f.Get("held") == "written", DueOn: readDate(f.Get("due_on")), Opinions: f.Get("opinions") == "yes", Scale: opinion.Scale(f.Get("scale")),
	}
	for _, typed := range f.Values["experts"] {
		p.Experts = append(p.Experts, strictID(typed))
	}
	if slices.Contains(lengths, f.Get("length")) {
		minutes, _ := strconv.Atoi(f.Get("length"))
		p.Length = time.Duration(minutes) * time.Minute
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
		return s.showRequest(c, http.StatusUnprocessableEntity, fill("length", lengths[0]), f, form{})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests", "request_declined")
}
