package conference

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

func TestQuorumIsByDisciplineNotByHeads(t *testing.T) {
	t.Parallel()
	seat := func(d string, a Answer) Seat { return Seat{Role: ExpertPart, Discipline: d, Required: true, Answer: a} }
	for _, c := range []struct {
		name  string
		seats []Seat
		want  bool
	}{
		{"nobody asked", nil, false},
		{"one discipline missing though two heads accepted", []Seat{seat("psychiatry", Accepted), seat("psychiatry", Accepted), seat("nursing", Offered)}, false},
		{"each discipline once", []Seat{seat("psychiatry", Accepted), seat("psychiatry", Declined), seat("nursing", Accepted)}, true},
		{"perhaps is not yes", []Seat{seat("psychiatry", Tentative)}, false},
		{"who was taken out does not count", []Seat{seat("psychiatry", Accepted), seat("nursing", AnswerCancelled)}, true},
	} {
		if got := quorate(c.seats); got != c.want {
			t.Errorf("%s: quorate = %v", c.name, got)
		}
	}
}

func TestArcFromRequestToFollowUp(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	kern := h.experts["Kern"]

	if h.state(code) != Inviting {
		t.Fatalf("state after convening: %s", h.state(code))
	}
	v, err := h.s.ByCode(ctx, kern, code)
	h.must(err)
	if v.Shut != "not_accepted" || v.Summary != nil || v.Question != "" {
		t.Fatalf("before accepting an expert sees: shut %q, summary %v, question %q", v.Shut, v.Summary, v.Question)
	}
	h.accept(code, "Kern")
	if h.state(code) != Inviting {
		t.Fatal("quorate with one of two disciplines")
	}
	h.accept(code, "Reimann")
	if h.state(code) != Quorate {
		t.Fatalf("state with both disciplines: %s", h.state(code))
	}
	if v, err = h.s.ByCode(ctx, kern, code); err != nil || v.Summary == nil || !strings.Contains(v.Summary.Situation, secretWord) {
		t.Fatalf("an expert who accepted sees %+v, %v", v.Summary, err)
	}

	if err := h.s.Open(ctx, h.coordinator, code); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("room opened two hours early: %v", err)
	}
	h.open(code)
	conf := v.Conference
	for _, a := range []account.Actor{h.coordinator, h.caseworker, kern} {
		if _, err := h.s.Enter(ctx, a, code); err != nil {
			t.Fatalf("%s cannot enter: %v", a.Name, err)
		}
		h.must(h.s.Joined(ctx, conf.ID, a.ID))
	}
	h.must(h.s.Propose(ctx, kern, code, "Platz im Grünpflegeteam anfragen", h.caseworker.ID, expertpool.Today(h.clock).AddDate(0, 0, 10), ""))

	n, err := h.s.OpenNote(ctx, conf.ID)
	h.must(err)
	left, err := h.s.AppendNotes(ctx, []NoteBatch{{Note: n.ID, Epoch: n.Epoch, Head: n.Head, Rows: []NoteRow{{Person: kern.ID, At: h.clock, Data: []byte{0, 0}}}}})
	if err != nil || left[0] != nil {
		t.Fatal(left, err)
	}
	h.must(h.s.WriteSections(ctx, n.ID, 1, map[string]string{"decisions": "Probearbeit drei Stunden.", "assessment": "Belastbar am Vormittag."}))
	h.must(h.s.End(ctx, h.coordinator, code))
	left, err = h.s.AppendNotes(ctx, []NoteBatch{{Note: n.ID, Epoch: n.Epoch, Head: n.Head + 1, Rows: []NoteRow{{Person: kern.ID, At: h.clock, Data: []byte{0, 0}}}}})
	if err != nil || !errors.Is(left[0], account.ErrClosed) {
		t.Fatalf("an edit after the end was kept: %v, %v", left, err)
	}

	m, _, err := h.s.Minutes(ctx, kern, code)
	h.must(err)
	if m.Body.Decisions != "Probearbeit drei Stunden." || len(m.Body.Notes) != 1 || len(m.Body.Measures) != 1 || len(m.Body.People) != 4 {
		t.Fatalf("draft minutes: %+v", m.Body)
	}
	h.must(h.s.Minute(ctx, h.caseworker, code, "Probearbeit drei Stunden ab 1. Dezember."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	if err := h.s.Minute(ctx, h.coordinator, code, "anders"); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("approved minutes were changed: %v", err)
	}
	if _, err := h.db.Exec(ctx, `update minutes set decisions = 'x'`); err == nil {
		t.Fatal("the database let approved minutes be changed")
	}
	m, _, err = h.s.Minutes(ctx, h.caseworker, code)
	h.must(err)
	if m.State != "approved" || len(m.SHA256) != 32 || m.Body.Decisions != "Probearbeit drei Stunden ab 1. Dezember." {
		t.Fatalf("approved minutes: %+v", m)
	}

	id := get[uuid.UUID](h, `select id from measure`)
	h.must(h.plans.Answer(ctx, h.caseworker, id, true, ""))
	if asked, err := h.plans.Sweep(ctx, h.clock); err != nil || asked != 0 {
		t.Fatalf("asked %d before the due date, %v", asked, err)
	}
	h.clock = h.clock.AddDate(0, 0, 10)
	for want := range 2 {
		if asked, err := h.plans.Sweep(ctx, h.clock); err != nil || asked != 1-want {
			t.Fatalf("sweep %d asked %d, %v", want, asked, err)
		}
	}
	before := get[int](h, `select count(*) from message_out where kind = 'outcome'`)
	h.must(h.s.Report(ctx, h.caseworker, id, plan.OutcomeDone, ""))
	if told := get[int](h, `select count(*) from message_out where kind = 'outcome'`) - before; told != 1 {
		t.Fatalf("%d experts were told; one attended", told)
	}
	if h.state(code) != Closed {
		t.Fatalf("state when everything is done: %s", h.state(code))
	}
	if _, err := audit.Verify(ctx, h.db); err != nil {
		t.Fatal(err)
	}
	if n := get[int](h, `select count(*) from audit.entry where case_id = $1`, caseID); n < 12 {
		t.Errorf("only %d audit entries for the whole arc", n)
	}
}

func TestInvitationFollowsTheRulesOfITIP(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, _ := h.convene("Kern", "Reimann")
	inv, kern := h.invitationOf(code, "Kern"), h.experts["Kern"]
	h.accept(code, "Kern", "Reimann")
	h.exec(`update message_out set state = 'sent', sent_at = now()`)

	moved := h.clock.Add(26 * time.Hour)
	h.must(h.s.Move(ctx, h.coordinator, code, moved, 25*time.Minute))
	if h.state(code) != Inviting {
		t.Fatalf("state after moving: %s", h.state(code))
	}
	if a, err := h.s.Invited(ctx, kern, inv); err != nil || a.Sequence != 1 || a.Answer != Offered {
		t.Fatalf("after moving: %+v, %v", a, err)
	}
	if err := h.s.Answer(ctx, kern, inv, 0, Accepted, ""); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("an answer to the old date counted: %v", err)
	}
	h.must(h.s.Answer(ctx, kern, inv, 1, Declined, ""))
	answers := get[int](h, `select count(*) from response where invitation_id = $1`, inv)
	h.must(h.s.Answer(ctx, kern, inv, 1, Declined, ""))
	if again := get[int](h, `select count(*) from response where invitation_id = $1`, inv); again != answers {
		t.Fatal("the same answer again left a trace")
	}
	h.exec(`update message_out set state = 'sent', sent_at = now()`)
	h.must(h.s.Cancel(ctx, h.coordinator, code))
	if err := h.s.Answer(ctx, kern, inv, 2, Accepted, ""); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("answered after the cancellation: %v", err)
	}
	h.checkCalendar(inv, moved)
}

// checkCalendar reads what went out to one invitation: REQUEST 0, REQUEST 1, CANCEL 2; one UID; one recipient; no word of
// the case and nobody else.
func (h *house) checkCalendar(inv uuid.UUID, moved time.Time) {
	h.t.Helper()
	rows, err := h.db.Query(h.t.Context(), `select calendar, body_text || body_html || subject from message_out where thread = $1 order by position`, inv.String())
	h.must(err)
	defer rows.Close()
	methods, uids := []string{}, map[string]bool{}
	for rows.Next() {
		var raw []byte
		var words string
		h.must(rows.Scan(&raw, &words))
		p, err := ical.Parse(raw)
		h.must(err)
		if p.Sequence != len(methods) || len(p.Attendees) != 1 {
			h.t.Errorf("message %d: sequence %d, attendees %v", len(methods), p.Sequence, p.Attendees)
		}
		methods, uids[p.UID] = append(methods, p.Method), true
		for _, w := range []string{secretWord, "Vormittage", "Reimann", "Brandt", "psychiatr", "Psychiatr"} {
			if strings.Contains(words, w) || bytes.Contains(raw, []byte(w)) {
				h.t.Errorf("message %d names %q", len(methods), w)
			}
		}
	}
	if !slices.Equal(methods, []string{"REQUEST", "REQUEST", "CANCEL"}) || len(uids) != 1 {
		h.t.Errorf("methods %v, %d uids", methods, len(uids))
	}
}

func TestNothingIsOpenWithoutConsent(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, _ := h.convene("Kern", "Voss")
	h.accept(code, "Kern", "Voss")
	if v, err := h.s.ByCode(ctx, h.experts["Voss"], code); err != nil || v.Shut != "not_in_circle" || v.Summary != nil || v.Question != "" {
		t.Errorf("outside the circle: shut %q, %v", v.Shut, err)
	}
	h.exec(`update consent set valid_until = $1`, expertpool.Today(h.clock).AddDate(0, 0, -1))
	if v, err := h.s.ByCode(ctx, h.experts["Kern"], code); err != nil || v.Shut != "consent_expired" || v.Summary != nil {
		t.Errorf("after the term: shut %q, %v", v.Shut, err)
	}
	h.clock = h.clock.Add(2 * time.Hour)
	if err := h.s.Open(ctx, h.coordinator, code); !errors.Is(err, account.ErrClosed) {
		t.Errorf("room opened without consent: %v", err)
	}
}

func TestWithdrawalSealsEverything(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.exec(`update message_out set state = 'sent', sent_at = now()`)
	h.open(code)
	kern := h.experts["Kern"]
	e, err := h.s.Enter(ctx, kern, code)
	h.must(err)
	n, err := h.s.OpenNote(ctx, e.ID)
	h.must(err)
	token, err := h.accounts.Rehearse(ctx, kern.ID, "")
	if err == nil {
		t.Fatal("an account outside the rehearsal network signed in by one click", token)
	}

	if _, err := h.s.Withdraw(ctx, h.foreign, caseID); !errors.Is(err, account.ErrNotFound) {
		t.Fatalf("a foreign organisation withdrew: %v", err)
	}
	sealed, err := h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	if len(sealed) != 1 || sealed[0] != e.ID {
		t.Fatalf("sealed %v", sealed)
	}
	reasons, err := h.s.Stay(ctx, e.ID, []Presence{{kern.ID, uuid.New()}, {h.coordinator.ID, uuid.New()}})
	if err != nil || reasons[0] != "withdrawn" || reasons[1] != "withdrawn" {
		t.Fatalf("may they stay: %v, %v", reasons, err)
	}
	left, err := h.s.AppendNotes(ctx, []NoteBatch{{Note: n.ID, Epoch: n.Epoch, Head: n.Head, Rows: []NoteRow{{At: h.clock}}}})
	if err != nil || !errors.Is(left[0], account.ErrClosed) {
		t.Fatalf("note took an edit after the withdrawal: %v, %v", left, err)
	}
	for _, a := range []account.Actor{kern, h.caseworker, h.coordinator} {
		v, err := h.s.ByCode(ctx, a, code)
		if a.ID == kern.ID {
			if !errors.Is(err, account.ErrNotFound) && (v.Summary != nil || v.Question != "") {
				t.Errorf("the expert still sees %+v", v)
			}
			continue
		}
		h.must(err)
		if v.Summary != nil || v.Question != "" || v.OwnWish != "" || v.Measures != nil || v.Shut != "withdrawn" {
			t.Errorf("%s still sees %+v", a.Name, v)
		}
	}
	r, err := h.cases.Receipt(ctx, h.caseworker, caseID)
	h.must(err)
	if len(r.Seen) != 1 || r.Seen[0].Name != kern.Name || r.Seen[0].What != "enter_room" {
		t.Errorf("receipt: %+v", r.Seen)
	}
	if n := get[int](h, `select count(*) from message_out where method = 'CANCEL'`); n != 2 {
		t.Errorf("%d cancellations went out", n)
	}
}

func TestForeignOrganisationsSeeNothing(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID := h.convene("Kern")
	starts := h.clock.Add(48 * time.Hour)
	for _, by := range []account.Actor{h.foreign, h.stranger, h.experts["Reimann"]} {
		head := get[int64](h, `select coalesce(sum(seq), 0)::bigint from audit.head`)
		for name, err := range map[string]error{
			"see":      second(h.s.ByCode(ctx, by, code)),
			"enter":    second(h.s.Enter(ctx, by, code)),
			"open":     h.s.Open(ctx, by, code),
			"move":     h.s.Move(ctx, by, code, starts, time.Hour),
			"cancel":   h.s.Cancel(ctx, by, code),
			"invite":   h.s.Invite(ctx, by, code, []uuid.UUID{h.experts["Voss"].ID}),
			"uninvite": h.s.Uninvite(ctx, by, code, h.experts["Kern"].ID),
			"end":      h.s.End(ctx, by, code),
			"minute":   h.s.Minute(ctx, by, code, "x"),
			"approve":  h.s.Approve(ctx, by, code, ""),
			"propose":  h.s.Propose(ctx, by, code, "x", by.ID, starts, ""),
			"append":   h.s.Append(ctx, by, code, "decisions", "x"),
			"answer":   h.s.Answer(ctx, by, h.invitationOf(code, "Kern"), 0, Accepted, ""),
		} {
			if !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s of %s: %s: %v", by.Role, by.Name, name, err)
			}
		}
		if _, err := h.cases.ByID(ctx, by, caseID); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s reads the case: %v", by.Name, err)
		}
		if now := get[int64](h, `select coalesce(sum(seq), 0)::bigint from audit.head`); now != head {
			t.Errorf("%s changed something", by.Name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestNoteIsFencedByItsEpoch(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, _ := h.convene("Kern")
	conf := get[uuid.UUID](h, `select id from conference where code = $1`, code)
	old, err := h.s.OpenNote(ctx, conf)
	h.must(err)
	fresh, err := h.s.OpenNote(ctx, conf)
	h.must(err)
	row := []NoteRow{{Person: h.coordinator.ID, At: h.clock, Data: []byte("a")}}
	left, err := h.s.AppendNotes(ctx, []NoteBatch{
		{Note: old.ID, Epoch: old.Epoch, Head: old.Head, Rows: row},
	})
	if err != nil || !errors.Is(left[0], ErrFenced) {
		t.Fatalf("who was overtaken appended: %v, %v", left, err)
	}
	left, err = h.s.AppendNotes(ctx, []NoteBatch{{Note: fresh.ID, Epoch: fresh.Epoch, Head: fresh.Head, Rows: row, Clients: map[uint64]uuid.UUID{7: h.coordinator.ID}}})
	if err != nil || left[0] != nil {
		t.Fatal(left, err)
	}
	left, err = h.s.AppendNotes(ctx, []NoteBatch{{Note: fresh.ID, Epoch: fresh.Epoch, Head: fresh.Head, Rows: row}})
	if err != nil || !errors.Is(left[0], ErrFenced) {
		t.Fatalf("the same head took a second batch: %v, %v", left, err)
	}
	again, err := h.s.OpenNote(ctx, conf)
	if err != nil || len(again.Rows) != 1 || again.Head != 1 || again.Clients[7] != h.coordinator.ID {
		t.Fatalf("reopened: %+v, %v", again, err)
	}
}

func TestARememberedHeadThatIsWrongIsReadAnewOrRefused(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, _ := h.convene("Kern")
	n, err := h.s.OpenNote(ctx, get[uuid.UUID](h, `select id from conference where code = $1`, code))
	h.must(err)
	head := n.Head
	add := func(epoch int64) error {
		h.t.Helper()
		left, err := h.s.AppendNotes(ctx, []NoteBatch{{
			Note: n.ID, Epoch: epoch, Head: head, Clients: map[uint64]uuid.UUID{uint64(head) + 7: h.coordinator.ID},
			Rows: []NoteRow{{Person: h.coordinator.ID, At: h.clock, Data: []byte("a")}, {At: h.clock, Data: []byte("b")}},
		}})
		h.must(err)
		if left[0] == nil {
			head += 2
		}
		return left[0]
	}
	h.must(add(n.Epoch))
	h.must(add(n.Epoch))
	h.must(second(h.s.DB.Exec(ctx, `update note set head_hash = '\x00' where id = $1`, n.ID)))
	h.must(add(n.Epoch))
	h.must(second(h.s.DB.Exec(ctx, `update note set epoch = epoch + 1 where id = $1`, n.ID)))
	if err := add(n.Epoch); !errors.Is(err, ErrFenced) {
		t.Errorf("of an old epoch: %v", err)
	}
	h.must(second(h.s.DB.Exec(ctx, `update note set state = 'sealed', sealed_at = now() where id = $1`, n.ID)))
	if err := add(n.Epoch + 1); !errors.Is(err, account.ErrClosed) {
		t.Errorf("to a sealed note: %v", err)
	}
	rows, clients := get[int](h, `select count(*) from note_update`), get[int](h, `select count(*) from note_client where client >= 7`)
	if want := int(head - n.Head); rows != int(head) || clients != want/2 {
		t.Errorf("%d rows and %d client ids, of %d rows appended", rows, clients, want)
	}
}

func TestDatesAreSaidAsPeopleSayThem(t *testing.T) {
	t.Parallel()
	starts := time.Date(2026, 12, 3, 13, 0, 0, 0, time.UTC)
	if got := When(starts, starts.Add(25*time.Minute)); got != "Donnerstag, 3. Dezember 2026, 14:00–14:25 Uhr" {
		t.Error(got)
	}
}
