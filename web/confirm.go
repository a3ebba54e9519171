package web

import (
	"errors"
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
	Factors   account.Factors
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

func (s *server) showConfirm(c echo.Context, status int, p confirmPage) (err error) {
	p.Form.Of = "confirm"
	p.Rehearsal = me(c).Method == account.ByRehearsal
	if p.Factors, err = s.Accounts.Factors(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.page(c, status, "confirm", p)
}

// confirmPost takes the factor and goes on. A form that was held is sent once more by the browser: 307 keeps its method and what it says.
func (s *server) confirmPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	k, err := s.shown(c, f)
	if f.wrong(err) {
		p := confirmPage{Form: f, Next: localPath(f.Get("confirm_next"))}
		if f.Get(confirmAgain) != "" {
			p.Again, p.Held = localPath(f.Get(confirmAgain)), held(f)
		}
		return s.showConfirm(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	s.keepKeys(c, k)
	if again := f.Get(confirmAgain); again != "" {
		return c.Redirect(http.StatusTemporaryRedirect, localPath(again))
	}
	return c.Redirect(http.StatusSeeOther, localPath(f.Get("confirm_next")))
}

// shown takes what somebody shows of herself: nothing in the rehearsal, else password and code. Passkeys are shown to answerPasskey.
func (s *server) shown(c echo.Context, f form) (account.Keys, error) {
	if me(c).Method == account.ByRehearsal {
		return s.Accounts.ConfirmRehearsal(c.Request().Context(), me(c))
	}
	k, err := s.Accounts.Confirm(c.Request().Context(), me(c), f.Get(confirmPassword), f.Get(confirmCode), s.browserToken(c))
	var wrong *account.InvalidError
	if errors.As(err, &wrong) {
		return k, &account.InvalidError{Field: "confirm_" + wrong.Field, Rule: wrong.Rule}
	}
	return k, err
}
