package sfu

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// rungs are the names of a camera's layers (RFC 8853), the smallest first: 180, 360 and 720 lines.
var rungs = [...]string{"l", "m", "h"}

// rungOf is the place of a rid on the ladder, -1 if it has none.
func rungOf(rid string) int { return slices.Index(rungs[:], rid) }

// layer is one stream of a published track: its only one, or one size of a camera. Between start and the end of the stream one loop
// reads it and sends it to the receivers it feeds.
type layer struct {
	up    *up
	rid   string // "" if the track has one stream
	index int32  // in up.layers

	work    sync.Mutex            // whoever has it has the turn
	turn    atomic.Uint64         // odd during a turn
	holder  atomic.Pointer[batch] // of whose turn it is
	mail    atomic.Bool           // inbox is not empty
	heard   atomic.Int64          // Unix nanoseconds of the last packet
	octets  atomic.Uint64         // of payload that came in
	rate    atomic.Int64          // bit/s of late, 0: not measured
	told    atomic.Int64          // Unix nanoseconds when the publisher was last told to switch it on
	ssrc    atomic.Uint32         // 0 until the first packet
	wanted  atomic.Bool           // somebody needs a key frame
	rekeyed atomic.Bool           // and whatever was asked for before is of no use to them
	sender  atomic.Pointer[senderReport]
	arrived receptionState

	mu    sync.Mutex // guards the following
	inbox []note
	src   packetSource
	ended chan struct{} // closed by the last loop started

	// The publisher's goroutine's own.
	askedAt  time.Time // for a key frame
	wantedAt time.Time // when somebody last wanted this layer
	weighed  uint64    // octets when the rate was measured last

	// The rest belongs to whoever has the turn.
	in     rtp.Header
	out    rtp.Header
	level  [1]byte
	way    [2]byte
	blank  []byte
	rtx    []byte
	codec  codec
	pt     uint8 // payload type that codec was found for
	seq    sequence
	gaps   gaps
	due    []uint16
	cache  *cache
	guard  guard
	batch  *batch    // of whose turn it is
	now    *stream   // nil before start and after its end
	direct bool      // packets come on the lane
	at     time.Time // of what is being handled
}

// packetSource is where RTP comes from: *webrtc.TrackRemote, or a benchmark's generator.
type packetSource interface {
	Read([]byte) (int, interceptor.Attributes, error)
	SetReadDeadline(time.Time) error
}

// stream is what a loop works on.
type stream struct {
	packets  packetSource
	ssrc     uint32
	level    uint8                // header extension with the audio level, 0: none
	codec    func() codec         // of the packet read last
	feedback func(...rtcp.Packet) // to the publisher
}

// note is something a loop is asked to do.
type note struct {
	down   *down
	turn   bool            // see whether this layer can feed down now
	nacks  []rtcp.NackPair // send these again
	pad    int             // send so many bytes of padding
	report bool            // to all: a sender report has come in
}

func newLayer(u *up, rid string, index int32) *layer {
	l := &layer{up: u, rid: rid, index: index, ended: make(chan struct{})}
	size := audioCache
	if u.kind == webrtc.RTPCodecTypeVideo {
		size = videoCache
	}
	l.cache = newCache(size)
	close(l.ended)
	return l
}

// start begins a loop over s, after the one before it.
func (l *layer) start(s stream) {
	l.mu.Lock()
	before, done := l.ended, make(chan struct{})
	l.ended, l.src = done, s.packets
	l.mu.Unlock()
	l.ssrc.Store(s.ssrc)
	l.up.peer.work.Go(func() {
		defer close(done)
		<-before
		l.run(s)
	})
	if l.wanted.Load() {
		signal(l.up.peer.keys)
	}
}

// tell leaves a note for the loop and wakes it.
func (l *layer) tell(n note) {
	l.leave(n)
	l.wake()
}

// leave leaves a note for the loop. Beyond the backlog notes are dropped: they are repeats somebody will ask for again, and turns
// that the next key frame brings.
func (l *layer) leave(n note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inbox) < inboxBacklog && !l.up.halted.Load() {
		l.inbox = append(l.inbox, n)
		l.mail.Store(true)
	}
}

// wake makes a loop that waits for a packet look into its inbox.
func (l *layer) wake() {
	l.mu.Lock()
	src := l.src
	l.mu.Unlock()
	if src != nil {
		_ = src.SetReadDeadline(time.Unix(1, 0))
	}
}

// wantKeyFrame asks the publisher for a picture that can be decoded by itself.
func (l *layer) wantKeyFrame() {
	if l.up.kind == webrtc.RTPCodecTypeVideo {
		l.wanted.Store(true)
		signal(l.up.peer.keys)
	}
}

// renew asks for a key frame because the publisher has changed its key, even if one was asked for a moment ago.
func (l *layer) renew() {
	l.rekeyed.Store(true)
	l.wantKeyFrame()
}

// keyFrameDue reports whether to ask the publisher now, and for which stream. Wishes within 500 ms share one request.
func (l *layer) keyFrameDue(now time.Time) (uint32, bool) {
	ssrc := l.ssrc.Load()
	if ssrc == 0 || now.Sub(l.askedAt) < keyFrameEvery && !l.rekeyed.Swap(false) || !l.wanted.CompareAndSwap(true, false) {
		return 0, false
	}
	l.askedAt = now
	return ssrc, true
}

// restart forgets the stream before, as numbers and times begin anew.
func (l *layer) restart() {
	l.seq, l.codec, l.pt = sequence{}, codecNone, 0
	l.gaps.reset()
	l.cache.clear()
	l.guard.restart()
	l.arrived.reset()
	l.sender.Store(nil)
	l.rest()
}

// rest stops feeding anybody.
func (l *layer) rest() {
	for _, d := range *l.up.receivers.Load() {
		if d.feeder.Load() == l.index {
			d.rest()
		}
	}
}

// begin waits for the turn. What is sent in it goes into b, which has to be flushed before the end.
func (l *layer) begin(b *batch) {
	l.work.Lock()
	l.began(b)
}

func (l *layer) began(b *batch) {
	l.batch = b
	l.holder.Store(b)
	l.turn.Add(1)
}

func (l *layer) end() {
	l.turn.Add(1)
	l.holder.Store(nil)
	l.work.Unlock()
}

// passed waits a moment for the end of the turn the layer is in, and says whether it has ended, or is that of b, too.
func (l *layer) passed(b *batch) bool {
	turn := l.turn.Load()
	if l.holder.Load() == b {
		return true
	}
	for range 100 {
		if turn&1 == 0 || l.turn.Load() != turn {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// run is the loop: it handles what pion reads, and notes.
func (l *layer) run(s stream) {
	b := &batch{socket: l.up.peer.sfu.socket}
	buf := make([]byte, maxPacket)
	failed := 0
	l.begin(b)
	l.restart()
	l.now, l.direct = &s, false
	l.end()
	for failed < maxReadErrors && !l.up.halted.Load() {
		n, _, err := s.packets.Read(buf)
		l.begin(b)
		if l.mail.Load() {
			l.readMail()
		}
		switch {
		case err == nil:
			failed = 0
			l.handle(&s, buf[:n], time.Now())
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			failed = maxReadErrors
		case timedOut(err):
			// The inbox is read again after the deadline is lifted: a note left in between has set the deadline once more.
			_ = s.packets.SetReadDeadline(time.Time{})
			l.readMail()
		default:
			failed++ // an unknown payload type, an oversized packet
		}
		b.flush()
		l.end()
	}
	l.begin(b)
	l.now = nil
	l.end()
}

// feed handles a packet that has come on the lane, in a turn. False: the loop has to see it first, because it is not there, or does
// not know its codec yet, or is not done with those before.
func (l *layer) feed(b []byte, now time.Time) bool {
	switch {
	case l.up.halted.Load():
		return true
	case l.now == nil || l.codec == codecNone || l.pt != b[1]&0x7f:
		l.direct = false
		return false
	case !l.direct && uint16(l.seq.newest)+1 != binary.BigEndian.Uint16(b[2:]):
		return false // others before it are on pion's way still
	}
	l.direct = true
	if l.mail.Load() {
		l.readMail()
	}
	l.handle(l.now, b, now)
	return true
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// readMail does what the notes ask for.
func (l *layer) readMail() {
	l.mu.Lock()
	notes := l.inbox
	l.inbox = nil
	l.mail.Store(false)
	l.mu.Unlock()
	if l.up.silenced.Load() {
		return
	}
	receivers := *l.up.receivers.Load()
	now := time.Now()
	l.at = now
	for _, n := range notes {
		switch {
		case n.report:
			l.report(receivers)
		case !slices.Contains(receivers, n.down): // taken away since
		case n.turn:
			l.serve(n.down, now)
		case n.pad > 0:
			n.down.pad(l, n.pad)
		case n.down.feeder.Load() == l.index:
			n.down.repeat(l, n.nacks)
		}
	}
}

// serve begins to feed d from the cache if d wants this layer, or sees to it that a key frame comes.
func (l *layer) serve(d *down, now time.Time) {
	sent := d.catchUp(l, now)
	l.up.count.out.Add(uint64(sent))
	if d.awaits(l) {
		l.wantKeyFrame()
	}
}

func (l *layer) report(receivers []*down) {
	for _, d := range receivers {
		if d.feeder.Load() == l.index {
			d.report(l)
		}
	}
}

// handle takes one packet of the publisher to the receivers.
func (l *layer) handle(s *stream, b []byte, now time.Time) {
	l.at = now
	pk := l.accept(s, b, now)
	if pk == nil {
		return
	}
	sent := 0
	for _, d := range *l.up.receivers.Load() {
		sent += d.follow(l, pk, now)
	}
	l.up.count.in.Add(1)
	l.up.count.out.Add(uint64(sent))
	if l.gaps.n > 0 {
		l.askRepeats(s, now)
	}
}

// accept checks a packet, notes what is missing before it and puts it into the cache. It returns nil for what is not to be
// forwarded, or not yet: malformed, of an unknown codec, a duplicate, too old, silenced, or not known to be encrypted.
func (l *layer) accept(s *stream, b []byte, now time.Time) *packet {
	n, err := l.in.Unmarshal(b)
	if err != nil {
		return nil
	}
	body, ok := unpad(b[n:], l.in.Padding)
	if !ok {
		return nil
	}
	if l.codec == codecNone || l.pt != l.in.PayloadType {
		l.codec, l.pt = s.codec(), l.in.PayloadType
	}
	if l.codec == codecNone || (l.codec == codecOpus) != (l.up.kind == webrtc.RTPCodecTypeAudio) {
		return nil
	}
	ext, fresh := l.place(now)
	if !fresh {
		return nil
	}
	l.arrived.note(ext, l.in.Timestamp, l.codec.clockRate(), now)
	l.heard.Store(now.UnixNano())
	l.octets.Add(uint64(len(body)))
	if l.up.silenced.Load() {
		l.rest()
		return nil
	}
	pk := packet{ext: ext, timestamp: l.in.Timestamp, marker: l.in.Marker, level: noLevel, payload: body}
	if l.up.kind == webrtc.RTPCodecTypeVideo {
		pk.key = startsKeyFrame(l.codec, body)
		pk.picture = readPicture(l.codec, body)
	}
	if v := l.in.GetExtension(s.level); s.level != 0 && len(v) == 1 {
		pk.level = int16(v[0] & 0x7f)
		l.up.loud.hear(pk.level)
		if l.up.voice.hear(pk.level, now) && l.up.hushed.Load() {
			signal(l.up.peer.room.called)
		}
	}
	keep, forward := true, true
	if l.up.peer.sfu.guarded {
		keep, forward = l.inspect(&pk)
	}
	if !keep {
		return nil
	}
	if kept := l.cache.put(pk, now); forward {
		return kept
	}
	return nil
}

// padding is the body of a packet that is nothing else (RFC 3550 §5.1).
func (l *layer) padding() []byte {
	if l.blank == nil {
		l.blank = make([]byte, padBytes)
		l.blank[padBytes-1] = padBytes
	}
	return l.blank
}

// unpad takes the padding off (RFC 3550 §5.1). What was only padding stays as an empty packet, so that numbers have no hole.
func unpad(body []byte, padded bool) ([]byte, bool) {
	if !padded || len(body) == 0 {
		return body, true
	}
	pad := int(body[len(body)-1])
	if pad > len(body) {
		return nil, false
	}
	return body[:len(body)-pad], true
}

// place finds the packet's place in the stream; fresh is false if it has been there before or is too old to matter.
func (l *layer) place(now time.Time) (ext int64, fresh bool) {
	newest, begun := l.seq.newest, l.seq.begun
	ext = l.seq.extend(l.in.SequenceNumber)
	switch {
	case !begun:
		return ext, true
	case ext > newest:
		if missing := ext - newest - 1; missing > 0 && (l.interrupted(now) || !l.gaps.open(newest+1, ext, now)) {
			l.wantKeyFrame() // too much is missing to be repeated, or for too long
		}
		return ext, true
	default:
		l.gaps.fill(ext)
		return ext, ext > newest-int64(l.cache.size) && l.cache.get(ext) == nil
	}
}

// interrupted says whether nothing had come in for so long that what is missing is history.
func (l *layer) interrupted(now time.Time) bool {
	return now.UnixNano()-l.heard.Load() > int64(breakAfter)
}

// askRepeats asks the publisher for what is missing, and gives up what has been asked for in vain. That leaves a hole in the picture
// which only a new one closes.
func (l *layer) askRepeats(s *stream, now time.Time) {
	var lost int
	l.due, lost = l.gaps.due(now, l.due[:0])
	l.up.count.lost.Add(uint64(lost))
	if lost > 0 {
		l.wantKeyFrame()
	}
	if len(l.due) == 0 {
		return
	}
	l.up.count.nacksOut.Add(uint64(len(l.due)))
	s.feedback(&rtcp.TransportLayerNack{
		SenderSSRC: l.up.peer.ssrc, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(l.due),
	})
}
