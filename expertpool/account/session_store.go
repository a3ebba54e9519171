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

// Keys are what a browser keeps once somebody has signed in.
type Keys struct {
	Token   string // the session's
	Browser string // the token by which the browser is known again, for a year; empty: what it has stays
}

// beginning is a session to be.
type beginning struct {
	Account uuid.UUID
	Method  Method
	Factors int    // 1: the second is still owed; 2: complete
	Browser string // token of the browser, if it has one
	Device  string // what the browser calls itself
}

// begin makes a session within tx. Its token is always a new one. ASVS 5.0 §7.2.4.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, b beginning) (k Keys, err error) {
	a, err := actorOf(ctx, tx, b.Account)
	if err != nil {
		return k, err
	}
	token, hash := newToken()
	now, until := s.now(), s.now().Add(halfLife)
	if b.Factors == 2 {
		until = now.Add(lives[a.Role].whole)
	}
	a.Session, a.Method = uuid.New(), b.Method
	_, err = tx.Exec(ctx, `
		insert into session (id, token_hash, account_id, method, factors, device, created_at, seen_at, proved_at, expires_at)
		values ($1, $2, $3, $4, $5, left($6, 200), $7, $7, $7, $8)`,
		a.Session, hash, a.ID, b.Method, b.Factors, b.Device, now, until)
	if err != nil {
		return k, fmt.Errorf("begin session: %w", err)
	}
	k.Token = token
	if b.Factors < 2 {
		return k, nil // nobody is in yet
	}
	k.Browser, err = s.enter(ctx, tx, a, b.Browser)
	return k, err
}

// enter puts on record that somebody is in, and makes her browser known.
func (s *Store) enter(ctx context.Context, tx pgx.Tx, a Actor, browser string) (token string, err error) {
	if a.Method != ByRehearsal {
		if token, err = s.remember(ctx, tx, a.ID, browser); err != nil {
			return "", err
		}
	}
	e := a.Entry(s.now(), "sign_in", "session", a.Session.String())
	e.Reason = string(a.Method)
	return token, audit.Record(ctx, tx, e)
}

// beginNow is begin in a transaction of its own.
func (s *Store) beginNow(ctx context.Context, b beginning) (k Keys, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		k, err = s.begin(ctx, tx, b)
		return err
	})
	return k, err
}

// prove notes that the actor has shown a factor just now, which completes a session that owed one. The session's token changes.
func (s *Store) prove(ctx context.Context, tx pgx.Tx, a Actor, browser string) (k Keys, err error) {
	token, hash := newToken()
	now := s.now()
	var owed bool
	err = tx.QueryRow(ctx, `
		with before as (select factors from session where id = $1 and account_id = $2 and ended_at is null for update)
		update session s set token_hash = $3, proved_at = $4, seen_at = $4, factors = 2,
			expires_at = case when before.factors = 2 then s.expires_at else $5 end
		from before where s.id = $1
		returning before.factors = 1`, a.Session, a.ID, hash, now, now.Add(lives[a.Role].whole)).Scan(&owed)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, ErrUnknown
	}
	if err != nil {
		return k, fmt.Errorf("complete session: %w", err)
	}
	k.Token = token
	if owed {
		k.Browser, err = s.enter(ctx, tx, a, browser)
		return k, err
	}
	return k, audit.Record(ctx, tx, a.Entry(now, "confirm", "session", a.Session.String()))
}

// proveNow is prove in a transaction of its own.
func (s *Store) proveNow(ctx context.Context, a Actor, browser string) (k Keys, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		k, err = s.prove(ctx, tx, a, browser)
		return err
	})
	return k, err
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
	if a.half = factors < 2; a.half {
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
		return audit.Record(ctx, tx, a.Entry(s.now(), "sign_out", "session", a.Session.String()))
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

// A Sitting is one of somebody's sessions, as she sees it.
type Sitting struct {
	ID     uuid.UUID
	Method Method
	Device string // what the browser calls itself
	Began  time.Time
	Seen   time.Time
}

// Sittings are the actor's sessions that stand, the one seen last first.
func (s *Store) Sittings(ctx context.Context, a Actor) ([]Sitting, error) {
	now := s.now()
	rows, err := s.db.Query(ctx, `
		select id, method, device, created_at as began, seen_at as seen
		from session
		where account_id = $1 and factors = 2 and ended_at is null and expires_at > $2 and seen_at > $3
		order by seen_at desc, id`, a.ID, now, now.Add(-lives[a.Role].idle))
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Sitting])
}

// EndSitting ends one of the actor's sessions. Errors: ErrNotFound, ErrDenied (not_fresh).
func (s *Store) EndSitting(ctx context.Context, a Actor, id uuid.UUID) error {
	return s.changing(ctx, a, "end_session", "", func(tx pgx.Tx, _ Factors) error {
		ended, err := tx.Exec(ctx, `update session set ended_at = $3 where id = $1 and account_id = $2 and ended_at is null`, id, a.ID, s.now())
		if err == nil && ended.RowsAffected() == 0 {
			return ErrNotFound
		}
		return err
	})
}

// EndOthers ends all of the actor's sessions but this one, and returns them. ErrDenied (not_fresh).
func (s *Store) EndOthers(ctx context.Context, a Actor) (ended []uuid.UUID, err error) {
	err = s.changing(ctx, a, "end_sessions", SessionsEnded, func(tx pgx.Tx, _ Factors) error {
		ended, err = s.endOthers(ctx, tx, a)
		return err
	})
	return ended, err
}
