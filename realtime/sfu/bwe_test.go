package sfu

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// statuses is a report that says of count numbers from base on that all have arrived.
func statuses(t *testing.T, base uint16, count int) arrivalReport {
	t.Helper()
	r := &rtcp.TransportLayerCC{BaseSequenceNumber: base, PacketStatusCount: uint16(count)}
	r.PacketChunks = []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{
		PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: uint16(count),
	}}
	for range count {
		r.RecvDeltas = append(r.RecvDeltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250})
	}
	return marshalled(t, r)
}

func marshalled(t *testing.T, r *rtcp.TransportLayerCC) arrivalReport {
	t.Helper()
	r.Header = rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: r.Len()/4 - 1}
	raw, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	report, ok := asArrivalReport(rtcp.PacketType(raw[1]), raw)
	if !ok {
		t.Fatalf("%x is no report", raw)
	}
	return report
}

func TestWhatWasSentIsRememberedUntilItIsReported(t *testing.T) {
	t.Parallel()
	b := newBandwidth()
	next := uint16(1)
	for _, burst := range []int{10, 40, 700, 50, 3000, 20} {
		for i := range burst {
			if n := b.sent(i, time.Now()); n != next+uint16(i) {
				t.Fatalf("packet %d has the number %d", next+uint16(i), n)
			}
		}
		for i := range burst {
			if _, size, ok := b.of(uint64(next)+uint64(i), time.Now()); !ok || size != i {
				t.Fatalf("packet %d of a burst of %d is remembered as %d bytes, %v", i, burst, size, ok)
			}
		}
		b.report(statuses(t, next, burst), time.Now())
		next += uint16(burst)
	}
	if n := len(b.log.Load().slots); n != sentSlots {
		t.Errorf("%d slots", n)
	}
}

func TestALogOfFewPacketsStaysSmall(t *testing.T) {
	t.Parallel()
	b := newBandwidth()
	for base := uint16(1); base < 60000; base += 30 {
		for range 30 {
			b.sent(100, time.Now())
		}
		b.report(statuses(t, base, 30), time.Now())
	}
	if log := b.log.Load(); len(log.slots) != firstSlots || log.before.Load() != nil {
		t.Errorf("%d slots for 30 packets at a time", len(log.slots))
	}
	for range 200 {
		b.sent(100, time.Now())
	}
	log := b.log.Load()
	if log.before.Load() == nil {
		t.Error("what was written before is gone before it is reported")
	}
	for range 8 {
		at := uint16(b.next.Load())
		b.report(statuses(t, at, 1), time.Now())
		for range 50 {
			b.sent(100, time.Now())
		}
	}
	if b.log.Load() != log || log.before.Load() != nil {
		t.Error("the smaller log is kept although nothing in it can be reported")
	}
}

func TestManyLoopsWriteIntoALogThatGrows(t *testing.T) {
	t.Parallel()
	b := newBandwidth()
	var loops sync.WaitGroup
	for range 4 {
		loops.Go(func() {
			for range 900 {
				b.sent(100, time.Now())
			}
		})
	}
	loops.Wait()
	known := 0
	for n := uint64(1); n <= b.next.Load(); n++ {
		if _, _, ok := b.of(n, time.Now()); ok {
			known++
		}
	}
	if known != 3600 {
		t.Errorf("%d of 3600 packets are remembered", known)
	}
}

func TestAPacketThatTookItsTimeBeforeItsNumberIsNoHarm(t *testing.T) {
	t.Parallel()
	var e estimator
	all := make([]arrival, 200)
	for i := range all {
		sent := 5*time.Second + time.Duration(i)*10*time.Millisecond
		all[i] = arrival{number: uint64(i), size: 1200, sent: sent, at: sent + 30*time.Millisecond}
	}
	all[len(all)-1].sent = 5 * time.Second // held up for two seconds between looking at the clock and taking a number
	now := time.Now()
	e.take(all, now)
	if e.limited {
		t.Error("nothing is lost and nothing waits, and yet there is a limit")
	}
	for i := range all {
		all[i].lost = i%2 == 0
	}
	if e.take(all, now.Add(time.Second)); !e.limited {
		t.Error("half of all packets are lost, and there is no limit")
	}
}

func TestTimesOfSendingGoOnAfterNineteenHours(t *testing.T) {
	t.Parallel()
	b := newBandwidth()
	last := time.Duration(0)
	for since := 19 * time.Hour; since < 20*time.Hour; since += 10 * time.Second {
		now := b.origin.Add(since)
		n := b.sent(1000, now)
		for _, look := range []time.Duration{-time.Second, 0, time.Minute} {
			at, _, ok := b.of(uint64(n), now.Add(look))
			if !ok || at != since || at <= last {
				t.Fatalf("sent after %v, remembered as %v after %v: %v", since, at, last, ok)
			}
		}
		last = since
		b.report(statuses(t, n, 1), now)
	}
}

func TestReportsOfArrivalsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	small, large := uint16(rtcp.TypeTCCPacketReceivedSmallDelta), uint16(rtcp.TypeTCCPacketReceivedLargeDelta)
	r := &rtcp.TransportLayerCC{BaseSequenceNumber: 65530, PacketStatusCount: 25, ReferenceTime: 5}
	r.PacketChunks = []rtcp.PacketStatusChunk{
		&rtcp.RunLengthChunk{PacketStatusSymbol: small, RunLength: 2},
		&rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit,
			SymbolList: []uint16{large, 0, small, 0, 0, large, 0}},
		&rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeOneBit,
			SymbolList: []uint16{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
		&rtcp.RunLengthChunk{RunLength: 8191}, // says more than the count
	}
	for _, d := range []struct {
		kind  uint16
		delta int64
	}{{small, 250}, {small, 500}, {large, -1000}, {small, 63750}, {large, 250000}, {small, 0}, {small, 750}} {
		r.RecvDeltas = append(r.RecvDeltas, &rtcp.RecvDelta{Type: d.kind, Delta: d.delta})
	}
	raw := marshalled(t, r)
	if raw.base() != 65530 || raw.count() != 25 {
		t.Errorf("%d packets from %d on", raw.count(), raw.base())
	}
	want := map[int]int{0: 250, 1: 750, 2: -250, 4: 63500, 7: 313500, 10: 313500, 22: 314250}
	seen := 0
	raw.each(func(i int, at time.Duration, received bool) {
		us, expected := want[i]
		if got := int((at - 320*time.Millisecond).Microseconds()); received != expected || expected && got != us {
			t.Errorf("packet %d: %v, %d µs", i, received, got)
		}
		seen++
	})
	if seen != 25 {
		t.Errorf("%d packets", seen)
	}
	for cut := arrivalHead; cut < len(raw); cut++ {
		raw[:cut].each(func(int, time.Duration, bool) {}) // must not panic
	}
}
