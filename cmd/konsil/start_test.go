//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/konsil-server/konsil/migrations/localpg"
)

// newcomer is a site as somebody has it who has just cloned the project: a plain build, run inside the checkout.
func newcomer(t *testing.T) *site {
	t.Helper()
	s := newSite(t, program(t))
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s.cwd = checkout
	return s
}

func TestTheFirstStartSeedsTheRehearsalAndTheSecondFindsIt(t *testing.T) {
	t.Parallel()
	s := newcomer(t)
	first := s.serve()
	at := -1
	for _, step := range []string{"creating data in " + s.data, "Seeding the rehearsal network", "Evaluation mode", "konsil is ready: " + s.url} {
		i := strings.Index(first.out.String(), step)
		if i <= at {
			t.Errorf("%q is missing or out of order in:\n%s", step, first.said())
		}
		at = i
	}
	for _, page := range []string{"/livez", "/readyz"} {
		if status, body := s.get(page); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s answers %d %q", page, status, body)
		}
	}
	seeded := s.network()
	if !strings.HasPrefix(seeded, "3 organisations, 24 experts, 8 cases, 4 conferences ") {
		t.Errorf("seeded: %s", seeded)
	}
	s.examples()
	s.startPage()
	if first.err.String() != "" {
		t.Errorf("a start in good order complains:\n%s", first.err)
	}
	first.stop()
	s.deserted(0)

	second := s.serve()
	if out := second.out.String(); strings.Contains(out, "Seeding") || strings.Contains(out, "creating") {
		t.Errorf("the second start begins anew:\n%s", out)
	}
	if found := s.network(); found != seeded {
		t.Errorf("the first start left %s, the second found %s", seeded, found)
	}
	second.stop()
	s.deserted(0)
}

// network describes what is seeded; the codes of the conferences tell one seed from another.
func (s *site) network() string {
	s.t.Helper()
	return value[string](s, `
		select (select count(*) from organisation) || ' organisations, ' || (select count(*) from expert) || ' experts, '
		    || (select count(*) from case_file) || ' cases, ' || (select count(*) from conference) || ' conferences '
		    || (select string_agg(code, ' ' order by code) from conference)`)
}

// examples looks for what a newcomer finds beside the conference of today.
func (s *site) examples() {
	s.t.Helper()
	for what, c := range map[string]struct{ sql, want string }{
		"the slot":                          {`select string_agg(name, ', ') from series`, "Mittwochsrunde"},
		"its cases, on one day":             {`select count(*) || ' on ' || count(distinct starts_at::date) from conference where series_id is not null`, "2 on 1"},
		"the poll":                          {`select count(asked_at) || ' asked, ' || count(answered_at) || ' answered' from poll_voice`, "4 asked, 2 answered"},
		"it is open":                        {`select coalesce(closed, 'open') from poll`, "open"},
		"the conference in writing":         {`select state || ', ' || opened_why from conference c join opinion_round r on r.conference_id = c.id`, "minutes_draft, all"},
		"the conference of today, as first": {`select question from conference order by created_at limit 1`, rehearsalCases[0].question},
		"what is typed in their notes":      {`select (select count(*) from note_update) + (select count(*) from note_snapshot) || ''`, "0"},
	} {
		if got := value[string](s, c.sql); got != c.want {
			s.t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

// startPage looks at the first page: everybody can be signed in as, and what it refers to is there.
func (s *site) startPage() {
	s.t.Helper()
	status, page := s.get("/")
	if n := len(regexp.MustCompile(`action="/rehearse/[0-9a-f-]{36}"`).FindAllString(page, -1)); status != http.StatusOK || n != 33 {
		s.t.Errorf("the start page answers %d and offers %d people, want 33", status, n)
	}
	assets := regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) == 0 {
		s.t.Errorf("the start page refers to no asset:\n%s", page)
	}
	for _, a := range assets {
		if status, _ := s.get(a[1]); status != http.StatusOK {
			s.t.Errorf("%s answers %d", a[1], status)
		}
	}
}

func TestBesideARunningServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	server := s.serve()

	// In this order, on one server: the last one spoils its data.
	t.Run("a second one on its directory is turned away in one clear line", func(t *testing.T) { secondIsTurnedAway(t, s) })
	t.Run("a page elsewhere cannot reach it under a name of its own", func(t *testing.T) { foreignHostIsRefused(t, s) })
	t.Run("an added user signs in by password", func(t *testing.T) { addedUserSignsIn(t, s) })
	t.Run("the vault's key is changed under it", func(t *testing.T) { vaultKeyIsChanged(t, s) })
	t.Run("the audit record is verified, and a changed entry is named", func(t *testing.T) { changedEntryIsNamed(t, s) })
	if status, _ := s.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d after all this", status)
	}
	server.stop()
	s.deserted(0)
}

func secondIsTurnedAway(t *testing.T, s *site) {
	other := s.within(t)
	other.env = append(s.env[:len(s.env):len(s.env)], "KONSIL_ADDR="+freePort(t, "tcp"), "KONSIL_RTC_ADDR="+freePort(t, "udp"))
	began := time.Now()
	p := other.start()
	code := p.wait(60 * time.Second)
	said := strings.TrimSpace(p.err.String())
	if code != 1 || strings.Contains(said, "\n") || !strings.Contains(said, "another konsil is using this data directory") || !strings.Contains(said, "KONSIL_DATA") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	if strings.Contains(p.out.String(), "ready") {
		t.Errorf("it said:\n%s", p.out)
	}
	t.Logf("after %v: %s", time.Since(began).Round(time.Millisecond), said)
}

func foreignHostIsRefused(t *testing.T, s *site) {
	port := s.addr[strings.LastIndex(s.addr, ":"):]
	for host, want := range map[string]int{
		"konsil.example.org": http.StatusMisdirectedRequest, "localhost.example.org" + port: http.StatusMisdirectedRequest,
		"127.0.0.1.example.org": http.StatusMisdirectedRequest, "192.0.2.7" + port: http.StatusMisdirectedRequest,
		"localhost" + port: http.StatusOK, "127.0.0.1" + port: http.StatusOK, "[::1]" + port: http.StatusOK,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("host %s is answered %d, want %d", host, res.StatusCode, want)
		}
	}
}

func addedUserSignsIn(t *testing.T, s *site) {
	s = s.within(t)
	add := []string{"user", "add", "-role", "caseworker", "-name", "Nele Neu", "-email", "nele.neu@jc-neustadt.test", "-organisation", "Jobcenter Neustadt"}
	code, said := s.run(add...)
	link := setUpLinkIn(said)
	if code != 0 || link == "" {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	const password = "vier+ruhige+Gänse+fliegen"
	b := s.setsUp(link, password)
	if _, err := s.signInByPassword("nele.neu@jc-neustadt.test", "x"+password); err == nil {
		t.Error("signed in with another password")
	}
	half, err := s.signInByPassword("nele.neu@jc-neustadt.test", password)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := half.Get(s.url + "/cases"); err != nil {
		t.Fatal(err)
	} else if res.Body.Close(); res.StatusCode == http.StatusOK {
		t.Error("the password alone opens the cases")
	}
	res, err := b.Get(s.url + "/cases")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the new caseworker's cases answer %d", res.StatusCode)
	}
	if code, said := s.run(add...); code != 1 || !strings.Contains(said, "address is taken") {
		t.Errorf("adding her again: exit code %d\n%s", code, said)
	}
	if code, said := s.run("user", "add", "-role", "expert", "-name", "Dr. Neu", "-email", "neu@pool.test", "-organisation", "Pool"); code != 1 || !strings.Contains(said, "-discipline") {
		t.Errorf("an expert without a discipline: exit code %d\n%s", code, said)
	}
	for words, says := range map[string]string{
		"": "usage: ", "niemand@jc-neustadt.test": "no account has this name or address", "Nele Neu": "account disabled",
	} {
		code, said := s.run(append([]string{"user", "disable"}, strings.Fields(words)...)...)
		if (code == 0) != (words == "Nele Neu") || !strings.Contains(said, says) {
			t.Errorf("disabling %q: exit code %d\n%s", words, code, said)
		}
	}
	if _, err := s.signInByPassword("nele.neu@jc-neustadt.test", password); err == nil {
		t.Error("a disabled account signs in")
	}
	if res, err := b.Get(s.url + "/cases"); err != nil {
		t.Fatal(err)
	} else if res.Body.Close(); res.StatusCode == http.StatusOK {
		t.Error("a disabled account is still signed in")
	}
}

// within is the site for a subtest.
func (s *site) within(t *testing.T) *site {
	own := *s
	own.t = t
	return &own
}

// signInByPassword fails when the server does not let in.
func (s *site) signInByPassword(email, password string) (*browser, error) {
	b, err := newBrowser(s.url)
	if err != nil {
		return nil, err
	}
	return b, b.post(s.t.Context(), "/sign-in", "email="+email+"&password="+password, nil)
}

// setUpLinkIn is the path of the link that a command has shown, "" if none.
func setUpLinkIn(said string) string { return regexp.MustCompile(`/setup/\S+`).FindString(said) }

// setsUp follows a set-up link: a password, then an app. It returns the browser, which is signed in.
func (s *site) setsUp(link, password string) *browser {
	s.t.Helper()
	b, err := newBrowser(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	send := func(path, form string) {
		s.t.Helper()
		if err := b.post(s.t.Context(), path, form, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	send(link, "password="+password)
	send("/me/security/codes", "")
	res, err := b.Get(s.url + "/me/security/codes")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	secret := regexp.MustCompile(`class="secret num">([A-Z2-7 ]+)<`).FindSubmatch(page)
	if secret == nil {
		s.t.Fatalf("no secret for an app:\n%s", page)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(string(secret[1]), " ", ""), time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	send("/me/security/codes/confirm", "code="+code)
	return b
}

func vaultKeyIsChanged(t *testing.T, s *site) {
	s = s.within(t)
	people := value[int](s, `select count(*) from case_file`)
	code, said := s.run("keys", "rotate")
	files := value[int](s, `select count(*) from attachment`)
	if code != 0 || !strings.Contains(said, fmt.Sprintf("%[1]d of %[1]d people are under the new key", people)) ||
		!strings.Contains(said, fmt.Sprintf("%[1]d of %[1]d attachments are under the new key", files)) {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	jana, err := signIn(t.Context(), s.url, value[string](s, `select id::text from account where name = 'Jana Brandt'`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := jana.PostForm(s.url+"/cases/find", url.Values{"who": {"Mustermann"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	alias := value[string](s, `select pseudonym from case_file c join conference_request r on r.case_id = c.id where r.question like 'Wie viele Stunden%'`)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(page), alias) {
		t.Errorf("after the change the running server finds nobody: %s, %v", res.Status, err)
	}
}

func changedEntryIsNamed(t *testing.T, s *site) {
	s = s.within(t)
	code, said := s.run("audit", "verify")
	entries := value[int](s, `select count(*) from audit.entry`)
	if code != 0 || entries == 0 || !strings.Contains(said, fmt.Sprintf("audit record holds: %d entries checked", entries)) {
		t.Fatalf("of %d entries, exit code %d:\n%s", entries, code, said)
	}
	conn := s.database()
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `update audit.chain set reason = 'x'`); err == nil {
		t.Fatal("the database lets an entry be changed")
	}
	var organisation string
	var seq int64
	for _, sql := range []string{
		`alter table audit.chain disable trigger entry_stays`,
		`update audit.chain set object_id = 'x' where (organisation_id, seq) = (select organisation_id, max(seq) from audit.chain group by 1 limit 1)`,
		`alter table audit.chain enable trigger entry_stays`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	err := conn.QueryRow(t.Context(), `select organisation_id::text, seq from audit.chain where object_id = 'x'`).Scan(&organisation, &seq)
	if err != nil {
		t.Fatal(err)
	}
	code, said = s.run("audit", "verify")
	if code != 1 || !strings.Contains(said, fmt.Sprintf("organisation %s: entry %d changed", organisation, seq)) {
		t.Errorf("entry %d of %s was changed; exit code %d:\n%s", seq, organisation, code, said)
	}
}

func TestOfTwoFirstStartsAtOnceOneServes(t *testing.T) {
	t.Parallel()
	one := newSite(t, program(t, "release"))
	two := *one
	two.addr = freePort(t, "tcp")
	two.url = "http://" + two.addr
	two.env = append(one.env[:len(one.env):len(one.env)], "KONSIL_ADDR="+two.addr, "KONSIL_PUBLIC_URL="+two.url, "KONSIL_RTC_ADDR="+freePort(t, "udp"))
	winner, loser := one.start(), two.start()
	site := one
	select {
	case <-winner.ended:
		site, winner, loser = &two, loser, winner
	case <-loser.ended:
	case <-time.After(60 * time.Second):
		t.Fatalf("both live on:\n%s%s", winner.said(), loser.said())
	}
	winner.awaitLine("konsil is ready: " + site.url)
	if code := loser.wait(time.Second); code != 1 || !strings.Contains(loser.err.String(), "another konsil is using this data directory") {
		t.Errorf("exit code %d:\n%s", code, loser.said())
	}
	if found := site.network(); !strings.HasPrefix(found, "3 organisations, 24 experts, 8 cases, 4 conferences ") {
		t.Errorf("seeded: %s", found)
	}
	winner.stop()
}

func TestAKilledServerLeavesNoPostgreSQLBehind(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	server := s.serve()
	if before := inhabitants(t, s.data); len(before) < 3 {
		t.Fatalf("the search finds %v in a running cluster, which proves nothing", before)
	}
	server.kill()
	t.Logf("nothing left %v after the kill", s.deserted(5*time.Second).Round(time.Millisecond))
	again := s.serve() // and the data is in order
	if strings.Contains(again.out.String(), "Seeding") {
		t.Errorf("the start after the kill begins anew:\n%s", again.out)
	}
	again.stop()
}

func TestAServerWhosePostgreSQLIsKilledSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	server := s.serve()
	s.get("/readyz") // it serves: what it says from here on is not about its start
	s.killDatabase()
	killed := time.Now()
	code := server.wait(60 * time.Second)
	t.Logf("the server ended %v later:\n%s", time.Since(killed).Round(time.Millisecond), server.err)
	if code != 1 || !strings.Contains(server.err.String(), "konsil: the private PostgreSQL has ended") {
		t.Errorf("exit code %d:\n%s", code, server.said())
	}
	s.deserted(5 * time.Second)
	again := s.serve()
	if found := s.network(); !strings.HasPrefix(found, "3 organisations, 24 experts, 8 cases, 4 conferences ") {
		t.Errorf("after that: %s", found)
	}
	again.stop()
}

func TestASignalDuringTheStartEndsItCleanly(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	lock := filepath.Join(s.data, "lock") // made before anything else
	for _, moment := range []string{lock, "creating data in", "Seeding"} {
		p := s.start()
		p.await(moment, func() bool {
			_, err := os.Stat(moment)
			return err == nil || strings.Contains(p.out.String(), moment)
		})
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		began := time.Now()
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		code := p.wait(60 * time.Second)
		t.Logf("told after %q: exit code %d after %v, %d lines of complaint", moment, code, time.Since(began).Round(time.Millisecond), strings.Count(p.err.String(), "\n"))
		if code != 0 || p.err.String() != "" {
			t.Errorf("a signal after %q: exit code %d\n%s", moment, code, p.said())
		}
		s.deserted(0)
	}
	whole := s.serve() // what was cut off is completed
	if found := s.network(); !strings.HasPrefix(found, "3 organisations, 24 experts, 8 cases, 4 conferences ") {
		t.Errorf("after starts that were cut off: %s", found)
	}
	whole.stop()
}

func TestWrongSettingsStopTheStartAndAreNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	for _, c := range []struct{ setting, names string }{
		{"KONSIL_ADRESS=127.0.0.1:1", "KONSIL_ADRESS"},
		{"KONSIL_ADDR=8080", "KONSIL_ADDR"},
		{"KONSIL_ADDR=127.0.0.1:abc", "KONSIL_ADDR"},
		{"KONSIL_PEER_TO_PEER=yes", "KONSIL_PEER_TO_PEER"},
		{"KONSIL_OPS_ADDR=0.0.0.0:9090", "KONSIL_OPS_ADDR"},
		{"KONSIL_TRUSTED_PROXIES=0.0.0.0/0", "KONSIL_TRUSTED_PROXIES"},
		{"KONSIL_ADDR=127.0.0.1:99999", "KONSIL_ADDR"},
		{"KONSIL_ADDR=0.0.0.0:8080", "KONSIL_ADDR"},
		{"KONSIL_ADDR=:8080", "KONSIL_ADDR"},
		{"KONSIL_ADDR=192.0.2.7:8080", "KONSIL_ADDR"},
		{"KONSIL_PUBLIC_URL=konsil.example.org", "KONSIL_PUBLIC_URL"},
		{"KONSIL_PUBLIC_URL=https://konsil.example.org", "KONSIL_PUBLIC_URL"},
		{"KONSIL_PUBLIC_URL=http://localhost:8080/konsil", "KONSIL_PUBLIC_URL"},
		{"KONSIL_PUBLIC_URL=http://[::1]:8080", "KONSIL_PUBLIC_URL"},
		{"KONSIL_RTC_ADDR=8443", "KONSIL_RTC_ADDR"},
		{"KONSIL_RTC_ADDR=127.0.0.1:abc", "KONSIL_RTC_ADDR"},
		{"KONSIL_RTC_PUBLIC_IP=konsil.example.org", "KONSIL_RTC_PUBLIC_IP"},
		{"KONSIL_MAIL_FROM=termine", "KONSIL_MAIL_FROM"},
		{"KONSIL_MAIL_FROM=termine@local@host", "KONSIL_MAIL_FROM"},
		{"KONSIL_SMTP_URL=http://relay.example.org", "KONSIL_SMTP_URL"},
		{"KONSIL_SMTP_URL=smtps://somebody:sesame@relay.example.org", "KONSIL_SMTP_URL"},
		{"DATABASE_URL=mysql://somebody:sesame@localhost/x", "DATABASE_URL"},
		{"DATABASE_URL=host=localhost port=never password=sesame", "DATABASE_URL"},
	} {
		t.Run(c.setting, func(t *testing.T) {
			own := s.within(t)
			own.env = append(s.env[:len(s.env):len(s.env)], c.setting)
			p := own.start()
			code, said := p.wait(60*time.Second), strings.TrimSpace(p.err.String())
			if code != 1 || !strings.Contains(said, c.names) || strings.Contains(said, "\n") {
				t.Errorf("exit code %d:\n%s", code, said)
			}
			if strings.Contains(said, "sesame") {
				t.Errorf("the password is shown:\n%s", said)
			}
		})
	}
	if _, err := os.Stat(s.data); err == nil {
		t.Errorf("a start that was refused has made %s", s.data)
	}
}

func TestAnUnknownWordShowsTheCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	for _, words := range []string{"sevre", "user", "user remove", "audit", "serve now"} {
		code, said := s.run(strings.Fields(words)...)
		if code != 1 || !strings.Contains(said, "user add, user link, user disable, audit verify") {
			t.Errorf("konsil %s: exit code %d\n%s", words, code, said)
		}
	}
}

func TestAnOrdinaryUserCanStartIt(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: this run is an ordinary user's already; run the tests as root to cover becoming one")
	}
	s := newSite(t, program(t, "release"))
	const nobody = 65534
	home := filepath.Join(s.cwd, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	s.uid, s.cwd, s.data = nobody, home, filepath.Join(home, ".konsil") // which is where it looks when nothing is set
	s.env = append(without(s.env, "KONSIL_DATA"), "HOME="+home)
	server := s.serve()
	if found := s.network(); !strings.HasPrefix(found, "3 organisations") {
		t.Errorf("seeded: %s", found)
	}
	server.stop()
	s.deserted(0)
}

func without(env []string, name string) (rest []string) {
	for _, kv := range env {
		if !strings.HasPrefix(kv, name+"=") {
			rest = append(rest, kv)
		}
	}
	return rest
}

func TestTheReleaseBuildNeedsNeitherCheckoutNorNode(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	empty := filepath.Join(s.cwd, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	s.cwd = empty
	s.env = append(without(s.env, "PATH"), "PATH="+empty)
	server := s.serve()
	s.startPage()
	server.stop()
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("it left %v in the working directory (%v)", left, err)
	}
}

func TestWithADatabaseOfItsOwnNothingIsRehearsed(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t, "release"))
	db, err := localpg.Start(t.Context(), localpg.Options{Dir: place(t, true), Test: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.env = append(s.env, "DATABASE_URL="+db.URL())
	if code, said := s.run("migrate"); code != 0 || !strings.Contains(said, "database is up to date") {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	code, said := s.run("user", "add", "-role", "coordinator", "-name", "Karla Neu", "-email", "karla.neu@netz.test", "-organisation", "Netzwerkstelle", "-kind", "pool")
	link := setUpLinkIn(said)
	if code != 0 || link == "" {
		t.Fatalf("exit code %d:\n%s", code, said)
	}
	server := s.serve()
	s.setsUp(link, "vier+ruhige+Gänse+fliegen")
	if _, page := s.get("/"); strings.Contains(page, "/rehearse/") {
		t.Error("the start page offers people to sign in as")
	}
	if status, _ := s.get("/outbox"); status != http.StatusNotFound {
		t.Errorf("/outbox answers %d", status)
	}
	if _, err := os.Stat(filepath.Join(s.data, "lock")); err == nil {
		t.Error("a cluster of its own was started although a database was named")
	}
	if code, said := s.run("audit", "verify"); code != 0 {
		t.Errorf("audit verify: exit code %d\n%s", code, said)
	}
	edition := filepath.Join(t.TempDir(), "icf.xml")
	file := `<ClaML version="2.0.0"><Title name="ICF" version="2022"/><Class code="d850" kind="category"><Rubric kind="preferred"><Label>Muster</Label></Rubric></Class></ClaML>`
	if err := os.WriteFile(edition, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := s.run("icf", "import", edition); code != 0 || !strings.Contains(said, "titles of 1 categories, edition 2022") {
		t.Errorf("icf import: exit code %d\n%s", code, said)
	}
	server.stop()
}

// await waits for something to happen while the process lives.
func (p *process) await(what string, is func() bool) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("ended before %q:\n%s", what, p.said())
		default:
		}
		if time.Now().After(end) {
			p.t.Fatalf("never: %q\n%s", what, p.said())
		}
	}
}

func TestAPlainBuildOutsideTheCheckoutSaysWhatToDo(t *testing.T) {
	t.Parallel()
	code, said := newSite(t, program(t)).run()
	if code != 1 || !strings.Contains(said, "-tags release") {
		t.Errorf("exit code %d\n%s", code, said)
	}
}
