package web

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/trial"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/exchange"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations/pgtest"
	"github.com/konsil-server/konsil/realtime"
	"github.com/konsil-server/konsil/realtime/sfu"
)

// testClock is what the server takes for now.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// testServer is a whole konsil on a database of its own, with two networks: the first has two Jobcenters and a pool, the
// second is somebody else's.
type testServer struct {
	Parts
	t      *testing.T
	db     *pgxpool.Pool
	clock  *testClock
	people map[string]account.Actor // by first name
}

// The day on which every test begins: a Monday in winter.
var testBegins = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	s := &testServer{t: t, db: pgtest.New(t), clock: &testClock{t: testBegins}, people: map[string]account.Actor{}}
	front := httptest.NewUnstartedServer(nil)
	// the testing package keeps a test, and what its cleanups mention, until all tests are over
	t.Cleanup(func() { s.Parts, s.db, front.Config.Handler = Parts{}, nil, nil })
	s.URL, s.Evaluation, s.Now, s.Ready = "http://"+front.Listener.Addr().String(), true, s.clock.now, s.db.Ping
	s.Log = slog.New(slog.NewTextHandler(testLog{t}, nil))
	s.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} // so that a test may come from many addresses
	s.wire()
	s.seed()
	h, err := New(s.Parts)
	s.must(err)
	front.Config.Handler = h
	front.Start()
	t.Cleanup(front.Close)
	return s
}

func (s *testServer) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// builtAssets are the browser's files for all tests: to see whether the build is of these sources costs half a second.
var builtAssets = sync.OnceValues(func() (*Assets, error) { return LoadAssets(context.Background(), "", func(string) {}) })

// testLog shows what the server logs beside the test that made it do so. Errors of the server are errors of the test.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "level=ERROR") {
		l.t.Errorf("server: %s", p)
	}
	return len(p), nil
}

func (s *testServer) wire() {
	key, err := pseudonym.KeySource{Dir: s.t.TempDir()}.Load()
	s.must(err)
	s.Mails, err = mail.New(s.db, mail.Config{From: "termine@konsil.test", Host: "konsil.test", Transport: mail.Outbox{}})
	s.must(err)
	s.Accounts, s.Pool = account.NewStore(s.db, s.Now), expertpool.NewStore(s.db, s.Now)
	s.Accounts.Notify(s.Mails, s.URL)
	s.must(s.Accounts.Secure(make([]byte, 32), s.URL))
	s.Pool.Correspond(s.Accounts, s.Mails, s.URL)
	s.must(s.Pool.ReadCalendars(make([]byte, 32), expertpool.Downloads{}))
	s.Exchange, err = exchange.NewStore(s.db, s.Pool, s.Accounts, s.Now)
	s.must(err)
	s.Vault = pseudonym.NewVault(s.db, key, s.Now)
	s.Cases = casefile.NewStore(s.db, s.Vault, s.Now)
	s.Plans = plan.NewStore(s.db, s.Accounts, s.Cases, s.Mails, s.URL, s.Now)
	minutesKey, err := conference.LoadMinutesKey(s.t.TempDir())
	s.must(err)
	s.Conferences, err = conference.NewStore(conference.Parts{
		DB: s.db, Accounts: s.Accounts, Vault: s.Vault, Cases: s.Cases, Plans: s.Plans, Pool: s.Pool, Mails: s.Mails, MinutesKey: minutesKey,
		URL: s.URL, Organizer: "termine@konsil.test", Now: s.Now,
	})
	s.must(err)
	s.Trials = &trial.Store{DB: s.db, Mails: s.Mails, URL: s.URL, Organizer: "termine@konsil.test", Now: s.Now}
	s.DNS = published{"konsil.test": {"v=spf1 mx", "v=spf1 -all"}, "_dmarc.konsil.test": {"v=DMARC1; p=none"}}
	rooms, err := sfu.Listen(sfu.Config{Addr: "127.0.0.1:0"})
	s.must(err)
	s.t.Cleanup(func() { s.must(rooms.Close()) })
	s.Live = realtime.NewHub(realtime.Config{
		Notes: LiveNotes(s.Conferences), Gate: LiveGate(s.Conferences), Agendas: LiveAgendas(s.Conferences), Rooms: rooms, Origin: s.URL, Log: s.Log, Now: s.Now,
	})
	ctx, stop := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() { gone <- s.Live.Run(ctx) }()
	s.t.Cleanup(func() { stop(); <-gone })
	s.Assets, err = builtAssets()
	s.must(err)
}

func (s *testServer) seed() {
	for _, n := range []struct{ network, jobcenters, pool string }{{"Nord", "Altona,Bergedorf", "Netz Nord"}, {"Süd", "Füssen", "Netz Süd"}} {
		network := uuid.New()
		s.exec(`insert into network values ($1, $2)`, network, n.network)
		organisation := func(name, kind string) uuid.UUID {
			id := uuid.New()
			s.exec(`insert into organisation values ($1, $2, $3, $4)`, id, network, name, kind)
			return id
		}
		pool := organisation(n.pool, "pool")
		if n.network == "Süd" {
			s.add(organisation(n.jobcenters, "jobcenter"), account.Caseworker, "Quirin Fremd")
			s.add(pool, account.Coordinator, "Rosa Fremd")
			s.expert(network, pool, "Dr. Theo Fremd", "psychiatry")
			continue
		}
		for i, name := range strings.Split(n.jobcenters, ",") {
			house := organisation(name, "jobcenter")
			s.add(house, account.Caseworker, []string{"Anna Amt", "Bernd Bezirk"}[i])
			if i == 0 {
				s.add(house, account.Caseworker, "Doris Dienst") // Anna's second pair of eyes
			}
		}
		s.add(pool, account.Coordinator, "Clara Coordes")
		s.expert(network, pool, "Dr. Ewald Psych", "psychiatry")
		s.expert(network, pool, "Frieda Physio", "physiotherapy")
		s.expert(network, pool, "Dr. Gustav Psych", "psychiatry")
	}
}

func (s *testServer) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

// query reads one value.
func query[T any](s *testServer, sql string, args ...any) T {
	s.t.Helper()
	var v T
	if err := s.db.QueryRow(s.t.Context(), sql, args...).Scan(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// add makes an account; people are known by the first of their names that is not a title.
func (s *testServer) add(organisation uuid.UUID, role account.Role, name string) uuid.UUID {
	s.t.Helper()
	first := strings.Fields(strings.TrimPrefix(name, "Dr. "))[0]
	id, err := s.Accounts.Add(s.t.Context(), account.New{
		Organisation: organisation, Role: role, Name: name, Email: strings.ToLower(first) + "@konsil.test",
		Password: map[string]string{"Anna": "richtig-langes-Wort"}[first], Rehearsal: true, // hashing is slow on purpose: one is enough
	})
	s.must(err)
	a, err := s.Accounts.ByID(s.t.Context(), id)
	s.must(err)
	a.Session = uuid.New()
	s.people[first] = a
	return id
}

func (s *testServer) expert(network, pool uuid.UUID, name, discipline string) {
	s.t.Helper()
	id := s.add(pool, account.Expert, name)
	s.must(s.Pool.Add(s.t.Context(), network, pool, expertpool.Expert{ID: id, Discipline: discipline, Place: "Hafen", Specialty: "Alltag", HoursPerMonth: 2}))
}

// newCase makes a case of Anna's with a released summary, and with a consent for disciplines if there are any.
func (s *testServer) newCase(disciplines ...string) uuid.UUID {
	s.t.Helper()
	anna, ctx := s.people["Anna"], s.t.Context()
	id, err := s.Cases.New(ctx, anna, pseudonym.Identity{FirstName: "Vorname", LastName: "Geheimniss"}, casefile.Summary{
		Situation: "Situation: Rücken und Panik.", Resources: "fährt Rad", Tried: "Physiotherapie", Goals: "unter Leute", Limits: "kein Schichtdienst",
	})
	s.must(err)
	s.release(id, 1)
	if len(disciplines) > 0 {
		s.must(s.Conferences.Grant(ctx, anna, id, s.consentTo(disciplines...)))
	}
	return id
}

// release takes a version of Anna's all the way: she checks it, Doris releases it.
func (s *testServer) release(id uuid.UUID, version int) {
	s.t.Helper()
	s.must(s.Cases.Check(s.t.Context(), s.people["Anna"], id, version, ""))
	s.must(s.Cases.Release(s.t.Context(), s.people["Doris"], id, casefile.Releasing{Version: version}))
}

// consentTo is a consent for a year towards these disciplines of the pool, with the client's presence and later conferences.
func (s *testServer) consentTo(disciplines ...string) casefile.Consent {
	today := expertpool.Today(s.Now())
	return casefile.Consent{
		Purposes: []casefile.Purpose{casefile.Conference, casefile.Presence, casefile.FollowUp}, Circle: disciplines,
		Organisations: []uuid.UUID{s.people["Clara"].Organisation}, ValidUntil: today.AddDate(1, 0, 0), SignedOn: today, Explained: true,
	}
}

// consentForm is the form of a consent towards these disciplines of the pool.
func (s *testServer) consentForm(disciplines ...string) url.Values {
	v := typed("purposes", "conference", "organisations", s.people["Clara"].Organisation.String(), "valid_until", "2027-06-30", "signed_on", "2026-11-23",
		"language", "de", "explained", "yes")
	v["circle"] = disciplines
	return v
}

// request submits a question about a case.
func (s *testServer) request(caseID uuid.UUID) uuid.UUID {
	s.t.Helper()
	id, err := s.Conferences.Submit(s.t.Context(), s.people["Anna"], conference.Request{
		CaseID: caseID, Question: "Wie viele Stunden sind zumutbar?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "physiotherapy"}, OwnWish: "Drei Vormittage, draußen.",
	})
	s.must(err)
	return id
}

// convened makes a conference tomorrow at ten with Ewald and Frieda, and returns its code.
func (s *testServer) convened() string {
	s.t.Helper()
	return s.convenedFor(s.newCase("psychiatry", "physiotherapy"))
}

func (s *testServer) convenedFor(caseID uuid.UUID) string {
	s.t.Helper()
	code, err := s.Conferences.Convene(s.t.Context(), s.people["Clara"], s.request(caseID), conference.Panel{
		Experts: []uuid.UUID{s.people["Ewald"].ID, s.people["Frieda"].ID}, Starts: testBegins.AddDate(0, 0, 1).Add(time.Hour), Length: 25 * time.Minute,
	})
	s.must(err)
	return code
}

// accept lets experts say yes, and that they have no tie to the person.
func (s *testServer) accept(code string, names ...string) {
	s.t.Helper()
	for _, n := range names {
		id, err := s.Conferences.OwnInvitation(s.t.Context(), s.people[n], code)
		s.must(err)
		a, err := s.Conferences.Invited(s.t.Context(), s.people[n], id)
		s.must(err)
		s.must(s.Conferences.Answer(s.t.Context(), s.people[n], id, a.Sequence, conference.Accepted, ""))
		s.must(s.Conferences.Declare(s.t.Context(), s.people[n], code, conference.NoTie))
	}
}

// opened makes a conference that is live, with Ewald accepted and Frieda not.
func (s *testServer) opened() string {
	s.t.Helper()
	code := s.convened()
	s.accept(code, "Ewald")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(s.t.Context(), s.people["Clara"], code))
	return code
}

// proposed adds a measure for somebody, due in three weeks, and returns its id.
func (s *testServer) proposed(code, name string) uuid.UUID {
	s.t.Helper()
	due := expertpool.Today(s.Now()).AddDate(0, 0, 21)
	s.must(s.Conferences.Propose(s.t.Context(), s.people["Clara"], code, "Arbeitserprobung beginnen", s.people[name].ID, due, ""))
	return query[uuid.UUID](s, `select id from measure order by proposed_at desc, id limit 1`)
}

// ended makes a conference that has ended, with a draft of its minutes.
func (s *testServer) ended() string {
	s.t.Helper()
	code := s.opened()
	s.must(s.Conferences.End(s.t.Context(), s.people["Clara"], code))
	return code
}

var linkInMail = regexp.MustCompile(`http://\S+/(?:answer|measure|follow-up|poll)/\S+`)

// link is the path of the newest link that somebody got in a mail of that kind.
func (s *testServer) link(name, kind string) string {
	s.t.Helper()
	text := query[string](s, `
		select body_text from message_out
		where to_email = $1 and kind = $2
		order by position desc limit 1`, strings.ToLower(name)+"@konsil.test", kind)
	return strings.TrimPrefix(linkInMail.FindString(text), s.URL)
}

// state is everything that the database holds, as a fingerprint of each table. What is written because somebody looked (the
// record of sightings, when a session was last seen) is left out: it is not what a page is about.
func (s *testServer) state() map[string]string {
	s.t.Helper()
	rows, err := s.db.Query(s.t.Context(), `
		select table_schema || '.' || table_name from information_schema.tables
		where table_schema in ('public', 'vault') and table_type = 'BASE TABLE'
			and table_name not in ('session', 'guess_pace', 'passkey_challenge', 'goose_db_version') and table_name not like 'river%'`)
	s.must(err)
	var names []string
	for rows.Next() {
		var n string
		s.must(rows.Scan(&n))
		names = append(names, n)
	}
	s.must(rows.Err())
	state := map[string]string{}
	for _, n := range names {
		state[n] = query[string](s, fmt.Sprintf(`select count(*) || ' ' || coalesce(md5(string_agg(r::text, '|' order by r::text)), '') from %s r`, n))
	}
	state["audit"] = query[string](s, `select count(*)::text from audit.entry where action <> all($1) and action not in ('sign_in', 'sign_out')`, casefile.Looked)
	return state
}

// unchanged fails unless do leaves the database as it is.
func (s *testServer) unchanged(what string, do func()) {
	s.t.Helper()
	before := s.state()
	do()
	after := s.state()
	for _, table := range slices.Sorted(maps.Keys(before)) {
		if before[table] != after[table] {
			s.t.Errorf("%s changed %s: %s, was %s", what, table, after[table], before[table])
		}
	}
}

// browser is somebody with a cookie jar.
type browser struct {
	s    *testServer
	http *http.Client
}

// answered is what a browser got at the end of all redirects.
type answered struct {
	Status int
	Body   string
	Path   string
	Header http.Header
}

// Has tells whether the page shows a text.
func (a answered) Has(text string) bool { return strings.Contains(html.UnescapeString(a.Body), text) }

// visitor is a browser of somebody who is not signed in.
func (s *testServer) visitor() *browser {
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &browser{s, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// as signs in as one of the people.
func (s *testServer) as(name string) *browser {
	s.t.Helper()
	b := s.visitor()
	if a := b.post("/rehearse/"+s.people[name].ID.String(), nil); a.Status != http.StatusOK {
		s.t.Fatalf("rehearse as %s: %d", name, a.Status)
	}
	return b
}

func (b *browser) get(path string) answered {
	b.s.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

// post sends a form: name, value, name, value, …
func (b *browser) post(path string, form url.Values) answered {
	b.s.t.Helper()
	return b.do(http.MethodPost, path, form)
}

func (b *browser) do(method, path string, form url.Values) answered {
	b.s.t.Helper()
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, b.s.URL+path, strings.NewReader(form.Encode()))
	b.s.must(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a, err := b.http.Do(r)
	b.s.must(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	b.s.must(err)
	if strings.Contains(string(body), "⟨") {
		b.s.t.Errorf("%s %s: words are missing: %v", method, path, regexp.MustCompile(`⟨[^⟩]*⟩`).FindAllString(string(body), -1))
	}
	return answered{a.StatusCode, string(body), a.Request.URL.Path, a.Header}
}

// typed makes a form of pairs.
func typed(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}
