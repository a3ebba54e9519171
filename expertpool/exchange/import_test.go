package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// estate is two networks on a database of their own, each with a pool and a house, and a clock that the test sets.
type estate struct {
	*testing.T
	*Store
	db     *pgxpool.Pool
	mu     sync.Mutex
	clock  time.Time
	people map[string]account.Actor // coordinator, … and the same with "far " in front
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{T: t, db: pgtest.New(t), clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), people: map[string]account.Actor{}}
	now := func() time.Time { e.mu.Lock(); defer e.mu.Unlock(); return e.clock }
	var err error
	e.Store, err = NewStore(e.db, expertpool.NewStore(e.db, now), account.NewStore(e.db, now), now)
	e.must(err)
	for _, far := range []string{"", "far "} {
		network, pool, house := uuid.New(), uuid.New(), uuid.New()
		e.exec(`insert into network (id, name) values ($1, $2)`, network, far+"Netz")
		e.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, 'Pool', 'pool'), ($3, $2, 'Jobcenter', 'jobcenter')`, pool, network, house)
		for _, role := range account.Roles {
			organisation := house
			if role == account.Coordinator || role == account.Expert {
				organisation = pool
			}
			a := e.account(organisation, role, strings.ReplaceAll(far, " ", "-")+string(role)+"@konsil.test")
			e.people[far+string(role)] = a
			if role == account.Expert {
				e.must(e.pool.List(t.Context(), network, pool, expertpool.Expert{
					ID: a.ID, Discipline: "psychiatry", Languages: []string{"de"}, Place: "Altona", HoursPerMonth: 2,
				}))
			}
		}
	}
	return e
}

func (e *estate) account(organisation uuid.UUID, role account.Role, email string) account.Actor {
	e.Helper()
	id, err := e.accounts.Add(e.Context(), account.New{Organisation: organisation, Role: role, Name: "Dr. " + email, Email: email})
	e.must(err)
	a, err := e.accounts.ByID(e.Context(), id)
	e.must(err)
	a.Session = uuid.New()
	return a
}

func (e *estate) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *estate) exec(sql string, args ...any) {
	e.Helper()
	_, err := e.db.Exec(e.Context(), sql, args...)
	e.must(err)
}

func one[T any](e *estate, sql string, args ...any) T {
	e.Helper()
	var v T
	e.must(e.db.QueryRow(e.Context(), sql, args...).Scan(&v))
	return v
}

// bring stages a file of the coordinator's.
func (e *estate) bring(data string) uuid.UUID {
	e.Helper()
	id, err := e.Bring(e.Context(), e.people["coordinator"], File{Name: "liste.csv", Data: []byte(data)}, words)
	e.must(err)
	return id
}

func (e *estate) counts(id uuid.UUID) Batch {
	e.Helper()
	b, err := e.Batch(e.Context(), e.people["coordinator"], id)
	e.must(err)
	return b
}

// directory is the whole directory as text: whatever an import or its undoing leaves behind shows in it.
func (e *estate) everybody() string {
	e.Helper()
	return one[string](e, `
		select string_agg(concat_ws('|', a.id, a.name, a.email, e.discipline, e.place, e.specialty, e.languages, e.modes, e.topics, e.lanr, e.hours_per_month, e.active), E'\n' order by a.id)
		from account a left join expert e on e.account_id = a.id`)
}

func TestAFileIsShownBesideTheDirectoryAppliedAndTakenBack(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	listed := e.account(clara.Organisation, account.Expert, "listed@konsil.test")
	e.must(e.pool.List(ctx, clara.Network, clara.Organisation, expertpool.Expert{ID: listed.ID, Discipline: "neurology", Languages: []string{"de", "tr"}, HoursPerMonth: 3}))
	e.exec(`update expert set lanr = '123456601', topics = '{Schmerz}' where account_id = $1`, listed.ID)
	before := e.everybody()
	id := e.bring(strings.Join([]string{
		"Name;E-Mail;Fachrichtung;Ort;LANR",
		"Egal;EXPERT@konsil.test;Psychiatrie;Harburg;",        // changed
		"Neu Hier;neu@praxis.example;Psychiatrie;Lüneburg;",   // new
		"Nur Gelistet;;Orthopädie;Stade;",                     // new, without an address
		"Fern;far-expert@konsil.test;Psychiatrie;Füssen;",     // of another network
		"Amt;caseworker@konsil.test;Psychiatrie;Altona;",      // no expert
		"Dr. Listed;;neurology;Winsen;123456601",              // by the number that only she has
		"Dr. Listed;;neurology;Winsen;123456601",              // the same again
		"Falsch;falsch@praxis.example;Alchemie;Altona;",       // no such discipline
		"Zwilling;neu@praxis.example;Psychiatrie;Lüneburg;",   // twice in the file
		"Dr. listed@konsil.test;;Psychiatrie;Hamburg;",        // perhaps the one who is there
		"Unverändert;expert2@konsil.test;Psychiatrie;Altona;", // new: nobody has this address
	}, "\n"))
	if e.everybody() != before {
		t.Fatal("reading a file changes the directory")
	}
	if b := e.counts(id); b.New != 4 || b.Changed != 2 || b.Wrong != 5 || b.Unchanged != 0 || b.State != Read {
		t.Fatalf("staged: %+v", b)
	}
	wrong, err := e.Rows(ctx, clara, id, Rejected, 0)
	e.must(err)
	var rules []string
	for _, r := range wrong {
		rules = append(rules, fmt.Sprint(r.Number, " ", r.Wrong[0].Field, " ", r.Wrong[0].Rule))
	}
	if want := []string{"5 email address_taken", "6 email address_taken", "8 row twice", "9 discipline unknown", "10 email twice"}; !slices.Equal(rules, want) {
		t.Errorf("wrong: %q", rules)
	}
	fresh, err := e.Rows(ctx, clara, id, New, 0)
	e.must(err)
	if like := fresh[2]; like.Number != 11 || like.Perhaps != listed.ID || fresh[0].Perhaps != uuid.Nil {
		t.Errorf("perhaps the same: %+v", like)
	}
	edited, err := e.Rows(ctx, clara, id, Changed, 0)
	e.must(err)
	if !slices.Equal(edited[1].Changes(), []string{"place"}) || !slices.Equal(edited[1].Languages, []string{"de", "tr"}) || edited[1].Was("place", nil) != "" {
		t.Errorf("columns that the file does not have are touched: %v, %+v", edited[1].Changes(), edited[1].Row)
	}

	e.must(e.Apply(ctx, clara, id))
	e.must(e.Work(ctx))
	if b := e.counts(id); b.State != Applied || b.Applied != 6 || b.Waiting != 0 {
		t.Fatalf("applied: %+v", b)
	}
	added := one[uuid.UUID](e, `select id from account where email = 'neu@praxis.example'`)
	if place := one[string](e, `select place from expert where account_id = $1`, e.people["expert"].ID); place != "Harburg" {
		t.Errorf("place is %q", place)
	}
	if n := one[int](e, `select (select count(*) from message_out) + (select count(*) from verification where expert_id = $1) + (select count(*) from account where id = $1 and password_hash is not null)`, added); n != 0 {
		t.Error("somebody who was imported is written to, verified, or can sign in")
	}
	if id := e.bring("Name;E-Mail;Fachrichtung;Ort\nEgal;expert@konsil.test;Psychiatrie;Harburg\nNeu;neu@praxis.example;Psychiatrie;Lüneburg"); e.counts(id).Unchanged != 2 {
		t.Errorf("the same again: %+v", e.counts(id))
	}

	used := one[uuid.UUID](e, `select id from account where email = 'expert2@konsil.test'`)
	e.exec(`insert into verification (id, expert_id, checked, note, verified_at, valid_until) values (gen_random_uuid(), $1, '{identity}', '', $2, $2::timestamptz::date)`, used, e.now())
	e.must(e.pool.Describe(ctx, clara, listed.ID, expertpool.Profile{Discipline: "neurology", Modes: []string{"phone"}}))
	e.must(e.Undo(ctx, clara, id))
	e.must(e.Work(ctx))
	if b := e.counts(id); b.State != Undone || b.TakenBack != 4 || b.StayUsed != 1 || b.StayChanged != 1 {
		t.Fatalf("taken back: %+v", b)
	}
	stuck, err := e.Stuck(ctx, clara, id, 0)
	e.must(err)
	if len(stuck) != 2 || stuck[0].Expert != listed.ID || stuck[1].Expert != used {
		t.Errorf("those who stay: %+v", stuck)
	}
	e.exec(`delete from account where id = $1`, used)
	e.exec(`update expert set place = '', specialty = '', languages = '{de,tr}', modes = '{video}', topics = '{Schmerz}', lanr = '123456601', hours_per_month = 3 where account_id = $1`, listed.ID)
	if after := e.everybody(); after != before {
		t.Errorf("something is left of the import:\n%s\nwas\n%s", after, before)
	}
	if deeds := one[string](e, `select string_agg(action, ' ' order by seq) from audit.entry where object_kind = 'import' and object_id = $1`, id.String()); deeds != "import_brought import_apply import_applied import_undo import_undone" {
		t.Errorf("recorded: %q", deeds)
	}
	e.mu.Lock()
	e.clock = e.clock.Add(Keeps + time.Hour)
	e.mu.Unlock()
	e.must(e.Work(ctx))
	if n := one[int](e, `select (select count(*) from exchange_batch) + (select count(*) from exchange_row)`); n != 0 {
		t.Errorf("%d rows of batches are left after their time", n)
	}
}

func TestNobodyButTheCoordinationOfTheNetworkSeesOrMovesAnImport(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	id := e.bring("Name;Fachrichtung\nNeu;Psychiatrie")
	before := e.everybody()
	for who, by := range e.people {
		if who == "coordinator" {
			continue
		}
		want := account.ErrDenied
		if who == "far coordinator" {
			want = account.ErrNotFound
		}
		for what, do := range map[string]func() error{
			"batch":   func() error { _, err := e.Batch(ctx, by, id); return err },
			"rows":    func() error { _, err := e.Rows(ctx, by, id, New, 0); return err },
			"stuck":   func() error { _, err := e.Stuck(ctx, by, id, 0); return err },
			"table":   func() error { _, err := e.Table(ctx, by, id); return err },
			"name":    func() error { return e.Name(ctx, by, id, []string{"name", "discipline"}, words) },
			"apply":   func() error { return e.Apply(ctx, by, id) },
			"undo":    func() error { return e.Undo(ctx, by, id) },
			"discard": func() error { return e.Discard(ctx, by, id) },
		} {
			if err := do(); !errors.Is(err, want) {
				t.Errorf("%s, %s: %v, not %v", who, what, err, want)
			}
		}
		if who == "far coordinator" {
			if all, err := e.Batches(ctx, by); err != nil || len(all) != 0 {
				t.Errorf("%s sees %v, %v", who, all, err)
			}
			if out, err := e.Export(ctx, by, CSV, "", words); err != nil || bytes.Contains(out, []byte("Dr. expert@konsil.test")) || !bytes.Contains(out, []byte("far-expert@")) {
				t.Errorf("%s exports %s, %v", who, out, err)
			}
			continue
		}
		for what, do := range map[string]func() error{
			"list": func() error { _, err := e.Batches(ctx, by); return err },
			"bring": func() error {
				_, err := e.Bring(ctx, by, File{Data: []byte("Name;Fachrichtung\nX;Psychiatrie")}, words)
				return err
			},
			"export": func() error { _, err := e.Export(ctx, by, CSV, "", words); return err },
		} {
			if err := do(); !errors.Is(err, account.ErrDenied) {
				t.Errorf("%s, %s: %v", who, what, err)
			}
		}
	}
	e.must(e.Work(ctx))
	if b := e.counts(id); b.State != Read || e.everybody() != before {
		t.Errorf("somebody has moved it: %+v", b)
	}
	if err := e.Undo(ctx, clara, id); !errors.Is(err, account.ErrConflict) {
		t.Errorf("undone before it was applied: %v", err)
	}
	e.must(e.Apply(ctx, clara, id))
	for what, err := range map[string]error{"apply": e.Apply(ctx, clara, id), "discard": e.Discard(ctx, clara, id), "name": e.Name(ctx, clara, id, []string{"name", "discipline"}, words)} {
		if !errors.Is(err, account.ErrConflict) {
			t.Errorf("%s after it was applied: %v", what, err)
		}
	}
}

// TestAnImportThatIsCutOffGoesOnWhereItWas takes the connection from a chunk in the middle of it, as happens to a server that is killed.
func TestAnImportThatIsCutOffGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	var b strings.Builder
	b.WriteString("Name;E-Mail;Fachrichtung\n")
	for i := range chunk + 40 {
		fmt.Fprintf(&b, "Person %d;p%d@praxis.example;Psychiatrie\n", i, i)
	}
	id := e.bring(b.String())
	e.must(e.Apply(ctx, clara, id))
	other, err := e.db.Begin(ctx)
	e.must(err)
	defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
	_, err = other.Exec(ctx, `insert into account (id, organisation_id, role, name, email, created_at) values (gen_random_uuid(), $1, 'expert', 'Im Weg', $2, now())`,
		clara.Organisation, fmt.Sprintf("p%d@praxis.example", chunk+20))
	e.must(err)
	var in string
	e.must(other.QueryRow(ctx, `select pg_current_xact_id()::xid::text`).Scan(&in))
	dying, kill := context.WithCancel(ctx)
	defer kill()
	cut := make(chan error, 1)
	go func() { cut <- e.Work(dying) }()
	deadline := time.Now().Add(60 * time.Second)
	for one[int](e, `select count(*) from pg_locks where not granted and locktype = 'transactionid' and transactionid::text = $1`, in) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no chunk stands in the middle")
		}
		time.Sleep(20 * time.Millisecond)
	}
	kill()
	if err := <-cut; err == nil {
		t.Fatal("a chunk that was cut off says that all is well")
	}
	if is := e.counts(id); is.State != Applying || is.Applied != chunk || is.Next != chunk+2 || one[int](e, `select count(*) from account where name like 'Person %'`) != chunk {
		t.Errorf("after the cut: %+v", is)
	}
	e.must(other.Rollback(ctx))
	e.must(e.Work(ctx))
	if is := e.counts(id); is.State != Applied || is.Applied != chunk+40 || one[int](e, `select count(*) from account where name like 'Person %'`) != chunk+40 {
		t.Errorf("gone on: %+v", is)
	}
}

func TestWhatChangedBetweenPreviewAndApplyingIsLeftAlone(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	id := e.bring("Name;E-Mail;Fachrichtung;Ort\nEgal;expert@konsil.test;Psychiatrie;Harburg\nNeu;neu@praxis.example;Psychiatrie;Stade\nGut;gut@praxis.example;Psychiatrie;Stade")
	e.must(e.pool.Describe(ctx, clara, e.people["expert"].ID, expertpool.Profile{Discipline: "psychiatry", Place: "Bergedorf", Modes: []string{"video"}}))
	e.account(e.people["far coordinator"].Organisation, account.Expert, "neu@praxis.example")
	e.must(e.Apply(ctx, clara, id))
	e.must(e.Work(ctx))
	wrong, err := e.Rows(ctx, clara, id, Rejected, 0)
	e.must(err)
	if b := e.counts(id); b.Applied != 1 || len(wrong) != 2 || wrong[0].Wrong[0].Rule != "changed_meanwhile" || wrong[1].Wrong[0].Rule != "address_taken" {
		t.Errorf("%+v, %+v", b, wrong)
	}
	if place := one[string](e, `select place from expert where account_id = $1`, e.people["expert"].ID); place != "Bergedorf" {
		t.Errorf("what a colleague wrote is overwritten with %q", place)
	}
}

func TestWhatIsExportedComesBackUnchangedInEveryFormat(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	id := e.bring("Name;E-Mail;Fachrichtung;Ort;Sprachen;Wege;PLZ;Themen\nDr. Eva Kern;eva@praxis.example;Psychiatrie;Stade;tr;vor Ort;21680;Angst | Schmerz, chronisch\n=cmd;;Orthopädie;Winsen;de;Video;21423;")
	e.must(e.Apply(ctx, clara, id))
	e.must(e.Work(ctx))
	for _, format := range []string{CSV, VCard, FHIR} {
		out, err := e.Export(ctx, clara, format, "", words)
		e.must(err)
		if got := FormatOf(out); got != format {
			t.Errorf("%s is taken for %s", format, got)
		}
		again, err := e.Bring(ctx, clara, File{Data: out}, words)
		e.must(err)
		if b := e.counts(again); b.Unchanged != 3 || b.Rows() != 3 {
			t.Errorf("%s: %+v\n%s", format, b, out)
		}
		part, err := e.Export(ctx, clara, format, "orthopaedics", words)
		e.must(err)
		if bytes.Contains(part, []byte("Eva Kern")) || !bytes.Contains(part, []byte("cmd")) {
			t.Errorf("%s of one discipline: %s", format, part)
		}
	}
	if n := one[int](e, `select count(*) from audit.entry where action = 'export_experts' and actor_id = $1`, clara.ID); n != 6 {
		t.Errorf("%d exports are recorded", n)
	}
}

func TestColumnsCanBeNamedByHand(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	ctx, clara := t.Context(), e.people["coordinator"]
	id := e.bring("Wer;Was\nNeu Hier;Psychiatrie")
	if b := e.counts(id); b.Rows() != 0 || b.State != Read {
		t.Fatalf("read without names: %+v", b)
	}
	var file *FileError
	for _, columns := range [][]string{{"name", ""}, {"name", "name"}, {"name"}, {"name", "discipline", "place"}} {
		if err := e.Name(ctx, clara, id, columns, words); !errors.As(err, &file) || file.Rule != "header" {
			t.Errorf("%q: %v", columns, err)
		}
	}
	e.must(e.Name(ctx, clara, id, []string{"name", "discipline"}, words))
	if b := e.counts(id); b.New != 1 || !slices.Equal(b.Columns, []string{"name", "discipline"}) {
		t.Errorf("named: %+v", b)
	}
	e.must(e.Discard(ctx, clara, id))
	if _, err := e.Batch(ctx, clara, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("thrown away: %v", err)
	}
}
