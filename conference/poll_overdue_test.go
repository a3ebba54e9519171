package conference

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// overdue is a poll of three whose deadline is Friday evening, at half past nine in Berlin; one has answered.
func overdue(t *testing.T) *polling {
	t.Helper()
	q := newPolling(t)
	d := q.draft()
	d.Deadline = berlin("2026-11-27 21:30")
	_, err := q.s.StartPoll(t.Context(), q.coordinator, q.request, d)
	q.must(err)
	q.must(q.says("Kern", "nnn"))
	return q
}

func TestWhoLeadsAPollHearsOnceThatItsDeadlineHasPassedAndNotOnAWeekend(t *testing.T) {
	t.Parallel()
	q := overdue(t)
	for _, early := range []string{"2026-11-27 19:59", "2026-11-27 21:30", "2026-11-28 12:00", "2026-11-30 06:59"} {
		if q.sweepAt(berlin(early)); q.mails("poll_overdue") != 0 {
			t.Fatalf("told at %s", early)
		}
	}
	q.clock = berlin("2026-11-30 07:00")
	var nodes sync.WaitGroup
	for range 3 {
		nodes.Go(func() { q.must(q.s.SweepPolls(context.Background())) })
	}
	nodes.Wait()
	q.sweepAt(q.clock.Add(time.Hour))
	if n := q.mails("poll_overdue"); n != 1 {
		t.Fatalf("told %d times", n)
	}
	letter := get[string](q.house, `select to_name || ': ' || subject || ' ' || body_text from message_out where kind = 'poll_overdue'`)
	for _, part := range []string{q.coordinator.Name + ": Fallkonferenz " + q.poll().Code, "1 der 3 Gefragten", "https://konsil.test/requests/" + q.request.String() + "/poll"} {
		if !strings.Contains(letter, part) {
			t.Errorf("missing %q in %s", part, letter)
		}
	}
	for _, word := range []string{"Kern", "Reimann", "sychiatr", "Was geht", secretWord} {
		if strings.Contains(letter, word) {
			t.Errorf("it says %q", word)
		}
	}
	if n := get[int](q.house, `select count(*) from audit.entry where action = 'tell_overdue'`); n != 1 {
		t.Errorf("%d in the record", n)
	}
}

func TestAnotherDeadlineIsToldOfAnewAndAnAnsweredOrEndedPollIsNot(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		do   func(*polling) error
		want int
	}{
		"nothing": {func(*polling) error { return nil }, 1},
		"another deadline": {func(q *polling) error {
			return q.s.ExtendPoll(t.Context(), q.coordinator, q.request, berlin("2026-11-30 09:30"))
		}, 2},
		"another deadline, and all answer": {func(q *polling) error {
			q.must(q.s.ExtendPoll(t.Context(), q.coordinator, q.request, berlin("2026-11-30 09:30")))
			q.must(q.says("Voss", "nnn"))
			return q.says("Reimann", "nnn")
		}, 1},
		"it is ended": {func(q *polling) error { return q.s.ClosePoll(t.Context(), q.coordinator, q.request) }, 1},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			q := overdue(t)
			q.sweepAt(berlin("2026-11-30 07:00"))
			q.must(c.do(q))
			q.sweepAt(berlin("2026-11-30 09:45"))
			if n := q.mails("poll_overdue"); n != c.want {
				t.Errorf("told %d times, want %d", n, c.want)
			}
		})
	}
}
