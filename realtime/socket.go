package realtime

import (
	"errors"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

const (
	// A person's keys give ten document frames a second, an input method or a
	// search and replace some dozens at once, and there are cursors and the
	// room beside them. What is more than that is no person, and costs all the
	// others in the conference.
	framesPerSecond = 200
	framesBurst     = 400
	messageDeadline = 10 * time.Second // for a begun message to be complete
	lingerFor       = time.Second      // for the other side to take our close frame
	// maxStructs is how many structs one document frame may hold. They cost
	// memory and time each, however short they are; typing makes a few, and the
	// unsaved work of hours some thousands.
	maxStructs = 16 << 10
)

// socket is one connection of one guest. It is made by Hub.Serve when the
// ticket was good and ends with it. Fields are grouped by who may touch them.
type socket struct {
	id    uint64
	peer  string // its name in the room
	guest Guest
	conf  *conference
	out   *outbox
	done  chan struct{} // closed when nothing is sent or taken any more

	// The conference's goroutine.
	arrived  bool // upgraded; may still have to wait
	inside   bool // takes part in the conference
	reads    bool // receives the notes, and may send if write says so
	revoked  bool // the right to be here is gone: nothing of it counts any more
	write    bool
	owed     int           // sync steps 1 of ours that it has not answered
	asks     []byte        // the state vector of its newest sync step 1
	asked    int           // sync steps 1 that are not answered
	rest     time.Duration // before the next answer
	answered time.Time     // when it last got a sync step 2
	bound    int           // client ids it has bound
	visitor  *visitor      // since it said hello
	pinged   time.Time
	served   time.Time // when it was given ICE servers
	// The log was written anew, and it has not asked for the document since:
	// what it sends may be made with the one of before.
	outdated bool

	// The room's media, which the conference's goroutine enters and the reader
	// leaves; nil outside.
	route    atomic.Pointer[route]
	welcomed chan struct{} // closed once the welcome is queued

	// The reader.
	ws     *websocket.Conn
	frames uint64 // document frames so far
	greets bool   // has said hello
	midway bool   // inside a message
	limit  *rate.Limiter
	paces  map[string]*rate.Limiter // by type of text frame
	// Candidates handed to the other of two so far, on the way of that number.
	handing int64
	handed  int
}

func newSocket(id uint64, c *conference, g Guest) *socket {
	return &socket{
		id: id, peer: newPeerID(), guest: g, conf: c,
		out: newOutbox(), done: make(chan struct{}), welcomed: make(chan struct{}),
		limit: rate.NewLimiter(framesPerSecond, framesBurst),
	}
}

// inbound is what a reader hands to its conference.
type inbound struct {
	from   *socket
	kind   inboundKind
	frame  uint64 // number of a document frame
	update *ydoc.Update
	step2  bool
	refuse refusal // the reader's own verdict on a document frame
	body   []byte
	key    keyPut
	line   caption
	turn   turn
	name   string   // the type of a command
	asks   *command // of a command
	way    int64    // of what is to be handed over
	hello  greeting
	rights *Rights // of an admission
	reply  chan struct{}
}

type inboundKind uint8

const (
	inArrive    inboundKind = iota // a socket is at the door
	inAdmit                        // its rights are checked and it is upgraded
	inLeave                        // it is gone
	inDocument                     // sync step 2 or update
	inStep1                        // sync step 1
	inAwareness                    // awareness update
	inQuery                        // query awareness
	inHello                        // wants to take part in the room
	inCommand                      // asks something of the room
	inKey                          // sends an envelope with keys
	inLine                         // sends a line of captions
	inTurn                         // goes to another phase of the agenda
	inHandOver                     // sends a frame to the other of two
)

// converse runs an upgraded socket until nothing more will be sent to it.
func (s *socket) converse(ws *websocket.Conn, rights Rights) {
	s.ws = ws
	s.out.open(ws.NetConn())
	written := make(chan struct{})
	go func() { defer close(written); s.out.write() }()

	code, reason := closeReload, "reload"
	if s.conf.send(inbound{from: s, kind: inAdmit, rights: &rights}) {
		code, reason = s.read()
	}
	s.out.end(code, reason) // changes nothing when somebody ended it before
	s.leaveRoom()           // after that, so that joinRoom sees that it is over
	s.conf.send(inbound{from: s, kind: inLeave})
	<-written
	if half, ok := ws.NetConn().(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// linger reads on for a moment after our side is closed. Closing at once would
// reset the connection while the other side still sends, and a reset may
// overtake the last frames, which say why it ended.
func (s *socket) linger() {
	if s.ws == nil {
		return
	}
	conn := s.ws.NetConn()
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(lingerFor))
	io.Copy(io.Discard, conn)
}

// read takes messages until the connection or the patience ends and returns
// what to close it with. Should our own code panic over what somebody sent,
// only her socket ends, as it is with requests.
func (s *socket) read() (code int, reason string) {
	defer func() {
		if recover() != nil { // the value may quote the message
			s.conf.log.Error("a message made a reader panic", "conference", s.conf.id, "stack", string(debug.Stack()))
			code, reason = websocket.CloseInternalServerErr, ""
		}
	}()
	s.ws.SetReadLimit(hardFrame)
	s.ws.SetPongHandler(func(string) error { return s.alive() })
	s.ws.SetPingHandler(func(data string) error {
		s.out.put(frame(opPong, []byte(data)))
		return s.alive()
	})
	s.ws.SetCloseHandler(func(int, string) error { return nil }) // the writer answers
	for {
		kind, data, err := s.next()
		switch {
		case errors.Is(err, errFlood):
			return closeFlood, "too many frames"
		case errors.Is(err, websocket.ErrReadLimit):
			return websocket.CloseMessageTooBig, "frame too large"
		case err != nil:
			return websocket.CloseNormalClosure, ""
		case kind == websocket.TextMessage && len(data) > maxFrame:
			return websocket.CloseMessageTooBig, "frame too large"
		case kind == websocket.TextMessage:
			s.control(data)
		case !s.binary(data):
			return websocket.CloseNormalClosure, ""
		}
	}
}

var errFlood = errors.New("too many frames")

func (s *socket) allow() error {
	if !s.limit.Allow() {
		return errFlood
	}
	return nil
}

// alive counts a ping or pong as a sign of life, though not as part of a
// message that has begun.
func (s *socket) alive() error {
	if !s.midway {
		s.out.listen(silence)
	}
	return s.allow()
}

// next reads one message. A message that has begun must be complete soon, or
// an endless row of empty fragments would keep a reader busy for nothing.
func (s *socket) next() (int, []byte, error) {
	if !s.out.listen(silence) {
		return 0, nil, net.ErrClosed
	}
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return 0, nil, err
	}
	if !s.out.listen(messageDeadline) {
		return 0, nil, net.ErrClosed
	}
	s.midway = true
	data, err := io.ReadAll(r)
	s.midway = false
	if err == nil {
		err = s.allow()
	}
	return kind, data, err
}

// binary hands a notes frame on. It reports false when the conference is over.
// Frames that mean nothing here are ignored, as y-protocols wants it.
func (s *socket) binary(data []byte) bool {
	kind, body, err := parseMessage(data)
	if kind.isDocument() {
		return s.document(kind, body, len(data), err)
	}
	if err != nil || len(data) > maxFrame {
		return true
	}
	switch kind {
	case kindStep1:
		return s.conf.send(inbound{from: s, kind: inStep1, body: body})
	case kindAwareness:
		return s.conf.send(inbound{from: s, kind: inAwareness, body: body})
	case kindQuery:
		return s.conf.send(inbound{from: s, kind: inQuery})
	}
	return true
}

// document decodes a document frame. What is wrong with it by itself is
// decided here, on the sender's own time; the conference decides the rest.
func (s *socket) document(kind messageKind, body []byte, size int, err error) bool {
	s.frames++
	in := inbound{from: s, kind: inDocument, frame: s.frames, step2: kind == kindStep2}
	switch {
	case size > maxFrame:
		in.refuse = refusedSize
	case err != nil:
		in.refuse = refusedMalformed
	default:
		in.update, err = ydoc.Decode(body, ydoc.Limits{Bytes: maxFrame, Structs: maxStructs})
		switch {
		case errors.Is(err, ydoc.ErrTooLarge):
			in.update, in.refuse = nil, refusedSize
		case err != nil || !in.update.Plain():
			in.update, in.refuse = nil, refusedMalformed
		}
	}
	return s.conf.send(in)
}
