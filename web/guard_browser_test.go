//go:build linux

package web

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// replaces strikes Alt+N, as the keyboard sends it.
func (b *tab) replaces() {
	b.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		key := input.DispatchKeyEventParams{Type: kind, Key: "n", Code: "KeyN", WindowsVirtualKeyCode: 78, Modifiers: int64(chromedp.ModifierAlt)}
		if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, key); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestNamesAreMarkedWhileSomebodyWrites writes the client's name into a form and into live notes, in both views.
func TestNamesAreMarkedWhileSomebodyWrites(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(id)
	s.accept(code, "Ewald")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	blank, _ := newChromium(t)
	anna := blank.open(s)
	anna.rehearses(s, "Anna", code)
	notesAreMarked(anna)
	ewald := blank.open(s, chromedp.WithNewBrowserContext())
	ewald.rehearses(s, "Ewald", code)
	expertIsToldToLook(anna, ewald)
	anna.visits("/cases/" + id.String() + "/summary")
	formIsMarked(anna)
	anna.visits("/cases/new")
	newCaseIsMarked(anna)
}

func notesAreMarked(anna *tab) {
	anna.t.Helper()
	anna.writes("assessment", "Mit Geheimniss gesprochen.")
	anna.until("the editor marks the name", `document.querySelector("[data-section=assessment] .cm-named")?.textContent === "Geheimniss"`)
	anna.until("it is read aloud", `[...document.querySelectorAll("[role=status]")].some((one) => one.textContent.includes("Geheimniss. Alt+N ersetzt durch [Person A]"))`)
	anna.replaces()
	anna.reads("assessment", "Mit [Person A] gesprochen.")
	anna.until("nothing is left to mark", `!document.querySelector("[data-section=assessment] .cm-named, .names:not([hidden])")`)
	anna.does(`document.getElementById("settings").open = true; document.getElementById("plain").click()`)
	anna.writes("decisions", "Geheimnis, IBAN DE89370400440532013000")
	anna.until("the list has both", `document.querySelectorAll("[data-section=decisions] + .names .found li").length === 2`)
	anna.does(`document.querySelector("[data-section=decisions] + .names .found li:last-child .btn").click()`)
	anna.reads("decisions", "Geheimnis, IBAN [Konto]")
	anna.replaces()
	anna.reads("decisions", "[Person A], IBAN [Konto]")
	anna.strikes("z", chromedp.ModifierCtrl)
	anna.until("it can be undone", `window.konsil.notes.texts().decisions !== "[Person A], IBAN [Konto]"`)
}

// expertIsToldToLook: his page does not know the client, the server does and does not say so.
func expertIsToldToLook(anna, ewald *tab) {
	anna.t.Helper()
	ewald.writes("dissent", "Bei Geheimniss dauert es.")
	ewald.until("the server has told him to look", `document.querySelector("[data-section=dissent] .cm-named")?.textContent === "Geheimniss"`)
	ewald.until("but not whose name it is", `!document.querySelector("[data-section=dissent] + .names").textContent.includes("Person dieses Falls")`)
	anna.until("her page marks it as well", `document.querySelector("[data-section=dissent] + .names .found mark")?.textContent === "Geheimniss"`)
}

func formIsMarked(anna *tab) {
	anna.t.Helper()
	const situation = `document.querySelector("textarea[name=situation]")`
	anna.does(situation + `.focus(); ` + situation + `.select()`)
	anna.inserts("Frau Geheimniss und Geheimniss, dazu Thorsten Kowalczyk.")
	list := `document.querySelector("textarea[name=situation] + .names")`
	anna.until("the list has the client twice, and whom only the server's lists know", list+`?.querySelectorAll("li").length === 3 && `+list+`.textContent.includes("Thorsten Kowalczyk")`)
	anna.does(situation + `.setSelectionRange(8, 8)`)
	anna.replaces()
	anna.until("the first is replaced", situation+`.value.startsWith("Frau [Person A] und Geheimniss")`)
	anna.replaces()
	anna.until("the same stands for the same", situation+`.value.startsWith("Frau [Person A] und [Person A], dazu Thorsten")`)
	anna.until("one is left", list+`.querySelectorAll("li").length === 1 && `+list+`.textContent.includes("Thorsten Kowalczyk")`)
	anna.does(list + `.querySelector(".btn.quiet").click()`)
	anna.until("what is left is left alone", list+`.hidden`)
	anna.does(situation + `.focus()`)
	anna.strikes("z", chromedp.ModifierCtrl)
	anna.until("the browser's own undo works", situation+`.value.startsWith("Frau [Person A] und Geheimniss")`)
	anna.does(`window.onbeforeunload = null; for (const one of document.querySelectorAll("form[data-guard]")) delete one.dataset.guard`)
}

// newCaseIsMarked fills in the form of a case that nobody knows of yet: whom it is about, the page knows from the form itself.
func newCaseIsMarked(anna *tab) {
	anna.t.Helper()
	const situation, list = `document.querySelector("textarea[name=situation]")`, `document.querySelector("textarea[name=situation] + .names")`
	anna.does(situation + `.focus()`)
	anna.inserts("Seit Obermeyer umgezogen ist, ruft Obermaier nicht an; 0160 7654321.")
	anna.until("the phone is found by its form", list+`?.textContent.includes("0160 7654321")`)
	anna.does(`document.querySelector("input[name=last_name]").focus()`)
	anna.inserts("Obermeier")
	anna.until("both spellings of the client's name are found", `[...`+list+`.querySelectorAll("mark")].map((one) => one.textContent).join() === "Obermeyer,Obermaier,0160 7654321"`)
	anna.until("whose it is", list+`.textContent.includes("Person dieses Falls")`)
	anna.until("the identity itself is not looked at", `!document.querySelector("[data-identity] .names")`)
	anna.does(`window.onbeforeunload = null; for (const one of document.querySelectorAll("form[data-guard]")) delete one.dataset.guard`)
}
