package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// NewLink makes a link within tx: whoever has the token acts as that account, on that subject, for that purpose, until it
// expires. The token is returned once; only its hash is kept.
func (s *Store) NewLink(ctx context.Context, tx pgx.Tx, account uuid.UUID, p Purpose, subject uuid.UUID, until time.Time) (string, error) {
	token, hash := newToken()
	_, err := tx.Exec(ctx, `
		insert into link (token_hash, account_id, purpose, subject_id, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6)`, hash, account, p, subject, s.now(), until)
	if err != nil {
		return "", fmt.Errorf("new link: %w", err)
	}
	return token, nil
}

// Follow tells who holds the link and what it is about. An unknown, expired or foreign-purpose token is ErrUnknown.
func (s *Store) Follow(ctx context.Context, token string, p Purpose) (Actor, uuid.UUID, error) {
	var account, subject uuid.UUID
	err := s.db.QueryRow(ctx, `
		select account_id, subject_id from link
		where token_hash = $1 and purpose = $2 and expires_at > $3`, hashToken(token), p, s.now()).Scan(&account, &subject)
	if errors.Is(err, pgx.ErrNoRows) {
		return Actor{}, uuid.Nil, ErrUnknown
	}
	if err != nil {
		return Actor{}, uuid.Nil, fmt.Errorf("follow link: %w", err)
	}
	a, err := actorOf(ctx, s.db, account)
	return a, subject, err
}

// ProlongLinks sets a new end for the links to subject, within tx: a conference that moves takes its answer links along.
func (s *Store) ProlongLinks(ctx context.Context, tx pgx.Tx, subject uuid.UUID, until time.Time) error {
	if _, err := tx.Exec(ctx, `update link set expires_at = $2 where subject_id = $1`, subject, until); err != nil {
		return fmt.Errorf("prolong links: %w", err)
	}
	return nil
}
