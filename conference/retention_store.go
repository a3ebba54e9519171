package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Terms returns how long the actor's organisation keeps what, to its caseworkers and its data-protection officer. ErrDenied for others.
func (s *Store) Terms(ctx context.Context, by account.Actor) ([]Term, error) {
	if !by.May(account.SeeRetention) {
		return nil, account.ErrDenied
	}
	set, err := termsOf(ctx, s.DB, by.Organisation)
	if err != nil {
		return nil, fmt.Errorf("terms: %w", err)
	}
	return set, nil
}

func termsOf(ctx context.Context, q casefile.Querier, organisation uuid.UUID) ([]Term, error) {
	rows, err := q.Query(ctx, `
		select r.class, r.days, r.reason, a.name, r.set_at from retention r join account a on a.id = r.set_by
		where r.organisation_id = $1`, organisation)
	if err != nil {
		return nil, err
	}
	set := terms()
	var class, reason, name string
	var days int
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&class, &days, &reason, &name, &at}, func() error {
		for i := range set {
			if t := &set[i]; t.Class == class {
				when := at
				t.Days, t.Reason, t.SetBy, t.SetAt = days, reason, name, &when
			}
		}
		return nil
	})
	return set, err
}

// SetTerm changes how long the caseworker's organisation keeps data of a class. Shorter is a click, longer needs a reason. Errors:
// InvalidError, ErrDenied.
func (s *Store) SetTerm(ctx context.Context, by account.Actor, class string, days int, reason string) error {
	if !by.May(account.SetRetention) {
		return account.ErrDenied
	}
	if err := checkTerm(class, days, &reason); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into retention (organisation_id, class, days, reason, set_by, set_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (organisation_id, class) do update set days = excluded.days, reason = excluded.reason, set_by = excluded.set_by,
				set_at = excluded.set_at`, by.Organisation, class, days, reason, by.ID, s.Now())
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: by.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role), Did: "set_retention", Kind: "retention",
			To: fmt.Sprintf("%s: %d", class, days), Reason: reason,
		})
	})
	if err != nil {
		return fmt.Errorf("set term: %w", err)
	}
	return nil
}

// dueCases are the cases whose last day is before $1, with that day: the earliest of what the terms and a withdrawal say. A case with a
// conference to come, or under way, waits for it. $2 is a JSON object of the program's own terms in days, $3 an organisation or null.
const dueCases = `
	with term as (
		select o.id as organisation_id, t.key as class, coalesce(r.days, t.value::int) as days
		from organisation o cross join jsonb_each_text($2::jsonb) t
		left join retention r on r.organisation_id = o.id and r.class = t.key
		where $3::uuid is null or o.id = $3
	), last as (
		select c.id, c.organisation_id, c.pseudonym, c.left_on, d.due_at::date as withdrawn_on,
			greatest(c.created_at, (select max(coalesce(x.ended_at, x.ends_at)) from conference x where x.case_id = c.id and x.state <> 'cancelled'))::date as used_on
		from case_file c left join case_deletion d on d.case_id = c.id
		where c.deleted_at is null
			and not exists (select from conference x where x.case_id = c.id and x.state in ('inviting', 'quorate', 'live'))
	), due as (
		select l.id, l.organisation_id, l.pseudonym, t.class,
			case t.class when 'case' then l.used_on else l.left_on end + t.days as due_on
		from last l join term t on t.organisation_id = l.organisation_id and t.class in ('case', 'left')
		union all
		select l.id, l.organisation_id, l.pseudonym, 'withdrawn', l.withdrawn_on from last l
	), first as (
		select distinct on (id) * from due where due_on is not null order by id, due_on
	)
	select f.id, f.organisation_id, f.pseudonym, f.class, f.due_on, h.until
	from first f left join legal_hold h on h.case_id = f.id and h.lifted_at is null and h.until >= $4
	where f.due_on < $1`

// Preview lists the cases of the actor's organisation that will be deleted within so many days, the soonest first.
func (s *Store) Preview(ctx context.Context, by account.Actor, days int) ([]Due, error) {
	if !by.May(account.SeeRetention) {
		return nil, account.ErrDenied
	}
	today := expertpool.Today(s.Now())
	rows, err := s.DB.Query(ctx, dueCases+` order by f.due_on, f.pseudonym`, today.AddDate(0, 0, days+1), ownTerms(), by.Organisation, today)
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Due, error) {
		var d Due
		var organisation uuid.UUID
		return d, row.Scan(&d.CaseID, &organisation, &d.Pseudonym, &d.Class, &d.On, &d.Held)
	})
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	return due, nil
}

func ownTerms() map[string]int {
	own := map[string]int{}
	for _, t := range terms() {
		own[t.Class] = t.Default
	}
	return own
}

// DueOf is when a case of the caseworker's organisation will be deleted as things stand, and what holds it; zero when nothing does.
func (s *Store) DueOf(ctx context.Context, by account.Actor, caseID uuid.UUID) (due Due, hold *Hold, err error) {
	all, err := s.Preview(ctx, by, 20*365)
	if err != nil {
		return due, nil, err
	}
	for _, d := range all {
		if d.CaseID == caseID {
			due = d
		}
	}
	rows, err := s.DB.Query(ctx, `
		select h.reason, a.name, h.until, h.set_at from legal_hold h join account a on a.id = h.set_by
		where h.case_id = $1 and h.organisation_id = $2 and h.lifted_at is null`, caseID, by.Organisation)
	if err != nil {
		return due, nil, fmt.Errorf("due: %w", err)
	}
	held, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[Hold])
	if err != nil || len(held) == 0 {
		return due, nil, err
	}
	return due, held[0], nil
}

// SetHold keeps a case from being deleted up to and including a day, for a reason. A hold that stands gives way. Errors:
// InvalidError, ErrDenied, ErrNotFound.
func (s *Store) SetHold(ctx context.Context, by account.Actor, caseID uuid.UUID, reason string, until time.Time) error {
	if err := account.CheckText("reason", &reason, 300, true); err != nil {
		return err
	}
	today := expertpool.Today(s.Now())
	if until.Before(today) || until.After(today.AddDate(10, 0, 0)) {
		return &account.InvalidError{Field: "until", Rule: "future"}
	}
	return s.ofCase(ctx, by, caseID, "set_hold", reason, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update legal_hold set lifted_at = $2 where case_id = $1 and lifted_at is null`, caseID, s.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			insert into legal_hold (id, case_id, organisation_id, reason, until, set_by, set_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			uuid.New(), caseID, by.Organisation, reason, until, by.ID, s.Now())
		return err
	})
}

// LiftHold ends it. ErrConflict when there is none.
func (s *Store) LiftHold(ctx context.Context, by account.Actor, caseID uuid.UUID) error {
	return s.ofCase(ctx, by, caseID, "lift_hold", "", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update legal_hold set lifted_at = $2 where case_id = $1 and lifted_at is null`, caseID, s.Now())
		if err == nil && tag.RowsAffected() == 0 {
			return account.Refuse(account.ErrConflict, "no_hold")
		}
		return err
	})
}

// Leave records the day on which the client has left the project; the zero day takes that back. It says nothing of why. Errors:
// InvalidError, ErrDenied, ErrNotFound.
func (s *Store) Leave(ctx context.Context, by account.Actor, caseID uuid.UUID, on time.Time) error {
	if on.After(expertpool.Today(s.Now())) || !on.IsZero() && on.Year() < 2000 {
		return &account.InvalidError{Field: "left_on", Rule: "past"}
	}
	return s.ofCase(ctx, by, caseID, "set_left", "", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update case_file set left_on = nullif($2, '0001-01-01'::date) where id = $1`, caseID, on)
		return err
	})
}

// ofCase does something to a case of the caseworker's organisation, sealed or not, and records it.
func (s *Store) ofCase(ctx context.Context, by account.Actor, caseID uuid.UUID, did, reason string, do func(pgx.Tx) error) error {
	if !by.May(account.SetRetention) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var alias string
		err := tx.QueryRow(ctx, `
			select pseudonym from case_file where id = $1 and organisation_id = $2 and deleted_at is null for update`, caseID, by.Organisation).Scan(&alias)
		if isNone(err) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: by.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "case", To: alias, Case: caseID, Reason: reason,
		})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// Protocol is what the sweep has deleted for the actor's organisation, the latest first.
func (s *Store) Protocol(ctx context.Context, by account.Actor) ([]Deleted, error) {
	if !by.May(account.SeeRetention) {
		return nil, account.ErrDenied
	}
	rows, err := s.DB.Query(ctx, `
		select class, counted, at from deletion where organisation_id = $1 order by at desc, class limit 200`, by.Organisation)
	if err != nil {
		return nil, fmt.Errorf("protocol: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Deleted])
}
