package migrations_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/migrations"
	"github.com/konsil-server/konsil/migrations/localpg"
)

// The cluster of this package's tests. pgtest is of no use here: its databases come migrated.
var cluster *localpg.Cluster

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "konsil-migrations-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if cluster, err = localpg.Start(context.Background(), localpg.Options{Dir: dir, Test: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cluster.Stop()
	return m.Run()
}

// empty makes a database without anything in it, of the given locale where one is named.
func empty(t *testing.T, options string) *pgxpool.Pool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := "t" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(t.Context(), "create database "+name+" template template0 "+options); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	pool, err := pgxpool.New(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func scan[T any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) (v T) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// ground is the migration that the tests with migrations of their own build on.
func ground(t *testing.T) *fstest.MapFile {
	t.Helper()
	text, err := os.ReadFile("00001_ground.sql")
	if err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: text}
}

func file(statements string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statements)}
}

func TestEveryMigrationRunsFromTheFirst(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	if err := migrations.Up(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".sql") {
			want++
		}
	}
	if n := scan[int](t, pool, `select count(*) from goose_db_version where version_id > 0`); n != want {
		t.Errorf("%d migrations ran, there are %d files", n, want)
	}
	if n := scan[int](t, pool, `select count(*) from river_job`); n != 0 {
		t.Errorf("%d jobs in a new queue", n)
	}
}

func TestUpTwiceChangesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	own := fstest.MapFS{"00001_ground.sql": ground(t), "00002_thing.sql": file("create table thing (n int);")}
	if err := migrations.UpFrom(t.Context(), pool, own); err != nil {
		t.Fatal(err)
	}
	const state = `select (select string_agg(version_id || ' ' || tstamp, ',' order by id) from goose_db_version)
		|| (select string_agg(line || version || ' ' || created_at, ',' order by line, version) from river_migration)`
	before := scan[string](t, pool, state)
	began := time.Now()
	if err := migrations.UpFrom(t.Context(), pool, own); err != nil {
		t.Fatal(err)
	}
	t.Logf("Up with nothing to do: %v", time.Since(began))
	if after := scan[string](t, pool, state); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	own := fstest.MapFS{
		"00001_ground.sql": ground(t),
		"00002_slow.sql":   file("create table thing (n int);\nselect pg_sleep(0.2);\ninsert into thing values (1);"),
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := migrations.UpFrom(t.Context(), pool, own); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := scan[int](t, pool, `select count(*) from thing`); n != 1 {
		t.Errorf("the migration ran %d times", n)
	}
}

func TestAnIndexMayBeBuiltConcurrentlyWhileAnotherServerWaits(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	own := fstest.MapFS{"00001_index.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\n" +
		"create table thing (n int);\nselect pg_sleep(0.3);\ncreate index concurrently thing_n on thing (n);\n")}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := migrations.UpFrom(ctx, pool, own); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUpMakesDoWithAPoolOfOne(t *testing.T) {
	t.Parallel()
	config := empty(t, "").Config()
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := migrations.UpFrom(ctx, pool, fstest.MapFS{"00001_ground.sql": ground(t)}); err != nil {
		t.Error(err)
	}
}

func TestAFailedMigrationIsNamedUndoneAndLetsGoOfTheLock(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	own := fstest.MapFS{
		"00001_ground.sql": ground(t),
		"00002_broken.sql": file("create table half (n int);\nselect 1 / 0;"),
	}
	err := migrations.UpFrom(t.Context(), pool, own)
	if err == nil || !strings.Contains(err.Error(), "00002_broken.sql") {
		t.Fatalf("the error does not name the file: %v", err)
	}
	if scan[bool](t, pool, `select to_regclass('half') is not null`) {
		t.Error("half a migration stayed")
	}
	own["00002_broken.sql"] = file("create table half (n int);")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := migrations.UpFrom(ctx, pool, own); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
			_, err := conn.Exec(t.Context(), `select pg_advisory_lock(4097083626)`) // goose's documented key
			close(held)
			<-release
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := migrations.Up(ctx, pool); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	close(release)
	wg.Wait()
}

func TestNamesFoldToOneSpelling(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	if err := migrations.UpFrom(t.Context(), pool, fstest.MapFS{"00001_ground.sql": ground(t)}); err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"Jürgen Müller":   "juergen mueller",
		"JÜRGEN MÜLLER":   "juergen mueller",
		"Ju\u0308rgen":    "juergen", // u with a combining diaeresis
		"Juergen Mueller": "juergen mueller",
		"Groß, Änne Öz":   "gross, aenne oez",
	} {
		if got := scan[string](t, pool, `select de_fold($1)`, raw); got != want {
			t.Errorf("de_fold(%q) is %q, want %q", raw, got, want)
		}
	}
	const alike = `select similarity(de_fold('Jürgen Müller'), de_fold('Juergen Mueller'))`
	if s := scan[float64](t, pool, alike); s != 1 {
		t.Errorf("two spellings of one name are alike by %v", s)
	}
	const index = `create table p (name text); create index on p using gin (de_fold(name) gin_trgm_ops)`
	if _, err := pool.Exec(t.Context(), index); err != nil {
		t.Errorf("the function cannot be indexed: %v", err)
	}
}

func TestTheGermanCheckAcceptsOurLocale(t *testing.T) {
	t.Parallel()
	if err := migrations.Check(t.Context(), empty(t, "")); err != nil {
		t.Errorf("a database as we make them: %v", err)
	}
}

func TestTheGermanCheckRefusesTheLocaleC(t *testing.T) {
	t.Parallel()
	if err := migrations.Check(t.Context(), empty(t, "locale_provider libc locale 'C'")); !errors.Is(err, migrations.ErrGermanText) {
		t.Errorf("got %v, want ErrGermanText", err)
	}
}
