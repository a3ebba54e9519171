package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// RevealFor is how long somebody may look whom a colleague has let.
const RevealFor = 15 * time.Minute

// Ask is a caseworker's wish to see who the client of a colleague's case is.
type Ask struct {
	ID          uuid.UUID
	CaseID      uuid.UUID
	Pseudonym   string
	AskedBy     uuid.UUID
	AskedByName string
	Reason      string
	AskedAt     time.Time
	DecidedBy   string // name; empty while nobody has decided
	DecidedAt   *time.Time
	Granted     bool
}

// Open says that the one who asked may look now, until Until.
func (a Ask) Open(now time.Time) bool { return a.Granted && now.Before(a.Until()) }

// Until is when a granted ask ends.
func (a Ask) Until() time.Time {
	if a.DecidedAt == nil {
		return time.Time{}
	}
	return a.DecidedAt.Add(RevealFor)
}

// Waits says that nobody has decided yet.
func (a Ask) Waits() bool { return a.DecidedAt == nil }

// Access is how an actor gets to see who the client of a case is.
type Access struct {
	Alone bool  // with a reason, without anybody else: her own case, or nobody else is there
	Asks  []Ask // of everybody about this case, the latest first
	Looks []Look
}

// Look is somebody's look at who the client of a case is.
type Look struct {
	Name   string // empty after a year: the record has forgotten it
	At     time.Time
	Reason string
}

// Granted is the ask that lets somebody look now, or nil.
func (a Access) Granted(who uuid.UUID, now time.Time) *Ask {
	return a.first(func(k Ask) bool { return k.AskedBy == who && k.Open(now) })
}

// Waiting is the ask of somebody that nobody has decided yet, or nil.
func (a Access) Waiting(who uuid.UUID) *Ask {
	return a.first(func(k Ask) bool { return k.AskedBy == who && k.Waits() })
}

func (a Access) first(fits func(Ask) bool) *Ask {
	for i := range a.Asks {
		if fits(a.Asks[i]) {
			return &a.Asks[i]
		}
	}
	return nil
}

// Access tells how the actor may get to see the client of a case of her organisation. Errors: ErrDenied, ErrNotFound.
func (v *Vault) Access(ctx context.Context, by account.Actor, caseID uuid.UUID) (a Access, err error) {
	if !mayLook(by) {
		return Access{}, account.ErrDenied
	}
	err = pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		if a, err = access(ctx, tx, by, caseID); err == nil {
			a.Looks, err = looks(ctx, tx, by.Organisation, caseID)
		}
		return err
	})
	if err != nil {
		return Access{}, fmt.Errorf("access: %w", err)
	}
	return a, nil
}

func mayLook(by account.Actor) bool { return by.May(account.LookUpIdentity) }

func access(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID) (a Access, err error) {
	err = tx.QueryRow(ctx, `
		select caseworker_id = $3 or not exists (
			select from account where organisation_id = $2 and role = 'caseworker' and id <> $3 and disabled_at is null)
		from case_file where id = $1 and organisation_id = $2`, caseID, by.Organisation, by.ID).Scan(&a.Alone)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, account.ErrNotFound
	}
	if err == nil {
		a.Asks, err = asks(ctx, tx, `r.case_id = $1 order by r.asked_at desc, r.id limit 50`, caseID)
	}
	return a, err
}

// Reveal shows who the client of a case is, to a caseworker of the organisation that entered her: in her own case, and in a
// colleague's once one of them has agreed. The reason is recorded and committed before the identity is opened; where a colleague
// has agreed it is the one that he read. Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed "colleague" or "erased".
func (v *Vault) Reveal(ctx context.Context, by account.Actor, caseID uuid.UUID, reason string) (i Identity, err error) {
	if !mayLook(by) {
		return Identity{}, account.ErrDenied
	}
	var s sealed
	err = pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		reason, err := v.reasonToLook(ctx, tx, by, caseID, reason)
		if err != nil {
			return err
		}
		err = inside(ctx, tx, func() error {
			s, err = sealedOf(ctx, tx, caseID, by.Organisation)
			return err
		})
		if err != nil {
			return err
		}
		return v.record(ctx, tx, by, "reveal", caseID, reason)
	})
	if err == nil {
		i, err = v.open(s, caseID, by.Organisation)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("reveal: %w", err)
	}
	return i, nil
}

// reasonToLook is the reason that counts, or why the actor may not look.
func (v *Vault) reasonToLook(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, typed string) (string, error) {
	a, err := access(ctx, tx, by, caseID)
	if err != nil {
		return "", err
	}
	if a.Alone {
		return typed, account.CheckText("reason", &typed, 500, true)
	}
	if granted := a.Granted(by.ID, v.now()); granted != nil {
		return granted.Reason, nil
	}
	return "", account.Refuse(account.ErrClosed, "colleague")
}

// Ask asks the colleagues to let the actor see the client of a case that is not her own. Errors: InvalidError, ErrDenied,
// ErrNotFound, ErrConflict "no_need" where she may look alone, "asked" while an ask of hers waits or holds.
func (v *Vault) Ask(ctx context.Context, by account.Actor, caseID uuid.UUID, reason string) error {
	if !mayLook(by) {
		return account.ErrDenied
	}
	if err := account.CheckText("reason", &reason, 500, true); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from case_file where id = $1 for update`, caseID); err != nil { // two clicks are one ask
			return err
		}
		a, err := access(ctx, tx, by, caseID)
		switch {
		case err != nil:
			return err
		case a.Alone:
			return account.Refuse(account.ErrConflict, "no_need")
		case a.Waiting(by.ID) != nil || a.Granted(by.ID, v.now()) != nil:
			return account.Refuse(account.ErrConflict, "asked")
		}
		_, err = tx.Exec(ctx, `
			insert into reveal_request (id, case_id, organisation_id, asked_by, reason, asked_at)
			values ($1, $2, $3, $4, $5, $6)`, uuid.New(), caseID, by.Organisation, by.ID, reason, v.now())
		if err != nil {
			return err
		}
		return v.record(ctx, tx, by, "ask_reveal", caseID, reason)
	})
	if err != nil {
		return fmt.Errorf("ask to reveal: %w", err)
	}
	return nil
}

// Answer decides an ask of a colleague's. Errors: ErrDenied for the one who asked and for other roles, ErrNotFound, ErrConflict
// "decided".
func (v *Vault) Answer(ctx context.Context, by account.Actor, ask uuid.UUID, grant bool) error {
	if !mayLook(by) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		found, err := asks(ctx, tx, `r.id = $1 and r.organisation_id = $2 for update of r`, ask, by.Organisation)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return account.ErrNotFound
		case found[0].AskedBy == by.ID:
			return account.ErrDenied
		case !found[0].Waits():
			return account.Refuse(account.ErrConflict, "decided")
		}
		_, err = tx.Exec(ctx, `
			update reveal_request set decided_by = $2, decided_at = $3, granted = $4
			where id = $1`, ask, by.ID, v.now(), grant)
		if err != nil {
			return err
		}
		did := "refuse_reveal"
		if grant {
			did = "grant_reveal"
		}
		return v.record(ctx, tx, by, did, found[0].CaseID, found[0].AskedByName)
	})
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Waiting returns what colleagues ask the actor to decide, the longest waiting first. Nothing waits for other roles.
func (v *Vault) Waiting(ctx context.Context, by account.Actor) ([]Ask, error) {
	if !mayLook(by) {
		return nil, nil
	}
	var found []Ask
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) (err error) {
		found, err = asks(ctx, tx, `
			r.organisation_id = $1 and r.asked_by <> $2 and r.decided_at is null
			order by r.asked_at, r.id`, by.Organisation, by.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("waiting: %w", err)
	}
	return found, nil
}

// looks returns who looked, the latest first.
func looks(ctx context.Context, tx pgx.Tx, organisation, caseID uuid.UUID) ([]Look, error) {
	rows, err := tx.Query(ctx, `
		select coalesce(a.name, ''), e.at, e.reason from audit.entry e
		left join account a on a.id = e.actor_id
		where e.organisation_id = $1 and e.case_id = $2 and e.action = 'reveal'
		order by e.at desc limit 50`, organisation, caseID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Look])
}

func asks(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]Ask, error) {
	rows, err := tx.Query(ctx, `
		select r.id, r.case_id, f.pseudonym, r.asked_by, a.name, r.reason, r.asked_at, coalesce(d.name, ''), r.decided_at, coalesce(r.granted, false)
		from reveal_request r
		join case_file f on f.id = r.case_id
		join account a on a.id = r.asked_by
		left join account d on d.id = r.decided_by
		where `+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Ask])
}
