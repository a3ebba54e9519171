package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// up is a published track: a source of one peer, in one to three layers, and who receives it. The publisher's goroutine makes and
// stops it.
type up struct {
	peer   *Peer
	source string
	kind   webrtc.RTPCodecType
	count  *counters
	layers []*layer // the smallest first

	receivers atomic.Pointer[[]*down] // replaced under mu, read by the layers' loops
	halted    atomic.Bool             // stop has been called
	silenced  atomic.Bool             // a moderator has taken the word: nothing is sent on
	awaited   atomic.Int64            // Unix nanoseconds when somebody last joined who will want it
	loud      loudness                // of a microphone
	voice     voice                   // of a microphone
	hushed    atomic.Bool             // of a microphone: others are louder
	active    [3]bool                 // rungs the publisher was told to send; its goroutine's own

	mu sync.Mutex // guards changes of receivers

	toldPlain bool // belongs to the publisher's goroutine
}

// newUp makes a track of p. rids are the layers the client offers, in the order of rungs; none means that it sends one stream.
func newUp(p *Peer, source string, rids []string) *up {
	u := &up{peer: p, source: source, kind: kindOf(source), count: &p.sfu.count, active: [3]bool{true, true, true}}
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		u.layers = append(u.layers, newLayer(u, rid, int32(i)))
		u.layers[i].wantedAt = time.Now()
	}
	u.receivers.Store(&[]*down{})
	u.awaited.Store(time.Now().UnixNano())
	return u
}

// layer is that of a stream, nil if it was not offered.
func (u *up) layer(rid string) *layer {
	for _, l := range u.layers {
		if l.rid == rid {
			return l
		}
	}
	return nil
}

// rids are the names of the layers, none if there is one stream.
func (u *up) rids() (rids []string) {
	for _, l := range u.layers {
		if l.rid != "" {
			rids = append(rids, l.rid)
		}
	}
	return rids
}

// stop ends forwarding for good: when it returns, nobody is sent another packet of this track.
func (u *up) stop() {
	u.halted.Store(true)
	u.mu.Lock()
	u.receivers.Store(&[]*down{})
	u.mu.Unlock()
	u.settle()
	u.wake()
}

// silence drops what comes in until it is lifted: when it returns with on, nobody is sent another packet.
func (u *up) silence(on bool) {
	u.silenced.Store(on)
	u.settle()
}

// add makes the loops send to d, beginning with what is cached. The caller wakes them. False: the track has stopped.
func (u *up) add(d *down) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.halted.Load() {
		return false
	}
	all := append(slices.Clone(*u.receivers.Load()), d)
	u.receivers.Store(&all)
	for _, l := range u.layers {
		l.leave(note{down: d, turn: true})
	}
	return true
}

// remove makes the loops forget d: when it returns, d is sent nothing more.
func (u *up) remove(d *down) {
	u.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(*u.receivers.Load()), func(o *down) bool { return o == d })
	u.receivers.Store(&rest)
	u.mu.Unlock()
	u.settle()
}

// settle waits until the loops have finished what they were doing when settle was called. A loop reads receivers anew each time it
// turns to something, so what was taken out before is out of use after. A turn takes microseconds per receiver.
func (u *up) settle() {
	for _, l := range u.layers {
		turn := l.turn.Load()
		for turn&1 == 1 && l.turn.Load() == turn {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// wake makes loops that wait for a packet look into their inboxes.
func (u *up) wake() {
	for _, l := range u.layers {
		l.wake()
	}
}

// repeat leaves a request for lost packets with the loop that knows their numbers.
func (u *up) repeat(d *down, nacks []rtcp.NackPair) {
	if l := u.feeding(d); l != nil {
		l.tell(note{down: d, nacks: nacks})
	}
}

// feeding is the layer d gets now, nil if none.
func (u *up) feeding(d *down) *layer {
	if i := d.feeder.Load(); i >= 0 && int(i) < len(u.layers) {
		return u.layers[i]
	}
	return nil
}

// expect prepares for somebody who has just joined: by the time the connection stands, a picture is there.
func (u *up) expect(now time.Time) {
	u.awaited.Store(now.UnixNano())
	u.wantKeyFrame()
}

// wantKeyFrame asks the publisher for a picture that can be decoded by itself, of every layer.
func (u *up) wantKeyFrame() {
	for _, l := range u.layers {
		l.wantKeyFrame()
	}
}

// heardAt is when the last packet of any layer came, in Unix nanoseconds.
func (u *up) heardAt() int64 {
	var last int64
	for _, l := range u.layers {
		last = max(last, l.heard.Load())
	}
	return last
}
