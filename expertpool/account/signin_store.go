package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SignIn checks address and password and returns the token of a new session. ErrWrong never says which of them was wrong.
func (s *Store) SignIn(ctx context.Context, email, password, device string) (string, error) {
	var id uuid.UUID
	var hash *string
	err := s.db.QueryRow(ctx, `
		select id, password_hash from account
		where lower(email) = lower($1) and email <> '' and disabled_at is null`, strings.TrimSpace(email)).Scan(&id, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("sign in: %w", err)
	}
	if hash == nil {
		hash = new(string)
	}
	if len(password) > 1024 || !s.hasher.matches(password, *hash) {
		return "", ErrWrong
	}
	return s.beginNow(ctx, beginning{id, ByPassword, 2, device})
}

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
	return s.beginNow(ctx, beginning{found, ByRehearsal, 2, device})
}

// beginNow is begin in a transaction of its own.
func (s *Store) beginNow(ctx context.Context, b beginning) (token string, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		token, err = s.begin(ctx, tx, b)
		return err
	})
	return token, err
}

// ConfirmRehearsal stands for showing a factor in a session of the rehearsal, where there is none to show. It returns the session's
// new token. ErrDenied for every other session.
func (s *Store) ConfirmRehearsal(ctx context.Context, a Actor) (token string, err error) {
	if a.Method != ByRehearsal {
		return "", ErrDenied
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		token, err = s.prove(ctx, tx, a)
		return err
	})
	return token, err
}
