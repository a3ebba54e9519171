package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Series is a fixed weekly slot that a coordination keeps for its network: a rule, and no chain of dates. Every case that takes a place of
// it is a conference of its own, with its own code, invitations and consent. When the rule changes, free places follow it and conferences
// stay where they are.
type Series struct {
	ID        uuid.UUID
	Name      string
	Weekday   time.Weekday // Monday to Friday
	Begins    int          // minutes after midnight on the clock of Zone
	Zone      string
	Places    int           // on a day, one after the other
	Length    time.Duration // of a place, whole minutes
	Land      ical.State    // whose holidays it leaves out; empty: those of all Länder
	From      time.Time     // first day, midnight UTC
	Until     *time.Time    // last day; nil: without an end
	Group     uuid.UUID     // who is asked as a rule; uuid.Nil: chosen each time
	GroupName string
}

// maxPlaces is how many cases a day can have.
const maxPlaces = 12

func (r *Series) validate() error {
	if err := account.CheckText("series_name", &r.Name, 80, true); err != nil {
		return err
	}
	switch {
	case r.Weekday < time.Monday || r.Weekday > time.Friday:
		return &account.InvalidError{Field: "weekday", Rule: "required"}
	case r.Places < 1 || r.Places > maxPlaces:
		return &account.InvalidError{Field: "places", Rule: "twelve"}
	case r.Length < 5*time.Minute || r.Length > 4*time.Hour:
		return &account.InvalidError{Field: "length", Rule: "length"}
	case r.Begins < dayBegins || r.Begins+r.Places*int(r.Length/time.Minute) > dayEnds:
		return &account.InvalidError{Field: "begins", Rule: "hours"}
	case r.From.IsZero():
		return &account.InvalidError{Field: "from", Rule: "required"}
	case r.Until != nil && r.Until.Before(r.From):
		return &account.InvalidError{Field: "until", Rule: "before_from"}
	case r.Land != "" && !slices.Contains(ical.States, r.Land):
		return &account.InvalidError{Field: "land", Rule: "unknown"}
	}
	return nil
}

func (r Series) location() *time.Location {
	if loc, err := time.LoadLocation(r.Zone); err == nil {
		return loc
	}
	return expertpool.Zone()
}

// dayOf is the day on which an instant falls there, midnight UTC.
func (r Series) dayOf(t time.Time) time.Time {
	y, m, d := t.In(r.location()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// holds says whether the rule has a day, which is midnight UTC.
func (r Series) holds(day time.Time) bool {
	return day.Weekday() == r.Weekday && !day.Before(r.From) && (r.Until == nil || !day.After(*r.Until)) && workday(day, r.Land)
}

// placesOn are the places that the rule gives a day. The first begins when the clock says so, each other one when the one before has passed.
func (r Series) placesOn(day time.Time) []SeriesPlace {
	y, m, d := day.Date()
	starts := slot.Wall(y, m, d, r.Begins, r.location())
	places := make([]SeriesPlace, r.Places)
	for i := range places {
		places[i] = SeriesPlace{Starts: starts, Ends: starts.Add(r.Length)}
		starts = starts.Add(r.Length)
	}
	return places
}

// SeriesPlace is the time of one case on a day of a series, with the conference that has it, if any.
type SeriesPlace struct {
	Starts, Ends     time.Time
	Code             string // empty: it is free
	State            State
	OrganisationName string
}

// Free says that a case can be put there.
func (p SeriesPlace) Free() bool { return p.Code == "" }

func (p SeriesPlace) overlaps(other SeriesPlace) bool {
	return p.Starts.Before(other.Ends) && other.Starts.Before(p.Ends)
}

// SeriesDay is a day of a series. Its places are those that are taken and those that still can be, by time.
type SeriesDay struct {
	Day    time.Time // midnight UTC
	Off    bool      // called off as a whole: nothing on it is free
	Places []SeriesPlace
}

// Taken are the places that cases have.
func (d SeriesDay) Taken() []SeriesPlace {
	return slices.DeleteFunc(slices.Clone(d.Places), SeriesPlace.Free)
}

// Unused is how many places are free.
func (d SeriesDay) Unused() int { return len(d.Places) - len(d.Taken()) }

// Timetable is a series with what is known of its days from today on.
type Timetable struct {
	Series
	held []SeriesPlace // conferences that are in it, by time
	off  []time.Time
	now  time.Time
}

// seriesAhead is how far ahead places are looked for.
const seriesAhead = 26 * 7

// On is a day of the series, midnight UTC; false when it is none, and no conference has been left on it by an earlier rule.
func (t Timetable) On(day time.Time) (SeriesDay, bool) {
	d := SeriesDay{Day: day, Off: slices.ContainsFunc(t.off, day.Equal)}
	for _, p := range t.held {
		if t.dayOf(p.Starts).Equal(day) {
			d.Places = append(d.Places, p)
		}
	}
	rule := t.holds(day)
	if rule && !d.Off {
		for _, p := range t.placesOn(day) {
			if p.Starts.After(t.now) && !slices.ContainsFunc(t.held, p.overlaps) {
				d.Places = append(d.Places, p)
			}
		}
	}
	slices.SortFunc(d.Places, func(a, b SeriesPlace) int { return a.Starts.Compare(b.Starts) })
	return d, rule || len(d.Places) > 0
}

// Days are the days of the series from today on, for so many weeks.
func (t Timetable) Days(weeks int) []SeriesDay {
	var found []SeriesDay
	today := t.dayOf(t.now)
	for n := range 7 * weeks {
		if d, is := t.On(today.AddDate(0, 0, n)); is {
			found = append(found, d)
		}
	}
	return found
}

// Next are at most n free places from an instant on, the earliest first.
func (t Timetable) Next(from time.Time, n int) []SeriesPlace {
	var found []SeriesPlace
	first := t.dayOf(from)
	for i := range seriesAhead {
		d, _ := t.On(first.AddDate(0, 0, i))
		for _, p := range d.Places {
			if p.Free() && !p.Starts.Before(from) && len(found) < n {
				found = append(found, p)
			}
		}
		if len(found) == n {
			break
		}
	}
	return found
}

// place is the free place that begins and lasts so; otherwise the error says whether it is taken or none at all.
func (t Timetable) place(starts time.Time, length time.Duration) error {
	day := t.dayOf(starts)
	same := func(p SeriesPlace) bool { return p.Starts.Equal(starts) && p.Ends.Equal(starts.Add(length)) }
	if d, _ := t.On(day); slices.ContainsFunc(d.Places, func(p SeriesPlace) bool { return p.Free() && same(p) }) {
		return nil
	}
	if t.holds(day) && slices.ContainsFunc(t.placesOn(day), same) {
		return &account.InvalidError{Field: "starts", Rule: "place_taken"}
	}
	return &account.InvalidError{Field: "starts", Rule: "no_place"}
}

// Shift is what becomes of a conference when a day is called off.
type Shift struct {
	Code         string
	Starts, Ends time.Time // its new place; zero: it is called off
}

// Moved says that the conference takes place on another day.
func (m Shift) Moved() bool { return !m.Starts.IsZero() }

// ifDropped tells what becomes of the conferences of a day that are still to come: they are called off, or take the next free places after
// it in their order. Errors: ErrNotFound, ErrConflict (series_day_over, series_day_off, series_full).
func (t Timetable) ifDropped(day time.Time, move bool) ([]Shift, error) {
	d, is := t.On(day)
	d.Places = slices.DeleteFunc(d.Places, func(p SeriesPlace) bool { return !p.State.Planned() })
	switch {
	case !is:
		return nil, account.ErrNotFound
	case day.Before(t.dayOf(t.now)):
		return nil, account.Refuse(account.ErrConflict, "series_day_over")
	case d.Off && len(d.Places) == 0:
		return nil, account.Refuse(account.ErrConflict, "series_day_off")
	}
	var free []SeriesPlace
	if move {
		y, m, later := day.AddDate(0, 0, 1).Date()
		if free = t.Next(slot.Wall(y, m, later, 0, t.location()), len(d.Places)); len(free) < len(d.Places) {
			return nil, account.Refuse(account.ErrConflict, "series_full")
		}
	}
	shifts := make([]Shift, len(d.Places))
	for i, p := range d.Places {
		shifts[i].Code = p.Code
		if move {
			shifts[i].Starts, shifts[i].Ends = free[i].Starts, free[i].Ends
		}
	}
	return shifts, nil
}
