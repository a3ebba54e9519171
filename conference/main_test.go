package conference

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// house is a network with two Jobcenters and a pool, on a database of its own and with a clock of its own.
type house struct {
	t           testing.TB
	db          *pgxpool.Pool
	clock       time.Time
	s           *Store
	cases       *casefile.Store
	plans       *plan.Store
	pool        *expertpool.Store
	accounts    *account.Store
	vault       *pseudonym.Vault
	key         *MinutesKey
	caseworker  account.Actor
	colleague   account.Actor // of the same Jobcenter: releases what the caseworker wrote
	foreign     account.Actor // caseworker of the other Jobcenter
	coordinator account.Actor
	stranger    account.Actor // coordinator of another network
	experts     map[string]account.Actor
}

func newHouse(t testing.TB) *house {
	t.Helper()
	return newHouseOn(t, pgtest.New(t))
}

func newHouseOn(t testing.TB, db *pgxpool.Pool) *house {
	t.Helper()
	h := &house{t: t, db: db, clock: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), experts: map[string]account.Actor{}}
	now := func() time.Time { return h.clock }
	key, err := pseudonym.KeySource{Dir: filepath.Join(t.TempDir(), "keys")}.Load()
	h.must(err)
	mails, err := mail.New(h.db, mail.Config{From: "termine@konsil.test", Host: "konsil.test", Transport: mail.Outbox{}})
	h.must(err)
	h.accounts = account.NewStore(h.db, now)
	h.vault = pseudonym.NewVault(h.db, key, now)
	h.cases = casefile.NewStore(h.db, h.vault, now)
	h.plans = plan.NewStore(h.db, h.accounts, h.cases, mails, "https://konsil.test", now)
	h.key, err = LoadMinutesKey(filepath.Join(t.TempDir(), "keys"))
	h.must(err)
	h.pool = expertpool.NewStore(h.db, now)
	h.pool.Correspond(h.accounts, mails, "https://konsil.test")
	h.s, err = NewStore(Parts{
		DB: h.db, Accounts: h.accounts, Vault: h.vault, Cases: h.cases, Plans: h.plans, Pool: h.pool, Mails: mails, MinutesKey: h.key,
		URL: "https://konsil.test", Organizer: "termine@konsil.test", Now: now,
	})
	h.must(err)
	h.populate(h.pool)
	return h
}

func (h *house) populate(pool *expertpool.Store) {
	ctx := h.t.Context()
	network, elsewhere := uuid.New(), uuid.New()
	h.exec(`insert into network (id, name) values ($1, 'N'), ($2, 'M')`, network, elsewhere)
	org := func(network uuid.UUID, kind string) uuid.UUID {
		id := uuid.New()
		h.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, $4, $3)`, id, network, kind, id.String())
		return id
	}
	person := func(org uuid.UUID, role account.Role, name string) account.Actor {
		id, err := h.accounts.Add(ctx, account.New{Organisation: org, Role: role, Name: name, Email: uuid.NewString() + "@konsil.test"})
		h.must(err)
		a, err := h.accounts.ByID(ctx, id)
		h.must(err)
		a.Session = uuid.New()
		return a
	}
	poolOrg := org(network, "pool")
	jobcenter := org(network, "jobcenter")
	h.caseworker = person(jobcenter, account.Caseworker, "Jana Brandt")
	h.colleague = person(jobcenter, account.Caseworker, "Paul Ziegler")
	h.foreign = person(org(network, "jobcenter"), account.Caseworker, "Lena Sorge")
	h.coordinator = person(poolOrg, account.Coordinator, "Karin Oelze")
	h.stranger = person(org(elsewhere, "pool"), account.Coordinator, "Fremde Stelle")
	for name, discipline := range map[string]string{"Kern": "psychiatry", "Reimann": "occupational_medicine", "Voss": "orthopaedics"} {
		a := person(poolOrg, account.Expert, "Dr. "+name)
		h.must(pool.Add(ctx, network, poolOrg, expertpool.Expert{ID: a.ID, Discipline: discipline, HoursPerMonth: 2}))
		h.experts[name] = a
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.db.Exec(context.Background(), sql, args...)
	h.must(err)
}

// get reads one value.
func get[T any](h *house, sql string, args ...any) T {
	h.t.Helper()
	var v T
	h.must(h.db.QueryRow(context.Background(), sql, args...).Scan(&v))
	return v
}

const secretWord = "Orgelbauerin" // stands for everything that belongs to the case

// newCase makes a released case with consent towards psychiatry and occupational medicine.
func (h *house) newCase() uuid.UUID {
	h.t.Helper()
	ctx := h.t.Context()
	id, err := h.cases.New(ctx, h.caseworker, pseudonym.Identity{FirstName: "Erfunda", LastName: "Mustermann"}, casefile.Summary{
		Situation: "Früher " + secretWord + ".", Resources: "r", Tried: "t", Goals: "g", Limits: "l",
	})
	h.must(err)
	h.must(h.cases.Check(ctx, h.caseworker, id, 1, ""))
	h.must(h.cases.Release(ctx, h.colleague, id, casefile.Releasing{Version: 1}))
	h.must(h.s.Grant(ctx, h.caseworker, id, h.consent("psychiatry", "occupational_medicine")))
	return id
}

// consent is one for a year towards these disciplines of the pool, with the client's presence and later conferences.
func (h *house) consent(circle ...string) casefile.Consent {
	today := expertpool.Today(h.clock)
	return casefile.Consent{
		Purposes: []casefile.Purpose{casefile.Conference, casefile.Presence, casefile.FollowUp}, Circle: circle,
		Organisations: []uuid.UUID{h.coordinator.Organisation}, ValidUntil: today.AddDate(1, 0, 0), SignedOn: today, Explained: true,
	}
}

// convene makes a conference about a new case in two hours, with the named experts.
func (h *house) convene(names ...string) (string, uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	caseID := h.newCase()
	r, err := h.s.Submit(ctx, h.caseworker, Request{
		CaseID: caseID, Question: "Was traut sich die " + secretWord + " zu?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "occupational_medicine"}, OwnWish: "Drei Vormittage.",
	})
	h.must(err)
	p := Panel{Starts: h.clock.Add(2 * time.Hour), Length: 25 * time.Minute}
	for _, n := range names {
		p.Experts = append(p.Experts, h.experts[n].ID)
	}
	code, err := h.s.Convene(ctx, h.coordinator, r, p)
	h.must(err)
	return code, caseID
}

func (h *house) invitationOf(code, name string) uuid.UUID {
	h.t.Helper()
	return get[uuid.UUID](h, `
		select i.id from invitation i join conference c on c.id = i.conference_id
		where c.code = $1 and i.account_id = $2 order by i.stamped_at desc limit 1`, code, h.experts[name].ID)
}

// accept lets experts say yes, and that they have no tie to the person.
func (h *house) accept(code string, names ...string) {
	h.t.Helper()
	for _, n := range names {
		id := h.invitationOf(code, n)
		seq := get[int](h, `select sequence from invitation where id = $1`, id)
		h.must(h.s.Answer(h.t.Context(), h.experts[n], id, seq, Accepted, ""))
		h.must(h.s.Declare(h.t.Context(), h.experts[n], code, NoTie))
	}
}

// open makes the conference live.
func (h *house) open(code string) {
	h.t.Helper()
	h.clock = get[time.Time](h, `select starts_at from conference where code = $1`, code)
	h.must(h.s.Open(h.t.Context(), h.coordinator, code))
}

func (h *house) state(code string) State {
	h.t.Helper()
	return get[State](h, `select state from conference where code = $1`, code)
}
