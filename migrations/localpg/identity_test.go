//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// stranger is a user id that no machine has a name for.
const stranger = 54321

func TestRootHandsTheServerToAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := filepath.Join(place(t, 0o755), "data")
	c := begin(t, Options{Dir: dir})
	ask(t, c.URL(), "create table kept ()")
	uid := userOf(t, postmaster(t, dir))
	if uid == 0 {
		t.Error("the server runs as root")
	}
	data, _, err := existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := owner(data); got != uid {
		t.Errorf("the data belongs to %d, the server runs as %d", got, uid)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o710 || owner(dir) != 0 {
		t.Errorf("the directory has mode %o and belongs to %d; root alone should list it", mode, owner(dir))
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	ask(t, begin(t, Options{Dir: dir}).URL(), "select from kept")
}

// needNamespace skips where the system forbids them, by asking it outside the code under test.
func needNamespace(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: user namespaces are Linux's")
	}
	if out, err := exec.Command("unshare", "--user", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: this machine allows no user namespaces: %v %s", err, out)
	}
}

func TestBelowADirectoryOfRootsTheServerRunsInANamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needNamespace(t)
	dir := filepath.Join(place(t, 0o700), "data") // its parent is closed to others, as /root is
	c := begin(t, Options{Dir: dir})
	ask(t, c.URL(), "create table kept ()")
	data, _, err := existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := owner(data); got != 0 {
		t.Errorf("the data belongs to %d", got)
	}
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	if inner, err := exec.Command("readlink", "/proc/"+strconv.Itoa(postmaster(t, dir))+"/ns/user").Output(); err != nil ||
		strings.TrimSpace(string(inner)) == own {
		t.Errorf("the server is in our own namespace %s, %v", inner, err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	ask(t, begin(t, Options{Dir: dir}).URL(), "select from kept")
}

func TestDataOfTheNamespaceStaysThereWhenItsParentOpens(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needNamespace(t)
	parent := place(t, 0o700)
	dir := filepath.Join(parent, "data")
	if err := begin(t, Options{Dir: dir}).Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil { // now postgres or nobody could reach it, too
		t.Fatal(err)
	}
	begin(t, Options{Dir: dir})
	if uid := userOf(t, postmaster(t, dir)); uid != 0 {
		t.Errorf("the server changed to user %d", uid)
	}
}

func TestAnOrdinaryUserRunsTheServerThemself(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := filepath.Join(give(t, place(t, 0o700), 65534), "data")
	r := spawn(t, 65534, order{Dir: dir})
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	ask(t, r.URL, "create table kept ()")
	if uid := userOf(t, postmaster(t, dir)); uid != 65534 {
		t.Errorf("the server runs as %d", uid)
	}
}

func TestAUserWithoutANameRunsTheServerInANamespace(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needNamespace(t)
	dir := filepath.Join(give(t, place(t, 0o700), stranger), "data")
	r := spawn(t, stranger, order{Dir: dir})
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	ask(t, r.URL, "select 1")
	if uid := userOf(t, postmaster(t, dir)); uid != stranger {
		t.Errorf("the server runs as %d", uid)
	}
}

func TestRootContinuesAnotherUsersDataAsThatUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := filepath.Join(give(t, place(t, 0o755), 65534), "data")
	r := spawn(t, 65534, order{Dir: dir})
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	ask(t, r.URL, "create table kept ()")
	r.stop()
	c := begin(t, Options{Dir: dir})
	ask(t, c.URL(), "select from kept")
	if uid := userOf(t, postmaster(t, dir)); uid != 65534 {
		t.Errorf("the server runs as %d", uid)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	again := spawn(t, 65534, order{Dir: dir}) // root must have left nothing in the way
	if again.Err != "" {
		t.Fatal(again.Err)
	}
	ask(t, again.URL, "select from kept")
}

func TestAnotherUsersDataIsRefused(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := place(t, 0o755)
	if err := begin(t, Options{Dir: dir}).Stop(); err != nil {
		t.Fatal(err)
	}
	data, _, err := existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Now the directory is the child's, and the data in it is not.
	for _, path := range []string{dir, filepath.Join(dir, "lock")} {
		if err := os.Lchown(path, stranger, stranger); err != nil {
			t.Fatal(err)
		}
	}
	r := spawn(t, stranger, order{Dir: dir})
	if !strings.Contains(r.Err, ErrIdentity.Error()) || !strings.Contains(r.Err, "start as that user") {
		t.Errorf("got %q", r.Err)
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		t.Error(err)
	}
}

func TestAPlaceThatNobodyElseCanReachIsExplained(t *testing.T) {
	t.Parallel()
	needRoot(t)
	closed := give(t, place(t, 0o700), stranger) // to postgres, to nobody, and to root in a namespace
	r := spawn(t, -1, order{Dir: filepath.Join(closed, "data")})
	for _, want := range []string{ErrIdentity.Error(), "KONSIL_DATA", "user nobody", closed} {
		if !strings.Contains(r.Err, want) {
			t.Errorf("%q is not in: %s", want, r.Err)
		}
	}
}
