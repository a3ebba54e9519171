package expertpool

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// ForListing is the purpose of the link with which an expert says that her entry is still right. Its subject is she herself.
const ForListing account.Purpose = "listing"

const (
	asksEvery        = 91 * 24 * time.Hour // a quarter
	listingLinkLasts = 45 * 24 * time.Hour
)

// Listing is an entry of the directory as its owner confirms it.
type Listing struct {
	Name        string
	Profile     Profile
	ConfirmedAt time.Time
	Owner       string // who of the coordination looks after it; empty: nobody yet
}

// Listing returns the actor's own entry, for the page behind the link of the quarterly mail as well. ErrNotFound when she is not in the
// pool.
func (s *Store) Listing(ctx context.Context, by account.Actor) (Listing, error) {
	l := Listing{Name: by.Name}
	p := &l.Profile
	err := s.db.QueryRow(ctx, `
		select e.discipline, e.profession, e.specialties, e.specialty, e.topics, e.languages, e.place, e.postcode, e.travel_km, e.modes, e.accessibility,
			e.hours_per_month, e.max_cases, e.confirmed_at, coalesce(w.name, '')
		from expert e left join account w on w.id = e.owner_id
		where e.account_id = $1 and e.active`, by.ID).
		Scan(&p.Discipline, &p.Profession, &p.Specialties, &p.Specialty, &p.Topics, &p.Languages, &p.Place, &p.Postcode, &p.TravelKM, &p.Modes, &p.Accessibility,
			&p.HoursPerMonth, &p.MaxCases, &l.ConfirmedAt, &l.Owner)
	if err != nil {
		return Listing{}, fmt.Errorf("listing: %w", noneIsNotFound(err))
	}
	return l, nil
}

// ConfirmListing says that the actor's own entry is still right: signed in, or by the link for it.
func (s *Store) ConfirmListing(ctx context.Context, by account.Actor) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return s.confirm(ctx, tx, by, by.ID) })
	if err != nil {
		return fmt.Errorf("confirm listing: %w", err)
	}
	return nil
}

// ConfirmFor says it for an expert, by one of those who keep the pool: on the phone, for instance.
func (s *Store) ConfirmFor(ctx context.Context, by account.Actor, expert uuid.UUID) error {
	return s.keep(ctx, by, expert, "confirm_for", "", func(tx pgx.Tx, _ Standing) error { return s.confirm(ctx, tx, by, expert) })
}

func (s *Store) confirm(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID) error {
	done, err := tx.Exec(ctx, `
		update expert set confirmed_at = $2, confirm_asked_at = null where account_id = $1 and active`, expert, s.now())
	if err != nil {
		return err
	}
	if done.RowsAffected() == 0 {
		return account.ErrNotFound
	}
	return s.record(ctx, tx, by, "confirm_listing", expert, "")
}
