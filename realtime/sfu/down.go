package sfu

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// down is one track on its way to one subscriber: a webrtc.TrackLocal without the copying of pion's own. The subscriber's goroutine
// makes it, drops it and decides which layer it wants; pion binds it; between up.add and up.remove whoever has the turn of the layer
// that feeds it writes to it.
//
// Layers pass it on among themselves: the one that is wanted takes it over when it has a key frame, see takeOver.
type down struct {
	up       *up
	id       string
	stream   string
	pc       *webrtc.PeerConnection
	way      *bandwidth             // of the connection, shared with its other tracks
	lane     *lane                  // the same
	out      atomic.Pointer[output] // nil until the client has agreed
	want     atomic.Int32           // index of the layer it shall get, or none
	feeder   atomic.Int32           // index of the layer it gets, or none; plus taking while it changes hands
	wish     atomic.Int32           // index of the layer it would get if the publisher sent all, or none
	restedAt atomic.Int64           // Unix nanoseconds of the last rest
	insists  atomic.Bool            // this sound is wanted although others are louder
	// The subscriber's goroutine's own:
	said      choice    // to the subscriber
	loweredAt time.Time // for want of bandwidth
	madeAt    time.Time
	stale     bool // to be replaced by another down of the same track
	heard     bool // readRTCP runs

	// The rest belongs to whoever has the turn of the feeder.
	held    bool // others were louder
	munge   munger
	repeats []repeated
	rtxNext uint16
	packets uint32
	octets  uint32
}

const (
	none   = -1
	taking = 1 << 8
)

// output is where packets go and what they are called there.
type output struct {
	write webrtc.TrackLocalWriter
	ssrc  uint32
	rtx   uint32 // 0: repeats use ssrc
	level uint8  // header extensions, 0: none
	way   uint8
	types [codecs]struct{ media, rtx uint8 }
}

// repeated counts how often a packet was sent again.
type repeated struct {
	number uint16
	times  uint8
}

// newDown makes the track. Microphone and camera share a stream, so that browsers play them in step.
func newDown(p *Peer, u *up) *down {
	d := &down{up: u, id: u.source, stream: u.peer.stream, pc: p.sub.pc, way: p.sub.way, lane: p.sub.lane, said: unsaid}
	d.feeder.Store(none)
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
		level: extensionID(c.HeaderExtensions(), levelURI), way: extensionID(c.HeaderExtensions(), sdp.TransportCCURI),
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
	d.lane.carry(d, o.ssrc, o.rtx)
	d.out.Store(o)
	return *first, nil
}

// Unbind is pion's call when the m-line is taken back or the connection ends.
func (d *down) Unbind(webrtc.TrackLocalContext) error {
	d.up.remove(d)
	d.lane.drop(d)
	return nil
}

// follow sends one packet of layer l if l feeds this receiver, or can do so from now on.
func (d *down) follow(l *layer, pk *packet, now time.Time) int {
	if d.hushed() {
		d.hold(l)
		return 0
	}
	if d.feeder.Load() != l.index {
		return d.catchUp(l, now)
	}
	if d.want.Load() == none {
		d.rest()
		return 0
	}
	return d.forward(l, pk, now)
}

// awaits says whether l is to feed this receiver and does not: because it wants l, or because l is better than nothing meanwhile.
func (d *down) awaits(l *layer) bool {
	feeder, want := d.feeder.Load(), d.want.Load()
	switch {
	case want == none, feeder == l.index, feeder >= taking, d.hushed():
		return false
	case want == l.index:
		return true
	}
	return feeder == none && l.index < want
}

// catchUp begins to feed a receiver that waits for l with what is needed for a picture, if there is one that is new enough; else it
// sees to it that one is asked for. It returns the number of packets sent, among them the newest of l.
func (d *down) catchUp(l *layer, now time.Time) int {
	if !d.awaits(l) || d.out.Load() == nil {
		return 0
	}
	from, at, ok := d.entry(l, now)
	if !ok {
		l.wanted.Store(true)
		return 0
	}
	if !d.takeOver(l) {
		return 0 // the feeder is busy: at the next packet
	}
	d.begin(l, l.cache.get(from), at)
	sent := 0
	for ext := from; ext <= l.cache.newest; ext++ {
		if pk := l.cache.get(ext); pk != nil {
			sent += d.forward(l, pk, now)
		}
	}
	return sent
}

// entry is the packet of l a receiver can begin with, and when it came. Who sees a picture already changes over at a new one only,
// as what is older would have to be shown a second time; and what was encrypted in an epoch before is no good to who has just come.
func (d *down) entry(l *layer, now time.Time) (from int64, at time.Time, ok bool) {
	if d.up.kind == webrtc.RTPCodecTypeAudio {
		if l.cache.get(l.cache.newest) == nil {
			return 0, now, false
		}
		from, at = d.overture(l, now)
		return from, at, true
	}
	from, _, ok = l.cache.picture(now)
	at = l.cache.keyAt
	if d.feeder.Load() != none || now.UnixNano()-d.restedAt.Load() < int64(gopAge) {
		ok = ok && now.Sub(at) < changeAge
	}
	if !l.current() {
		ok = ok && now.Sub(at) < oldKeyAge
	}
	return from, at, ok
}

// takeOver makes l the feeder. Two turns never touch the same receiver: the one before looks at feeder at the beginning of its turn
// with this receiver, so it is out as soon as its present turn has ended. If that takes longer than a moment nothing changes.
func (d *down) takeOver(l *layer) bool {
	before := d.feeder.Load()
	if before >= taking || !d.feeder.CompareAndSwap(before, taking+l.index) {
		return false
	}
	if before != none && !d.up.layers[before].passed(l.batch) {
		d.feeder.Store(before)
		return false
	}
	d.feeder.Store(l.index)
	return true
}

// rest stops the flow until a layer takes over. The feeder's call.
func (d *down) rest() {
	d.munge.pause()
	d.restedAt.Store(time.Now().UnixNano())
	d.feeder.Store(none)
}

func (d *down) forward(l *layer, pk *packet, now time.Time) int {
	sn, ts, ok := d.munge.apply(pk, now)
	if !ok {
		return 0
	}
	return d.write(l, pk, sn, ts)
}

// begin starts, or goes on with, the numbering at pk. The sender report lets the browser put picture and sound in step at once.
func (d *down) begin(l *layer, pk *packet, at time.Time) {
	d.munge.start(pk, l.codec.clockRate(), at)
	d.report(l)
}

// repeat sends again what the subscriber has missed, as a retransmission stream where agreed (RFC 4588).
func (d *down) repeat(l *layer, nacks []rtcp.NackPair) {
	sent := 0
	for i := range nacks {
		nacks[i].Range(func(sn uint16) bool {
			ext, ok := d.munge.source(sn)
			pk := l.cache.get(ext)
			if ok && pk != nil && d.mayRepeat(sn) {
				sent += d.writeRepeat(l, pk, sn)
			}
			return true
		})
	}
	d.up.count.out.Add(uint64(sent))
}

// pad sends what carries nothing, on the retransmission stream, where it has numbers of its own. It is how the bandwidth is probed:
// no picture has to be made up for it, and none is disturbed. A receiver without a feeder is borrowed for that long.
func (d *down) pad(l *layer, bytes int) {
	o := d.out.Load()
	borrowed := d.feeder.CompareAndSwap(none, taking+l.index)
	if !borrowed && d.feeder.Load() != l.index {
		return
	}
	if rtx := o.types[l.codec].rtx; o.rtx != 0 && rtx != 0 && o.way != 0 {
		nothing := &packet{level: noLevel}
		for ; bytes > 0; bytes -= padBytes + headerBytes {
			d.rtxNext++
			l.out.Padding = true
			d.emit(l, o, rtx, o.rtx, d.rtxNext, d.munge.lastTS, nothing, l.padding())
			l.out.Padding = false
		}
	}
	if borrowed {
		d.feeder.Store(none)
	}
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

func (d *down) writeRepeat(l *layer, pk *packet, sn uint16) int {
	o := d.out.Load()
	ts := d.munge.timestamp(pk)
	rtx := o.types[l.codec].rtx
	if o.rtx == 0 || rtx == 0 {
		return d.write(l, pk, sn, ts)
	}
	d.munge.describe(pk)
	l.rtx = append(l.rtx[:0], byte(sn>>8), byte(sn))
	l.rtx = append(l.rtx, pk.payload...)
	d.rtxNext++
	return d.emit(l, o, rtx, o.rtx, d.rtxNext, ts, pk, l.rtx)
}

func (d *down) write(l *layer, pk *packet, sn uint16, ts uint32) int {
	o := d.out.Load()
	d.munge.describe(pk)
	return d.emit(l, o, o.types[l.codec].media, o.ssrc, sn, ts, pk, pk.payload)
}

// emit is the only place where payload leaves. Header and extension are the layer's own and used again for each packet.
func (d *down) emit(l *layer, o *output, pt uint8, ssrc uint32, sn uint16, ts uint32, pk *packet, payload []byte) int {
	if pt == 0 {
		return 0 // this subscriber did not agree to the codec
	}
	h := &l.out
	h.Version, h.Marker, h.PayloadType = 2, pk.marker, pt
	h.SequenceNumber, h.Timestamp, h.SSRC = sn, ts, ssrc
	h.Extension, h.Extensions = false, h.Extensions[:0]
	if pk.level != noLevel && o.level != 0 {
		l.level[0] = byte(pk.level)
		_ = h.SetExtension(o.level, l.level[:]) // one byte always fits
	}
	if o.way != 0 {
		binary.BigEndian.PutUint16(l.way[:], d.way.sent(len(payload)+headerBytes, l.at))
		_ = h.SetExtension(o.way, l.way[:])
	}
	if to := d.lane.to.Load(); to != nil {
		if !d.lane.send(l.batch, h, payload, *to) {
			return 0
		}
	} else if n, err := o.write.WriteRTP(h, payload); err != nil || n == 0 {
		return 0
	}
	if ssrc == o.ssrc { // retransmissions are a stream of their own
		d.packets++
		d.octets += uint32(len(payload))
	}
	return 1
}
