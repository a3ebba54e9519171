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
	maxClocks     = 96    // times of one day: every quarter of an hour
)

// recurrence is an RRULE by the day or more. RFC 5545 §3.3.10. It expands to days first, and each of them to times.
type recurrence struct {
	freq      string
	interval  int
	count     int    // 0: without end
	until     string // as it is written
	months    []int
	weeks     []int // of the year
	yearDays  []int
	monthDays []int
	weekdays  []nthDay
	hours     []int // without any, those of the start
	minutes   []int
	positions []int
	weekStart time.Weekday
}

// nthDay is a day of the week: the nth of its month or year, from the end when negative; 0: each.
type nthDay struct {
	day time.Weekday
	nth int
}

// parseRule reads a rule in upper case. False for what it does not know: rules by the hour or finer, and what the standard forbids.
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
	return r, r.allowed()
}

// allowed says that the parts of a rule may stand together.
func (r *recurrence) allowed() bool {
	nth := slices.ContainsFunc(r.weekdays, func(d nthDay) bool { return d.nth != 0 })
	switch {
	case r.freq == "" || len(r.hours)*max(1, len(r.minutes)) > maxClocks || len(r.minutes) > maxClocks:
		return false
	case nth && (r.freq == "DAILY" || r.freq == "WEEKLY" || len(r.weeks) > 0):
		return false
	}
	return r.freq == "YEARLY" || len(r.weeks)+len(r.yearDays) == 0
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
	case "BYWEEKNO":
		r.weeks, ok = ordinals(value, 53)
	case "BYYEARDAY":
		r.yearDays, ok = ordinals(value, 366)
	case "BYMONTHDAY":
		r.monthDays, ok = ordinals(value, 31)
	case "BYHOUR":
		r.hours, ok = numbers(value, 0, 23)
	case "BYMINUTE":
		r.minutes, ok = numbers(value, 0, 59)
	case "BYSETPOS":
		r.positions, ok = ordinals(value, 366)
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

func numbers(s string, low, high int) (found []int, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		n, ok := number(v, low, high)
		if !ok || len(found) == maxListed {
			return nil, false
		}
		found = append(found, n)
	}
	return found, true
}

// ordinals are numbers that count from the beginning or, negative, from the end; nought has no meaning.
func ordinals(s string, last int) ([]int, bool) {
	found, ok := numbers(s, -last, last)
	return found, ok && !slices.Contains(found, 0)
}

// between lists the occurrences of a rule that starts at wall, from low to high, all as clocks show them. It takes from steps what it
// looks at, and is false when that runs out or there are too many.
func (r recurrence) between(wall, low, high time.Time, steps *int) ([]time.Time, bool) {
	start := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
	clocks := r.clocks(wall.Sub(start))
	var found, days []time.Time
	left := r.count
	for i := r.skip(start, low); *steps > 0; i++ {
		var first time.Time
		first, days = r.period(days[:0], start, i)
		if first.After(high) {
			return found, true
		}
		*steps -= 1 + len(days)*len(clocks)
		if *steps < 0 {
			break
		}
		for _, t := range r.chosen(days, clocks, start) {
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

// clocks are the times of a day on which the rule takes place, since midnight and in order.
func (r recurrence) clocks(start time.Duration) []time.Duration {
	if len(r.hours)+len(r.minutes) == 0 {
		return []time.Duration{start}
	}
	hours, minutes := r.hours, r.minutes
	if len(hours) == 0 {
		hours = []int{int(start / time.Hour)}
	}
	if len(minutes) == 0 {
		minutes = []int{int(start % time.Hour / time.Minute)}
	}
	var all []time.Duration
	for _, h := range hours {
		for _, m := range minutes {
			all = append(all, time.Duration(h)*time.Hour+time.Duration(m)*time.Minute+start%time.Minute)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
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
	case len(r.weeks)+len(r.yearDays) > 0:
		return first, run(days, first, daysOf(first))
	case len(r.months) == 0 && len(r.weekdays) == 0 && len(r.monthDays) == 0:
		return first, r.ofMonth(days, time.Date(first.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC), start)
	case len(r.months) == 0 && len(r.monthDays) == 0:
		return first, run(days, first, daysOf(first))
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

// daysOf is how many days the year of a day has.
func daysOf(day time.Time) int { return time.Date(day.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay() }

// chosen are the times of a period at which the rule takes place. It writes over days.
func (r recurrence) chosen(days []time.Time, clocks []time.Duration, start time.Time) []time.Time {
	kept := days[:0]
	for _, day := range days {
		if r.matches(day, start) {
			kept = append(kept, day)
		}
	}
	kept = atClocks(kept, clocks)
	if len(r.positions) == 0 {
		return kept
	}
	picked, n := kept[:0], len(kept)
	for i, t := range kept {
		if slices.Contains(r.positions, i+1) || slices.Contains(r.positions, i-n) {
			picked = append(picked, t)
		}
	}
	return picked
}

// atClocks are all these times of all these days. It writes over days where each has one time.
func atClocks(days []time.Time, clocks []time.Duration) []time.Time {
	if len(clocks) == 1 {
		for i := range days {
			days[i] = days[i].Add(clocks[0])
		}
		return days
	}
	all := make([]time.Time, 0, len(days)*len(clocks))
	for _, day := range days {
		for _, clock := range clocks {
			all = append(all, day.Add(clock))
		}
	}
	return all
}

func (r recurrence) matches(day, start time.Time) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(day.Month())) {
		return false
	}
	if len(r.weeks) > 0 && !listed(r.weeks, func() (int, int) { return r.weekOf(day) }) {
		return false
	}
	if len(r.yearDays) > 0 && !listed(r.yearDays, func() (int, int) { return day.YearDay(), daysOf(day) }) {
		return false
	}
	if len(r.monthDays) > 0 && !listed(r.monthDays, func() (int, int) { return day.Day(), day.AddDate(0, 1, -day.Day()).Day() }) {
		return false
	}
	if len(r.weekdays) == 0 {
		byWeek := r.freq == "WEEKLY" || len(r.weeks) > 0 && len(r.yearDays)+len(r.monthDays) == 0
		return !byWeek || day.Weekday() == start.Weekday()
	}
	return slices.ContainsFunc(r.weekdays, func(d nthDay) bool { return d.day == day.Weekday() && (d.nth == 0 || r.isNth(day, d.nth)) })
}

// listed says that a list of ordinals has the one that a day is, of so many.
func listed(ordinals []int, which func() (is, of int)) bool {
	is, of := which()
	return slices.Contains(ordinals, is) || slices.Contains(ordinals, is-of-1)
}

// weekOf is the week of its year that a day is in, and how many that year has. A week belongs to the year in which it has four days or more.
func (r recurrence) weekOf(day time.Time) (week, of int) {
	number := func(d time.Time) int {
		middle := d.AddDate(0, 0, 3-(int(d.Weekday())-int(r.weekStart)+7)%7)
		return (middle.YearDay()-1)/7 + 1
	}
	year := day.AddDate(0, 0, 3-(int(day.Weekday())-int(r.weekStart)+7)%7).Year()
	return number(day), number(time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC)) // as 4 January is in the first week
}

// isNth tells whether a day is the nth of its weekday: in the month, or in the year when the rule is by the year and names no month.
func (r recurrence) isNth(day time.Time, nth int) bool {
	at, of := day.Day(), day.AddDate(0, 1, -day.Day()).Day()
	if r.freq == "YEARLY" && len(r.months) == 0 {
		at, of = day.YearDay(), daysOf(day)
	}
	return nth == (at-1)/7+1 || nth == -((of-at)/7+1)
}
