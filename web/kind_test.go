package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAParticipationPlanConferenceHasItsOwnSectionsAndBeginning(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	clara := s.as("Clara")
	if a := clara.get(at); !a.Has(`<select id="f-convene-kind" name="kind" aria-describedby="f-convene-kind-h"><option value="case_conference">Fallkonferenz</option><option value="participation_plan_conference">Teilhabeplankonferenz</option></select>`) {
		t.Error("the form does not offer the kinds")
	}
	s.unchanged("a kind that nobody offers", func() {
		wantRefused(t, "kind", clara.post(at+"/convene", with(s.convening(), "kind", "party")), "convene-kind", "Diese Auswahl gibt es nicht.")
	})
	wrong := clara.post(at+"/convene", with(with(s.convening(), "kind", "participation_plan_conference"), "length"))
	if !wrong.Has(`<option value="participation_plan_conference" selected>`) {
		t.Error("the form that comes back has forgotten the kind")
	}
	a := clara.post(at+"/convene", with(s.convening(), "kind", "participation_plan_conference"))
	if a.Status != http.StatusOK || !a.Has("Teilhabeplankonferenz") || a.Has("Fallkonferenz") {
		t.Fatalf("convene: %d at %s", a.Status, a.Path)
	}
	code := strings.TrimPrefix(a.Path, "/conferences/")
	s.clock.set(query[time.Time](s, `select starts_at from conference`))
	clara = s.as("Clara")
	room := clara.post("/conferences/"+code+"/open", nil)
	for _, want := range []string{"Teilhabeplankonferenz <span", `data-section="wishes"`, "Wünsche und Ziele", `data-section="services"`, `data-section="decisions"`} {
		if !room.Has(want) {
			t.Errorf("the room lacks %q", want)
		}
	}
	if room.Has(`data-section="assessment"`) {
		t.Error("the room has a section of another kind")
	}
	id := query[uuid.UUID](s, `select id from conference`)
	for range 2 {
		s.must(s.Live.Flush(t.Context(), id.String()))
	}
	if text := query[string](s, `select text from note_section where key = 'wishes'`); strings.Count(text, "Eigene Ziele:") != 1 {
		t.Errorf("wishes begin with %q", text)
	}
	if a := s.as("Clara").get("/conferences/" + code + "/notes"); !a.Has("Eigene Ziele:") || !a.Has("konsil") {
		t.Errorf("notes: %d", a.Status)
	}
	if a := clara.post("/conferences/"+code+"/end", nil); a.Status != http.StatusOK || a.Has("Eigene Ziele:") || !a.Has("Teilhabeplankonferenz") {
		t.Error("the minutes have a section in which nobody wrote")
	}
}
