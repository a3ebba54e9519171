//go:build linux

package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
)

// TestTheRoomSaysWhichPhaseItIs: whoever leads goes on with a button and with a key, everybody's line follows, and after a reload it is the same.
func TestTheRoomSaysWhichPhaseItIs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	blank, _ := newChromium(t)
	clara, ewald := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(clara.ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ewald.ctx, chromedp.EmulateViewport(360, 740)); err != nil {
		t.Fatal(err)
	}
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	const line = "#agenda summary"
	for _, b := range []*tab{clara, ewald} {
		b.shows(line, "6 Phasen · beginnt mit: Begrüßung")
	}
	ewald.until("who does not lead has no buttons", `!document.querySelector("#agenda [data-part=turn]").checkVisibility()`)

	clara.presses("Tagesordnung beginnen")
	ewald.shows(line, "Phase 1 von 6 · Begrüßung · Moderation · noch 2 min")
	clara.until("she is there, too", `document.querySelector("#agenda summary").innerText.includes("Phase 1 von 6")`)
	clara.does(`document.activeElement.blur()`)
	clara.strikes("n")
	for _, b := range []*tab{clara, ewald} {
		b.shows(line, "Phase 2 von 6 · Vorstellung · Fallführung")
		b.until("a change is said", `document.querySelector("#agenda [data-part=said]").textContent === "Phase 2 von 6: Vorstellung. Fallführung, 4 Minuten."`)
	}
	ewald.does(`document.activeElement.blur()`)
	ewald.strikes("n") // leads nothing
	ewald.does(`document.querySelector("#agenda summary").click()`)
	ewald.shows("#agenda .all", "Habe ich richtig zusammengefasst?")
	ewald.until("nothing is wider than the phone, and its controls are where they were",
		`document.documentElement.scrollWidth <= 360 && document.getElementById("desk").getBoundingClientRect().bottom <= innerHeight`)
	clara.presses("Eine Phase zurück")
	ewald.shows(line, "Phase 1 von 6")
	clara.presses("Nächste Phase")
	ewald.shows(line, "Phase 2 von 6")

	id := query[uuid.UUID](s, `select id from conference where code = $1`, code)
	s.exec(`update agenda_phase set since = $2 where conference_id = $1 and since is not null`, id, s.Now().Add(-6*time.Minute-time.Second))
	s.Live.AgendaChanged(id.String())
	ewald.shows(line, "seit 2 min überzogen")
	for _, b := range []*tab{ewald, clara} {
		if err := chromedp.Do(b.ctx, chromedp.Reload()); err != nil {
			t.Fatal(err)
		}
		b.shows(line, "Phase 2 von 6 · Vorstellung · Fallführung · seit 2 min überzogen")
		b.until("what comes first is no news", fmt.Sprintf(`document.querySelector("#agenda [data-part=said]").textContent === %q`, ""))
	}
	clara.does(`document.activeElement.blur()`)
	clara.strikes("b")
	ewald.shows(line, "Phase 1 von 6")
}
