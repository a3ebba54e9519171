//go:build linux

package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verdicts are the lines of konsil doctor, by what they are about: "media port" → ["ok UDP …", …].
func verdicts(said string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(said) {
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		about, what, found := strings.Cut(strings.TrimSpace(rest), ": ")
		if found {
			all[about] = append(all[about], verdict+" "+what)
		}
	}
	return all
}

func expect(t *testing.T, said, about, want string) {
	t.Helper()
	for _, line := range verdicts(said)[about] {
		if strings.HasPrefix(line, want) {
			return
		}
	}
	t.Errorf("nothing begins with %q about %q in:\n%s", want, about, said)
}

func TestTheDoctorFindsARunningServerWellAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newcomer(t)
	relay := freePort(t, "udp")
	s.env = append(s.env, "KONSIL_TURN_ADDR="+relay)
	code, said := s.run("doctor")
	if code != 0 {
		t.Errorf("before the first start: exit code %d:\n%s", code, said)
	}
	expect(t, said, "database", "warn evaluation mode, and no private cluster yet")
	expect(t, said, "media port", "ok ")
	expect(t, said, "server", "warn nothing answers")
	if _, err := os.Stat(s.data); !os.IsNotExist(err) {
		t.Errorf("looking has made %s", s.data)
	}

	server := s.serve()
	code, said = s.run("doctor")
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	for about, wants := range map[string][]string{
		"settings": {"ok"}, "keys": {"ok"}, "clock": {"ok"}, "database": {"ok PostgreSQL"}, "pages": {"ok"}, "WebSocket": {"ok"},
		"media port": {"ok UDP", "ok TCP"}, "mail": {"warn KONSIL_SMTP_URL"},
		"relay": {"ok turn:" + relay + "?transport=udp", "ok turn:" + relay + "?transport=tcp"},
	} {
		for _, want := range wants {
			expect(t, said, about, want)
		}
	}
	if err := os.Chmod(filepath.Join(s.data, "keys", relayKey), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, said = s.run("doctor"); code != 1 {
		t.Errorf("a key that all can read: exit code %d", code)
	}
	expect(t, said, "keys", "fail ")
	server.stop()
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t, program(t))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.env = append(s.env, "KONSIL_RTC_ADDR="+taken.Addr().String(), "DATABASE_URL=postgres://nobody@127.0.0.1:1/none",
		"KONSIL_SMTP_URL=smtp://127.0.0.1:1", "KONSIL_PUBLIC_URL=http://localhost:1")
	code, said := s.run("doctor")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	expect(t, said, "database", "fail ")
	expect(t, said, "media port", "fail ")
	expect(t, said, "mail", "fail ")
	s.env = append(s.env, "KONSIL_TURN_TLS_ADDR=127.0.0.1:0")
	if code, said = s.run("doctor"); code != 1 {
		t.Errorf("a relay without certificate: exit code %d", code)
	}
	expect(t, said, "settings", "fail KONSIL_TURN_TLS_ADDR needs")
}

// TestTheDoctorSeesAProxyThatPassesNoUpgrades: everything but WebSockets works behind it, which is the commonest mistake of all.
func TestTheDoctorSeesAProxyThatPassesNoUpgrades(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := r.Clone(r.Context())
		inner.Header.Del("Connection")
		inner.Header.Del("Upgrade")
		inner.Header.Set("Origin", h.url)
		h.handler().ServeHTTP(w, inner)
	})}
	go front.Serve(proxy)
	defer front.Close()
	c := h.config
	c.PublicURL = "http://" + proxy.Addr().String()
	var out strings.Builder
	x := &examination{config: c, out: &out}
	x.web(t.Context())
	expect(t, out.String(), "pages", "ok")
	expect(t, out.String(), "WebSocket", "fail the proxy in front does not pass")
}
