package casefile

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Observe keeps an observation; one of the same category, occasion and rater gives way. Caseworkers of the case's organisation.
// Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed when sealed.
func (s *Store) Observe(ctx context.Context, by account.Actor, id uuid.UUID, o Observation) error {
	if err := o.validate(s.now()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "write_profile", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `
			insert into icf_observation (id, case_id, organisation_id, occasion, month, rater, instrument, code, edition,
				extent, nature, location, performance, capacity, barrier, facilitator, note, author_id, written_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			on conflict (case_id, occasion, rater, code) do update set month = excluded.month, instrument = excluded.instrument,
				edition = excluded.edition, extent = excluded.extent, nature = excluded.nature, location = excluded.location,
				performance = excluded.performance, capacity = excluded.capacity, barrier = excluded.barrier,
				facilitator = excluded.facilitator, note = excluded.note, author_id = excluded.author_id, written_at = excluded.written_at`,
			uuid.New(), id, by.Organisation, o.Occasion, o.Month, o.Rater, o.Instrument, string(o.Code), o.Edition,
			degree(o.Extent), degree(o.Nature), degree(o.Location), degree(o.Performance), degree(o.Capacity), degree(o.Barrier), degree(o.Facilitator),
			o.Note, by.ID, s.now())
		return err
	})
}

// degree is null where nobody has rated.
func degree(q icf.Qualifier) pgtype.Int2 { return pgtype.Int2{Int16: int16(q), Valid: q != icf.Unset} }

// ForgetObservation takes an observation out of the profile. Errors: ErrDenied, ErrNotFound, ErrClosed when sealed.
func (s *Store) ForgetObservation(ctx context.Context, by account.Actor, id, observation uuid.UUID) error {
	return s.forget(ctx, by, id, "forget_profile", `delete from icf_observation where id = $2 and case_id = $1`, observation)
}

// forget deletes one row of a case.
func (s *Store) forget(ctx context.Context, by account.Actor, id uuid.UUID, did, sql string, args ...any) error {
	return s.change(ctx, by, id, did, "", func(tx pgx.Tx, _ Case) error {
		tag, err := tx.Exec(ctx, sql, append([]any{id}, args...)...)
		if err == nil && tag.RowsAffected() == 0 {
			return account.ErrNotFound
		}
		return err
	})
}

// profileOf reads the profile of a case. Whoever calls it has asked the gate.
func profileOf(ctx context.Context, q Querier, id uuid.UUID) ([]ProfileRow, error) {
	rows, err := q.Query(ctx, `
		select o.id, o.occasion, o.month, o.rater, o.instrument, o.code, o.edition,
			o.extent, o.nature, o.location, o.performance, o.capacity, o.barrier, o.facilitator, o.note, a.name, o.written_at
		from icf_observation o join account a on a.id = o.author_id
		where o.case_id = $1
		order by o.code, o.month`, id)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	seen, err := pgx.CollectRows(rows, scanObservation)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	found := profileRows(seen)
	if err := entitle(ctx, q, found); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return found, nil
}

func scanObservation(row pgx.CollectableRow) (Observation, error) {
	var o Observation
	var code string
	degrees := make([]pgtype.Int2, 7)
	err := row.Scan(&o.ID, &o.Occasion, &o.Month, &o.Rater, &o.Instrument, &code, &o.Edition, &degrees[0], &degrees[1], &degrees[2],
		&degrees[3], &degrees[4], &degrees[5], &degrees[6], &o.Note, &o.AuthorName, &o.WrittenAt)
	edition := o.Edition
	o.Finding = icf.Blank(icf.Code(code))
	o.Edition = edition
	for i, name := range []string{"extent", "nature", "location", "performance", "capacity", "barrier", "facilitator"} {
		if degrees[i].Valid {
			o.Set(name, icf.Qualifier(degrees[i].Int16))
		}
	}
	return o, err
}

// entitle adds the titles of the imported edition.
func entitle(ctx context.Context, q Querier, found []ProfileRow) error {
	codes, editions := make([]string, len(found)), make([]string, len(found))
	for i, r := range found {
		codes[i], editions[i] = string(r.Code), r.Last().Edition
	}
	rows, err := q.Query(ctx, `
		select u.n, t.title from unnest($1::text[], $2::text[]) with ordinality u (code, edition, n)
		join icf_title t on t.code = u.code and t.edition = u.edition`, codes, editions)
	if err != nil {
		return err
	}
	var n int
	var title string
	_, err = pgx.ForEachRow(rows, []any{&n, &title}, func() error {
		found[n-1].Title = title
		return nil
	})
	return err
}

// ImportICF keeps the titles of an official edition, in the place of what was imported of it before, and returns how many. The
// operator does that: the classification is not part of konsil.
func ImportICF(ctx context.Context, db *pgxpool.Pool, edition string, entries []icf.Entry) (int, error) {
	codes, titles := make([]string, len(entries)), make([]string, len(entries))
	for i, e := range entries {
		codes[i], titles[i] = string(e.Code), e.Title
	}
	var n int64
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from icf_title where edition = $1`, edition); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			insert into icf_title (edition, code, title)
			select $1, code, title from unnest($2::text[], $3::text[]) u (code, title)
			on conflict do nothing`, edition, codes, titles)
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("import icf: %w", err)
	}
	return int(n), nil
}
