package ical

import (
	"bytes"
	"slices"
	"strings"
	"time"

	ics "github.com/emersion/go-ical"
)

// busyProps are the properties that Busy reads of an entry; all others are left where they are.
var busyProps = []string{"UID", "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "DTSTART", "DTEND", "RECURRENCE-ID", "DURATION", "RRULE",
	"RDATE", "EXDATE", "FREEBUSY"}

// busyParams are the parameters that matter to Busy.
type busyParams struct{ zone, kind, reach string }

// busyReader goes over a file line by line. It needs nothing of go-ical but its tree, for definitions of zones.
type busyReader struct {
	q         BusyQuery
	oldest    string // day before which nothing matters
	open      []string
	calendars int

	entry   *entry // the one that is open
	entries []*entry
	unread  int

	zones    *ics.Component // holds the VTIMEZONEs of the file
	zone     *ics.Component // the VTIMEZONE that is open, or its STANDARD or DAYLIGHT
	lines    int            // of definitions of zones
	fallback *time.Location
	solved   *zoneTable
	steps    int // that rules may still take
}

func newBusyReader(q BusyQuery) *busyReader {
	return &busyReader{
		q: q, oldest: q.Within.From.AddDate(0, 0, -3).UTC().Format("20060102"), zones: ics.NewComponent("VCALENDAR"), fallback: q.Zone, steps: maxSteps,
	}
}

func (r *busyReader) line(line []byte) error {
	name, rest, kind, err := parts(line)
	switch {
	case err != nil:
		return err
	case name == "BEGIN":
		return r.begin(kind)
	case name == "END":
		return r.end(kind)
	case len(r.open) == 0: // whatever this is, it is no calendar
		return &InvalidError{"VCALENDAR", "required"}
	case name != "": // a line that is none is somebody's mistake
		r.property(name, rest)
	}
	return nil
}

func (r *busyReader) begin(kind string) error {
	switch {
	case len(r.open) == 0 && kind != "VCALENDAR":
		return &InvalidError{"VCALENDAR", "required"}
	case len(r.open) == maxDepth:
		return &InvalidError{"object", "too-deep"}
	}
	r.open = append(r.open, kind)
	switch {
	case len(r.open) == 2 && (kind == "VEVENT" || kind == "VFREEBUSY"):
		r.entry = &entry{}
	case len(r.open) == 2 && kind == "VTIMEZONE", len(r.open) == 3 && r.open[1] == "VTIMEZONE":
		c := ics.NewComponent(kind)
		parent := r.zones
		if len(r.open) == 3 {
			parent = r.zones.Children[len(r.zones.Children)-1]
		}
		if r.lines++; r.lines <= maxPassed {
			parent.Children = append(parent.Children, c)
		}
		r.zone = c
	}
	return nil
}

func (r *busyReader) end(kind string) error {
	if len(r.open) == 0 || r.open[len(r.open)-1] != kind {
		return &InvalidError{"END", "unexpected"}
	}
	r.open = r.open[:len(r.open)-1]
	switch len(r.open) {
	case 0:
		r.calendars++
	case 1:
		if e := r.entry; e != nil && !e.past(r.oldest) {
			r.entries = append(r.entries, e)
		}
		r.entry, r.zone = nil, nil
	}
	if len(r.entries) > maxEntries {
		return &InvalidError{"object", "too-many-components"}
	}
	return nil
}

func (r *busyReader) property(name string, rest []byte) {
	switch {
	case len(r.open) == 1 && name == "X-WR-TIMEZONE":
		if _, value, ok := busyValue(rest); ok {
			if loc := namedZone(value); loc != nil {
				r.fallback = loc
			}
		}
	case len(r.open) == 2 && r.entry != nil && slices.Contains(busyProps, name):
		p, value, ok := busyValue(rest)
		if !ok {
			r.entry.bad = true
			return
		}
		r.entry.take(name, value, p)
	case r.zone != nil && len(r.open) <= 3 && contains(wanted[r.open[len(r.open)-1]], name):
		if _, value, ok := busyValue(rest); ok && r.lines < maxPassed {
			r.lines++
			prop := ics.NewProp(name)
			prop.Value = value
			r.zone.Props.Add(prop)
		}
	}
}

// busyValue reads ";NAME=value" parts up to the colon, and the value behind it. RFC 5545 §3.1.
func busyValue(rest []byte) (p busyParams, value string, ok bool) {
	for len(rest) > 0 && rest[0] == ';' {
		eq := bytes.IndexByte(rest, '=')
		if eq < 2 || eq > 64 || !isToken(rest[1:eq]) {
			return p, "", false
		}
		name := strings.ToUpper(string(rest[1:eq]))
		first, after, ok := paramValue(rest[eq+1:])
		for ok && len(after) > 0 && after[0] == ',' {
			_, after, ok = paramValue(after[1:])
		}
		if !ok {
			return p, "", false
		}
		rest = after
		switch {
		case name == "TZID" && len(first) <= maxParam:
			p.zone = printable(first)
		case name == "FBTYPE":
			p.kind = strings.ToUpper(printable(first[:min(len(first), maxParam)]))
		case name == "RANGE":
			p.reach = strings.ToUpper(printable(first[:min(len(first), maxParam)]))
		}
	}
	if len(rest) == 0 {
		return p, "", false
	}
	return p, strings.TrimSpace(printable(rest[1:])), true
}
