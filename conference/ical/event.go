package ical

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Limits of one event, in octets. They keep a whole object far below what mail relays and calendars accept.
const (
	maxName        = 200
	maxSummary     = 255
	maxLocation    = 1024
	maxDescription = 8192
	maxURL         = 1024
	maxComment     = 255
	maxAddress     = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
)

// Address is a person or an office with a mailbox. Name may be empty; Email is plain ASCII.
type Address struct{ Name, Email string }

// Event is one date offered to one person: the state of one invitation, not of the whole conference.
//
// UID comes from NewUID and stays for the invitation's life. Sequence starts at 0 and rises when the person has to
// answer again. Stamp must be later in every new object of the same UID; like Start and End it counts in whole
// seconds. Zone is an IANA name such as Europe/Berlin; "UTC" writes the times in UTC without a zone definition.
// URL is this person's way to the conference (http or https); it appears as CONFERENCE and also in Location or
// Description, because few calendars show CONFERENCE.
type Event struct {
	UID               string
	Sequence          int
	Stamp, Start, End time.Time
	Zone              string
	Summary           string
	Description       string
	Location          string
	URL               string
	Organizer         Address
	Attendee          Address
	Optional          bool // ROLE=OPT-PARTICIPANT
	Tentative         bool // a hold, not yet confirmed
	DisallowCounter   bool // asks Outlook not to offer "propose another time"
	Private           bool // CLASS:PRIVATE: who else looks into the person's calendar sees only that she is busy
}

// InvalidError names the field and the rule it breaks. It never contains the value.
type InvalidError struct{ Field, Rule string }

func (e *InvalidError) Error() string { return "ical: " + e.Field + ": " + e.Rule }

// NewUID returns a fresh identifier: 128 random bits in hexadecimal, an at sign and host, the public domain of the
// installation. It tells nothing about case, conference or person.
func NewUID(host string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24: the program stops instead
	return hex.EncodeToString(b[:]) + "@" + hostOnly(host)
}

// hostOnly reduces a configured public address to what may stand in a UID.
func hostOnly(host string) string {
	host, _, _ = strings.Cut(host, ":")
	host = strings.ToLower(strings.Map(func(r rune) rune {
		if isAlnum(r) || r == '-' || r == '.' {
			return r
		}
		return -1
	}, host))
	if host = strings.Trim(host, ".-"); host == "" {
		return "localhost"
	}
	return host
}

// checked returns the event with clean texts and whole seconds, and its location, or the first broken rule.
func (e Event) checked() (Event, *time.Location, error) {
	loc, err := zone(e.Zone)
	if err != nil {
		return e, nil, err
	}
	e.Summary = strings.ReplaceAll(cleanText(e.Summary), "\n", " ")
	e.Location, e.Description = cleanText(e.Location), cleanText(e.Description)
	e.Organizer.Name, e.Attendee.Name = cleanName(e.Organizer.Name), cleanName(e.Attendee.Name)
	e.Organizer.Email = strings.ToLower(e.Organizer.Email) // some calendars compare byte by byte
	e.Stamp, e.Start, e.End = e.Stamp.Truncate(time.Second), e.Start.Truncate(time.Second), e.End.Truncate(time.Second)
	for _, check := range []func() error{e.checkIdentity, e.checkTimes, e.checkTexts, e.checkPeople} {
		if err := check(); err != nil {
			return e, nil, err
		}
	}
	return e, loc, nil
}

func (e Event) checkIdentity() error {
	random, host, _ := strings.Cut(e.UID, "@")
	if b, err := hex.DecodeString(random); err != nil || len(b) != 16 || len(host) > 190 || !isDomain(host) {
		return &InvalidError{"UID", "shape"}
	}
	if e.Sequence < 0 || e.Sequence > 1<<31-1 {
		return &InvalidError{"Sequence", "range"}
	}
	return nil
}

func (e Event) checkTimes() error {
	for _, t := range []struct {
		field string
		at    time.Time
	}{{"Stamp", e.Stamp}, {"Start", e.Start}, {"End", e.End}} {
		// The zone rules are written from 1970 on, and four-digit years end at 9999.
		if y := t.at.UTC().Year(); t.at.IsZero() || y < 1971 || y > 9998 {
			return &InvalidError{t.field, "range"}
		}
	}
	if !e.End.After(e.Start) {
		return &InvalidError{"End", "after-start"}
	}
	return nil
}

func (e Event) checkTexts() error {
	if e.Summary == "" {
		return &InvalidError{"Summary", "required"}
	}
	for _, t := range []struct {
		field, text string
		limit       int
	}{
		{"Summary", e.Summary, maxSummary}, {"Location", e.Location, maxLocation},
		{"Description", e.Description, maxDescription}, {"URL", e.URL, maxURL},
	} {
		if len(t.text) > t.limit {
			return &InvalidError{t.field, "too-long"}
		}
	}
	if e.URL != "" && !isLink(e.URL) {
		return &InvalidError{"URL", "shape"}
	}
	return nil
}

func (e Event) checkPeople() error {
	if !isMailbox(e.Organizer.Email) {
		return &InvalidError{"Organizer", "address"}
	}
	if !isMailbox(e.Attendee.Email) {
		return &InvalidError{"Attendee", "address"}
	}
	if strings.EqualFold(e.Organizer.Email, e.Attendee.Email) {
		return &InvalidError{"Attendee", "is-organizer"} // calendars never ask an organizer for an answer
	}
	return nil
}

// zone loads an IANA zone. "Local" would mean whatever the server runs in, so it is refused.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, &InvalidError{"Zone", "required"}
	}
	loc, err := time.LoadLocation(name)
	if err != nil || len(name) > 64 {
		return nil, &InvalidError{"Zone", "unknown"}
	}
	return loc, nil
}

// isLink accepts absolute http and https addresses of printable ASCII.
func isLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) < 0
}

// isMailbox accepts the dot-atom form of RFC 5321 §4.1.2: what every calendar and relay can carry.
func isMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > maxAddress || len(local) > 64 || !isDomain(domain) {
		return false
	}
	for _, atom := range strings.Split(local, ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool {
			return !isAlnum(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
		}) >= 0 {
			return false
		}
	}
	return true
}

func isDomain(s string) bool {
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.IndexFunc(label, func(r rune) bool { return !isAlnum(r) && r != '-' }) >= 0 {
			return false
		}
	}
	return true
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// mailto writes a mailbox as a URI. RFC 6068 §2: characters with a meaning of their own are percent-encoded.
func mailto(email string) string {
	var b strings.Builder
	b.WriteString("mailto:")
	for _, r := range email {
		if strings.ContainsRune("%/?#&=`{|}^", r) {
			fmt.Fprintf(&b, "%%%02X", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
