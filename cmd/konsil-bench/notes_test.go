//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// TestMain lets the test binary be the child that the program starts.
func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// startKonsil builds the program, runs it in evaluation mode on free ports,
// and returns its address and process.
func startKonsil(t *testing.T) (url string, pid int) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "konsil-bench-") // short, for PostgreSQL's socket, and open to its user
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "konsil")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin, "../konsil")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	url = "http://127.0.0.1:" + port
	server := exec.Command(bin)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "KONSIL_") && !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "DATABASE_URL=") {
			server.Env = append(server.Env, kv)
		}
	}
	server.Env = append(server.Env, "KONSIL_DATA="+filepath.Join(dir, "data"),
		"KONSIL_ADDR=127.0.0.1:"+port, "KONSIL_PUBLIC_URL="+url, "KONSIL_RTC_ADDR=127.0.0.1:0")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	runUntilCleanup(t, server, "konsil is ready")
	return url, server.Process.Pid
}

// runUntilCleanup starts a server and waits for it to say a line.
func runUntilCleanup(t *testing.T, server *exec.Cmd, line string) {
	t.Helper()
	var errs bytes.Buffer
	server.Stderr = &errs
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ready, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), line) {
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // fails when it is gone already
		<-drained
		if err := server.Wait(); err != nil {
			t.Errorf("%v\n%s", err, errs.String())
		}
	})
	select {
	case <-ready:
	case <-drained:
		t.Fatal("the server has ended before it was ready")
	case <-time.After(3 * time.Minute):
		t.Fatal("the server does not become ready")
	}
}

// lines runs a command of the bench and returns what it printed.
func lines(t *testing.T, args ...string) (all []map[string]any) {
	t.Helper()
	var out bytes.Buffer
	if err := run(args, &out); err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(&out); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}

func has(t *testing.T, line map[string]any, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, ok := line[key].(float64); !ok {
			t.Errorf("no number %s in %v", key, line)
		}
	}
}

func TestNotesAreTypedOnARealServer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the whole server")
	}
	url, pid := startKonsil(t)
	process := strconv.Itoa(pid)

	all := lines(t, "notes", "-url", url, "-writers", "6", "-readers", "2", "-rate", "10", "-seconds", "2", "-pid", process)
	if len(all) != 1 {
		t.Fatalf("%d lines of one run", len(all))
	}
	r := all[0]
	has(t, r, "ack_p50_ms", "ack_p99_ms", "fanout_p50_ms", "fanout_p99_ms", "cpu_us_per_delivery", "pg_cpu_us_per_delivery", "rss_bytes")
	if sent, _ := r["sent"].(float64); sent < 6 || r["acked"] != r["sent"] || r["delivered"] != 7*sent || r["lost"] != 0.0 {
		t.Errorf("not everything sent was acknowledged, and delivered to the seven others: %v", r)
	}

	all = lines(t, "notes", "-url", url, "-idle", "150", "-seconds", "1", "-pid", process) // takes a second conference
	if len(all) != 3 || all[0]["server"] != "konsil" || all[1]["server"] != "bare" {
		t.Fatalf("not one line of ours, one of the bare server and a summary: %v", all)
	}
	for _, r := range all {
		has(t, r, "rss_bytes", "rss_per_connection_bytes", "memory_per_connection_bytes")
	}
	has(t, all[2], "own_bytes")
	if each, _ := all[1]["memory_per_connection_bytes"].(float64); each < 4<<10 {
		t.Errorf("an idle connection of the bare server takes %v bytes, less than its read buffer", each)
	}

	err := run([]string{"notes", "-url", url, "-writers", "1", "-readers", "1000", "-seconds", "1"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "sockets") {
		t.Errorf("a thousand people in one note: %v", err)
	}
}

// relay is a server of plain y-protocols, as others have them: it passes on
// what it gets. One that forgets answers newcomers with an empty document.
type relay struct {
	forgets bool

	mu      sync.Mutex
	doc     *ydoc.Doc
	sockets map[*websocket.Conn]bool
}

func newRelay(t *testing.T, forgets bool) string {
	r := &relay{forgets: forgets, doc: ydoc.New(), sockets: map[*websocket.Conn]bool{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ws, err := (&websocket.Upgrader{}).Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	defer r.forget(ws)
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if m, err := (dialect{}).parse(frame); err != nil || r.take(ws, m, frame) != nil {
			return
		}
	}
}

func (r *relay) forget(ws *websocket.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sockets, ws)
}

func (r *relay) take(ws *websocket.Conn, m message, frame []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch m.step {
	case syncStep1:
		r.sockets[ws] = true
		return ws.WriteMessage(websocket.BinaryMessage, dialect{}.sync(syncStep2, r.doc.EncodeState()))
	case syncStep2:
		return nil
	}
	if u, err := ydoc.Decode(m.body, ydoc.Limits{}); !r.forgets && err == nil {
		if _, err := r.doc.Apply(u); err != nil {
			return err
		}
	}
	for other := range r.sockets {
		if other != ws {
			if err := other.WriteMessage(websocket.BinaryMessage, frame); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestPlainServersAreMeasuredToo(t *testing.T) {
	t.Parallel()
	r := lines(t, "notes", "-plain", newRelay(t, false), "-writers", "3", "-readers", "1", "-rate", "20", "-seconds", "1")[0]
	if sent, _ := r["sent"].(float64); sent < 3 || r["delivered"] != 3*sent || r["lost"] != 0.0 {
		t.Errorf("%v", r)
	}
	for _, key := range []string{"acked", "ack_p50_ms", "cpu_us_per_delivery", "rss_bytes"} {
		if _, told := r[key]; told {
			t.Errorf("%s of a server that was not asked for it: %v", key, r)
		}
	}
}

func TestWhatAServerForgetsIsLost(t *testing.T) {
	t.Parallel()
	all := lines(t, "notes", "-plain", newRelay(t, true), "-writers", "2", "-rate", "20", "-seconds", "1", "-runs", "2")
	if len(all) != 3 {
		t.Fatalf("%d lines, want two runs and a summary", len(all))
	}
	for _, r := range all {
		if lost, _ := r["lost"].(float64); lost < 2 {
			t.Errorf("everything was forgotten, and lost is %v", r["lost"])
		}
	}
	if all[0]["lost"].(float64)+all[1]["lost"].(float64) != all[2]["lost"] {
		t.Errorf("losses do not add up: %v", all)
	}
}

func TestHocuspocusNamesItsDocumentFirst(t *testing.T) {
	t.Parallel()
	d := dialect{document: "mitschrift"}
	m, err := d.parse(d.sync(syncUpdate, []byte("körper")))
	if err != nil || m.kind != msgSync || m.step != syncUpdate || string(m.body) != "körper" {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := d.parse(d.greeting()); err != nil {
		t.Error(err)
	}
	if (dialect{}).greeting() != nil {
		t.Error("a plain server wants no greeting")
	}
	for _, broken := range []string{"", "\xff", "\x00", "\x00\x02", "\x00\x02\x09abc", "\x64"} {
		if _, err := (dialect{}).parse([]byte(broken)); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestPercentilesCountEveryDuration(t *testing.T) {
	t.Parallel()
	l := newLatencies()
	if l.percentile(50) != 0 {
		t.Error("nothing has a median")
	}
	for ms := 1; ms <= 100; ms++ {
		l.add(time.Duration(ms) * time.Millisecond)
	}
	l.add(time.Hour)
	for p, want := range map[float64]float64{0: 1, 50: 51, 98: 99, 100: 10_000} {
		if got := l.percentile(p); got < want || got > want+0.1 {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
}

func TestUsageCountsAProcessAndItsFamilyApart(t *testing.T) {
	t.Parallel()
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.rss < 1<<20 || before.threads < 1 || before.files < 3 {
		t.Errorf("%+v", before)
	}
	child := exec.Command("sh", "-c", "while :; do :; done")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		own, err := usageOf(child.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := usageOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if own.cpu > 50*time.Millisecond && !own.family && ours.family && ours.children >= own.cpu {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the child used %+v, we %+v", own, ours)
		}
	}
}

func TestPlansThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"one person":        "-writers 1",
		"no rate":           "-rate 0",
		"too fast":          "-rate 1000",
		"no time":           "-seconds 0",
		"unknown":           "-writers 2 -readers 2 etwas",
		"without packages":  "-with hocuspocus",
		"idle against":      "-idle 3 -pid 1 -with hocuspocus -node-modules .",
		"idle unseen":       "-idle 3",
		"idle again":        "-idle 3 -pid 1 -runs 2",
		"nobody types":      "-writers 0 -readers 3",
		"no soak":           "-writers 2 -soak -1",
		"nobody there":      "-url http://127.0.0.1:1 -writers 2",
		"nobody there, too": "-plain ws://127.0.0.1:1 -writers 2",
	} {
		if err := run(append([]string{"notes"}, strings.Fields(args)...), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
