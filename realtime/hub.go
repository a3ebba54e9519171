package realtime

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/sfu"
)

// Sentinels that a [Notes] answers with, per batch.
var (
	// ErrFenced: the note's epoch or head is not what the batch expected;
	// somebody else owns the note, or an earlier commit did succeed.
	ErrFenced = errors.New("realtime: note is owned elsewhere")
	// ErrSealed: the note takes no more rows.
	ErrSealed = errors.New("realtime: note is sealed")
)

// errStopping refuses sockets while the hub goes down.
var errStopping = errors.New("realtime: hub is stopping")

// Guest is a person at the door of one conference, as their sign-in or their
// personal link says. Identifiers are opaque to this package.
type Guest struct {
	Conference, Person, Session string // Session: the sign-in, or the link
	Name, Short, Role           string
	Part                        string // PartModerator, PartParticipant (also when empty), PartGuest
	Kind                        string // of a PartGuest: client, trusted, interpreter
	Unknown                     bool   // came with a link that belongs to somebody else
	Color                       int
	Devices                     []string // fingerprints of the signing keys that vouch for her; rooms pass them on
	EndsAt                      time.Time
}

// part is what she is in the room.
func (g Guest) part() string { return cmp.Or(g.Part, PartParticipant) }

// reads says whether the notes are for her. They never are for a PartGuest.
func (g Guest) reads() bool { return g.Part != PartGuest }

// Rights is what a guest may do now; Reason says why not: withdrawn, closed,
// cancelled, rights or signedout. Enter is the right to come to the door.
type Rights struct {
	Enter, Write bool
	Wait         bool // was removed from this conference: a moderator has to let her in
	Open         bool // the conference is one that guests take part in
	Reason       string
}

// What goes on record about a room.
const (
	didAdmit   = "admit"
	didDeny    = "deny"
	didReturn  = "return"
	didRemove  = "remove"
	didLock    = "lock"
	didUnlock  = "unlock"
	didGuests  = "phase_guest"
	didExperts = "phase_experts"
	didRoll    = "roll"
	didEndRoll = "roll_end"
	didPresent = "present"
)

// Deed is something done in a room that outlives it: admit, deny, return,
// remove, lock, unlock, phase_guest, phase_experts, roll, roll_end or present.
type Deed struct {
	Did string
	By  Guest // zero: nobody in particular
	To  Guest // zero: the room as a whole
}

// Gate is the doorkeeper. Every call reads the database.
type Gate interface {
	// Rights answers for all guests in one look, in their order. It is asked
	// at connect, and once a second for each sign-in of everybody inside.
	Rights(ctx context.Context, conference string, guests []Guest) ([]Rights, error)
	// Joined and Left tell when a person's first socket came in and the last
	// went. Who only waits has not come in.
	Joined(ctx context.Context, g Guest) error
	Left(ctx context.Context, g Guest) error
	// Record keeps what was done in a room. Rights answers Wait by it.
	Record(ctx context.Context, conference string, d Deed) error
}

// Notes is where notes are kept.
type Notes interface {
	// Open claims the conference's note: it raises the epoch, then loads the
	// newest snapshot and the rows after it.
	Open(ctx context.Context, conference string) (Note, error)
	// Append adds the rows of several notes in one transaction, which is
	// committed when it returns. Per batch: nil, ErrFenced or ErrSealed, which
	// do not disturb the others. An error of the whole means an unknown
	// outcome.
	Append(ctx context.Context, batches []Batch) ([]error, error)
	// Snapshot keeps the encoded document up to a sequence, verified.
	Snapshot(ctx context.Context, note int64, upto int64, state []byte) error
	// Sections keeps the text of each section as of a sequence.
	Sections(ctx context.Context, note int64, upto int64, texts map[string]string) error
}

// Note is a note as loaded: the state up to sequence Upto and the Rows after it.
type Note struct {
	ID, Epoch, Head int64
	Base            int64 // the log begins after this sequence; a higher one than before: it was written anew
	Sections        []string
	Sealed          bool
	Upto            int64
	State           []byte
	Rows            []Row
	Clients         map[uint64]string // client id → person, for ever
	Retired         map[uint64]uint32 // client ids from before Base → how many units of them were in the log then
}

// Row is what one author did in one tick, as a Yjs update (format v1) of ours.
type Row struct {
	Seq             int64
	Person, Session string
	At              time.Time
	Data            []byte
}

// Batch is one tick of one note. It is valid only while the note has this
// epoch and head. Clients are the client ids that it binds for the first time.
type Batch struct {
	Note, Epoch, Head int64
	Rows              []Row
	Clients           map[uint64]string
}

// Config is what a hub needs. Notes, Gate and Origin must be set.
type Config struct {
	Notes Notes
	Gate  Gate
	// Agendas keeps the agendas; without it nobody is told of phases.
	Agendas Agendas
	// Rooms makes the video rooms; without it there are notes and presence.
	Rooms *sfu.SFU
	// Origin is the scheme and host that our pages come from. A browser that
	// names another, or none, is refused.
	Origin string
	// ICEServers gives what a person's browser may use for that long to find a
	// way to the room; nil: nothing.
	ICEServers func(person string, life time.Duration) []ICEServer
	// PeerToPeer lets two people who are alone in a room send to each other
	// straight, where their browsers know how. Each learns the other's addresses.
	PeerToPeer bool
	Log        *slog.Logger     // nil: slog.Default
	Now        func() time.Time // nil: time.Now
}

// Hub has all live conferences of this node. Make it with NewHub, let Run run,
// and hand requests to Serve.
type Hub struct {
	cfg       Config
	origin    string
	log       *slog.Logger
	tickets   tickets
	committer *committer
	sockets   atomic.Uint64
	upgrader  websocket.Upgrader

	mu       sync.Mutex
	live     map[string]*conference
	stopping bool
	running  sync.WaitGroup // conferences
	alive    sync.WaitGroup // sockets: begun while their conference runs
}

// NewHub makes a hub; it serves once Run runs.
func NewHub(cfg Config) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Hub{
		cfg: cfg, log: cfg.Log, origin: normalOrigin(cfg.Origin),
		committer: newCommitter(cfg.Notes), live: make(map[string]*conference),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: writeDeadline,
			CheckOrigin:      func(*http.Request) bool { return true }, // Serve does, and stricter
			WriteBufferPool:  &sync.Pool{},                             // our writer needs no buffer
		},
	}
}

// Run commits until ctx ends, then writes what is pending, closes every
// socket (1001) and returns when everything the hub started is gone. It runs
// once; afterwards Serve answers 503.
func (h *Hub) Run(ctx context.Context) error {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); h.committer.run(stop) }()
	<-ctx.Done()
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	for _, c := range h.conferences() {
		c.halt(ending{code: websocket.CloseGoingAway, reason: "restart", keep: true})
	}
	h.running.Wait()
	close(stop)
	<-stopped
	h.alive.Wait()
	return nil
}

// Ticket makes a one-time key to one socket for g, good for 30 seconds. Who
// asks for it must be signed in as g; whether g may enter is looked up when
// the ticket is redeemed.
func (h *Hub) Ticket(g Guest) string { return h.tickets.issue(g, h.cfg.Now()) }

// Serve redeems the ticket in the query and upgrades; the socket then lives
// on by itself, and Run waits for it. It answers 403 to a foreign Origin and to
// a person without the right to be here, 426 to what is no upgrade, 401 to a
// dead ticket and 503 when the note or the rights cannot be read.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request) {
	if !h.ours(r) {
		http.Error(w, "foreign origin", http.StatusForbidden)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket") // RFC 9110 §15.5.22; a proxy that passes no upgrades is found out by this
		http.Error(w, "WebSocket only", http.StatusUpgradeRequired)
		return
	}
	g, ok := h.tickets.redeem(r.URL.Query().Get("ticket"), h.cfg.Now())
	if !ok {
		http.Error(w, "no such ticket", http.StatusUnauthorized)
		return
	}
	c, err := h.enter(r.Context(), g.Conference)
	if err != nil {
		h.log.Warn("conference cannot be opened", "conference", g.Conference, "error", err)
		http.Error(w, "not available", http.StatusServiceUnavailable)
		return
	}
	s := newSocket(h.sockets.Add(1), c, g)
	ws, rights := h.receive(w, r, s)
	if ws == nil {
		h.part(s)
		return
	}
	// Not on the request's goroutine: its deep stack, its buffers and all that
	// hangs on the request would stay for hours, as much again as half of what
	// an idle socket costs without them.
	h.alive.Go(func() {
		s.converse(ws, rights)
		h.part(s)
	})
}

// part lets go of a socket's conference, then of its connection.
func (h *Hub) part(s *socket) {
	close(s.done)
	h.release(s.conf)
	s.linger()
}

// receive checks the rights of a socket and upgrades it; nil: it was refused.
// The conference knows it before the rights are read: should they be taken
// away in between, Drop finds it.
func (h *Hub) receive(w http.ResponseWriter, r *http.Request, s *socket) (*websocket.Conn, Rights) {
	if !s.conf.ask(inbound{from: s, kind: inArrive}) {
		http.Error(w, "not available", http.StatusServiceUnavailable)
		return nil, Rights{}
	}
	rights, status := h.admit(r.Context(), s)
	if status == http.StatusOK {
		if ws, err := h.upgrader.Upgrade(w, r, nil); err == nil {
			return ws, rights
		}
	} else {
		http.Error(w, http.StatusText(status), status)
	}
	s.conf.send(inbound{from: s, kind: inLeave})
	return nil, Rights{}
}

func (h *Hub) admit(ctx context.Context, s *socket) (now Rights, status int) {
	ctx, cancel := context.WithTimeout(ctx, lookDeadline)
	defer cancel()
	rights, err := h.cfg.Gate.Rights(ctx, s.guest.Conference, []Guest{s.guest})
	if err != nil || len(rights) != 1 {
		h.log.Error("rights cannot be read", "conference", s.guest.Conference, "error", err)
		return Rights{}, http.StatusServiceUnavailable
	}
	code, _ := s.out.ending()
	switch {
	case code == closeEnded || !rights[0].Enter:
		return Rights{}, http.StatusForbidden
	case code != 0:
		return Rights{}, http.StatusServiceUnavailable
	}
	return rights[0], http.StatusOK
}

// Sealing tells everybody in a live conference that its note will be sealed,
// and returns when that time has come: earlier when the last one leaves, at
// once when nobody is there. Until then edits are taken as before. The first
// announcement stands; a second one waits for its time. Whoever does not seal
// then must call Unseal.
func (h *Hub) Sealing(conference string, in time.Duration) {
	c := h.find(conference)
	if c == nil {
		return
	}
	told := make(chan time.Duration, 1)
	c.mail.post(func() { told <- c.announceSealing(in) })
	select {
	case left := <-told:
		select {
		case <-time.After(left):
		case <-c.done:
		}
	case <-c.done:
	}
}

// Unseal takes an announcement of Sealing back.
func (h *Hub) Unseal(conference string) {
	if c := h.find(conference); c != nil {
		c.mail.post(c.takeSealingBack)
	}
}

// Close ends a live conference. When it returns every socket there has got
// `ended` with the reason and is closed, media has stopped and the note is
// unloaded: nothing of it is delivered or appended any more. Edits that were
// not committed by then are refused, not saved; call Flush before, where they
// shall count. Nothing happens when nobody is there.
func (h *Hub) Close(conference, reason string) {
	if c := h.find(conference); c != nil {
		c.halt(ending{code: closeEnded, reason: reason})
		<-c.done
	}
}

// Drop ends the sockets of a person in a conference with the reason. When it
// returns not a byte reaches them any more, their media has stopped and no row
// of theirs will be appended.
func (h *Hub) Drop(conference, person, reason string) {
	if c := h.find(conference); c != nil {
		c.expel(func(g Guest) bool { return g.Person == person }, reason)
	}
}

// DropSession does what Drop does for one sign-in, wherever it is.
func (h *Hub) DropSession(session, reason string) {
	for _, c := range h.conferences() {
		c.expel(func(g Guest) bool { return g.Session == session }, reason)
	}
}

// Refresh tells everybody's page that a part of it which the server renders
// has changed.
func (h *Hub) Refresh(conference, part string) {
	if c := h.find(conference); c != nil {
		c.mail.post(func() { c.tellAll(textFrame("refresh", what{part})) })
	}
}

// Rewrite lets somebody write the log of a conference's note anew. What had
// been received is committed before, and nothing is taken while rewrite runs;
// it gets 10 seconds and changes the log itself. Then the note is loaded as it
// is. If the log has another [Note].Base now, every document of before is of no
// more use: all inside are told, those who do not understand it are closed
// (4500), and what was made with such a document is refused from then on. The
// error is that of rewrite. With nobody there rewrite is called and no more.
func (h *Hub) Rewrite(ctx context.Context, conference string, rewrite func(context.Context) error) error {
	if h.find(conference) == nil {
		// Opening the note would be a change to it, which a refused rewriting
		// must not make.
		if err := rewrite(ctx); err != nil || h.find(conference) == nil {
			return err
		}
		rewrite = func(context.Context) error { return nil } // somebody came meanwhile, perhaps too early: load again
	}
	c, err := h.enter(ctx, conference)
	if err != nil {
		return err
	}
	defer h.release(c)
	return c.rewrite(ctx, rewrite)
}

// Flush returns once everything that had been received is committed and the
// section texts of that moment are written. With nobody there it writes them
// from the log: the server may have been killed before it got to it.
func (h *Hub) Flush(ctx context.Context, conference string) error {
	c, err := h.enter(ctx, conference)
	if err != nil {
		return err
	}
	defer h.release(c)
	return c.flush(ctx)
}

// ours compares the Origin. A missing one is refused too: every browser sends
// it, and other clients can.
func (h *Hub) ours(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 1 && normalOrigin(origins[0]) == h.origin && h.origin != ""
}

// normalOrigin brings an origin into the form of RFC 6454 §6.2; "" if it is
// none.
func normalOrigin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return scheme + "://" + host
}
