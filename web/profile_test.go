package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// wantAt wants a page that was come to in the end.
func wantAt(t *testing.T, a answered, path string) {
	t.Helper()
	if a.Status != http.StatusOK || a.Path != path {
		t.Errorf("%d at %s, want %s", a.Status, a.Path, path)
	}
}

func TestProfileIsKeptShownAsBarsAndTableAndTakenOut(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Anna")
	at := "/cases/" + s.newCase().String() + "/profile"
	if a := b.get(at + "?code=d850"); !a.Has("Bezahlte Arbeit") || !a.Has(`name="performance"`) || !a.Has(`name="capacity"`) || a.Has(`name="barrier"`) {
		t.Error("the form of d850 does not ask for performance and capacity")
	}
	observe := func(pairs ...string) url.Values {
		return typed(append([]string{"act", "observe", "occasion", "entry", "rater", "professional", "month", "2026-10"}, pairs...)...)
	}
	for _, f := range []url.Values{
		observe("code", "d850", "performance", "4", "capacity", "1"), observe("code", "e310", "facilitator", "3"), observe("code", "b130", "extent", "2"),
		typed("act", "capacity", "band", "under_3", "stated_on", "2026-10-01", "source", "Ärztlicher Dienst"),
		typed("act", "phase", "phase", "Zusteuerung", "began_on", "2026-10-01"),
		typed("act", "rate", "occasion", "entry", "view", "self", "rating6", "3"),
		typed("act", "score", "instrument", "rehaScore", "version", "2", "value", "62,5", "scale_min", "0", "scale_max", "100", "measured_on", "2026-10-01", "computed_by", "DRV"),
	} {
		wantAt(t, b.post(at, f), at)
	}
	a := b.get(at)
	for _, want := range []string{"<svg", "voll beeinträchtigt", "könnte: leicht", "hilft erheblich", "unter 3 Stunden am Tag", "Zusteuerung", "Durchhalten", "selbst: 3", "62.5"} {
		if !a.Has(want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Index(a.Body, ">d850<") > strings.Index(a.Body, ">b130<") {
		t.Error("the biggest gap is not on top")
	}
	for _, at := range []string{"/cases", strings.TrimSuffix(at, "/profile")} {
		if !b.get(at).Has("Zusteuerung") {
			t.Errorf("%s does not say the phase", at)
		}
	}
	for _, w := range []struct {
		f     url.Values
		field string
	}{
		{observe("code", "x9", "performance", "4"), "observe-code"}, {observe("code", "d850", "performance", "7"), "observe-performance"},
		{observe("code", "e310", "barrier", "1", "facilitator", "1"), "observe-facilitator"}, {typed("act", "capacity", "band", "8", "stated_on", "2026-10-01", "source", "x"), "capacity-band"},
		{typed("act", "phase", "phase", "Nirgends", "began_on", "2026-10-01"), "phase-phase"}, {typed("act", "rate", "occasion", "entry", "view", "self"), "rate-ratings"},
		{typed("act", "score", "instrument", "x", "version", "1", "value", "viel", "scale_min", "0", "scale_max", "1", "measured_on", "2026-10-01", "computed_by", "x"), "score-value"},
	} {
		if a := b.post(at, w.f); a.Status != 422 || !a.Has(`href="#f-`+w.field+`"`) {
			t.Errorf("%s: %d without the field %s", w.f.Encode(), a.Status, w.field)
		}
	}
	whodas := typed("act", "whodas", "measured_on", "2026-10-01")
	for i := range 12 {
		whodas.Set("item"+strconv.Itoa(i+1), "3")
	}
	wantAt(t, b.post(at, whodas), at)
	wai := typed("act", "wai", "measured_on", "2026-10-01", "job", "mixed", "wai1", "5", "wai2a", "3", "wai2b", "3", "wai3", "1", "wai4", "3", "wai5", "30", "wai6", "4",
		"wai7a", "2", "wai7b", "2", "wai7c", "2")
	wantAt(t, b.post(at, wai), at)
	if a := b.get(at); !a.Has("WHODAS 2.0") || !a.Has(">36<") || !a.Has(">27<") || !a.Has("Work Ability Index") {
		t.Error("what was counted is not shown")
	}
	if a := b.post(at, with(whodas, "item7", "6")); a.Status != 422 || !a.Has(`href="#f-whodas-items"`) {
		t.Errorf("an answer that there is not: %d", a.Status)
	}
	score := query[string](s, `select id::text from case_score where instrument = 'rehaScore'`)
	wantAt(t, b.post(at, typed("act", "unscore", "id", score)), at)
	if a := b.get(at); a.Has("62.5") {
		t.Error("a score that was taken out is shown")
	}
	if a := b.post(at, typed("act", "anything")); a.Status != 404 {
		t.Errorf("an act that there is not: %d", a.Status)
	}
}

func TestCoordinationSetsListsThatCaseworkersOnlySee(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	lead, b := s.as("Clara"), s.as("Anna")
	set := typed("caseload", "1", "phases", "Anfang\n\nEnde\n", "codes", "D850, b130", "capacities", "Ausdauer")
	if a := b.get("/casework"); a.Has(`name="caseload"`) {
		t.Error("a caseworker is offered the lists")
	}
	if a := b.post("/casework", set); a.Status != 403 && a.Status != 404 {
		t.Errorf("a caseworker sets them: %d", a.Status)
	}
	for field, bad := range map[string]url.Values{
		"codes": with(set, "codes", "d85"), "caseload": with(set, "caseload", "viele"), "phases": with(set, "phases", " "), "capacities": with(set, "capacities", ""),
	} {
		if a := lead.post("/casework", bad); a.Status != 422 || !a.Has(`href="#f-`+field+`"`) {
			t.Errorf("%s: %d", field, a.Status)
		}
	}
	wantAt(t, lead.post("/casework", set), "/casework")
	if a := lead.get("/casework"); !a.Has("Anfang\nEnde") || !a.Has("d850 b130") {
		t.Error("what was set is not shown")
	}
	s.newCase()
	if a := b.get("/casework"); !a.Has("ausgelastet") {
		t.Error("no word of a full caseload")
	}
	if a := b.get("/cases/new"); !a.Has("Sie führen 1 von 1") {
		t.Error("a new case is begun without a word of the full caseload")
	}
}
