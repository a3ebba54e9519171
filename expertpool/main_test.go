package expertpool

import (
	"context"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fixture is two networks on a database of their own, each with a pool and a Jobcenter, and a clock that the test sets.
type fixture struct {
	*testing.T
	db       *pgxpool.Pool
	s        *Store
	accounts *account.Store
	mu       sync.Mutex
	clock    time.Time
	people   map[string]account.Actor // coordinator, caseworker, expert, admin, and the same with "far " in front
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, db: pgtest.New(t), clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), people: map[string]account.Actor{}}
	now := func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.clock }
	mails, err := mail.New(f.db, mail.Config{From: "termine@konsil.test", Host: "konsil.test", Transport: mail.Outbox{}})
	f.must(err)
	f.accounts = account.NewStore(f.db, now)
	f.s = NewStore(f.db, now)
	f.s.Correspond(f.accounts, mails, "https://konsil.test")
	for _, far := range []string{"", "far "} {
		network, pool, house := uuid.New(), uuid.New(), uuid.New()
		f.exec(`insert into network (id, name) values ($1, $2)`, network, far+"Netz")
		f.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, $3, 'pool'), ($4, $2, $5, 'jobcenter')`,
			pool, network, far+"Pool", house, far+"Jobcenter")
		f.person(far+"coordinator", pool, account.Coordinator)
		f.person(far+"admin", pool, account.Admin)
		f.person(far+"caseworker", house, account.Caseworker)
		e := f.person(far+"expert", pool, account.Expert)
		f.must(f.s.Add(t.Context(), network, pool, Expert{ID: e.ID, Name: e.Name, Discipline: "psychiatry", HoursPerMonth: 2}))
	}
	return f
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) exec(sql string, args ...any) {
	f.Helper()
	_, err := f.db.Exec(f.Context(), sql, args...)
	f.must(err)
}

// person makes an account that is signed in.
func (f *fixture) person(name string, organisation uuid.UUID, role account.Role) account.Actor {
	f.Helper()
	id, err := f.accounts.Add(f.Context(), account.New{Organisation: organisation, Role: role, Name: "Dr. " + name, Email: uuid.NewString() + "@konsil.test"})
	f.must(err)
	a, err := f.accounts.ByID(f.Context(), id)
	f.must(err)
	a.Session = uuid.New()
	f.people[name] = a
	return a
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

const oneDay = 24 * time.Hour

// mails counts what was queued of a kind.
func (f *fixture) mails(kind string) int {
	return one[int](f, `select count(*) from message_out where kind = $1`, kind)
}

// link returns the token behind the newest mail of a kind.
func (f *fixture) link(kind, path string) string {
	f.Helper()
	text := one[string](f, `select body_text from message_out where kind = $1 order by position desc limit 1`, kind)
	found := regexp.MustCompile(regexp.QuoteMeta(path) + `([A-Za-z0-9_-]+)`).FindStringSubmatch(text)
	if found == nil {
		f.Fatalf("no link %s in %q", path, text)
	}
	return found[1]
}

func one[T any](f *fixture, sql string, args ...any) T {
	f.Helper()
	var v T
	f.must(f.db.QueryRow(f.Context(), sql, args...).Scan(&v))
	return v
}

// tx runs do in a transaction.
func (f *fixture) tx(do func(pgx.Tx) error) error {
	return pgx.BeginFunc(context.Background(), f.db, do)
}
