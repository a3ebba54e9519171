package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// withdrawPage says what a withdrawal will do, in numbers, before it does it.
type withdrawPage struct {
	casefile.Case
	Planned, Live, Past int // conferences
	Waits               bool
}

func (s *server) withdraw(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	if of.Consent == nil {
		return account.Refuse(account.ErrConflict, "no_consent")
	}
	asked, held, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	p := withdrawPage{Case: of, Waits: len(asked) > 0 && asked[0].State == "submitted"}
	for _, v := range held {
		switch {
		case v.State == conference.Live:
			p.Live++
		case v.State.Planned():
			p.Planned++
		case v.State != conference.Cancelled:
			p.Past++
		}
	}
	return s.page(c, http.StatusOK, "withdraw", p)
}

// withdrawPost seals the case, and returns when every room of it is closed.
func (s *server) withdrawPost(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	sealed, err := s.Conferences.Withdraw(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	for _, one := range sealed {
		s.Live.Close(one.String(), "withdrawn")
	}
	return s.done(c, "/cases/"+id.String()+"/receipt", "withdrawn")
}

// receipt tells who had seen what, for the person and the file.
func (s *server) receipt(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	r, err := s.Cases.Receipt(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "receipt", r)
}
