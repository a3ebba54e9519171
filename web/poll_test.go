package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/slot"
)

// pollForm is the form of the dates page for two days of next week, for anybody of psychiatry and physiotherapy.
func pollForm() url.Values {
	return typed("wish", "psychiatry", "wish", "physiotherapy", "length", "25", "weeks", "4", "land", "", "deadline", "2026-11-27", "until", "12:00",
		"options", "2026-12-01T09:00:00Z", "options", "2026-12-03T13:00:00Z")
}

// polled starts that poll and returns the address of its request.
func (s *testServer) polled() string {
	s.t.Helper()
	at := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	if a := s.as("Clara").post(at+"/dates", pollForm()); a.Status != http.StatusOK || a.Path != at+"/poll" || !a.Has("Die Umfrage läuft.") {
		s.t.Fatalf("start: %d at %s", a.Status, a.Path)
	}
	return at
}

// voting is a ballot with these votes, in the order of the options.
func (s *testServer) voting(votes ...string) url.Values {
	s.t.Helper()
	f := typed("note", "")
	for i, v := range votes {
		f.Set("option"+strconv.Itoa(i), query[uuid.UUID](s, `select id from poll_option order by starts_at offset $1 limit 1`, i).String())
		f.Set("vote"+strconv.Itoa(i), v)
	}
	return f
}

func TestTheDatesPageOffersToAskAndTheLinkOfTheMailAnswers(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	request := "/requests/" + s.request(s.newCase("psychiatry", "physiotherapy")).String()
	clara := s.as("Clara")
	if a := clara.get(request + "/dates"); !a.Has("Fragen, wer wann kann") || strings.Count(a.Body, `name="options"`) < 3 || strings.Count(a.Body, `" checked><span>`) < 3 {
		t.Fatal("the dates page offers no dates to ask for")
	}
	wantRefused(t, "one date", clara.post(request+"/dates", with(pollForm(), "options", "2026-12-01T09:00:00Z")), "poll-options", "mindestens zwei")
	wantRefused(t, "no deadline in time", clara.post(request+"/dates", with(pollForm(), "deadline", "2026-12-02")), "poll-deadline", "vor dem ersten Termin")
	s.must(s.Conferences.Decline(t.Context(), s.people["Clara"], strictID(strings.TrimPrefix(request, "/requests/")), "Doch nicht"))

	at := s.polled()
	page := clara.get(at + "/poll")
	for _, name := range []string{"Dr. Ewald Psych", "Frieda Physio", "noch keine Antwort", "Jetzt erinnern"} {
		if !page.Has(name) {
			t.Errorf("the page of the poll lacks %q", name)
		}
	}
	link := s.link("Frieda", "poll")
	nobody := s.visitor()
	s.unchanged("looking", func() {
		a := nobody.get(link)
		if a.Status != http.StatusOK || !a.Has("Welcher Termin passt Ihnen?") || !a.Has("Physiotherapie") {
			t.Errorf("by link: %d", a.Status)
		}
		for _, word := range []string{"Ewald", "Psychiatrie", "Stunden", "Anna", "Clara"} {
			if a.Has(word) {
				t.Errorf("%q stands on the page of somebody who is asked", word)
			}
		}
	})
	if a := nobody.post(link, s.voting("yes", "if_need_be")); a.Status != http.StatusOK || !a.Has("Danke, Ihre Antwort ist da.") {
		t.Fatalf("answer: %d", a.Status)
	}
	s.unchanged("an answer to nothing", func() {
		wantRefused(t, "no vote", nobody.post(link, s.voting("yes", "")), "vote-votes", "Bitte beantworten Sie jeden Termin.")
	})
	if a := nobody.post(link, with(with(s.voting("yes", "no"), "other", "2026-12-04"), "clock", "10:00")); a.Status != http.StatusOK {
		t.Fatalf("another date: %d", a.Status)
	}
	if a := clara.get(at + "/poll"); !a.Has("Freitag, 4. Dezember 2026") || !a.Has("Es fehlt nur: Psychiatrie.") {
		t.Error("the proposal, or what is missing, is not there")
	}
}

func TestAPollGoesFromHeuteToTheConference(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := s.polled()
	for _, name := range []string{"Ewald", "Gustav", "Frieda"} {
		if query[int](s, `select count(*) from poll_voice where account_id = $1`, s.people[name].ID) == 0 {
			continue
		}
		b := s.as(name)
		a := b.get("/")
		if !a.Has("Welcher Termin passt Ihnen? Konferenz") || !a.Has(`<span class="num">1<`) {
			t.Errorf("%s sees no question on Heute", name)
		}
		own := "/polls/" + query[uuid.UUID](s, `select id from poll_voice where account_id = $1`, s.people[name].ID).String()
		if a := b.post(own, s.voting("yes", "no")); a.Status != http.StatusOK {
			t.Fatalf("%s answers: %d", name, a.Status)
		}
		s.unchanged("somebody else's voice", func() {
			if a := s.as("Theo").post(own, s.voting("no", "no")); a.Status != http.StatusNotFound {
				t.Errorf("a stranger answers for %s: %d", name, a.Status)
			}
		})
	}
	clara := s.as("Clara")
	if a := clara.get("/"); !a.Has("Termin gefunden") || !a.Has("Dienstag, 1. Dezember 2026, 10:00–10:25 Uhr") {
		t.Error("the date that was found is not on Heute")
	}
	held := query[uuid.UUID](s, `select id from poll_option where held_until is not null`).String()
	if a := clara.post(at+"/poll", typed("act", "confirm", "option", held)); a.Status != http.StatusOK || !a.Has("Die Konferenz ist einberufen.") || !a.Has("Dienstag, 1. Dezember 2026, 10:00–10:25 Uhr") {
		t.Fatalf("confirm: %d at %s", a.Status, a.Path)
	}
	if a := clara.post(at+"/poll", typed("act", "confirm", "option", held)); a.Status != http.StatusConflict {
		t.Errorf("twice: %d", a.Status)
	}
	if a := clara.get(at + "/poll"); !a.Has("Der Termin steht fest") {
		t.Error("the poll does not say how it ended")
	}
	s.comesFrom(at, query[string](s, `select code from conference`), `<a href="`+at+`/poll">Aus der Terminumfrage vom `)
	if a := s.visitor().get(s.link("Frieda", "poll")); a.Status != http.StatusConflict || !a.Has("Diese Umfrage ist beendet.") {
		t.Errorf("the link afterwards: %d", a.Status)
	}
}

func TestTheCoordinationSteersAPoll(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := s.polled() + "/poll"
	clara := s.as("Clara")
	if a := clara.post(at, typed("act", "remind")); a.Status != http.StatusConflict || !a.Has("Die Nachricht ist noch frisch") {
		t.Errorf("reminding at once: %d", a.Status)
	}
	s.clock.set(testBegins.Add(2 * time.Hour))
	clara = s.as("Clara") // her session was over
	for _, act := range []struct {
		name string
		form url.Values
		says string
	}{
		{"remind", typed("act", "remind"), "Die Erinnerungen sind unterwegs."},
		{"add", typed("act", "add", "other", "2026-12-04", "clock", "11:00"), "Der Termin steht mit zur Wahl."},
		{"extend", typed("act", "extend", "deadline", "2026-11-30", "until", "09:00"), "Die Frist ist geändert."},
		{"close", typed("act", "close"), "Die Umfrage ist beendet."},
	} {
		if a := clara.post(at, act.form); a.Status != http.StatusOK || !a.Has(act.says) {
			t.Errorf("%s: %d", act.name, a.Status)
		}
	}
	if a := clara.get(at); !a.Has("ohne Termin beendet") || !a.Has("Freitag, 4. Dezember 2026, 11:00–11:25 Uhr") {
		t.Error("the page does not show how the poll stands")
	}
}

func TestWhomNobodyAsksSeesWhatIsKnownAndSaysOtherwise(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ewald := s.people["Ewald"]
	s.must(s.Pool.KeepWeek(t.Context(), ewald, ewald.ID, []slot.Weekly{{Day: time.Tuesday, From: 480, To: 1020}}))
	at := s.polled() // Tuesday and Thursday
	clara := s.as("Clara")
	if a := clara.get(at + "/poll"); !a.Has("nicht gefragt, denn alles ist bekannt: aus den angegebenen Zeiten") {
		t.Error("nobody says why she is not asked")
	}
	if s.mailed("Ewald", "poll") != 0 || s.mailed("Frieda", "poll") != 1 {
		t.Error("the wrong people have been asked")
	}
	b, own := s.as("Ewald"), "/polls/"+query[uuid.UUID](s, `select id from poll_voice where account_id = $1`, ewald.ID).String()
	if a := b.get("/"); a.Has("Welcher Termin passt Ihnen?") {
		t.Error("a task waits for her")
	}
	if a := b.get("/me/availability"); !a.Has(`href="` + own + `"`) {
		t.Error("her times do not lead to the poll")
	}
	a := b.get(own)
	for _, want := range []string{"Sie müssen nichts tun", "aus dem Kalender: frei (Ihre angegebenen Zeiten)", "aus dem Kalender: belegt (Ihre angegebenen Zeiten)"} {
		if !a.Has(want) {
			t.Errorf("her page lacks %q", want)
		}
	}
	for _, word := range []string{"Frieda", "Gustav", "Physiotherapie", "noch keine Antwort"} {
		if a.Has(word) {
			t.Errorf("she sees %q", word)
		}
	}
	if a := b.post(own, s.voting("no", "yes")); a.Status != http.StatusOK || !a.Has("Danke, Ihre Antwort ist da.") || a.Has("aus dem Kalender") {
		t.Errorf("she says otherwise: %d", a.Status)
	}
	if a := clara.get(at + "/poll"); a.Has("nicht gefragt") {
		t.Error("what she says does not count")
	}
	if a := s.as("Frieda").get(own); a.Status != http.StatusNotFound {
		t.Errorf("somebody else sees her answers: %d", a.Status)
	}
}

// mailed counts the mails of a kind to somebody.
func (s *testServer) mailed(name, kind string) int {
	s.t.Helper()
	return query[int](s, `select count(*) from message_out where to_email = $1 and kind = $2`, strings.ToLower(name)+"@konsil.test", kind)
}

func TestADateAtWhichACalendarIsFullSaysSo(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ctx, frieda := t.Context(), s.people["Frieda"]
	s.must(s.Pool.KeepReminders(ctx, frieda, true)) // the row that a calendar belongs to
	s.exec(`insert into busy_calendar (account_id, organisation_id, address, added_at, due_at, read_at, covered_until) values ($1, $2, '', $3, $3, $3, $4)`,
		frieda.ID, frieda.Organisation, s.Now(), s.Now().AddDate(0, 3, 0))
	s.exec(`insert into busy (account_id, from_at, until_at) values ($1, '2026-12-01T08:00:00Z', '2026-12-01T12:00:00Z')`, frieda.ID)
	request, clara := "/requests/"+s.request(s.newCase("psychiatry", "physiotherapy")).String(), s.as("Clara")
	if a := clara.get(request + "?date=2026-12-01&time=10:00&length=25"); !a.Has("Nicht empfohlen: zum gewünschten Termin laut Kalender belegt") {
		t.Error("the ranked suggestion does not say so")
	}
	if a := clara.get(request + "?date=2026-12-02&time=10:00&length=25"); !a.Has("laut Kalender dann frei") || a.Has("laut Kalender belegt") {
		t.Error("nor that it is empty on another day")
	}
	a := clara.get(request + "/dates?date=2026-12-01&time=10:00")
	if !a.Has("Dieser Termin geht nicht.") || !a.Has("<b>Physiotherapie</b>: Laut Kalender belegt.") {
		t.Error("the date that was asked about does not say so")
	}
	if !a.Has("eine Person fehlt: Physiotherapie (laut Kalender belegt)") || !a.Has("Es fehlt nur: Physiotherapie. Laut Kalender belegt.") {
		t.Error("the picture, or the list, does not say so")
	}
}
