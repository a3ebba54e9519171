//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konsil-server/konsil/migrations"
)

const (
	// patience bounds the wait for a server that says nothing at all.
	patience = 30 * time.Second
	// goodbye bounds an orderly shutdown, which includes a checkpoint.
	goodbye = 60 * time.Second
	// logLimit is the size from which the log begins anew at a start.
	logLimit = 1 << 20
)

// watchdog runs "$@" until it ends or standard input closes, whichever is first; SIGINT is
// PostgreSQL's fast shutdown. The reader is a process of its own so that a server that dies by
// itself is noticed too. Both ignore what a terminal or a service manager sends to everybody.
const watchdog = `
exec 4<&0
"$@" 4<&- & server=$!
trap "" INT TERM HUP
{ read _ <&4; kill -INT $server; } & reader=$!
wait $server; status=$?
kill -KILL $reader 2>/dev/null
exit $status`

// process is PostgreSQL under its watchdog.
type process struct {
	cmd    *exec.Cmd
	leash  *os.File      // closing it ends the server
	ended  chan struct{} // closed when shell and server are gone
	status error         // of the shell; to be read after ended
}

// spawn starts the server. ctx does not end it.
func (l *launch) spawn(ctx context.Context) (*process, error) {
	log, err := l.openLog()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	reading, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	args := append([]string{"-c", watchdog, "konsil-pg", filepath.Join(l.bin, "postgres")}, l.settings()...)
	cmd := l.id.command(context.WithoutCancel(ctx), l.lock, "/bin/sh", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = reading, log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, leash.Close())
	}
	p := &process{cmd: cmd, leash: leash, ended: make(chan struct{})}
	go func() {
		p.status = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// settings is the server's command line: one socket that only its owner and root can open, no
// network, and a log without statements, values or the details of failures, which quote both. A
// write-ahead log that is done with is removed, where PostgreSQL would keep its bytes under the name
// of one to come: what is erased from the tables must not stay there.
func (l *launch) settings() []string {
	args := []string{"-D", l.data, "-k", l.sock, "-p", "5432"}
	set := []string{
		"listen_addresses=", "unix_socket_permissions=0700", "shared_buffers=64MB", "cluster_name=konsil",
		"log_min_messages=log", "log_min_error_statement=panic", "log_error_verbosity=terse", "log_checkpoints=off",
		"wal_recycle=off", "wal_init_zero=on", "wal_keep_size=0", "archive_mode=off",
	}
	if l.Test {
		set = append(set, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
	}
	for _, s := range set {
		args = append(args, "-c", s)
	}
	return args
}

func (l *launch) openLog() (*os.File, error) {
	f, err := l.create(filepath.Join(l.dir, "postgres.log"), os.O_APPEND)
	if err != nil {
		return nil, err
	}
	l.logBegin, err = f.Seek(0, io.SeekEnd)
	if err == nil && l.logBegin > logLimit {
		l.logBegin, err = 0, f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// logTail is the end of what the server said since this start.
func (l *launch) logTail() string {
	f, err := os.Open(filepath.Join(l.dir, "postgres.log"))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, l.logBegin, logLimit))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// up starts the server, waits for it, and makes sure that its database is there and knows German.
func (l *launch) up(ctx context.Context) (*Cluster, error) {
	p, err := l.spawn(ctx)
	if err != nil {
		return nil, err
	}
	url := address(l.sock, l.word, database)
	if err := l.await(ctx, p, url); err != nil {
		err = errors.Join(err, p.stop())
		if !errors.Is(err, migrations.ErrGermanText) {
			err = fmt.Errorf("%w\nThe server's log ends with:\n%s", err, l.logTail())
		}
		return nil, err
	}
	return &Cluster{url: url, ended: p.ended, stop: sync.OnceValue(func() error {
		err := p.stop()
		if l.sock != filepath.Join(l.dir, "sock") {
			err = errors.Join(err, os.Remove(l.sock))
		}
		return errors.Join(err, l.lock.Close())
	})}, nil
}

// await asks until the server answers, dies, or has kept silent for too long. A server that is
// still recovering says so, and gets the time it needs.
func (l *launch) await(ctx context.Context, p *process, url string) error {
	deadline := time.Now().Add(patience)
	for {
		err := hello(ctx, url)
		var answer *pgconn.PgError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &answer):
		case answer.Code == "57P03": // starting up
			deadline = time.Now().Add(patience)
		case answer.Code == "3D000": // no such database: the first start
			if err := l.createDatabase(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		if errors.Is(err, migrations.ErrGermanText) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no answer within %v: %w", patience, err)
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the server ended: %v", p.status)
		default:
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (l *launch) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, address(l.sock, l.word, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "create database "+database)
	return err
}

// hello connects and asks the one question whose answer the locale may have spoilt.
func hello(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return migrations.Check(ctx, conn)
}

// stop lets the watchdog shut the server down. Where that does not come to an end the server is
// told to give up at once, which costs it a recovery at the next start.
func (p *process) stop() error {
	err := p.leash.Close()
	select {
	case <-p.ended:
		return err
	case <-time.After(goodbye):
	}
	// The group is the shell's, so this reaches the server whoever it runs as.
	err = errors.Join(err, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGQUIT))
	<-p.ended
	return errors.Join(err, fmt.Errorf("PostgreSQL did not stop within %v and was made to", goodbye))
}
