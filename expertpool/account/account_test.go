package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type desk struct {
	*account.Store
	t     *testing.T
	db    *pgxpool.Pool
	clock time.Time
	org   uuid.UUID
	apps  map[string]string // secrets of authenticator apps by address
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, db: pgtest.New(t), clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), org: uuid.New(), apps: map[string]string{}}
	d.Store = account.NewStore(d.db, func() time.Time { return d.clock })
	d.HashCheaply()
	if err := d.Secure(make([]byte, 32), "https://konsil.test"); err != nil {
		t.Fatal(err)
	}
	net := uuid.New()
	d.exec(`insert into network (id, name) values ($1, 'N')`, net)
	d.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, 'O', 'jobcenter')`, d.org, net)
	return d
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.db.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) add(n account.New) uuid.UUID {
	d.t.Helper()
	n.Organisation = d.org
	id, err := d.Add(d.t.Context(), n)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

const password = "ein langes Passwort"

func (d *desk) brandt() account.New {
	return account.New{Role: account.Caseworker, Name: "Jana Brandt", Email: "jana@jc.test", Password: password}
}

func TestSignInBySamePasswordOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.add(d.brandt())
	token, err := d.SignIn(t.Context(), account.Attempt{Email: " JANA@jc.test ", Password: password, Device: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := d.Session(t.Context(), token)
	if !errors.Is(err, account.ErrHalf) || a.ID != id || a.Role != account.Caseworker || a.Session == uuid.Nil {
		t.Fatalf("signed in as %+v, %v", a, err)
	}
	for _, try := range [][2]string{{"jana@jc.test", password + "!"}, {"other@jc.test", password}, {"jana@jc.test", ""}, {"", ""}, {"jana@jc.test", strings.Repeat("x", 1<<20)}} {
		if _, err := d.SignIn(t.Context(), account.Attempt{Email: try[0], Password: try[1]}); !errors.Is(err, account.ErrWrong) {
			t.Errorf("sign in as %q: %v", try[0], err)
		}
	}
	d.exec(`update account set disabled_at = now()`)
	if _, err := d.SignIn(t.Context(), account.Attempt{Email: "jana@jc.test", Password: password}); !errors.Is(err, account.ErrWrong) {
		t.Errorf("a disabled account signed in: %v", err)
	}
	if _, err := d.Session(t.Context(), token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a disabled account is still signed in: %v", err)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	sign := func() (string, account.Actor) { return d.signIn("jana@jc.test") }
	idle, _ := sign()
	d.clock = d.clock.Add(2*time.Hour + time.Second)
	if _, err := d.Session(t.Context(), idle); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("idle for two hours: %v", err)
	}
	busy, a := sign()
	for range 11 {
		d.clock = d.clock.Add(time.Hour)
		if _, err := d.Session(t.Context(), busy); err != nil {
			t.Fatal(err)
		}
	}
	d.clock = d.clock.Add(time.Hour)
	if _, err := d.Session(t.Context(), busy); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("after twelve hours: %v", err)
	}
	token, a := sign()
	if ok, err := d.Standing(t.Context(), []uuid.UUID{a.Session}); err != nil || ok[a.Session].ID != a.ID {
		t.Errorf("standing: %v, %v", ok, err)
	}
	if err := d.SignOut(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Session(t.Context(), token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("signed out: %v", err)
	}
	if ok, err := d.Standing(t.Context(), []uuid.UUID{a.Session}); err != nil || len(ok) != 0 {
		t.Errorf("standing after sign-out: %v, %v", ok, err)
	}
}

func TestADisabledAccountHasNoRightLeftAndTheRecordSaysSo(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	jana := d.add(d.brandt())
	other := account.New{Role: account.Expert, Name: "Dr. Anselm Kern", Email: "kern@n.test", Password: password}
	d.add(other)
	other.Email = "kern@m.test"
	d.add(other)
	token, a := d.signIn("jana@jc.test")
	kernToken, _ := d.signIn("kern@n.test")
	var link string
	err := pgx.BeginFunc(ctx, d.db, func(tx pgx.Tx) (err error) {
		link, err = d.NewLink(ctx, tx, jana, account.ForMeasure, uuid.New(), d.clock.Add(time.Hour))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]error{"": account.ErrUnknown, "niemand@jc.test": account.ErrUnknown, "Dr. Anselm Kern": account.ErrSeveral} {
		if err := d.Disable(ctx, who); !errors.Is(err, want) {
			t.Errorf("disabled %q: %v", who, err)
		}
	}
	for _, who := range []string{"Jana Brandt", " JANA@jc.test "} { // the second time there is nothing left to do
		if err := d.Disable(ctx, who); err != nil {
			t.Errorf("%q: %v", who, err)
		}
	}
	if _, err := d.Session(ctx, token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("still signed in: %v", err)
	}
	if _, _, err := d.Follow(ctx, link, account.ForMeasure); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the link still leads somewhere: %v", err)
	}
	if ok, err := d.Standing(ctx, []uuid.UUID{a.Session}); err != nil || len(ok) != 0 {
		t.Errorf("the session stands: %v, %v", ok, err)
	}
	if _, err := d.SignIn(ctx, account.Attempt{Email: "jana@jc.test", Password: password}); !errors.Is(err, account.ErrWrong) {
		t.Errorf("signed in again: %v", err)
	}
	d.exec(`update account set disabled_at = null`)
	if _, err := d.Session(ctx, token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("an account that is enabled again has its old sessions: %v", err)
	}
	if _, err := d.Session(ctx, kernToken); err != nil {
		t.Errorf("somebody else was signed out: %v", err)
	}
	var entries int
	err = d.db.QueryRow(ctx, `
		select count(*) from audit.entry
		where action = 'disable_account' and object_id = $1 and organisation_id = $2 and actor_id is null`, jana.String(), d.org).Scan(&entries)
	if err != nil || entries != 1 {
		t.Errorf("%d entries, %v", entries, err)
	}
	if n, err := audit.Verify(ctx, d.db); err != nil || n == 0 {
		t.Errorf("the record of %d entries does not hold: %v", n, err)
	}
}

func TestTokensAreKeptAsHashesOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	token, err := d.SignIn(t.Context(), account.Attempt{Email: "jana@jc.test", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var found bool
	err = d.db.QueryRow(t.Context(), `
		select exists (select from session s, account a where position($1 in s::text || a::text) > 0 or position($2 in a::text) > 0)`, token, password).Scan(&found)
	if err != nil || found {
		t.Errorf("token or password stands in the database: %v", err)
	}
}

func TestOnlyRehearsalPeopleSignInByOneClick(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	real := d.add(d.brandt())
	if _, err := d.Rehearse(t.Context(), real, ""); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a real account: %v", err)
	}
	invented := d.add(account.New{Role: account.Coordinator, Name: "Karin Oelze", Email: "k@n.test", Rehearsal: true})
	if _, err := d.Rehearse(t.Context(), invented, ""); err != nil {
		t.Error(err)
	}
}

func TestLinkIsBoundToPersonPurposeAndTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id, subject := d.add(d.brandt()), uuid.New()
	var token string
	err := pgx.BeginFunc(t.Context(), d.db, func(tx pgx.Tx) (err error) {
		token, err = d.NewLink(t.Context(), tx, id, account.ForMeasure, subject, d.clock.Add(time.Hour))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a, to, err := d.Follow(t.Context(), token, account.ForMeasure)
	if err != nil || a.ID != id || a.Session != uuid.Nil || to != subject {
		t.Fatalf("followed to %v as %+v, %v", to, a, err)
	}
	for _, try := range []string{"", "x", token + "x", token[1:]} {
		if _, _, err := d.Follow(t.Context(), try, account.ForMeasure); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("followed %q: %v", try, err)
		}
	}
	if _, _, err := d.Follow(t.Context(), token, account.ForInvitation); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("followed for another purpose: %v", err)
	}
	d.clock = d.clock.Add(time.Hour)
	if _, _, err := d.Follow(t.Context(), token, account.ForMeasure); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("followed after its end: %v", err)
	}
}

func TestNewAccountNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for field, change := range map[string]func(*account.New){
		"role":     func(n *account.New) { n.Role = "chief" },
		"name":     func(n *account.New) { n.Name = " " },
		"email":    func(n *account.New) { n.Email = "Jana <jana@jc.test>" },
		"password": func(n *account.New) { n.Password = "kurz" },
	} {
		n := d.brandt()
		change(&n)
		n.Organisation = d.org
		_, err := d.Add(t.Context(), n)
		var invalid *account.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	d.add(d.brandt())
	n := d.brandt()
	n.Organisation, n.Email = d.org, "JANA@jc.test"
	if _, err := d.Add(t.Context(), n); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the same address twice: %v", err)
	}
}

func TestInitialsLeaveTitlesOut(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Dr. Anselm Kern": "AK", "Jana Brandt": "JB", "Dr. med. Šárka von Ölberg": "ŠÖ", "Kern": "K", "": "?"} {
		if got := account.Initials(name); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}
