package realtime

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/gorilla/websocket"
)

func FuzzMessage(f *testing.F) {
	for _, seed := range [][]byte{{0, 0, 1, 0}, {0, 1, 2, 0, 0}, {0, 2, 2, 0, 0}, {1, 1, 0}, {3}, {100, 1}, {0, 2, 200, 1}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kind, body, err := parseMessage(data)
		if err != nil || kind == kindUnknown || kind == kindQuery {
			return
		}
		again := []byte{msgAwareness}
		if kind != kindAwareness {
			again = []byte{msgSync, byte(kind - kindStep1)}
		}
		k, b, err := parseMessage(appendBytes(again, body))
		if err != nil || k != kind || !bytes.Equal(b, body) {
			t.Fatalf("%x reads %d %x, written again %d %x %v", data, kind, body, k, b, err)
		}
	})
}

func FuzzAwareness(f *testing.F) {
	f.Add(awarenessOf(5, 1, `{"cursor":null,"user":{"name":"x"}}`))
	f.Add(awarenessOf(5, 1, `{"cursor":{"anchor":{"tname":"s:lage"},"head":{"item":{"client":1,"clock":2}}}}`))
	f.Add(awarenessOf(5, 2, `null`))
	f.Add([]byte{255, 255, 255, 255, 7})
	roots := map[string]bool{"s:lage": true}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseAwareness(data)
		if err != nil {
			return
		}
		for _, e := range entries {
			clean, err := cleanState(e.state, guest("k1", "anna"), roots)
			if err != nil {
				continue
			}
			var state struct {
				User   awareUser
				Cursor *awareCursor
			}
			if err := json.Unmarshal(clean, &state); err != nil || state.User.Person != "anna" || len(clean) > 4*maxState {
				t.Fatalf("%q became %q: %v", e.state, clean, err)
			}
			if c := state.Cursor; c != nil && (!c.Anchor.clean(roots) || !c.Head.clean(roots)) {
				t.Fatalf("%q let through a cursor: %q", e.state, clean)
			}
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"t":"hand","d":{"up":true}}`))
	f.Add([]byte(`{"t":"pub.offer","d":{"gen":1,"sdp":"v=0","tracks":[{"mid":"0","source":"mic"}]}}`))
	f.Add([]byte(`{"t":"ice","d":null}`))
	f.Add([]byte(`{"t":"lobby.admit","d":{"ids":[]}}`))
	f.Add([]byte(`{"t":"mod.mute","d":{"peer":"1","source":"mic"}}`))
	f.Add([]byte(`{"t":"stats","d":{"missing":[{"peer":"1","source":"mic"}]}}`))
	f.Add([]byte(`{"t":"hello","d":{"name":"x","e2ee":true}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := NewHub(Config{Origin: origin})
		c := newConference(h, "k1")
		close(c.quit) // over: whatever is asked for is not delivered
		s := newSocket(1, c, guest("k1", "anna"))
		s.greets = true
		close(s.welcomed)
		s.control(data)
		for _, b := range s.out.queue {
			if b[0] != opText || !bytes.Contains(b, []byte(`{"t":"error","d":{"what":"`)) {
				t.Fatalf("%q is answered with %q", data, b)
			}
		}
	})
}

func TestFramesOfAllLengthsAreReadByAnotherImplementation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ws, status := r.dial(r.hub.Ticket(guest("k1", "anna")), origin)
	if ws == nil {
		t.Fatal(status)
	}
	defer ws.Close()
	c := r.hub.find("k1")
	lengths := []int{0, 1, 125, 126, 127, 65535, 65536, 200000}
	c.mail.post(func() {
		for _, s := range c.sockets {
			for _, n := range lengths {
				s.out.put(frame(opBinary, bytes.Repeat([]byte{byte(n)}, n)))
			}
		}
	})
	want := map[int]bool{}
	for len(want) < len(lengths) {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range lengths {
			if kind == websocket.BinaryMessage && bytes.Equal(data, bytes.Repeat([]byte{byte(n)}, n)) {
				want[n] = true
			}
		}
	}
}
