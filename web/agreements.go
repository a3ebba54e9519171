package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// agreementLine is a cooperation agreement in the list.
type agreementLine struct {
	expertpool.Agreement
	State    string // running, ending, ended
	DaysLeft int
	Fading   expertpool.Fade
}

func (s *server) agreementLine(a expertpool.Agreement) agreementLine {
	now := s.Now()
	return agreementLine{a, a.State(now), a.DaysLeft(now), a.Fade(now)}
}

// agreementsPage lists the agreements of the network.
type agreementsPage struct {
	Lines []agreementLine
	Keeps bool // by who looks
}

func (s *server) agreements(c echo.Context) error {
	found, err := s.Pool.Agreements(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	p := agreementsPage{Keeps: me(c).May(account.KeepAgreements)}
	for _, a := range found {
		p.Lines = append(p.Lines, s.agreementLine(a))
	}
	return s.page(c, http.StatusOK, "agreements", p)
}

// agreementPage is one agreement, or the form for another.
type agreementPage struct {
	agreementLine
	Keeps  bool // by who looks
	Houses []expertpool.Organisation
	Form   form
	Notice string

	Document *expertpool.AgreementDocument // for those who keep agreements, where there is one
	Upload   form
}

// agreement shows one agreement, or with "new" the form for another.
func (s *server) agreement(c echo.Context) error {
	return s.showAgreement(c, http.StatusOK, agreementPage{})
}

func (s *server) showAgreement(c echo.Context, status int, p agreementPage) (err error) {
	ctx, by := c.Request().Context(), me(c)
	p.Keeps = by.May(account.KeepAgreements)
	if c.Param("id") == "new" {
		if !p.Keeps {
			return account.ErrNotFound
		}
	} else {
		id, err := paramID(c, "id")
		if err != nil {
			return err
		}
		a, err := s.Pool.Agreement(ctx, by, id)
		if err != nil {
			return err
		}
		p.agreementLine = s.agreementLine(a)
		if p.Document, err = s.documentFor(c, id); err != nil {
			return err
		}
	}
	if p.Form.Values == nil {
		p.Form = fill("partner", p.Partner, "signed_on", dateOrNone(p.SignedOn), "valid_until", dateOrNone(p.ValidUntil), "contact", p.Contact,
			"contact_email", p.ContactEmail, "contact_phone", p.ContactPhone, "contingent", p.Contingent, "reference", p.Reference)
	}
	p.Form.Of, p.Upload.Of = "agreement", "agreement_document"
	if p.Houses, err = s.Pool.Organisations(ctx, by); err != nil {
		return err
	}
	return s.page(c, status, "agreement", p)
}

// dateOrNone is a date as <input type="date"> takes it, empty where there is none.
func dateOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// agreementPost does the one thing that the field act names.
func (s *server) agreementPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id := uuid.Nil
	if c.Param("id") != "new" {
		if id, err = paramID(c, "id"); err != nil {
			return err
		}
	}
	ctx, by := c.Request().Context(), me(c)
	switch act := f.Get("act"); {
	case act == "keep":
		id, err = s.Pool.KeepAgreement(ctx, by, expertpool.Agreement{
			ID: id, Partner: f.Get("partner"), SignedOn: readDate(f.Get("signed_on")), ValidUntil: readDate(f.Get("valid_until")), Contact: f.Get("contact"),
			ContactEmail: f.Get("contact_email"), ContactPhone: f.Get("contact_phone"), Contingent: f.Get("contingent"), Reference: f.Get("reference"),
		})
	case act == "right" && id != uuid.Nil:
		err = s.Pool.ConfirmAgreement(ctx, by, id)
	case act == "end" && id != uuid.Nil:
		err = s.Pool.EndAgreement(ctx, by, id)
	default:
		return account.ErrNotFound
	}
	switch {
	case err == nil:
		return s.done(c, "/network/agreements/"+id.String(), "agreement")
	case f.wrong(err):
		return s.showAgreement(c, http.StatusUnprocessableEntity, agreementPage{Form: f})
	}
	return s.agreementRefused(c, err)
}

// agreementRefused shows the agreement with the reason why something no longer goes; every other error stays one.
func (s *server) agreementRefused(c echo.Context, err error) error {
	var refused *account.RefusedError
	if errors.Is(err, account.ErrConflict) && errors.As(err, &refused) {
		return s.showAgreement(c, http.StatusConflict, agreementPage{Notice: refused.Rule})
	}
	return err
}
