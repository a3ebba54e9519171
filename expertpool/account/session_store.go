package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// beginning is a session to be.
type beginning struct {
	Account uuid.UUID
	Method  Method
	Factors int    // 1: the second is still owed; 2: complete
	Device  string // what the browser calls itself
}

// begin makes a session within tx and returns its token, which is always a new one.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, b beginning) (string, error) {
	a, err := actorOf(ctx, tx, b.Account)
	if err != nil {
		return "", err
	}
	token, hash := newToken()
	now, until := s.now(), s.now().Add(halfLife)
	if b.Factors == 2 {
		until = now.Add(lives[a.Role].whole)
	}
	session := uuid.New()
	_, err = tx.Exec(ctx, `
		insert into session (id, token_hash, account_id, method, factors, device, created_at, seen_at, proved_at, expires_at)
		values ($1, $2, $3, $4, $5, left($6, 200), $7, $7, $7, $8)`,
		session, hash, a.ID, b.Method, b.Factors, b.Device, now, until)
	if err != nil {
		return "", fmt.Errorf("begin session: %w", err)
	}
	if b.Factors < 2 {
		return token, nil // nobody is in yet
	}
	return token, audit.Record(ctx, tx, entry(a, now, "sign_in", "session", session.String()))
}

// prove notes that the actor has shown a factor just now, which completes a session that owed one. The session's token changes.
func (s *Store) prove(ctx context.Context, tx pgx.Tx, a Actor) (string, error) {
	token, hash := newToken()
	now := s.now()
	var owed bool
	err := tx.QueryRow(ctx, `
		with before as (select factors from session where id = $1 and account_id = $2 and ended_at is null for update)
		update session s set token_hash = $3, proved_at = $4, seen_at = $4, factors = 2,
			expires_at = case when before.factors = 2 then s.expires_at else $5 end
		from before where s.id = $1
		returning before.factors = 1`, a.Session, a.ID, hash, now, now.Add(lives[a.Role].whole)).Scan(&owed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrUnknown
	}
	if err != nil {
		return "", fmt.Errorf("complete session: %w", err)
	}
	did := "confirm"
	if owed {
		did = "sign_in"
	}
	return token, audit.Record(ctx, tx, entry(a, now, did, "session", a.Session.String()))
}

// Session tells who is signed in by token. It keeps the session awake. Errors: ErrUnknown; ErrHalf with whoever owes a factor, who
// may do nothing but show it.
func (s *Store) Session(ctx context.Context, token string) (Actor, error) {
	now := s.now()
	var account, session uuid.UUID
	var seen, proved time.Time
	var method Method
	var factors int
	err := s.db.QueryRow(ctx, `
		select account_id, id, method, factors, seen_at, proved_at
		from session
		where token_hash = $1 and ended_at is null and expires_at > $2`,
		hashToken(token), now).Scan(&account, &session, &method, &factors, &seen, &proved)
	if errors.Is(err, pgx.ErrNoRows) {
		return Actor{}, ErrUnknown
	}
	if err != nil {
		return Actor{}, fmt.Errorf("session: %w", err)
	}
	a, err := actorOf(ctx, s.db, account)
	if err != nil {
		return Actor{}, err
	}
	if !seen.After(now.Add(-lives[a.Role].idle)) {
		return Actor{}, ErrUnknown
	}
	a.Session, a.Method, a.ProvedAt = session, method, proved
	if now.Sub(seen) > time.Minute { // one write a minute is enough to know that somebody is there
		if _, err := s.db.Exec(ctx, `update session set seen_at = $2 where id = $1`, session, now); err != nil {
			return Actor{}, fmt.Errorf("session: %w", err)
		}
	}
	if factors < 2 {
		return a, ErrHalf
	}
	return a, nil
}

// SignOut ends the actor's session.
func (s *Store) SignOut(ctx context.Context, a Actor) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update session set ended_at = $2 where id = $1 and ended_at is null`, a.Session, s.now()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, entry(a, s.now(), "sign_out", "session", a.Session.String()))
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Standing tells which of the sessions are still good, and whose they are: complete, not ended, not expired, the account not disabled. A session in use on
// a live page counts as seen.
func (s *Store) Standing(ctx context.Context, sessions []uuid.UUID) (map[uuid.UUID]Actor, error) {
	rows, err := s.db.Query(ctx, `
		select s.id, s.method, s.proved_at, a.id, a.organisation_id, o.network_id, a.role, a.name, o.name
		from session s join account a on a.id = s.account_id join organisation o on o.id = a.organisation_id
		where s.id = any($1) and s.factors = 2 and s.ended_at is null and s.expires_at > $2 and a.disabled_at is null`, sessions, s.now())
	if err != nil {
		return nil, fmt.Errorf("standing sessions: %w", err)
	}
	standing := make(map[uuid.UUID]Actor, len(sessions))
	var a Actor
	_, err = pgx.ForEachRow(rows, []any{&a.Session, &a.Method, &a.ProvedAt, &a.ID, &a.Organisation, &a.Network, &a.Role, &a.Name, &a.OrganisationName}, func() error {
		standing[a.Session] = a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("standing sessions: %w", err)
	}
	return standing, nil
}
