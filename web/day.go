package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// dayPage is one day's conferences of somebody, drawn on an axis of time and as a list.
type dayPage struct {
	Day          time.Time // a date
	Before, Next string    // addresses
	Holidays     []holiday
	Held         []dayEntry
	Axis         dayAxis
}

// holiday is the name of one, and where; nowhere in particular is everywhere.
type holiday struct{ Name, Where string }

// dayEntry is a conference of the day with what its round still lacks. The rest is for the drawing.
type dayEntry struct {
	conference.View
	Missing     []string // disciplines that are needed and nobody of whom has accepted
	X, Y, Width int
	Label       int  // where its code begins,
	Ends        bool // or ends, where there is no room behind
}

// dayAxis is what the drawing is made with. Its hours are those that pass: on the days on which clocks change there is one less, or one twice.
type dayAxis struct {
	Width, Height int
	Hours         []dayHour
}

type dayHour struct {
	X     int
	Label string
}

// Measures of the drawing.
const (
	hourWide  = 64
	codeWide  = 104
	codeGap   = 6
	laneHigh  = 34
	axisHigh  = 24
	drawnFrom = 8 // hours on the clock that are drawn at least
	drawnTo   = 17
)

// day shows the conferences of a day.
func (s *server) day(c echo.Context) error {
	day, err := time.Parse(time.DateOnly, c.Param("day"))
	if err != nil || day.Year() < 2000 || day.Year() > 2100 {
		return account.ErrNotFound
	}
	from := midnight(day)
	found, err := s.Conferences.Between(c.Request().Context(), me(c), from, midnight(day.AddDate(0, 0, 1)))
	if err != nil {
		return err
	}
	p := dayPage{Day: from, Before: dayURL(day.AddDate(0, 0, -1)), Next: dayURL(day.AddDate(0, 0, 1)), Holidays: holidaysOn(day)}
	for _, v := range found {
		p.Held = append(p.Held, dayEntry{View: v, Missing: missingIn(v)})
	}
	p.draw()
	return s.page(c, http.StatusOK, "day", p)
}

func midnight(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, expertpool.Zone())
}

func dayURL(day time.Time) string { return "/conferences/day/" + day.Format(time.DateOnly) }

// draw gives each conference its place: the earliest on top, and what overlaps on lanes of its own.
func (p *dayPage) draw() {
	if len(p.Held) == 0 {
		return
	}
	y, m, d := p.Day.Date()
	begins, ends := time.Date(y, m, d, drawnFrom, 0, 0, 0, p.Day.Location()), time.Date(y, m, d, drawnTo, 0, 0, 0, p.Day.Location())
	for _, e := range p.Held {
		if e.StartsAt.Before(begins) {
			begins = e.StartsAt.Truncate(time.Hour)
		}
		if e.EndsAt.After(ends) {
			ends = e.EndsAt.Add(time.Hour - 1).Truncate(time.Hour)
		}
	}
	p.Axis.Width = wide(ends.Sub(begins))
	var free []int // from where each lane is
	for i := range p.Held {
		e := &p.Held[i]
		e.X, e.Width = wide(e.StartsAt.Sub(begins)), wide(e.EndsAt.Sub(e.StartsAt))
		e.Label = e.X + e.Width + codeGap
		from, until := e.X, e.Label+codeWide
		if until > p.Axis.Width {
			e.Label, e.Ends = e.X-codeGap, true
			from, until = e.Label-codeWide, e.X+e.Width
		}
		lane := slices.IndexFunc(free, func(x int) bool { return x <= from })
		if lane < 0 {
			free, lane = append(free, 0), len(free)
		}
		free[lane], e.Y = until, axisHigh+lane*laneHigh
	}
	p.Axis.Height = axisHigh + len(free)*laneHigh
	for t := begins; !t.After(ends); t = t.Add(time.Hour) {
		p.Axis.Hours = append(p.Axis.Hours, dayHour{wide(t.Sub(begins)), t.In(expertpool.Zone()).Format("15")})
	}
}

func wide(d time.Duration) int { return int(d * hourWide / time.Hour) }

// missingIn are the disciplines that a planned conference needs and has nobody of yet. Who was asked into it is not told of the others.
func missingIn(v conference.View) []string {
	if !v.State.Planned() || v.Part.Asked() {
		return nil
	}
	var needed, there []string
	for _, t := range v.Seats {
		if t.Role != conference.ExpertPart || !t.Required || t.Answer == conference.AnswerCancelled {
			continue
		}
		if t.Answer == conference.Accepted {
			there = append(there, t.Discipline)
		} else if !slices.Contains(needed, t.Discipline) {
			needed = append(needed, t.Discipline)
		}
	}
	return slices.DeleteFunc(needed, func(d string) bool { return slices.Contains(there, d) })
}

// holidaysOn names the public holidays of a day, and in which Länder.
func holidaysOn(day time.Time) []holiday {
	where := map[string][]string{}
	var names []string
	for _, land := range ical.States {
		for _, h := range ical.Holidays(land, day.Year()) {
			if !h.Day.Equal(day) {
				continue
			}
			if where[h.Name] == nil {
				names = append(names, h.Name)
			}
			where[h.Name] = append(where[h.Name], string(land))
		}
	}
	found := make([]holiday, len(names))
	for i, n := range names {
		found[i].Name = n
		if len(where[n]) < len(ical.States) {
			found[i].Where = strings.Join(where[n], ", ")
		}
	}
	return found
}
