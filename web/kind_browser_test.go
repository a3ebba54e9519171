//go:build linux

package web

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
)

// TestWhatANoteBeginsWithIsReadAndWrittenOnInTheBrowser opens a note with a beginning of its own in two browsers.
func TestWhatANoteBeginsWithIsReadAndWrittenOnInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code, err := s.Conferences.Convene(t.Context(), s.people["Clara"], s.request(s.newCase("psychiatry", "physiotherapy")), conference.Panel{
		Experts: []uuid.UUID{s.people["Ewald"].ID}, Starts: testBegins.Add(time.Hour), Length: 45 * time.Minute, Kind: conference.ParticipationPlanConference,
	})
	s.must(err)
	s.accept(code, "Ewald")
	s.clock.set(testBegins.Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	blank, _ := newChromium(t)
	clara, ewald := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	const begins = "Eigene Ziele:\n\nWas dabei wichtig ist:\n\n"
	for _, b := range []*tab{clara, ewald} {
		b.reads("wishes", begins)
	}
	clara.writes("wishes", "Clara schreibt. ")
	ewald.reads("wishes", "Clara schreibt. "+begins)
	ewald.writes("wishes", "Ewald auch. ")
	clara.until("both stand there once", `(() => { const text = window.konsil.notes.texts().wishes; return ["Eigene Ziele:", "Clara schreibt. ", "Ewald auch. "].every((one) => text.split(one).length === 2) })()`)
	for _, b := range []*tab{clara, ewald} {
		b.until("it is saved", `window.konsil.notes.unsaved() === 0`)
	}
	clara.entersRoom(code)
	clara.until("it is there after a reload", `window.konsil.notes.texts().wishes.includes("Eigene Ziele:") && window.konsil.notes.texts().wishes.includes("Ewald auch. ")`)
}
