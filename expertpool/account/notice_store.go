package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// Notify says by which queue the owners of accounts are told of changes, and at which address the pages are. Until it is
// called nobody is told: programs that only read need no mails.
func (s *Store) Notify(q *mail.Queue, url string) { s.mails, s.url = q, url }

// Tell mails the owner of an account, within tx, that it has changed: whoever commits the change has told her. It says neither
// who did it nor anything that could be misused. Who is only listed, without an address, is not told.
func (s *Store) Tell(ctx context.Context, tx pgx.Tx, account uuid.UUID, n Notice) error {
	to, err := s.owner(ctx, tx, account)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, to, n, "")
}

// owner is whom a mail about an account goes to.
type owner struct {
	account, organisation uuid.UUID
	mail.Address
}

func (s *Store) owner(ctx context.Context, tx pgx.Tx, account uuid.UUID) (to owner, err error) {
	to.account = account
	err = tx.QueryRow(ctx, `select organisation_id, name, email from account where id = $1`, account).
		Scan(&to.organisation, &to.Name, &to.Email)
	if err != nil {
		return to, fmt.Errorf("owner of an account: %w", err)
	}
	return to, nil
}

func (s *Store) tell(ctx context.Context, tx pgx.Tx, to owner, n Notice, setUp string) error {
	if s.mails == nil || to.Email == "" {
		return nil
	}
	m := n.message(to.Address, setUp)
	m.Thread, m.Organisation = to.account.String(), to.organisation
	_, err := s.mails.Enqueue(ctx, tx, m)
	var bad *mail.InvalidError
	if errors.As(err, &bad) && bad.Field == "To" {
		return nil // an address that no relay can carry must not keep anybody from locking the account
	}
	if err != nil {
		return fmt.Errorf("tell of %s: %w", n, err)
	}
	return nil
}
