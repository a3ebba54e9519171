package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/nameguard/yardstick"
)

// guardScript runs what the page runs: for each text class, words, reason, confidence and what would stand instead.
const guardScript = `
import { readFileSync } from "node:fs";
import { Hashed } from "./ts/guard/marks";
import { Matcher } from "./ts/guard/matcher";
import { merge, outsidePlaceholders } from "./ts/guard/passage";
import { findByForm, shapeRule } from "./ts/guard/rules";
import { Standins } from "./ts/guard/stand";

const { marks, texts } = JSON.parse(readFileSync(0, "utf8"));
const matcher = new Matcher(new Hashed(marks));
const shapes = marks.shapes.map(shapeRule);
const answer = [];
for (const text of texts) {
  const found = merge(outsidePlaceholders(text, [...findByForm(text, shapes), ...(await matcher.find(text))]));
  const standins = new Standins();
  answer.push(found.map((one) => [one.class, text.slice(one.start, one.end), one.reason, String(one.confidence), standins.of(text, one, text)]));
}
console.log(JSON.stringify(answer));
`

// scripted runs the page's part over texts, in Node.js.
func scripted(t *testing.T, marks nameguard.Marks, texts []string) (found [][][5]string) {
	t.Helper()
	asksPage(t, guardScript, map[string]any{"marks": marks, "texts": texts}, &found)
	return found
}

// asksPage bundles a script with the page's sources, gives it its input as JSON and reads its answer.
func asksPage(t *testing.T, script string, in, answer any) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: no Node.js on this machine, so nobody ran what the page runs")
	}
	esbuild := filepath.Join("node_modules", "esbuild", "bin", "esbuild")
	if _, err := os.Stat(esbuild); err != nil {
		t.Skip("SKIPPED: no packages of Node.js in this checkout, so nobody ran what the page runs")
	}
	file := filepath.Join(t.TempDir(), "guard.mjs")
	build := exec.CommandContext(t.Context(), node, esbuild, "--bundle", "--format=esm", "--platform=node", "--loader=ts", "--log-level=warning", "--outfile="+file)
	build.Stdin = strings.NewReader(script)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("bundle: %v\n%s", err, out)
	}
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, file)
	run.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	run.Stderr = &said
	out, err := run.Output()
	if err != nil {
		t.Fatalf("run: %v\n%s", err, &said)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatal(err)
	}
}

// oneErrorAway are the words that one typing error behind the first letter makes of a word.
func oneErrorAway(word string) []string {
	letters := []rune(word)
	var all []string
	for i := 1; i < len(letters); i++ {
		head, tail := string(letters[:i]), string(letters[i+1:])
		all = append(all, head+tail, head+"q"+tail, head+"q"+string(letters[i:]))
		if i+1 < len(letters) {
			all = append(all, head+string(letters[i+1])+string(letters[i])+string(letters[i+2:]))
		}
	}
	return all
}

func TestPageFindsTheClientByHashesAsTheServerDoes(t *testing.T) {
	t.Parallel()
	guard := nameguard.New()
	subject := nameguard.NewSubject(
		nameguard.Attribute{Class: nameguard.Person, Value: "Gülcan van der Möhlen-Łukaszewicz"},
		nameguard.Attribute{Class: nameguard.Birthdate, Value: "1979-02-05"},
		nameguard.Attribute{Class: nameguard.Phone, Value: "0171 2345678"},
		nameguard.Attribute{Class: nameguard.Place, Value: "Bad Wünnenberg"},
		nameguard.Attribute{Class: nameguard.CustomerID, Value: "123A456789"},
	)
	words := []string{
		"Gülcan", "Guelcan", "Gulcan", "GÜLCAN", "gülcan", "Gu\u0308lcan", "Gülcans", "Möhlen", "Moelen", "Lukaszewicz", "Łukaszewicz", "Lukaschewitz", "Mölen",
		"05.02.1979", "5.2.79", "5. Februar 1979", "1979-02-05", "0171/234 56 78", "Bad Wuennenberg", "123 A 456789", "G. M.",
		"Haus", "Angabe", "Mühlen", "06.02.1979", "5.2.1980", "Bad Homburg", "0171 2345679",
	}
	for _, name := range []string{"Gülcan", "Möhlen", "Łukaszewicz"} {
		for _, near := range oneErrorAway(name) {
			words = append(words, near, near+"s")
		}
	}
	for i, near := range oneErrorAway("Lukaszewicz") {
		for k, further := range oneErrorAway(near) {
			if (i+k)%7 == 0 { // two errors, and with more of them three
				words = append(words, further)
			}
		}
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = "Gespräch mit " + w + " geführt"
	}
	own := func(reason string) bool { return reason == "subject" || reason == "subjecttypo" }
	missed := 0
	for i, found := range scripted(t, guard.Marks(subject), texts) {
		server := slices.ContainsFunc(guard.Find(texts[i], subject), func(f nameguard.Finding) bool { return own(string(f.Reason)) })
		page := slices.ContainsFunc(found, func(f [5]string) bool { return own(f[2]) })
		if server != page {
			missed++
			t.Errorf("%q: server %v, page %v", words[i], server, page)
		}
	}
	if missed == 0 && len(words) < 350 {
		t.Errorf("only %d words were tried", len(words))
	}
}

func TestPageFindsByFormWhatNeedsNoList(t *testing.T) {
	t.Parallel()
	guard, err := nameguard.New().With("99 AB-99(/9)")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ text, class, words, standin string }{
		{"KV M123456785.", "kvnr", "M123456785", "[Nummer]"},
		{"RV 15 070649 C 103", "rvnr", "15 070649 C 103", "[Nummer]"},
		{"Steuer-ID 86095742719", "taxid", "86095742719", "[Nummer]"},
		{"IBAN DE89 3704 0044 0532 0130 00.", "iban", "DE89 3704 0044 0532 0130 00", "[Konto]"},
		{"an w.zoellner@posteo.de!", "email", "w.zoellner@posteo.de", "[Mail]"},
		{"Tel. 03984 / 55 12-0 abends", "phone", "03984 / 55 12-0", "[Telefon]"},
		{"Kunde 123A456789", "customer", "123A456789", "[Nummer]"},
		{"BG 12345//1234567", "bgnumber", "12345//1234567", "[Nummer]"},
		{"Klage S 12 AS 345/23 ER", "court", "S 12 AS 345/23 ER", "[Nummer]"},
		{"mit Frau Dr. Ingwersen-Loth geredet", "person", "Ingwersen-Loth", "[Person A]"},
		{"am 12.03.2024 hier", "date", "12.03.2024", "[Datum 03/2024]"},
		{"geb. 12.3.70", "birthdate", "12.3.70", "[Geburtsdatum]"},
		{"17291 Prenzlau liegt", "place", "17291 Prenzlau", "[Ort A]"},
		{"Oberländer Straße", "", "", ""}, {"Ulmenallee 12", "street", "Ulmenallee 12", "[Adresse]"},
		{"Vorgang 17 ab-08/3 hier", "record", "17 ab-08/3", "[Nummer]"},
		{"ICF d850.3, b130.2; F33.1; § 45 SGB III; Sertralin 50 mg 1-0-0, 10.30 Uhr; [Person A], [Datum 03/2024]", "", "", ""},
		{"0171234567890123456789 Euro", "", "", ""},
	}
	texts := make([]string, len(cases))
	for i, c := range cases {
		texts[i] = c.text
	}
	for i, found := range scripted(t, guard.Marks(nil), texts) {
		c := cases[i]
		if c.class == "" {
			if len(found) > 0 {
				t.Errorf("%q: found %q", c.text, found)
			}
			continue
		}
		if len(found) != 1 || found[0][0] != c.class || found[0][1] != c.words || found[0][4] != c.standin {
			t.Errorf("%q: found %q, want %s %q as %s", c.text, found, c.class, c.words, c.standin)
		}
	}
}

// corpusScript looks for the subject of each text, and types the first texts letter by letter with a clock beside it.
const corpusScript = `
import { readFileSync } from "node:fs";
import { Hashed } from "./ts/guard/marks";
import { Matcher } from "./ts/guard/matcher";

const docs = JSON.parse(readFileSync(0, "utf8"));
const passages = [];
for (const { marks, text } of docs) passages.push((await new Matcher(new Hashed(marks)).find(text)).filter((one) => one.class === "person").map(({ start, end }) => [start, end]));
let strokes = 0, total = 0, worst = 0;
for (const { marks, text } of docs.slice(0, 4)) {
  const matcher = new Matcher(new Hashed(marks));
  await matcher.find("");
  for (let end = 1; end <= Math.min(text.length, 1500); end += 3) {
    const begin = performance.now();
    await matcher.find(text.slice(0, end));
    const took = performance.now() - begin;
    strokes++; total += took; worst = Math.max(worst, took);
  }
}
const pasted = performance.now();
await new Matcher(new Hashed(docs[0].marks)).find(docs.map((one) => one.text).join("\n"));
console.log(JSON.stringify({ passages, mean: total / strokes, worst, pasted: performance.now() - pasted }));
`

// TestPageAndServerAgreeOnTheNamesOfSubjects goes over texts that others have marked: what the server takes for the name of the
// person a text is about, rightly spelt or not, the page finds by its hashes, and the other way round.
func TestPageAndServerAgreeOnTheNamesOfSubjects(t *testing.T) {
	t.Parallel()
	dir := cmp.Or(os.Getenv("KONSIL_DATA_DIR"), filepath.Join("..", "..", "shared", "data"))
	docs, err := yardstick.Load(filepath.Join(dir, "pii", "jobcenter_synth.jsonl"))
	if err != nil {
		t.Skip("SKIPPED: the marked texts are not here (KONSIL_DATA_DIR): ", err)
	}
	guard := nameguard.New()
	type doc struct {
		Marks nameguard.Marks `json:"marks"`
		Text  string          `json:"text"`
	}
	var in []doc
	var known []*nameguard.Subject
	var misspelt [][]string // as a salutation before them hides it in what the server says
	for _, d := range docs {
		if u := d.Subject(); u != nil {
			in, known, misspelt = append(in, doc{guard.Marks(u), d.Text}), append(known, u), append(misspelt, nil)
			for _, e := range d.Entities {
				if e.Form == "FAMTYPO" {
					misspelt[len(misspelt)-1] = append(misspelt[len(misspelt)-1], e.Text)
				}
			}
		}
	}
	var answer struct {
		Passages            [][][2]int
		Mean, Worst, Pasted float64
	}
	asksPage(t, corpusScript, in, &answer)
	own, typos, missed := 0, 0, 0
	for i, d := range in {
		found := guard.Find(d.Text, known[i])
		server := inUnits(d.Text, found)
		covers := func(from, to int) bool {
			return slices.ContainsFunc(server, func(f foundLater) bool { return f.Start < to && f.End > from })
		}
		for n, f := range server {
			if f.Class != nameguard.Person || f.Reason != nameguard.BySubject && f.Reason != nameguard.BySubjectTypo {
				continue
			}
			own++
			if !slices.ContainsFunc(answer.Passages[i], func(p [2]int) bool { return p[0] < f.End && p[1] > f.Start }) {
				t.Errorf("text %d: the page misses %q (%s)", i, d.Text[found[n].Start:found[n].End], f.Reason)
			}
		}
		units := utf16.Encode([]rune(d.Text))
		for _, name := range misspelt[i] {
			typos++
			if !slices.ContainsFunc(answer.Passages[i], func(p [2]int) bool { return strings.Contains(name, string(utf16.Decode(units[p[0]:p[1]]))) }) {
				missed++
			}
		}
		for _, p := range answer.Passages[i] {
			if !covers(p[0], p[1]) {
				t.Errorf("text %d: the page alone finds %q", i, string(utf16.Decode(units[p[0]:p[1]])))
			}
		}
	}
	if own < 100 || typos < 50 || missed > typos/10 {
		t.Errorf("%d names were there to compare, and of %d misspelt ones the page misses %d", own, typos, missed)
	}
	t.Logf("%d names; of %d misspelt ones the page misses %d; a look while writing takes %.2f ms, %.1f ms at most; %d texts pasted at once %.0f ms",
		own, typos, missed, answer.Mean, answer.Worst, len(in), answer.Pasted)
}
