package casefile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// AllowSingleRelease says whether the author of a summary or an attachment may release it herself, with a reason, while the
// organisation of that name has nobody else who could. The entry in the audit record names the server as the one who did it, since
// whoever can call this has the machine. ErrNotFound when no organisation has the name.
func AllowSingleRelease(ctx context.Context, db *pgxpool.Pool, organisation string, allow bool, now time.Time) error {
	did := "forbid_single_release"
	if allow {
		did = "allow_single_release"
	}
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `update organisation set single_release = $2 where name = $1 returning id`, organisation, allow).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{Organisation: id, At: now, Role: "operator", Did: did, Kind: "organisation", To: id.String()})
	})
	if err != nil {
		return fmt.Errorf("single release: %w", err)
	}
	return nil
}
