//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/audit"
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
	paul              *person // Jana's second pair of eyes
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
	w.released(p)
	p.pictures("fall-freigegeben")
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

// released takes the summary on the author's page through both pairs of eyes: she checks it, her colleague finds it under what
// waits for him and releases it.
func (w *walk) released(author *person) {
	w.t.Helper()
	author.ticks("Ich habe den Text geprüft")
	author.follows("Als geprüft weitergeben")
	author.sees("Die Fassung ist geprüft", "Wer einen Text geschrieben hat, gibt ihn nicht selbst frei")
	of := author.where()
	if w.paul == nil {
		w.paul = w.person("Paul Ziegler")
		w.paul.signsIn("Fallführung")
	} else {
		w.paul.visits("/")
	}
	w.paul.sees("wartet auf Ihre Freigabe")
	w.paul.visits(of)
	w.paul.pictures("fall-zweite-person")
	w.paul.ticks("Ich habe den Text als zweite Person ganz gelesen")
	w.paul.follows("Fassung freigeben")
	w.paul.sees("Die Fassung ist freigegeben")
	author.visits(of)
}

// requests writes a request on the page of a case.
func (p *person) requests(question, wish, urgency string, disciplines ...string) {
	p.t.Helper()
	p.follows("Neue Anfrage")
	p.fills("Frage an die Runde", question)
	p.fills("Was die Person selbst möchte", wish)
	p.ticks(urgency)
	if urgency == "dringend" {
		p.picks("Bis wann?", time.Now().In(expertpool.Zone()).AddDate(0, 0, 10))
		p.fills("Warum so bald?", "Die Entscheidung der Kasse steht an.")
	}
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
	w.declares(w.kern)

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

	w.karin.follows("Weitere Fachpersonen einladen")
	w.karin.ticks("Dr. Elias Roth")
	w.karin.follows("Einladen")
	w.karin.sees("Die Einladung ist unterwegs")
	w.roth = w.person("Dr. Elias Roth")
	w.byLink(w.roth, "Fallkonferenz "+w.code, "Ja, ich bin dabei", "Sie haben zugesagt")
	w.answered(w.roth.name, "zugesagt")
	w.karin.sees("beschlussfähig")
	w.declares(w.roth)
}

// declares says before the case is shown that there is no tie to the person.
func (w *walk) declares(p *person) {
	w.t.Helper()
	p.signsIn("Fachperson")
	p.visits("/conferences/" + w.code)
	p.sees("Kennen Sie die Person?")
	p.seesNot(append([]string{question, wish}, caseWords...)...)
	p.pictures("konferenz-erklaerung")
	p.ticks("Nein, nach allem, was ich weiß")
	p.follows("Weiter")
	p.sees(question, caseWords[0])
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
	// his phone sleeps in his pocket: the page does not ask for news, and stays the one of the old date
	asked[bool](w.kern, `(document.querySelector("[data-poll]").removeAttribute("data-poll"), true)`)
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
	w.released(w.jana)
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
