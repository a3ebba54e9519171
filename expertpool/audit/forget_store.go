package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Cut removes the entries of an organisation's chain from its beginning up to the first that is not older than before, or that
// is about a case on hold, and leaves an anchor. It returns how many entries have gone. It works as the owner of the schema: the
// application's role may not.
func Cut(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, before time.Time, held []uuid.UUID) (gone int64, err error) {
	err = asOwner(ctx, tx, func() error {
		var last int64
		err := tx.QueryRow(ctx, `
			select h.seq from audit.head h where h.organisation_id = $1 for update`, organisation).Scan(&last)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			select coalesce(min(seq) - 1, $4) from audit.chain
			where organisation_id = $1 and (at >= $2 or case_id = any($3))`, organisation, before, held, last).Scan(&last)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update audit.head h set base_seq = c.seq, base_hash = c.hash, base_at = $3
			from audit.chain c
			where h.organisation_id = $1 and c.organisation_id = $1 and c.seq = $2`, organisation, last, before)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from audit.chain where organisation_id = $1 and seq <= $2`, organisation, last)
		if err != nil {
			return err
		}
		gone = tag.RowsAffected()
		_, err = tx.Exec(ctx, `
			delete from audit.known k
			where k.organisation_id = $1 and k.month < $2 and not exists (select from audit.chain c where c.actor = k.pseudonym)`,
			organisation, monthOf(before))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cut audit record: %w", err)
	}
	return gone, nil
}

// Forget empties what says whose pseudonyms stand in the chain of an organisation, for months that began a year ago or earlier:
// nobody is known longer than a year, and everybody for eleven months. People who acted in a case on hold stay known. It returns
// how many pseudonyms mean nobody any more. It works as the owner of the schema.
func Forget(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, now time.Time, held []uuid.UUID) (forgotten int64, err error) {
	err = asOwner(ctx, tx, func() error {
		tag, err := tx.Exec(ctx, `
			update audit.known k set id = null, salt = null
			where k.organisation_id = $1 and k.month <= $2 and k.id is not null
				and not exists (select from audit.chain c where c.case_id = any($3) and c.actor = k.pseudonym)`,
			organisation, now.UTC().AddDate(-1, 0, 0), held)
		forgotten = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget names of audit record: %w", err)
	}
	return forgotten, nil
}

// Purge takes what was forgotten out of the files of the database, too, as the owner of the schema. The connection's login must not
// be confined to the application's role.
func Purge(ctx context.Context, c *pgx.Conn) error {
	if _, err := c.Exec(ctx, `select set_config('role', pg_get_userbyid(nspowner), false) from pg_namespace where nspname = 'audit'`); err != nil {
		return fmt.Errorf("purge audit record: %w", err)
	}
	_, err := c.Exec(ctx, `vacuum (full) audit.known`)
	if _, back := c.Exec(context.WithoutCancel(ctx), `reset role`); back != nil && err == nil {
		err = back
	}
	if err != nil {
		return fmt.Errorf("purge audit record: %w", err)
	}
	return nil
}

// asOwner works with the rights of the schema's owner. Where the schema has no role of its own it changes nothing.
func asOwner(ctx context.Context, tx pgx.Tx, do func() error) error {
	var before string
	err := tx.QueryRow(ctx, `
		select current_setting('role'), set_config('role', pg_get_userbyid(nspowner), true)
		from pg_namespace where nspname = 'audit'`).Scan(&before, nil)
	if err != nil {
		return fmt.Errorf("own audit record: %w", err)
	}
	err = do()
	// After an error of the database this one fails too; the role then goes with the transaction.
	if _, back := tx.Exec(ctx, `select set_config('role', $1, true)`, before); back != nil && err == nil {
		err = fmt.Errorf("leave audit record: %w", back)
	}
	return err
}
