package sfu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// settled waits until a peer has worked off what was queued.
func (c *client) settled() {
	c.t.Helper()
	eventually(c.t, "the queue is empty", func() bool { return len(c.peer.calls) == 0 })
}

func TestGiantAndMalformedDescriptionsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	head := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for name, sdp := range map[string]string{
		"empty":            "",
		"noise":            "\x00\xff\xfe",
		"giant":            head + strings.Repeat("a=x\r\n", 20000),
		"thousand m-lines": head + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 1000),
		"no media":         head,
		"no mid":           head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n",
		"no fingerprint":   head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=ice-ufrag:aaaa\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n",
	} {
		before := s.Stats().Refused
		anna.peer.Offer(1, sdp, nil)
		anna.peer.Answer(0, sdp) // nothing is outstanding
		anna.settled()
		if name != "no media" && s.Stats().Refused == before {
			eventually(t, name+" is refused", func() bool { return s.Stats().Refused > before })
		}
	}
	anna.publish("camera") // and all is well
	ben.sees("anna", "camera", 10)
}

// Port 0 means rejected, but not where a line has no port of its own because it shares that of another (RFC 9143 §6).
func TestATrackThatSharesAPortIsSentAndARejectedOneIsNot(t *testing.T) {
	t.Parallel()
	line := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 109\r\na=mid:1\r\na=sendonly\r\n"
	for text, sends := range map[string]bool{line: false, line + "a=bundle-only\r\n": true} {
		v, err := vet(text, maxMedia)
		if err != nil {
			t.Fatal(err)
		}
		if v.media["1"].sends != sends {
			t.Errorf("sends is %v in %q", !sends, text)
		}
	}
}

func TestMalformedOfferDuringACallLeavesItRunning(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	anna.peer.Offer(2, "v=0\r\nnonsense", nil)
	anna.peer.Offer(3, strings.Repeat("m", maxSDP+1), nil)
	ben.peer.Answer(1, "v=0\r\nlate and wrong")
	ben.sees("anna", "camera", 30)
}

func TestTracksMustFitTheDescription(t *testing.T) {
	t.Parallel()
	v, err := vet("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"+
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n"+
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\n"+
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=inactive\r\n", maxMedia)
	if err != nil {
		t.Fatal(err)
	}
	if v.media["2"].sends || !v.media["1"].sends {
		t.Errorf("directions: %+v", v.media)
	}
	for name, c := range map[string]struct {
		tracks []Track
		fits   bool
	}{
		"all three":     {[]Track{{MID: "0", Source: "mic"}, {MID: "1", Source: "camera"}, {MID: "2", Source: "screen"}}, true},
		"none":          {nil, true},
		"wrong kind":    {[]Track{{MID: "0", Source: "camera"}}, false},
		"unknown":       {[]Track{{MID: "0", Source: "recorder"}}, false},
		"absent":        {[]Track{{MID: "7", Source: "mic"}}, false},
		"twice":         {[]Track{{MID: "1", Source: "camera"}, {MID: "2", Source: "camera"}}, false},
		"same line":     {[]Track{{MID: "1", Source: "camera"}, {MID: "1", Source: "screen"}}, false},
		"more than few": {make([]Track, maxTracks+1), false},
	} {
		if err := v.fits(c.tracks); (err == nil) != c.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTenThousandCandidatesDoNoHarm(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	for i := range 10000 {
		raw := fmt.Sprintf(`{"candidate":"candidate:%d 1 udp 2130706431 127.0.0.1 %d typ host","sdpMid":"0"}`, i, 1024+i)
		anna.peer.Candidate([]string{"pub", "sub", "other"}[i%3], json.RawMessage(raw))
		if i%50 == 0 {
			anna.settled()
		}
	}
	anna.settled()
	if r := s.Stats().Refused; r < 5000 {
		t.Errorf("only %d refused", r)
	}
	ben.sees("anna", "camera", 30)
}

func TestCandidatesThatLeadAstrayAreRefused(t *testing.T) {
	t.Parallel()
	line := func(proto, ip string, port int) json.RawMessage {
		raw, _ := json.Marshal(map[string]string{"candidate": fmt.Sprintf("candidate:1 1 %s 1 %s %d typ host", proto, ip, port)})
		return raw
	}
	for name, c := range map[string]struct {
		raw             json.RawMessage
		inside, outside bool // let through by a server without, with a public address
	}{
		"loopback":     {line("udp", "127.0.0.1", 9), true, false},
		"mapped":       {line("udp", "::ffff:127.0.0.1", 9), true, false},
		"private":      {line("udp", "10.1.2.3", 9), true, false},
		"unique local": {line("udp", "fd00::1", 9), true, false},
		"link-local":   {line("udp", "169.254.169.254", 9), true, false},
		"public":       {line("UDP", "192.0.2.1", 9), true, true},
		"unspecified":  {line("udp", "0.0.0.0", 9), false, false},
		"unspecified6": {line("udp", "::", 9), false, false},
		"multicast":    {line("udp", "239.1.1.1", 9), false, false},
		"multicast6":   {line("udp", "ff02::1", 9), false, false},
		"broadcast":    {line("udp", "255.255.255.255", 9), false, false},
		"mdns":         {line("udp", "4f1e.local", 9), false, false},
		"tcp":          {line("tcp", "192.0.2.1", 9), false, false},
		"no port":      {line("udp", "192.0.2.1", 0), false, false},
		"empty":        {json.RawMessage(`{}`), false, false},
		"no json":      {json.RawMessage(`{`), false, false},
		"null":         {json.RawMessage(`null`), false, false},
		"nothing":      {nil, false, false},
		"long":         {json.RawMessage(`{"candidate":"` + strings.Repeat("x", maxCandidate) + `"}`), false, false},
	} {
		if _, err := (gate{}).parse(c.raw); (err == nil) != c.inside {
			t.Errorf("%s, inside: %v", name, err)
		}
		if _, err := (gate{global: true}).parse(c.raw); (err == nil) != c.outside {
			t.Errorf("%s, outside: %v", name, err)
		}
	}
}

func TestPublicAddressesReplaceThoseOfTheInterfaces(t *testing.T) {
	t.Parallel()
	s, err := Listen(Config{Addr: "127.0.0.1:0", PublicIPs: []netip.Addr{netip.MustParseAddr("198.51.100.7")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := make(chan string, 16)
	p, err := s.Join("r", "anna", func(e Event) {
		if e.Candidate != nil {
			found <- string(e.Candidate.Init)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	anna := join(t, s, "r", "ben")
	anna.publish("mic") // so that anna is offered something
	select {
	case c := <-found:
		if !strings.Contains(c, " 198.51.100.7 ") {
			t.Errorf("candidate %s", c)
		}
	case <-time.After(30 * time.Second):
		t.Error("no candidate")
	}
}

func TestFloodIsRefusedWithoutWaiting(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	began := time.Now()
	for range 20000 {
		anna.peer.Rebuild("none")
		anna.peer.Answer(-1, "v=0")
		anna.peer.Offer(-1, "v=0", nil)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the flood was waited for: %v", took)
	}
	ben.sees("anna", "camera", 30)
	if s.Stats().Refused == 0 {
		t.Error("nothing was refused")
	}
}

func TestUnansweredOfferStartsTheConnectionAgain(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	ben.mu.Lock()
	ben.deaf = true
	ben.mu.Unlock()
	anna.publish("mic")
	count := func() int {
		ben.mu.Lock()
		defer ben.mu.Unlock()
		return len(ben.offers)
	}
	eventually(t, "an offer", func() bool { return count() == 1 })
	time.Sleep(answerWait - 500*time.Millisecond)
	if n := count(); n != 1 {
		t.Errorf("%d offers while one is outstanding", n)
	}
	ben.mu.Lock()
	ben.deaf = false
	ben.mu.Unlock()
	eventually(t, "another offer", func() bool { return count() == 2 })
	ben.sees("anna", "mic", 20)
}

func TestJoinLeaveStorm(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for round := range 4 {
				c := join(t, s, fmt.Sprint("room", i%2), fmt.Sprintf("p%d-%d", i, round))
				c.publish("mic", "camera")
				time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
				c.mu.Lock()
				stable := c.pub.SignalingState() == webrtc.SignalingStateStable
				c.mu.Unlock()
				if stable {
					c.publish("screen")
				}
				c.leave()
			}
		})
	}
	all.Wait()
	eventually(t, "everybody is gone", func() bool { st := s.Stats(); return st.Peers == 0 && st.Rooms == 0 })
	anna, ben := join(t, s, "room0", "anna"), join(t, s, "room0", "ben")
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
}

func TestRebuildingOnAndOnIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	ben.mu.Lock()
	ben.deaf = true
	ben.mu.Unlock()
	anna.publish("mic")
	end := time.Now().Add(1200 * time.Millisecond)
	for time.Now().Before(end) {
		ben.peer.Rebuild("sub")
		time.Sleep(2 * time.Millisecond)
	}
	ben.mu.Lock()
	n := len(ben.offers)
	ben.mu.Unlock()
	if n < 2 || n > 4 {
		t.Errorf("%d offers in 1.2 s", n)
	}
}

func TestNoAddressOfAClientIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // slog's handler takes turns; read after Close
	s, err := Listen(Config{Addr: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.peer.Offer(1, "v=0\r\no=- 1 1 IN IP4 203.0.113.99\r\nc=203.0.113.99", nil)
	anna.peer.Candidate("pub", json.RawMessage(`{"candidate":"candidate:1 1 udp x 203.0.113.99 9 typ host"}`))
	anna.peer.Candidate("pub", json.RawMessage(`{"candidate":203.0.113.99}`))
	anna.settled()
	anna.gen = 1
	anna.publish("camera")
	ben.sees("anna", "camera", 10)
	anna.leave()
	ben.leave()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "refused") || strings.Contains(text, "203.0.113.99") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("log:\n%s", text)
	}
}
