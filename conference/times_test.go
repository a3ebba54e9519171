package conference

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// calendar lets an expert's calendar have been read at an instant, with one thing in it.
func (h *house) calendar(name string, read, from, until time.Time) {
	h.t.Helper()
	who := h.experts[name]
	h.must(h.pool.KeepReminders(h.t.Context(), who, true)) // the row that a calendar belongs to
	h.exec(`delete from busy_calendar where account_id = $1`, who.ID)
	h.exec(`
		insert into busy_calendar (account_id, organisation_id, address, added_at, due_at, read_at, covered_until) values ($1, $2, '', $3, $3, $3, $4)`,
		who.ID, who.Organisation, read, read.AddDate(0, 6, 0))
	h.exec(`insert into busy (account_id, from_at, until_at) values ($1, $2, $3)`, who.ID, from, until)
}

func TestADateThatFailsSaysWhatKeepsPeopleFromIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock = berlin("2027-03-01 06:00") // a Monday
	kern, ctx := h.experts["Kern"], t.Context()
	request := h.asked()
	search := DateSearch{Wishes: wishes("psychiatry", "occupational_medicine"), Length: 30 * time.Minute, Weeks: 2, At: berlin("2027-03-03 10:00")}
	why := func() []Hindrance {
		t.Helper()
		found, err := h.s.FindDates(ctx, h.coordinator, request, search)
		h.must(err)
		if found.Chosen != nil || found.Fails == nil || found.Fails.Closed || len(found.Fails.Lacks) != 1 || found.Fails.Lacks[0].Wish != 0 {
			t.Fatalf("chosen %v, fails %+v", found.Chosen, found.Fails)
		}
		cell := slices.IndexFunc(found.Cells, func(c DateCell) bool { return c.Start.Equal(search.At) })
		if cell < 0 || found.Cells[cell].Missing != 0 || !slices.Equal(found.Cells[cell].Why, found.Fails.Lacks[0].Why) {
			t.Errorf("the picture says %+v", found.Cells[cell])
		}
		return found.Fails.Lacks[0].Why
	}
	for _, c := range []struct {
		source poll.Source
		make   func()
	}{
		{poll.Hours, func() {
			h.must(h.pool.KeepWeek(ctx, kern, kern.ID, []slot.Weekly{{Day: time.Thursday, From: 9 * 60, To: 12 * 60}}))
		}},
		{poll.Calendar, func() { h.calendar("Kern", h.clock, berlin("2027-03-03 10:20"), berlin("2027-03-03 10:40")) }},
		{poll.Absence, func() {
			h.must(h.pool.BeAway(ctx, kern, kern.ID, expertpool.Today(search.At), expertpool.Today(search.At)))
		}},
		{poll.Promise, func() {
			_, err := h.s.Convene(ctx, h.coordinator, h.asked(), Panel{Experts: []uuid.UUID{kern.ID}, Starts: search.At.Add(-time.Hour), Length: time.Hour})
			h.must(err)
		}},
	} {
		c.make() // each goes before those that were there already
		if got := why(); !slices.Equal(got, []Hindrance{{c.source, 1}}) {
			t.Errorf("%s: %+v", c.source, got)
		}
	}
	search.At = berlin("2027-03-07 10:00")
	if found, err := h.s.FindDates(ctx, h.coordinator, request, search); err != nil || found.Fails == nil || !found.Fails.Closed {
		t.Errorf("on a Sunday: %+v, %v", found.Fails, err)
	}
	search.At = berlin("2027-03-04 10:00")
	if found, err := h.s.FindDates(ctx, h.coordinator, request, search); err != nil || found.Fails != nil || found.Chosen == nil {
		t.Errorf("a date that can be had: %+v, %v", found.Fails, err)
	}
}

func TestATopicHasDatesLikeARequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	h.must(h.pool.KeepWeek(ctx, kern, kern.ID, []slot.Weekly{{Day: time.Friday, From: 9 * 60, To: 10 * 60}}))
	search := DateSearch{Wishes: wishes("psychiatry"), Length: 45 * time.Minute, Weeks: 2}
	search.Length = 25 * time.Minute
	short, err := h.s.FindTopicDates(ctx, h.coordinator, "Schlaf", search)
	h.must(err)
	if len(short.Offers) == 0 || short.Offers[0].End.Sub(short.Offers[0].Start) != search.Length {
		t.Errorf("what is no whole quarter hour: %+v", short.Offers)
	}
	search.Length = 45 * time.Minute
	found, err := h.s.FindTopicDates(ctx, h.coordinator, "Schlaf", search)
	h.must(err)
	if len(found.Offers) != 2 || !found.Offers[0].Certain || found.Offers[0].Start.In(expertpool.Zone()).Weekday() != time.Friday {
		t.Errorf("%+v", found.Offers)
	}
	for name, by := range map[string]account.Actor{"caseworker": h.caseworker, "expert": kern} {
		if _, err := h.s.FindTopicDates(ctx, by, "Schlaf", search); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var invalid *account.InvalidError
	if _, err := h.s.FindTopicDates(ctx, h.coordinator, "Schlaf", DateSearch{}); !errors.As(err, &invalid) || invalid.Field != "wishes" {
		t.Errorf("for nobody: %v", err)
	}
}

func TestWhatIsKnownOfSomebodyIsHersToChange(t *testing.T) {
	t.Parallel()
	q, ctx := newPolling(t), t.Context()
	voss, reimann := q.experts["Voss"], q.experts["Reimann"]
	q.must(q.pool.KeepWeek(ctx, voss, voss.ID, []slot.Weekly{{Day: time.Tuesday, From: 480, To: 720}, {Day: time.Wednesday, From: 480, To: 720}, {Day: time.Thursday, From: 480, To: 720}}))
	q.calendar("Voss", q.clock, q.options[0].Add(-time.Hour), q.options[0].Add(time.Hour))
	q.must(q.pool.BeAway(ctx, voss, voss.ID, expertpool.Today(q.options[1]), expertpool.Today(q.options[1])))
	q.start() // who is only welcome hinders no date
	known := func() (sources []poll.Source, votes string) {
		for _, v := range q.poll().Voices {
			if v.Account != voss.ID {
				continue
			}
			for _, o := range q.poll().Options {
				votes += string(v.Votes[o.ID].Vote) + "/" + string(v.Votes[o.ID].Source) + " "
			}
			return v.KnownFrom(), votes
		}
		return nil, ""
	}
	if from, votes := known(); !slices.Equal(from, []poll.Source{poll.Absence, poll.Calendar, poll.Hours}) || votes != "no/calendar no/absence yes/hours " {
		t.Fatalf("%v: %s", from, votes)
	}
	if asks, err := q.s.PollAsks(ctx, voss); err != nil || len(asks) != 0 {
		t.Errorf("she is asked: %+v, %v", asks, err)
	}
	unasked, err := q.s.PollsUnasked(ctx, voss)
	q.must(err)
	if len(unasked) != 1 || !unasked[0].Unasked || unasked[0].Choices[0].Source != poll.Calendar {
		t.Fatalf("what is known of her: %+v", unasked)
	}
	if others, err := q.s.PollsUnasked(ctx, reimann); err != nil || len(others) != 0 {
		t.Errorf("somebody who is asked: %+v, %v", others, err)
	}
	if err := q.s.AnswerPoll(ctx, reimann, unasked[0].ID, Ballot{Votes: map[uuid.UUID]poll.Vote{unasked[0].Choices[0].ID: poll.No}}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("somebody else speaks for her: %v", err)
	}
	q.must(q.says("Voss", "iyy"))
	if from, votes := known(); from != nil || votes != "if_need_be/ yes/ yes/ " {
		t.Errorf("after she has spoken: %v, %s", from, votes)
	}
	if q.mails("poll") != 2 {
		t.Errorf("%d mails", q.mails("poll"))
	}
}
