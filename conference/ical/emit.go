package ical

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/emersion/go-ical"
)

const (
	productID  = "-//konsil//conference//DE"
	wallFormat = "20060102T150405"
	utcFormat  = wallFormat + "Z"
)

// errAltered means that an encoded object does not read back as what was asked for. It is our fault, not the caller's.
var errAltered = errors.New("ical: encoded object differs from its event")

// Request renders an invitation or its update. RFC 5546 §3.2.2
// The bytes belong into a mail part with method=REQUEST, base64 encoded. Errors are *InvalidError.
func Request(e Event) ([]byte, error) {
	return render(e, form{method: "REQUEST", status: "CONFIRMED", partstat: "NEEDS-ACTION", rsvp: true, link: true})
}

// Cancel renders the withdrawal of an invitation. RFC 5546 §3.2.5
// The caller raises Sequence above the last one sent and repeats dates, zone and people. Errors are *InvalidError.
func Cancel(e Event) ([]byte, error) {
	return render(e, form{method: "CANCEL", status: "CANCELLED"})
}

// DeclineCounter tells a calendar that the date it proposed is not taken and the old one stands. RFC 5546 §3.2.8 allows it nothing but
// whose invitation this is, by whom, and a comment: no date, no zone, no ATTENDEE. A calendar that knows the method finds the date, which has
// not changed, by UID; what another one would make of a second copy of it, such as asking for an answer again, cannot happen. Few show
// anything at all: say it in the mail's words too. Errors are *InvalidError.
func DeclineCounter(e Event, comment string) ([]byte, error) {
	e, _, err := e.checked()
	if err != nil {
		return nil, err
	}
	if comment = cleanText(comment); len(comment) > maxComment {
		return nil, &InvalidError{"comment", "too-long"}
	}
	f := form{method: "DECLINECOUNTER"}
	event := ics.NewComponent(ics.CompEvent)
	identify(event, e)
	if e.Sequence == 0 {
		delete(event.Props, "SEQUENCE") // to be left out as a rule, and must be there above 0
	}
	organizer := set(event, "ORGANIZER", mailto(e.Organizer.Email))
	if e.Organizer.Name != "" {
		organizer.Params["CN"] = []string{e.Organizer.Name}
	}
	if comment != "" {
		set(event, "COMMENT", escapeText(comment))
	}
	cal := head(f)
	cal.Children = append(cal.Children, event)
	raw, err := written(cal)
	if err != nil {
		return nil, err
	}
	return raw, proveDecline(raw, e, f, comment)
}

// Answered renders the event with the person's own answer (ACCEPTED, DECLINED, TENTATIVE, or NEEDS-ACTION before there is one) for download after an
// answer on the web. It carries no METHOD, so a calendar imports it instead of replying. Errors are *InvalidError.
func Answered(e Event, partstat string) ([]byte, error) {
	if !slices.Contains([]string{"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"}, partstat) {
		return nil, &InvalidError{"partstat", "unknown"}
	}
	return render(e, form{status: "CONFIRMED", partstat: partstat, link: true})
}

// form is what sets the kinds of objects apart.
type form struct {
	method, status, partstat string
	rsvp                     bool // without RSVP=TRUE Outlook and others show no buttons
	link                     bool // a cancelled date leads nowhere
}

func render(e Event, f form) ([]byte, error) {
	e, loc, err := e.checked()
	if err != nil {
		return nil, err
	}
	if e.Tentative && f.status == "CONFIRMED" {
		f.status = "TENTATIVE"
	}
	cal := head(f)
	event := ics.NewComponent(ics.CompEvent)
	if zoned(e, loc) {
		cal.Children = append(cal.Children, timezone(e.Zone, loc, e.Start, e.End))
		setWall(event, "DTSTART", e.Start.In(loc), e.Zone)
		setWall(event, "DTEND", e.End.In(loc), e.Zone)
	} else {
		set(event, "DTSTART", e.Start.UTC().Format(utcFormat))
		set(event, "DTEND", e.End.UTC().Format(utcFormat))
	}
	describe(event, e, f)
	people(event, e, f)
	cal.Children = append(cal.Children, event)
	return encode(cal, e, f)
}

// head is a calendar with nothing in it yet.
func head(f form) *ics.Component {
	cal := ics.NewComponent(ics.CompCalendar)
	set(cal, "VERSION", "2.0")
	set(cal, "PRODID", productID)
	set(cal, "CALSCALE", "GREGORIAN")
	if f.method != "" {
		set(cal, "METHOD", f.method)
	}
	return cal
}

// zoned reports whether local time says the instants exactly. In the repeated hour of autumn a local time means its
// first pass (RFC 5545 §3.3.5); a date in the second pass can only be written in UTC.
func zoned(e Event, loc *time.Location) bool {
	return e.Zone != "UTC" && atWall(e.Start.In(loc), loc).Equal(e.Start) && atWall(e.End.In(loc), loc).Equal(e.End)
}

func describe(event *ics.Component, e Event, f form) {
	busy := "BUSY"
	if e.Tentative {
		busy = "TENTATIVE"
	}
	identify(event, e)
	set(event, "SUMMARY", escapeText(e.Summary))
	set(event, "STATUS", f.status)
	set(event, "TRANSP", "OPAQUE")
	if e.Private {
		set(event, "CLASS", "PRIVATE") // RFC 5545 §3.8.1.3; left out otherwise, as PUBLIC is meant then
	}
	set(event, "X-MICROSOFT-CDO-BUSYSTATUS", busy)
	set(event, "X-MICROSOFT-DISALLOW-COUNTER", strings.ToUpper(strconv.FormatBool(e.DisallowCounter)))
	switch {
	case e.URL == "":
	case f.link:
		conference(event, e)
		e.Location, e.Description = withLink(e)
	default:
		e.Location, e.Description = without(e.Location, e.URL), without(e.Description, e.URL)
	}
	if e.Location != "" {
		set(event, "LOCATION", escapeText(e.Location))
	}
	if e.Description != "" {
		set(event, "DESCRIPTION", escapeText(e.Description))
	}
}

// identify says which invitation this is about, and which word about it.
func identify(event *ics.Component, e Event) {
	set(event, "UID", e.UID)
	set(event, "SEQUENCE", strconv.Itoa(e.Sequence))
	set(event, "DTSTAMP", e.Stamp.UTC().Format(utcFormat))
}

// conference adds the join link. RFC 7986 §5.11: VALUE=URI is required.
func conference(event *ics.Component, e Event) {
	label := e.Location
	if label == "" || strings.Contains(label, e.URL) {
		label = e.Summary
	}
	p := set(event, "CONFERENCE", e.URL)
	p.Params["VALUE"] = []string{"URI"}
	p.Params["FEATURE"] = []string{"AUDIO", "VIDEO"}
	p.Params["LABEL"] = []string{cleanName(label)}
}

// withLink puts the link where every calendar shows it: the place if that is free, else the first line of the text.
func withLink(e Event) (location, description string) {
	first, _, _ := strings.Cut(e.Description, "\n")
	switch {
	case strings.Contains(e.Location, e.URL) || strings.Contains(first, e.URL):
		return e.Location, e.Description
	case e.Location == "":
		return e.URL, e.Description
	}
	return e.Location, strings.TrimSpace(e.URL + "\n" + e.Description)
}

// without leaves out the lines in which a link stands.
func without(text, link string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, link) }), "\n")
}

func people(event *ics.Component, e Event, f form) {
	organizer := set(event, "ORGANIZER", mailto(e.Organizer.Email))
	attendee := set(event, "ATTENDEE", mailto(e.Attendee.Email))
	for p, name := range map[*ics.Prop]string{organizer: e.Organizer.Name, attendee: e.Attendee.Name} {
		if name != "" {
			p.Params["CN"] = []string{name}
		}
	}
	attendee.Params["CUTYPE"] = []string{"INDIVIDUAL"}
	attendee.Params["ROLE"] = []string{"REQ-PARTICIPANT"}
	if e.Optional {
		attendee.Params["ROLE"] = []string{"OPT-PARTICIPANT"}
	}
	if f.partstat != "" {
		attendee.Params["PARTSTAT"] = []string{f.partstat}
	}
	if f.rsvp {
		attendee.Params["RSVP"] = []string{"TRUE"}
	}
}

// set stores one raw value. go-ical's typed setters escape URIs and rules, lose VALUE and know no zones of ours.
// The returned property is the stored one, for adding parameters.
func set(c *ics.Component, name, value string) *ics.Prop {
	c.Props[name] = []ics.Prop{{Name: name, Params: ics.Params{}, Value: value}}
	return &c.Props[name][0]
}

func setWall(c *ics.Component, name string, t time.Time, tzid string) {
	set(c, name, t.Format(wallFormat)).Params["TZID"] = []string{tzid}
}

// encode writes the tree and proves the result.
func encode(cal *ics.Component, e Event, f form) ([]byte, error) {
	raw, err := written(cal)
	if err != nil {
		return nil, err
	}
	if err := prove(raw, e, f); err != nil {
		return nil, err
	}
	return raw, nil
}

// written writes the tree, puts the head of the calendar in order and folds.
func written(cal *ics.Component) ([]byte, error) {
	var b bytes.Buffer
	if err := guarded(func() error { return ics.NewEncoder(&b).Encode(&ics.Calendar{Component: cal}) }); err != nil {
		return nil, fmt.Errorf("ical: encode: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\r\n"), "\r\n")
	if len(lines) != countLines(cal) {
		return nil, errAltered // a value brought a line of its own
	}
	head := lines[1 : 1+len(cal.Props)]
	slices.SortStableFunc(head, func(a, b string) int { return headRank(a) - headRank(b) })
	return fold(lines), nil
}

// headRank orders the calendar's own properties: some readers want VERSION first, go-ical sorts it last.
func headRank(line string) int {
	name, _, _ := strings.Cut(line, ":")
	order := []string{"VERSION", "PRODID", "CALSCALE", "METHOD"}
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

func countLines(c *ics.Component) int {
	n := 2 // BEGIN and END
	for _, props := range c.Props {
		n += len(props)
	}
	for _, child := range c.Children {
		n += countLines(child)
	}
	return n
}

// prove reads the bytes back as a stranger would, zone definition included, and compares what matters.
func prove(raw []byte, e Event, f form) error {
	got, err := Parse(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", errAltered, err)
	}
	same := len(got.Notices) == 0 && len(got.Attendees) == 1 && got.Events == 1 &&
		got.Method == f.method && got.Status == f.status && got.UID == e.UID && got.Sequence == e.Sequence &&
		got.Stamp.Equal(e.Stamp) && got.Start.Equal(e.Start) && got.End.Equal(e.End) &&
		got.Organizer == e.Organizer && got.Attendees[0].Address == e.Attendee && got.Summary == e.Summary
	if !same {
		return errAltered
	}
	return nil
}

// proveDecline is prove for what has no date.
func proveDecline(raw []byte, e Event, f form, comment string) error {
	got, err := Parse(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", errAltered, err)
	}
	same := len(got.Notices) == 0 && len(got.Attendees) == 0 && got.Events == 1 && got.Start.IsZero() && got.Method == f.method && got.UID == e.UID &&
		got.Sequence == e.Sequence && got.Stamp.Equal(e.Stamp) && got.Organizer == e.Organizer && got.Comment == comment
	if !same {
		return errAltered
	}
	return nil
}

// guarded runs a call into go-ical and turns its panics into errors.
func guarded(call func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("library gave up") // its message may quote personal data
		}
	}()
	return call()
}
