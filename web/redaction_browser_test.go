//go:build linux

package web

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

// The words that are removed. Nothing else in the world says them.
const (
	firstSecret  = "Quellmuthinger"
	secondSecret = "Zwirbelgaden"
)

// shown is all that a page holds where scripts and people can find it.
const shown = `document.documentElement.outerHTML + [...document.querySelectorAll("input, textarea")].map((f) => f.value).join("\n") +
	JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + JSON.stringify(window.konsil?.notes.texts() ?? {})`

// without waits until a page does not hold a word any more, nor the half of it.
func (b *tab) without(word string) {
	b.t.Helper()
	b.until("the page is without it", fmt.Sprintf(`!(%s).includes(%q) && !(%s).includes(%q)`, shown, word[:len(word)/2], shown, word[len(word)/2:]))
}

// TestARedactedPassageIsGoneFromEveryBrowser lets one person remove what she has typed, another who has it in a plain field with
// an undo of his own, and another while he was offline.
func TestARedactedPassageIsGoneFromEveryBrowser(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	here, hers := newChromium(t)
	there, his := newChromium(t)
	clara, ewald := here.open(s), there.open(s)
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	ewald.does(`document.getElementById("settings").open = true; document.getElementById("plain").click()`)

	clara.writes("assessment", "Das sagt Frau "+firstSecret)
	ewald.reads("assessment", "Das sagt Frau "+firstSecret)
	ewald.does(editorOf("assessment") + ".focus(); " + editorOf("assessment") + ".setSelectionRange(0, 30)")
	ewald.strikes(kb.Delete) // now his undo has it
	clara.reads("assessment", "")
	ewald.strikes("z", kb.ModifierCtrl)
	clara.reads("assessment", "Das sagt Frau "+firstSecret)
	clara.until("all is saved", `window.konsil.notes.unsaved() === 0`)
	ewald.until("all is saved", `window.konsil.notes.unsaved() === 0`)
	var dir string
	if os.Getenv("TEST_DATABASE_URL") == "" {
		dir = pgtest.Files(t, s.db)
		if !onDisk(t, dir, firstSecret) {
			t.Error("control: the database does not have the word")
		}
	}

	clara.does(editorOf("assessment") + ".focus()")
	clara.strikes(kb.End)
	clara.strikes(kb.ArrowLeft, kb.ModifierCtrl, kb.ModifierShift)
	clara.strikes(kb.Delete, kb.ModifierAlt, kb.ModifierShift)
	clara.until("she is asked", `document.querySelector("dialog[open]")?.textContent.includes("lässt sich nicht rückgängig machen")`)
	clara.does(`document.querySelector("dialog[open] button[value=yes]").click()`)
	for _, b := range []*tab{clara, ewald} {
		b.reads("assessment", "Das sagt Frau ")
		b.until("the mark is there", `/^1 Stelle entfernt, von Clara Coordes, um \d\d:\d\d Uhr$/.test(document.getElementById("sec-assessment-cuts").textContent)`)
		b.without(firstSecret)
	}
	clara.until("she is told", `document.getElementById("told-text").textContent === "Die Stelle ist entfernt."`)
	if dir != "" && (onDisk(t, dir, firstSecret) || onDisk(t, dir, firstSecret[:8]) || onDisk(t, dir, firstSecret[6:])) {
		t.Error("the files of the database have the word")
	}
	for _, b := range []*tab{clara, ewald} {
		b.does(editorOf("assessment") + ".focus()")
		for range 4 {
			b.strikes("z", kb.ModifierCtrl)
		}
		b.strikes("y", kb.ModifierCtrl)
		b.without(firstSecret)
	}
	ewald.does(editorOf("assessment") + ".setSelectionRange(14, 14)")
	ewald.inserts("N.")
	clara.reads("assessment", "Das sagt Frau N.")

	removedWhileAway(clara, ewald)
	for _, b := range []*tab{clara, ewald} {
		b.without(secondSecret)
		b.until("nothing is kept", `window.konsil.notes.unsaved() === 0 && (`+stored+`).changes === 0`)
	}
	buttonOnAPhone(ewald)
	clara.close()
	ewald.close()
	for _, profile := range []string{hers, his} {
		if !onDisk(t, filepath.Join(profile, "Default"), code) {
			t.Error("control: the profile does not know the conference")
		}
		for _, word := range []string{firstSecret, secondSecret} {
			if onDisk(t, profile, word) || onDisk(t, profile, word[:7]) || onDisk(t, profile, word[5:]) {
				t.Errorf("a browser's profile has %q", word)
			}
		}
	}
	if a := s.as("Anna").get("/conferences/" + code + "/notes"); !a.Has("1 Stelle entfernt, von Clara Coordes") {
		t.Error("the history does not say that something was removed")
	}
}

// removedWhileAway: what he types offline comes to stand where it belongs, and what she removed meanwhile does not come back.
func removedWhileAway(clara, ewald *tab) {
	clara.t.Helper()
	clara.writes("dissent", "Anfang "+secondSecret)
	ewald.reads("dissent", "Anfang "+secondSecret)
	ewald.offline(true)
	ewald.until("the page is offline", `document.getElementById("saved").dataset.state === "offline"`)
	ewald.does(editorOf("dissent") + ".focus(); " + editorOf("dissent") + ".setSelectionRange(0, 0)")
	ewald.inserts("Am ")
	clara.does(editorOf("dissent") + ".focus()")
	clara.strikes(kb.End)
	clara.strikes(kb.ArrowLeft, kb.ModifierCtrl, kb.ModifierShift)
	clara.does(`document.getElementById("sec-dissent-cut").click()`)
	clara.until("she is asked", `document.querySelector("dialog[open]")`)
	clara.does(`document.querySelector("dialog[open] button[value=yes]").click()`)
	clara.reads("dissent", "Anfang ")
	ewald.offline(false)
	for _, b := range []*tab{clara, ewald} {
		b.reads("dissent", "Am Anfang ")
	}
	ewald.until("his caret is where he wrote", editorOf("dissent")+`.selectionStart === 3`)
}

// buttonOnAPhone looks for the button on a narrow screen.
func buttonOnAPhone(b *tab) {
	b.t.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, size); err != nil {
		b.t.Fatal(err)
	}
	b.does(editorOf("assessment") + ".focus()")
	b.until("the button is on the screen", `(() => {
		const { left, right, height } = document.getElementById("sec-assessment-cut").getBoundingClientRect();
		return getComputedStyle(document.getElementById("sec-assessment-cut")).visibility === "visible" && left >= 0 && right <= 360 && height >= 24
			&& document.documentElement.scrollWidth <= 360;
	})()`)
}
