package mail

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits of one message, in octets.
const (
	maxSubject  = 500
	maxName     = 200
	maxBody     = 256 << 10
	maxCalendar = 256 << 10
	maxKey      = 128 // thread, kind, conference
	maxAddress  = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
)

// Address is a mailbox and the name shown with it, which may be empty.
type Address struct{ Name, Email string }

// Message is one mail to one person.
//
// Thread orders: messages of one thread leave one after the other, as an invitation's do; it is an id, never an
// address. Kind says what the mail is for ("invitation", "sign-in"), Conference to which conference it belongs, if
// any. Text must be complete on its own; HTML may be empty. Calendar is a calendar object of ours with the given
// Method; without it Method is empty. InReplyTo is the Message-ID of an earlier mail; mails with a calendar part that
// leave it empty refer to the first of their thread. From is the address of ours that the mail comes from; empty: the
// installation's. An invitation keeps the one it began with, whatever is configured later: calendars know it by that.
//
// Opens says that the thread begins with this mail and was given its name in the same transaction. Until that ends nobody else can
// queue in a thread that nobody has heard of, and nothing went before, so that neither the thread's lock nor an earlier mail to
// refer to is asked for. Said of any other thread, it takes the promise away that mails leave in order.
type Message struct {
	From         string
	Thread       string
	Opens        bool
	Kind         string
	Conference   string
	Organisation uuid.UUID
	To           Address
	Subject      string
	Text, HTML   string
	Calendar     []byte
	Method       string
	InReplyTo    string
}

// InvalidError names the field and the rule it breaks. It never contains the value.
type InvalidError struct{ Field, Rule string }

func (e *InvalidError) Error() string { return "mail: " + e.Field + ": " + e.Rule }

// check returns the first broken rule as *InvalidError.
func (m Message) check() error {
	if m.Organisation == uuid.Nil {
		return &InvalidError{"Organisation", "required"}
	}
	for _, key := range []struct {
		field, value string
		optional     bool
	}{{"Thread", m.Thread, false}, {"Kind", m.Kind, false}, {"Conference", m.Conference, true}} {
		if !isKey(key.value) && !(key.optional && key.value == "") {
			return &InvalidError{key.field, "shape"}
		}
	}
	if m.From != "" && !isMailbox(m.From) {
		return &InvalidError{"From", "address"}
	}
	if !isMailbox(m.To.Email) {
		return &InvalidError{"To", "address"}
	}
	if !isHeaderText(m.To.Name, maxName) {
		return &InvalidError{"To", "name"}
	}
	if m.Subject == "" || !isHeaderText(m.Subject, maxSubject) {
		return &InvalidError{"Subject", "shape"}
	}
	if m.InReplyTo != "" && !isMessageID(m.InReplyTo) {
		return &InvalidError{"InReplyTo", "shape"}
	}
	return m.checkBodies()
}

func (m Message) checkBodies() error {
	switch {
	case strings.TrimSpace(m.Text) == "":
		return &InvalidError{"Text", "required"}
	case len(m.Text) > maxBody || !isBody(m.Text):
		return &InvalidError{"Text", "shape"}
	case len(m.HTML) > maxBody || !isBody(m.HTML):
		return &InvalidError{"HTML", "shape"}
	case len(m.Calendar) > maxCalendar:
		return &InvalidError{"Calendar", "too-large"}
	case len(m.Calendar) == 0 && m.Method != "":
		return &InvalidError{"Calendar", "required"}
	case len(m.Calendar) == 0:
		return nil
	case !slices.Contains([]string{"REQUEST", "CANCEL", "DECLINECOUNTER"}, m.Method): // what an organizer mails
		return &InvalidError{"Method", "unknown"}
	case m.revision() == nil:
		return &InvalidError{"Calendar", "revision"} // RFC 5546 §2.1.5: without both, calendars cannot tell old from new
	case bytes.Count(m.Calendar, []byte("\r\nMETHOD:")) != 1 || !bytes.Contains(m.Calendar, []byte("\r\nMETHOD:"+m.Method+"\r\n")):
		return &InvalidError{"Method", "differs"} // RFC 6047 §2.4: the parameter equals the property
	}
	return nil
}

// revision is which state of a date a calendar part tells.
type revision struct {
	sequence int32
	stamp    time.Time
}

// revision reads SEQUENCE and DTSTAMP; it is nil where there is no calendar part, or one without them.
func (m Message) revision() *revision {
	written := calendarLine(m.Calendar, "SEQUENCE")
	if written == "" && m.Method == "DECLINECOUNTER" {
		written = "0" // may be left out there, RFC 5546 §3.2.8
	}
	sequence, err := strconv.ParseInt(written, 10, 32)
	if err != nil {
		return nil
	}
	stamp, err := time.Parse("20060102T150405Z", calendarLine(m.Calendar, "DTSTAMP"))
	if err != nil {
		return nil
	}
	return &revision{int32(sequence), stamp}
}

// calendarLine is the value of the first property with a name and no parameters.
func calendarLine(calendar []byte, name string) string {
	_, rest, _ := bytes.Cut(calendar, []byte("\r\n"+name+":"))
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(value)
}

// isKey accepts ids and short words. An at sign would let an address in.
func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && strings.IndexFunc(s, func(r rune) bool { return !isAlnum(r) && !strings.ContainsRune("-_.:/", r) }) < 0
}

// isHeaderText refuses what could end a header line or hide in it.
func isHeaderText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}) < 0
}

func isBody(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f
	}) < 0
}

// isMailbox accepts the dot-atom form of RFC 5321 §4.1.2 in ASCII: what every relay can carry.
func isMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > maxAddress || len(local) > 64 || !isDomain(domain) {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool {
			return !isAlnum(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
		}) >= 0 {
			return false
		}
	}
	return true
}

func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.IndexFunc(label, func(r rune) bool { return !isAlnum(r) && r != '-' }) >= 0 {
			return false
		}
	}
	return len(s) <= 253
}

// isMessageID accepts "<left@right>" in printable ASCII. RFC 5322 §3.6.4
func isMessageID(s string) bool {
	inner, opened := strings.CutPrefix(s, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	return opened && closed && len(s) <= 250 && strings.Count(inner, "@") == 1 &&
		strings.IndexFunc(inner, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) < 0
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
