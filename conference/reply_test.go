package conference

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// answerOf is what a calendar program sends back. Lines replace or add properties of the event.
func answerOf(method, uid, from string, sequence int, stamp time.Time, more ...string) []byte {
	lines := []string{
		"BEGIN:VCALENDAR", "PRODID:-//Somebody//Calendar//EN", "VERSION:2.0", "METHOD:" + method, "BEGIN:VEVENT", "UID:" + uid,
		fmt.Sprintf("SEQUENCE:%d", sequence), "DTSTAMP:" + stamp.UTC().Format("20060102T150405Z"),
	}
	if !strings.Contains(strings.Join(more, "\n"), "ATTENDEE") {
		more = append(more, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:"+from)
	}
	return []byte(strings.Join(append(append(lines, more...), "END:VEVENT", "END:VCALENDAR", ""), "\r\n"))
}

// mailbag brings mails to a house.
type mailbag struct {
	*house
	code, uid, email string
	id               uuid.UUID
}

func newMailbag(t *testing.T) *mailbag {
	t.Helper()
	h := newHouse(t)
	code, _ := h.convene("Kern", "Reimann")
	b := &mailbag{house: h, code: code}
	h.must(h.db.QueryRow(t.Context(), `
		select i.id, i.uid, a.email from invitation i join account a on a.id = i.account_id where a.id = $1`, h.experts["Kern"].ID).Scan(&b.id, &b.uid, &b.email))
	return b
}

// takeIn stores a mail as the inbox does, and has it received.
func (b *mailbag) takeIn(in mail.Inbound) mail.Verdict {
	b.t.Helper()
	in.ID = uuid.New()
	var v mail.Verdict
	b.must(pgx.BeginFunc(b.t.Context(), b.db, func(tx pgx.Tx) (err error) {
		if _, err = tx.Exec(b.t.Context(), `
			insert into message_in (id, digest, received_at, via, recipient, raw) values ($1, $2, now(), 'imap', '', '')`, in.ID, in.ID[:]); err != nil {
			return err
		}
		v, err = b.s.Received(b.t.Context(), tx, in)
		return err
	}))
	return v
}

func (b *mailbag) calendar(raw []byte) mail.Verdict {
	b.t.Helper()
	return b.takeIn(mail.Inbound{From: b.email, Calendar: raw})
}

func (b *mailbag) answer() string {
	b.t.Helper()
	return get[string](b.house, `select state from invitation where id = $1`, b.id)
}

func TestAnAnswerFromACalendarCountsLikeOneFromThePage(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	at := b.clock
	for i, c := range []struct{ partstat, state string }{{"TENTATIVE", "tentative"}, {"DECLINED", "declined"}, {"ACCEPTED", "accepted"}} {
		v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, at.Add(time.Duration(i)*time.Minute),
			"ATTENDEE;PARTSTAT="+c.partstat+":MAILTO:"+strings.ToUpper(b.email), "COMMENT:Bin in\\n der Praxis"))
		if v.State != mail.Done || v.Rule != "answer" || v.Thread != b.id.String() || b.answer() != c.state {
			t.Errorf("%s: %+v, the invitation is %s", c.partstat, v, b.answer())
		}
	}
	if n := get[int](b.house, `select count(*)::int from response where invitation_id = $1 and source = 'mail' and comment = 'Bin in der Praxis'`, b.id); n != 3 {
		t.Errorf("%d answers are on record", n)
	}
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, at, "ATTENDEE;PARTSTAT=DECLINED:mailto:"+b.email)); v.State != mail.Ignored || v.Rule != "older" || b.answer() != "accepted" {
		t.Errorf("a mail that was overtaken: %+v, %s", v, b.answer())
	}
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 4, at.Add(time.Hour), "ATTENDEE;PARTSTAT=TENTATIVE:mailto:"+b.email)); v.Rule != "sequence_raised" || b.answer() != "tentative" {
		t.Errorf("a client that counts up: %+v, %s", v, b.answer())
	}
}

func TestWhatCannotBeFollowedIsKeptAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	at := b.clock
	for rule, in := range map[string]mail.Inbound{
		"unknown_invitation": {From: b.email, Calendar: answerOf("REPLY", ical.NewUID("konsil.test"), b.email, 0, at)},
		"unknown_sender":     {From: "praxis@elsewhere.test", Calendar: answerOf("REPLY", b.uid, "praxis@elsewhere.test", 0, at)},
		"delegated":          {From: b.email, Calendar: answerOf("REPLY", b.uid, b.email, 0, at, "ATTENDEE;PARTSTAT=DELEGATED:mailto:"+b.email, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:other@praxis.test")},
		"no_answer":          {From: b.email, Calendar: answerOf("REPLY", b.uid, b.email, 0, at, "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:"+b.email)},
		"no_date":            {From: b.email, Calendar: answerOf("COUNTER", b.uid, b.email, 0, at, "DTSTART;VALUE=DATE:20270101")},
		"unreadable":         {From: b.email, Calendar: []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n")},
		"words":              {From: b.email, Text: "Da kann ich leider nicht."},
		"bounce_unknown":     {Report: &mail.Report{Action: "failed", Status: "5.1.1"}, Bounced: uuid.New(), Automatic: true},
	} {
		if v := b.takeIn(in); v.State != mail.Kept || v.Rule != rule || b.answer() != "offered" {
			t.Errorf("%s: %+v, the invitation is %s", rule, v, b.answer())
		}
	}
	for rule, in := range map[string]mail.Inbound{
		"automatic":      {From: b.email, Automatic: true, Text: "Ich bin im Urlaub."},
		"method":         {From: b.email, Calendar: answerOf("PUBLISH", b.uid, b.email, 0, at)},
		"bounce_delayed": {Report: &mail.Report{Action: "delayed"}, Bounced: get[uuid.UUID](b.house, `select id from message_out where thread = $1`, b.id.String()), Automatic: true},
	} {
		if v := b.takeIn(in); v.State != mail.Ignored || v.Rule != rule || b.answer() != "offered" {
			t.Errorf("%s: %+v, the invitation is %s", rule, v, b.answer())
		}
	}
}

func TestAnAnswerToADateThatHasMovedIsKept(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	b.must(b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(26*time.Hour), time.Hour))
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, b.clock)); v.State != mail.Kept || v.Rule != "stale" || b.answer() != "offered" {
		t.Errorf("an answer to the old date: %+v, %s", v, b.answer())
	}
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 1, b.clock)); v.State != mail.Done || b.answer() != "accepted" {
		t.Errorf("an answer to the new date: %+v, %s", v, b.answer())
	}
	b.must(b.s.Cancel(t.Context(), b.coordinator, b.code))
	if v := b.calendar(answerOf("REPLY", b.uid, b.email, 2, b.clock.Add(time.Hour))); v.State != mail.Kept || v.Rule != "conference_cancelled" || b.answer() != "cancelled" {
		t.Errorf("an answer to a cancelled date: %+v, %s", v, b.answer())
	}
}

func TestAProposalWaitsForTheCoordinationAndMovesNothing(t *testing.T) {
	t.Parallel()
	b, ctx := newMailbag(t), context.Background()
	starts := b.clock.Add(50 * time.Hour).Truncate(time.Hour)
	counter := func(start time.Time) mail.Verdict {
		return b.calendar(answerOf("COUNTER", b.uid, b.email, 0, b.clock, "DTSTART:"+start.UTC().Format("20060102T150405Z"), "DURATION:PT45M", "COMMENT:Da ist die Praxis zu"))
	}
	if v := counter(starts); v.State != mail.Done || v.Rule != "proposal" || b.answer() != "offered" {
		t.Fatalf("%+v, %s", v, b.answer())
	}
	b.must(b.s.ProposeDate(ctx, b.experts["Reimann"], get[uuid.UUID](b.house, `select id from invitation where account_id = $1`, b.experts["Reimann"].ID), 0, starts.Add(time.Hour), ""))
	heard, err := b.s.Correspondence(ctx, b.coordinator, b.code)
	b.must(err)
	found := heard.Proposals
	if len(found) != 2 || !found[0].StartsAt.Equal(starts) || found[0].EndsAt.Sub(found[0].StartsAt) != 45*time.Minute || found[0].Comment != "Da ist die Praxis zu" {
		t.Fatalf("%+v", found)
	}
	for name, by := range map[string]func() error{
		"expert":     func() error { _, err := b.s.Correspondence(ctx, b.experts["Reimann"], b.code); return err },
		"caseworker": func() error { _, err := b.s.Correspondence(ctx, b.caseworker, b.code); return err },
		"stranger":   func() error { _, err := b.s.Correspondence(ctx, b.stranger, b.code); return err },
		"refusal":    func() error { return b.s.RefuseProposal(ctx, b.caseworker, b.code, found[0].ID) },
	} {
		if by() == nil {
			t.Errorf("%s may look or decide", name)
		}
	}
	b.must(b.s.RefuseProposal(ctx, b.coordinator, b.code, found[0].ID))
	if m := get[string](b.house, `select method from message_out where thread = $1 order by position desc limit 1`, b.id.String()); m != "DECLINECOUNTER" {
		t.Errorf("the expert is told by %s", m)
	}
	b.must(b.s.Move(ctx, b.coordinator, b.code, starts.Add(time.Hour), time.Hour))
	if heard, err = b.s.Correspondence(ctx, b.coordinator, b.code); err != nil || len(heard.Proposals) != 0 {
		t.Errorf("after moving there is still %+v, %v", heard.Proposals, err)
	}
	if d := get[string](b.house, `select string_agg(decision, ' ' order by decision) from proposal`); d != "refused taken" {
		t.Errorf("decided: %s", d)
	}
}

func TestACalendarThatAsksForTheDateGetsItAgainButNotForEver(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	before := get[time.Time](b.house, `select stamped_at from invitation where id = $1`, b.id)
	for i := range maxRefresh {
		if v := b.calendar(answerOf("REFRESH", b.uid, b.email, 0, b.clock)); v.State != mail.Done {
			t.Fatalf("time %d: %+v", i, v)
		}
	}
	if after := get[time.Time](b.house, `select stamped_at from invitation where id = $1`, b.id); after.Sub(before) < maxRefresh*time.Second {
		t.Errorf("the stamp went from %v to %v", before, after)
	}
	if v := b.calendar(answerOf("REFRESH", b.uid, b.email, 0, b.clock)); v.State != mail.Kept || v.Rule != "refreshed_often" {
		t.Errorf("%+v", v)
	}
}

func TestABounceIsShownAtTheSeatUntilTheNextMailLeaves(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	letter := get[uuid.UUID](b.house, `select id from message_out where thread = $1`, b.id.String())
	if v := b.takeIn(mail.Inbound{Bounced: letter, Report: &mail.Report{Action: "failed", Status: "5.1.1"}, Automatic: true}); v.State != mail.Done {
		t.Fatalf("%+v", v)
	}
	back := func() string {
		v, err := b.s.ByCode(t.Context(), b.coordinator, b.code)
		b.must(err)
		for _, seat := range v.Seats {
			if seat.AccountID == b.experts["Kern"].ID {
				return seat.CameBack
			}
		}
		return "no seat"
	}
	if back() != "5.1.1" {
		t.Errorf("the seat says %q", back())
	}
	b.must(b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(30*time.Hour), time.Hour))
	if back() != "" {
		t.Errorf("after the next mail the seat says %q", back())
	}
}

func TestTheCoordinationSeesWhatCouldNotBeFollowedAndSaysWhoseAddressItIs(t *testing.T) {
	t.Parallel()
	b, ctx := newMailbag(t), context.Background()
	from := "vorzimmer@praxis.test"
	raw := "From: " + from + "\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n" + string(answerOf("REPLY", b.uid, from, 0, b.clock))
	inbox := mail.NewInbox(b.s.Mails, b.s.Received)
	b.must(inbox.Ingest(ctx, "imap", "termine@konsil.test", []byte(raw)))
	read := func() {
		for {
			more, err := inbox.Next(ctx)
			b.must(err)
			if !more {
				return
			}
		}
	}
	read()
	found, err := b.s.Postbox(ctx, b.coordinator)
	b.must(err)
	if len(found) != 1 || found[0].Rule != "unknown_sender" || found[0].From != from || found[0].Code != b.code || found[0].Name != "Dr. Kern" || !found[0].Adoptable {
		t.Fatalf("%+v", found)
	}
	for who, by := range map[string]account.Actor{"caseworker": b.caseworker, "expert": b.experts["Kern"], "stranger": b.stranger} {
		if seen, err := b.s.Postbox(ctx, by); len(seen) > 0 || err == nil && by != b.stranger {
			t.Errorf("%s sees %d letters, %v", who, len(seen), err)
		}
		if b.s.AdoptSender(ctx, by, found[0].ID) == nil || b.s.SettleLetter(ctx, by, found[0].ID) == nil {
			t.Errorf("%s may decide", who)
		}
	}
	b.must(b.s.AdoptSender(ctx, b.coordinator, found[0].ID))
	read()
	if n, err := b.s.PostboxCount(ctx, b.coordinator); err != nil || n != 0 || b.answer() != "accepted" {
		t.Errorf("%d letters wait, the invitation is %s, %v", n, b.answer(), err)
	}
	heard, err := b.s.Correspondence(ctx, b.coordinator, b.code)
	log := heard.Deliveries
	b.must(err)
	if steps := log[b.experts["Kern"].ID]; len(steps) != 2 || steps[0].Detail != "invitation" || steps[1] != (Delivery{steps[1].At, "answered", "accepted", "mail", ""}) {
		t.Errorf("the log says %+v", steps)
	}
	b.must(inbox.Ingest(ctx, "imap", "termine@konsil.test", []byte("From: "+from+"\r\nContent-Type: text/plain\r\n\r\nBis bald.\r\n")))
	read()
	if found, err = b.s.Postbox(ctx, b.coordinator); err != nil || len(found) != 0 {
		t.Errorf("mail that belongs to nobody is seen where there are two networks: %+v, %v", found, err)
	}
}
