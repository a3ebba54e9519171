package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

func (s *server) move(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "move"
	length, _ := strconv.ParseUint(f.Get("length"), 10, 16) // no number is no length, which the domain refuses
	err = s.Conferences.Move(c.Request().Context(), me(c), code(c),
		readMoment(f.Get("starts"), f.Get("clock")), time.Duration(length)*time.Minute)
	return s.settled(c, err, f, "moved")
}

func (s *server) cancel(c echo.Context) error {
	return s.settled(c, s.Conferences.Cancel(c.Request().Context(), me(c), code(c)), form{}, "cancelled")
}

func (s *server) invite(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "invite"
	ids := make([]uuid.UUID, len(f.Values["experts"]))
	for i, v := range f.Values["experts"] {
		ids[i] = strictID(v)
	}
	return s.settled(c, s.Conferences.Invite(c.Request().Context(), me(c), code(c), ids), f, "invited")
}

func (s *server) uninvite(c echo.Context) error {
	err := s.Conferences.Uninvite(c.Request().Context(), me(c), code(c), strictID(c.FormValue("expert")))
	return s.settled(c, err, form{}, "uninvited")
}

// conferenceAnswer is the answer of an expert who is signed in: the same as by the link of her mail.
func (s *server) conferenceAnswer(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "answer"
	id, err := s.Conferences.OwnInvitation(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	err = s.Conferences.Answer(c.Request().Context(), me(c), id, sequence(f), conference.Answer(f.Get("answer")), f.Get("comment"))
	if err == nil && f.Get("answer") == string(conference.Declined) {
		return s.done(c, "/conferences", "declined") // the conference is not hers any more
	}
	return s.settled(c, err, f, "answered")
}

// declare takes what an expert says about herself and the person before she sees the case, or once she has recognised her.
func (s *server) declare(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "declare"
	d := conference.Declaration(f.Get("declaration"))
	err = s.Conferences.Declare(c.Request().Context(), me(c), code(c), d)
	if err == nil && d.Tie() {
		return s.done(c, "/conferences", "seat_left") // the conference is not hers any more
	}
	return s.settled(c, err, f, "declared")
}

// visible sets from when on experts may read; without a date that is at once.
func (s *server) visible(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "visible"
	return s.settled(c, s.Conferences.ShowFrom(c.Request().Context(), me(c), code(c), visibleIn(f, "visible_from", "clock")), f, "visible")
}

// visibleIn reads from when on experts may read; nil, which is at once, where no date stands. No moment at all is one in the past, which the
// domain refuses.
func visibleIn(f form, date, clock string) *time.Time {
	if f.Get(date) == "" {
		return nil
	}
	from := readMoment(f.Get(date), f.Get(clock))
	return &from
}

// settled answers a form of the conference page: with the page and a receipt, or with the form and what stood against it.
func (s *server) settled(c echo.Context, err error, f form, receipt string) error {
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, at(c, ""), receipt)
	case f.wrong(err):
		return s.showConference(c, http.StatusUnprocessableEntity, conferencePage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showConference(c, http.StatusConflict, conferencePage{Form: f, Notice: refused.Rule})
	}
	return err
}

// sequence is the date that an answer is for. What is no number is for no date that ever was.
func sequence(f form) int {
	n, err := strconv.ParseUint(f.Get("sequence"), 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// strictID reads an id as the server writes it; anything else is nobody's.
func strictID(typed string) uuid.UUID {
	id, err := uuid.Parse(typed)
	if err != nil || id.String() != typed {
		return uuid.Nil
	}
	return id
}
