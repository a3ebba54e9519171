package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// previewDays is how far the page looks ahead.
const previewDays = 60

// retentionPage is how long an organisation keeps what, what goes next and what has gone.
type retentionPage struct {
	Terms    []conference.Term
	Due      []conference.Due
	Protocol []conference.Deleted
	Days     int
	Form     form
}

// Of is the form of a term, as it was sent or as it stands.
func (p retentionPage) Of(t conference.Term) form {
	if p.Form.Get("class") == t.Class {
		return p.Form
	}
	return fill("days", strconv.Itoa(t.Days), "reason", t.Reason)
}

func (s *server) retention(c echo.Context) error {
	return s.showRetention(c, http.StatusOK, form{})
}

func (s *server) showRetention(c echo.Context, status int, f form) error {
	ctx, by := c.Request().Context(), me(c)
	p := retentionPage{Days: previewDays, Form: f}
	var err error
	if p.Terms, err = s.Conferences.Terms(ctx, by); err != nil {
		return err
	}
	if p.Due, err = s.Conferences.Preview(ctx, by, previewDays); err != nil {
		return err
	}
	if p.Protocol, err = s.Conferences.Protocol(ctx, by); err != nil {
		return err
	}
	return s.page(c, status, "retention", p)
}

func (s *server) retentionPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(f.Get("days"))
	if err != nil {
		days = -1 // out of range
	}
	err = s.Conferences.SetTerm(c.Request().Context(), me(c), f.Get("class"), days, f.Get("reason"))
	if f.wrong(err) {
		return s.showRetention(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/retention", "retention")
}

// keepingPage is when one case is deleted, and what can be done about it.
type keepingPage struct {
	casefile.Case
	Due   conference.Due
	Hold  *conference.Hold
	Draft *conference.DraftEnd
	Form  form
}

// Of is the form of that name, as it was sent or blank.
func (p keepingPage) Of(name string) form { return p.Form.named(name) }

func (s *server) keeping(c echo.Context) error {
	return s.showKeeping(c, http.StatusOK, form{})
}

func (s *server) showKeeping(c echo.Context, status int, f form) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p := keepingPage{Form: f}
	if p.Case, err = s.Cases.ByID(ctx, by, id); err != nil {
		return err
	}
	if p.Due, p.Hold, err = s.Conferences.DueOf(ctx, by, id); err != nil {
		return err
	}
	if p.Draft, err = s.Conferences.DraftOf(ctx, by, id); err != nil {
		return err
	}
	return s.page(c, status, "keeping", p)
}

// keepingPost does the one thing that the field act names.
func (s *server) keepingPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = f.Get("act")
	ctx, by := c.Request().Context(), me(c)
	switch f.Of {
	case "hold":
		err = s.Conferences.SetHold(ctx, by, id, f.Get("reason"), readDate(f.Get("until")))
	case "lift":
		err = s.Conferences.LiftHold(ctx, by, id)
	case "left":
		err = s.Conferences.Leave(ctx, by, id, readDate(f.Get("left_on")))
	case "draft":
		err = s.Conferences.KeepDraft(ctx, by, id)
	default:
		return account.ErrNotFound
	}
	if f.wrong(err) {
		return s.showKeeping(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String()+"/retention", "retention")
}
