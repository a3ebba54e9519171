package sfu

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// statuses is a report that says of count numbers from base on that all have arrived.
func statuses(base uint16, count int) *rtcp.TransportLayerCC {
	r := &rtcp.TransportLayerCC{BaseSequenceNumber: base, PacketStatusCount: uint16(count)}
	r.PacketChunks = []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{
		PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: uint16(count),
	}}
	for range count {
		r.RecvDeltas = append(r.RecvDeltas, &rtcp.RecvDelta{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250})
	}
	return r
}

func TestWhatWasSentIsRememberedUntilItIsReported(t *testing.T) {
	t.Parallel()
	b := newBandwidth()
	next := uint16(1)
	for _, burst := range []int{10, 40, 700, 50, 3000, 20} {
		for i := range burst {
			if n := b.sent(i); n != next+uint16(i) {
				t.Fatalf("packet %d has the number %d", next+uint16(i), n)
			}
		}
		for i := range burst {
			if _, size, ok := b.of(uint64(next) + uint64(i)); !ok || size != i {
				t.Fatalf("packet %d of a burst of %d is remembered as %d bytes, %v", i, burst, size, ok)
			}
		}
		b.report(statuses(next, burst), time.Now())
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
			b.sent(100)
		}
		b.report(statuses(base, 30), time.Now())
	}
	if log := b.log.Load(); len(log.slots) != firstSlots || log.before.Load() != nil {
		t.Errorf("%d slots for 30 packets at a time", len(log.slots))
	}
	for range 200 {
		b.sent(100)
	}
	log := b.log.Load()
	if log.before.Load() == nil {
		t.Error("what was written before is gone before it is reported")
	}
	for range 8 {
		at := uint16(b.next.Load())
		b.report(statuses(at, 1), time.Now())
		for range 50 {
			b.sent(100)
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
				b.sent(100)
			}
		})
	}
	loops.Wait()
	known := 0
	for n := uint64(1); n <= b.next.Load(); n++ {
		if _, _, ok := b.of(n); ok {
			known++
		}
	}
	if known != 3600 {
		t.Errorf("%d of 3600 packets are remembered", known)
	}
}
