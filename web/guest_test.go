package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

var linkOnPage = regexp.MustCompile(`/guest/[A-Z2-7]{26}`)

// asked makes a guest's link and gives its path.
func (s *testServer) asked(code, by, kind string) string {
	s.t.Helper()
	a := s.as(by).post("/conferences/"+code+"/guests", typed("guest_kind", kind, "guest_confirmed", "yes"))
	link := linkOnPage.FindString(a.Body)
	if a.Status != http.StatusOK || link == "" {
		s.t.Fatalf("%s asks a guest: %d at %s", by, a.Status, a.Path)
	}
	return link
}

// person is somebody at a socket who speaks text.
type person struct {
	t     *testing.T
	ws    *websocket.Conn
	heard []spoken
}

type spoken struct {
	T string          `json:"t"`
	D json.RawMessage `json:"d"`
}

// knocks opens the socket with a guest's link and says hello; every frame that comes must be one of the lobby until welcome.
func (s *testServer) knocks(b *browser, code, link, name string) *person {
	s.t.Helper()
	b.get(link)
	a := b.post(link+"/ticket", nil)
	var key struct{ Ticket string }
	if json.Unmarshal([]byte(a.Body), &key); a.Status != http.StatusOK || key.Ticket == "" {
		s.t.Fatalf("a guest's ticket: %d %s", a.Status, a.Body)
	}
	return s.converses(code, key.Ticket, name)
}

// leads opens the socket as somebody with a seat and says hello.
func (s *testServer) leads(b *browser, code string) *person {
	s.t.Helper()
	var key struct{ Ticket string }
	s.must(json.Unmarshal([]byte(b.post("/conferences/"+code+"/ticket", nil).Body), &key))
	p := s.converses(code, key.Ticket, "")
	p.hear("welcome")
	return p
}

func (s *testServer) converses(code, ticket, name string) *person {
	s.t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(s.t.Context(),
		strings.Replace(s.URL, "http", "ws", 1)+"/conferences/"+code+"/live?ticket="+ticket, http.Header{"Origin": {s.URL}})
	s.must(err)
	s.t.Cleanup(func() { ws.Close() })
	s.must(ws.SetReadDeadline(time.Now().Add(30 * time.Second)))
	p := &person{t: s.t, ws: ws}
	p.say("hello", map[string]any{"name": name})
	return p
}

func (p *person) say(kind string, d any) {
	p.t.Helper()
	if err := p.ws.WriteJSON(map[string]any{"t": kind, "d": d}); err != nil {
		p.t.Fatal(err)
	}
}

// hear reads on until a frame of the type comes, and gives its body. Binary frames are passed over; they are kept as "notes".
func (p *person) hear(kind string) map[string]any {
	p.t.Helper()
	for {
		what, data, err := p.ws.ReadMessage()
		if err != nil {
			p.t.Fatalf("waiting for %q: %v", kind, err)
		}
		e := spoken{T: "notes"}
		if what == websocket.TextMessage {
			if err := json.Unmarshal(data, &e); err != nil {
				p.t.Fatal(err)
			}
		}
		p.heard = append(p.heard, e)
		if e.T == kind {
			var d map[string]any
			json.Unmarshal(e.D, &d)
			return d
		}
	}
}

// hearWaiting reads on until so many wait, and gives them.
func (p *person) hearWaiting(n int) []map[string]any {
	p.t.Helper()
	for {
		list, _ := p.hear("lobby.list")["waiting"].([]any)
		if len(list) != n {
			continue
		}
		var all []map[string]any
		for _, one := range list {
			all = append(all, one.(map[string]any))
		}
		return all
	}
}

func (p *person) types() (all []string) {
	for _, e := range p.heard {
		all = append(all, e.T)
	}
	return all
}

func TestAGuestWaitsIsAdmittedInTheGuestPhaseAndSeesNothingOfTheCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link := s.asked(code, "Anna", "client")
	phone := s.visitor()
	page := phone.get(link)
	for _, want := range []string{`data-ticket="` + link + `/ticket"`, `data-socket="/conferences/` + code + `/live"`, "Gast (Klient:in)", "data-begun"} {
		if page.Status != http.StatusOK || !page.Has(want) {
			t.Errorf("the guest's page: %d, %q is missing", page.Status, want)
		}
	}
	for _, secret := range []string{"zumutbar", "fährt Rad", "Drei Vormittage", "Ewald"} {
		if page.Has(secret) {
			t.Errorf("the guest's page shows %q", secret)
		}
	}
	clara := s.leads(s.as("Clara"), code)
	guest := s.knocks(phone, code, link, "Mia")
	guest.hear("lobby.waiting")
	waiting := clara.hearWaiting(1)[0]
	if waiting["name"] != "Mia" || waiting["known"] != true || waiting["kind"] != "client" || waiting["role"] != "Klient:in" {
		t.Errorf("the moderator sees %v", waiting)
	}
	clara.say("lobby.admit", map[string]any{"ids": []any{waiting["id"]}})
	if what := clara.hear("error")["what"]; what != "phase" {
		t.Errorf("a guest outside the guests' phase: %v", what)
	}
	clara.say("mod.phase", map[string]any{"phase": "guest"})
	clara.say("lobby.admit", map[string]any{"ids": []any{}})
	welcome := guest.hear("welcome")
	if welcome["role"] != "guest" || welcome["phase"] != "guest" || welcome["mode"] != "open" {
		t.Errorf("the guest is welcomed with %v", welcome)
	}
	if heard := guest.types(); !slices.Equal(heard, []string{"lobby.waiting", "welcome"}) {
		t.Errorf("the guest heard %v", heard)
	}
	s.until("it is on record", func() bool {
		return query[int](s, `select count(*) from conference_guest where attended_at is not null and browser_hash is not null`) > 0
	})
	clara.say("mod.phase", map[string]any{"phase": "experts"})
	if code, why := ended(t, guest.ws); code != 4410 || why != "returned" {
		t.Errorf("at the end of the phase: %d %q", code, why)
	}
	again := s.knocks(phone, code, link, "Mia")
	if why := again.hear("lobby.waiting")["why"]; why != "returned" {
		t.Errorf("the guest waits because %v", why)
	}
}

func TestAForwardedLinkLeadsToTheLobbyAsUnknown(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link := s.asked(code, "Clara", "trusted")
	clara := s.leads(s.as("Clara"), code)
	mine, other := s.visitor(), s.visitor()
	other.get(link) // whoever looks first, a mail scanner say, does not own it
	first := s.knocks(mine, code, link, "")
	first.hear("lobby.waiting")
	s.knocks(other, code, link, "Mia").hear("lobby.waiting")
	list := clara.hearWaiting(2)
	if list[0]["known"] != true || list[0]["name"] != "Gast (Vertrauensperson)" || list[1]["known"] != false || list[1]["name"] != "Mia" {
		t.Errorf("the moderator sees %v", list)
	}
	first.ws.Close()
	clara.hearWaiting(1)
	if s.knocks(mine, code, link, "").hear("lobby.waiting"); clara.hearWaiting(2)[1]["known"] != true {
		t.Error("the guest's own browser is not known when it comes again")
	}
	bare := &http.Client{} // keeps no cookies
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+link+"/ticket", nil)
	s.must(err)
	if a, err := bare.Do(r); err != nil || a.StatusCode != http.StatusOK {
		t.Errorf("without a cookie: %v", err) // she may knock, as somebody unknown
	} else {
		a.Body.Close()
	}
}

func TestGuestLinksEndWithWhatTheyWereFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(*testServer, string)
		status int
	}{
		"taken back": {func(s *testServer, code string) {
			id := query[uuid.UUID](s, `select id from conference_guest`)
			s.as("Anna").post("/conferences/"+code+"/guests/revoke", typed("guest", id.String()))
		}, http.StatusGone},
		"withdrawn": {func(s *testServer, code string) {
			_, err := s.Conferences.Withdraw(s.t.Context(), s.people["Anna"], query[uuid.UUID](s, `select case_id from conference`))
			s.must(err)
		}, http.StatusGone},
		"ended":       {func(s *testServer, code string) { s.must(s.Conferences.End(s.t.Context(), s.people["Clara"], code)) }, http.StatusGone},
		"out of time": {func(s *testServer, code string) { s.clock.set(testBegins.AddDate(0, 0, 2)) }, http.StatusGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t)
			code := s.opened()
			link := s.asked(code, "Anna", "client")
			c.end(s, code)
			b := s.visitor()
			for _, a := range []answered{b.get(link), b.post(link+"/ticket", nil)} {
				if a.Status != c.status || a.Has(code) || a.Has("zumutbar") {
					t.Errorf("%s: %d", a.Path, a.Status)
				}
			}
		})
	}
	s := newTestServer(t)
	code := s.convened()
	link := s.asked(code, "Anna", "interpreter")
	b := s.visitor()
	if a := b.get(link); a.Status != http.StatusOK || a.Has("data-begun") || !a.Has("hat noch nicht begonnen") {
		t.Errorf("before the conference: %d", a.Status)
	}
	s.unchanged("an early knock", func() {
		if a := b.post(link+"/ticket", nil); a.Status != http.StatusConflict {
			t.Errorf("an early knock: %d", a.Status)
		}
	})
	for _, wrong := range []string{"/guest/x", "/guest/" + strings.Repeat("A", 26), "/guest/%00", link + "A", strings.ToLower(link)} {
		if a := b.get(wrong); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, a.Status)
		}
		if a := b.post(wrong+"/ticket", nil); a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", wrong, a.Status)
		}
	}
	s.as("Clara").post("/conferences/"+code+"/cancel", nil)
	if a := b.get(link); a.Status != http.StatusGone {
		t.Errorf("cancelled: %d", a.Status)
	}
}

func TestALinkIsMadeOnlyWithThePersonsWordAndByWhoLeadsTheCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	guests := "/conferences/" + code + "/guests"
	for name, form := range map[string]url.Values{
		"no tick": typed("guest_kind", "client"), "no kind": typed("guest_confirmed", "yes"), "another kind": typed("guest_kind", "boss", "guest_confirmed", "yes"),
	} {
		s.unchanged(name, func() {
			if a := s.as("Anna").post(guests, form); a.Status != http.StatusUnprocessableEntity || !a.Has(`id="f-guest-`) {
				t.Errorf("%s: %d", name, a.Status)
			}
		})
	}
	link := s.asked(code, "Anna", "client")
	if why := query[string](s, `select reason from audit.entry where action = 'ask_guest'`); why != "client presence-1" {
		t.Errorf("the record says %q", why)
	}
	var hash []byte
	s.must(s.db.QueryRow(t.Context(), `select token_hash from conference_guest`).Scan(&hash))
	if len(hash) != 32 || s.as("Anna").get("/conferences/"+code).Has(strings.TrimPrefix(link, "/guest/")) {
		t.Error("the link is kept or shown again")
	}
	for range 5 {
		s.asked(code, "Anna", "client")
	}
	if a := s.as("Anna").post(guests, typed("guest_kind", "client", "guest_confirmed", "yes")); a.Status != http.StatusConflict || !a.Has("Mehr als sechs") {
		t.Errorf("a seventh: %d", a.Status)
	}
}

func TestAGuestIsShownOutLikeEverybodyElse(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link, second := s.asked(code, "Anna", "client"), s.asked(code, "Anna", "trusted")
	clara := s.leads(s.as("Clara"), code)
	waits, taken := s.knocks(s.visitor(), code, link, ""), s.knocks(s.visitor(), code, second, "")
	waits.hear("lobby.waiting")
	taken.hear("lobby.waiting")
	s.as("Anna").post("/conferences/"+code+"/guests/revoke",
		typed("guest", query[uuid.UUID](s, `select id from conference_guest where kind = 'trusted'`).String()))
	if why := taken.hear("lobby.denied")["reason"]; why != "rights" {
		t.Errorf("the link taken back: %v", why)
	}
	clara.hearWaiting(1)
	at := "/cases/" + query[uuid.UUID](s, `select case_id from conference`).String()
	s.as("Anna").post(at+"/withdraw", nil)
	if why := waits.hear("lobby.denied")["reason"]; why != "withdrawn" {
		t.Errorf("consent withdrawn while she waits: %v", why)
	}
	if code, why := ended(t, waits.ws); code != 4403 || why != "withdrawn" {
		t.Errorf("closed with %d %q", code, why)
	}
	if heard := waits.types(); !slices.Equal(heard, []string{"lobby.waiting", "lobby.denied"}) {
		t.Errorf("who waited heard %v", heard)
	}
}

func TestWhoWasRemovedWaitsEvenAfterEverybodyWasGone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	clara, ewald := s.leads(s.as("Clara"), code), s.leads(s.as("Ewald"), code)
	self := func() string {
		var w struct{ Self string }
		for _, e := range ewald.heard {
			if e.T == "welcome" {
				json.Unmarshal(e.D, &w)
			}
		}
		return w.Self
	}()
	clara.say("mod.kick", map[string]any{"peer": self})
	if code, why := ended(t, ewald.ws); code != 4403 || why != "kicked" {
		t.Fatalf("removed: %d %q", code, why)
	}
	s.until("it is on record", func() bool { return query[int](s, `select count(*) from room_deed where did = 'remove'`) > 0 })
	clara.ws.Close()
	s.Live.Close(query[uuid.UUID](s, `select id from conference`).String(), "closed") // the room forgets, the record does not
	again := s.converses(code, s.ticketOf("Ewald", code), "")
	if why := again.hear("lobby.waiting")["why"]; why != "kicked" {
		t.Errorf("he waits because %v", why)
	}
	clara = s.leads(s.as("Clara"), code)
	clara.say("lobby.admit", map[string]any{"ids": []any{clara.hearWaiting(1)[0]["id"]}})
	again.hear("welcome")
	again.ws.Close()
	s.until("it is on record", func() bool { return query[int](s, `select count(*) from room_deed where did = 'admit'`) > 0 })
	s.leads(s.as("Ewald"), code)
}

// until waits for something that must happen.
func (s *testServer) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

func (s *testServer) ticketOf(name, code string) string {
	s.t.Helper()
	var key struct{ Ticket string }
	s.must(json.Unmarshal([]byte(s.as(name).post("/conferences/"+code+"/ticket", nil).Body), &key))
	return key.Ticket
}

func TestOneLinkCannotAskForTicketsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link := s.asked(code, "Anna", "client")
	b := s.visitor()
	b.get(link)
	ask := func(b *browser) (refused int) {
		for range 30 {
			if a := b.post(link+"/ticket", nil); a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" {
				refused++
			}
		}
		return refused
	}
	if b.post(link+"/ticket", nil).Status != http.StatusOK { // now it is hers
		t.Error("the first ticket is refused")
	}
	if n := ask(s.visitor()); n < 10 {
		t.Errorf("%d of a stranger's 30 were refused", n)
	}
	if a := b.post(link+"/ticket", nil); a.Status != http.StatusOK {
		t.Errorf("the guest herself: %d", a.Status)
	}
	if n := ask(b); n < 10 {
		t.Errorf("%d of her 30 were refused", n)
	}
}

func TestTheMinutesPageSaysWhichGuestsCame(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	link := s.asked(code, "Anna", "client")
	clara := s.leads(s.as("Clara"), code)
	phone := s.visitor()
	s.knocks(phone, code, link, "Mia Muster").hear("lobby.waiting")
	clara.say("mod.phase", map[string]any{"phase": "guest"})
	clara.say("lobby.admit", map[string]any{})
	clara.say("mod.roll", map[string]any{"on": true})
	clara.say("present", nil)
	clara.say("present", map[string]any{})
	s.until("it is on record", func() bool { return query[int](s, `select count(*) from room_deed where did = 'present'`) > 0 })
	s.as("Clara").post("/conferences/"+code+"/end", nil)
	a := s.as("Anna").get("/conferences/" + code + "/minutes")
	for _, want := range []string{"Gast (Klient:in), von", "Anwesenheit bestätigt um", "Die Anwesenheit wurde festgestellt um"} {
		if a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("%d, %q is missing", a.Status, want)
		}
	}
	if a.Has("Mia") || query[int](s, `select count(*) from audit.entry where reason like '%Mia%'`) > 0 {
		t.Error("a name that a guest has typed is kept")
	}
}
