package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations"
	"github.com/konsil-server/konsil/migrations/localpg"
)

// office is an installation for one measurement, on a database of its own: a network with a Jobcenter, a coordination and a pool. It
// belongs to whoever opened it, who closes it.
type office struct {
	*pgxpool.Pool
	dir     string
	cluster *localpg.Cluster

	accounts *account.Store
	cases    *casefile.Store
	meetings *conference.Store
	mails    *mail.Queue
	pool     *expertpool.Store

	network, experts                    uuid.UUID // the pool's organisation
	caseworker, colleague, coordination account.Actor
	asked                               []uuid.UUID // experts, who take turns

	seen statements // of the database
}

// poolSize is how many experts an office has: the pool of a small state.
const poolSize = 400

// officeFor reads the arguments of a command and opens the office that it works on. usage names the command's own flags, and valid says
// whether they make sense.
func officeFor(ctx context.Context, f *flag.FlagSet, args []string, usage string, valid func() bool) (*office, error) {
	address := f.String("url", "", "of an empty PostgreSQL database; otherwise a private cluster is made for the run")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || !valid() {
		return nil, fmt.Errorf("usage: %s [-url U] %s", f.Name(), usage)
	}
	return openOffice(ctx, *address)
}

// openOffice makes one in the empty database at an address, or, without an address, in a private cluster that is gone afterwards.
func openOffice(ctx context.Context, address string) (h *office, err error) {
	h = &office{}
	if h.dir, err = os.MkdirTemp("", "konsil-bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if address == "" {
		if h.cluster, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(h.dir, "pg"), Log: func(string) {}}); err != nil {
			return h, err
		}
		address = h.cluster.URL()
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return h, errors.New("-url is not an address of PostgreSQL")
	}
	config.ConnConfig.Tracer = &h.seen
	migrations.Confine(config)
	if h.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return h, err
	}
	if err = migrations.Up(ctx, h.Pool); err != nil {
		return h, err
	}
	h.Reset()
	if err = h.furnish(); err != nil {
		return h, err
	}
	return h, h.populate(ctx)
}

func (h *office) close() {
	if h.Pool != nil {
		h.Pool.Close()
	}
	if h.cluster != nil {
		_ = h.cluster.Stop()
	}
	_ = os.RemoveAll(h.dir)
}

func (h *office) furnish() error {
	key, err := pseudonym.KeySource{Dir: filepath.Join(h.dir, "keys")}.Load()
	if err != nil {
		return err
	}
	minutes, err := conference.LoadMinutesKey(filepath.Join(h.dir, "keys"))
	if err != nil {
		return err
	}
	if h.mails, err = mail.New(h.Pool, mail.Config{From: "termine@konsil.example", Host: "konsil.example", Transport: mail.Outbox{}}); err != nil {
		return err
	}
	const url = "https://konsil.example"
	h.accounts = account.NewStore(h.Pool, time.Now)
	vault := pseudonym.NewVault(h.Pool, key, time.Now)
	h.cases = casefile.NewStore(h.Pool, vault, time.Now)
	h.pool = expertpool.NewStore(h.Pool, time.Now)
	h.meetings, err = conference.NewStore(conference.Parts{
		DB: h.Pool, Accounts: h.accounts, Vault: vault, Cases: h.cases, Plans: plan.NewStore(h.Pool, h.accounts, h.cases, h.mails, url, time.Now),
		Pool: h.pool, Mails: h.mails, MinutesKey: minutes, URL: url, Organizer: "termine@konsil.example", Now: time.Now,
	})
	return err
}

func (h *office) populate(ctx context.Context) (err error) {
	h.network, h.experts = uuid.New(), uuid.New()
	jobcenter := uuid.New()
	_, err = h.Exec(ctx, `insert into network (id, name) values ($1, 'bench')`, h.network)
	if err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	_, err = h.Exec(ctx, `
		insert into organisation (id, network_id, name, kind) values ($1, $3, 'Jobcenter', 'jobcenter'), ($2, $3, 'Pool', 'pool')`, jobcenter, h.experts, h.network)
	if err != nil {
		return fmt.Errorf("populate: %w", err)
	}
	for _, p := range []struct {
		is           *account.Actor
		organisation uuid.UUID
		role         account.Role
	}{{&h.caseworker, jobcenter, account.Caseworker}, {&h.colleague, jobcenter, account.Caseworker}, {&h.coordination, h.experts, account.Coordinator}} {
		if *p.is, err = h.person(ctx, p.organisation, p.role); err != nil {
			return fmt.Errorf("populate: %w", err)
		}
	}
	for range poolSize {
		a, err := h.person(ctx, h.experts, account.Expert)
		if err == nil {
			err = h.pool.Add(ctx, h.network, h.experts, expertpool.Expert{ID: a.ID, Discipline: "psychiatry", HoursPerMonth: 10})
		}
		if err != nil {
			return fmt.Errorf("populate: %w", err)
		}
		h.asked = append(h.asked, a.ID)
	}
	return h.analyze(ctx)
}

// analyze lets PostgreSQL learn what is in its tables, as it does by itself within a minute.
func (h *office) analyze(ctx context.Context) error {
	_, err := h.Exec(ctx, `analyze`)
	return err
}

func (h *office) person(ctx context.Context, organisation uuid.UUID, role account.Role) (account.Actor, error) {
	id, err := h.accounts.Add(ctx, account.New{Organisation: organisation, Role: role, Name: "Erfunden", Email: uuid.NewString() + "@praxis.example"})
	if err != nil {
		return account.Actor{}, err
	}
	a, err := h.accounts.ByID(ctx, id)
	a.Session = uuid.New()
	return a, err
}

// convened is what it took to convene a conference.
type convened struct {
	code       string
	took       time.Duration // commit included
	statements int64
	waited     time.Duration // for the database
}

// convene makes a released case with a request, and a conference about it with the experts whose turn it is. What it returns is about the last.
func (h *office) convene(seats int) (c convened, err error) {
	ctx := context.Background()
	p := conference.Panel{Starts: time.Now().AddDate(0, 0, 14), Length: 25 * time.Minute}
	p.Experts = append(p.Experts, h.asked[:seats]...)
	h.asked = append(h.asked[seats:], p.Experts...)
	request, err := h.request(ctx)
	if err != nil {
		return c, err
	}
	count, waited, began := h.seen.count.Load(), h.seen.waited.Load(), time.Now()
	c.code, err = h.meetings.Convene(ctx, h.coordination, request, p)
	c.took, c.statements, c.waited = time.Since(began), h.seen.count.Load()-count, time.Duration(h.seen.waited.Load()-waited)
	return c, err
}

func (h *office) request(ctx context.Context) (uuid.UUID, error) {
	today := expertpool.Today(time.Now())
	id, err := h.cases.New(ctx, h.caseworker, pseudonym.Identity{FirstName: "Erfunda", LastName: "Mustermann"}, casefile.Summary{
		Situation: "s", Resources: "r", Tried: "t", Goals: "g", Limits: "l",
	})
	if err == nil {
		err = h.cases.Check(ctx, h.caseworker, id, 1, "")
	}
	if err == nil {
		err = h.cases.Release(ctx, h.colleague, id, casefile.Releasing{Version: 1})
	}
	if err == nil {
		err = h.meetings.Grant(ctx, h.caseworker, id, casefile.Consent{
			Purposes: []casefile.Purpose{casefile.Conference}, Circle: []string{"psychiatry"}, Organisations: []uuid.UUID{h.experts},
			ValidUntil: today.AddDate(1, 0, 0), SignedOn: today, Explained: true,
		})
	}
	if err != nil {
		return uuid.Nil, err
	}
	return h.meetings.Submit(ctx, h.caseworker, conference.Request{CaseID: id, Question: "Was hilft?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "-"})
}
