//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settle bounds the wait for a cluster whose owner was killed: it is shutting down.
const settle = 15 * time.Second

// Idle reports whether dir may be removed: no cluster, nor a process that is starting one, is alive
// in it. Only throw-away directories should ever be removed.
func Idle(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return flock(f) == nil
}

// takeLock makes this process the only one that may start a cluster in dir. The lock hangs on the
// open file, which every program of the cluster inherits: it is free when all of them are gone.
func takeLock(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := waitLock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	if err := writePID(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// waitLock waits only as long as nobody alive claims the lock: that is a cluster going down after
// its owner was killed, or an owner that has not written its number yet.
func waitLock(ctx context.Context, f *os.File) error {
	patience := time.Now().Add(settle)
	for {
		err := flock(f)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if pid := readPID(f); pid > 0 && alive(pid) {
			return fmt.Errorf("%w (process %d holds %s). Stop it first, or use another KONSIL_DATA",
				ErrInUse, pid, f.Name())
		}
		if time.Now().After(patience) {
			return fmt.Errorf("%w (%s is held)", ErrInUse, f.Name())
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text))) // 0: not written yet
	return pid
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// pause waits for the time between two looks at something that others change.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(15 * time.Millisecond):
		return nil
	}
}
