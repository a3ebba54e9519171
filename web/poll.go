package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// pollFields are those of the form that starts a poll: the question of the dates page with the dates that are ticked.
func pollFields() string {
	return "wish* optional* length weeks land options* deadline until " + whoFields()
}

// whoFields are those that name a certain expert of a discipline.
func whoFields() string {
	names := make([]string, len(expertpool.Disciplines))
	for i, d := range expertpool.Disciplines {
		names[i] = "who_" + d
	}
	return strings.Join(names, " ")
}

// ticked are how many dates a poll begins with, if nobody chooses.
const ticked = 4

// offerPoll fills in what a poll would ask for: the best dates that are not too near, on different days where that gives enough.
func (p *datesPage) offerPoll(now time.Time, typed form) {
	urgent := p.Urgency == "urgent"
	p.Poll = typed
	p.Poll.Of = "poll"
	for _, o := range p.Offers {
		if !o.Start.Before(conference.EarliestPolled(now, urgent)) {
			p.Pollable = append(p.Pollable, o)
		}
	}
	if !slices.ContainsFunc(p.Pollable, func(o conference.Offer) bool { return !o.Certain }) {
		p.Pollable = nil // all is known: nobody need be asked
	}
	if typed.Values != nil || len(p.Pollable) == 0 {
		return
	}
	p.Poll.Values = map[string][]string{}
	days := map[time.Time]bool{}
	for _, sameDay := range []bool{false, true} {
		for _, o := range p.Pollable {
			at, day := o.Start.UTC().Format(time.RFC3339), expertpool.Today(o.Start)
			if chosen := p.Poll.Values["options"]; len(chosen) >= ticked || sameDay && len(chosen) > 2 || days[day] != sameDay || slices.Contains(chosen, at) {
				continue
			}
			days[day] = true
			p.Poll.Values["options"] = append(p.Poll.Values["options"], at)
		}
	}
	first := slices.Min(p.Poll.Values["options"]) // in UTC, so that the earliest is the least
	begins, _ := time.Parse(time.RFC3339, first)
	due := conference.PollDeadline(now, begins, urgent, p.search().Land).In(expertpool.Zone())
	p.Poll.Values["deadline"], p.Poll.Values["until"] = []string{due.Format(time.DateOnly)}, []string{due.Format("15:04")}
}

// polled tells whether people are asked for dates of a request, or were.
func (s *server) polled(ctx context.Context, by account.Actor, request uuid.UUID) (bool, error) {
	_, err := s.Conferences.Poll(ctx, by, request)
	if errors.Is(err, account.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// startPoll asks for the dates that are ticked on the dates page.
func (s *server) startPoll(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	search := (&datesPage{query: f.Values}).search()
	search.At = time.Time{}
	d := conference.PollDraft{DateSearch: search, Deadline: readMoment(f.Get("deadline"), f.Get("until"))}
	for _, typed := range f.Values["options"] {
		at, _ := time.Parse(time.RFC3339, typed) // the zero time is refused, with the name of the field
		d.Options = append(d.Options, at)
	}
	_, err = s.Conferences.StartPoll(c.Request().Context(), me(c), id, d)
	if f.wrong(err) {
		return s.showDates(c, http.StatusUnprocessableEntity, id, questionOf(f.Values), f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String()+"/poll", "poll_started")
}

// questionOf leaves of a form what the dates page was asked.
func questionOf(v url.Values) url.Values {
	q := url.Values{}
	for name, values := range v {
		if name != "options" && name != "deadline" && name != "until" {
			q[name] = values
		}
	}
	return q
}

// pollPage is a poll as the coordination sees it.
type pollPage struct {
	conference.Poll
	Request  conference.Request
	Ranked   []poll.Standing // the best first
	Waits    []poll.Voice
	Now      time.Time
	Form     form
	Notice   string
	Extended form
}

// Ends is when an option is over.
func (p pollPage) Ends(o poll.Standing) time.Time { return o.Start.Add(p.Length) }

// Left is how much time there is until the deadline.
func (p pollPage) Left() string { return waited(p.Deadline.Sub(p.Now)) }

// Of is what counts for somebody at an option.
func (p pollPage) Of(v poll.Voice, o poll.Standing) poll.Vote { return v.At(o.ID) }

// Source says where a vote comes from, if not from an answer: taken, or one of poll.Sources.
func (p pollPage) Source(v poll.Voice, o poll.Standing) string {
	if _, taken := v.Taken[o.ID]; taken {
		return "taken"
	}
	return string(v.Votes[o.ID].Source)
}

// unasked says why somebody has not been asked; nothing of one who was, or who has answered without.
func (s *server) unasked(v poll.Voice) string {
	var from []string
	for _, source := range v.KnownFrom() {
		from = append(from, s.words.t("poll.source.", source))
	}
	if len(from) == 0 {
		return ""
	}
	return s.words.f("poll.unasked", strings.Join(from, ", "))
}

// Others are those who would rather keep another date.
func (p pollPage) Others() []poll.Voice {
	return slices.DeleteFunc(slices.Clone(p.Voices), func(v poll.Voice) bool { return v.Other == nil })
}

// There tells whether a date that somebody would rather keep is put to all already.
func (p pollPage) There(at time.Time) bool {
	return slices.ContainsFunc(p.Options, func(o poll.Option) bool { return o.Start.Equal(at) })
}

func (s *server) poll(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.showPoll(c, http.StatusOK, id, form{}, "")
}

func (s *server) showPoll(c echo.Context, status int, request uuid.UUID, f form, notice string) error {
	ctx, by := c.Request().Context(), me(c)
	p := pollPage{Form: f.named("poll_add"), Extended: f.named("poll_extend"), Notice: notice, Now: s.Now()}
	var err error
	if p.Request, err = s.Conferences.Request(ctx, by, request); err != nil {
		return err
	}
	if p.Poll, err = s.Conferences.Poll(ctx, by, request); err != nil {
		return err
	}
	p.Ranked, p.Waits = p.Poll.Ranking(p.Now), p.Poll.Waiting()
	if p.Extended.Values == nil {
		due := p.Deadline.In(expertpool.Zone())
		p.Extended.Values = map[string][]string{"deadline": {due.Format(time.DateOnly)}, "until": {due.Format("15:04")}}
	}
	return s.page(c, status, "poll", p)
}

// pollPost does what the coordination decides about a poll.
func (s *server) pollPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = "poll_" + f.Get("act")
	to, err := s.decidePoll(c.Request().Context(), me(c), id, f)
	var refused *account.RefusedError
	switch {
	case err == nil && to != "":
		return s.done(c, to, "convened")
	case err == nil:
		return s.done(c, "/requests/"+id.String()+"/poll", "poll_"+f.Get("act"))
	case f.wrong(err):
		return s.showPoll(c, http.StatusUnprocessableEntity, id, f, "")
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showPoll(c, http.StatusConflict, id, form{}, refused.Rule)
	}
	return err
}

// decidePoll returns where to go on, if not to the poll.
func (s *server) decidePoll(ctx context.Context, by account.Actor, id uuid.UUID, f form) (string, error) {
	option := strictID(f.Get("option"))
	switch f.Get("act") {
	case "confirm":
		code, err := s.Conferences.ConfirmOption(ctx, by, id, option)
		return "/conferences/" + code, err
	case "hold":
		return "", s.Conferences.HoldOption(ctx, by, id, option)
	case "release":
		return "", s.Conferences.ReleaseHold(ctx, by, id)
	case "remind":
		return "", s.Conferences.RemindPoll(ctx, by, id)
	case "extend":
		return "", s.Conferences.ExtendPoll(ctx, by, id, readMoment(f.Get("deadline"), f.Get("until")))
	case "add":
		return "", s.Conferences.AddOption(ctx, by, id, readMoment(f.Get("other"), f.Get("clock")))
	case "close":
		return "", s.Conferences.ClosePoll(ctx, by, id)
	}
	return "", account.ErrNotFound
}

// pollTasks are the polls that wait for somebody: for an answer, or for the coordination to decide.
func (s *server) pollTasks(ctx context.Context, by account.Actor) ([]task, error) {
	asks, err := s.Conferences.PollAsks(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, a := range asks {
		tasks = append(tasks, task{
			Clock: waited(a.Deadline.Sub(s.Now())), ClockNote: s.words.t("today.poll.left"), Title: s.words.f("today.poll.ask", a.Code),
			More: s.words.f("today.poll.ask.more", len(a.Choices)), URL: "/polls/" + a.ID.String(), Act: s.words.t("today.poll.ask.act"),
		})
	}
	found, err := s.Conferences.PollsToDecide(ctx, by)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		tasks = append(tasks, s.pollTask(p))
	}
	return tasks, nil
}

func (s *server) pollTask(p conference.Poll) task {
	t := task{
		Clock: waited(s.Now().Sub(p.StartedAt)), ClockNote: s.words.t("today.poll.since"), Late: !s.Now().Before(p.Deadline),
		Title: s.words.f("today.poll.over", p.Code), More: s.words.t("today.poll.over.more"),
		URL: "/requests/" + p.RequestID.String() + "/poll", Act: s.words.t("today.poll.act"),
	}
	switch held := p.Held(); {
	case held != nil:
		t.Clock, t.ClockNote = waited(held.HeldUntil.Sub(s.Now())), s.words.t("today.poll.held.left")
		t.Title, t.More = s.words.f("today.poll.held", p.Code), conference.When(held.Start, held.Start.Add(p.Length))
	case p.AnsweredAt != nil:
		t.Title, t.More = s.words.f("today.poll.answered", p.Code), s.words.t("today.poll.answered.more")
	}
	return t
}
