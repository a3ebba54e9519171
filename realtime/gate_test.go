package realtime

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

func TestATicketWorksOnceForThirtySeconds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ticket := r.hub.Ticket(guest("k1", "anna"))
	if ws, _ := r.dial(ticket, origin); ws == nil {
		t.Fatal("a fresh ticket is refused")
	} else {
		defer ws.Close()
	}
	for what, ticket := range map[string]string{"used": ticket, "invented": "ABCDEF", "missing": ""} {
		if ws, status := r.dial(ticket, origin); ws != nil || status != http.StatusUnauthorized {
			t.Errorf("a ticket that is %s: %d", what, status)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var k tickets
		early, late := k.issue(Guest{Person: "anna"}, time.Now()), k.issue(Guest{}, time.Now())
		time.Sleep(ticketLife - 1)
		if g, ok := k.redeem(early, time.Now()); !ok || g.Person != "anna" {
			t.Error("dead before its time")
		}
		time.Sleep(time.Nanosecond)
		if _, ok := k.redeem(late, time.Now()); ok {
			t.Error("alive after its time")
		}
		for range 200 {
			k.issue(Guest{}, time.Now())
			time.Sleep(time.Second)
		}
		if len(k.open) > 100 {
			t.Errorf("%d dead tickets are kept", len(k.open))
		}
	})
}

func TestTenSocketsWithOneTicketAreOneSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ticket := r.hub.Ticket(guest("k1", "anna"))
	var mu sync.Mutex
	in := 0
	var dialing sync.WaitGroup
	for range 10 {
		dialing.Go(func() {
			if ws, _ := r.dial(ticket, origin); ws != nil {
				mu.Lock()
				in++
				mu.Unlock()
				ws.Close()
			}
		})
	}
	dialing.Wait()
	if in != 1 {
		t.Errorf("%d sockets", in)
	}
}

func TestOnlyOurOwnPagesMayOpenASocket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ticket := r.hub.Ticket(guest("k1", "anna"))
	for _, foreign := range [][]string{
		{}, {""}, {"null"}, {"https://evil.test"}, {"https://konsil.test.evil.test"}, {"http://konsil.test"},
		{"https://konsil.test:8443"}, {"https://x@konsil.test"}, {"https://konsil.test/a"}, {origin, "https://evil.test"},
	} {
		if ws, status := r.dial(ticket, foreign...); ws != nil || status != http.StatusForbidden {
			t.Errorf("%q: %d", foreign, status)
		}
	}
	ws, status := r.dial(ticket, "HTTPS://Konsil.test:443") // the same origin, and the ticket is still good
	if ws == nil {
		t.Fatalf("our own page: %d", status)
	}
	ws.Close()
}

func TestWhoMayNotEnterIsToldBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.gate.set(func(p *porter) { p.denied["anna"] = "rights" })
	if ws, status := r.dial(r.hub.Ticket(guest("k1", "anna")), origin); ws != nil || status != http.StatusForbidden {
		t.Errorf("denied: %d", status)
	}
	r.gate.set(func(p *porter) { clear(p.denied); p.err = errors.New("down") })
	if ws, status := r.dial(r.hub.Ticket(guest("k1", "anna")), origin); ws != nil || status != http.StatusServiceUnavailable {
		t.Errorf("rights unknown: %d", status)
	}
	r.gate.set(func(p *porter) { p.err = nil })
	if ws, status := r.dial(r.hub.Ticket(guest("unknown", "anna")), origin); ws != nil || status != http.StatusServiceUnavailable {
		t.Errorf("no such note: %d", status)
	}
}

func TestWhoIsDroppedWhileEnteringDoesNotGetIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	keep := r.join("k1", "bert", 2)
	until(t, "in", keep.saved)
	dropped := make(chan struct{})
	r.gate.set(func(p *porter) {
		p.asked = func(guests []Guest) {
			if len(guests) == 1 && guests[0].Person == "anna" { // at the door; her rights are read
				go func() { defer close(dropped); r.hub.Drop("k1", "anna", "rights") }()
				time.Sleep(50 * time.Millisecond)
			}
		}
	})
	if ws, status := r.dial(r.hub.Ticket(guest("k1", "anna")), origin); ws != nil || status != http.StatusForbidden {
		t.Errorf("she got in: %d", status)
	}
	<-dropped
}

func TestARevokedPersonIsOutWithinTwoSecondsAndHearsNothingMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	b.text("hello", struct{}{})
	until(t, "bert is welcome", func() bool { return b.textOf("welcome") != nil })

	stop := make(chan struct{})
	var typing sync.WaitGroup
	typing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				a.edit("lage", i, 0, "a")
			}
		}
	})
	began := time.Now()
	r.gate.set(func(p *porter) { p.denied["bert"] = "withdrawn" })
	code, reason := b.ended()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if code != closeEnded || reason != "withdrawn" || !strings.Contains(string(b.textOf("ended")), `"withdrawn"`) {
		t.Errorf("closed with %d %q after %s", code, reason, b.textOf("ended"))
	}
	close(stop)
	typing.Wait()
	until(t, "the other one goes on", a.saved)
}

func TestAfterDropNoByteReachesThePersonAndNoRowOfTheirsAppears(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	stop := make(chan struct{})
	var typing sync.WaitGroup
	for _, c := range []*client{a, b} {
		typing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Millisecond):
					c.edit("lage", 0, 0, "x")
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	r.hub.Drop("k1", "bert", "rights")
	own := func() (n int) {
		for _, row := range r.notes.rows("k1") {
			if row.Person == "bert" {
				n++
			}
		}
		return n
	}
	rows := own()
	code, reason := b.ended()
	b.mu.Lock()
	docs := b.docs
	b.mu.Unlock()
	time.Sleep(150 * time.Millisecond)
	close(stop)
	typing.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if rows == 0 || own() != rows || b.docs != docs || code != closeEnded || reason != "rights" {
		t.Errorf("%d rows, then %d; %d frames, then %d; closed with %d %q", rows, own(), docs, b.docs, code, reason)
	}
}

func TestSigningOutEndsThatSignInEverywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a1, a2 := r.join("k1", "anna", 1), r.join("k2", "anna", 2)
	other := guest("k1", "anna")
	other.Session = "another"
	a3, b := r.joinWith(other, 3, ydoc.New()), r.join("k2", "bert", 4)
	until(t, "all are in", func() bool { return a1.saved() && a2.saved() && a3.saved() && b.saved() })
	r.hub.DropSession("s-anna", "signedout")
	for _, c := range []*client{a1, a2} {
		if code, reason := c.ended(); code != closeEnded || reason != "signedout" {
			t.Errorf("closed with %d %q", code, reason)
		}
	}
	for _, c := range []*client{a3, b} {
		c.edit("lage", 0, 0, "noch da")
		until(t, "others go on", c.saved)
	}
}

func TestCloseEndsEverythingWhilePeopleType(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	var clients []*client
	for i := range 4 {
		c := r.join("k1", name(i), uint64(i+1))
		c.text("hello", struct{}{})
		clients = append(clients, c)
		until(t, "in", func() bool { return c.saved() && c.textOf("welcome") != nil })
	}
	stop := make(chan struct{})
	var typing sync.WaitGroup
	for _, c := range clients {
		typing.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					c.edit("lage", 0, 0, "x")
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	r.hub.Close("k1", "closed")
	rows := len(r.notes.rows("k1"))
	if r.hub.find("k1") != nil {
		t.Error("it is still loaded")
	}
	for _, c := range clients {
		if code, reason := c.ended(); code != closeEnded || reason != "closed" || c.textOf("ended") == nil {
			t.Errorf("closed with %d %q, ended %s", code, reason, c.textOf("ended"))
		}
	}
	time.Sleep(100 * time.Millisecond)
	close(stop)
	typing.Wait()
	if n := len(r.notes.rows("k1")); n != rows || rows == 0 {
		t.Errorf("%d rows, then %d", rows, n)
	}
	log := r.notes.replay(t, "k1")["lage"]
	for _, c := range clients {
		if acked := int(c.acked) - 1; acked > strings.Count(log, "x") {
			t.Errorf("%d were acknowledged, %d are there", acked, len(log))
		}
	}
	r.notes.with("k1", func(k *kept) {
		if k.textsUpto > 0 && k.texts["lage"] != read(t, k.log[:k.textsUpto])["lage"] {
			t.Error("the section texts are not what the log says")
		}
	})
}

func TestNothingIsWrittenAfterAWithdrawal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.edit("lage", 0, 0, "x")
	until(t, "saved", a.saved)
	r.hub.Close("k1", "withdrawn")
	r.notes.with("k1", func(k *kept) {
		if k.snapshots > 0 {
			t.Error("a snapshot was written")
		}
	})
}

func TestUnknownRightsCloseEverybody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	began := time.Now()
	r.gate.set(func(p *porter) { p.err = errors.New("down") })
	code, _ := a.ended()
	if took := time.Since(began); code != closeReload || took < blindFor-lookEvery || took > blindFor+3*time.Second {
		t.Errorf("closed with %d after %v", code, took)
	}
}

func TestATickUnderWayIsWaitedForWhenTheRightsAreUnknownForTooLong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	release := r.notes.hold()
	a.edit("lage", 0, 0, "unterwegs")
	until(t, "under way", r.notes.committing)
	r.gate.set(func(p *porter) { p.err = errors.New("down") })
	if code, _ := a.ended(); code != closeReload {
		t.Errorf("closed with %d", code)
	}
	release()
	until(t, "committed", func() bool { return len(r.notes.rows("k1")) == 1 })
	r.gate.set(func(p *porter) { p.err = nil })
	again := r.joinWith(guest("k1", "anna"), 1, a.copyDoc())
	again.edit("lage", 9, 0, " und da")
	until(t, "saved", again.saved)
	if got := r.notes.replay(t, "k1")["lage"]; got != "unterwegs und da" {
		t.Errorf("the log reads %q", got)
	}
}

func TestARightToWriteThatComesAndGoesIsToldAndHolds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	r.gate.set(func(p *porter) { p.mute["anna"] = true })
	until(t, "told", a.is(func() bool { return len(a.states) == 1 && a.states[0][0] == uint64(stateRights) && a.states[0][1] == 1 }))
	a.edit("lage", 0, 0, "x")
	until(t, "answered", a.saved)
	if a.refused[2] != refusedRight {
		t.Errorf("refused %v", a.refused)
	}
	r.gate.set(func(p *porter) { clear(p.mute) })
	until(t, "told", a.is(func() bool { return len(a.states) == 2 && a.states[1][1] == 2 }))
	a.edit("lage", 1, 0, "y") // builds on what was refused: asked for again, and taken
	until(t, "saved", a.saved)
	if got := r.notes.replay(t, "k1")["lage"]; got != "xy" {
		t.Errorf("the log reads %q", got)
	}
}

func TestTheSixthPageOfOnePersonClosesTheFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.join("k1", "anna", 1)
	until(t, "in", first.saved)
	for i := range socketsEach {
		c := r.join("k1", "anna", uint64(10+i))
		until(t, "in", c.saved)
	}
	if code, _ := first.ended(); code != closeElsewhere {
		t.Errorf("closed with %d", code)
	}
}

func TestStoppingCommitsWhatIsPendingAndLeavesNoGoroutine(t *testing.T) {
	// Not parallel: it counts goroutines.
	r := newRig(t, withRooms(t))
	before := goroutines()
	var clients []*client
	for i := range 6 {
		c := r.join([]string{"k1", "k2"}[i%2], name(i), uint64(i+1))
		c.text("hello", struct{}{})
		clients = append(clients, c)
		until(t, "in", c.saved)
	}
	if goroutines() <= before {
		t.Fatal("the count counts nothing")
	}
	clients[0].edit("lage", 0, 0, "knapp")
	until(t, "received", func() bool { return len(r.notes.rows("k1")) > 0 })
	r.stop()
	for _, c := range clients {
		if code, _ := c.ended(); code != websocket.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
	if got := r.notes.replay(t, "k1")["lage"]; got != "knapp" {
		t.Errorf("the log reads %q", got)
	}
	if _, err := r.hub.enter(t.Context(), "k3"); !errors.Is(err, errStopping) {
		t.Errorf("a stopped hub opens a conference: %v", err)
	}
	until(t, "no goroutine of ours is left", func() bool { return goroutines() == 0 })
}

// goroutines counts those that run code of this package or of the room,
// besides the tests themselves.
func goroutines() (n int) {
	buf := make([]byte, 4<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		ours := strings.Contains(g, "realtime.(*") || strings.Contains(g, "sfu.(*Peer)")
		if ours && !strings.Contains(g, "realtime.(*client)") && !strings.Contains(g, "realtime.(*rig)") && !strings.Contains(g, "testing.tRunner") {
			n++
		}
	}
	return n
}

// hold lets commits wait until the returned function is called.
func (a *archive) hold() (release func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	gate := make(chan struct{})
	a.gate, a.tries = gate, 0
	return func() {
		a.mu.Lock()
		a.gate = nil
		a.mu.Unlock()
		close(gate)
	}
}

func (a *archive) committing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tries > 0
}

// later runs f and tells when it has returned.
func later(f func()) (returned chan struct{}) {
	returned = make(chan struct{})
	go func() { defer close(returned); f() }()
	return returned
}

func stillRuns(t *testing.T, what string, returned chan struct{}) {
	t.Helper()
	select {
	case <-returned:
		t.Errorf("%s returned while a commit was under way", what)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestDropWaitsForTheCommitThatIsUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	release := r.notes.hold()
	b.edit("lage", 0, 0, "unterwegs ")
	until(t, "under way", r.notes.committing)
	dropped := later(func() { r.hub.Drop("k1", "bert", "rights") })
	b.ended()
	stillRuns(t, "Drop", dropped)
	release()
	<-dropped
	if n := len(r.notes.rows("k1")); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestCloseLeavesTextsThatTheLogBears(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.edit("lage", 0, 0, "fest ")
	until(t, "saved", a.saved)
	release := r.notes.hold()
	a.edit("lage", 5, 0, "unterwegs ")
	until(t, "under way", r.notes.committing)
	a.edit("lage", 15, 0, "zu spät")
	inMemory := func() bool {
		seen := make(chan bool, 1)
		c := r.hub.find("k1")
		c.mail.post(func() { seen <- c.note.pending != nil })
		return <-seen
	}
	until(t, "the last words wait", inMemory)
	closed := later(func() { r.hub.Close("k1", "closed") })
	a.ended()
	stillRuns(t, "Close", closed)
	release()
	<-closed
	log := r.notes.replay(t, "k1")["lage"]
	if log != "fest unterwegs " {
		t.Errorf("the log reads %q", log)
	}
	r.notes.with("k1", func(k *kept) {
		if k.textsUpto > 0 && k.texts["lage"] != read(t, k.log[:k.textsUpto])["lage"] || k.snapshots > 0 {
			t.Errorf("texts %q up to %d, %d snapshots", k.texts["lage"], k.textsUpto, k.snapshots)
		}
	})
}

func TestTheEndIsOrderlyForWhoStillSends(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ws, status := r.dial(r.hub.Ticket(guest("k1", "anna")), origin)
	if ws == nil {
		t.Fatal(status)
	}
	defer ws.Close()
	_, _, err := ws.ReadMessage()
	closing := later(func() { r.hub.Close("k1", "closed") })
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, closeEnded) {
		t.Errorf("ended with %v", err)
	}
	for range 5 { // past the library, which stops by itself; a reset would show at the second one
		if _, err := ws.NetConn().Write([]byte{0x82, 0x81, 0, 0, 0, 0, msgQuery}); err != nil {
			t.Errorf("the connection was reset: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := ws.NetConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("our side is still open: %v", err)
	}
	<-closing
}
