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
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// client is who the case of the walk is about: three words that nothing outside the vault may ever hold.
var client = []string{"Zephyrina", "Quastenflosser", "BG-77-4711-Q"}

// story is the case as it is typed, by field; each text has a word that is found nowhere else.
var story = map[string]string{
	"Situation":       "Anfang 50, früher Tischler. Schmerzen im Kreuz, meidet Treppenhäuser.",
	"Ressourcen":      "Pflegt drei Bienenstöcke, rechnet gern.",
	"Bisher versucht": "Wirbelsäulengymnastik, zweimal abgebrochen.",
	"Eigene Ziele":    "Wieder etwas mit Holz, am liebsten morgens.",
	"Grenzen":         "Nichts über Schulterhöhe.",
}

var caseWords = []string{"Treppenhäuser", "Bienenstöcke", "Wirbelsäulengymnastik", "mit Holz", "Schulterhöhe"}

const (
	question = "Welche Arbeit trägt den Rücken, und wer geht am Anfang mit?"
	wish     = "Eine Werkbank, an der ich sitzen darf."
	task     = "Werkstatt zwei Vormittage zur Probe besuchen"
)

// walk is one case on its way from the first page to the outcome told back.
type walk struct {
	*house
	jana, karin, kern *person
	roth              *person
	code              string
}

// TestAPersonsCaseGoesTheWholeWay is the arc as people walk it: request, round, date, answers, the room, minutes, the plan and
// what became of it. People click and type; the test itself moves the clock and looks into PostgreSQL. It does not run beside
// other tests: three browsers with cameras need the whole machine.
func TestAPersonsCaseGoesTheWholeWay(t *testing.T) {
	chromium(t)
	w := &walk{house: newHouse(t)}
	w.never = append([]string{"Erfunda", "Mustermann", "Probus", "Fiktiva"}, client...)
	for _, chapter := range []struct {
		title string
		tell  func()
	}{
		{"a case is written, released, consented to and asked about", w.asks},
		{"the coordination convenes a round", w.convenes},
		{"experts answer from their mails", w.answer},
		{"the date is moved and everybody is asked again", w.moves},
		{"without consent nobody reads and no room opens", w.withoutConsent},
		{"three people meet", w.meets},
		{"three people write at once", w.write},
		{"measures, minutes and their approval", w.agrees},
		{"what became of it", w.follows},
	} {
		began := time.Now()
		chapter.tell()
		t.Logf("%5.1f s  %s", time.Since(began).Seconds(), chapter.title)
	}
	w.nowhereButInTheVault()
	if n, err := audit.Verify(t.Context(), w.db); err != nil || n == 0 {
		t.Errorf("the audit record of %d entries does not hold: %v", n, err)
	}
}

// --- the case ----------------------------------------------------------------------------------------------------------------

func (w *walk) asks() {
	p := w.person("Jana Brandt")
	w.jana = p
	p.visits("/")
	p.pictures("anmeldung")
	p.signsIn("Fallführung")
	p.pictures("heute-fallfuehrung")
	p.followsIn("nav", "Fälle")
	p.pictures("faelle")
	p.follows("Neuer Fall")
	p.fills("Vorname", client[0])
	p.fills("Nachname", client[1])
	p.picks("Geburtsdatum", time.Date(1974, 5, 6, 0, 0, 0, 0, time.UTC))
	p.fills("Aktenzeichen", client[2])
	for label, text := range story {
		p.fills(label, text)
	}
	p.pictures("fall-neu")
	p.follows("Fall anlegen")
	p.sees("Der Fall ist angelegt", caseWords[0])
	p.pictures("fall-entwurf")
	p.ticks("Ich habe den Text geprüft")
	p.follows("Fassung freigeben")
	p.sees("Die Fassung ist freigegeben")
	p.follows("Einwilligung eintragen")
	for _, discipline := range []string{"Psychiatrie", "Orthopädie", "Arbeitsmedizin"} {
		p.ticks(discipline)
	}
	p.ticks("Ich habe Freiwilligkeit und Widerruf erklärt")
	p.pictures("einwilligung")
	p.follows("Einwilligung eintragen")
	p.sees("Die Einwilligung ist eingetragen")
	p.requests(question, wish, "dringend", "Psychiatrie", "Orthopädie")
	p.pictures("anfrage-fallfuehrung")
	w.nowhereButInTheVault()
}

// requests writes a request on the page of a case.
func (p *person) requests(question, wish, urgency string, disciplines ...string) {
	p.t.Helper()
	p.follows("Neue Anfrage")
	p.fills("Frage an die Runde", question)
	p.fills("Was die Person selbst möchte", wish)
	p.ticks(urgency)
	for _, d := range disciplines {
		p.ticks(d)
	}
	p.pictures("anfrage-neu")
	p.follows("Anfrage stellen")
	p.sees("Die Anfrage ist bei der Koordination", question)
}

// nowhereButInTheVault searches every table as text, and its bytes, for what only the vault may know.
func (w *walk) nowhereButInTheVault() {
	w.t.Helper()
	found := w.holding(question)
	if !slices.Contains(found, "public.conference_request") {
		w.t.Fatalf("the search does not even find the question, but only in %v", found)
	}
	for _, word := range client {
		if found := w.holding(word); len(found) > 0 {
			w.t.Errorf("the client's %q is in %v", word, found)
		}
	}
}

func (w *walk) holding(word string) (found []string) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `
		select format('%I.%I', table_schema, table_name) from information_schema.tables
		where table_schema not in ('pg_catalog', 'information_schema', 'vault') and table_type = 'BASE TABLE'`)
	tables, err2 := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || err2 != nil {
		w.t.Fatal(err, err2)
	}
	for _, table := range tables {
		if one[bool](w.house, `select exists (select from `+table+` r where strpos(lower(r::text), lower($1)) > 0
			or strpos(r::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0)`, word) {
			found = append(found, table)
		}
	}
	return found
}

// --- round and date ----------------------------------------------------------------------------------------------------------

func (w *walk) convenes() {
	w.turnTo(w.clock().Add(95 * time.Minute))
	p := w.person("Karin Oelze")
	w.karin = p
	p.signsIn("Koordination")
	p.until("the request with its age", `[...document.querySelectorAll("main li")].some((li) => li.textContent.includes(`+quoted(question)+`) && /^1 h/.test(li.innerText))`)
	p.pictures("heute-koordination")
	p.followsIn("nav", "Anfragen")
	p.sees(question)
	p.pictures("anfragen")
	p.followsIn("~"+question, "Runde zusammenstellen")
	p.sees("liegt vor", wish)
	p.ticks("Dr. Anselm Kern")
	p.ticks("Dr. Hanna Voss")
	starts := w.day(3, 10, 0)
	p.picks("Datum", starts)
	p.picks("Beginn", starts)
	p.pictures("anfrage-koordination")
	p.follows("Konferenz einberufen")
	p.sees("Die Konferenz ist einberufen", question, caseWords[0])
	w.code = strings.TrimPrefix(p.where(), "/conferences/")
	p.pictures("konferenz-einladend")
	w.mailsAreNeutral(starts)
}

// day is a moment some days from now, as a calendar in Germany has it.
func (w *walk) day(days, hour, minute int) time.Time {
	y, m, d := w.clock().In(expertpool.Zone()).Date()
	return time.Date(y, m, d+days, hour, minute, 0, 0, expertpool.Zone())
}

// mailsAreNeutral looks at the invitations in the outbox, in a second tab: one for each expert, with a calendar part.
func (w *walk) mailsAreNeutral(starts time.Time) {
	tab := w.karin.tab()
	for _, expert := range []string{"Dr. Anselm Kern", "Dr. Hanna Voss"} {
		tab.opensMail(expert, "Fallkonferenz "+w.code)
		mails := `[...document.querySelectorAll("main li")].filter((li) => li.textContent.includes(` + quoted(expert) + `) && li.textContent.includes(` + quoted(w.code) + `)).length`
		if n := asked[int](tab, mails); n != 1 {
			w.t.Errorf("%d mails to %s, want 1", n, expert)
		}
		tab.seesNot(append([]string{question, wish}, caseWords...)...)
		w.checkCalendar(tab.downloads("Kalenderdatei herunterladen"), 0, starts)
	}
	tab.pictures("postausgang")
}

// checkCalendar reads an invitation as a calendar would get it, RFC 5545, RFC 5546 §3.2.2.
func (w *walk) checkCalendar(raw []byte, sequence int, starts time.Time) {
	w.t.Helper()
	text := strings.NewReplacer("\r\n ", "", "\r\n\t", "").Replace(string(raw))
	for want, n := range map[string]int{
		"\r\nMETHOD:REQUEST\r\n": 1, "\r\nATTENDEE": 1, "\r\nBEGIN:VEVENT\r\n": 1, fmt.Sprintf("\r\nSEQUENCE:%d\r\n", sequence): 1,
		"\r\nDTSTART;TZID=Europe/Berlin:" + starts.Format("20060102T150405") + "\r\n": 1, "RSVP=TRUE": 1, w.code: 2,
	} {
		if got := strings.Count(text, want); got < n || got > n && want != w.code {
			w.t.Errorf("the calendar file has %q %d times, want %d:\n%s", want, got, n, text)
		}
	}
	for _, word := range append([]string{question, wish, one[string](w.house, `select pseudonym from case_file c join conference k on k.case_id = c.id where k.code = $1`, w.code)}, caseWords...) {
		if strings.Contains(text, word) {
			w.t.Errorf("the calendar file says %q", word)
		}
	}
}

// answered waits until the coordinator's page, which nobody touches, says how somebody answered.
func (w *walk) answered(name, answer string) {
	w.t.Helper()
	w.karin.until(name+": "+answer, fmt.Sprintf(`[...document.querySelectorAll(".seats li")].some((li) => li.innerText.includes(%s) && li.innerText.includes(%s))`, quoted(name), quoted(answer)))
}

// invitations is what is known about answers, to compare.
func (w *walk) invitations() string {
	return one[string](w.house, `
		select coalesce(string_agg(i::text, E'\n' order by i.id), '') || (select count(*) from response) || (select string_agg(s::text, '' order by s.id) from seat s)
		from invitation i`)
}

func (w *walk) answer() {
	w.kern = w.person("Dr. Anselm Kern")
	w.byLink(w.kern, "Fallkonferenz "+w.code, "Ja, ich bin dabei", "Sie haben zugesagt")
	if n := one[int](w.house, `select count(*) from session s join account a on a.id = s.account_id where a.name = $1`, w.kern.name); n != 0 {
		w.t.Errorf("%s has signed in %d times, and was asked not to", w.kern.name, n)
	}
	w.answered(w.kern.name, "zugesagt")
	w.karin.pictures("konferenz-zusage")

	voss := w.person("Dr. Hanna Voss")
	voss.signsIn("Fachperson")
	voss.pictures("heute-fachperson")
	voss.follows("Antworten")
	voss.sees("Der Inhalt öffnet sich mit Ihrer Zusage")
	voss.seesNot(append([]string{question}, caseWords...)...)
	voss.pictures("konferenz-ohne-zusage")
	w.byLink(voss, "Fallkonferenz "+w.code, "Nein, ich kann nicht", "Sie haben abgesagt")
	w.answered(voss.name, "abgesagt")
	voss.isRefused("/conferences/"+w.code, 404, "Diese Seite gibt es nicht")

	w.karin.presses("Weitere Fachpersonen einladen")
	w.karin.ticks("Dr. Elias Roth")
	w.karin.follows("Einladen")
	w.karin.sees("Die Einladung ist unterwegs")
	w.roth = w.person("Dr. Elias Roth")
	w.byLink(w.roth, "Fallkonferenz "+w.code, "Ja, ich bin dabei", "Sie haben zugesagt")
	w.answered(w.roth.name, "zugesagt")
	w.karin.sees("beschlussfähig")
}

// byLink answers from the mail: looking changes nothing, pressing does.
func (w *walk) byLink(p *person, mail, button, receipt string) {
	w.t.Helper()
	p.opensMail(p.name, mail)
	before := w.invitations()
	p.followsTheLink()
	p.sees("Können Sie am")
	p.seesNot(append([]string{question}, caseWords...)...)
	if w.invitations() != before {
		w.t.Errorf("%s has only looked at the page behind the link, and something changed", p.name)
	}
	p.pictures("antwort")
	p.follows(button)
	p.sees(receipt)
	if w.invitations() == before {
		w.t.Errorf("%s answered, and nothing changed", p.name)
	}
}

func (w *walk) moves() {
	starts := w.day(4, 14, 30)
	w.karin.presses("Termin verlegen")
	w.karin.picks("Tag", starts)
	w.karin.picks("Uhrzeit", starts)
	w.karin.followsIn("#move form", "Termin verlegen")
	w.karin.sees("Der neue Termin steht", "14:30")
	w.kern.allows("status of 409", "the page of the old date is answered on purpose")
	w.kern.follows("Vielleicht")
	w.kern.sees("Der Termin hat sich geändert")
	w.kern.forbids("status of 409")
	tab := w.karin.tab()
	tab.opensMail(w.kern.name, "Neuer Termin: Fallkonferenz "+w.code)
	w.checkCalendar(tab.downloads("Kalenderdatei herunterladen"), 1, starts)
	for _, p := range []*person{w.kern, w.roth} {
		w.byLink(p, "Neuer Termin: Fallkonferenz "+w.code, "Ja, ich bin dabei", "Sie haben zugesagt")
		w.answered(p.name, "zugesagt")
	}
	w.karin.sees("beschlussfähig", "14:30")
}

// withoutConsent brings the rehearsal's case without consent as far as it gets: to a round that reads nothing and a shut door.
func (w *walk) withoutConsent() {
	const word = "Entgiftung"
	pseudonym := one[string](w.house, `select pseudonym from case_file c where not exists (select from consent where case_id = c.id)`)
	w.jana.visits("/cases")
	w.jana.follows(pseudonym)
	w.jana.sees(word)
	w.jana.ticks("Ich habe den Text geprüft")
	w.jana.follows("Fassung freigeben")
	w.jana.requests("Was hilft, damit es hält?", "Ruhe.", "in den nächsten Wochen", "Suchtberatung")
	soon := w.clock().Add(12 * time.Minute).In(expertpool.Zone())
	tab := w.karin.tab()
	tab.visits("/requests")
	tab.followsIn("~Was hilft, damit es hält?", "Runde zusammenstellen")
	tab.sees("liegt noch nicht vor")
	tab.ticks("Rolf Enders")
	tab.picks("Datum", soon)
	tab.picks("Beginn", soon)
	tab.follows("Konferenz einberufen")
	tab.sees("Für diesen Fall liegt keine Einwilligung vor")
	code := strings.TrimPrefix(tab.where(), "/conferences/")

	rolf := w.person("Rolf Enders")
	rolf.signsIn("Fachperson")
	rolf.follows("Antworten")
	rolf.follows("Ja, ich bin dabei")
	rolf.sees("Für diesen Fall liegt keine Einwilligung vor")
	for _, p := range []*person{rolf, tab} {
		p.seesNot(word, "Raum öffnen")
		p.isRefused("/conferences/"+code+"/room", 410, "Für diesen Fall liegt keine Einwilligung vor")
		p.seesNot(word)
	}
	tab.allows("status of 410", "the room is asked to open without consent on purpose")
	if status := asked[int](tab, `fetch("/conferences/`+code+`/open", { method: "POST", redirect: "manual" }).then((r) => r.status)`); status != 410 {
		w.t.Errorf("opening a room without consent answers %d, want 410", status)
	}
	if state := one[string](w.house, `select state from conference where code = $1`, code); state == "live" {
		w.t.Error("a room is open without consent")
	}
}

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
}

// seesEverybodyMove waits until pictures of that many others have been decoded, and go on being decoded.
func (p *person) seesEverybodyMove(others int) {
	p.t.Helper()
	stats := `window.konsil.room.stats().then((s) => Object.values(s.framesDecoded))`
	p.until("pictures of the others", fmt.Sprintf(`(%s).then((n) => n.filter((f) => f > 0).length >= %d)`, stats, others))
	asked[bool](p, fmt.Sprintf(`window.konsil.room.stats().then((s) => { window.before = s.framesDecoded; return true; })`))
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
	for _, key := range conference.Sections {
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
