package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/migrations"
	"github.com/konsil-server/konsil/migrations/localpg"
	"github.com/konsil-server/konsil/web/checkout"
)

// prefix begins the names of our directories below the temporary one.
const prefix = "konsil-pgtest-"

// young is the age below which a directory without a lock may still be on its way to one.
const young = time.Minute

// server is a PostgreSQL with a template, shared by the tests of one binary.
type server struct {
	test bool

	start   sync.Once
	failed  error // of start
	dir     string
	cluster *localpg.Cluster // nil when TEST_DATABASE_URL names the server
	at      *url.URL         // of the database from which others are made
	run     string           // begins the name of every database of this run

	mu   sync.Mutex // PostgreSQL copies a template for one at a time
	made int
}

// database makes a copy of the template and returns its address.
func (s *server) database(t testing.TB) string {
	t.Helper()
	s.start.Do(func() { s.failed = s.up(context.Background()) })
	if s.failed != nil {
		t.Fatalf("pgtest: %v", s.failed)
	}
	name, err := s.clone(t.Context())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if s.cluster == nil { // ours go with their directory
		t.Cleanup(func() {
			if err := s.exec(context.Background(), "drop database "+name+" with (force)"); err != nil {
				t.Errorf("pgtest: %v", err)
			}
		})
	}
	return s.address(name)
}

func (s *server) clone(ctx context.Context) (name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	name = fmt.Sprintf("%s_%d", s.run, s.made)
	return name, s.exec(ctx, "create database "+name+" template "+s.run)
}

func (s *server) up(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	s.run = "t" + strings.ToLower(rand.Text()[:8])
	if s.at, err = foreign(); err != nil {
		return err
	}
	if s.at == nil {
		if err := s.startCluster(ctx); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, "create database "+s.run); err != nil {
		return err
	}
	template, err := pgxpool.New(ctx, s.address(s.run))
	if err != nil {
		return err
	}
	defer template.Close() // a template must not be connected to
	if err := migrations.Up(ctx, template); err != nil {
		return err
	}
	return migrations.Check(ctx, template)
}

// foreign is the server that the environment names, nil when it names none.
func foreign() (*url.URL, error) {
	text := os.Getenv("TEST_DATABASE_URL")
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("TEST_DATABASE_URL is no postgres:// address") // and may hold a password
	}
	return u, nil
}

func (s *server) startCluster(ctx context.Context) error {
	if err := sweep(os.TempDir()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return err
	}
	s.dir = dir
	o := localpg.Options{Dir: dir, Test: s.test}
	s.cluster, err = localpg.Start(ctx, o)
	if errors.Is(err, localpg.ErrNotFound) && checkout.Prepare(ctx, say) == nil {
		s.cluster, err = localpg.Start(ctx, o) // npm has brought one
	}
	if err != nil {
		return err
	}
	s.at, err = url.Parse(s.cluster.URL())
	return err
}

// stop takes down what up has made. Without an up it does nothing.
func (s *server) stop() error {
	switch {
	case s.dir != "":
		var err error
		if s.cluster != nil {
			err = s.cluster.Stop()
		}
		return errors.Join(err, os.RemoveAll(s.dir))
	case s.at != nil:
		return s.exec(context.Background(), "drop database if exists "+s.run)
	}
	return nil
}

// sweep removes the directories of runs that were killed.
func sweep(parent string) error {
	left, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < young || !localpg.Idle(dir) {
			continue // gone, or somebody's
		}
		_ = os.RemoveAll(dir) // another user's directory is theirs to sweep
	}
	return nil
}

// exec runs one statement on a connection of its own.
func (s *server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.at.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// address is that of another database on the same server.
func (s *server) address(name string) string {
	u := *s.at
	u.Path = "/" + name
	return u.String()
}

func say(line string) { fmt.Fprintln(os.Stderr, line) }
