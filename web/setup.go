package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// setUpPage lets somebody choose how she signs in, by a link from a mail.
type setUpPage struct {
	account.SetUp
	Form     form
	Passkeys bool
}

// setUp shows what the link is for. It uses nothing up: mail filters open links, too.
func (s *server) setUp(c echo.Context) error { return s.showSetUp(c, http.StatusOK, form{}) }

func (s *server) showSetUp(c echo.Context, status int, f form) error {
	u, err := s.Accounts.SetUpBy(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	f.Of = "setup"
	return s.page(c, status, "setup", setUpPage{u, f, s.Accounts.Passkeys()})
}

func (s *server) setUpPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	password := f.Get("password")
	if f.Get("way") == "passkey" {
		password = ""
	} else if password == "" {
		f.wrong(&account.InvalidError{Field: "password", Rule: "required"})
		return s.showSetUp(c, http.StatusUnprocessableEntity, f)
	}
	k, err := s.Accounts.Redeem(c.Request().Context(), c.Param("token"), password, c.Request().UserAgent())
	if f.wrong(err) {
		return s.showSetUp(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.enter(c, k, secondPath)
}

// forgottenPage asks for an address, and then says the same for every address.
type forgottenPage struct {
	Form form
	Sent bool
}

func (s *server) forgotten(c echo.Context) error {
	return s.page(c, http.StatusOK, "forgotten", forgottenPage{Form: form{Of: "sign_in"}})
}

// forgottenTakes is how long the answer takes whether there is an account or not, so that time does not tell.
const forgottenTakes = 400 * time.Millisecond

func (s *server) forgottenPost(c echo.Context) error {
	answered := time.After(forgottenTakes)
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "sign_in"
	if strings.TrimSpace(f.Get("email")) == "" {
		f.wrong(&account.InvalidError{Field: "email", Rule: "required"})
		return s.page(c, http.StatusUnprocessableEntity, "forgotten", forgottenPage{Form: f})
	}
	if err := s.Accounts.Forgot(c.Request().Context(), f.Get("email")); err != nil {
		return err
	}
	select {
	case <-answered:
	case <-c.Request().Context().Done():
	}
	return s.page(c, http.StatusOK, "forgotten", forgottenPage{Form: f, Sent: true})
}
