package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// measuresPage is what a conference agreed, with the form to add to it. The live page takes the section out of it.
type measuresPage struct {
	conference.View
	Form   form
	Notice string
}

// People are those who can take on a measure.
func (p measuresPage) People() []conference.Seat {
	return slices.DeleteFunc(slices.Clone(p.Seats), func(t conference.Seat) bool {
		return t.Role.Asked() && t.Answer != conference.Accepted
	})
}

func (s *server) measures(c echo.Context) error {
	return s.showMeasures(c, http.StatusOK, measuresPage{Form: form{Of: "measure"}})
}

func (s *server) showMeasures(c echo.Context, status int, p measuresPage) error {
	v, err := s.Conferences.ByCode(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	if v.Shut != "" {
		return account.Refuse(account.ErrClosed, v.Shut)
	}
	p.View = v
	return s.page(c, status, "measures", p)
}

func (s *server) measuresPost(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "measure"
	err = s.Conferences.Propose(ctx, me(c), code(c), f.Get("what"), strictID(f.Get("responsible")), readDate(f.Get("due_on")), f.Get("because"))
	var refused *account.RefusedError
	switch {
	case f.wrong(err):
		return s.showMeasures(c, http.StatusUnprocessableEntity, measuresPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showMeasures(c, http.StatusConflict, measuresPage{Form: f, Notice: refused.Rule})
	case err != nil:
		return err
	}
	v, err := s.Conferences.ByCode(ctx, me(c), code(c))
	if err != nil {
		return err
	}
	s.Live.Refresh(v.ID.String(), "measures")
	return s.done(c, at(c, "/measures"), "proposed")
}

// promise is a measure as its responsible person sees it, with the addresses at which she answers and reports, and the form
// that came back with a fault.
type promise struct {
	plan.Measure
	Form             form
	AnswerAt, TellAt string
}

// Reasons are those for "not possible".
func (promise) Reasons() []string { return plan.Reasons }

// promised keeps nothing of a form that was sent for another measure.
func promised(m plan.Measure, f form, answerAt, tellAt string) promise {
	if f.Of != m.ID.String() {
		f = form{Of: m.ID.String()}
	}
	return promise{m, f, answerAt, tellAt}
}

type planPage struct {
	Asked, Open, Ended []promise
	Others             []conference.View // conferences of mine and what was agreed there
	Notice             string
	Still              bool // it answers a form, and must not be fetched again by itself
}

func (s *server) plan(c echo.Context) error { return s.showPlan(c, http.StatusOK, form{}, "") }

func (s *server) showPlan(c echo.Context, status int, f form, notice string) error {
	ctx := c.Request().Context()
	mine, err := s.Plans.Mine(ctx, me(c))
	if err != nil {
		return err
	}
	p := planPage{Notice: notice, Still: notice != "" || f.Field != ""}
	for _, m := range mine {
		to := "/plan/" + m.ID.String()
		one := promised(m, f, to+"/answer", to+"/report")
		switch {
		case m.State == plan.Proposed:
			p.Asked = append(p.Asked, one)
		case m.Open():
			p.Open = append(p.Open, one)
		default:
			p.Ended = append(p.Ended, one)
		}
	}
	if me(c).May(account.TakePart) {
		if p.Others, err = s.Conferences.Planned(ctx, me(c)); err != nil {
			return err
		}
	}
	return s.page(c, status, "plan", p)
}

func (s *server) planAnswer(c echo.Context) error {
	return s.planned(c, "measure_answered", s.answerMeasure)
}

func (s *server) planReport(c echo.Context) error {
	return s.planned(c, "measure_reported", s.reportMeasure)
}

func (s *server) planned(c echo.Context, receipt string, do func(context.Context, account.Actor, uuid.UUID, form) error) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id := strictID(c.Param("id"))
	f.Of = id.String()
	err = do(c.Request().Context(), me(c), id, f)
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, "/plan", receipt)
	case f.wrong(err):
		return s.showPlan(c, http.StatusUnprocessableEntity, f, "")
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showPlan(c, http.StatusConflict, f, refused.Rule)
	}
	return err
}

// answerMeasure takes the form with which a responsible person accepts or refuses.
func (s *server) answerMeasure(ctx context.Context, by account.Actor, id uuid.UUID, f form) error {
	accept, known := map[string]bool{"accept": true, "refuse": false}[f.Get("answer")]
	if !known {
		return &account.InvalidError{Field: "answer", Rule: "required"}
	}
	m, err := s.Plans.View(ctx, by, id)
	if err != nil {
		return err
	}
	reason := f.Get("reason")
	if accept {
		reason = ""
	}
	if err := s.Plans.Answer(ctx, by, id, accept, reason); err != nil {
		return err
	}
	s.Live.Refresh(m.Conference.String(), "measures") // who is still in the room sees it at once
	return nil
}

// reportMeasure takes the form with which a responsible person tells what became of it.
func (s *server) reportMeasure(ctx context.Context, by account.Actor, id uuid.UUID, f form) error {
	return s.Conferences.Report(ctx, by, id, f.Get("outcome"), f.Get("reason"))
}
