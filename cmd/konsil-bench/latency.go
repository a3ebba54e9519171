package main

import (
	"sync/atomic"
	"time"
)

const (
	latencyStep = 20 * time.Microsecond // resolution
	latencyMost = 10 * time.Second      // longer ones count as this
)

// latencies counts durations from any number of goroutines. Its size does not
// depend on how many there are.
type latencies struct {
	counts []atomic.Uint32
	n      atomic.Int64
}

func newLatencies() *latencies {
	return &latencies{counts: make([]atomic.Uint32, latencyMost/latencyStep+1)}
}

func (l *latencies) add(d time.Duration) {
	l.counts[min(max(d, 0), latencyMost)/latencyStep].Add(1)
	l.n.Add(1)
}

// percentile is the duration, in milliseconds, that p percent do not exceed, and
// as good as the longest for 100; 0 when there are none.
func (l *latencies) percentile(p float64) float64 {
	n := l.n.Load()
	rank := min(int64(p/100*float64(n)), n-1)
	for i := 0; n > 0 && i < len(l.counts); i++ {
		if rank -= int64(l.counts[i].Load()); rank < 0 {
			return float64((time.Duration(i+1) * latencyStep).Microseconds()) / 1e3
		}
	}
	return 0
}
