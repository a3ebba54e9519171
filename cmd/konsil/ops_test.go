package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestTheOperatorsListenerTellsFiguresToThisMachineOnly(t *testing.T) {
	t.Parallel()
	o := newOps(pgtest.New(t))
	o.observe("GET", "/cases/:id", http.StatusOK, 30*time.Millisecond)
	o.observe("GET", "", http.StatusNotFound, time.Millisecond)
	s := httptest.NewServer(o.handler())
	t.Cleanup(s.Close)
	get := func(host, path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(body)
	}
	status, body := get("localhost:9090", "/metrics")
	for _, line := range []string{
		`konsil_http_request_seconds_count{method="GET",route="/cases/:id",status="200"} 1`, `konsil_http_request_seconds_count{method="GET",route="none",status="404"} 1`,
		`konsil_database_connections{state="most"}`, "go_goroutines", "process_open_fds",
	} {
		if status != http.StatusOK || !strings.Contains(body, line) {
			t.Errorf("/metrics, %d, does not say %s", status, line)
		}
	}
	if status, _ := get("127.0.0.1", "/debug/pprof/goroutine?debug=1"); status != http.StatusOK {
		t.Errorf("goroutines: %d", status)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if status, body := get("konsil.example.org", path); status != http.StatusMisdirectedRequest || strings.Contains(body, "go_") {
			t.Errorf("%s under a name from outside: %d", path, status)
		}
	}
}

func TestSettingsOfTheEdgeAreChecked(t *testing.T) {
	t.Parallel()
	for addr, fine := range map[string]bool{
		"127.0.0.1:9090": true, "[::1]:9090": true, "localhost:1": true, "off": true, "": true,
		":9090": false, "0.0.0.0:9090": false, "10.0.0.1:9090": false, "127.0.0.1": false, "on": false,
	} {
		if err := (config{OpsAddr: addr}).validateOps(); (err == nil) != fine {
			t.Errorf("KONSIL_OPS_ADDR=%s: %v", addr, err)
		}
	}
	for list, want := range map[string]string{
		"": "[]", "10.1.2.3": "[10.1.2.3/32]", "10.1.2.3/24, fd00::1": "[10.1.2.0/24 fd00::1/128]",
		"0.0.0.0/0": "", "::/0": "", "proxy": "", "10.1.2.3/33": "", "10.1.2.3,x": "",
	} {
		got, err := (config{TrustedProxies: list}).proxies()
		if (err == nil) != (want != "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("KONSIL_TRUSTED_PROXIES=%s: %v, %v", list, got, err)
		}
	}
}

func TestAnOperatorsAddressThatIsTakenStopsOnlyAStartThatAskedForIt(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	said := &strings.Builder{}
	s := &server{config: config{OpsAddr: taken.Addr().String()}, log: slog.New(slog.NewTextHandler(said, nil))}
	t.Setenv("KONSIL_OPS_ADDR", "")
	if l, err := s.listenOps(); l != nil || err != nil || !strings.Contains(said.String(), "KONSIL_OPS_ADDR") {
		t.Errorf("by default: %v, %v, said %q", l, err, said)
	}
	t.Setenv("KONSIL_OPS_ADDR", s.OpsAddr)
	if l, err := s.listenOps(); l != nil || err == nil {
		t.Errorf("asked for: %v, %v", l, err)
	}
}

// onASocket serves pages as the program does, and gives raw connections to it.
func onASocket(t *testing.T, pages http.Handler) (dial func() net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := (&server{config: config{DatabaseURL: "somewhere"}, pages: pages, log: slog.New(slog.DiscardHandler)}).front()
	go h.Serve(l)
	t.Cleanup(func() { h.Close() })
	return func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// TestWhoDawdlesIsCutOff: headers that come byte by byte, and headers without an end.
func TestWhoDawdlesIsCutOff(t *testing.T) {
	t.Parallel()
	dial := onASocket(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	slow := make([]net.Conn, 50)
	for i := range slow {
		slow[i] = dial()
		if _, err := io.WriteString(slow[i], "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	fast := dial()
	if _, err := io.WriteString(fast, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if a, err := http.ReadResponse(bufio.NewReader(fast), nil); err != nil || a.StatusCode != http.StatusNoContent {
		t.Errorf("somebody who does not dawdle, beside fifty who do: %v, %v", a, err)
	}
	for _, c := range slow {
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("headers may take a minute and more")
		}
	}
	long := dial()
	if _, err := io.WriteString(long, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("x", 24<<10)+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if a, err := http.ReadResponse(bufio.NewReader(long), nil); err != nil || a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("24 KiB of headers: %v, %v", a, err)
	}
}
