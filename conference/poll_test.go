package conference

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// polling is a request with a poll: psychiatry and occupational medicine are needed, orthopaedics is welcome. The clock shows a Tuesday.
type polling struct {
	*house
	request uuid.UUID
	options []time.Time
}

func newPolling(t testing.TB) *polling {
	t.Helper()
	return newHouse(t).polling()
}

func (h *house) polling() *polling {
	h.t.Helper()
	q := &polling{house: h}
	q.request = q.asked()
	for _, day := range []int{1, 2, 3} { // Tuesday, Wednesday and Thursday of next week, at ten
		q.options = append(q.options, slot.Wall(2026, time.November, 30+day, 10*60, expertpool.Zone()))
	}
	return q
}

func (q *polling) draft() PollDraft {
	w := wishes("psychiatry", "occupational_medicine", "orthopaedics")
	w[2].Optional = true
	return PollDraft{DateSearch: DateSearch{Wishes: w, Length: 30 * time.Minute}, Options: slices.Clone(q.options)}
}

func (q *polling) start() {
	q.t.Helper()
	_, err := q.s.StartPoll(q.t.Context(), q.coordinator, q.request, q.draft())
	q.must(err)
}

func (q *polling) poll() Poll {
	q.t.Helper()
	p, err := q.s.Poll(q.t.Context(), q.coordinator, q.request)
	q.must(err)
	return p
}

func (q *polling) voice(name string) uuid.UUID {
	q.t.Helper()
	return get[uuid.UUID](q.house, `select v.id from poll_voice v join poll p on p.id = v.poll_id where v.account_id = $1 and p.request_id = $2`, q.experts[name].ID, q.request)
}

// says answers for somebody: y, n or i (if need be) for each option in order.
func (q *polling) says(name, votes string) error {
	q.t.Helper()
	b := Ballot{Votes: map[uuid.UUID]poll.Vote{}}
	options := q.poll().Options
	for i, v := range votes {
		b.Votes[options[i].ID] = map[rune]poll.Vote{'y': poll.Yes, 'n': poll.No, 'i': poll.IfNeedBe}[v]
	}
	return q.s.AnswerPoll(q.t.Context(), q.experts[name], q.voice(name), b)
}

func (q *polling) mails(kind string) int {
	q.t.Helper()
	return get[int](q.house, `select count(*) from message_out where kind = $1 and state <> 'superseded'`, kind)
}

func TestAPollAsksThoseOfWhomItIsNotKnownAndHoldsTheFirstDateThatEverybodyCanKeep(t *testing.T) {
	t.Parallel()
	q, ctx := newPolling(t), context.Background()
	kern := q.experts["Kern"]
	q.must(q.pool.KeepWeek(ctx, kern, kern.ID, []slot.Weekly{{Day: time.Tuesday, From: 480, To: 720}, {Day: time.Wednesday, From: 480, To: 720}, {Day: time.Thursday, From: 480, To: 720}}))
	q.start()
	p := q.poll()
	if p.Asked() != 2 || len(p.Voices) != 3 || q.mails("poll") != 2 {
		t.Fatalf("asked %d of %d, %d mails", p.Asked(), len(p.Voices), q.mails("poll"))
	}
	body := get[string](q.house, `select string_agg(body_text, '') from message_out where kind = 'poll'`)
	for _, word := range []string{secretWord, "Kern", "psychiat", "Psychiat", "orthop", "Orthop"} {
		if strings.Contains(body, word) {
			t.Errorf("%q stands in a mail", word)
		}
	}
	q.must(q.says("Voss", "nyi"))
	if q.poll().Held() != nil {
		t.Error("held before everybody who is needed has said yes")
	}
	q.must(q.says("Reimann", "iny"))
	p = q.poll()
	held := p.Held()
	if held == nil || !held.Start.Equal(q.options[2]) || q.mails("poll_found") != 1 {
		t.Fatalf("held %v, %d notices", held, q.mails("poll_found"))
	}
	if p.AnsweredAt == nil || q.mails("poll_answered") != 0 {
		t.Errorf("answered %v; the notice about the date says it all, %d more", p.AnsweredAt, q.mails("poll_answered"))
	}
	best := p.Ranking(q.clock)
	if !best[0].Start.Equal(q.options[2]) || !best[1].Start.Equal(q.options[0]) || best[2].Missing()[0].Discipline != "occupational_medicine" {
		t.Errorf("ranking: %+v", best)
	}
	// What is held counts as taken for other requests, and not for its own.
	for request, free := range map[uuid.UUID]bool{q.request: true, q.asked(): false} {
		found, err := q.s.FindDates(ctx, q.coordinator, request, DateSearch{Wishes: wishes("psychiatry"), Length: 30 * time.Minute, Weeks: 2, At: q.options[2]})
		q.must(err)
		if (found.Chosen != nil) != free {
			t.Errorf("free %v, found %v", free, found.Chosen)
		}
	}

	code, err := q.s.ConfirmOption(ctx, q.coordinator, q.request, held.ID)
	q.must(err)
	c, err := byCode(ctx, q.db, code)
	q.must(err)
	if !c.StartsAt.Equal(q.options[2]) || c.EndsAt.Sub(c.StartsAt) != 30*time.Minute || code != p.Code {
		t.Errorf("%+v", c)
	}
	if n := q.mails("invitation"); n != 3 {
		t.Errorf("%d invitations", n)
	}
	if get[bool](q.house, `select required from seat where account_id = $1`, q.experts["Voss"].ID) {
		t.Error("who was only welcome holds the conference up")
	}
	if p = q.poll(); p.Closed != "confirmed" || p.Held() != nil {
		t.Errorf("the poll is %q", p.Closed)
	}
	if err := q.says("Voss", "yyy"); !isConflict(err, "poll_decided") {
		t.Errorf("a vote afterwards: %v", err)
	}
}

func isConflict(err error, rule string) bool {
	return errors.Is(err, account.ErrConflict) && ruleOf(err) == rule
}

func TestTwoCoordinatorsWhoConfirmAtOnceMakeOneConference(t *testing.T) {
	t.Parallel()
	q := newPolling(t)
	q.start()
	q.must(q.says("Kern", "yny"))
	q.must(q.says("Reimann", "yny"))
	options := q.poll().Options
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() {
			_, errs[i] = q.s.ConfirmOption(context.Background(), q.coordinator, q.request, options[2*i].ID)
		})
	}
	both.Wait()
	if n := get[int](q.house, `select count(*) from conference`); n != 1 {
		t.Fatalf("%d conferences, %v", n, errs)
	}
	if (errs[0] == nil) == (errs[1] == nil) || !isConflict(errors.Join(errs...), "request_decided") {
		t.Errorf("%v", errs)
	}
}
