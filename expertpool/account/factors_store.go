package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// Factors says how the actor can sign in. It may be asked by somebody who owes a factor.
func (s *Store) Factors(ctx context.Context, a Actor) (f Factors, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		f, err = factorsOf(ctx, tx, a.ID)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("factors: %w", err)
	}
	return f, nil
}

func factorsOf(ctx context.Context, tx pgx.Tx, account uuid.UUID) (f Factors, err error) {
	err = tx.QueryRow(ctx, `
		select a.password_hash is not null,
			exists (select from totp where account_id = a.id and confirmed_at is not null),
			(select count(*) from recovery_code where account_id = a.id and used_at is null)::int
		from account a where a.id = $1`, account).Scan(&f.Password, &f.Codes, &f.Recovery)
	if err != nil {
		return f, err
	}
	rows, err := tx.Query(ctx, `
		select id, name, made_at, used_at, coalesce((credential->'flags'->>'backupState')::boolean, false) as synced
		from passkey where account_id = $1 order by made_at, id`, account)
	if err != nil {
		return f, err
	}
	f.Passkeys, err = pgx.CollectRows(rows, pgx.RowToStructByName[Passkey])
	return f, err
}

// mayChange: whoever has shown a factor lately; and whoever owes a factor that she does not have, after her password or a link.
func (s *Store) mayChange(a Actor, f Factors) bool {
	return a.Fresh(s.now()) || a.half && !f.Second()
}

// changing runs do within a transaction in which nobody else changes the actor's factors, and puts it on record. It refuses who may not
// change them: ErrDenied (not_fresh).
func (s *Store) changing(ctx context.Context, a Actor, did string, n Notice, do func(pgx.Tx, Factors) error) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from account where id = $1 for update`, a.ID); err != nil {
			return err
		}
		f, err := factorsOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if !s.mayChange(a, f) {
			return Refuse(ErrDenied, "not_fresh")
		}
		if err := do(tx, f); err != nil {
			return err
		}
		if n != "" {
			if err := s.Tell(ctx, tx, a.ID, n); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, a.Entry(s.now(), did, "account", a.ID.String()))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}
