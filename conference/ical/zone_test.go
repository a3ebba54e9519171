package ical

import (
	"strings"
	"testing"
	"time"
)

// TestDefinitionsGiveTheSameInstantAsTheZoneData renders dates all over the year in zones of every kind. Request
// itself reads each object back through its own VTIMEZONE and fails if an instant moved.
func TestDefinitionsGiveTheSameInstantAsTheZoneData(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/St_Johns",
		"America/Santiago", "America/Sao_Paulo", "Asia/Tokyo", "Asia/Kolkata", "Asia/Jerusalem", "Asia/Tehran",
		"Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Etc/GMT+12"} {
		for year := 2019; year <= 2036; year += 3 {
			for week := range 27 {
				e := sample(t)
				e.Zone = zone
				e.Start = time.Date(year, 1, 3+week*14, week, 15, 0, 0, time.UTC)
				e.End = e.Start.Add(45 * time.Minute)
				if _, err := Request(e); err != nil {
					t.Fatalf("%s at %s: %v", zone, e.Start, err)
				}
			}
		}
	}
}

func TestZonesWithoutYearlyPatternListOnlyWhatIsNear(t *testing.T) {
	t.Parallel()
	e := sample(t)
	e.Zone = "Africa/Casablanca"
	raw := must2(t)(Request(e))
	lacks(t, raw, "RRULE")
	if n := strings.Count(string(raw), "TZOFFSETTO"); n < 2 || n > 3 {
		t.Errorf("%d observances", n)
	}
}

func TestRepeatedHourOfAutumnIsUnambiguous(t *testing.T) {
	t.Parallel()
	first := time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC) // 02:30 CEST
	for _, start := range []time.Time{first, first.Add(time.Hour)} {
		e := sample(t)
		e.Stamp, e.Start, e.End = first.AddDate(0, -1, 0), start, start.Add(2*time.Hour)
		raw := must2(t)(Request(e))
		if got := parsed(t, raw).Start; !got.Equal(start) {
			t.Errorf("%s became %s", start, got)
		}
		local := strings.Contains(string(raw), "DTSTART;TZID=Europe/Berlin:20251026T023000")
		if local != start.Equal(first) {
			t.Errorf("%s is written in local time: %v", start, local)
		}
	}
}

func TestLocalTimesResolveAsRFC5545Says(t *testing.T) {
	t.Parallel()
	berlin, _ := zone("Europe/Berlin")
	list, ok := readObservances(timezone("Europe/Berlin", berlin, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)))
	if !ok {
		t.Fatal("our own definition cannot be read")
	}
	for _, c := range []struct{ wall, want string }{
		{"20251026T015959", "20251025T235959Z"},
		{"20251026T023000", "20251026T003000Z"}, // twice: the first pass
		{"20251026T030000", "20251026T020000Z"},
		{"20250330T015959", "20250330T005959Z"},
		{"20250330T023000", "20250330T013000Z"}, // never: the offset before the gap
		{"20250330T030000", "20250330T010000Z"},
		{"20250101T000000", "20241231T230000Z"},
		{"20251231T235959", "20251231T225959Z"},
	} {
		wall, _ := wallTime(c.wall)
		if got := list.instant(wall).Format(utcFormat); got != c.want {
			t.Errorf("by definition %s is %s, want %s", c.wall, got, c.want)
		}
		if got := atWall(wall, berlin).UTC().Format(utcFormat); got != c.want {
			t.Errorf("by zone data %s is %s, want %s", c.wall, got, c.want)
		}
	}
}

// event wraps properties into a calendar with optional definitions before the event.
func event(definitions string, props ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + definitions + "BEGIN:VEVENT\r\nUID:u\r\n" +
		strings.Join(props, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

func TestForeignZonesResolveByDefinitionThenNameAndNeverByGuess(t *testing.T) {
	t.Parallel()
	outlook := "BEGIN:VTIMEZONE\r\nTZID:Praxiszeit\r\n" +
		"BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n" +
		"END:VTIMEZONE\r\n"
	days := strings.ReplaceAll(outlook, "BYDAY=-1SU", "BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31")
	ended := strings.ReplaceAll(outlook, "BYMONTH=10", "BYMONTH=10;UNTIL=20201025T010000Z")
	listed := "BEGIN:VTIMEZONE\r\nTZID:Praxiszeit\r\nBEGIN:STANDARD\r\nDTSTART:20000101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:20260329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRDATE:20260329T020000,20270328T020000\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
	for _, c := range []struct{ name, definitions, tzid, start, want string }{
		{"outlook summer", outlook, ";TZID=Praxiszeit", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"outlook winter", outlook, ";TZID=\"Praxiszeit\"", "20270130T120000", "2027-01-30T11:00:00Z"},
		{"days of the month", days, ";TZID=Praxiszeit", "20270327T235959", "2027-03-27T22:59:59Z"},
		{"days of the month", days, ";TZID=Praxiszeit", "20270328T030000", "2027-03-28T01:00:00Z"},
		{"rule that ended", ended, ";TZID=Praxiszeit", "20270130T120000", "2027-01-30T10:00:00Z"},
		{"listed dates", listed, ";TZID=Praxiszeit", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"IANA", "", ";TZID=Europe/Berlin", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"prefix", "", ";TZID=/vendor.example/20240101_1/Europe/Berlin", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"prefix of three", "", ";TZID=/vendor.example/America/Argentina/Ushuaia", "20270630T120000", "2027-06-30T15:00:00Z"},
		{"Windows", "", ";TZID=W. Europe Standard Time", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"calendar's own", "X-WR-TIMEZONE:Europe/Berlin\r\n", "", "20270630T120000", "2027-06-30T10:00:00Z"},
		{"UTC", "", "", "20270630T120000Z", "2027-06-30T12:00:00Z"},
		{"unknown", "", ";TZID=Mittelerde", "20270630T120000", "0001-01-01T00:00:00Z"},
		{"server's zone", "", ";TZID=Local", "20270630T120000", "0001-01-01T00:00:00Z"},
		{"floating", "", "", "20270630T120000", "0001-01-01T00:00:00Z"},
		{"no such day", "", "", "20270231T120000Z", "0001-01-01T00:00:00Z"},
	} {
		o := parsed(t, event(c.definitions, "DTSTART"+c.tzid+":"+c.start))
		if got := o.Start.UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if o.Start.IsZero() == (len(o.Notices) == 0) {
			t.Errorf("%s: notices %v", c.name, o.Notices)
		}
	}
}

func TestEveryWindowsNameLeadsToAZone(t *testing.T) {
	t.Parallel()
	for name, iana := range windowsZones {
		if _, err := time.LoadLocation(iana); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
