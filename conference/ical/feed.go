package ical

import (
	"time"

	ics "github.com/emersion/go-ical"
)

// Dated is one date of a feed. Of its Event neither Organizer nor Attendee is written: a feed invites nobody.
type Dated struct {
	Event
	Cancelled bool
}

// Feed renders dates as a calendar to subscribe to (RFC 5545, without a method, and RFC 7986 §5.7 for how often to ask again). zone and
// now are for an empty feed, which some programs refuse to take without anything in it. Errors are *InvalidError.
func Feed(name, tzid string, now time.Time, dates []Dated) ([]byte, error) {
	loc, err := zone(tzid)
	if err != nil {
		return nil, err
	}
	cal := head(form{})
	set(cal, "NAME", escapeText(cleanText(name)))
	set(cal, "X-WR-CALNAME", escapeText(cleanText(name)))
	set(cal, "REFRESH-INTERVAL", "PT1H").Params["VALUE"] = []string{"DURATION"}
	set(cal, "X-PUBLISHED-TTL", "PT1H")
	var events []*ics.Component
	first, last := now, now
	for i, d := range dates {
		event, e, err := d.event(tzid, loc)
		if err != nil {
			return nil, err
		}
		if i == 0 || e.Start.Before(first) {
			first = e.Start
		}
		if i == 0 || e.End.After(last) {
			last = e.End
		}
		events = append(events, event)
	}
	cal.Children = append([]*ics.Component{timezone(tzid, loc, first, last)}, events...)
	return written(cal)
}

func (d Dated) event(tzid string, loc *time.Location) (*ics.Component, Event, error) {
	e := d.Event
	e.Zone = tzid
	e.Summary, e.Location, e.Description = cleanText(e.Summary), cleanText(e.Location), cleanText(e.Description)
	e.Stamp, e.Start, e.End = e.Stamp.Truncate(time.Second), e.Start.Truncate(time.Second), e.End.Truncate(time.Second)
	for _, check := range []func() error{e.checkIdentity, e.checkTimes, e.checkTexts} {
		if err := check(); err != nil {
			return nil, e, err
		}
	}
	event := ics.NewComponent(ics.CompEvent)
	if zoned(e, loc) {
		setWall(event, "DTSTART", e.Start.In(loc), tzid)
		setWall(event, "DTEND", e.End.In(loc), tzid)
	} else {
		set(event, "DTSTART", e.Start.UTC().Format(utcFormat))
		set(event, "DTEND", e.End.UTC().Format(utcFormat))
	}
	f := form{status: "CONFIRMED", link: true}
	switch {
	case d.Cancelled:
		f = form{status: "CANCELLED"}
	case e.Tentative:
		f.status = "TENTATIVE"
	}
	describe(event, e, f)
	return event, e, nil
}
