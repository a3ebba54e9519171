package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

const (
	noteRoot      = "s:assessment" // the section that is written
	warmUp        = time.Second    // typing before anything counts
	afterOpening  = time.Second    // for what the coming of so many people set off
	patience      = 20 * time.Second
	writeDeadline = 10 * time.Second
)

// venue is where a note is: a conference of ours, or a server that only has
// documents.
type venue interface {
	// dial opens the i-th socket.
	dial(ctx context.Context, i int) (*websocket.Conn, error)
	// close ends the note when nobody is in it any more.
	close(ctx context.Context) error
	// holds says whether a closed note was stored with this text.
	holds(ctx context.Context, text string) (bool, error)
}

// note is one note under load: writers who each type single letters behind
// their own last one, and readers. All of it runs in this process, so all
// times are of one clock.
type note struct {
	dialect
	venue
	base    uint64 // client id of the first writer
	people  []*connection
	writers int
	rate    float64
	length  time.Duration // of the part that counts

	began     time.Time
	sentAt    [][]atomic.Int64 // per writer and stroke: since began
	strokes   []int            // per writer, once it has stopped
	ends      chan error       // of connections, with room for all
	fanout    *latencies
	acks      *latencies
	counted   atomic.Int64 // strokes sent in the part that counts
	received  []atomic.Int64
	delivered atomic.Int64 // of the strokes that count, to everybody else
	all       atomic.Int64 // deliveries, warm-up included
}

// connection is one socket. Its reader is the only goroutine that reads; all
// who write hold the lock.
type connection struct {
	*note
	ws     *websocket.Conn
	writer int // which one; -1 for a reader
	ready  chan struct{}

	mu     sync.Mutex
	frames []int32 // document frames sent: the stroke each carried, or -1

	// The reader's.
	synced bool
	acked  int // document frames acknowledged
	saved  atomic.Int64
	seen   []uint32 // per writer: strokes received
}

func newNote(d dialect, v venue, writers int, rate float64, length time.Duration) *note {
	n := &note{
		dialect: d, venue: v, base: 1 + uint64(rand.Uint32()), writers: writers, rate: rate, length: length,
		sentAt: make([][]atomic.Int64, writers), strokes: make([]int, writers), received: make([]atomic.Int64, writers),
		fanout: newLatencies(), acks: newLatencies(),
	}
	for i := range n.sentAt {
		n.sentAt[i] = make([]atomic.Int64, int(rate*(warmUp+length).Seconds())+16)
	}
	return n
}

// open lets everybody in, writers first, and waits until all have the note.
func (n *note) open(ctx context.Context, readers int) error {
	n.ends = make(chan error, n.writers+readers)
	for i := range n.writers + readers {
		writer := i
		if i >= n.writers {
			writer = -1
		}
		c, err := n.enter(ctx, i, writer)
		if err != nil {
			return fmt.Errorf("socket %d: %w", i+1, err)
		}
		n.people = append(n.people, c)
		go func() { n.ends <- c.read() }()
	}
	limit := time.After(patience)
	for _, c := range n.people {
		select {
		case <-c.ready:
		case err := <-n.ends:
			return fmt.Errorf("a socket has ended before the typing: %w", err)
		case <-limit:
			return errors.New("the note does not come")
		}
	}
	return nil
}

func (n *note) enter(ctx context.Context, i, writer int) (*connection, error) {
	ws, err := n.dial(ctx, i)
	if err != nil {
		return nil, err
	}
	c := &connection{note: n, ws: ws, writer: writer, ready: make(chan struct{}), seen: make([]uint32, n.writers)}
	if hello := n.greeting(); hello != nil {
		if err := c.send(hello); err != nil {
			return nil, err
		}
	}
	return c, c.send(n.sync(syncStep1, ydoc.New().StateVector()))
}

// leave closes all sockets and waits for their readers.
func (n *note) leave() {
	for _, c := range n.people {
		c.ws.Close()
	}
	for range n.people {
		<-n.ends
	}
	n.people = nil
}

// typeAll lets the writers type to the end, and waits until everybody has got
// everything or patience is over. atStart runs when the part that counts
// begins.
func (n *note) typeAll(ctx context.Context, atStart func() error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := sleep(ctx, afterOpening); err != nil {
		return err
	}
	n.began = time.Now()
	failed := make(chan error, n.writers)
	var hands sync.WaitGroup
	for _, c := range n.people[:n.writers] {
		hands.Go(func() {
			if err := c.typing(ctx); err != nil {
				failed <- err
				stop()
			}
		})
	}
	err := sleep(ctx, warmUp)
	if err == nil {
		err = atStart()
	}
	if err != nil {
		stop()
	}
	hands.Wait()
	select {
	case err = <-failed:
	case err = <-n.ends:
		n.ends <- err // leave counts them
		err = fmt.Errorf("a socket has ended while people typed: %w", err)
	default:
	}
	if err == nil {
		n.settle()
	}
	return err
}

// settle waits for what is still on its way. What does not come is lost, and
// shows as that.
func (n *note) settle() {
	sent := 0
	for _, s := range n.strokes {
		sent += s
	}
	want := int64(sent * (len(n.people) - 1))
	for end := time.Now().Add(patience); n.all.Load() < want && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // the last acknowledgements
}

// typing sends a letter at every turn of the rate. Turns are fixed beforehand:
// who comes late to one does not shift the others.
func (c *connection) typing(ctx context.Context) error {
	doc, client := ydoc.New(), c.base+uint64(c.writer)
	every := time.Duration(float64(time.Second) / c.rate)
	turn := time.Duration(rand.Int64N(int64(every)))
	for n := 0; n < len(c.sentAt[c.writer]) && turn < warmUp+c.length; n, turn = n+1, turn+every {
		change, err := doc.Edit(client, noteRoot, n, 0, string(letter(c.writer, n)))
		if err != nil {
			return err
		}
		frame := c.sync(syncUpdate, doc.Encode(change))
		if sleep(ctx, time.Until(c.began.Add(turn))) != nil {
			return nil
		}
		if err := c.strike(n, frame); err != nil {
			return err
		}
		c.strokes[c.writer] = n + 1
	}
	return nil
}

// letter is what a writer types as n-th.
func letter(writer, n int) byte { return 'a' + byte((writer*7+n)%26) }

func (c *connection) strike(n int, frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, int32(n))
	at := time.Since(c.began)
	c.sentAt[c.writer][n].Store(int64(at))
	if at >= warmUp {
		c.counted.Add(1)
	}
	return c.put(frame)
}

func (c *connection) send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(frame)
}

func (c *connection) put(frame []byte) error {
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.BinaryMessage, frame)
}

// read takes frames until the connection ends.
func (c *connection) read() error {
	for {
		kind, frame, err := c.ws.ReadMessage()
		if err != nil {
			return err
		}
		now := time.Now()
		if kind != websocket.BinaryMessage {
			continue
		}
		m, err := c.parse(frame)
		if err == nil {
			err = c.take(m, now)
		}
		if err != nil {
			return err
		}
	}
}

func (c *connection) take(m message, now time.Time) error {
	switch {
	case m.kind == msgReject:
		return fmt.Errorf("frame %d was refused", m.number)
	case m.kind == msgAck && c.document == "":
		return c.confirm(int(m.number), now)
	case m.kind != msgSync:
		return nil
	case m.step == syncStep1:
		return c.answer()
	}
	u, err := ydoc.Decode(m.body, ydoc.Limits{})
	if err != nil {
		return err
	}
	for _, r := range u.Inserts() {
		if w := r.Client - c.base; w < uint64(c.writers) {
			c.receive(int(w), r.Clock+r.Len, now)
		}
	}
	if m.step == syncStep2 && !c.synced {
		c.synced = true
		close(c.ready)
	}
	return nil
}

// answer tells the server that we have nothing it lacks: everybody comes with
// an empty document, and says everything typed after that.
func (c *connection) answer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = append(c.frames, -1)
	return c.put(c.sync(syncStep2, ydoc.New().EncodeState()))
}

// receive books a writer's strokes up to upto, each at its first arrival.
func (c *connection) receive(w int, upto uint32, now time.Time) {
	first := c.seen[w]
	if upto <= first {
		return
	}
	c.seen[w] = upto
	if w == c.writer {
		return
	}
	at, counts := now.Sub(c.began), int64(0)
	for n := first; n < min(upto, uint32(len(c.sentAt[w]))); n++ {
		if sent := time.Duration(c.sentAt[w][n].Load()); sent >= warmUp {
			c.fanout.add(at - sent)
			counts++
		}
	}
	c.delivered.Add(counts)
	c.all.Add(int64(upto - first))
	raise(&c.received[w], int64(upto))
}

// confirm books an acknowledgement of the first frames of this connection.
func (c *connection) confirm(frames int, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if frames > len(c.frames) {
		return fmt.Errorf("%d frames acknowledged, %d were sent", frames, len(c.frames))
	}
	for ; c.acked < frames; c.acked++ {
		n := c.frames[c.acked]
		if n < 0 {
			continue
		}
		c.saved.Store(int64(n) + 1)
		if sent := time.Duration(c.sentAt[c.writer][n].Load()); sent >= warmUp {
			c.acks.add(now.Sub(c.began) - sent)
		}
	}
	return nil
}

// lost lets a fresh reader in and counts the strokes that somebody had been
// told are saved, or had seen, and that are not there: not in the note, or, if
// the note was stored, not in what was stored.
func (n *note) lost(ctx context.Context) (int, error) {
	doc, err := n.readAfresh(ctx)
	if err != nil {
		return 0, fmt.Errorf("fresh reader: %w", err)
	}
	promised := make([]int64, n.writers)
	for w, c := range n.people[:n.writers] {
		promised[w] = max(c.saved.Load(), n.received[w].Load())
	}
	n.leave()
	text, lost := doc.Text(noteRoot), 0
	for w := range promised {
		var typed strings.Builder
		for i := range int(promised[w]) {
			typed.WriteByte(letter(w, i))
		}
		if !strings.Contains(text, typed.String()) {
			lost += max(1, int(promised[w])-int(doc.State(n.base+uint64(w))))
		}
	}
	if err := n.close(ctx); err != nil {
		return lost, err
	}
	held, err := n.holds(ctx, text)
	if err == nil && !held {
		lost = max(lost, len(text))
	}
	return lost, err
}

// readAfresh returns the document that somebody who comes now gets.
func (n *note) readAfresh(ctx context.Context) (*ydoc.Doc, error) {
	c, err := n.enter(ctx, len(n.people), -1)
	if err != nil {
		return nil, err
	}
	defer c.ws.Close()
	if err := c.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return nil, err
		}
		m, err := c.parse(frame)
		if err != nil {
			return nil, err
		}
		if m.kind != msgSync || m.step != syncStep2 {
			continue
		}
		u, err := ydoc.Decode(m.body, ydoc.Limits{})
		if err != nil {
			return nil, err
		}
		doc := ydoc.New()
		_, err = doc.Apply(u)
		return doc, err
	}
}

func raise(v *atomic.Int64, to int64) {
	for old := v.Load(); old < to && !v.CompareAndSwap(old, to); old = v.Load() {
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
