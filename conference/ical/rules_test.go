package ical

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkForm fails unless every physical line obeys RFC 5545 §3.1.
func checkForm(t testing.TB, raw []byte) {
	t.Helper()
	if !utf8.Valid(raw) {
		t.Errorf("not UTF-8: %q", raw)
	}
	rest, ended := strings.CutSuffix(string(raw), "\r\n")
	if !ended {
		t.Error("the last line does not end in CRLF")
	}
	for _, l := range strings.Split(rest, "\r\n") {
		if len(l) > 75 || l == "" || !utf8.ValidString(l) || strings.IndexFunc(l, isControl) >= 0 {
			t.Errorf("bad line of %d octets: %q", len(l), l)
		}
	}
}

func TestLinesAreFoldedOnCodePointsAndEndInCRLF(t *testing.T) {
	t.Parallel()
	for shift := range 8 {
		e := sample(t)
		e.Description = strings.Repeat("x", shift) + strings.Repeat("äß€😀", 200)
		raw := must2(t)(Request(e))
		checkForm(t, raw)
		if got := parsed(t, raw).Description; got != e.URL+"\n"+e.Description {
			t.Errorf("shift %d: text changed to %q", shift, got)
		}
	}
}

func must2(t testing.TB) func([]byte, error) []byte {
	return func(raw []byte, err error) []byte { t.Helper(); return must(t, raw, err) }
}

func TestCalendarHeadStartsWithVersionAndCarriesTheMethod(t *testing.T) {
	t.Parallel()
	lines := unfolded(must2(t)(Request(sample(t))))
	want := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:" + productID, "CALSCALE:GREGORIAN", "METHOD:REQUEST"}
	if got := lines[:5]; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("head is %q", got)
	}
	raw := must2(t)(Answered(sample(t), "DECLINED"))
	lacks(t, raw, "METHOD")
	if !strings.Contains(line(t, raw, "ATTENDEE"), ";PARTSTAT=DECLINED;") {
		t.Error("the answer is missing")
	}
}

func TestUIDIsRandomAndMustStaySo(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[0-9a-f]{32}@konsil\.example$`)
	a, b := NewUID("Konsil.Example:8443"), NewUID("konsil.example")
	if a == b || !shape.MatchString(a) || !shape.MatchString(b) {
		t.Errorf("UIDs %q and %q", a, b)
	}
	if host := NewUID("\r\nX:;"); !strings.HasSuffix(host, "@localhost") && !strings.HasSuffix(host, "@x") {
		t.Errorf("a broken host gives %q", host)
	}
	for _, uid := range []string{"", "4711@konsil.example", "anna@praxis.example", testUID + "\r\nX-A:1", testUID + ";"} {
		e := sample(t)
		e.UID = uid
		refused(t, e, "UID")
	}
}

func TestStampIsUTCAndSequenceAlwaysPresent(t *testing.T) {
	t.Parallel()
	e := sample(t)
	e.Stamp = time.Date(2027, 3, 1, 9, 30, 0, 999, time.FixedZone("x", 3600))
	raw := must2(t)(Request(e))
	if line(t, raw, "DTSTAMP") != "DTSTAMP:20270301T083000Z" || line(t, raw, "SEQUENCE") != "SEQUENCE:0" {
		t.Errorf("got\n%s", raw)
	}
}

func TestEveryMethodDefinesTheZoneItUses(t *testing.T) {
	t.Parallel()
	for _, render := range []func(Event) ([]byte, error){Request, Cancel, accepted} {
		raw := must2(t)(render(sample(t)))
		line(t, raw, "TZID:Europe/Berlin")
		line(t, raw, "DTSTART;TZID=Europe/Berlin:20270330T173000")
		line(t, raw, "DTEND;TZID=Europe/Berlin:20270330T181500")
		lacks(t, raw, "DURATION")
	}
}

func accepted(e Event) ([]byte, error) { return Answered(e, "ACCEPTED") }

func declined(e Event) ([]byte, error) { return DeclineCounter(e, "Es bleibt dabei,\nleider.") }

// TestARefusedProposalSaysWhichInvitationAndNothingElse: RFC 5546 §3.2.8, where SEQUENCE is to be there above 0, and neither a date, a zone nor
// anybody but the organizer.
func TestARefusedProposalSaysWhichInvitationAndNothingElse(t *testing.T) {
	t.Parallel()
	e := sample(t)
	for _, sequence := range []int{0, 2} {
		e.Sequence = sequence
		raw := must2(t)(declined(e))
		checkForm(t, raw)
		var names []string
		for _, l := range unfolded(raw) {
			names = append(names, l[:strings.IndexAny(l, ";:")])
		}
		want := "BEGIN VERSION PRODID CALSCALE METHOD BEGIN COMMENT DTSTAMP ORGANIZER SEQUENCE UID END END"
		if sequence == 0 {
			want = strings.Replace(want, " SEQUENCE", "", 1)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("with SEQUENCE %d: %s", sequence, got)
		}
		o := parsed(t, raw)
		if o.Method != "DECLINECOUNTER" || o.UID != e.UID || o.Sequence != sequence || !o.Stamp.Equal(e.Stamp) || o.Comment != "Es bleibt dabei,\nleider." || o.Organizer.Email != "termine@konsil.example" {
			t.Errorf("reads back as %+v", o)
		}
	}
	var invalid *InvalidError
	if _, err := DeclineCounter(e, strings.Repeat("x", maxComment+1)); !errors.As(err, &invalid) || invalid.Field != "comment" {
		t.Errorf("a comment without end: %v", err)
	}
	if raw := must2(t)(DeclineCounter(e, "\x00 ")); len(raw) == 0 || strings.Contains(string(raw), "COMMENT") {
		t.Errorf("an empty comment is written: %s", raw)
	}
}

// TestEveryObjectHoldsOneCalendarWithOneEvent: several of them in a mail are read in as many ways as there are programs. RFC 5546 §3.2.2 would
// allow more.
func TestEveryObjectHoldsOneCalendarWithOneEvent(t *testing.T) {
	t.Parallel()
	for _, render := range []func(Event) ([]byte, error){Request, Cancel, accepted, declined} {
		raw := must2(t)(render(sample(t)))
		for name, want := range map[string]int{"BEGIN:VCALENDAR": 1, "END:VCALENDAR": 1, "BEGIN:VEVENT": 1, "UID": 1, "DTSTAMP": 1, "ORGANIZER": 1, "\xEF\xBB\xBF": 0} {
			if n := strings.Count("\r\n"+strings.ReplaceAll(string(raw), "\r\n ", ""), "\r\n"+name); n != want {
				t.Errorf("%d times %q in\n%s", n, name, raw)
			}
		}
		if !strings.HasPrefix(string(raw), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") {
			t.Errorf("it begins with %q", raw[:40])
		}
	}
}

func TestUTCModeNeedsNoZone(t *testing.T) {
	t.Parallel()
	e := sample(t)
	e.Zone = "UTC"
	raw := must2(t)(Request(e))
	line(t, raw, "DTSTART:20270330T153000Z")
	lacks(t, raw, "TZID")
}

func TestEventsNeverRecurRingOrCarryExtras(t *testing.T) {
	t.Parallel()
	for _, render := range []func(Event) ([]byte, error){Request, Cancel, accepted, declined} {
		raw := must2(t)(render(sample(t)))
		event := string(raw[strings.Index(string(raw), "BEGIN:VEVENT"):])
		for _, no := range []string{"RRULE", "RDATE", "VALARM", "ATTACH", "X-ALT-DESC", "CLASS", "SENT-BY", "RECURRENCE-ID"} {
			if strings.Contains(event, no) {
				t.Errorf("%s in\n%s", no, event)
			}
		}
		if n := strings.Count(event, "X-MICROSOFT-"); n != 2 && n != 0 {
			t.Errorf("%d X-MICROSOFT properties", n)
		}
	}
}

func TestOrganizerIsLowerCaseAndAttendeeKeepsItsSpelling(t *testing.T) {
	t.Parallel()
	raw := must2(t)(Request(sample(t)))
	if got := line(t, raw, "ORGANIZER"); !strings.HasSuffix(got, ":mailto:termine@konsil.example") {
		t.Error(got)
	}
	got := line(t, raw, "ATTENDEE")
	for _, want := range []string{";CUTYPE=INDIVIDUAL;", ";PARTSTAT=NEEDS-ACTION;", ";ROLE=REQ-PARTICIPANT;", ";RSVP=TRUE:", ":mailto:A.Gross@Praxis.example"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	e := sample(t)
	e.Optional = true
	if got := line(t, must2(t)(Request(e)), "ATTENDEE"); !strings.Contains(got, "ROLE=OPT-PARTICIPANT") {
		t.Error(got)
	}
}

func TestNamesLoseQuotesCaretsAndControlCharacters(t *testing.T) {
	t.Parallel()
	e := sample(t)
	e.Attendee.Name = "Eva \"Evi\" ^n\r\nATTENDEE:mailto:x@y.example\x00\x1b\u0085"
	raw := must2(t)(Request(e))
	want := "Eva „Evi“ n ATTENDEE:mailto:x@y.example"
	if got := parsed(t, raw).Attendees; len(got) != 1 || got[0].Name != want {
		t.Errorf("attendees %+v", got)
	}
	lacks(t, raw, "^")
}

func TestStatusFollowsKindAndHold(t *testing.T) {
	t.Parallel()
	hold := sample(t)
	hold.Tentative, hold.DisallowCounter = true, true
	for _, c := range []struct {
		render               func(Event) ([]byte, error)
		event                Event
		status, busy, no     string
		disallow, unexpected string
	}{
		{Request, sample(t), "CONFIRMED", "BUSY", "TENTATIVE", "FALSE", "CANCELLED"},
		{Request, hold, "TENTATIVE", "TENTATIVE", "CONFIRMED", "TRUE", "CANCELLED"},
		{Cancel, hold, "CANCELLED", "TENTATIVE", "CONFIRMED", "TRUE", "REQUEST"},
	} {
		raw := must2(t)(c.render(c.event))
		line(t, raw, "STATUS:"+c.status)
		line(t, raw, "TRANSP:OPAQUE")
		line(t, raw, "X-MICROSOFT-CDO-BUSYSTATUS:"+c.busy)
		line(t, raw, "X-MICROSOFT-DISALLOW-COUNTER:"+c.disallow)
		lacks(t, raw, ":"+c.no)
		lacks(t, raw, ":"+c.unexpected)
	}
}

func TestJoinLinkStandsInConferenceAndWherePeopleLook(t *testing.T) {
	t.Parallel()
	e := sample(t)
	raw := must2(t)(Request(e))
	want := "CONFERENCE;FEATURE=AUDIO,VIDEO;LABEL=Videokonferenz;VALUE=URI:" + e.URL
	if got := line(t, raw, "CONFERENCE"); got != want {
		t.Error(got)
	}
	if got := parsed(t, raw).Description; !strings.HasPrefix(got, e.URL+"\n") {
		t.Error(got)
	}
	e.Location = ""
	if o := parsed(t, must2(t)(Request(e))); o.Location != e.URL || strings.Contains(o.Description, e.URL) {
		t.Errorf("location %q, description %q", o.Location, o.Description)
	}
	e.Location, e.Description = "Hier: "+e.URL, "Beitritt unter "+e.URL+"\nOhne Angaben."
	off := must2(t)(Cancel(e))
	lacks(t, off, e.URL)
	if o := parsed(t, off); o.Location != "" || o.Description != "Ohne Angaben." {
		t.Errorf("called off: %q, %q", o.Location, o.Description)
	}
}

func TestCancelRepeatsTheDateForItsOneRecipient(t *testing.T) {
	t.Parallel()
	e := sample(t)
	ask := parsed(t, must2(t)(Request(e)))
	e.Sequence, e.Stamp = 3, e.Stamp.Add(time.Second)
	off := parsed(t, must2(t)(Cancel(e)))
	if off.Method != "CANCEL" || off.Status != "CANCELLED" || off.Sequence != 3 || !off.Stamp.After(ask.Stamp) {
		t.Errorf("cancel says %+v", off)
	}
	if off.UID != ask.UID || off.Organizer != ask.Organizer || off.Attendees[0].Address != ask.Attendees[0].Address ||
		!off.Start.Equal(ask.Start) || !off.End.Equal(ask.End) || off.Zone != ask.Zone || off.Summary != ask.Summary {
		t.Errorf("cancel %+v does not match request %+v", off, ask)
	}
	if off.Attendees[0].RSVP {
		t.Error("a cancel asks for an answer")
	}
}

// refused fails unless all kinds of objects refuse the event because of the field.
func refused(t testing.TB, e Event, field string) {
	t.Helper()
	for _, render := range []func(Event) ([]byte, error){Request, Cancel, accepted, declined} {
		_, err := render(e)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("error %v, want one about %s", err, field)
		}
	}
}

func TestImpossibleEventsAreRefusedByField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		spoil func(*Event)
	}{
		{"Zone", func(e *Event) { e.Zone = "" }},
		{"Zone", func(e *Event) { e.Zone = "Local" }},
		{"Zone", func(e *Event) { e.Zone = "Europe/Entenhausen" }},
		{"Zone", func(e *Event) { e.Zone = "../../etc/passwd" }},
		{"Sequence", func(e *Event) { e.Sequence = -1 }},
		{"Stamp", func(e *Event) { e.Stamp = time.Time{} }},
		{"Start", func(e *Event) { e.Start = time.Time{} }},
		{"End", func(e *Event) { e.End = e.Start }},
		{"Summary", func(e *Event) { e.Summary = "\x00\r\n" }},
		{"Summary", func(e *Event) { e.Summary = strings.Repeat("a", maxSummary+1) }},
		{"Description", func(e *Event) { e.Description = strings.Repeat("a", maxDescription+1) }},
		{"URL", func(e *Event) { e.URL = "javascript:alert(1)" }},
		{"URL", func(e *Event) { e.URL = "https://konsil.example/\r\nX-A:1" }},
		{"URL", func(e *Event) { e.URL = "https://user:secret@konsil.example/" }},
		{"Organizer", func(e *Event) { e.Organizer.Email = "" }},
		{"Attendee", func(e *Event) { e.Attendee.Email = "a@b\r\nATTENDEE:mailto:c@d" }},
		{"Attendee", func(e *Event) { e.Attendee.Email = "a b@praxis.example" }},
		{"Attendee", func(e *Event) { e.Attendee.Email = "TERMINE@konsil.example" }},
	} {
		e := sample(t)
		c.spoil(&e)
		refused(t, e, c.field)
	}
	if _, err := Answered(sample(t), "accepted\r\nX:1"); err == nil {
		t.Error("an unknown answer is taken")
	}
}

func TestErrorsNeverQuoteTheValue(t *testing.T) {
	t.Parallel()
	e := sample(t)
	e.Attendee.Email = "geheim"
	if _, err := Request(e); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("error %v", err)
	}
	if _, err := Parse([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:geheim\r\n")); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("error %v", err)
	}
}

func TestAddressesWithSpecialCharactersSurvive(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"o'neill+x@praxis.example", "a/b=c?d&e%f@praxis.example", "{x}|y@praxis.example"} {
		e := sample(t)
		e.Attendee.Email = email
		if got := parsed(t, must2(t)(Request(e))).Attendees[0].Email; got != email {
			t.Errorf("%q became %q", email, got)
		}
	}
}
