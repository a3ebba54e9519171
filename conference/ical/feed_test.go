package ical

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAFeedHasDatesAndNobody(t *testing.T) {
	t.Parallel()
	a, b := sample(t), sample(t)
	b.UID, b.Start, b.End = "fedcba9876543210fedcba9876543210@konsil.example", a.Start.AddDate(0, 8, 0), a.End.AddDate(0, 8, 0)
	raw, err := Feed("konsil, Termine", "Europe/Berlin", time.Now(), []Dated{{Event: a}, {Event: b, Cancelled: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"METHOD", "ATTENDEE", "ORGANIZER", "Konsil.example", "Praxis.example", "Groß"} {
		lacks(t, raw, absent)
	}
	lines := unfolded(raw)
	if lines[1] != "VERSION:2.0" || strings.Count(string(raw), "BEGIN:VTIMEZONE") != 1 || strings.Count(string(raw), "BEGIN:VEVENT") != 2 {
		t.Errorf("%s", raw)
	}
	for _, has := range []string{
		"REFRESH-INTERVAL;VALUE=DURATION:PT1H", `NAME:konsil\, Termine`, "DTSTART;TZID=Europe/Berlin:20270330T173000", "DTSTART;TZID=Europe/Berlin:20271130T173000",
	} {
		if line(t, raw, has) != has {
			t.Errorf("%s", has)
		}
	}
	if n := strings.Count(strings.Join(lines, "\n"), "STATUS:CANCELLED"); n != 1 {
		t.Errorf("%d dates are cancelled", n)
	}
	for _, l := range bytes.Split(raw, []byte("\r\n")) {
		if len(l) > maxLine {
			t.Errorf("a line of %d octets", len(l))
		}
	}
	if o := parsed(t, raw); o.Events != 2 || len(o.Notices) != 0 || !o.Start.Equal(a.Start) {
		t.Errorf("reads back as %+v", o)
	}
}

func TestAnEmptyFeedIsACalendar(t *testing.T) {
	t.Parallel()
	raw, err := Feed("konsil", "Europe/Berlin", time.Now(), nil)
	if err != nil || !strings.Contains(string(raw), "BEGIN:VTIMEZONE") {
		t.Errorf("%s %v", raw, err)
	}
	if _, err := Feed("konsil", "Local", time.Now(), nil); err == nil {
		t.Error("the server's own zone is told to the world")
	}
	e := sample(t)
	e.End = e.Start.Add(-time.Hour)
	if _, err := Feed("konsil", "Europe/Berlin", time.Now(), []Dated{{Event: e}}); err == nil {
		t.Error("a date that ends before it begins")
	}
}
