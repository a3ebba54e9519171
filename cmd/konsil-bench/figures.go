package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// notesResult is a line of output. What was not asked for, or is not offered
// by the server, is nil and left out.
type notesResult struct {
	Server  string `json:"server"`
	Writers int    `json:"writers"`
	Readers int    `json:"readers"`
	Lost    int    `json:"lost"`
	*typingFigures
	*ackFigures
	*processFigures
	*idleFigures
	*sizeFigures
	Load float64 `json:"load"` // of the machine, in the last minute
}

type typingFigures struct {
	Sent      float64 `json:"sent"`
	Delivered float64 `json:"delivered"`
	P50       float64 `json:"fanout_p50_ms"`
	P99       float64 `json:"fanout_p99_ms"`
}

type ackFigures struct {
	Acked float64 `json:"acked"`
	P50   float64 `json:"ack_p50_ms"`
	P99   float64 `json:"ack_p99_ms"`
}

type processFigures struct {
	CPU      float64 `json:"cpu_us_per_delivery"`
	Children float64 `json:"pg_cpu_us_per_delivery,omitempty"` // a server without children has none
}

type idleFigures struct {
	RSS    float64 `json:"rss_per_connection_bytes"`
	Memory float64 `json:"memory_per_connection_bytes"`
}

type sizeFigures struct {
	RSS float64 `json:"rss_bytes"`
}

// notesSummary is the last line.
type notesSummary struct {
	notesResult
	Runs  int           `json:"runs"`
	Own   *float64      `json:"own_bytes,omitempty"` // of an idle connection, beyond the bare server's
	Peers []notesResult `json:"peers,omitempty"`
}

func resultOf(n *note, c *contender, before, after usage) notesResult {
	delivered := float64(n.delivered.Load())
	r := notesResult{
		Server: c.name, Writers: n.writers, Readers: len(n.people) - n.writers, Load: loadAverage(),
		typingFigures: &typingFigures{float64(n.counted.Load()), delivered, n.fanout.percentile(50), n.fanout.percentile(99)},
	}
	if c.people != nil {
		r.ackFigures = &ackFigures{float64(n.acks.n.Load()), n.acks.percentile(50), n.acks.percentile(99)}
	}
	if c.pid != 0 {
		each := func(d time.Duration) float64 {
			return math.Round(float64(d.Nanoseconds())/max(1, delivered)) / 1e3 // ns are finer than the clock anyway
		}
		r.processFigures = &processFigures{CPU: each(after.cpu - before.cpu)}
		r.sizeFigures = &sizeFigures{float64(after.rss)}
		if after.family {
			r.Children = each(after.children - before.children)
		}
	}
	return r
}

// middle is the median of each figure over the runs of one server; lost is the
// sum.
func middle(of []notesResult) notesResult {
	m := of[0]
	m.typingFigures, m.ackFigures = copied(m.typingFigures), copied(m.ackFigures)
	m.processFigures, m.idleFigures = copied(m.processFigures), copied(m.idleFigures)
	m.sizeFigures = copied(m.sizeFigures)
	runs := make([][]*float64, len(of))
	m.Lost = 0
	for i := range of {
		m.Lost += of[i].Lost
		runs[i] = of[i].figures()
	}
	setMedians(m.figures(), runs, 1e3)
	return m
}

// setMedians sets each figure to its median over the runs, rounded to parts of
// one: 100 for two decimals.
func setMedians(to []*float64, runs [][]*float64, parts float64) {
	for i, v := range to {
		var column []float64
		for _, run := range runs {
			column = append(column, *run[i])
		}
		*v = math.Round(median(column)*parts) / parts
	}
}

// figures are the numbers of a result that have a median: the same ones in
// every run of one plan.
func (r *notesResult) figures() []*float64 {
	f := []*float64{&r.Load}
	if t := r.typingFigures; t != nil {
		f = append(f, &t.Sent, &t.Delivered, &t.P50, &t.P99)
	}
	if a := r.ackFigures; a != nil {
		f = append(f, &a.Acked, &a.P50, &a.P99)
	}
	if p := r.processFigures; p != nil {
		f = append(f, &p.CPU, &p.Children)
	}
	if i := r.idleFigures; i != nil {
		f = append(f, &i.RSS, &i.Memory)
	}
	if s := r.sizeFigures; s != nil {
		f = append(f, &s.RSS)
	}
	return f
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// holding is what a process holds at one moment of a long run.
type holding struct {
	Server  string  `json:"server"`
	Seconds float64 `json:"at_seconds"`
	RSS     uint64  `json:"rss_bytes"`
	Threads int     `json:"threads"`
	Files   int     `json:"open_files"`
}

// watch prints what the process holds in the course of a long run, from its
// start to its end. The function it returns ends that and waits.
func (p notesPlan) watch(ctx context.Context, c *contender, lines *json.Encoder) (stop func()) {
	if p.length < time.Minute || c.pid == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(done)
		for i := range p.looks {
			if sleep(ctx, time.Until(began.Add(time.Duration(i)*(p.length-time.Second)/time.Duration(p.looks-1)))) != nil {
				return
			}
			u, err := usageOf(c.pid)
			if err == nil {
				err = lines.Encode(holding{c.name, math.Round(time.Since(began).Seconds()), u.rss, u.threads, u.files})
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "what the process holds:", err)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}
