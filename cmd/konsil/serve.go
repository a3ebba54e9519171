package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sync/errgroup"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/trial"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/exchange"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/realtime"
	"github.com/konsil-server/konsil/realtime/sfu"
	"github.com/konsil-server/konsil/web"
)

// server is a running konsil: everything wired, nothing hidden. Tests make one as serve does.
type server struct {
	config
	now func() time.Time
	log *slog.Logger
	db  *pgxpool.Pool

	accounts    *account.Store
	pool        *expertpool.Store
	exchange    *exchange.Store
	vault       *pseudonym.Vault
	cases       *casefile.Store
	plans       *plan.Store
	conferences *conference.Store
	mails       *mail.Queue
	trials      *trial.Store
	in          mailIn
	rooms       *sfu.SFU
	hub         *realtime.Hub
	jobs        *river.Client[pgx.Tx]
	pages       http.Handler
	ops         *ops
}

// newServer wires a server on a migrated database. It starts nothing but the media socket, which close closes.
func newServer(ctx context.Context, c config, db *pgxpool.Pool, assets *web.Assets, now func() time.Time, log *slog.Logger) (*server, error) {
	s := &server{config: c, now: now, log: log, db: db}
	if err := s.wireStores(); err != nil {
		return nil, err
	}
	if err := s.wireLive(); err != nil {
		return nil, err
	}
	if err := s.wireJobs(); err != nil {
		return nil, errors.Join(err, s.rooms.Close())
	}
	provider, err := c.provider(now)
	if err != nil {
		return nil, errors.Join(err, s.rooms.Close())
	}
	proxies, err := c.proxies()
	if err != nil {
		return nil, errors.Join(err, s.rooms.Close())
	}
	s.ops = newOps(db)
	s.pages, err = web.New(web.Parts{
		Accounts: s.accounts, Provider: provider, Pool: s.pool, Exchange: s.exchange, Vault: s.vault, Cases: s.cases, Conferences: s.conferences,
		Plans: s.plans, Mails: s.mails, Trials: s.trials, DNS: net.DefaultResolver, Live: s.hub, Assets: assets, URL: c.PublicURL, PeerToPeer: c.pairs(), Evaluation: c.evaluation(),
		Proxies: proxies, Observe: s.ops.observe, Ready: db.Ping, Now: now, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, s.rooms.Close())
	}
	return s, nil
}

// keys is where the secrets of this installation are kept, apart from the database.
func (c config) keys() string { return filepath.Join(c.Data, "keys") }

// vaultKeys are the keys that identities are sealed under.
func (c config) vaultKeys() pseudonym.KeySource {
	return pseudonym.KeySource{Dir: c.keys(), Key: c.VaultKey, Old: c.VaultKeyOld}
}

// secure gives accounts the key that second factors are kept under.
func (c config) secure(accounts *account.Store) error {
	secret, err := c.factorsKey()
	if err != nil {
		return err
	}
	return accounts.Secure(secret, c.PublicURL)
}

// factorsKey is the secret from which the keys of second factors and of the addresses of calendars are made.
func (c config) factorsKey() ([]byte, error) {
	secret, err := pseudonym.Secret(filepath.Join(c.keys(), "factors.key"))
	if err != nil {
		return nil, fmt.Errorf("key of factors: %w", err)
	}
	return secret, nil
}

// queue is where mails of this installation are put, by the server and by the commands beside it.
func (c config) queue(db *pgxpool.Pool) (*mail.Queue, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	return mail.New(db, mail.Config{From: c.MailFrom, Host: hostOf(c.PublicURL), Transport: transport, Bounces: c.comesIn(), NoFile: c.MailFile == "off"})
}

func (s *server) wireStores() error {
	keys, err := s.vaultKeys().Load()
	if err != nil {
		return err
	}
	minutesKey, err := conference.LoadMinutesKey(s.keys())
	if err != nil {
		return err
	}
	fileKey, err := pseudonym.FileKeys(s.keys()).Load()
	if err != nil {
		return err
	}
	if s.mails, err = s.queue(s.db); err != nil {
		return err
	}
	s.accounts = account.NewStore(s.db, s.now)
	s.accounts.Notify(s.mails, s.PublicURL)
	if err := s.secure(s.accounts); err != nil {
		return err
	}
	s.pool = expertpool.NewStore(s.db, s.now)
	s.pool.Correspond(s.accounts, s.mails, s.PublicURL)
	secret, err := s.factorsKey()
	if err != nil {
		return err
	}
	if err := s.pool.ReadCalendars(secret, expertpool.Downloads{}); err != nil {
		return err
	}
	if s.exchange, err = exchange.NewStore(s.db, s.pool, s.accounts, s.now); err != nil {
		return err
	}
	s.vault = pseudonym.NewVault(s.db, keys, s.now)
	s.cases = casefile.NewStore(s.db, s.vault, s.now)
	reader, err := s.reader()
	if err != nil {
		return err
	}
	s.cases.Use(reader)
	s.cases.KeepFiles(fileKey)
	s.plans = plan.NewStore(s.db, s.accounts, s.cases, s.mails, s.PublicURL, s.now)
	s.conferences, err = conference.NewStore(conference.Parts{
		DB: s.db, Accounts: s.accounts, Vault: s.vault, Cases: s.cases, Plans: s.plans, Pool: s.pool, Mails: s.mails, MinutesKey: minutesKey,
		URL: s.PublicURL, Organizer: s.MailFrom, Now: s.now, Tombstones: filepath.Join(s.Data, "tombstones"), UTC: s.MailUTC == "on",
	})
	s.trials = &trial.Store{DB: s.db, Mails: s.mails, URL: s.PublicURL, Organizer: s.MailFrom, Now: s.now, UTC: s.MailUTC == "on"}
	return err
}

// reader is what the name guard reads with: our own lists, and those that lie in the directory "lists" of this installation.
func (s *server) reader() (casefile.Reader, error) {
	dir := filepath.Join(s.Data, "lists")
	guard := nameguard.New()
	if err := guard.LoadDir(dir); err != nil {
		return casefile.Reader{}, fmt.Errorf("lists: %w", err)
	}
	towns, err := casefile.LoadTowns(filepath.Join(dir, "municipalities.csv"))
	if err != nil {
		return casefile.Reader{}, fmt.Errorf("lists: %w", err)
	}
	if err := guard.Load(nameguard.Places, strings.NewReader(towns.Names())); err != nil {
		return casefile.Reader{}, fmt.Errorf("lists: %w", err)
	}
	digests, err := casefile.LoadDigests(s.keys())
	if err != nil {
		return casefile.Reader{}, err
	}
	return casefile.Reader{Guard: guard, Digests: digests, Towns: towns}, nil
}

func (s *server) wireLive() error {
	ips, err := s.publicIPs()
	if err != nil {
		return err
	}
	relay, err := s.relay()
	if err != nil {
		return err
	}
	if s.rooms, err = sfu.Listen(sfu.Config{Addr: s.RTCAddr, Relay: relay, PublicIPs: ips, Guard: true, Log: s.log}); err != nil {
		return fmt.Errorf("KONSIL_RTC_ADDR, KONSIL_TURN_ADDR: %w", err)
	}
	s.hub = realtime.NewHub(realtime.Config{
		Notes: web.LiveNotes(s.conferences), Gate: web.LiveGate(s.conferences), Agendas: web.LiveAgendas(s.conferences), Rooms: s.rooms, Origin: s.PublicURL,
		ICEServers: s.iceServers, PeerToPeer: s.pairs(), Log: s.log, Now: s.now,
	})
	return nil
}

// wireJobs makes the one client that works the queue. Sweeps are state-based: missing one or running twice changes nothing.
func (s *server) wireJobs() error {
	workers := river.NewWorkers()
	s.mails.Register(workers)
	sweeps := append(s.conferences.Register(workers),
		s.plans.Register(workers), s.pool.Register(workers), s.pool.RegisterCalendars(workers), s.exchange.Register(workers))
	if err := s.wireMailIn(workers); err != nil {
		return err
	}
	var err error
	s.jobs, err = river.NewClient(riverpgxv5.New(s.db), &river.Config{
		Logger:       slog.New(quiet{s.log.Handler()}),
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Workers:      workers,
		PeriodicJobs: sweeps,
	})
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// run serves on l until ctx ends, then stops in reverse order. It returns when everything it started is gone.
func (s *server) run(ctx context.Context, l net.Listener) error {
	figures, err := s.listenOps()
	if err != nil {
		return errors.Join(err, l.Close(), s.rooms.Close())
	}
	h := s.front()
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var g errgroup.Group
	g.Go(func() error { return s.hub.Run(work) })
	g.Go(func() error { return s.runOps(work, figures) })
	s.in.start(work, &g, func(step string) { s.log.Warn("answers by mail cannot be fetched", "step", step) })
	if err := s.jobs.Start(work); err != nil {
		stopWork()
		return errors.Join(fmt.Errorf("jobs: %w", err), g.Wait(), s.rooms.Close())
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	limit, cancel := context.WithTimeout(work, 10*time.Second)
	defer cancel()
	err = errors.Join(err, h.Shutdown(limit), s.jobs.Stop(limit))
	stopWork()
	return errors.Join(ignore(err, http.ErrServerClosed), ignore(g.Wait(), context.Canceled), s.rooms.Close())
}

// front has the limits of a connection. Uploads give themselves more time, sockets leave them behind.
func (s *server) front() *http.Server {
	return &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 60 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// handler refuses foreign host names in evaluation mode: there one click signs in, so a page elsewhere must not be able to
// reach us under a name of its own.
func (s *server) handler() http.Handler {
	if !s.evaluation() {
		return s.pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			http.Error(w, "evaluation mode answers on localhost only", http.StatusMisdirectedRequest)
			return
		}
		s.pages.ServeHTTP(w, r)
	})
}

// quiet keeps the queue's routine lines out of the log.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
