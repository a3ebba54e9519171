package sfu

import (
	"testing"
)

func TestFramesInClearGoNowhereAndTheirPublisherIsTold(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.inClear = "camera"
	anna.publish("mic", "camera")
	ben.sees("anna", "mic", 20)
	eventually(t, "frames are counted", func() bool { return s.Stats().Plaintext > 10 })
	eventually(t, "anna is told", func() bool { return len(anna.refusals()) > 0 })
	if r := anna.refusals(); len(r) != 1 || r[0].Source != "camera" || r[0].Reason != "plaintext" || r[0].MID == "" {
		t.Errorf("told %+v", r)
	}
	if n := ben.got("anna", "camera").packets; n > 0 {
		t.Errorf("%d packets of a picture in clear", n)
	}
	anna.sources["camera"].plain.Store(false)
	ben.sees("anna", "camera", 20)
	if r := ben.got("anna", "camera"); !r.firstKey {
		t.Error("the picture does not begin with a key frame")
	}
}

func TestATrackThatStopsEncryptingIsCutOff(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "camera", 20)
	ben.sees("anna", "mic", 20)
	for _, src := range anna.sources {
		src.plain.Store(true)
	}
	eventually(t, "both are told", func() bool { return len(anna.refusals()) == 2 })
	picture, sound := ben.dries("anna", "camera"), ben.dries("anna", "mic")
	before := s.Stats().Plaintext
	eventually(t, "more comes in", func() bool { return s.Stats().Plaintext > before+20 })
	if a, b := ben.got("anna", "camera").packets-picture, ben.got("anna", "mic").packets-sound; a+b > 0 {
		t.Errorf("%d packets of picture and %d of sound in clear", a, b)
	}
	for _, src := range anna.sources {
		src.plain.Store(false)
	}
	ben.sees("anna", "camera", 20)
	ben.sees("anna", "mic", 20)
}

func TestAJoinerIsShownNoPictureOfAnEarlierEpoch(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 20)
	camera := anna.sources["camera"]
	camera.stubborn.Store(true)
	s.Epoch("r", 256+7)
	late := join(t, s, "r", "late")
	eventually(t, "late's connection stands", func() bool {
		late.peer.mu.Lock()
		defer late.peer.mu.Unlock()
		return len(late.peer.downs) > 0
	})
	ben.sees("anna", "camera", 20)
	if n := late.got("anna", "camera").packets; n > 0 {
		t.Errorf("%d packets that late cannot read", n)
	}
	from := camera.counter.Load()
	camera.stubborn.Store(false)
	camera.key.Store(7) // asked for a key frame by that alone
	late.sees("anna", "camera", 20)
	if r := late.got("anna", "camera"); !r.firstKey || r.first <= from {
		t.Errorf("begins with a key frame: %v, with packet %d, sent after %d: want after", r.firstKey, r.first, from)
	}
}

func TestTrailersAreRecognised(t *testing.T) {
	t.Parallel()
	whole := []byte{'x', 0, 0, 0, 0, 0, 0, 0, 1, 9, 3, 'k', 'n'}
	for name, c := range map[string]struct {
		b   []byte
		key byte
		ok  bool
	}{
		"a frame":       {whole, 9, true},
		"only trailer":  {whole[1:], 9, true},
		"too short":     {whole[2:], 0, false},
		"another magic": {append(append([]byte{}, whole[:11]...), 'k', 'm'), 0, false},
		"nothing":       {nil, 0, false},
	} {
		if key, ok := sealedBy(c.b); ok != c.ok || key != c.key {
			t.Errorf("%s: key %d, %v", name, key, ok)
		}
	}
}
