package conference

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func (q *polling) sweepAt(at time.Time) {
	q.t.Helper()
	q.clock = at
	q.must(q.s.SweepPolls(q.t.Context()))
}

// arrived lets every mail so far have reached its reader.
func (q *polling) arrived() {
	q.exec(`update message_out set state = 'sent', sent_at = now() where state = 'queued'`)
}

func TestWhoHasNotAnsweredIsRemindedOnceHalfwayAndNotAtNight(t *testing.T) {
	t.Parallel()
	q := newPolling(t)
	d := q.draft()
	d.Deadline = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC) // Friday; half of the time is on Wednesday, a day before is Thursday
	_, err := q.s.StartPoll(t.Context(), q.coordinator, q.request, d)
	q.must(err)
	q.must(q.says("Kern", "nnn"))
	night := time.Date(2026, 11, 25, 22, 30, 0, 0, time.UTC)
	q.sweepAt(night)
	if n := q.mails("poll_reminder"); n != 0 {
		t.Fatalf("%d reminders at night", n)
	}
	q.clock = time.Date(2026, 11, 26, 6, 30, 0, 0, time.UTC)
	var both sync.WaitGroup
	for range 2 { // two nodes
		both.Go(func() { q.must(q.s.SweepPolls(context.Background())) })
	}
	both.Wait()
	if n := q.mails("poll_reminder"); n != 2 {
		t.Errorf("%d reminders to the two who owe an answer", n)
	}
	if n := get[int](q.house, `select count(*) from message_out m join account a on a.email = m.to_email where m.kind = 'poll_reminder' and a.id = $1`, q.experts["Kern"].ID); n != 0 {
		t.Error("who has answered is reminded")
	}
	q.must(q.says("Voss", "yyy"))
	q.sweepAt(time.Date(2026, 11, 26, 18, 45, 0, 0, time.UTC)) // the second moment, at a decent hour of Thursday evening
	q.sweepAt(time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC))
	if n := q.mails("poll_reminder"); n > 3 {
		t.Errorf("%d reminders in all", n)
	}
	q.sweepAt(time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC))
	if err := q.says("Reimann", "yyy"); !isConflict(err, "poll_over") {
		t.Errorf("an answer after the deadline: %v", err)
	}
	before := q.mails("poll_reminder")
	q.must(q.s.ExtendPoll(t.Context(), q.coordinator, q.request, time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)))
	q.must(q.says("Reimann", "nnn"))
	q.sweepAt(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
	if n := q.mails("poll_reminder"); n != before || q.mails("poll_answered") != 1 {
		t.Errorf("all have answered: %d reminders more, %d notices", n-before, q.mails("poll_answered"))
	}
}

func TestRemindersWaitForWorkingDaysAndStayApart(t *testing.T) {
	t.Parallel()
	friday := time.Date(2026, 12, 11, 15, 0, 0, 0, time.UTC)
	if due := pollReminderDue(friday, friday.AddDate(0, 0, 4), 0, ""); !due.Equal(time.Date(2026, 12, 14, 6, 0, 0, 0, time.UTC)) {
		t.Errorf("half of the time is Sunday, and the reminder goes on %v", due)
	}
	christmas := time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC)
	if due := pollReminderDue(christmas, christmas.AddDate(0, 0, 4), 0, ""); !due.IsZero() {
		t.Errorf("on holidays, at %v", due)
	}
	monday := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	if due := pollReminderDue(monday, monday.AddDate(0, 0, 2), 1, ""); !due.IsZero() {
		t.Errorf("a second one at the moment of the first: %v", due)
	}
	if due := pollReminderDue(monday, monday.AddDate(0, 0, 4), 1, ""); !due.Equal(monday.AddDate(0, 0, 3)) {
		t.Errorf("the second one at %v", due)
	}
}

func TestTheDeadlineLeavesTwoWorkingDaysAndKeepsTheHourWhenClocksChange(t *testing.T) {
	t.Parallel()
	zone := expertpool.Zone()
	friday := time.Date(2027, 3, 19, 10, 0, 0, 0, zone)
	for _, c := range []struct {
		name       string
		now, first time.Time
		urgent     bool
		want       time.Time
	}{
		{"over a weekend", friday, friday.AddDate(0, 0, 20), false, time.Date(2027, 3, 23, 10, 0, 0, 0, zone)},
		{"over Easter and the change of clocks", friday.AddDate(0, 0, 6), friday.AddDate(0, 0, 20), false, time.Date(2027, 3, 31, 10, 0, 0, 0, zone)},
		{"a day before the first date", friday, friday.AddDate(0, 0, 3), false, friday.AddDate(0, 0, 2)},
		{"urgently", friday, friday.AddDate(0, 0, 3), true, friday.Add(4 * time.Hour)},
		{"urgently, and the date is near", friday, friday.Add(3 * time.Hour), true, friday.Add(2 * time.Hour)},
	} {
		if due := PollDeadline(c.now, c.first, c.urgent, ""); !due.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, due.In(zone), c.want)
		}
	}
}

func TestAHoldFallsAfterADayAndTheNextBestDateIsHeld(t *testing.T) {
	t.Parallel()
	q, ctx := newPolling(t), context.Background()
	q.start()
	q.must(q.says("Kern", "yyn"))
	q.must(q.says("Reimann", "yyy"))
	first := q.poll().Held()
	if first == nil || !first.Start.Equal(q.options[0]) {
		t.Fatalf("held: %v", first)
	}
	q.must(q.says("Kern", "nyn"))
	if held := q.poll().Held(); held == nil || !held.Start.Equal(q.options[1]) {
		t.Fatalf("after a change of mind: %v", held)
	}
	q.must(q.says("Kern", "yyn"))
	if held := q.poll().Held(); !held.Start.Equal(q.options[1]) {
		t.Error("a hold jumps although it can be kept")
	}
	q.sweepAt(q.clock.Add(25 * time.Hour))
	if held := q.poll().Held(); held == nil || !held.Start.Equal(q.options[0]) {
		t.Errorf("after a day: %v", held)
	}
	q.must(q.s.ReleaseHold(ctx, q.coordinator, q.request))
	if held := q.poll().Held(); held != nil {
		t.Errorf("both are released, and %v is held", held)
	}
	if err := q.s.ReleaseHold(ctx, q.coordinator, q.request); !isConflict(err, "nothing_held") {
		t.Errorf("twice: %v", err)
	}
	options := q.poll().Options
	q.must(q.s.HoldOption(ctx, q.coordinator, q.request, options[1].ID))
	if held := q.poll().Held(); held == nil || held.ID != options[1].ID {
		t.Errorf("by hand: %v", held)
	}
	if err := q.s.HoldOption(ctx, q.coordinator, q.request, options[2].ID); !isConflict(err, "option_incomplete") {
		t.Errorf("what not all can keep: %v", err)
	}
}

func TestWhatIsPromisedSinceCountsAsNo(t *testing.T) {
	t.Parallel()
	q := newPolling(t)
	q.start()
	_, err := q.s.Convene(t.Context(), q.coordinator, q.asked(), Panel{Experts: []uuid.UUID{q.experts["Kern"].ID}, Starts: q.options[0].Add(15 * time.Minute), Length: time.Hour})
	q.must(err)
	q.must(q.says("Kern", "yny"))
	q.must(q.says("Reimann", "yny"))
	if held := q.poll().Held(); held == nil || !held.Start.Equal(q.options[2]) {
		t.Errorf("held: %v", held)
	}
	if _, err := q.s.ConfirmOption(t.Context(), q.coordinator, q.request, q.poll().Options[0].ID); !isConflict(err, "option_incomplete") {
		t.Errorf("confirmed although somebody is promised elsewhere: %v", err)
	}
}

func TestAnOptionMoreIsPutToThoseWhoMayHaveTimeAndKeepsAllVotes(t *testing.T) {
	t.Parallel()
	q := newPolling(t)
	q.start()
	q.must(q.says("Kern", "ynn"))
	more := slot.Wall(2026, time.December, 4, 11*60, expertpool.Zone())
	q.must(q.s.AddOption(t.Context(), q.coordinator, q.request, more))
	p := q.poll()
	if len(p.Options) != 4 || !p.Options[3].Start.Equal(more) || q.mails("poll") != 6 {
		t.Fatalf("%d options, %d mails", len(p.Options), q.mails("poll"))
	}
	a, err := q.s.Polled(t.Context(), q.experts["Kern"], q.voice("Kern"))
	q.must(err)
	if a.Choices[0].Vote != poll.Yes || !a.Owes || a.Choices[3].Vote != "" {
		t.Errorf("%+v", a)
	}
	var wrong *account.InvalidError
	for name, at := range map[string]time.Time{"there": more, "too_soon": q.clock, "quarter": more.Add(time.Minute), "before_deadline": p.Deadline.Add(-15 * time.Minute)} {
		if err := q.s.AddOption(t.Context(), q.coordinator, q.request, at); !errors.As(err, &wrong) || wrong.Rule != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPollEndsWithWhatItIsFor(t *testing.T) {
	t.Parallel()
	for why, end := range map[string]func(*polling) error{
		"closed": func(q *polling) error { return q.s.ClosePoll(context.Background(), q.coordinator, q.request) },
		"declined": func(q *polling) error {
			return q.s.Decline(context.Background(), q.coordinator, q.request, "Erst zum Hausarzt")
		},
		"withdrawn": func(q *polling) error {
			_, err := q.s.Withdraw(context.Background(), q.caseworker, q.poll().CaseID)
			return err
		},
		"convened": func(q *polling) error {
			_, err := q.s.Convene(context.Background(), q.coordinator, q.request, Panel{Experts: []uuid.UUID{q.experts["Kern"].ID}, Starts: q.options[0], Length: time.Hour})
			return err
		},
		"expert_left": func(q *polling) error {
			return q.s.LeavePool(context.Background(), q.coordinator, q.experts["Kern"].ID, HandOver{})
		},
		"passed": func(q *polling) error {
			q.clock = q.options[2].Add(time.Minute)
			return q.s.SweepPolls(context.Background())
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			q := newPolling(t)
			q.start()
			q.arrived()
			q.must(q.says("Kern", "yyy"))
			b := Ballot{Votes: map[uuid.UUID]poll.Vote{q.poll().Options[0].ID: poll.Yes}, Note: "Kenne ich: " + secretWord}
			q.must(q.s.AnswerPoll(t.Context(), q.experts["Reimann"], q.voice("Reimann"), b))
			if q.poll().Held() == nil {
				t.Fatal("nothing is held")
			}
			q.must(end(q))
			if p := q.poll(); p.Closed != why || p.Held() != nil {
				t.Errorf("it ended by %q, held %v", p.Closed, p.Held())
			}
			told := map[string]int{"convened": 2}[why]
			if told == 0 {
				told = 3
			}
			if n := q.mails("poll_over"); n != told {
				t.Errorf("%d hear that they are not needed, want %d", n, told)
			}
			if n := get[int](q.house, `select count(*) from poll_seat where held_by is not null`); n != 0 {
				t.Error("time is still kept free")
			}
			if why == "withdrawn" && get[int](q.house, `select count(*) from poll_voice where note <> ''`) != 0 {
				t.Error("what was written stays after the withdrawal")
			}
			if a, err := q.s.Polled(t.Context(), q.experts["Reimann"], q.voice("Reimann")); err != nil || a.Shut == "" {
				t.Errorf("the page of somebody who was asked: %q, %v", a.Shut, err)
			}
		})
	}
}

func TestOnlyTheCoordinationSteersAndOnlyWhoIsAskedAnswers(t *testing.T) {
	t.Parallel()
	q, ctx := newPolling(t), context.Background()
	q.start()
	option := q.poll().Options[0].ID
	for name, by := range map[string]account.Actor{"caseworker": q.caseworker, "foreign": q.foreign, "expert": q.experts["Kern"], "stranger": q.stranger} {
		for what, do := range map[string]func() error{
			"start":   func() error { _, err := q.s.StartPoll(ctx, by, q.request, q.draft()); return err },
			"look":    func() error { _, err := q.s.Poll(ctx, by, q.request); return err },
			"confirm": func() error { _, err := q.s.ConfirmOption(ctx, by, q.request, option); return err },
			"remind":  func() error { return q.s.RemindPoll(ctx, by, q.request) },
			"close":   func() error { return q.s.ClosePoll(ctx, by, q.request) },
		} {
			if err := do(); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	b := Ballot{Votes: map[uuid.UUID]poll.Vote{option: poll.Yes}}
	for name, by := range map[string]account.Actor{"another expert": q.experts["Voss"], "coordinator": q.coordinator, "caseworker": q.caseworker} {
		if err := q.s.AnswerPoll(ctx, by, q.voice("Kern"), b); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s answers for her: %v", name, err)
		}
	}
	if _, err := q.s.StartPoll(ctx, q.coordinator, q.request, q.draft()); !isConflict(err, "poll_running") {
		t.Errorf("a second poll: %v", err)
	}
}

func TestAPollGoesWithItsCase(t *testing.T) {
	t.Parallel()
	q := newPolling(t)
	q.start()
	p := q.poll()
	q.must(q.s.deleteCase(t.Context(), p.CaseID, p.Organisation, "case"))
	for _, left := range []string{`poll`, `poll_option`, `poll_voice`, `poll_vote`, `link where purpose = 'poll'`, `message_out where kind like 'poll%'`} {
		if n := get[int](q.house, `select count(*) from `+left); n != 0 {
			t.Errorf("%d rows of %s are left", n, left)
		}
	}
}

// BenchmarkConfirm is the goal of calendar.md: a round of eight is invited within 50 ms, with commits that reach the disk.
func BenchmarkConfirm(b *testing.B) {
	h := newHouseOn(b, pgtest.Durable(b))
	round := expertpool.Disciplines[:8]
	for _, d := range round {
		h.newExpert(d)
	}
	start := slot.Wall(2026, time.December, 1, 10*60, expertpool.Zone())
	for b.Loop() {
		b.StopTimer()
		request, option := h.polled(start, round)
		b.StartTimer()
		code, err := h.s.ConfirmOption(b.Context(), h.coordinator, request, option)
		h.must(err)
		b.StopTimer()
		h.must(h.s.Cancel(b.Context(), h.coordinator, code)) // or the next round would have no time
		b.StartTimer()
	}
}

// polled makes a request with a poll in which everybody of these disciplines has said yes to a date, and returns that option.
func (h *house) polled(start time.Time, disciplines []string) (request, option uuid.UUID) {
	h.t.Helper()
	request = h.asked()
	d := PollDraft{DateSearch: DateSearch{Wishes: wishes(disciplines...), Length: 30 * time.Minute}, Options: []time.Time{start, start.AddDate(0, 0, 1)}}
	_, err := h.s.StartPoll(h.t.Context(), h.coordinator, request, d)
	h.must(err)
	h.exec(`insert into poll_vote (voice_id, option_id, organisation_id, vote)
		select v.id, o.id, v.organisation_id, 'yes' from poll_voice v join poll_option o on o.poll_id = v.poll_id join poll p on p.id = v.poll_id
		where p.request_id = $1 and o.starts_at = $2`, request, start)
	return request, get[uuid.UUID](h, `select o.id from poll_option o join poll p on p.id = o.poll_id where p.request_id = $1 and o.starts_at = $2`, request, start)
}

// newExpert adds somebody of a discipline to the pool.
func (h *house) newExpert(discipline string) {
	h.t.Helper()
	id, err := h.accounts.Add(h.t.Context(), account.New{
		Organisation: h.coordinator.Organisation, Role: account.Expert, Name: "Dr. " + uuid.NewString(), Email: uuid.NewString() + "@konsil.test",
	})
	h.must(err)
	h.must(h.pool.Add(h.t.Context(), h.coordinator.Network, h.coordinator.Organisation, expertpool.Expert{ID: id, Discipline: discipline, HoursPerMonth: 200}))
}
