package pseudonym

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Vault keeps identities.
type Vault struct {
	db   *pgxpool.Pool
	keys *Keys
	now  func() time.Time
}

// NewVault returns the vault on db, locked with keys.
func NewVault(db *pgxpool.Pool, keys *Keys, now func() time.Time) *Vault {
	return &Vault{db: db, keys: keys, now: now}
}

// inside runs statements on the vault's tables as the role that owns them, and goes back to the role before: the other statements
// of tx never reach these tables. Where the vault has no role of its own, its owner is the application's and nothing changes.
func inside(ctx context.Context, tx pgx.Tx, do func() error) error {
	var outside string
	err := tx.QueryRow(ctx, `
		select current_setting('role'), set_config('role', pg_get_userbyid(nspowner), true)
		from pg_namespace where nspname = 'vault'`).Scan(&outside, nil)
	if err != nil {
		return fmt.Errorf("enter vault: %w", err)
	}
	err = do()
	// After an error of the database this one fails too; the role then goes with the transaction.
	if _, back := tx.Exec(ctx, `select set_config('role', $1, true)`, outside); back != nil && err == nil {
		err = fmt.Errorf("leave vault: %w", back)
	}
	return err
}

// Prepare makes the vault ready at a start. It fails when it holds something wrapped under a key that is not there, and takes
// people who were entered before there was a blind index into it.
func (v *Vault) Prepare(ctx context.Context) error {
	var used []string
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		return inside(ctx, tx, func() error {
			if _, err := v.ring(ctx, tx); err != nil {
				return err
			}
			rows, err := tx.Query(ctx, `select distinct key_id from vault.identity where erased_at is null`)
			if err != nil {
				return err
			}
			used, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
	})
	for _, id := range used {
		if err == nil {
			_, err = v.keys.byID(id)
		}
	}
	for more := true; err == nil && more; {
		more, err = v.indexSome(ctx)
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// ring is what the vault seals with now.
type ring struct {
	key   *kek
	index []byte // key of the blind index
}

// ring reads which key seals, and holds it until tx ends: keys are not changed while something is sealed. The first call on a
// database decides it.
func (v *Vault) ring(ctx context.Context, tx pgx.Tx) (ring, error) {
	id, wrapped, err := ringRow(ctx, tx)
	if errors.Is(err, pgx.ErrNoRows) {
		if err := v.insertRing(ctx, tx); err != nil {
			return ring{}, err
		}
		id, wrapped, err = ringRow(ctx, tx)
	}
	if err != nil {
		return ring{}, fmt.Errorf("ring: %w", err)
	}
	key, err := v.keys.byID(id)
	if err != nil {
		return ring{}, err
	}
	index, err := key.unwrap(wrapped, indexBinding(id))
	return ring{key, index}, err
}

func ringRow(ctx context.Context, tx pgx.Tx) (id string, wrapped []byte, err error) {
	err = tx.QueryRow(ctx, `select key_id, wrapped_index from vault.ring for share`).Scan(&id, &wrapped)
	return id, wrapped, err
}

func (v *Vault) insertRing(ctx context.Context, tx pgx.Tx) error {
	key, index := v.keys.current(), make([]byte, 32)
	rand.Read(index)
	_, err := tx.Exec(ctx, `
		insert into vault.ring (key_id, wrapped_index, changed_at) values ($1, $2, $3)
		on conflict do nothing`, key.id, key.wrap(index, indexBinding(key.id)), v.now())
	if err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

func indexBinding(keyID string) []byte { return []byte("vault.ring|" + keyID) }

// Put seals the identity of a new case within tx. Errors: InvalidError.
func (v *Vault) Put(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, i Identity) error {
	if err := i.Validate(v.now()); err != nil {
		return err
	}
	err := inside(ctx, tx, func() error {
		r, err := v.ring(ctx, tx)
		if err != nil {
			return err
		}
		s, err := r.key.seal(i, caseID, by.Organisation)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into vault.identity (case_id, organisation_id, key_id, wrapped_key, sealed, sealed_under, indexed, created_at)
			values ($1, $2, $3, $4, $5, $6, true, $7)`, caseID, by.Organisation, s.keyID, s.wrapped, s.box, s.under, v.now())
		if err != nil {
			return err
		}
		return insertMarks(ctx, tx, caseID, r.marks(i, by.Organisation))
	})
	if err != nil {
		return fmt.Errorf("put identity: %w", err)
	}
	return nil
}

// Subject prepares the comparison of texts with the client of a case. Nobody is shown anything, so nothing is recorded; what comes back
// answers only whether a text has something of hers. Errors: ErrNotFound, ErrClosed "erased".
func (v *Vault) Subject(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID) (*nameguard.Subject, error) {
	i, err := v.identity(ctx, tx, caseID, organisation)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	return i.subject(), nil
}

// Erase forgets who the client of a case is, within the caller's tx and by the caller's right: the wrapped key without which
// nothing of hers can be read, what she is found by, which pseudonyms were hers, and who asked to see her why. What is left is
// that there was somebody, and that she was erased. Copies in older backups end with the next Rotate. Errors: ErrNotFound,
// ErrClosed when that has happened already. GDPR Art. 17.
func (v *Vault) Erase(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, reason string) error {
	err := inside(ctx, tx, func() error {
		if _, err := sealedOf(ctx, tx, caseID, by.Organisation); err != nil {
			return err
		}
		for _, sql := range []string{
			`delete from vault.blind where case_id = $1`,
			`delete from vault.alias where case_id = $1`,
		} {
			if _, err := tx.Exec(ctx, sql, caseID); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			update vault.identity set key_id = null, wrapped_key = null, sealed = null, sealed_under = null, erased_at = $2
			where case_id = $1`, caseID, v.now())
		return err
	})
	if err == nil {
		_, err = tx.Exec(ctx, `delete from reveal_request where case_id = $1`, caseID)
	}
	if err == nil {
		err = v.record(ctx, tx, by, "erase", caseID, reason)
	}
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// record enters a deed about the identity of a case.
func (v *Vault) record(ctx context.Context, tx pgx.Tx, by account.Actor, did string, caseID uuid.UUID, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: by.Organisation, At: v.now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: "identity", To: caseID.String(), Case: caseID, Reason: reason,
	})
}

func (v *Vault) identity(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID) (i Identity, err error) {
	err = inside(ctx, tx, func() error {
		s, err := sealedOf(ctx, tx, caseID, organisation)
		if err != nil {
			return err
		}
		i, err = v.open(s, caseID, organisation)
		return err
	})
	return i, err
}

func (v *Vault) open(s sealed, caseID, organisation uuid.UUID) (Identity, error) {
	key, err := v.keys.byID(s.keyID)
	if err != nil {
		return Identity{}, err
	}
	return key.open(s, caseID, organisation)
}

// sealedOf is called inside.
func sealedOf(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID) (sealed, error) {
	var s sealed
	var keyID, under *string
	err := tx.QueryRow(ctx, `
		select key_id, wrapped_key, sealed, sealed_under from vault.identity
		where case_id = $1 and organisation_id = $2`, caseID, organisation).Scan(&keyID, &s.wrapped, &s.box, &under)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s, account.ErrNotFound
	case err != nil:
		return s, err
	case keyID == nil || under == nil:
		return s, account.Refuse(account.ErrClosed, "erased")
	}
	s.keyID, s.under = *keyID, *under
	return s, nil
}
