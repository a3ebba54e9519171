package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func record(t *testing.T, db *pgxpool.Pool, org uuid.UUID, did string) {
	t.Helper()
	err := pgx.BeginFunc(context.Background(), db, func(tx pgx.Tx) error {
		return audit.Record(context.Background(), tx, audit.Entry{
			Organisation: org, At: time.Now(), By: uuid.New(), Role: "caseworker", Did: did, Kind: "case", To: "F7", Case: uuid.New(), Reason: "r",
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestChainHoldsWhenManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	orgs := []uuid.UUID{uuid.New(), uuid.New()}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() { record(t, db, orgs[i%2], "look") })
	}
	wg.Wait()
	if n, err := audit.Verify(t.Context(), db); n != 40 || err != nil {
		t.Fatalf("verified %d: %v", n, err)
	}
}

func TestDeedThatFailsLeavesNoEntry(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	org := uuid.New()
	record(t, db, org, "first")
	stop := errors.New("stop")
	err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		if err := audit.Record(t.Context(), tx, audit.Entry{Organisation: org, At: time.Now(), Did: "x"}); err != nil {
			t.Fatal(err)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	record(t, db, org, "second")
	if n, err := audit.Verify(t.Context(), db); n != 2 || err != nil {
		t.Fatalf("verified %d: %v", n, err)
	}
}

func TestDatabaseRefusesToChangeEntries(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	record(t, db, uuid.New(), "look")
	for _, sql := range []string{
		`update audit.chain set action = 'other'`, `delete from audit.chain`, `truncate audit.chain cascade`, `update audit.known set id = gen_random_uuid()`,
		`delete from audit.known`, `update audit.head set base_seq = 1`, `insert into audit.head values (gen_random_uuid(), 9, '', 9, '')`,
	} {
		if _, err := db.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
}

func TestVerifyFindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql string
		seq       int64
		what      string
	}{
		{"another actor", `update audit.chain set actor = gen_random_uuid() where seq = 3`, 3, "changed"},
		{"another moment", `update audit.chain set at = at + interval '1 second' where seq = 2`, 2, "changed"},
		{"text moved between fields", `update audit.chain set object_kind = object_kind || object_id, object_id = '' where seq = 4`, 4, "changed"},
		{"a row is gone", `delete from audit.chain where seq = 3`, 3, "missing"},
		{"the end is gone", `delete from audit.chain where seq = 5`, 5, "cut"},
		{"a pseudonym stands for another", `update audit.known set id = gen_random_uuid() where pseudonym = (select actor from audit.chain where seq = 2)`, 2, "renamed"},
		{"everything is gone", `delete from audit.chain`, 1, "cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			org := uuid.New()
			for range 5 {
				record(t, db, org, "look")
			}
			owner := pgtest.Owner(t, db)
			for _, sql := range []string{`alter table audit.chain disable trigger all`, `alter table audit.known disable trigger all`, c.sql} {
				if _, err := owner.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			_, err := audit.Verify(t.Context(), db)
			var f audit.Fault
			if !errors.As(err, &f) || f.Seq != c.seq || f.What != c.what || f.Organisation != org {
				t.Errorf("found %v, want entry %d %s", err, c.seq, c.what)
			}
		})
	}
}
