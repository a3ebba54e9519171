package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Where somebody shows a factor in the middle of her work, and where she shows the second one of two.
const (
	confirmPath = "/me/confirm"
	secondPath  = "/sign-in/second"
)

// Fields of the page that confirms. What it holds of another form stands beside them, so their names are nobody else's.
const (
	confirmAgain    = "confirm_again" // where the held form goes
	confirmPassword = "confirm_password"
	confirmCode     = "confirm_code"
)

// confirmPage asks who is there, before something that must not be done by whoever finds a desk unattended.
type confirmPage struct {
	Form      form
	Next      string // the page that is asked for after it
	Again     string // or the form that goes on after it, with
	Held      []heldField
	Rehearsal bool // one click is enough
}

// heldField is what was typed into the form that waits.
type heldField struct{ Name, Value string }

// confirm is the page by itself, on the way to another.
func (s *server) confirm(c echo.Context) error {
	return s.showConfirm(c, http.StatusOK, confirmPage{Next: localPath(c.QueryParam("next"))})
}

// holdForm shows the page instead of taking a form, and keeps what was typed.
func (s *server) holdForm(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	return s.showConfirm(c, http.StatusForbidden, confirmPage{Again: c.Request().URL.RequestURI(), Held: held(f)})
}

// held is a form without the fields of the page that confirms.
func held(f form) []heldField {
	var all []heldField
	for name, values := range f.Values {
		if strings.HasPrefix(name, "confirm_") {
			continue
		}
		for _, v := range values {
			all = append(all, heldField{name, v})
		}
	}
	slices.SortStableFunc(all, func(a, b heldField) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (s *server) showConfirm(c echo.Context, status int, p confirmPage) error {
	p.Form.Of = "confirm"
	p.Rehearsal = me(c).Method == account.ByRehearsal
	return s.page(c, status, "confirm", p)
}

// confirmPost takes the factor and goes on. A form that was held is sent once more by the browser: 307 keeps its method and what it says.
func (s *server) confirmPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	token, err := s.Accounts.ConfirmRehearsal(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	s.setSession(c, token)
	if again := f.Get(confirmAgain); again != "" {
		return c.Redirect(http.StatusTemporaryRedirect, localPath(again))
	}
	return c.Redirect(http.StatusSeeOther, localPath(f.Get("confirm_next")))
}
