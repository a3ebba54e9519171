package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// askedPages are what the bench asks for, by kind: list pages, and searches of the directory as people type them. The queries
// of a kind take turns.
var askedPages = []struct {
	kind  string
	paths []string
}{
	{"/", []string{"/"}},
	{"/requests", []string{"/requests"}},
	{"/conferences", []string{"/conferences"}},
	{"/experts", []string{"/experts", "/experts?page=1", "/experts?page=20"}},
	{"one facet", directory("discipline=neurology", "language=tr", "mode=on_site", "profession=physician", "specialty=cardiology", "discipline=coaching")},
	{"facets", directory("language=tr&mode=on_site", "discipline=psychiatry&language=ar", "profession=physician&mode=written&language=en")},
	{"word", words("Migräne", "Bandscheibe", "Wiedereingliederung", "Kardiologie", "Palliativmedizin", "Long Covid")},
	{"broad word", words("Arzt", "Physiotherapie", "Psych", "Pflege", "Therapie")},
	{"synonym", words("Nervenarzt", "Hausärztin", "Betriebsarzt", "Drogenberatung", "Kreuzschmerz")},
	{"typing error", words("depresion", "Psychater", "Epilepise", "Bandscheibbe", "Wiedereingliedrung", "Fridberger")},
	{"umlaut", words("Gruenhoff", "SCHÖNTHALER", "Löwmann", "Roesberg", "erschoepfung", "Rükenschmerz")},
	{"compound", words("Neurologierehabilitation", "Suchtpsychiatrie", "Herzsport", "Schmerzpsychologie")},
	{"name", words("Ada Seeberg", "Jürgen Wolf", "Lindhoff", "Rüdiger")},
	{"several words", words("Nervenarzt türkisch Angst", "Physiotherapie Rückenschmerz vor Ort", "Psychologin arabisch Trauma")},
	{"distance", directory("near=37154&within=50", "near=80331&within=25", "near=10115&within=100", "near=34117")},
	{"distance and word", directory("near=37154&within=100&q=Psychiatrie", "q=Arbeitsmedizin+80331&within=50", "near=50667&q=depresion")},
	{"free", directory("free=yes&discipline=psychiatry", "free=yes&q=Migr%C3%A4ne", "free=yes")},
}

func directory(queries ...string) []string {
	paths := make([]string, len(queries))
	for i, q := range queries {
		paths[i] = "/experts?" + q
	}
	return paths
}

func words(texts ...string) []string {
	paths := make([]string, len(texts))
	for i, t := range texts {
		paths[i] = "/experts?" + url.Values{"q": {t}}.Encode()
	}
	return paths
}

// pageFigures is a line of output.
type pageFigures struct {
	Path    string  `json:"path"` // of a page, or the kind of search
	N       int     `json:"n"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	P99     float64 `json:"p99_ms"`
	Bytes   int64   `json:"bytes"` // of one answer, on average
	Experts int     `json:"experts,omitempty"`
	Load    float64 `json:"load,omitempty"` // of the machine, in the last minute
	CPU     float64 `json:"cpu_ms_per_request,omitempty"`
	PgCPU   float64 `json:"pg_cpu_ms_per_request,omitempty"` // of the processes that the server has started
	RSS     uint64  `json:"rss_bytes,omitempty"`
}

// asked is what came of the pages of one kind.
type asked struct {
	times *latencies
	bytes int64
}

// runHTTP asks for pages as one coordinator or several, one after the other, and says how long the answers took to their last
// byte. How many experts there are the server says; "konsil rehearse -experts N" adds invented ones.
func runHTTP(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench http", flag.ContinueOnError)
	address := f.String("url", "", "address of a server in evaluation mode")
	seconds := f.Int("seconds", 30, "how long to ask")
	clients := f.Int("clients", 1, "how many ask at the same time")
	pid := f.Int("pid", 0, "the server's process, for figures of CPU and memory")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *address == "" || *seconds < 1 || *clients < 1 {
		return errors.New("usage: konsil-bench http -url U [-seconds S] [-clients C] [-pid P]")
	}
	ctx := context.Background()
	people, err := gather(ctx, *address)
	if err != nil {
		return err
	}
	experts, err := expertsIn(ctx, people.coordinators[0])
	if err != nil {
		return err
	}
	if err := warm(ctx, people.coordinators[0]); err != nil {
		return err
	}
	from, err := usageOf(*pid)
	if err != nil {
		return err
	}
	all, err := ask(ctx, people.coordinators[0], *clients, time.Now().Add(time.Duration(*seconds)*time.Second))
	if err != nil {
		return err
	}
	to, err := usageOf(*pid)
	if err != nil {
		return err
	}
	return reportPages(out, all, pageFigures{
		Experts: experts, Load: loadAverage(), CPU: (to.cpu - from.cpu).Seconds() * 1e3, PgCPU: (to.children - from.children).Seconds() * 1e3, RSS: to.rss,
	})
}

// expertsIn reads off the directory how many it lists.
func expertsIn(ctx context.Context, v *visitor) (int, error) {
	page, err := v.get(ctx, "/experts")
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`role="status"[^>]*>(\d+) `).FindStringSubmatch(page)
	if m == nil {
		return 0, errors.New("the directory does not say how many it lists")
	}
	return strconv.Atoi(m[1])
}

// warm asks for one page of each kind, which does not count.
func warm(ctx context.Context, v *visitor) error {
	for _, k := range askedPages {
		if _, err := v.get(ctx, k.paths[0]); err != nil {
			return err
		}
	}
	return nil
}

// ask goes round the kinds of pages until the time is over.
func ask(ctx context.Context, v *visitor, clients int, until time.Time) ([]asked, error) {
	all := make([]asked, len(askedPages))
	for i := range all {
		all[i].times = newLatencies()
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for c := range clients {
		wait.Go(func() {
			for round := c; time.Now().Before(until); round++ {
				for i, k := range askedPages {
					began := time.Now()
					body, err := v.get(ctx, k.paths[round%len(k.paths)])
					if err != nil {
						failed <- err
						return
					}
					mu.Lock()
					all[i].times.add(time.Since(began))
					all[i].bytes += int64(len(body))
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	return all, <-failed
}

// reportPages writes a line for each kind, and one for all with the figures of the whole run: CPU is divided by the answers.
func reportPages(out io.Writer, all []asked, run pageFigures) error {
	lines := json.NewEncoder(out)
	whole := asked{times: newLatencies()}
	for i, a := range all {
		if err := lines.Encode(figuresOf(askedPages[i].kind, a)); err != nil {
			return err
		}
		whole.add(a)
	}
	sum := figuresOf("all", whole)
	n := float64(max(1, sum.N))
	sum.Experts, sum.Load, sum.CPU, sum.PgCPU, sum.RSS = run.Experts, run.Load, run.CPU/n, run.PgCPU/n, run.RSS
	if err := lines.Encode(sum); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func figuresOf(path string, a asked) pageFigures {
	n := a.times.n.Load()
	return pageFigures{
		Path: path, N: int(n), P50: a.times.percentile(50), P95: a.times.percentile(95), P99: a.times.percentile(99), Bytes: a.bytes / max(1, n),
	}
}

// add takes the answers of another kind in.
func (a *asked) add(b asked) {
	a.bytes += b.bytes
	for i := range b.times.counts {
		a.times.counts[i].Add(b.times.counts[i].Load())
	}
	a.times.n.Add(b.times.n.Load())
}
