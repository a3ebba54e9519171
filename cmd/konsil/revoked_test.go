//go:build linux

package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/conference"
)

// revocationLimit is the promise: from the return of the call that takes a right away to the last byte and the last row.
const revocationLimit = 2 * time.Second

// TestWhoLosesTheRightHearsNothingMoreAndWritesNothingMore takes the right away in every way there is, from somebody who is
// typing among others who go on for three seconds. All that reaches her is recorded on her TCP connections with its time.
func TestWhoLosesTheRightHearsNothingMoreAndWritesNothingMore(t *testing.T) {
	t.Parallel()
	r := newRevocation(t)
	ctx := t.Context()
	for _, c := range []struct {
		name, who string
		cause     func(*victim) error
		all       bool // it is everybody's right that goes
	}{
		{name: "signed out", who: "Paul Ziegler", cause: func(v *victim) error { return v.browser.post(ctx, "/sign-out", "", nil) }},
		{name: "role changed", who: "Paul Ziegler", cause: func(v *victim) error {
			return r.office("Heike Lorenz").post(ctx, "/admin/people/"+v.account+"/role", "role=data_protection_officer", nil)
		}},
		{name: "seat given up", who: "Dr. Lukas Reimann", cause: func(v *victim) error { return r.declines(v.account) }},
		{name: "seat taken away", who: "Dr. Anselm Kern", cause: func(v *victim) error {
			return r.karin.browser.post(ctx, "/conferences/"+r.code+"/uninvite", "expert="+v.account, nil)
		}},
		{name: "account disabled", who: "Miran Demir", cause: func(*victim) error {
			return userDisable(ctx, r.config, []string{"Miran", "Demir"}, io.Discard)
		}},
		{name: "consent withdrawn", who: "Karin Oelze", all: true, cause: func(*victim) error {
			return r.jana.browser.post(ctx, "/cases/"+one[string](r.house, `select case_id::text from conference`)+"/withdraw", "", nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := r.victim(c.who)
			r.revokes(t, v, c.cause, c.all)
		})
	}
}

// revocation is a live conference of the rehearsal in which two people type for as long as they may.
type revocation struct {
	*house
	code   string
	ctx    context.Context // of everybody's life
	door   atomic.Bool
	jana   *scribe
	karin  *scribe
	others []*scribe
}

// victim is a person whose right will go, with everything that reaches her.
type victim struct {
	*scribe
	tap     *tap
	session uuid.UUID
}

func newRevocation(t *testing.T) *revocation {
	t.Helper()
	r := &revocation{house: newHouse(t)}
	r.code = one[string](r.house, `select code from conference`)
	r.door.Store(true)
	var leave context.CancelFunc
	r.ctx, leave = context.WithCancel(context.Background())
	t.Cleanup(leave)
	r.jana = r.scribe("Jana Brandt", websocket.DefaultDialer)
	if err := r.jana.browser.post(t.Context(), "/conferences/"+r.code+"/open", "", nil); err != nil {
		t.Fatal(err)
	}
	r.karin = r.scribe("Karin Oelze", websocket.DefaultDialer)
	r.others = []*scribe{r.jana, r.karin}
	for _, s := range r.others {
		r.enters(s)
	}
	return r
}

func (r *revocation) scribe(name string, d *websocket.Dialer) *scribe {
	r.t.Helper()
	account := one[string](r.house, `select id::text from account where name = $1`, name)
	b, err := signIn(r.t.Context(), r.url, account)
	if err != nil {
		r.t.Fatal(err)
	}
	s := newScribe(r.t, b, &r.door, r.code, name, account, uint64(rand.Uint32()))
	s.dialer = d
	return s
}

// office is the browser of somebody who looks after accounts.
func (r *revocation) office(name string) *browser {
	r.t.Helper()
	b, err := signIn(r.t.Context(), r.url, one[string](r.house, `select id::text from account where name = $1`, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// enters lets a scribe live and type until the end of the test.
func (r *revocation) enters(s *scribe) {
	r.t.Helper()
	ctx, leave := context.WithCancel(r.ctx)
	var hands sync.WaitGroup
	r.t.Cleanup(func() { leave(); hands.Wait(); <-s.gone })
	go s.live(ctx)
	hands.Go(func() { s.typing(ctx, conference.CaseConference.Sections(), rand.New(rand.NewPCG(s.client, 0))) })
	r.until(s.name+" types and is heard", func() bool { saved, _ := s.work(); return saved > 3 })
}

// victim brings somebody into the room over connections that are recorded.
func (r *revocation) victim(name string) *victim {
	r.t.Helper()
	v := &victim{tap: &tap{}}
	v.scribe = r.scribe(name, v.tap.dialer())
	v.session = one[uuid.UUID](r.house, `select id from session where account_id = $1 order by created_at desc limit 1`, v.account)
	r.enters(v.scribe)
	return v
}

func (r *revocation) until(what string, is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s", what)
		}
	}
}

// declines gives the seat of an expert back.
func (r *revocation) declines(account string) error {
	ctx := r.t.Context()
	by, err := r.accounts.ByID(ctx, uuid.MustParse(account))
	if err != nil {
		return err
	}
	id, err := r.conferences.OwnInvitation(ctx, by, r.code)
	if err != nil {
		return err
	}
	asked, err := r.conferences.Invited(ctx, by, id)
	if err != nil {
		return err
	}
	return r.conferences.Answer(ctx, by, id, asked.Sequence, conference.Declined, "")
}

// revokes takes the right away and watches for three seconds. Beside the socket that stands, one is on its way at that very
// moment, and one comes right after, both with tickets from before.
func (r *revocation) revokes(t *testing.T, v *victim, cause func(*victim) error, all bool) {
	t.Helper()
	tickets := make([]string, 2)
	for i := range tickets {
		var err error
		if tickets[i], err = v.browser.ticket(t.Context(), r.code); err != nil {
			t.Fatal(err)
		}
	}
	second := &tap{}
	onItsWay := make(chan int, 1)
	go func() { onItsWay <- r.listens(t, v.browser, second.dialer(), tickets[0]) }()
	if err := cause(v); err != nil {
		t.Fatal(err)
	}
	caused := time.Now()
	if status := r.listens(t, v.browser, websocket.DefaultDialer, tickets[1]); status != http.StatusForbidden {
		t.Errorf("with a ticket from before she is answered %d", status)
	}
	time.Sleep(time.Until(caused.Add(revocationLimit)))
	rows, work := r.rows(v), r.work()
	time.Sleep(time.Until(caused.Add(3 * time.Second)))
	v.tap.silentSince(t, caused)
	if <-onItsWay == http.StatusSwitchingProtocols {
		second.silentSince(t, caused)
	}
	if now := r.rows(v); rows == 0 || now != rows {
		t.Errorf("%d rows carry her sign-in, and %v after the right had gone there were %d", now, revocationLimit, rows)
	}
	if went := r.work() > work; went == all {
		t.Errorf("the others go on: %v", went)
	}
}

// silentSince expects that something came, but nothing later than allowed after a moment, and that every connection has ended.
func (p *tap) silentSince(t *testing.T, caused time.Time) {
	t.Helper()
	last, bytes, open := p.heard()
	late := last.Sub(caused).Round(time.Millisecond)
	t.Logf("%d bytes in all, the last of them %v after the right had gone", bytes, late)
	if bytes == 0 || late > revocationLimit || open > 0 {
		t.Errorf("of %d bytes the last came %v after the right had gone; %d connections are open", bytes, late, open)
	}
}

// listens dials with a ticket and stays for as long as the server lets it. It returns the status that the dial was answered
// with.
func (r *revocation) listens(t *testing.T, b *browser, d *websocket.Dialer, ticket string) int {
	ws, answer, err := b.dial(r.ctx, d, r.code, ticket)
	switch {
	case err == nil:
		go func() {
			defer ws.Close()
			for err == nil {
				_, _, err = ws.ReadMessage()
			}
		}()
	case answer == nil:
		t.Errorf("the server cannot be reached: %v", err)
		return 0
	}
	return answer.StatusCode
}

// rows are the ones that carry the sign-in of somebody.
func (r *revocation) rows(v *victim) int {
	r.t.Helper()
	return one[int](r.house, `select count(*) from note_update where session_id = $1`, v.session)
}

// work is how much the others have written and read that counts.
func (r *revocation) work() (n int) {
	for _, s := range r.others {
		saved, shown := s.work()
		n += saved + shown
	}
	return n
}

// work is how much of what a scribe did was acknowledged, and how much it was shown.
func (s *scribe) work() (saved, shown int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.saved), len(s.shown)
}

// tap records what reaches somebody on all the connections that are made through its dialer.
type tap struct {
	mu    sync.Mutex
	last  time.Time // when the last byte came
	bytes int
	open  int
}

func (p *tap) dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open++
		return &tapped{Conn: c, tap: p}, nil
	}}
}

func (p *tap) heard() (last time.Time, bytes, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.bytes, p.open
}

// tapped is one of the connections. Whoever closes it is heard no more, but hears on until the server ends it too.
type tapped struct {
	net.Conn
	tap   *tap
	ended bool // under the lock of tap
	close sync.Once
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	if n > 0 {
		c.tap.bytes += n
		c.tap.last = time.Now()
	}
	if err != nil && !c.ended {
		c.ended = true
		c.tap.open--
	}
	return n, err
}

func (c *tapped) Close() error {
	c.close.Do(func() {
		_ = c.Conn.(*net.TCPConn).CloseWrite() // the server may have closed it altogether
		go func() {
			_, _ = io.Copy(io.Discard, c)
			c.Conn.Close()
		}()
	})
	return nil
}
