//go:build linux

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Notes as people write them: a real server, one Chromium, each person with cookies and a store of her own.

// browserPatience is how long a page may take for anything on a busy machine.
const browserPatience = 90 * time.Second

// tab is a page of somebody.
type tab struct {
	t     *testing.T
	url   string
	ctx   context.Context
	close context.CancelFunc
}

// newChromium starts a browser with a profile of its own; it ends with the test. Where there is none the test is skipped, but
// not where a missing browser would hide a fault.
func newChromium(t *testing.T) (blank *tab, profile string) {
	t.Helper()
	var bin string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			bin = found
			break
		}
	}
	if bin == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium on this machine")
		}
		t.Skip("SKIPPED: no Chromium on this machine, so nobody wrote into the notes")
	}
	profile, err := os.MkdirTemp("", "konsil-notes-")
	if err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(bin), chromedp.UserDataDir(profile), chromedp.NoSandbox,
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		}),
	}
	for _, name := range []string{
		"headless", "disable-gpu", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "disable-breakpad",
		"disable-extensions", "disable-dev-shm-usage", "disable-renderer-backgrounding", "disable-background-timer-throttling",
		"disable-backgrounding-occluded-windows", "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		pid := 0
		if c := chromedp.FromContext(ctx); c.Browser != nil && c.Browser.Process() != nil {
			pid = c.Browser.Process().Pid
		}
		leave()
		stop()
		if pid > 0 {
			_ = syscall.Kill(-pid, syscall.SIGKILL) // its children, as far as they are left
		}
		for tries := 0; os.RemoveAll(profile) != nil && tries < 50; tries++ {
			time.Sleep(100 * time.Millisecond)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &tab{t: t, ctx: ctx}, profile
}

// open opens another tab with the cookies and the store of this one, or with new ones.
func (b *tab) open(s *testServer, options ...chromedp.ContextOption) *tab {
	b.t.Helper()
	n := &tab{t: b.t, url: s.URL}
	options = append(options, chromedp.WithListener(func(event any) {
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks {
			go func() { // from here the browser cannot be answered
				_, _ = chromedp.Call(n.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
		}
	}))
	n.ctx, n.close = chromedp.NewContext(b.ctx, options...)
	b.t.Cleanup(n.close)
	if err := chromedp.Do(n.ctx); err != nil {
		b.t.Fatalf("open a tab: %v", err)
	}
	return n
}

func (b *tab) visits(path string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, browserPatience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate(b.url+path)); err != nil {
		b.t.Fatalf("visit %s: %v", path, err)
	}
}

// eval asks the page; promises are waited for.
func eval[T any](b *tab, js string) (T, error) {
	ctx, stop := context.WithTimeout(b.ctx, browserPatience)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](js, func(e *runtime.EvaluateParams) {
		wait := true
		e.AwaitPromise = &wait
	}))
}

func (b *tab) does(js string) {
	b.t.Helper()
	if _, err := eval[bool](b, "(async () => { "+js+"; return true })()"); err != nil {
		b.t.Fatalf("%s: %v", js, err)
	}
}

// until waits for a condition of the page. A page that is just changing gives no answer.
func (b *tab) until(what, js string) {
	b.t.Helper()
	var err error
	for deadline := time.Now().Add(browserPatience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var is bool
		if is, err = eval[bool](b, "(async () => !!("+js+"))()"); err == nil && is {
			return
		}
	}
	shown, _ := eval[string](b, `location.pathname + "\n" + document.getElementById("told-text")?.textContent + "\n" + document.body.innerText.slice(0, 1200) + "\n" + JSON.stringify([window.konsil?.notes.texts(), window.konsil?.notes.unsaved(), document.getElementById("saved")?.textContent])`)
	b.t.Fatalf("never: %s (%v)\n%s", what, err, shown)
}

func (b *tab) inserts(text string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) strikes(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...))); err != nil {
		b.t.Fatal(err)
	}
}

// enter is the key alone: with the character that chromedp sends after it, a browser breaks the line although the page has
// taken the key for itself.
func (b *tab) enter(modifiers ...chromedp.Modifier) {
	b.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		key := input.DispatchKeyEventParams{Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13}
		for _, m := range modifiers {
			key.Modifiers |= int64(m)
		}
		if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, key); err != nil {
			b.t.Fatal(err)
		}
	}
}

// offline cuts a page off from the network, as the browser's own tools do, or lets it back.
func (b *tab) offline(yes bool) {
	b.t.Helper()
	type conditions struct {
		Offline            bool    `json:"offline"`
		Latency            float64 `json:"latency"`
		DownloadThroughput float64 `json:"downloadThroughput"`
		UploadThroughput   float64 `json:"uploadThroughput"`
	}
	emulate := cdp.Command[conditions, cdp.Empty]{Method: "Network.emulateNetworkConditions"}
	if _, err := chromedp.Call(b.ctx, emulate, conditions{yes, 0, -1, -1}); err != nil {
		b.t.Fatal(err)
	}
}

// crashes ends the process of a page as an accident does, and closes what is left of the tab.
func (b *tab) crashes() {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 3*time.Second)
	defer stop()
	_, _ = chromedp.Call(ctx, page.Crash, cdp.Empty{}) // nobody is left to answer
	b.close()
}

// rehearses signs in with one click, and goes to the room of a conference.
func (b *tab) rehearses(s *testServer, name, code string) {
	b.t.Helper()
	b.signsIn(s, name)
	b.entersRoom(code)
}

func (b *tab) signsIn(s *testServer, name string) {
	b.t.Helper()
	b.visits("/livez")
	b.does(fmt.Sprintf(`await fetch("/rehearse/%s", { method: "POST", redirect: "manual" })`, s.people[name].ID))
}

func (b *tab) entersRoom(code string) {
	b.t.Helper()
	b.visits("/conferences/" + code + "/room")
	b.until("the notes are here", `window.konsil?.notes.connected()`)
}

const stored = `await (async () => {
	const have = { changes: 0, keys: 0, locked: 0 };
	if (!(await indexedDB.databases()).some((one) => one.name === "konsil-notes")) return have;
	const db = await new Promise((done, fail) => { const r = indexedDB.open("konsil-notes"); r.onsuccess = () => done(r.result); r.onerror = fail; });
	const all = (store) => new Promise((done, fail) => { const r = db.transaction(store).objectStore(store).getAll(); r.onsuccess = () => done(r.result); r.onerror = fail; });
	try {
		const keys = await all("key");
		have.changes = (await all("change")).length;
		have.keys = keys.length;
		have.locked = keys.filter((one) => one.key.extractable === false).length;
	} finally { db.close(); }
	return have;
})()`

func editorOf(key string) string {
	return fmt.Sprintf(`document.querySelector('[data-section=%s] :is(.cm-content, textarea)')`, key)
}

func (b *tab) writes(key, text string) {
	b.t.Helper()
	b.does(editorOf(key) + ".focus()")
	b.inserts(text)
}

func (b *tab) reads(key, text string) {
	b.t.Helper()
	want, err := json.Marshal(text)
	if err != nil {
		b.t.Fatal(err)
	}
	b.until(fmt.Sprintf("%s has %q", key, text), fmt.Sprintf(`window.konsil?.notes.texts()[%q] === %s`, key, want))
}

func TestNotesInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(caseID)
	s.accept(code, "Ewald")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(s.t.Context(), s.people["Clara"], code))
	blank, profile := newChromium(t)
	clara := blank.open(s)
	clara.rehearses(s, "Clara", code)
	ewald := blank.open(s, chromedp.WithNewBrowserContext())
	ewald.rehearses(s, "Ewald", code)

	plainAgainstEditor(clara, ewald)
	measureFromALine(clara)
	clara = crashedTab(s, blank, clara, ewald, code, profile)
	nothingStaysBehind(s, blank, clara, ewald, code, caseID.String())
}

// plainAgainstEditor lets two people write into one section, one of them in the plain view.
func plainAgainstEditor(clara, ewald *tab) {
	clara.t.Helper()
	ewald.does(`document.getElementById("settings").open = true; document.getElementById("plain").click()`)
	ewald.until("the section is a labelled text field that may be written to",
		`(() => { const f = `+editorOf("assessment")+`; return f.tagName === "TEXTAREA" && !f.readOnly && document.getElementById(f.getAttribute("aria-labelledby")).textContent === "Einschätzung" })()`)
	clara.writes("assessment", "Vorn 😀 hinten")
	ewald.reads("assessment", "Vorn 😀 hinten")

	// the halves of 😀 and 😁 differ in the second only
	ewald.does(editorOf("assessment") + `.focus(); ` + editorOf("assessment") + `.setSelectionRange(5, 7)`)
	ewald.inserts("😁")
	clara.reads("assessment", "Vorn 😁 hinten")

	// a caret before the emoji stays there while others write before and behind it
	ewald.does(editorOf("assessment") + `.setSelectionRange(4, 4)`)
	clara.strikes(kb.Home)
	clara.inserts("Ganz ")
	clara.strikes(kb.End)
	clara.inserts(" und aus")
	ewald.reads("assessment", "Ganz Vorn 😁 hinten und aus")
	ewald.until("the caret has moved along", editorOf("assessment")+`.selectionStart === 9 && `+editorOf("assessment")+`.selectionEnd === 9`)
	ewald.inserts("e🙂")
	clara.reads("assessment", "Ganz Vorne🙂 😁 hinten und aus")
	ewald.strikes(kb.Backspace)
	clara.reads("assessment", "Ganz Vorne 😁 hinten und aus")

	// undo takes back one's own, and nothing of the other's
	ewald.strikes("z", kb.ModifierCtrl)
	ewald.strikes("z", kb.ModifierCtrl)
	ewald.strikes("z", kb.ModifierCtrl)
	clara.reads("assessment", "Ganz Vorn 😀 hinten und aus")
	ewald.strikes("y", kb.ModifierCtrl)
	clara.until("redo brings something of it back", `window.konsil.notes.texts().assessment !== "Ganz Vorn 😀 hinten und aus"`)
	ewald.strikes(kb.Tab)
	ewald.until("Tab has left the field", `document.activeElement !== `+editorOf("assessment"))
}

// measureFromALine writes a measure with completion and brings it into the form.
func measureFromALine(clara *tab) {
	clara.t.Helper()
	clara.until("the form is there", `document.querySelector("#measures select[name=responsible]")`)
	clara.writes("decisions", "- [ ] Probe vereinbaren, d85")
	clara.until("codes are suggested", `document.querySelector(".cm-tooltip-autocomplete [role=option]")?.textContent.startsWith("d850")`)
	clara.until("the list belongs to the field", editorOf("decisions")+`.getAttribute("aria-controls") === document.querySelector(".cm-tooltip-autocomplete [role=listbox]").id`)
	time.Sleep(200 * time.Millisecond) // a list that has just come takes no keys, lest it takes one that was meant for the text
	clara.enter()
	clara.reads("decisions", "- [ ] Probe vereinbaren, d850")
	clara.inserts(" @")
	clara.inserts("Ew")
	clara.until("people are suggested", `document.querySelector(".cm-tooltip-autocomplete [role=option]")?.textContent.includes("Ewald")`)
	time.Sleep(200 * time.Millisecond)
	clara.enter()
	clara.reads("decisions", "- [ ] Probe vereinbaren, d850 @Ewald Psych ")
	clara.inserts("bis 10.12.2026")
	clara.until("all of it is coloured", `(() => { const e = `+editorOf("decisions")+`; return ["cm-box", "cm-who", "cm-icf"].every((one) => e.querySelector("." + one)) && e.querySelector(".cm-who").textContent === "@Ewald Psych" })()`)
	clara.enter(kb.ModifierCtrl)
	clara.until("the form is filled and nothing is sent", `(() => { const f = document.querySelector("#measures form");
		return f.elements.what.value === "Probe vereinbaren, d850" && f.elements.responsible.selectedOptions[0].text === "Dr. Ewald Psych" && f.elements.due_on.value === "2026-12-10" })()`)
	clara.does(`document.querySelector("#measures form").reset(); ` + editorOf("decisions") + `.focus()`)
	clara.strikes(kb.Tab)
	clara.until("Tab has left the field for the offer", `document.activeElement.classList.contains("offer")`)
}

// crashedTab lets a tab crash while it is offline with something unsaved, and returns the one that is opened after it.
func crashedTab(s *testServer, blank, clara, ewald *tab, code, profile string) *tab {
	clara.t.Helper()
	clara.until("what is acknowledged is no longer kept", `window.konsil.notes.unsaved() === 0 && (`+stored+`).changes === 0`)
	clara.offline(true)
	clara.until("the page knows it", `document.getElementById("saved").dataset.state === "offline"`)
	clara.writes("dissent", "Zirbelkieferngeheimnis 🌲")
	clara.until("it is kept under a key that nobody can read", `await (async () => { const s = `+stored+`; return s.changes > 0 && s.keys === 1 && s.locked === 1 })()`)
	clara.until("the page says what is not saved", `/^offline – \d+ Änderung(en)? warte/.test(document.getElementById("saved").textContent)`)
	clara.crashes()
	stores := filepath.Join(profile, "Default", "IndexedDB")
	if found := onDisk(s.t, stores, code); !found {
		s.t.Error("the store on the disk does not even name the conference: this would not see a text either")
	}
	if onDisk(s.t, stores, "Zirbelkiefer") {
		s.t.Error("the store on the disk has the text in the clear")
	}

	again := blank.open(s)
	again.entersRoom(code)
	again.reads("dissent", "Zirbelkieferngeheimnis 🌲")
	ewald.reads("dissent", "Zirbelkieferngeheimnis 🌲")
	again.until("it says so", `/Änderung(en)? von vorhin nachgereicht/.test(document.getElementById("told-text").textContent)`)
	again.until("nothing is kept any more", `window.konsil.notes.unsaved() === 0 && (`+stored+`).changes === 0`)
	return again
}

// onDisk looks for a text in all files of a directory, in the encodings that browsers and databases use.
func onDisk(t *testing.T, dir, text string) bool {
	t.Helper()
	var wide, wideBig bytes.Buffer
	for _, u := range utf16.Encode([]rune(text)) {
		wide.Write([]byte{byte(u), byte(u >> 8)})
		wideBig.Write([]byte{byte(u >> 8), byte(u)})
	}
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // whoever they belong to is at work
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, form := range [][]byte{[]byte(text), wide.Bytes(), wideBig.Bytes()} {
			found = found || bytes.Contains(raw, form)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// nothingStaysBehind wipes the store of one person by signing out, and that of the other by a withdrawal.
func nothingStaysBehind(s *testServer, blank, clara, ewald *tab, code, caseID string) {
	s.t.Helper()
	clara.offline(true)
	clara.writes("dissent", "x")
	clara.until("a change is kept", `(`+stored+`).changes > 0`)
	out := blank.open(s)
	out.visits("/conferences/" + code)
	out.does(`document.querySelector("form[action='/sign-out'] button").click()`)
	out.until("signed out with an empty store", `location.pathname === "/" && document.body.innerText.includes("abgemeldet") && await (async () => { const s = `+stored+`; return s.changes + s.keys === 0 })()`)
	clara.crashes()

	ewald.writes("dissent", "y")
	ewald.until("a key is there", `(`+stored+`).keys === 1`)
	ewald.offline(true)
	ewald.writes("dissent", "z")
	ewald.until("a change is kept", `(`+stored+`).changes > 0`)
	if a := s.as("Anna").post("/cases/"+caseID+"/withdraw", nil); a.Status != 200 {
		s.t.Fatalf("withdraw: %d", a.Status)
	}
	ewald.offline(false)
	ewald.until("the page has ended", `document.title.startsWith("Konferenz beendet") && !document.querySelector(".editor, .late")`)
	ewald.until("the store is empty", `await (async () => { const s = `+stored+`; return s.changes + s.keys === 0 })()`)
}

// TestNotesGoOnUnderANewClientID makes two browsers write under one client id: the server refuses the second, whose text must
// arrive all the same.
func TestNotesGoOnUnderANewClientID(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	blank, _ := newChromium(t)
	// the first document of a page draws its numbers before the fortieth: a name of its own, digit by digit, and the client id
	const same = `{
		const own = crypto.getRandomValues.bind(crypto);
		let drawn = 0;
		crypto.getRandomValues = (into) => (into instanceof Uint32Array && ++drawn < 40 ? into.fill(424242) : own(into));
	}`
	clara, ewald := blank.open(s), blank.open(s, chromedp.WithNewBrowserContext())
	for _, b := range []*tab{clara, ewald} {
		if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: same}); err != nil {
			t.Fatal(err)
		}
	}
	clara.rehearses(s, "Clara", code)
	ewald.rehearses(s, "Ewald", code)
	ewald.offline(true)
	ewald.until("the page is offline", `document.getElementById("saved").dataset.state === "offline"`)
	ewald.writes("assessment", "Diese Sätze sind länger als Claras und kommen trotzdem an 🌻.")
	clara.writes("recommendations", "Kurz.")
	clara.until("it is saved", `window.konsil.notes.unsaved() === 0`)
	ewald.offline(false)
	ewald.until("the page explains", `document.getElementById("told-text").textContent.includes("neu eingesetzt")`)
	for _, b := range []*tab{clara, ewald} {
		b.reads("assessment", "Diese Sätze sind länger als Claras und kommen trotzdem an 🌻.")
		b.reads("recommendations", "Kurz.")
	}
	ewald.until("all is saved and nothing kept", `window.konsil.notes.unsaved() === 0 && (`+stored+`).changes === 0`)
	ewald.writes("assessment", "Weiter: ")
	clara.until("writing goes on", `window.konsil.notes.texts().assessment.includes("Weiter: ")`)
	ewald.until("that is saved too", `window.konsil.notes.unsaved() === 0`)

	// whoever wants nothing kept on this device has nothing kept, and need not say so twice
	ewald.does(`document.getElementById("settings").open = true; document.getElementById("keepnothing").click()`)
	ewald.until("the key is gone", `(`+stored+`).keys === 0`)
	ewald.offline(true)
	ewald.writes("dissent", "nur im Fenster")
	ewald.until("it is unsaved and not kept", `window.konsil.notes.unsaved() > 0 && await (async () => { const s = `+stored+`; return s.changes + s.keys === 0 })()`)
	ewald.offline(false)
	ewald.until("it is saved", `window.konsil.notes.unsaved() === 0`)
	ewald.entersRoom(code)
	ewald.until("it is remembered", `document.getElementById("keepnothing").checked`)

	if n := query[int](s, `select count(distinct account_id)::int from note_client`); n != 2 {
		t.Errorf("%d people have client ids, want 2", n)
	}
}
