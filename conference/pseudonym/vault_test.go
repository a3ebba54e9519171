package pseudonym

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// desk is a town with three caseworkers and a coordinator, and another town with one caseworker.
type desk struct {
	*Vault
	t                        *testing.T
	db                       *pgxpool.Pool
	dir                      string
	clock                    time.Time
	anna, ben, cem           account.Actor
	coordinator, expert, far account.Actor
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, db: pgtest.New(t), dir: filepath.Join(t.TempDir(), "keys"), clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	d.Vault = d.vault()
	net, here, there := uuid.New(), uuid.New(), uuid.New()
	d.exec(`insert into network (id, name) values ($1, 'N')`, net)
	for _, org := range []uuid.UUID{here, there} {
		d.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, gen_random_uuid()::text, 'jobcenter')`, org, net)
	}
	accounts := account.NewStore(d.db, d.time)
	for name, a := range map[string]struct {
		of   *account.Actor
		org  uuid.UUID
		role account.Role
	}{
		"anna": {&d.anna, here, account.Caseworker}, "ben": {&d.ben, here, account.Caseworker}, "cem": {&d.cem, here, account.Caseworker},
		"co": {&d.coordinator, here, account.Coordinator}, "ex": {&d.expert, here, account.Expert}, "far": {&d.far, there, account.Caseworker},
	} {
		id, err := accounts.Add(t.Context(), account.New{Organisation: a.org, Role: a.role, Name: name, Email: name + "@o.test"})
		d.must(err)
		*a.of, err = accounts.ByID(t.Context(), id)
		d.must(err)
		a.of.Session = uuid.New()
	}
	return d
}

func (d *desk) time() time.Time { return d.clock }

// vault is another server on the same database and files.
func (d *desk) vault() *Vault {
	keys, err := KeySource{Dir: d.dir}.Load()
	d.must(err)
	return NewVault(d.db, keys, d.time)
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	_, err := pgtest.Owner(d.t, d.db).Exec(d.t.Context(), sql, args...)
	d.must(err)
}

func (d *desk) count(sql string, args ...any) (n int) {
	d.t.Helper()
	d.must(pgtest.Owner(d.t, d.db).QueryRow(d.t.Context(), sql, args...).Scan(&n))
	return n
}

func (d *desk) do(what func(context.Context, pgx.Tx) error) error {
	return pgx.BeginFunc(d.t.Context(), d.db, func(tx pgx.Tx) error { return what(d.t.Context(), tx) })
}

// put enters a person, as a new case does.
func (d *desk) put(v *Vault, by account.Actor, i Identity) uuid.UUID {
	d.t.Helper()
	id := uuid.New()
	d.must(d.do(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into case_file (id, organisation_id, pseudonym, caseworker_id, state, created_at)
			values ($1, $2, $3, $4, 'open', $5)`, id, by.Organisation, New(OfCase), by.ID, d.clock)
		if err != nil {
			return err
		}
		return v.Put(ctx, tx, by, id, i)
	}))
	return id
}

func (d *desk) find(by account.Actor, typed string) []uuid.UUID {
	d.t.Helper()
	var found []uuid.UUID
	d.must(d.do(func(ctx context.Context, tx pgx.Tx) (err error) {
		found, err = d.Find(ctx, tx, by, typed)
		return err
	}))
	return found
}

func (d *desk) erase(id uuid.UUID) error {
	return d.do(func(ctx context.Context, tx pgx.Tx) error { return d.Erase(ctx, tx, d.anna, id, "retention") })
}

func (d *desk) subject(v *Vault, id uuid.UUID) error {
	return d.do(func(ctx context.Context, tx pgx.Tx) error {
		_, err := v.Subject(ctx, tx, id, d.anna.Organisation)
		return err
	})
}

// ruled says whether an error is a refusal of this kind and rule.
func ruled(err, kind error, rule string) bool {
	var refused *account.RefusedError
	return errors.Is(err, kind) && errors.As(err, &refused) && refused.Rule == rule
}

var erfunda = Identity{FirstName: "Erfunda", LastName: "Mayer-Özdemir", Born: "1978-04-03", Number: "486F584748", Contact: "0171 5550000"}

func TestOnlyTheVaultReachesItsTables(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.put(d.Vault, d.anna, erfunda)
	for _, sql := range []string{`select count(*) from vault.identity`, `select count(*) from vault.blind`, `select count(*) from vault.alias`, `update vault.ring set key_id = ''`} {
		_, err := d.db.Exec(t.Context(), sql)
		var answer *pgconn.PgError
		if !errors.As(err, &answer) || answer.Code != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// In one transaction the vault's own statements work and those after them are bound again, whatever came of it.
	err := d.do(func(ctx context.Context, tx pgx.Tx) error {
		if _, err := d.Subject(ctx, tx, id, d.anna.Organisation); err != nil {
			return err
		}
		if _, err := d.Subject(ctx, tx, uuid.New(), d.anna.Organisation); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a case that is not there: %v", err)
		}
		_, err := tx.Exec(ctx, `select from vault.identity`)
		return err
	})
	if err == nil {
		t.Error("after the vault was asked, everybody could")
	}
}

func TestPeopleAreFoundAsWrittenAndAsTheySound(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	mayer := d.put(d.Vault, d.anna, erfunda)
	d.clock = d.clock.Add(time.Minute)
	meier := d.put(d.Vault, d.ben, Identity{FirstName: "Jürgen", LastName: "von Meier", Born: "1961-12-24"})
	d.put(d.Vault, d.far, erfunda)
	for typed, want := range map[string][]uuid.UUID{
		"Mayer": {mayer, meier}, "meier": {meier, mayer}, "Maier Jürgen": {meier}, "JUERGEN": {meier}, "von Meier": {meier, mayer}, "Oezdemir": {mayer}, "özdemir erfunda": {mayer},
		"486 F 584748": {mayer}, "486f584748": {mayer}, "Meyer 3.4.1978": {mayer}, "24.12.1961": {meier},
		"Schulze": nil, "Mayer Schulze": nil, "Meier 3.4.1979": nil, "486F58474": nil, "99.99.1978": nil,
	} {
		if found := d.find(d.anna, typed); len(found) != len(want) || len(want) > 0 && !sameOrder(found, want) {
			t.Errorf("%q finds %d cases: %v", typed, len(found), found)
		}
	}
	for name, by := range map[string]account.Actor{"coordinator": d.coordinator, "expert": d.expert, "a link": {ID: d.anna.ID, Organisation: d.anna.Organisation, Role: account.Caseworker}} {
		err := d.do(func(ctx context.Context, tx pgx.Tx) error {
			_, err := d.Find(ctx, tx, by, "Mayer")
			return err
		})
		if !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found := d.find(d.far, "Jürgen"); len(found) != 0 {
		t.Error("another organisation finds a person")
	}
	if n := d.count(`select count(*) from audit.entry where action = 'find_person'`); n != 17 {
		t.Errorf("%d looks are recorded", n)
	}
	if n := d.count(`select count(*) from audit.entry where action = 'find_person' and not (object_id ~ '^[0-2]$' and reason = '')`); n != 0 {
		t.Error("the record says for whom somebody looked")
	}
	if n := d.count(`select count(distinct mac) from vault.blind where kind = 'number'`); n != 2 {
		t.Error("two organisations have the same mark of one person")
	}
}

func sameOrder(a, b []uuid.UUID) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestWhoIsEnteredASecondTimeIsNoticed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.put(d.Vault, d.anna, erfunda)
	for _, c := range []struct {
		name string
		who  Identity
		same bool
	}{
		{"the same", erfunda, true},
		{"another spelling", Identity{FirstName: "erfunda", LastName: "Maier Oezdemir", Born: "1978-04-03"}, true},
		{"without a birth date", Identity{FirstName: "Erfunda", LastName: "Mayer"}, true},
		{"another name, the same number", Identity{FirstName: "E.", LastName: "Yilmaz", Number: "486 F 584748"}, true},
		{"another birth date", Identity{FirstName: "Erfunda", LastName: "Mayer-Özdemir", Born: "1979-04-03"}, false},
		{"another first name", Identity{FirstName: "Ernst", LastName: "Mayer-Özdemir", Born: "1978-04-03"}, false},
	} {
		err := d.do(func(ctx context.Context, tx pgx.Tx) error {
			found, err := d.Same(ctx, tx, d.ben, c.who)
			if same := len(found) == 1 && found[0] == first; same != c.same {
				t.Errorf("%s: %v", c.name, found)
			}
			if elsewhere, err := d.Same(ctx, tx, d.far, c.who); err != nil || len(elsewhere) > 0 {
				t.Errorf("%s, another organisation: %v, %v", c.name, elsewhere, err)
			}
			return err
		})
		d.must(err)
	}
}

func TestWhoIsErasedIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id, other := d.put(d.Vault, d.anna, erfunda), d.put(d.Vault, d.anna, Identity{FirstName: "Probus", LastName: "Beispiel"})
	d.must(d.Ask(t.Context(), d.ben, id, "Vertretung"))
	d.must(d.do(func(ctx context.Context, tx pgx.Tx) error {
		_, err := d.Alias(ctx, tx, d.anna, id, d.anna.Organisation, ForConference(uuid.New()))
		return err
	}))
	if err := d.do(func(ctx context.Context, tx pgx.Tx) error { return d.Erase(ctx, tx, d.far, id, "") }); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another organisation: %v", err)
	}
	d.must(d.erase(id))
	if _, err := d.Reveal(t.Context(), d.anna, id, "Rückruf"); !ruled(err, account.ErrClosed, "erased") {
		t.Errorf("reveal: %v", err)
	}
	if err := d.subject(d.Vault, id); !ruled(err, account.ErrClosed, "erased") {
		t.Errorf("subject: %v", err)
	}
	if err := d.erase(id); !ruled(err, account.ErrClosed, "erased") {
		t.Errorf("a second time: %v", err)
	}
	if found := d.find(d.anna, "Erfunda"); len(found) > 0 {
		t.Error("who was erased is found")
	}
	n := d.count(`
		select (select count(*) from vault.blind where case_id = $1) + (select count(*) from vault.alias where case_id = $1)
			+ (select count(*) from reveal_request where case_id = $1)
			+ (select count(*) from vault.identity where case_id = $1 and num_nonnulls(key_id, wrapped_key, sealed, sealed_under) > 0)`, id)
	if n != 0 {
		t.Errorf("%d rows are left of her", n)
	}
	if n := d.count(`select count(*) from audit.entry where action = 'erase' and case_id = $1 and reason = 'retention'`, id); n != 1 {
		t.Errorf("%d entries of it", n)
	}
	if _, err := d.Reveal(t.Context(), d.anna, other, "Rückruf"); err != nil {
		t.Errorf("another person of hers: %v", err)
	}
}

func TestPseudonymsOfOnePersonDifferFromDomainToDomain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id, other := d.put(d.Vault, d.anna, erfunda), d.put(d.Vault, d.anna, erfunda)
	alias := func(of uuid.UUID, dom Domain) (got string) {
		d.must(d.do(func(ctx context.Context, tx pgx.Tx) (err error) {
			got, err = d.Alias(ctx, tx, d.anna, of, d.anna.Organisation, dom)
			return err
		}))
		return got
	}
	first, second, clinic := ForConference(uuid.New()), ForConference(uuid.New()), ForRecipient(uuid.New())
	seen := map[string]bool{}
	for _, a := range []string{alias(id, first), alias(id, second), alias(id, clinic), alias(other, clinic)} {
		if got, ok := Read(a); !ok || got != a || seen[a] {
			t.Errorf("%s", a)
		}
		seen[a] = true
	}
	if again := alias(id, clinic); !seen[again] || !strings.HasPrefix(again, OfRecipient+"-") {
		t.Errorf("the same domain: %s", again)
	}
	if n := d.count(`select count(*) from audit.entry where action = 'link'`); n != 4 {
		t.Errorf("%d links are recorded", n)
	}
}

func TestAPersonEnteredBeforeTheIndexIsTakenIntoIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.put(d.Vault, d.anna, erfunda)
	d.exec(`delete from vault.blind`)
	d.exec(`update vault.identity set indexed = false`)
	if found := d.find(d.anna, "Erfunda"); len(found) > 0 {
		t.Fatal("found without an index")
	}
	d.must(d.Prepare(t.Context()))
	if found := d.find(d.anna, "Erfunda"); len(found) != 1 || found[0] != id {
		t.Errorf("found %v", found)
	}
}
