package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Attempt is somebody who says who she is.
type Attempt struct {
	Email, Password string
	Browser         string // the token that the browser has from signing in before; empty if it has none
	Device          string // what the browser calls itself
}

// claim is what an attempt is held against: all zero for an address without an account.
type claim struct {
	account uuid.UUID
	hash    string
	browser []byte // nil: nobody has signed in to the account with this browser
}

// SignIn checks address and password and returns the token of a new session, which owes the second factor. Errors: ErrWrong, which
// never says which of the two was wrong; ErrSlow, which strangers can bring about for a person only in browsers that she has never
// signed in with.
func (s *Store) SignIn(ctx context.Context, t Attempt) (string, error) {
	c, err := s.claim(ctx, t)
	if err != nil {
		return "", err
	}
	if err := s.take(ctx, passwordPace, guessed("password", address(t.Email), c.browser)); err != nil {
		return "", err
	}
	if len(t.Password) > maxPassword || !s.hasher.matches(t.Password, c.hash) {
		return "", ErrWrong
	}
	k, err := s.beginNow(ctx, beginning{Account: c.account, Method: ByPassword, Factors: 1, Device: t.Device})
	return k.Token, err
}

// Familiar says whether somebody has signed in to the account of this address with this browser before.
func (s *Store) Familiar(ctx context.Context, email, browser string) (bool, error) {
	c, err := s.claim(ctx, Attempt{Email: email, Browser: browser})
	return c.browser != nil, err
}

func (s *Store) claim(ctx context.Context, t Attempt) (c claim, err error) {
	err = s.db.QueryRow(ctx, `
		select a.id, coalesce(a.password_hash, ''), b.token_hash
		from account a left join known_browser b on b.account_id = a.id and b.token_hash = $2
		where lower(a.email) = $1 and a.email <> '' and a.disabled_at is null`, address(t.Email), hashToken(t.Browser)).
		Scan(&c.account, &c.hash, &c.browser)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return claim{}, fmt.Errorf("sign in: %w", err)
	}
	return c, nil
}

// address is a typed address as it is compared.
func address(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

// Rehearse signs in as a person of the rehearsal network, without a password. Other accounts give ErrUnknown.
func (s *Store) Rehearse(ctx context.Context, id uuid.UUID, device string) (string, error) {
	var found uuid.UUID
	err := s.db.QueryRow(ctx, `select id from account where id = $1 and rehearsal and disabled_at is null`, id).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrUnknown
	}
	if err != nil {
		return "", fmt.Errorf("rehearse: %w", err)
	}
	k, err := s.beginNow(ctx, beginning{Account: found, Method: ByRehearsal, Factors: 2, Device: device})
	return k.Token, err
}

// ConfirmRehearsal stands for showing a factor in a session of the rehearsal, where there is none to show. ErrDenied for every other
// session.
func (s *Store) ConfirmRehearsal(ctx context.Context, a Actor) (Keys, error) {
	if a.Method != ByRehearsal {
		return Keys{}, ErrDenied
	}
	return s.proveNow(ctx, a, "")
}
