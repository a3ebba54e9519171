package sfu

import (
	"sync"
	"sync/atomic"
	"time"
)

// bandwidth finds out how much one subscriber's connection carries. Loops write down what they send, without a lock; the client
// reports when it arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01).
type bandwidth struct {
	next   atomic.Uint64 // transport-wide number, without wrap-around
	octets atomic.Uint64 // sent so far
	read   atomic.Uint64 // reports up to this number have been taken; written under mu
	log    atomic.Pointer[sentLog]
	origin time.Time

	mu      sync.Mutex
	est     estimator
	probe   probe
	arrived []arrival // of the report that is being taken
}

const (
	sentSlots  = 4096 // numbers that are remembered at most,
	firstSlots = 64   // and at first
)

// sentLog is what was sent under which number, of as many numbers as it has slots. A slot is 16 bits of number, 12 of size and 36 of
// microseconds, which begin anew after 19 hours; 0 is empty.
type sentLog struct {
	slots  []atomic.Uint64
	since  uint64                  // the first number written here
	before atomic.Pointer[sentLog] // the smaller one it has replaced, while numbers of that may be reported
}

func newBandwidth() *bandwidth {
	b := &bandwidth{origin: time.Now()}
	b.log.Store(&sentLog{slots: make([]atomic.Uint64, firstSlots)})
	return b
}

// sent gives a packet of size bytes, which leaves at about now, its transport-wide number.
func (b *bandwidth) sent(size int, now time.Time) uint16 {
	b.octets.Add(uint64(size))
	n := b.next.Add(1)
	at := uint64(now.Sub(b.origin).Microseconds()) & (1<<36 - 1)
	log := b.roomFor(n)
	log.slots[n%uint64(len(log.slots))].Store(n&0xffff<<48 | uint64(min(size, 1<<12-1))<<36 | at)
	return uint16(n)
}

// roomFor is the log to write n into. It doubles when what is not reported on fills half of it: the other half is for what is
// reported once more.
func (b *bandwidth) roomFor(n uint64) *sentLog {
	log := b.log.Load()
	if size := len(log.slots); size < sentSlots && int64(n-b.read.Load()) > int64(size/2) {
		larger := &sentLog{slots: make([]atomic.Uint64, 2*size), since: n}
		larger.before.Store(log)
		b.log.CompareAndSwap(log, larger) // or another loop was first
		log = b.log.Load()
	}
	return log
}

// of is what was written down about a number: when it was sent, since the beginning, and its size. What a slot says of the time begins
// anew after 19 hours; now tells which of them is meant.
func (b *bandwidth) of(n uint64, now time.Time) (at time.Duration, size int, ok bool) {
	clock := now.Sub(b.origin).Microseconds()
	for log := b.log.Load(); log != nil; log = log.before.Load() {
		v := log.slots[n%uint64(len(log.slots))].Load()
		if v != 0 && v>>48 == n&0xffff {
			age := (clock - int64(v&(1<<36-1))) << 28 >> 28 // now may be a little before the packet was sent
			return time.Duration(clock-age) * time.Microsecond, int(v >> 36 & (1<<12 - 1)), true
		}
	}
	return 0, 0, false
}

// advance notes that reports up to a number have been taken, and lets go of the log before once hardly anything in it can be
// reported on.
func (b *bandwidth) advance(to uint64) {
	b.read.Store(max(b.read.Load(), to))
	if log := b.log.Load(); b.read.Load() > log.since+uint64(len(log.slots))/2 {
		log.before.Store(nil)
	}
}

// report takes what the client says about arrivals. The same report may come several times.
func (b *bandwidth) report(r arrivalReport, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	newest, end := b.next.Load(), uint64(r.count())
	first := newest - uint64(uint16(newest)-r.base())
	if end += first; first > newest || newest-first >= sentSlots || end <= b.read.Load() {
		return
	}
	b.arrived = b.arrived[:0]
	r.each(func(i int, at time.Duration, received bool) {
		a := arrival{number: first + uint64(i), at: at, lost: !received}
		var ok bool
		a.sent, a.size, ok = b.of(a.number, now)
		if ok && (received || a.number >= b.read.Load()) {
			b.arrived = append(b.arrived, a)
		}
	})
	b.advance(end)
	b.est.take(b.arrived, now)
	if rate, done := b.probe.take(b.arrived); done && rate >= 0 {
		b.est.probed(rate, now)
	}
}

// reroute forgets what is known: another way has a width and a delay of its own.
func (b *bandwidth) reroute() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.est, b.probe = estimator{}, probe{}
}

// rate is what the connection carries in bit/s, negative while nothing says that there is a limit.
func (b *bandwidth) rate() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.est.limited {
		return -1
	}
	return int(b.est.rate)
}

// beginProbe says whether it is time to find out if the connection carries target bit/s, and begins if so.
func (b *bandwidth) beginProbe(target int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probe.open || !b.est.mayProbe(now) {
		return false
	}
	b.est.probedAt = now
	b.probe = probe{open: true, target: target, from: b.next.Load() + 1, began: now, octets: b.octets.Load()}
	return true
}

// padding is how many bytes are missing for the probe's target up to now; false when it is over.
func (b *bandwidth) padding(now time.Time) (bytes int, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.probe
	if !p.open {
		return 0, false
	}
	lasted := now.Sub(p.began)
	if lasted > probeLong {
		p.open, p.to = false, b.next.Load()
		return 0, false
	}
	return max(0, int(float64(p.target)/8*lasted.Seconds())-int(b.octets.Load()-p.octets)), true
}

// probe is a stretch of numbers among which padding was sent.
type probe struct {
	open        bool
	target      int // bit/s
	began       time.Time
	octets      uint64        // sent before it began
	from, to    uint64        // numbers; to is 0 while open
	first, last time.Duration // arrivals
	bytes, got  int
	reported    int
	taken       bool
}

// take measures how fast the packets of the probe came in; 0 if hardly any did, negative if too few were reported on to know. done
// once the report about the last of them is there.
func (p *probe) take(all []arrival) (rate float64, done bool) {
	if p.from == 0 || p.taken {
		return 0, false
	}
	for _, a := range all {
		done = done || !p.open && a.number >= p.to
		if a.number >= p.from && (p.open || a.number <= p.to) {
			p.count(a)
		}
	}
	if !done {
		return 0, false
	}
	p.taken = true
	if p.reported < probePackets {
		return -1, true
	}
	if span := p.last - p.first; p.got >= probePackets && span > 0 {
		rate = float64(p.bytes) * 8 / span.Seconds()
	}
	return rate, true
}

// count adds a packet. The size of the first says nothing about the time between it and the last.
func (p *probe) count(a arrival) {
	p.reported++
	if a.lost {
		return
	}
	if p.got++; p.got == 1 {
		p.first, p.last = a.at, a.at
		return
	}
	p.bytes += a.size
	p.first, p.last = min(p.first, a.at), max(p.last, a.at)
}
