package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// oidcPath is where the organisation's provider sends people back to. What a browser asks for there changes something although it is a
// GET: the protocol wants it so. Nobody else can cause it, since it takes a cookie of the browser that left, and works once.
const oidcPath = "/oidc/callback"

// providerName is what the organisation's sign-in is called; "" where there is none.
func (s *server) providerName() string {
	if s.Provider == nil {
		return ""
	}
	return s.Provider.Name
}

// provided pages exist where the organisation has a sign-in of its own.
func provided(who audience) audience {
	return func(s *server, next echo.HandlerFunc) echo.HandlerFunc {
		return who(s, func(c echo.Context) error {
			if s.Provider == nil {
				return account.ErrNotFound
			}
			return next(c)
		})
	}
}

func (s *server) oidcCookie() string {
	if s.secure() {
		return "__Host-konsil-oidc"
	}
	return "konsil-oidc"
}

// departurePage is the page on the way to the provider.
type departurePage struct{ URL, Name string }

// leaveFor sends the browser to the provider. A redirect would do, but browsers hold forms to this server, and redirects of forms with
// them; so there is a page in between that goes on by itself.
func (s *server) leaveFor(c echo.Context, d account.Departure, err error) error {
	if err != nil {
		s.Log.Warn("sign-in provider does not answer", "err", err)
		return account.Refuse(account.ErrConflict, "oidc_down")
	}
	c.SetCookie(&http.Cookie{
		Name: s.oidcCookie(), Value: d.Browser, Path: "/", HttpOnly: true, Secure: s.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int((10 * time.Minute).Seconds()),
	})
	c.Response().Header().Set("Refresh", "0;url="+d.URL)
	return s.page(c, http.StatusOK, "oidc-leaving", departurePage{d.URL, s.Provider.Name})
}

func (s *server) oidcSignIn(c echo.Context) error {
	d, err := s.Accounts.SignInAt(c.Request().Context(), s.Provider, localPath(c.FormValue("next")))
	return s.leaveFor(c, d, err)
}

func (s *server) oidcConfirm(c echo.Context) error {
	d, err := s.Accounts.ConfirmAt(c.Request().Context(), s.Provider, me(c), localPath(c.FormValue("confirm_next")))
	return s.leaveFor(c, d, err)
}

func (s *server) oidcLink(c echo.Context) error {
	d, err := s.Accounts.LinkAt(c.Request().Context(), s.Provider, me(c), "/me/oidc")
	return s.leaveFor(c, d, err)
}

// oidcSetUp links a new account instead of choosing a password for it.
func (s *server) oidcSetUp(c echo.Context) error {
	by, _, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), account.ForSetup)
	if err != nil {
		return err
	}
	d, err := s.Accounts.LinkAt(c.Request().Context(), s.Provider, by, "/")
	return s.leaveFor(c, d, err)
}

// oidcArrive is the way back.
func (s *server) oidcArrive(c echo.Context) error {
	kept, err := c.Cookie(s.oidcCookie())
	if err != nil || c.QueryParam("code") == "" { // never left from here, or turned away there
		return account.Refuse(account.ErrDenied, "oidc_failed")
	}
	c.SetCookie(&http.Cookie{Name: s.oidcCookie(), Path: "/", HttpOnly: true, Secure: s.secure(), MaxAge: -1})
	a, err := s.Accounts.Arrive(c.Request().Context(), s.Provider, account.Return{
		State: c.QueryParam("state"), Code: c.QueryParam("code"), Iss: c.QueryParam("iss"), Browser: kept.Value,
		Known: s.browserToken(c), Device: c.Request().UserAgent(),
	})
	if errors.Is(err, account.ErrUnknown) {
		s.Log.Warn("sign-in at the provider refused", "err", err)
		return account.Refuse(account.ErrDenied, "oidc_failed")
	}
	switch {
	case err != nil:
		return err
	case a.Begun:
		return s.enter(c, a.Keys, localPath(a.Next))
	case a.Token != "":
		s.keepKeys(c, a.Keys)
		return c.Redirect(http.StatusSeeOther, localPath(a.Next))
	}
	return s.done(c, localPath(a.Next), "oidc_linked")
}

// oidcPage says whether somebody is linked to the provider.
type oidcPage struct {
	Name  string
	Since *time.Time
}

func (s *server) oidcLinked(c echo.Context) error {
	since, err := s.Accounts.LinkedAt(c.Request().Context(), s.Provider, me(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "oidc", oidcPage{s.Provider.Name, since})
}

func (s *server) oidcUnlink(c echo.Context) error {
	if err := s.Accounts.Unlink(c.Request().Context(), s.Provider, me(c)); err != nil {
		return err
	}
	return s.done(c, "/me/oidc", "oidc_unlinked")
}
