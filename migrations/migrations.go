// Package migrations owns the shape of the database: the numbered SQL files beside this one, and
// the schema of the job queue.
//
// Files are called NNNNN_name.sql, go forward only and are never edited once they have landed. The
// package refuses to go back a version, and it holds no data of its own: seeds belong to the
// packages whose tables they fill.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

// ErrGermanText is what Check answers when the database would not find German words.
var ErrGermanText = errors.New("the database does not fold and stem German text: " +
	"create it with a UTF-8 locale (C.UTF-8 or de_DE.UTF-8, for sorting with ICU de-DE)")

// lockPause is the time between two tries for the lock.
const lockPause = 50 * time.Millisecond

// Up brings the database behind pool to the newest version: first the SQL files, each in its own
// transaction, then the job queue's tables, then the roles to which vault and record belong. It may
// be called at every start and by several processes at once: one works, the others wait for it until
// ctx ends. A migration that fails leaves the versions before it in place.
//
// Up borrows only the address and credentials of pool and works on connections of its own, so a
// pool of one suffices and no prepared statement outlives the tables it was made for.
func Up(ctx context.Context, pool *pgxpool.Pool) error {
	return up(ctx, pool, files)
}

func up(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) error {
	own, err := ownPool(ctx, pool)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer own.Close()
	unlock, err := holdLock(ctx, own)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer unlock()
	if err := upFiles(ctx, own, fsys); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := upQueue(ctx, own); err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	if err := separate(ctx, own); err != nil {
		return fmt.Errorf("separate roles: %w", err)
	}
	return nil
}

func ownPool(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Pool, error) {
	config := pool.Config()
	config.MaxConns = 4 // the lock's, goose's, River's, and one to spare
	config.MinConns, config.MinIdleConns = 0, 0
	// The caller's hooks may prepare statements on tables that are only about to exist.
	config.AfterConnect, config.PrepareConn, config.AfterRelease = nil, nil, nil
	return pgxpool.NewWithConfig(ctx, config)
}

// holdLock takes the advisory lock under which everything here runs. The key is goose's own, so
// its command line tool waits for us as well. It asks again and again instead of waiting inside
// one statement: a waiting statement holds a snapshot, and "create index concurrently" in a
// migration would wait for that snapshot while the snapshot waits for the lock.
func holdLock(ctx context.Context, pool *pgxpool.Pool) (unlock func(), err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	for {
		var held bool
		err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, lock.DefaultLockID).Scan(&held)
		if err == nil && held {
			break
		}
		if err == nil {
			err = pause(ctx)
		}
		if err != nil {
			conn.Release()
			return nil, fmt.Errorf("wait for the lock: %w", err)
		}
	}
	// Closing the connection frees the lock even where an unlock statement could no longer be sent.
	return func() { _ = conn.Hijack().Close(context.WithoutCancel(ctx)) }, nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lockPause):
		return nil
	}
}

func upFiles(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return fmt.Errorf("%s: %w", partial.Failed.Source.Path, err)
	}
	return err
}

func upQueue(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// Versions are the number of the newest migration that the database has had, 0 for none, and of the newest that this program
// brings. It changes nothing.
func Versions(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (has, newest int64, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, 0, fmt.Errorf("migrations: %w", err)
	}
	for _, name := range names {
		n, err := goose.NumericComponent(name)
		if err != nil {
			return 0, 0, fmt.Errorf("migrations: %w", err)
		}
		newest = max(newest, n)
	}
	var begun bool
	if err := db.QueryRow(ctx, `select to_regclass('goose_db_version') is not null`).Scan(&begun); err != nil || !begun {
		return 0, newest, err
	}
	err = db.QueryRow(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&has)
	return has, newest, err
}

// Check asks whether the database folds case and stems words the German way, which depends on the
// locale that it was created with and cannot be repaired later. It answers ErrGermanText when not.
// db is a pool, a connection or a transaction.
func Check(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) error {
	var ok bool
	err := db.QueryRow(ctx, `
		select lower('Ä') = 'ä'
		   and to_tsvector('german', 'Ärzte') @@ to_tsquery('german', 'ärzte')`).Scan(&ok)
	if err != nil {
		return fmt.Errorf("check German text: %w", err)
	}
	if !ok {
		return ErrGermanText
	}
	return nil
}
