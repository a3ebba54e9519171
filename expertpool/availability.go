package expertpool

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Availability is when an expert can be asked, as she says it herself: the hours of an ordinary week, what is different, and
// whether she is to be asked at all. Without rules nothing is known of her week, which is not the same as having no time.
type Availability struct {
	Zone     string // where the clock hangs that the rules are read from, such as Europe/Berlin
	Rules    []Rule // in half hours, from Monday on by hour; those that touch are one
	Absences []Absence
	Paused   *time.Time // not to be asked since; nil: may be asked
}

// Rule is hours of a weekday as the clock shows them: from so many minutes after midnight to so many.
type Rule = slot.Weekly

// Absence is days on which somebody is not there, both included. Days are midnight UTC, as Today gives them.
type Absence struct {
	ID          uuid.UUID
	First, Last time.Time
}

// Span is a stretch of time: From is in it, Until is not.
type Span = slot.Span

// OnDate is how an expert's availability stands to a date.
type OnDate string

const (
	Free    OnDate = "free"    // within her hours
	Unknown OnDate = "unknown" // she has said nothing about her week
	Outside OnDate = "outside" // not within her hours
	Absent  OnDate = "absent"
	Engaged OnDate = "engaged" // a calendar that she lets be read has something then
	Paused  OnDate = "paused"  // not to be asked at all
)

const (
	halfHour = 30
	dayEnd   = 24 * 60
	maxRules = 7 * dayEnd / halfHour
)

// At says how a stands to a date. A date that begins or ends on a day of absence is one of absence.
func (a Availability) At(at Span) OnDate {
	switch {
	case a.Paused != nil:
		return Paused
	case a.away(at):
		return Absent
	case len(a.Rules) == 0:
		return Unknown
	}
	if slices.ContainsFunc(a.Between(at), func(s Span) bool { return !s.From.After(at.From) && !s.Until.Before(at.Until) }) {
		return Free
	}
	return Outside
}

func (a Availability) away(at Span) bool {
	loc := a.Location()
	first, last := dayOf(at.From, loc), dayOf(at.Until.Add(-time.Nanosecond), loc)
	return slices.ContainsFunc(a.Absences, func(b Absence) bool { return !first.After(b.Last) && !last.Before(b.First) })
}

// Between lists when she has time within a span, in order, without gaps inside of a stretch. Days of absence are left out. Where
// the clock is changed, an hour that comes twice is there from its first time to the end of its second, and an hour that is left
// out has no length. Whether she has paused is not asked.
func (a Availability) Between(within Span) []Span {
	loc := a.Location()
	var found []Span
	last := dayOf(within.Until, loc)
	for day := dayOf(within.From, loc); !day.After(last); day = day.AddDate(0, 0, 1) {
		if slices.ContainsFunc(a.Absences, func(b Absence) bool { return !day.Before(b.First) && !day.After(b.Last) }) {
			continue
		}
		for _, r := range a.Rules {
			if y, m, d := day.Date(); r.Day == day.Weekday() {
				found = append(found, Span{From: slot.Wall(y, m, d, r.From, loc), Until: slot.Wall(y, m, d, r.To, loc)})
			}
		}
	}
	return slot.Merge(found, within)
}

// Location is the zone of the rules. One that this machine does not know is read as the network's.
func (a Availability) Location() *time.Location {
	if a.Zone != "" && a.Zone != "Local" {
		if loc, err := time.LoadLocation(a.Zone); err == nil {
			return loc
		}
	}
	return Zone()
}

// dayOf is the calendar day of t in loc, as midnight UTC.
func dayOf(t time.Time, loc *time.Location) time.Time {
	y, m, d := t.In(loc).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Tidy checks rules and makes those of a weekday that touch or overlap one. Errors: InvalidError for what is no half hour of a week.
func Tidy(rules []Rule) ([]Rule, error) {
	if len(rules) > maxRules {
		return nil, &account.InvalidError{Field: "rules", Rule: "unknown"}
	}
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(isoDay(a.Day), isoDay(b.Day)), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	var kept []Rule
	for _, r := range sorted {
		if r.Day < time.Sunday || r.Day > time.Saturday || r.From < 0 || r.To > dayEnd || r.From >= r.To || r.From%halfHour != 0 || r.To%halfHour != 0 {
			return nil, &account.InvalidError{Field: "rules", Rule: "unknown"}
		}
		if n := len(kept) - 1; n >= 0 && kept[n].Day == r.Day && r.From <= kept[n].To {
			kept[n].To = max(kept[n].To, r.To)
			continue
		}
		kept = append(kept, r)
	}
	return kept, nil
}

// isoDay counts weekdays from Monday, 1, to Sunday, 7 (ISO 8601).
func isoDay(d time.Weekday) int { return (int(d)+6)%7 + 1 }

// validate holds an absence that is entered on today to the two years that follow.
func (b Absence) validate(today time.Time) error {
	switch {
	case b.First.IsZero():
		return &account.InvalidError{Field: "first_day", Rule: "required"}
	case b.Last.IsZero():
		return &account.InvalidError{Field: "last_day", Rule: "required"}
	case b.Last.Before(b.First):
		return &account.InvalidError{Field: "last_day", Rule: "order"}
	case b.Last.Before(today):
		return &account.InvalidError{Field: "last_day", Rule: "past"}
	case b.Last.After(today.AddDate(2, 0, 0)):
		return &account.InvalidError{Field: "last_day", Rule: "two_years"}
	}
	return nil
}
