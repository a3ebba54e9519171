package realtime

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// commitEvery is the least time between two ticks of a note: short, so that
	// "saved" comes soon, long enough to gather what several people type.
	commitEvery = 2 * time.Millisecond
	// deliverEvery is how long what somebody has typed may wait for more before
	// everybody gets it, which is where the work is: committed ticks gather for
	// it. Where nothing was delivered for restAfter, it goes out at once.
	deliverEvery = 20 * time.Millisecond
	restAfter    = 3 * deliverEvery
	// presenceEvery is the least time between two updates of who is where.
	presenceEvery = 100 * time.Millisecond

	loadDeadline  = 15 * time.Second
	socketsEach   = 5   // of one person in one conference: some windows and devices, no farm
	frameBacklog  = 64  // frames that wait for a conference before readers wait
	snapshotEvery = 500 // rows
	answerRest    = 4   // times as long as the answer to a sync step 1 took
)

// conference is one live conference. It is made when the first socket comes
// and ends when the last has gone, when it is closed, or when its memory and
// the log have parted. Only its own goroutine touches the fields of the last
// group.
type conference struct {
	id    string
	hub   *Hub
	log   *slog.Logger
	in    chan inbound
	mail  *mailbox
	ready chan struct{} // closed when the note is loaded or err is set
	err   error
	quit  chan struct{} // closed when nothing is taken from readers any more
	done  chan struct{} // closed when everything it started is gone

	// Under the hub's lock.
	holders int
	retired bool
	inside  sync.WaitGroup // holders, to be waited for once retired

	// The goroutine's own.
	note    *note
	aware   awareness
	room    *roomState
	agenda  *Agenda   // nil: nobody was in the room yet who is to know it
	sockets []*socket // in the order of arrival
	stop    *ending
	clerk   *clerk
	keeper  chan struct{} // closed when the doorkeeper has left
	looked  time.Time     // when the rights were last read with success
	seals   time.Time     // when the note will be sealed; zero: nobody has said so

	outgoing      [][]byte  // committed, not delivered yet
	asking        []*socket // whose sync step 1 is not answered yet
	oldest        time.Time // when the first of it came
	committed     time.Time
	delivered     time.Time
	presented     time.Time
	timer         *time.Timer
	sectioned     int64 // sequence of the section texts that are written
	snapshotted   int64 // sequence of the newest snapshot
	writing       bool  // section texts are with the clerk
	photographing bool  // a snapshot is with the clerk
	rewriting     int   // how often the log is to be written anew: nothing is taken meanwhile
}

// ending is how a conference ends: with which close code and reason, and
// whether what is pending shall be committed before.
type ending struct {
	code   int
	reason string
	keep   bool
	last   []byte // a frame for everybody before the close frame
}

func newConference(h *Hub, id string) *conference {
	room := newRoomState()
	room.way.allowed = h.cfg.PeerToPeer
	return &conference{
		id: id, hub: h, log: h.log, aware: newAwareness(), room: room,
		in: make(chan inbound, frameBacklog), mail: newMailbox(), ready: make(chan struct{}),
		quit: make(chan struct{}), done: make(chan struct{}), keeper: make(chan struct{}),
		clerk: newClerk(h.log, id), looked: time.Now(),
	}
}

// run is the conference's goroutine.
func (c *conference) run() {
	defer c.hub.remove(c)
	if !c.load() {
		return
	}
	go c.clerk.run()
	go c.keepDoor()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	c.timer = time.NewTimer(time.Hour)
	defer c.timer.Stop()
	for c.stop == nil {
		select {
		case in := <-c.taken():
			c.receive(in)
			c.receiveWaiting()
		case <-c.mail.wake:
			c.mail.work()
		case <-c.timer.C:
		case <-second.C:
			c.housekeep()
		}
		c.pace()
	}
	c.windDown()
}

// taken is where frames come from; nil while they have to wait.
func (c *conference) taken() <-chan inbound {
	if c.rewriting > 0 {
		return nil
	}
	return c.in
}

// load claims and loads the note. Nobody is served before, so it may wait.
func (c *conference) load() bool {
	ctx, cancel := context.WithTimeout(context.Background(), loadDeadline)
	defer cancel()
	stored, err := c.hub.cfg.Notes.Open(ctx, c.id)
	if err == nil {
		c.note, err = loadNote(stored)
	}
	if err != nil {
		c.err = err
		c.hub.retire(c)
		close(c.quit)
		close(c.ready)
		c.inside.Wait()
		return false
	}
	c.snapshotted, c.sectioned = stored.Upto, stored.Upto
	close(c.ready)
	return true
}

// send hands a frame to the conference and waits while it is busy. False: it
// is over.
func (c *conference) send(in inbound) bool {
	select {
	case c.in <- in:
		return true
	case <-c.quit:
		return false
	}
}

// ask is send, and returns when the frame has been dealt with.
func (c *conference) ask(in inbound) bool {
	in.reply = make(chan struct{})
	if !c.send(in) {
		return false
	}
	select {
	case <-in.reply:
		return true
	case <-c.quit:
		return false
	}
}

// halt ends the conference from outside. The first reason wins.
func (c *conference) halt(e ending) { c.mail.post(func() { c.end(e) }) }

func (c *conference) end(e ending) {
	if c.stop == nil {
		c.stop = &e
	}
}

// idle ends the conference when nobody is left. Frames that still wait were
// sent while their senders had the right to, and are committed first.
func (c *conference) idle() {
	if c.stop == nil && c.hub.retireIdle(c) {
		c.end(ending{code: websocket.CloseNormalClosure, keep: true})
	}
}

// receive deals with one frame of a reader.
func (c *conference) receive(in inbound) {
	if in.reply != nil {
		defer close(in.reply)
	}
	s := in.from
	switch in.kind {
	case inArrive:
		c.sockets = append(c.sockets, s)
		return
	case inAdmit:
		c.admit(s, *in.rights)
		return
	case inLeave:
		c.part(s)
		return
	}
	if s.revoked {
		return
	}
	switch in.kind {
	case inHello:
		c.greet(s, in.hello)
	case inCommand:
		c.act(c.room.command(s.visitor, in.name, *in.asks, c.hub.cfg.Now()))
	case inKey:
		c.passKey(s, in.key)
	case inLine:
		c.passLine(s, in.line)
	case inTurn:
		c.turn(s, in.turn)
	case inHandOver:
		c.handOver(s, in.way, in.body)
	default:
		if s.reads { // or it waits, or has no right to the notes
			c.receiveNotes(in)
		}
	}
}

// receiveNotes deals with a binary frame.
func (c *conference) receiveNotes(in inbound) {
	s := in.from
	switch in.kind {
	case inDocument:
		c.document(in)
	case inStep1:
		s.outdated = false // what follows is made with what it gets now
		c.answer(s, in.body)
	case inAwareness:
		c.hear(s, in.body)
	case inQuery:
		c.present(s)
	}
}

// receiveWaiting takes what has piled up, so that it shares a tick.
func (c *conference) receiveWaiting() {
	for range frameBacklog {
		select {
		case in := <-c.taken():
			c.receive(in)
		default:
			return
		}
	}
}

// document takes a document frame and sees that it is answered for: by a
// refusal now, by an acknowledgement when all before it is committed.
func (c *conference) document(in inbound) {
	s := in.from
	why := in.refuse
	if why == accepted {
		why = c.note.integrate(s, in.update, in.step2)
	}
	if why != accepted {
		s.out.put(integersFrame(msgReject, in.frame, uint64(why)))
	}
	if why == refusedDependency {
		c.askStep2(s)
	}
	c.note.acknowledge(s, in.frame)
}

func (c *conference) askStep2(s *socket) {
	s.owed++
	s.out.put(syncFrame(syncStep1, c.note.doc.StateVector()))
}

// answer notes that a socket wants to know what its state vector lacks. Each
// answer costs as much as the note is large; after one the socket's next has to
// wait answerRest times as long as that took, so who asks all the time takes a
// small share of everybody's time. The newest question stands for those before.
func (c *conference) answer(s *socket, vector []byte) {
	s.asks = vector
	s.asked++
	if !slices.Contains(c.asking, s) {
		c.asking = append(c.asking, s)
	}
}

// sendMissing sends what the socket's state vector lacks, once all of it is
// committed.
func (c *conference) sendMissing(s *socket) {
	vector := s.asks
	var diff []byte
	c.note.settle(
		func() {
			began := time.Now()
			diff, _ = c.note.doc.Diff(vector)
			s.rest = answerRest * time.Since(began)
		},
		func(err error) {
			if err == nil && diff != nil { // nil: the vector was malformed
				s.out.put(syncFrame(syncStep2, diff))
			}
		})
}

// pace does what is due and sets the timer for what is not.
func (c *conference) pace() {
	now := time.Now()
	next := time.Hour
	due := func(is bool, last time.Time, every time.Duration) bool {
		if !is {
			return false
		}
		wait := every - now.Sub(last)
		if wait > 0 {
			next = min(next, wait)
		}
		return wait <= 0
	}
	if due(c.note.pending != nil && c.note.flying == nil, c.committed, commitEvery) {
		c.commit(now)
	}
	if due(len(c.outgoing) > 0, c.oldest, c.patience()) {
		c.deliver(now)
	}
	c.asking = slices.DeleteFunc(c.asking, func(s *socket) bool {
		if !s.reads || s.revoked {
			s.asked = 0
		} else if due(true, s.answered, s.rest) {
			s.answered = now
			s.asked--
			c.sendMissing(s)
			next = min(next, s.rest)
		}
		return s.asked == 0
	})
	if due(c.room.news.any() || len(c.aware.dirty) > 0, c.presented, presenceEvery) {
		c.presentAll(now)
	}
	c.timer.Reset(next)
}

// patience is how long the next delivery gathers.
func (c *conference) patience() time.Duration {
	if c.oldest.Sub(c.delivered) > restAfter {
		return 0
	}
	return deliverEvery
}

// commit hands the pending tick to the committer.
func (c *conference) commit(now time.Time) {
	c.committed = now
	batch := c.note.handOver(c.hub.cfg.Now())
	if acksBeforeCommit {
		c.confirm(c.note.flying)
	}
	c.hub.committer.submit(batch, func(err error) {
		c.mail.post(func() { c.landed(err) })
	})
}

// landed is told the outcome of the tick under way.
func (c *conference) landed(err error) {
	switch {
	case err == nil:
		t := c.note.landed()
		if len(c.outgoing) == 0 {
			c.oldest = t.began
		}
		c.outgoing = append(c.outgoing, t.frame)
		c.confirm(t)
		for _, done := range t.after {
			done(nil)
		}
	case errors.Is(err, ErrSealed):
		c.fail(err, stateSealed)
	default:
		c.log.Error("a tick could not be committed", "conference", c.id, "error", err)
		c.fail(err, stateUnavailable)
	}
}

// confirm acknowledges the frames of a tick.
func (c *conference) confirm(t *tick) {
	for s, frames := range t.acks {
		s.out.put(integersFrame(msgAck, frames))
	}
}

// fail gives the memory up: it is ahead of the log. Clients come back and
// resend what was not acknowledged.
func (c *conference) fail(err error, state noteState) {
	c.end(ending{code: closeReload, reason: "reload", last: integersFrame(msgState, uint64(state))})
	c.note.lost(err)
}

// deliver sends the committed ticks to everybody in one write each, their
// authors included: to them it is no news, and one frame serves all.
func (c *conference) deliver(now time.Time) {
	c.delivered = now
	frames := c.outgoing[0]
	if len(c.outgoing) > 1 {
		frames = slices.Concat(c.outgoing...)
	}
	clear(c.outgoing)
	c.outgoing = c.outgoing[:0]
	for _, s := range c.sockets {
		if s.reads {
			s.out.put(frames)
		}
	}
}
