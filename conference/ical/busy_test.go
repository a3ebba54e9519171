package ical

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
)

func berlinZone(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// spring is March and April 2027: the clock is put forward on 28 March.
func spring(t testing.TB) BusyQuery {
	loc := berlinZone(t)
	return BusyQuery{Within: Span{From: time.Date(2027, 3, 1, 0, 0, 0, 0, loc), Until: time.Date(2027, 5, 1, 0, 0, 0, 0, loc)}, Zone: loc, Own: "konsil.test"}
}

func calendarOf(lines ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n")
}

func eventOf(lines ...string) []byte {
	return calendarOf("BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT")
}

// upTo is a list of all numbers below n.
func upTo(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return strings.Join(all, ",")
}

func told(spans []Span) string {
	var s []string
	for _, b := range spans {
		s = append(s, b.From.UTC().Format("01-02T15:04")+"/"+b.Until.UTC().Format("01-02T15:04"))
	}
	return strings.Join(s, " ")
}

func TestBusyTimesOfACalendar(t *testing.T) {
	t.Parallel()
	const at9 = "DTSTART;TZID=Europe/Berlin:20270302T090000"
	const at10 = "DTEND;TZID=Europe/Berlin:20270302T100000"
	outlook := []string{
		"BEGIN:VTIMEZONE", "TZID:Praxis", "BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD",
		"BEGIN:DAYLIGHT", "DTSTART:16010101T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "END:DAYLIGHT", "END:VTIMEZONE",
	}
	for _, c := range []struct {
		what   string
		raw    []byte
		want   string
		unread int
	}{
		{"an hour", eventOf(at9, at10), "03-02T08:00/03-02T09:00", 0},
		{"in UTC", eventOf("DTSTART:20270302T090000Z", "DURATION:PT30M"), "03-02T09:00/03-02T09:30", 0},
		{"without a zone", eventOf("DTSTART:20270302T090000", "DTEND:20270302T100000"), "03-02T08:00/03-02T09:00", 0},
		{"without a zone in a calendar that has one", calendarOf("X-WR-TIMEZONE:America/New_York", "BEGIN:VEVENT", "DTSTART:20270302T090000", "DTEND:20270302T100000", "END:VEVENT"), "03-02T14:00/03-02T15:00", 0},
		{"a Windows zone", eventOf("DTSTART;TZID=W. Europe Standard Time:20270302T090000", "DTEND;TZID=W. Europe Standard Time:20270302T100000"), "03-02T08:00/03-02T09:00", 0},
		{"a zone that nobody knows", eventOf("DTSTART;TZID=Nirgends:20270302T090000", "DTEND;TZID=Nirgends:20270302T100000"), "", 1},
		{"a zone of its own, over the change", calendarOf(append(outlook, "BEGIN:VEVENT", "DTSTART;TZID=Praxis:20270326T090000", "DTEND;TZID=Praxis:20270326T100000", "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=2", "END:VEVENT")...),
			"03-26T08:00/03-26T09:00 03-29T07:00/03-29T08:00", 0},
		{"a whole day", eventOf("DTSTART;VALUE=DATE:20270328"), "03-27T23:00/03-28T22:00", 0}, // 23 hours
		{"three days", eventOf("DTSTART;VALUE=DATE:20270327", "DTEND;VALUE=DATE:20270330"), "03-26T23:00/03-29T22:00", 0},
		{"over the night of the change, by the clock", eventOf("DTSTART;TZID=Europe/Berlin:20270327T220000", "DTEND;TZID=Europe/Berlin:20270328T060000"), "03-27T21:00/03-28T04:00", 0},
		{"in the hour that is left out", eventOf("DTSTART;TZID=Europe/Berlin:20270328T023000", "DURATION:PT30M"), "03-28T01:30/03-28T02:00", 0},
		{"each week over the change", eventOf("DTSTART;TZID=Europe/Berlin:20270322T090000", "DTEND;TZID=Europe/Berlin:20270322T100000", "RRULE:FREQ=WEEKLY;UNTIL=20270405T070000Z"),
			"03-22T08:00/03-22T09:00 03-29T07:00/03-29T08:00 04-05T07:00/04-05T08:00", 0},
		{"until a day", eventOf("DTSTART;TZID=Europe/Berlin:20270322T233000", "DURATION:PT15M", "RRULE:FREQ=DAILY;UNTIL=20270323"), "03-22T22:30/03-22T22:45 03-23T22:30/03-23T22:45", 0},
		{"since long ago", eventOf("DTSTART;TZID=Europe/Berlin:19990101T090000", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=-1FR"), "03-26T08:00/03-26T09:00 04-30T07:00/04-30T08:00", 0},
		{"but not then, and then instead", eventOf("DTSTART;TZID=Europe/Berlin:20270301T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=Europe/Berlin:20270302T090000", "EXDATE;VALUE=DATE:20270303", "RDATE;TZID=Europe/Berlin:20270310T110000"),
			"03-01T08:00/03-01T09:00 03-04T08:00/03-04T09:00 03-10T10:00/03-10T11:00", 0},
		{"one of a row moved, one called off", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART;TZID=Europe/Berlin:20270301T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;TZID=Europe/Berlin:20270302T090000", "DTSTART;TZID=Europe/Berlin:20270302T150000", "DURATION:PT1H", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID:20270303T080000Z", "STATUS:CANCELLED", "DTSTART;TZID=Europe/Berlin:20270303T090000", "DURATION:PT1H", "END:VEVENT"),
			"03-01T08:00/03-01T09:00 03-02T14:00/03-02T15:00", 0},
		{"one of a row moved into the past", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART:20270301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID:20270302T090000Z", "DTSTART:20270101T090000Z", "DTEND:20270101T100000Z", "END:VEVENT"), "03-01T09:00/03-01T10:00", 0},
		{"moved from one of a row on, longer, with one called off later", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART;TZID=Europe/Berlin:20270322T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270329T090000", "DTSTART;TZID=Europe/Berlin:20270330T110000", "DURATION:PT2H", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;TZID=Europe/Berlin:20270412T090000", "STATUS:CANCELLED", "DTSTART;TZID=Europe/Berlin:20270413T110000", "END:VEVENT"),
			"03-22T08:00/03-22T09:00 03-30T09:00/03-30T11:00 04-06T09:00/04-06T11:00 04-20T09:00/04-20T11:00", 0},
		{"moved from one of a row on, which is named in UTC, and again", calendarOf(
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270331T070000Z", "DTSTART;TZID=Europe/Berlin:20270331T150000", "DURATION:PT30M", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270329T070000Z", "DTSTART;TZID=Europe/Berlin:20270329T110000", "DURATION:PT1H", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "DTSTART;TZID=Europe/Berlin:20270328T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5", "END:VEVENT"),
			"03-28T07:00/03-28T08:00 03-29T09:00/03-29T10:00 03-30T09:00/03-30T10:00 03-31T13:00/03-31T13:30 04-01T13:00/04-01T13:30", 0},
		{"called off from one of a row on", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART:20270301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270303T090000Z", "STATUS:CANCELLED", "DTSTART:20270303T090000Z", "DURATION:PT1H", "END:VEVENT"),
			"03-01T09:00/03-01T10:00 03-02T09:00/03-02T10:00", 0},
		{"shown as free until one of a row, long ago", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART:20250407T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY", "TRANSP:TRANSPARENT", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260407T090000Z", "DTSTART:20260401T090000Z", "DTEND:20260401T100000Z", "END:VEVENT"),
			"04-01T09:00/04-01T10:00", 0},
		{"moved from one of a row on to what is not understood", calendarOf(
			"BEGIN:VEVENT", "UID:r", "DTSTART:20270301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "END:VEVENT",
			"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270303T090000Z", "DTSTART;TZID=Nirgends:20270303T090000", "DURATION:PT1H", "END:VEVENT"), "", 2},
		{"twice a day, at two minutes each", eventOf("DTSTART;TZID=Europe/Berlin:20270328T093000", "DURATION:PT10M", "RRULE:FREQ=DAILY;BYHOUR=9,14;BYMINUTE=0,30;COUNT=4"),
			"03-28T07:30/03-28T07:40 03-28T12:00/03-28T12:10 03-28T12:30/03-28T12:40 03-29T07:00/03-29T07:10", 0},
		{"a whole day with an hour that means nothing", eventOf("DTSTART;VALUE=DATE:20270302", "RRULE:FREQ=DAILY;COUNT=1;BYHOUR=9"), "03-01T23:00/03-02T23:00", 0},
		{"by the day of the year, from both ends", eventOf("DTSTART:20200101T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYYEARDAY=61,-275"), "03-02T09:00/03-02T10:00 04-01T09:00/04-01T10:00", 0},
		{"by the week of the year, on the day that it began on", eventOf("DTSTART:20200102T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYWEEKNO=10,-40"), "03-11T09:00/03-11T10:00 04-01T09:00/04-01T10:00", 0},
		{"by the week of the month", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYWEEKNO=10"), "", 1},
		{"by the hour", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=2"), "", 1},
		{"every minute of every hour", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1M", "RRULE:FREQ=DAILY;BYHOUR=9,10;BYMINUTE="+upTo(60)), "", 1},
		{"called off", eventOf(at9, at10, "STATUS:CANCELLED"), "", 0},
		{"shown as free", eventOf(at9, at10, "TRANSP:TRANSPARENT"), "", 0},
		{"Outlook's free", eventOf(at9, at10, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"), "", 0},
		{"Outlook's elsewhere", eventOf(at9, at10, "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"), "", 0},
		{"not sure yet", eventOf(at9, at10, "STATUS:TENTATIVE", "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"), "03-02T08:00/03-02T09:00", 0},
		{"ours", eventOf("UID:0a1b@konsil.test", at9, at10), "", 0},
		{"a point in time", eventOf(at9), "", 0},
		{"longer than what is asked for", eventOf("DTSTART:20270201T000000Z", "DTEND:20270601T000000Z"), "02-28T23:00/04-30T22:00", 0},
		{"overlapping", calendarOf("BEGIN:VEVENT", "DTSTART:20270302T090000Z", "DTEND:20270302T100000Z", "END:VEVENT", "BEGIN:VEVENT", "DTSTART:20270302T093000Z", "DTEND:20270302T110000Z", "END:VEVENT",
			"BEGIN:VEVENT", "DTSTART:20270302T110000Z", "DTEND:20270302T113000Z", "END:VEVENT"), "03-02T09:00/03-02T11:30", 0},
		{"an answer about free time", calendarOf("BEGIN:VFREEBUSY", "DTSTART:20270301T000000Z", "DTEND:20270401T000000Z",
			"FREEBUSY:20270302T090000Z/PT1H,20270303T090000Z/20270303T100000Z", "FREEBUSY;FBTYPE=FREE:20270304T090000Z/PT1H", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20270305T090000Z/PT1H", "END:VFREEBUSY"),
			"03-02T09:00/03-02T10:00 03-03T09:00/03-03T10:00 03-05T09:00/03-05T10:00", 0},
		{"with an alarm that has times of its own", eventOf(at9, at10, "BEGIN:VALARM", "DURATION:PT9H", "END:VALARM"), "03-02T08:00/03-02T09:00", 0},
		{"by the second", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"), "", 1},
		{"every nought days", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=0"), "", 1},
		{"backwards", eventOf("DTSTART:20270302T090000Z", "DTEND:20270301T090000Z"), "", 1},
		{"on a day that never comes", eventOf("DTSTART:20270302T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "", 0},
		{"with lines that are none", eventOf("???", at9, "NO COLON", at10), "03-02T08:00/03-02T09:00", 0},
		{"of a program with two calendars in a file", append(eventOf(at9, at10), eventOf("DTSTART:20270303T090000Z", "DURATION:PT1H")...), "03-02T08:00/03-02T09:00 03-03T09:00/03-03T10:00", 0},
		{"of a program that writes a mark first", append([]byte("\xEF\xBB\xBF"), eventOf(at9, at10)...), "03-02T08:00/03-02T09:00", 0},
	} {
		got, err := Busy(c.raw, spring(t))
		if err != nil || told(got.Spans) != c.want || got.Unread != c.unread {
			t.Errorf("%s: %s, %d unread, %v; want %s", c.what, told(got.Spans), got.Unread, err, c.want)
		}
	}
}

func TestBusyRefusesWhatIsNoCalendar(t *testing.T) {
	t.Parallel()
	for what, raw := range map[string][]byte{
		"a page":           []byte("<!doctype html>\n<title>Anmelden</title>"),
		"nothing":          nil,
		"cut off":          []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20270302T090000Z\r\n"),
		"closed crosswise": []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n"),
		"too deep":         []byte(strings.Repeat("BEGIN:VCALENDAR\r\n", 7)),
		"too large":        make([]byte, MaxSize+1),
		"a line too long":  calendarOf("X:" + strings.Repeat("x", maxLogical)),
		"too many entries": calendarOf(strings.Repeat("BEGIN:VEVENT\r\nDTSTART:20270302T090000Z\r\nEND:VEVENT\r\n", maxEntries+1)),
	} {
		var invalid *InvalidError
		if _, err := Busy(raw, spring(t)); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The counterpart is a library that has no bounds; the rules here are such that it ends. Positions within a week are left out: it takes the
// first week from the start on, and not as a whole. So are weeks of the year without a weekday, of which it takes all days, where the day
// follows from the start (RFC 5545 §3.3.10), and the 52nd and 53rd week, which it takes for one another in the first days of a year.
func TestRulesAgreeWithAnotherImplementation(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	low, high := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC)
	found := 0
	for range 1_000 {
		start := time.Date(2015+random.IntN(13), time.Month(1+random.IntN(12)), 1+random.IntN(28), 9, 30, 0, 0, time.UTC)
		rule := pick("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY") + pick("", "", ";INTERVAL=2", ";INTERVAL=3") + pick("", "", ";COUNT=5", ";COUNT=400") + pick("", ";WKST=SU", ";WKST=MO")
		switch {
		case strings.Contains(rule, "DAILY"):
			rule += pick("", ";BYMONTH=1,5,12", ";BYDAY=MO,WE,FR,SA,SU")
		case strings.Contains(rule, "WEEKLY"):
			rule += pick("", ";BYDAY=MO,TH", ";BYDAY=SU", ";BYDAY=MO,TU,WE,TH,FR", ";BYDAY=FR;BYMONTH=3,6")
		default:
			rule += pick("", ";BYMONTH=2,7", ";BYMONTHDAY=1,15,-1", ";BYDAY=1MO,-1FR", ";BYDAY=TU;BYSETPOS=-1", ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2,-2", ";BYMONTH=4;BYDAY=2WE", ";BYMONTH=1,9;BYMONTHDAY=13", ";BYDAY=FR;BYMONTHDAY=13")
		}
		if strings.Contains(rule, "YEARLY") && random.IntN(2) == 0 {
			rule, _, _ = strings.Cut(rule, ";BY")
			rule += pick(";BYYEARDAY=1,100,-1,-366", ";BYYEARDAY=60,200;BYDAY=MO,TU,WE", ";BYWEEKNO=1,20,-1;BYDAY=MO,SU", ";BYWEEKNO=1,51,-1;BYDAY=FR,SA;BYMONTH=1,12", ";BYWEEKNO=10,11;BYDAY=TU,TH;BYSETPOS=-1")
		}
		if !strings.Contains(rule, "BYSETPOS") || !strings.Contains(rule, "WEEKLY") {
			rule += pick("", "", "", ";BYHOUR=8,13", ";BYHOUR=0,9,23;BYMINUTE=15", ";BYMINUTE=0,45", ";BYMINUTE=59,1;BYHOUR=7")
		}
		theirs, err := rrule.StrToRRule("DTSTART:" + start.Format(utcFormat) + "\nRRULE:" + rule)
		if err != nil {
			t.Fatal(rule, err)
		}
		want := theirs.Between(low, high, true)
		r, ok := parseRule(rule)
		steps := maxSteps
		got, done := r.between(start, low, high, &steps)
		if !ok || !done || !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s from %v: %v, %v", rule, start, got, want)
		}
		found += len(got)
	}
	if found < 5_000 {
		t.Errorf("only %d occurrences compared", found)
	}
}

func TestWeeksOfTheYearAreThoseOfTheStandardCalendar(t *testing.T) {
	t.Parallel()
	monday := recurrence{weekStart: time.Monday}
	for day := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2041; day = day.AddDate(0, 0, 1) {
		year, week := day.ISOWeek()
		_, last := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
		if got, of := monday.weekOf(day); got != week || of != last {
			t.Fatalf("%s is in week %d of %d, not %d of %d", day.Format(time.DateOnly), got, of, week, last)
		}
	}
	sunday := recurrence{weekStart: time.Sunday}
	for day, want := range map[string][2]int{"2026-12-27": {52, 52}, "2027-01-02": {52, 52}, "2027-01-03": {1, 52}, "2025-01-01": {1, 53}, "2025-12-28": {53, 53}} {
		at, _ := time.Parse(time.DateOnly, day)
		if got, of := sunday.weekOf(at); got != want[0] || of != want[1] {
			t.Errorf("from Sunday on, %s is in week %d of %d, not %v", day, got, of, want)
		}
	}
}

// hostile are files of a mebibyte that would like to take long.
func hostile() map[string][]byte {
	fill := func(one string) []byte {
		return calendarOf(strings.Repeat(one, min((1<<20)/len(one), maxEntries)))
	}
	zone := "BEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nRDATE:" + strings.Repeat("19700101T000000,", 3_000) + "19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	event := func(lines ...string) string {
		return "BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	return map[string][]byte{
		"days that never come":     fill(event("DTSTART:16010101T000000Z", "DURATION:P1D", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")),
		"counted since 1601":       fill(event("DTSTART:16010101T000000Z", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=1000000")),
		"whole years since 1601":   fill(event("DTSTART:16010101T000000Z", "DURATION:P1D", "RRULE:FREQ=YEARLY;BYDAY=MO;COUNT=1000000")),
		"every day":                fill(event("DTSTART:20270301T000000Z", "DURATION:P1D", "RRULE:FREQ=DAILY")),
		"by the second":            fill(event("DTSTART:20270301T000000Z", "DURATION:P1D", "RRULE:FREQ=SECONDLY")),
		"many times of many days":  fill(event("DTSTART:16010101T000000Z", "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=1,2,3;BYMINUTE="+upTo(30)+";BYSETPOS=-1")),
		"weeks that never come":    fill(event("DTSTART:16010101T000000Z", "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6")),
		"rows moved over and over": calendarOf("BEGIN:VEVENT\r\nUID:x\r\nDTSTART:20260101T000000Z\r\nRRULE:FREQ=DAILY;BYHOUR="+upTo(9)+"\r\nEND:VEVENT", strings.Repeat(event("UID:x", "DTSTART:20270301T000000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270301T000000Z", "DURATION:PT1H"), 9_000)),
		"exceptions":               eventOf("DTSTART:20270301T000000Z", "RRULE:FREQ=DAILY", strings.Repeat("EXDATE:20270301T000000Z\r\n", 40_000)),
		"a zone of many changes":   calendarOf(zone, strings.Repeat(event("DTSTART;TZID=Z:20270301T000000", "RRULE:FREQ=DAILY"), 8_000)),
		"one zone in many blocks":  calendarOf(strings.Repeat(zone, 20), strings.Repeat(event("DTSTART;TZID=Z:20270301T000000", "RRULE:FREQ=DAILY"), 100)),
		"parameters":               fill(event("DTSTART;" + strings.Repeat("A=b;", 15_000) + "TZID=Z:20270301T000000")),
		"lines":                    fill("A:\r\n"),
		"components":               fill("BEGIN:X\r\nEND:X\r\n"),
		"many zones nobody knows":  fill(event("DTSTART;TZID=" + strings.Repeat("x/", 100) + ":20270301T000000")),
		"folds":                    calendarOf(strings.Repeat("X\r\n \r\n ", 100_000)),
		"periods":                  calendarOf("BEGIN:VFREEBUSY", strings.TrimSuffix(strings.Repeat("FREEBUSY:20270302T090000Z/PT1H\r\n", 30_000), "\r\n"), "END:VFREEBUSY"),
		"positions and many days":  fill(event("DTSTART:19000101T000000Z", "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS="+strings.TrimSuffix(strings.Repeat("366,", 300), ","))),
		"occurrences moved around": fill(event("UID:x", "DTSTART:20270301T000000Z", "RECURRENCE-ID:20270301T000000Z", "DURATION:PT1H")),
	}
}

func TestHostileCalendarsAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for what, raw := range hostile() {
		var invalid *InvalidError
		if _, err := Busy(raw, spring(t)); err != nil && !errors.As(err, &invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func BenchmarkBusyHostile(b *testing.B) {
	for what, raw := range hostile() {
		b.Run(what, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Busy(raw, spring(b))
			}
		})
	}
}

func BenchmarkBusyOrdinary(b *testing.B) {
	var lines []string
	for i := range 3_000 {
		day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i%1500).Format("20060102")
		e := []string{"BEGIN:VEVENT", fmt.Sprintf("UID:%d@elsewhere", i), "SUMMARY:Sprechstunde", "DESCRIPTION:" + strings.Repeat("Text ", 30),
			"DTSTART;TZID=Europe/Berlin:" + day + "T090000", "DTEND;TZID=Europe/Berlin:" + day + "T100000"}
		if i%20 == 0 {
			e = append(e, "RRULE:FREQ=WEEKLY;COUNT=300")
		}
		lines = append(lines, append(e, "END:VEVENT")...)
	}
	raw := calendarOf(lines...)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Busy(raw, spring(b)); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzBusy holds Busy to its promise: no panic, no other error, and spans in order that lie within and do not touch.
func FuzzBusy(f *testing.F) {
	f.Add(eventOf("DTSTART;TZID=Europe/Berlin:20270302T090000", "DTEND;TZID=Europe/Berlin:20270302T100000", "RRULE:FREQ=MONTHLY;BYDAY=-1FR,2MO;BYSETPOS=1", "EXDATE:20270302T080000Z"))
	f.Add(calendarOf("BEGIN:VFREEBUSY", "FREEBUSY;FBTYPE=BUSY:20270302T090000Z/PT1H", "END:VFREEBUSY"))
	f.Add(calendarOf("BEGIN:VTIMEZONE", "TZID:Z", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE"))
	f.Add(eventOf("UID:a", "RECURRENCE-ID;VALUE=DATE:20270302", "DTSTART;VALUE=DATE:20270303", "RDATE;VALUE=PERIOD:20270302T090000Z/PT1H"))
	f.Add(calendarOf("BEGIN:VEVENT", "UID:r", "DTSTART:20270301T090000Z", "DURATION:PT1H", "RRULE:FREQ=YEARLY;BYWEEKNO=10;BYYEARDAY=61,-300;BYHOUR=1,2;BYMINUTE=0,59;BYSETPOS=-1", "END:VEVENT",
		"BEGIN:VEVENT", "UID:r", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270302T090000Z", "DTSTART:20270302T100000Z", "DURATION:PT2H", "END:VEVENT"))
	for _, raw := range faults() {
		if len(raw) < 5_000 {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		q := spring(t)
		got, err := Busy(raw, q)
		var invalid *InvalidError
		if err != nil && !errors.As(err, &invalid) {
			t.Fatalf("error %v", err)
		}
		last := q.Within.From.Add(-time.Second)
		for _, s := range got.Spans {
			if !s.From.After(last) || !s.Until.After(s.From) || s.Until.After(q.Within.Until) {
				t.Fatalf("spans %s", told(got.Spans))
			}
			last = s.Until
		}
	})
}
