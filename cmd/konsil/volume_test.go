//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// rigProgram names the binary under test to a test that runs apart.
const rigProgram = "KONSIL_RIG_PROGRAM"

// apart runs the calling test once more with the given flags, in a mount namespace of its own: what is mounted there is seen
// by nobody else and gone when it ends. It returns false, having said why, where the machine does not let us.
func apart(t *testing.T, bin string, flags ...any) bool {
	t.Helper()
	alone := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	probe := exec.Command("true")
	probe.SysProcAttr = alone
	if err := probe.Run(); err != nil {
		t.Logf("SKIPPED: a disk that is full, because mounting needs root: %v", err)
		return false
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.count=1"}
	if end, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+time.Until(end.Add(-5*time.Second)).String())
	}
	for i := 0; i < len(flags); i += 2 {
		args = append(args, fmt.Sprintf("%v=%v", flags[i], flags[i+1]))
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.SysProcAttr, cmd.Env = alone, append(os.Environ(), rigProgram+"="+bin)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("apart: %v", err)
	}
	return true
}

// volume is a small disk that can be filled up.
type volume struct {
	t   *testing.T
	dir string
}

// size of a volume in bytes: several times what PostgreSQL keeps of its log at least. It is memory, but only as it is used.
const volumeSize = 512 << 20

// newVolume mounts one, where the test runs apart; else there is none.
func newVolume(t *testing.T) *volume {
	t.Helper()
	if os.Getenv(rigProgram) == "" {
		return nil
	}
	v := &volume{t, place(t, true)}
	if err := syscall.Mount("konsil-test", v.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", volumeSize)); err != nil {
		t.Logf("SKIPPED: a disk that is full: %v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(v.dir, 0); err != nil {
			t.Error(err)
		}
	})
	return v
}

// fill leaves no byte free.
func (v *volume) fill() {
	v.t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(v.dir, &s); err != nil {
		v.t.Fatal(err)
	}
	v.resize(int64(s.Blocks-s.Bfree) * s.Bsize)
}

func (v *volume) free() { v.t.Helper(); v.resize(volumeSize) }

func (v *volume) resize(bytes int64) {
	v.t.Helper()
	if err := syscall.Mount("", v.dir, "", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", bytes)); err != nil {
		v.t.Fatal(err)
	}
}

// moveTo keeps the data of a site that has not been started yet in another place.
func (s *site) moveTo(dir string) {
	s.data = filepath.Join(dir, "data")
	s.env = append(s.env, "KONSIL_DATA="+s.data)
}
