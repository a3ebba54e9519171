package casefile

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Meter tells how many clients share what the texts of a case tell about hers. Errors: ErrDenied, ErrNotFound.
func (s *Store) Meter(ctx context.Context, by account.Actor, id uuid.UUID) (Meter, error) {
	c, err := s.header(ctx, by, id)
	if err != nil || c.Sealed {
		return Meter{}, err
	}
	var m Meter
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if m, err = s.meter(ctx, tx, c); err != nil {
			return err
		}
		m.Places, err = s.placesIn(ctx, tx, c, m.Traits)
		return err
	})
	if err != nil {
		return Meter{}, fmt.Errorf("meter: %w", err)
	}
	return m, nil
}

// Regions are the values that a region can have here.
func (s *Store) Regions() []string { return s.towns.Regions() }

// Describe keeps what the texts of a case tell about its client. Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed.
func (s *Store) Describe(ctx context.Context, by account.Actor, id uuid.UUID, t Traits) error {
	if err := t.validate(s.Regions()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "describe", "", func(tx pgx.Tx, c Case) error {
		_, err := tx.Exec(ctx, `
			insert into case_traits (case_id, organisation_id, age_band, sex, region, occupation, diagnosis, changed_by, changed_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			on conflict (case_id) do update set age_band = excluded.age_band, sex = excluded.sex, region = excluded.region,
				occupation = excluded.occupation, diagnosis = excluded.diagnosis, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
			id, c.Organisation, t.AgeBand, t.Sex, t.Region, t.Occupation, t.Diagnosis, by.ID, s.now())
		return err
	})
}

// meter counts over the open cases of the organisation.
func (s *Store) meter(ctx context.Context, tx pgx.Tx, c Case) (Meter, error) {
	rows, err := tx.Query(ctx, `
		select t.case_id = $2, t.age_band, t.sex, t.region, t.occupation, t.diagnosis
		from case_traits t join case_file f on f.id = t.case_id
		where t.organisation_id = $1 and f.state = 'open'`, c.Organisation, c.ID)
	if err != nil {
		return Meter{}, fmt.Errorf("traits: %w", err)
	}
	var own Traits
	var all []Traits
	for rows.Next() {
		var this bool
		var t Traits
		if err := rows.Scan(&this, &t.AgeBand, &t.Sex, &t.Region, &t.Occupation, &t.Diagnosis); err != nil {
			rows.Close()
			return Meter{}, fmt.Errorf("traits: %w", err)
		}
		all = append(all, t)
		if this {
			own = t
		}
	}
	return measure(own, all), rows.Err()
}

// placesIn finds the municipalities that the newest summary names.
func (s *Store) placesIn(ctx context.Context, tx pgx.Tx, c Case, t Traits) ([]Place, error) {
	hints, err := s.hints(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	var found []Place
	for _, h := range hints {
		one, known := s.towns.in(h.Passage)
		if h.Class != nameguard.Place || !known || slices.ContainsFunc(found, func(p Place) bool { return p.Town == one }) {
			continue
		}
		found = append(found, Place{one, t.alike(one)})
	}
	return found, nil
}
