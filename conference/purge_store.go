package conference

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// ErrPurgeWaits says that the files of the database could not be rewritten now: somebody still reads what was there before,
// or the tables are so large that conferences which are live would be held up. The sweep tries again.
var ErrPurgeWaits = errors.New("purge has to wait")

const (
	purgePatience = 5 * time.Second // for transactions that began before
	purgeLock     = "1s"            // for whoever is at the tables; everybody else waits behind us
	purgeAtOnce   = 64 << 20        // bytes of the tables, up to which their rewriting holds up live conferences for a moment only
)

// Purge takes what redactions and the retention sweep have removed out of the files of the database too: a deleted row stays in its page until
// something else needs the room, and in the write-ahead log. It does nothing when nothing was removed since. Meanwhile
// nobody can write notes, for as long as it takes to copy the tables.
//
// logs is false where the database does not let its role begin a new write-ahead log and drop the old one, which a
// database other than the private one may well refuse: then the operator's own retention decides. Archives of the log and
// backups are beyond the reach of this program in any case.
func (s *Store) Purge(ctx context.Context) (logs bool, err error) {
	err = s.DB.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		back, err := asLogin(ctx, c)
		if err != nil {
			return err
		}
		defer back()
		var redactions []int64
		var deletions []uuid.UUID
		var rows, names bool // of clients, of people in the record
		err = c.QueryRow(ctx, `
			select (select array_agg(id) from note_redaction where purged_at is null), array_agg(id),
				coalesce(bool_or(class not in ('audit', 'audit_names')), false), coalesce(bool_or(class = 'audit_names'), false)
			from deletion where purged_at is null`).Scan(&redactions, &deletions, &rows, &names)
		if err != nil || len(redactions) == 0 && len(deletions) == 0 {
			logs = true
			return err
		}
		var tables []string
		switch {
		case rows:
			tables = slices.Sorted(maps.Keys(dataClass()))
		case len(redactions) > 0:
			tables = []string{"note_update", "note_snapshot", "note_section", "opinion_version", "opinion_part", "opinion_addendum"}
		}
		if err := purgeTables(ctx, c, tables, names); err != nil {
			return err
		}
		if logs, err = purgeLogs(ctx, c); err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue(`update note_redaction set purged_at = $2 where id = any($1)`, redactions, s.Now())
		b.Queue(`update deletion set purged_at = $2 where id = any($1)`, deletions, s.Now())
		return c.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return false, fmt.Errorf("purge: %w", err)
	}
	return logs, nil
}

// asLogin lets a connection that is confined to the application's role do what its login may, until back.
func asLogin(ctx context.Context, c *pgxpool.Conn) (back func(), err error) {
	var role string
	if err := c.QueryRow(ctx, `select current_setting('role')`).Scan(&role); err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx, `reset role`); err != nil {
		return nil, err
	}
	return func() {
		ctx := context.WithoutCancel(ctx)
		if _, err := c.Exec(ctx, `select set_config('role', $1, false)`, role); err != nil {
			_ = c.Conn().Close(ctx) // nobody else may get it unconfined
		}
	}, nil
}

// purgeTables copies what is left in the tables into new files, with new indexes; names says that the record's has to be among them.
func purgeTables(ctx context.Context, c *pgxpool.Conn, tables []string, names bool) error {
	var held bool
	err := c.QueryRow(ctx, `
		select exists (select from conference where state = 'live')
			and pg_total_relation_size('note_update') + pg_total_relation_size('note_snapshot') + pg_total_relation_size('note_section') > $1`,
		purgeAtOnce).Scan(&held)
	if err != nil {
		return err
	}
	if held {
		return ErrPurgeWaits
	}
	if err := awaitReaders(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `select set_config('lock_timeout', $1, false)`, purgeLock); err != nil {
		return err
	}
	defer c.Exec(context.WithoutCancel(ctx), `reset lock_timeout`)
	if len(tables) > 0 {
		_, err = c.Exec(ctx, `vacuum (full) `+strings.Join(tables, ", "))
	}
	if err == nil && names {
		err = audit.Purge(ctx, c.Conn())
	}
	if sqlState(err) == "55P03" { // lock not available
		return ErrPurgeWaits
	}
	if err != nil {
		return err
	}
	return purgeStatistics(ctx, c)
}

// awaitReaders waits until nobody sees the database as it was before now: rows that somebody may still see are copied too. A
// transaction of any database of the cluster counts as long as it runs, since new readers of ours look back as far as it.
func awaitReaders(ctx context.Context, c *pgxpool.Conn) error {
	ctx, stop := context.WithTimeout(ctx, purgePatience)
	defer stop()
	var now string
	if err := c.QueryRow(ctx, `select pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&now); err != nil {
		return err
	}
	for {
		var seen bool
		err := c.QueryRow(ctx, `
			select exists (
				select from pg_stat_activity
				where pid <> pg_backend_pid()
				and (age(backend_xid) > age($1::text::xid8::xid)
					or datname = current_database() and age(backend_xmin) > age($1::text::xid8::xid))
			)`, now).Scan(&seen)
		switch {
		case err != nil && ctx.Err() != nil:
			return ErrPurgeWaits
		case err != nil:
			return err
		case !seen:
			return nil
		}
		select {
		case <-ctx.Done():
			return ErrPurgeWaits
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// purgeStatistics removes samples of notes that were taken before migration 13 told PostgreSQL to take none. Where the role
// may not, there is nothing to be done: such samples go when the operator analyses the tables anew.
func purgeStatistics(ctx context.Context, c *pgxpool.Conn) error {
	gone, err := c.Exec(ctx, `
		delete from pg_statistic s using pg_attribute a
		where a.attrelid = s.starelid and a.attnum = s.staattnum and a.attstattarget = 0 and a.attrelid >= 16384`) // ours
	if err != nil || gone.RowsAffected() == 0 {
		return unlessForbidden(err)
	}
	if err := awaitReaders(ctx, c); err != nil { // of the rows deleted just now
		return err
	}
	_, err = c.Exec(ctx, `vacuum (full) pg_statistic`)
	return unlessForbidden(err)
}

// purgeLogs drops the write-ahead log written so far.
func purgeLogs(ctx context.Context, c *pgxpool.Conn) (done bool, err error) {
	for _, statement := range []string{`select pg_switch_wal()`, `checkpoint`} {
		_, err := c.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol)
		if forbidden(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func sqlState(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

func forbidden(err error) bool { return sqlState(err) == "42501" } // insufficient_privilege

func unlessForbidden(err error) error {
	if forbidden(err) {
		return nil
	}
	return err
}
