//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// --- reading -----------------------------------------------------------------------------------------------------------------

// evaluated asks the page. A page that is just changing gives no answer.
func evaluated[T any](p *person, js string) (T, error) {
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if p.fox != nil {
		var v T
		err := p.fox.asks(ctx, js, &v)
		return v, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[T](js, func(e *runtime.EvaluateParams) {
		wait := true
		e.AwaitPromise = &wait
	}))
}

func asked[T any](p *person, js string) T {
	p.t.Helper()
	v, err := evaluated[T](p, js)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, js, err)
	}
	return v
}

// until waits for the expression to be true, for at most the time that somebody is patient.
func (p *person) until(what, js string) {
	p.t.Helper()
	if err := p.awaits(what, js); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) awaits(what, js string) error {
	deadline := time.Now().Add(patience)
	var last error
	for {
		yes, err := evaluated[bool](p, "(async () => !!(await ("+js+")))()") // a promise is true whatever it holds
		if yes && err == nil {
			return nil
		}
		last = err
		if time.Now().After(deadline) {
			shown, _ := evaluated[string](p, `location.pathname + "\n" + document.body.innerText.slice(0, 1500)`)
			return fmt.Errorf("%s has waited %v for: %s (%v)\n%s", p.name, patience, what, last, shown)
		}
		time.Sleep(40 * time.Millisecond)
	}
}

// sees waits until the page says each of the texts.
func (p *person) sees(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.until(fmt.Sprintf("reads %q", text), flat+".includes("+quoted(text)+")")
	}
}

// seesNot tells that the page as it is says none of the texts, not even hidden ones.
func (p *person) seesNot(texts ...string) {
	p.t.Helper()
	html := asked[string](p, `document.documentElement.outerHTML`)
	for _, text := range texts {
		if strings.Contains(html, text) {
			p.t.Errorf("%s: %s says %q", p.name, p.where(), text)
		}
	}
}

func (p *person) where() string { p.t.Helper(); return asked[string](p, `location.pathname`) }

// flat is what the page shows, in one line.
const flat = `document.body.innerText.replace(/\s+/g, " ")`

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// --- acting ------------------------------------------------------------------------------------------------------------------

// visits opens an address of the house by hand.
func (p *person) visits(path string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := p.goesTo(ctx, p.h.url+path); err != nil {
		p.t.Fatalf("%s opens %s: %v", p.name, path, err)
	}
	p.arrived()
}

func (p *person) goesTo(ctx context.Context, url string) error {
	if p.fox != nil {
		return p.fox.visits(ctx, url)
	}
	return chromedp.Do(ctx, chromedp.Navigate(url))
}

// isRefused opens an address that answers with that status, and reads why. Browsers report such an answer as an error.
func (p *person) isRefused(path string, status int, texts ...string) {
	p.t.Helper()
	part := fmt.Sprintf("the server responded with a status of %d", status)
	p.allows(part, path+" is refused on purpose")
	p.visits(path)
	p.sees(texts...)
	if got := asked[int](p, `performance.getEntriesByType("navigation")[0].responseStatus`); got != status {
		p.t.Errorf("%s: %s answers %d, want %d", p.name, path, got, status)
	}
	p.forbids(part)
}

// leaves shuts the page, so that it asks for nothing while days go by.
func (p *person) leaves() {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := p.goesTo(ctx, "about:blank"); err != nil {
		p.t.Fatal(err)
	}
}

// arrived waits for a whole page and looks at what no page may have: a missing word, an address or name of the client.
func (p *person) arrived() {
	p.t.Helper()
	p.until("a whole page", `!window.left && document.readyState === "complete" && document.body`)
	p.seesNot(append([]string{"⟨", "%!", "<nil>"}, p.h.never...)...)
}

// find is how a name on the page leads to the thing with that name: to a link, button or disclosure, or through its label to a
// field. An exact name wins over the beginning of one. What cannot be seen cannot be found.
const find = `((kind, name, within) => {
  const squeeze = (s) => s.replace(/\s+/g, " ").trim();
  const root = !within ? document : within.startsWith("~") ? [...document.querySelectorAll("li, tr")].find((e) => e.textContent.includes(within.slice(1))) : document.querySelector(within);
  if (!root) return null;
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const all = [...root.querySelectorAll(kind === "press" ? "a[href], button, summary" : "label")].filter(shown);
  const called = (e) => squeeze(e.getAttribute("aria-label") || e.textContent);
  const found = all.find((e) => called(e) === name) || all.find((e) => called(e).startsWith(name));
  if (!found || kind === "press" || kind === "label") return found || null;
  return found.control || null;
})`

// presses clicks the link, button or disclosure of that name.
func (p *person) presses(name string) { p.t.Helper(); p.clicks("press", name, "") }

// follows presses something that leads to another page, and waits for that.
func (p *person) follows(name string) { p.t.Helper(); p.followsIn("", name) }

// followsIn is follows within a part of the page: a selector, or "~" and a text for the line of a list that has it.
func (p *person) followsIn(within, name string) {
	p.t.Helper()
	asked[bool](p, `window.left = true`)
	p.clicks("press", name, within)
	p.arrived()
}

func (p *person) clicks(kind, name, within string) {
	p.t.Helper()
	p.clicksOn(fmt.Sprintf("%s %q %s", kind, name, within), fmt.Sprintf("%s(%s, %s, %s)", find, quoted(kind), quoted(name), quoted(within)))
}

// clicksOn presses the left button on the middle of an element, if it is there, nothing lies over it, and it stays where it is: a page that
// is being put together moves what is already there, and nobody clicks so fast.
func (p *person) clicksOn(what, element string) {
	p.t.Helper()
	at := fmt.Sprintf(`(() => {
		const e = %s;
		if (!e) return [];
		e.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
		const b = [...e.getClientRects()].reduce((a, l) => (l.width > a.width ? l : a), { width: 0 }); // a link may go over lines
		const x = b.x + b.width / 2, y = b.y + b.height / 2, top = document.elementFromPoint(x, y);
		return top && (e.contains(top) || top.contains(e) || (e.labels && [...e.labels].some((l) => l.contains(top)))) ? [x, y] : [];
	})()`, element)
	deadline := time.Now().Add(patience)
	for before := []float64(nil); ; {
		spot, err := evaluated[[]float64](p, at)
		still := slices.Equal(spot, before)
		before = spot
		if err == nil && len(spot) == 2 && still {
			ctx, stop := context.WithTimeout(p.ctx, patience)
			defer stop()
			if err := p.pointsAt(ctx, spot[0], spot[1]); err != nil {
				p.t.Fatalf("%s clicks on %s: %v", p.name, what, err)
			}
			return
		}
		if time.Now().After(deadline) {
			shown, _ := evaluated[string](p, `location.pathname + "\n" + document.body.innerText.slice(0, 1500)`)
			p.t.Fatalf("%s finds nothing to click on: %s (%v)\n%s", p.name, what, err, shown)
		}
		time.Sleep(40 * time.Millisecond)
	}
}

// pointsAt clicks on a place of the page.
func (p *person) pointsAt(ctx context.Context, x, y float64) error {
	if p.fox != nil {
		return p.fox.clicks(ctx, x, y)
	}
	return chromedp.Do(ctx, chromedp.MouseClickXY(x, y))
}

// field is the control with that label.
func field(label, within string) string {
	return fmt.Sprintf("%s(%s, %s, %s)", find, quoted("field"), quoted(label), quoted(within))
}

// fills types a text into the field with that label, in place of what stood there.
func (p *person) fills(label, text string) {
	p.t.Helper()
	p.clicksOn("field "+label, field(label, ""))
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl))); err != nil {
		p.t.Fatal(err)
	}
	if err := p.types(text); err != nil {
		p.t.Fatal(err)
	}
	p.holds(label, text)
}

// holds checks what a field has.
func (p *person) holds(label, value string) {
	p.t.Helper()
	if got := asked[string](p, field(label, "")+".value"); got != value {
		p.t.Fatalf("%s: the field %q has %q, want %q", p.name, label, got, value)
	}
}

// picks types a date or a time into a field of that kind, part by part in the order that this browser's language has.
func (p *person) picks(label string, at time.Time) {
	p.t.Helper()
	order := asked[[]string](p, `new Intl.DateTimeFormat(undefined, { dateStyle: "short" }).formatToParts(0).map((part) => part.type)`)
	value, keys := at.Format(time.DateOnly), ""
	for _, part := range order {
		keys += at.Format(map[string]string{"day": "02", "month": "01", "year": "2006"}[part])
	}
	if asked[string](p, field(label, "")+".type") == "time" {
		value, keys = at.Format("15:04"), at.Format("1504")
		if asked[bool](p, `new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).resolvedOptions().hour12`) {
			keys = at.Format("0304PM")
		}
	}
	p.clicks("label", label, "")
	if err := p.types(keys); err != nil {
		p.t.Fatal(err)
	}
	p.holds(label, value)
}

// chooses goes to an entry of a list by the first letters of its name.
func (p *person) chooses(label, name string) {
	p.t.Helper()
	p.clicks("label", label, "")
	if err := p.types(name); err != nil {
		p.t.Fatal(err)
	}
	p.until(name+" is chosen", field(label, "")+".selectedOptions[0].text === "+quoted(name))
}

// ticks clicks on a box and expects it to be ticked after.
func (p *person) ticks(label string) {
	p.t.Helper()
	p.clicksOn("box "+label, field(label, ""))
	if !asked[bool](p, field(label, "")+".checked") {
		p.t.Fatalf("%s: %q is not ticked", p.name, label)
	}
}

// types strikes one key after the other. What no key is for comes as from a picker of characters, and so do long texts.
func (p *person) types(text string) error {
	ctx, stop := context.WithTimeout(p.ctx, time.Minute)
	defer stop()
	if p.fox != nil {
		return p.fox.types(ctx, text)
	}
	if len(text) > 90 {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}
	for _, r := range text {
		var err error
		if r > 0xFFFF {
			_, err = chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: string(r)})
		} else {
			err = chromedp.Do(ctx, chromedp.KeyEvent(string(r)))
		}
		if err != nil {
			return fmt.Errorf("%s types: %w", p.name, err)
		}
	}
	return nil
}

// signsIn takes one of the rehearsal's people with one click.
func (p *person) signsIn(role string) {
	p.t.Helper()
	p.visits("/?people")
	button := fmt.Sprintf("%s(%s, %s, %s)", find, quoted("press"), quoted("Anmelden "+p.name), quoted(""))
	if !asked[bool](p, "!!"+button) {
		p.presses(role) // unfolds the list
	}
	p.follows("Anmelden " + p.name)
	p.sees(p.name)
}

// opensMail finds the newest mail to somebody whose subject begins so, in the outbox.
func (p *person) opensMail(to, subject string) {
	p.t.Helper()
	p.visits("/outbox")
	link := fmt.Sprintf(`[...document.querySelectorAll("main li")].find((li) => li.textContent.includes(%s) && li.querySelector("a").textContent.startsWith(%s))?.querySelector("a")`,
		quoted(to), quoted(subject))
	asked[bool](p, `window.left = true`)
	p.clicksOn(fmt.Sprintf("mail %q to %s", subject, to), link)
	p.arrived()
	p.sees(to)
}

// followsTheLink goes where the mail before her leads.
func (p *person) followsTheLink() {
	p.t.Helper()
	asked[bool](p, `window.left = true`)
	p.clicksOn("the link of the mail", `document.querySelector(".mail-text a")`)
	p.arrived()
}

// downloads presses what gives a file, and reads that.
func (p *person) downloads(name string) []byte {
	p.t.Helper()
	dir := filepath.Join(p.desk.dir, "downloads")
	p.presses(name)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "*.ics"))
		if err != nil {
			p.t.Fatal(err)
		}
		if len(files) > 0 {
			raw, err := os.ReadFile(files[0])
			if err != nil {
				p.t.Fatal(err)
			}
			if err := os.Remove(files[0]); err != nil {
				p.t.Fatal(err)
			}
			return raw
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %q gave no file", p.name, name)
		}
	}
}

// pictures saves the page as a phone and as a screen show it, light and dark, where KONSIL_SCREENSHOTS says.
func (p *person) pictures(name string) {
	p.t.Helper()
	dir := os.Getenv("KONSIL_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, stop := context.WithTimeout(p.ctx, time.Minute)
	defer stop()
	for _, width := range []int64{360, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			if err := p.picture(ctx, filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), width, scheme); err != nil {
				p.t.Fatalf("picture of %s: %v", name, err)
			}
		}
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}); err != nil {
		p.t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.ResetViewport()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) picture(ctx context.Context, file string, width int64, scheme string) error {
	height := map[int64]int64{360: 740, 1440: 900}[width]
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		return err
	}
	asked[bool](p, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => {
		for (const change of document.getAnimations()) if (change.effect?.getComputedTiming().endTime !== Infinity) change.finish();
		requestAnimationFrame(() => drawn(true));
	})))`)
	if wide := asked[int](p, `document.documentElement.scrollWidth`); int64(wide) > width {
		p.t.Errorf("%s is %d pixels wide on a screen of %d", p.where(), wide, width)
	}
	raw, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o644)
}
