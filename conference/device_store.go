package conference

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// BringDevice registers the key of the browser with which the actor comes into a live room, as account.KeepDevice does, and
// tells her by mail of one that is new. It vouches for her in conferences that are opened later. Errors: ErrNotFound,
// ErrConflict (not_live), *account.InvalidError (key).
func (s *Store) BringDevice(ctx context.Context, by account.Actor, code string, key, proof []byte, name string) error {
	c, err := byCode(ctx, s.DB, code)
	if err != nil {
		return fmt.Errorf("bring device: %w", err)
	}
	seats, err := seatsOf(ctx, s.DB, c.ID)
	if err != nil {
		return fmt.Errorf("bring device: %w", err)
	}
	if _, _, err := partOf(by, c, seats); err != nil {
		return err
	}
	if c.State != Live {
		return account.Refuse(account.ErrConflict, "not_live")
	}
	return s.Accounts.KeepDevice(ctx, by, key, proof, name, func(tx pgx.Tx, d account.Device) error {
		to, err := addressOf(ctx, tx, by.ID)
		if err != nil {
			return err
		}
		m := newDevice(to, s.Now())
		m.Thread, m.Organisation = d.ID.String(), by.Organisation
		_, err = s.Mails.Enqueue(ctx, tx, m)
		return err
	})
}
