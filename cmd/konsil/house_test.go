//go:build linux

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konsil-server/konsil/web"
)

// house is the server under test, wired and run as serve does it, on a clock that can be moved.
type house struct {
	*server
	t     *testing.T
	url   string
	ahead atomic.Int64 // nanoseconds
	door  *door
	stop  func()   // ends the server
	never []string // words that no page may ever say
}

// newHouse starts a server in evaluation mode with its private cluster and the rehearsal network, and stops it with the test.
func newHouse(t *testing.T, settings ...func(*config)) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = t.ArtifactDir() // made now, it is still there when people leave their traces
	h := &house{t: t, url: "http://" + l.Addr().String(), door: &door{Listener: l, inside: map[net.Conn]bool{}}}
	t.Cleanup(func() { l.Close() })
	c := config{
		Addr: l.Addr().String(), PublicURL: h.url, Data: filepath.Join(place(t, true), "data"),
		MailFrom: "termine@localhost", RTCAddr: "127.0.0.1:0",
	}
	for _, set := range settings {
		set(&c)
	}
	say := func(line string) { t.Log(line) }
	assets, err := web.LoadAssets(t.Context(), "", say)
	if err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(t.Context(), c, false, say)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.close)
	if err := db.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h.server, err = newServer(t.Context(), c, db.Pool, assets, h.clock, slog.New(complaints{t})); err != nil {
		t.Fatal(err)
	}
	if err := h.rehearse(t.Context(), say); err != nil {
		t.Fatal(errors.Join(err, h.rooms.Close()))
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start lets the server serve until stop.
func (h *house) start() {
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx, h.door) }()
	h.stop = func() {
		h.t.Helper()
		end()
		select {
		case err := <-ended:
			if err != nil {
				h.t.Errorf("the server ended with %v", err)
			}
		case <-time.After(60 * time.Second):
			h.t.Error("the server does not end")
		}
	}
}

func (h *house) clock() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// turnTo moves the server's clock forward to a moment. Nobody may be in a room meanwhile.
func (h *house) turnTo(to time.Time) {
	h.t.Helper()
	if d := to.Sub(h.clock()); d > 0 {
		h.ahead.Add(int64(d))
	}
	h.t.Logf("the clock says %s", h.clock().Format(time.DateTime))
}

// complaints makes every line of the server's log from warnings on a fault of the test.
type complaints struct{ t *testing.T }

func (complaints) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (c complaints) WithAttrs([]slog.Attr) slog.Handler         { return c }
func (c complaints) WithGroup(string) slog.Handler              { return c }
func (c complaints) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	c.t.Errorf("the server complained: %s", line)
	return nil
}

// door is the way into the server. While it is shut every connection is cut and nobody gets in, as when a cable is pulled.
type door struct {
	net.Listener
	mu     sync.Mutex
	shut   bool
	inside map[net.Conn]bool
}

type passage struct {
	net.Conn
	door *door
}

func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		if shut := d.shut; !shut {
			d.inside[c] = true
			d.mu.Unlock()
			return &passage{c, d}, nil
		}
		d.mu.Unlock()
		c.Close()
	}
}

func (v *passage) Close() error {
	v.door.mu.Lock()
	delete(v.door.inside, v.Conn)
	v.door.mu.Unlock()
	return v.Conn.Close()
}

func (d *door) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for c := range d.inside {
		c.Close()
	}
}

func (d *door) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
}

// one reads one value from the house's database.
func one[T any](h *house, sql string, args ...any) (v T) {
	h.t.Helper()
	if err := h.db.QueryRow(h.t.Context(), sql, args...).Scan(&v); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return v
}
