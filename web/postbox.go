package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

// postbox shows the mail that came in and that nobody could follow.
func (s *server) postbox(c echo.Context) error {
	found, err := s.Conferences.Postbox(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "postbox", found)
}

func (s *server) settleLetter(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Conferences.SettleLetter(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/network/mail", "letter_settled")
}

func (s *server) adoptSender(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Conferences.AdoptSender(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/network/mail", "sender_adopted")
}

// letterTasks tells the coordination that mail waits.
func (s *server) letterTasks(ctx context.Context, by account.Actor) ([]task, error) {
	n, err := s.Conferences.PostboxCount(ctx, by)
	if err != nil || n == 0 {
		return nil, err
	}
	return []task{{
		Title: s.count("letters", n), More: s.words.t("postbox.what"), URL: "/network/mail", Act: s.words.t("postbox.act"),
	}}, nil
}

// proposeDate keeps an expert's wish for another date, given on the page behind her link.
func (s *server) proposeDate(c echo.Context, by account.Actor, a conference.Asked, f form) error {
	return s.Conferences.ProposeDate(c.Request().Context(), by, a.ID, sequence(f), readMoment(f.Get("starts"), f.Get("clock")), f.Get("comment"))
}

func (s *server) refuseProposal(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.settled(c, s.Conferences.RefuseProposal(c.Request().Context(), me(c), code(c), id), form{}, "proposal_refused")
}

// Back is the word for why a mail came back. RFC 3463 §3
func (p conferencePage) Back(status string) string {
	switch {
	case strings.HasPrefix(status, "5.1."):
		return "address"
	case status == "5.2.2":
		return "full"
	}
	return "refused"
}
