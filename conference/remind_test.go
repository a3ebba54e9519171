package conference

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

func berlin(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, expertpool.Zone())
	if err != nil {
		panic(err)
	}
	return t
}

func TestRemindersAreHalfWayAndAWorkingDayBeforeTheAnswerIsNeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, asked, starts string
		land                ical.State
		want                []string
	}{
		{"two weeks", "2027-03-01 10:00", "2027-03-15 10:00", "BY", []string{"2027-03-08 10:00", "2027-03-11 12:00"}},
		{"two weeks with Women's Day half way", "2027-03-01 10:00", "2027-03-15 10:00", "BE", []string{"2027-03-09 07:00", "2027-03-11 12:00"}},
		{"half way at night, over the change of the clock", "2027-03-23 16:00", "2027-04-07 10:00", "BE", []string{"2027-03-31 00:30>2027-03-31 07:00", "2027-04-05 12:00"}},
		{"two days", "2027-03-02 09:00", "2027-03-04 09:00", "BE", []string{"2027-03-03 09:00"}},
		{"tomorrow", "2027-03-02 09:00", "2027-03-03 13:00", "BE", []string{"2027-03-03 07:00"}},
		{"this afternoon", "2027-03-02 09:00", "2027-03-02 15:00", "BE", nil},
		{"after Easter", "2027-03-24 15:00", "2027-03-30 10:00", "BE", []string{"2027-03-30 07:00"}},
	} {
		got := reminders(berlin(c.asked), berlin(c.starts), c.land)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
			continue
		}
		for i, w := range c.want {
			if _, at, is := strings.Cut(w, ">"); is {
				w = at
			}
			if !got[i].Equal(berlin(w)) {
				t.Errorf("%s: %v, want %s", c.what, got[i].In(expertpool.Zone()), w)
			}
		}
	}
}

// reminderHouse is a conference to which Kern and Reimann were asked on Monday, 1 March 2027, at ten, for Monday, 15 March, at ten.
func reminderHouse(t *testing.T) (*house, string) {
	t.Helper()
	h := newHouse(t)
	h.clock = berlin("2027-03-01 09:00")
	h.exec(`update organisation set land = 'BY' where id = $1`, h.caseworker.Organisation)
	code, _ := h.convene("Kern", "Reimann")
	h.clock = berlin("2027-03-01 10:00")
	h.must(h.s.Move(t.Context(), h.coordinator, code, berlin("2027-03-15 10:00"), 25*time.Minute))
	return h, code
}

// remind sets the clock, lets reminders go and returns to whom, by the first lines of the mails.
func (h *house) remind(at string) []string {
	h.t.Helper()
	h.clock = berlin(at)
	before := get[int](h, `select coalesce(max(position), 0)::int from message_out`)
	n, err := h.s.Remind(h.t.Context())
	h.must(err)
	rows, err := h.db.Query(h.t.Context(), `select kind || ' ' || split_part(to_name, ' ', 2) from message_out where position > $1 order by 1`, before)
	h.must(err)
	sent, err := pgx.CollectRows(rows, pgx.RowTo[string])
	h.must(err)
	if len(sent) != n {
		h.t.Errorf("%d sent, %d said", len(sent), n)
	}
	return sent
}

func (h *house) reminds(at string, want ...string) {
	h.t.Helper()
	if got := h.remind(at); strings.Join(got, ", ") != strings.Join(want, ", ") {
		h.t.Errorf("at %s: %v, want %v", at, got, want)
	}
}

func TestWhoHasNotAnsweredIsRemindedTwiceAndNeverMore(t *testing.T) {
	t.Parallel()
	h, _ := reminderHouse(t)
	h.reminds("2027-03-08 09:59")
	h.reminds("2027-03-08 10:00", "reminder Kern", "reminder Reimann")
	h.reminds("2027-03-08 10:05")
	h.reminds("2027-03-11 11:59")
	h.reminds("2027-03-11 12:00", "reminder Kern", "reminder Reimann")
	h.reminds("2027-03-12 12:00")
	h.reminds("2027-03-15 07:00")
	text := get[string](h, `select body_text from message_out where kind = 'reminder' order by position limit 1`)
	for _, part := range []string{"Montag, 15. März 2027, 10:00–10:25 Uhr", "Bitte antworten Sie bis Freitag, 12. März 2027, 12:00 Uhr", "https://konsil.test/answer/"} {
		if !strings.Contains(text, part) {
			t.Errorf("missing %q in %s", part, text)
		}
	}
	if strings.Contains(text, secretWord) || strings.Contains(text, "Psych") {
		t.Error("it speaks of the case")
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'remind_invitation'`); n != 4 {
		t.Errorf("%d in the record", n)
	}
}

func TestTheLinkOfAReminderAnswersTheInvitation(t *testing.T) {
	t.Parallel()
	h, code := reminderHouse(t)
	h.reminds("2027-03-08 10:00", "reminder Kern", "reminder Reimann")
	text := get[string](h, `select body_text from message_out where kind = 'reminder' and to_name = 'Dr. Kern'`)
	_, rest, _ := strings.Cut(text, "/answer/")
	token, _, _ := strings.Cut(rest, "\n")
	who, subject, err := h.accounts.Follow(t.Context(), strings.TrimSpace(token), account.ForInvitation)
	h.must(err)
	if who.ID != h.experts["Kern"].ID || subject != h.invitationOf(code, "Kern") {
		t.Errorf("it leads %s to %s", who.Name, subject)
	}
}

func TestAReminderWaitsForADecentTimeAndIsSentOnceWhenTheServerWasAway(t *testing.T) {
	t.Parallel()
	h, code := reminderHouse(t)
	h.reminds("2027-03-10 22:00") // it was due two days ago, but now it is night
	heard, err := h.s.Correspondence(t.Context(), h.coordinator, code)
	log := heard.Deliveries
	h.must(err)
	last := log[h.experts["Kern"].ID][len(log[h.experts["Kern"].ID])-1]
	if last.Did != "reminds" || !last.At.Equal(berlin("2027-03-11 07:00")) {
		t.Errorf("the next one: %+v", last)
	}
	h.reminds("2027-03-11 06:59")
	h.reminds("2027-03-11 07:00", "reminder Kern", "reminder Reimann")
	h.reminds("2027-03-11 12:00") // five hours later is too soon
	h.reminds("2027-03-12 12:00")
}

func TestNobodyIsRemindedWhoHasAnsweredOrIsNotAskedAnyMore(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		do   func(h *house, code string)
		want []string
	}{
		"one has answered": {func(h *house, code string) { h.accept(code, "Kern") }, []string{"reminder Reimann"}},
		"one is unsure": {func(h *house, code string) {
			h.must(h.s.Answer(h.t.Context(), h.experts["Kern"], h.invitationOf(code, "Kern"), 1, Tentative, ""))
		}, []string{"reminder Reimann"}},
		"one is not asked any more": {func(h *house, code string) {
			h.must(h.s.Uninvite(h.t.Context(), h.coordinator, code, h.experts["Kern"].ID))
		}, []string{"reminder Reimann"}},
		"it is called off": {func(h *house, code string) { h.must(h.s.Cancel(h.t.Context(), h.coordinator, code)) }, nil},
		"it is moved": {func(h *house, code string) {
			h.must(h.s.Move(h.t.Context(), h.coordinator, code, berlin("2027-03-16 10:00"), 25*time.Minute))
		}, nil},
		"the mail came back": {func(h *house, code string) {
			h.exec(`update invitation set undeliverable = '5.1.1' where account_id = $1`, h.experts["Kern"].ID)
		}, []string{"reminder Reimann"}},
		"an account is locked": {func(h *house, code string) {
			h.exec(`update account set disabled_at = $2 where id = $1`, h.experts["Kern"].ID, h.clock)
		}, []string{"reminder Reimann"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, code := reminderHouse(t)
			h.clock = berlin("2027-03-08 09:55")
			c.do(h, code)
			h.reminds("2027-03-08 10:00", c.want...)
		})
	}
}

func TestOfTwoNodesThatRemindAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	h, code := reminderHouse(t)
	h.accept(code, "Reimann")
	both := func() (sum int) {
		var wg sync.WaitGroup
		var n [2]int
		for i := range n {
			wg.Go(func() {
				var err error
				if n[i], err = h.s.Remind(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return n[0] + n[1]
	}
	h.clock = berlin("2027-03-08 10:00")
	if n := both(); n != 1 {
		t.Errorf("%d reminders for one who has not answered", n)
	}
	h.clock = berlin("2027-03-12 09:00")
	h.exec(`update invitation set remind_at = null`)
	if n := both(); n != 1 {
		t.Errorf("%d reminders for one who comes", n)
	}
}

func TestWhoComesIsRemindedOnTheWorkingDayBefore(t *testing.T) {
	t.Parallel()
	h, code := reminderHouse(t)
	h.accept(code, "Kern", "Reimann")
	reimann := h.experts["Reimann"]
	h.must(h.pool.KeepReminders(t.Context(), reimann, false))
	h.reminds("2027-03-12 08:59")
	h.reminds("2027-03-12 09:00", "date_reminder Kern")
	h.reminds("2027-03-12 09:05")
	text := get[string](h, `select body_text from message_out where kind = 'date_reminder'`)
	if !strings.Contains(text, "Montag, 15. März 2027, 10:00–10:25 Uhr") || !strings.Contains(text, "https://konsil.test/conferences/"+code) || strings.Contains(text, secretWord) {
		t.Error(text)
	}
	// Moved by a day, it is another date with another eve; and who accepts after the eve began knows it.
	h.must(h.s.Move(t.Context(), h.coordinator, code, berlin("2027-03-16 10:00"), 25*time.Minute))
	h.accept2(code, "Kern")
	h.reminds("2027-03-12 10:00")
	h.reminds("2027-03-15 09:00", "date_reminder Kern", "reminder Reimann")
}

// accept2 lets experts say yes again, without what they have declared already.
func (h *house) accept2(code string, names ...string) {
	h.t.Helper()
	for _, n := range names {
		id := h.invitationOf(code, n)
		h.must(h.s.Answer(h.t.Context(), h.experts[n], id, get[int](h, `select sequence from invitation where id = $1`, id), Accepted, ""))
	}
}
