package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestWhoseCaseItIsNotAsksAColleagueFirst(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/cases/" + s.newCase().String() + "/identity" // Anna's
	doris, anna := s.as("Doris"), s.as("Anna")
	if a := doris.get(at); !a.Has("Einsicht erbitten") || a.Has("Identität anzeigen") {
		t.Fatal("she is not told to ask")
	}
	if a := doris.post(at, typed("reason", "Vertretung")); a.Status != http.StatusForbidden && a.Status != http.StatusConflict && a.Status != http.StatusGone || a.Has("Geheimniss") {
		t.Fatalf("alone: %d", a.Status)
	}
	wantRefused(t, "reason", doris.post(at+"/ask", typed("reason", " ")), "identity-reason", "Ohne Grund")
	if a := doris.post(at+"/ask", typed("reason", "Vertretung am Montag")); !a.Has("Ihre Bitte ist gestellt.") || !a.Has("wartet auf eine zweite Person") || a.Has("Zustimmen") {
		t.Fatalf("asked: %d", a.Status)
	}
	if a := anna.get("/"); !a.Has("Doris Dienst bittet um Einsicht") || !a.Has("Vertretung am Montag") {
		t.Error("the colleague is not told")
	}
	asked := anna.get(at)
	id := regexp.MustCompile(`name="ask" value="([0-9a-f-]{36})"`).FindStringSubmatch(asked.Body)
	if id == nil {
		t.Fatal("the colleague cannot answer")
	}
	if a := anna.post(at+"/answer", typed("ask", id[1], "answer", "perhaps")); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
		t.Errorf("neither yes nor no: %d", a.Status)
	}
	if a := anna.post(at+"/answer", typed("ask", id[1], "answer", "grant")); !a.Has("Sie haben zugestimmt.") || a.Has("Zustimmen") {
		t.Fatalf("granted: %d", a.Status)
	}
	if a := doris.get(at); !a.Has("Anna Amt hat zugestimmt.") || a.Has("Geheimniss") {
		t.Error("she is not told that she may look")
	}
	if a := doris.post(at, nil); !a.Has("Geheimniss") {
		t.Fatalf("with a colleague: %d", a.Status)
	}
	if a := anna.get(at); !a.Has("Wer hineingesehen hat") || strings.Count(a.Body, "Vertretung am Montag") != 2 {
		t.Error("the look is not on the page")
	}
	s.clock.set(s.clock.now().Add(16 * time.Minute))
	if a := doris.post(at, typed("reason", "Vertretung")); a.Has("Geheimniss") {
		t.Error("after a quarter of an hour she still looks")
	}
}

func TestAPersonIsFoundByHerOwnOrganisationAndShownAsAPseudonym(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase()
	alias := query[string](s, `select pseudonym from case_file where id = $1`, id)
	for _, typedName := range []string{"Geheimniss", "geheimnis vorname"} {
		a := s.as("Doris").post("/cases/find", typed("who", typedName))
		if a.Status != http.StatusOK || !a.Has(alias) || !a.Has("Ein Fall gefunden") || a.Has("Vorname</") {
			t.Errorf("%q: %d", typedName, a.Status)
		}
	}
	if a := s.as("Anna").post("/cases/find", typed("who", "Niemand")); !a.Has("Niemand gefunden") || a.Has(alias) {
		t.Error("somebody else is found")
	}
	wantRefused(t, "who", s.as("Anna").post("/cases/find", nil), "find-who", "")
	if a := s.as("Bernd").post("/cases/find", typed("who", "Geheimniss")); a.Has(alias) {
		t.Error("another organisation finds her")
	}
	for _, who := range []string{"Clara", "Ewald"} {
		if a := s.as(who).post("/cases/find", typed("who", "Geheimniss")); a.Status != http.StatusNotFound || a.Has(alias) {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
}

func TestASecondCaseOfOnePersonNeedsATick(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	anna := s.as("Anna")
	first := caseFormFull()
	if a := anna.post("/cases", first); a.Status != http.StatusOK {
		t.Fatalf("the first: %d", a.Status)
	}
	alias := query[string](s, `select pseudonym from case_file`)
	a := s.as("Doris").post("/cases", first)
	if a.Status != http.StatusUnprocessableEntity || !a.Has("Es gibt schon einen Fall") || !a.Has(alias) || query[int](s, `select count(*) from case_file`) != 1 {
		t.Fatalf("the second: %d", a.Status)
	}
	if a := s.as("Bernd").post("/cases", first); a.Status != http.StatusOK || a.Has(alias) {
		t.Errorf("another organisation's: %d", a.Status)
	}
	first.Set("again", "yes")
	if a := anna.post("/cases", first); a.Status != http.StatusOK || query[int](s, `select count(*) from case_file`) != 3 {
		t.Errorf("with the tick: %d", a.Status)
	}
}

// Whoever is outside the organisation that has the case finds nothing that two requests about one person have in common.
func TestNothingLinksTwoRequestsAboutOnePersonForOthers(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry")
	first := s.request(id)
	s.must(s.Conferences.Decline(t.Context(), s.people["Clara"], first, "zu früh"))
	second := s.request(id)
	alias := query[string](s, `select pseudonym from case_file where id = $1`, id)
	clara, anna := s.as("Clara"), s.as("Anna")
	var codes []string
	for _, page := range []string{"/requests/" + first.String(), "/requests/" + second.String()} {
		if a := anna.get(page); !a.Has(alias) {
			t.Errorf("her own organisation does not see which case %s is about", page)
		}
		a := clara.get(page)
		if a.Status != http.StatusOK || a.Has(alias) || a.Has(id.String()) {
			t.Errorf("%s: %d, or shows the case", page, a.Status)
		}
		codes = append(codes, regexp.MustCompile(`K7-[0-9A-Z]{4}-[0-9A-Z]{6}`).FindString(a.Body))
	}
	if codes[0] == "" || codes[0] == codes[1] {
		t.Errorf("pseudonyms of two requests: %v", codes)
	}
	for _, page := range []string{"/", "/requests", "/conferences"} {
		if a := clara.get(page); a.Has(alias) || a.Has(id.String()) {
			t.Errorf("%s shows the case", page)
		}
	}
}
