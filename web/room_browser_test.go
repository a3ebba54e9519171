//go:build linux

package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The room as people use it: who leads it, who asks for something, and who does all of it by keyboard.

func TestTheRoomIsLedInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	blank, _ := newChromium(t)
	clara, ewald := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(clara.ctx, chromedp.EmulateViewport(1280, 800)); err != nil { // Ewald's window is small
		t.Fatal(err)
	}
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	for _, b := range []*tab{clara, ewald} {
		b.until("both are there", `document.querySelectorAll("#tiles > li").length === 2`)
		b.presses("Später")
		b.until("the question whether one is ready is answered", `!document.getElementById("cards").innerText.includes("Bereit?")`)
	}

	everythingIsInReach(clara)
	handsAndKeys(clara, ewald)
	soundAndScreen(clara, ewald)
	presenceIsConfirmed(clara, ewald)
	doorAndEnd(clara, ewald)
}

// presses clicks the button with these words, once it can be seen.
func (b *tab) presses(words string) {
	b.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("button, a.btn")].find((one) => (one.ariaLabel ?? one.textContent).trim().startsWith(%q) && one.checkVisibility())`, words)
	b.until("a button "+words, find)
	b.does(find + ".click()")
}

// shows waits until words can be seen there; innerText alone would give those of a hidden element, too.
func (b *tab) shows(where, words string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s says %q", where, words),
		fmt.Sprintf(`(() => { const at = document.querySelector(%q); return at?.checkVisibility() && at.innerText.includes(%q) })()`, where, words))
}

// everythingIsInReach goes from control to control with Tab until it has been at each that can be seen, and opens and closes what
// opens.
func everythingIsInReach(clara *tab) {
	clara.t.Helper()
	clara.does(`document.activeElement.blur()`)
	clara.strikes("t")
	clara.until("whoever leads may write captions, and is there at once", `document.activeElement.matches("#captions input")`)
	clara.does(`window.missed = new Set([...document.querySelectorAll("#people :is(button, a[href], input, [tabindex='0']), #desk :is(button, a[href])")].filter((one) => one.checkVisibility() && !one.disabled));
		document.addEventListener("focusin", (event) => window.missed.delete(event.target));
		document.getElementById("people").focus()`)
	for range 60 {
		clara.strikes(kb.Tab)
		if left, err := eval[int](clara, `window.missed.size`); err == nil && left == 0 {
			break
		}
	}
	clara.until("Tab was everywhere", `window.missed.size === 0 || (() => { throw new Error([...window.missed].map((one) => one.outerHTML.slice(0, 80)).join()) })()`)
	for _, opener := range []string{"moderate", "mode"} {
		clara.does(`document.getElementById("` + opener + `").focus()`)
		clara.strikes(kb.Enter)
		clara.until("the list is open and has the focus", `document.activeElement.closest(".menu:popover-open")`)
		clara.strikes(kb.Escape)
		clara.until("the focus is back", `document.activeElement.id === "`+opener+`"`)
	}
	clara.does(`document.querySelector("#seal button").focus()`)
	clara.strikes(kb.Enter)
	clara.until("the panel is open", `document.querySelector("#seal-panel:popover-open")`)
	clara.strikes(kb.Escape)
	clara.until("and closed", `!document.querySelector("#seal-panel:popover-open") && document.activeElement.closest("#seal")`)
	clara.strikes("t")
	clara.until("captions are away", `document.getElementById("captions").hidden`)
}

// handsAndKeys raises a hand with a key, lowers it with the mouse of somebody else, and pins a tile by keyboard alone.
func handsAndKeys(clara, ewald *tab) {
	clara.t.Helper()
	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("h")
	ewald.shows("#hand", "oben")
	clara.shows("#tiles", "Hand · 1.")
	clara.until("it is said", `document.getElementById("room-said").textContent.includes("meldet sich")`)
	ewald.does(editorOf("assessment") + ".focus()")
	ewald.strikes("h")
	ewald.reads("assessment", "h")
	ewald.shows("#hand", "oben")

	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Hand senken")
	ewald.shows("#hand", "unten")

	clara.does(`document.querySelector("#tiles > li:not(.me) .act").focus()`)
	clara.strikes(kb.Enter)
	clara.until("the list is open and has the focus", `document.activeElement.closest(".menu:popover-open")`)
	clara.strikes(kb.ArrowDown)
	clara.strikes(kb.ArrowUp)
	clara.strikes(kb.Enter)
	clara.shows("#tiles > li:not(.me)", "angeheftet")
	clara.until("the focus is back", `document.activeElement.matches("#tiles .act")`)

	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("?")
	ewald.until("the help is open", `document.getElementById("help").open`)
	ewald.strikes("h")
	ewald.does(`document.getElementById("keys-off").click(); document.getElementById("help").close()`)
	ewald.strikes("h")
	ewald.does(`document.getElementById("keys-off").click()`)
	ewald.shows("#hand", "unten")
}

// soundAndScreen silences somebody, who switches on again, and lets him share his screen.
func soundAndScreen(clara, ewald *tab) {
	clara.t.Helper()
	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("m")
	ewald.shows("#mic", "an")
	clara.until("Clara sees it", `!document.querySelector("#tiles > li:not(.me)").innerText.includes("Ton aus")`)
	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Mikrofon stummschalten")
	ewald.shows("#told", "Moderation hat Ihr Mikrofon ausgeschaltet")
	ewald.shows("#mic", "aus")
	ewald.presses("Mikrofon")
	ewald.shows("#mic", "an")
	clara.until("he is heard again", `!/Ton aus|stumm/.test(document.querySelector("#tiles > li:not(.me)").innerText)`)

	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("s")
	ewald.until("he asks", `document.querySelector("#share .state").textContent === "angefragt"`)
	clara.presses("Erlauben")
	ewald.until("he may", `document.querySelector("#share .state").textContent === "aus"`)
	clara.until("nothing is asked any more", `!document.getElementById("card-shares")`)
}

func presenceIsConfirmed(clara, ewald *tab) {
	clara.t.Helper()
	clara.does(`document.getElementById("moderate").focus()`)
	clara.strikes(kb.Enter)
	clara.until("the roll call is the first of the list", `document.activeElement.closest(".menu")?.querySelector("button") === document.activeElement && document.activeElement.textContent.startsWith("Anwesenheit feststellen")`)
	clara.strikes(kb.Enter)
	ewald.until("he is asked", `document.querySelector('[data-act^="Ich bin da"]')?.checkVisibility()`)
	ewald.does(`document.querySelector('[data-act^="Ich bin da"]').focus()`)
	ewald.strikes(kb.Enter)
	ewald.shows("#cards", "steht im Protokoll")
	ewald.until("the focus is not lost with the button", `document.activeElement.closest(".card")`)
	clara.shows("#cards", "1 von 2 haben bestätigt")
	clara.presses("Ich bin da")
	clara.shows("#cards", "2 von 2 haben bestätigt")
	clara.presses("Feststellung beenden")
	ewald.until("it is over", `!document.getElementById("card-roll")`)
	ewald.until("who does not lead has no tools", `document.getElementById("moderate").hidden`)
}

// doorAndEnd sends somebody before the door and lets him in, and removes him.
func doorAndEnd(clara, ewald *tab) {
	clara.t.Helper()
	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("In den Warteraum schicken")
	ewald.shows("#cards", "Sie sind im Warteraum")
	ewald.until("the notes are out of sight and nothing is on", `getComputedStyle(document.getElementById("notes")).display === "none" && document.querySelector("#mic .state").textContent === "aus"`)
	clara.shows("#cards", "1 Person wartet")
	clara.presses("Einlassen")
	ewald.until("he is in again", `window.konsil.notes.connected() && document.querySelectorAll("#tiles > li").length === 2 && getComputedStyle(document.getElementById("notes")).display !== "none"`)

	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Aus der Konferenz entfernen")
	clara.presses("Abbrechen")
	clara.until("the question is gone", `!document.querySelector("dialog.ask[open]")`)
	clara.until("nobody is removed", `document.querySelectorAll("#tiles > li").length === 2`)
	clara.presses("Mehr zu Dr. Ewald")
	clara.presses("Aus der Konferenz entfernen")
	clara.presses("Entfernen")
	ewald.shows("h1", "Die Moderation hat Ihre Teilnahme an diesem Gespräch beendet")
	ewald.until("nothing of the case is left", `!document.body.textContent.includes("Wie viele Stunden") && !window.konsil`)
	clara.until("Clara is alone", `document.querySelectorAll("#tiles > li").length === 1`)

	ewald.presses("Noch einmal anklopfen")
	ewald.shows("#cards", "Sie sind im Warteraum")
	clara.presses("Ablehnen")
	ewald.shows("h1", "nicht eingelassen")
}

// TestAGuestComesByLinkInTheBrowser is an interpreter without account on her phone: she tries out her microphone, waits, is let in
// for her part of the conference, where everybody has her first, and goes.
func TestAGuestComesByLinkInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link := s.asked(code, "Anna", "interpreter")
	s.leads(s.as("Ewald"), code)
	blank, _ := newChromium(t)
	clara, mona := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(clara.ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(mona.ctx, chromedp.EmulateViewport(360, 740)); err != nil {
		t.Fatal(err)
	}
	clara.rehearses(s, "Clara", code)
	mona.visits(link)
	mona.until("the page is alive", `window.konsil`)
	mona.presses("Mikrofon einschalten")
	mona.until("the microphone is heard", `document.querySelector("[data-part=level]").value > 0`)
	mona.until("nothing is wider than the phone", `document.documentElement.scrollWidth <= 360`)
	mona.does(`document.getElementById("guest-name").focus()`)
	mona.inserts("Mona")
	mona.strikes(kb.Enter)
	mona.shows("#lobby-state", "Sie sind im Warteraum")
	clara.shows("#cards", "1 Person wartet")
	clara.shows("#cards", "Mona")
	clara.shows("#cards", "kommt in der Gastphase dazu")
	clara.until("nothing is offered that the server would refuse", `!document.getElementById("cards").innerText.includes("Einlassen")`)
	clara.presses("Gastphase beginnen")
	clara.shows("#room-tags", "Gastphase")
	clara.presses("Einlassen")
	mona.until("she is in, and heard", `document.querySelectorAll("#tiles > li").length === 3 && document.querySelector("#mic .state").textContent === "an" && document.getElementById("lobby").checkVisibility() === false`)
	clara.shows("#tiles > li:first-child", "Mona")
	clara.until("Clara sees that she may be heard", `!document.querySelector("#tiles > li:first-child").innerText.includes("Ton aus")`)
	mona.until("initials stand in the middle of a small tile", `(() => {
		const tile = document.querySelector("#tiles > li:not(.big)"), middle = (at) => at.top + at.height / 2
		return Math.abs(middle(tile.querySelector(".face").getBoundingClientRect()) - middle(tile.getBoundingClientRect())) < tile.clientHeight / 6
	})()`)
	mona.until("nothing of the case is here", `!document.body.textContent.includes("Wie viele Stunden") && !document.querySelector(".editor")`)

	clara.presses("Moderation")
	clara.presses("Gastphase beenden")
	mona.shows("#lobby-state", "Sie sind im Warteraum")
	mona.until("nothing of hers is on", `document.querySelector("#mic .state").textContent === "aus"`)
	mona.presses("Verlassen")
	mona.shows("h1", "Sie haben das Gespräch verlassen")
	clara.until("nobody waits", `!document.getElementById("card-waiting")`)
}
