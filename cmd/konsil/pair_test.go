//go:build linux

package main

import (
	"slices"
	"testing"
	"time"
)

// Two people who are alone are connected straight, where the setting allows it: real pages, real pictures, and a server that counts what
// it forwards.

func straight(c *config) { c.PeerToPeer = "on" }

// forwardsNothingWhile looks that no packet of media goes over the server while something happens.
func (r *room) forwardsNothingWhile(what func()) {
	r.t.Helper()
	before := r.rooms.Stats()
	what()
	after := r.rooms.Stats()
	if in, out := after.PacketsIn-before.PacketsIn, after.PacketsOut-before.PacketsOut; in != 0 || out != 0 {
		r.t.Errorf("%d packets reached the server, %d left it", in, out)
	}
	if after.Peers != 0 {
		r.t.Errorf("%d peers are on the server", after.Peers)
	}
}

// opensWhatIsSealed tells that nothing came unsealed or sealed for somebody else.
func (p *person) opensWhatIsSealed() {
	p.t.Helper()
	for name, c := range p.seal().Counts {
		if c.Failed > 0 || c.Plain > 0 {
			p.t.Errorf("%s: frames of %s: %+v", p.name, name, c)
		}
	}
}

// picturesArriveWhole waits until one has opened as many frames of the other's camera as that one has sealed, but for those on their way.
// (Sound is sealed before there is a connection to send it over.)
func (r *room) picturesArriveWhole(from, to *person) {
	r.t.Helper()
	self := to.seal().Members[0].Peer + "/camera"
	var sealed, opened int
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		opened = to.seal().Counts[self].Done
		sealed = from.seal().Counts[self].Done
		if opened > 20 && sealed-opened < 10 { // two seconds of a camera that is slow here
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s has sealed %d pictures, %s has opened %d", from.name, sealed, to.name, opened)
		}
	}
}

func TestTwoAreConnectedStraightAndAThirdMovesThemToTheServer(t *testing.T) {
	chromium(t)
	r := newRoom(t, straight)
	both := []*person{r.jana, r.kern}
	r.jana.sees("gehen Bild und Ton direkt von Gerät zu Gerät", "erfährt dabei Ihre Netzwerkadresse")
	r.jana.pictures("live-bereit-direkt")
	r.forwardsNothingWhile(func() {
		for _, p := range both {
			p.switchesOn()
		}
		r.bothSeeEachOther()
		for _, p := range both {
			p.sees("2 Personen im Raum, direkt verbunden")
			if ways := p.goesOver(); !slices.Equal(ways, []string{"udp", "udp"}) {
				t.Errorf("%s goes over %q", p.name, ways)
			}
		}
		r.picturesArriveWhole(r.jana, r.kern)
		r.picturesArriveWhole(r.kern, r.jana)
	})
	code := sameCode(t, "", both...)
	r.jana.presses("Ende-zu-Ende-verschlüsselt · Code: " + code)
	r.jana.presses("Selbst prüfen")
	r.jana.sees("Weg Direkt verbunden: Bild und Ton gehen nicht über den Server.", "Ohne Schlüssel lässt sich nicht öffnen")
	r.jana.pictures("live-direkt")
	r.jana.presses("Schließen")

	karin := r.moderator()
	began := time.Now()
	karin.switchesOn()
	all := []*person{r.jana, r.kern, karin}
	for _, p := range all {
		p.seesEverybodyMove(2)
	}
	t.Logf("all three see each other %v after the third has switched on", time.Since(began).Round(time.Millisecond))
	sameCode(t, code, all...)
	for _, p := range all {
		p.sees("3 Personen im Raum")
		p.opensWhatIsSealed()
		if asked[bool](p, flat+`.includes("direkt verbunden")`) {
			t.Errorf("%s reads that it is straight", p.name)
		}
	}
	if st := r.rooms.Stats(); st.Peers != 3 || st.PacketsOut == 0 || st.Plaintext != 0 {
		t.Errorf("the server: %+v", st)
	}
	karin.leaves()
	r.jana.sees("2 Personen im Raum")
	out := r.rooms.Stats().PacketsOut
	r.bothSeeEachOther()
	if r.rooms.Stats().PacketsOut == out {
		t.Error("the two left are straight again")
	}
}

// obeysNobody is a page that keeps everything going: its devices, its senders and its connections.
const obeysNobody = `
const replace = RTCRtpSender.prototype.replaceTrack, own = RTCPeerConnection;
RTCRtpSender.prototype.replaceTrack = function (track) { return track ? replace.call(this, track) : Promise.resolve(); };
MediaStreamTrack.prototype.stop = () => {};
own.prototype.close = () => {};
window.connections = [];
window.RTCPeerConnection = class extends own { constructor(...all) { super(...all); window.connections.push(this); } };
window.received = async () => {
  let packets = 0;
  for (const pc of window.connections) for (const one of (await pc.getStats()).values()) if (one.type === "inbound-rtp") packets += one.packetsReceived;
  return packets;
};`

func TestWhoIsConnectedStraightIsSilencedAndShownOutByTheOther(t *testing.T) {
	chromium(t)
	r := newRoom(t, straight)
	r.jana.leaves()
	r.kern.isGiven(obeysNobody)
	r.kern.visits("/conferences/" + r.code + "/room")
	karin := r.moderator()
	both := []*person{karin, r.kern}
	for _, p := range both {
		p.switchesOn()
	}
	for _, p := range both {
		p.seesEverybodyMove(1)
		p.sees("2 Personen im Raum, direkt verbunden")
	}
	const shown = `[...document.querySelectorAll("#tiles > li:not(.me) video")].filter((v) => v.srcObject).length`
	karin.until("his picture", shown+" === 1")
	karin.presses("Mehr zu " + r.kern.name)
	karin.presses("Kamera ausschalten")
	karin.until("no picture, whatever he sends", shown+" === 0")
	karin.sees("direkt verbunden")

	karin.presses("Mehr zu " + r.kern.name)
	karin.presses("Aus der Konferenz entfernen")
	karin.presses("Entfernen")
	karin.sees("Außer Ihnen ist noch niemand da.")
	karin.until("keys that he has no part in", `window.konsil.room.seal().then((s) => s.members.length === 0)`)
	var before int
	for deadline := time.Now().Add(patience); ; {
		before = asked[int](r.kern, `window.received()`)
		time.Sleep(time.Second)
		if asked[int](r.kern, `window.received()`) == before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d packets have reached somebody who was removed, and more come", before)
		}
	}
	if before == 0 {
		t.Error("nothing ever came, so nothing was cut off")
	}
	if st := r.rooms.Stats(); st.Peers != 1 {
		t.Errorf("%d peers are on the server", st.Peers)
	}
}

// hidesAddresses is a browser whose own addresses nobody learns, as behind a router: the server is reached, another browser is not.
const hidesAddresses = `
const described = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, "localDescription");
Object.defineProperty(RTCPeerConnection.prototype, "localDescription", { get() {
  const own = described.get.call(this);
  return own && { type: own.type, sdp: own.sdp.replace(/^a=candidate:.*\r\n/gm, "") };
} });
RTCIceCandidate.prototype.toJSON = () => ({ candidate: "", sdpMid: "0" });`

func TestTwoWhoFindNoWayToEachOtherMeetOnTheServer(t *testing.T) {
	chromium(t)
	h := newHouse(t, straight)
	jana, kern := h.person("Jana Brandt"), h.person("Dr. Anselm Kern")
	for _, p := range []*person{jana, kern} {
		p.isGiven(hidesAddresses)
	}
	r := h.meeting(jana, kern)
	began := time.Now()
	r.withPictures()
	t.Logf("pictures over the server %v after the first has switched on", time.Since(began).Round(time.Millisecond))
	for _, p := range []*person{jana, kern} {
		p.opensWhatIsSealed()
		if asked[bool](p, flat+`.includes("direkt verbunden")`) {
			t.Errorf("%s reads that it is straight", p.name)
		}
	}
	if st := r.rooms.Stats(); st.PacketsOut == 0 {
		t.Errorf("the server: %+v", st)
	}
}

func TestChromiumAndFirefoxAreConnectedStraight(t *testing.T) {
	chromium(t)
	findFirefox(t)
	h := newHouse(t, straight)
	r := h.meeting(h.person("Jana Brandt"), h.personAtFirefox("Dr. Anselm Kern"))
	r.forwardsNothingWhile(func() {
		r.withPictures()
		for _, p := range []*person{r.jana, r.kern} {
			p.sees("2 Personen im Raum, direkt verbunden")
			p.sendsNothingUnsealed()
			p.opensWhatIsSealed()
		}
	})
}
