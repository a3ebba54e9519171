package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// task is a line of what waits for somebody: how long or when, what, and where to do it.
type task struct {
	Clock, ClockNote string
	Late             bool
	Title, More      string
	Tag              []any // for the template "state"
	URL, Act         string
	Main             bool // the one to begin with
}

// meeting is a conference on the arc of the next days.
type meeting struct {
	conference.View
	Step    string // done, now, next
	Answers string
}

type todayPage struct {
	Tasks  []task
	Today  []meeting
	Coming []meeting
}

// waitingFor is "Heute": each role finds here what waits for it, with the way to do it.
func (s *server) waitingFor(c echo.Context) error {
	ctx, by := c.Request().Context(), me(c)
	var p todayPage
	for _, find := range []func(context.Context, account.Actor) ([]task, error){
		s.requestTasks, s.pollTasks, s.letterTasks, s.gapTasks, s.askTasks, s.opinionTasks, s.informationTasks, s.caseTasks, s.revealTasks, s.shakyTasks, s.minutesTasks, s.measureTasks, s.poolTasks,
	} {
		found, err := find(ctx, by)
		if err != nil {
			return err
		}
		p.Tasks = append(p.Tasks, found...)
	}
	markMain(p.Tasks)
	if err := s.meetings(ctx, by, &p); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "today", p)
}

// markMain marks where to begin: what is late first, or else what stands first.
func markMain(of []task) {
	if len(of) == 0 {
		return
	}
	first := max(0, slices.IndexFunc(of, func(t task) bool { return t.Late }))
	of[first].Main = true
}

// requestTasks are the requests that wait for a coordinator.
func (s *server) requestTasks(ctx context.Context, by account.Actor) ([]task, error) {
	if !by.May(account.DecideRequests) {
		return nil, nil
	}
	found, err := s.Conferences.Requests(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, r := range found {
		if r.State != "submitted" {
			break // the waiting ones come first
		}
		if r.TakenBy != uuid.Nil && r.TakenBy != by.ID {
			continue // a colleague's
		}
		t := task{
			Clock: waited(r.Waited(s.Now())), ClockNote: s.limit(r), Late: r.Late(s.Now()),
			Title: r.Question, More: s.words.f(requestWords(r), r.OrganisationName, r.CasePseudonym, s.names("discipline", r.Disciplines)),
			URL: "/requests/" + r.ID.String(), Act: s.words.t("today.request.act"),
		}
		if r.Urgency == "urgent" {
			t.Tag = []any{"urgency", "urgent"}
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// askTasks are the invitations that somebody has not answered for good.
func (s *server) askTasks(ctx context.Context, by account.Actor) ([]task, error) {
	if !by.May(account.TakePart) {
		return nil, nil
	}
	found, err := s.Conferences.Asks(ctx, by)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, 0, len(found))
	for _, a := range found {
		if a.Written {
			tasks = append(tasks, task{
				Clock: shortDay(a.EndsAt), ClockNote: s.words.t("today.opinion.until"), Title: s.words.t("opinion.ask"), More: s.words.f("today.ask.more", a.Code),
				Tag: []any{"answer", a.Answer}, URL: "/conferences/" + a.Code, Act: s.words.t("today.ask.act"),
			})
			continue
		}
		tasks = append(tasks, task{
			Clock: a.StartsAt.In(expertpool.Zone()).Format("15:04"), ClockNote: shortDay(a.StartsAt),
			Title: s.words.f("today.ask", conference.When(a.StartsAt, a.EndsAt)), More: s.words.f("today.ask.more", a.Code),
			Tag: []any{"answer", a.Answer}, URL: "/conferences/" + a.Code, Act: s.words.t("today.ask.act"),
		})
	}
	return tasks, nil
}

// caseTasks are the cases that wait for this caseworker: to be checked, for a release by somebody other than the author, for a
// consent.
func (s *server) caseTasks(ctx context.Context, by account.Actor) ([]task, error) {
	if !by.May(account.KeepCases) {
		return nil, nil
	}
	found, err := s.Cases.List(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, f := range found {
		if todo := f.Todo(by.ID, s.Now()); len(todo) > 0 {
			tasks = append(tasks, s.caseTask(f, todo))
		}
	}
	return tasks, nil
}

func (s *server) caseTask(f casefile.Case, todo []string) task {
	t := task{
		Clock: waited(s.Now().Sub(f.CreatedAt)), ClockNote: s.words.t("today.case.since"), Title: s.words.f("today.case."+todo[0], f.Pseudonym),
		More: s.words.t("today.case.", todo[0], ".more"), URL: "/cases/" + f.ID.String(), Act: s.words.t("today.case.act"),
	}
	if len(todo) > 1 {
		t.More = s.words.t("today.case.both")
	}
	return t
}

// informationTasks are what rounds, or the coordination, miss in cases of the caseworker's organisation. The questions stand on the pages of
// their conferences, behind the consent, and of their requests.
func (s *server) informationTasks(ctx context.Context, by account.Actor) ([]task, error) {
	found, err := s.Conferences.InformationWaiting(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, i := range found {
		t := task{
			Clock: shortDay(i.DueOn), ClockNote: s.words.t("today.information.until"), Late: i.Overdue(s.Now()),
			Title: s.words.f("today.information", i.Code), More: s.words.f("today.information.more", i.AskedBy),
			URL: "/conferences/" + i.Code + "#information", Act: s.words.t("today.information.act"),
		}
		if i.Request != uuid.Nil {
			t.Title, t.URL = s.words.f("today.inquiry", i.Code), "/requests/"+i.Request.String()+"#inquiry"
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// minutesTasks are the drafts that a coordinator has to approve.
func (s *server) minutesTasks(ctx context.Context, by account.Actor) ([]task, error) {
	if !by.May(account.Convene) {
		return nil, nil
	}
	found, err := s.Conferences.Drafts(ctx, by)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, 0, len(found))
	for _, v := range found {
		tasks = append(tasks, task{
			Clock: waited(s.Now().Sub(*v.EndedAt)), ClockNote: s.words.t("today.minutes.since"),
			Title: s.words.f("today.minutes", v.Code), More: s.words.f("today.minutes.more", conference.Day(v.StartsAt)),
			URL: "/conferences/" + v.Code + "/minutes", Act: s.words.t("today.minutes.act"),
		})
	}
	return tasks, nil
}

// shakyTasks are conferences to come whose round has to be looked at.
func (s *server) shakyTasks(ctx context.Context, by account.Actor) ([]task, error) {
	found, err := s.Conferences.Shaky(ctx, by)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, 0, len(found))
	for _, v := range found {
		tasks = append(tasks, task{
			Clock: v.StartsAt.In(expertpool.Zone()).Format("15:04"), ClockNote: shortDay(v.StartsAt),
			Title: s.words.f("today.shaky", v.Code), More: s.words.t("today.shaky.more"),
			URL: "/conferences/" + v.Code + "#round", Act: s.words.t("today.shaky.act"),
		})
	}
	return tasks, nil
}

// measureTasks say that measures wait, not which: what was agreed is on the page of measures only.
func (s *server) measureTasks(ctx context.Context, by account.Actor) ([]task, error) {
	w, err := s.Plans.Waiting(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, one := range []struct {
		n   int
		key string
	}{{w.Proposed, "proposed"}, {w.Overdue, "overdue"}, {w.Network, "network"}} {
		if one.n == 0 {
			continue
		}
		key := "today.measures." + one.key
		tasks = append(tasks, task{
			Clock: strconv.Itoa(one.n), ClockNote: s.words.t(key, ".note"), Late: one.key == "overdue",
			Title: s.words.t(key), More: s.words.t(key, ".more"), URL: "/plan", Act: s.words.t(key, ".act"),
		})
	}
	return tasks, nil
}

// meetings finds the conferences of today and of the two weeks after.
func (s *server) meetings(ctx context.Context, by account.Actor, p *todayPage) error {
	y, m, d := s.Now().In(expertpool.Zone()).Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, expertpool.Zone())
	if !by.May(account.TakePart) {
		return nil
	}
	found, err := s.Conferences.Between(ctx, by, begin, begin.AddDate(0, 0, 15))
	if err != nil {
		return err
	}
	for _, v := range found {
		if v.Part.Asked() && v.Own.Answer == conference.Offered {
			continue // stands among what waits
		}
		if m := s.meetingOf(v); v.StartsAt.Before(begin.AddDate(0, 0, 1)) {
			p.Today = append(p.Today, m)
		} else {
			p.Coming = append(p.Coming, m)
		}
	}
	markNext(p.Today)
	return nil
}

func (s *server) meetingOf(v conference.View) meeting {
	m := meeting{View: v, Step: "next", Answers: s.answers(v.Seats)}
	switch {
	case v.State == conference.Live:
		m.Step = "now"
	case v.EndedAt != nil:
		m.Step = "done"
	}
	return m
}

// markNext marks the first conference of today that is still to come, unless one is live.
func markNext(of []meeting) {
	for i := range of {
		if of[i].Step == "now" {
			return
		}
	}
	for i := range of {
		if of[i].Step == "next" {
			of[i].Step = "now"
			return
		}
	}
}

// waiting is the number beside "Heute".
func (s *server) waiting(ctx context.Context, by account.Actor) (int, error) {
	here, err := s.Conferences.Waiting(ctx, by)
	if err != nil {
		return 0, err
	}
	cases, err := s.Cases.Waiting(ctx, by)
	if err != nil {
		return 0, err
	}
	measures, err := s.Plans.Waiting(ctx, by)
	if err != nil {
		return 0, err
	}
	missing, err := s.Conferences.InformationWaiting(ctx, by)
	if err != nil {
		return 0, err
	}
	opinions, err := s.Conferences.OpinionsWaiting(ctx, by)
	if err != nil {
		return 0, err
	}
	looks, err := s.Vault.Waiting(ctx, by)
	if err != nil {
		return 0, err
	}
	pool, err := s.poolTasks(ctx, by)
	if err != nil {
		return 0, err
	}
	gaps, err := s.Conferences.Gaps(ctx, by)
	if err != nil {
		return 0, err
	}
	polls, err := s.pollTasks(ctx, by)
	if err != nil {
		return 0, err
	}
	return len(gaps) + len(polls) + len(pool) + len(looks) + len(missing) + len(opinions) + here.Asks + here.Requests + here.Minutes + cases + measures.Proposed + measures.Overdue + measures.Network, nil
}
