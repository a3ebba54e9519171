//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/web/checkout"
)

const childOrder = "LOCALPG_TEST_CHILD"

// order is what a child process of a test is to start, and reply what came of it.
type (
	order struct {
		Dir          string
		Join         bool
		Bins, Module []string
	}
	reply struct{ URL, Err string }
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childOrder); text != "" {
		os.Exit(child(text))
	}
	if err := checkout.Prepare(context.Background(), func(line string) { fmt.Fprintln(os.Stderr, line) }); err != nil {
		fmt.Fprintln(os.Stderr, "tests of npm's PostgreSQL will skip:", err)
	}
	os.Exit(m.Run())
}

// child starts a cluster, says so, and stops it when its standard input closes.
func child(text string) int {
	signal.Ignore(syscall.SIGINT)
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	options := Options{Dir: o.Dir, Join: o.Join, Test: true}
	if o.Bins != nil || o.Module != nil {
		options.places = &places{bins: o.Bins, modules: o.Module}
	}
	var r reply
	c, err := Start(context.Background(), options)
	if err != nil {
		r.Err = err.Error()
	} else {
		r.URL = c.URL()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil || c == nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := c.Stop(); err != nil {
		return 1
	}
	return 0
}

// running is a child that has answered.
type running struct {
	reply
	process *exec.Cmd
	stop    func()
}

// spawn runs a child as the user uid, or as ourselves when uid is -1.
func spawn(t *testing.T, uid int, o order) running {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t))
	cmd.Dir, cmd.Env, cmd.Stderr = nearNpm(t), append(os.Environ(), childOrder+"="+string(text)), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := running{process: cmd, stop: sync.OnceFunc(func() { stdin.Close(); _ = cmd.Wait() })}
	t.Cleanup(r.stop)
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	if err := json.Unmarshal(line, &r.reply); err != nil {
		t.Fatal(err)
	}
	return r
}

// nearNpm is a directory from which npm's PostgreSQL is found, as from within the checkout; it is taken only where the machine
// has none of its own.
func nearNpm(t *testing.T) string {
	t.Helper()
	dir := place(t, 0o755)
	if err := checkout.Lend(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// program is this test binary, copied to where every user may run it.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(place(t, 0o755), "localpg.test")
	text, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(to, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// place makes a directory of the given mode with a short name, in a parent that everybody can enter.
func place(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "localpg-")
	if err == nil {
		err = os.Chmod(dir, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// give hands a directory and what is in it to a user.
func give(t *testing.T, dir string, uid int) string {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, uid))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// begin starts a cluster that the end of the test stops.
func begin(t *testing.T, o Options) *Cluster {
	t.Helper()
	o.Test = true
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask runs statements and answers the last one's first value as text.
func ask(t *testing.T, url string, statements ...string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			answer = string(rows.RawValues()[0])
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	}
	return answer
}

// postmaster is the process of the server that runs in dir, from outside any namespace.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "pg*", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		t.Fatalf("servers in %s: %v %v", dir, files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// userOf is the user that a process runs as, seen from here.
func userOf(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "uid=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

// gone waits for a process to end.
func gone(t *testing.T, pid int) time.Duration {
	t.Helper()
	began := time.Now()
	for alive(pid) {
		if time.Since(began) > 60*time.Second {
			t.Fatalf("process %d is still there", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can become somebody else; run the tests as root to cover this")
	}
}
