package conference

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// conveneAs is convene with a panel that somebody has changed.
func (h *house) conveneAs(change func(*Panel), names ...string) string {
	h.t.Helper()
	r, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: h.newCase(), Question: "Was traut sich die " + secretWord + " zu?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "Drei Vormittage.",
	})
	h.must(err)
	p := Panel{Starts: h.clock.Add(2 * time.Hour), Length: 25 * time.Minute}
	for _, n := range names {
		p.Experts = append(p.Experts, h.experts[n].ID)
	}
	change(&p)
	code, err := h.s.Convene(h.t.Context(), h.coordinator, r, p)
	h.must(err)
	return code
}

// property is the one line of an object with that name.
func (m told) property(name string) string {
	for line := range strings.SplitSeq(strings.ReplaceAll(string(m.raw), "\r\n ", ""), "\r\n") {
		if strings.HasPrefix(line, name+":") || strings.HasPrefix(line, name+";") {
			return line
		}
	}
	return ""
}

// TestADateThatStandsAsksForNoOtherOne: Outlook does not offer to propose one, the page takes none, and what a calendar proposes all the same
// waits for a person; also after the date has moved.
func TestADateThatStandsAsksForNoOtherOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.conveneAs(func(p *Panel) { p.Fixed = true }, "Kern")
	h.convene("Reimann")
	h.allSent()
	h.must(h.s.Move(t.Context(), h.coordinator, code, h.clock.Add(26*time.Hour), time.Hour))
	for who, want := range map[string]string{"Kern": "TRUE", "Reimann": "FALSE"} {
		for _, m := range h.tells(who) {
			if got := m.property("X-MICROSOFT-DISALLOW-COUNTER"); got != "X-MICROSOFT-DISALLOW-COUNTER:"+want {
				t.Errorf("%s is told %q", who, got)
			}
		}
	}
	kern := h.experts["Kern"]
	id := h.invitationOf(code, "Kern")
	asked, err := h.s.Invited(t.Context(), kern, id)
	h.must(err)
	var refused *account.RefusedError
	err = h.s.ProposeDate(t.Context(), kern, id, 1, h.clock.Add(50*time.Hour), "")
	if !asked.Fixed || !errors.As(err, &refused) || refused.Rule != "date_fixed" {
		t.Errorf("fixed %v, proposing says %v", asked.Fixed, err)
	}
	b := &mailbag{house: h, code: code, id: id, uid: h.tells("Kern")[0].UID, email: get[string](h, `select email from account where id = $1`, kern.ID)}
	v := b.calendar(answerOf("COUNTER", b.uid, b.email, 1, h.clock, "DTSTART:"+h.clock.Add(50*time.Hour).Format("20060102T150405Z"), "DURATION:PT45M"))
	if v.State != mail.Kept || v.Rule != "date_fixed" || n(h, `select count(*) from proposal`) != 0 {
		t.Errorf("a calendar that proposes: %+v", v)
	}
}

// TestWhoIsWelcomeButNotNeededIsAskedSo: RFC 5545 §3.2.16. When it changes later nobody gets mail, and the next one says it.
func TestWhoIsWelcomeButNotNeededIsAskedSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.conveneAs(func(p *Panel) { p.Optional = []uuid.UUID{h.experts["Voss"].ID} }, "Kern", "Voss")
	h.must(h.s.Move(t.Context(), h.coordinator, code, h.clock.Add(26*time.Hour), time.Hour))
	for who, want := range map[string]string{"Kern": "REQ-PARTICIPANT", "Voss": "OPT-PARTICIPANT"} {
		for _, m := range h.tells(who) {
			if m.Attendees[0].Role != want {
				t.Errorf("%s is asked as %s", who, m.Attendees[0].Role)
			}
		}
	}
}

// TestADateSaysItsCodeAndTheWordsOfEveryDate: the same for everybody, but for the code. It leads to the lobby, and is no way in by itself: what
// opens an answer stands in the mail's words only.
func TestADateSaysItsCodeAndTheWordsOfEveryDate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.convene("Kern", "Reimann")
	h.allSent()
	h.must(h.s.Cancel(t.Context(), h.coordinator, code))
	summary := regexp.MustCompile(`^Fallkonferenz K\d-[0-9A-Z]{4}-[0-9A-Z]{6}$`)
	link := "https://konsil.test/conferences/" + code
	for _, who := range []string{"Kern", "Reimann"} {
		for _, m := range h.tells(who) {
			words := "Dieser Termin enthält keine Angaben zum Fall."
			if m.Method == "REQUEST" {
				words = "Videokonferenz. Beitritt ab 30 Minuten vor Beginn, nach der Anmeldung: " + link + "\n" + words
			}
			if !summary.MatchString(m.Summary) || m.Summary != "Fallkonferenz "+code || m.Description != words || m.Location != "Video" || m.Comment != "" {
				t.Errorf("%s: %q, %q, %q, %q", m.Method, m.Summary, m.Description, m.Location, m.Comment)
			}
			subject := get[string](h, `select subject from message_out where calendar = $1`, m.raw)
			if !strings.Contains(subject, m.Summary) || !strings.HasSuffix(subject, When(m.Start, m.End)) {
				t.Errorf("%s: the subject is %q", m.Method, subject)
			}
			body := get[string](h, `select body_text || body_html from message_out where calendar = $1`, m.raw)
			token := regexp.MustCompile(`/answer/([A-Za-z0-9_-]+)`).FindStringSubmatch(body)
			if (token != nil) != (m.Method == "REQUEST") || token != nil && strings.Contains(string(m.raw), token[1]) {
				t.Errorf("%s: the way to answer is %v", m.Method, token)
			}
			if first := m.Method == "REQUEST"; first != strings.Contains(body, m.Organizer.Email) || strings.Contains(body, "<img") || strings.Contains(body, "src=") {
				t.Errorf("%s: %s", m.Method, body)
			}
		}
	}
}

// TestAnotherPublicAddressIsAMinorChange: the date is the same, so the calendar gets the new link with the same SEQUENCE and a newer stamp, and the
// answer stands. RFC 5546 §2.1.4
func TestAnotherPublicAddressIsAMinorChange(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	b.accept(b.code, "Kern")
	b.s.URL = "https://neu.test"
	b.calendar(answerOf("REFRESH", b.uid, b.email, 0, b.clock))
	all := b.tells("Kern")
	if before, now := all[0], all[1]; now.Sequence != 0 || now.UID != before.UID || !now.Stamp.After(before.Stamp) || b.answer() != "accepted" ||
		!strings.Contains(now.Description, "https://neu.test/") || strings.Contains(now.Description, "konsil.test") {
		t.Errorf("SEQUENCE %d, stamp %v after %v, answer %s: %s", now.Sequence, now.Stamp, before.Stamp, b.answer(), now.Description)
	}
}

// TestChangesAtTheSameTimeShareNeitherSequenceNorStamp: both are given in the transaction that queues the mail, and in the order in which mails
// leave.
func TestChangesAtTheSameTimeShareNeitherSequenceNorStamp(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	const changes = 5
	var all sync.WaitGroup
	failed := make(chan error, changes)
	for i := range changes {
		all.Go(func() {
			failed <- b.s.Move(t.Context(), b.coordinator, b.code, b.clock.Add(time.Duration(26+i)*time.Hour), time.Hour)
		})
	}
	all.Wait()
	for range changes {
		b.must(<-failed)
	}
	dates := b.tells("Kern")
	if len(dates) != 1+changes {
		t.Fatalf("%d mails", len(dates))
	}
	for i, m := range dates {
		if m.Sequence != i || i > 0 && !m.Stamp.After(dates[i-1].Stamp) {
			t.Errorf("mail %d has SEQUENCE %d and stamp %v", i, m.Sequence, m.Stamp)
		}
	}
}

// TestARefusedProposalChangesNothingAndIsNotTakenForADate: neither the answer nor what a later CANCEL repeats. RFC 5546 §3.2.8
func TestARefusedProposalChangesNothingAndIsNotTakenForADate(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	ctx, first := t.Context(), b.tells("Kern")[0].Start
	b.accept(b.code, "Kern")
	b.must(b.s.ProposeDate(ctx, b.experts["Kern"], b.id, 0, b.clock.Add(50*time.Hour), "Da ist die Praxis zu"))
	b.must(b.s.RefuseProposal(ctx, b.coordinator, b.code, get[uuid.UUID](b.house, `select id from proposal`)))
	b.allSent()
	all := b.tells("Kern")
	if no := all[len(all)-1]; no.Method != "DECLINECOUNTER" || no.UID != b.uid || !no.Start.IsZero() || len(no.Attendees) != 0 || no.Comment != "Es bleibt beim Termin." || b.answer() != "accepted" {
		t.Errorf("%+v, the answer is %s", no.Object, b.answer())
	}
	b.must(b.s.Move(ctx, b.coordinator, b.code, b.clock.Add(26*time.Hour), time.Hour)) // does not leave
	b.must(b.s.Cancel(ctx, b.coordinator, b.code))
	all = b.tells("Kern")
	if off := all[len(all)-1]; off.Method != "CANCEL" || !off.Start.Equal(first) {
		t.Errorf("%s for %v; in the calendar stands %v", off.Method, off.Start, first)
	}
}

// TestAnswersFromOddCalendarsAreTakenForWhatTheyAre: a machine may answer for somebody, and clocks may be wrong.
func TestAnswersFromOddCalendarsAreTakenForWhatTheyAre(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	said := func(partstat string) string { return "ATTENDEE;PARTSTAT=" + partstat + ":mailto:" + b.email }
	unstamped := strings.ReplaceAll(string(answerOf("REPLY", b.uid, b.email, 0, b.clock, said("TENTATIVE"))), "DTSTAMP:"+b.clock.UTC().Format("20060102T150405Z")+"\r\n", "")
	for _, step := range []struct {
		what  string
		in    mail.Inbound
		state string
	}{
		{"by a machine", mail.Inbound{Automatic: true, Calendar: answerOf("REPLY", b.uid, b.email, 0, b.clock.Add(-time.Hour), said("ACCEPTED"))}, "accepted"},
		{"without a stamp", mail.Inbound{Calendar: []byte(unstamped)}, "tentative"},
		{"from a clock that is years ahead", mail.Inbound{Calendar: answerOf("REPLY", b.uid, b.email, 0, b.clock.AddDate(70, 0, 0), said("DECLINED"))}, "declined"},
		{"said after it", mail.Inbound{Calendar: answerOf("REPLY", b.uid, b.email, 0, b.clock.Add(time.Minute), said("ACCEPTED"))}, "accepted"},
	} {
		step.in.From = b.email
		if v := b.takeIn(step.in); v.State != mail.Done || v.Rule != "answer" || b.answer() != step.state {
			t.Errorf("%s: %+v, %s", step.what, v, b.answer())
		}
	}
	if n(b.house, `select count(*) from response where stamp < '2020-01-01' or stamp > $1`, b.clock.Add(maxAhead)) > 0 {
		t.Error("an impossible stamp is on record")
	}
}

// TestNobodyTakesASeatForAnother: RFC 5546 §4.2.5. One ATTENDEE says so, too, and the expert's own mailbox may have sent it.
func TestNobodyTakesASeatForAnother(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	for _, line := range []string{
		"ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM=\"mailto:" + b.email + "\":mailto:other@praxis.test",
		"ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-TO=\"mailto:other@praxis.test\":mailto:" + b.email,
	} {
		if v := b.calendar(answerOf("REPLY", b.uid, b.email, 0, b.clock, line)); v.State != mail.Kept || v.Rule != "delegated" || b.answer() != "offered" {
			t.Errorf("%s: %+v, %s", line, v, b.answer())
		}
	}
}

// TestWordsBesideOurOwnInvitationAreRead: a person forwards it or answers with it; a machine says nothing by that.
func TestWordsBesideOurOwnInvitationAreRead(t *testing.T) {
	t.Parallel()
	b := newMailbag(t)
	ours := b.tells("Kern")[0].raw
	if v := b.takeIn(mail.Inbound{From: b.email, Calendar: ours, Text: "Da kann ich leider nicht."}); v.State != mail.Kept || v.Rule != "words" || v.Thread != b.id.String() {
		t.Errorf("a person: %+v", v)
	}
	for what, in := range map[string]mail.Inbound{"a machine": {From: b.email, Calendar: ours, Text: "Ich bin im Urlaub.", Automatic: true}, "nobody": {From: b.email, Calendar: ours}} {
		if v := b.takeIn(in); v.State != mail.Ignored || v.Rule != "method" {
			t.Errorf("%s: %+v", what, v)
		}
	}
}

// TestEverySecondCountsInTheOrderOfAnswers: equal stamps are no reason to leave one out.
func TestEverySecondCountsInTheOrderOfAnswers(t *testing.T) {
	t.Parallel()
	o := &ical.Object{Method: "REPLY", Stamp: time.Unix(1_800_000_000, 0), Attendees: []ical.Attendee{{Partstat: "DECLINED"}}}
	for last, want := range map[int64]string{-1: "declined", 0: "declined", 1: "older"} {
		r := readReply(o, 0, o.Stamp.Add(time.Duration(last)*time.Second))
		if got := fmt.Sprint(string(r.answer), r.ignored); got != want {
			t.Errorf("after one that is %d s later: %s", last, got)
		}
	}
}
