package realtime

import (
	"net"
	"sync"
	"time"
)

const (
	// What waits for a socket is memory, and was written for somebody who does
	// not read it: coming back costs less. That many frames are seconds of a
	// lively conference. The bytes are several times the largest note, of which
	// one may wait whatever it takes, or nobody could get it.
	queueLength = 256
	queueBytes  = 8 << 20

	writeDeadline = 10 * time.Second // for one write to be taken, at most; half of it at least
	lastWords     = 2 * time.Second  // for the final frames to be taken
	silence       = 50 * time.Second // without a sign of life ends a socket
	pingEvery     = 20 * time.Second
)

// outbox is what waits to be written to one socket, and the switch that ends
// it. Anybody may put or end; the socket's writer takes. It also guards the
// connection's deadlines, so that ending wakes reader and writer for good.
type outbox struct {
	mu    sync.Mutex
	queue [][]byte
	bytes int       // in queue
	conn  net.Conn  // nil until the upgrade
	over  bool      // ended: nothing more is put
	until time.Time // the write deadline as it stands
	wake  chan struct{}

	code   int // why it ended; 0 while it has not
	reason string
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// open gives the outbox its connection. It reports false when the socket was
// ended at the door; its last frames are still to be written.
func (o *outbox) open(conn net.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn = conn
	if o.over {
		o.hurry()
	}
	return !o.over
}

// hurry ends the reader's patience at once and the writer's soon.
func (o *outbox) hurry() {
	o.conn.SetReadDeadline(time.Now())
	o.conn.SetWriteDeadline(time.Now().Add(lastWords))
}

// put queues a frame, which nobody may change afterwards. A socket whose queue
// is full is too slow to be waited for and is ended: it resumes by itself.
func (o *outbox) put(frame []byte) {
	o.mu.Lock()
	full := len(o.queue) >= queueLength || len(o.queue) > 0 && o.bytes+len(frame) > queueBytes
	if !full && !o.over {
		o.queue = append(o.queue, frame)
		o.bytes += len(frame)
	}
	o.mu.Unlock()
	if full {
		o.end(closeSlow, "too slow")
		return
	}
	o.signal()
}

// end lets the socket end with a close frame after the given last frames.
// Only the first call counts. What was queued is dropped when the right to
// read it is gone, or when it was not being read anyway.
func (o *outbox) end(code int, reason string, last ...[]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return
	}
	o.over, o.code, o.reason = true, code, reason
	if code == closeEnded || code == closeReturned || code == closeSlow {
		o.queue = nil
	}
	o.queue = append(append(o.queue, last...), closeFrame(code, reason))
	if o.conn != nil {
		o.hurry()
	}
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// ending tells how the socket was ended; code is 0 while it is not.
func (o *outbox) ending() (code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.reason
}

// listen gives the reader until d from now. False: the socket has ended.
func (o *outbox) listen(d time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.over && o.conn.SetReadDeadline(time.Now().Add(d)) == nil
}

// take empties the queue into batch; last says that nothing follows.
func (o *outbox) take(batch net.Buffers) (_ net.Buffers, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch = append(batch[:0], o.queue...)
	clear(o.queue)
	o.queue, o.bytes = o.queue[:0], 0
	if now := time.Now(); !o.over && o.until.Sub(now) < writeDeadline/2 { // each renewal costs a timer
		o.until = now.Add(writeDeadline)
		o.conn.SetWriteDeadline(o.until)
	}
	return batch, o.over
}

// write is the socket's writer. It returns once the last frame is out or the
// connection is of no more use, and always leaves the outbox ended.
func (o *outbox) write() {
	var batch net.Buffers
	for range o.wake {
		var last bool
		batch, last = o.take(batch)
		err := writeAll(o.conn, batch)
		clear(batch)
		if err != nil {
			o.end(closeSlow, "too slow")
			return
		}
		if last {
			return
		}
	}
}

// writeAll writes frames with one system call; most often there is one frame.
func writeAll(conn net.Conn, frames net.Buffers) error {
	var err error
	if len(frames) == 1 {
		_, err = conn.Write(frames[0])
	} else {
		_, err = frames.WriteTo(conn) // consumes its own copy of the slice
	}
	return err
}
