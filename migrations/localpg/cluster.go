//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/konsil-server/konsil/migrations"
)

const (
	role     = "konsil" // owns the cluster
	database = "konsil"
)

// Cluster is a running PostgreSQL. Start makes it and Stop ends it; after a Stop the address leads
// nowhere. A cluster that was joined belongs to another process, and Stop leaves it alone.
type Cluster struct {
	url   string
	stop  func() error
	ended <-chan struct{}
}

// URL is the address of the database, postgres://… over a unix socket. It contains the password.
func (c *Cluster) URL() string { return c.url }

// Ended is closed when the cluster has gone, be it by Stop or by itself, which nothing but a Start mends. For a cluster that
// was joined it is nil: its owner looks after it.
func (c *Cluster) Ended() <-chan struct{} { return c.ended }

// Stop shuts the cluster down, in which open connections are broken off and open transactions roll
// back. Stopping again does nothing and answers the same.
func (c *Cluster) Stop() error { return c.stop() }

// Start brings up the cluster of o.Dir, creating it the first time, and waits until it answers. ctx
// bounds the start only. Errors are ErrNotFound, ErrInUse, ErrVersion, ErrIdentity, or carry the
// end of the server's log. Nothing but data that Start has just created is ever removed.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("private PostgreSQL: %w", err)
	}
	return c, nil
}

func start(ctx context.Context, o Options) (*Cluster, error) {
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(ctx, dir)
	if errors.Is(err, ErrInUse) && o.Join {
		return join(ctx, dir)
	}
	if err != nil {
		return nil, err
	}
	l := &launch{Options: o, dir: dir, lock: lock}
	c, err := l.run(ctx)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return c, nil
}

// makeDir makes the directory private, but not its parents: PostgreSQL may run as another user and
// has to pass through them.
func makeDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no directory given for the data")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return dir, nil
}

// launch is one start, under the lock. It is filled from the top down.
type launch struct {
	Options
	dir  string
	lock *os.File
	installation
	data     string // the data directory
	id       identity
	word     string // the password
	sock     string // directory of the socket
	logBegin int64  // where this start's part of the log begins
}

func (l *launch) run(ctx context.Context) (*Cluster, error) {
	fresh, err := l.settle(ctx)
	if err != nil {
		return nil, err
	}
	if !fresh {
		l.log(fmt.Sprintf("database: %s, data in %s", l.installation, l.data))
		return l.up(ctx)
	}
	l.log(fmt.Sprintf("database: %s, creating data in %s", l.installation, l.data))
	return l.first(ctx)
}

// first tries one locale after the other until initdb knows it and German words are found.
func (l *launch) first(ctx context.Context) (*Cluster, error) {
	var failed []error
	for _, locale := range locales(l.major) {
		err := l.initdb(ctx, locale)
		if err == nil {
			c, err := l.up(ctx)
			if !errors.Is(err, migrations.ErrGermanText) {
				return c, err
			}
			failed = append(failed, err, os.RemoveAll(l.data)) // made a moment ago, and empty
			continue
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(append(failed, os.RemoveAll(l.data+".new"))...)
}

// settle decides, before anything is started, on the programs, the user, the password and the place
// of the socket. An existing data directory has a say in the first two.
func (l *launch) settle(ctx context.Context) (fresh bool, err error) {
	major := 0
	if l.data, major, err = existing(l.dir); err != nil {
		return false, err
	}
	if l.places == nil {
		p := machine(ctx, l.Search)
		l.places = &p
	}
	if l.installation, err = l.places.choose(ctx, major); err != nil {
		return false, err
	}
	proprietor := -1
	if fresh = l.data == ""; fresh {
		l.data = filepath.Join(l.dir, "pg"+strconv.Itoa(l.major))
	} else {
		proprietor = owner(l.data)
	}
	if l.id, err = l.identify(ctx, proprietor); err != nil {
		return false, err
	}
	if err := l.lock.Chown(l.id.uid, l.id.gid); err != nil {
		return false, err
	}
	if l.word, err = l.password(fresh); err != nil {
		return false, err
	}
	return fresh, l.makeSocketDir()
}

// longestSocketDir leaves room for "/.s.PGSQL.5432.lock" in the 103 bytes that the address of a
// socket has on macOS (107 on Linux).
const longestSocketDir = 80

// makeSocketDir makes dir/sock, or a short directory elsewhere with dir/sock linking to it.
func (l *launch) makeSocketDir() error {
	name := filepath.Join(l.dir, "sock")
	if old, err := os.Readlink(name); err == nil {
		_ = os.Remove(old) // left by a start that was killed; refuses when anything is in it
	}
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	l.sock = name
	if len(name) <= longestSocketDir && !strings.ContainsAny(name, `",`) { // both mean something to -k
		if err := os.Mkdir(name, 0o700); err != nil {
			return err
		}
	} else {
		short, err := shortDir()
		if err != nil {
			return err
		}
		l.sock = short
		if err := os.Symlink(short, name); err != nil {
			return err
		}
	}
	return os.Lchown(l.sock, l.id.uid, l.id.gid)
}

func shortDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > longestSocketDir/2 {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "konsil-sock-")
}

// join waits for the cluster that another process runs, or is just starting.
func join(ctx context.Context, dir string) (*Cluster, error) {
	deadline := time.Now().Add(patience)
	for {
		word, err := readPassword(filepath.Join(dir, passwordFile))
		if err == nil {
			c := &Cluster{url: address(socketDir(dir), word, database), stop: func() error { return nil }}
			if err = hello(ctx, c.url); err == nil {
				return c, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w, and its database does not answer: %w", ErrInUse, err)
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// socketDir is where makeSocketDir of the running cluster put the socket.
func socketDir(dir string) string {
	name := filepath.Join(dir, "sock")
	if short, err := os.Readlink(name); err == nil {
		return short
	}
	return name
}

// address puts the socket's directory where libpq and pgx look for it. Everything that PG*
// variables could otherwise bend is spelled out.
func address(sock, word, name string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, word), Path: "/" + name}
	u.RawQuery = url.Values{"host": {sock}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()
	return u.String()
}
