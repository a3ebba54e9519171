package pgtest_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestTwentyParallelTestsHaveADatabaseEach(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			if n := pool.Config().MaxConns; n != 4 {
				t.Errorf("a pool of %d connections, want 4", n)
			}
			// A table of the same name in each: two tests in one database would collide.
			if _, err := pool.Exec(t.Context(), `create table mine (n int primary key)`); err != nil {
				t.Fatal(err)
			}
			if _, err := pool.Exec(t.Context(), `insert into mine values ($1)`, i); err != nil {
				t.Fatal(err)
			}
			var sum int
			if err := pool.QueryRow(t.Context(), `select sum(n) from mine`).Scan(&sum); err != nil {
				t.Fatal(err)
			}
			if sum != i {
				t.Errorf("found %d, put in %d", sum, i)
			}
		})
	}
}

func TestADatabaseComesMigrated(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var folded string
	var queue bool
	err = conn.QueryRow(t.Context(),
		`select de_fold('Jürgen Groß'), to_regclass('river_job') is not null`).Scan(&folded, &queue)
	if err != nil {
		t.Fatal(err)
	}
	if folded != "juergen gross" || !queue {
		t.Errorf("folded %q, job queue there: %v", folded, queue)
	}
}

func TestADurableDatabaseSyncsItsCommits(t *testing.T) {
	t.Parallel()
	pool := pgtest.Durable(t)
	var fsync, fast string
	if err := pool.QueryRow(t.Context(), `select current_setting('fsync')`).Scan(&fsync); err != nil {
		t.Fatal(err)
	}
	if err := pgtest.New(t).QueryRow(t.Context(), `select current_setting('fsync')`).Scan(&fast); err != nil {
		t.Fatal(err)
	}
	ours := os.Getenv("TEST_DATABASE_URL") == ""
	if fsync != "on" || ours && fast != "off" {
		t.Errorf("fsync is %q when durable and %q otherwise", fsync, fast)
	}
}

func TestADurableDatabaseIsFoundThroughItsPool(t *testing.T) {
	t.Parallel()
	pool := pgtest.Durable(t)
	if _, err := pool.Exec(t.Context(), `create table here ()`); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `select from here`); err != nil {
		t.Error(err)
	}
}
