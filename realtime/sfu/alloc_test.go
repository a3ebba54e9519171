package sfu

import (
	"testing"
	"time"
)

// threeSizes is a camera with all its layers.
var threeSizes = [3]int{150_000, 450_000, 1_400_000}

func camera3(maxH int) demand {
	return demand{maxH: maxH, rate: threeSizes, now: paused, speaker: maxView}
}

func TestThePageDecidesWhichSizeIsWorthSending(t *testing.T) {
	t.Parallel()
	free := allowance{lastN: defaultLastN, mode: "all", rate: -1}
	oneStream := demand{maxH: 100, rate: [3]int{high: 400_000}, now: paused}
	twoSizes := demand{maxH: 700, rate: [3]int{low: 150_000, mid: 450_000}, now: paused}
	for name, c := range map[string]struct {
		demand demand
		mode   string
		want   choice
	}{
		"a small tile":                    {camera3(180), "all", choice{low, "view"}},
		"a third larger is still filled":  {camera3(240), "all", choice{low, "view"}},
		"a medium tile":                   {camera3(260), "all", choice{mid, "view"}},
		"a large tile":                    {camera3(500), "all", choice{high, ""}},
		"larger than all there is":        {camera3(2160), "all", choice{high, ""}},
		"out of sight":                    {camera3(0), "all", choice{paused, "view"}},
		"one stream, however small":       {oneStream, "all", choice{high, ""}},
		"a publisher without the largest": {twoSizes, "all", choice{mid, ""}},
		"few pictures are medium at most": {camera3(700), "few", choice{mid, "view"}},
		"sound only":                      {camera3(700), "audio", choice{paused, "view"}},
		"text only":                       {camera3(700), "text", choice{paused, "view"}},
		"nothing is offered":              {demand{maxH: 700, now: paused}, "all", choice{paused, "view"}},
	} {
		a := free
		a.mode = c.mode
		if got := shareOut([]demand{c.demand}, a)[0]; got != c.want {
			t.Errorf("%s: %v %q, want %v %q", name, got.rung, got.why, c.want.rung, c.want.why)
		}
	}
}

func TestLastNPausesThoseWhoMatterLeast(t *testing.T) {
	t.Parallel()
	all := []demand{camera3(180), camera3(180), camera3(180), camera3(180), camera3(180)}
	all[1].speaker = 1 // spoke before
	all[2].prio = 2    // chosen by the person
	all[3].speaker = 0 // speaks
	all[4] = demand{screen: true, maxH: 700, rate: [3]int{high: 300_000}, now: paused, speaker: maxView}
	for lastN, want := range map[int][]bool{
		1: {false, false, true, false, true},
		2: {false, false, true, true, true},
		3: {false, true, true, true, true},
		4: {true, true, true, true, true},
	} {
		for i, c := range shareOut(all, allowance{lastN: lastN, mode: "all", rate: -1}) {
			if (c.rung != paused) != want[i] || !want[i] && c.why != "lastN" {
				t.Errorf("lastN %d: %d gets %v %q", lastN, i, c.rung, c.why)
			}
		}
	}
	few := 0
	for _, c := range shareOut(all, allowance{lastN: 9, mode: "few", rate: -1}) {
		if c.rung != paused {
			few++
		}
	}
	if few != fewCameras+1 {
		t.Errorf("few are %d pictures", few)
	}
}

func TestBandwidthGivesEverybodyTheSmallestBeforeAnybodyABetterOne(t *testing.T) {
	t.Parallel()
	all := []demand{camera3(700), camera3(700), camera3(700)}
	all[1].speaker = 0
	for rate, want := range map[int][]rung{
		0:         {paused, paused, paused},
		200_000:   {paused, low, paused},
		400_000:   {low, low, paused},
		600_000:   {low, low, low},
		850_000:   {low, mid, low},
		1_200_000: {mid, mid, low},
		2_000_000: {mid, mid, mid},
		9_000_000: {high, high, high},
	} {
		sum := 0
		for i, c := range shareOut(all, allowance{lastN: 9, mode: "all", rate: rate}) {
			if c.rung != want[i] {
				t.Errorf("%d bit/s: %d gets %v, want %v", rate, i, c.rung, want[i])
			}
			if c.rung < high && c.why != "bandwidth" {
				t.Errorf("%d bit/s: %d is held back by %q", rate, i, c.why)
			}
			if c.rung != paused {
				sum += all[i].rate[c.rung]
			}
		}
		if sum > rate {
			t.Errorf("%d bit/s promised of %d", sum, rate)
		}
	}
}

func TestWhatIsSentAlreadyIsNotSwitchedOffByItsUpsAndDowns(t *testing.T) {
	t.Parallel()
	d := camera3(700)
	a := allowance{lastN: 9, mode: "all", rate: 460_000}
	if got := shareOut([]demand{d}, a)[0].rung; got != low {
		t.Errorf("a new layer that just fits: %v", got)
	}
	d.now = mid
	if got := shareOut([]demand{d}, a)[0].rung; got != mid {
		t.Errorf("the layer of before, which just fits: %v", got)
	}
}

func TestWhoeverTakesTheWordDoesNotTakeTheBandwidthToAndFro(t *testing.T) {
	t.Parallel()
	all := []demand{camera3(360), camera3(360)}
	all[0].now, all[1].now, all[1].speaker = mid, low, 0
	a := allowance{lastN: 9, mode: "all", rate: 700_000}
	for held, want := range map[bool][2]rung{true: {mid, low}, false: {low, mid}} {
		all[1].held = held
		choices := shareOut(all, a)
		if got := [2]rung{choices[0].rung, choices[1].rung}; got != want {
			t.Errorf("lowered lately %v: %v, want %v", held, got, want)
		}
	}
	all[1].held, a.rate = true, 100_000
	if got := shareOut(all, a)[1].rung; got != paused {
		t.Errorf("what does not fit any more goes on at %v", got)
	}
}

func TestASwitchedOffLayerIsNotTakenForCheap(t *testing.T) {
	t.Parallel()
	p := &Peer{sfu: newSFU(t)}
	camera, screen := newUp(p, "camera", []string{"l", "m", "h"}), newUp(p, "screen", nil)
	p.pub.ups = map[string]*up{"0": camera, "1": screen}
	for l := range p.layers() {
		l.octets.Store(50_000)
	}
	p.weigh(time.Second)
	for range 60 { // a minute in which only the smallest is sent
		camera.layers[low].octets.Add(10_000)
		p.weigh(time.Second)
	}
	if got := camera.rates(); got[mid] != 400_000 || got[high] != 400_000 {
		t.Errorf("layers that nobody wanted cost %d and %d bit/s now", got[mid], got[high])
	}
	if got := camera.rates()[low]; got > 90_000 {
		t.Errorf("a layer of 80 kbit/s costs %d", got)
	}
	if got := screen.rates()[high]; got > 1000 {
		t.Errorf("a screen that has been still costs %d", got)
	}
}

func TestShortIsTheNextStepOfWhoeverIsHeldBack(t *testing.T) {
	t.Parallel()
	all := []demand{camera3(700), camera3(700), camera3(180)}
	choices := shareOut(all, allowance{lastN: 9, mode: "all", rate: 1_000_000})
	if got := short(all, choices); got != 300_000 {
		t.Errorf("%d bit/s are short for %v", got, choices)
	}
	if got := short(all, shareOut(all, allowance{lastN: 9, mode: "all", rate: -1})); got != 0 {
		t.Errorf("%d bit/s are short where nothing limits", got)
	}
}

// way is a connection as the estimator sees it: a queue before a narrow place.
type way struct {
	rate     float64 // bit/s
	queue    time.Duration
	loseEach int // every n-th packet is lost on the air
	delay    time.Duration
	dead     bool // nothing gets through

	clock, free time.Duration
	number      int
	est         estimator
	began       time.Time
}

// run sends at rate for a while and reports every 100 ms.
func (w *way) run(rate float64, long time.Duration) {
	const size = 1100
	gap := time.Duration(size * 8 / rate * float64(time.Second))
	var report []arrival
	reported := w.clock
	for end := w.clock + long; w.clock < end; w.clock += gap {
		w.number++
		a := arrival{number: uint64(w.number), size: size, sent: w.clock}
		w.free = max(w.free, w.clock)
		if wait := w.free - w.clock; w.dead || wait > w.queue || w.loseEach > 0 && w.number%w.loseEach == 0 {
			a.lost = true
		} else {
			w.free += time.Duration(size * 8 / w.rate * float64(time.Second))
			a.at = w.free + w.delay + time.Hour // its clock is another
		}
		report = append(report, a)
		if w.clock-reported >= 100*time.Millisecond {
			w.est.take(report, w.now())
			report, reported = nil, w.clock
		}
	}
	w.est.take(report, w.now())
}

func (w *way) now() time.Time { return w.began.Add(w.clock) }

func newWay(rate float64, queue time.Duration, loseEach int) *way {
	return &way{rate: rate, queue: queue, loseEach: loseEach, delay: 50 * time.Millisecond, began: time.Now()}
}

func TestNoLimitIsSeenWhereThereIsNone(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*way{
		"plenty of room":      newWay(10e6, time.Second, 0),
		"a bad radio link":    newWay(10e6, time.Second, 20),
		"room that just does": newWay(2.2e6, time.Second, 0),
	} {
		w.run(2e6, 60*time.Second)
		if w.est.limited {
			t.Errorf("%s: limited to %.0f bit/s", name, w.est.rate)
		}
	}
}

func TestAnInterruptionIsNotTakenForANarrowWay(t *testing.T) {
	t.Parallel()
	for _, long := range []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second} {
		w := newWay(10e6, time.Second, 0)
		w.run(2e6, 5*time.Second)
		w.dead = true
		w.run(2e6, long)
		w.dead = false
		w.run(2e6, 5*time.Second)
		if w.est.limited {
			t.Errorf("after %v without a packet: limited to %.0f bit/s", long, w.est.rate)
		}
	}
}

func TestANarrowWayIsFoundByItsQueueOrByItsLosses(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*way{
		"long queue":            newWay(1e6, time.Second, 0),
		"short queue":           newWay(1e6, 20*time.Millisecond, 0),
		"long queue and loss":   newWay(1e6, time.Second, 20),
		"very narrow":           newWay(300e3, 300*time.Millisecond, 20),
		"very narrow, no queue": newWay(300e3, 10*time.Millisecond, 20),
	} {
		w.run(2e6, 2*time.Second)
		if !w.est.limited || w.est.rate > 0.95*w.rate || w.est.rate < 0.5*w.rate {
			t.Errorf("%s of %.0f bit/s: limited %v, %.0f", name, w.rate, w.est.limited, w.est.rate)
		}
		for range 10 { // who heeds it keeps most of it
			w.run(w.est.rate, time.Second)
		}
		if w.est.rate < 0.5*w.rate || w.est.rate > 0.95*w.rate {
			t.Errorf("%s of %.0f bit/s: %.0f after a while", name, w.rate, w.est.rate)
		}
	}
}

func TestMoreIsTriedAfterAPauseAndLaterEachTimeItWasInVain(t *testing.T) {
	t.Parallel()
	w := newWay(1e6, time.Second, 0)
	w.run(2e6, 2*time.Second)
	lowered := w.est.loweredAt
	if w.est.mayProbe(lowered.Add(holdAfter - time.Second)) {
		t.Error("more is tried right after the way was full")
	}
	now := lowered.Add(holdAfter)
	var pauses []time.Duration
	for range 4 {
		began := now
		for !w.est.mayProbe(now) {
			now = now.Add(100 * time.Millisecond)
		}
		pauses = append(pauses, now.Sub(began))
		w.est.probedAt = now
		w.est.probed(w.est.rate/2, now)
	}
	if pauses[0] != 0 || pauses[1] >= pauses[2] || pauses[2] >= pauses[3] {
		t.Errorf("pauses before probes: %v", pauses)
	}
	w.est.probed(3e6, now)
	if w.est.rate != 3e6*probeTrust || w.est.failures != 0 {
		t.Errorf("after a success: %.0f, %d failures", w.est.rate, w.est.failures)
	}
}

func TestAProbeMeasuresHowFastItsPacketsComeIn(t *testing.T) {
	t.Parallel()
	p := probe{from: 10, to: 40}
	var all []arrival
	for n := uint64(5); n <= 41; n++ {
		all = append(all, arrival{number: n, size: 250, at: time.Duration(n) * 2 * time.Millisecond}) // 1 Mbit/s
	}
	if _, done := p.take(all[:20]); done {
		t.Error("done before its end was reported")
	}
	rate, done := p.take(all[20:])
	if !done || rate < 0.95e6 || rate > 1.05e6 {
		t.Errorf("%.0f bit/s, done %v", rate, done)
	}
	if _, done := p.take(all); done {
		t.Error("the same probe counted twice")
	}
	unknown := probe{from: 10, to: 40}
	if rate, done := unknown.take(all[30:]); !done || rate >= 0 {
		t.Errorf("of a few packets: %.0f bit/s, done %v", rate, done)
	}
}

func TestWhoeverSpeaksComesFirstAndACoughChangesNothing(t *testing.T) {
	t.Parallel()
	var s speakers
	steps := []struct {
		now  map[string]float64
		want []string
	}{
		{map[string]float64{"a": 0, "b": 0, "c": 0}, nil},
		{map[string]float64{"a": 20, "b": 0, "c": 0}, []string{"a"}},
		{map[string]float64{"a": 22, "b": 0, "c": 0}, []string{"a"}},
		{map[string]float64{"a": 20, "b": 8, "c": 0}, []string{"a"}}, // a word in between
		{map[string]float64{"a": 0, "b": 25, "c": 0}, []string{"b", "a"}},
		{map[string]float64{"a": 0, "b": 25, "c": 0}, []string{"b", "a"}},
		{map[string]float64{"a": 0, "b": 0, "c": 0}, []string{"b", "a"}}, // silence
		{map[string]float64{"a": 0, "c": 0}, []string{"a"}},              // b has left
		{map[string]float64{"a": 0, "c": 30}, []string{"c", "a"}},
	}
	for i, step := range steps {
		before := len(s.order)
		changed := s.update(step.now)
		if !equal(s.order, step.want) {
			t.Errorf("step %d: %v, want %v", i, s.order, step.want)
		}
		if i > 0 && changed == equal(steps[i-1].want, step.want) {
			t.Errorf("step %d: changed is %v, before there were %d", i, changed, before)
		}
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestShortSoundsAreNoSpeech(t *testing.T) {
	t.Parallel()
	var l loudness
	for range speechPackets - 1 {
		l.hear(5)
	}
	for range 50 {
		l.hear(speechLevel + 1)
	}
	if got := l.take(); got != 0 {
		t.Errorf("a cough counts %v", got)
	}
	for range 15 {
		l.hear(30)
	}
	if got := l.take(); got != speechLevel-30 {
		t.Errorf("a sentence counts %v", got)
	}
}

func TestPictureNumbersGoOnAcrossLayersAndWrapAround(t *testing.T) {
	t.Parallel()
	packet := func(id uint16, base byte) []byte {
		return []byte{0x90, 0xe0, 0x80 | byte(id>>8), byte(id), base, 0x20, 0x01}
	}
	var m pictureMunger
	out := func(id uint16, base byte) (uint16, byte) {
		b := packet(id, base)
		p := readPicture(codecVP8, b)
		if p.id != id || p.base != base || !p.long {
			t.Fatalf("read %+v of picture %d, base %d", p, id, base)
		}
		m.describe(p, b)
		if b[0] != 0x90 || b[1] != 0xe0 || b[5] != 0x20 || b[6] != 0x01 {
			t.Fatalf("the rest of the descriptor changed: %x", b)
		}
		q := readPicture(codecVP8, b)
		return q.id, q.base
	}
	m.start(readPicture(codecVP8, packet(32766, 254)))
	for i, c := range []struct {
		id   uint16
		base byte
	}{{32766, 254}, {32767, 255}, {1, 1}, {0, 0}} { // wraps; 1 and 0 in the wrong order
		if id, base := out(c.id, c.base); id != c.id || base != c.base {
			t.Errorf("%d: picture %d, base %d", i, id, base)
		}
	}
	m.start(readPicture(codecVP8, packet(500, 77))) // another layer
	for i, c := range []struct{ id, want uint16 }{{500, 2}, {501, 3}, {503, 5}, {502, 4}} {
		if id, base := out(c.id, byte(c.id-500)+77); id != c.want || base != byte(c.want) {
			t.Errorf("after the change %d: picture %d, base %d, want %d", i, id, base, c.want)
		}
	}
}

func TestShortPictureNumbersKeepTheirLength(t *testing.T) {
	t.Parallel()
	b := []byte{0x90, 0x80, 0x7f, 0x00}
	p := readPicture(codecVP8, b)
	var m pictureMunger
	m.start(p)
	m.start(p) // the same picture again: comes after itself
	m.describe(p, b)
	if b[2] != 0 || b[3] != 0 {
		t.Errorf("after 127 comes %d", b[2])
	}
	for name, b := range map[string][]byte{
		"no number": {0x90, 0x40, 0x11, 0x00}, "not extended": {0x10, 0x80, 0x01}, "cut off": {0x90, 0x80, 0x81}, "empty": nil,
	} {
		if p := readPicture(codecVP8, b); p.at != 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p := readPicture(codecVP9, b); p.at != 0 {
		t.Error("VP9 is renumbered")
	}
}

func TestLayersHaveTheNamesOfTheLadderOnly(t *testing.T) {
	t.Parallel()
	head := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=sendonly\r\n"
	v, err := vet(head+"a=rid:h send\r\na=rid:l send\r\na=rid:m send\r\na=simulcast:send h;l;m\r\n", maxMedia)
	if err != nil || !equal(v.media["0"].rids, []string{"l", "m", "h"}) {
		t.Errorf("rids %v, %v", v.media["0"].rids, err)
	}
	for name, lines := range map[string]string{"unknown": "a=rid:q send\r\n", "twice": "a=rid:l send\r\na=rid:l send\r\n"} {
		if _, err := vet(head+lines, maxMedia); err == nil {
			t.Errorf("%s: let through", name)
		}
	}
}
