package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

// ledger records deeds of one organisation.
type ledger struct {
	*testing.T
	db  *pgxpool.Pool
	org uuid.UUID
}

func newLedger(t *testing.T) *ledger { return &ledger{t, pgtest.New(t), uuid.New()} }

func (l *ledger) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *ledger) do(f func(tx pgx.Tx) error) {
	l.Helper()
	l.must(pgx.BeginFunc(context.Background(), l.db, f))
}

func (l *ledger) record(e audit.Entry) {
	l.Helper()
	e.Organisation = l.org
	l.do(func(tx pgx.Tx) error { return audit.Record(l.Context(), tx, e) })
}

func (l *ledger) cut(before time.Time, held ...uuid.UUID) (n int64) {
	l.Helper()
	l.do(func(tx pgx.Tx) (err error) { n, err = audit.Cut(l.Context(), tx, l.org, before, held); return err })
	return n
}

func (l *ledger) forget(now time.Time, held ...uuid.UUID) (n int64) {
	l.Helper()
	l.do(func(tx pgx.Tx) (err error) { n, err = audit.Forget(l.Context(), tx, l.org, now, held); return err })
	return n
}

func (l *ledger) verify(want int) {
	l.Helper()
	if n, err := audit.Verify(l.Context(), l.db); n != want || err != nil {
		l.Errorf("%d entries hold, want %d: %v", n, want, err)
	}
}

func (l *ledger) count(sql string, args ...any) (n int) {
	l.Helper()
	l.must(l.db.QueryRow(l.Context(), sql, args...).Scan(&n))
	return n
}

func day(s string) time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return at
}

func TestAChainThatWasCutHoldsFromItsAnchorAndGoesOn(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	anna, held := uuid.New(), uuid.New()
	for _, on := range []string{"2023-01-10", "2023-02-10", "2023-03-10", "2026-04-10", "2026-04-11"} {
		l.record(audit.Entry{At: day(on), By: anna, Did: "look", Case: held})
		held = uuid.Nil // only the first is about it
	}
	l.verify(5)
	held = uuid.UUID{}
	l.must(l.db.QueryRow(t.Context(), `select case_id from audit.entry where seq = 1`).Scan(&held))
	if n := l.cut(day("2023-04-01"), held); n != 0 {
		t.Errorf("%d entries have gone from before one of a case on hold", n)
	}
	if n := l.cut(day("2023-03-10")); n != 2 {
		t.Errorf("%d entries have gone, want 2", n)
	}
	l.verify(3)
	anchors, err := audit.Anchors(t.Context(), l.db)
	if err != nil || len(anchors) != 1 || anchors[0].Organisation != l.org || anchors[0].Seq != 2 || !anchors[0].Before.Equal(day("2023-03-10")) {
		t.Errorf("the anchors are %+v, %v", anchors, err)
	}
	if n := l.cut(day("2023-03-10")); n != 0 {
		t.Errorf("cut again, %d entries have gone", n)
	}
	l.record(audit.Entry{At: day("2026-04-12"), By: anna, Did: "look"})
	l.verify(4)
	if n := l.count(`select count(*) from audit.known where month < '2023-03-01'`); n != 0 {
		t.Errorf("%d pseudonyms stand in no entry any more", n)
	}
	if n := l.cut(day("2030-01-01")); n != 4 {
		t.Errorf("%d entries have gone, want all 4", n)
	}
	l.verify(0)
	l.record(audit.Entry{At: day("2030-01-02"), By: anna, Did: "look"})
	l.verify(1)
}

func TestWhatIsCutBehindTheAnchorIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		seq  int64
		what string
	}{
		"a row more":                 {`delete from audit.chain where seq = 3`, 3, "missing"},
		"the anchor was moved alone": {`update audit.head set base_seq = 3`, 4, "missing"},
		"the anchor is another":      {`update audit.head set base_hash = '\x00'`, 3, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			for _, on := range []string{"2023-01-10", "2023-02-10", "2026-04-10", "2026-04-11"} {
				l.record(audit.Entry{At: day(on), By: uuid.New(), Did: "look"})
			}
			l.cut(day("2024-01-01"))
			owner := pgtest.Owner(t, l.db)
			for _, sql := range []string{`alter table audit.chain disable trigger all`, c.sql} {
				_, err := owner.Exec(t.Context(), sql)
				l.must(err)
			}
			var f audit.Fault
			if _, err := audit.Verify(t.Context(), l.db); !errors.As(err, &f) || f.Seq != c.seq || f.What != c.what {
				t.Errorf("found %v, want entry %d %s", err, c.seq, c.what)
			}
		})
	}
}

func TestEvenTheOwnerRemovesNothingBehindTheAnchor(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.record(audit.Entry{At: day("2023-01-10"), By: uuid.New(), Did: "look"})
	owner := pgtest.Owner(t, l.db)
	for _, sql := range []string{`delete from audit.chain`, `update audit.chain set reason = 'x'`, `truncate audit.chain`, `update audit.known set id = gen_random_uuid()`} {
		if _, err := owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
}

func TestWhoActedIsKnownForAYearAndAPseudonymAfterIt(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	anna, ben, device, held := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	l.record(audit.Entry{At: day("2025-03-01"), By: anna, Role: "caseworker", Did: "look", Case: uuid.New()})
	l.record(audit.Entry{At: day("2025-03-31"), By: anna, Role: "caseworker", Did: "look", Case: uuid.New()})
	l.record(audit.Entry{At: day("2025-03-31"), By: anna, Did: "add_device", Kind: "device", To: device.String()})
	l.record(audit.Entry{At: day("2025-03-31"), By: ben, Did: "look", Case: held})
	l.record(audit.Entry{At: day("2025-04-01"), By: anna, Did: "look", Case: uuid.New()})
	l.record(audit.Entry{At: day("2025-04-01"), Role: "server", Did: "sweep"})
	stored := func(id uuid.UUID) int {
		return l.count(`select count(*) from audit.chain c where c::text like '%' || $1 || '%'`, id.String())
	}
	for _, id := range []uuid.UUID{anna, ben, device} {
		if n := stored(id); n != 0 {
			t.Errorf("%d entries of the chain hold an id by which somebody is known", n)
		}
	}
	acted := func(id uuid.UUID) int { return l.count(`select count(*) from audit.entry where actor_id = $1`, id) }
	if acted(anna) != 4 || acted(ben) != 1 || l.count(`select count(*) from audit.entry where object_id = $1`, device.String()) != 1 {
		t.Errorf("within the year %d and %d deeds are known", acted(anna), acted(ben))
	}
	if n := l.forget(day("2026-02-28")); n != 0 {
		t.Errorf("%d are forgotten before their time", n)
	}
	if n := l.forget(day("2026-03-01"), held); n != 2 { // Anna and her device
		t.Errorf("%d are forgotten, want 2", n)
	}
	if acted(anna) != 1 || acted(ben) != 1 {
		t.Errorf("after a year %d of hers and %d of a case on hold are known", acted(anna), acted(ben))
	}
	if n := l.count(`select count(distinct actor) from audit.entry where at < '2025-04-01' and action in ('look', 'add_device') and actor_id is null`); n != 1 {
		t.Errorf("one person of one month has %d pseudonyms", n)
	}
	if n := l.count(`select count(*) from audit.known k where k::text like '%' || $1 || '%' and month = '2025-03-01'`, anna.String()); n != 0 {
		t.Error("her id is still there")
	}
	l.verify(6)
}
