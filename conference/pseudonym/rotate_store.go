package pseudonym

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// ErrRotating says that somebody else changes keys at this moment.
var ErrRotating = errors.New("keys are being changed by somebody else")

// batch is how many people one transaction takes on.
const batch = 50

// rotating is the number of the lock that the one who changes keys holds.
const rotating = 0x6b6f6e73_6b657973

// Rotate makes a new key-encryption key, wraps every data key under it and removes the old one: after that no copy of the old key
// and of the database together opens anything, above all nothing that was erased. Where the keys are settings the new one is the
// operator's to set, and the old one to remove. progress hears how many people there are and for how many it is done.
//
// It may run beside servers: they read the files again when they meet a key that they do not know. Cut off at any point, the next
// call goes on where it stopped. It returns the name of the key that holds now.
func (v *Vault) Rotate(ctx context.Context, progress func(done, all int)) (key string, err error) {
	err = Rotating(ctx, v.db, rotating, func() error {
		to, err := v.begin(ctx)
		if err != nil {
			return err
		}
		key = to.id
		if err := v.rewrapAll(ctx, to, progress); err != nil {
			return err
		}
		if err := v.recordRotation(ctx, to); err != nil {
			return err
		}
		return v.keys.Drop()
	})
	if err != nil {
		return "", fmt.Errorf("rotate keys: %w", err)
	}
	return key, nil
}

// Rotating runs do while nobody else is at changing the keys that a lock stands for. Error: ErrRotating when somebody is.
func Rotating(ctx context.Context, db *pgxpool.Pool, lock int64, do func() error) error {
	return db.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		var mine bool
		if err := c.QueryRow(ctx, `select pg_try_advisory_lock($1)`, lock).Scan(&mine); err != nil || !mine {
			return errors.Join(err, ErrRotating)
		}
		defer c.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, lock)
		return do()
	})
}

// Rewrapping calls some until it has done everything that is left of all; it returns how many it did. progress hears of it.
func Rewrapping(all, left int, progress func(done, all int), some func() (int, error)) error {
	for left > 0 {
		progress(all-left, all)
		n, err := some()
		if err != nil {
			return err
		}
		if left -= n; n == 0 {
			break // some were removed meanwhile
		}
	}
	progress(all, all)
	return nil
}

// begin makes the new key and has everybody seal under it from now on.
func (v *Vault) begin(ctx context.Context) (*kek, error) {
	if _, err := v.keys.Renew(); err != nil {
		return nil, err
	}
	to := v.keys.current()
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		return inside(ctx, tx, func() error {
			if _, err := tx.Exec(ctx, `select from vault.ring for update`); err != nil { // waits for those who seal
				return err
			}
			r, err := v.ring(ctx, tx)
			if err != nil || r.key.id == to.id {
				return err
			}
			_, err = tx.Exec(ctx, `update vault.ring set key_id = $1, wrapped_index = $2, changed_at = $3`,
				to.id, to.wrap(r.index, indexBinding(to.id)), v.now())
			return err
		})
	})
	return to, err
}

func (v *Vault) rewrapAll(ctx context.Context, to *kek, progress func(done, all int)) error {
	all, left, err := v.count(ctx, to)
	if err != nil {
		return err
	}
	return Rewrapping(all, left, progress, func() (int, error) { return v.rewrapSome(ctx, to) })
}

// count returns how many people there are and how many of them are still under another key.
func (v *Vault) count(ctx context.Context, to *kek) (all, left int, err error) {
	err = pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		return inside(ctx, tx, func() error {
			return tx.QueryRow(ctx, `
				select count(*), count(*) filter (where key_id <> $1) from vault.identity
				where erased_at is null`, to.id).Scan(&all, &left)
		})
	})
	return all, left, err
}

func (v *Vault) rewrapSome(ctx context.Context, to *kek) (n int, err error) {
	err = pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		return inside(ctx, tx, func() error {
			rows, err := someRows(ctx, tx, `key_id <> $1`, to.id)
			for _, row := range rows {
				if err := v.rewrap(ctx, tx, row, to); err != nil {
					return err
				}
			}
			n = len(rows)
			return err
		})
	})
	return n, err
}

func (v *Vault) rewrap(ctx context.Context, tx pgx.Tx, row person, to *kek) error {
	from, err := v.keys.byID(row.keyID)
	if err != nil {
		return err
	}
	s, err := row.rewrap(from, to, row.caseID, row.organisation)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update vault.identity set key_id = $2, wrapped_key = $3 where case_id = $1`, row.caseID, s.keyID, s.wrapped)
	return err
}

// person is a row of the vault.
type person struct {
	sealed
	caseID, organisation uuid.UUID
}

// someRows locks up to a batch of people who are not erased.
func someRows(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]person, error) {
	rows, err := tx.Query(ctx, `
		select case_id, organisation_id, key_id, wrapped_key, sealed, sealed_under from vault.identity
		where erased_at is null and `+where+fmt.Sprintf(` order by case_id limit %d for update`, batch), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p person, err error) {
		err = row.Scan(&p.caseID, &p.organisation, &p.keyID, &p.wrapped, &p.box, &p.under)
		return p, err
	})
}

// recordRotation tells every organisation that has somebody in the vault.
func (v *Vault) recordRotation(ctx context.Context, to *kek) error {
	return pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		var whose []uuid.UUID
		err := inside(ctx, tx, func() error {
			rows, err := tx.Query(ctx, `select distinct organisation_id from vault.identity order by 1`)
			if err != nil {
				return err
			}
			whose, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		if err != nil {
			return err
		}
		for _, organisation := range whose {
			err := audit.Record(ctx, tx, audit.Entry{Organisation: organisation, At: v.now(), Role: "server", Did: "rotate_keys", Kind: "vault", To: to.id})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
