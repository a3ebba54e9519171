package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/oauth2"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// What somebody goes to the provider for.
const (
	toSignIn  = "sign_in"
	toLink    = "link"    // this account to whoever comes back
	toConfirm = "confirm" // that it is still her
)

// attemptFor is how long somebody may take at the provider.
const attemptFor = 10 * time.Minute

// attempt is a sign-in that is under way at the provider.
type attempt struct {
	Nonce, Verifier, Purpose string
	Account, Session         uuid.NullUUID
	Next                     string
	BegunAt                  time.Time
}

// Departure is the way to the provider: where the browser goes, and the secret that it keeps until it comes back.
type Departure struct{ URL, Browser string }

// SignInAt begins a sign-in at the provider, after which the browser goes on at next.
func (s *Store) SignInAt(ctx context.Context, p *Provider, next string) (Departure, error) {
	return s.depart(ctx, p, attempt{Purpose: toSignIn, Next: next})
}

// LinkAt begins to link the actor's account to whoever she is at the provider. The actor has a session, or followed the link with which
// a new account is set up.
func (s *Store) LinkAt(ctx context.Context, p *Provider, by Actor, next string) (Departure, error) {
	return s.depart(ctx, p, attempt{
		Purpose: toLink, Account: uuid.NullUUID{UUID: by.ID, Valid: true}, Next: next,
		Session: uuid.NullUUID{UUID: by.Session, Valid: by.Session != uuid.Nil},
	})
}

// ConfirmAt lets the actor sign in at the provider once more, which counts as showing a factor in her session.
func (s *Store) ConfirmAt(ctx context.Context, p *Provider, by Actor, next string) (Departure, error) {
	if by.Session == uuid.Nil {
		return Departure{}, ErrDenied
	}
	return s.depart(ctx, p, attempt{
		Purpose: toConfirm, Account: uuid.NullUUID{UUID: by.ID, Valid: true}, Session: uuid.NullUUID{UUID: by.Session, Valid: true}, Next: next,
	})
}

func (s *Store) depart(ctx context.Context, p *Provider, a attempt) (Departure, error) {
	m, err := p.discovered(ctx)
	if err != nil {
		return Departure{}, err
	}
	state, stateHash := newToken()
	browser, browserHash := newToken()
	a.Nonce, a.Verifier, a.BegunAt = rand.Text(), oauth2.GenerateVerifier(), s.now()
	_, err = s.db.Exec(ctx, `
		with gone as (delete from oidc_attempt where expires_at < $9)
		insert into oidc_attempt (state_hash, browser_hash, nonce, verifier, purpose, account_id, session_id, next, begun_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		stateHash, browserHash, a.Nonce, a.Verifier, a.Purpose, a.Account, a.Session, a.Next, a.BegunAt, a.BegunAt.Add(attemptFor))
	if err != nil {
		return Departure{}, fmt.Errorf("to the sign-in provider: %w", err)
	}
	return Departure{p.address(m, state, a), browser}, nil
}

// Return is what the provider sends back with the browser, and the secret that the browser kept.
type Return struct {
	State, Code, Iss string
	Browser          string // binds the way there to the way back
	Known            string // by which the browser is known from signing in before; empty if it is not
	Device           string // what the browser calls itself
}

// Arrival is how a way to the provider ends: where the browser goes on, and what it keeps.
type Arrival struct {
	Keys  // empty when the session stays as it is
	Next  string
	Begun bool // the session is a new one
}

// Arrive ends the way to the provider that Departure began; each state works once. Errors: ErrUnknown for a way that nobody began in this
// browser or that took too long, for an answer that does not hold, and for a disabled account; ErrDenied (oidc_unknown) for somebody whom no
// account is linked to, ErrConflict (oidc_taken) for a link to somebody who has an account.
func (s *Store) Arrive(ctx context.Context, p *Provider, r Return) (Arrival, error) {
	var a attempt
	err := s.db.QueryRow(ctx, `
		delete from oidc_attempt where state_hash = $1 and browser_hash = $2 and expires_at > $3
		returning nonce, verifier, purpose, account_id, session_id, next, begun_at`, hashToken(r.State), hashToken(r.Browser), s.now()).
		Scan(&a.Nonce, &a.Verifier, &a.Purpose, &a.Account, &a.Session, &a.Next, &a.BegunAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return Arrival{}, ErrUnknown
	}
	if err != nil {
		return Arrival{}, fmt.Errorf("from the sign-in provider: %w", err)
	}
	who, err := p.redeem(ctx, r.Code, r.Iss, a)
	if errors.Is(err, errToken) {
		return Arrival{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	if err != nil {
		return Arrival{}, err
	}
	arrived := Arrival{Next: a.Next}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		arrived.Keys, err = s.arrived(ctx, tx, p.Issuer, who, a, r)
		arrived.Begun = a.Purpose == toSignIn || !a.Session.Valid
		return err
	})
	return arrived, err
}

// arrived does what somebody went to the provider for.
func (s *Store) arrived(ctx context.Context, tx pgx.Tx, issuer string, who somebody, a attempt, r Return) (Keys, error) {
	switch a.Purpose {
	case toLink:
		if err := s.mayLink(ctx, tx, a); err != nil {
			return Keys{}, err
		}
		if err := s.linkOIDC(ctx, tx, issuer, who.subject, a.Account.UUID); err != nil {
			return Keys{}, err
		}
		if a.Session.Valid {
			return Keys{}, nil
		}
		return s.begin(ctx, tx, beginning{a.Account.UUID, ByOIDC, who.factors, r.Known, r.Device})
	case toConfirm:
		id, err := linkedTo(ctx, tx, issuer, who.subject)
		if err != nil || id != a.Account.UUID {
			return Keys{}, errors.Join(ErrUnknown, err)
		}
		by, err := actorOf(ctx, tx, id)
		if err != nil {
			return Keys{}, err
		}
		by.Session = a.Session.UUID
		return s.prove(ctx, tx, by, r.Known)
	}
	id, err := linkedTo(ctx, tx, issuer, who.subject)
	if errors.Is(err, pgx.ErrNoRows) {
		return Keys{}, Refuse(ErrDenied, "oidc_unknown")
	}
	if err != nil {
		return Keys{}, err
	}
	return s.begin(ctx, tx, beginning{id, ByOIDC, who.factors, r.Known, r.Device})
}

// mayLink: who went to link is signed in still, or the link stands with which her new account is set up. That one is used up here.
func (s *Store) mayLink(ctx context.Context, tx pgx.Tx, a attempt) error {
	var stands bool
	var err error
	if a.Session.Valid {
		err = tx.QueryRow(ctx, `
			select exists (select from session where id = $1 and factors = 2 and ended_at is null and expires_at > $2)`,
			a.Session, s.now()).Scan(&stands)
	} else {
		err = tx.QueryRow(ctx, `
			with used as (delete from link where account_id = $1 and purpose = $2 and expires_at > $3 returning 1)
			select exists (select from used)`, a.Account, ForSetup, s.now()).Scan(&stands)
	}
	if err == nil && !stands {
		return ErrUnknown
	}
	return err
}

func linkedTo(ctx context.Context, tx pgx.Tx, issuer, subject string) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `select account_id from account_oidc where issuer = $1 and subject = $2`, issuer, subject).Scan(&id)
	return id, err
}

// linkOIDC links an account to somebody at the provider, in place of whom it was linked to there.
func (s *Store) linkOIDC(ctx context.Context, tx pgx.Tx, issuer, subject string, account uuid.UUID) error {
	by, err := actorOf(ctx, tx, account)
	if err != nil {
		return err
	}
	switch id, err := linkedTo(ctx, tx, issuer, subject); {
	case err == nil && id == account:
		return nil
	case err == nil:
		return Refuse(ErrConflict, "oidc_taken")
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into account_oidc (issuer, subject, account_id, linked_at) values ($1, $2, $3, $4)
		on conflict (account_id, issuer) do update set subject = excluded.subject, linked_at = excluded.linked_at`, issuer, subject, account, s.now())
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "account_oidc_pkey" { // somebody was quicker
		return Refuse(ErrConflict, "oidc_taken")
	}
	if err != nil {
		return fmt.Errorf("link to the sign-in provider: %w", err)
	}
	if err := s.Tell(ctx, tx, account, SignInLinked); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by.Entry(s.now(), "link_oidc", "account", account.String()))
}

// LinkedAt tells since when the actor's account is linked to somebody at the provider; nil when it is not.
func (s *Store) LinkedAt(ctx context.Context, p *Provider, by Actor) (since *time.Time, err error) {
	err = s.db.QueryRow(ctx, `select max(linked_at) from account_oidc where issuer = $1 and account_id = $2`, p.Issuer, by.ID).Scan(&since)
	if err != nil {
		return nil, fmt.Errorf("link to the sign-in provider: %w", err)
	}
	return since, nil
}

// Unlink ends the link of the actor's account to the provider. Unlinking again changes nothing.
func (s *Store) Unlink(ctx context.Context, p *Provider, by Actor) error {
	if !by.May(ManageOwnAccount) {
		return ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from account_oidc where issuer = $1 and account_id = $2`, p.Issuer, by.ID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := s.Tell(ctx, tx, by.ID, SignInUnlinked); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.now(), "unlink_oidc", "account", by.ID.String()))
	})
	if err != nil {
		return fmt.Errorf("unlink from the sign-in provider: %w", err)
	}
	return nil
}
