package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func lockHead(ctx context.Context, tx pgx.Tx, org uuid.UUID) (int64, []byte, error) {
	var seq int64
	var hash []byte
	err := tx.QueryRow(ctx, `
		insert into audit.head as h (organisation_id, seq, hash) values ($1, 0, '')
		on conflict (organisation_id) do update set seq = h.seq
		returning seq, hash`, org).Scan(&seq, &hash)
	if err != nil {
		return 0, nil, fmt.Errorf("audit head: %w", err)
	}
	return seq, hash, nil
}

func moveHead(ctx context.Context, tx pgx.Tx, org uuid.UUID, seq int64, hash []byte) error {
	_, err := tx.Exec(ctx, `update audit.head set seq = $2, hash = $3 where organisation_id = $1`, org, seq, hash)
	if err != nil {
		return fmt.Errorf("audit head: %w", err)
	}
	return nil
}

func insertEntry(ctx context.Context, tx pgx.Tx, seq int64, e Entry, hash []byte) error {
	_, err := tx.Exec(ctx, `
		insert into audit.chain (organisation_id, seq, at, actor, actor_role, action, object_kind, object_id, case_id, reason, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.Organisation, seq, e.At, orNull(e.By), e.Role, e.Did, e.Kind, e.To, orNull(e.Case), e.Reason, hash)
	if err != nil {
		return fmt.Errorf("audit entry: %w", err)
	}
	return nil
}

// pseudonymOf is what stands for an id in the chain of an organisation in a month. The lock of the chain's head keeps others from
// drawing one for it meanwhile.
func pseudonymOf(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, month time.Time, id uuid.UUID) (uuid.UUID, error) {
	var pseudonym uuid.UUID
	err := tx.QueryRow(ctx, `
		select pseudonym from audit.known where organisation_id = $1 and month = $2 and id = $3`, organisation, month, id).Scan(&pseudonym)
	if err == nil {
		return pseudonym, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("audit pseudonym: %w", err)
	}
	pseudonym, salt := conceal(id)
	_, err = tx.Exec(ctx, `
		insert into audit.known (pseudonym, organisation_id, month, id, salt, home_id, discipline)
		values ($1, $2, $3, $4, $5, (select organisation_id from account where id = $4),
			coalesce((select discipline from expert where account_id = $4), ''))`, pseudonym, organisation, month, id, salt)
	if err != nil {
		return uuid.Nil, fmt.Errorf("audit pseudonym: %w", err)
	}
	return pseudonym, nil
}

func isAccount(ctx context.Context, tx pgx.Tx, id uuid.UUID) (yes bool, err error) {
	if err := tx.QueryRow(ctx, `select exists (select from account where id = $1)`, id).Scan(&yes); err != nil {
		return false, fmt.Errorf("audit account: %w", err)
	}
	return yes, nil
}

func orNull(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }
