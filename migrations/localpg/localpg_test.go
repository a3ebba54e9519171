//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/migrations"
)

func TestTheSecondStartFindsTheData(t *testing.T) {
	t.Parallel()
	o := Options{Dir: filepath.Join(place(t, 0o755), "missing", "data")}
	var said []string
	o.Log = func(line string) { said = append(said, line) }
	began := time.Now()
	c, err := Start(t.Context(), o) // with fsync, as in earnest
	if err != nil {
		t.Fatal(err)
	}
	first := time.Since(began)
	ask(t, c.URL(), "create table kept (n int)", "insert into kept values (7)")
	began = time.Now()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Since(began)
	began = time.Now()
	if c, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	second := time.Since(began)
	defer c.Stop()
	if got := ask(t, c.URL(), "select n from kept"); got != "7" {
		t.Errorf("found %q", got)
	}
	if len(said) != 2 || !strings.Contains(said[0], "creating data") || !strings.Contains(said[1], "data in") {
		t.Errorf("said %q", said)
	}
	t.Logf("first start %v, stop %v, second start %v", first, stopped, second)
}

func TestOfTwoStartsAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	var clusters [2]*Cluster
	var errs [2]error
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { clusters[i], errs[i] = Start(t.Context(), Options{Dir: dir, Test: true}) })
	}
	wg.Wait()
	won := 0
	if errs[0] != nil {
		won = 1
	}
	if errs[won] != nil {
		t.Fatalf("nobody won: %v, %v", errs[0], errs[1])
	}
	defer clusters[won].Stop()
	if err := errs[1-won]; !errors.Is(err, ErrInUse) {
		t.Errorf("the other got %v", err)
	}
	ask(t, clusters[won].URL(), "select 1")
}

func TestAnAdminCommandJoinsTheRunningServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	var owner, guest *Cluster
	var wg sync.WaitGroup
	wg.Go(func() { owner = begin(t, Options{Dir: dir}) })
	for Idle(dir) { // the owner has the lock, and the database is still to be made
		time.Sleep(time.Millisecond)
	}
	guest, err := Start(t.Context(), Options{Dir: dir, Join: true})
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	ask(t, owner.URL(), "create table seen ()")
	ask(t, guest.URL(), "select from seen")
	if err := guest.Stop(); err != nil {
		t.Fatal(err)
	}
	ask(t, owner.URL(), "select from seen")
}

func TestAKilledOwnerLeavesNoServerAndTheNextStartNeedNotWait(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	r := spawn(t, -1, order{Dir: dir})
	ask(t, r.URL, "create table kept (n int)", "insert into kept values (7)")
	server := postmaster(t, dir)
	if err := r.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.process.Wait()
	began := time.Now()
	c := begin(t, Options{Dir: dir}) // at once, as a service manager would
	t.Logf("started again %v after the kill", time.Since(began))
	if got := ask(t, c.URL(), "select n from kept"); got != "7" {
		t.Errorf("found %q", got)
	}
	gone(t, server)
}

func TestAKilledOwnersServerIsGoneSoon(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	r := spawn(t, -1, order{Dir: dir})
	server := postmaster(t, dir)
	if Idle(dir) {
		t.Error("a directory with a cluster counts as idle")
	}
	if err := r.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.process.Wait()
	t.Logf("server gone %v after the kill", gone(t, server))
	for began := time.Now(); !Idle(dir); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatal("something still holds the directory")
		}
	}
}

func TestCtrlCReachesTheOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	r := spawn(t, -1, order{Dir: dir})
	if err := syscall.Kill(-r.process.Process.Pid, syscall.SIGINT); err != nil { // what a terminal does
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	ask(t, r.URL, "select 1")
	server := postmaster(t, dir)
	r.stop()
	gone(t, server)
}

func TestStoppingAgainDoesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	c := begin(t, Options{Dir: dir})
	server := postmaster(t, dir)
	select {
	case <-c.Ended():
		t.Error("ended before Stop")
	default:
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := c.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	<-c.Ended()
	if alive(server) {
		t.Error("the server outlived Stop")
	}
	if !Idle(dir) {
		t.Error("the directory is not idle")
	}
}

func TestALongOrOddPathIsNoObstacle(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"long": strings.Repeat("x", 130),
		"odd":  `Daten, "[*?]" Ä \ %`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(place(t, 0o755), part)
			c := begin(t, Options{Dir: dir})
			ask(t, c.URL(), "create table seen ()")
			guest := begin(t, Options{Dir: dir, Join: true})
			ask(t, guest.URL(), "select from seen")
			short, err := os.Readlink(filepath.Join(dir, "sock"))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(short); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s stayed behind", short)
			}
			ask(t, begin(t, Options{Dir: dir}).URL(), "select from seen")
		})
	}
}

func TestOnlyThePasswordOpensTheDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	c := begin(t, Options{Dir: dir})
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("konsil", "wrong")
	if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password opens the database")
	}
	if got := ask(t, c.URL(), "show listen_addresses"); got != "" {
		t.Errorf("listens on %q", got)
	}
	for name, most := range map[string]os.FileMode{
		".": 0o710, "postgres.password": 0o600, "postgres.log": 0o600, "lock": 0o600, "sock": 0o700,
		"sock/.s.PGSQL.5432": 0o700,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&^most != 0 {
			t.Errorf("%s has mode %o, at most %o is right", name, mode, most)
		}
	}
}

func TestTheLogKeepsNoValues(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	c := begin(t, Options{Dir: dir})
	ask(t, c.URL(), "create table person (name text primary key)", "insert into person values ('Geheimrat')")
	conn, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, sql := range []string{
		"insert into person values ('Geheimrat')", "select 'Geheimrat'::int", "Geheimrat",
		"do $$ begin raise warning 'Geheimrat'; end $$",
	} {
		_, _ = conn.Exec(t.Context(), sql) // three fail, that is the point
	}
	text, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "ready to accept connections") {
		t.Errorf("this is not the server's log: %s", text)
	}
	if strings.Contains(string(text), "Geheimrat") {
		t.Errorf("the log quotes what was stored: %s", text)
	}
}

func TestAServerThatCannotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(place(t, 0o755), "data")
	c := begin(t, Options{Dir: dir})
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	data, _, err := existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("no_such_setting = 1\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = Start(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to notice", took)
	}
	if !Idle(dir) {
		t.Error("the directory is not idle")
	}
}

func TestAnInterruptedFirstStartIsBegunAnew(t *testing.T) {
	t.Parallel()
	dir := place(t, 0o755)
	if err := os.MkdirAll(filepath.Join(dir, "pg15.new", "half"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pg15.new", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask(t, begin(t, Options{Dir: dir}).URL(), "select 1")
}

func TestDataOfAnotherVersionIsLeftUntouched(t *testing.T) {
	t.Parallel()
	dir := place(t, 0o755)
	file := filepath.Join(dir, "pg14", "PG_VERSION")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("14\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir})
	if !errors.Is(err, ErrVersion) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"PostgreSQL 14", "found only", "data left untouched"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "14\n" {
		t.Errorf("the data became %q, %v", text, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 { // the lock is the other
		t.Errorf("beside the data: %v %v", left, err)
	}
}

func TestWordsAreSortedAndStemmedTheGermanWay(t *testing.T) {
	t.Parallel()
	c := begin(t, Options{Dir: filepath.Join(place(t, 0o755), "data")})
	got := ask(t, c.URL(), `select string_agg(w, ',' order by w)
		from unnest(array['Zebra', 'öl', 'Ost', 'Apfel', 'Ärger']) w`)
	if got != "Apfel,Ärger,öl,Ost,Zebra" {
		t.Errorf("sorted: %s", got)
	}
	if got := ask(t, c.URL(), "select to_tsvector('german', 'Jugendämter')"); !strings.Contains(got, "jugendamt") {
		t.Errorf("stemmed: %s", got)
	}
}

func TestDataThatKnowsNoGermanIsRefused(t *testing.T) {
	t.Parallel()
	dir := place(t, 0o755)
	lock, err := takeLock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &launch{Options: Options{Test: true}, dir: dir, lock: lock}
	if _, err := l.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.major >= 18 {
		t.Skipf("SKIPPED: PostgreSQL %d stems German in every locale", l.major)
	}
	if err := l.initdb(t.Context(), []string{"--no-locale"}); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, migrations.ErrGermanText) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(l.data, "PG_VERSION")); err != nil {
		t.Errorf("the data was touched: %v", err)
	}
}
