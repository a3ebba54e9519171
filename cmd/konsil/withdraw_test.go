//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// Words of the rehearsal's first case that nobody may read after its consent is withdrawn, and what is written about it.
var withdrawnWords = []string{"womit fangen wir an", "Lagerlogistik", "Enkel", "Großraumhalle", "Drei Vormittage", "Probewoche", "Gartengruppe"}

// room is the rehearsal's conference, open, with a caseworker and an expert in it.
type room struct {
	*house
	jana, kern *person
	code       string
}

func newRoom(t *testing.T, settings ...func(*config)) *room {
	h := newHouse(t, settings...)
	return h.meeting(h.person("Jana Brandt"), h.person("Dr. Anselm Kern"))
}

// meeting opens the rehearsal's conference, and both come in.
func (h *house) meeting(jana, kern *person) *room {
	h.t.Helper()
	r := &room{house: h, jana: jana, kern: kern, code: one[string](h, `select code from conference`)}
	r.never = []string{"Erfunda", "Mustermann", "Probus", "Fiktiva"}
	r.jana.signsIn("Fallführung")
	r.jana.visits("/conferences/" + r.code)
	r.jana.follows("Raum öffnen")
	r.kern.signsIn("Fachperson")
	r.kern.visits("/conferences/" + r.code)
	r.kern.follows("Zum Raum")
	for _, p := range []*person{r.jana, r.kern} {
		p.until("the notes", `window.konsil?.notes.connected()`)
	}
	return r
}

// TestTypingOutlivesABrokenConnection: what is typed while the cable is out stays on the page, is called unsaved, keeps its
// writer from leaving by mistake, and is saved as soon as the connection is back.
func TestTypingOutlivesABrokenConnection(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.jana.writesIn("assessment")
	r.jana.writes("Vorher. ")
	r.kern.until("the first words", `window.konsil.notes.texts().assessment === "Vorher. "`)
	cut := []string{"net::ERR_", "WebSocket connection to"}
	for _, part := range cut {
		r.jana.allows(part, "the connection is cut on purpose")
		r.kern.allows(part, "the connection is cut on purpose")
	}
	r.door.cut()
	r.jana.until("word of being offline", `document.getElementById("saved").innerText.startsWith("offline")`)
	r.jana.writes("Währenddessen 🙂.")
	r.jana.sees("wird gespeichert, sobald die Verbindung steht")
	if n := asked[int](r.jana, `window.konsil.notes.unsaved()`); n == 0 {
		t.Error("typing without a connection counts as saved")
	}
	r.jana.triesToReload()
	const all = "Vorher. Währenddessen 🙂."
	if got := r.jana.texts()["assessment"]; got != all {
		t.Errorf("without a connection the page has %q", got)
	}
	r.door.mend()
	for _, p := range []*person{r.jana, r.kern} {
		p.until("everything everywhere", `window.konsil.notes.connected() && window.konsil.notes.texts().assessment === `+quoted(all)+` && document.getElementById("saved").innerText === "gespeichert"`)
	}
	for _, part := range cut {
		r.jana.forbids(part)
		r.kern.forbids(part)
	}
	r.jana.visits("/conferences/" + r.code + "/room")
	r.jana.until("the text after a reload", `window.konsil?.notes.texts().assessment === `+quoted(all))
	r.kern.sees("2 Personen")
}

// writes types where the caret is.
func (p *person) writes(text string) {
	p.t.Helper()
	if err := p.types(text); err != nil {
		p.t.Fatal(err)
	}
}

// triesToReload wants to load the page anew, is asked, and stays.
func (p *person) triesToReload() {
	p.t.Helper()
	p.desk.mu.Lock()
	p.desk.stays, p.desk.asked = true, nil
	p.desk.mu.Unlock()
	if _, err := chromedp.Call(p.ctx, page.Reload, page.ReloadParams{}); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		p.desk.mu.Lock()
		questions := p.desk.asked
		if len(questions) > 0 {
			p.desk.stays = false
		}
		p.desk.mu.Unlock()
		if len(questions) > 0 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s may leave the page with unsaved text without being asked", p.name)
		}
	}
}

// TestWithdrawnConsentEmptiesEveryScreen: two people are in the room, one of them reads the summary in another tab, when the
// caseworker withdraws. Within two seconds, by the clocks of the browsers, no live page shows a word of the case.
func TestWithdrawnConsentEmptiesEveryScreen(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	for _, p := range []*person{r.jana, r.kern} {
		p.presses("Kamera aus")
		p.presses("Mikrofon aus")
		p.sees("Kamera an", "Mikrofon an", "2 Personen")
	}
	r.jana.writesIn("recommendations")
	r.jana.writes("Probewoche in der Gartengruppe.")
	r.kern.until("the recommendation", `window.konsil.notes.texts().recommendations.includes("Gartengruppe")`)
	r.jana.seesEverybodyMove(1)
	r.kern.seesEverybodyMove(1)
	reader, beside := r.kern.tab(), r.jana.tab()
	reader.visits("/conferences/" + r.code)
	reader.sees("Lagerlogistik", "Großraumhalle")
	beside.visits("/cases/" + one[string](r.house, `select case_id::text from conference`))
	beside.follows("Widerrufen …")
	beside.sees("Die laufende Konferenz endet für alle")
	beside.pictures("widerruf")
	for _, p := range []*person{r.jana, r.kern} {
		p.marksTheEnd()
	}
	const gone, over = "status of 404", "status of 410"
	reader.allows(gone, "the page with the summary asks for itself, and is refused")
	r.jana.allows(over, "her page may ask the name guard before it hears of the end")
	r.kern.allows(gone, "his page may ask the name guard before it hears of the end")
	began := time.Now()
	beside.follows("Einwilligung widerrufen")
	for _, p := range []*person{r.jana, r.kern} {
		if took := p.emptied(began); took > 2*time.Second {
			t.Errorf("%s still reads of the case %v after the withdrawal", p.name, took)
		}
		p.seesNothing()
	}
	reader.arrivesElsewhere(began)
	reader.forbids(gone)
	r.jana.forbids(over)
	r.kern.forbids(gone)
	r.kern.pictures("live-widerrufen")
	r.receipt(beside)
	r.jana.isRefused("/conferences/"+r.code+"/room", 410, "Die Einwilligung ist widerrufen")
	r.kern.isRefused("/conferences/"+r.code+"/room", 404, "Diese Seite gibt es nicht") // the round is not told why
	for _, p := range []*person{r.jana, r.kern} {
		p.seesNot(withdrawnWords...)
	}
	if n, err := audit.Verify(t.Context(), r.db); err != nil || n == 0 {
		t.Errorf("the audit record of %d entries does not hold: %v", n, err)
	}
}

// marksTheEnd lets the page note by its own clock when it shows the last word of the case.
func (p *person) marksTheEnd() {
	p.t.Helper()
	asked[bool](p, fmt.Sprintf(`(() => {
		const words = %s, shows = () => words.some((word) => document.body.innerText.includes(word));
		if (!shows()) return false;
		const timer = setInterval(() => { if (!shows()) { window.emptyAt = Date.now(); clearInterval(timer); } }, 10);
		return true;
	})() || (() => { throw new Error("there is nothing to lose on this page"); })()`, `["`+strings.Join(withdrawnWords, `","`)+`"]`))
}

// emptied is how long after a moment the page was empty.
func (p *person) emptied(since time.Time) time.Duration {
	p.t.Helper()
	p.until("an empty page", `window.emptyAt`)
	took := time.UnixMilli(asked[int64](p, `window.emptyAt`)).Sub(since).Round(time.Millisecond)
	p.t.Logf("%s: %s was empty %v after the click", p.name, p.where(), took)
	return took
}

// arrivesElsewhere waits until a page that is not live has noticed by itself: it asks every five seconds.
func (p *person) arrivesElsewhere(since time.Time) {
	p.t.Helper()
	p.sees("Diese Seite gibt es nicht")
	p.seesNot(withdrawnWords...)
	if took := time.Since(since); took > 8*time.Second {
		p.t.Errorf("%s: the page with the summary stood open for %v after the withdrawal", p.name, took)
	} else {
		p.t.Logf("%s: the page with the summary was gone %v after the click", p.name, took.Round(time.Millisecond))
	}
}

// seesNothing: a live page after its end has a sentence without a reason, no device in use and no picture.
func (p *person) seesNothing() {
	p.t.Helper()
	p.sees("Die Einwilligung für diese Konferenz besteht nicht mehr")
	p.seesNot(withdrawnWords...)
	if !asked[bool](p, `window.devices.length >= 2 && window.devices.every((track) => track.readyState === "ended")`) {
		p.t.Errorf("%s: camera or microphone is still on", p.name)
	}
	if asked[bool](p, `!!(document.querySelector("video, audio, .cm-content") || window.konsil)`) {
		p.t.Errorf("%s: the page still has video, sound or notes", p.name)
	}
}

// receipt reads who had seen what.
func (r *room) receipt(p *person) {
	r.t.Helper()
	p.sees("Quittung über den Widerruf")
	for name, seen := range map[string][]string{
		"Dr. Anselm Kern": {"Teilnahme an der Konferenz", "Zusammenfassung"}, "Jana Brandt": {"Teilnahme an der Konferenz", "Zusammenfassung"},
	} {
		for _, what := range seen {
			p.until(name+" has seen: "+what, fmt.Sprintf(`[...document.querySelectorAll("tbody tr")].some((tr) => tr.innerText.includes(%s) && tr.innerText.includes(%s))`, quoted(name), quoted(what)))
		}
	}
	p.seesNot(withdrawnWords...)
	p.pictures("quittung")
}
