package conference

import (
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
)

// In 2027 clocks go forward on Sunday, 28 March, which is Easter, and back on Sunday, 31 October, before All Saints.

func TestMomentsForMailsKeepTheirHourWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		got  time.Time
		want string // in UTC
	}{
		{"the eve of a date after Easter", eveOf(berlin("2027-03-30 10:00"), "BE"), "2027-03-25T08:00:00Z"},
		{"the day after clocks went forward", eveOf(berlin("2027-03-31 10:00"), "BE"), "2027-03-30T07:00:00Z"},
		{"an answer for a date after Easter", answerBy(berlin("2027-03-30 10:00"), "BE"), "2027-03-25T11:00:00Z"},
		{"the eve of a Monday after clocks went back", eveOf(berlin("2027-11-01 10:00"), "BE"), "2027-10-29T07:00:00Z"},
		{"the eve of a Tuesday after All Saints", eveOf(berlin("2027-11-02 10:00"), "BY"), "2027-10-29T07:00:00Z"},
		{"the same where it is no holiday", eveOf(berlin("2027-11-02 10:00"), "BE"), "2027-11-01T08:00:00Z"},
		{"a night in which clocks go forward", DecentTime(berlin("2027-03-28 01:59"), "BE"), "2027-03-30T05:00:00Z"},
		{"the hour that there is twice", DecentTime(time.Date(2027, 10, 31, 1, 30, 0, 0, time.UTC), "BE"), "2027-11-01T06:00:00Z"},
		{"a reminder of a poll on the Sunday", pollReminderDue(berlin("2027-10-29 16:00"), berlin("2027-11-02 16:00"), 0, "BE"), "2027-11-01T06:00:00Z"},
		{"two working days for a poll", PollDeadline(berlin("2027-10-29 10:00"), berlin("2027-11-20 10:00"), false, "BE"), "2027-11-02T09:00:00Z"},
		{"the evening before which opinions are due", Conference{StartsAt: berlin("2027-11-01 10:00")}.OpinionsDue(), "2027-10-31T17:00:00Z"},
	} {
		if got := c.got.UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	for _, c := range []struct{ asked, starts, first, second string }{
		{"2027-03-22 10:00", "2027-04-07 10:00", "2027-03-30 10:30", "2027-04-05 12:00"}, // half of a time that is an hour shorter
		{"2027-10-18 10:00", "2027-11-01 10:00", "2027-10-25 10:30", "2027-10-28 12:00"}, // and of one that is an hour longer
	} {
		at := reminders(berlin(c.asked), berlin(c.starts), "BE")
		if len(at) != 2 || !at[0].Equal(berlin(c.first)) || !at[1].Equal(berlin(c.second)) {
			t.Errorf("asked %s for %s: reminded at %v", c.asked, c.starts, at)
		}
	}
}

func TestRemindersGoAtTheHourOfTheWallWhenClocksGoBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock = berlin("2027-10-18 09:00")
	h.exec(`update organisation set land = 'BE' where id = $1`, h.caseworker.Organisation)
	code, _ := h.convene("Kern", "Reimann")
	h.clock = berlin("2027-10-18 10:00")
	h.must(h.s.Move(t.Context(), h.coordinator, code, berlin("2027-11-01 10:00"), 25*time.Minute))
	h.reminds("2027-10-25 10:29")
	h.reminds("2027-10-25 10:30", "reminder Kern", "reminder Reimann")
	id := h.invitationOf(code, "Kern")
	h.must(h.s.Answer(t.Context(), h.experts["Kern"], id, 1, Accepted, ""))
	h.reminds("2027-10-28 11:59")
	h.reminds("2027-10-28 12:00", "reminder Reimann")
	h.reminds("2027-10-29 08:59")
	h.reminds("2027-10-29 09:00", "date_reminder Kern")
	h.reminds("2027-10-31 09:00")
	h.reminds("2027-11-01 07:30")
}

func TestStandInsAreAskedInTheMorningAfterClocksHaveChanged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, declined, sought, starts string
		first                          string // when somebody is asked,
		second                         string // and when three more are
	}{
		{"forward, over Easter", "2027-03-25 10:00", "2027-03-27 22:00", "2027-03-31 10:00", "2027-03-30 07:00", "2027-03-30 10:22"},
		{"back, where All Saints is no holiday", "2027-10-29 10:00", "2027-10-30 22:00", "2027-11-02 10:00", "2027-11-01 07:00", "2027-11-01 10:22"},
		{"back, and the date is near", "2027-10-29 10:00", "2027-10-30 22:00", "2027-11-01 10:00", "2027-10-31 22:00", "2027-10-31 23:30"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.exec(`update organisation set land = $2 where id = $1`, h.caseworker.Organisation, ical.State("BE"))
			h.more(5)
			h.clock = berlin(c.declined)
			code := h.dropOut(berlin(c.starts).Sub(h.clock))
			h.clock = berlin(c.sought)
			h.must(h.s.FindStandIn(t.Context(), h.coordinator, code, "psychiatry"))
			for i, at := range []string{c.first, c.second} {
				next := h.race(code).NextAt
				if next == nil || !next.Equal(berlin(at)) {
					t.Fatalf("wave %d goes at %v, want %s", i+1, next.In(expertpool.Zone()), at)
				}
				before := h.counts(code, "asked")
				h.clock = next.Add(-time.Minute)
				h.must(h.s.SweepStandIns(t.Context()))
				if h.counts(code, "asked") != before {
					t.Errorf("wave %d goes before its time", i+1)
				}
				h.clock = *next
				h.must(h.s.SweepStandIns(t.Context()))
			}
			if got := h.counts(code, "asked"); got != 4 {
				t.Errorf("%d are asked in two waves", got)
			}
		})
	}
}
