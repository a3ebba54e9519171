package casefile

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type desk struct {
	*Store
	t       *testing.T
	db      *pgxpool.Pool
	clock   time.Time
	vault   *pseudonym.Vault
	by      account.Actor
	second  account.Actor // her colleague
	foreign account.Actor // of another Jobcenter of the network
	lead    account.Actor // coordinator of the network
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, db: pgtest.New(t), clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return d.clock }
	key, err := pseudonym.KeySource{Dir: filepath.Join(t.TempDir(), "keys")}.Load()
	d.must(err)
	d.vault = pseudonym.NewVault(d.db, key, now)
	d.Store = NewStore(d.db, d.vault, now)
	accounts := account.NewStore(d.db, now)
	net := uuid.New()
	_, err = d.db.Exec(t.Context(), `insert into network (id, name) values ($1, 'N')`, net)
	d.must(err)
	join := func(org uuid.UUID, role account.Role) account.Actor {
		id, err := accounts.Add(t.Context(), account.New{Organisation: org, Role: role, Name: "Person", Email: uuid.NewString() + "@o.test"})
		d.must(err)
		a, err := accounts.ByID(t.Context(), id)
		d.must(err)
		a.Session = uuid.New()
		return a
	}
	organisation := func(kind string) uuid.UUID {
		org := uuid.New()
		_, err := d.db.Exec(t.Context(), `insert into organisation (id, network_id, name, kind) values ($1, $2, $4, $3)`, org, net, kind, org.String())
		d.must(err)
		return org
	}
	own := organisation("jobcenter")
	d.by, d.second = join(own, account.Caseworker), join(own, account.Caseworker)
	d.foreign, d.lead = join(organisation("jobcenter"), account.Caseworker), join(organisation("pool"), account.Coordinator)
	return d
}

// release takes a version all the way: the author checks it, her colleague releases it.
func (d *desk) release(id uuid.UUID, version int) error {
	if err := d.Check(d.t.Context(), d.by, id, version, ""); err != nil {
		return err
	}
	return d.Release(d.t.Context(), d.second, id, Releasing{Version: version})
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

var identity = pseudonym.Identity{FirstName: "Erfunda", LastName: "Xylophonia", Born: "1978-04-03", Number: "486F584748", Contact: "0171 5550000"}

func text() Summary {
	return Summary{Situation: "s", Resources: "r", Tried: "t", Goals: "g", Limits: "l"}
}

func (d *desk) newCase() uuid.UUID {
	d.t.Helper()
	id, err := d.New(d.t.Context(), d.by, identity, text())
	d.must(err)
	return id
}

func TestIdentityIsInTheVaultAndNowhereElse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.newCase()
	rows, err := d.db.Query(t.Context(), `
		select format('select count(*) from %I.%I x where x::text ilike any(array[''%%Erfunda%%'', ''%%Xylophonia%%'', ''%%486F584748%%'', ''%%5550000%%''])', schemaname, tablename)
		from pg_tables where schemaname in ('public', 'vault', 'audit')`)
	d.must(err)
	queries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	d.must(err)
	if len(queries) < 15 {
		t.Fatalf("only %d tables were looked at", len(queries))
	}
	owner := pgtest.Owner(t, d.db)
	for _, q := range queries {
		var n int
		d.must(owner.QueryRow(t.Context(), q).Scan(&n))
		if n > 0 {
			t.Errorf("the identity stands in clear: %s", q)
		}
	}
	for _, reason := range []string{"", "  ", strings.Repeat("x", 501)} {
		if _, err := d.vault.Reveal(t.Context(), d.by, id, reason); err == nil {
			t.Errorf("revealed for the reason %q", reason)
		}
	}
	if _, err := d.vault.Reveal(t.Context(), d.foreign, id, "Neugier"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a foreign organisation: %v", err)
	}
	got, err := d.vault.Reveal(t.Context(), d.by, id, "Rückruf vereinbart")
	if err != nil || got != identity {
		t.Fatalf("revealed %v, %v", got, err)
	}
	var logged int
	d.must(d.db.QueryRow(t.Context(), `select count(*) from audit.entry where action = 'reveal' and reason = 'Rückruf vereinbart'`).Scan(&logged))
	if logged != 1 {
		t.Errorf("%d entries about the look into the vault", logged)
	}
}

func TestVaultRowsCannotBeExchanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, b := d.newCase(), d.newCase()
	_, err := pgtest.Owner(t, d.db).Exec(t.Context(), `
		update vault.identity v set sealed = w.sealed, wrapped_key = w.wrapped_key
		from vault.identity w where v.case_id = $1 and w.case_id = $2`, a, b)
	d.must(err)
	if _, err := d.vault.Reveal(t.Context(), d.by, a, "Test"); err == nil {
		t.Error("an identity opened under another case")
	}
}

func TestReleaseReplacesWhatWasReleased(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	d.must(d.grant(id, d.consent("psychiatry")))
	if _, err := d.Released(ctx, d.db, id, d.by); !errors.Is(err, account.ErrNotFound) {
		t.Fatalf("a draft is readable: %v", err)
	}
	d.must(d.release(id, 1))
	next := text()
	next.Situation = "neu"
	d.must(d.Write(ctx, d.by, id, next))
	if s, err := d.Released(ctx, d.db, id, d.by); err != nil || s.Situation != "s" {
		t.Fatalf("the draft took the place of what is released: %+v, %v", s, err)
	}
	if err := d.release(id, 1); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("released an old version: %v", err)
	}
	d.must(d.release(id, 2))
	if s, err := d.Released(ctx, d.db, id, d.by); err != nil || s.Version != 2 || s.Situation != "neu" {
		t.Fatalf("released: %+v, %v", s, err)
	}
	if err := d.release(id, 2); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("released twice: %v", err)
	}
}

func TestFormsNameTheFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	count := func() (n int) {
		d.must(d.db.QueryRow(ctx, `select (select count(*) from case_file) + (select count(*) from case_summary) + (select count(*) from consent) + (select count(*) from audit.entry)`).Scan(&n))
		return n
	}
	before := count()
	with := func(change func(*Summary)) error {
		s := text()
		change(&s)
		return d.Write(ctx, d.by, id, s)
	}
	grant := func(change func(*Consent)) error {
		c := d.consent("psychiatry")
		change(&c)
		return d.grant(id, c)
	}
	born := identity
	born.Born = "2031-01-01"
	for field, err := range map[string]error{
		"situation":   with(func(s *Summary) { s.Situation = " \n" }),
		"resources":   with(func(s *Summary) { s.Resources = strings.Repeat("x", 2001) }),
		"tried":       with(func(s *Summary) { s.Tried = "a\x00b" }),
		"goals":       with(func(s *Summary) { s.Goals = "" }),
		"limits":      with(func(s *Summary) { s.Limits = "\xff" }),
		"explained":   grant(func(c *Consent) { c.Explained = false }),
		"circle":      grant(func(c *Consent) { c.Circle = nil }),
		"valid_until": grant(func(c *Consent) { c.ValidUntil = c.ValidUntil.AddDate(0, 0, -1) }),
		"born":        second(d.New(ctx, d.by, born, text())),
		"last_name":   second(d.New(ctx, d.by, pseudonym.Identity{FirstName: "E"}, text())),
	} {
		var invalid *account.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if after := count(); after != before {
		t.Errorf("%d rows appeared", after-before)
	}
}

func second[T any](_ T, err error) error { return err }
