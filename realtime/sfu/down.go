package sfu

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// down is one track on its way to one subscriber: a webrtc.TrackLocal without the copying of pion's own. The subscriber's goroutine
// makes it and drops it, pion binds it, and between up.add and up.remove the loop of its track writes to it.
type down struct {
	up     *up
	id     string
	stream string
	pc     *webrtc.PeerConnection
	out    atomic.Pointer[output] // nil until the client has agreed

	// The rest belongs to the loop of up.
	munge   munger
	repeats []repeated
	rtxNext uint16
	packets uint32
	octets  uint32
}

// output is where packets go and what they are called there.
type output struct {
	write webrtc.TrackLocalWriter
	ssrc  uint32
	rtx   uint32 // 0: repeats use ssrc
	level uint8  // header extension, 0: none
	types [codecs]struct{ media, rtx uint8 }
}

// repeated counts how often a packet was sent again.
type repeated struct {
	number uint16
	times  uint8
}

// newDown makes the track. Microphone and camera share a stream, so that browsers play them in step.
func newDown(p *Peer, u *up) *down {
	d := &down{up: u, id: u.source, stream: u.peer.stream, pc: p.sub.pc}
	if u.source == "screen" {
		d.stream += "s"
	}
	return d
}

func (d *down) ID() string                { return d.id }
func (d *down) RID() string               { return "" }
func (d *down) StreamID() string          { return d.stream }
func (d *down) Kind() webrtc.RTPCodecType { return d.up.kind }

// Bind is pion's call once the client has agreed to the m-line. All codecs agreed on are kept, as the publisher may change its own.
func (d *down) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	o := &output{
		write: c.WriteStream(), ssrc: uint32(c.SSRC()), rtx: uint32(c.SSRCRetransmission()),
		level: extensionID(c.HeaderExtensions(), levelURI),
	}
	var first *webrtc.RTPCodecParameters
	all := c.CodecParameters()
	for i, p := range all {
		k := codecOf(p.MimeType)
		if k == codecNone {
			continue
		}
		if first == nil {
			first = &all[i]
		}
		o.types[k].media = uint8(p.PayloadType)
		apt := fmt.Sprintf("apt=%d", p.PayloadType)
		for _, r := range all {
			if r.MimeType == webrtc.MimeTypeRTX && strings.Contains(r.SDPFmtpLine, apt) {
				o.types[k].rtx = uint8(r.PayloadType)
			}
		}
	}
	if first == nil {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	d.out.Store(o)
	return *first, nil
}

// Unbind is pion's call when the m-line is taken back or the connection ends.
func (d *down) Unbind(webrtc.TrackLocalContext) error {
	d.up.remove(d)
	return nil
}

// forward sends one packet if this receiver can use it: a picture begins with a key frame. It returns the number sent.
func (d *down) forward(pk *packet, now time.Time) int {
	if !d.munge.running {
		if d.up.kind == webrtc.RTPCodecTypeVideo && !pk.key {
			return 0
		}
		d.begin(pk, now)
	}
	sn, ts, ok := d.munge.apply(pk, now)
	if !ok {
		return 0
	}
	return d.write(pk, sn, ts)
}

// begin starts, or goes on with, the numbering at pk. The sender report lets the browser put picture and sound in step at once.
func (d *down) begin(pk *packet, now time.Time) {
	d.munge.start(pk, d.up.codec.clockRate(), now)
	d.report()
}

// catchUp sends what a subscriber who has just come needs for a picture, or asks for it.
func (d *down) catchUp(now time.Time) {
	if d.munge.running || d.up.kind != webrtc.RTPCodecTypeVideo {
		return
	}
	from, to, ok := d.up.cache.picture(now)
	if !ok {
		d.up.wantKeyFrame()
		return
	}
	sent := 0
	for ext := from; ext <= to; ext++ {
		if pk := d.up.cache.get(ext); pk != nil {
			sent += d.forward(pk, now)
		}
	}
	d.up.count.out.Add(uint64(sent))
}

// repeat sends again what the subscriber has missed, as a retransmission stream where agreed (RFC 4588).
func (d *down) repeat(nacks []rtcp.NackPair) {
	sent := 0
	for i := range nacks {
		nacks[i].Range(func(sn uint16) bool {
			ext, ok := d.munge.source(sn)
			pk := d.up.cache.get(ext)
			if ok && pk != nil && d.mayRepeat(sn) {
				sent += d.writeRepeat(pk, sn)
			}
			return true
		})
	}
	d.up.count.out.Add(uint64(sent))
}

// mayRepeat allows each packet to be sent again three times.
func (d *down) mayRepeat(sn uint16) bool {
	if d.repeats == nil {
		d.repeats = make([]repeated, videoCache)
	}
	r := &d.repeats[int(sn)%len(d.repeats)]
	if r.number != sn {
		*r = repeated{number: sn}
	}
	if r.times >= maxRepeats {
		return false
	}
	r.times++
	return true
}

func (d *down) writeRepeat(pk *packet, sn uint16) int {
	o := d.out.Load()
	ts := d.munge.timestamp(pk)
	rtx := o.types[d.up.codec].rtx
	if o.rtx == 0 || rtx == 0 {
		return d.write(pk, sn, ts)
	}
	d.up.rtx = append(d.up.rtx[:0], byte(sn>>8), byte(sn))
	d.up.rtx = append(d.up.rtx, pk.payload...)
	d.rtxNext++
	return d.emit(o, rtx, o.rtx, d.rtxNext, ts, pk, d.up.rtx)
}

func (d *down) write(pk *packet, sn uint16, ts uint32) int {
	o := d.out.Load()
	return d.emit(o, o.types[d.up.codec].media, o.ssrc, sn, ts, pk, pk.payload)
}

// emit is the only place where payload leaves. Header and extension are the loop's own and used again for each packet.
func (d *down) emit(o *output, pt uint8, ssrc uint32, sn uint16, ts uint32, pk *packet, payload []byte) int {
	if pt == 0 {
		return 0 // this subscriber did not agree to the codec
	}
	h := &d.up.out
	h.Version, h.Marker, h.PayloadType = 2, pk.marker, pt
	h.SequenceNumber, h.Timestamp, h.SSRC = sn, ts, ssrc
	h.Extension, h.Extensions = false, h.Extensions[:0]
	if pk.level != noLevel && o.level != 0 {
		d.up.level[0] = byte(pk.level)
		_ = h.SetExtension(o.level, d.up.level[:]) // one byte always fits
	}
	if n, err := o.write.WriteRTP(h, payload); err != nil || n == 0 {
		return 0
	}
	if ssrc == o.ssrc { // retransmissions are a stream of their own
		d.packets++
		d.octets += uint32(len(payload))
	}
	return 1
}
