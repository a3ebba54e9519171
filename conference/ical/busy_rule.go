package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of recurrence. A rule may say what never happens, such as 30 February, so the days that are looked at are counted, and not
// only those that are found: of all rules of a file together.
const (
	maxSteps      = 250_000
	maxOccurences = 2_000 // of one rule, in the time that is asked for
	maxListed     = 62    // values of one part of a rule: every day of a month from both ends
)

// recurrence is an RRULE by the day or more. RFC 5545 §3.3.10. Days are what it expands to; the clock is that of the start.
type recurrence struct {
	freq      string
	interval  int
	count     int    // 0: without end
	until     string // as it is written
	months    []int
	monthDays []int
	weekdays  []nthDay
	positions []int
	weekStart time.Weekday
}

// nthDay is a day of the week: the nth of its month or year, from the end when negative; 0: each.
type nthDay struct {
	day time.Weekday
	nth int
}

// parseRule reads a rule in upper case. False for what it does not know: rules by the hour or finer, and by day or week of the year.
func parseRule(s string) (recurrence, bool) {
	r := recurrence{interval: 1, weekStart: time.Monday}
	for part := range strings.SplitSeq(s, ";") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if !r.refine(name, value) {
			return r, false
		}
	}
	nth := slices.ContainsFunc(r.weekdays, func(d nthDay) bool { return d.nth != 0 })
	return r, r.freq != "" && !(nth && (r.freq == "DAILY" || r.freq == "WEEKLY"))
}

func (r *recurrence) refine(name, value string) (ok bool) {
	switch name {
	case "FREQ":
		r.freq = value
		return slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, value)
	case "INTERVAL":
		r.interval, ok = number(value, 1, 10_000)
	case "COUNT":
		r.count, ok = number(value, 1, 1_000_000)
	case "UNTIL":
		r.until, ok = value, value != ""
	case "BYMONTH":
		r.months, ok = numbers(value, 1, 12)
	case "BYMONTHDAY":
		r.monthDays, ok = numbers(value, -31, 31)
	case "BYSETPOS":
		r.positions, ok = numbers(value, -366, 366)
	case "BYDAY":
		for v := range strings.SplitSeq(value, ",") {
			d, known := weekday(v)
			if !known || len(r.weekdays) == maxListed {
				return false
			}
			r.weekdays = append(r.weekdays, d)
		}
		return true
	case "WKST":
		d, known := weekday(value)
		r.weekStart = d.day
		return known && d.nth == 0
	}
	return ok
}

func weekday(s string) (nthDay, bool) {
	if len(s) < 2 {
		return nthDay{}, false
	}
	day := slices.Index([]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}, s[len(s)-2:])
	d, ok := nthDay{day: time.Weekday(day)}, true
	if count := s[:len(s)-2]; count != "" {
		d.nth, ok = number(count, -53, 53)
		ok = ok && d.nth != 0
	}
	return d, ok && day >= 0
}

func number(s string, low, high int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= high
}

// numbers reads a list, in which nought has no meaning.
func numbers(s string, low, high int) (found []int, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		n, ok := number(v, low, high)
		if !ok || n == 0 || len(found) == maxListed {
			return nil, false
		}
		found = append(found, n)
	}
	return found, true
}

// between lists the occurrences of a rule that starts at wall, from low to high, all as clocks show them. It takes from steps what it
// looks at, and is false when that runs out or there are too many.
func (r recurrence) between(wall, low, high time.Time, steps *int) ([]time.Time, bool) {
	start := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
	clock := wall.Sub(start)
	var found, days []time.Time
	left := r.count
	for i := r.skip(start, low); *steps > 0; i++ {
		var first time.Time
		first, days = r.period(days[:0], start, i)
		if first.After(high) {
			return found, true
		}
		*steps -= 1 + len(days)
		for _, day := range r.chosen(days, start) {
			t := day.Add(clock)
			if t.Before(wall) {
				continue
			}
			if !t.Before(low) && !t.After(high) {
				found = append(found, t)
			}
			if left--; left == 0 {
				return found, true
			}
		}
		if len(found) > maxOccurences {
			return nil, false
		}
	}
	return nil, false
}

// skip is how many periods can be left out because they lie before low. Those of a rule with a count have to be counted.
func (r recurrence) skip(start, low time.Time) int {
	if r.count > 0 || !low.After(start) {
		return 0
	}
	days := int(low.Sub(start) / (24 * time.Hour))
	unit := map[string]int{"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}[r.freq]
	return max(0, days/(unit*r.interval)-1)
}

// period is the ith stretch that the rule chooses from: when it begins, and to days its own as far as they come into question.
func (r recurrence) period(days []time.Time, start time.Time, i int) (first time.Time, _ []time.Time) {
	i *= r.interval
	switch r.freq {
	case "DAILY":
		first = start.AddDate(0, 0, i)
		return first, append(days, first)
	case "WEEKLY":
		first = start.AddDate(0, 0, 7*i-(int(start.Weekday())-int(r.weekStart)+7)%7)
		return first, run(days, first, 7)
	case "MONTHLY":
		first = time.Date(start.Year(), start.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		return first, r.ofMonth(days, first, start)
	}
	first = time.Date(start.Year()+i, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case len(r.months) == 0 && len(r.weekdays) == 0 && len(r.monthDays) == 0:
		return first, r.ofMonth(days, time.Date(first.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC), start)
	case len(r.months) == 0 && len(r.monthDays) == 0:
		return first, run(days, first, first.AddDate(1, 0, -1).YearDay())
	}
	for m := time.January; m <= time.December; m++ {
		if len(r.months) == 0 || slices.Contains(r.months, int(m)) {
			days = r.ofMonth(days, time.Date(first.Year(), m, 1, 0, 0, 0, 0, time.UTC), start)
		}
	}
	return first, days
}

// ofMonth adds the days of a month that come into question.
func (r recurrence) ofMonth(days []time.Time, first, start time.Time) []time.Time {
	n := first.AddDate(0, 1, -1).Day()
	if len(r.weekdays) > 0 || len(r.monthDays) > 0 {
		return run(days, first, n)
	}
	if start.Day() > n {
		return days
	}
	return append(days, first.AddDate(0, 0, start.Day()-1))
}

// run adds n days from the first on.
func run(days []time.Time, first time.Time, n int) []time.Time {
	for i := range n {
		days = append(days, first.Add(time.Duration(i)*24*time.Hour)) // UTC: every day has as many
	}
	return days
}

// chosen are the days of a period on which the rule takes place. It writes over days.
func (r recurrence) chosen(days []time.Time, start time.Time) []time.Time {
	kept := days[:0]
	for _, day := range days {
		if r.matches(day, start) {
			kept = append(kept, day)
		}
	}
	if len(r.positions) == 0 {
		return kept
	}
	picked, n := days[:0], len(kept)
	for i, day := range kept {
		if slices.Contains(r.positions, i+1) || slices.Contains(r.positions, i-n) {
			picked = append(picked, day)
		}
	}
	return picked
}

func (r recurrence) matches(day, start time.Time) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(day.Month())) {
		return false
	}
	if len(r.monthDays) > 0 {
		n := day.AddDate(0, 1, -day.Day()).Day()
		if !slices.Contains(r.monthDays, day.Day()) && !slices.Contains(r.monthDays, day.Day()-n-1) {
			return false
		}
	}
	if len(r.weekdays) == 0 {
		return r.freq != "WEEKLY" || day.Weekday() == start.Weekday()
	}
	return slices.ContainsFunc(r.weekdays, func(d nthDay) bool { return d.day == day.Weekday() && (d.nth == 0 || r.isNth(day, d.nth)) })
}

// isNth tells whether a day is the nth of its weekday: in the month, or in the year when the rule is by the year and names no month.
func (r recurrence) isNth(day time.Time, nth int) bool {
	at, of := day.Day(), day.AddDate(0, 1, -day.Day()).Day()
	if r.freq == "YEARLY" && len(r.months) == 0 {
		at, of = day.YearDay(), time.Date(day.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay()
	}
	return nth == (at-1)/7+1 || nth == -((of-at)/7+1)
}
