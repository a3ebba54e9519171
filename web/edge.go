package web

import (
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/konsil-server/konsil/expertpool/account"
)

// refusal is an answer that the edge of the server gives before anything of the domain is asked.
type refusal struct {
	status int
	rule   string // key of words "error.…"
	about  string // the field or the span of time it is about, if any
}

func (r refusal) Error() string { return "refused: " + r.rule }

// edge is what every request passes before its route is looked for, from the outside in.
func (s *server) edge(e *echo.Echo) {
	origin := http.NewCrossOriginProtection()
	_ = origin.AddTrustedOrigin(s.URL) // a proxy may call us by another name; what is no origin is not trusted
	e.Pre(s.observed, middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: s.panicked}), s.headers, s.encrypted, straight,
		func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				if err := origin.Check(c.Request()); err != nil {
					return refusal{status: http.StatusForbidden, rule: "foreign_origin"}
				}
				return next(c)
			}
		})
	e.IPExtractor = func(r *http.Request) string { return s.caller(r).String() }
}

// observed tells whoever measures how long each route took.
func (s *server) observed(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Observe == nil {
		return next
	}
	return func(c echo.Context) error {
		if c.IsWebSocket() {
			return next(c) // which lasts as long as somebody is there
		}
		began := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err) // so that the status is known
		}
		s.Observe(c.Request().Method, c.Path(), c.Response().Status, time.Since(began))
		return nil
	}
}

func (s *server) panicked(c echo.Context, err error, stack []byte) error {
	s.Log.Error("a handler panicked", "path", c.Path(), "err", err, "stack", string(stack))
	return err
}

// straight lets only requests through that can be read in one way. Paths that say the same as another are pages that do not exist,
// and a body says its length: two servers that disagree where a request ends could be made to take a part of it for the next one.
// RFC 9112 §11.2
func straight(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if len(r.TransferEncoding) > 0 {
			c.Response().Header().Set("Connection", "close")
			return refusal{status: http.StatusLengthRequired, rule: "malformed"}
		}
		if p := r.URL.Path; r.URL.RawPath != "" || p != path.Clean(p) || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == ';' }) {
			return account.ErrNotFound
		}
		return next(c)
	}
}

// caller is the address that a request comes from: the last one on its way that is not a proxy of ours. Only what a trusted proxy
// has written about its own peer is believed, so a caller cannot choose an address. Where a trusted proxy says something that is no
// address, it is the proxy that counts.
func (s *server) caller(r *http.Request) netip.Addr {
	at := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.proxy(at); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = before.Unmap().WithZone("")
	}
	return at
}

// peer is who the connection is with.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (s *server) proxy(a netip.Addr) bool {
	for _, p := range s.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// encrypted leads those back who reached a proxy of ours without TLS although konsil is to be had with it only. What they sent by POST
// has been on the way in the clear: it is not done.
func (s *server) encrypted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !s.secure() || r.Header.Get("X-Forwarded-Proto") != "http" || !s.proxy(peer(r)) {
			return next(c)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return refusal{status: http.StatusForbidden, rule: "not_encrypted"}
		}
		return c.Redirect(http.StatusPermanentRedirect, s.URL+r.URL.RequestURI())
	}
}

// secure tells whether konsil is reached over https.
func (s *server) secure() bool { return strings.HasPrefix(s.URL, "https:") }

// household is what counts as one caller for a budget: an IPv4 address, or the 64 bits of an IPv6 address that a customer is given to
// hand out as she likes. RFC 6177
func household(a netip.Addr) string {
	if !a.Is6() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
