package ical

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of the guard. The real protection is that a bad object is refused before go-ical sees it: a recursion
// without end kills the process, and a long computation cannot be stopped.
const (
	// MaxSize is the largest input Parse reads, in octets. Mail has a tighter limit of its own.
	MaxSize       = 5 << 20
	maxDepth      = 6
	maxComponents = 10_000
	maxLogical    = 64 << 10  // one unfolded line
	maxPassed     = 2_000     // lines handed to go-ical
	maxParam      = 256       // one parameter handed to go-ical, which copies it once per octet
	maxParams     = 256 << 10 // all parameters handed to go-ical
	maxNotices    = 20
)

// wanted lists, by component, the properties that go on to go-ical. All others only have to be bounded.
var wanted = map[string][]string{
	"VCALENDAR": {"VERSION", "METHOD", "X-WR-TIMEZONE"},
	"VTIMEZONE": {"TZID"},
	"STANDARD":  {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"},
	"DAYLIGHT":  {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"},
	"VEVENT":    subjectProps,
	"VTODO":     subjectProps,
	"VJOURNAL":  subjectProps,
	"VFREEBUSY": subjectProps,
}

// subjectProps are the properties of whatever the object is about.
var subjectProps = []string{"UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DUE", "DURATION", "STATUS", "SUMMARY",
	"DESCRIPTION", "LOCATION", "COMMENT", "ORGANIZER", "ATTENDEE"}

// wantedParams are the parameters that go on to go-ical.
var wantedParams = []string{"TZID", "VALUE", "CN", "PARTSTAT", "ROLE", "RSVP", "EMAIL", "DELEGATED-TO", "DELEGATED-FROM"}

// guard is one linear pass over foreign bytes. It unfolds, checks, repairs and drops, and writes what is left of the
// first calendar with a subject as clean lines.
type guard struct {
	open    []string // components around the current line
	head    strings.Builder
	zones   strings.Builder
	subject strings.Builder

	subjectKind string // component the object is about, once found
	taking      bool   // the current lines belong to it
	calendars   int    // closed so far
	components  int
	events      int
	passed      int
	paramOctets int
	notices     []*InvalidError
}

// clean returns the lines for go-ical.
func (g *guard) clean(raw []byte) (string, error) {
	if len(raw) > MaxSize {
		return "", &InvalidError{"object", "too-large"}
	}
	raw = bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	if err := eachLine(raw, g.line); err != nil {
		return "", err
	}
	switch {
	case len(g.open) > 0:
		return "", &InvalidError{g.open[len(g.open)-1], "unclosed"}
	case g.calendars == 0:
		return "", &InvalidError{"VCALENDAR", "required"}
	}
	return "BEGIN:VCALENDAR\r\n" + g.head.String() + g.zones.String() + g.subject.String() + "END:VCALENDAR\r\n", nil
}

// eachLine unfolds and calls f with every logical line. RFC 5545 §3.1; a bare LF ends a line too.
func eachLine(raw []byte, f func([]byte) error) error {
	var joined []byte
	for len(raw) > 0 {
		var line []byte
		line, raw = nextLine(raw)
		if continues(raw) {
			joined = append(joined[:0], line...)
			for continues(raw) {
				line, raw = nextLine(raw)
				joined = append(joined, line[1:]...)
			}
			line = joined
		}
		if len(line) > maxLogical {
			return &InvalidError{"line", "too-long"}
		}
		if line = bytes.TrimRight(line, " \t\r\x00"); len(line) == 0 {
			continue
		}
		if err := f(line); err != nil {
			return err
		}
	}
	return nil
}

func continues(raw []byte) bool { return len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') }

func nextLine(raw []byte) (line, rest []byte) {
	i := bytes.IndexByte(raw, '\n')
	if i < 0 {
		return raw, nil
	}
	return bytes.TrimSuffix(raw[:i], []byte("\r")), raw[i+1:]
}

func (g *guard) line(line []byte) error {
	name, rest, kind, err := parts(line)
	switch {
	case err != nil:
		return err
	case name == "":
		g.notice("line", "malformed")
		return nil
	case name == "BEGIN":
		return g.begin(kind)
	case name == "END":
		return g.end(kind)
	case len(g.open) == 0:
		g.notice("line", "outside")
		return nil
	}
	return g.property(name, rest)
}

// parts splits a logical line into its name, in capitals, and what follows; kind is the component that a BEGIN or END names. The name of a
// line that is none is empty.
func parts(line []byte) (name string, rest []byte, kind string, err error) {
	end := bytes.IndexAny(line, ";:")
	if end <= 0 || end > 64 || !isToken(line[:end]) {
		return "", nil, "", nil
	}
	name, rest = strings.ToUpper(string(line[:end])), line[end:]
	if name != "BEGIN" && name != "END" {
		return name, rest, "", nil
	}
	kind = strings.ToUpper(strings.TrimSpace(string(rest[1:])))
	if rest[0] != ':' || len(kind) > 64 || !isToken([]byte(kind)) {
		return name, rest, "", &InvalidError{name, "malformed"}
	}
	return name, rest, kind, nil
}

func (g *guard) begin(kind string) error {
	g.components++
	switch {
	case len(g.open) == 0 && kind != "VCALENDAR":
		return &InvalidError{"VCALENDAR", "required"}
	case len(g.open) == maxDepth:
		return &InvalidError{"object", "too-deep"}
	case g.components > maxComponents:
		return &InvalidError{"object", "too-many-components"}
	}
	if kind == "VCALENDAR" && g.subject.Len() == 0 { // the calendars before it were empty
		g.head.Reset()
		g.zones.Reset()
	}
	g.open = append(g.open, kind)
	if kind == "VEVENT" && len(g.open) == 2 {
		g.events++
	}
	if len(g.open) == 2 && g.isSubject(kind) {
		g.subject.Reset() // an event is worth more than a task seen before it
		g.subjectKind, g.taking = kind, true
	}
	return g.pass(g.sink(), "BEGIN:"+kind)
}

// isSubject reports whether this component is what the object is about: the first event, or the first of its kind.
func (g *guard) isSubject(kind string) bool {
	switch {
	case g.calendars > 0 && g.subject.Len() > 0:
		return false
	case kind == "VEVENT":
		return g.subjectKind != kind
	case kind == "VTODO" || kind == "VJOURNAL" || kind == "VFREEBUSY":
		return g.subjectKind == ""
	}
	return false
}

func (g *guard) end(kind string) error {
	if len(g.open) == 0 || g.open[len(g.open)-1] != kind {
		return &InvalidError{"END", "unexpected"}
	}
	err := g.pass(g.sink(), "END:"+kind)
	g.open = g.open[:len(g.open)-1]
	switch len(g.open) {
	case 0:
		g.calendars++
	case 1:
		g.taking = false
	}
	return err
}

// sink is where lines of the current component go, nil for those nobody needs. Once a calendar had a subject, what
// follows it in the file only has to be bounded.
func (g *guard) sink() *strings.Builder {
	switch {
	case len(g.open) == 0 || g.calendars > 0 && !g.taking && g.subject.Len() > 0:
		return nil
	case len(g.open) == 2 && g.taking:
		return &g.subject
	case len(g.open) >= 2 && len(g.open) <= 3 && g.open[1] == "VTIMEZONE":
		return &g.zones
	}
	return nil
}

func (g *guard) pass(sink *strings.Builder, line string) error {
	if sink == nil {
		return nil
	}
	if g.passed++; g.passed > maxPassed {
		return &InvalidError{"object", "too-many-lines"}
	}
	sink.WriteString(line)
	sink.WriteString("\r\n")
	return nil
}

func (g *guard) property(name string, rest []byte) error {
	sink := g.sink()
	if len(g.open) == 1 && (g.calendars == 0 || g.subject.Len() == 0) {
		sink = &g.head
	}
	if sink == nil || !contains(wanted[g.open[len(g.open)-1]], name) {
		return nil
	}
	var b strings.Builder
	b.WriteString(name)
	value, ok := g.params(&b, name, rest)
	if !ok {
		g.notice(name, "malformed")
		return nil
	}
	if g.paramOctets > maxParams {
		return &InvalidError{"object", "too-many-parameters"}
	}
	b.WriteByte(':')
	b.WriteString(printable(value))
	return g.pass(sink, b.String())
}

// params reads ";NAME=value" parts up to the colon, writes the wanted ones in clean form, and returns the value
// behind the colon. Only a linear scan; false if the line does not follow RFC 5545 §3.1.
func (g *guard) params(b *strings.Builder, name string, rest []byte) (value []byte, ok bool) {
	var seen [10]string // go-ical is slow on parameters: each wanted one counts once
	written := 0
	for len(rest) > 0 && rest[0] == ';' {
		eq := bytes.IndexByte(rest, '=')
		if eq < 2 || eq > 64 || !isToken(rest[1:eq]) {
			return nil, false
		}
		param := strings.ToUpper(string(rest[1:eq]))
		first, after, ok := paramValue(rest[eq+1:])
		if !ok {
			return nil, false
		}
		for rest = after; len(rest) > 0 && rest[0] == ','; rest = after { // further values count nothing here
			if _, after, ok = paramValue(rest[1:]); !ok {
				return nil, false
			}
		}
		switch {
		case !contains(wantedParams, param) || contains(seen[:written], param):
		case len(first) > maxParam:
			g.notice(name, "parameter-too-long")
		default:
			writeParam(b, param, printable(first))
			seen[written] = param
			written++
			g.paramOctets += len(first)
		}
	}
	if len(rest) == 0 {
		return nil, false
	}
	return rest[1:], true
}

// paramValue splits off one parameter value; what follows it is one of ";:,".
func paramValue(s []byte) (value, rest []byte, ok bool) {
	var end int
	if len(s) > 0 && s[0] == '"' {
		s = s[1:]
		if end = bytes.IndexByte(s, '"'); end < 0 {
			return nil, nil, false
		}
		value, rest = s[:end], s[end+1:]
	} else {
		if end = bytes.IndexAny(s, `;:,"`); end < 0 {
			return nil, nil, false
		}
		value, rest = s[:end], s[end:]
	}
	return value, rest, len(rest) > 0 && (rest[0] == ';' || rest[0] == ':' || rest[0] == ',')
}

func writeParam(b *strings.Builder, name, value string) {
	if name == "VALUE" {
		value = strings.ToUpper(value) // go-ical compares it exactly
	}
	b.WriteString(";" + name + `="` + value + `"`)
}

// printable returns valid UTF-8 without control characters; a tab stays a blank.
func printable(s []byte) string {
	for _, c := range s {
		if c < ' ' || c >= 0x7f {
			return strings.Map(func(r rune) rune {
				switch {
				case r == '\t':
					return ' '
				case isControl(r):
					return -1
				}
				return r
			}, strings.ToValidUTF8(string(s), string(utf8.RuneError)))
		}
	}
	return string(s)
}

func (g *guard) notice(field, rule string) {
	if len(g.notices) < maxNotices {
		g.notices = append(g.notices, &InvalidError{field, rule})
	}
}

// isToken accepts the characters of names. RFC 5545 §3.1; the underscore is not allowed there but common.
func isToken(s []byte) bool {
	for _, c := range s {
		if !isAlnum(rune(c)) && c != '-' && c != '_' {
			return false
		}
	}
	return len(s) > 0
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// parseDuration reads a DURATION of at most ten years. RFC 5545 §3.3.6; go-ical's own overflows silently.
func parseDuration(s string) (seconds int, ok bool) {
	const limit = 10 * 366 * 86400
	s = strings.TrimPrefix(s, "+")
	s, found := strings.CutPrefix(s, "P")
	if !found || s == "" || s == "T" {
		return 0, false
	}
	units := map[byte]int{'W': 7 * 86400, 'D': 86400}
	for s != "" {
		if s[0] == 'T' {
			s, units = s[1:], map[byte]int{'H': 3600, 'M': 60, 'S': 1}
		}
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 || end > 9 {
			return 0, false
		}
		n, _ := strconv.Atoi(s[:end])
		unit := units[s[end]]
		if unit == 0 || n > limit/unit {
			return 0, false
		}
		if seconds += n * unit; seconds > limit {
			return 0, false
		}
		s = s[end+1:]
	}
	return seconds, true
}
