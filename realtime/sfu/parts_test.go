package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func TestSequenceFollowsWrapAroundAndReordering(t *testing.T) {
	t.Parallel()
	var s sequence
	base := s.extend(65534)
	for i, c := range []struct {
		sn   uint16
		want int64
	}{{65535, 1}, {0, 2}, {2, 4}, {1, 3}, {65533, -1}, {3, 5}} {
		if got := s.extend(c.sn) - base; got != c.want {
			t.Errorf("%d: %d is %d after the first, want %d", i, c.sn, got, c.want)
		}
	}
}

func TestMungerGoesOnWithoutABreakWhenTheSourceChanges(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var m munger
	m.start(&packet{ext: 70000, timestamp: 5000}, 90000, now)
	sn1, ts1, ok := m.apply(&packet{ext: 70000, timestamp: 5000}, now)
	if !ok || sn1 > 1<<15 {
		t.Errorf("first number %d", sn1)
	}
	if _, _, ok := m.apply(&packet{ext: 69999, timestamp: 4900}, now); ok {
		t.Error("a packet from before the start was let through")
	}
	sn3, _, _ := m.apply(&packet{ext: 70002, timestamp: 5000}, now)
	sn2, _, _ := m.apply(&packet{ext: 70001, timestamp: 5000}, now)
	if sn2 != sn1+1 || sn3 != sn1+2 {
		t.Errorf("numbers %d %d %d", sn1, sn2, sn3)
	}
	if ext, ok := m.source(sn2); !ok || ext != 70001 {
		t.Errorf("%d leads back to %d, %v", sn2, ext, ok)
	}
	m.pause()
	later := now.Add(time.Second)
	m.start(&packet{ext: 90, timestamp: 4000000000}, 90000, later)
	sn4, ts4, _ := m.apply(&packet{ext: 90, timestamp: 4000000000}, later)
	if sn4 != sn3+1 {
		t.Errorf("number after the change %d, want %d", sn4, sn3+1)
	}
	if passed := ts4 - ts1; passed != 90000 {
		t.Errorf("a second is %d ticks", passed)
	}
	if _, ok := m.source(sn2); ok {
		t.Error("a number of the old source leads into the new one")
	}
}

func TestCacheGivesThePictureOnlyWhileItIsFresh(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := newCache(videoCache)
	if _, _, ok := c.picture(now); ok {
		t.Error("an empty cache has a picture")
	}
	c.put(packet{ext: 100, key: true, payload: []byte{1}}, now)
	c.put(packet{ext: 101, payload: []byte{2}}, now)
	if from, to, ok := c.picture(now); !ok || from != 100 || to != 101 {
		t.Errorf("picture %d…%d, %v", from, to, ok)
	}
	if _, _, ok := c.picture(now.Add(gopAge + 1)); ok {
		t.Error("an old picture is replayed")
	}
	c.put(packet{ext: 100 + gopPackets}, now)
	if _, _, ok := c.picture(now); ok {
		t.Error("a long picture is replayed")
	}
	c.put(packet{ext: 100 + videoCache, payload: []byte{3}}, now)
	if c.get(100) != nil || c.get(100 + videoCache).payload[0] != 3 {
		t.Error("the cache did not go round")
	}
	c.clear()
	if c.get(101) != nil || c.get(0) != nil || c.get(-5) != nil {
		t.Error("a cleared cache remembers")
	}
}

func TestCacheGrowsToWhatTwoSecondsHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ perSecond, slots int }{
		"a thin layer": {30, 64}, "a dense one": {100, 256}, "more than it may": {2000, videoCache},
	} {
		kept, now := newCache(videoCache), time.Now()
		if kept.slots != nil {
			t.Fatal("a cache has room before anything has come")
		}
		last := int64(5 * c.perSecond)
		for ext := int64(1); ext <= last; ext++ {
			now = now.Add(time.Second / time.Duration(c.perSecond))
			kept.put(packet{ext: ext, payload: []byte{byte(ext)}}, now)
		}
		if len(kept.slots) != c.slots {
			t.Errorf("%s takes %d slots, not %d", name, len(kept.slots), c.slots)
		}
		for ext := last; ext > last-int64(min(2*c.perSecond, videoCache)); ext-- {
			if pk := kept.get(ext); pk == nil || pk.payload[0] != byte(ext) {
				t.Fatalf("%s: packet %d of %d is gone", name, ext, last)
			}
		}
	}
}

func TestCacheKeepsLatePacketsBesideNewerOnes(t *testing.T) {
	t.Parallel()
	c, now := newCache(videoCache), time.Now()
	c.put(packet{ext: 1000}, now)
	c.put(packet{ext: 1100}, now) // all between are late
	for ext := int64(1001); ext < 1100; ext++ {
		c.put(packet{ext: ext}, now.Add(time.Minute))
	}
	for ext := int64(1000); ext <= 1100; ext++ {
		if c.get(ext) == nil {
			t.Fatalf("packet %d is gone", ext)
		}
	}
}

func TestGapsAreAskedForAFewTimesThenGivenUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var g gaps
	if !g.open(10, 13, now) {
		t.Fatal("three gaps are too many")
	}
	if due, _ := g.due(now, nil); len(due) > 0 {
		t.Error("asked for before reordered packets could come")
	}
	g.fill(11)
	now = now.Add(firstNackAfter)
	if due, _ := g.due(now, nil); len(due) != 2 || due[0] != 10 || due[1] != 12 {
		t.Errorf("due: %v", due)
	}
	asked, lost := 1, 0
	for range 20 {
		now = now.Add(nackEvery)
		due, gone := g.due(now, nil)
		lost += gone
		if len(due) > 0 {
			asked++
		}
	}
	if asked != nackTries || lost != 2 || g.n != 0 {
		t.Errorf("asked %d times, %d lost, %d left", asked, lost, g.n)
	}
	if g.open(0, maxGaps+1, now) || g.n != 0 {
		t.Error("a break was taken for loss")
	}
}

func TestKeyFramesAreFoundInThePayloadDescriptor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codec codec
		b     []byte
		want  bool
	}{
		"VP8 key":                   {codecVP8, []byte{0x10, 0x00}, true},
		"VP8 delta":                 {codecVP8, []byte{0x10, 0x01}, false},
		"VP8 key, later packet":     {codecVP8, []byte{0x00, 0x00}, false},
		"VP8 key, later partition":  {codecVP8, []byte{0x11, 0x00}, false},
		"VP8 key, short picture id": {codecVP8, []byte{0x90, 0x80, 0x01, 0x00}, true},
		"VP8 key, all extensions":   {codecVP8, []byte{0x90, 0xf0, 0x80, 0x01, 0x02, 0x03, 0x00}, true},
		"VP8 delta, all extensions": {codecVP8, []byte{0x90, 0xf0, 0x80, 0x01, 0x02, 0x03, 0x01}, false},
		"VP8 cut off":               {codecVP8, []byte{0x90, 0xf0, 0x80}, false},
		"VP8 cut off at once":       {codecVP8, []byte{0x90}, false},
		"VP9 key":                   {codecVP9, []byte{0x08}, true},
		"VP9 delta":                 {codecVP9, []byte{0x48}, false},
		"VP9 key, later packet":     {codecVP9, []byte{0x00}, false},
		"VP9 key, lowest layer":     {codecVP9, []byte{0xa8, 0x81, 0x02, 0x10}, true},
		"VP9 key, upper layer":      {codecVP9, []byte{0xa8, 0x01, 0x12}, false},
		"VP9 cut off":               {codecVP9, []byte{0xa8, 0x81}, false},
		"Opus":                      {codecOpus, []byte{0x10, 0x00}, false},
		"empty":                     {codecVP8, nil, false},
	} {
		if got := startsKeyFrame(c.codec, c.b); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzPayloadDescriptors(f *testing.F) {
	f.Add(uint8(codecVP8), []byte{0x90, 0xf0, 0x80, 0x01, 0x02, 0x03, 0x00})
	f.Add(uint8(codecVP9), []byte{0xa8, 0x81, 0x02, 0x10})
	f.Fuzz(func(_ *testing.T, c uint8, b []byte) {
		startsKeyFrame(codec(c), b)
		unpad(b, true)
		transportNumber(b, 3)
	})
}

func FuzzVet(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := vet(text, maxMedia)
		if err == nil && len(v.media) > maxMedia {
			t.Errorf("%d media sections", len(v.media))
		}
		_ = gate{}.check(text)
	})
}

func TestArrivalsAreReportedWithHolesAndPauses(t *testing.T) {
	t.Parallel()
	origin := time.Now()
	l := newArrivalLog(origin)
	if l.next(1) != nil {
		t.Error("a report of nothing")
	}
	at := origin.Add(time.Second)
	sent := map[uint16]time.Duration{65534: 0, 65535: 5 * time.Millisecond, 1: 100 * time.Millisecond, 2: 90 * time.Millisecond}
	for n, d := range sent {
		l.note(n, at.Add(d))
	}
	l.begun, l.from = true, 65534
	p := l.next(1)
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var back rtcp.TransportLayerCC
	if err := back.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	if back.BaseSequenceNumber != 65534 || back.PacketStatusCount != 5 || len(back.RecvDeltas) != len(sent) {
		t.Fatalf("report: %v", back)
	}
	clock := int64(back.ReferenceTime) * 64000
	for i, n := range []uint16{65534, 65535, 1, 2} {
		clock += back.RecvDeltas[i].Delta
		want := (time.Second + sent[n]).Microseconds()
		if diff := clock - want; diff < -arrivalUnit || diff > arrivalUnit {
			t.Errorf("packet %d arrived at %d µs, want %d", n, clock, want)
		}
	}
	if l.next(1) != nil {
		t.Error("the same report twice")
	}
	l.note(3, at.Add(time.Hour)) // too far for the delta of one report
	l.note(4, at.Add(2*time.Hour))
	for i := range 2 {
		if p := l.next(1); p == nil || p.PacketStatusCount != 1 {
			t.Errorf("report %d after a pause: %v", i, p)
		}
	}
}

func TestTransportNumbersAreReadFromTheHeader(t *testing.T) {
	t.Parallel()
	h := rtp.Header{Version: 2, CSRC: []uint32{1, 2}}
	for id, v := range map[uint8][]byte{1: {9}, 3: {0x12, 0x34}, 5: {1, 2, 3}} {
		if err := h.SetExtension(id, v); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := transportNumber(raw, 3); !ok || n != 0x1234 {
		t.Errorf("number %x, %v", n, ok)
	}
	if _, ok := transportNumber(raw, 4); ok {
		t.Error("an extension that is not there was found")
	}
	for cut := range raw {
		transportNumber(raw[:cut], 3) // must not panic
	}
}

func TestReceptionReportCountsWhatIsMissing(t *testing.T) {
	t.Parallel()
	l := newUp(&Peer{sfu: &SFU{}}, "mic", nil).layers[0]
	now := time.Now()
	if _, ok := l.reception(now); ok {
		t.Error("a report before the first packet")
	}
	for ext := int64(70000); ext < 70100; ext++ {
		if ext%4 != 1 {
			l.arrived.note(ext, uint32(ext*960), 48000, now.Add(time.Duration(ext-70000)*20*time.Millisecond))
		}
	}
	l.sender.Store(&senderReport{ntp: 0x1122334455667788, at: now.Add(-time.Second)})
	r, _ := l.reception(now)
	if r.FractionLost != 64 || r.TotalLost != 25 || r.LastSenderReport != 0x33445566 || r.Delay != 65536 {
		t.Errorf("report %+v", r)
	}
	if r.Jitter > 1 {
		t.Errorf("jitter %d of an even stream", r.Jitter)
	}
}

func TestNothingIsRepeatedMoreThanThreeTimes(t *testing.T) {
	t.Parallel()
	l, s := fanOut(t, 1)
	b := &batch{socket: l.up.peer.sfu.socket}
	l.begin(b)
	defer l.end()
	defer b.flush()
	l.readMail()
	cam := newCamera(100)
	buf := make([]byte, maxPacket)
	for range 100 {
		n, _, _ := cam.Read(buf)
		l.handle(&s, buf[:n], time.Now())
	}
	d := (*l.up.receivers.Load())[0]
	before, last := l.up.count.out.Load(), uint16(d.munge.last)
	for range 10 {
		d.repeat(l, []rtcp.NackPair{{PacketID: last - 1, LostPackets: 1}, {PacketID: last + 100}, {PacketID: last - 600}})
	}
	if n := l.up.count.out.Load() - before; n != 2*maxRepeats {
		t.Errorf("%d repeats of 2 packets", n)
	}
}

func TestPaddingIsTakenOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   []byte
		want int // length, -1: refused
	}{{[]byte{1, 2, 3, 0, 2}, 3}, {[]byte{0, 2}, 0}, {[]byte{1, 3}, -1}, {nil, 0}} {
		got, ok := unpad(c.in, true)
		if ok != (c.want >= 0) || ok && len(got) != c.want {
			t.Errorf("%v: %v, %v", c.in, got, ok)
		}
	}
}
