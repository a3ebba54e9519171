//go:build linux

package main

import (
	"fmt"
	"slices"
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
	r.nothingIsLost()
	r.jana.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.jana.sees("noch nicht verglichen", r.kern.name, "Mitschrift ist nicht Ende-zu-Ende-verschlüsselt")
	r.jana.presses("Selbst prüfen")
	r.jana.sees("Ton, ", "Bild, ", "Ohne Schlüssel lässt sich nicht öffnen", "Mit Schlüssel lässt sich öffnen")
	r.jana.presses("Code stimmt")
	r.jana.sees("Code verglichen", "bestätigt")
	r.jana.pictures("live-verschluesselung")
	r.jana.presses("Schließen")
	if got := r.kern.seal().Members; len(got) != 1 || got[0].Trust != "new" {
		t.Errorf("what one has compared is confirmed for the other: %+v", got)
	}
	r.thirdComesAndGoes(code)
}

// nothingIsLost waits until each has opened as many frames of the other as that one has sealed, but for those on their way.
func (r *room) nothingIsLost() {
	r.t.Helper()
	self := asked[string](r.jana, `window.konsil.room.seal().then((s) => Object.keys(s.counts).map((k) => k.split("/")[0]).find((k) => !s.members.some((m) => m.peer === k)))`)
	var sealed, opened int
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		opened = r.kern.seal().Counts[self+"/mic"].Done
		sealed = r.jana.seal().Counts[self+"/mic"].Done
		if opened > 0 && sealed-opened < 25 { // half a second
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d frames of sound are sealed, %d are opened", sealed, opened)
		}
	}
}

// thirdComesAndGoes: whoever comes changes the code and hears what follows; when she has gone there are new keys, and those who
// stay go on seeing each other.
func (r *room) thirdComesAndGoes(code string) {
	r.t.Helper()
	karin := r.person("Karin Oelze")
	karin.signsIn("Koordination")
	karin.visits("/conferences/" + r.code)
	karin.follows("Zum Raum")
	karin.until("the notes", `window.konsil?.notes.connected()`)
	three := sameCode(r.t, code, r.jana, r.kern, karin)
	karin.seesEverybodyMove(2)
	if epoch := r.jana.seal().Epoch; epoch != karin.seal().Epoch {
		r.t.Errorf("jana seals in epoch %d, karin in %d", epoch, karin.seal().Epoch)
	}
	r.jana.until("karin is not confirmed, kern still is", `window.konsil.room.seal().then((s) => s.members.map((m) => m.trust).sort().join() === "new,verified")`)
	before := r.jana.seal().Epoch
	karin.leaves()
	sameCode(r.t, three, r.jana, r.kern)
	for _, p := range []*person{r.jana, r.kern} {
		p.until("a key that karin never had", fmt.Sprintf(`window.konsil.room.seal().then((s) => s.epoch > %d)`, before))
		p.seesEverybodyMove(1)
		for name, c := range p.seal().Counts {
			if c.Failed > 0 || c.Plain > 0 {
				r.t.Errorf("%s: frames of %s: %+v", p.name, name, c)
			}
		}
	}
}
