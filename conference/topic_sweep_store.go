package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
)

// sweepTopics deletes conferences without a case, with everything that hangs on them, and questions without one that led to none. A
// question that waits is not over, and a conference that is live neither.
func (s *Store) sweepTopics(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		conferences, counted, err := s.over(ctx, tx, `
			select x.id, x.organisation_id from conference x join term t on t.organisation_id = x.organisation_id
			where x.case_id is null and x.state <> 'live'
				and greatest(coalesce(x.ended_at, x.ends_at)::date, (select max(due_on) from measure m where m.conference_id = x.id)) + t.days < $2
			order by x.id for update of x`)
		if err != nil {
			return err
		}
		questions, alone, err := s.over(ctx, tx, `
			select r.id, r.organisation_id from conference_request r join term t on t.organisation_id = r.organisation_id
			where r.case_id is null and r.state <> 'submitted' and r.decided_at::date + t.days < $2
				and not exists (select from conference c where c.request_id = r.id)
			order by r.id for update of r`)
		if err != nil {
			return err
		}
		for organisation, n := range alone {
			counted[organisation] += n
		}
		if err := deleteTopics(ctx, tx, conferences, questions); err != nil {
			return fmt.Errorf("topic: %w", err)
		}
		return s.noteDeletions(ctx, tx, "topic", counted)
	})
}

// over are ids whose time is over, and how many of them each organisation has. $1 are the program's own terms, $2 is today.
func (s *Store) over(ctx context.Context, tx pgx.Tx, which string) ([]uuid.UUID, map[uuid.UUID]int64, error) {
	rows, err := tx.Query(ctx, `with `+termOf("topic")+which, ownTerms(), expertpool.Today(s.Now()))
	if err != nil {
		return nil, nil, fmt.Errorf("topic: %w", err)
	}
	ids, counted := []uuid.UUID{}, map[uuid.UUID]int64{}
	var id, organisation uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&id, &organisation}, func() error {
		ids = append(ids, id)
		counted[organisation]++
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("topic: %w", err)
	}
	return ids, counted, nil
}

func deleteTopics(ctx context.Context, tx pgx.Tx, conferences, questions []uuid.UUID) error {
	if len(conferences)+len(questions) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `select request_id from conference where id = any($1) and request_id is not null`, conferences)
	if err != nil {
		return err
	}
	answered, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(`delete from link where subject_id in (
		select id from invitation where conference_id = any($1) union all select id from measure where conference_id = any($1)
		union all select f.id from stand_in_offer f join stand_in_race r on r.id = f.race_id where r.conference_id = any($1))`, conferences)
	b.Queue(`delete from message_out where conference in (
		select code from conference where id = any($1) union all select code from conference_request where id = any($2))`,
		conferences, append(questions, answered...))
	for _, h := range ofConferences(`select unnest($1::uuid[])`, `select unnest($2::uuid[])`) {
		b.Queue(`with of as (select $1::uuid[], $2::uuid[]) delete from `+h.table+` where `+h.rows, conferences, append(questions, answered...))
	}
	return tx.SendBatch(ctx, &b).Close()
}
