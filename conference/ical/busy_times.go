package ical

import (
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
	moved := map[string]exceptions{}
	for _, e := range r.entries {
		if e.instead.value != "" {
			out := moved[e.uid]
			r.except(&out, e.instead)
			moved[e.uid] = out
		}
	}
	var spans []Span
	for _, e := range r.entries {
		if e.free() || r.q.Own != "" && strings.HasSuffix(e.uid, "@"+r.q.Own) {
			continue
		}
		var out exceptions
		if e.instead.value == "" && e.uid != "" {
			out = moved[e.uid]
		}
		found, ok := r.of(e, out)
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

// of lists when an entry takes time. False for an entry that is not understood.
func (r *busyReader) of(e *entry, moved exceptions) ([]Span, bool) {
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
	length, ok := r.length(e, start, wall)
	if !ok {
		return nil, false
	}
	begins, ok := r.begins(e, start, wall, length)
	if !ok {
		return nil, false
	}
	var own exceptions
	for _, s := range e.except {
		r.except(&own, s)
	}
	var found []Span
	for _, b := range begins {
		if own.has(b) || moved.has(b) {
			continue
		}
		until := b.at.Add(length.exact)
		if length.nominal != 0 {
			if until, ok = r.on(b.wall.Add(length.nominal), e.start); !ok {
				return nil, false
			}
		}
		if b.until.After(b.at) {
			until = b.until
		}
		found = append(found, Span{b.at, until})
	}
	return found, true
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
func (r *busyReader) begins(e *entry, start, wall time.Time, l length) ([]begin, bool) {
	found := []begin{{at: start, wall: wall}}
	if e.rule != "" && e.instead.value == "" {
		rule, ok := parseRule(e.rule)
		if !ok {
			return nil, false
		}
		const slack = 48 * time.Hour // zones
		walls, ok := rule.between(wall, r.q.Within.From.UTC().Add(-slack-l.nominal-l.exact), r.q.Within.Until.UTC().Add(slack), &r.steps)
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
		found = append(found, Span{b.at, b.until})
	}
	return found, true
}
