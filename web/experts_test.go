package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/expertpool"
)

func TestTheDirectoryIsSearchedAndSaysWhy(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Clara")
	ewald := s.people["Ewald"].ID
	s.must(s.Pool.Describe(t.Context(), s.people["Clara"], ewald, expertpool.Profile{
		Discipline: "psychiatry", Profession: "physician", Specialties: []string{"psychiatry"}, Topics: []string{"Angst"}, Languages: []string{"de", "tr"},
		Modes: []string{"video", "on_site"}, Postcode: "37154", TravelKM: 80, HoursPerMonth: 2,
	}))
	for path, want := range map[string][]string{
		"/experts":                               {"3 Fachpersonen", "Dr. Ewald Psych", "Dr. Gustav Psych", "Frieda Physio", "Eingrenzen", "Physiotherapie", "0:00 von 2 h vergeben"},
		"/experts?q=Nervenarzt+t%C3%BCrkisch":    {"eine Fachperson", "Psychiatrie, weil „Nervenarzt“ gesucht", "passt: Türkisch"},
		"/experts?q=Psychater":                   {"2 Fachpersonen", "Für „Psychater“ gab es keinen Treffer", "Psychiatrie, ähnlich geschrieben wie „Psychater“"},
		"/experts?q=Angst&near=34117&within=100": {"etwa 48 km von 34117", "„Angst“, weil „Angst“ gesucht", "kommt bis 80 km weit"},
		"/experts?near=00000":                    {"Die Postleitzahl 00000 ist nicht bekannt", "3 Fachpersonen"},
		"/experts?q=Xylophon":                    {"So jemanden hat der Pool nicht"},
		"/experts?discipline=physiotherapy":      {"eine Fachperson", "Frieda Physio", "Physiotherapie <span aria-hidden"},
		"/experts?free=yes&mode=on_site":         {"eine Fachperson", "hat diesen Monat noch Zeit <span", "vor Ort <span", "Alles zurücksetzen"},
	} {
		a := b.get(path)
		for _, w := range want {
			if a.Status != http.StatusOK || !a.Has(w) {
				t.Errorf("%s: status %d, lacks %q", path, a.Status, w)
			}
		}
		if a.Has("Theo") {
			t.Errorf("%s shows an expert of another network", path)
		}
	}
	if a := b.get("/experts?page=1000"); a.Status != http.StatusUnprocessableEntity || !a.Has("So weit reicht die Liste nicht") {
		t.Errorf("a page too far: %d", a.Status)
	}
	if a := b.get("/experts?discipline=psychiatry"); !a.Has(`href="/experts?"`) || !a.Has("/experts?discipline=psychiatry&language=tr") {
		t.Error("the links that narrow or widen are missing")
	}
}

func TestAProfileIsShownAndWritten(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, at := s.as("Clara"), "/experts/"+s.people["Ewald"].ID.String()
	form := typed(
		"discipline", "psychiatry", "profession", "physician", "specialties", "psychiatry", "specialty", "Krisen", "topics", "Angst\r\nSchmerz", "languages", "de",
		"languages", "gsg", "place", "Auenstadt", "postcode", "37154", "travel_km", "30", "modes", "video", "lanr", "123456601", "hours_per_month", "4", "max_cases", "0",
	)
	if a := clara.get(at + "/profile"); !a.Has(`action="`+at+`/profile"`) || !a.Has("Lebenslange Arztnummer") {
		t.Error("the form is not there")
	}
	s.unchanged("a wrong number", func() {
		wantRefused(t, "LANR", clara.post(at+"/profile", with(form, "lanr", "123456901")), "describe-lanr", "Die Prüfziffer der LANR stimmt nicht.")
		wantRefused(t, "hours", clara.post(at+"/profile", with(form, "hours_per_month", "viel")), "describe-hours_per_month", "Bitte eine ganze Zahl von 0 bis 200")
	})
	a := clara.post(at+"/profile", form)
	for _, w := range []string{"Das Profil ist gespeichert.", "Angst, Schmerz", "Deutsche Gebärdensprache", "37154", "bis 30 km", "123456601", "0:00 von 4 h vergeben"} {
		if a.Path != at || !a.Has(w) {
			t.Errorf("%s lacks %q", a.Path, w)
		}
	}
	if a := s.as("Anna").get(at); a.Status != http.StatusOK || !a.Has("Krisen") || a.Has("123456601") || a.Has("Profil bearbeiten") {
		t.Errorf("the caseworker's page: %d", a.Status)
	}
	ewald := s.as("Ewald")
	own := ewald.get("/me/profile")
	if !own.Has("123456601") || own.Has(`name="lanr"`) || own.Has(`name="discipline"`) {
		t.Error("what was checked is not shown, or can be changed")
	}
	a = ewald.post("/me/profile", with(with(form, "specialty", "Erschöpfung"), "discipline", "coaching"))
	if a.Path != "/me/profile" || !a.Has("Erschöpfung") || !strings.Contains(clara.get(at).Body, "Psychiatrie") {
		t.Errorf("own profile: %s, %d", a.Path, a.Status)
	}
}
