package expertpool

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Reminders says whether an expert wants to be reminded of dates that she has promised: so it is until she says otherwise.
func (s *Store) Reminders(ctx context.Context, by account.Actor) (bool, error) {
	wanted := true
	err := s.db.QueryRow(ctx, `select reminders from availability where account_id = $1`, by.ID).Scan(&wanted)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("reminders: %w", err)
	}
	return wanted, nil
}

// KeepReminders says whether the actor, who is an expert, is to be reminded of dates that she has promised.
func (s *Store) KeepReminders(ctx context.Context, by account.Actor, wanted bool) error {
	return s.keepTime(ctx, by, by.ID, "keep_reminders", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update availability set reminders = $2 where account_id = $1`, by.ID, wanted)
		return err
	})
}
