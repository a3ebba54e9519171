package expertpool

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Downloads are what calendars are fetched with. The zero value is right for a server: only what everybody on the internet can reach.
// The fields are for tests, whose calendars lie on loopback.
type Downloads struct {
	Resolver interface { // nil: that of the machine
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
	Trust    *x509.CertPool                                                       // nil: that of the machine
	Loopback bool                                                                 // allows loopback, on every port
	Connect  func(ctx context.Context, network, address string) (net.Conn, error) // to an address that was checked; nil: as the machine does
}

// Bounds of a download.
const (
	maxRedirects    = 3
	downloadTakes   = 10 * time.Second
	maxCalendarURL  = 2_000
	maxAnswerHeader = 64 << 10
)

// fetchError is why a calendar could not be read: a rule, never an address or what somebody's server said.
type fetchError struct{ rule string }

func (e *fetchError) Error() string { return "calendar: " + e.rule }

// asked is what is known of an address already.
type asked struct{ etag, modified string }

// answer is a calendar, or that it is still the same.
type answer struct {
	raw  []byte
	same bool
	asked
}

// checkCalendar brings the address of a calendar into the form in which it is kept. Error: *account.InvalidError of the field address.
func (d Downloads) checkCalendar(typed string) (*url.URL, error) {
	typed = strings.TrimSpace(typed)
	wrong := func(rule string) error { return &account.InvalidError{Field: "address", Rule: rule} }
	if typed == "" {
		return nil, wrong("required")
	}
	if rest, is := strings.CutPrefix(typed, "webcal://"); is { // what calendars call a subscription
		typed = "https://" + rest
	}
	u, err := url.Parse(typed)
	if err != nil || len(typed) > maxCalendarURL || u.Host == "" || u.Opaque != "" {
		return nil, wrong("address")
	}
	u.Fragment, u.RawFragment = "", ""
	if rule := d.refuses(u); rule != "" {
		return nil, wrong(rule)
	}
	return u, nil
}

// refuses is the rule against an address as it is written; empty when there is none. Names are looked up when it is fetched.
func (d Downloads) refuses(u *url.URL) string {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case u.Scheme != "https":
		return "https"
	case u.User != nil:
		return "password"
	case d.Loopback:
		return ""
	case !slices.Contains([]string{"", "443", "8443"}, u.Port()):
		return "port"
	case !strings.Contains(host, ".") || strings.Trim(last, "0123456789abcdefx") == "" && strings.ContainsAny(last, "0123456789"):
		return "public" // a name of the house, or a number in one of its spellings
	case slices.Contains([]string{"local", "localhost", "internal", "lan", "home", "arpa", "onion"}, last):
		return "public"
	}
	return ""
}

// public says that everybody on the internet can reach an address, and that it is nobody's own network. IANA's registries of
// special addresses (RFC 6890) are the source. Of IPv6 only what has been given out, 2000::/3, comes into question.
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	if a = a.Unmap(); a.Is4() {
		return !slices.ContainsFunc([]string{
			"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
			"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		}, func(p string) bool { return netip.MustParsePrefix(p).Contains(a) })
	}
	// Inside of it: protocols and tunnels that carry IPv4 addresses, 6to4, documentation.
	return netip.MustParsePrefix("2000::/3").Contains(a) && !slices.ContainsFunc([]string{
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	}, func(p string) bool { return netip.MustParsePrefix(p).Contains(a) })
}

func (d Downloads) allowed(a netip.Addr) bool {
	return public(a) || d.Loopback && a.Unmap().IsLoopback()
}

// dial looks a name up once, and connects to an address that it has checked. Of a name that has one address that is not public, none is
// used. What is connected to is checked once more: nothing in between can swap it.
func (d Downloads) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, &fetchError{"unreachable"}
	}
	var found []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{literal}
	} else if d.Resolver != nil {
		found, err = d.Resolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, &fetchError{"unreachable"}
		}
	} else if found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, &fetchError{"unreachable"}
	}
	if slices.ContainsFunc(found, func(a netip.Addr) bool { return !d.allowed(a) }) {
		return nil, &fetchError{"public"}
	}
	connect := d.Connect
	if connect == nil {
		connect = (&net.Dialer{Timeout: 5 * time.Second, Control: d.control}).DialContext
	}
	for _, a := range found[:min(len(found), 4)] {
		if conn, err := connect(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, &fetchError{"unreachable"}
}

func (d Downloads) control(_, address string, _ syscall.RawConn) error {
	if a, err := netip.ParseAddrPort(address); err != nil || !d.allowed(a.Addr()) {
		return &fetchError{"public"}
	}
	return nil
}

// fetch gets a calendar, within downloadTakes for all of it. It keeps no cookie, uses no proxy, tells no server where it was sent on from,
// and takes no packed answer. Error: *fetchError.
func (d Downloads) fetch(ctx context.Context, u *url.URL, known asked) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, downloadTakes)
	defer cancel()
	t := &http.Transport{
		DialContext: d.dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxAnswerHeader,
		TLSClientConfig: &tls.Config{RootCAs: d.Trust, MinVersion: tls.VersionTLS12},
	}
	defer t.CloseIdleConnections()
	for range maxRedirects + 1 {
		if rule := d.refuses(u); rule != "" {
			return answer{}, &fetchError{rule}
		}
		a, next, err := get(ctx, t, u, known)
		if err != nil || next == nil {
			return a, err
		}
		u = next
	}
	return answer{}, &fetchError{"redirects"}
}

// get asks one server. next is where it sends us.
func get(ctx context.Context, t *http.Transport, u *url.URL, known asked) (a answer, next *url.URL, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return a, nil, &fetchError{"address"}
	}
	r.Header.Set("User-Agent", "Calendar reader")
	r.Header.Set("Accept", "text/calendar, */*;q=0.1")
	if known.etag != "" {
		r.Header.Set("If-None-Match", known.etag)
	}
	if known.modified != "" {
		r.Header.Set("If-Modified-Since", known.modified)
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		return a, nil, unreached(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && known != (asked{}):
		return answer{same: true, asked: known}, nil, nil
	case slices.Contains([]int{301, 302, 303, 307, 308}, resp.StatusCode):
		if next, err = resp.Location(); err != nil {
			return a, nil, &fetchError{"answer"}
		}
		return a, next, nil
	case slices.Contains([]int{401, 403, 404, 410}, resp.StatusCode):
		return a, nil, &fetchError{"gone"}
	case resp.StatusCode != http.StatusOK:
		return a, nil, &fetchError{"answer"}
	}
	a.etag, a.modified = short(resp.Header.Get("ETag")), short(resp.Header.Get("Last-Modified"))
	a.raw, err = io.ReadAll(io.LimitReader(resp.Body, ical.MaxSize+1))
	switch {
	case len(a.raw) > ical.MaxSize:
		return a, nil, &fetchError{"too_large"}
	case err != nil:
		return a, nil, unreached(ctx, err)
	case !bytes.HasPrefix(bytes.ToUpper(bytes.TrimSpace(bytes.TrimPrefix(a.raw[:min(len(a.raw), 64)], []byte("\xEF\xBB\xBF")))), []byte("BEGIN:VCALENDAR")):
		return a, nil, &fetchError{"no_calendar"}
	}
	return a, nil, nil
}

// short keeps a header value that is of ordinary length, to be sent back.
func short(s string) string {
	if len(s) > 200 {
		return ""
	}
	return s
}

// unreached says why a connection came to nothing, as far as that is of use to whoever gave the address.
func unreached(ctx context.Context, err error) error {
	var own *fetchError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &cert):
		return &fetchError{"certificate"}
	case ctx.Err() != nil:
		return &fetchError{"slow"}
	}
	return &fetchError{"unreachable"}
}
