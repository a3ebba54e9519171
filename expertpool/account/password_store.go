package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ChangePassword replaces the actor's password, or gives her one, and ends her other sessions, which it returns. Browsers that were known
// are strangers again. Errors: *InvalidError (old, password), ErrDenied (not_fresh), ErrSlow.
func (s *Store) ChangePassword(ctx context.Context, a Actor, old, password string) (ended []uuid.UUID, err error) {
	if err := s.take(ctx, codePace, guessed("old password", a.Session.String(), nil)); err != nil {
		return nil, err
	}
	var hash, email string
	err = s.db.QueryRow(ctx, `select coalesce(password_hash, ''), email from account where id = $1`, a.ID).Scan(&hash, &email)
	if err != nil {
		return nil, fmt.Errorf("change password: %w", err)
	}
	if hash != "" && (len(old) > maxPassword || !s.hasher.matches(old, hash)) {
		return nil, &InvalidError{"old", "wrong"}
	}
	if err := checkPassword("password", password, a.Name, email); err != nil {
		return nil, err
	}
	hash = s.hasher.hash(password)
	err = s.changing(ctx, a, "change_password", PasswordChanged, func(tx pgx.Tx, _ Factors) error {
		if a.half {
			return ErrDenied // her first factor is not to be exchanged with the first factor alone
		}
		if _, err := tx.Exec(ctx, `update account set password_hash = $2 where id = $1`, a.ID, hash); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from known_browser where account_id = $1 and used_at < (select created_at from session where id = $2)`, a.ID, a.Session); err != nil {
			return err
		}
		ended, err = s.endOthers(ctx, tx, a)
		return err
	})
	return ended, err
}

// endOthers ends every session of the actor's but this one.
func (s *Store) endOthers(ctx context.Context, tx pgx.Tx, a Actor) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		update session set ended_at = $3
		where account_id = $1 and id <> $2 and ended_at is null
		returning id`, a.ID, a.Session, s.now())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
