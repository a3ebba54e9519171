package sfu

import (
	"testing"
	"time"
)

func TestViewerGetsTheSizeItsPageShowsAndChangesAtKeyFramesOnly(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	camera := anna.publishSizes()
	shows := func(lines int) { ben.peer.View([]ViewItem{{Peer: "anna", Source: "camera", MaxH: lines}}, 0, "all") }
	for _, c := range []struct {
		lines int
		rid   string
		state string
	}{{180, "l", "low"}, {720, "h", "high"}, {360, "m", "mid"}, {180, "l", "low"}, {720, "h", "high"}} {
		shows(c.lines)
		ben.gets("anna", c.rid)
		if got := ben.says("anna", "camera"); got.State != c.state {
			t.Errorf("%d lines: told %+v", c.lines, got)
		}
	}
	goesOn(t, ben.views("anna"))
	for i := range rungs {
		t.Logf("%s was asked for %d key frames", rungs[i], camera.asked[i].Load())
	}
}

// goesOn checks that layers change at key frames only, and that numbers, times and pictures go on as if there were one camera.
func goesOn(t *testing.T, all []view) {
	t.Helper()
	changes := 0
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if b.number != a.number+1 {
			t.Fatalf("after number %d (%c) comes %d (%c)", a.number, a.rid, b.number, b.rid)
		}
		picture := a.picture
		if a.marker {
			picture = (picture + 1) & 0x7fff
		}
		if b.picture != picture && a.rid == b.rid || b.rid != a.rid && b.picture == a.picture {
			t.Errorf("after picture %d (%c) comes %d (%c)", a.picture, a.rid, b.picture, b.rid)
		}
		if a.marker && int32(b.ts-a.ts) <= 0 || !a.marker && a.rid == b.rid && b.ts != a.ts {
			t.Errorf("after time %d comes %d", a.ts, b.ts)
		}
		if a.rid != b.rid {
			if changes++; !b.key {
				t.Errorf("packet %d: from %c to %c without a key frame", i, a.rid, b.rid)
			}
			if step := int32(b.ts - a.ts); step > 90000 {
				t.Errorf("the change takes %d ticks", step)
			}
		}
	}
	if len(all) == 0 || !all[0].key {
		t.Error("the first packet begins no key frame")
	}
	t.Logf("%d packets, %d changes", len(all), changes)
}

func TestLayersNobodyWantsAreSwitchedOffAndOnAgain(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	camera := anna.publishSizes()
	ben.peer.View([]ViewItem{{Peer: "anna", Source: "camera", MaxH: 180}}, 0, "all")
	ben.gets("anna", "l")
	told := func() [3]bool {
		return hears(anna, func(e Event) *PubLayers { return e.PubLayers }).Active
	}
	eventually(t, "only the smallest is wanted", func() bool { return told() == [3]bool{true, false, false} })
	camera.active[1].Store(false)
	camera.active[2].Store(false)
	ben.gets("anna", "l")
	ben.peer.View([]ViewItem{{Peer: "anna", Source: "camera", MaxH: 720}}, 0, "all")
	eventually(t, "the largest is wanted again", func() bool { return told()[high] })
	ben.gets("anna", "l") // and meanwhile the smallest goes on
	camera.active[2].Store(true)
	ben.gets("anna", "h")
	goesOn(t, ben.views("anna"))

	// A browser stops its upper layers by itself when its uplink is weak: the picture goes on in what is left.
	camera.active[0].Store(true)
	camera.active[2].Store(false)
	ben.gets("anna", "l")
	eventually(t, "the viewer is told", func() bool { return ben.says("anna", "camera").State == "low" })
}

func TestOnlyTheMostImportantCamerasAreSentAndAllSound(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	ben := join(t, s, "r", "ben")
	names := []string{"a", "b", "c"}
	for _, id := range names {
		join(t, s, "r", id).publish("mic", "camera")
	}
	for _, id := range names {
		ben.sees(id, "camera", 10)
	}
	pinned := func(id string, lastN int, mode string) {
		var items []ViewItem
		for _, one := range names {
			item := ViewItem{Peer: one, Source: "camera", MaxH: 360}
			if one == id {
				item.Prio = 2
			}
			items = append(items, item)
		}
		ben.peer.View(items, lastN, mode)
	}
	for _, id := range []string{"b", "c"} {
		pinned(id, 1, "all")
		for _, other := range names {
			if other == id {
				continue
			}
			eventually(t, other+" is paused", func() bool { l := ben.says(other, "camera"); return l.State == "paused" && l.Why == "lastN" })
			before := ben.dries(other, "camera") // some were on their way
			ben.sees(id, "camera", 30)
			if more := ben.got(other, "camera").packets - before; more > 0 {
				t.Errorf("%d packets of %s although it is paused", more, other)
			}
			ben.sees(other, "mic", 20)
		}
	}
	pinned("c", 0, "audio")
	eventually(t, "no picture is sent", func() bool { return ben.says("c", "camera").State == "paused" })
	ben.sees("c", "mic", 20)
	pinned("c", 0, "text")
	eventually(t, "neither sound nor picture comes", func() bool {
		before := ben.wire.rtp.Load()
		time.Sleep(300 * time.Millisecond)
		return ben.wire.rtp.Load() == before
	})
	pinned("c", 0, "all")
	for _, id := range names {
		ben.sees(id, "camera", 20)
		ben.sees(id, "mic", 10)
		for src, r := range map[string]reception{"camera": ben.got(id, "camera"), "mic": ben.got(id, "mic")} {
			if r.foreign > 0 {
				t.Errorf("%d packets of somebody else in the %s of %s", r.foreign, src, id)
			}
		}
	}
}

func TestSilencedSourceSendsNotOnePacketUntilItIsLifted(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "mic", 20)
	ben.sees("anna", "camera", 20)
	anna.peer.Silence("camera", true)
	anna.peer.Silence("mic", true)
	sent := s.Stats().PacketsOut
	before := s.Stats().PacketsIn
	time.Sleep(500 * time.Millisecond)
	if more := s.Stats().PacketsOut - sent; more > 0 {
		t.Errorf("%d packets sent after Silence, repeats included", more)
	}
	anna.peer.Silence("mic", false)
	ben.sees("anna", "mic", 20)
	anna.peer.Silence("camera", false)
	ben.sees("anna", "camera", 20)
	if s.Stats().PacketsIn == before {
		t.Error("nothing came in: the test says nothing")
	}
	// What is offered again by somebody silenced stays silenced.
	anna.peer.Silence("camera", true)
	anna.mu.Lock()
	if err := anna.pub.RemoveTrack(anna.sources["camera"].tr.Sender()); err != nil {
		t.Error(err)
	}
	delete(anna.sources, "camera")
	anna.mu.Unlock()
	anna.mayOffer()
	anna.offer()
	anna.publish("camera")
	at := ben.got("anna", "camera").packets
	ben.sees("anna", "mic", 30)
	if more := ben.got("anna", "camera").packets - at; more > 0 {
		t.Errorf("%d packets of a camera offered again", more)
	}
}

func TestScreenNeedsLeaveAndStopsWhenItIsTaken(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.peer.Allow("screen", false)
	anna.publish("mic", "screen")
	eventually(t, "the screen is refused", func() bool {
		anna.mu.Lock()
		defer anna.mu.Unlock()
		return len(anna.refused) == 1 && anna.refused[0].Source == "screen" && anna.refused[0].Reason == "share" && anna.refused[0].MID != ""
	})
	ben.sees("anna", "mic", 30)
	if got := ben.got("anna", "screen").packets; got > 0 {
		t.Errorf("%d packets of a screen nobody allowed", got)
	}
	anna.peer.Allow("screen", true)
	ben.sees("anna", "screen", 20)
	anna.peer.Allow("mic", false) // needs no leave, and has none to lose
	anna.sources["mic"].mute.Store(true)
	time.Sleep(50 * time.Millisecond)
	anna.peer.Allow("screen", false)
	sent := s.Stats().PacketsOut
	time.Sleep(300 * time.Millisecond)
	if more := s.Stats().PacketsOut - sent; more > 0 {
		t.Errorf("%d packets after the leave was taken", more)
	}
	anna.peer.Allow("screen", true)
	ben.sees("anna", "screen", 20)
}

func TestWhoSpeaksIsToldToEverybody(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben, cora := join(t, s, "r", "anna"), join(t, s, "r", "ben"), join(t, s, "r", "cora")
	anna.publish("mic")
	ben.publish("mic")
	cora.sees("anna", "mic", 5)
	cora.sees("ben", "mic", 5)
	first := func(c *client) string {
		if order := hears(c, func(e Event) *[]string {
			if e.Speakers == nil {
				return nil
			}
			return &e.Speakers
		}); len(order) > 0 {
			return order[0]
		}
		return ""
	}
	ben.sources["mic"].loud.Store(127)
	for _, speaker := range []*client{anna, ben, anna} {
		for _, other := range []*client{anna, ben} {
			other.sources["mic"].loud.Store(127)
		}
		speaker.sources["mic"].loud.Store(20)
		for _, c := range []*client{anna, ben, cora} {
			eventually(t, c.id+" hears that "+speaker.id+" speaks", func() bool { return first(c) == speaker.id })
		}
	}
}

// Not parallel: what it measures is delay, and its neighbours on a small machine cause plenty.
func TestNarrowWayCostsOneViewerPicturesButNoSoundAndNobodyElseAnything(t *testing.T) {
	s := newSFU(t)
	poor := join(t, s, "r", "poor")
	poor.mu.Lock()
	poor.narrow = newNarrow()
	poor.mu.Unlock()
	rich, anna := join(t, s, "r", "rich"), join(t, s, "r", "anna")
	anna.publishSizes()
	anna.publish("mic")
	for _, c := range []*client{poor, rich} {
		c.peer.View([]ViewItem{{Peer: "anna", Source: "camera", MaxH: 720}}, 0, "all")
		c.gets("anna", "h")
	}
	poor.narrow.loseEach.Store(20) // 5 %
	poor.narrow.rate.Store(300_000)
	poor.gets("anna", "l")
	if got := poor.says("anna", "camera"); got.State != "low" || got.Why != "bandwidth" {
		t.Errorf("the viewer is told %+v", got)
	}
	time.Sleep(2 * time.Second)
	poor.narrow.loseEach.Store(0)
	poor.narrow.rate.Store(0)
	poor.gets("anna", "mh") // on a busy machine the last step may take longer than anybody wants to wait here
	// two seconds of sound at least: how much it is beyond that depends on when the way is found to be wide
	if got := poor.got("anna", "mic").packets; int64(got) < poor.narrow.audioOut.Load()-20 || got < 100 {
		t.Errorf("%d packets of sound of %d that were let through", got, poor.narrow.audioOut.Load())
	}
	if lost := poor.narrow.missing.Load(); lost > 0 {
		t.Errorf("%d packets of sound were not even sent", lost)
	}
	for _, v := range rich.views("anna")[200:] {
		if v.rid != 'h' {
			t.Fatalf("somebody else got %c", v.rid)
		}
	}
	goesOn(t, rich.views("anna"))
}
