package expertpool

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// attended selects the seats of experts who took part in conferences that are over.
const attended = `
	select s.id as seat_id, s.account_id, (s.attended_at at time zone 'Europe/Berlin')::date as on_day, case when s.written then 'written_opinion' else c.kind end as kind,
		ceil(extract(epoch from ` + stayed + `) / 60)::int as minutes
	from seat s join conference c on c.id = s.conference_id
	where s.role = 'expert' and s.attended_at is not null and s.counted_at is null and c.state in ('minutes_draft', 'approved', 'closed', 'sealed') `

// countAttended moves what was attended into the proofs, once for each seat. $1 is now.
const countAttended = `
	with over as (` + attended + ` for update of s skip locked),
	counted as (update seat set counted_at = $1 from over where seat.id = over.seat_id returning over.account_id, over.on_day, over.minutes, over.kind)
	insert into participation (id, expert_id, on_day, minutes, kind)
	select gen_random_uuid(), account_id, on_day, minutes, kind from counted`

// Participation is the proof of an expert's quarter, for herself and for those who answer for the pool of her network, also after she
// has left. ErrNotFound for others.
func (s *Store) Participation(ctx context.Context, by account.Actor, expert uuid.UUID, q Quarter) (Participation, error) {
	p := Participation{Quarter: q}
	own := expert == by.ID && by.May(account.ProveParticipation)
	err := s.db.QueryRow(ctx, `
		select a.name from expert e join account a on a.id = e.account_id
		where a.id = $1 and e.network_id = $2 and ($3 or $4)`, expert, by.Network, own, by.Reach(account.ProveParticipation) == account.OwnNetwork).Scan(&p.Name)
	if err != nil {
		return p, fmt.Errorf("participation: %w", noneIsNotFound(err))
	}
	rows, err := s.db.Query(ctx, `
		select on_day, minutes, kind from (
			select id, expert_id, on_day, minutes, kind from participation
			union all select seat_id, account_id, on_day, minutes, kind from (`+attended+`) fresh) it
		where expert_id = $1 and on_day between $2 and $3
		order by on_day, minutes, id`, expert, q.Begins(), q.Ends())
	if err != nil {
		return p, fmt.Errorf("participation: %w", err)
	}
	p.Attended, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Attendance])
	return p, err
}
