package web

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// secondPage asks for the factor that is owed.
type secondPage struct {
	Form    form
	Next    string
	Factors account.Factors
}

// second asks for the factor that is owed; whoever has none is led to make one.
func (s *server) second(c echo.Context) error {
	return s.showSecond(c, http.StatusOK, fill("next", c.QueryParam("next")))
}

func (s *server) showSecond(c echo.Context, status int, f form) error {
	f.Of = "second"
	p := secondPage{Form: f, Next: localPath(f.Get("next"))}
	if me(c).Session != uuid.Nil {
		return c.Redirect(http.StatusSeeOther, "/me/security") // nothing is owed
	}
	var err error
	if p.Factors, err = s.Accounts.Factors(c.Request().Context(), whoever(c)); err != nil {
		return err
	}
	if !p.Factors.Second() {
		return c.Redirect(http.StatusSeeOther, "/me/enrol")
	}
	return s.page(c, status, "second", p)
}

func (s *server) secondPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if me(c).Session != uuid.Nil { // pressed twice, or another window was quicker
		return c.Redirect(http.StatusSeeOther, localPath(f.Get("next")))
	}
	k, err := s.Accounts.Second(c.Request().Context(), half(c), f.Get("code"), s.browserToken(c))
	if f.wrong(err) {
		return s.showSecond(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.enter(c, k, localPath(f.Get("next")))
}

// enrol lets somebody choose her second factor. Nothing else is open to her until she has one.
func (s *server) enrol(c echo.Context) error {
	f, err := s.Accounts.Factors(c.Request().Context(), whoever(c))
	if err != nil {
		return err
	}
	if f.Second() {
		return c.Redirect(http.StatusSeeOther, secondPath)
	}
	return s.page(c, http.StatusOK, "enrol", securityPage{Factors: f, CanMake: s.Accounts.Passkeys()})
}
