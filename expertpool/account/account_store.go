package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Store holds accounts, sessions and links.
type Store struct {
	db      *pgxpool.Pool
	now     func() time.Time
	hasher  hasher
	mails   *mail.Queue // by which owners are told of changes; see Notify
	url     string
	secrets secrets // see Secure
}

// NewStore returns a store on db. now is the clock that decides what has expired.
func NewStore(db *pgxpool.Pool, now func() time.Time) *Store {
	return &Store{db: db, now: now, hasher: newHasher()}
}

// Person is an account as others may see it.
type Person struct {
	ID               uuid.UUID
	Name             string
	Email            string
	Role             Role
	OrganisationName string
	Discipline       string // of an expert
}

// Rehearsal lists the people of the rehearsal network, coordination first. Empty on a real installation.
func (s *Store) Rehearsal(ctx context.Context) ([]Person, error) {
	rows, err := s.db.Query(ctx, `
		select a.id, a.name, a.email, a.role, o.name as organisation_name, coalesce(e.discipline, '') as discipline
		from account a
		join organisation o on o.id = a.organisation_id
		left join expert e on e.account_id = a.id
		where a.rehearsal and a.disabled_at is null
		order by array_position(array['coordinator', 'caseworker', 'expert', 'data_protection_officer', 'admin', 'network_admin'], a.role), a.name collate "de-x-icu"`)
	if err != nil {
		return nil, fmt.Errorf("rehearsal people: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Person])
}

// Add makes an account. Errors: *InvalidError, ErrTaken.
func (s *Store) Add(ctx context.Context, n New) (id uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		id, err = s.AddIn(ctx, tx, n)
		return err
	})
	return id, err
}

// AddIn is Add within tx, which is lost after ErrTaken.
func (s *Store) AddIn(ctx context.Context, tx pgx.Tx, n New) (uuid.UUID, error) {
	if err := n.validate(); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	var hash *string
	if n.Password != "" {
		h := s.hasher.hash(n.Password)
		hash = &h
	}
	_, err := tx.Exec(ctx, `
		insert into account (id, organisation_id, role, name, email, password_hash, rehearsal, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, n.Organisation, n.Role, strings.TrimSpace(n.Name), n.Email, hash, n.Rehearsal, s.now())
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "account_email" {
		return uuid.Nil, ErrTaken
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("add account: %w", err)
	}
	return id, nil
}

// Disable takes every right away from the account with this address, or with this name where only one has it: nobody signs in
// by it any more, its sessions end now, its links lead nowhere. What the person has done stays. A running server shows her out
// of live rooms within two seconds. The entry in the audit record names the server as the one who did it, since whoever can
// call this has the machine. Disabling again changes nothing. Errors: ErrUnknown, ErrSeveral.
func (s *Store) Disable(ctx context.Context, who string) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		id, organisation, err := named(ctx, tx, strings.TrimSpace(who))
		if err != nil {
			return err
		}
		done, err := s.DisableIn(ctx, tx, id)
		if err != nil || !done {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: organisation, At: s.now(), Role: "operator", Did: "disable_account", Kind: "account", To: id.String(),
		})
	})
	if err != nil {
		return fmt.Errorf("disable account: %w", err)
	}
	return nil
}

// DisableIn disables an account within tx, ends its sessions and tells its owner; done is false when it was disabled before. The record is the caller's.
func (s *Store) DisableIn(ctx context.Context, tx pgx.Tx, id uuid.UUID) (done bool, err error) {
	tag, err := tx.Exec(ctx, `update account set disabled_at = $2 where id = $1 and disabled_at is null`, id, s.now())
	if err != nil {
		return false, fmt.Errorf("disable account: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	_, err = tx.Exec(ctx, `update session set ended_at = $2 where account_id = $1 and ended_at is null`, id, s.now())
	if err != nil {
		return false, fmt.Errorf("disable account: %w", err)
	}
	return true, s.Tell(ctx, tx, id, Disabled)
}

// named finds the account with an address, or else with a name that only one has.
func named(ctx context.Context, tx pgx.Tx, who string) (id, organisation uuid.UUID, err error) {
	type match struct {
		ID, Organisation uuid.UUID
		Address          bool
	}
	rows, err := tx.Query(ctx, `
		select id, organisation_id, lower(email) = lower($1)
		from account
		where lower(email) = lower($1) or name = $1
		order by 3 desc limit 2`, who)
	if err != nil {
		return id, organisation, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[match])
	switch {
	case err != nil:
		return id, organisation, err
	case len(found) == 0:
		return id, organisation, ErrUnknown
	case len(found) > 1 && !found[0].Address:
		return id, organisation, ErrSeveral
	}
	return found[0].ID, found[0].Organisation, nil
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func actorOf(ctx context.Context, q querier, id uuid.UUID) (Actor, error) {
	var a Actor
	err := q.QueryRow(ctx, `
		select a.id, a.organisation_id, o.network_id, a.role, a.name, o.name
		from account a join organisation o on o.id = a.organisation_id
		where a.id = $1 and a.disabled_at is null`, id).
		Scan(&a.ID, &a.Organisation, &a.Network, &a.Role, &a.Name, &a.OrganisationName)
	if errors.Is(err, pgx.ErrNoRows) {
		return Actor{}, ErrUnknown
	}
	if err != nil {
		return Actor{}, fmt.Errorf("actor: %w", err)
	}
	return a, nil
}

// Entry is what the record says of something that a did: in the chain of her own organisation, and about no case.
func (a Actor) Entry(at time.Time, did, kind, to string) audit.Entry {
	return audit.Entry{Organisation: a.Organisation, At: at, By: a.ID, Role: string(a.Role), Did: did, Kind: kind, To: to}
}

// ByID tells who an account is, as an Actor without a session. ErrUnknown when it is disabled or does not exist.
func (s *Store) ByID(ctx context.Context, id uuid.UUID) (Actor, error) { return actorOf(ctx, s.db, id) }

// ByIDIn is ByID within tx: who holds a connection must not wait for another one.
func (s *Store) ByIDIn(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Actor, error) {
	return actorOf(ctx, tx, id)
}

// Taken are those of addresses, in small letters, that belong to an account, of whatever network.
func (s *Store) Taken(ctx context.Context, tx pgx.Tx, addresses []string) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `select lower(email) from account where lower(email) = any($1) and email <> ''`, addresses)
	if err != nil {
		return nil, fmt.Errorf("taken addresses: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("taken addresses: %w", err)
	}
	taken := make(map[string]bool, len(found))
	for _, a := range found {
		taken[a] = true
	}
	return taken, nil
}
