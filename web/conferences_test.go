package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
)

// wrongInput is one form with one fault: the field that must be named, and what was typed and must still be there.
type wrongInput struct {
	name  string
	form  url.Values
	field string // id of the control
	keeps []string
}

// refuses posts each wrong input and expects the form back, with the fault at its field, and an untouched database.
func refuses(t *testing.T, b *browser, path string, cases []wrongInput) {
	t.Helper()
	for _, c := range cases {
		b.s.unchanged(c.name, func() {
			a := b.post(path, c.form)
			if a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: status %d, want 422", c.name, a.Status)
			}
			if !a.Has(`id="`+c.field+`-e"`) || !a.Has(`href="#`+c.field+`"`) || !a.Has(`id="`+c.field+`"`) {
				t.Errorf("%s: %s is not named at the field and in the summary", c.name, c.field)
			}
			for _, k := range c.keeps {
				if !a.Has(k) {
					t.Errorf("%s: %q is lost", c.name, k)
				}
			}
		})
	}
}

func TestConferencePageShowsTheCaseToThoseWhoLeadIt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	for _, name := range []string{"Clara", "Anna"} {
		a := s.as(name).get("/conferences/" + code)
		for _, want := range []string{code, "Wie viele Stunden sind zumutbar?", "Drei Vormittage, draußen.", "fährt Rad", "2 offen", "Dienstag, 24. November 2026, 10:00–10:25 Uhr", `data-poll="/conferences/` + code} {
			if a.Status != http.StatusOK || !a.Has(want) {
				t.Errorf("%s: status %d, %q is missing", name, a.Status, want)
			}
		}
		if a.Has("Geheimniss") {
			t.Errorf("%s sees who the client is", name)
		}
	}
}

func TestAcceptedInvitationTurnsUpOnThePage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	if a := clara.get("/conferences/" + code); a.Has("1 zugesagt") || !a.Has("Noch nicht beschlussfähig") {
		t.Error("nobody has accepted yet")
	}
	s.accept(code, "Ewald", "Frieda")
	if a := clara.get("/conferences/" + code); !a.Has("2 zugesagt") || !a.Has("Beschlussfähig: ") {
		t.Error("both accepted, and the page does not say so")
	}
}

func TestExpertSeesNothingOfTheCaseBeforeAccepting(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	ewald := s.as("Ewald")
	for _, path := range []string{"/conferences/" + code, "/conferences", "/plan", "/"} {
		if a := ewald.get(path); a.Has("fährt Rad") || a.Has("zumutbar") || a.Has("Drei Vormittage") {
			t.Errorf("%s shows case text to somebody who has not accepted", path)
		}
	}
	if a := ewald.get("/conferences/" + code + "/measures"); a.Status != http.StatusGone {
		t.Errorf("measures: status %d", a.Status)
	}
	a := ewald.post("/conferences/"+code+"/answer", typed("answer", "accepted", "sequence", "0"))
	if a.Status != http.StatusOK || a.Has("fährt Rad") || !a.Has("Ihre Antwort ist notiert.") {
		t.Errorf("after accepting, before she has said whether she knows the person: status %d", a.Status)
	}
	if a := ewald.post("/conferences/"+code+"/declare", typed("declaration", "none")); a.Status != http.StatusOK || !a.Has("fährt Rad") {
		t.Errorf("after both: status %d", a.Status)
	}
}

func TestExpertWhoDeclinesOnThePageLosesIt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	ewald := s.as("Ewald")
	if a := ewald.post("/conferences/"+code+"/answer", typed("answer", "declined", "sequence", "0")); a.Path != "/conferences" || !a.Has("Ihre Absage ist notiert.") {
		t.Errorf("declined: at %s", a.Path)
	}
	if a := ewald.get("/conferences/" + code); a.Status != http.StatusNotFound {
		t.Errorf("after declining: status %d", a.Status)
	}
}

func TestConferencePageOfACaseWithoutConsentSaysWhyItIsShut(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase()
	code := s.convenedFor(caseID)
	a := s.as("Clara").get("/conferences/" + code)
	if a.Status != http.StatusOK || a.Has("fährt Rad") || !a.Has("Für diesen Fall liegt keine Einwilligung vor") {
		t.Errorf("status %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(45 * time.Minute))
	s.unchanged("opening without consent", func() {
		if a := s.as("Clara").post("/conferences/"+code+"/open", nil); a.Status != http.StatusGone {
			t.Errorf("open: status %d", a.Status)
		}
	})
}

func TestMoveFormNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	good := []string{"starts", "2026-12-01", "clock", "14:00", "length", "25"}
	with := func(name, value string) url.Values {
		v := typed(good...)
		v.Set(name, value)
		return v
	}
	refuses(t, s.as("Clara"), "/conferences/"+code+"/move", []wrongInput{
		{"no date", with("starts", ""), "f-move-starts", []string{`value="14:00"`, `value="25"`}},
		{"a date that is none", with("starts", "2026-02-30"), "f-move-starts", []string{"2026-02-30", `value="14:00"`}},
		{"no time", with("clock", ""), "f-move-starts", []string{"2026-12-01"}},
		{"a time that is none", with("clock", "25:99"), "f-move-starts", []string{"25:99"}},
		{"yesterday", with("starts", "2026-11-22"), "f-move-starts", []string{"2026-11-22"}},
		{"in two years", with("starts", "2028-11-22"), "f-move-starts", []string{"2028-11-22"}},
		{"no length", with("length", ""), "f-move-length", []string{"2026-12-01"}},
		{"a length that is none", with("length", "lang"), "f-move-length", []string{"lang"}},
		{"a length below zero", with("length", "-25"), "f-move-length", []string{"-25"}},
		{"a length beyond all numbers", with("length", "99999999999999999999"), "f-move-length", []string{"99999999999999999999"}},
		{"five hours", with("length", "300"), "f-move-length", []string{"300"}},
	})
}

func TestMovedConferenceAsksEverybodyAgain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	a := s.as("Clara").post("/conferences/"+code+"/move", typed("starts", "2026-12-01", "clock", "14:00", "length", "45"))
	for _, want := range []string{"Der neue Termin steht.", "Dienstag, 1. Dezember 2026, 14:00–14:45 Uhr", "2 offen"} {
		if !a.Has(want) {
			t.Errorf("%q is missing", want)
		}
	}
	s.unchanged("the same date again", func() {
		a := s.as("Clara").post("/conferences/"+code+"/move", typed("starts", "2026-12-01", "clock", "14:00", "length", "45"))
		if a.Status != http.StatusConflict || !a.Has("Das ist der Termin, der schon gilt") {
			t.Errorf("status %d", a.Status)
		}
	})
}

func TestInviteFormRefusesWhoCannotBeAsked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	gustav := s.people["Gustav"].ID.String()
	if a := clara.get("/conferences/" + code); a.Has(gustav) || !a.Has("?invite=yes#invite") {
		t.Error("the page that fetches itself looks through the pool")
	}
	if a := clara.get("/conferences/" + code + "?invite=yes"); !a.Has(gustav) || !a.Has("wurde noch nie gefragt") && !a.Has("noch nie") || a.Has("data-poll") ||
		a.Has(`value="`+s.people["Ewald"].ID.String()+`"><span>`) || a.Has(">Suchtberatung</h4>") {
		t.Errorf("whom else to ask: status %d", a.Status)
	}
	if a := clara.get("/conferences/" + code + "?invite=yes&discipline=addiction_counselling"); !a.Has(">Suchtberatung</h4>") {
		t.Errorf("of another discipline: status %d", a.Status)
	}
	refuses(t, clara, "/conferences/"+code+"/invite", []wrongInput{
		{"nobody", nil, "f-invite-experts", nil},
		{"no id", typed("experts", gustav, "experts", "jemand"), "f-invite-experts", []string{gustav + `" checked`}},
		{"somebody of another network", typed("experts", s.people["Theo"].ID.String()), "f-invite-experts", nil},
		{"somebody who is no expert", typed("experts", s.people["Bernd"].ID.String()), "f-invite-experts", nil},
	})
	s.unchanged("inviting twice", func() {
		if a := clara.post("/conferences/"+code+"/invite", typed("experts", s.people["Ewald"].ID.String())); a.Status != http.StatusConflict || !a.Has("schon eingeladen") {
			t.Errorf("invited twice: status %d", a.Status)
		}
	})
	if a := clara.post("/conferences/"+code+"/invite", typed("experts", gustav)); !a.Has("Die Einladung ist unterwegs.") || !a.Has("3 offen") {
		t.Errorf("invite: status %d", a.Status)
	}
}

func TestUninvitedExpertIsOut(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	s.unchanged("taking out nobody", func() {
		for _, id := range []string{"", "jemand", uuid.NewString(), s.people["Gustav"].ID.String()} {
			if a := clara.post("/conferences/"+code+"/uninvite", typed("expert", id)); a.Status != http.StatusNotFound {
				t.Errorf("uninvite %q: status %d", id, a.Status)
			}
		}
	})
	if a := clara.post("/conferences/"+code+"/uninvite", typed("expert", s.people["Frieda"].ID.String())); !a.Has("aus der Runde genommen") || a.Has("Frieda Physio</") {
		t.Errorf("uninvite: status %d", a.Status)
	}
	if a := s.as("Frieda").get("/conferences/" + code); a.Status != http.StatusNotFound {
		t.Errorf("the one who was taken out still sees it: %d", a.Status)
	}
}

func TestCancelledConferenceIsOverForAll(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	if a := clara.post("/conferences/"+code+"/cancel", nil); !a.Has("Die Konferenz ist abgesagt.") || a.Has("fährt Rad") {
		t.Errorf("cancel: status %d", a.Status)
	}
	s.unchanged("planning a cancelled conference", func() {
		for path, form := range map[string]url.Values{
			"/cancel": nil, "/open": nil, "/end": nil, "/move": typed("starts", "2026-12-01", "clock", "14:00", "length", "45"),
			"/invite": typed("experts", s.people["Gustav"].ID.String()), "/uninvite": typed("expert", s.people["Ewald"].ID.String()),
		} {
			if a := clara.post("/conferences/"+code+path, form); a.Status != http.StatusConflict {
				t.Errorf("%s: status %d, want 409", path, a.Status)
			}
		}
	})
}

// conferenceRoutes are the addresses of one conference, with forms that would do something.
func conferenceRoutes(s *testServer) map[string]url.Values {
	return map[string]url.Values{
		"GET ": nil, "GET /room": nil, "GET /measures": nil, "GET /minutes": nil, "GET /minutes.json": nil, "GET /notes": nil, "GET /previous": nil,
		"POST /move":     typed("starts", "2026-12-01", "clock", "14:00", "length", "45"),
		"POST /cancel":   nil,
		"POST /invite":   typed("experts", s.people["Gustav"].ID.String()),
		"POST /uninvite": typed("expert", s.people["Ewald"].ID.String()),
		"POST /answer":   typed("answer", "accepted", "sequence", "0"),
		"POST /device":   typed("key", "AAAA", "proof", "AAAA"),
		"POST /open":     nil, "POST /end": nil, "POST /ticket": nil, "POST /approve": typed("decisions", "fremd"),
		"POST /measures": typed("what", "fremd", "responsible", s.people["Anna"].ID.String(), "due_on", "2026-12-20"),
		"POST /minutes":  typed("decisions", "fremd"),
		"POST /addendum": typed("section", "decisions", "text", "fremd"), "POST /redaction": typed("section", "decisions", "units", "1:0:1"),
		"POST /minutes/redaction": typed("words", "fremd"),

		"POST /guests":        typed("guest_kind", "client", "guest_confirmed", "yes"),
		"POST /guests/revoke": typed("guest", uuid.NewString()),
	}
}

func TestForeignConferencesDoNotExist(t *testing.T) {
	t.Parallel()
	for _, stage := range []struct {
		name string
		make func(*testServer) string
	}{{"planned", (*testServer).convened}, {"live", (*testServer).opened}, {"ended", (*testServer).ended}} {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			code := stage.make(s)
			for _, name := range []string{"Bernd", "Gustav", "Quirin", "Rosa", "Theo"} {
				b := s.as(name)
				if a := b.get("/conferences"); a.Has(code) {
					t.Errorf("%s finds it in the list", name)
				}
				for route, form := range conferenceRoutes(s) {
					method, page, _ := strings.Cut(route, " ")
					s.unchanged(name+" "+route, func() {
						if a := b.do(method, "/conferences/"+code+page, form); a.Status != http.StatusNotFound || a.Has("zumutbar") {
							t.Errorf("%s %s: status %d, want 404", name, route, a.Status)
						}
					})
				}
			}
		})
	}
}

func TestRolesThatMayNotAreTurnedAway(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	for name, allowed := range map[string]string{
		"Anna":  "GET |GET /room|GET /measures|GET /notes|GET /previous|POST /ticket|POST /open|POST /measures|POST /guests",
		"Ewald": "GET |GET /room|GET /measures|GET /notes|GET /previous|POST /ticket|POST /measures|POST /answer",
	} {
		b := s.as(name)
		for route, form := range conferenceRoutes(s) {
			if strings.Contains("|"+allowed+"|", "|"+route+"|") {
				continue
			}
			method, page, _ := strings.Cut(route, " ")
			s.unchanged(name+" "+route, func() {
				if a := b.do(method, "/conferences/"+code+page, form); a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s %s: status %d", name, route, a.Status)
				}
			})
		}
	}
}

func TestSignedOutVisitorsGetTheSignInPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	b := s.visitor()
	for route, form := range conferenceRoutes(s) {
		method, page, _ := strings.Cut(route, " ")
		s.unchanged("nobody's "+route, func() {
			if a := b.do(method, "/conferences/"+code+page, form); a.Path != "/" || a.Has("zumutbar") || a.Has(code+"<") {
				t.Errorf("%s: at %s", route, a.Path)
			}
		})
	}
}

func TestCodesThatCannotBeAreNotFound(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	clara := s.as("Clara")
	for _, wrong := range []string{"x", strings.ToLower(code), code + "0", code + "%00", "%ff", "K7-0000-000000", "..%2f", strings.Repeat("K", 4000)} {
		for _, page := range []string{"", "/room", "/minutes", "/minutes.json", "/measures"} {
			if a := clara.get("/conferences/" + wrong + page); a.Status != http.StatusNotFound {
				t.Errorf("%.20s%s: status %d", wrong, page, a.Status)
			}
		}
	}
}

func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	measure := s.proposed(code, "Ewald")
	s.must(s.Plans.Answer(t.Context(), s.people["Ewald"], measure, true, ""))
	links := []string{s.link("Ewald", "invitation"), s.link("Ewald", "invitation") + "/calendar.ics", s.link("Ewald", "measure")}
	clara, ewald := s.as("Clara"), s.as("Ewald")
	s.unchanged("looking", func() {
		for range 2 {
			for _, b := range []*browser{clara, ewald} {
				for _, path := range append([]string{"/conferences", "/conferences/" + code, "/conferences/" + code + "/room", "/conferences/" + code + "/measures", "/conferences/" + code + "/notes", "/conferences/" + code + "/previous", "/search", "/search?q=Arzt", "/plan", "/outbox"}, links...) {
					if a := b.get(path); a.Status != http.StatusOK {
						t.Errorf("%s: status %d", path, a.Status)
					}
				}
			}
		}
	})
}

func TestArcSaysWhereAConferenceIs(t *testing.T) {
	t.Parallel()
	s := &server{}
	var err error
	if s.words, err = loadWords("de"); err != nil {
		t.Fatal(err)
	}
	ended := testBegins
	for state, want := range map[conference.State]string{
		conference.Inviting: "Einladungen", conference.Quorate: "Konferenz", conference.Live: "Konferenz", conference.MinutesDraft: "Protokoll",
		conference.Approved: "Rückmeldung", conference.Cancelled: "Abgesagt", conference.Sealed: "Einwilligung widerrufen", conference.Closed: "",
	} {
		v := conference.View{Conference: conference.Conference{State: state, StartsAt: testBegins, EndsAt: testBegins.Add(time.Hour), OpenedAt: &ended}}
		got := ""
		for _, stop := range s.arcOf(v) {
			if stop.State == "now" {
				got += stop.Title
			}
		}
		if got != want {
			t.Errorf("%s: now is %q, want %q", state, got, want)
		}
	}
}

func TestAnExpertSaysOnThePageWhetherSheKnowsThePerson(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	page := "/conferences/" + code
	for _, name := range []string{"Ewald", "Frieda"} {
		id, err := s.Conferences.OwnInvitation(t.Context(), s.people[name], code)
		s.must(err)
		s.must(s.Conferences.Answer(t.Context(), s.people[name], id, 0, conference.Accepted, ""))
	}
	ewald := s.as("Ewald")
	if a := ewald.get(page); !a.Has("Kennen Sie die Person?") || !a.Has("Altona bringt den Fall ein") || a.Has("Rücken und Panik") || a.Has("Wie viele Stunden") {
		t.Error("before the declaration the page does not ask, or says something of the case")
	}
	s.unchanged("an answer that is none", func() {
		for _, said := range []string{"", "maybe"} {
			wantRefused(t, said, ewald.post(page+"/declare", typed("declaration", said)), "declare-declaration", "Bitte wählen Sie eine der Antworten.")
		}
		for _, who := range []string{"Anna", "Doris", "Clara", "Bernd", "Gustav", "Quirin", "Rosa", "Theo"} {
			if a := s.as(who).post(page+"/declare", typed("declaration", "knows")); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
				t.Errorf("%s declares: %d", who, a.Status)
			}
		}
	})
	if a := ewald.post(page+"/declare", typed("declaration", "none")); !a.Has("Rücken und Panik") || !a.Has("Wie viele Stunden") || !a.Has("Ich kenne die Person") {
		t.Errorf("after the declaration: %d", a.Status)
	}
	if a := ewald.post(page+"/declare", typed("declaration", "knows")); a.Path != "/conferences" || !a.Has("Ihr Platz ist zurückgegeben") {
		t.Errorf("somebody recognised late: %d at %s", a.Status, a.Path)
	}
	if a := ewald.get(page); a.Status != http.StatusNotFound {
		t.Errorf("who has left still gets the page: %d", a.Status)
	}
	if a := s.as("Frieda").get("/search?q=R%C3%BCcken"); a.Has("Rücken und Panik") {
		t.Error("who has not declared finds the case")
	}
}

func TestTheCoordinationSetsFromWhenOnExpertsRead(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	page, clara, ewald := "/conferences/"+code, s.as("Clara"), s.as("Ewald")
	s.unchanged("a time that does not go", func() {
		wantRefused(t, "later", clara.post(page+"/visible", typed("visible_from", "2026-11-25", "clock", "12:00")), "visible-visible_from", "vor dem Beginn")
		wantRefused(t, "earlier", clara.post(page+"/visible", typed("visible_from", "2026-11-20", "clock", "12:00")), "visible-visible_from", "in der Zukunft")
		wantRefused(t, "no clock", clara.post(page+"/visible", typed("visible_from", "2026-11-23")), "visible-visible_from", "in der Zukunft")
		for _, who := range []string{"Anna", "Ewald", "Bernd", "Rosa"} {
			if a := s.as(who).post(page+"/visible", nil); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
				t.Errorf("%s: %d", who, a.Status)
			}
		}
	})
	if a := clara.post(page+"/visible", typed("visible_from", "2026-11-23", "clock", "18:00")); !a.Has("Zu lesen ab 23.11.2026, 18:00 Uhr.") {
		t.Errorf("set: %d", a.Status)
	}
	if a := ewald.get(page); !a.Has("Der Fall ist noch nicht zu lesen") || !a.Has("Zu lesen ab 23.11.2026, 18:00 Uhr.") || a.Has("Rücken und Panik") {
		t.Error("the page does not say from when on, or shows the case")
	}
	if a := clara.post(page+"/visible", typed("visible_from", "", "clock", "")); a.Status != http.StatusOK {
		t.Errorf("taken back: %d", a.Status)
	}
	if a := ewald.get(page); !a.Has("Rücken und Panik") {
		t.Error("the case does not open at once")
	}
}
