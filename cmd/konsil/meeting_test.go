//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// --- the room ----------------------------------------------------------------------------------------------------------------

func (w *walk) inTheRoom() []*person { return []*person{w.jana, w.karin, w.kern} }

func (w *walk) meets() {
	for _, p := range []*person{w.jana, w.karin, w.kern, w.roth} {
		p.leaves()
	}
	w.turnTo(one[time.Time](w.house, `select starts_at from conference where code = $1`, w.code).Add(-3 * time.Minute))
	w.karin.signsIn("Koordination")
	w.karin.pictures("heute-tag-der-konferenz")
	w.karin.follows(w.code)
	w.karin.follows("Raum öffnen")
	for p, role := range map[*person]string{w.jana: "Fallführung", w.kern: "Fachperson"} {
		p.signsIn(role)
		p.visits("/conferences/" + w.code)
		p.follows("Zum Raum")
	}
	for _, p := range w.inTheRoom() {
		p.sees(question, "Mitschrift")
		p.until("the notes", `window.konsil?.notes.connected()`)
		p.presses("Mikrofon aus")
		p.sees("Mikrofon an")
		p.presses("Kamera aus")
		p.sees("Kamera an")
	}
	for _, p := range w.inTheRoom() {
		p.sees("3 Personen")
		p.until("tiles of three", `document.querySelectorAll("#tiles > li").length === 3`)
		p.seesEverybodyMove(2)
	}
	w.karin.until("what the others are there for", `["Fallführung", "Psychiatrie"].every((part) => document.getElementById("tiles").innerText.includes(part))`)
}

// seesEverybodyMove waits until pictures of that many others have been decoded, and go on being decoded.
func (p *person) seesEverybodyMove(others int) {
	p.t.Helper()
	stats := `window.konsil.room.stats().then((s) => Object.values(s.framesDecoded))`
	p.until("pictures of the others", fmt.Sprintf(`(%s).then((n) => n.filter((f) => f > 0).length >= %d)`, stats, others))
	asked[bool](p, `window.konsil.room.stats().then((s) => { window.before = s.framesDecoded; return true; })`)
	p.until("pictures that move", fmt.Sprintf(
		`window.konsil.room.stats().then((s) => Object.entries(s.framesDecoded).filter(([peer, n]) => n >= (window.before[peer] ?? Infinity) + 5).length >= %d)`, others))
}

// writesIn puts the caret at the end of a section by a click into it.
func (p *person) writesIn(section string) {
	p.t.Helper()
	p.clicksOn("section "+section, `document.querySelector(".editor[data-section=`+section+`] .cm-content")`)
	p.until("the caret is in "+section, `document.activeElement?.closest("[data-section=`+section+`]")`)
}

func (p *person) texts() map[string]string {
	p.t.Helper()
	return asked[map[string]string](p, `window.konsil.notes.texts()`)
}

func (w *walk) write() {
	own := map[*person]string{w.jana: "assessment", w.karin: "decisions", w.kern: "recommendations"}
	said := map[*person]string{
		w.jana:  "Größe der Schritte: klein 🙂, aber täglich.",
		w.karin: "Probe in der Werkstatt ab Januar; Übergang begleitet 🪵.",
		w.kern:  "Schmerz führt, nicht die Uhr. Fünf Stunden später prüfen 👍🏽!",
	}
	w.typesAtOnce(own, said)
	for p := range own {
		p.strikes("Tab")
		if !asked[bool](p, `!document.activeElement.closest("[data-section=`+own[p]+`]")`) {
			w.t.Errorf("%s: Tab does not leave the field", p.name)
		}
	}
	together := map[*person]string{w.jana: "Wer ruft an? ö", w.karin: "Wann genau? ü🙃", w.kern: "Was sagt die Kasse? ß"}
	w.typesAtOnce(map[*person]string{w.jana: "open_questions", w.karin: "open_questions", w.kern: "open_questions"}, together)
	texts := w.agreesEverywhere()
	for p, section := range own {
		if texts[section] != said[p] {
			w.t.Errorf("%s wrote %q, and there stands %q", p.name, said[p], texts[section])
		}
	}
	if got, want := letters(texts["open_questions"]), letters(strings.Join(slices.Collect(maps.Values(together)), "")); got != want {
		w.t.Errorf("three wrote in one section, and %q is not what they wrote", texts["open_questions"])
	}
	w.inTheLog(texts)
	w.karin.pictures("live")
}

// letters are the characters of a text in an order of their own.
func letters(text string) string {
	r := []rune(text)
	slices.Sort(r)
	return string(r)
}

// strikes one key that has a name.
func (p *person) strikes(key string) {
	p.t.Helper()
	if err := p.types(map[string]string{"Tab": "\t"}[key]); err != nil {
		p.t.Fatal(err)
	}
}

func (w *walk) typesAtOnce(where, what map[*person]string) {
	w.t.Helper()
	for p, section := range where {
		p.writesIn(section)
	}
	var hands sync.WaitGroup
	failed := make(chan error, len(where))
	for p := range where {
		hands.Go(func() { failed <- p.types(what[p]) })
	}
	hands.Wait()
	for range where {
		if err := <-failed; err != nil {
			w.t.Fatal(err)
		}
	}
}

// agreesEverywhere waits until everybody has everything saved and reads the same, and returns it.
func (w *walk) agreesEverywhere() map[string]string {
	w.t.Helper()
	for _, p := range w.inTheRoom() {
		p.until("everything saved", `window.konsil.notes.unsaved() === 0 && document.getElementById("saved").innerText === "gespeichert"`)
	}
	var texts []map[string]string
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		texts = nil
		for _, p := range w.inTheRoom() {
			texts = append(texts, p.texts())
		}
		if maps.Equal(texts[0], texts[1]) && maps.Equal(texts[1], texts[2]) {
			return texts[0]
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the three do not read the same: %q", texts)
		}
	}
}

// inTheLog compares what people read with the rows in PostgreSQL, and with the texts made of them for minutes and search.
func (w *walk) inTheLog(texts map[string]string) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `
		select u.data from note_update u join note n on n.id = u.note_id join conference c on c.id = n.conference_id
		where c.code = $1 order by u.seq`, w.code)
	log, err2 := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || err2 != nil {
		w.t.Fatal(err, err2)
	}
	doc := ydoc.New()
	for i, raw := range log {
		u, err := ydoc.Decode(raw, ydoc.Limits{})
		if err == nil {
			_, err = doc.Apply(u)
		}
		if err != nil {
			w.t.Fatalf("row %d of the log: %v", i+1, err)
		}
	}
	for _, key := range conference.CaseConference.Sections() {
		if got := doc.Text("s:" + key); got != texts[key] {
			w.t.Errorf("the log says %q in %s, people read %q", got, key, texts[key])
		}
	}
	for key, text := range texts {
		for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			kept := one[string](w.house, `
				select coalesce((select s.text from note_section s join note n on n.id = s.note_id join conference c on c.id = n.conference_id
				where c.code = $1 and s.key = $2), '')`, w.code, key)
			if kept == text {
				break
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("section %s is kept as %q, people read %q", key, kept, text)
			}
		}
	}
}

// --- the plan ----------------------------------------------------------------------------------------------------------------

func (w *walk) agrees() {
	due := w.day(14, 0, 0)
	w.kern.fills("Was soll geschehen?", task)
	w.kern.chooses("Verantwortlich", "Jana Brandt")
	w.kern.picks("Fällig am", due)
	w.kern.presses("Maßnahme vorschlagen")
	for _, p := range w.inTheRoom() {
		p.until("the measure", `document.querySelector("#measures ul")?.innerText.includes(`+quoted(task)+`)`)
	}
	w.jana.pictures("live-massnahme")
	w.karin.follows("Für alle beenden")
	w.karin.follows("Konferenz beenden")
	for _, p := range []*person{w.jana, w.kern} {
		p.sees("Diese Konferenz ist geschlossen")
		p.until("camera and microphone off", `window.devices.length >= 2 && window.devices.every((t) => t.readyState === "ended")`)
	}
	w.karin.sees("Die Konferenz ist beendet", question, "Jana Brandt", "Dr. Anselm Kern", "Größe der Schritte", "Schmerz führt", "Probe in der Werkstatt", task)
	w.karin.pictures("protokoll-entwurf")
	w.karin.follows("Protokoll freigeben")
	w.karin.sees("Das Protokoll ist freigegeben", "Seitdem unverändert", question, "Probe in der Werkstatt", task)
	w.karin.seesNot("<textarea")
	w.karin.pictures("protokoll")
	w.printed()
	if _, err := w.db.Exec(w.t.Context(), `update minutes set decisions = 'anders' where state = 'approved'`); err == nil {
		w.t.Error("approved minutes can be changed")
	}
	w.jana.follows("Weiter")
	w.jana.opensMail("Jana Brandt", "Fallkonferenz "+w.code+": Nehmen Sie eine Maßnahme an?")
	w.jana.seesNot(task)
	w.jana.followsTheLink()
	w.jana.sees(task)
	w.jana.pictures("massnahme")
	w.jana.follows("Ich nehme die Maßnahme an")
	w.jana.sees("Sie haben diese Maßnahme angenommen")
	w.jana.visits("/plan")
	w.jana.sees(task)
	w.jana.pictures("plan")
}

// printed looks at the minutes as paper shows them.
func (w *walk) printed() {
	w.t.Helper()
	p := w.karin
	raw, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	if err != nil {
		w.t.Fatal(err)
	}
	if sheets := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(raw, -1)); !bytes.HasPrefix(raw, []byte("%PDF-")) || sheets < 1 || sheets > 2 {
		w.t.Errorf("the minutes print as %d bytes and %d sheets", len(raw), sheets)
	}
	paper := func(media string) {
		if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media}); err != nil {
			w.t.Fatal(err)
		}
	}
	paper("print")
	defer paper("")
	p.sees(question, "Probe in der Werkstatt", task)
	for _, gone := range []string{".nav", ".evaluation", ".noprint", "button"} {
		if asked[bool](p, `[...document.querySelectorAll(`+quoted(gone)+`)].some((e) => e.checkVisibility())`) {
			w.t.Errorf("%s is printed", gone)
		}
	}
}

// follows moves the clock to the day the measure is due and lets the queue do the rest.
func (w *walk) follows() {
	for _, p := range []*person{w.jana, w.karin, w.kern} {
		p.leaves()
	}
	w.turnTo(one[time.Time](w.house, `select ask_on + time '09:00' from measure`))
	if _, err := w.jobs.Insert(context.WithoutCancel(w.t.Context()), plan.SweepArgs{}, nil); err != nil {
		w.t.Fatal(err)
	}
	w.karin.signsIn("Koordination")
	w.karin.visits("/conferences/" + w.code)
	w.karin.sees(task, "angenommen")
	w.karin.pictures("konferenz-plan")

	anew := w.person("Jana Brandt auf dem Telefon")
	for deadline := time.Now().Add(patience); one[int](w.house, `select count(*) from message_out where kind = 'follow_up'`) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("nobody asks what became of the measure")
		}
	}
	anew.opensMail("Jana Brandt", "Fallkonferenz "+w.code+": Was wurde aus Ihrer Maßnahme?")
	anew.seesNot(task, question)
	anew.followsTheLink()
	anew.sees(task)
	anew.pictures("rueckmeldung")
	anew.follows("Erledigt")
	anew.sees("Vermerkt: erledigt")
	w.karin.until("the measure is done", `[...document.querySelectorAll("#plan li")].some((li) => li.innerText.includes(`+quoted(task)+`) && li.innerText.includes("erledigt"))`)
	w.karin.pictures("konferenz-erledigt")

	w.kern.opensMail(w.kern.name, "Fallkonferenz "+w.code+": Rückmeldung")
	w.kern.seesNot(task, question)
	w.kern.signsIn("Fachperson")
	w.kern.opensMail(w.kern.name, "Fallkonferenz "+w.code+": Rückmeldung")
	w.kern.followsTheLink()
	w.kern.sees(task, "erledigt")
}
