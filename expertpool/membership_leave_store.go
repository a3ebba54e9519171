package expertpool

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// MayLeave returns the standing of an expert whom the actor may take out of the pool: herself, or as one who keeps it. The row is locked
// until tx ends: nobody can invite her meanwhile. Errors: ErrNotFound, ErrConflict (left_pool).
func MayLeave(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID) (Standing, error) {
	st, err := theirs(ctx, tx, by, expert, account.KeepPool)
	if err == nil && st.LeftAt != nil {
		err = account.Refuse(account.ErrConflict, "left_pool")
	}
	return st, err
}

// Leave ends somebody's place in the pool, within tx. Her account is closed, her links lead nowhere, and what the directory held about
// her is deleted but for the name, which minutes and measures still need, and the proofs of what she has signed and was verified
// for. The caller has called MayLeave in tx, and has seen to what she was invited to and has promised.
func (s *Store) Leave(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID) error {
	var to mail.Address
	var organisation uuid.UUID
	err := tx.QueryRow(ctx, `select name, email, organisation_id from account where id = $1`, expert).Scan(&to.Name, &to.Email, &organisation)
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	if to.Email != "" {
		if err := s.sendIfPossible(ctx, tx, organisation, expert.String(), to, farewell()); err != nil {
			return err
		}
	}
	if _, err := s.accounts.DisableIn(ctx, tx, expert); err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(`
		update expert set active = false, left_at = $2, owner_id = null, profession = '', specialty = '', specialties = '{}', topics = '{}', place = '',
			postcode = '', travel_km = 0, languages = '{}', modes = '{}', lanr = '', bsnr = '', accessibility = '', hours_per_month = 0, max_cases = 0,
			confirm_asked_at = null
		where account_id = $1`, expert, s.now())
	b.Queue(`update account set email = '', password_hash = null where id = $1`, expert)
	b.Queue(`delete from link where account_id = $1`, expert)
	b.Queue(`delete from expert_tie where expert_id = $1`, expert)
	b.Queue(`delete from availability where account_id = $1`, expert)
	b.Queue(`delete from expert_group_member where account_id = $1`, expert)
	b.Queue(`delete from application where lower(email) = lower($1)`, to.Email)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return s.record(ctx, tx, by, "leave_pool", expert, "")
}
