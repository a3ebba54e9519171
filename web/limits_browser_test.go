//go:build linux

package web

import (
	"strings"
	"testing"
)

// TestThePageExplainsTheLimitsOfTheNote goes over each limit that a page can go over: its person reads why, and nothing is
// lost where that is in the page's power.
func TestThePageExplainsTheLimitsOfTheNote(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	blank, _ := newChromium(t)
	clara := blank.open(s)
	clara.rehearses(s, "Clara", code)
	field := editorOf("assessment")
	told := func(words string) string {
		return `document.getElementById("told-text").textContent.includes("` + words + `")`
	}

	// without a place for changes on the device they leave at once
	clara.does(`document.getElementById("settings").open = true; document.getElementById("keepnothing").click(); document.getElementById("plain").click()`)
	clara.until("the plain view", field+`.tagName === "TEXTAREA" && !`+field+`.readOnly`)
	clara.does(`{ const f = ` + field + `; for (let i = 0; i < 800; i++) { f.setRangeText("x", 0, 0, "end"); f.dispatchEvent(new InputEvent("input")); } }`)
	clara.until("a flood is explained", told("zu viele Änderungen auf einmal"))
	clara.until("all of it arrives", `window.konsil.notes.unsaved() === 0 && window.konsil.notes.texts().assessment === "x".repeat(800)`)

	clara.does(`{ const f = ` + field + `; f.setRangeText("y".repeat(16001), 0, 0, "end"); f.dispatchEvent(new InputEvent("input")); }`)
	clara.until("a paste that is too long is explained", told("Das ist zu viel auf einmal")+` && `+field+`.value === "x".repeat(800)`)

	clara.visits("/conferences/" + code)
	w := s.typist(code, "Ewald")
	s.must(w.write("recommendations", strings.Repeat("z", 512<<10-800)))
	clara.entersRoom(code)
	clara.writes("dissent", "!")
	clara.until("a full note is explained", `document.getElementById("saved").dataset.state === "refused" && document.getElementById("saved").textContent.includes("Die Mitschrift ist voll. Alle Abschnitte zusammen fassen 524.288 Zeichen.")`)
}
