package casefile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Course returns it to caseworkers of the case's organisation. A sealed case has none: ErrClosed. Errors: ErrDenied, ErrNotFound.
func (s *Store) Course(ctx context.Context, by account.Actor, id uuid.UUID) (Course, error) {
	head, err := s.header(ctx, by, id)
	if err != nil {
		return Course{}, err
	}
	if head.Sealed {
		return Course{}, account.Refuse(account.ErrClosed, "withdrawn")
	}
	c, err := courseOf(ctx, s.db, id)
	if err != nil {
		return Course{}, fmt.Errorf("course: %w", err)
	}
	return c, nil
}

// courseOf reads it. Whoever calls it has asked the gate.
func courseOf(ctx context.Context, q Querier, id uuid.UUID) (c Course, err error) {
	if c.Profile, err = profileOf(ctx, q, id); err != nil {
		return c, err
	}
	if c.Scores, err = scoresOf(ctx, q, id); err != nil {
		return c, err
	}
	ratings, err := rowsOf[CapacityRating](ctx, q, `
		select occasion, view, capacity, value::int from capacity_rating where case_id = $1 order by position, capacity`, id)
	if err != nil {
		return c, err
	}
	c.Ratings = capacityRows(ratings)
	c.Capacities, err = rowsOf[WorkCapacity](ctx, q, `
		select w.id, w.band, w.stated_on, w.source, a.name
		from work_capacity w join account a on a.id = w.author_id
		where w.case_id = $1 order by w.stated_on, w.written_at`, id)
	if err != nil {
		return c, err
	}
	c.Phases, err = rowsOf[Phase](ctx, q, `
		select p.phase, p.began_on, a.name from case_phase p join account a on a.id = p.author_id
		where p.case_id = $1 order by p.began_on`, id)
	if err != nil {
		return c, err
	}
	return c, q.QueryRow(ctx, `
		select coalesce(contact_id, caseworker_id) from case_file where id = $1`, id).Scan(&c.ContactID)
}

func scoresOf(ctx context.Context, q Querier, id uuid.UUID) ([]Score, error) {
	return rowsOf[Score](ctx, q, `
		select r.id, r.instrument, r.version, r.value::text, r.scale_min::text, r.scale_max::text, r.band, r.measured_on, r.computed_by,
			r.client_saw, a.name, r.written_at
		from case_score r join account a on a.id = r.author_id
		where r.case_id = $1 order by r.measured_on desc, r.written_at desc`, id)
}

func rowsOf[T any](ctx context.Context, q Querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

// AddScore keeps a score. Caseworkers of the case's organisation. Errors of this and the following: InvalidError, ErrDenied,
// ErrNotFound, ErrClosed when sealed.
func (s *Store) AddScore(ctx context.Context, by account.Actor, id uuid.UUID, c Score) error {
	if err := c.validate(s.now()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "add_score", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `
			insert into case_score (id, case_id, organisation_id, instrument, version, value, scale_min, scale_max, band, measured_on,
				computed_by, client_saw, author_id, written_at)
			values ($1, $2, $3, $4, $5, $6::text::numeric, $7::text::numeric, $8::text::numeric, $9, $10, $11, $12, $13, $14)`,
			uuid.New(), id, by.Organisation, c.Instrument, c.Version, c.Value, c.Min, c.Max, c.Band, c.MeasuredOn, c.ComputedBy, c.ClientSaw, by.ID, s.now())
		return err
	})
}

// ForgetScore takes a score out.
func (s *Store) ForgetScore(ctx context.Context, by account.Actor, id, score uuid.UUID) error {
	return s.forget(ctx, by, id, "forget_score", `delete from case_score where id = $2 and case_id = $1`, score)
}

// StateCapacity keeps a statement about the hours a day.
func (s *Store) StateCapacity(ctx context.Context, by account.Actor, id uuid.UUID, w WorkCapacity) error {
	if err := w.validate(s.now()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "state_work_capacity", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `
			insert into work_capacity (id, case_id, organisation_id, band, stated_on, source, author_id, written_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, uuid.New(), id, by.Organisation, w.Band, w.StatedOn, w.Source, by.ID, s.now())
		return err
	})
}

// ForgetCapacity takes such a statement out.
func (s *Store) ForgetCapacity(ctx context.Context, by account.Actor, id, statement uuid.UUID) error {
	return s.forget(ctx, by, id, "forget_work_capacity", `delete from work_capacity where id = $2 and case_id = $1`, statement)
}

// Rate keeps ratings of capacities; a later rating of the same occasion and view replaces the one before.
func (s *Store) Rate(ctx context.Context, by account.Actor, id uuid.UUID, occasion, view string, values map[string]int) error {
	set, err := s.Casework(ctx, by)
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(Occasions, occasion):
		return &account.InvalidError{Field: "occasion", Rule: "unknown"}
	case !slices.Contains(Views, view):
		return &account.InvalidError{Field: "view", Rule: "unknown"}
	case len(values) == 0:
		return &account.InvalidError{Field: "ratings", Rule: "required"}
	}
	for name, v := range values {
		if !slices.Contains(set.Capacities, name) || v < 0 || v > 4 {
			return &account.InvalidError{Field: "ratings", Rule: "unknown"}
		}
	}
	return s.change(ctx, by, id, "rate_capacities", "", func(tx pgx.Tx, _ Case) error {
		var b pgx.Batch
		for i, name := range set.Capacities {
			if v, rated := values[name]; rated {
				b.Queue(`
					insert into capacity_rating (case_id, organisation_id, occasion, view, capacity, position, value, author_id, written_at)
					values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
					on conflict (case_id, occasion, view, capacity) do update set position = excluded.position, value = excluded.value,
						author_id = excluded.author_id, written_at = excluded.written_at`,
					id, by.Organisation, occasion, view, name, i, v, by.ID, s.now())
			}
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

// Enter lets a case begin a phase of the network's list on a day. A phase of the same day gives way.
func (s *Store) Enter(ctx context.Context, by account.Actor, id uuid.UUID, phase string, on time.Time) error {
	set, err := s.Casework(ctx, by)
	if err != nil {
		return err
	}
	if !slices.Contains(set.Phases, phase) {
		return &account.InvalidError{Field: "phase", Rule: "unknown"}
	}
	if err := day("began_on", on, s.now()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "enter_phase", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `
			insert into case_phase (case_id, organisation_id, phase, began_on, author_id, written_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (case_id, began_on) do update set phase = excluded.phase, author_id = excluded.author_id, written_at = excluded.written_at`,
			id, by.Organisation, phase, on, by.ID, s.now())
		return err
	})
}

// TurnTo makes a colleague the one whom the client turns to.
func (s *Store) TurnTo(ctx context.Context, by account.Actor, id, contact uuid.UUID) error {
	return s.change(ctx, by, id, "set_contact", "", func(tx pgx.Tx, _ Case) error {
		tag, err := tx.Exec(ctx, `
			update case_file set contact_id = $2
			where id = $1 and exists (select from account where id = $2 and organisation_id = $3 and role = 'caseworker' and disabled_at is null)`,
			id, contact, by.Organisation)
		if err == nil && tag.RowsAffected() == 0 {
			return &account.InvalidError{Field: "contact", Rule: "unknown"}
		}
		return err
	})
}

// Colleague is somebody whom a client can turn to.
type Colleague struct {
	ID   uuid.UUID
	Name string
}

// Colleagues are the caseworkers of the actor's organisation, by name.
func (s *Store) Colleagues(ctx context.Context, by account.Actor) ([]Colleague, error) {
	if !by.May(account.KeepCases) {
		return nil, account.ErrDenied
	}
	found, err := rowsOf[Colleague](ctx, s.db, `
		select id, name from account where organisation_id = $1 and role = 'caseworker' and disabled_at is null order by name`, by.Organisation)
	if err != nil {
		return nil, fmt.Errorf("colleagues: %w", err)
	}
	return found, nil
}

// Shown is the part of the course that the client lets this person see, as of now: profile, ratings and work capacity with the
// consent for the profile, scores with the consent for those. What is not allowed is simply not there. Phases are not shown.
func (s *Store) Shown(ctx context.Context, q Querier, id uuid.UUID, by account.Actor) (Course, error) {
	profile, err := s.allowed(ctx, q, id, by, Profile)
	if err != nil {
		return Course{}, err
	}
	risk, err := s.allowed(ctx, q, id, by, Risk)
	if err != nil || !profile && !risk {
		return Course{}, err
	}
	c, err := courseOf(ctx, q, id)
	if err != nil {
		return Course{}, fmt.Errorf("course: %w", err)
	}
	c.Phases = nil
	if !profile {
		c.Profile, c.Ratings, c.Capacities = nil, nil, nil
	}
	if !risk {
		c.Scores = nil
	}
	return c, nil
}

func (s *Store) allowed(ctx context.Context, q Querier, id uuid.UUID, by account.Actor, p Purpose) (bool, error) {
	err := s.Open(ctx, q, id, by, p)
	if errors.Is(err, account.ErrClosed) {
		return false, nil
	}
	return err == nil, err
}
