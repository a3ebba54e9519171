package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestPartQuestionsComeWithTheRequestAndProposeTheSmallestRound(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	f := with(askForm(), "part_1", "Was sagt die Psychiatrie?")
	f.Set("part_2", "Was hilft im Alltag?")
	f.Add("who_2", "psychiatry")
	f.Set("topics_2", "Angst, Schlaf")
	a := s.as("Anna").post("/cases/"+s.newCase().String()+"/request", f)
	at := a.Path
	clara := s.as("Clara")
	page := clara.get(at)
	for _, want := range []string{"Was sagt die Psychiatrie?", "Angst, Schlaf", "Diese Besetzung ankreuzen", "beantwortet Teilfragen 1 und 2"} {
		if !page.Has(want) {
			t.Errorf("the page of the request lacks %q", want)
		}
	}
	ticked := func(a answered, name string) bool { return a.Has(`value="` + s.people[name].ID.String() + `" checked`) }
	taken := clara.get(at + "?take=smallest&date=2026-11-26&time=14:00&length=45&experts=" + s.people["Frieda"].ID.String())
	if ticked(taken, "Frieda") || ticked(taken, "Ewald") == ticked(taken, "Gustav") {
		t.Error("the smallest round is not the one that is ticked")
	}
	open := clara.get(at + "?experts=" + s.people["Frieda"].ID.String())
	if !open.Has("Niemand in Ihrer Auswahl beantwortet das.") || !open.Has("beantwortet keine der Teilfragen") {
		t.Error("a round that answers nothing is not told so")
	}
	group, err := s.Pool.NewGroup(t.Context(), s.people["Clara"], "Seele")
	s.must(err)
	s.must(s.Pool.Enrol(t.Context(), s.people["Clara"], group, s.people["Ewald"].ID))
	if grouped := clara.get(at + "?groups=" + group.String()); !grouped.Has("Antwort von: Dr. Ewald Psych") {
		t.Error("who comes with a group does not count")
	}
	wantRefused(t, "a long part question", clara.post(at+"/parts", typed("part_1", strings.Repeat("a", 201))), "parts-part_1", tooLong)
	if a := clara.post(at+"/parts", typed("part_1", "Nur das?")); a.Status != http.StatusOK || a.Has("Angst, Schlaf") || !a.Has("Nur das?") {
		t.Errorf("changed part questions: %d", a.Status)
	}
}
