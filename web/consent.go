package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
)

// consentPage is the consent as it is explained, printed, signed and recorded.
type consentPage struct {
	caseForm
	Disciplines []string
	TextVersion string
	Replaces    bool // a consent stands that this one would replace
}

func (s *server) consent(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	asked, _, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	return s.showConsent(c, http.StatusOK, of, proposal(of, asked, s.Now()))
}

// proposal fills the form with the circle that was given before or is asked for now, and a year from today. It ticks nothing
// that only the person can say.
func proposal(of casefile.Case, asked []conference.Request, now time.Time) form {
	f := fill("valid_until", expertpool.Today(now).AddDate(1, 0, 0).Format(time.DateOnly))
	switch {
	case of.Consent != nil:
		f.Values["circle"] = of.Consent.Circle
	case len(asked) > 0:
		f.Values["circle"] = asked[0].Disciplines
	}
	return f
}

func (s *server) showConsent(c echo.Context, status int, of casefile.Case, f form) error {
	return s.page(c, status, "consent", consentPage{
		caseForm: caseForm{of, f}, Disciplines: expertpool.Disciplines,
		TextVersion: casefile.ConsentText, Replaces: of.Consent.Stands(s.Now()),
	})
}

func (s *server) consentPost(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Cases.Grant(c.Request().Context(), me(c), of.ID, casefile.Consent{
		Circle: append([]string(nil), f.Values["circle"]...), ValidUntil: readDate(f.Get("valid_until")), Explained: f.Has("explained", "yes"),
	})
	if f.wrong(err) {
		return s.showConsent(c, http.StatusUnprocessableEntity, of, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+of.ID.String(), "consent")
}
