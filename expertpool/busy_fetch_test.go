package expertpool

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAddressesThatLeadIntoSomebodysNetworkAreRefused(t *testing.T) {
	t.Parallel()
	for address, rule := range map[string]string{
		"":                                  "required",
		"kalender":                          "address",
		"http://calendar.example.org/a.ics": "https",
		"file:///etc/passwd":                "address",
		"gopher://calendar.example.org/":    "https",
		"unix:///run/docker.sock":           "address",
		"https://anna:geheim@calendar.example.org": "password",
		"https://calendar.example.org@10.0.0.1/":   "password",
		"https://calendar.example.org:22/a.ics":    "port",
		"https://calendar.example.org:5432/":       "port",
		"https://localhost/a.ics":                  "public",
		"https://localhost./a.ics":                 "public",
		"https://LOCALHOST/a.ics":                  "public",
		"https://127.0.0.1/":                       "public",
		"https://127.1/":                           "public",
		"https://2130706433/":                      "public",
		"https://0x7f000001/":                      "public",
		"https://0x7f.0.0.1/":                      "public",
		"https://0177.0.0.1/":                      "public",
		"https://0/":                               "public",
		"https://169.254.169.254/latest/meta-data": "public",
		"https://[::1]/":                           "public",
		"https://[::ffff:127.0.0.1]/":              "public",
		"https://[fe80::1%25eth0]/":                "public",
		"https://router/":                          "public",
		"https://nas.local/":                       "public",
		"https://db.internal/":                     "public",
		"https://" + strings.Repeat("a", 2_000):    "address",
	} {
		_, err := Downloads{}.checkCalendar(address)
		var invalid *account.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "address" || invalid.Rule != rule {
			t.Errorf("%s: %v, want %s", address, err, rule)
		}
	}
	for _, address := range []string{"https://calendar.example.org/a.ics", "webcal://calendar.example.org/a.ics", "https://calendar.example.org:8443/a?b=c#d", " https://kalender.müller.example/x "} {
		u, err := Downloads{}.checkCalendar(address)
		if err != nil || u.Scheme != "https" || u.Fragment != "" {
			t.Errorf("%s: %v, %v", address, u, err)
		}
	}
}

func TestOnlyPublicAddressesAreConnectedTo(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.8",
		"192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:4860:4860::8888%eth0",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
	for _, a := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.169.0.1", "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not taken for public", a)
		}
	}
}

// resolver answers each question with the next of its answers, and the last one from then on.
type resolver struct {
	answers [][]netip.Addr
	asked   atomic.Int32
}

func (r *resolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n := int(r.asked.Add(1)) - 1
	return r.answers[min(n, len(r.answers)-1)], nil
}

func addresses(all ...string) (found []netip.Addr) {
	for _, a := range all {
		found = append(found, netip.MustParseAddr(a))
	}
	return found
}

func ruleOfFetch(err error) string {
	var f *fetchError
	if errors.As(err, &f) {
		return f.rule
	}
	return fmt.Sprint(err)
}

func TestANameThatLeadsInsideIsNotFollowed(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("https://calendar.example.org/a.ics")
	for what, inside := range map[string][]netip.Addr{
		"loopback":                  addresses("127.0.0.1"),
		"a public and a private":    addresses("93.184.216.34", "10.0.0.1"),
		"the metadata of a machine": addresses("169.254.169.254"),
		"an IPv4 address in IPv6":   addresses("::ffff:192.168.1.1"),
	} {
		r := &resolver{answers: [][]netip.Addr{inside}}
		if _, err := (Downloads{Resolver: r}).fetch(t.Context(), u, asked{}); ruleOfFetch(err) != "public" || r.asked.Load() != 1 {
			t.Errorf("%s: %v, asked %d times", what, err, r.asked.Load())
		}
	}
	// What is connected to is checked by itself: even if the name had been checked and changed its answer since.
	if err := (Downloads{}).control("tcp", "127.0.0.1:443", nil); ruleOfFetch(err) != "public" {
		t.Errorf("the connection itself: %v", err)
	}
}

// calendarServer is somebody's calendar server, on loopback with TLS.
type calendarServer struct {
	*httptest.Server
	serve atomic.Pointer[http.HandlerFunc]
	asked atomic.Int32
}

func newCalendarServer(t *testing.T) *calendarServer {
	t.Helper()
	s := &calendarServer{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.serve.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *calendarServer) does(f http.HandlerFunc) { s.serve.Store(&f) }

func (s *calendarServer) gives(raw string) {
	s.does(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, raw) })
}

func (s *calendarServer) downloads() Downloads {
	trust := x509.NewCertPool()
	trust.AddCert(s.Certificate())
	return Downloads{Trust: trust, Loopback: true, Resolver: &resolver{answers: [][]netip.Addr{addresses("127.0.0.1")}}}
}

const noDates = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"

func TestWhatGoesWrongWithACalendarIsSaidInOneWord(t *testing.T) {
	t.Parallel()
	s := newCalendarServer(t)
	u, _ := url.Parse(s.URL + "/a.ics")
	for rule, does := range map[string]http.HandlerFunc{
		"<nil>":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\xEF\xBB\xBF\r\n"+noDates) },
		"no_calendar": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"gone":        http.NotFound,
		"answer":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"redirects":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
		"https": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1/", http.StatusFound)
		},
		"too_large": func(w http.ResponseWriter, _ *http.Request) {
			for range ical.MaxSize/1024 + 2 {
				fmt.Fprint(w, strings.Repeat("x", 1024))
			}
		},
		"unreachable": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, noDates)
		},
	} {
		s.does(does)
		if _, err := s.downloads().fetch(t.Context(), u, asked{}); ruleOfFetch(err) != rule {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if _, err := (Downloads{Loopback: true}).fetch(t.Context(), u, asked{}); ruleOfFetch(err) != "certificate" {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s.does(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if _, err := s.downloads().fetch(ctx, u, asked{}); ruleOfFetch(err) != "slow" {
		t.Errorf("a server that takes its time: %v", err)
	}
}

func TestARedirectIsCheckedLikeTheFirstAddress(t *testing.T) {
	t.Parallel()
	s := newCalendarServer(t)
	s.does(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(s.URL, "127.0.0.1", "rebound.example.org", 1), http.StatusFound)
	})
	d := s.downloads()
	d.Resolver = &resolver{answers: [][]netip.Addr{addresses("10.0.0.1")}} // the second name, and a literal is not looked up
	u, _ := url.Parse(s.URL)
	if _, err := d.fetch(t.Context(), u, asked{}); ruleOfFetch(err) != "public" || s.asked.Load() != 1 {
		t.Errorf("%v after %d requests", err, s.asked.Load())
	}
}

func TestADownloadTellsNothingOfUs(t *testing.T) {
	t.Parallel()
	s := newCalendarServer(t)
	s.does(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "/there", http.StatusFound)
			return
		}
		if r.Header.Get("Cookie")+r.Header.Get("Referer")+r.Header.Get("Accept-Encoding") != "" || strings.Contains(r.UserAgent(), "onsil") {
			t.Errorf("it says %v", r.Header)
		}
		fmt.Fprint(w, noDates)
	})
	u, _ := url.Parse(s.URL + "/")
	if _, err := s.downloads().fetch(t.Context(), u, asked{}); err != nil || s.asked.Load() != 2 {
		t.Errorf("%v after %d requests", err, s.asked.Load())
	}
}
