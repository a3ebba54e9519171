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
}

// NewStore returns a store on db; identities go to vault.
func NewStore(db *pgxpool.Pool, vault *pseudonym.Vault, now func() time.Time) *Store {
	return &Store{db: db, vault: vault, now: now, guard: nameguard.New(), digests: newDigests()}
}

// New makes a case: the identity goes to the vault, the first summary stays as a draft. Errors: InvalidError, ErrDenied.
func (s *Store) New(ctx context.Context, by account.Actor, i pseudonym.Identity, first Summary) (uuid.UUID, error) {
	if by.Role != account.Caseworker {
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

// Grant records the client's consent. A consent that stands is replaced: its circle and term no longer count.
func (s *Store) Grant(ctx context.Context, by account.Actor, id uuid.UUID, c Consent) error {
	if err := c.validate(s.now()); err != nil {
		return err
	}
	return s.change(ctx, by, id, "grant_consent", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `
			update consent set replaced_at = $2
			where case_id = $1 and purpose = 'conference' and withdrawn_at is null and replaced_at is null`, id, s.now())
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into consent (id, case_id, organisation_id, purpose, circle, valid_until, text_version, explained, recorded_by, granted_at)
			values ($1, $2, $3, 'conference', $4, $5, $6, true, $7, $8)`,
			uuid.New(), id, by.Organisation, c.Circle, c.ValidUntil, ConsentText, by.ID, s.now())
		return err
	})
}

// Withdraw ends the consent and seals the case within tx: from the commit on Open refuses everybody. The conferences of the
// case are the caller's. ErrConflict when there is nothing to withdraw.
func (s *Store) Withdraw(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) error {
	c, err := s.lock(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if c.Sealed {
		return account.Refuse(account.ErrConflict, "already_withdrawn")
	}
	tag, err := tx.Exec(ctx, `
		update consent set withdrawn_at = $2, withdrawn_by = $3
		where case_id = $1 and withdrawn_at is null and replaced_at is null`, id, s.now(), by.ID)
	if err != nil {
		return fmt.Errorf("withdraw consent: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return account.Refuse(account.ErrConflict, "no_consent")
	}
	if _, err = tx.Exec(ctx, `update case_file set state = 'sealed', sealed_at = $2 where id = $1`, id, s.now()); err != nil {
		return fmt.Errorf("seal case: %w", err)
	}
	if _, err = tx.Exec(ctx, `update case_summary set state = 'sealed' where case_id = $1`, id); err != nil {
		return fmt.Errorf("seal summaries: %w", err)
	}
	return nil
}

// Open lets somebody of discipline (empty: who leads the case) look into the case now, or says why not: ErrClosed with the
// rules withdrawn, no_consent, consent_expired, not_in_circle. Every path to case text calls it, at the time of reading.
func (s *Store) Open(ctx context.Context, q Querier, id uuid.UUID, discipline string) error {
	sealed, c, err := standing(ctx, q, id)
	if err != nil {
		return err
	}
	return opens(sealed, c, discipline, s.now())
}

// change locks a case of the actor's organisation, does something to it and records it, with its reason where there is one.
func (s *Store) change(ctx context.Context, by account.Actor, id uuid.UUID, did, reason string, do func(pgx.Tx, Case) error) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		c, err := s.lock(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if c.Sealed {
			return account.Refuse(account.ErrClosed, "withdrawn")
		}
		if err := do(tx, c); err != nil {
			return err
		}
		return s.record(ctx, tx, by, did, c.Pseudonym, id, reason)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// lock returns the case while nobody else changes it. Only caseworkers of its organisation may.
func (s *Store) lock(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Case, error) {
	if by.Role != account.Caseworker {
		return Case{}, account.ErrDenied
	}
	c := Case{ID: id, Organisation: by.Organisation}
	err := tx.QueryRow(ctx, `
		select pseudonym, state = 'sealed' from case_file
		where id = $1 and organisation_id = $2 for update`, id, by.Organisation).Scan(&c.Pseudonym, &c.Sealed)
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
