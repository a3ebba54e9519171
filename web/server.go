// Package web is konsil's pages: routes, forms, templates and the languages' sentences.
//
// A handler reads the input, makes one domain call and answers. Rights are the domain's: the audience on a route's line only
// says for whom the page is made, so that others get a sign-in page or "not found" early. Pages work without script, except
// the live page.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/trial"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/exchange"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/realtime"
)

// Parts are what the pages show and change.
type Parts struct {
	Accounts    *account.Store
	Pool        *expertpool.Store
	Exchange    *exchange.Store
	Vault       *pseudonym.Vault
	Cases       *casefile.Store
	Conferences *conference.Store
	Plans       *plan.Store
	Provider    *account.Provider // the organisation's own sign-in; nil: none
	Mails       *mail.Queue
	Trials      *trial.Store
	DNS         mail.TXT // where the domain of our mails is looked up
	Live        *realtime.Hub
	Assets      *Assets
	URL         string                                                     // public address, without a slash at the end
	PeerToPeer  bool                                                       // two people who are alone in a room may be connected straight
	Evaluation  bool                                                       // rehearsal sign-in and outbox; only ever on loopback
	Proxies     []netip.Prefix                                             // whose X-Forwarded-For and -Proto are believed
	Observe     func(method, route string, status int, took time.Duration) // told about every answer; may be nil
	Ready       func(context.Context) error
	Now         func() time.Time
	Log         *slog.Logger
}

type server struct {
	Parts
	pages   *pages
	words   words
	budgets budgets
}

// New returns everything that konsil serves over HTTP.
func New(p Parts) (http.Handler, error) {
	s := &server{Parts: p, budgets: newBudgets(time.Now)}
	var err error
	if s.words, err = loadWords("de"); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s); err != nil {
		return nil, err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	s.edge(e)
	e.Use(bodyLimit())
	s.routes(e)
	return e, nil
}

// bodyLimit holds forms to a megabyte. Where files are taken, the handler has a limit of its own.
func bodyLimit() echo.MiddlewareFunc {
	return middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{
		Limit: "1M",
		Skipper: func(c echo.Context) bool {
			return c.Request().Method == http.MethodPost && slices.Contains([]string{uploads, imports, agreementDocuments}, c.Path())
		},
	})
}

// headers are on every answer. Pages are never kept by caches; assets set their own.
func (s *server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	csp := strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'", "img-src 'self' data:", "media-src 'self' blob:",
		"connect-src 'self' " + strings.Replace(s.URL, "http", "ws", 1), "worker-src 'self'", "manifest-src 'self'",
		"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	}, "; ")
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()")
		h.Set("Cache-Control", "no-store")
		if s.secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// fail turns an error into a page. It is the only place that knows status codes.
func (s *server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if errors.Is(c.Request().Context().Err(), context.Canceled) {
		return // whoever asked has gone, and what broke off because of that is nobody's fault
	}
	status, rule := statusOf(err)
	if errors.Is(err, account.ErrSlow) {
		c.Response().Header().Set("Retry-After", "60")
	}
	var edge refusal
	if errors.As(err, &edge) {
		s.Log.Warn("refused at the edge", "path", c.Path(), "status", status, "rule", rule, "about", edge.about)
	}
	if status == http.StatusInternalServerError {
		s.Log.Error("request failed", "path", c.Path(), "err", err)
	}
	if c.Request().Method == http.MethodHead {
		c.NoContent(status)
		return
	}
	if e := s.page(c, status, "error", errorPage{Status: status, Rule: rule, About: edge.about}); e != nil {
		s.Log.Error("error page failed", "path", c.Path(), "err", e)
	}
}

type errorPage struct {
	Status int
	Rule   string // key of words "error.…"
	About  string // fills the sentence "error.….about", where there is one
}

// statusOf is the table from kinds of refusal to status codes.
func statusOf(err error) (int, string) {
	var refused *account.RefusedError
	var invalid *account.InvalidError
	var edge refusal
	var h *echo.HTTPError
	rule := ""
	if errors.As(err, &refused) {
		rule = refused.Rule
	}
	or := func(d string) string {
		if rule != "" {
			return rule
		}
		return d
	}
	switch {
	case errors.As(err, &edge):
		return edge.status, edge.rule
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, "invalid"
	case errors.Is(err, account.ErrClosed):
		return http.StatusGone, or("closed")
	case errors.Is(err, account.ErrConflict):
		return http.StatusConflict, or("conflict")
	case errors.Is(err, account.ErrDenied):
		return http.StatusForbidden, or("denied")
	case errors.Is(err, account.ErrNotFound):
		return http.StatusNotFound, or("not_found")
	case errors.Is(err, account.ErrUnknown):
		return http.StatusNotFound, "dead_link"
	case errors.Is(err, account.ErrSlow):
		return http.StatusTooManyRequests, "slow"
	case errors.As(err, &h):
		switch h.Code {
		case http.StatusNotFound:
			return h.Code, "not_found"
		case http.StatusMethodNotAllowed:
			return h.Code, "method"
		case http.StatusRequestEntityTooLarge:
			return h.Code, "too_large"
		case http.StatusForbidden:
			return h.Code, "denied"
		}
	}
	return http.StatusInternalServerError, "internal"
}
