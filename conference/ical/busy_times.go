package ical

import (
	"slices"
	"strings"
	"time"
)

// exceptions are the occurrences of one UID that do not happen, or not then.
type exceptions struct {
	at   map[int64]bool  // seconds of instants
	days map[string]bool // whole days, as they are written
}

func (x exceptions) has(b begin) bool {
	return x.at[b.at.Unix()] || len(x.days) > 0 && x.days[b.wall.Format("20060102")]
}

// times resolves all entries.
func (r *busyReader) times() ([]Span, error) {
	r.solved = newZoneTable(r.zones)
	moved, onwards := map[string]exceptions{}, map[string][]*entry{}
	for _, e := range r.entries {
		if e.instead.value != "" {
			out := moved[e.uid]
			r.except(&out, e.instead)
			moved[e.uid] = out
		}
		if e.onwards {
			onwards[e.uid] = append(onwards[e.uid], e)
		}
	}
	var spans []Span
	for _, e := range r.entries {
		var out exceptions
		var later []*entry
		if e.instead.value == "" && e.uid != "" {
			out, later = moved[e.uid], onwards[e.uid]
		}
		if e.status == "CANCELLED" || e.free() && len(later) == 0 || r.q.Own != "" && strings.HasSuffix(e.uid, "@"+r.q.Own) {
			continue
		}
		found, ok := r.of(e, out, later)
		if !ok {
			r.unread++
			continue
		}
		if spans = append(spans, found...); len(spans) > maxSpans {
			return nil, &InvalidError{"object", "too-many-dates"}
		}
	}
	return spans, nil
}

// instant is the moment that a stamp means, and the wall clock that it was written with. False for what cannot be read.
func (r *busyReader) instant(s stamp) (at, wall time.Time, ok bool) {
	if strings.HasSuffix(s.value, "Z") {
		t, err := time.Parse(utcFormat, s.value)
		return t, t, err == nil
	}
	if wall, ok = wallTime(s.value); !ok {
		return at, wall, false
	}
	at, ok = r.on(wall, s)
	return at, wall, ok
}

// on is the moment at which the clock by which like was written shows wall.
func (r *busyReader) on(wall time.Time, like stamp) (time.Time, bool) {
	switch {
	case strings.HasSuffix(like.value, "Z"):
		return wall, true
	case like.zone == "" || like.isDate():
		return atWall(wall, r.fallback), true
	}
	return r.solved.instant(like.zone, wall)
}

// except adds an occurrence to those that do not happen; one that cannot be read is none.
func (r *busyReader) except(to *exceptions, s stamp) {
	if to.at == nil {
		*to = exceptions{map[int64]bool{}, map[string]bool{}}
	}
	if s.isDate() {
		to.days[s.value] = true
		return
	}
	if at, _, ok := r.instant(s); ok {
		to.at[at.Unix()] = true
	}
}

// of lists when an entry takes time. later are those that stand for all occurrences from one of its own on. False for an entry that is not
// understood.
func (r *busyReader) of(e *entry, moved exceptions, later []*entry) ([]Span, bool) {
	if e.bad {
		return nil, false
	}
	if len(e.periods) > 0 {
		return r.periods(e.periods)
	}
	if e.start.value == "" {
		return nil, true // a free-busy answer without busy times
	}
	start, wall, ok := r.instant(e.start)
	if !ok {
		return nil, false
	}
	turns, ok := r.turns(e, start, wall, later)
	if !ok {
		return nil, false
	}
	begins, ok := r.begins(e, start, wall, turns)
	if !ok {
		return nil, false
	}
	var own exceptions
	for _, s := range e.except {
		r.except(&own, s)
	}
	var found []Span
	for _, b := range begins {
		t := turnAt(turns, b.at)
		if own.has(b) || moved.has(b) || t.free {
			continue
		}
		span, ok := r.span(b, t, e.start)
		if !ok {
			return nil, false
		}
		found = append(found, span)
	}
	return found, true
}

// span is the time that an occurrence takes as things stand at its turn.
func (r *busyReader) span(b begin, t turn, like stamp) (Span, bool) {
	ok := true
	if t.shift != 0 {
		b.wall = b.wall.Add(t.shift)
		if b.at, ok = r.on(b.wall, like); !ok {
			return Span{}, false
		}
	}
	until := b.at.Add(t.length.exact)
	if t.length.nominal != 0 {
		until, ok = r.on(b.wall.Add(t.length.nominal), like)
	}
	if t.shift == 0 && b.until.After(b.at) {
		until = b.until
	}
	return Span{From: b.at, Until: until}, ok
}

// turn is how the occurrences of an entry are from one of them on: how much later than by its rule, as clocks show it, and how long.
// RFC 5545 §3.2.13
type turn struct {
	from   time.Time
	free   bool
	shift  time.Duration
	length length
}

// turns begin with how the entry itself is, in order.
func (r *busyReader) turns(e *entry, start, wall time.Time, later []*entry) ([]turn, bool) {
	r.steps -= len(later)
	l, ok := r.length(e, start, wall)
	if !ok || len(later) > maxTurns || r.steps < 0 {
		return nil, false
	}
	all := []turn{{free: e.free(), length: l}}
	for _, change := range later {
		t := turn{free: change.free()}
		if t.from, wall, ok = r.instant(change.instead); !ok || change.bad {
			return nil, false
		}
		if !t.free {
			at, moved, ok := r.instant(change.start)
			if !ok {
				return nil, false
			}
			if t.shift = at.Sub(t.from); change.start.zone == change.instead.zone {
				t.shift = moved.Sub(wall)
			}
			if t.length, ok = r.length(change, at, moved); !ok || t.shift.Abs() > longest {
				return nil, false
			}
		}
		all = append(all, t)
	}
	slices.SortStableFunc(all, func(a, b turn) int { return a.from.Compare(b.from) })
	return all, true
}

// turnAt is the last turn that has come when an occurrence would begin by the rule.
func turnAt(turns []turn, at time.Time) turn {
	use := turns[0]
	for _, t := range turns[1:] {
		if !t.from.After(at) {
			use = t
		}
	}
	return use
}

// reach is how long after its time by the rule an occurrence may still last, and how long before it may begin.
func reach(turns []turn) (after, before time.Duration) {
	for _, t := range turns {
		after, before = max(after, t.shift+t.length.nominal+t.length.exact), max(before, -t.shift)
	}
	return after, before
}

// length of an entry: as clocks show it, or exactly. One of them is zero.
type length struct{ nominal, exact time.Duration }

func (r *busyReader) length(e *entry, start, wall time.Time) (length, bool) {
	var l length
	switch {
	case e.end.value != "":
		at, endWall, ok := r.instant(e.end)
		if !ok {
			return l, false
		}
		if l.exact = at.Sub(start); e.end.zone == e.start.zone && e.end.isDate() == e.start.isDate() {
			l = length{nominal: endWall.Sub(wall)}
		}
	case e.duration != "":
		seconds, ok := parseDuration(e.duration)
		if !ok {
			return l, false
		}
		if l.exact = time.Duration(seconds) * time.Second; e.start.isDate() {
			l = length{nominal: l.exact}
		}
	case e.start.isDate():
		l.nominal = 24 * time.Hour // RFC 5545 §3.6.1
	}
	sum := l.nominal + l.exact
	return l, sum >= 0 && sum <= longest
}

// begin is when one occurrence begins; until is set where it has an end of its own.
type begin struct{ at, wall, until time.Time }

// begins lists the occurrences that may touch what is asked for.
func (r *busyReader) begins(e *entry, start, wall time.Time, turns []turn) ([]begin, bool) {
	found := []begin{{at: start, wall: wall}}
	if e.rule != "" && e.instead.value == "" {
		rule, ok := parseRule(e.rule)
		if !ok {
			return nil, false
		}
		if e.start.isDate() {
			rule.hours, rule.minutes = nil, nil // a day has no time: they are to be ignored
		}
		const slack = 48 * time.Hour // zones
		after, before := reach(turns)
		walls, ok := rule.between(wall, r.q.Within.From.UTC().Add(-slack-after), r.q.Within.Until.UTC().Add(slack+before), &r.steps)
		if !ok {
			return nil, false
		}
		last, ok := r.last(rule, e.start)
		if !ok {
			return nil, false
		}
		found = found[:0]
		for _, w := range walls {
			at, ok := r.on(w, e.start)
			if !ok {
				return nil, false
			}
			if last.IsZero() || !at.After(last) {
				found = append(found, begin{at: at, wall: w})
			}
		}
	}
	for _, s := range e.extra {
		b, ok := r.extra(s)
		if !ok {
			return nil, false
		}
		found = append(found, b)
	}
	return found, true
}

// last is the end of a rule, which may be written as a day or without a zone; zero when it has none.
func (r *busyReader) last(rule recurrence, start stamp) (time.Time, bool) {
	if rule.until == "" {
		return time.Time{}, true
	}
	s := stamp{rule.until, start.zone}
	if s.isDate() && !start.isDate() {
		s.value += "T235959"
	}
	at, _, ok := r.instant(s)
	return at, ok
}

// extra reads an RDATE: a date, or a period in the zone of its start.
func (r *busyReader) extra(s stamp) (begin, bool) {
	first, second, period := strings.Cut(s.value, "/")
	at, wall, ok := r.instant(stamp{first, s.zone})
	b := begin{at: at, wall: wall}
	if ok && period {
		b.until, ok = r.periodEnd(at, stamp{second, s.zone})
	}
	return b, ok
}

func (r *busyReader) periodEnd(from time.Time, s stamp) (time.Time, bool) {
	if strings.HasPrefix(s.value, "P") {
		seconds, ok := parseDuration(s.value)
		return from.Add(time.Duration(seconds) * time.Second), ok
	}
	at, _, ok := r.instant(s)
	return at, ok
}

// periods reads FREEBUSY values. RFC 5545 §3.8.2.6.
func (r *busyReader) periods(values []string) ([]Span, bool) {
	var found []Span
	for _, v := range values {
		b, ok := r.extra(stamp{value: strings.TrimSpace(v)})
		if !ok || b.until.Sub(b.at) < 0 || b.until.Sub(b.at) > longest {
			return nil, false
		}
		found = append(found, Span{From: b.at, Until: b.until})
	}
	return found, true
}
