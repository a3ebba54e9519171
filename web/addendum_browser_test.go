//go:build linux

package web

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
)

// TestWhatCameAfterTheEndIsOfferedAsAnAddendum lets two people write without a connection while the conference ends, and a
// withdrawal follow while one of them still thinks about it.
func TestWhatCameAfterTheEndIsOfferedAsAnAddendum(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	blank, _ := newChromium(t)
	ewald, anna := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	ewald.rehearses(s, "Ewald", code)
	anna.rehearses(s, "Anna", code)
	anna.writes("assessment", "Angekommen.")
	ewald.reads("assessment", "Angekommen.")
	anna.until("it is saved", `window.konsil.notes.unsaved() === 0`)
	for _, b := range []*tab{ewald, anna} {
		b.offline(true)
		b.until("the page is offline", `document.getElementById("saved").dataset.state === "offline"`)
	}
	ewald.writes("assessment", "Nachmittags müde 🙂.")
	ewald.writes("dissent", "Doch nicht.")
	anna.writes("decisions", "Drei Stunden.")
	clara := blank.open(s, chromedp.WithNewBrowserContext())
	clara.rehearses(s, "Clara", code)
	ending, moderator := make(chan int, 1), s.as("Clara")
	go func() { ending <- moderator.post("/conferences/"+code+"/end", nil).Status }()
	clara.until("it is said that the notes close", `/^Mitschrift schließt in [123] s/.test(document.getElementById("saved").textContent)`)
	clara.writes("open_questions", "Wer fragt nach?")
	if status := <-ending; status != http.StatusOK {
		t.Fatalf("end: status %d", status)
	}
	clara.until("the moderator is shown out without a box", `document.title.startsWith("Konferenz beendet") && !document.querySelector(".late")`)
	if a := s.as("Clara").get("/conferences/" + code + "/minutes"); !a.Has("Wer fragt nach?") || a.Has("Nachträge") {
		t.Error("what was written in the last seconds is not in the minutes")
	}
	ewald.offline(false)
	ewald.until("the box has his words, by section, and nobody else's", `document.getElementById("late")?.textContent === "Diese Zeilen kamen nach dem Schluss an" &&
		JSON.stringify([...document.querySelectorAll(".late form")].map((f) => [f.querySelector("label").textContent, f.querySelector("textarea").value])) ===
			JSON.stringify([["Einschätzung", "Nachmittags müde 🙂."], ["Abweichende Meinungen", "Doch nicht."]])`)
	const press = `[...document.querySelectorAll(".late button")].find((one) => one.textContent === `
	ewald.does(press + `"Als Nachtrag einreichen").click()`)
	ewald.until("the first is handed in", `document.querySelectorAll(".late form").length === 1 && document.querySelector(".late [role=status]").textContent.startsWith("Eingereicht")`)
	ewald.does(press + `"Verwerfen").click()`)
	ewald.until("nothing is left to do", `!document.querySelector(".late form, .late textarea")`)
	if a := s.as("Clara").get("/conferences/" + code + "/minutes"); !a.Has("Nachmittags müde 🙂.") || a.Has("Doch nicht.") || !a.Has("Dr. Ewald Psych, nachgereicht") {
		t.Error("the minutes do not have what was handed in, or have what was thrown away")
	}

	anna.offline(false)
	anna.until("she is asked as well", `document.querySelector(".late textarea")?.value === "Drei Stunden."`)
	_, err := s.Conferences.Withdraw(t.Context(), s.people["Anna"], query[uuid.UUID](s, `select case_id from conference where code = $1`, code))
	s.must(err)
	anna.until("a withdrawal takes her words off the screen", `!document.querySelector(".late, textarea") && document.body.innerText.includes("Die Einwilligung für diese Konferenz besteht nicht mehr")`)
}
