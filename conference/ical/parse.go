package ical

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	ics "github.com/emersion/go-ical"
)

// Object is what one calendar object says about its first event (or task, journal entry, busy time if it has no
// event). Absent properties are zero values.
type Object struct {
	Method      string // upper case; empty in files that are no messages
	Kind        string // VEVENT, VTODO, VJOURNAL, VFREEBUSY; empty if the calendar is
	UID         string
	Sequence    int
	Stamp       time.Time
	Start, End  time.Time // End from DTEND, DUE or DTSTART plus DURATION
	AllDay      bool      // Start is a date: midnight UTC stands for it
	Zone        string    // TZID of Start as delivered
	Status      string    // upper case
	Summary     string
	Description string
	Location    string
	Comment     string
	Organizer   Address
	Attendees   []Attendee
	Events      int             // VEVENTs in the input
	Notices     []*InvalidError // what was dropped as unreadable, at most 20
}

// Attendee is a person as a calendar object names him. Partstat is upper case, NEEDS-ACTION if absent.
type Attendee struct {
	Address
	Partstat  string
	Role      string
	RSVP      bool
	Delegated bool // hands the place on, or has it from somebody else. RFC 5546 §4.2.5
}

// Parse reads one calendar object of at most MaxSize octets. It takes what common programs write, well-formed or
// not: unreadable lines and values are dropped and listed in Notices. The error is an *InvalidError if the structure
// is broken or a bound is crossed. Time and memory are linear in the input.
func Parse(raw []byte) (*Object, error) {
	g := &guard{}
	lines, err := g.clean(raw)
	if err != nil {
		return nil, err
	}
	var cal *ics.Calendar
	err = guarded(func() (err error) {
		cal, err = ics.NewDecoder(strings.NewReader(lines)).Decode()
		return err
	})
	if err != nil {
		return nil, &InvalidError{"object", "malformed"} // the library's own words may quote the content
	}
	o := &Object{Method: strings.ToUpper(valueOf(cal.Component, "METHOD")), Events: g.events}
	for _, c := range cal.Children {
		if c.Name == g.subjectKind {
			o.read(c, newZoneTable(cal.Component), valueOf(cal.Component, "X-WR-TIMEZONE"), g)
		}
	}
	o.Notices = g.notices
	return o, nil
}

func (o *Object) read(c *ics.Component, zones *zoneTable, fallback string, g *guard) {
	text := func(name string) string { return unescapeText(valueOf(c, name)) }
	o.Kind, o.UID, o.Status = c.Name, text("UID"), strings.ToUpper(valueOf(c, "STATUS"))
	o.Summary, o.Description = text("SUMMARY"), text("DESCRIPTION")
	o.Location, o.Comment = text("LOCATION"), text("COMMENT")
	if s := valueOf(c, "SEQUENCE"); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 0 {
			g.notice("SEQUENCE", "malformed")
		} else {
			o.Sequence = int(n)
		}
	}
	for _, p := range c.Props["ATTENDEE"] {
		o.Attendees = append(o.Attendees, readAttendee(p))
	}
	if p := c.Props.Get("ORGANIZER"); p != nil {
		o.Organizer = readAttendee(*p).Address
	}
	o.readTimes(c, zones, fallback, g)
}

func (o *Object) readTimes(c *ics.Component, zones *zoneTable, fallback string, g *guard) {
	at := func(name string) time.Time {
		p := c.Props.Get(name)
		if p == nil {
			return time.Time{}
		}
		t, rule := readTime(p, zones, fallback)
		if rule != "" {
			g.notice(name, rule)
		}
		return t
	}
	o.Stamp, o.Start, o.End = at("DTSTAMP"), at("DTSTART"), at("DTEND")
	if p := c.Props.Get("DTSTART"); p != nil {
		o.Zone, o.AllDay = p.Params.Get("TZID"), len(p.Value) == len("20060102")
	}
	if c.Props.Get("DUE") != nil {
		o.End = at("DUE")
	}
	if p := c.Props.Get("DURATION"); p != nil && !o.Start.IsZero() && o.End.IsZero() {
		seconds, ok := parseDuration(strings.ToUpper(p.Value))
		if !ok {
			g.notice("DURATION", "malformed")
			return
		}
		o.End = o.Start.Add(time.Duration(seconds) * time.Second)
	}
}

// readTime resolves a DATE or DATE-TIME. A local time without a zone belongs to the calendar's own zone if it names
// one, and otherwise to nobody: guessing would move the date.
func readTime(p *ics.Prop, zones *zoneTable, fallback string) (t time.Time, rule string) {
	if t, err := time.Parse(utcFormat, p.Value); err == nil {
		return t, ""
	}
	wall, ok := wallTime(p.Value)
	tzid := p.Params.Get("TZID")
	switch {
	case !ok:
		return time.Time{}, "malformed"
	case len(p.Value) == len("20060102"):
		return wall, ""
	case tzid == "":
		tzid = fallback
	}
	if tzid == "" {
		return time.Time{}, "floating"
	}
	if t, ok = zones.instant(tzid, wall); !ok {
		return time.Time{}, "zone"
	}
	return t, ""
}

func readAttendee(p ics.Prop) Attendee {
	a := Attendee{
		Address:  Address{Name: decodeCaret(p.Params.Get("CN")), Email: mailbox(p.Value)},
		Partstat: strings.ToUpper(p.Params.Get("PARTSTAT")),
		Role:     strings.ToUpper(p.Params.Get("ROLE")),
		RSVP:     strings.EqualFold(p.Params.Get("RSVP"), "TRUE"),

		Delegated: p.Params.Get("DELEGATED-TO")+p.Params.Get("DELEGATED-FROM") != "",
	}
	if a.Email == "" {
		a.Email = mailbox(p.Params.Get("EMAIL")) // RFC 7986 §6.2, where the value is no mail address
	}
	if a.Partstat == "" {
		a.Partstat = "NEEDS-ACTION"
	}
	return a
}

// mailbox reads a calendar address; "" if it is no mail address. Some programs forget the scheme.
func mailbox(s string) string {
	const scheme = "mailto:"
	s = strings.TrimSpace(s)
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		s = strings.TrimSpace(s[len(scheme):])
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	s = strings.Trim(s, "<>")
	if len(s) > 2*maxAddress || strings.Count(s, "@") != 1 || strings.ContainsAny(s, " :,;") {
		return ""
	}
	return s
}
