package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops is what only the operator sees: figures, and the profiles of the running program. They are had on a loopback address of their own
// and nowhere else; whoever scrapes from another machine brings a tunnel or a proxy that asks who comes.
type ops struct {
	figures *prometheus.Registry
	took    *prometheus.HistogramVec
}

func newOps(db *pgxpool.Pool) *ops {
	o := &ops{figures: prometheus.NewRegistry(), took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "konsil_http_request_seconds", Help: "How long requests took, by route and status. Sockets are not among them.",
		Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"method", "route", "status"})}
	o.figures.MustRegister(o.took, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for state, count := range map[string]func(*pgxpool.Stat) int32{
		"busy": (*pgxpool.Stat).AcquiredConns, "idle": (*pgxpool.Stat).IdleConns, "most": (*pgxpool.Stat).MaxConns,
	} {
		o.figures.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "konsil_database_connections", Help: "Connections of the pool to PostgreSQL.", ConstLabels: prometheus.Labels{"state": state},
		}, func() float64 { return float64(count(db.Stat())) }))
	}
	return o
}

// observe counts an answer. Its route is a pattern: addresses carry identifiers, and there is no end to them.
func (o *ops) observe(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	o.took.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// handler answers under names of this machine only, so that no page elsewhere can read it through somebody's browser.
func (o *ops) handler() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", promhttp.HandlerFor(o.figures, promhttp.HandlerOpts{}))
	m.HandleFunc("GET /debug/pprof/", pprof.Index)
	m.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	m.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	m.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			http.Error(w, "answers on localhost only", http.StatusMisdirectedRequest)
			return
		}
		m.ServeHTTP(w, r)
	})
}

// opsOff is the setting that leaves the operator's listener away.
const opsOff = "off"

// listenOps opens the operator's listener; nil where there is to be none. An address that somebody has set must be had. The one by
// default may be another konsil's on this machine: then this one says so and does without.
func (s *server) listenOps() (net.Listener, error) {
	if s.OpsAddr == "" || s.OpsAddr == opsOff {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.OpsAddr)
	if err != nil && os.Getenv("KONSIL_OPS_ADDR") == "" {
		s.log.Warn("no figures for the operator: the address is taken; set KONSIL_OPS_ADDR", "addr", s.OpsAddr)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("KONSIL_OPS_ADDR: %w", err)
	}
	return l, nil
}

// runOps serves the operator until ctx ends.
func (s *server) runOps(ctx context.Context, l net.Listener) error {
	if l == nil {
		return nil
	}
	h := &http.Server{Handler: s.ops.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	return ignore(h.Serve(l), http.ErrServerClosed)
}

// validateOps keeps figures and profiles away from networks: they tell about people at work, and profiling costs what others need.
func (c config) validateOps() error {
	if c.OpsAddr == "" || c.OpsAddr == opsOff || hostPort(c.OpsAddr) && loopback(c.OpsAddr) {
		return nil
	}
	return fmt.Errorf("KONSIL_OPS_ADDR: %q is neither a loopback address like 127.0.0.1:9090 nor off", c.OpsAddr)
}

// proxies are the networks that our own reverse proxies are in.
func (c config) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for one := range strings.SplitSeq(c.TrustedProxies, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if ip, alone := netip.ParseAddr(one); alone == nil {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil || p.Bits() == 0 {
			return nil, fmt.Errorf("KONSIL_TRUSTED_PROXIES: %q is not an address or a network like 10.1.0.0/24", one)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
