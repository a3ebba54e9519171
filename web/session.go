package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// audience says for whom a page is made.
type audience func(s *server, next echo.HandlerFunc) echo.HandlerFunc

// anyone may come, signed in or not.
func anyone(s *server, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := s.recognise(c); err != nil && !errors.Is(err, account.ErrUnknown) && !errors.Is(err, account.ErrHalf) {
			return err
		}
		return next(c)
	}
}

// members are signed in. A page that was asked for by GET comes back after the sign-in.
func members(s *server, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, err := s.recognise(c)
		switch {
		case errors.Is(err, account.ErrUnknown):
			return c.Redirect(http.StatusSeeOther, backAfter("/", c))
		case errors.Is(err, account.ErrHalf):
			return c.Redirect(http.StatusSeeOther, backAfter(secondPath, c))
		case err != nil:
			return err
		}
		return next(c)
	}
}

// halfway are those who have shown one factor, and members. To others these pages are the sign-in.
func halfway(s *server, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, err := s.recognise(c)
		if errors.Is(err, account.ErrUnknown) {
			return c.Redirect(http.StatusSeeOther, "/")
		}
		if err != nil && !errors.Is(err, account.ErrHalf) {
			return err
		}
		return next(c)
	}
}

// fresh are those of an audience who have shown a factor within the last ten minutes. Others do so first, and what they wanted goes on
// after it: a page by its address, a form with what was typed. ASVS 5.0 §7.5.3.
func fresh(who audience) audience {
	return func(s *server, next echo.HandlerFunc) echo.HandlerFunc {
		return who(s, func(c echo.Context) error {
			switch {
			case me(c).Fresh(s.Now()):
				return next(c)
			case c.Request().Method == http.MethodPost:
				return s.holdForm(c)
			}
			return c.Redirect(http.StatusSeeOther, backAfter(confirmPath, c))
		})
	}
}

// enrolling are those who may make a factor: whoever owes one, and members who have shown one lately.
func enrolling(s *server, next echo.HandlerFunc) echo.HandlerFunc {
	member := fresh(members)(s, next)
	return halfway(s, func(c echo.Context) error {
		if half(c).Session != uuid.Nil {
			return next(c)
		}
		return member(c)
	})
}

// backAfter is a page that leads back to what was asked for by GET.
func backAfter(page string, c echo.Context) string {
	if m := c.Request().Method; m != http.MethodGet && m != http.MethodHead {
		return page
	}
	return page + "?next=" + url.QueryEscape(c.Request().URL.RequestURI())
}

// may are members who may do one of these acts; to others the page does not exist.
func may(acts ...account.Act) audience {
	return func(s *server, next echo.HandlerFunc) echo.HandlerFunc {
		return members(s, func(c echo.Context) error {
			if !slices.ContainsFunc(acts, me(c).May) {
				return account.ErrNotFound
			}
			return next(c)
		})
	}
}

// rehearsal pages exist in evaluation mode only.
func rehearsal(s *server, next echo.HandlerFunc) echo.HandlerFunc {
	return anyone(s, func(c echo.Context) error {
		if !s.Evaluation {
			return account.ErrNotFound
		}
		return next(c)
	})
}

func (s *server) cookieName() string { return s.ownName("konsil") }

// ownName is the name of a cookie that no other host may set. RFC 6265bis §4.1.3.2
func (s *server) ownName(cookie string) string {
	if s.secure() {
		return "__Host-" + cookie
	}
	return cookie // without TLS, which is loopback only, browsers refuse the prefix
}

// keep sets a cookie that scripts and other sites do not get. A negative age takes it away.
func (s *server) keep(c echo.Context, name, value string, age time.Duration) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, MaxAge: int(age.Seconds()), Secure: s.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (s *server) recognise(c echo.Context) (account.Actor, error) {
	k, err := c.Cookie(s.cookieName())
	if err != nil || k.Value == "" {
		return account.Actor{}, account.ErrUnknown
	}
	a, err := s.Accounts.Session(c.Request().Context(), k.Value)
	switch {
	case err == nil:
		c.Set("actor", a)
	case errors.Is(err, account.ErrHalf):
		c.Set("half", a)
	}
	return a, err
}

// me is the person signed in; the zero Actor on pages for anyone, and for somebody who owes a factor.
func me(c echo.Context) account.Actor {
	a, _ := c.Get("actor").(account.Actor)
	return a
}

// half is somebody who owes a factor: for the pages where she shows it, and for nothing else.
func half(c echo.Context) account.Actor {
	a, _ := c.Get("half").(account.Actor)
	return a
}

// whoever is the person signed in, also while she owes a factor.
func whoever(c echo.Context) account.Actor {
	if a := half(c); a.Session != uuid.Nil {
		return a
	}
	return me(c)
}

// keepKeys puts what a sign-in or a factor has given into the browser.
func (s *server) keepKeys(c echo.Context, k account.Keys) {
	s.setSession(c, k.Token)
	if k.Browser != "" {
		s.keep(c, s.ownName("konsil-browser"), k.Browser, 365*24*time.Hour)
	}
}

// browserToken is what the browser is known by to those who have signed in with it.
func (s *server) browserToken(c echo.Context) string { return s.cookie(c, "konsil-browser") }

// cookie is the value of one of our cookies, "" when there is none.
func (s *server) cookie(c echo.Context, name string) string {
	k, err := c.Cookie(s.ownName(name))
	if err != nil {
		return ""
	}
	return k.Value
}

func (s *server) setSession(c echo.Context, token string) {
	age := time.Duration(0) // as long as the browser runs
	if token == "" {
		age = gone
	}
	s.keep(c, s.cookieName(), token, age)
}

// gone is the age of a cookie that is to be taken away.
const gone = -time.Second

// say keeps a receipt for the next page: a key of words "said.…".
func (s *server) say(c echo.Context, key string) { s.keep(c, s.ownName("said"), key, 30*time.Second) }

// said takes the receipt.
func (s *server) said(c echo.Context) string {
	k, err := c.Cookie(s.ownName("said"))
	if err != nil || !s.words.has("said."+k.Value) {
		return ""
	}
	s.keep(c, k.Name, "", gone)
	return k.Value
}

// done answers a form that did what it should: see the page at to, with a receipt.
func (s *server) done(c echo.Context, to, key string) error {
	s.say(c, key)
	return c.Redirect(http.StatusSeeOther, to)
}
