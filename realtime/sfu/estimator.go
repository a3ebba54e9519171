package sfu

import (
	"math"
	"slices"
	"time"
)

// estimator turns arrivals into a rate. Pure: its clocks are those of the arrivals and of the caller. It says nothing until the way
// is found to be full: packets wait longer and longer, or many are lost. From then on it holds what got through, and more only when
// a probe has shown that there is more.
type estimator struct {
	limited bool
	rate    float64 // bit/s

	floor   delayFloor
	samples []sample      // of the last second
	newest  time.Duration // when the last of all packets that were reported on was sent
	loweredAt,
	raisedAt,
	probedAt time.Time
	failures int           // probes in vain, or successes that did not last
	settled  time.Duration // packets sent before were sent at the old rate
}

// arrival is what became of one packet. Sender and receiver have clocks of their own.
type arrival struct {
	number   uint64
	size     int
	sent, at time.Duration
	lost     bool
}

// sample is kept small: everybody's second is full of them.
type sample struct {
	sent, at time.Duration
	wait     int32 // microseconds in queues
	size     uint16
	lost     bool
}

// take learns from a report. Packets are in the order of their numbers, which is not always that of their leaving: whoever sends takes
// a number and the time one after the other, and may be held up in between.
func (e *estimator) take(all []arrival, now time.Time) {
	for _, a := range all {
		e.newest = max(e.newest, a.sent)
	}
	e.forget() // first, so that what comes takes the room of what goes
	for _, a := range all {
		s := sample{sent: a.sent, at: a.at, size: uint16(a.size), lost: a.lost}
		if !a.lost {
			s.wait = int32(min(e.floor.above(a.at-a.sent, a.sent).Microseconds(), math.MaxInt32))
		}
		e.samples = append(e.samples, s)
	}
	if len(e.samples) == 0 {
		return
	}
	e.forget()
	if e.full() && now.Sub(e.loweredAt) >= lowerEvery {
		e.lower(now)
	}
}

// forget drops samples that are old beside the newest, in place: this happens ten times a second for everybody.
func (e *estimator) forget() {
	old := 0
	for old < len(e.samples) && e.newest-e.samples[old].sent > estimateOver {
		old++
	}
	e.samples = slices.Delete(e.samples, 0, old)
}

// full says whether packets wait in queues, or more got lost than a bad radio link loses.
func (e *estimator) full() bool { return e.queues() || e.loses() }

// queues says whether even the packet that waited least of late waited long.
func (e *estimator) queues() bool {
	count, least, oldest := 0, int32(-1), e.newest
	for _, s := range e.samples {
		if s.lost || s.sent < e.settled || e.newest-s.sent > queueOver {
			continue
		}
		count++
		oldest = min(oldest, s.sent)
		if least < 0 || s.wait < least {
			least = s.wait
		}
	}
	return count >= queuePackets && e.newest-oldest >= queueOver/2 && time.Duration(least)*time.Microsecond > queueLimit
}

// loses says whether much got lost for some time. A burst that is lost at once is not it: a client drops what comes before it is
// ready for it. Neither is an interruption, in which nothing at all gets through.
func (e *estimator) loses() bool {
	var count, lost [lossWindows]int
	for _, s := range e.samples {
		i := int((e.newest - s.sent) / lossWindow)
		if s.sent < e.settled || i >= lossWindows {
			continue
		}
		count[i]++
		if s.lost {
			lost[i]++
		}
	}
	for i := range count {
		if count[i] < lossPackets || lost[i] == count[i] || float64(lost[i]) <= lossLimit*float64(count[i]) {
			return false
		}
	}
	return true
}

// lower takes most of what got through, so that queues can empty.
func (e *estimator) lower(now time.Time) {
	rate := e.delivered() * lowerTo
	if e.limited {
		rate = min(rate, e.rate)
	}
	if now.Sub(e.raisedAt) < raiseTrial || now.Sub(e.probedAt) < raiseTrial {
		e.failures = min(e.failures+1, maxFailures)
	}
	e.limited, e.rate = true, max(rate, leastRate)
	e.loweredAt, e.settled = now, e.newest
}

// delivered is the rate that has come in over the last second, in bit/s.
func (e *estimator) delivered() float64 {
	first, last, bytes := time.Duration(-1), time.Duration(0), 0
	for _, s := range e.samples {
		if s.lost {
			continue
		}
		if first < 0 {
			first, last = s.at, s.at
			continue
		}
		first, last = min(first, s.at), max(last, s.at)
		bytes += int(s.size)
	}
	if last-first < estimateOver/10 {
		return float64(bytes) * 8 / (estimateOver / 10).Seconds()
	}
	return float64(bytes) * 8 / (last - first).Seconds()
}

// mayProbe says whether to look for more: not soon after the way was full, and the later the more often that was in vain.
func (e *estimator) mayProbe(now time.Time) bool {
	if !e.limited {
		return false
	}
	pause := probeEvery << e.failures
	return now.Sub(e.loweredAt) >= max(holdAfter, pause) && now.Sub(e.probedAt) >= pause
}

// probed takes the result of a probe in bit/s, 0 if too little of it arrived.
func (e *estimator) probed(rate float64, now time.Time) {
	if rate *= probeTrust; e.loweredAt.After(e.probedAt) || rate <= e.rate {
		e.failures = min(e.failures+1, maxFailures)
		return
	}
	e.rate, e.raisedAt = rate, now
	if now.Sub(e.loweredAt) > raiseTrial {
		e.failures = 0
	}
}

// delayFloor is the shortest delay of late, which is that of the way without queues. Two windows, because clocks drift and ways change.
type delayFloor struct {
	begun        bool
	before, here time.Duration
	since        time.Duration
}

// above is how much longer than that a packet took.
func (f *delayFloor) above(delay, sent time.Duration) time.Duration {
	switch {
	case !f.begun:
		*f = delayFloor{begun: true, before: delay, here: delay, since: sent}
	case sent-f.since > floorOver:
		f.before, f.here, f.since = f.here, delay, sent
	}
	f.here = min(f.here, delay)
	return delay - min(f.before, f.here)
}
