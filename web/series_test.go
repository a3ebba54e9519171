package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// wednesdays is the form for a slot on Wednesdays at one.
func wednesdays() url.Values {
	return typed("series_name", "Mittwochsrunde", "weekday", "3", "begins", "13:00", "places", "2", "length", "25", "from", "2026-11-23", "until", "", "group", "", "land", "BE")
}

var placeLink = regexp.MustCompile(`href="(/requests/[^"]*series=[^"]*)#round"`)

// dayForm is the form with this button on a day's page, as somebody would send it.
func dayForm(a answered, act string) url.Values {
	form := typed("act", act)
	for _, part := range strings.Split(a.Body, "<form")[1:] {
		part, _, _ = strings.Cut(part, "</form>")
		if !strings.Contains(part, `value="`+act+`"`) {
			continue
		}
		for _, m := range regexp.MustCompile(`name="told" value="([^"]*)"`).FindAllStringSubmatch(part, -1) {
			form.Add("told", m[1])
		}
	}
	return form
}

func TestTheCoordinationKeepsASlotPutsCasesInItAndLetsADayGo(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Clara")
	if a := b.get("/network/series"); !a.Has("Noch kein fester Termin.") {
		t.Error("an empty list does not say so")
	}
	for _, w := range []struct{ field, value, says string }{
		{"series_name", "", missing}, {"begins", "18:30", "zwischen 7 und 19 Uhr"}, {"places", "0", "zwischen 1 und 12"}, {"length", "17", "eine der Längen"},
		{"until", "2026-11-01", "vor dem ersten"}, {"weekday", "6", "Montag bis Freitag"}, {"land", "XX", "gibt es nicht"}, {"group", "x", "gibt es nicht"},
	} {
		wantRefused(t, w.field, b.post("/network/series", with(wednesdays(), w.field, w.value)), "series-"+w.field, w.says)
	}
	made := b.post("/network/series", wednesdays())
	if !made.Has("Der feste Termin ist gespeichert.") || !made.Has("Mittwoch ab 13:00 Uhr, 2 Plätze zu 25 Minuten") || !made.Has(`value="13:00"`) {
		t.Fatalf("made: %d at %s", made.Status, made.Path)
	}
	first, second := s.request(s.newCase("psychiatry", "physiotherapy")), s.request(s.newCase("psychiatry", "physiotherapy"))
	codes := []string{s.takesPlace(b, first), s.takesPlace(b, second)}
	day := made.Path + "/days/2026-11-25"
	s.comesFrom("/requests/"+second.String(), codes[1], `<a href="`+day+`">Platz 2 im festen Termin „Mittwochsrunde“, mittwochs ab 13:00 Uhr</a>`)
	a := b.get(day)
	if !a.Has(codes[0]) || !a.Has(codes[1]) || strings.Index(a.Body, codes[0]) > strings.Index(a.Body, codes[1]) || a.Has("Wie viele Stunden") {
		t.Errorf("the agenda: %d", a.Status)
	}
	b.post(day, typed("act", "swap", "first", codes[0], "second", codes[1]))
	if a = b.get(day); strings.Index(a.Body, codes[0]) < strings.Index(a.Body, codes[1]) {
		t.Error("the two have not changed places")
	}
	wantRefused(t, "one with itself", b.post(day, typed("act", "swap", "first", codes[0], "second", codes[0])), "swap-second", "anderen Platz als den jetzigen")
	free := typed("act", "swap", "first", codes[0], "second", "2026-12-02T12:25:00Z") // of another day, by hand
	if b.post(day, free); !b.get(made.Path+"/days/2026-12-02").Has(codes[0]) || b.get(day).Has(codes[0]) {
		t.Error("the case has not taken the free place")
	}
	b.post(day, with(free, "second", "2026-11-25T12:25:00Z"))
	if a = b.get(day); !a.Has("Mittwoch, 2. Dezember 2026, 13:00–13:25 Uhr") {
		t.Error("it is not said where the cases would go")
	}
	s.unchanged("something else than was said", func() {
		form := dayForm(a, "move")
		form["told"] = form["told"][:1]
		if a := b.post(day, form); a.Status != http.StatusConflict || !a.Has("hat sich etwas geändert") {
			t.Errorf("%d", a.Status)
		}
	})
	if a = b.post(day, dayForm(a, "move")); !a.Has("Der Tag fällt aus. Alle Eingeladenen bekommen den neuen Termin.") || a.Has(codes[0]) {
		t.Errorf("moved: %d", a.Status)
	}
	next := made.Path + "/days/2026-12-02"
	if a = b.get(next); !a.Has(codes[0]) || !a.Has(codes[1]) {
		t.Error("the cases are not on the next day")
	}
	if !a.Has("Tag ausfallen lassen und absagen") {
		t.Error("the button does not say that cases are called off")
	}
	b.post(next, dayForm(a, "cancel"))
	if n := query[int](s, `select count(*) from conference where state = 'cancelled'`); n != 2 {
		t.Errorf("%d conferences of two are called off", n)
	}
	if a = b.post(next, typed("act", "resume")); !a.Has("wieder Plätze vergeben") || !a.Has("2 frei") {
		t.Errorf("resumed: %d", a.Status)
	}
	if a = b.post(made.Path, with(wednesdays(), "weekday", "4")); !a.Has("Donnerstag ab 13:00 Uhr") {
		t.Errorf("changed: %d", a.Status)
	}
	for _, path := range []string{made.Path + "/days/2026-11-24", made.Path + "/days/x", "/network/series/" + uuid.NewString()} {
		if a := b.get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}

// takesPlace convenes a request in the first place that its page offers.
func (s *testServer) takesPlace(b *browser, request uuid.UUID) (code string) {
	s.t.Helper()
	at := "/requests/" + request.String()
	found := placeLink.FindStringSubmatch(b.get(at).Body)
	if found == nil {
		s.t.Fatal("the request offers no place")
	}
	link, err := url.Parse(strings.ReplaceAll(found[1], "&amp;", "&"))
	s.must(err)
	if a := b.get(link.String()); !a.Has("Platz im festen Termin „Mittwochsrunde“") || !a.Has(`value="`+link.Query().Get("time")+`"`) {
		s.t.Errorf("the form is not filled: %d", a.Status)
	}
	form := s.convening()
	for _, name := range []string{"series", "date", "time", "length"} {
		form.Set(name, link.Query().Get(name))
	}
	if a := b.post(at+"/convene", with(form, "time", "13:10")); a.Status != http.StatusUnprocessableEntity || !a.Has("kein freier Platz des festen Termins") {
		s.t.Errorf("beside the places: %d", a.Status)
	}
	if a := b.post(at+"/convene", form); !a.Has("Die Konferenz ist einberufen.") {
		s.t.Fatalf("convene: %d", a.Status)
	}
	return query[string](s, `select code from conference where request_id = $1`, request)
}
