package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
)

func askForm() url.Values {
	return typed("question", "Passt eine Frage?", "own_wish", "Etwas draußen, bitte.", "urgency", "urgent", "due_day", "2026-11-25", "due_clock", "12:00",
		"urgent_why", "Der Platz verfällt.", "disciplines", "psychiatry", "disciplines", "physiotherapy")
}

// convening is the form that invites Ewald and Frieda for Thursday.
func (s *testServer) convening() url.Values {
	return typed("experts", s.people["Ewald"].ID.String(), "experts", s.people["Frieda"].ID.String(), "date", "2026-11-26", "time", "14:00", "length", "45")
}

func TestARequestWithAnythingWrongComesBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/cases/" + s.newCase().String() + "/request"
	seven := []string{"psychiatry", "psychosomatics", "neurology", "orthopaedics", "occupational_medicine", "social_medicine", "general_medicine"}
	s.tryWrong(s.as("Anna"), at, "", askForm(), []wrongField{
		{"question", nil, missing}, {"question", []string{"\n"}, missing}, {"question", long(301), tooLong}, {"question", []string{"a\x01b"}, badText},
		{"own_wish", nil, missing}, {"own_wish", long(1001), tooLong},
		{"urgency", nil, "Bitte wählen Sie eine Dringlichkeit."}, {"disciplines", nil, "Bitte kreuzen Sie mindestens eine"}, {"disciplines", seven, "höchstens sechs"},
		{"due_day", nil, "bis wann"}, {"due_day", []string{"2026-11-20"}, "in der Zukunft"}, {"due_day", []string{"2027-05-01"}, "drei Monaten"},
		{"urgent_why", nil, "warum es dringend ist"}, {"urgent_why", long(201), tooLong},
	})
	s.unchanged("values that nobody offered", func() {
		b := s.as("Anna")
		wantRefused(t, "urgency", b.post(at, with(askForm(), "urgency", "yesterday")), "urgency", "Bitte wählen Sie eine Dringlichkeit.")
		wantRefused(t, "discipline", b.post(at, with(askForm(), "disciplines", "alchemy")), "disciplines", "Diese Auswahl gibt es nicht.")
	})
}

func TestACaseAsksOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, at := s.as("Anna"), "/cases/"+s.newCase().String()+"/request"
	b.post(at, askForm())
	s.unchanged("a second request", func() {
		if get, post := b.get(at), b.post(at, askForm()); get.Status != http.StatusConflict || post.Status != http.StatusConflict || !get.Has("wartet schon eine Anfrage") {
			t.Errorf("%d, %d", get.Status, post.Status)
		}
	})
}

func TestAConveningWithAnythingWrongComesBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry")).String()
	b := s.as("Clara")
	if a := b.get(at); !a.Has(`<h1 class="question">Wie viele Stunden`) || !a.Has("Drei Vormittage, draußen.") || !a.Has("Dr. Gustav Psych") || !a.Has("Frieda Physio") || a.Has("Theo") {
		t.Error("the page lacks the question, the wish or the network's experts")
	}
	for _, w := range []struct {
		name   string
		form   url.Values
		field  string
		says   string
		ticked int
	}{
		{"nobody", with(s.convening(), "experts"), "experts", "Bitte wählen Sie mindestens eine Person aus.", 0},
		{"no id", with(s.convening(), "experts", "x"), "experts", "Eine der gewählten Personen", 0},
		{"another network's expert", with(s.convening(), "experts", s.people["Theo"].ID.String()), "experts", "Eine der gewählten Personen", 0},
		{"a coordinator", with(s.convening(), "experts", s.people["Clara"].ID.String()), "experts", "Eine der gewählten Personen", 0},
		{"thirteen", with(s.convening(), "experts", manyIDs(13)...), "experts", "höchstens zwölf", 0},
		{"no date", with(s.convening(), "date"), "starts", "Bitte geben Sie Datum und Beginn an.", 2},
		{"no time", with(s.convening(), "time"), "starts", "Bitte geben Sie Datum und Beginn an.", 2},
		{"no real date", with(s.convening(), "date", "2026-02-30"), "starts", "Bitte geben Sie Datum und Beginn an.", 2},
		{"yesterday", with(s.convening(), "date", "2026-11-22"), "starts", "in der Zukunft", 2},
		{"in two years", with(s.convening(), "date", "2028-11-22"), "starts", "innerhalb eines Jahres", 2},
		{"no length", with(s.convening(), "length"), "length", "Bitte wählen Sie eine der Längen.", 2},
		{"a length nobody offers", with(s.convening(), "length", "240"), "length", "Bitte wählen Sie eine der Längen.", 2},
		{"to be read after the beginning", with(with(s.convening(), "visible_from", "2026-11-26"), "visible_clock", "14:30"), "visible_from", "vor dem Beginn", 2},
		{"to be read at no time", with(s.convening(), "visible_from", "2026-11-26"), "visible_from", "in der Zukunft", 2},
	} {
		s.unchanged(w.name, func() {
			a := b.post(at+"/convene", w.form)
			wantRefused(t, w.name, a, "convene-"+w.field, w.says)
			for _, name := range []string{"date", "time"} {
				if v := w.form.Get(name); v != "" && !a.Has(`value="`+v+`"`) {
					t.Errorf("%s: the %s is gone", w.name, name)
				}
			}
			if w.ticked == 2 && !(a.Has(`value="`+w.form["experts"][0]+`" checked`) && a.Has(`value="`+w.form["experts"][1]+`" checked`)) {
				t.Errorf("%s: the chosen people are gone", w.name)
			}
		})
	}
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	return ids
}

func TestExpertsReadFromTheTimeThatTheConveningFormNames(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	if a := s.as("Clara").post(at+"/convene", with(with(s.convening(), "visible_from", "2026-11-25"), "visible_clock", "08:00")); a.Status != http.StatusOK || !a.Has("Zu lesen ab 25.11.2026, 08:00 Uhr") {
		t.Fatalf("convene: %d at %s", a.Status, a.Path)
	}
	code := query[string](s, `select code from conference`)
	s.accept(code, "Ewald")
	ewald := s.as("Ewald")
	if a := ewald.get("/conferences/" + code); a.Has("fährt Rad") || !a.Has("25.11.2026, 08:00 Uhr") {
		t.Errorf("before: %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 2).Add(time.Minute))
	if a := s.as("Ewald").get("/conferences/" + code); !a.Has("fährt Rad") {
		t.Errorf("after: %d", a.Status)
	}
}

func TestConveningInvitesOnceAndTheSecondClickChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	b := s.as("Clara")
	if a := b.post(at+"/convene", s.convening()); a.Status != http.StatusOK || !a.Has("Die Konferenz ist einberufen.") || !a.Has("Donnerstag, 26. November 2026, 14:00–14:45 Uhr") {
		t.Fatalf("convene: %d at %s", a.Status, a.Path)
	}
	if n := query[int](s, `select count(*) from message_out where kind = 'invitation'`); n != 2 {
		t.Errorf("%d invitations", n)
	}
	s.unchanged("deciding twice", func() {
		if a := b.post(at+"/convene", s.convening()); a.Status != http.StatusConflict || !a.Has("schon entschieden") {
			t.Errorf("convene again: %d", a.Status)
		}
		if a := b.post(at+"/decline", typed("reason", "Doch nicht")); a.Status != http.StatusConflict {
			t.Errorf("decline after: %d", a.Status)
		}
	})
	if a := b.get(at); a.Has("Runde zusammenstellen") || !a.Has("Konferenz einberufen") {
		t.Error("a decided request still offers to decide")
	}
}

func TestARefusalNeedsAReasonAndReachesTheCaseworker(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.request(s.newCase("psychiatry"))
	at, b := "/requests/"+id.String(), s.as("Clara")
	s.unchanged("decline", func() {
		for _, w := range []wrongField{{"reason", nil, "Bitte nennen Sie"}, {"reason", long(501), tooLong}} {
			a := b.post(at+"/decline", url.Values{"reason": w.values})
			wantRefused(t, "decline", a, "decline-reason", w.says)
			if len(w.values) > 0 && !a.Has(w.values[0]) {
				t.Error("the reason that was typed is gone")
			}
		}
	})
	if a := b.post(at+"/decline", typed("reason", "Bitte zuerst zum Hausarzt.")); !a.Has("Die Anfrage ist abgelehnt.") {
		t.Errorf("decline: %d", a.Status)
	}
	if a := s.as("Anna").get(at); !a.Has("Bitte zuerst zum Hausarzt.") || !a.Has("abgelehnt") {
		t.Error("the caseworker does not see the reason")
	}
}

func TestARequestIsForItsOwnOrganisationAndNetworkOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.request(s.newCase("psychiatry"))
	at := "/requests/" + id.String()
	for _, who := range []string{"Bernd", "Quirin", "Rosa", "Ewald", "Theo"} {
		b := s.as(who)
		s.unchanged(who, func() {
			if a := b.get(at); a.Status != http.StatusNotFound {
				t.Errorf("%s: GET answers %d", who, a.Status)
			}
			if a := b.get("/requests"); a.Has("Wie viele Stunden") {
				t.Errorf("%s sees the question in the list", who)
			}
			if a := b.post(at+"/convene", s.convening()); a.Status != http.StatusNotFound {
				t.Errorf("%s: convene answers %d", who, a.Status)
			}
			if a := b.post(at+"/decline", typed("reason", "x")); a.Status != http.StatusNotFound {
				t.Errorf("%s: decline answers %d", who, a.Status)
			}
		})
	}
	anna := s.as("Anna")
	s.unchanged("the caseworker herself", func() {
		if a := anna.post(at+"/convene", s.convening()); a.Status != http.StatusNotFound {
			t.Errorf("convene answers %d", a.Status)
		}
		if a := anna.get(at); a.Status != http.StatusOK || a.Has("/convene") {
			t.Errorf("her own request: %d, or offers to convene", a.Status)
		}
	})
}

func TestThePoolIsTheNetworksAndCanBeFiltered(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Anna")
	if a := b.get("/experts"); !a.Has("3 Fachpersonen") || !a.Has("Frieda") || a.Has("Theo") {
		t.Error("the pool is not the network's")
	}
	if a := b.get("/experts?discipline=physiotherapy"); !a.Has("eine Fachperson") || a.Has("Ewald") {
		t.Error("the filter does not filter")
	}
	if a := b.get("/experts?discipline=nursing"); !a.Has("So jemanden hat der Pool nicht") {
		t.Error("an empty list does not say so")
	}
	if a := b.get("/experts?discipline=alchemy"); a.Status != http.StatusUnprocessableEntity || !a.Has("Diese Auswahl gibt es nicht.") {
		t.Errorf("an unknown discipline: %d", a.Status)
	}
	if a := s.as("Ewald").get("/experts"); a.Status != http.StatusNotFound {
		t.Errorf("an expert sees the pool: %d", a.Status)
	}
}
