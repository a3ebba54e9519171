package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Links from mails work without a sign-in: the token says who acts, for what, and on which one thing. Looking changes
// nothing, because mail programs look too.

// answerPage is what one invitation asks. It knows a code and a date, no case and no other person.
type answerPage struct {
	conference.Asked
	Form   form
	Notice string
	Link   string
}

// Minutes is how long the conference takes.
func (p answerPage) Minutes() int { return int(p.EndsAt.Sub(p.StartsAt).Minutes()) }

// Answered says that there is an answer for the date as it stands.
func (p answerPage) Answered() bool { return p.Asked.Answer != conference.Offered }

func (s *server) invited(c echo.Context) (account.Actor, conference.Asked, error) {
	by, id, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), account.ForInvitation)
	if err != nil {
		return by, conference.Asked{}, err
	}
	a, err := s.Conferences.Invited(c.Request().Context(), by, id)
	return by, a, err
}

func (s *server) answer(c echo.Context) error {
	_, a, err := s.invited(c)
	if err != nil {
		return err
	}
	return s.showAnswer(c, http.StatusOK, answerPage{Asked: a})
}

func (s *server) showAnswer(c echo.Context, status int, p answerPage) error {
	p.Link = "/answer/" + c.Param("token")
	if p.Shut != "" {
		status, p.Notice = http.StatusConflict, ""
	}
	if p.Form.Values == nil {
		p.Form = fill("comment", p.Comment)
	}
	p.Form.Of = "answer"
	return s.page(c, status, "answer", p)
}

func (s *server) answerPost(c echo.Context) error {
	ctx := c.Request().Context()
	by, a, err := s.invited(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	receipt := "answered"
	if f.Get("answer") == "other" {
		receipt, err = "date_proposed", s.proposeDate(c, by, a, f)
	} else {
		err = s.Conferences.Answer(ctx, by, a.ID, sequence(f), conference.Answer(f.Get("answer")), f.Get("comment"))
	}
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, "/answer/"+c.Param("token"), receipt)
	case f.wrong(err):
		return s.showAnswer(c, http.StatusUnprocessableEntity, answerPage{Asked: a, Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		if a, err = s.Conferences.Invited(ctx, by, a.ID); err != nil {
			return err
		}
		return s.showAnswer(c, http.StatusConflict, answerPage{Asked: a, Form: f, Notice: refused.Rule})
	}
	return err
}

func (s *server) answerCalendar(c echo.Context) error {
	by, a, err := s.invited(c)
	if err != nil {
		return err
	}
	raw, err := s.Conferences.Calendar(c.Request().Context(), by, a.ID)
	if err != nil {
		return err
	}
	return calendar(c, a.Code, "", raw)
}

// calendar answers with a calendar file. RFC 5545 §8.1: the method, if there is one, belongs to the type.
func calendar(c echo.Context, name, method string, raw []byte) error {
	kind := "text/calendar; charset=utf-8"
	if method != "" {
		kind += "; method=" + method
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="konsil-`+name+`.ics"`)
	return c.Blob(http.StatusOK, kind, raw)
}

// promisePage is one measure, to accept (by the link for that) or to report on (by the link for that).
type promisePage struct {
	promise
	Notice string
}

func (s *server) measure(c echo.Context) error { return s.showPromise(c, account.ForMeasure) }

func (s *server) measurePost(c echo.Context) error {
	return s.keepPromise(c, account.ForMeasure, "measure_answered", s.answerMeasure)
}

func (s *server) followUp(c echo.Context) error { return s.showPromise(c, account.ForFollowUp) }

func (s *server) followUpPost(c echo.Context) error {
	return s.keepPromise(c, account.ForFollowUp, "measure_reported", s.reportMeasure)
}

// promisePages are the pages behind the links about a measure, by what the link is for.
var promisePages = map[account.Purpose]string{account.ForMeasure: "measure", account.ForFollowUp: "follow-up"}

func (s *server) showPromise(c echo.Context, p account.Purpose) error {
	by, id, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), p)
	if err != nil {
		return err
	}
	m, err := s.Plans.View(c.Request().Context(), by, id)
	if err != nil {
		return err
	}
	return s.promisePage(c, http.StatusOK, p, m, form{}, "")
}

func (s *server) promisePage(c echo.Context, status int, p account.Purpose, m plan.Measure, f form, notice string) error {
	here := c.Request().URL.Path
	return s.page(c, status, promisePages[p], promisePage{promised(m, f, here, here), notice})
}

func (s *server) keepPromise(c echo.Context, p account.Purpose, receipt string, do func(context.Context, account.Actor, uuid.UUID, form) error) error {
	ctx := c.Request().Context()
	by, id, err := s.Accounts.Follow(ctx, c.Param("token"), p)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = id.String()
	done := do(ctx, by, id, f)
	if done == nil {
		return s.done(c, c.Request().URL.Path, receipt)
	}
	m, err := s.Plans.View(ctx, by, id)
	if err != nil {
		return err
	}
	var refused *account.RefusedError
	switch {
	case f.wrong(done):
		return s.promisePage(c, http.StatusUnprocessableEntity, p, m, f, "")
	case errors.Is(done, account.ErrConflict) && errors.As(done, &refused):
		return s.promisePage(c, http.StatusConflict, p, m, f, refused.Rule)
	}
	return done
}
