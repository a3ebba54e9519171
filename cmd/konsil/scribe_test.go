//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// Numbers of realtime/protocol.md, written down anew: a client knows the document, not the server's constants.
const (
	wireSync, wireAck, wireState, wireReject = 0, 100, 102, 103
	syncStep1, syncStep2, syncUpdate         = 0, 1, 2
	lacksSomething                           = 6
)

// browser is one person's cookies.
type browser struct {
	*http.Client
	url string
}

// signIn enters the rehearsal with one click as the person with this account.
func signIn(ctx context.Context, url, account string) (*browser, error) {
	b, err := newBrowser(url)
	if err != nil {
		return nil, err
	}
	return b, b.post(ctx, "/rehearse/"+account, "", nil)
}

func newBrowser(url string) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{&http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: stay}, url}, nil
}

// post sends a form and reads JSON into answer, unless that is nil. An answer of 400 or more is an error.
func (b *browser) post(ctx context.Context, path, form string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+path, strings.NewReader(form))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode >= 400:
		return fmt.Errorf("POST %s: %s", path, res.Status)
	case answer == nil:
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// ticket asks for the one-time key to a conference's socket, and dial uses it.
func (b *browser) ticket(ctx context.Context, code string) (string, error) {
	var t struct{ Ticket string }
	err := b.post(ctx, "/conferences/"+code+"/ticket", "", &t)
	return t.Ticket, err
}

func (b *browser) dial(ctx context.Context, d *websocket.Dialer, code, ticket string) (*websocket.Conn, *http.Response, error) {
	address := "ws" + strings.TrimPrefix(b.url, "http") + "/conferences/" + code + "/live?ticket=" + ticket
	return d.DialContext(ctx, address, http.Header{"Origin": {b.url}})
}

// stroke is one thing that a scribe did: a token put into a section, or one of its own taken out again.
type stroke struct {
	section, token string
	erases         bool
	update         []byte
	frame          uint64 // document frame of this connection that carried it; 0: none yet
}

// scribe is a person at the live page: a replica of the notes, a socket that comes back, and an honest list of what has not
// been acknowledged, kept as the page keeps it. A scribe that never types is a reader.
type scribe struct {
	t       *testing.T
	browser *browser
	code    string       // of the conference
	name    string       // begins its tokens
	account string       // whose browser it is
	client  uint64       // id of its replica
	door    *atomic.Bool // while false nobody dials
	dialer  *websocket.Dialer
	gone    chan struct{}

	mu       sync.Mutex
	away     bool            // from before the ticket until the connection has ended
	ws       *websocket.Conn // nil: offline
	asked    bool            // the server's step 1 has come: changes may be sent
	sent     uint64          // document frames on this connection
	doc      *ydoc.Doc
	early    []*ydoc.Update // received, but lacking something that is still on its way
	waiting  []*stroke      // typed and not acknowledged
	saved    []*stroke      // acknowledged, in the order of the acknowledgements
	shown    []*ydoc.Update // everything the server showed since it was last taken
	mine     map[string][]string
	count    int
	refused  int // frames that lacked something
	again    int // strokes that were sent and not acknowledged when the connection ended
	sessions int
	closed   int // code of the last close frame
}

func newScribe(t *testing.T, b *browser, door *atomic.Bool, code, name, account string, client uint64) *scribe {
	return &scribe{
		t: t, browser: b, door: door, dialer: websocket.DefaultDialer, code: code, name: name, account: account, client: client,
		gone: make(chan struct{}), doc: ydoc.New(), mine: map[string][]string{},
	}
}

// live keeps the scribe connected until ctx ends.
func (s *scribe) live(ctx context.Context) {
	defer close(s.gone)
	for ctx.Err() == nil {
		if s.leaves() {
			s.session(ctx)
			s.returns()
		}
		time.Sleep(15 * time.Millisecond)
	}
}

// leaves looks at the door and is on the way, in one: who finds everybody back behind a shut door finds them so for good.
func (s *scribe) leaves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = s.door.Load()
	return s.away
}

func (s *scribe) returns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = false
}

// session is one connection from the ticket to its end. That there is no server is no news here.
func (s *scribe) session(ctx context.Context) {
	ticket, err := s.browser.ticket(ctx, s.code)
	if err != nil {
		time.Sleep(250 * time.Millisecond) // who is refused knocks no more often than anybody may
		return
	}
	ws, _, err := s.browser.dial(ctx, s.dialer, s.code, ticket)
	if err != nil {
		return
	}
	defer ws.Close()
	leave := context.AfterFunc(ctx, func() { ws.Close() })
	defer leave()
	s.arrive(ws)
	defer s.lost()
	for {
		kind, frame, err := ws.ReadMessage()
		if err != nil {
			s.farewell(err)
			return
		}
		if kind == websocket.BinaryMessage {
			s.receive(frame)
		}
	}
}

func (s *scribe) arrive(ws *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ws = ws
	s.sessions++
	s.send(wireSync, syncStep1, s.doc.StateVector())
}

// farewell notes with which code the server has closed the connection, if it has said one.
func (s *scribe) farewell(err error) {
	var end *websocket.CloseError
	if errors.As(err, &end) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = end.Code
	}
}

// lost takes what was sent without an acknowledgement for not sent.
func (s *scribe) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ws, s.asked, s.sent = nil, false, 0
	for _, w := range s.waiting {
		if w.frame > 0 {
			s.again++
		}
		w.frame = 0
	}
}

// online tells whether the connection stands and the server's question for our changes has been answered.
func (s *scribe) online() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// back tells whether nothing more of the last connection can come in.
func (s *scribe) back() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.away
}

// send writes a frame under the lock, so that frames leave in the order of their numbers. A broken connection shows when
// reading.
func (s *scribe) send(kind, step byte, body []byte) {
	frame := binary.AppendUvarint([]byte{kind, step}, uint64(len(body)))
	_ = s.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = s.ws.WriteMessage(websocket.BinaryMessage, append(frame, body...))
}

func (s *scribe) receive(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, n := binary.Uvarint(frame)
	rest := frame[max(n, 0):]
	switch kind {
	case wireSync:
		step, n := binary.Uvarint(rest)
		size, m := binary.Uvarint(rest[n:])
		if body := rest[n+m:]; uint64(len(body)) == size {
			s.receiveSync(step, body)
			return
		}
		s.t.Errorf("%s was sent a sync frame of a wrong length", s.name)
	case wireAck:
		acked, _ := binary.Uvarint(rest)
		s.acknowledged(acked)
	case wireReject:
		number, n := binary.Uvarint(rest)
		reason, _ := binary.Uvarint(rest[n:])
		s.rejected(number, reason)
	}
}

func (s *scribe) receiveSync(step uint64, body []byte) {
	if step == syncStep1 {
		s.answer(body)
		return
	}
	u, err := ydoc.Decode(body, ydoc.Limits{})
	if err != nil {
		s.t.Errorf("%s was sent an update that does not decode: %v", s.name, err)
		return
	}
	s.shown = append(s.shown, u)
	s.early = append(s.early, u)
	switch _, err := s.doc.ApplyAll(s.early); {
	case err == nil:
		s.early = nil
	case !errors.Is(err, ydoc.ErrMissing):
		s.t.Errorf("%s was sent an update that does not apply: %v", s.name, err)
	}
}

// answer sends what the server lacks in one frame, which carries everything that waits; if that is too large, each change
// by itself.
func (s *scribe) answer(vector []byte) {
	s.asked = true
	if len(s.waiting) == 0 {
		return
	}
	rest, err := s.doc.Diff(vector)
	if err != nil {
		s.t.Errorf("%s was asked with a state vector that cannot be read: %v", s.name, err)
		return
	}
	if len(rest) < 60<<10 {
		s.document(syncStep2, rest, s.waiting)
		return
	}
	for _, w := range s.waiting {
		s.document(syncUpdate, w.update, []*stroke{w})
	}
}

func (s *scribe) document(step byte, update []byte, carried []*stroke) {
	s.sent++
	for _, w := range carried {
		w.frame = s.sent
	}
	s.send(wireSync, step, update)
}

func (s *scribe) acknowledged(frames uint64) {
	var rest []*stroke
	for _, w := range s.waiting {
		if w.frame == 0 || w.frame > frames {
			rest = append(rest, w)
		} else {
			s.saved = append(s.saved, w)
		}
	}
	s.waiting = rest
}

// rejected: the server asks anew after a frame that lacked something. Nothing else is ever wrong with what a scribe sends.
func (s *scribe) rejected(number, reason uint64) {
	if reason != lacksSomething {
		s.t.Errorf("%s: frame %d was refused for reason %d", s.name, number, reason)
	}
	s.refused++
	for _, w := range s.waiting {
		if w.frame == number {
			w.frame = 0
		}
	}
}

// typing goes on until ctx ends, connected or not, as people do.
func (s *scribe) typing(ctx context.Context, sections []string, rng *rand.Rand) {
	for ctx.Err() == nil {
		s.stroke(sections[rng.IntN(len(sections))], rng)
		time.Sleep(time.Duration(5+rng.IntN(40)) * time.Millisecond)
	}
}

// stroke types the next token behind this scribe's last one in the section, so that its tokens must stay in their order;
// one in three takes an earlier one out instead.
func (s *scribe) stroke(section string, rng *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, mine := s.doc.Text("s:"+section), s.mine[section]
	w := &stroke{section: section}
	pos, del, ins := 0, 0, ""
	if n := len(mine); n > 2 && rng.IntN(3) == 0 {
		i := rng.IntN(n - 1)
		w.token, w.erases = mine[i], true
		s.mine[section] = append(mine[:i:i], mine[i+1:]...)
		pos, del = s.where(text, w.token), units(w.token)
	} else {
		s.count++
		w.token = fmt.Sprintf("<%s%d%s>", s.name, s.count, []string{"", "ä", "🙂"}[rng.IntN(3)])
		s.mine[section] = append(mine, w.token)
		ins = w.token
		if n > 0 {
			pos = s.where(text, mine[n-1]) + units(mine[n-1])
		}
	}
	change, err := s.doc.Edit(s.client, "s:"+section, pos, del, ins)
	if err != nil {
		s.t.Errorf("%s cannot type: %v", s.name, err)
		return
	}
	w.update = s.doc.Encode(change)
	s.waiting = append(s.waiting, w)
	if s.ws != nil && s.asked {
		s.document(syncUpdate, w.update, []*stroke{w})
	}
}

// where finds an own token in the own replica, where it has to be.
func (s *scribe) where(text, token string) int {
	i := strings.Index(text, token)
	if i < 0 {
		s.t.Errorf("%s no longer reads its own %s", s.name, token)
		return 0
	}
	return units(text[:i])
}

// units is a length as Yjs counts it.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// take gives what was acknowledged and what was shown since the last take.
func (s *scribe) take() (saved []*stroke, shown []*ydoc.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved, shown = s.saved, s.shown
	s.saved, s.shown = nil, nil
	return saved, shown
}

// settled: everything typed is acknowledged and everything received could be read.
func (s *scribe) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked && len(s.waiting) == 0 && len(s.early) == 0
}

func (s *scribe) text(section string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doc.Text("s:" + section)
}
