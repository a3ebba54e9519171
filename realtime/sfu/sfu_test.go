package sfu

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

func TestTwoPeersSeeAndHearEachOther(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.publish("mic", "camera")
	for _, src := range []string{"mic", "camera"} {
		anna.sees("ben", src, 50)
		ben.sees("anna", src, 50)
	}
	if r := anna.got("ben", "camera"); !r.firstKey || r.foreign > 0 {
		t.Errorf("picture begins with a key frame: %v, foreign payloads: %d", r.firstKey, r.foreign)
	}
	if st := s.Stats(); st.Rooms != 1 || st.Peers != 2 || st.PacketsOut < 200 || st.PacketsIn < 200 {
		t.Errorf("stats: %+v", st)
	}
}

func TestThreePeersSeeEachOtherAndNobodySeesHimself(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	all := []*client{join(t, s, "r", "a"), join(t, s, "r", "b"), join(t, s, "r", "c")}
	for _, c := range all {
		c.publish("mic", "camera")
	}
	for _, c := range all {
		for _, from := range all {
			if from == c {
				continue
			}
			c.sees(from.id, "camera", 40)
			c.sees(from.id, "mic", 20)
		}
		if own := c.got(c.id, "camera"); own.packets > 0 {
			t.Errorf("%s got its own camera back", c.id)
		}
	}
}

func TestBrowserOrderStillNegotiatesGCM(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 20)
	// 12 bytes of header, 1100 of payload, and a tag: 16 bytes with GCM, 10 with HMAC-SHA1-80.
	if got := ben.wire.size.Load(); got != 12+1100+16 {
		t.Errorf("packets on the wire have %d bytes", got)
	}
	// The publisher connection, where the client's preference would win if we were the DTLS client.
	anna.mu.Lock()
	defer anna.mu.Unlock()
	if role := setupOf(anna.pub.RemoteDescription().SDP); role != "passive" {
		t.Errorf("we answered as DTLS %q", role)
	}
}

func TestLateJoinerIsServedFromTheCache(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 40)
	anna.sources["camera"].stubborn.Store(true) // only the cache has a key frame now
	began, before := time.Now(), anna.sources["camera"].counter.Load()
	late := join(t, s, "r", "late")
	late.sees("anna", "camera", 1)
	r := late.got("anna", "camera")
	if !r.firstKey {
		t.Error("the first packet does not begin a key frame")
	}
	if r.first > before {
		t.Errorf("the picture begins with packet %d, sent after the join at %d", r.first, before)
	}
	t.Logf("first key frame after %v", r.at.Sub(began).Round(time.Millisecond))
	late.sees("anna", "camera", 80)
	for n := r.last; n < r.last+60; n++ {
		if late.got("anna", "camera").counters[n] == 0 {
			t.Errorf("packet %d between cache and live is missing", n)
		}
	}
}

func TestLeavingEndsMediaForTheOthers(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 20)
	anna.peer.Close()
	before := ben.dries("anna", "camera")
	time.Sleep(300 * time.Millisecond)
	if more := ben.got("anna", "camera").packets - before; more > 0 {
		t.Errorf("%d packets after leaving", more)
	}
	eventually(t, "the m-line is offered empty", func() bool {
		ben.mu.Lock()
		defer ben.mu.Unlock()
		return len(ben.offers) > 0 && len(ben.offers[len(ben.offers)-1].Tracks) == 0
	})
}

func TestKickedPeerGetsNotOnePacketAfterClose(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera", "screen")
	ben.sees("anna", "camera", 20)
	ben.peer.Close()
	sent := s.Stats().PacketsOut // ben was the only one to send to
	ben.mu.Lock()
	wire := ben.wire
	ben.mu.Unlock()
	drained(t, wire)
	if more := s.Stats().PacketsOut - sent; more > 0 {
		t.Errorf("%d packets sent after Close", more)
	}
}

func TestRoomsAreSeparate(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "one", "anna"), join(t, s, "one", "ben")
	spy := join(t, s, "two", "spy")
	anna.publish("camera")
	spy.publish("camera")
	ben.sees("anna", "camera", 60)
	spy.mu.Lock()
	defer spy.mu.Unlock()
	if len(spy.offers) > 0 || spy.sub != nil {
		t.Error("tracks of another room were offered")
	}
	// Whatever is offered to a spy who knows the names: only the room's list decides.
	if others := spy.peer.room.others(spy.peer); len(others) > 0 {
		t.Errorf("%d tracks in reach", len(others))
	}
}

func TestLostPacketsAreRepeated(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 20)
	ben.wire.lose.Store(20) // 5 %
	from := ben.got("anna", "camera").last
	ben.sees("anna", "camera", 600)
	to := ben.got("anna", "camera").last
	ben.wire.lose.Store(0)
	time.Sleep(500 * time.Millisecond) // the last repeats
	missing := 0
	r := ben.got("anna", "camera")
	for n := from; n < to-10; n++ {
		if r.counters[n] == 0 {
			missing++
		}
	}
	t.Logf("%d of %d packets missing after repeats, %d asked for", missing, to-10-from, s.Stats().NACKsIn)
	if s.Stats().NACKsIn == 0 || missing > int(to-from)/200 { // a repeat can be lost, too
		t.Errorf("%d of %d packets missing", missing, to-from)
	}
}

func TestPacketsLostOnTheWayInAreAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 20)
	anna.uplink.loseOut.Store(20) // 5 %
	from := ben.got("anna", "camera").last
	ben.sees("anna", "camera", 400)
	to := ben.got("anna", "camera").last
	anna.uplink.loseOut.Store(0)
	time.Sleep(500 * time.Millisecond)
	missing, r := 0, ben.got("anna", "camera")
	for n := from; n < to-10; n++ {
		if r.counters[n] == 0 {
			missing++
		}
	}
	if s.Stats().NACKsOut == 0 || missing > int(to-from)/200 {
		t.Errorf("%d of %d packets missing, %d asked for", missing, to-from, s.Stats().NACKsOut)
	}
}

func TestMutedTrackComesBackAndScreenIsAddedLater(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "camera", 20)
	camera := anna.sources["camera"]
	if err := camera.tr.Sender().ReplaceTrack(nil); err != nil {
		t.Fatal(err)
	}
	before := ben.dries("anna", "camera")
	ben.sees("anna", "mic", 20)
	if more := ben.got("anna", "camera").packets - before; more > 0 {
		t.Errorf("%d packets of a muted camera", more)
	}
	if err := camera.tr.Sender().ReplaceTrack(camera.track); err != nil {
		t.Fatal(err)
	}
	ben.sees("anna", "camera", 20)
	anna.publish("screen")
	ben.sees("anna", "screen", 20)
	ben.sees("anna", "camera", 20)
}

func TestEndedScreenShareGivesItsLineToTheNext(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	for range 3 {
		anna.publish("screen")
		ben.sees("anna", "screen", 10)
		anna.mu.Lock()
		if err := anna.pub.RemoveTrack(anna.sources["screen"].tr.Sender()); err != nil {
			t.Error(err)
		}
		delete(anna.sources, "screen")
		anna.mu.Unlock()
		anna.offer()
		eventually(t, "the screen is taken back", func() bool {
			ben.mu.Lock()
			defer ben.mu.Unlock()
			return len(ben.offers[len(ben.offers)-1].Tracks) == 1 && ben.sub.SignalingState() == webrtc.SignalingStateStable
		})
		time.Sleep(50 * time.Millisecond)
	}
	ben.mu.Lock()
	defer ben.mu.Unlock()
	if n := strings.Count(ben.offers[len(ben.offers)-1].SDP, "\nm="); n > 3 {
		t.Errorf("%d m-lines after three shares", n)
	}
}

func TestSenderReportsReachTheSubscriber(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	eventually(t, "reports of both tracks", func() bool {
		return ben.got("anna", "camera").reports > 0 && ben.got("anna", "mic").reports > 0
	})
}

func TestLiveFollowsTheMedia(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna := join(t, s, "r", "anna")
	anna.publish("camera")
	said := func(want ...bool) func() bool {
		return func() bool {
			anna.mu.Lock()
			defer anna.mu.Unlock()
			return fmt.Sprint(anna.live) == fmt.Sprint(want)
		}
	}
	eventually(t, "live", said(true))
	anna.sources["camera"].mute.Store(true)
	eventually(t, "no longer live", said(true, false))
	anna.sources["camera"].mute.Store(false)
	eventually(t, "live again", said(true, false, true))
}

func TestRebuiltConnectionsCarryMediaAgain(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	ben.mu.Lock()
	old := ben.sub
	ben.sub = nil
	ben.mu.Unlock()
	ben.peer.Rebuild("sub")
	ben.sees("anna", "camera", 30)
	_ = old.GracefulClose()

	anna.mu.Lock()
	old, anna.pub = anna.pub, nil
	clear(anna.sources)
	anna.gen = 0
	anna.mu.Unlock()
	anna.peer.Rebuild("pub")
	anna.publish("camera")
	ben.sees("anna", "camera", 30)
	_ = old.GracefulClose()
}

func TestTakenAddressIsNamed(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	addr := s.Addr().String()
	if _, err := Listen(Config{Addr: addr}); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("error: %v", err)
	}
}

func TestJoinRefusesTheSameNameAndAClosedServer(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	join(t, s, "r", "anna")
	if _, err := s.Join("r", "anna", func(Event) {}); !errors.Is(err, ErrTaken) {
		t.Errorf("second anna: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := s.Join("r", "ben", func(Event) {}); !errors.Is(err, ErrClosed) {
		t.Errorf("join after Close: %v", err)
	}
	again, err := Listen(Config{Addr: s.Addr().String()})
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	_ = again.Close()
}

// Not parallel: it counts goroutines.
func TestNothingIsLeftAfterEverybodyWent(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Listen(Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	idle := runtime.NumGoroutine()
	anna.publish("mic", "camera", "screen")
	ben.publish("mic", "camera")
	ben.sees("anna", "camera", 10)
	anna.sees("ben", "mic", 10)
	busy := runtime.NumGoroutine()
	anna.leave()
	ben.leave()
	eventually(t, "peers are gone", func() bool { st := s.Stats(); return st.Peers == 0 && st.Rooms == 0 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	left := func() bool { return runtime.NumGoroutine() <= before }
	for end := time.Now().Add(30 * time.Second); !left() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if !left() {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines: %d before, %d idle, %d busy, %d after\n%s",
			before, idle, busy, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
}

func setupOf(sdp string) string {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(line, "a=setup:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
