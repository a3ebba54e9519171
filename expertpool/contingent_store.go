package expertpool

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// stayed is how long the expert of seat s was at conference c: who broke off counts until the end, and nobody counts beyond it.
const stayed = `greatest(interval '0', least(coalesce(s.left_at, c.ended_at, c.ends_at), coalesce(c.ended_at, s.left_at, c.ends_at)) - s.attended_at)`

// usedBy is what of the contingents of those experts who meet a condition is used between $2 and $3, in seconds. A conference
// counts for the month in which it is to begin. What was called off does not count, and neither does one that she said no to.
// While a conference is live it counts as planned.
func usedBy(condition string) string {
	return `
		select s.account_id,
			coalesce(sum(extract(epoch from ` + stayed + `))
				filter (where s.attended_at is not null and c.state not in ('inviting', 'quorate', 'live', 'cancelled')), 0)::float8 as attended,
			coalesce(sum(extract(epoch from case when s.written then interval '15 minutes' else c.ends_at - c.starts_at end))
				filter (where i.state in ('offered', 'tentative', 'accepted') and c.state in ('inviting', 'quorate', 'live')), 0)::float8 as planned
		from seat s
		join conference c on c.id = s.conference_id
		left join invitation i on i.seat_id = s.id and i.state <> 'cancelled'
		where ` + condition + ` and s.role = 'expert' and c.starts_at >= $2 and c.starts_at < $3
		group by s.account_id`
}

// used is what of the contingents of these experts is used in a month. Who has no conference in it is not in the map; Hours are
// not filled in.
func used(ctx context.Context, q querier, ids []uuid.UUID, month Span) (map[uuid.UUID]Contingent, error) {
	rows, err := q.Query(ctx, usedBy(`s.account_id = any($1)`), array(ids), month.From, month.Until)
	if err != nil {
		return nil, fmt.Errorf("contingents: %w", err)
	}
	found := map[uuid.UUID]Contingent{}
	var id uuid.UUID
	var attended, planned float64
	_, err = pgx.ForEachRow(rows, []any{&id, &attended, &planned}, func() error {
		found[id] = Contingent{Attended: seconds(attended), Planned: seconds(planned)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("contingents: %w", err)
	}
	return found, nil
}

// allSpent lists the experts of a network who have nothing left of their contingents for a month.
func allSpent(ctx context.Context, q querier, network uuid.UUID, month Span) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, `
		with used as (`+usedBy(`s.account_id in (select account_id from expert where network_id = $1)`)+`)
		select account_id from used join expert e using (account_id)
		where greatest(attended, 0) + planned >= e.hours_per_month * 3600`, network, month.From, month.Until)
	if err != nil {
		return nil, fmt.Errorf("contingents: %w", err)
	}
	spent, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("contingents: %w", err)
	}
	return spent, nil
}

// seconds never counts backwards: who left before she came, by a clock that was set, was there for no time.
func seconds(n float64) time.Duration { return max(0, time.Duration(n*float64(time.Second))) }
