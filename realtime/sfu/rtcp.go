package sfu

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// senderReport is what a publisher last said about its clock.
type senderReport struct {
	ntp uint64
	rtp uint32
	at  time.Time // when it came in
}

// receptionState is what a receiver report is made of (RFC 3550 §6.4.1). The loop writes it, the publisher's goroutine reads.
type receptionState struct {
	first, newest, received atomic.Int64
	jitter                  atomic.Uint32

	transit   uint32  // belongs to who has the turn
	smooth    float64 // belongs to who has the turn
	expected0 int64   // at the last report; belongs to the publisher's goroutine
	received0 int64
}

func (r *receptionState) reset() {
	r.first.Store(0)
	r.newest.Store(0)
	r.received.Store(0)
}

// note counts a packet; jitter is that of RFC 3550 §A.8.
func (r *receptionState) note(ext int64, ts, rate uint32, now time.Time) {
	if r.first.Load() == 0 {
		r.first.Store(ext)
		r.smooth = 0
	}
	transit := uint32(now.UnixMicro()*int64(rate)/1e6) - ts
	if ext > r.newest.Load() {
		if r.newest.Load() != 0 {
			r.smooth += (math.Abs(float64(int32(transit-r.transit))) - r.smooth) / 16
			r.jitter.Store(uint32(r.smooth))
		}
		r.transit = transit
		r.newest.Store(ext)
	}
	r.received.Store(r.received.Load() + 1)
}

// reception is the report block for the publisher, false before the first packet.
func (l *layer) reception(now time.Time) (rtcp.ReceptionReport, bool) {
	r := &l.arrived
	first, newest, received := r.first.Load(), r.newest.Load(), r.received.Load()
	if first == 0 || newest == 0 {
		return rtcp.ReceptionReport{}, false
	}
	expected := newest - first + 1
	if expected < r.expected0 {
		r.expected0, r.received0 = 0, 0 // another stream
	}
	due, got := expected-r.expected0, received-r.received0
	r.expected0, r.received0 = expected, received
	report := rtcp.ReceptionReport{
		SSRC:               l.ssrc.Load(),
		TotalLost:          uint32(min(max(expected-received, 0), 1<<23-1)),
		LastSequenceNumber: uint32(newest),
		Jitter:             r.jitter.Load(),
	}
	if lost := due - got; lost > 0 {
		report.FractionLost = uint8(min(lost*256/due, 255))
	}
	if s := l.sender.Load(); s != nil {
		report.LastSenderReport = uint32(s.ntp >> 16)
		report.Delay = uint32(now.Sub(s.at).Seconds() * 65536)
	}
	return report, true
}

// readRTCP takes sender reports to the track until the connection ends.
func (a *incoming) readRTCP() {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := a.receiver.ReadSimulcast(buf, a.track.RID())
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		l := a.layer.Load()
		if err != nil || l == nil {
			continue
		}
		for _, p := range packets {
			if s, ok := p.(*rtcp.SenderReport); ok && s.SSRC == uint32(a.track.SSRC()) {
				l.hearReport(s, time.Now())
			}
		}
	}
}

// hearReport passes on what the publisher says about its clock.
func (l *layer) hearReport(s *rtcp.SenderReport, now time.Time) {
	l.sender.Store(&senderReport{ntp: s.NTPTime, rtp: s.RTPTime, at: now})
	l.tell(note{report: true})
}

// readRTCP takes a subscriber's requests to the track until the sender is stopped.
func (d *down) readRTCP(sender *webrtc.RTPSender) {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		o := d.out.Load()
		if o == nil {
			continue
		}
		eachPart(buf[:n], func(kind rtcp.PacketType, part []byte) {
			if r, ok := asArrivalReport(kind, part); ok {
				d.way.report(r, time.Now())
				return
			}
			packets, err := rtcp.Unmarshal(part)
			if err != nil {
				return
			}
			for _, p := range packets {
				d.obey(p, o.ssrc)
			}
		})
	}
}

func (d *down) obey(p rtcp.Packet, ssrc uint32) {
	switch p := p.(type) {
	case *rtcp.TransportLayerNack:
		if p.MediaSSRC == ssrc {
			for i := range p.Nacks {
				d.up.count.nacksIn.Add(uint64(len(p.Nacks[i].PacketList())))
			}
			d.up.repeat(d, p.Nacks)
		}
	case *rtcp.PictureLossIndication:
		if p.MediaSSRC == ssrc {
			d.up.count.plisIn.Add(1)
			d.wantKeyFrame()
		}
	case *rtcp.FullIntraRequest:
		d.up.count.plisIn.Add(1)
		d.wantKeyFrame()
	}
}

// wantKeyFrame asks for a new picture in the layer this subscriber gets, or waits for.
func (d *down) wantKeyFrame() {
	l := d.up.feeding(d)
	if want := d.want.Load(); l == nil && want >= 0 {
		l = d.up.layers[want]
	}
	if l != nil {
		l.wantKeyFrame()
	}
}

// report passes the publisher's clock on, in the numbering of this subscriber. All tracks of a publisher share its clock, which is
// what lip sync needs; that it is not our own clock does not matter to receivers (RFC 3550 §6.4.1). Belongs to who has the turn.
func (d *down) report(l *layer) {
	s, o := l.sender.Load(), d.out.Load()
	if s == nil || o == nil || !d.munge.running {
		return
	}
	// A report lost is followed by the next.
	_ = d.pc.WriteRTCP([]rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: o.ssrc, NTPTime: s.ntp, RTPTime: s.rtp + d.munge.shift, PacketCount: d.packets, OctetCount: d.octets,
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: o.ssrc,
			Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: d.stream}},
		}}},
	})
}
