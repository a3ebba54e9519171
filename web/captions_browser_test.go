//go:build linux

package web

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Captions as people use them: an interpreter writes, a client on her phone reads and has the interpreter before her, and whoever is
// asked to writes, too.

// tapped keeps what a page sends to the server.
const tapped = `
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { if (typeof data === "string") window.sent.push(data); return send.call(this, data); };`

// sentWith is how many frames with captions a page has sent, or -1 when the server could read one of them.
const sentWith = `(() => {
	const lines = window.sent.filter((one) => JSON.parse(one).t === "caption");
	const raw = lines.map((one) => atob(JSON.parse(one).d.blob.replaceAll("-", "+").replaceAll("_", "/")));
	return [...window.sent, ...raw].some((one) => one.includes("Guten Tag")) ? -1 : lines.length;
})()`

func TestCaptionsAreReadByEverybodyInTheRoomAndNotByTheServer(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	interprets, client := s.asked(code, "Anna", "interpreter"), s.asked(code, "Anna", "client")
	blank, _ := newChromium(t)
	clara, ewald := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	mona, gina := blank.open(s, chromedp.WithNewBrowserContext()), blank.open(s, chromedp.WithNewBrowserContext())
	for b, size := range map[*tab][2]int64{clara: {1280, 800}, gina: {360, 740}} {
		if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(size[0], size[1])); err != nil {
			t.Fatal(err)
		}
	}
	_, err := chromedp.Call(mona.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: tapped})
	if err != nil {
		t.Fatal(err)
	}
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	ewald.presses("Später")
	mona.knocksAs(interprets, "Mona")
	gina.knocksAs(client, "Gina")
	clara.shows("#cards", "2 Personen warten")
	clara.presses("Gastphase beginnen")
	clara.presses("Alle einlassen")

	gina.shows("#tiles > li.big", "Mona")
	gina.shows("#tiles > li.big", "angeheftet")
	mona.until("she can write at once", `document.querySelector("#captions form").checkVisibility()`)
	mona.until("all keys are there", `await window.konsil.room.seal().then((s) => s.epoch > 0 && s.members.length === 3)`)
	mona.captions("Guten Tag, ich schreibe mit.")
	mona.shows("#captions [role=log]", "Sie: Guten Tag, ich schreibe mit.")
	ewald.shows("#room-tags", "es wird mitgeschrieben")
	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("t")
	ewald.shows("#captions [role=log]", "Mona (unbestätigt): Guten Tag, ich schreibe mit.")
	ewald.until("he reads only", `!document.querySelector("#captions form").checkVisibility()`)
	gina.does(`document.querySelector("#desk .opener").click()`)
	gina.presses("Schriftverlauf")
	gina.shows("#captions [role=log]", "Guten Tag, ich schreibe mit.")
	gina.until("nothing is wider than the phone", `document.documentElement.scrollWidth <= 360`)
	mona.until("the server got one line, and could not read it", sentWith+" === 1")

	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Schriftverlauf schreiben lassen")
	ewald.shows("#told", "Sie können jetzt im Schriftverlauf mitschreiben")
	ewald.captions("Ich helfe.")
	mona.shows("#captions [role=log]", "Ich helfe.")
	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Nicht mehr mitschreiben lassen")
	ewald.until("he reads only", `!document.querySelector("#captions form").checkVisibility()`)

	gina.presses("Mehr zu Mona")
	gina.presses("Nicht mehr anheften")
	gina.until("what she lets go stays so", `!document.getElementById("tiles").innerText.includes("angeheftet")`)
	clara.presses("Moderation")
	clara.presses("Gastphase beenden")
	gina.shows("#lobby-state", "Sie sind im Warteraum")
	gina.until("nothing that was written is left", `document.querySelector("#captions [role=log]").childElementCount === 0`)
}

// knocksAs opens a guest's link and gives a name.
func (b *tab) knocksAs(link, name string) {
	b.t.Helper()
	b.visits(link)
	b.until("the page is alive", `window.konsil`)
	b.does(`document.getElementById("guest-name").focus()`)
	b.inserts(name)
	b.strikes(kb.Enter)
	b.shows("#lobby-state", "Sie sind im Warteraum")
}

// captions writes a line of captions by keyboard.
func (b *tab) captions(line string) {
	b.t.Helper()
	b.does(`document.querySelector("#captions input").focus()`)
	b.inserts(line)
	b.strikes(kb.Enter)
	b.until("the line is away", `document.querySelector("#captions input").value === ""`)
}
