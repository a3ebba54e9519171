package conference

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// more adds so many psychiatrists to the pool of a house.
func (h *house) more(n int) []account.Actor {
	h.t.Helper()
	ctx := h.t.Context()
	added := make([]account.Actor, n)
	for i := range added {
		id, err := h.accounts.Add(ctx, account.New{
			Organisation: h.coordinator.Organisation, Role: account.Expert, Name: fmt.Sprintf("Dr. Ersatz %03d", i), Email: uuid.NewString() + "@konsil.test",
		})
		h.must(err)
		added[i], err = h.accounts.ByID(ctx, id)
		h.must(err)
		h.must(h.pool.Add(ctx, h.coordinator.Network, h.coordinator.Organisation, expertpool.Expert{ID: id, Discipline: "psychiatry", HoursPerMonth: 2}))
	}
	return added
}

// dropOut makes a conference at a time from now of which the psychiatrist has said yes and then no.
func (h *house) dropOut(in time.Duration) string {
	h.t.Helper()
	code, _ := h.convene("Kern", "Reimann")
	h.exec(`update conference set starts_at = $2, ends_at = $3 where code = $1`, code, h.clock.Add(in), h.clock.Add(in+25*time.Minute))
	h.accept(code, "Kern", "Reimann")
	if h.state(code) != Quorate {
		h.t.Fatal("not quorate")
	}
	h.must(h.s.Answer(h.t.Context(), h.experts["Kern"], h.invitationOf(code, "Kern"), 0, Declined, ""))
	return code
}

func (h *house) counts(code, state string) int {
	h.t.Helper()
	return get[int](h, `
		select count(*) from stand_in_offer f join stand_in_race r on r.id = f.race_id join conference c on c.id = r.conference_id
		where c.code = $1 and f.state = $2`, code, state)
}

func (h *house) race(code string) Race {
	h.t.Helper()
	found, err := h.s.StandIns(h.t.Context(), h.coordinator, code)
	h.must(err)
	if len(found.Races) == 0 {
		h.t.Fatal("no race")
	}
	return found.Races[0]
}

func (h *house) offerTo(code string, a account.Actor) uuid.UUID {
	h.t.Helper()
	return get[uuid.UUID](h, `
		select f.id from stand_in_offer f join stand_in_race r on r.id = f.race_id join conference c on c.id = r.conference_id
		where c.code = $1 and f.account_id = $2`, code, a.ID)
}

func TestStandInsAreAskedInWavesUntilNobodyIsLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.more(7)
	code := h.dropOut(4 * time.Hour)
	if gaps, err := h.s.Gaps(ctx, h.coordinator); err != nil || len(gaps) != 1 || gaps[0].Code != code || gaps[0].Discipline != "psychiatry" {
		t.Fatalf("gaps %+v, %v", gaps, err)
	}
	h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
	if err := h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"); !errors.Is(err, account.ErrConflict) {
		t.Errorf("a second search: %v", err)
	}
	for wave, want := range []int{1, 4, 7} {
		if got := h.counts(code, "asked"); got != want {
			t.Fatalf("after wave %d %d are asked, not %d", wave+1, got, want)
		}
		h.must(h.s.SweepStandIns(ctx)) // too early: nothing happens
		if got := h.counts(code, "asked"); got != want {
			t.Fatalf("wave %d had no time to answer", wave+1)
		}
		h.clock = *h.race(code).NextAt
		h.must(h.s.SweepStandIns(ctx))
	}
	if r := h.race(code); r.State != RaceNobody || r.Listed != 7 {
		t.Fatalf("in the end %+v", r)
	}
	if n := get[int](h, `select count(*) from message_out where kind = 'stand_in_missing' and to_email = (select email from account where id = $1)`, h.coordinator.ID); n != 1 {
		t.Errorf("the coordination was told %d times", n)
	}
	if n := get[int](h, `select count(*) from message_out where kind like 'stand_in%' and (body_text like '%Kern%' or body_text like '%sychiatr%' or body_text ~ $1)`, secretWord); n != 0 {
		t.Errorf("%d mails say too much", n)
	}
}

func TestOfTwoHundredWhoAcceptAtOnceOneHasThePlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	people := h.more(200)
	code := h.dropOut(3 * time.Hour)
	h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
	for range 2 {
		h.clock = *h.race(code).NextAt
		h.must(h.s.SweepStandIns(ctx))
	}
	if got := h.counts(code, "asked"); got != 200 {
		t.Fatalf("%d are asked", got)
	}
	var won, late atomic.Int32
	var all sync.WaitGroup
	for _, who := range people {
		id := h.offerTo(code, who)
		all.Go(func() {
			err := h.s.StandIn(ctx, who, id)
			var refused *account.RefusedError
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &refused) && refused.Rule == "stand_in_gone":
				late.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	requests := get[int](h, `
		select count(*) from message_out m join invitation i on i.id::text = m.thread join account a on a.id = i.account_id
		where m.method = 'REQUEST' and a.name like 'Dr. Ersatz%'`)
	thanks := get[int](h, `select count(*) from message_out where kind = 'stand_in_thanks'`)
	seats := get[int](h, `select count(*) from invitation i join account a on a.id = i.account_id where i.state = 'accepted' and a.name like 'Dr. Ersatz%'`)
	if won.Load() != 1 || late.Load() != 199 || requests != 1 || thanks != 199 || seats != 1 || h.state(code) != Quorate || h.race(code).State != RaceFilled {
		t.Errorf("%d won, %d late, %d requests, %d thanks, %d seats, %s, %s", won.Load(), late.Load(), requests, thanks, seats, h.state(code), h.race(code).State)
	}
}

func TestAStandInSeesTheCaseOnceSheHasAcceptedAndDeclared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	who := h.more(1)[0]
	code := h.dropOut(3 * time.Hour)
	h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
	if _, err := h.s.ByCode(ctx, who, code); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("asked: %v", err)
	}
	id := h.offerTo(code, who)
	if _, err := h.s.StandInOffer(ctx, h.experts["Voss"], id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another's offer: %v", err)
	}
	if err := h.s.StandIn(ctx, h.experts["Voss"], id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another takes it: %v", err)
	}
	h.must(h.s.StandIn(ctx, who, id))
	h.must(h.s.StandIn(ctx, who, id)) // the same click again
	if v, err := h.s.ByCode(ctx, who, code); err != nil || v.Shut != "undeclared" || v.Question != "" {
		t.Errorf("accepted: %q, %v", v.Shut, err)
	}
	h.must(h.s.Declare(ctx, who, code, NoTie))
	if v, err := h.s.ByCode(ctx, who, code); err != nil || v.Summary == nil {
		t.Errorf("declared: %q, %v", v.Shut, err)
	}
}

func TestWhoIsBusyBoundOrUnverifiedIsNotAskedToStandIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	people := h.more(5)
	code := h.dropOut(3 * time.Hour)
	other, _ := h.convene("Reimann")
	h.exec(`update conference set starts_at = $2, ends_at = $3 where code = $1`, other, h.clock.Add(3*time.Hour), h.clock.Add(4*time.Hour))
	h.must(h.s.Invite(ctx, h.coordinator, other, []uuid.UUID{people[0].ID}))
	h.exec(`insert into expert_tie (id, expert_id, organisation_id, institution, kind, stated_at, stated_by) values (gen_random_uuid(), $1, $2, '', 'employer', $3, $1)`,
		people[1].ID, h.caseworker.Organisation, h.clock)
	h.exec(`update expert set active = false where account_id = $1`, people[2].ID)
	h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
	if r := h.race(code); r.Listed != 2 {
		t.Fatalf("%d could be asked, not two", r.Listed)
	}
	first := people[3]
	if get[uuid.UUID](h, `select account_id from stand_in_offer where state = 'asked'`) != first.ID {
		first = people[4]
	}
	h.must(h.s.RefuseStandIn(ctx, first, h.offerTo(code, first)))
	h.must(h.s.SweepStandIns(ctx)) // all who were asked have said no: the next at once
	if asked, no := h.counts(code, "asked"), h.counts(code, "declined"); asked != 1 || no != 1 {
		t.Errorf("%d asked, %d declined", asked, no)
	}
}

func TestASearchBeginsByItselfOnceAndEndsWhenItIsNotNeeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.more(2)
	code := h.dropOut(30 * time.Hour)
	h.must(h.s.SweepStandIns(ctx))
	if n := get[int](h, `select count(*) from stand_in_race`); n != 0 {
		t.Fatal("a search a day and a quarter before the date")
	}
	h.clock = h.clock.Add(7 * time.Hour)
	var nodes sync.WaitGroup
	for range 4 {
		nodes.Go(func() {
			if err := h.s.SweepStandIns(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	if n, asked := get[int](h, `select count(*) from stand_in_race`), h.counts(code, "asked"); n != 1 || asked != 1 {
		t.Fatalf("%d searches, %d asked", n, asked)
	}
	h.must(h.s.Answer(ctx, h.experts["Kern"], h.invitationOf(code, "Kern"), 0, Accepted, ""))
	h.must(h.s.SweepStandIns(ctx))
	if r := h.race(code); r.State != RaceEnded || h.counts(code, "thanked") != 1 {
		t.Errorf("after she came back: %+v", r)
	}
	h.must(h.s.SearchBySelf(ctx, h.coordinator, code, false))
	h.exec(`delete from stand_in_race`)
	h.must(h.s.Answer(ctx, h.experts["Kern"], h.invitationOf(code, "Kern"), 0, Declined, ""))
	h.must(h.s.SweepStandIns(ctx))
	if n := get[int](h, `select count(*) from stand_in_race`); n != 0 {
		t.Error("a search that nobody wanted")
	}
}

func TestNobodyIsAskedAtNightUnlessItIsNear(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.more(2)
	code := h.dropOut(30 * time.Hour) // Wednesday at four in the afternoon
	h.clock = time.Date(2026, 11, 24, 21, 0, 0, 0, time.UTC)
	h.must(h.s.FindStandIn(t.Context(), h.coordinator, code, "psychiatry"))
	morning := time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC) // seven in Berlin
	near := get[time.Time](h, `select starts_at from conference where code = $1`, code).Add(-urgentWithin)
	want := morning
	if near.Before(want) {
		want = near
	}
	if r := h.race(code); h.counts(code, "asked") != 0 || r.NextAt == nil || !r.NextAt.Equal(want) {
		t.Fatalf("%+v, %d asked, want %v", r, h.counts(code, "asked"), want)
	}
	h.clock = want
	h.must(h.s.SweepStandIns(t.Context()))
	if h.counts(code, "asked") != 1 {
		t.Error("not asked when it is time")
	}
}

func TestWithoutAStandInTheConferenceGoesOnOrMoves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code := h.dropOut(5 * time.Hour)
	if err := h.s.GoOn(ctx, h.caseworker, code, "psychiatry", Without); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the caseworker: %v", err)
	}
	h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
	if r := h.race(code); r.State != RaceNobody {
		t.Fatalf("with an empty list: %+v", r)
	}
	who := h.more(1)[0]
	dates, err := h.s.NextDates(ctx, h.coordinator, code, "psychiatry")
	if err != nil || len(dates) == 0 || len(dates) > 3 {
		t.Fatalf("%d dates, %v", len(dates), err)
	}
	h.must(h.s.MoveWith(ctx, h.coordinator, code, "psychiatry", dates[0].Start, who.ID))
	if n := get[int](h, `select count(*) from invitation where state = 'offered'`); n != 3 { // Reimann and Kern again, and who is new
		t.Errorf("%d are asked for the new date", n)
	}
	if at := get[time.Time](h, `select starts_at from conference where code = $1`, code); !at.Equal(dates[0].Start) {
		t.Errorf("moved to %v", at)
	}

	second := h.dropOut(5 * time.Hour)
	h.must(h.s.GoOn(ctx, h.coordinator, second, "psychiatry", Without))
	if h.state(second) != Quorate {
		t.Error("not quorate without the discipline that is not needed")
	}
	if r := h.race(second); r.Outcome != Without {
		t.Errorf("on record: %+v", r)
	}
	if gaps, err := h.s.Gaps(ctx, h.coordinator); err != nil || strings.Contains(fmt.Sprint(gaps), second) {
		t.Errorf("gaps %+v, %v", gaps, err)
	}
}

func TestGoingOnWithAnOpinionAsksWhoSaidNoForIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.dropOut(48 * time.Hour)
	h.must(h.s.GoOn(t.Context(), h.coordinator, code, "psychiatry", WithOpinion))
	if n := get[int](h, `
		select count(*) from invitation i join seat s on s.id = i.seat_id join conference c on c.id = i.conference_id
		where c.code = $1 and s.discipline = 'psychiatry' and s.written and not s.required and i.state = 'offered'`, code); n != 1 {
		t.Errorf("%d are asked in writing", n)
	}
	if h.state(code) != Quorate {
		t.Error("not quorate without the discipline that writes")
	}
	if n := get[int](h, `select count(*) from opinion_round r join conference c on c.id = r.conference_id where c.code = $1`, code); n != 1 {
		t.Errorf("%d rounds of opinions", n)
	}
}
