package sfu

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// Not parallel: it counts goroutines.
func TestAStormOfComingAndGoingLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Listen(Config{Addr: "127.0.0.1:0", Guard: true})
	if err != nil {
		t.Fatal(err)
	}
	anna := join(t, s, "r", "anna")
	anna.publish("mic", "camera")
	for round := range 4 {
		var crowd []*client
		for i := range 3 {
			c := join(t, s, "r", fmt.Sprint(round, "/", i))
			if i == 0 {
				c.publish("camera")
			}
			crowd = append(crowd, c)
		}
		for i, c := range crowd {
			if i < round { // the others go before anything has come
				c.sees("anna", "camera", 1)
			}
			isKicked(t, c)
		}
	}
	anna.leave()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := len(s.socket.lanes.all); n > 0 {
		t.Errorf("%d connections are still known to the socket", n)
	}
	left := func() bool { return runtime.NumGoroutine() > before }
	for end := time.Now().Add(30 * time.Second); left() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if left() {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
}

// isKicked takes c out and looks at the wire: nothing that was sent after Close may arrive.
func isKicked(t *testing.T, c *client) {
	t.Helper()
	c.peer.Close()
	c.mu.Lock()
	wire := c.wire
	c.mu.Unlock()
	if wire == nil {
		c.leave()
		return // nothing was ever offered
	}
	drained(t, wire)
	c.leave()
}

// drained waits until the client has read what the kernel took before Close, and looks whether that is all. A camera pauses for 33 ms, a
// microphone for 20.
func drained(t *testing.T, w *wire) {
	t.Helper()
	quiet, at := 0, w.rtp.Load()
	for tries := 0; quiet < 10; tries++ {
		time.Sleep(10 * time.Millisecond)
		quiet++
		if now := w.rtp.Load(); now != at {
			at, quiet = now, 0
		}
		if tries == 1000 {
			t.Fatal("packets still come 10 s after the kick")
		}
	}
}
