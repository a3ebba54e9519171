package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// datesPage answers when a round can meet. The question about a request stands in the address, so that it can be kept and sent on; that about
// a topic comes with what was typed of it, which stands in no address.
type datesPage struct {
	conference.Request // of a topic nothing but the disciplines
	conference.Dates
	Kept    url.Values // of a topic: what was typed in its form
	Rows    []wishRow
	Form    form
	Lengths []string
	Lands   []ical.State
	Spans   []string
	Weeks   []week
	Days    []dayLine
	More    []string // disciplines that can be added
	Polled  bool     // there is a poll about the request, or was one

	Pollable []conference.Offer // that people can still be asked for
	Poll     form
	query    url.Values
}

// wishRow is one seat of the question.
type wishRow struct {
	conference.Wish
	Experts []expertpool.Expert // who can be named
}

// dates looks for dates of a waiting request: by GET, because looking changes nothing.
func (s *server) dates(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.showDates(c, http.StatusOK, id, c.QueryParams(), form{})
}

// showDates shows what a question finds; poll is the form for asking people, as it came back.
func (s *server) showDates(c echo.Context, status int, id uuid.UUID, query url.Values, poll form) error {
	ctx, by := c.Request().Context(), me(c)
	p := newDatesPage(query)
	var err error
	if p.Request, err = s.Conferences.Request(ctx, by, id); err != nil {
		return err
	}
	if !p.Waits() {
		return account.Refuse(account.ErrConflict, "request_decided")
	}
	status, err = s.findDates(c, status, &p, func(d conference.DateSearch) (conference.Dates, error) {
		return s.Conferences.FindDates(ctx, by, id, d)
	})
	if err != nil {
		return err
	}
	if p.Polled, err = s.polled(ctx, by, id); err != nil {
		return err
	}
	p.offerPoll(s.Now(), poll)
	return s.page(c, status, "dates", p)
}

func newDatesPage(query url.Values) datesPage {
	return datesPage{Lengths: lengths, Lands: ical.States, Spans: []string{"2", "4", "8"}, query: query}
}

// findDates fills in what a question finds; status is that of the page, if nothing is wrong with the question.
func (s *server) findDates(c echo.Context, status int, p *datesPage, find func(conference.DateSearch) (conference.Dates, error)) (int, error) {
	search := p.search()
	p.Form = fill("length", strconv.Itoa(int(search.Length.Minutes())), "weeks", strconv.Itoa(search.Weeks), "land", string(search.Land))
	p.Form.Of = "dates"
	if !search.At.IsZero() {
		local := search.At.In(expertpool.Zone())
		p.Form.Values["date"], p.Form.Values["time"] = []string{local.Format(time.DateOnly)}, []string{local.Format("15:04")}
	}
	var err error
	p.Dates, err = find(search)
	switch {
	case p.Form.wrong(err):
		status = http.StatusUnprocessableEntity
	case err != nil:
		return status, err
	}
	var disciplines []string
	for _, w := range search.Wishes {
		if expertpool.KnownDiscipline(w.Discipline) {
			disciplines = append(disciplines, w.Discipline)
		}
	}
	var experts []expertpool.Expert
	if len(disciplines) > 0 { // without any it would be everybody
		if experts, err = s.Pool.Find(c.Request().Context(), me(c), disciplines...); err != nil {
			return status, err
		}
	}
	p.rows(search, experts)
	p.Weeks, p.Days = s.drawWeeks(p), tellDays(p.Cells, p.Needed)
	return status, nil
}

// search reads the question. Without one it is what the request asks for.
func (p *datesPage) search() conference.DateSearch {
	number := func(name string, otherwise int) int {
		if p.query.Get(name) == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(p.query.Get(name), 10, 16)
		if err != nil {
			return 0 // refused by the domain, with the name of the field
		}
		return int(n)
	}
	d := conference.DateSearch{
		Length: time.Duration(number("length", 25)) * time.Minute, Weeks: number("weeks", 4), Land: ical.State(p.query.Get("land")),
	}
	if d.At = readMoment(p.query.Get("date"), p.query.Get("time")); d.At.IsZero() {
		d.At, _ = time.Parse(time.RFC3339, p.query.Get("at")) // the zero time is no date
	}
	disciplines := p.query["wish"]
	if len(disciplines) == 0 {
		disciplines = p.Disciplines
	}
	if more := p.query.Get("more"); more != "" && !slices.Contains(disciplines, more) {
		disciplines = append(slices.Clone(disciplines), more)
	}
	for _, w := range disciplines {
		d.Wishes = append(d.Wishes, conference.Wish{
			Discipline: w, Expert: strictID(p.query.Get("who_" + w)), Optional: slices.Contains(p.query["optional"], w),
		})
	}
	return d
}

func (p *datesPage) rows(search conference.DateSearch, experts []expertpool.Expert) {
	for _, w := range search.Wishes {
		row := wishRow{Wish: w}
		for _, e := range experts {
			if e.Discipline == w.Discipline {
				row.Experts = append(row.Experts, e)
			}
		}
		p.Rows = append(p.Rows, row)
	}
	for _, d := range expertpool.Disciplines {
		if !slices.ContainsFunc(search.Wishes, func(w conference.Wish) bool { return w.Discipline == d }) {
			p.More = append(p.More, d)
		}
	}
}

// at is the address of this page with one date looked at; none where the page has no address.
func (p *datesPage) at(start time.Time) string {
	if p.Topic() {
		return ""
	}
	q := url.Values{}
	for k, v := range p.query {
		q[k] = v
	}
	q.Del("date")
	q.Set("at", start.UTC().Format(time.RFC3339))
	return "/requests/" + p.ID.String() + "/dates?" + q.Encode() + "#chosen"
}

// Take is the address of the form that invites to an offer.
func (p datesPage) Take(o conference.Offer) string {
	local := o.Start.In(expertpool.Zone())
	q := url.Values{"date": {local.Format(time.DateOnly)}, "time": {local.Format("15:04")}, "length": {strconv.Itoa(int(o.End.Sub(o.Start).Minutes()))}}
	for _, id := range o.Experts() {
		q.Add("experts", id.String())
	}
	return "/requests/" + p.ID.String() + "?" + q.Encode() + "#round"
}

// Topic says that the page is about a topic, and not about a request.
func (p datesPage) Topic() bool { return p.Kept != nil }

// Value says the same in one field: the beginning, and who.
func (p datesPage) Value(o conference.Offer) string {
	words := []string{o.Start.UTC().Format(time.RFC3339)}
	for _, id := range o.Experts() {
		words = append(words, id.String())
	}
	return strings.Join(words, " ")
}

// Wanted is the wish that a date fails for.
func (p datesPage) Wanted(l conference.Lack) wishRow { return p.Rows[l.Wish] }

// Name is the name of the expert that a wish asks for; empty: anybody.
func (w wishRow) Name() string {
	if i := slices.IndexFunc(w.Experts, func(e expertpool.Expert) bool { return e.ID == w.Expert }); i >= 0 && w.Expert != uuid.Nil {
		return w.Experts[i].Name
	}
	return ""
}

// HelpOf is what it would bring to ask less of a wish.
func (p datesPage) HelpOf(wish int) *slot.Help {
	for _, h := range p.Helps {
		if h.Seat == wish && (h.Optional > p.Starts || h.Anyone > p.Starts) {
			return &h
		}
	}
	return nil
}

// week is a picture of one week: a column for each day, from seven until seven.
type week struct {
	Label string
	Days  []string
	Runs  []run
	Hours []int // lines, in rows from the top
	Clock []int // what hours they are, with the first and the last
}

// run is dates of one kind that follow each other, as one field of the picture.
type run struct {
	X, Y, Height int
	Kind         string // sure, may, near
	Label, Says  string // when, and how it stands
	URL          string // where more is told of it, or empty
	last         time.Time
}

const (
	firstHour   = 7
	columnWide  = 20 // of the drawing
	quarterTall = 2
)

// kindOf says how a date stands: everybody has time, nothing speaks against it, one is missing, or nothing.
func kindOf(c slot.Cell, needed int) string {
	switch {
	case c.Whole && c.Sure == needed:
		return "sure"
	case c.Whole:
		return "may"
	case c.Covered == needed-1 && needed > 1:
		return "near"
	}
	return ""
}

// drawWeeks draws the dates of a page week by week.
func (s *server) drawWeeks(p *datesPage) []week {
	var weeks []week
	for _, c := range p.Cells {
		local := c.Start.In(expertpool.Zone())
		if _, number := local.ISOWeek(); len(weeks) == 0 || weeks[len(weeks)-1].Label != "KW "+strconv.Itoa(number) {
			weeks = append(weeks, emptyWeek(local))
		}
		if kind := kindOf(c.Cell, p.Needed); kind != "" {
			weeks[len(weeks)-1].add(run{
				X: (int(local.Weekday()) - 1) * columnWide, Y: ((local.Hour()-firstHour)*4 + local.Minute()/15) * quarterTall, Height: quarterTall,
				Kind: kind, Label: shortDay(c.Start) + ", " + local.Format("15:04") + "–" + local.Format("15:04"), Says: s.standing(p, c, kind),
				URL: p.at(c.Start), last: c.Start,
			})
		}
	}
	return weeks
}

func emptyWeek(local time.Time) week {
	_, number := local.ISOWeek()
	w := week{Label: "KW " + strconv.Itoa(number)}
	monday := local.AddDate(0, 0, -(int(local.Weekday())+6)%7)
	for d := range 5 {
		w.Days = append(w.Days, monday.AddDate(0, 0, d).Format("2.1."))
	}
	for h := 0; h <= 12; h += 2 {
		w.Clock = append(w.Clock, firstHour+h)
		if h > 0 && h < 12 {
			w.Hours = append(w.Hours, h*4*quarterTall)
		}
	}
	return w
}

// add adds a date, to the run before it where it goes on with it and there is nothing else to say.
func (w *week) add(r run) {
	if n := len(w.Runs) - 1; n >= 0 && w.Runs[n].Kind == r.Kind && w.Runs[n].Says == r.Says && r.last.Sub(w.Runs[n].last) == slot.Quarter {
		before := &w.Runs[n]
		before.Height += quarterTall
		before.Label = before.Label[:len(before.Label)-len("00:00")] + r.Label[len(r.Label)-len("00:00"):]
		before.last = r.last
		return
	}
	w.Runs = append(w.Runs, r)
}

// standing says how a date stands; where one person is missing, who that is and what keeps her.
func (s *server) standing(p *datesPage, c conference.DateCell, kind string) string {
	says := s.words.t("dates.kind.", kind)
	if kind != "near" || c.Missing < 0 {
		return says
	}
	row := p.Rows[c.Missing]
	says += ": " + cmp.Or(row.Name(), s.words.t("discipline.", row.Discipline))
	var sources []string
	for _, h := range c.Why {
		sources = append(sources, s.words.t("dates.lack.", h.Source))
	}
	if len(sources) > 0 {
		says += " (" + strings.Join(sources, ", ") + ")"
	}
	return says
}

// lacking says what keeps people from a date: Laut Kalender belegt, or where there are several: 2 laut Kalender belegt, 1 abwesend.
func (s *server) lacking(why []conference.Hindrance, people int) string {
	var said []string
	for _, h := range why {
		words := s.words.t("dates.lack.", h.Source)
		if people > 1 {
			words = strconv.Itoa(h.People) + " " + words
		}
		said = append(said, words)
	}
	all := strings.Join(said, ", ")
	if all == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(all)
	return string(unicode.ToUpper(first)) + all[size:]
}

// dayLine says of a day what the picture shows.
type dayLine struct {
	Day             time.Time
	Sure, May, Near int // starts of each kind
}

func tellDays(cells []conference.DateCell, needed int) []dayLine {
	var days []dayLine
	for _, c := range cells {
		day := expertpool.Today(c.Start)
		if n := len(days); n == 0 || !days[n-1].Day.Equal(day) {
			days = append(days, dayLine{Day: day})
		}
		d := &days[len(days)-1]
		switch kindOf(c.Cell, needed) {
		case "sure":
			d.Sure++
		case "may":
			d.May++
		case "near":
			d.Near++
		}
	}
	return slices.DeleteFunc(days, func(d dayLine) bool { return d.Sure+d.May+d.Near == 0 })
}
