package ical

import (
	"bytes"
	"strings"
	"time"

	"github.com/konsil-server/konsil/conference/slot"
)

// Span is a stretch of time: From is in it, Until is not.
type Span = slot.Span

// BusyQuery says what is wanted of somebody's calendar.
type BusyQuery struct {
	Within Span
	Zone   *time.Location // of entries that name none, unless the calendar has a zone of its own
	Own    string         // host of our UIDs: what came from here is known here better
}

// BusyTimes is all that is taken from somebody's calendar.
type BusyTimes struct {
	Spans  []Span // in order; none touches the next
	Unread int    // entries that say something which is not understood
}

// Bounds of Busy beside those of the guard.
const (
	maxEntries = 10_000 // that could matter
	maxDates   = 5_000  // RDATE, EXDATE or FREEBUSY of one entry
	maxSpans   = 20_000
	maxTurns   = 100 // of one entry, each for all occurrences that follow
	longest    = 2 * 366 * 24 * time.Hour
)

// Busy reads when somebody is not free from a calendar of at most MaxSize octets: a file with any number of events, or free-busy
// answers. Titles, places and people are not looked at. What is cancelled, shown as free or comes from us does not count; what is
// tentative does. Recurrence goes by the day or more (RFC 5545 §3.3.10), at several times of a day if need be; an entry with finer rules, or
// with a zone that nobody knows, is counted in Unread. The error is an *InvalidError when it is no calendar, breaks off, or crosses a bound. Time and memory
// are linear in the input.
func Busy(raw []byte, q BusyQuery) (BusyTimes, error) {
	if len(raw) > MaxSize {
		return BusyTimes{}, &InvalidError{"object", "too-large"}
	}
	r := newBusyReader(q)
	if err := eachLine(bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF")), r.line); err != nil {
		return BusyTimes{}, err
	}
	switch {
	case len(r.open) > 0:
		return BusyTimes{}, &InvalidError{r.open[len(r.open)-1], "unclosed"}
	case r.calendars == 0:
		return BusyTimes{}, &InvalidError{"VCALENDAR", "required"}
	}
	spans, err := r.times()
	if err != nil {
		return BusyTimes{}, err
	}
	return BusyTimes{slot.Merge(spans, q.Within), r.unread}, nil
}

// entry is a VEVENT or VFREEBUSY as it was delivered.
type entry struct {
	uid, status, transparency, shown string
	start, end, instead              stamp // instead: RECURRENCE-ID
	duration, rule                   string
	extra, except                    []stamp  // RDATE, EXDATE
	periods                          []string // FREEBUSY
	onwards                          bool     // instead of an occurrence and of all that follow
	bad                              bool
}

// stamp is a DATE or DATE-TIME with its zone, as it was delivered. The value of an RDATE may be a period.
type stamp struct{ value, zone string }

func (s stamp) isDate() bool { return len(s.value) == len("20060102") }

// free says that the time of the entry is not taken.
func (e *entry) free() bool {
	return e.status == "CANCELLED" || e.transparency == "TRANSPARENT" || e.shown == "FREE" || e.shown == "WORKINGELSEWHERE"
}

// take reads one property of the entry.
func (e *entry) take(name, value string, p busyParams) {
	at := stamp{strings.ToUpper(value), p.zone}
	switch name {
	case "UID":
		e.uid = value
	case "STATUS":
		e.status = strings.ToUpper(value)
	case "TRANSP":
		e.transparency = strings.ToUpper(value)
	case "X-MICROSOFT-CDO-BUSYSTATUS":
		e.shown = strings.ToUpper(value)
	case "DTSTART":
		e.start = at
	case "DTEND":
		e.end = at
	case "RECURRENCE-ID":
		e.instead, e.onwards = at, p.reach == "THISANDFUTURE"
	case "DURATION":
		e.duration = strings.ToUpper(value)
	case "RRULE":
		e.bad = e.bad || e.rule != "" // two rules in one entry: RFC 5545 §3.8.5.3 advises against it
		e.rule = strings.ToUpper(value)
	case "RDATE":
		e.extra = e.dates(e.extra, value, p.zone)
	case "EXDATE":
		e.except = e.dates(e.except, value, p.zone)
	case "FREEBUSY":
		if p.kind != "FREE" {
			e.periods = append(e.periods, strings.Split(strings.ToUpper(value), ",")...)
			e.bad = e.bad || len(e.periods) > maxDates
		}
	}
}

func (e *entry) dates(to []stamp, value, zone string) []stamp {
	for v := range strings.SplitSeq(value, ",") {
		if len(to) == maxDates {
			e.bad = true
			return to
		}
		to = append(to, stamp{strings.ToUpper(strings.TrimSpace(v)), zone})
	}
	return to
}

// past says that the entry was over a while before day (20060102), and can change nothing that comes after.
func (e *entry) past(day string) bool {
	over := func(s stamp) bool { return len(s.value) >= 8 && s.value[:8] < day }
	if e.rule != "" || len(e.extra) > 0 || len(e.periods) > 0 || e.duration != "" || e.onwards || e.instead.value != "" && !over(e.instead) {
		return false
	}
	return over(e.start) && (e.end.value == "" || over(e.end))
}
