package conference

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

func TestADisclosureReadsEveryTableOfClientsOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, c := range disclosed() {
		all.WriteString(c.sql)
	}
	not, told := notDisclosed(), leftOut()
	for table := range dataClass() {
		reads := strings.Contains(all.String(), "from "+table+" ") || strings.Contains(all.String(), "join "+table+" ")
		if table == "invitation" { // its declaration is read, its answer is not
			reads = false
		}
		if why := not[table]; reads == (why != "") {
			t.Errorf("table %s is read: %v, and not for the reason %q", table, reads, why)
		} else if why != "" && !slices.Contains(told, why) {
			t.Errorf("nobody is told of %q", why)
		}
	}
}

// signedIn is an actor who may look inside the vault.
func signedIn(a account.Actor) account.Actor {
	a.Session = uuid.New()
	return a
}

// said is everything of a disclosure in one text.
func (h *house) said(d Disclosure) string {
	h.t.Helper()
	text, err := json.Marshal(d)
	h.must(err)
	return string(text)
}

// names are all people who have an account.
func (h *house) names() []string {
	list := []string{h.caseworker.Name, h.colleague.Name, h.foreign.Name, h.coordinator.Name}
	for _, e := range h.experts {
		list = append(list, e.Name)
	}
	return list
}

func TestADisclosureHasEverythingOfTheClientAndNobodyElsesName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	// Everybody's names, whole and in parts, in every text there is. Voss and Sorge are not in this case.
	const named = "mit Dr. Kern, Frau Reimanns Rat, JANA Brandt, jana.brandt@konsil.test, Ziegler, Herrn Voss und Lena Sorge"
	code, id := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "assessment", 0, 0, "Notiz Eigenwort "+named))
	w.flush()
	h.must(h.s.Propose(ctx, h.caseworker, code, "Etwas mit Eigenwort "+named, h.experts["Kern"].ID, h.clock.AddDate(0, 0, 20), "Grund"))
	h.exec(`update seat set attended_at = $1`, h.clock)
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Append(ctx, h.experts["Kern"], code, "assessment", "Nachtrag Eigenwort "+named))
	h.must(h.s.Minute(ctx, h.caseworker, code, "Beschluss Eigenwort "+named))
	h.must(h.s.Approve(ctx, h.coordinator, code, "Grund, sagt Frau Oelze"))
	h.must(h.cases.Write(ctx, h.caseworker, id, casefile.Summary{Situation: "Neu Eigenwort " + named, Resources: "r", Tried: "t", Goals: "g", Limits: "l"}))
	found := icf.Blank("d850")
	found.Performance = 3
	h.must(h.cases.Observe(ctx, h.caseworker, id, casefile.Observation{Occasion: "entry", Rater: "self", Month: h.clock, Finding: found, Note: "Anmerkung Eigenwort " + named}))
	h.must(h.cases.AddScore(ctx, h.caseworker, id, casefile.Score{
		Instrument: "rehaScore", Version: "2", Value: "41", Min: "0", Max: "100", MeasuredOn: expertpool.Today(h.clock), ComputedBy: "Paul Ziegler",
	}))
	h.must(h.s.SetHold(ctx, h.caseworker, id, "Klage, sagt Karin Oelze", h.clock.AddDate(0, 1, 0)))
	c := h.consent("psychiatry", "occupational_medicine")
	c.Excluded = []uuid.UUID{h.experts["Voss"].ID}
	c.Releases = []casefile.SecrecyRelease{{Profession: "psychiatry", Holder: "meine Ärztin", About: "Befunde"}}
	h.must(h.s.Grant(ctx, h.caseworker, id, c))
	_, err := h.s.ByCode(ctx, h.experts["Kern"], code)
	h.must(err)

	d, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag vom 1. Dezember")
	h.must(err)
	said := h.said(d)
	for _, name := range h.names() {
		for part := range strings.FieldsSeq(strings.TrimPrefix(name, "Dr. ")) {
			if strings.Contains(strings.ToLower(said), strings.ToLower(part)) {
				t.Errorf("%s is named", part)
			}
		}
	}
	for _, own := range []string{
		"Erfunda", "Mustermann", secretWord, "Notiz Eigenwort", "Etwas mit Eigenwort", "Grund", "Beschluss Eigenwort", "Neu Eigenwort", "Anmerkung Eigenwort",
		"Nachtrag Eigenwort", "Was traut sich die " + secretWord, "Drei Vormittage.", "rehaScore", "d850", "meine Ärztin", "Klage, sagt", code,
		"[Fachperson A]", "psychiatry", "Antrag vom 1. Dezember",
	} {
		if !strings.Contains(said, own) {
			t.Errorf("%q is missing", own)
		}
	}
	if n := strings.Count(said, "Eigenwort"); n < 7 {
		t.Errorf("the case's own word is there %d times", n)
	}
	again, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag vom 1. Dezember")
	h.must(err)
	again.Chapters, d.Chapters = without(again.Chapters, "reveal"), without(d.Chapters, "reveal") // it has one more, of the first
	if h.said(again) != h.said(d) {
		t.Error("two disclosures at one time differ")
	}
	for _, did := range []string{"reveal", "disclose"} {
		if n := get[int](h, `select count(*) from audit.entry where case_id = $1 and action = $2 and reason = 'Antrag vom 1. Dezember'`, id, did); n != 2 {
			t.Errorf("%s is recorded %d times with its reason", did, n)
		}
	}
}

func without(chapters []Chapter, key string) []Chapter {
	return slices.DeleteFunc(slices.Clone(chapters), func(c Chapter) bool { return c.Key == key })
}

func TestADisclosureIsForTheCasesOwnCaseworkersAndNeedsAReason(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.newCase()
	before := get[int](h, `select count(*) from audit.entry`)
	for who, a := range map[string]account.Actor{"another organisation": h.foreign, "the coordination": h.coordinator, "an expert": h.experts["Kern"], "a stranger": h.stranger} {
		if _, err := h.s.Disclose(ctx, signedIn(a), id, "Antrag"); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %v", who, err)
		}
		if _, err := h.s.Looks(ctx, a, id, true); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("access report to %s: %v", who, err)
		}
	}
	var invalid *account.InvalidError
	if _, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, " "); !errors.As(err, &invalid) || invalid.Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	var refused *account.RefusedError
	if _, err := h.s.Disclose(ctx, signedIn(h.colleague), id, "Antrag"); !errors.As(err, &refused) || refused.Rule != "colleague" {
		t.Errorf("a colleague whom nobody let: %v", err)
	}
	if after := get[int](h, `select count(*) from audit.entry`); after != before {
		t.Errorf("%d entries of what was refused", after-before)
	}
}

func TestAfterAWithdrawalADisclosureIsTheProofOfConsentAndTheProtocol(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id := h.full("Eigenwort")
	_, err := h.s.ByCode(ctx, h.experts["Kern"], code)
	h.must(err)
	_, err = h.s.Withdraw(ctx, h.caseworker, id)
	h.must(err)
	d, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag")
	h.must(err)
	var keys []string
	for _, c := range d.Chapters {
		keys = append(keys, c.Key)
	}
	if want := []string{"case", "consent", "recipient", "case_deletion"}; !slices.Equal(keys, want) {
		t.Errorf("chapters are %v, want %v", keys, want)
	}
	if said := h.said(d); d.Identity != nil || strings.Contains(said, "Eigenwort") || strings.Contains(said, secretWord) || strings.Contains(said, "Mustermann") {
		t.Error("it still tells of the case")
	}
	looks, err := h.s.Looks(ctx, h.caseworker, id, false)
	h.must(err)
	if !slices.ContainsFunc(looks, func(l Look) bool { return l.Role == account.Expert && l.Discipline == "psychiatry" && l.Code == code }) ||
		slices.ContainsFunc(looks, func(l Look) bool { return l.Name != "" }) {
		t.Errorf("the client's access report is %+v", looks)
	}
	looks, err = h.s.Looks(ctx, h.caseworker, id, true)
	h.must(err)
	if !slices.ContainsFunc(looks, func(l Look) bool { return l.Name == "Dr. Kern" && l.What == "view_summary" }) {
		t.Errorf("the organisation's access report is %+v", looks)
	}
}

func TestNamesAreTakenOutOfTextsAndWordsStay(t *testing.T) {
	t.Parallel()
	person := func(name string, role account.Role, concerned bool) *somebody {
		return &somebody{id: uuid.New(), name: name, role: role, concerned: concerned}
	}
	people := []*somebody{
		person("Dr. med. Ute Kern", account.Expert, true), person("Jana Brandt", account.Caseworker, true), person("Paul Brandt", account.Caseworker, true),
		person("Eva Müller-Stein", account.Coordinator, true), person("Max Koch", account.Expert, false),
	}
	for text, want := range map[string]string{
		"Frau Dr. Kern rät.":                  "Frau Dr. [Fachperson A] rät.",
		"Utes und Kerns Rat":                  "[Fachperson A] und [Fachperson A] Rat",
		"JANA BRANDT rief an":                 "[Fallführung A] rief an",
		"Brandt, Paul; Brandt":                "[Fallführung A]; [Name]",
		"Mueller-Stein und Frau Stein":        "[Koordination A] und Frau [Koordination A]",
		"Frau Mu\u0308ller":                   "Frau [Koordination A]",
		"frau müller sagt":                    "frau [Koordination A] sagt",
		"kern.u@praxis.example":               "[Fachperson A]",
		"im kern ein stein":                   "im kern ein stein",
		"arbeitete als Koch":                  "arbeitete als Koch",
		"Herr Koch und Max Koch":              "Herr [Fachperson A] und [Fachperson A]",
		"Der Kernspin war ohne Befund, Dr. X": "Der Kernspin war ohne Befund, Dr. X",
	} {
		for _, p := range people {
			p.called = ""
		}
		if got := newVeil(people).hide(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// pixels is a PNG file that does not pack well.
func pixels(side int) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	noise := rand.NewChaCha8([32]byte{})
	noise.Read(m.Pix)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestADisclosureHasTheAttachmentsAsLongAsTheyFit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.newCase()
	for i, side := range []int{20, 200} {
		h.clock = h.clock.Add(time.Minute)
		_, err := h.cases.Attach(ctx, h.caseworker, id, casefile.Upload{Title: []string{"Brief von Dr. Kern", "Bild"}[i], Data: pixels(side)})
		h.must(err)
	}
	d, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag")
	h.must(err)
	files := func() (list []File) {
		for _, ch := range d.Chapters {
			for _, record := range ch.Records {
				for _, f := range record {
					if f, ok := f.Value.(File); ok {
						list = append(list, f)
					}
				}
			}
		}
		return list
	}
	if list := files(); len(list) != 2 || list[0].Data != nil || !list[0].Picture() || list[0].Name != "Brief von Dr. [Fachperson A]" {
		t.Fatalf("before they are read the attachments are %+v", list)
	}
	h.must(h.s.EmbedFiles(ctx, h.caseworker, id, &d, 20_000))
	list := files()
	if m, err := png.Decode(bytes.NewReader(list[0].Data)); err != nil || m.Bounds().Dx() != 20 || list[0].TooLarge {
		t.Errorf("the first is %v, %v", list[0].TooLarge, err)
	}
	if list[1].Data != nil || !list[1].TooLarge {
		t.Error("the second fits where there is no room for it")
	}
	h.must(h.s.EmbedFiles(ctx, h.caseworker, id, &d, 1<<20))
	if list := files(); list[1].Data == nil || list[1].TooLarge {
		t.Error("the second does not fit where there is room")
	}
	if n := get[int](h, `select count(*) from audit.entry where case_id = $1 and action = 'view_attachment'`, id); n != 2 {
		t.Errorf("%d looks at attachments are recorded, want 2", n)
	}
	if err := h.s.EmbedFiles(ctx, h.foreign, id, &d, 1<<20); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("to another Jobcenter: %v", err)
	}
}
