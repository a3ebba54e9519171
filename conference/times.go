package conference

import (
	"slices"
	"time"

	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
)

// times is what is known of somebody's quarter hours, and from what. Who has told her hours is busy outside of them. Who has not, but lets
// her calendar be read, is free in office hours where it is empty, and outside of them it is not known. What a calendar says that was
// not read lately may have changed: those times are neither free nor busy.
type times struct {
	free     slot.Set
	freeFrom poll.Source
	busy     map[poll.Source]slot.Set
}

func timesOf(g slot.Grid, c expertpool.Candidate, promised []expertpool.Span, calendar expertpool.Busy) times {
	t := times{free: g.Empty(), freeFrom: poll.Hours, busy: map[poll.Source]slot.Set{}}
	loc := c.Availability.Location()
	if len(c.Availability.Rules) > 0 {
		t.busy[poll.Hours] = t.week(g, c.Availability)
	} else if calendar.Fresh {
		t.freeFrom = poll.Calendar
		officeHours(g, t.free, loc, calendar.Until)
	}
	if len(calendar.Spans) > 0 {
		taken := g.Empty()
		for _, s := range calendar.Spans {
			g.Span(taken, s.From, s.Until)
		}
		t.free.Without(taken)
		if calendar.Fresh {
			t.busy[poll.Calendar] = taken
		}
	}
	if len(c.Availability.Absences) > 0 {
		away := g.Empty()
		for _, a := range c.Availability.Absences {
			first, last := a.First, a.Last
			g.Span(away, slot.Wall(first.Year(), first.Month(), first.Day(), 0, loc), slot.Wall(last.Year(), last.Month(), last.Day(), 1440, loc))
		}
		t.busy[poll.Absence] = away
	}
	if len(promised) > 0 {
		kept := g.Empty()
		for _, s := range promised {
			g.Span(kept, s.From.Add(-changeover), s.Until.Add(changeover))
		}
		t.busy[poll.Promise] = kept
	}
	return t
}

// week fills in the hours of somebody's week, and returns all that lies outside of them.
func (t times) week(g slot.Grid, a expertpool.Availability) slot.Set {
	whole := expertpool.Span{From: g.At(0), Until: g.At(g.Len())}
	for _, s := range a.Between(whole) {
		g.Within(t.free, s.From, s.Until)
	}
	outside := g.Empty()
	g.Span(outside, whole.From, whole.Until)
	outside.Without(t.free)
	return outside
}

// officeHours adds the hours of a working week in which conferences are held and which need not be avoided, up to an instant.
func officeHours(g slot.Grid, to slot.Set, zone *time.Location, until time.Time) {
	var week []slot.Weekly
	for d := time.Monday; d <= time.Friday; d++ {
		week = append(week, slot.Weekly{Day: d, From: early, To: late})
	}
	later := g.Empty()
	g.Span(later, until, g.At(g.Len()))
	g.Days(to, week, zone)
	to.Without(later)
}

// person is the same as slot takes it.
func (t times) person() slot.Person {
	p := slot.Person{Free: t.free, Busy: make(slot.Set, len(t.free))}
	for _, busy := range t.busy {
		p.Busy.With(busy)
	}
	return p
}

// at is what is known of the time from a quarter hour on: that she is free all through it, or that she is not, with what says so. The zero
// Cast: it is not known.
func (t times) at(start, quarters int) poll.Cast {
	for _, s := range poll.Sources {
		if t.busy[s].Any(start, quarters) {
			return poll.Cast{Vote: poll.No, Source: s}
		}
	}
	if t.free.All(start, quarters) {
		return poll.Cast{Vote: poll.Yes, Source: t.freeFrom}
	}
	return poll.Cast{}
}

// at is what is known of a person when a conference begins at a quarter hour.
func (a calendarAsk) at(person, start int) poll.Cast {
	t, read := a.read[person]
	if !read {
		who := a.people[person]
		t = timesOf(a.ask.Grid, who, a.promised[who.ID], a.busy[who.ID])
		a.read[person] = t
	}
	return t.at(start, a.ask.Quarters)
}

// Hindrance is what keeps people from a date.
type Hindrance struct {
	Source poll.Source
	People int
}

// Lack is a wish that a date fails for.
type Lack struct {
	Wish    int
	People  int         // who could take the seat at other dates
	Why     []Hindrance // what keeps them, most people first
	Instead []Somebody  // of the same discipline, if it need not be the one who was named
}

// DateCell is a date of the picture.
type DateCell struct {
	slot.Cell
	Why []Hindrance // where one wish alone is missing: what keeps those who could take it
}

// Fail is why a date that was asked about cannot be had. Without Lacks and not Closed, everybody has time, but one person would have to take
// two seats, or two people of one house would sit together.
type Fail struct {
	Start, End time.Time
	Closed     bool // no conference can be then, whoever has time: too soon, too far away, at night, on a holiday
	Lacks      []Lack
}

func (a calendarAsk) fail(at time.Time, t *slot.Table) *Fail {
	f := &Fail{Start: at, End: at.Add(a.length)}
	start := a.ask.Grid.Index(at)
	if f.Closed = !t.Opens(at); f.Closed {
		return f
	}
	for i, seat := range a.ask.Seats {
		if !seat.Optional && t.State(i, start) == slot.Nobody {
			f.Lacks = append(f.Lacks, a.lack(i, start, t.Instead(i, start)))
		}
	}
	return f
}

// lack is what is missing for a seat at a date; instead are who could take it if it need not be one of the seat's own people.
func (a calendarAsk) lack(seat, start int, instead []slot.Taker) Lack {
	l := Lack{Wish: seat, People: len(a.ask.Seats[seat].Persons), Why: a.why(seat, start)}
	for _, k := range instead[:min(len(instead), 3)] {
		l.Instead = append(l.Instead, a.somebody(k.Person, k.Certain))
	}
	return l
}

// why counts what keeps the people of a seat from a date.
func (a calendarAsk) why(seat, start int) []Hindrance {
	var found []Hindrance
	for _, s := range poll.Sources {
		h := Hindrance{Source: s}
		for _, p := range a.ask.Seats[seat].Persons {
			if a.at(p, start).Source == s {
				h.People++
			}
		}
		if h.People > 0 {
			found = append(found, h)
		}
	}
	slices.SortStableFunc(found, func(a, b Hindrance) int { return b.People - a.People })
	return found
}
