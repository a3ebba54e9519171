package expertpool

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool/account"
)

// moment reads a time in UTC as 2006-01-02 15:04.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func day(t *testing.T, s string) time.Time { return moment(t, s+" 00:00") }

// spansIn writes spans in UTC: 27. 13:00–15:00.
func spansIn(spans []Span) string {
	said := make([]string, len(spans))
	for i, s := range spans {
		said[i] = s.From.UTC().Format("2. 15:04") + "–" + s.Until.UTC().Format("15:04")
	}
	return strings.Join(said, ", ")
}

func TestHoursFollowTheClockThroughTheChangesOf2027(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		rules       []slot.Weekly
		from, until string // UTC
		want        string // UTC
	}{
		{"an afternoon before and after the clock goes forward", []slot.Weekly{{Day: time.Saturday, From: 840, To: 960}, {Day: time.Monday, From: 840, To: 960}}, "2027-03-26 00:00", "2027-03-30 00:00", "27. 13:00–15:00, 29. 12:00–14:00"},
		{"an afternoon before and after the clock goes back", []slot.Weekly{{Day: time.Saturday, From: 840, To: 960}, {Day: time.Monday, From: 840, To: 960}}, "2027-10-29 00:00", "2027-11-02 00:00", "30. 12:00–14:00, 1. 13:00–15:00"},
		{"the hour that is left out has no length", []slot.Weekly{{Day: time.Sunday, From: 120, To: 180}}, "2027-03-27 00:00", "2027-03-29 00:00", ""},
		{"around the hour that is left out there is one hour less", []slot.Weekly{{Day: time.Sunday, From: 60, To: 240}}, "2027-03-27 00:00", "2027-03-29 00:00", "28. 00:00–02:00"},
		{"the hour that comes twice is two", []slot.Weekly{{Day: time.Sunday, From: 120, To: 180}}, "2027-10-30 00:00", "2027-11-01 00:00", "31. 00:00–02:00"},
		{"from midnight to midnight the short day has 23 hours", []slot.Weekly{{Day: time.Sunday, From: 0, To: 1440}}, "2027-03-27 00:00", "2027-03-30 00:00", "27. 23:00–22:00"},
		{"from midnight to midnight the long day has 25 hours", []slot.Weekly{{Day: time.Sunday, From: 0, To: 1440}}, "2027-10-30 00:00", "2027-11-02 00:00", "30. 22:00–23:00"},
		{"what touches over midnight is one stretch", []slot.Weekly{{Day: time.Monday, From: 1380, To: 1440}, {Day: time.Tuesday, From: 0, To: 60}}, "2027-06-07 00:00", "2027-06-09 00:00", "7. 21:00–23:00"},
		{"what is not asked for is cut off", []slot.Weekly{{Day: time.Monday, From: 480, To: 1080}}, "2027-06-07 09:15", "2027-06-07 10:45", "7. 09:15–10:45"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := Availability{Zone: "Europe/Berlin", Rules: c.rules}
			if got := spansIn(a.Between(Span{From: moment(t, c.from), Until: moment(t, c.until)})); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestHoursAreReadInTheirOwnZone(t *testing.T) {
	t.Parallel()
	a := Availability{Zone: "Europe/Lisbon", Rules: []slot.Weekly{{Day: time.Monday, From: 600, To: 660}}}
	monday := Span{From: moment(t, "2027-01-11 00:00"), Until: moment(t, "2027-01-12 00:00")}
	if got := spansIn(a.Between(monday)); got != "11. 10:00–11:00" {
		t.Errorf("in Lisbon: %s", got)
	}
	for _, zone := range []string{"", "Local", "Europe/Nirgendwo"} {
		a.Zone = zone
		if got := spansIn(a.Between(monday)); got != "11. 09:00–10:00" {
			t.Errorf("in zone %q: %s", zone, got)
		}
	}
}

func TestADateIsFreeOutsideAbsentUnknownOrPaused(t *testing.T) {
	t.Parallel()
	since := moment(t, "2027-01-01 00:00")
	week := Availability{Zone: "Europe/Berlin", Rules: []slot.Weekly{{Day: time.Monday, From: 840, To: 960}}}
	away := week
	away.Absences = []Absence{{First: day(t, "2027-03-29"), Last: day(t, "2027-04-02")}}
	paused := away
	paused.Paused = &since
	for _, c := range []struct {
		name        string
		a           Availability
		from, until string // UTC
		want        OnDate
	}{
		{"the whole of her hours, in summer time", week, "2027-03-29 12:00", "2027-03-29 14:00", Free},
		{"one minute before them", week, "2027-03-29 11:59", "2027-03-29 12:30", Outside},
		{"the hours of winter in summer", week, "2027-03-29 14:30", "2027-03-29 15:00", Outside},
		{"another weekday", week, "2027-03-30 12:00", "2027-03-30 12:30", Outside},
		{"nothing said", Availability{}, "2027-03-29 12:00", "2027-03-29 12:30", Unknown},
		{"the first day of an absence", away, "2027-03-29 12:00", "2027-03-29 12:30", Absent},
		{"the last minute of the last day", away, "2027-04-02 21:30", "2027-04-02 22:00", Absent},
		{"the first minute after it", away, "2027-04-02 22:00", "2027-04-02 22:30", Outside},
		{"the evening before, up to midnight", away, "2027-03-28 21:30", "2027-03-28 22:00", Outside},
		{"the evening before, beyond midnight", away, "2027-03-28 21:30", "2027-03-28 22:01", Absent},
		{"a week after it", away, "2027-04-05 12:00", "2027-04-05 12:30", Free},
		{"an absence of somebody who has said nothing else", Availability{Absences: away.Absences}, "2027-03-30 12:00", "2027-03-30 12:30", Absent},
		{"paused", paused, "2027-04-05 12:00", "2027-04-05 12:30", Paused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.a.At(Span{From: moment(t, c.from), Until: moment(t, c.until)}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRulesThatTouchBecomeOneAndWrongOnesAreNamed(t *testing.T) {
	t.Parallel()
	got, err := Tidy([]slot.Weekly{
		{Day: time.Sunday, From: 0, To: 30}, {Day: time.Monday, From: 600, To: 660}, {Day: time.Monday, From: 540, To: 600},
		{Day: time.Monday, From: 570, To: 590 + 10}, {Day: time.Tuesday, From: 660, To: 720}, {Day: time.Monday, From: 720, To: 1440},
	})
	want := []slot.Weekly{{Day: time.Monday, From: 540, To: 660}, {Day: time.Monday, From: 720, To: 1440}, {Day: time.Tuesday, From: 660, To: 720}, {Day: time.Sunday, From: 0, To: 30}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, r := range map[string]slot.Weekly{
		"no length": {Day: time.Monday, From: 600, To: 600}, "backwards": {Day: time.Monday, From: 660, To: 600}, "a quarter": {Day: time.Monday, From: 615, To: 660},
		"to a quarter": {Day: time.Monday, From: 600, To: 645}, "before midnight": {Day: time.Monday, From: -30, To: 30}, "beyond the day": {Day: time.Monday, From: 1410, To: 1470},
		"an eighth weekday": {Day: 7, From: 600, To: 660}, "a weekday before Sunday": {Day: -1, From: 600, To: 660},
	} {
		var invalid *account.InvalidError
		if _, err := Tidy([]slot.Weekly{r}); !errors.As(err, &invalid) || invalid.Field != "rules" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Tidy(make([]slot.Weekly, maxRules+1)); err == nil {
		t.Error("more rules than a week has half hours")
	}
}

func TestAMonthIsTheCalendarsInGermany(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2027-03-31 21:59": "2027-02-28 23:00 2027-03-31 22:00", // still March: the clock went forward in it
		"2027-03-31 22:00": "2027-03-31 22:00 2027-04-30 22:00",
		"2027-12-31 23:00": "2027-12-31 23:00 2028-01-31 23:00",
	} {
		m := MonthOf(moment(t, at))
		if got := m.From.UTC().Format("2006-01-02 15:04") + " " + m.Until.UTC().Format("2006-01-02 15:04"); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
