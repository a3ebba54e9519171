package web

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

// minutesPage is the minutes as a sheet, and while they are a draft the form to write them.
type minutesPage struct {
	conference.Minutes
	View   conference.View
	Form   form
	Notice string
}

// Fingerprint is the SHA-256 of approved minutes in groups of eight, as one reads it aloud.
func (p minutesPage) Fingerprint() string {
	sum := hex.EncodeToString(p.SHA256)
	var groups []string
	for ; len(sum) >= 8; sum = sum[8:] {
		groups = append(groups, sum[:8])
	}
	return strings.Join(groups, " ")
}

// DueOn reads the date of an item of the minutes, which are kept as text.
func (p minutesPage) DueOn(i conference.MinuteItem) time.Time { return readDate(i.DueOn) }

func (s *server) minutes(c echo.Context) error {
	return s.showMinutes(c, http.StatusOK, minutesPage{})
}

// minutesFile hands approved minutes out as a file that can be checked without this server.
func (s *server) minutesFile(c echo.Context) error {
	file, err := s.Conferences.MinutesFile(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+minutesFileName(code(c))+`"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, file)
}

func minutesFileName(code string) string { return "konsil-" + code + ".json" }

// FileName is what the file of these minutes is called where somebody saves it.
func (p minutesPage) FileName() string { return minutesFileName(p.Body.Code) }

func (s *server) showMinutes(c echo.Context, status int, p minutesPage) error {
	var err error
	if p.Minutes, p.View, err = s.Conferences.Minutes(c.Request().Context(), me(c), code(c)); err != nil {
		return err
	}
	if _, typed := p.Form.Values["decisions"]; !typed {
		p.Form.Values = fill("decisions", p.Body.Decisions, "words", p.Form.Get("words")).Values
	}
	p.Form.Of = "minutes"
	return s.page(c, status, "minutes", p)
}

// addendum takes what somebody had typed and the note did not take any more. The live page sends it, after its end, and
// stays: it has no other place for what is refused.
func (s *server) addendum(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if err := s.Conferences.Append(c.Request().Context(), me(c), code(c), f.Get("section"), f.Get("text")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) minutesPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Conferences.Minute(c.Request().Context(), me(c), code(c), f.Get("decisions"))
	return s.minuted(c, err, f, "minutes")
}

// approve locks the minutes with the decisions as they stand in the form: nobody approves a text that she does not see.
func (s *server) approve(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := formOf(c)
	if err != nil {
		return err
	}
	v, err := s.Conferences.ByCode(ctx, me(c), code(c))
	if err != nil {
		return err
	}
	if _, typed := f.Values["decisions"]; typed {
		if err := s.Conferences.Minute(ctx, me(c), code(c), f.Get("decisions")); err != nil {
			return s.minuted(c, err, f, "")
		}
	}
	if v.CanApprove() { // a server that was killed after the end may not have written the last texts
		if err := s.Live.Flush(ctx, v.ID.String()); err != nil {
			return err
		}
	}
	return s.minuted(c, s.Conferences.Approve(ctx, me(c), code(c), f.Get("because")), f, "approved")
}

// minuted answers a form of the minutes: with the minutes and a receipt, or with what stood against it.
func (s *server) minuted(c echo.Context, err error, f form, receipt string) error {
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, at(c, "/minutes"), receipt)
	case f.wrong(err):
		return s.showMinutes(c, http.StatusUnprocessableEntity, minutesPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showMinutes(c, http.StatusConflict, minutesPage{Form: f, Notice: refused.Rule})
	}
	return err
}
