package sfu

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// up is a published track. The publisher's goroutine makes and stops it; between start and the end of its stream one loop reads it
// and sends it on.
type up struct {
	peer   *Peer
	source string
	kind   webrtc.RTPCodecType
	count  *counters

	receivers atomic.Pointer[[]*down] // replaced under mu, read by the loop
	turn      atomic.Uint64           // odd while the loop handles something
	mail      atomic.Bool             // inbox is not empty
	halted    atomic.Bool             // stop has been called
	heard     atomic.Int64            // Unix nanoseconds of the last packet
	ssrc      atomic.Uint32           // 0 until the first packet
	wanted    atomic.Bool             // somebody needs a key frame
	sender    atomic.Pointer[senderReport]
	arrived   receptionState

	mu    sync.Mutex // guards changes of receivers and the following
	inbox []note
	src   packetSource
	ended chan struct{} // closed by the last loop started

	askedAt time.Time // for a key frame; belongs to the publisher's goroutine

	// The rest belongs to the loop.
	in    rtp.Header
	out   rtp.Header
	level [1]byte
	rtx   []byte
	codec codec
	pt    uint8 // payload type that codec was found for
	seq   sequence
	gaps  gaps
	due   []uint16
	cache *cache
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

// note is something the loop is asked to do.
type note struct {
	down   *down
	joined bool            // send what is cached
	nacks  []rtcp.NackPair // send these again
	report bool            // to all: a sender report has come in
}

func newUp(p *Peer, source string) *up {
	u := &up{peer: p, source: source, kind: kindOf(source), count: &p.sfu.count, ended: make(chan struct{})}
	size := audioCache
	if u.kind == webrtc.RTPCodecTypeVideo {
		size = videoCache
	}
	u.cache = newCache(size)
	u.receivers.Store(&[]*down{})
	close(u.ended)
	return u
}

// start begins a loop over s, after the one before it.
func (u *up) start(s stream) {
	u.mu.Lock()
	before, done := u.ended, make(chan struct{})
	u.ended, u.src = done, s.packets
	u.mu.Unlock()
	u.ssrc.Store(s.ssrc)
	u.peer.work.Go(func() {
		defer close(done)
		<-before
		u.restart()
		u.run(s)
	})
	if u.wanted.Load() {
		signal(u.peer.keys)
	}
}

// stop ends forwarding for good: when it returns, nobody is sent another packet of this track.
func (u *up) stop() {
	u.halted.Store(true)
	u.mu.Lock()
	u.receivers.Store(&[]*down{})
	u.inbox = nil
	u.mu.Unlock()
	u.settle()
	u.wake()
}

// add makes the loop send to d, beginning with what is cached. The caller wakes the loop. False: the track has stopped.
func (u *up) add(d *down) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.halted.Load() {
		return false
	}
	all := append(slices.Clone(*u.receivers.Load()), d)
	u.receivers.Store(&all)
	u.inbox = append(u.inbox, note{down: d, joined: true})
	u.mail.Store(true)
	return true
}

// remove makes the loop forget d: when it returns, d is sent nothing more.
func (u *up) remove(d *down) {
	u.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(*u.receivers.Load()), func(o *down) bool { return o == d })
	u.receivers.Store(&rest)
	u.mu.Unlock()
	u.settle()
}

// settle waits until the loop has finished what it was doing when settle was called. The loop reads receivers anew each time it
// turns to something, so what was taken out before is out of use after. A turn takes microseconds per receiver.
func (u *up) settle() {
	turn := u.turn.Load()
	for turn&1 == 1 && u.turn.Load() == turn {
		time.Sleep(20 * time.Microsecond)
	}
}

// tell leaves a note for the loop and wakes it. Beyond the backlog notes are dropped: they are repeats somebody will ask for again.
func (u *up) tell(n note) {
	u.mu.Lock()
	if len(u.inbox) < inboxBacklog && !u.halted.Load() {
		u.inbox = append(u.inbox, n)
		u.mail.Store(true)
	}
	u.mu.Unlock()
	u.wake()
}

// wake makes a loop that waits for a packet look into its inbox.
func (u *up) wake() {
	u.mu.Lock()
	src := u.src
	u.mu.Unlock()
	if src != nil {
		_ = src.SetReadDeadline(time.Unix(1, 0))
	}
}

// wantKeyFrame asks the publisher for a picture that can be decoded by itself.
func (u *up) wantKeyFrame() {
	if u.kind == webrtc.RTPCodecTypeVideo {
		u.wanted.Store(true)
		signal(u.peer.keys)
	}
}

// keyFrameDue reports whether to ask the publisher now, and for which stream. Wishes within 500 ms share one request.
func (u *up) keyFrameDue(now time.Time) (uint32, bool) {
	ssrc := u.ssrc.Load()
	if ssrc == 0 || now.Sub(u.askedAt) < keyFrameEvery || !u.wanted.CompareAndSwap(true, false) {
		return 0, false
	}
	u.askedAt = now
	return ssrc, true
}

// restart forgets the stream before, as numbers and times begin anew.
func (u *up) restart() {
	u.seq, u.codec, u.pt = sequence{}, codecNone, 0
	u.gaps.reset()
	u.cache.clear()
	u.arrived.reset()
	u.sender.Store(nil)
	for _, d := range *u.receivers.Load() {
		d.munge.pause()
	}
}

// run is the loop: everything that is sent of this track is sent here.
func (u *up) run(s stream) {
	buf := make([]byte, maxPacket)
	failed := 0
	for failed < maxReadErrors && !u.halted.Load() {
		n, _, err := s.packets.Read(buf)
		u.turn.Add(1)
		if u.mail.Load() {
			u.readMail()
		}
		switch {
		case err == nil:
			failed = 0
			u.handle(&s, buf[:n], time.Now())
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			failed = maxReadErrors
		case timedOut(err):
			// The inbox is read again after the deadline is lifted: a note left in between has set the deadline once more.
			_ = s.packets.SetReadDeadline(time.Time{})
			u.readMail()
		default:
			failed++ // an unknown payload type, an oversized packet
		}
		u.turn.Add(1)
	}
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// readMail does what the notes ask for.
func (u *up) readMail() {
	u.mu.Lock()
	notes := u.inbox
	u.inbox = nil
	u.mail.Store(false)
	u.mu.Unlock()
	receivers := *u.receivers.Load()
	now := time.Now()
	for _, n := range notes {
		switch {
		case n.report:
			for _, d := range receivers {
				d.report()
			}
		case !slices.Contains(receivers, n.down): // taken away since
		case n.joined:
			n.down.catchUp(now)
		default:
			n.down.repeat(n.nacks)
		}
	}
}

// handle takes one packet of the publisher to all receivers.
func (u *up) handle(s *stream, b []byte, now time.Time) {
	pk := u.accept(s, b, now)
	if pk == nil {
		return
	}
	sent := 0
	for _, d := range *u.receivers.Load() {
		sent += d.forward(pk, now)
	}
	u.count.in.Add(1)
	u.count.out.Add(uint64(sent))
	u.heard.Store(now.UnixNano())
	if u.gaps.n > 0 {
		u.askRepeats(s, now)
	}
}

// accept checks a packet, notes what is missing before it and puts it into the cache. It returns nil for what is not to be
// forwarded: malformed, of an unknown codec, a duplicate, or too old.
func (u *up) accept(s *stream, b []byte, now time.Time) *packet {
	n, err := u.in.Unmarshal(b)
	if err != nil {
		return nil
	}
	body, ok := unpad(b[n:], u.in.Padding)
	if !ok {
		return nil
	}
	if u.codec == codecNone || u.pt != u.in.PayloadType {
		u.codec, u.pt = s.codec(), u.in.PayloadType
	}
	if u.codec == codecNone || (u.codec == codecOpus) != (u.kind == webrtc.RTPCodecTypeAudio) {
		return nil
	}
	ext, fresh := u.place(now)
	if !fresh {
		return nil
	}
	u.arrived.note(ext, u.in.Timestamp, u.codec.clockRate(), now)
	pk := packet{
		ext: ext, timestamp: u.in.Timestamp, marker: u.in.Marker, level: noLevel, payload: body,
		key: u.kind == webrtc.RTPCodecTypeVideo && startsKeyFrame(u.codec, body),
	}
	if l := u.in.GetExtension(s.level); s.level != 0 && len(l) == 1 {
		pk.level = int16(l[0])
	}
	return u.cache.put(pk, now)
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
func (u *up) place(now time.Time) (ext int64, fresh bool) {
	newest, begun := u.seq.newest, u.seq.begun
	ext = u.seq.extend(u.in.SequenceNumber)
	switch {
	case !begun:
		return ext, true
	case ext > newest:
		if missing := ext - newest - 1; missing > 0 && !u.gaps.open(newest+1, ext, now) {
			u.wantKeyFrame() // too much is missing to be repeated
		}
		return ext, true
	default:
		u.gaps.fill(ext)
		return ext, ext > newest-int64(len(u.cache.slots)) && u.cache.get(ext) == nil
	}
}

// askRepeats asks the publisher for what is missing, and gives up what has been asked for in vain.
func (u *up) askRepeats(s *stream, now time.Time) {
	var lost int
	u.due, lost = u.gaps.due(now, u.due[:0])
	u.count.lost.Add(uint64(lost))
	if len(u.due) == 0 {
		return
	}
	u.count.nacksOut.Add(uint64(len(u.due)))
	s.feedback(&rtcp.TransportLayerNack{
		SenderSSRC: u.peer.ssrc, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(u.due),
	})
}
