package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// datesPage answers when a round can meet. All of the question stands in the address, so it can be kept and sent on.
type datesPage struct {
	conference.Request
	conference.Dates
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
	p := datesPage{Lengths: lengths, Lands: ical.States, Spans: []string{"2", "4", "8"}, query: query}
	var err error
	if p.Request, err = s.Conferences.Request(ctx, by, id); err != nil {
		return err
	}
	if !p.Waits() {
		return account.Refuse(account.ErrConflict, "request_decided")
	}
	search := p.search()
	p.Form = fill("length", strconv.Itoa(int(search.Length.Minutes())), "weeks", strconv.Itoa(search.Weeks), "land", string(search.Land))
	p.Form.Of = "dates"
	p.Dates, err = s.Conferences.FindDates(ctx, by, id, search)
	switch {
	case p.Form.wrong(err):
		status = http.StatusUnprocessableEntity
	case err != nil:
		return err
	}
	var disciplines []string
	for _, w := range search.Wishes {
		if expertpool.KnownDiscipline(w.Discipline) {
			disciplines = append(disciplines, w.Discipline)
		}
	}
	var experts []expertpool.Expert
	if len(disciplines) > 0 { // without any it would be everybody
		if experts, err = s.Pool.Find(ctx, by, disciplines...); err != nil {
			return err
		}
	}
	p.rows(search, experts)
	if p.Polled, err = s.polled(ctx, by, id); err != nil {
		return err
	}
	p.offerPoll(s.Now(), poll)
	p.Weeks, p.Days = drawWeeks(p.Cells, p.Needed, p.at), tellDays(p.Cells, p.Needed)
	return s.page(c, status, "dates", p)
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
	d.At, _ = time.Parse(time.RFC3339, p.query.Get("at")) // the zero time is no date
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

// at is the address of this page with one date looked at.
func (p *datesPage) at(start time.Time) string {
	q := url.Values{}
	for k, v := range p.query {
		q[k] = v
	}
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

// Wanted is the wish that a near miss fails for.
func (p datesPage) Wanted(n conference.NearMiss) wishRow { return p.Rows[n.Wish] }

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
}

// run is dates of one kind that follow each other, as one field of the picture.
type run struct {
	X, Y, Height int
	Kind         string // sure, may, near
	Label, URL   string // URL only where a conference can begin
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

// drawWeeks draws the dates week by week.
func drawWeeks(cells []slot.Cell, needed int, link func(time.Time) string) []week {
	var weeks []week
	var last slot.Cell
	for _, c := range cells {
		local := c.Start.In(expertpool.Zone())
		monday := local.AddDate(0, 0, -(int(local.Weekday())+6)%7)
		_, number := local.ISOWeek()
		label := "KW " + strconv.Itoa(number)
		if len(weeks) == 0 || weeks[len(weeks)-1].Label != label {
			w := week{Label: label}
			for d := range 5 {
				w.Days = append(w.Days, monday.AddDate(0, 0, d).Format("2.1."))
			}
			for h := 2; h < 12; h += 2 {
				w.Hours = append(w.Hours, h*4*quarterTall)
			}
			weeks = append(weeks, w)
			last = slot.Cell{}
		}
		w := &weeks[len(weeks)-1]
		kind := kindOf(c, needed)
		if n := len(w.Runs) - 1; n >= 0 && kind != "" && kindOf(last, needed) == kind && c.Start.Sub(last.Start) == slot.Quarter {
			w.Runs[n].Height += quarterTall
			w.Runs[n].Label = w.Runs[n].Label[:len(w.Runs[n].Label)-len("00:00")] + local.Format("15:04")
		} else if kind != "" {
			r := run{
				X: (int(local.Weekday()) - 1) * columnWide, Y: ((local.Hour()-firstHour)*4 + local.Minute()/15) * quarterTall, Height: quarterTall,
				Kind: kind, Label: shortDay(c.Start) + ", " + local.Format("15:04") + "–" + local.Format("15:04"),
			}
			if kind != "near" {
				r.URL = link(c.Start)
			}
			w.Runs = append(w.Runs, r)
		}
		last = c
	}
	return weeks
}

// dayLine says of a day what the picture shows.
type dayLine struct {
	Day             time.Time
	Sure, May, Near int // starts of each kind
}

func tellDays(cells []slot.Cell, needed int) []dayLine {
	var days []dayLine
	for _, c := range cells {
		day := expertpool.Today(c.Start)
		if n := len(days); n == 0 || !days[n-1].Day.Equal(day) {
			days = append(days, dayLine{Day: day})
		}
		d := &days[len(days)-1]
		switch kindOf(c, needed) {
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
