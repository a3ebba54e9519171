package web

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference"
)

// drops makes a conference that has lost its psychiatry: Ewald has said yes and then no.
func (s *testServer) drops() (code string) {
	s.t.Helper()
	code = s.convened()
	s.accept(code, "Ewald", "Frieda")
	id, err := s.Conferences.OwnInvitation(s.t.Context(), s.people["Ewald"], code)
	s.must(err)
	s.must(s.Conferences.Answer(s.t.Context(), s.people["Ewald"], id, 0, conference.Declined, ""))
	return code
}

func TestACoordinatorFindsAStandInByOneClickAndTheLinkSeatsHerByOneTap(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.drops()
	clara := s.as("Clara")
	if a := clara.get("/"); !a.Has("Fachrichtung fehlt: Psychiatrie") || !a.Has("/conferences/"+code+"#stand-in") {
		t.Error("Heute does not say that somebody is missing")
	}
	page := clara.get("/conferences/" + code)
	if !page.Has("Vertretung suchen") || !page.Has("Ohne Vertretung weiter") {
		t.Error("the page of the conference offers nothing")
	}
	if a := clara.post("/conferences/"+code+"/stand-in", typed("discipline", "psychiatry")); a.Status != http.StatusOK || !a.Has("Gefragt: 1 von 1") {
		t.Errorf("the search: %d", a.Status)
	}
	text := query[string](s, `select body_text from message_out where kind = 'stand_in'`)
	_, link, _ := strings.Cut(text, "/stand-in/")
	link = "/stand-in/" + strings.Fields(link)[0]
	gustav := s.visitor()
	for range 2 {
		if a := gustav.get(link); a.Status != http.StatusOK || !a.Has("Ja, ich springe ein") || a.Has("zumutbar") {
			t.Fatalf("the link: %d", a.Status)
		}
	}
	if a := gustav.post(link, typed("answer", "perhaps")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("an answer that is none: %d", a.Status)
	}
	if a := gustav.post(link, typed("answer", "accepted")); a.Status != http.StatusOK || !a.Has("der Platz gehört Ihnen") {
		t.Errorf("taken: %d", a.Status)
	}
	if a := clara.get("/conferences/" + code); !a.Has("Vertretung gefunden: Dr. Gustav Psych") {
		t.Error("the coordinator does not see who stands in")
	}
	if a := s.as("Gustav").get("/conferences/" + code); a.Status != http.StatusOK || a.Has("zumutbar") {
		t.Errorf("before the declaration: %d", a.Status)
	}
}

func TestOfManyTapsOnLinksAtOnceOneWinsAndTheOthersAreThanked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for i := range 24 {
		s.expert(s.people["Clara"].Network, s.people["Clara"].Organisation, "Ersatz"+string(rune('a'+i))+" Psych", "psychiatry")
	}
	code := s.drops()
	s.must(s.Conferences.FindStandIn(t.Context(), s.people["Clara"], code, "psychiatry"))
	for range 2 {
		s.clock.set(query[time.Time](s, `select next_at from stand_in_race`))
		s.must(s.Conferences.SweepStandIns(t.Context()))
	}
	rows, err := s.db.Query(t.Context(), `select substring(body_text from '/stand-in/([A-Za-z0-9_-]+)') from message_out where kind = 'stand_in'`)
	s.must(err)
	var links []string
	for rows.Next() {
		var token string
		s.must(rows.Scan(&token))
		links = append(links, "/stand-in/"+token)
	}
	s.must(rows.Err())
	if len(links) != 25 {
		t.Fatalf("%d were asked", len(links))
	}
	var won, late atomic.Int32
	var all sync.WaitGroup
	for _, link := range links {
		b := s.visitor()
		all.Go(func() {
			switch a := b.post(link, typed("answer", "accepted")); {
			case a.Status == http.StatusOK && a.Has("der Platz gehört Ihnen"):
				won.Add(1)
			case a.Status == http.StatusConflict && a.Has("Schon vergeben, danke!"):
				late.Add(1)
			default:
				t.Errorf("answered %d", a.Status)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || late.Load() != 24 {
		t.Errorf("%d won, %d were late", won.Load(), late.Load())
	}
}

func TestWithoutAStandInThereAreThreeWaysOn(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.drops()
	clara := s.as("Clara")
	dates := clara.get("/conferences/" + code + "/stand-in?discipline=psychiatry")
	if dates.Status != http.StatusOK || !dates.Has("Auf diesen Termin verlegen") || !dates.Has("Dr. Gustav Psych") && !dates.Has("Dr. Ewald Psych") {
		t.Errorf("other dates: %d", dates.Status)
	}
	if a := clara.post("/conferences/"+code+"/stand-in/auto", typed("auto", "no")); !a.Has("Die Suche beginnt nur, wenn Sie es sagen.") {
		t.Errorf("by hand only: %d", a.Status)
	}
	if a := clara.post("/conferences/"+code+"/stand-in/instead", typed("discipline", "psychiatry", "instead", "never")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("a way that there is not: %d", a.Status)
	}
	if a := clara.post("/conferences/"+code+"/stand-in/instead", typed("discipline", "psychiatry", "instead", "without")); a.Status != http.StatusOK || !a.Has("Weiter ohne diese Fachrichtung") {
		t.Errorf("without: %d", a.Status)
	}
	if a := clara.get("/"); a.Has("Fachrichtung fehlt: Psychiatrie") {
		t.Error("Heute still says that somebody is missing")
	}
}
