package expertpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Entry is an expert as the directory shows her.
type Entry struct {
	ID           uuid.UUID
	Name, Email  string
	Organisation string
	Active       bool
	Profile      Profile
	Contingent   Contingent // of this month
	Asked        int        // invitations of the last 30 days
	ChangedAt    time.Time
}

// Entry shows an expert of the actor's network to whoever may see the pool, and herself to the expert. LANR and BSNR are there
// for those who keep the profile, empty for others. ErrNotFound for everybody and everything else.
func (s *Store) Entry(ctx context.Context, by account.Actor, id uuid.UUID) (Entry, error) {
	if !by.May(account.SeePool) && !(by.May(account.KeepOwnProfile) && by.ID == id) {
		return Entry{}, account.ErrNotFound
	}
	e, err := entryOf(ctx, s.db, by.Network, id, s.now())
	if err != nil {
		return Entry{}, err
	}
	if !by.May(account.KeepPool) && by.ID != id {
		e.Profile.LANR, e.Profile.BSNR = "", ""
	}
	month, err := used(ctx, s.db, []uuid.UUID{id}, MonthOf(s.now()))
	if err != nil {
		return Entry{}, err
	}
	e.Contingent = month[id]
	e.Contingent.Hours = e.Profile.HoursPerMonth
	return e, nil
}

func entryOf(ctx context.Context, q querier, network, id uuid.UUID, now time.Time) (e Entry, err error) {
	p := &e.Profile
	err = q.QueryRow(ctx, `
		select a.id, a.name, a.email, o.name, e.active and not e.shut, e.changed_at, e.discipline, e.profession, e.specialties, e.specialty, e.topics,
			e.languages, e.place, e.postcode, e.travel_km, e.modes, e.lanr, e.bsnr, e.accessibility, e.hours_per_month, e.max_cases,
			(select count(*) from invitation i where i.account_id = a.id and i.stamped_at > $3)::int
		from expert e join account a on a.id = e.account_id join organisation o on o.id = e.organisation_id
		where e.network_id = $1 and e.account_id = $2`, network, id, now.AddDate(0, 0, -30)).
		Scan(&e.ID, &e.Name, &e.Email, &e.Organisation, &e.Active, &e.ChangedAt, &p.Discipline, &p.Profession, &p.Specialties, &p.Specialty, &p.Topics,
			&p.Languages, &p.Place, &p.Postcode, &p.TravelKM, &p.Modes, &p.LANR, &p.BSNR, &p.Accessibility, &p.HoursPerMonth, &p.MaxCases, &e.Asked)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, account.ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("expert: %w", err)
	}
	return e, nil
}

// Describe writes what an expert offers. Who keeps the pool writes all of it; the expert herself all but what a coordinator has
// checked: discipline, profession, LANR, BSNR and the ceiling of cases stay as they are. Saving what is there already changes
// nothing. Errors: *account.InvalidError by Profile.Check, ErrDenied, ErrNotFound.
func (s *Store) Describe(ctx context.Context, by account.Actor, id uuid.UUID, p Profile) error {
	keeps := by.May(account.KeepPool)
	if !keeps && !(by.May(account.KeepOwnProfile) && by.ID == id) {
		return account.ErrDenied
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := lockExpert(ctx, tx, by.Network, id); err != nil {
			return err
		}
		old, err := entryOf(ctx, tx, by.Network, id, s.now())
		if err != nil {
			return err
		}
		if !keeps {
			p = old.Profile.describedAs(p)
		}
		if err := p.Check(); err != nil {
			return err
		}
		changed := old.Profile.Differences(p)
		if len(changed) == 0 {
			return nil
		}
		if err := updateProfile(ctx, tx, id, p, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "profile_changed", id, strings.Join(changed, " "))
	})
}

// describedAs is what p becomes when the expert herself describes it as n.
func (p Profile) describedAs(n Profile) Profile {
	n.Discipline, n.Profession, n.LANR, n.BSNR, n.MaxCases = p.Discipline, p.Profession, p.LANR, p.BSNR, p.MaxCases
	return n
}

// Differences names the fields in which two profiles differ, as Check names them.
func (p Profile) Differences(n Profile) []string {
	var fields []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"discipline", p.Discipline == n.Discipline}, {"profession", p.Profession == n.Profession}, {"specialties", slices.Equal(p.Specialties, n.Specialties)},
		{"specialty", p.Specialty == n.Specialty}, {"topics", slices.Equal(p.Topics, n.Topics)}, {"languages", slices.Equal(p.Languages, n.Languages)},
		{"place", p.Place == n.Place}, {"postcode", p.Postcode == n.Postcode}, {"travel_km", p.TravelKM == n.TravelKM}, {"modes", slices.Equal(p.Modes, n.Modes)},
		{"lanr", p.LANR == n.LANR}, {"bsnr", p.BSNR == n.BSNR}, {"accessibility", p.Accessibility == n.Accessibility},
		{"hours_per_month", p.HoursPerMonth == n.HoursPerMonth}, {"max_cases", p.MaxCases == n.MaxCases},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

func lockExpert(ctx context.Context, tx pgx.Tx, network, id uuid.UUID) error {
	var found uuid.UUID
	err := tx.QueryRow(ctx, `select account_id from expert where network_id = $1 and account_id = $2 for update`, network, id).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return account.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("lock expert: %w", err)
	}
	return nil
}

func updateProfile(ctx context.Context, tx pgx.Tx, id uuid.UUID, p Profile, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update expert set discipline = $2, profession = $3, specialties = $4, specialty = $5, topics = $6, languages = $7, place = $8, postcode = $9,
			travel_km = $10, modes = $11, lanr = $12, bsnr = $13, accessibility = $14, hours_per_month = $15, max_cases = $16, changed_at = $17
		where account_id = $1`,
		id, p.Discipline, p.Profession, p.Specialties, p.Specialty, p.Topics, p.Languages, p.Place, p.Postcode, p.TravelKM, p.Modes, p.LANR, p.BSNR,
		p.Accessibility, p.HoursPerMonth, p.MaxCases, now)
	if err != nil {
		return fmt.Errorf("update profile: %w", err)
	}
	return nil
}
