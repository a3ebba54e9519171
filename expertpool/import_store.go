package expertpool

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Listed is an expert as imports and exports know her.
type Listed struct {
	ID          uuid.UUID
	Name, Email string
	Left        bool // the pool, or her account is locked
	Profile     Profile
}

// Listed returns the experts of a network by name, with those who have left. Who asks has checked that it may be known. Within tx they
// are as tx sees them.
func (s *Store) Listed(ctx context.Context, tx pgx.Tx, network uuid.UUID) ([]Listed, error) {
	return listed(ctx, tx, `e.network_id = $1 order by a.name collate "de-x-icu", a.id`, network)
}

// Hold returns those of ids that are experts of a network, and lets nobody else change them until tx ends.
func (s *Store) Hold(ctx context.Context, tx pgx.Tx, network uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Listed, error) {
	found, err := listed(ctx, tx, `e.network_id = $1 and e.account_id = any($2) order by a.id for update of e`, network, ids)
	byID := make(map[uuid.UUID]Listed, len(found))
	for _, l := range found {
		byID[l.ID] = l
	}
	return byID, err
}

func listed(ctx context.Context, tx pgx.Tx, where string, args ...any) (all []Listed, err error) {
	var l Listed
	p := &l.Profile
	err = each(ctx, tx, []any{
		&l.ID, &l.Name, &l.Email, &l.Left, &p.Discipline, &p.Profession, &p.Specialties, &p.Specialty, &p.Topics, &p.Languages, &p.Place, &p.Postcode,
		&p.TravelKM, &p.Modes, &p.LANR, &p.BSNR, &p.Accessibility, &p.HoursPerMonth, &p.MaxCases,
	}, func() {
		all = append(all, l)
		*p = Profile{} // lists must not share their memory
	}, `
		select a.id, a.name, a.email, not e.active or e.shut, e.discipline, e.profession, e.specialties, e.specialty, e.topics, e.languages, e.place,
			e.postcode, e.travel_km, e.modes, e.lanr, e.bsnr, e.accessibility, e.hours_per_month, e.max_cases
		from expert e join account a on a.id = e.account_id
		where `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("experts of a network: %w", err)
	}
	return all, nil
}

// ListIn is List within tx, with a profile that Check has passed.
func (s *Store) ListIn(ctx context.Context, tx pgx.Tx, network, organisation, id uuid.UUID, p Profile) error {
	_, err := tx.Exec(ctx, `
		insert into expert (account_id, network_id, organisation_id, discipline, profession, specialties, specialty, topics, languages, place, postcode,
			travel_km, modes, lanr, bsnr, accessibility, hours_per_month, max_cases, confirmed_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)`,
		id, network, organisation, p.Discipline, p.Profession, p.Specialties, p.Specialty, p.Topics, p.Languages, p.Place, p.Postcode,
		p.TravelKM, p.Modes, p.LANR, p.BSNR, p.Accessibility, p.HoursPerMonth, p.MaxCases, s.now())
	if err != nil {
		return fmt.Errorf("list expert: %w", err)
	}
	return nil
}

// DescribeIn writes a profile that Check has passed within tx, without asking who does it and without recording it.
func (s *Store) DescribeIn(ctx context.Context, tx pgx.Tx, id uuid.UUID, p Profile) error {
	return updateProfile(ctx, tx, id, p, s.now())
}

// Unused are those of ids of whom nothing but their entry is there: never invited, never signed in, neither verified nor bound by a
// signature, and nobody has mailed them a link.
func (s *Store) Unused(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		select a.id from account a
		where a.id = any($1) and a.password_hash is null and a.disabled_at is null
			and not exists (select from session x where x.account_id = a.id)
			and not exists (select from link x where x.account_id = a.id)
			and not exists (select from invitation x where x.account_id = a.id)
			and not exists (select from verification x where x.expert_id = a.id)
			and not exists (select from declaration_signature x where x.expert_id = a.id)`, ids)
	if err != nil {
		return nil, fmt.Errorf("unused experts: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Unlist takes experts of whom nothing is left to be known out of the directory, accounts and all, within tx. It returns
// account.ErrConflict when somebody is referred to after all; tx is lost then.
func (s *Store) Unlist(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) error {
	_, err := tx.Exec(ctx, `delete from account where id = any($1) and role = 'expert'`, ids)
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.Code == "23503" { // foreign_key_violation
		return account.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("unlist experts: %w", err)
	}
	return nil
}
