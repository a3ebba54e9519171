package conference

import (
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
)

func TestAMailThatCanWaitGoesAtADecentTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, at string
		land     ical.State
		goes     string
	}{
		{"in the middle of a working day", "2027-03-02T14:20:30+01:00", "BE", "2027-03-02T14:20:30+01:00"},
		{"at seven on the dot", "2027-03-02T07:00:00+01:00", "BE", "2027-03-02T07:00:00+01:00"},
		{"a second before seven", "2027-03-02T06:59:59+01:00", "BE", "2027-03-02T07:00:00+01:00"},
		{"a second before eight in the evening", "2027-03-02T19:59:59+01:00", "BE", "2027-03-02T19:59:59+01:00"},
		{"at eight in the evening", "2027-03-02T20:00:00+01:00", "BE", "2027-03-03T07:00:00+01:00"},
		{"on Friday night", "2027-03-05T22:00:00+01:00", "BY", "2027-03-08T07:00:00+01:00"},
		{"on Friday night before Women's Day in Berlin", "2027-03-05T22:00:00+01:00", "BE", "2027-03-09T07:00:00+01:00"},
		{"on Friday night before Women's Day somewhere", "2027-03-05T22:00:00+01:00", "", "2027-03-09T07:00:00+01:00"},
		{"over Easter, while the clock is put forward", "2027-03-25T20:30:00+01:00", "BE", "2027-03-30T07:00:00+02:00"},
		{"on the night the clock is put forward", "2027-03-28T01:59:59+01:00", "BE", "2027-03-30T07:00:00+02:00"},
		{"over the weekend the clock is put back", "2027-10-29T20:00:00+02:00", "BE", "2027-11-01T07:00:00+01:00"},
		{"over that weekend where All Saints' follows", "2027-10-29T20:00:00+02:00", "BY", "2027-11-02T07:00:00+01:00"},
		{"in the hour that comes twice", "2027-10-31T02:30:00+01:00", "HH", "2027-11-01T07:00:00+01:00"},
		{"over the turn of the year", "2027-12-31T21:00:00+01:00", "BE", "2028-01-03T07:00:00+01:00"},
		{"told in UTC, still the day before there", "2027-06-06T23:30:00Z", "BE", "2027-06-07T05:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		if got, want := DecentTime(at, c.land), c.goes; got.In(expertpool.Zone()).Format(time.RFC3339) != inZone(t, want) {
			t.Errorf("%s: %v, want %v", c.what, got, want)
		}
	}
}

func inZone(t *testing.T, s string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(expertpool.Zone()).Format(time.RFC3339)
}

func TestTheWorkingDayBeforeLeavesOutWeekendsAndHolidays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		day, before string
		land        ical.State
	}{
		{"2027-03-03", "2027-03-02", "BE"},
		{"2027-03-08", "2027-03-05", "BY"},
		{"2027-03-30", "2027-03-25", "BE"}, // Good Friday and Easter Monday
		{"2027-11-02", "2027-10-29", "NW"},
		{"2027-11-02", "2027-11-01", "HE"},
		{"2028-01-03", "2027-12-31", ""},
	} {
		day, _ := time.Parse(time.DateOnly, c.day)
		if got := workdayBefore(day, c.land).Format(time.DateOnly); got != c.before {
			t.Errorf("before %s in %q: %s, want %s", c.day, c.land, got, c.before)
		}
	}
}
