package casefile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Store holds case files.
type Store struct {
	db    *pgxpool.Pool
	vault *pseudonym.Vault
	now   func() time.Time

	guard   *nameguard.Guard
	digests *Digests
	towns   Towns

	files files
}

// NewStore returns a store on db; identities go to vault.
func NewStore(db *pgxpool.Pool, vault *pseudonym.Vault, now func() time.Time) *Store {
	return &Store{db: db, vault: vault, now: now, guard: nameguard.New(), digests: newDigests(), files: files{keys: pseudonym.ShortLived()}}
}

// New makes a case: the identity goes to the vault, the first summary stays as a draft. Errors: InvalidError, ErrDenied.
func (s *Store) New(ctx context.Context, by account.Actor, i pseudonym.Identity, first Summary) (uuid.UUID, error) {
	if !by.May(account.KeepCases) {
		return uuid.Nil, account.ErrDenied
	}
	if err := i.Validate(s.now()); err != nil {
		return uuid.Nil, err
	}
	id, alias := uuid.New(), pseudonym.New(pseudonym.OfCase)
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		t, err := templateFor(ctx, tx, by, first.TemplateID)
		if err != nil {
			return err
		}
		if err := first.validate(t); err != nil {
			return err
		}
		if err := s.insertCase(ctx, tx, by, id, alias); err != nil {
			return err
		}
		if err := s.vault.Put(ctx, tx, by, id, i); err != nil {
			return err
		}
		if _, err := s.insertSummary(ctx, tx, by, id, first); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "new_case", alias, id, "")
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("new case: %w", err)
	}
	return id, nil
}

// change locks a case of the actor's organisation, does something to it and records it, with its reason where there is one.
func (s *Store) change(ctx context.Context, by account.Actor, id uuid.UUID, did, reason string, do func(pgx.Tx, Case) error) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		return s.changeIn(ctx, tx, by, id, did, reason, func(c Case) error { return do(tx, c) })
	})
}

// changeIn is change within the caller's transaction.
func (s *Store) changeIn(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, did, reason string, do func(Case) error) error {
	err := s.doTo(ctx, tx, by, id, func(c Case) error {
		if err := do(c); err != nil {
			return err
		}
		return s.record(ctx, tx, by, did, c.Pseudonym, id, reason)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// doTo does something to an open case while nobody else changes it. Only caseworkers of its organisation may.
func (s *Store) doTo(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, do func(Case) error) error {
	if !by.May(account.KeepCases) {
		return account.ErrDenied
	}
	c, err := lockCase(ctx, tx, by.Organisation, id)
	if err != nil {
		return err
	}
	if c.Sealed {
		return account.Refuse(account.ErrClosed, "withdrawn")
	}
	return do(c)
}

// lockCase returns a case of an organisation while nobody else changes it.
func lockCase(ctx context.Context, tx pgx.Tx, organisation, id uuid.UUID) (Case, error) {
	c := Case{ID: id, Organisation: organisation}
	err := tx.QueryRow(ctx, `
		select pseudonym, state = 'sealed' from case_file
		where id = $1 and organisation_id = $2 and deleted_at is null for update`, id, organisation).Scan(&c.Pseudonym, &c.Sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return Case{}, account.ErrNotFound
	}
	return c, err
}

func (s *Store) insertCase(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, alias string) error {
	_, err := tx.Exec(ctx, `
		insert into case_file (id, organisation_id, pseudonym, caseworker_id, state, created_at)
		values ($1, $2, $3, $4, 'open', $5)`, id, by.Organisation, alias, by.ID, s.now())
	return err
}

func (s *Store) record(ctx context.Context, tx pgx.Tx, by account.Actor, did, alias string, id uuid.UUID, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: by.Organisation, At: s.now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: "case", To: alias, Case: id, Reason: reason,
	})
}
