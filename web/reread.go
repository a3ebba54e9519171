package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// growIdentity adds to what is known of who the client is, without showing what was known before, and leads to the texts that may name her
// now.
func (s *server) growIdentity(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = "grow"
	err = s.Cases.Grow(c.Request().Context(), me(c), id, pseudonym.Growth{Names: f.Get("names"), Further: f.Get("further")})
	if f.wrong(err) {
		return s.showIdentity(c, http.StatusUnprocessableEntity, identityPage{Form: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String()+"/reread", "grown")
}

// GrowForm is the form that adds something: as it came back, or empty.
func (p identityPage) GrowForm() form { return p.formOf("grow") }

// LookForm is the form that asks for a reason: as it came back, or empty.
func (p identityPage) LookForm() form { return p.formOf("identity") }

func (p identityPage) formOf(name string) form { return p.Form.named(name) }

// rereading is what is found in texts that wait to be read again; nil while none do.
func (s *server) rereading(ctx context.Context, by account.Actor, of casefile.Case) (*conference.Rereading, error) {
	if of.Sealed || of.RereadAt == nil {
		return nil, nil
	}
	r, err := s.Conferences.Reread(ctx, by, of.ID)
	return &r, err
}

// rereadPage lists the texts of a case that name its client, as far as is known today who she is.
type rereadPage struct {
	casefile.Case
	conference.Rereading
	Notice string
}

func (s *server) reread(c echo.Context) error { return s.showReread(c, http.StatusOK, "") }

func (s *server) showReread(c echo.Context, status int, notice string) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	r, err := s.Conferences.Reread(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	return s.page(c, status, "reread", rereadPage{of, r, notice})
}

// rereadPost does what one click can do about a text, or says that all is seen to.
func (s *server) rereadPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	said, err := s.remedy(c, id, f)
	var refused *account.RefusedError
	switch {
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showReread(c, http.StatusConflict, refused.Rule)
	case err != nil:
		return err
	case said == "reread_done":
		return s.done(c, "/cases/"+id.String(), said)
	}
	return s.done(c, "/cases/"+id.String()+"/reread", said)
}

func (s *server) remedy(c echo.Context, id uuid.UUID, f form) (said string, err error) {
	ctx, by := c.Request().Context(), me(c)
	switch conference.Remedy(f.Get("act")) {
	case conference.Rewrite:
		return "taken_out", s.Cases.TakeOut(ctx, by, id)
	case conference.Remove:
		return "attachment_removed", s.Cases.RemoveAttachment(ctx, by, id, strictID(f.Get("ref")))
	case conference.Redact:
		if err := s.Conferences.RedactFound(ctx, by, id, f.Get("code")); err != nil {
			return "", err
		}
		if s.purge(ctx) == http.StatusAccepted {
			return "redacted_soon", nil
		}
		return "redacted", nil
	case "done":
		return "reread_done", s.Cases.RereadDone(ctx, by, id)
	}
	return "", &account.InvalidError{Field: "act", Rule: "unknown"}
}
