package web

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// summaryIn reads the five fields of a summary, in the order in which the form shows them.
func summaryIn(f form) casefile.Summary {
	return casefile.Summary{
		TemplateID: strictID(f.Get("template")),
		Situation:  f.Get("situation"), Resources: f.Get("resources"), Tried: f.Get("tried"), Goals: f.Get("goals"), Limits: f.Get("limits"),
	}
}

// caseForm is a form about one case.
type caseForm struct {
	casefile.Case
	Form form
}

// openCase returns a case that can still be worked on.
func (s *server) openCase(c echo.Context) (casefile.Case, error) {
	id, err := paramID(c, "id")
	if err != nil {
		return casefile.Case{}, err
	}
	f, err := s.Cases.ByID(c.Request().Context(), me(c), id)
	if err == nil && f.Sealed {
		err = account.Refuse(account.ErrClosed, "withdrawn")
	}
	return f, err
}

// summary offers the latest version for writing the next one.
func (s *server) summary(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f := form{}
	if t := of.Summary; t != nil {
		f = fill("situation", t.Situation, "resources", t.Resources, "tried", t.Tried, "goals", t.Goals, "limits", t.Limits)
	}
	return s.showSummary(c, http.StatusOK, caseForm{of, f})
}

// summaryPage is the form for the next version, what it is written with, and the re-identification meter.
type summaryPage struct {
	caseForm
	Writing writing
	Meter   meterPart
}

func (s *server) showSummary(c echo.Context, status int, f caseForm) error {
	latest := uuid.Nil
	if f.Summary != nil {
		latest = f.Summary.TemplateID
	}
	w, err := s.writingWith(c, f.Form, latest)
	if err != nil {
		return err
	}
	m, err := s.meterOf(c, f.Case)
	if err != nil {
		return err
	}
	return s.page(c, status, "summary", summaryPage{f, w, m})
}

func (s *server) summaryPost(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Cases.Write(c.Request().Context(), me(c), of.ID, summaryIn(f))
	if f.wrong(err) {
		return s.showSummary(c, http.StatusUnprocessableEntity, caseForm{of, f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+of.ID.String(), "summary")
}

// check keeps that somebody has looked at what the name guard found. The tick says that she has read the rest as well.
func (s *server) check(c echo.Context) error {
	return s.decide(c, "check", "checked", func(id uuid.UUID, version int, f form) error {
		return s.Cases.Check(c.Request().Context(), me(c), id, version, f.Get("reason"))
	})
}

// release opens the version that was read to the circle. The tick says that a second person has looked for names.
func (s *server) release(c echo.Context) error {
	return s.decide(c, "release", "released", func(id uuid.UUID, version int, f form) error {
		return s.Cases.Release(c.Request().Context(), me(c), id, casefile.Releasing{
			Version: version, Reason: f.Get("reason"), Single: f.Get("single"),
		})
	})
}

// decide takes the version on the page of a case one state further; of is the form.
func (s *server) decide(c echo.Context, of, said string, do func(id uuid.UUID, version int, f form) error) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = of
	version, err := strconv.ParseUint(f.Get("version"), 10, 31)
	switch {
	case !f.Has("checked", "yes"):
		err = &account.InvalidError{Field: "checked", Rule: "required"}
	case err != nil:
		err = account.Refuse(account.ErrConflict, "no_draft")
	default:
		err = do(id, int(version), f)
	}
	if f.wrong(err) {
		return s.showCase(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String(), said)
}
