package conference

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// told is one calendar object that went to somebody, and the mail around it.
type told struct {
	*ical.Object
	sender, kind, thread string
	raw                  []byte
}

// tells are the calendar objects that were queued for an expert, the oldest first.
func (h *house) tells(name string) []told {
	h.t.Helper()
	rows, err := h.db.Query(h.t.Context(), `
		select calendar, sender, kind, thread from message_out
		where calendar is not null and to_email = (select email from account where id = $1) order by position`, h.experts[name].ID)
	h.must(err)
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (m told, err error) {
		if err = r.Scan(&m.raw, &m.sender, &m.kind, &m.thread); err == nil {
			m.Object, err = ical.Parse(m.raw)
		}
		return m, err
	})
	h.must(err)
	return found
}

func (h *house) allSent() {
	h.exec(`update message_out set state = 'sent', sent_at = now() where state = 'queued'`)
}

// TestEachRecipientHasAUIDOfHerOwnAndSeesNobodyElse: rules 1, 11, 15 and 16 of what goes out.
func TestEachRecipientHasAUIDOfHerOwnAndSeesNobodyElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.convene("Kern", "Reimann")
	kern, reimann := h.tells("Kern")[0], h.tells("Reimann")[0]
	if kern.UID == reimann.UID || strings.Contains(kern.UID, strings.ToLower(code)) || strings.Contains(kern.UID, code) {
		t.Errorf("UIDs %s and %s of %s", kern.UID, reimann.UID, code)
	}
	for who, m := range map[string]told{"Kern": kern, "Reimann": reimann} {
		email := get[string](h, `select email from account where id = $1`, h.experts[who].ID)
		if len(m.Attendees) != 1 || m.Attendees[0].Email != email || !m.Attendees[0].RSVP || m.Organizer.Email != m.sender {
			t.Errorf("%s: attendees %+v, organizer %s, sender %s", who, m.Attendees, m.Organizer.Email, m.sender)
		}
	}
	if bytes.Contains(kern.raw, []byte("Reimann")) || n(h, `select count(*) from message_out where raw like '%Cc:%' or raw like '%Bcc:%'`) > 0 {
		t.Error("somebody else stands in it")
	}
}

func n(h *house, sql string, args ...any) int {
	h.t.Helper()
	return get[int](h, sql, args...)
}

// TestSequenceAndStampFollowWhatHappensToADate: each change, the SEQUENCE it gives, whether mail goes, and what becomes of the answer. The
// clock stands still: stamps rise all the same. RFC 5546 §2.1.4, §2.1.5.
func TestSequenceAndStampFollowWhatHappensToADate(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	ctx := t.Context()
	b.accept(b.code, "Kern")
	steps := []struct {
		name     string
		do       func()
		method   string
		sequence int
		answer   string
	}{
		{"asked", func() {}, "REQUEST", 0, "accepted"},
		{"sent again, because the calendar asks", func() { b.calendar(answerOf("REFRESH", b.uid, b.email, 0, b.clock)) }, "REQUEST", 0, "accepted"},
		{"moved", func() { b.must(b.s.Move(ctx, b.coordinator, b.code, b.clock.Add(26*time.Hour), time.Hour)) }, "REQUEST", 1, "offered"},
		{"longer", func() { b.must(b.s.Move(ctx, b.coordinator, b.code, b.clock.Add(26*time.Hour), 2*time.Hour)) }, "REQUEST", 2, "offered"},
		{"taken out", func() { b.must(b.s.Uninvite(ctx, b.coordinator, b.code, b.experts["Kern"].ID)) }, "CANCEL", 3, "cancelled"},
	}
	var last time.Time
	for i, step := range steps {
		step.do()
		b.allSent()
		all := b.tells("Kern")
		m := all[len(all)-1]
		if len(all) != i+1 || m.Method != step.method || m.Sequence != step.sequence || m.UID != b.uid || !m.Stamp.After(last) || b.answer() != step.answer {
			t.Errorf("%s: %d mails, %s %d at %v after %v, answer %s", step.name, len(all), m.Method, m.Sequence, m.Stamp, last, b.answer())
		}
		last = m.Stamp
	}
	if others := b.tells("Reimann"); others[len(others)-1].Method == "CANCEL" {
		t.Error("taking one expert out cancels another")
	}
	b.must(b.s.Invite(ctx, b.coordinator, b.code, []uuid.UUID{b.experts["Kern"].ID}))
	all := b.tells("Kern")
	if again := all[len(all)-1]; again.UID == b.uid || again.Sequence != 0 || again.Method != "REQUEST" {
		t.Errorf("asked anew: %s %d, UID %s", again.Method, again.Sequence, again.UID)
	}
}

// TestAnInvitationKeepsItsOrganizerForLife: rule 1. A calendar takes an update only from whom it knows.
func TestAnInvitationKeepsItsOrganizerForLife(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	mails, err := mail.New(b.db, mail.Config{From: "neu@anders.test", Host: "konsil.test", Transport: mail.Outbox{}})
	b.must(err)
	b.s.Mails, b.s.Organizer = mails, "neu@anders.test"
	b.allSent()
	b.must(b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(26*time.Hour), time.Hour))
	b.allSent()
	b.must(b.s.Invite(t.Context(), b.coordinator, b.code, []uuid.UUID{b.experts["Voss"].ID}))
	b.must(b.s.Cancel(t.Context(), b.coordinator, b.code))
	for _, m := range b.tells("Kern") {
		if m.sender != "termine@konsil.test" || m.Organizer.Email != m.sender {
			t.Errorf("%s comes from %s, organizer %s", m.Method, m.sender, m.Organizer.Email)
		}
	}
	if later := b.tells("Voss")[0]; later.sender != "neu@anders.test" || later.Organizer.Email != later.sender {
		t.Errorf("a new invitation comes from %s, organizer %s", later.sender, later.Organizer.Email)
	}
}

// TestACancellationGoesToWhoeverMayHaveTheDate: rules 23 to 25, and section 3.3: also to those who declined, not to where mail came back, and not
// where nothing ever left. It repeats the date that stands in the calendar, which is not one that never got there.
func TestACancellationGoesToWhoeverMayHaveTheDate(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	ctx, first := t.Context(), b.tells("Reimann")[0].Start
	b.must(b.s.Answer(ctx, b.experts["Reimann"], b.invitationOf(b.code, "Reimann"), 0, Declined, ""))
	b.allSent()
	letter := get[uuid.UUID](b.house, `select id from message_out where thread = $1`, b.id.String())
	b.takeIn(mail.Inbound{Bounced: letter, Report: &mail.Report{Action: "failed", Status: "5.1.1"}, Automatic: true})
	b.must(b.s.Invite(ctx, b.coordinator, b.code, []uuid.UUID{b.experts["Voss"].ID}))
	b.exec(`update conference set starts_at = starts_at + interval '1 day', ends_at = ends_at + interval '1 day' where code = $1`, b.code)
	b.must(b.s.Cancel(ctx, b.coordinator, b.code))
	if all := b.tells("Kern"); len(all) != 1 {
		t.Errorf("a CANCEL goes where mail comes back: %d mails", len(all))
	}
	if all := b.tells("Voss"); len(all) != 1 || get[string](b.house, `select state from message_out where thread = $1`, all[0].thread) != "superseded" {
		t.Errorf("an invitation that never left has %d mails", len(all))
	}
	all := b.tells("Reimann")
	off := all[len(all)-1]
	if len(all) != 2 || off.Method != "CANCEL" || off.Status != "CANCELLED" || off.Sequence != 1 || !off.Stamp.After(all[0].Stamp) || !off.Start.Equal(first) {
		t.Errorf("who declined gets %d mails, the last %s %d for %v, not %v", len(all), off.Method, off.Sequence, off.Start, first)
	}
	if !bytes.Contains(off.raw, []byte("BEGIN:VTIMEZONE")) {
		t.Error("a CANCEL without its zone")
	}
	if n(b.house, `select count(*) from message_out where kind = 'cancel' and (body_html like '%<a %' or body_text like '%/answer/%')`) > 0 {
		t.Error("a CANCEL asks for an answer")
	}
}

// TestACancellationOvertakesAMoveThatHasNotLeft: section 3.3.
func TestACancellationOvertakesAMoveThatHasNotLeft(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	first := b.tells("Kern")[0].Start
	b.allSent()
	b.must(b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(50*time.Hour), time.Hour))
	b.must(b.s.Cancel(t.Context(), b.coordinator, b.code))
	states := get[string](b.house, `select string_agg(method || ' ' || state, ', ' order by position) from message_out where thread = $1`, b.id.String())
	all := b.tells("Kern")
	if off := all[len(all)-1]; states != "REQUEST sent, REQUEST superseded, CANCEL queued" || off.Sequence != 2 || !off.Start.Equal(first) {
		t.Errorf("%s; the CANCEL is %d for %v, in the calendar stands %v", states, off.Sequence, off.Start, first)
	}
}

// TestSwitchesOfInstallationAndPerson: UTC of rule 13, the class of rule 21.
func TestSwitchesOfInstallationAndPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.s.UTC = true
	h.exec(`insert into calendar_choice values ($1, true)`, h.experts["Kern"].ID)
	h.convene("Kern", "Reimann")
	kern, reimann := string(h.tells("Kern")[0].raw), string(h.tells("Reimann")[0].raw)
	if !strings.Contains(kern, "\r\nCLASS:PRIVATE\r\n") || strings.Contains(reimann, "CLASS") {
		t.Error("the class of a date is not what the person chose")
	}
	if strings.Contains(kern, "TZID") || !h.tells("Kern")[0].Start.Equal(h.clock.Add(2*time.Hour)) {
		t.Errorf("in UTC mode: %s", kern)
	}
}

// TestAnswersCountInTheOrderTheyWereGiven: steps 5 and 6 of how mail is read.
func TestAnswersCountInTheOrderTheyWereGiven(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	yes := answerOf("REPLY", b.uid, b.email, 0, b.clock)
	if v := b.calendar(yes); v.Rule != "answer" {
		t.Fatalf("%+v", v)
	}
	if v := b.calendar(yes); v.State != mail.Done || v.Rule != "repeated" {
		t.Errorf("the same answer in another envelope: %+v", v)
	}
	if made := n(b.house, `select count(*)::int from response where invitation_id = $1`, b.id); made != 1 {
		t.Errorf("it is on record %d times", made)
	}
	b.clock = b.clock.Add(time.Hour)
	b.must(b.s.Answer(t.Context(), b.experts["Kern"], b.id, 0, Declined, ""))
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, b.clock.Add(-time.Minute), "ATTENDEE;PARTSTAT=TENTATIVE:mailto:"+b.email)); v.Rule != "older" || b.answer() != "declined" {
		t.Errorf("a mail written before the answer on the page, but slower: %+v, %s", v, b.answer())
	}
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, b.clock.Add(time.Minute), "ATTENDEE;PARTSTAT=TENTATIVE:mailto:"+b.email)); v.Rule != "answer" || b.answer() != "tentative" {
		t.Errorf("a mail written after it: %+v, %s", v, b.answer())
	}
}

// TestNeitherOrganizerNorPromiseNorSequenceIsNeededInAnAnswer: step 3; programs leave them out.
func TestNeitherOrganizerNorPromiseNorSequenceIsNeededInAnAnswer(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	raw := bytes.ReplaceAll(answerOf("REPLY", b.uid, b.email, 0, b.clock), []byte("SEQUENCE:0\r\n"), nil)
	if v := b.calendar(raw); v.State != mail.Done || b.answer() != "accepted" {
		t.Errorf("%+v, %s", v, b.answer())
	}
	b.must(b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(26*time.Hour), time.Hour))
	if v := b.calendar(raw); v.State != mail.Kept || v.Rule != "stale" {
		t.Errorf("without a SEQUENCE after a move: %+v", v)
	}
}

// TestTheLogOfAnInvitationTellsEverythingInOrder: what was sent, delayed, repeated, came back, was answered by whom and how.
func TestTheLogOfAnInvitationTellsEverythingInOrder(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	inbox := mail.NewInbox(b.s.Mails, b.s.Received)
	thread := b.id.String()
	letter := func() uuid.UUID {
		return get[uuid.UUID](b.house, `select id from message_out where thread = $1 order by position limit 1`, thread)
	}
	report := func(action, status string) string {
		return "From: mx@mx.test\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nReferences: " + get[string](b.house, `select message_id from message_out where id = $1`, letter()) +
			"\r\nContent-Type: multipart/report; boundary=r\r\n\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: " + action + "\r\nStatus: " + status + "\r\n\r\n--r--\r\n"
	}
	said := func(raw []byte) string {
		return "From: " + b.email + "\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n" + string(raw)
	}
	b.exec(`update message_out set attempts = 1, tried_at = now(), last_error = 'to: 451 4.7.1' where id = $1`, letter())
	heard, err := b.s.Correspondence(t.Context(), b.coordinator, b.code)
	log := heard.Deliveries
	b.must(err)
	if first := log[b.experts["Kern"].ID][0]; first.Did != "retrying" || first.Code != "to: 451 4.7.1" {
		t.Errorf("while it is tried again the log says %+v", first)
	}
	b.allSent()
	for _, raw := range []string{
		report("delayed", "4.4.1"), report("failed", "5.2.2"), said(answerOf("REPLY", b.uid, b.email, 0, b.clock)), said(answerOf("REFRESH", b.uid, b.email, 0, b.clock.Add(time.Hour))),
		said(answerOf("REPLY", b.uid, b.email, 0, b.clock.Add(2*time.Hour), "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:"+b.email)),
	} {
		b.must(inbox.Ingest(t.Context(), "imap", "termine@konsil.test", []byte(raw)))
		for more := true; more; {
			more, err = inbox.Next(t.Context())
			b.must(err)
		}
	}
	b.must(b.s.Answer(t.Context(), b.experts["Kern"], b.id, 0, Tentative, ""))
	heard, err = b.s.Correspondence(t.Context(), b.coordinator, b.code)
	log = heard.Deliveries
	b.must(err)
	found := map[string]bool{}
	for _, d := range log[b.experts["Kern"].ID] {
		found[strings.Join([]string{d.Did, d.Detail, d.By}, " ")] = true
	}
	for _, want := range []string{"sent invitation ", "delayed 4.4.1 ", "came_back 5.2.2 ", "answered accepted mail", "refreshed  ", "queued invitation ", "kept no_answer ", "answered tentative web"} {
		if !found[want] {
			t.Errorf("%q is missing in %v", want, found)
		}
	}
}
