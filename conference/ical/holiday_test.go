package ical

import (
	"testing"
	"time"
)

// Dates as the churches' calendars print them.
func TestEasterFallsWhereTheCalendarsSay(t *testing.T) {
	t.Parallel()
	for _, day := range []string{
		"1818-03-22", "1943-04-25", "1954-04-18", "1981-04-19", "2000-04-23", "2008-03-23", "2011-04-24", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2038-04-25", "2049-04-18",
		"2076-04-19", "2285-03-22",
	} {
		want, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := easter(want.Year()); !got.Equal(want) {
			t.Errorf("%d: %s, not %s", want.Year(), got.Format(time.DateOnly), day)
		}
	}
}

func TestEveryLandHasItsOwnNumberOfHolidays(t *testing.T) {
	t.Parallel()
	for land, want := range map[State]int{
		"BW": 12, "BY": 12, "BE": 10, "BB": 12, "HB": 10, "HH": 10, "HE": 10, "MV": 11, "NI": 10, "NW": 11, "RP": 11, "SL": 12, "SN": 11, "ST": 11, "SH": 10, "TH": 11,
	} {
		if got := Holidays(land, 2027); len(got) != want {
			t.Errorf("%s has %d, not %d: %v", land, len(got), want, got)
		}
	}
	if len(States) != 16 {
		t.Error("there are sixteen")
	}
}

func TestHolidaysThatMoveOrAreNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		land State
		day  string
		name string // empty: a working day
	}{
		{"SN", "2026-11-18", "Buß- und Bettag"}, {"SN", "2027-11-17", "Buß- und Bettag"}, {"SN", "2023-11-22", "Buß- und Bettag"}, {"BY", "2027-11-17", ""},
		{"NW", "2027-05-27", "Fronleichnam"}, {"BE", "2027-03-08", "Internationaler Frauentag"}, {"MV", "2022-03-08", ""}, {"MV", "2027-03-08", "Internationaler Frauentag"},
		{"NI", "2017-10-31", ""}, {"NI", "2027-10-31", "Reformationstag"}, {"BB", "2027-03-28", "Ostersonntag"}, {"HE", "2027-03-28", ""}, {"XX", "2027-10-03", "Tag der Deutschen Einheit"},
	} {
		got := ""
		for _, h := range Holidays(c.land, mustDay(t, c.day).Year()) {
			if h.Day.Equal(mustDay(t, c.day)) {
				got = h.Name
			}
		}
		if got != c.name {
			t.Errorf("%s in %s: %q, not %q", c.day, c.land, got, c.name)
		}
	}
}

func mustDay(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
