package pseudonym

import (
	"context"
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
	db  *pgxpool.Pool
	key *Key
	now func() time.Time
}

// NewVault returns the vault on db, locked with key.
func NewVault(db *pgxpool.Pool, key *Key, now func() time.Time) *Vault {
	return &Vault{db: db, key: key, now: now}
}

// Put seals the identity of a new case within tx. Errors: InvalidError.
func (v *Vault) Put(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, i Identity) error {
	if err := i.Validate(v.now()); err != nil {
		return err
	}
	s, err := v.key.seal(i, caseID, by.Organisation)
	if err != nil {
		return fmt.Errorf("seal identity: %w", err)
	}
	_, err = tx.Exec(ctx, `
		insert into vault.identity (case_id, organisation_id, key_id, wrapped_key, sealed, created_at)
		values ($1, $2, $3, $4, $5, $6)`, caseID, by.Organisation, s.keyID, s.wrapped, s.box, v.now())
	if err != nil {
		return fmt.Errorf("put identity: %w", err)
	}
	return nil
}

// Reveal shows who the client of a case is, to a caseworker of the organisation that entered her. The reason is recorded and
// committed before the identity is opened. Errors: InvalidError, ErrDenied,
// ErrNotFound.
func (v *Vault) Reveal(ctx context.Context, by account.Actor, caseID uuid.UUID, reason string) (Identity, error) {
	if by.Role != account.Caseworker || by.Session == uuid.Nil {
		return Identity{}, account.ErrDenied
	}
	if err := account.CheckText("reason", &reason, 500, true); err != nil {
		return Identity{}, err
	}
	var s sealed
	err := pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		var err error
		if s, err = sealedOf(ctx, tx, caseID, by.Organisation); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: by.Organisation, At: v.now(), By: by.ID, Role: string(by.Role),
			Did: "reveal", Kind: "identity", To: caseID.String(), Case: caseID, Reason: reason,
		})
	})
	if err != nil {
		return Identity{}, fmt.Errorf("reveal: %w", err)
	}
	i, err := v.key.open(s, caseID, by.Organisation)
	if err != nil {
		return Identity{}, fmt.Errorf("reveal: %w", err)
	}
	return i, nil
}

// Subject prepares the comparison of texts with the client of a case. Nobody is shown anything, so nothing is recorded; what comes back
// answers only whether a text has something of hers. Errors: ErrNotFound.
func (v *Vault) Subject(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID) (*nameguard.Subject, error) {
	s, err := sealedOf(ctx, tx, caseID, organisation)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	i, err := v.key.open(s, caseID, organisation)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	return i.subject(), nil
}

func sealedOf(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID) (sealed, error) {
	var s sealed
	err := tx.QueryRow(ctx, `
		select key_id, wrapped_key, sealed from vault.identity
		where case_id = $1 and organisation_id = $2`, caseID, organisation).Scan(&s.keyID, &s.wrapped, &s.box)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, account.ErrNotFound
	}
	return s, err
}
