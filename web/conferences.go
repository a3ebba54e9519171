package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// code is the conference's code in the address, as it is written. Whatever cannot be one is "", which no conference has.
func code(c echo.Context) string {
	typed := c.Param("code")
	if written, ok := pseudonym.Read(typed); ok && written == typed {
		return typed
	}
	return ""
}

// at is the address of a page of the conference.
func at(c echo.Context, page string) string { return "/conferences/" + code(c) + page }

type conferencesPage struct {
	Coming, Past []conference.View
	Search       form // empty: what is typed is answered at /search
}

func (s *server) conferences(c echo.Context) error {
	found, err := s.Conferences.List(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	var p conferencesPage
	for _, v := range found {
		if v.State.Planned() || v.State == conference.Live {
			p.Coming = append(p.Coming, v)
		} else {
			p.Past = append(p.Past, v)
		}
	}
	return s.page(c, http.StatusOK, "conferences", p)
}

// conferencePage is one conference. Form is the one that came back with a fault; Notice the rule that stood against what was
// asked. With either the page does not poll itself, so that both stay until they are read.
type conferencePage struct {
	conference.View
	Steps    []step
	Inviting bool                 // the coordination looks whom else to ask
	Offers   []offers             // then: who that may be
	Previous *conference.Previous // of the case; nil when this is the first, or the case is shut
	Missing  []conference.Information
	Guests   []conference.Guest                  // links for people without an account; nil for those who may not make them
	Proposed []conference.Proposal               // other dates that experts would rather keep; of the coordination
	Answered conference.Answers                  // who of the round answers which part questions
	StandIns *conference.StandIns                // of the coordination, while the conference is to come
	Log      map[uuid.UUID][]conference.Delivery // what was sent to each expert and what came back; of the coordination
	Bars     map[uuid.UUID]string                // why experts of the round could not be invited any more; of the coordination
	Round    *conference.Opinions                // nil where nobody is asked for opinions, or the case is shut
	Origins  []origin                            // where its date comes from; of the coordination
	Agenda   *agendaList                         // nil where there is no meeting, or the case is shut
	Me       uuid.UUID
	Houses   []staffOf // people of the network who can still be asked to a topic; of the coordination
	now      time.Time
	Form     form
	Notice   string
}

// InformationForm is the form for a new request for information: as it came back, or with a day to begin with.
func (p conferencePage) InformationForm(now time.Time) form {
	f := p.FormOf("information")
	if f.Values == nil {
		due := expertpool.Today(now).AddDate(0, 0, 3)
		if day := expertpool.Today(p.StartsAt); day.Before(due) && !day.Before(expertpool.Today(now)) {
			due = day
		}
		f = fill("due_on", due.Format(time.DateOnly))
		f.Of = "information"
	}
	return f
}

// GuestKinds are what a guest can be asked as.
func (p conferencePage) GuestKinds() []conference.GuestKind { return conference.GuestKinds }

// Still says that the page answers a form, and must not be fetched again by itself.
func (p conferencePage) Still() bool { return p.Notice != "" || p.Form.Field != "" || p.Inviting }

// MoveForm is the form for a new date: as it came back, or as the date stands.
func (p conferencePage) MoveForm() form {
	if p.Form.Of == "move" {
		return p.Form
	}
	starts := p.StartsAt.In(expertpool.Zone())
	length := strconv.Itoa(int(p.EndsAt.Sub(p.StartsAt).Minutes()))
	f := fill("starts", starts.Format(time.DateOnly), "clock", starts.Format("15:04"), "length", length)
	f.Of = "move"
	return f
}

// VisibleForm is the form for the time from which experts may read: as it came back, or as it stands.
func (p conferencePage) VisibleForm() form {
	f := p.FormOf("visible")
	if f.Values == nil && p.VisibleFrom != nil {
		from := p.VisibleFrom.In(expertpool.Zone())
		f = fill("visible_from", from.Format(time.DateOnly), "clock", from.Format("15:04"))
		f.Of = "visible"
	}
	return f
}

// Declarations are what an expert can say about herself and the person.
func (p conferencePage) Declarations() []string {
	said := make([]string, len(conference.Declarations))
	for i, d := range conference.Declarations {
		said[i] = string(d)
	}
	return said
}

// FormOf is the form of that name: as it came back, or empty.
func (p conferencePage) FormOf(name string) form { return p.Form.named(name) }

// Asks says that the invitation of the one who looks can still be answered.
func (p conferencePage) Asks(now time.Time) bool {
	return p.Part.Asked() && (p.State.Planned() || p.State == conference.Live) && now.Before(p.EndsAt)
}

func (s *server) conference(c echo.Context) error {
	return s.showConference(c, http.StatusOK, conferencePage{})
}

func (s *server) showConference(c echo.Context, status int, p conferencePage) error {
	v, err := s.Conferences.ByCode(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	p.View, p.Steps, p.Me, p.now = v, s.arcOf(v), me(c).ID, s.Now()
	if v.Shut == "" {
		if p.Previous, err = s.Conferences.Previous(c.Request().Context(), me(c), code(c)); err != nil {
			return err
		}
		if p.Missing, err = s.Conferences.Information(c.Request().Context(), me(c), code(c)); err != nil {
			return err
		}
	}
	if p.Answered, err = s.Conferences.Answered(c.Request().Context(), me(c), code(c)); err != nil {
		return err
	}
	if v.Shut == "" {
		round, err := s.Conferences.Opinions(c.Request().Context(), me(c), code(c))
		if err == nil {
			p.Round = &round
		} else if !errors.Is(err, account.ErrNotFound) {
			return err
		}
		if err := s.showAgendaOf(c, &p); err != nil {
			return err
		}
	}
	if p.Origins, err = s.origins(c.Request().Context(), me(c), code(c)); err != nil {
		return err
	}
	if v.CanAskGuests() {
		if p.Guests, err = s.Conferences.Guests(c.Request().Context(), me(c), code(c)); err != nil {
			return err
		}
	}
	if v.CanPlan() {
		if err := s.showPlanning(c, &p); err != nil {
			return err
		}
	}
	return s.page(c, status, "conference", p)
}

// showAgendaOf adds the agenda, where there is a meeting.
func (s *server) showAgendaOf(c echo.Context, p *conferencePage) error {
	if p.Written {
		return nil
	}
	a, err := s.Conferences.AgendaOf(c.Request().Context(), p.View)
	if err == nil {
		p.Agenda = s.agendaList(p.StartsAt, a)
	}
	return err
}

// showPlanning adds what the coordination plans with. Whom else she might ask takes a look at the whole pool, so it waits until she
// asks for it: the page fetches itself again and again.
func (s *server) showPlanning(c echo.Context, p *conferencePage) (err error) {
	ctx, by := c.Request().Context(), me(c)
	said, err := s.Conferences.Correspondence(ctx, by, code(c))
	if err != nil {
		return err
	}
	p.Proposed, p.Log = said.Proposals, said.Deliveries
	if p.Topic() {
		if p.Houses, err = s.colleagues(ctx, by, p.Seats); err != nil {
			return err
		}
	}
	standIns, err := s.Conferences.StandIns(ctx, by, code(c))
	if err != nil {
		return err
	}
	p.StandIns = &standIns
	if err := s.showBars(c, p); err != nil {
		return err
	}
	f := p.FormOf("invite")
	if p.Inviting = p.Form.Of == "invite" || c.QueryParam("invite") != ""; !p.Inviting {
		return nil
	}
	var ticked []uuid.UUID
	for _, v := range f.Values["experts"] {
		ticked = append(ticked, strictID(v))
	}
	benches, err := s.Conferences.Substitutes(ctx, by, code(c), c.QueryParam("discipline"), ticked...)
	if err != nil {
		return err
	}
	p.Offers = offersOf(benches, f)
	return nil
}

// showBars finds out who of the round could not be invited any more.
func (s *server) showBars(c echo.Context, p *conferencePage) error {
	var round []uuid.UUID
	for _, t := range p.Seats {
		if t.Role == conference.ExpertPart && t.Answer != conference.AnswerCancelled && t.Answer != conference.Declined {
			round = append(round, t.AccountID)
		}
	}
	standings, err := s.Pool.Standings(c.Request().Context(), me(c), round)
	if err != nil {
		return err
	}
	p.Bars = map[uuid.UUID]string{}
	for id, st := range standings {
		p.Bars[id] = st.Bar(s.Now())
	}
	return nil
}

// Misses says that somebody of a discipline was asked, and nobody has accepted.
func (p conferencePage) Misses(discipline string) bool {
	of := func(answers ...conference.Answer) bool {
		return slices.ContainsFunc(p.Seats, func(t conference.Seat) bool {
			return t.Role == conference.ExpertPart && t.Discipline == discipline && (len(answers) == 0 || slices.Contains(answers, t.Answer))
		})
	}
	return of() && !of(conference.Accepted)
}

// Others are the disciplines that nobody is offered of yet.
func (p conferencePage) Others() []string {
	return slices.DeleteFunc(slices.Clone(expertpool.Disciplines), func(d string) bool {
		return slices.ContainsFunc(p.Offers, func(o offers) bool { return o.Discipline == d })
	})
}

func truth(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// arcOf is the way of a conference from the request to the outcome, with times.
func (s *server) arcOf(v conference.View) []step {
	stops := []step{
		{Title: "request", Note: stamp(v.RequestedAt)},
		{Title: "panel", Note: s.count("seats", asked(v.Seats)) + ", " + stamp(v.CreatedAt)},
		{Title: "invitations", Note: s.answers(v.Seats)},
		{Title: "conference", Note: s.span(v)},
		{Title: "minutes"},
		{Title: "plan", Note: s.agreed(v.Measures)},
		{Title: "outcome", Note: s.toldBack(v.Measures)},
	}
	if v.RequestID == uuid.Nil {
		stops[0].Title = "topic"
	}
	if v.Minutes != "" {
		stops[4].Note = s.words.t("arc.minutes.", v.Minutes)
	}
	now := nowAt(v)
	if v.State == conference.Cancelled || v.State == conference.Sealed {
		stops = append(stops[:now], step{Title: string(v.State)})
	}
	for i := range stops {
		stops[i].State = []string{"done", "now", "next"}[1+cmp.Compare(i, now)]
		stops[i].Title = s.words.t("arc.", stops[i].Title)
	}
	return stops
}

// nowAt is the stop of the arc at which a conference is; after the last one when everything is done.
func nowAt(v conference.View) int {
	switch v.State {
	case conference.Inviting:
		return 2
	case conference.Quorate, conference.Live, conference.Cancelled:
		return 3
	case conference.MinutesDraft:
		return 4
	case conference.Approved:
		if slices.ContainsFunc(v.Measures, func(m plan.Measure) bool { return m.State == plan.Proposed }) {
			return 5
		}
		return 6
	case conference.Sealed:
		if v.EndedAt != nil {
			return 4
		}
		return 2
	}
	return 7
}

func asked(seats []conference.Seat) int {
	n := 0
	for _, t := range seats {
		n += truth(t.Role == conference.ExpertPart && t.Answer != conference.AnswerCancelled)
	}
	return n
}

// answers says how the round has answered: 2 zugesagt, 1 offen.
func (s *server) answers(seats []conference.Seat) string {
	n := map[conference.Answer]int{}
	for _, t := range seats {
		n[t.Answer]++
	}
	var said []string
	for _, a := range []conference.Answer{conference.Accepted, conference.Tentative, conference.Declined, conference.Offered} {
		if n[a] > 0 {
			said = append(said, strconv.Itoa(n[a])+" "+s.words.t("arc.answer.", a))
		}
	}
	return strings.Join(said, ", ")
}

// span says when a conference is, or how long it was.
func (s *server) span(v conference.View) string {
	switch {
	case v.OpenedAt == nil || v.State == conference.Cancelled:
		return s.held(v.Conference)
	case v.EndedAt == nil:
		return s.words.t("arc.live") + " " + clock(*v.OpenedAt)
	}
	return conference.When(*v.OpenedAt, *v.EndedAt)
}

// agreed says how many measures there are, and how many of them are promises.
func (s *server) agreed(measures []plan.Measure) string {
	accepted := 0
	for _, m := range measures {
		accepted += truth(m.State != plan.Proposed && m.State != plan.Refused)
	}
	switch len(measures) {
	case 0:
		return ""
	case accepted:
		return s.count("measures", len(measures)) + ", " + s.words.t("arc.all_accepted")
	}
	return s.count("measures", len(measures)) + ", " + strconv.Itoa(accepted) + " " + s.words.t("arc.accepted")
}

// toldBack says of how many promises the end is known.
func (s *server) toldBack(measures []plan.Measure) string {
	promised, done := 0, 0
	for _, m := range measures {
		promised += truth(m.State != plan.Proposed && m.State != plan.Refused)
		done += truth(m.State == plan.Done || m.State == plan.NotPossible)
	}
	if promised == 0 {
		return ""
	}
	return strconv.Itoa(done) + " " + s.words.t("arc.of") + " " + s.count("outcomes", promised)
}

func stamp(t time.Time) string { return t.In(expertpool.Zone()).Format("02.01.2006, 15:04 Uhr") }

func clock(t time.Time) string { return t.In(expertpool.Zone()).Format("15:04 Uhr") }

// shortDay says a day where there is little room: Do., 3.12.
func shortDay(t time.Time) string {
	t = t.In(expertpool.Zone())
	return [...]string{"So.", "Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa."}[t.Weekday()] + t.Format(", 2.1.")
}

// count says how many: words count.<key>.one and count.<key>.many, with # for the number.
func (s *server) count(key string, n int) string {
	if n == 1 {
		return s.words.t("count.", key, ".one")
	}
	return strings.ReplaceAll(s.words.t("count.", key, ".many"), "#", strconv.Itoa(n))
}

// quoted puts somebody's own words in quotation marks, once: many people type them.
func quoted(words string) string {
	return "„" + strings.Trim(words, "„“”\"\u201a‘’» «") + "“"
}
