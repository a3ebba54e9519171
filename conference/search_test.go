package conference

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// foundIn lists the sections that a query finds.
func (h *house) foundIn(by account.Actor, query string) []string {
	h.t.Helper()
	hits, err := h.s.Search(h.t.Context(), by, query)
	h.must(err)
	var sections []string
	for _, hit := range hits {
		sections = append(sections, hit.Section)
	}
	return sections
}

func excerptOf(hit Hit) (text string, marked []string) {
	for _, p := range hit.Excerpt {
		text += p.Text
		if p.Found {
			marked = append(marked, p.Text)
		}
	}
	return text, marked
}

func TestSearchFindsGermanWordsInTheirForms(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	w.save(
		w.edit(h.coordinator, "assessment", 0, 0, "Die Ärzte raten zur Pause. Eine Kinderschutzfachkraft war nicht dabei."),
		w.edit(h.coordinator, "recommendations", 0, 0, "Arbeitsversuch auf der Straße, drei Vormittage. Müllabfuhr geht auch."),
		w.edit(h.coordinator, "decisions", 0, 0, "Vormittage: drei. <b>Kein</b> Schichtdienst & keine Nacht."),
	)
	w.flush()
	for query, want := range map[string][]string{
		"Arzt":                          {"assessment"},
		"ärzten":                        {"assessment"},
		"Strasse":                       {"recommendations"},
		"straße":                        {"recommendations"},
		"Fachkraft":                     {"assessment"},
		"schutz":                        {"assessment"},
		"Kinderschuzfachkraft":          {"assessment"}, // a letter is missing
		"Muellabfuhr":                   {"recommendations"},
		"MÜLL":                          {"recommendations"},
		"Schichtdienste":                {"decisions"},
		"drei Vormittage":               {"decisions", "recommendations"},
		`"drei Vormittage"`:             {"recommendations"},
		"Vormittag -Schichtdienst":      {"recommendations"},
		"Schichtdienst or Müllabfuhr":   {"decisions", "recommendations"},
		"Fachkraft Vormittage":          nil, // not in one section
		"und":                           nil,
		"Kündigung":                     nil,
		"-":                             nil,
		`"`:                             nil,
		"%":                             nil,
		"___":                           nil,
		`\`:                             nil,
		"'; drop table note_section;--": nil,
		"<script>alert(1)</script>":     nil,
		"!!! & | ( ) :* <->":            nil,
		strings.Repeat("Ω", 200):        nil,
	} {
		got := h.foundIn(h.caseworker, query)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	for query, rule := range map[string]string{"": "required", "  \n": "required", "a\x00b": "text", "\xff": "text", strings.Repeat("a", 201): "too_long"} {
		var invalid *account.InvalidError
		if _, err := h.s.Search(t.Context(), h.caseworker, query); !errors.As(err, &invalid) || invalid.Rule != rule {
			t.Errorf("%q: %v", query, err)
		}
	}
}

func TestExcerptsShowWhatWasFoundAsPlainText(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	filler := strings.Repeat("Es ging um vieles andere. ", 60)
	w.save(
		w.edit(h.coordinator, "assessment", 0, 0, filler+"Die Kinderschutzfachkraft 🙂 fehlt. "+filler),
		w.edit(h.coordinator, "decisions", 0, 0, filler+"<b>Kein</b>\x02Schichtdienst\x03 & keine Nacht. "+filler),
	)
	w.flush()
	for query, want := range map[string]string{"Schichtdienste": "Schichtdienst", "Fachkraft": "Kinderschutzfachkraft"} {
		hits, err := h.s.Search(t.Context(), h.caseworker, query)
		h.must(err)
		if len(hits) != 1 || hits[0].Code != code || hits[0].Question == "" {
			t.Fatalf("%s: %+v", query, hits)
		}
		text, marked := excerptOf(hits[0])
		if !slices.Equal(marked, []string{want}) || !strings.Contains(text, want) || len(text) > 600 || strings.ContainsAny(text, "\x02\x03") {
			t.Errorf("%s: marked %q in %q", query, marked, text)
		}
	}
}

func TestSearchFindsOnlyWhatTheActorMayReadNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, caseID := h.convene("Kern", "Reimann", "Voss")
	h.accept(code, "Kern", "Voss") // Reimann has not answered; Voss is not in the circle of the consent
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.coordinator, "decisions", 0, 0, "Die "+secretWord+" beginnt im März."))
	w.flush()
	readers := []account.Actor{h.caseworker, h.coordinator, h.experts["Kern"]}
	for _, by := range readers {
		if got := h.foundIn(by, secretWord); !slices.Equal(got, []string{"decisions"}) {
			t.Errorf("%s finds %v", by.Name, got)
		}
	}
	for _, by := range []account.Actor{h.foreign, h.stranger, h.experts["Reimann"], h.experts["Voss"]} {
		if got := h.foundIn(by, secretWord); len(got) > 0 {
			t.Errorf("%s finds %v", by.Name, got)
		}
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'view_notes' and case_id = $1`, caseID); n != len(readers) {
		t.Errorf("%d sightings are on record, want one for each who was shown something", n)
	}
	// A circle that grows narrower shuts out who is no longer in it; a consent that runs out, everybody.
	narrow := h.consent("occupational_medicine")
	narrow.ValidUntil = expertpool.Today(h.clock).AddDate(0, 1, 0)
	h.must(h.s.Grant(t.Context(), h.caseworker, caseID, narrow))
	if got := h.foundIn(h.experts["Kern"], secretWord); len(got) > 0 {
		t.Errorf("outside the circle: %v", got)
	}
	began := h.clock
	h.clock = h.clock.AddDate(0, 2, 0)
	if got := h.foundIn(h.coordinator, secretWord); len(got) > 0 {
		t.Errorf("after the consent ran out: %v", got)
	}
	h.clock = began
	if got := h.foundIn(h.coordinator, secretWord); len(got) != 1 {
		t.Errorf("while it stands: %v", got)
	}
	_, err := h.s.Withdraw(t.Context(), h.caseworker, caseID)
	h.must(err)
	for _, by := range readers {
		if got := h.foundIn(by, secretWord); len(got) > 0 {
			t.Errorf("after the withdrawal %s finds %v", by.Name, got)
		}
	}
}

func TestWhateverIsTypedASectionIsWritten(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	var unique strings.Builder // as long as a note may be, and more different words than a text vector holds
	for i := range rune(100_000) {
		unique.WriteString(string([]rune{'а' + i/32768, 'а' + i/1024%32, 'а' + i/32%32, 'а' + i%32, ' '}))
	}
	if _, err := h.db.Exec(t.Context(), `select to_tsvector('german', $1::text)`, unique.String()); err == nil {
		t.Error("a text vector holds these words, so this test shows nothing")
	}
	w.save(
		w.edit(h.coordinator, "assessment", 0, 0, unique.String()),
		w.edit(h.coordinator, "decisions", 0, 0, "ein\x00 Nullzeichen"),
		w.edit(h.coordinator, "dissent", 0, 0, strings.Repeat("x", 300_000)),
	)
	w.flush()
	for key, want := range map[string]string{"assessment": unique.String(), "decisions": "ein Nullzeichen", "dissent": strings.Repeat("x", 300_000)} {
		if got := get[string](h, `select text from note_section where note_id = $1 and key = $2`, w.note.ID, key); got != want {
			t.Errorf("%s: %d bytes are kept, want %d", key, len(got), len(want))
		}
	}
	if got := h.foundIn(h.coordinator, "Nullzeichen"); !slices.Equal(got, []string{"decisions"}) {
		t.Errorf("found in %v", got)
	}
}

// conveneAgain makes a further conference about a case, a day later.
func (h *house) conveneAgain(caseID uuid.UUID, names ...string) string {
	h.t.Helper()
	r, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: caseID, Question: "Wie geht es weiter?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "Weniger Termine.",
	})
	h.must(err)
	p := Panel{Starts: h.clock.Add(24 * time.Hour), Length: 25 * time.Minute}
	for _, n := range names {
		p.Experts = append(p.Experts, h.experts[n].ID)
	}
	code, err := h.s.Convene(h.t.Context(), h.coordinator, r, p)
	h.must(err)
	return code
}

func TestThePreviousConferenceOfTheCaseIsShownBesideTheNewOne(t *testing.T) {
	t.Parallel()
	h, first, caseID := liveHouse(t)
	ctx := t.Context()
	w := h.writers(first)
	w.save(
		w.edit(h.coordinator, "decisions", 0, 0, "Arbeitsversuch ab März."),
		w.edit(h.coordinator, "dissent", 0, 0, "Reimann rät ab."),
		w.edit(h.coordinator, "open_questions", 0, 0, "  \n"),
	)
	w.flush()
	due := expertpool.Today(h.clock).AddDate(0, 0, 21)
	h.must(h.s.Propose(ctx, h.coordinator, first, "Betrieb anrufen", h.caseworker.ID, due, ""))
	h.must(h.s.Propose(ctx, h.coordinator, first, "Attest besorgen", h.caseworker.ID, due, ""))
	refused := get[uuid.UUID](h, `select id from measure where what = 'Attest besorgen'`)
	h.must(h.plans.Answer(ctx, h.caseworker, refused, false, "hat sie schon"))
	h.must(h.s.End(ctx, h.coordinator, first))
	if p, err := h.s.Previous(ctx, h.coordinator, first); p != nil || err != nil {
		t.Errorf("before the first one: %+v, %v", p, err)
	}
	has := func(by account.Actor, code string) bool {
		yes, err := h.s.HasPrevious(ctx, by, code)
		return yes && err == nil
	}
	second := h.conveneAgain(caseID, "Kern", "Voss")
	h.accept(second, "Voss")
	if has(h.coordinator, first) || !has(h.coordinator, second) || has(h.experts["Voss"], second) || has(h.stranger, second) {
		t.Error("whether there was one before is told wrongly")
	}
	p, err := h.s.Previous(ctx, h.caseworker, second)
	h.must(err)
	if p.Code != first || p.Approved || p.Decisions != "" || !slices.Equal(p.Notes, []MinuteNote{{"dissent", "Reimann rät ab."}}) ||
		len(p.Open) != 1 || p.Open[0].What != "Betrieb anrufen" {
		t.Errorf("before the minutes are approved: %+v", p)
	}
	h.must(h.s.Approve(ctx, h.coordinator, first, ""))
	if p, err = h.s.Previous(ctx, h.coordinator, second); err != nil || !p.Approved || p.Decisions != "Arbeitsversuch ab März." {
		t.Errorf("after: %+v, %v", p, err)
	}
	// Kern sat in the first one, but has not answered for the second; Voss accepted, but the consent does not name her discipline.
	for name, want := range map[string]error{"Kern": account.ErrClosed, "Voss": account.ErrClosed, "Reimann": account.ErrNotFound} {
		if p, err := h.s.Previous(ctx, h.experts[name], second); p != nil || !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	h.accept(second, "Kern")
	if p, err := h.s.Previous(ctx, h.experts["Kern"], second); err != nil || p.Code != first {
		t.Errorf("Kern, after accepting: %+v, %v", p, err)
	}
	for _, by := range []account.Actor{h.foreign, h.stranger} {
		if p, err := h.s.Previous(ctx, by, second); p != nil || !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %+v, %v", by.Name, p, err)
		}
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	for _, by := range []account.Actor{h.coordinator, h.caseworker, h.experts["Kern"]} {
		if p, err := h.s.Previous(ctx, by, second); p != nil || err == nil {
			t.Errorf("after the withdrawal %s: %+v", by.Name, p)
		}
	}
}
