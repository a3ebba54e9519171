package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/sfu"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

const origin = "https://konsil.test"

// archive keeps notes in memory under the contract of Notes, and fails on
// demand.
type archive struct {
	mu     sync.Mutex
	notes  map[string]*kept
	fail   error         // of the next Append, which commits nothing
	unsure error         // of the next Append, which commits
	gate   chan struct{} // when set, Append waits for it before it commits
	tries  int
}

type kept struct {
	Note
	conference string
	texts      map[string]string
	textsUpto  int64
	snapshots  int
	log        []Row
}

func newArchive(conferences ...string) *archive {
	a := &archive{notes: make(map[string]*kept)}
	for i, id := range conferences {
		a.notes[id] = &kept{
			conference: id,
			Note:       Note{ID: int64(i + 1), Sections: []string{"lage", "plan"}, Clients: map[uint64]string{}},
		}
	}
	return a
}

func (a *archive) Open(_ context.Context, conference string) (Note, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.notes[conference]
	if k == nil {
		return Note{}, errors.New("no such note")
	}
	k.Epoch++
	n := k.Note
	n.Clients = maps.Clone(k.Clients)
	n.Rows = nil
	for _, r := range k.log {
		if r.Seq > k.Upto {
			n.Rows = append(n.Rows, r)
		}
	}
	return n, nil
}

func (a *archive) Append(_ context.Context, batches []Batch) ([]error, error) {
	a.mu.Lock()
	gate := a.gate
	a.tries++
	a.mu.Unlock()
	if gate != nil {
		<-gate
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail; err != nil {
		a.fail = nil
		return nil, err
	}
	outcomes := make([]error, len(batches))
	for i, b := range batches {
		outcomes[i] = a.appendOne(b)
	}
	err := a.unsure
	a.unsure = nil
	return outcomes, err
}

func (a *archive) appendOne(b Batch) error {
	k := a.byID(b.Note)
	switch {
	case k.Sealed:
		return ErrSealed
	case k.Epoch != b.Epoch || k.Head != b.Head:
		return ErrFenced
	}
	for _, r := range b.Rows {
		k.Head++
		if r.Seq != k.Head {
			panic("rows are not numbered on")
		}
		k.log = append(k.log, r)
	}
	for client, person := range b.Clients {
		if old, bound := k.Clients[client]; bound && old != person {
			panic("client id bound twice")
		}
		k.Clients[client] = person
	}
	return nil
}

func (a *archive) byID(id int64) *kept {
	for _, k := range a.notes {
		if k.ID == id {
			return k
		}
	}
	panic("unknown note")
}

func (a *archive) Snapshot(_ context.Context, note, upto int64, state []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.byID(note)
	if upto <= k.Base {
		return nil
	}
	k.Upto, k.State = upto, state
	k.snapshots++
	return nil
}

func (a *archive) Sections(_ context.Context, note, upto int64, texts map[string]string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.byID(note)
	if upto <= k.Base {
		return nil
	}
	k.texts, k.textsUpto = texts, upto
	return nil
}

// with looks at a note under the lock.
func (a *archive) with(conference string, look func(*kept)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	look(a.notes[conference])
}

// rows gives the log of a note.
func (a *archive) rows(conference string) (rows []Row) {
	a.with(conference, func(k *kept) { rows = append(rows, k.log...) })
	return rows
}

// replay reads a note from its log alone, as a fresh server would.
func (a *archive) replay(t *testing.T, conference string) map[string]string {
	t.Helper()
	return read(t, a.rows(conference))
}

func read(t *testing.T, rows []Row) map[string]string {
	t.Helper()
	doc := documentOf(t, rows)
	return map[string]string{"lage": doc.Text("s:lage"), "plan": doc.Text("s:plan")}
}

// porter is a Gate whose answers the test sets.
type porter struct {
	mu     sync.Mutex
	denied map[string]string // person → reason
	mute   map[string]bool   // person may not write
	wait   map[string]bool   // person was removed
	open   bool              // guests take part
	err    error
	events []string
	asked  func([]Guest) // called in Rights, without the lock
}

func newPorter() *porter {
	return &porter{denied: map[string]string{}, mute: map[string]bool{}, wait: map[string]bool{}}
}

func (p *porter) Rights(_ context.Context, _ string, guests []Guest) ([]Rights, error) {
	p.mu.Lock()
	rights := make([]Rights, len(guests))
	for i, g := range guests {
		reason, denied := p.denied[g.Person]
		rights[i] = Rights{Enter: !denied, Write: !denied && !p.mute[g.Person], Wait: p.wait[g.Person], Open: p.open, Reason: reason}
	}
	err, asked := p.err, p.asked
	p.mu.Unlock()
	if asked != nil {
		asked(guests)
	}
	return rights, err
}

func (p *porter) Joined(_ context.Context, g Guest) error { return p.note("joined " + g.Person) }
func (p *porter) Left(_ context.Context, g Guest) error   { return p.note("left " + g.Person) }

func (p *porter) Record(_ context.Context, _ string, d Deed) error {
	return p.note(strings.TrimSpace(strings.Join([]string{d.Did, d.By.Person, d.To.Person}, " ")))
}

func (p *porter) note(event string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, event)
	return nil
}

func (p *porter) set(change func(*porter)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// rig is a hub behind a real listener.
type rig struct {
	t     *testing.T
	notes *archive
	gate  *porter
	hub   *Hub
	srv   *httptest.Server
	stop  func()
}

func newRig(t *testing.T, options ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, notes: newArchive("k1", "k2", "k3"), gate: newPorter()}
	cfg := Config{Notes: r.notes, Gate: r.gate, Origin: origin, Log: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(&cfg)
	}
	r.hub = NewHub(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); r.hub.Run(ctx) }()
	r.srv = httptest.NewServer(http.HandlerFunc(r.hub.Serve))
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-ran:
		case <-time.After(60 * time.Second):
			t.Error("Run did not return")
		}
		r.srv.Close()
	})
	t.Cleanup(r.stop)
	return r
}

// withRooms gives the hub a real SFU on loopback.
func withRooms(t *testing.T) func(*Config) {
	rooms, err := sfu.Listen(sfu.Config{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rooms.Close() })
	return func(c *Config) { c.Rooms = rooms }
}

func guest(conference, person string) Guest {
	return Guest{
		Conference: conference, Person: person, Session: "s-" + person, Name: strings.ToUpper(person),
		Short: person[:1], Role: "expert", Color: 1, EndsAt: time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC),
	}
}

func (r *rig) url(ticket string) string {
	return "ws" + strings.TrimPrefix(r.srv.URL, "http") + "/?ticket=" + ticket
}

// dial redeems a ticket and gives the connection or the refusing status.
func (r *rig) dial(ticket string, origins ...string) (*websocket.Conn, int) {
	r.t.Helper()
	h := http.Header{}
	for _, o := range origins {
		h.Add("Origin", o)
	}
	ws, res, err := websocket.DefaultDialer.Dial(r.url(ticket), h)
	if err != nil {
		if res == nil {
			r.t.Fatalf("dial: %v", err)
		}
		return nil, res.StatusCode
	}
	return ws, res.StatusCode
}

func (r *rig) join(conference, person string, id uint64) *client {
	r.t.Helper()
	return r.joinWith(guest(conference, person), id, ydoc.New())
}

// joinWith connects a client that brings a document along.
func (r *rig) joinWith(g Guest, id uint64, doc *ydoc.Doc) *client {
	r.t.Helper()
	ws, status := r.dial(r.hub.Ticket(g), origin)
	if ws == nil {
		r.t.Fatalf("%s is refused with %d", g.Person, status)
	}
	c := &client{t: r.t, ws: ws, id: id, doc: doc, aware: map[uint64]json.RawMessage{}, gone: make(chan struct{})}
	go c.read()
	c.send(msgSync, syncStep1, c.vector())
	r.t.Cleanup(func() { ws.Close(); <-c.gone })
	return c
}

// client is a person at a browser: a replica of its own and a count of what is
// saved.
type client struct {
	t  *testing.T
	ws *websocket.Conn
	id uint64

	wmu sync.Mutex // of writes

	mu      sync.Mutex
	doc     *ydoc.Doc
	pend    []*ydoc.Update
	sent    uint64
	acked   uint64
	refused map[uint64]refusal
	hello   []uint64
	states  [][]uint64
	texts   []envelope
	aware   map[uint64]json.RawMessage
	docs    int // sync steps 2 and updates that came
	synced  bool
	code    int
	reason  string
	gone    chan struct{}
}

// copyDoc is a replica that reads the same, deletions included.
func (c *client) copyDoc() *ydoc.Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return replicaOf(c.doc)
}

func replicaOf(doc *ydoc.Doc) *ydoc.Doc {
	u, err := ydoc.Decode(doc.EncodeState(), ydoc.Limits{})
	if err != nil {
		panic(err)
	}
	replica := ydoc.New()
	if _, err := replica.Apply(u); err != nil {
		panic(err)
	}
	return replica
}

func (c *client) vector() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc.StateVector()
}

// read takes frames until the connection ends.
func (c *client) read() {
	defer close(c.gone)
	for {
		kind, data, err := c.ws.ReadMessage()
		c.mu.Lock()
		var reply []byte
		switch {
		case err != nil:
			c.code = -1
			var ce *websocket.CloseError
			if errors.As(err, &ce) {
				c.code, c.reason = ce.Code, ce.Text
			}
		case kind == websocket.TextMessage:
			var e envelope
			if json.Unmarshal(data, &e) != nil {
				c.t.Error("text frame is no envelope")
			}
			c.texts = append(c.texts, e)
		default:
			reply = c.take(data)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
		if reply != nil {
			c.wmu.Lock()
			c.mu.Lock()
			c.sent++
			c.mu.Unlock()
			c.ws.WriteMessage(websocket.BinaryMessage, reply)
			c.wmu.Unlock()
		}
	}
}

func (c *client) take(data []byte) (reply []byte) {
	kind, rest, err := readInteger(data)
	if err != nil {
		c.t.Errorf("server sent %x", data)
		return nil
	}
	switch kind {
	case msgSync, msgAwareness:
		kind, body, err := parseMessage(data)
		if err != nil {
			c.t.Errorf("server sent %x: %v", data, err)
		}
		return c.takeBody(kind, body)
	case msgAck:
		n, _, _ := readInteger(rest)
		if n <= c.acked {
			c.t.Errorf("ack %d after %d", n, c.acked)
		}
		c.acked = n
	case msgHello:
		c.hello = integers(rest)
	case msgState:
		state := integers(rest)
		c.states = append(c.states, state)
		if state[0] == uint64(stateRewritten) { // the document of before is of no more use
			c.doc, c.id, c.pend, c.synced = ydoc.New(), c.id+1000, nil, false
			go c.send(msgSync, syncStep1, c.doc.StateVector())
		}
	case msgReject:
		v := integers(rest)
		if c.refused == nil {
			c.refused = make(map[uint64]refusal)
		}
		c.refused[v[0]] = refusal(v[1])
	}
	return nil
}

func (c *client) takeBody(kind messageKind, body []byte) (reply []byte) {
	switch kind {
	case kindStep1:
		diff, err := c.doc.Diff(body)
		if err != nil {
			c.t.Errorf("diff: %v", err)
		}
		return appendBytes([]byte{msgSync, syncStep2}, diff)
	case kindStep2, kindUpdate:
		c.docs++
		c.synced = c.synced || kind == kindStep2
		u, err := ydoc.Decode(body, ydoc.Limits{})
		if err != nil {
			c.t.Errorf("server sent an update that does not decode: %v", err)
			return nil
		}
		c.pend = append(c.pend, u)
		if _, err := c.doc.ApplyAll(c.pend); err == nil {
			c.pend = nil
		} else if !errors.Is(err, ydoc.ErrMissing) {
			c.t.Errorf("server sent an update that does not apply: %v", err)
		}
	case kindAwareness:
		entries, err := parseAwareness(body)
		if err != nil {
			c.t.Errorf("awareness: %v", err)
		}
		for _, e := range entries {
			c.aware[e.client] = e.state
		}
	}
	return nil
}

func integers(b []byte) (all []uint64) {
	for len(b) > 0 {
		var v uint64
		var err error
		if v, b, err = readInteger(b); err != nil {
			return nil
		}
		all = append(all, v)
	}
	return all
}

func (c *client) write(kind int, data []byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.ws.WriteMessage(kind, data) // a broken connection shows on the reading side
}

// send writes a binary frame of two types and a body.
func (c *client) send(kind, step byte, body []byte) {
	c.write(websocket.BinaryMessage, appendBytes([]byte{kind, step}, body))
}

// update sends a document frame and gives its number. Numbers are drawn in
// the order of writing.
func (c *client) update(body []byte) uint64 {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	c.sent++
	n := c.sent
	c.mu.Unlock()
	c.ws.WriteMessage(websocket.BinaryMessage, appendBytes([]byte{msgSync, syncUpdate}, body))
	return n
}

func (c *client) text(kind string, data any) {
	d, _ := json.Marshal(data)
	b, _ := json.Marshal(envelope{kind, d})
	c.write(websocket.TextMessage, b)
}

// edit types into the own replica and sends it.
func (c *client) edit(section string, pos, del int, ins string) {
	c.mu.Lock()
	change, err := c.doc.Edit(c.id, root(section), pos, del, ins)
	var update []byte
	if err == nil {
		update = c.doc.Encode(change)
	}
	c.mu.Unlock()
	if err != nil {
		c.t.Errorf("edit: %v", err)
		return
	}
	c.update(update)
}

func (c *client) read1(section string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc.Text(root(section))
}

func (c *client) saved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced && c.sent > 0 && c.acked == c.sent
}

func (c *client) is(look func() bool) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return look()
	}
}

// until waits for something that must happen.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// ended waits for the close frame.
func (c *client) ended() (int, string) {
	c.t.Helper()
	select {
	case <-c.gone:
	case <-time.After(15 * time.Second):
		c.t.Fatal("socket is still open")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.reason
}

func (c *client) textOf(kind string) (last json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.texts {
		if e.Type == kind {
			last = e.Data
		}
	}
	return last
}

// name is a person's.
func name(i int) string { return fmt.Sprintf("p%d", i) }
