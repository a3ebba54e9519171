//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identity is whom PostgreSQL's programs run as. They refuse to run as root.
type identity struct {
	name     string // for messages
	uid, gid int    // owner of the files, as everybody outside sees it
	attr     syscall.SysProcAttr
}

// itself runs programs as the user we are.
func itself() identity {
	return identity{name: "this user", uid: os.Geteuid(), gid: os.Getegid()}
}

// become runs programs as another user, which only root can.
func become(name string, uid, gid int) identity {
	id := identity{name: name, uid: uid, gid: gid}
	id.attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return id
}

// candidates lists the identities to try, best first, for a data directory that belongs to owner,
// or for a new one when owner is -1. A directory that was handed to another user stays with that
// user, and one that stayed with root stays in the namespace: PostgreSQL insists on owning it.
func candidates(owner int) ([]identity, error) {
	me := os.Geteuid()
	switch {
	case owner >= 0 && me != 0 && owner != me:
		return nil, fmt.Errorf("%w: the data belongs to user %d and this process runs as user %d; start as that user",
			ErrIdentity, owner, me)
	case me != 0:
		return unprivileged(me), nil
	case owner > 0:
		return []identity{become(fmt.Sprintf("user %d", owner), owner, groupOf(owner))}, nil
	case owner == 0:
		return namespaced(), nil
	}
	var ids []identity
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			ids = append(ids, become("user "+name, number(u.Uid), number(u.Gid)))
		}
	}
	return append(ids, namespaced()...), nil
}

// unprivileged prefers the user we are. PostgreSQL wants to look up its own name, which fails for a
// user id that a container made up; a namespace gives it one.
func unprivileged(me int) []identity {
	if _, err := user.LookupId(strconv.Itoa(me)); err == nil {
		return []identity{itself()}
	}
	return append(namespaced(), itself())
}

func groupOf(uid int) int {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return number(u.Gid)
	}
	return uid
}

// number reads an id of the user database, where macOS writes nobody as -2.
func number(id string) int {
	n, _ := strconv.ParseInt(id, 10, 64)
	return int(uint32(n))
}

// command prepares a program that starts in a directory everybody can enter, with an environment
// of ours, out of reach of the terminal's Ctrl-C, and holding the lock as descriptor 3.
func (id identity) command(ctx context.Context, lock *os.File, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.ExtraFiles = []*os.File{lock}
	attr := id.attr
	attr.Setpgid = true
	cmd.SysProcAttr = &attr
	return cmd
}

// identify finds the first identity that can reach both the programs and the directory.
func (l *launch) identify(ctx context.Context, owner int) (identity, error) {
	ids, err := candidates(owner)
	if err != nil {
		return identity{}, err
	}
	failed := []error{fmt.Errorf("%w: it refuses to run as root, and nobody else can use both %s and %s; "+
		"choose another KONSIL_DATA, such as a directory below /var/lib", ErrIdentity, l.bin, l.dir)}
	for _, id := range ids {
		if err = l.admit(ctx, id); err == nil {
			return id, nil
		}
		failed = append(failed, fmt.Errorf("as %s: %w", id.name, err))
	}
	return identity{}, errors.Join(failed...)
}

// admit tests whether id gets to where it must. Where only the mode of our own directory is in the
// way, it opens that to the group of id, for passing through and not for listing.
func (l *launch) admit(ctx context.Context, id identity) error {
	err := l.reach(ctx, id)
	if err == nil || id.attr.Credential == nil || owner(l.dir) != os.Geteuid() {
		return err
	}
	before, statErr := os.Stat(l.dir)
	if statErr != nil {
		return err
	}
	if err := handOver(l.dir, os.Geteuid(), id.gid, before.Mode().Perm()|0o010); err != nil {
		return err
	}
	if err := l.reach(ctx, id); err != nil {
		return errors.Join(err, handOver(l.dir, os.Geteuid(), os.Getegid(), before.Mode().Perm()))
	}
	return nil
}

// reach lets the system itself answer, with everything that may stand in the way: modes, access
// lists, mount options, missing namespaces.
func (l *launch) reach(ctx context.Context, id identity) error {
	cmd := id.command(ctx, l.lock, "/bin/sh", "-c", `cd -- "$1" && exec "$2" --version`,
		"konsil", l.dir, filepath.Join(l.bin, "initdb"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func handOver(path string, uid, gid int, mode fs.FileMode) error {
	if err := os.Lchown(path, uid, gid); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// owner is the user id that path belongs to, or -1.
func owner(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}
