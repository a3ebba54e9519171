package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// votePage is what a poll asks one person. It knows a code and dates, no case and nobody else.
type votePage struct {
	conference.PollAsk
	Form   form
	Notice string
	Link   string
}

// Minutes is how long the conference takes.
func (p votePage) Minutes() int { return int(p.Length.Minutes()) }

// Chosen tells whether a vote is the one that a date has: in the form that came back, or so far.
func (p votePage) Chosen(i int, vote string) bool {
	if typed, there := p.Form.Values["vote"+strconv.Itoa(i)]; there {
		return typed[0] == vote
	}
	return string(p.Choices[i].Vote) == vote
}

// voter tells who answers and for which voice: by the link of a mail, or signed in.
func (s *server) voter(c echo.Context) (account.Actor, uuid.UUID, error) {
	if token := c.Param("token"); token != "" {
		return s.Accounts.Follow(c.Request().Context(), token, account.ForPoll)
	}
	id, err := paramID(c, "id")
	return me(c), id, err
}

func (s *server) vote(c echo.Context) error {
	by, id, err := s.voter(c)
	if err != nil {
		return err
	}
	return s.showVote(c, http.StatusOK, by, id, form{}, "")
}

func (s *server) showVote(c echo.Context, status int, by account.Actor, id uuid.UUID, f form, notice string) error {
	a, err := s.Conferences.Polled(c.Request().Context(), by, id)
	if err != nil {
		return err
	}
	p := votePage{PollAsk: a, Form: f, Notice: notice, Link: c.Request().URL.Path}
	if p.Shut != "" {
		status, p.Notice = http.StatusConflict, ""
	}
	if p.Form.Values == nil {
		p.Form = fill("note", a.Note)
		if a.Other != nil {
			p.Form.Values["other"], p.Form.Values["clock"] = []string{a.Other.In(expertpool.Zone()).Format(time.DateOnly)}, []string{a.Other.In(expertpool.Zone()).Format("15:04")}
		}
	}
	p.Form.Of = "vote"
	return s.page(c, status, "vote", p)
}

// votePost keeps an answer. A browser that comes by a link stays nobody.
func (s *server) votePost(c echo.Context) error {
	by, id, err := s.voter(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Conferences.AnswerPoll(c.Request().Context(), by, id, ballotIn(f))
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, c.Request().URL.Path, "poll_vote")
	case f.wrong(err):
		return s.showVote(c, http.StatusUnprocessableEntity, by, id, f, "")
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showVote(c, http.StatusConflict, by, id, f, refused.Rule)
	}
	return err
}

// ballotIn reads what is said to each date: option0 and vote0 belong together. Half a moment is no moment, which the domain refuses.
func ballotIn(f form) conference.Ballot {
	b := conference.Ballot{Votes: map[uuid.UUID]poll.Vote{}, Note: f.Get("note")}
	for i := range 100 {
		n := strconv.Itoa(i)
		if f.Get("option"+n) == "" {
			break
		}
		b.Votes[strictID(f.Get("option"+n))] = poll.Vote(f.Get("vote" + n))
	}
	if f.Get("other") != "" || f.Get("clock") != "" {
		at := readMoment(f.Get("other"), f.Get("clock"))
		b.Other = &at
	}
	return b
}
