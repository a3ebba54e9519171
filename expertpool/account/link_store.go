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
	tokens, err := s.NewLinks(ctx, tx, p, until, Holder{account, subject})
	if err != nil {
		return "", err
	}
	return tokens[0], nil
}

// Holder is whom a link is for, and what it is about.
type Holder struct{ Account, Subject uuid.UUID }

// NewLinks is NewLink for several people, each with a link of her own, in one statement. The tokens come in the order of the holders.
func (s *Store) NewLinks(ctx context.Context, tx pgx.Tx, p Purpose, until time.Time, holders ...Holder) ([]string, error) {
	tokens, hashes := make([]string, len(holders)), make([][]byte, len(holders))
	accounts, subjects := make([]uuid.UUID, len(holders)), make([]uuid.UUID, len(holders))
	for i, h := range holders {
		tokens[i], hashes[i] = newToken()
		accounts[i], subjects[i] = h.Account, h.Subject
	}
	_, err := tx.Exec(ctx, `
		insert into link (token_hash, account_id, purpose, subject_id, created_at, expires_at)
		select x.hash, x.account, $4, x.subject, $5, $6 from unnest($1::bytea[], $2::uuid[], $3::uuid[]) as x (hash, account, subject)`,
		hashes, accounts, subjects, p, s.now(), until)
	if err != nil {
		return nil, fmt.Errorf("new links: %w", err)
	}
	return tokens, nil
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

// ProlongLinks sets a new end for the links to these subjects, within tx: a conference that moves takes its answer links along.
func (s *Store) ProlongLinks(ctx context.Context, tx pgx.Tx, until time.Time, subjects ...uuid.UUID) error {
	if _, err := tx.Exec(ctx, `update link set expires_at = $2 where subject_id = any($1)`, subjects, until); err != nil {
		return fmt.Errorf("prolong links: %w", err)
	}
	return nil
}
