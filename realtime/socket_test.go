package realtime

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestASocketThatNeverReadsIsClosedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })

	deaf, status := r.dial(r.hub.Ticket(guest("k1", "theo")), origin)
	if deaf == nil {
		t.Fatal(status)
	}
	defer deaf.Close()
	deaf.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	deaf.WriteMessage(websocket.TextMessage, []byte(`{"t":"hello"}`))
	a.text("hello", struct{}{})
	inside := func() (n int) {
		asked := make(chan int, 1)
		c := r.hub.find("k1")
		c.mail.post(func() {
			for _, s := range c.sockets {
				if conn, upgraded := s.out.conn.(*net.TCPConn); upgraded {
					conn.SetWriteBuffer(4 << 10) // or the kernel takes megabytes
				}
			}
			asked <- len(c.room.list())
		})
		return <-asked
	}
	until(t, "the deaf one is in", func() bool { return inside() == 2 })

	part := strings.Repeat("n", 32<<10)
	for round := 0; inside() == 2 && round < 2000; round++ {
		r.hub.Refresh("k1", part)
		until(t, "anna hears it", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			heard := 0
			for _, e := range a.texts {
				if e.Type == "refresh" {
					heard++
				}
			}
			return heard == round+1
		})
	}
	if inside() != 1 {
		t.Error("the deaf one was not closed")
	}
	a.edit("lage", 0, 0, "weiter")
	until(t, "the others go on", func() bool { return b.read1("lage") == "weiter" })
}

func TestAFullQueueEndsItsSocketAtOnce(t *testing.T) {
	t.Parallel()
	o := newOutbox()
	for range queueLength {
		o.put([]byte{1})
	}
	if code, _ := o.ending(); code != 0 {
		t.Fatal("ended too early")
	}
	o.put([]byte{1})
	if code, _ := o.ending(); code != closeSlow || len(o.queue) != 1 || !bytes.Equal(o.queue[0], closeFrame(closeSlow, "too slow")) {
		t.Errorf("ended with %d, %d frames are left", code, len(o.queue))
	}
	o.put([]byte{1})
	if len(o.queue) != 1 {
		t.Error("something follows the close frame")
	}
}

func TestAQueueOfTooManyBytesEndsItsSocketUnlessItIsOneFrame(t *testing.T) {
	t.Parallel()
	o := newOutbox()
	o.put(make([]byte, queueBytes+1))
	if code, _ := o.ending(); code != 0 {
		t.Fatal("the whole of a large note may not wait")
	}
	o.put([]byte{1})
	if code, _ := o.ending(); code != closeSlow {
		t.Errorf("ended with %d", code)
	}
}

func TestTooManyOrTooLargeFramesEndTheSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for what, abuse := range map[string]struct {
		do   func(*client)
		want []int
	}{
		"a flood of updates": {func(c *client) {
			for range framesBurst + 300 {
				c.send(msgSync, syncUpdate, []byte{0, 0})
			}
		}, []int{closeFlood, closeSlow}}, // each is answered: whichever of the two limits it exceeds first
		"a flood of pings": {func(c *client) {
			for range framesBurst + 300 {
				c.write(websocket.PingMessage, nil)
			}
		}, []int{closeFlood, closeSlow}}, // likewise
		"a text frame over the limit": {func(c *client) {
			c.write(websocket.TextMessage, bytes.Repeat([]byte(" "), maxFrame+1))
		}, []int{websocket.CloseMessageTooBig}},
		"a frame that is not worth reading": {func(c *client) {
			c.write(websocket.BinaryMessage, make([]byte, hardFrame+1))
		}, []int{websocket.CloseMessageTooBig}},
		"a frame in fragments that is too large": {func(c *client) {
			c.wmu.Lock()
			defer c.wmu.Unlock()
			w, err := c.ws.NextWriter(websocket.BinaryMessage)
			for i := 0; err == nil && i < 40; i++ {
				_, err = w.Write(make([]byte, 4<<10))
			}
		}, []int{websocket.CloseMessageTooBig}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := r.join("k2", "anna-"+what, 1)
			until(t, "in", c.is(func() bool { return c.hello != nil }))
			abuse.do(c)
			if code, _ := c.ended(); !slices.Contains(abuse.want, code) {
				t.Errorf("closed with %d, want %v", code, abuse.want)
			}
		})
	}
}

func TestFramesThatMeanNothingAreIgnored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.join("k1", "anna", 1)
	until(t, "in", c.saved)
	for _, b := range [][]byte{{}, {2, 0}, {0}, {0, 9}, {0, 0, 200}, {0, 0, 1, 255}, {1}, {1, 5, 1}, {99, 1, 2}, {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}} {
		c.write(websocket.BinaryMessage, b)
	}
	c.edit("lage", 0, 0, "lebt")
	until(t, "it lives", c.saved)
	if len(c.refused) > 0 {
		t.Errorf("refused %v", c.refused)
	}
}

func TestAStockClientGetsBinaryFramesOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stock, a := r.join("k1", "stock", 1), r.join("k1", "anna", 2)
	until(t, "in", func() bool { return stock.saved() && a.saved() })
	a.text("hello", struct{}{})
	until(t, "anna is welcome", func() bool { return a.textOf("welcome") != nil })
	a.text("media", command{Mic: true})
	r.hub.Refresh("k1", "measures")
	until(t, "refreshed", func() bool { return string(a.textOf("refresh")) == `{"what":"measures"}` })
	r.hub.Close("k1", "cancelled")
	if code, reason := stock.ended(); code != closeEnded || reason != "cancelled" || len(stock.texts) > 0 {
		t.Errorf("closed with %d %q after %d text frames", code, reason, len(stock.texts))
	}
}

func TestTheRoomListsWhoIsThereAndWhatTheyDo(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t), func(c *Config) {
		c.ICEServers = func(string, time.Duration) []ICEServer { return []ICEServer{{URLs: []string{"stun:x"}}} }
	})
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	a.text("hello", struct{}{})
	until(t, "anna is welcome", func() bool { return a.textOf("welcome") != nil })
	b.text("hand", command{Up: true})
	until(t, "hello comes first", func() bool { return string(b.textOf("error")) == `{"what":"hello first"}` })
	b.text("hello", struct{}{})
	until(t, "bert is welcome", func() bool { return b.textOf("welcome") != nil })
	var w welcome
	if err := json.Unmarshal(b.textOf("welcome"), &w); err != nil || len(w.People) != 2 || w.People[0].Person != "anna" ||
		w.People[1].Peer != w.Self || w.ICEServers[0].URLs[0] != "stun:x" || w.EndsAt.Year() != 2026 || w.People[1].Name != "BERT" {
		t.Errorf("welcome: %+v, %v", w, err)
	}
	b.text("media", command{Mic: true, Screen: true})
	b.text("hand", command{Up: true})
	last := func() (p peopleList) { json.Unmarshal(a.textOf("people"), &p); return p }
	until(t, "anna sees it", func() bool {
		p := last().People
		return len(p) == 2 && p[1].Mic && !p[1].Screen && !p[1].Camera && p[1].Hand && p[1].Role == "expert"
	})
	b.ws.Close()
	until(t, "anna sees him go", func() bool { p := last().People; return len(p) == 1 && p[0].Person == "anna" })
}

func TestUnusableTextFramesAreSaidSoAndDoNoHarm(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	a := r.join("k1", "anna", 1)
	a.text("hello", nil)
	until(t, "welcome", func() bool { return a.textOf("welcome") != nil })
	errorsSoFar := func() (n int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, e := range a.texts {
			if e.Type == "error" {
				n++
			}
		}
		return n
	}
	for _, bad := range []string{
		``, `{`, `null`, `[]`, `"x"`, `{"t":5}`, `{"d":{}}`, `{"t":"hand"}`, `{"t":"hand","d":null}`, `{"t":"hand","d":[]}`,
		`{"t":"hand","d":{"up":"yes"}}`, `{"t":"media","d":7}`, `{"t":"pub.offer"}`, `{"t":"pub.offer","d":{"gen":"a"}}`,
		`{"t":"sub.answer","d":null}`, `{"t":"ice","d":{"pc":"other"}}`, `{"t":"ice"}`, `{"t":"rebuild","d":{}}`,
		strings.Repeat(`{"t":`, 5000),
	} {
		before := errorsSoFar()
		a.write(websocket.TextMessage, []byte(bad))
		until(t, "an error for "+bad[:min(len(bad), 40)], func() bool { return errorsSoFar() == before+1 })
	}
	before := errorsSoFar()
	for _, harmless := range []string{
		`{"t":"hello"}`, `{"t":"tomorrow","d":{"x":1}}`, `{"t":"sub.answer","d":{"gen":99,"sdp":"x"}}`,
		`{"t":"ice","d":{"pc":"pub","cand":{"candidate":"nonsense"}}}`, `{"t":"rebuild","d":{"pc":"pub"}}`,
	} {
		a.write(websocket.TextMessage, []byte(harmless))
	}
	a.edit("lage", 0, 0, "lebt")
	until(t, "it lives", a.saved)
	if n := errorsSoFar(); n != before {
		t.Errorf("%d errors for harmless frames", n-before)
	}
}

// state reads what a client knows of another's awareness.
func (c *client) state(id uint64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.aware[id])
}

func awarenessOf(client, clock uint64, state string) []byte {
	b := append([]byte{1}, byte(client), byte(clock))
	return appendBytes(b, []byte(state))
}

func (c *client) sayAware(client, clock uint64, state string) {
	c.write(websocket.BinaryMessage, appendBytes([]byte{msgAwareness}, awarenessOf(client, clock, state)))
}

func TestNobodyCanPointUnderAnotherName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	a.edit("lage", 0, 0, "x") // binds 1 to anna
	until(t, "bound", a.saved)

	a.sayAware(1, 1, `{"user":{"name":"Dr. Falsch","color":"url(//evil)"},"cursor":{"anchor":{"type":null,"tname":"s:lage","item":null,"assoc":0},"head":{"type":null,"tname":"s:lage","item":{"client":1,"clock":0},"assoc":-9}},"section":"lage","__proto__":{"x":1},"html":{"deep":1}}`)
	until(t, "bert sees anna", func() bool { return b.state(1) != "" })
	const want = `{"cursor":{"anchor":{"type":null,"tname":"s:lage","item":null,"assoc":0},"head":{"type":null,"tname":"s:lage","item":{"client":1,"clock":0},"assoc":-1}},"section":"lage","user":{"name":"ANNA","short":"a","color":"#7b3f8c","colorLight":"#7b3f8c33","person":"anna"}}`
	if got := b.state(1); got != want {
		t.Errorf("bert sees\n%s, want\n%s", got, want)
	}
	b.sayAware(1, 9, `{"section":"plan"}`)
	b.sayAware(1, 10, `null`)
	b.sayAware(2, 1, `{"section":"plan"}`) // the last one is his own
	until(t, "anna sees bert", func() bool { return a.state(2) != "" })
	if got := a.state(1); got != want {
		t.Errorf("anna is said to be %s", got)
	}
	b.write(websocket.BinaryMessage, []byte{msgQuery})
	late := r.join("k1", "carl", 3)
	until(t, "who comes late sees both", func() bool { return late.state(1) == want && late.state(2) != "" })
	a.ws.Close()
	until(t, "and sees anna go", func() bool { return late.state(1) == "null" && b.state(1) == "null" })
}

func TestOneSocketSpeaksForFewClientIds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	for id := range uint64(20) {
		a.sayAware(40+id, 1, `{}`)
	}
	b.sayAware(2, 1, `{}`)
	until(t, "bert is seen", func() bool { return a.state(2) != "" })
	time.Sleep(2 * presenceEvery)
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.aware); n != maxHeld+1 {
		t.Errorf("%d states", n)
	}
}
