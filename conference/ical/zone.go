package ical

import (
	"fmt"
	"time"
	_ "time/tzdata" // zone definitions must not depend on the machine

	ics "github.com/emersion/go-ical"

	"github.com/konsil-server/konsil/conference/slot"
)

// patternYears is how long a zone must repeat the same two changes to be written as a rule. Twelve years see every
// weekday on every date of a month, so "last" and "fourth" cannot be confused.
const patternYears = 12

// change is one moment at which a zone's offset changes.
type change struct {
	at       time.Time
	from, to int // seconds east of UTC
	name     string
}

// wall is the local time at which the change happens, told by the old offset, as TZ components want it.
func (c change) wall() time.Time { return c.at.UTC().Add(time.Duration(c.from) * time.Second) }

// timezone defines a zone for the dates between start and end. RFC 5545 §3.6.5
//
// Zones with two changes a year become two rules, zones without changes one observance, all others exactly the
// observances around the date. History is left out on purpose: it moves dates by an hour in Outlook.
func timezone(tzid string, loc *time.Location, start, end time.Time) *ics.Component {
	tz := ics.NewComponent(ics.CompTimezone)
	set(tz, "TZID", tzid)
	year := start.In(loc).Year()
	first := time.Date(year, 1, 1, 0, 0, 0, 0, loc)
	switch changes := changesBetween(loc, first, first.AddDate(patternYears, 0, 0)); {
	case len(changes) == 0 && sameOffset(first, start) && sameOffset(first, end):
		name, offset := start.In(loc).Zone()
		steady := change{at: epoch(offset), from: offset, to: offset, name: name}
		tz.Children = append(tz.Children, observance(steady, ""))
	case yearly(changes):
		for _, c := range changes[:2] {
			c.at = ruleStart(c, changes)
			tz.Children = append(tz.Children, observance(c, ruleOf(c, changes)))
		}
	default:
		for _, c := range changesAround(loc, start, end) {
			tz.Children = append(tz.Children, observance(c, ""))
		}
	}
	return tz
}

// changesBetween lists the changes of offset in [from, until). Changes of name alone are not told to calendars.
func changesBetween(loc *time.Location, from, until time.Time) []change {
	var list []change
	for at := from; ; {
		_, next := at.In(loc).ZoneBounds()
		if next.IsZero() || !next.Before(until) {
			return list
		}
		// Beyond its table Go computes bounds by year: New Year is one too, and some moments are their own bound.
		if !next.After(at) {
			at = at.Add(time.Hour)
			continue
		}
		_, before := next.Add(-time.Second).In(loc).Zone()
		name, after := next.In(loc).Zone()
		if before != after {
			list = append(list, change{next, before, after, name})
		}
		at = next
	}
}

// changesAround lists the observance in force at start and everything up to the first change after end.
func changesAround(loc *time.Location, start, end time.Time) []change {
	name, offset := start.In(loc).Zone()
	list := []change{{at: epoch(offset), from: offset, to: offset, name: name}}
	if past := changesBetween(loc, start.AddDate(-3, 0, 0), start.Add(time.Second)); len(past) > 0 {
		list[0] = past[len(past)-1]
	}
	for _, c := range changesBetween(loc, start, start.AddDate(3, 0, 0)) {
		list = append(list, c)
		if c.at.After(end) {
			break
		}
	}
	return list
}

// yearly reports whether the changes come in the same two places of every year.
func yearly(changes []change) bool {
	if len(changes) != 2*patternYears || ordinal(changes[0], changes) == 0 || ordinal(changes[1], changes) == 0 {
		return false
	}
	for i, c := range changes {
		like := changes[i%2]
		at, usual := c.wall(), like.wall()
		same := at.Month() == usual.Month() && at.Weekday() == usual.Weekday() && clockOf(at) == clockOf(usual) &&
			c.from == like.from && c.to == like.to && c.name == like.name
		if !same {
			return false
		}
	}
	return changes[0].wall().Month() != changes[1].wall().Month()
}

// ordinal tells which of its weekdays in the month the change falls on: -1 the last, 1 to 4 the nth, 0 neither.
func ordinal(c change, changes []change) int {
	nth, last := weekOf(c.wall()), true
	for _, other := range changes {
		w := other.wall()
		if w.Month() != c.wall().Month() {
			continue
		}
		last = last && w.AddDate(0, 0, 7).Month() != w.Month()
		if weekOf(w) != nth {
			nth = 0
		}
	}
	if last {
		return -1
	}
	return nth
}

func clockOf(t time.Time) time.Duration { return t.Sub(t.Truncate(24 * time.Hour)) }

func weekOf(t time.Time) int { return (t.Day() + 6) / 7 }

func ruleOf(c change, changes []change) string {
	w := c.wall()
	day := [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}[w.Weekday()]
	return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", w.Month(), ordinal(c, changes), day)
}

// ruleStart moves a yearly change to 1970, where readers expect a rule to begin.
func ruleStart(c change, changes []change) time.Time {
	w := c.wall()
	day := nthWeekday(1970, w.Month(), w.Weekday(), ordinal(c, changes))
	wall := time.Date(1970, w.Month(), day, w.Hour(), w.Minute(), w.Second(), 0, time.UTC)
	return wall.Add(-time.Duration(c.from) * time.Second)
}

// nthWeekday returns the day of the month of the nth weekday; negative n counts from the end. 0 if there is none.
func nthWeekday(year int, month time.Month, weekday time.Weekday, n int) int {
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	day := 0
	switch {
	case n > 0:
		first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday()
		day = 1 + (int(weekday)-int(first)+7)%7 + (n-1)*7
	case n < 0:
		last := time.Date(year, month, length, 0, 0, 0, 0, time.UTC).Weekday()
		day = length - (int(last)-int(weekday)+7)%7 + (n+1)*7
	}
	if day < 1 || day > length {
		return 0
	}
	return day
}

// epoch is local midnight of 1 January 1970 at an offset.
func epoch(offset int) time.Time { return time.Unix(-int64(offset), 0) }

func sameOffset(a, b time.Time) bool {
	_, x := a.Zone()
	_, y := b.In(a.Location()).Zone()
	return x == y
}

// observance writes one change. Which half is called DAYLIGHT goes by the direction of the change, not by the
// zone data's own flag: Ireland's is the other way round and confuses readers.
func observance(c change, rule string) *ics.Component {
	kind := ics.CompTimezoneStandard
	if c.to > c.from {
		kind = ics.CompTimezoneDaylight
	}
	o := ics.NewComponent(kind)
	set(o, "DTSTART", c.wall().Format(wallFormat))
	set(o, "TZOFFSETFROM", offsetText(c.from))
	set(o, "TZOFFSETTO", offsetText(c.to))
	set(o, "TZNAME", c.name)
	if rule != "" {
		set(o, "RRULE", rule)
	}
	return o
}

// offsetText writes a UTC-OFFSET. RFC 5545 §3.3.14
func offsetText(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf("%02d", seconds%60)
	}
	return s
}

// atWall finds the instant of a local time by the one rule that all dates here go by.
func atWall(wall time.Time, loc *time.Location) time.Time {
	return slot.Wall(wall.Year(), wall.Month(), wall.Day(), wall.Hour()*60+wall.Minute(), loc).Add(time.Duration(wall.Second()) * time.Second)
}
