package web

import (
	"net/http"
	"slices"

	"github.com/google/uuid"
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
		return refusedNoConsent()
	}
	asked, held, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	p := withdrawPage{Case: of, Waits: slices.ContainsFunc(asked, conference.Request.Waits)}
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
	s.closeRooms(sealed)
	return s.done(c, "/cases/"+id.String()+"/receipt", "withdrawn")
}

// closeRooms ends live conferences whose case is sealed, for everybody in them.
func (s *server) closeRooms(sealed []uuid.UUID) {
	for _, one := range sealed {
		s.Live.Close(one.String(), "withdrawn")
	}
}

func refusedNoConsent() error { return account.Refuse(account.ErrConflict, "no_consent") }

// letters are what those are told who had seen something, one page for each (GDPR Art. 19).
func (s *server) letters(c echo.Context) error { return s.showReceipt(c, "letters") }

// receipt tells who had seen what, for the person and the file.
func (s *server) receipt(c echo.Context) error { return s.showReceipt(c, "receipt") }

func (s *server) showReceipt(c echo.Context, page string) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	var p receiptPage
	if p.Receipt, err = s.Cases.Receipt(ctx, by, id); err != nil {
		return err
	}
	if p.Passed, err = s.Conferences.Passed(ctx, by, id); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, page, p)
}
