//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What people see and hear in the room is sealed in their browsers: real pages, real pictures, and what they say about it.

// sealState is konsil.room.seal().
type sealState struct {
	Code    string
	Broken  bool
	Epoch   int
	Members []struct{ Peer, Trust string }
	Counts  map[string]struct{ Done, Withheld, Failed, Plain int }
}

func (p *person) seal() sealState {
	p.t.Helper()
	return asked[sealState](p, `window.konsil.room.seal()`)
}

// switchesOn camera and microphone.
func (p *person) switchesOn() {
	p.t.Helper()
	p.presses("Kamera aus")
	p.presses("Mikrofon aus")
	p.sees("Kamera an", "Mikrofon an")
}

// sameCode waits until everybody's page shows the same two words, other ones than before.
func sameCode(t *testing.T, before string, all ...*person) string {
	t.Helper()
	var codes []string
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		codes = codes[:0]
		for _, p := range all {
			codes = append(codes, p.seal().Code)
		}
		if c := slices.Compact(slices.Clone(codes)); len(c) == 1 && c[0] != "" && c[0] != before {
			return c[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the codes are %q, before it was %q", codes, before)
		}
	}
}

func TestPicturesAndSoundAreSealedAndEverybodyReadsTheSameCode(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	for _, p := range []*person{r.jana, r.kern} {
		p.switchesOn()
	}
	for _, p := range []*person{r.jana, r.kern} {
		p.seesEverybodyMove(1)
	}
	code := sameCode(t, "", r.jana, r.kern)
	if words := strings.Fields(code); len(words) != 2 {
		t.Errorf("the code is %q", code)
	}
	for _, p := range []*person{r.jana, r.kern} {
		for name, c := range p.seal().Counts {
			if c.Done == 0 || c.Failed > 0 || c.Plain > 0 {
				t.Errorf("%s: frames of %s: %+v", p.name, name, c)
			}
		}
		ciphers := asked[[]string](p, `window.konsil.room.stats().then((s) => s.srtpCiphers)`)
		if len(ciphers) != 2 || slices.ContainsFunc(ciphers, func(c string) bool { return c != "SRTP_AEAD_AES_128_GCM" }) {
			t.Errorf("%s: between browser and server: %q", p.name, ciphers)
		}
	}
}
