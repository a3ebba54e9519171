package casefile

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// clientLinkAfter is how long the client's link goes on after the end of her consent, so that she finds the receipt and can still
// have everything closed; clientLinkUnsigned how long it works on a sheet that nobody signs.
const (
	clientLinkAfter    = 30 * 24 * time.Hour
	clientLinkUnsigned = 60 * 24 * time.Hour
)

// ClientCase is what the client's own link leads to.
type ClientCase struct {
	Case    Case // without a summary
	Consent *Consent
	Client  account.Actor // the client of this case, as the one who acts; she has no account and no name
}

// NewClientLink makes the client's own link and returns its token, which is shown once: only its hash is kept. A link from before
// ends. It lasts as long as the consent and thirty days more. Errors: ErrDenied, ErrNotFound, ErrClosed, ErrConflict
// (no_consent) while there is neither a consent nor a prepared one.
func (s *Store) NewClientLink(ctx context.Context, by account.Actor, id uuid.UUID) (string, error) {
	token := rand.Text() // 130 bits
	err := s.change(ctx, by, id, "make_client_link", "", func(tx pgx.Tx, c Case) error {
		of, err := clientConsent(ctx, tx, id)
		if err != nil {
			return err
		}
		if of == nil {
			return account.Refuse(account.ErrConflict, "no_consent")
		}
		if _, err := tx.Exec(ctx, `update client_link set revoked_at = $2 where case_id = $1 and revoked_at is null`, id, s.now()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into client_link (id, case_id, organisation_id, token_hash, created_at, created_by)
			values ($1, $2, $3, $4, $5, $6)`, uuid.New(), id, c.Organisation, hashOf(token), s.now(), by.ID)
		return err
	})
	return token, err
}

// ByClientLink tells what a client's link leads to. Looking changes nothing and is recorded nowhere. ErrUnknown when it leads
// nowhere, or not any more.
func (s *Store) ByClientLink(ctx context.Context, q Querier, token string) (ClientCase, error) {
	var made time.Time
	rows, err := q.Query(ctx, `
		select k.created_at,`+caseColumns+`
		join client_link k on k.case_id = c.id
		where k.token_hash = $1 and k.revoked_at is null`, hashOf(token))
	if err != nil {
		return ClientCase{}, fmt.Errorf("client link: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Case, error) { return scanCaseAfter(row, &made) })
	if errors.Is(err, pgx.ErrNoRows) {
		return ClientCase{}, account.ErrUnknown
	}
	if err != nil {
		return ClientCase{}, fmt.Errorf("client link: %w", err)
	}
	consent, err := clientConsent(ctx, q, c.ID)
	if err != nil {
		return ClientCase{}, err
	}
	if consent == nil || s.now().After(linkEnd(consent, made)) {
		return ClientCase{}, account.ErrUnknown
	}
	return ClientCase{c, consent, account.Actor{Organisation: c.Organisation, Role: account.Client}}, nil
}

// linkEnd is when a client's link ends.
func linkEnd(c *Consent, made time.Time) time.Time {
	switch {
	case c.WithdrawnAt != nil:
		return c.WithdrawnAt.Add(clientLinkAfter)
	case c.GrantedAt == nil:
		return made.Add(clientLinkUnsigned)
	}
	return c.ValidUntil.AddDate(0, 0, 1).Add(clientLinkAfter)
}

// clientConsent is the consent that the client's page speaks of, with its releases: the one she gave, or else the prepared one.
func clientConsent(ctx context.Context, q Querier, id uuid.UUID) (*Consent, error) {
	c, err := lastGiven(ctx, q, id)
	if err == nil && c == nil {
		c, err = prepared(ctx, q, id)
	}
	if err != nil || c == nil {
		return nil, err
	}
	c.Releases, err = releasesOf(ctx, q, c.ID)
	return c, err
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
