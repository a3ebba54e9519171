package web

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// The outbox shows the mails of evaluation mode, which never leave the machine. There is no such page on a real server.

// outboxShows is how many mails the list goes back.
const outboxShows = 200

type outboxPage struct {
	Mails []mail.Item
	Mail  *mail.Item   // the one that is open
	Event *ical.Object // what its calendar part says
}

// Open says whether the mail with that id is the one that is open.
func (p outboxPage) Open(id uuid.UUID) bool { return p.Mail != nil && p.Mail.ID == id }

// Source is the calendar part as text, long lines put together again. RFC 5545 §3.1.
func (p outboxPage) Source() string {
	return strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\r\n", "\n").Replace(string(p.Mail.Calendar))
}

func (s *server) outbox(c echo.Context) error {
	mails, err := s.Mails.Outbox(c.Request().Context(), outboxShows)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "outbox", outboxPage{Mails: mails})
}

func (s *server) outboxMail(c echo.Context) error {
	one, err := s.kept(c)
	if err != nil {
		return err
	}
	p := outboxPage{Mail: &one}
	if len(one.Calendar) > 0 {
		if p.Event, err = ical.Parse(one.Calendar); err != nil {
			return err
		}
	}
	if p.Mails, err = s.Mails.Outbox(c.Request().Context(), outboxShows); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "outbox", p)
}

func (s *server) outboxCalendar(c echo.Context) error {
	one, err := s.kept(c)
	if err != nil {
		return err
	}
	if len(one.Calendar) == 0 {
		return account.ErrNotFound
	}
	return calendar(c, one.Conference, one.Method, one.Calendar)
}

func (s *server) kept(c echo.Context) (mail.Item, error) {
	id := strictID(c.Param("id"))
	if id == uuid.Nil {
		return mail.Item{}, account.ErrNotFound
	}
	one, err := s.Mails.Item(c.Request().Context(), id)
	if errors.Is(err, mail.ErrNotFound) {
		err = account.ErrNotFound
	}
	return one, err
}

// span is a piece of text, or an address in it.
type span struct{ Text, URL string }

var address = regexp.MustCompile(`https?://[^\s<>"]+`)

// linked splits a plain text at the addresses in it, so that a page can make them links.
func linked(text string) []span {
	var parts []span
	last := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		parts = append(parts, span{Text: text[last:at[0]]}, span{text[at[0]:at[1]], text[at[0]:at[1]]})
		last = at[1]
	}
	return append(parts, span{Text: text[last:]})
}
