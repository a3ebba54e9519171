package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// signInPage is the start page for somebody who is not signed in.
type signInPage struct {
	Form     form
	Next     string
	Passkeys bool
	People   []group // rehearsal people by role; evaluation mode only
}

type group struct {
	Role   account.Role
	People []account.Person
}

// today is the first page: what waits for who is signed in, or the door.
func (s *server) today(c echo.Context) error {
	_, people := c.QueryParams()["people"]
	if half(c).Session != uuid.Nil && !people {
		return c.Redirect(http.StatusSeeOther, secondPath)
	}
	if me(c).Session == uuid.Nil || people && s.Evaluation {
		return s.signInForm(c, http.StatusOK, fill("next", c.QueryParam("next")))
	}
	return s.waitingFor(c)
}

func (s *server) signInForm(c echo.Context, status int, f form) error {
	p := signInPage{Form: f, Next: localPath(f.Get("next")), Passkeys: s.Accounts.Passkeys()}
	p.Form.Of = "sign_in"
	if s.Evaluation {
		found, err := s.Accounts.Rehearsal(c.Request().Context())
		if err != nil {
			return err
		}
		p.People = byRole(found)
	}
	return s.page(c, status, "signin", p)
}

// byRole cuts a list that is sorted by role.
func byRole(found []account.Person) []group {
	var groups []group
	for _, p := range found {
		if n := len(groups); n == 0 || groups[n-1].Role != p.Role {
			groups = append(groups, group{Role: p.Role})
		}
		last := &groups[len(groups)-1]
		last.People = append(last.People, p)
	}
	return groups
}

func (s *server) signInPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	for _, name := range []string{"email", "password"} {
		if strings.TrimSpace(f.Get(name)) == "" {
			f.wrong(&account.InvalidError{Field: name, Rule: "required"})
			return s.signInForm(c, http.StatusUnprocessableEntity, f)
		}
	}
	t := account.Attempt{Email: f.Get("email"), Password: f.Get("password"), Browser: s.browserToken(c), Device: c.Request().UserAgent()}
	if err := s.spendAttempt(c, t); err != nil {
		return err
	}
	token, err := s.Accounts.SignIn(c.Request().Context(), t)
	if errors.Is(err, account.ErrWrong) {
		s.Log.Info("sign-in refused", "from", c.RealIP()) // what was typed is personal
		f.wrong(&account.InvalidError{Field: "email", Rule: "pair"})
		return s.signInForm(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.enter(c, account.Keys{Token: token}, localPath(f.Get("next")))
}

// spendAttempt takes a try of whoever comes from this address for that account, or of the browser where the person has signed in before:
// whoever guesses from the same house does not keep her out.
func (s *server) spendAttempt(c echo.Context, t account.Attempt) error {
	known, err := s.Accounts.Familiar(c.Request().Context(), t.Email, t.Browser)
	if err != nil {
		return err
	}
	who := strings.ToLower(t.Email) + " " + household(s.caller(c.Request()))
	if known {
		who = "browser " + t.Browser
	}
	return s.spend(c, "sign_in", who)
}

// rehearse signs in as a person of the rehearsal network with one click.
func (s *server) rehearse(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	token, err := s.Accounts.Rehearse(c.Request().Context(), id, c.Request().UserAgent())
	if errors.Is(err, account.ErrUnknown) {
		return account.ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.enter(c, account.Keys{Token: token}, localPath(c.FormValue("next")))
}

// enter begins the new session in this browser and ends the one before it, if there was one.
func (s *server) enter(c echo.Context, k account.Keys, to string) error {
	if before := me(c); before.Session != uuid.Nil {
		if err := s.leave(c, before); err != nil {
			return err
		}
	}
	s.keepKeys(c, k)
	return c.Redirect(http.StatusSeeOther, to)
}

func (s *server) signOut(c echo.Context) error {
	if err := s.leave(c, me(c)); err != nil {
		return err
	}
	s.setSession(c, "")
	return s.done(c, "/", "signed_out")
}

// leave ends a session, and the sockets that were opened with it.
func (s *server) leave(c echo.Context, a account.Actor) error {
	if err := s.Accounts.SignOut(c.Request().Context(), a); err != nil {
		return err
	}
	s.Live.DropSession(a.Session.String(), "signedout")
	return nil
}

// localPath takes a path on this server, and "/" for everything that could lead elsewhere.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// paramID reads an id in an address; what is none leads nowhere.
func paramID(c echo.Context, name string) (uuid.UUID, error) {
	id := strictID(c.Param(name))
	if id == uuid.Nil {
		return id, account.ErrNotFound
	}
	return id, nil
}
