package expertpool

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// used is what of the contingents of these experts is used in a month. Who has no conference in it is not in the map; Hours are
// not filled in. A conference counts for the month in which it is to begin. What was called off does not count, and neither does
// one that she said no to. While a conference is live it counts as planned.
func used(ctx context.Context, q querier, ids []uuid.UUID, month Span) (map[uuid.UUID]Contingent, error) {
	rows, err := q.Query(ctx, `
		select s.account_id,
			coalesce(sum(extract(epoch from coalesce(s.left_at, c.ended_at, c.ends_at) - s.attended_at))
				filter (where s.attended_at is not null and c.state not in ('inviting', 'quorate', 'live', 'cancelled')), 0)::float8,
			coalesce(sum(extract(epoch from c.ends_at - c.starts_at))
				filter (where i.state in ('offered', 'tentative', 'accepted') and c.state in ('inviting', 'quorate', 'live')), 0)::float8
		from seat s
		join conference c on c.id = s.conference_id
		left join invitation i on i.seat_id = s.id and i.state <> 'cancelled'
		where s.account_id = any($1) and s.role = 'expert' and c.starts_at >= $2 and c.starts_at < $3
		group by s.account_id`, ids, month.From, month.Until)
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

// seconds never counts backwards: who left before she came, by a clock that was set, was there for no time.
func seconds(n float64) time.Duration { return max(0, time.Duration(n*float64(time.Second))) }
