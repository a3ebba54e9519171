//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/migrations/localpg"
	"github.com/konsil-server/konsil/web"
	"github.com/konsil-server/konsil/web/checkout"
)

// The program as its users have it: a binary, an environment, a directory. Nothing of it runs in the test's own process.

// built are the binaries of this run, each made once: a test function has nowhere else to keep them.
var built = &builds{}

type builds struct {
	mu   sync.Mutex
	dir  string
	made map[string]string // tags → binary
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// program builds konsil with tags, and with those of the test itself. The race detector stays out: it watches the tests' own
// side here, and the packages have tests of their own.
func program(t *testing.T, tags ...string) string {
	t.Helper()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" && s.Value != "" {
				tags = append(tags, strings.Split(s.Value, ",")...)
			}
		}
	}
	slices.Sort(tags)
	key := strings.Join(slices.Compact(tags), ",")
	built.mu.Lock()
	defer built.mu.Unlock()
	if name, ok := built.made[key]; ok {
		return name
	}
	name, err := built.build(t, key)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (b *builds) build(t *testing.T, tags string) (string, error) {
	if b.dir == "" {
		b.dir, b.made = place(t, false), map[string]string{}
	}
	if _, err := web.LoadAssets(t.Context(), "", func(line string) { t.Log(line) }); err != nil { // for the release build to embed
		return "", err
	}
	if err := checkout.Prepare(t.Context(), func(line string) { t.Log(line) }); err != nil {
		return "", err
	}
	name := filepath.Join(b.dir, fmt.Sprint("konsil-", len(b.made)))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", tags, "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build -tags %q: %w\n%s", tags, err, out)
	}
	b.made[tags] = name
	return name, os.Chmod(name, 0o755)
}

// place makes a directory with a short name that every user can enter, as a socket and PostgreSQL's own user need it.
func place(t *testing.T, removed bool) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "konsil-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	if removed {
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
	}
	return dir
}

// site is where a konsil is run: its directories, addresses and settings. Programs are started on it one after the other.
type site struct {
	t    *testing.T
	bin  string
	cwd  string
	data string // KONSIL_DATA
	addr string
	url  string
	uid  int      // -1: who we are
	env  []string // beyond the settings below, and before them: the last of a name counts
}

// newSite prepares a start of bin in evaluation mode on free ports of loopback and in an empty directory.
func newSite(t *testing.T, bin string) *site {
	t.Helper()
	dir := place(t, true)
	s := &site{t: t, bin: bin, cwd: dir, data: filepath.Join(dir, "data"), addr: freePort(t, "tcp"), uid: -1}
	s.url = "http://" + s.addr
	if err := checkout.Lend(dir); err != nil { // npm's PostgreSQL, taken only where the machine has none of its own
		t.Fatal(err)
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "KONSIL_") && !strings.HasPrefix(name, "PG") && name != "DATABASE_URL" {
			s.env = append(s.env, kv)
		}
	}
	s.env = append(s.env, "KONSIL_DATA="+s.data, "KONSIL_ADDR="+s.addr, "KONSIL_PUBLIC_URL="+s.url, "KONSIL_RTC_ADDR="+freePort(t, "udp"), "KONSIL_OPS_ADDR=off")
	t.Cleanup(func() { s.deserted(20 * time.Second) })
	return s
}

// freePort finds one by taking it for a moment. A port for "udp" is free for TCP too.
func freePort(t *testing.T, network string) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		if network == "tcp" {
			return addr
		}
		if c, err := net.ListenPacket("udp", addr); err == nil {
			c.Close()
			return addr
		}
	}
}

// process is one run of the program. It is killed when the test ends, if it has not ended by then, and when the test's
// process dies.
type process struct {
	*exec.Cmd
	t        *testing.T
	out, err *transcript
	ended    chan struct{} // closed when it is gone
}

// start runs a command of konsil on the site; no arguments mean: serve.
func (s *site) start(args ...string) *process {
	s.t.Helper()
	p := &process{Cmd: exec.Command(s.bin, args...), t: s.t, out: newTranscript(), err: newTranscript(), ended: make(chan struct{})}
	p.Dir, p.Env, p.Stdout, p.Stderr, p.WaitDelay = s.cwd, s.env, p.out, p.err, 5*time.Second
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if s.uid >= 0 {
		p.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	if err := p.Cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.Cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	s.t.Cleanup(p.kill)
	return p
}

// serve starts the server and waits until it says that it is ready.
func (s *site) serve() *process {
	s.t.Helper()
	p := s.start()
	p.awaitLine("konsil is ready: " + s.url)
	return p
}

// run runs a command to its end and returns its exit code and all it said.
func (s *site) run(args ...string) (code int, said string) {
	s.t.Helper()
	p := s.start(args...)
	code = p.wait(60 * time.Second)
	return code, p.said()
}

func (p *process) said() string { return p.out.String() + p.err.String() }

func (p *process) awaitLine(line string) {
	p.t.Helper()
	select {
	case <-p.out.line(line):
	case <-p.ended:
		select {
		case <-p.out.line(line): // it did both
			return
		default:
		}
		p.t.Fatalf("ended with code %d before it said %q:\n%s", p.ProcessState.ExitCode(), line, p.said())
	case <-time.After(60 * time.Second):
		p.t.Fatalf("never said %q:\n%s", line, p.said())
	}
}

// wait gives the exit code; -1: ended by a signal.
func (p *process) wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(limit):
		p.t.Fatalf("still running after %v:\n%s", limit, p.said())
		return 0
	}
}

// stop asks the server to end, as a service manager does, and expects it to do so in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if code := p.wait(60 * time.Second); code != 0 {
		p.t.Errorf("exit code %d after SIGTERM:\n%s", code, p.said())
	}
}

// kill ends the process at once and waits until it is gone. Killing again does nothing.
func (p *process) kill() {
	_ = p.Process.Kill() // fails when it is gone already
	<-p.ended
}

// transcript is what a process says, with a way to wait for a line. Writes come from one goroutine.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	waiting map[string]chan struct{}
}

func newTranscript() *transcript { return &transcript{waiting: map[string]chan struct{}{}} }

func (r *transcript) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Write(b)
	for line, said := range r.waiting {
		if r.has(line) {
			close(said)
			delete(r.waiting, line)
		}
	}
	return len(b), nil
}

func (r *transcript) has(line string) bool { return strings.Contains(r.text.String(), line+"\n") }

// line is closed when the line has been said.
func (r *transcript) line(line string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := make(chan struct{})
	if r.has(line) {
		close(said)
		return said
	}
	if before := r.waiting[line]; before != nil {
		return before
	}
	r.waiting[line] = said
	return said
}

func (r *transcript) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// get asks the server for a page and returns status and body.
func (s *site) get(path string) (int, string) {
	s.t.Helper()
	res, err := (&http.Client{Timeout: 30 * time.Second}).Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, body.String()
}

// database connects to the private cluster beside the running server.
func (s *site) database() *pgx.Conn {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer stop()
	c, err := localpg.Start(ctx, localpg.Options{Dir: s.data, Join: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Stop() }) // leaves a cluster that was joined alone
	conn, err := pgx.Connect(ctx, c.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// value reads one value from the private cluster.
func value[T any](s *site, sql string, args ...any) (v T) {
	s.t.Helper()
	conn := s.database()
	defer conn.Close(context.Background())
	if err := conn.QueryRow(s.t.Context(), sql, args...).Scan(&v); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// killDatabase ends PostgreSQL as a machine out of memory would: without a word.
func (s *site) killDatabase() {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data, "pg*", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("servers in %s: %v %v", s.data, files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		s.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// deserted expects that nothing of the site's PostgreSQL is left within the limit, and returns how long that took.
func (s *site) deserted(limit time.Duration) time.Duration {
	s.t.Helper()
	began := time.Now()
	for {
		left := inhabitants(s.t, s.data)
		if len(left) == 0 {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			s.t.Errorf("%v after the server's end these live on in %s: %v", limit, s.data, left)
			return limit
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// inhabitants lists the processes that were started on a data directory or work in it.
func inhabitants(t *testing.T, data string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, proc := range all {
		line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd")) // "" for what belongs to others, or has just ended
		if bytes.Contains(line, []byte(data)) || strings.HasPrefix(cwd, data) {
			found = append(found, filepath.Base(proc)+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}
