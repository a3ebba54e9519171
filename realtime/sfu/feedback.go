package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
)

// arrivals tells a publisher when its packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01), so that it can find out
// how much its uplink carries. It sits below the tracks because retransmissions and probes must be counted, too, which no track
// ever sees. Readers of several streams, and the lane, note arrivals without a lock; one goroutine reports them.
//
// It is the only interceptor of a connection, and touches nothing that is sent.
type arrivals struct {
	interceptor.NoOp
	id     atomic.Uint32 // of the header extension with the number, 0: not known; log is there before it
	writer interceptor.RTCPWriter
	begin  sync.Once
	log    *arrivalLog
	quit   chan struct{}
	done   sync.WaitGroup
}

func newArrivals() *arrivals { return &arrivals{quit: make(chan struct{})} }

// NewInterceptor is pion's call when the connection is made.
func (a *arrivals) NewInterceptor(string) (interceptor.Interceptor, error) { return a, nil }

func (a *arrivals) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	a.writer = w
	return w
}

func (a *arrivals) BindRemoteStream(info *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	var id uint8
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == sdp.TransportCCURI {
			id = uint8(e.ID)
		}
	}
	if id == 0 {
		return r
	}
	a.begin.Do(func() {
		a.log = newArrivalLog(time.Now())
		a.done.Go(a.report)
	})
	if a.log == nil {
		return r // closed before it began
	}
	a.log.media.Store(info.SSRC)
	a.id.Store(uint32(id))
	return interceptor.RTPReaderFunc(func(b []byte, attr interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attr, err := r.Read(b, attr)
		if err == nil {
			a.note(b[:n], time.Now())
		}
		return n, attr, err
	})
}

// note books the arrival of a packet that says its number.
func (a *arrivals) note(b []byte, now time.Time) {
	if id := a.id.Load(); id != 0 {
		if number, ok := transportNumber(b, uint8(id)); ok {
			a.log.note(number, now)
		}
	}
}

// Close is pion's call at the end of the connection.
func (a *arrivals) Close() error {
	a.begin.Do(func() {})
	close(a.quit)
	a.done.Wait()
	return nil
}

func (a *arrivals) report() {
	tick := time.NewTicker(feedbackEvery)
	defer tick.Stop()
	sender := rand.Uint32()
	for {
		select {
		case <-a.quit:
			return
		case <-tick.C:
			for p := a.log.next(sender); p != nil; p = a.log.next(sender) {
				_, _ = a.writer.Write([]rtcp.Packet{p}, nil) // as lossy as what it reports on
			}
		}
	}
}

// transportNumber finds the transport-wide sequence number in the header extensions of RFC 8285.
func transportNumber(b []byte, id uint8) (uint16, bool) {
	if len(b) < 12 || b[0]&0x10 == 0 {
		return 0, false
	}
	at := 12 + 4*int(b[0]&0x0f)
	if len(b) < at+4 {
		return 0, false
	}
	profile, end := binary.BigEndian.Uint16(b[at:]), at+4+4*int(binary.BigEndian.Uint16(b[at+2:]))
	if len(b) < end || profile != 0xBEDE {
		return 0, false
	}
	for at += 4; at < end; {
		if b[at] == 0 {
			at++
			continue
		}
		key, size := b[at]>>4, int(b[at]&0x0f)+1
		if key == id && size == 2 && at+3 <= end {
			return binary.BigEndian.Uint16(b[at+1:]), true
		}
		at += 1 + size
	}
	return 0, false
}

const (
	arrivalSlots  = 2048
	feedbackRange = 400 // packets in one report
	arrivalUnit   = 250 // microseconds
	referenceUnit = 256 // arrival units: 64 ms
	vectorSymbols = 7   // in a chunk of two-bit symbols
)

// arrivalLog is the arrival times of one connection. A slot holds number and time in one word, so that it needs no lock.
type arrivalLog struct {
	media  atomic.Uint32
	newest atomic.Uint32 // 1<<16 | number, 0: none yet
	slots  [arrivalSlots]atomic.Uint64
	origin time.Time

	begun bool // the rest belongs to the reporting goroutine
	from  uint16
	count uint8
}

func newArrivalLog(now time.Time) *arrivalLog { return &arrivalLog{origin: now} }

func (l *arrivalLog) note(number uint16, now time.Time) {
	units := uint64(now.Sub(l.origin).Microseconds()/arrivalUnit) + 1
	l.slots[number%arrivalSlots].Store(uint64(number)<<48 | units)
	for {
		old := l.newest.Load()
		if old != 0 && int16(number-uint16(old)) <= 0 {
			return
		}
		if l.newest.CompareAndSwap(old, 1<<16|uint32(number)) {
			return
		}
	}
}

// at is when number arrived, in units since the origin; false if it has not.
func (l *arrivalLog) at(number uint16) (int64, bool) {
	v := l.slots[number%arrivalSlots].Load()
	return int64(v&(1<<48-1)) - 1, v != 0 && uint16(v>>48) == number
}

// next makes the next report, nil if there is nothing new.
func (l *arrivalLog) next(sender uint32) *rtcp.TransportLayerCC {
	newest := l.newest.Load()
	if newest == 0 {
		return nil
	}
	last := uint16(newest)
	if !l.begun || last-l.from >= arrivalSlots && int16(last-l.from) > 0 {
		l.begun, l.from = true, last // at the beginning, and after a break
	}
	for {
		if int16(last-l.from) < 0 {
			return nil
		}
		if _, ok := l.at(l.from); ok || l.count > 0 {
			break
		}
		l.from++
	}
	return l.build(sender, last)
}

// build reports from l.from to last, or as far as one packet goes.
func (l *arrivalLog) build(sender uint32, last uint16) *rtcp.TransportLayerCC {
	p := &rtcp.TransportLayerCC{SenderSSRC: sender, MediaSSRC: l.media.Load(), BaseSequenceNumber: l.from, FbPktCount: l.count}
	var symbols []uint16
	before, set := int64(0), false
	for n := l.from; int16(last-n) >= 0 && len(symbols) < feedbackRange; n++ {
		t, ok := l.at(n)
		if !ok {
			symbols = append(symbols, rtcp.TypeTCCPacketNotReceived)
			continue
		}
		if !set {
			before, set = t/referenceUnit*referenceUnit, true
			p.ReferenceTime = uint32(t/referenceUnit) & (1<<24 - 1)
		}
		delta, kind := t-before, rtcp.TypeTCCPacketReceivedSmallDelta
		if delta < 0 || delta > 255 {
			kind = rtcp.TypeTCCPacketReceivedLargeDelta
		}
		if int64(int16(delta)) != delta {
			break // too long a pause for one report
		}
		symbols = append(symbols, kind)
		p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Type: kind, Delta: delta * arrivalUnit})
		before = t
	}
	l.from += uint16(len(symbols))
	l.count++
	p.PacketStatusCount = uint16(len(symbols))
	return finish(p, symbols)
}

// finish packs the symbols into chunks and fills in the lengths.
func finish(p *rtcp.TransportLayerCC, symbols []uint16) *rtcp.TransportLayerCC {
	for len(symbols) > 0 {
		chunk := make([]uint16, vectorSymbols)
		symbols = symbols[copy(chunk, symbols):]
		p.PacketChunks = append(p.PacketChunks, &rtcp.StatusVectorChunk{
			Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: chunk,
		})
	}
	size := 20 + 2*len(p.PacketChunks)
	for _, d := range p.RecvDeltas {
		size++
		if d.Type == rtcp.TypeTCCPacketReceivedLargeDelta {
			size++
		}
	}
	words := (size + 3) / 4
	p.Header = rtcp.Header{
		Padding: size%4 != 0, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: uint16(words - 1),
	}
	return p
}
