package expertpool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Candidates gathers everybody of a network who is in one of the Need's disciplines, with what a suggestion goes by, except for ties
// to the case, which the caller knows. Nobody is left out, for lack of time or of a verification. The caller has asked for rights.
func Candidates(ctx context.Context, tx pgx.Tx, network uuid.UUID, n Need) ([]Candidate, error) {
	rows, err := tx.Query(ctx, `
		select a.id, a.name, e.discipline, e.specialty, e.place, e.postcode, e.languages, e.specialties, e.topics, e.hours_per_month, e.max_cases, e.bsnr
		from expert e join account a on a.id = e.account_id
		where e.network_id = $1 and e.active and a.disabled_at is null and e.discipline = any($2)
		order by a.id`, network, nonNil(n.Disciplines))
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (Candidate, error) {
		c := Candidate{KM: -1}
		err := r.Scan(&c.ID, &c.Name, &c.Discipline, &c.Specialty, &c.Place, &c.Postcode, &c.Languages, &c.Specialties, &c.Topics, &c.HoursPerMonth, &c.MaxCases, &c.House)
		c.Contingent.Hours = c.HoursPerMonth
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("candidates: %w", err)
	}
	byID, ids := map[uuid.UUID]*Candidate{}, make([]uuid.UUID, len(found))
	for i := range found {
		ids[i] = found[i].ID
		byID[ids[i]] = &found[i]
	}
	for _, add := range []func(context.Context, pgx.Tx, []uuid.UUID, Need, map[uuid.UUID]*Candidate) error{
		addTime, addHistory, addCases, addBars(network), addDistance,
	} {
		if err := add(ctx, tx, ids, n, byID); err != nil {
			return nil, fmt.Errorf("candidates: %w", err)
		}
	}
	return found, nil
}

// addTime fills in availability, what calendars say of the date, and the contingent of its month; without a date of this month.
func addTime(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, n Need, byID map[uuid.UUID]*Candidate) error {
	month, since := MonthOf(n.Now), Today(n.Now)
	if n.At != (Span{}) {
		month, since = MonthOf(n.At.From), Today(n.At.From)
	}
	times, err := Availabilities(ctx, tx, ids, since)
	if err != nil {
		return err
	}
	busy := map[uuid.UUID]Busy{}
	if n.At != (Span{}) {
		if busy, err = BusyTimes(ctx, tx, ids, n.At, n.Now); err != nil {
			return err
		}
	}
	uses, err := used(ctx, tx, ids, month)
	for id, c := range byID {
		c.Availability, c.Calendar = times[id], busy[id]
		c.Contingent.Attended, c.Contingent.Planned = uses[id].Attended, uses[id].Planned
	}
	return err
}

// addHistory fills in how often each was asked and how she answers. A date that was moved asks anew, and what was taken back is no
// question that waits for an answer.
func addHistory(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, n Need, byID map[uuid.UUID]*Candidate) error {
	var id uuid.UUID
	var asked, asks, answered int
	var last *time.Time
	var median float64
	return each(ctx, tx, []any{&id, &asked, &last, &asks, &answered, &median}, func() {
		c := byID[id]
		c.Asked, c.LastAsked, c.Asks, c.Answered, c.Median = asked, last, asks, answered, seconds(median)
	}, `
		select account_id,
			(count(*) filter (where stamped_at > $3))::int,
			max(stamped_at),
			(count(*) filter (where state <> 'cancelled' and (answered_at is not null or stamped_at < $4)))::int,
			(count(*) filter (where state <> 'cancelled' and answered_at is not null))::int,
			coalesce(percentile_cont(0.5) within group (order by extract(epoch from answered_at - stamped_at))
				filter (where state <> 'cancelled' and answered_at >= stamped_at), 0)::float8
		from invitation
		where account_id = any($1) and stamped_at > $2
		group by account_id`,
		array(ids), n.Now.AddDate(-1, 0, 0), n.Now.AddDate(0, 0, -30), n.Now.AddDate(0, 0, -2))
}

// addCases fills in how many cases each is busy with: conferences to come, and those whose plan is not done.
func addCases(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, _ Need, byID map[uuid.UUID]*Candidate) error {
	var id uuid.UUID
	var open int
	return each(ctx, tx, []any{&id, &open}, func() { byID[id].OpenCases = open }, `
		select i.account_id, count(distinct c.case_id)::int
		from invitation i join conference c on c.id = i.conference_id
		where i.account_id = any($1) and i.state in ('offered', 'tentative', 'accepted')
			and c.state in ('inviting', 'quorate', 'live', 'minutes_draft', 'approved')
		group by i.account_id`, array(ids))
}

// addBars fills in who can't be invited at all, and who has stated a tie to the organisation that asks.
func addBars(network uuid.UUID) func(context.Context, pgx.Tx, []uuid.UUID, Need, map[uuid.UUID]*Candidate) error {
	return func(ctx context.Context, tx pgx.Tx, ids []uuid.UUID, n Need, byID map[uuid.UUID]*Candidate) error {
		standings, err := Standings(ctx, tx, network, ids)
		if err != nil {
			return err
		}
		ties, err := Conflicts(ctx, tx, ids)
		for id, c := range byID {
			c.Out = standings[id].Bar(n.Now)
			c.Partial = slices.ContainsFunc(ties[id], func(t Tie) bool { return t.Organisation == n.Organisation && n.Organisation != uuid.Nil })
		}
		return err
	}
}

// addDistance fills in how far away each is; where they are wanted, or where somebody is, may not be known.
func addDistance(ctx context.Context, tx pgx.Tx, _ []uuid.UUID, n Need, byID map[uuid.UUID]*Candidate) error {
	if n.Near == "" {
		return nil
	}
	var codes []string
	for _, c := range byID {
		codes = append(codes, c.Postcode)
	}
	ways, err := Ways(ctx, tx, n.Near, codes)
	for _, c := range byID {
		if way, known := ways[c.Postcode]; known {
			c.KM = way.KM
		}
	}
	return err
}

// CountPicks keeps which places of the lists were taken, as figures of a network and a month. Who chose and who was chosen is not
// kept. Somebody of another discipline than was asked for counts as rank 0 of no discipline.
func CountPicks(ctx context.Context, tx pgx.Tx, network uuid.UUID, now time.Time, from []Bench, chosen []Expert) error {
	y, m, _ := now.In(Zone()).Date()
	disciplines, ranks := make([]string, len(chosen)), make([]int, len(chosen))
	for i, e := range chosen {
		disciplines[i], ranks[i] = Place(from, e.ID)
	}
	_, err := tx.Exec(ctx, `
		insert into suggestion_pick (network_id, month, discipline, rank, picks)
		select $1, $2, x.discipline, x.rank, count(*) from unnest($3::text[], $4::int[]) as x (discipline, rank)
		group by x.discipline, x.rank
		order by x.discipline, x.rank -- in the same order everywhere: two rounds do not wait for each other
		on conflict (network_id, month, discipline, rank) do update set picks = suggestion_pick.picks + excluded.picks`,
		network, time.Date(y, m, 1, 0, 0, 0, 0, time.UTC), disciplines, ranks)
	if err != nil {
		return fmt.Errorf("count picks: %w", err)
	}
	return nil
}
