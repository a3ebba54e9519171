package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/emersion/go-ical"
)

// zoneTable answers what a TZID of one calendar object means.
type zoneTable struct {
	defined map[string]*ics.Component
	solved  map[string]func(wall time.Time) time.Time
}

func newZoneTable(cal *ics.Component) *zoneTable {
	z := &zoneTable{map[string]*ics.Component{}, map[string]func(time.Time) time.Time{}}
	for _, c := range cal.Children {
		if c.Name != ics.CompTimezone {
			continue
		}
		if id := c.Props.Get("TZID"); id != nil && z.defined[id.Value] == nil {
			z.defined[id.Value] = c
		}
	}
	return z
}

// instant resolves a local time: by the delivered definition, then by IANA name, then by Windows name. Anything
// else is refused; a guess would move the date.
func (z *zoneTable) instant(tzid string, wall time.Time) (time.Time, bool) {
	solve, known := z.solved[tzid]
	if !known {
		solve = z.solver(tzid)
		z.solved[tzid] = solve
	}
	if solve == nil {
		return time.Time{}, false
	}
	return solve(wall), true
}

func (z *zoneTable) solver(tzid string) func(time.Time) time.Time {
	if def := z.defined[tzid]; def != nil {
		if list, ok := readObservances(def); ok {
			return list.instant
		}
	}
	loc := namedZone(tzid)
	if loc == nil {
		return nil
	}
	return func(wall time.Time) time.Time { return atWall(wall, loc) }
}

// namedZone knows IANA names, also behind a vendor's prefix (/vendor/20240101/Europe/Berlin), and Windows names.
func namedZone(tzid string) *time.Location {
	names := []string{tzid, windowsZones[tzid]}
	if parts := strings.Split(strings.Trim(tzid, "/"), "/"); len(parts) > 2 && len(parts) < 12 {
		names = append(names, strings.Join(parts[len(parts)-3:], "/"), strings.Join(parts[len(parts)-2:], "/"))
	}
	for _, name := range names {
		if loc, err := zone(name); err == nil {
			return loc
		}
	}
	return nil
}

// maxOnsets is how many changes of a zone may be listed: two a year for a century. With more it counts as not defined.
const maxOnsets = 200

// observances is a delivered VTIMEZONE.
type observances []foreignObservance

// foreignObservance is one STANDARD or DAYLIGHT block. Times are local by the offset before the change.
type foreignObservance struct {
	start    time.Time
	from, to int
	rule     *yearRule
	extra    []time.Time // RDATE
}

func readObservances(def *ics.Component) (observances, bool) {
	var list observances
	onsets := 0
	for _, c := range def.Children {
		o := foreignObservance{}
		var okStart, okFrom, okTo, okRule bool
		o.start, okStart = wallTime(valueOf(c, "DTSTART"))
		o.from, okFrom = parseOffset(valueOf(c, "TZOFFSETFROM"))
		o.to, okTo = parseOffset(valueOf(c, "TZOFFSETTO"))
		o.rule, okRule = parseYearRule(valueOf(c, "RRULE"), o.start, o.from)
		if !okStart || !okFrom || !okTo || !okRule {
			return nil, false
		}
		for _, p := range c.Props["RDATE"] {
			for day := range strings.SplitSeq(p.Value, ",") {
				t, ok := wallTime(day)
				if !ok || len(o.extra) == maxOnsets {
					return nil, false
				}
				o.extra = append(o.extra, t)
			}
		}
		list = append(list, o)
		if onsets += 1 + len(o.extra); onsets > maxOnsets {
			return nil, false
		}
	}
	return list, len(list) > 0
}

// instant uses the change that came last before the local time. Because a change to winter is told in summer time,
// the repeated hour falls before it and so means its first pass.
func (list observances) instant(wall time.Time) time.Time {
	var onset time.Time
	var use *foreignObservance
	for i := range list {
		if t, ok := list[i].lastOnset(wall); ok && (use == nil || t.After(onset)) {
			onset, use = t, &list[i]
		}
	}
	if use == nil { // before everything that was told: what held before the first change
		first := slices.MinFunc(list, func(a, b foreignObservance) int { return a.start.Compare(b.start) })
		return wall.Add(-time.Duration(first.from) * time.Second)
	}
	offset := use.to
	if gap := time.Duration(use.to-use.from) * time.Second; wall.Sub(onset) < gap {
		offset = use.from // the hour that does not exist
	}
	return wall.Add(-time.Duration(offset) * time.Second)
}

// lastOnset finds the latest start of this observance at or before a local time.
func (o *foreignObservance) lastOnset(wall time.Time) (time.Time, bool) {
	var last time.Time
	found := false
	consider := func(t time.Time) {
		if !t.After(wall) && (!found || t.After(last)) {
			last, found = t, true
		}
	}
	consider(o.start)
	for _, t := range o.extra {
		consider(t)
	}
	if o.rule != nil {
		newest := min(wall.Year(), o.rule.lastYear)
		for year := newest; year >= newest-1; year-- { // this year's may still lie ahead
			if t, ok := o.rule.in(year); ok && !t.Before(o.start) && !t.After(o.rule.until) {
				consider(t)
			}
		}
	}
	return last, found
}

// yearRule is the part of RRULE that zone definitions use: one moment in every year.
type yearRule struct {
	month    time.Month
	day      int // day of the month if weekday is -1
	weekday  time.Weekday
	nth      int   // with weekday: the nth, negative from the end, 0 = the one among days
	days     []int // with nth 0: BYMONTHDAY
	clock    time.Duration
	until    time.Time // local, far away if open
	lastYear int
}

// parseYearRule reads a rule; no rule is fine and nil. False means a form that zone definitions do not use.
func parseYearRule(s string, start time.Time, from int) (*yearRule, bool) {
	if s == "" {
		return nil, true
	}
	r := &yearRule{month: start.Month(), day: start.Day(), weekday: -1, until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), lastYear: 9999}
	r.clock = start.Sub(time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC))
	yearly := false
	for part := range strings.SplitSeq(strings.ToUpper(s), ";") {
		name, value, _ := strings.Cut(part, "=")
		ok := true
		switch name {
		case "FREQ":
			yearly, ok = true, value == "YEARLY"
		case "INTERVAL":
			ok = value == "1"
		case "WKST":
		default:
			ok = r.refine(name, value, start, from)
		}
		if !ok {
			return nil, false
		}
	}
	// A weekday alone would mean every week; together with days of the month or a count it means one day.
	one := r.weekday < 0 || (r.nth != 0) != (len(r.days) > 0)
	return r, yearly && one && (r.weekday < 0 || strings.Contains(s, "BYMONTH="))
}

func (r *yearRule) refine(name, value string, start time.Time, from int) bool {
	switch name {
	case "BYMONTH":
		n, err := strconv.Atoi(value)
		r.month = time.Month(n)
		return err == nil && n >= 1 && n <= 12
	case "BYDAY":
		return r.byDay(value)
	case "BYMONTHDAY":
		for part := range strings.SplitSeq(value, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 || n > 31 || len(r.days) > 31 {
				return false
			}
			r.days = append(r.days, n)
		}
		r.day = r.days[0]
		return true
	case "UNTIL":
		t, ok := wallTime(strings.TrimSuffix(value, "Z"))
		if strings.HasSuffix(value, "Z") {
			t = t.Add(time.Duration(from) * time.Second)
		}
		r.until, r.lastYear = t, min(r.lastYear, t.Year())
		return ok
	case "COUNT":
		n, err := strconv.Atoi(value)
		r.lastYear = min(r.lastYear, start.Year()+n-1)
		return err == nil && n >= 1 && n < 10000
	}
	return false
}

func (r *yearRule) byDay(value string) bool {
	if len(value) < 2 {
		return false
	}
	names := []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
	day := slices.Index(names, value[len(value)-2:])
	r.weekday = time.Weekday(day)
	if count := value[:len(value)-2]; count != "" {
		n, err := strconv.Atoi(count)
		r.nth = n
		return err == nil && day >= 0 && n != 0 && n >= -5 && n <= 5
	}
	return day >= 0
}

// in returns the moment of the rule in one year, in local time.
func (r *yearRule) in(year int) (time.Time, bool) {
	day := r.day
	switch {
	case r.weekday >= 0 && r.nth != 0:
		day = nthWeekday(year, r.month, r.weekday, r.nth)
	case r.weekday >= 0:
		i := slices.IndexFunc(r.days, func(d int) bool {
			return time.Date(year, r.month, d, 0, 0, 0, 0, time.UTC).Weekday() == r.weekday
		})
		if i < 0 {
			return time.Time{}, false
		}
		day = r.days[i]
	}
	if day == 0 {
		return time.Time{}, false
	}
	return time.Date(year, r.month, day, 0, 0, 0, 0, time.UTC).Add(r.clock), true
}

// wallTime reads a local date and time, or a date alone as its midnight.
func wallTime(s string) (time.Time, bool) {
	layout := wallFormat
	if len(s) == len("20060102") {
		layout = "20060102"
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}

// parseOffset reads a UTC-OFFSET of less than a day. RFC 5545 §3.3.14
func parseOffset(s string) (int, bool) {
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:], 10, 32)
	if err != nil {
		return 0, false
	}
	if len(s) == 5 {
		n *= 100
	}
	h, m, sec := int(n/10000), int(n/100%100), int(n%100)
	if h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	total := h*3600 + m*60 + sec
	if s[0] == '-' {
		total = -total
	}
	return total, true
}

// valueOf returns the value of the first property of that name, or "".
func valueOf(c *ics.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}
