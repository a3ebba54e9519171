package expertpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Time is when an expert can be asked, and how much of what she gives is used this month.
type Time struct {
	ID         uuid.UUID // of her account
	Name       string
	Discipline string
	Availability
	Contingent Contingent // of the calendar month in which it is asked for
}

// Time returns when an expert can be asked: to herself, and to the coordination of her network. ErrNotFound for others.
func (s *Store) Time(ctx context.Context, by account.Actor, id uuid.UUID) (Time, error) {
	t := Time{ID: id}
	if _, err := ownerOf(ctx, s.db, by, id, ""); err != nil {
		return t, err
	}
	err := s.db.QueryRow(ctx, `
		select a.name, e.discipline, e.hours_per_month from expert e join account a on a.id = e.account_id
		where e.account_id = $1`, id).Scan(&t.Name, &t.Discipline, &t.Contingent.Hours)
	if err != nil {
		return t, fmt.Errorf("time of an expert: %w", err)
	}
	uses, err := used(ctx, s.db, []uuid.UUID{id}, MonthOf(s.now()))
	if err != nil {
		return t, err
	}
	t.Contingent.Attended, t.Contingent.Planned = uses[id].Attended, uses[id].Planned
	found, err := Availabilities(ctx, s.db, []uuid.UUID{id}, Today(s.now()))
	t.Availability = found[id]
	return t, err
}

// Availabilities returns when these experts can be asked, by account; absences that were over before the day since are left out. Who
// has said nothing is not in the map: the zero Availability is right for her. The caller has asked for rights.
func Availabilities(ctx context.Context, q querier, ids []uuid.UUID, since time.Time) (map[uuid.UUID]Availability, error) {
	found := map[uuid.UUID]Availability{}
	var id uuid.UUID
	var a Availability
	err := each(ctx, q, []any{&id, &a.Zone, &a.Paused}, func() { found[id] = a }, `
		select account_id, zone, paused_at from availability where account_id = any($1)`, array(ids))
	if err != nil {
		return nil, err
	}
	var weekday, from, until int
	err = each(ctx, q, []any{&id, &weekday, &from, &until}, func() {
		a := found[id]
		a.Rules = append(a.Rules, Rule{Day: time.Weekday(weekday % 7), From: from, To: until})
		found[id] = a
	}, `
		select account_id, weekday, from_minute, until_minute from availability_rule
		where account_id = any($1)
		order by account_id, weekday, from_minute`, array(ids))
	if err != nil {
		return nil, err
	}
	var b Absence
	err = each(ctx, q, []any{&id, &b.ID, &b.First, &b.Last}, func() {
		a := found[id]
		a.Absences = append(a.Absences, b)
		found[id] = a
	}, `
		select account_id, id, first_day, last_day from absence
		where account_id = any($1) and last_day >= $2
		order by account_id, first_day, last_day, id`, array(ids), since)
	return found, err
}

// array is ids as PostgreSQL takes them. Those of hundreds of people go with every question about a pool, and pgx writes its own type
// twenty times as fast as one that it has to look into.
func array(ids []uuid.UUID) []pgtype.UUID {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	return list
}

// each reads rows into dest and calls do after each of them.
func each(ctx context.Context, q querier, dest []any, do func(), sql string, args ...any) error {
	rows, err := q.Query(ctx, sql, args...)
	if err == nil {
		_, err = pgx.ForEachRow(rows, dest, func() error { do(); return nil })
	}
	if err != nil {
		return fmt.Errorf("read the pool: %w", err)
	}
	return nil
}

// KeepWeek says what the hours of an ordinary week are from now on; none is: nothing is known of it. Errors: InvalidError for what
// is no half hour of a week, ErrNotFound.
func (s *Store) KeepWeek(ctx context.Context, by account.Actor, id uuid.UUID, rules []Rule) error {
	rules, err := Tidy(rules)
	if err != nil {
		return err
	}
	return s.keepTime(ctx, by, id, "keep_week", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from availability_rule where account_id = $1`, id); err != nil {
			return err
		}
		for _, r := range rules {
			_, err := tx.Exec(ctx, `
				insert into availability_rule (account_id, weekday, from_minute, until_minute)
				values ($1, $2, $3, $4)`, id, isoDay(r.Day), r.From, r.To)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// maxAbsences are those that can be entered at once: many are a mistake.
const maxAbsences = 50

// BeAway enters days on which she is not there. Those that are long over are forgotten. Errors: InvalidError, ErrNotFound, ErrConflict
// when there are too many already.
func (s *Store) BeAway(ctx context.Context, by account.Actor, id uuid.UUID, first, last time.Time) error {
	b := Absence{First: first, Last: last}
	today := Today(s.now())
	if err := b.validate(today); err != nil {
		return err
	}
	return s.keepTime(ctx, by, id, "be_away", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from absence where account_id = $1 and last_day < $2`, id, today.AddDate(0, 0, -90)); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from absence where account_id = $1 and last_day >= $2`, id, today).Scan(&n); err != nil {
			return err
		}
		if n >= maxAbsences {
			return account.Refuse(account.ErrConflict, "many_absences")
		}
		_, err := tx.Exec(ctx, `
			insert into absence (id, account_id, first_day, last_day)
			values ($1, $2, $3, $4)`, uuid.New(), id, first, last)
		return err
	})
}

// BeBack takes days of absence out again. One that is not there is no error: it may have been taken out a moment ago.
func (s *Store) BeBack(ctx context.Context, by account.Actor, id, absence uuid.UUID) error {
	return s.keepTime(ctx, by, id, "be_back", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from absence where id = $1 and account_id = $2`, absence, id)
		return err
	})
}

// Pause says that she is not to be asked until she says otherwise, or that she can be asked again. What she has accepted stays.
func (s *Store) Pause(ctx context.Context, by account.Actor, id uuid.UUID, paused bool) error {
	did := "resume"
	if paused {
		did = "pause"
	}
	return s.keepTime(ctx, by, id, did, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			update availability set paused_at = case when $2 then coalesce(paused_at, $3) end
			where account_id = $1`, id, paused, s.now())
		return err
	})
}

// KeepContingent says how many hours she gives each month. Errors: InvalidError, ErrNotFound.
func (s *Store) KeepContingent(ctx context.Context, by account.Actor, id uuid.UUID, hours int) error {
	if hours < 0 || hours > MaxHoursPerMonth {
		return &account.InvalidError{Field: "hours_per_month", Rule: "range"}
	}
	return s.keepTime(ctx, by, id, "keep_contingent", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update expert set hours_per_month = $2, changed_at = $3 where account_id = $1`, id, hours, s.now())
		return err
	})
}

// keepTime changes something about when an expert can be asked: it asks for the right, makes her row where she has none yet, and
// records the deed.
func (s *Store) keepTime(ctx context.Context, by account.Actor, id uuid.UUID, did string, do func(tx pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		organisation, err := ownerOf(ctx, tx, by, id, " for update of e")
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into availability (account_id, organisation_id, zone, changed_at)
			values ($1, $2, $3, $4)
			on conflict (account_id) do update set organisation_id = excluded.organisation_id, changed_at = excluded.changed_at`, id, organisation, Zone().String(), s.now())
		if err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "expert", To: id.String(),
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// ownerOf returns the organisation that an expert belongs to, to herself and to the coordination of her network. Others are told that
// there is no such expert.
func ownerOf(ctx context.Context, q querier, by account.Actor, id uuid.UUID, lock string) (uuid.UUID, error) {
	own, all := by.ID == id && by.May(account.KeepOwnProfile), by.May(account.KeepPool)
	if !own && !all {
		return uuid.Nil, account.ErrNotFound
	}
	var organisation uuid.UUID
	err := q.QueryRow(ctx, `
		select e.organisation_id from expert e join account a on a.id = e.account_id
		where e.account_id = $1 and e.network_id = $2 and e.active and a.disabled_at is null`+lock, id, by.Network).Scan(&organisation)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, account.ErrNotFound
	}
	return organisation, err
}

// breaks says whether a statement failed because of this constraint or index.
func breaks(err error, constraint string) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && p.ConstraintName == constraint
}
