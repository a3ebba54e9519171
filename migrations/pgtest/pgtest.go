// Package pgtest gives every test a database of its own on a real PostgreSQL.
//
// The first test of a package that asks starts a throw-away cluster, or connects to
// TEST_DATABASE_URL, and migrates a template once; every database is a copy of it. A package whose
// tests use databases calls Main from its TestMain, which takes the cluster down at the end. A run
// that is killed takes its cluster with it, and the next run sweeps up its directory.
//
// It is for tests only, and refuses to share a database between two of them: jobs, notifications
// and concurrent transactions need real commits, so rolling back is no isolation.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/migrations"
)

// perTest bounds a test's pool: parallel tests share the cluster's connections.
const perTest = 4

// The servers of this test binary: a test function has nowhere else to keep them. Both start with
// the first test that needs them.
var fast, durable = &server{test: true}, &server{}

// Main runs the tests of a package and stops what they started. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	for _, s := range []*server{fast, durable} {
		if err := s.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// New makes a migrated, empty database and a pool of at most four connections to it, which is
// closed at the end of the test. Commits do not reach the disk; see Durable.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, fast.database(t))
}

// URL makes a migrated, empty database for a program under test and returns its address.
func URL(t testing.TB) string {
	t.Helper()
	return fast.database(t)
}

// Durable is New on a server that keeps what it has committed through a crash of the machine. Only
// tests of that, and measurements of commits, should pay for it. A program under test finds the same
// database at Config().ConnString() of the pool.
func Durable(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool := open(t, durable.database(t))
	var safe bool
	err := pool.QueryRow(t.Context(), `
		select bool_and(setting = 'on') from pg_settings
		 where name in ('fsync', 'full_page_writes', 'synchronous_commit')`).Scan(&safe)
	if err != nil {
		t.Fatalf("pgtest: ask the server whether it is durable: %v", err)
	}
	if !safe {
		t.Fatal("pgtest: the server of TEST_DATABASE_URL does not keep what it commits through a crash")
	}
	return pool
}

// Owner connects to the database of a pool without the bounds of the application's role: for tests that look into the vault or
// tamper with the record.
func Owner(t testing.TB, pool *pgxpool.Pool) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Files has the server of a pool write all that it knows to its files, and returns the directory that they and the data directory
// lie in.
func Files(t testing.TB, pool *pgxpool.Pool) string {
	t.Helper()
	conn := Owner(t, pool)
	var dir string
	_, err := conn.Exec(t.Context(), `checkpoint`)
	if err == nil {
		err = conn.QueryRow(t.Context(), `show data_directory`).Scan(&dir)
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return filepath.Dir(dir)
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	config.MaxConns = perTest
	migrations.Confine(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config) // outlives t.Context for cleanups
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// closePool finds the test that forgot to give a connection back, which would hang for ever.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Errorf("pgtest: %d connections are still in use at the end of the test", pool.Stat().AcquiredConns())
	}
}
