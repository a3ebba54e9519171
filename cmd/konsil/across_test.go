//go:build linux

package main

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// Two people with browsers of two makers, in one room: what the one seals the other opens.

func TestChromiumAndFirefoxMeetInOneRoom(t *testing.T) {
	chromium(t)
	findFirefox(t)
	h := newHouse(t)
	r := h.meeting(h.person("Jana Brandt"), h.personAtFirefox("Dr. Anselm Kern"))
	both := []*person{r.jana, r.kern}
	for _, p := range both {
		p.switchesOn()
	}
	for _, p := range both {
		p.seesEverybodyMove(1)
	}
	code := sameCode(t, "", both...)
	for _, p := range both {
		p.sees("Ende-zu-Ende-verschlüsselt · Code: " + code)
		p.sendsNothingUnsealed()
	}
	r.nothingIsLost()
	r.writeAtOnce()
	for _, p := range both {
		p.isSealedAndCiphered()
	}
}

// sendsNothingUnsealed compares what the encoders gave with what the worker saw of it; some frames are always on their way.
func (p *person) sendsNothingUnsealed() {
	p.t.Helper()
	p.until("all frames pass the worker", `window.konsil.room.passes().then((all) =>
		all.length === 2 && all.every(({ encoded, passed }) => passed > 0 && Math.abs(encoded - passed) <= 30))`)
	p.t.Logf("%s sends %s", p.name, asked[string](p, `window.konsil.room.passes().then((all) => JSON.stringify(all))`))
}

// isSealedAndCiphered looks at each frame's fate so far, and at the cipher of both connections.
func (p *person) isSealedAndCiphered() {
	p.t.Helper()
	counts := p.seal().Counts
	for name, c := range counts {
		if c.Done == 0 || c.Failed > 0 || c.Plain > 0 {
			p.t.Errorf("%s: frames of %s: %+v", p.name, name, c)
		}
	}
	ciphers := asked[[]string](p, `window.konsil.room.stats().then((s) => s.srtpCiphers)`)
	if len(counts) != 4 {
		p.t.Errorf("%s: sealed or opened are only %+v", p.name, counts)
	}
	if len(ciphers) != 2 || slices.ContainsFunc(ciphers, func(c string) bool { return c != "SRTP_AEAD_AES_128_GCM" }) {
		p.t.Errorf("%s: between browser and server: %q", p.name, ciphers)
	}
	p.t.Logf("%s: %s, %q, %+v, decoded %v", p.name, asked[string](p, `navigator.userAgent`), ciphers, counts,
		asked[map[string]int](p, `window.konsil.room.stats().then((s) => s.framesDecoded)`))
}

// writeAtOnce: both type into one section, and read the same.
func (r *room) writeAtOnce() {
	r.t.Helper()
	const atChromium, atFirefox = "Größe klein 🙂. ", "Schmerz führt, ö 👍. "
	for _, p := range []*person{r.jana, r.kern} {
		p.writesIn("assessment")
	}
	failed := make(chan error, 2)
	began := time.Now()
	go func() { failed <- r.jana.types(atChromium) }()
	go func() { failed <- r.kern.types(atFirefox) }()
	for range 2 {
		if err := <-failed; err != nil {
			r.t.Fatal(err)
		}
	}
	r.t.Logf("typed in %v", time.Since(began).Round(time.Millisecond))
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		one, other := r.jana.texts(), r.kern.texts()
		if maps.Equal(one, other) && letters(one["assessment"]) == letters(atChromium+atFirefox) {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("one reads %q, the other %q", one, other)
		}
	}
	for _, p := range []*person{r.jana, r.kern} {
		p.until("everything saved", `window.konsil.notes.unsaved() === 0 && document.getElementById("saved").innerText === "gespeichert"`)
	}
}
