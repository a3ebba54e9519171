//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestARoomIsFilledAndMeasured(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	all := lines(t, "room", "-publishers", "2", "-subscribers", "1", "-seconds", "1", "-joins", "3", "-with", "plain-pion")
	if len(all) != 3 || all[0]["server"] != "konsil" || all[1]["server"] != "plain-pion" {
		t.Fatalf("not one line of each server and a summary: %v", all)
	}
	for _, r := range all {
		has(t, r, "lost", "latency_p50_ms", "latency_p99_ms", "first_keyframe_p50_ms", "first_keyframe_max_ms", "join_p50_ms",
			"cpu_us_per_packet", "cpu_ms_per_join", "rss_per_person_bytes")
		// Each publisher is seen by the other one and by the subscriber: four times 320 packets in a second, fewer on a busy machine.
		if n, _ := r["packets"].(float64); n < 200 || n > 2600 {
			t.Errorf("%v packets in a second", n)
		}
		if p50, _ := r["first_keyframe_p50_ms"].(float64); p50 <= 0 {
			t.Errorf("nobody saw a picture: %v", r)
		}
	}
	has(t, all[2], "cpu_by_plain_pion")
}

func TestSinksCountWhatIsMissingOnce(t *testing.T) {
	t.Parallel()
	h := newHall(nil, 0)
	h.counting.Store(true)
	a := &attendee{hall: h, awaits: map[int]bool{3: true}}
	s := &sink{hall: h, of: a, from: -1}
	take := func(n uint32, marker, key bool) { s.take(mark{n, 0, 3}, time.Second, marker, key) }
	take(10, true, false) // the end of a picture that began before
	take(11, false, true)
	take(13, false, false) // 12 is late
	take(12, false, false)
	take(14, true, false)
	if a.settled() || h.pictures.n.Load() != 0 {
		t.Error("a picture whose packets came in disorder counts as one that was waited for in vain")
	}
	take(12, false, false) // again
	take(16, false, true)
	take(17, true, false)
	if h.pictures.n.Load() != 1 {
		t.Errorf("%d whole pictures", h.pictures.n.Load())
	}
	if n := h.packets.Load(); n != 7 {
		t.Errorf("%d packets, want 7", n)
	}
	if lost := s.lost(20, false); lost != 4 { // 15, 18, 19, 20
		t.Errorf("%d of 20 lost, want 4", lost)
	}
	if lost := s.lost(20, true); lost != 1 {
		t.Errorf("%d lost of what came before leaving, want 1", lost)
	}
}

func TestRoomsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"nobody publishes": "-subscribers 3",
		"alone":            "-publishers 1",
		"a crowd":          "-scenario 1x500",
		"no scenario":      "-scenario viele",
		"no time":          "-seconds 0",
		"no run":           "-runs 0",
		"unknown server":   "-with zauberei",
		"unknown":          "etwas",
		"both":             "-url http://127.0.0.1:1 -plain",
		"nobody there":     "-url http://127.0.0.1:1 -publishers 1 -subscribers 1",
	} {
		if err := run(append([]string{"room"}, strings.Fields(args)...), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
