package web

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// clientPage is the client's own page: what she has agreed to, what was agreed for her, and the way to withdraw. It is for anyone
// with the link on her sheet; nothing counts or records that somebody looks.
type clientPage struct {
	conference.ClientView
	State casefile.ConsentState
	Names casefile.ConsentNames
	Link  string
	Form  form
}

// CanWithdraw says that there is something to withdraw.
func (p clientPage) CanWithdraw() bool {
	return p.State == casefile.Granted || p.State == casefile.Narrowed || p.State == casefile.Expired
}

// CanNarrow says that there is something to take out.
func (p clientPage) CanNarrow() bool {
	return p.State == casefile.Granted || p.State == casefile.Narrowed
}

// Kept says of a value of the form that it is to stay: everything does until she has taken something out.
func (p clientPage) Kept(field string, value any) bool {
	return p.NarrowForm().Field == "" || p.Form.Has(field, fmt.Sprint(value))
}

// NarrowForm and SureForm are the two forms of the page: whichever came back has its fault, the other none.
func (p clientPage) NarrowForm() form {
	if p.Form.Field == "sure" {
		return form{Of: p.Form.Of}
	}
	return p.Form
}

// SureForm is the one that withdraws.
func (p clientPage) SureForm() form {
	if p.Form.Field != "sure" {
		return form{Of: p.Form.Of}
	}
	return p.Form
}

func (s *server) client(c echo.Context) error { return s.showClient(c, http.StatusOK, form{}) }

func (s *server) showClient(c echo.Context, status int, f form) error {
	v, err := s.Conferences.ClientPage(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	f.Of = "client"
	p := clientPage{ClientView: v, State: v.Consent.State(s.Now()), Link: "/client/" + c.Param("token"), Form: f}
	if p.Names, err = s.Cases.Names(c.Request().Context(), *v.Consent); err != nil {
		return err
	}
	return s.page(c, status, "client", p)
}

// clientPost withdraws, and returns when every room of the case is closed.
func (s *server) clientPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if !f.Has("sure", "yes") {
		f.wrong(&account.InvalidError{Field: "sure", Rule: "required"})
		return s.showClient(c, http.StatusUnprocessableEntity, f)
	}
	sealed, err := s.Conferences.WithdrawByLink(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	s.closeRooms(sealed)
	return c.Redirect(http.StatusSeeOther, "/client/"+c.Param("token")) // no cookie: nothing follows her
}

// clientNarrow takes out of the consent what the client has ticked off.
func (s *server) clientNarrow(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	keep := consentOf(f)
	keep.Releases = nil
	for _, id := range idsIn(f, "releases") {
		keep.Releases = append(keep.Releases, casefile.SecrecyRelease{ID: id})
	}
	err = s.Conferences.NarrowByLink(c.Request().Context(), c.Param("token"), keep)
	if f.wrong(err) {
		return s.showClient(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/client/"+c.Param("token")+"#agreed")
}
