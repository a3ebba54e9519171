//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
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
	p.sees("Kamera an") // until then the buttons move
	p.presses("Mikrofon aus")
	p.sees("Mikrofon an")
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
	r.jana.pictures("live-code")
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

// moderator comes into the room.
func (r *room) moderator() *person {
	r.t.Helper()
	karin := r.person("Karin Oelze")
	karin.signsIn("Koordination")
	karin.visits("/conferences/" + r.code)
	karin.follows("Zum Raum")
	karin.until("the notes", `window.konsil?.notes.connected()`)
	return karin
}

// goneIsGone: when somebody has left there are new keys, another code, and those who stay go on seeing each other.
func (r *room) goneIsGone(gone, shows, watches *person) {
	r.t.Helper()
	three := sameCode(r.t, "", gone, shows, watches)
	before := gone.seal().Epoch
	gone.leaves()
	sameCode(r.t, three, shows, watches)
	shows.until("a key that whoever left never had", fmt.Sprintf(`window.konsil.room.seal().then((s) => s.epoch > %d)`, before))
	watches.seesEverybodyMove(1)
	for name, c := range watches.seal().Counts {
		if c.Failed > 0 || c.Plain > 0 {
			r.t.Errorf("%s: frames of %s: %+v", watches.name, name, c)
		}
	}
}

// TestAPersonsKeyIsKnownAgainAndAnotherOneIsNoticed: nobody has to compare twice with the same device, and a new key under an
// old name is called that, even where the server vouches for it.
func TestAPersonsKeyIsKnownAgainAndAnotherOneIsNoticed(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	code := sameCode(t, "", r.jana, r.kern)
	trusts := func(trust string) string {
		return fmt.Sprintf(`window.konsil?.room.seal().then((s) => s.members.length === 1 && s.members[0].trust === %q)`, trust)
	}
	r.jana.until("somebody new", trusts("new"))
	r.jana.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.jana.presses("Code stimmt")
	r.jana.until("confirmed", trusts("verified"))

	r.kern.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("confirmed, after he has loaded his page anew", trusts("verified"))
	r.jana.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("confirmed, after she has loaded hers", trusts("verified"))
	r.kern.until("somebody whom he has not compared with", trusts("known"))

	asked[bool](r.kern, `new Promise((done, failed) => {
		const gone = indexedDB.deleteDatabase("konsil-keys");
		gone.onsuccess = () => done(true);
		gone.onerror = failed;
	})`)
	r.kern.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("another key under his name", trusts("changed"))
	r.devicesAreOld(2)
	r.kern.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("another key still, for which the server vouches", fmt.Sprintf(`document.getElementById("tiles").innerText.includes("unbestätigt") && %s`, trusts("changed")))
	r.jana.sees("Code: " + code + " · Schlüssel geändert")
	r.jana.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.jana.sees("Schlüssel geändert", "Diese Person ist mit einem anderen Gerät oder neu angemeldet da")
}

// devicesAreOld lets kern's devices have been registered the day before; there must be that many.
func (r *room) devicesAreOld(want int) {
	r.t.Helper()
	const his = `account_id = (select id from account where name = 'Dr. Anselm Kern')`
	for deadline := time.Now().Add(patience); one[int](r.house, `select count(*) from account_device_key where `+his) < want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("his device is not registered")
		}
	}
	if _, err := r.db.Exec(r.t.Context(), `update account_device_key set made_at = made_at - interval '1 day' where `+his); err != nil {
		r.t.Fatal(err)
	}
}

// TestWhoIsNotConfirmedIsMarkedUntilSheIs: a tile says so of a device that is new, and no longer once its account had it before
// or the code was compared.
func TestWhoIsNotConfirmedIsMarkedUntilSheIs(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	marked := func(yes bool) string {
		return fmt.Sprintf(`document.querySelector("#tiles > li:not(.me) .nm").innerText.includes("unbestätigt") === %t`, yes)
	}
	code := sameCode(t, "", r.jana, r.kern)
	r.jana.until("a mark", marked(true))
	r.kern.until("a mark", marked(true))
	r.jana.pictures("live-unbestaetigt")
	r.jana.presses("Mehr zu Dr. Anselm Kern")
	r.jana.presses("Was heißt „unbestätigt“?")
	r.jana.sees("Das Gerät ist neu", "unbestätigt · noch nicht verglichen")
	r.jana.presses("Schließen")

	r.devicesAreOld(1)
	r.kern.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("no mark: the device is one of before", marked(false))
	r.kern.visits("/")
	r.kern.follows("Abmelden")
	r.kern.signsIn("Fachperson")
	r.kern.visits("/conferences/" + r.code + "/room")
	code = sameCode(t, code, r.jana, r.kern)
	r.jana.until("no mark: signing out keeps the key", marked(false))
	r.kern.until("a mark: hers is new", marked(true))
	r.jana.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.jana.sees("bestätigt durch ein Gerät von früher", "Dafür steht der Server ein, kein Beweis")
	r.jana.presses("Schließen")
	r.kern.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.kern.presses("Code stimmt")
	r.kern.presses("Schließen")
	r.kern.until("no mark: the code was compared", marked(false))
}

// TestAGuestAndWhoeverMadeTheLinkKnowEachOther: the secret behind the # of a guest's link never reaches the server, and whoever
// shows it has the link from the person who made it. To the others a guest is somebody new.
func TestAGuestAndWhoeverMadeTheLinkKnowEachOther(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.kern.leaves()
	beside := r.jana.tab()
	beside.visits("/conferences/" + r.code)
	beside.presses("Gast einladen")
	beside.clicksOn("the kind of guest", `document.querySelector("input[name=guest_kind][value=client]")`)
	beside.clicksOn("the promise", `document.querySelector("input[name=guest_confirmed]")`)
	beside.follows("Link erstellen")
	link := strings.TrimPrefix(asked[string](beside, `document.getElementById("guest-link").value`), r.url)
	if address, secret, _ := strings.Cut(link, "#"); len(secret) != 22 || !strings.HasPrefix(address, "/guest/") {
		t.Fatalf("the link leads to %q with a secret of %d characters", address, len(secret))
	}
	beside.leaves()

	guest := r.person("Gast")
	guest.visits(link)
	guest.presses("Anmelden")
	guest.sees("Sie sind im Warteraum")
	karin := r.moderator()
	karin.presses("Gastphase beginnen")
	karin.presses("Einlassen")
	sameCode(t, "", r.jana, karin, guest)
	trusts := func(trusts ...string) string {
		return fmt.Sprintf(`window.konsil.room.seal().then((s) => s.members.map((m) => m.trust).sort().join() === %q)`, strings.Join(trusts, ","))
	}
	r.jana.until("her guest", trusts("linked", "new"))
	guest.until("whoever made the link", trusts("linked", "new"))
	karin.until("two people she has not compared with", trusts("new", "new"))
	r.jana.switchesOn()
	guest.seesEverybodyMove(1)
	r.goneIsGone(guest, r.jana, karin)
}

// stays is a browser that does not do what it is told: when it is shown out it keeps its page, its keys and its connections, and
// goes on taking whatever comes.
const stays = `
window.frames_ = [];
window.WebSocket = class extends WebSocket {
  set onmessage(take) {
    super.onmessage = take && ((event) => {
      if (typeof event.data === "string") {
        window.frames_.push(event.data);
        if (JSON.parse(event.data).t === "ended") return void (window.out = true);
      }
      take(event);
    });
  }
  set onclose(take) { super.onclose = null; }
};`

// TestWhoIsRemovedCanOpenNothingThatComesAfter although his browser refuses to go.
func TestWhoIsRemovedCanOpenNothingThatComesAfter(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.kern.isGiven(stays)
	r.kern.visits("/conferences/" + r.code + "/room")
	karin := r.moderator()
	r.jana.presses("Mikrofon aus")
	r.jana.sees("Mikrofon an")
	for _, p := range []*person{r.kern, karin} {
		p.until("what jana says", openedFrames+".then((n) => n > 0)")
	}
	before := r.kern.seal().Epoch
	karin.presses("Mehr zu Dr. Anselm Kern")
	karin.presses("Aus der Konferenz entfernen")
	karin.presses("Entfernen")
	r.kern.until("he is told to go", `window.out`)
	for _, p := range []*person{r.jana, karin} {
		p.until("keys that he does not have", fmt.Sprintf(`window.konsil.room.seal().then((s) => s.epoch > %d && s.members.length === 1)`, before))
	}
	opened, heard := asked[int](r.kern, openedFrames), asked[int](karin, openedFrames)
	karin.until("jana goes on speaking", fmt.Sprintf("%s.then((n) => n > %d)", openedFrames, heard+100))
	if now := asked[int](r.kern, openedFrames); now != opened || now == 0 {
		t.Errorf("he had opened %d frames when there were new keys, and has opened %d now", opened, now)
	}
	if epoch := r.kern.seal().Epoch; epoch != before {
		t.Errorf("he has come to epoch %d, before he was removed it was %d", epoch, before)
	}
	if last := asked[string](r.kern, `JSON.parse(window.frames_.at(-1)).t`); last != "ended" {
		t.Errorf("after he was removed there still came %q", last)
	}
}

// openedFrames are the frames of others' sound that a page could open.
const openedFrames = `window.konsil.room.seal().then((s) => Object.entries(s.counts).reduce((sum, [name, c]) => sum + (s.members.some((m) => name === m.peer + "/mic") ? c.done : 0), 0))`

// isGiven lets a script run in each of her pages before the page's own; the function returned takes it away again.
func (p *person) isGiven(script string) (taken func()) {
	p.t.Helper()
	added, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		_, err := chromedp.Call(p.ctx, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams(added))
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// Browsers that fail: one that cannot seal, and one that takes the seal and lets the frames by.
const (
	cannotSeal   = `delete window.RTCRtpScriptTransform;`
	letsFramesBy = `
const own = Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, "transform"), aside = new RTCPeerConnection();
Object.defineProperty(RTCRtpSender.prototype, "transform", { configurable: true, get: own.get, set(t) { own.set.call(aside.addTransceiver("video").sender, t); } });`
)

func TestABrowserThatFailsToSealShowsNothingToAnybody(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	taken := r.kern.isGiven(cannotSeal)
	r.kern.visits("/conferences/" + r.code + "/room")
	r.kern.sees("Ohne Ton und Bild: Dieser Browser kann nicht Ende-zu-Ende verschlüsseln", "2 Personen")
	r.kern.presses("Kamera aus")
	r.kern.sees("Dieser Browser kann Ton und Bild nicht Ende-zu-Ende verschlüsseln")
	r.jana.switchesOn()
	r.jana.until("nobody to share keys with", `window.konsil.room.seal().then((s) => s.epoch > 0 && s.members.length === 0)`)
	if n := asked[int](r.kern, `window.devices.length`); n > 0 {
		t.Errorf("%d devices were asked for that nobody may hear or see", n)
	}
	taken()

	r.kern.isGiven(letsFramesBy)
	r.kern.visits("/conferences/" + r.code + "/room")
	sameCode(t, "", r.jana, r.kern)
	r.kern.presses("Kamera aus")
	r.kern.sees("Ihre Kamera ist aus: Der Browser hat die Verschlüsselung umgangen", "Kamera aus")
	r.kern.until("the camera is let go", `window.devices.length > 0 && window.devices.every((t) => t.readyState === "ended")`)
	for name, c := range r.jana.seal().Counts {
		if peer := r.jana.seal().Members[0].Peer; name == peer+"/camera" && c.Done > 0 {
			t.Errorf("%d frames were opened that had no seal", c.Done)
		}
	}
	if n := asked[int](r.jana, `window.konsil.room.stats().then((s) => Object.values(s.framesDecoded).reduce((a, b) => a + b, 0))`); n > 0 {
		t.Errorf("%d frames without seal were shown", n)
	}
	r.kern.seesEverybodyMove(1) // what jana sends is sealed, and kern has the key
}
