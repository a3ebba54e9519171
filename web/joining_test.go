package web

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
)

func TestSomebodyComesIntoThePoolPageByPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, visitor := s.as("Clara"), s.visitor()
	page, err := s.Pool.OwnJoinPage(t.Context(), s.people["Clara"])
	s.must(err)
	if a := visitor.get("/join/" + page.Slug); a.Status != http.StatusNotFound {
		t.Errorf("a closed page: %d", a.Status)
	}
	clara.post("/experts/joining/page", typed("open", "yes"))
	form := typed("name", "Neu Hier", "email", "neu@praxis.test", "discipline", "neurology", "profession", "physician", "workplace", "Praxis", "message", "Gern.", "website", "")
	answer := func(change ...string) answered {
		t.Helper()
		f := url.Values{}
		for k, v := range form {
			f[k] = v
		}
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		return visitor.post("/join/"+page.Slug, f)
	}
	if a := answer("email", "keine"); a.Status != http.StatusUnprocessableEntity || !a.Has("keine vollständige Mailadresse") || !a.Has("Neu Hier") {
		t.Errorf("a wrong address: %d", a.Status)
	}
	fresh := answer()
	for what, a := range map[string]answered{"an address with an account": answer("email", "ewald@konsil.test"), "again": answer(), "a program": answer("website", "x", "email", "bot@x.test")} {
		if a.Status != fresh.Status || a.Body != fresh.Body {
			t.Errorf("%s is answered differently", what)
		}
	}
	if n := query[int](s, `select count(*) from message_out where to_email = 'bot@x.test'`); n != 0 {
		t.Error("a mail goes to whom a program names")
	}
	token := query[string](s, `select substring(body_text from '/joining/([A-Z2-7]+)') from message_out where to_email = 'neu@praxis.test'`)
	s.unchanged("looking", func() { visitor.get("/joining/" + token) })
	if a := visitor.post("/joining/"+token, nil); !a.Has("angekommen") {
		t.Errorf("confirmed: %d", a.Status)
	}
	if a := visitor.post("/joining/"+token, nil); a.Status != http.StatusNotFound {
		t.Errorf("confirmed twice: %d", a.Status)
	}
	if a := clara.get("/"); !a.Has("Bewerbungen für den Pool") {
		t.Error("the application does not wait on the first page")
	}
	application := query[uuid.UUID](s, `select id from application where state = 'confirmed'`)
	if a := clara.post("/experts/joining/"+application.String(), typed("act", "admit", "organisation", s.people["Clara"].Organisation.String())); !a.Has("Aufgenommen.") {
		t.Errorf("admitted: %d", a.Status)
	}
	if a := clara.post("/experts/joining/"+application.String(), typed("act", "decline", "organisation", "")); a.Status != http.StatusConflict {
		t.Errorf("declined after that: %d", a.Status)
	}
	id := query[uuid.UUID](s, `select id from account where email = 'neu@praxis.test'`)
	s.exec(`update account set rehearsal = true where id = $1`, id) // so that she can come in here with one click
	s.people["Neu"], err = s.Accounts.ByID(t.Context(), id)
	s.must(err)
	neu := s.as("Neu")
	if a := neu.get("/me/membership"); !a.Has("noch nicht geprüft") {
		t.Errorf("her page: %d", a.Status)
	}
	if a := neu.get("/"); !a.Has("wartet auf Ihre Unterschrift") {
		t.Error("nobody asks her to sign")
	}
	d, err := s.Pool.Declaration(t.Context(), s.people["Neu"])
	s.must(err)
	digest := d.Digest()
	if a := neu.get("/me/declaration?sign"); !a.Has("Noch einmal in Ruhe lesen") || !a.Has("Worüber ich schweige") {
		t.Errorf("the second look: %d", a.Status)
	}
	sign := typed("digest", hex.EncodeToString(digest[:]), "read", "", "name", "Neu Hier")
	if a := neu.post("/me/declaration", sign); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("signed unread: %d", a.Status)
	}
	sign.Set("read", "yes")
	if a := neu.post("/me/declaration", sign); !a.Has("von Neu Hier am") {
		t.Errorf("signed: %d", a.Status)
	}
	membership := "/experts/" + id.String() + "/membership"
	if a := clara.post(membership, typed("act", "verify", "valid_until", "2031-01-01", "checked", "licence", "note", "")); a.Status != http.StatusUnprocessableEntity || !a.Has("höchstens drei Jahre") {
		t.Errorf("verified for ever: %d", a.Status)
	}
	if a := clara.post(membership, typed("act", "verify", "valid_until", "2027-11-01", "checked", "licence", "note", "Urkunde")); !a.Has("geprüft bis 01.11.2027") {
		t.Errorf("verified: %d", a.Status)
	}
	if a := neu.get("/me/membership"); a.Has("Urkunde") || !a.Has("geprüft bis 01.11.2027") {
		t.Error("she reads the coordination's note, or not that she is verified")
	}
	for _, b := range []*browser{clara, neu} {
		b.post(map[bool]string{true: membership, false: "/me/membership"}[b == clara], typed("act", "tie", "institution", "Klinik "+b.s.URL[:4], "kind", "board"))
	}
}

func TestWhoCannotBeInvitedIsRefusedByTheFormsWithAWord(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	gustav := s.people["Gustav"].ID
	code := s.convened()
	waiting := s.request(s.newCase("psychiatry", "physiotherapy"))
	s.exec(`update verification set valid_until = '2026-11-22' where expert_id = $1`, gustav)
	group, err := s.Pool.NewGroup(t.Context(), s.people["Clara"], "Rücken")
	s.must(err)
	s.exec(`insert into expert_group_member select $1, $2`, group, gustav)
	clara := s.as("Clara")
	for path, form := range map[string]url.Values{
		"/conferences/" + code + "/invite":           typed("experts", gustav.String()),
		"/requests/" + waiting.String() + "/convene": typed("experts", gustav.String(), "date", "2026-12-01", "time", "10:00", "length", "25", "kind", "case_conference"),
	} {
		if a := clara.post(path, form); a.Status != http.StatusUnprocessableEntity || !a.Has("die Prüfung abgelaufen") {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	byGroup := typed("groups", group.String(), "date", "2026-12-01", "time", "10:00", "length", "25", "kind", "case_conference")
	if a := clara.post("/requests/"+waiting.String()+"/convene", byGroup); a.Status != http.StatusUnprocessableEntity || !a.Has("die Prüfung abgelaufen") {
		t.Errorf("by a group: %d", a.Status)
	}
	if n := query[int](s, `select count(*) from invitation where account_id = $1`, gustav); n != 0 {
		t.Error("he is invited")
	}
	if a := clara.get("/experts/joining"); !a.Has("Prüfung abgelaufen") {
		t.Error("the coordination is not told")
	}
}

func TestAnExpertLeavesThePoolOnHerPages(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	ewald := s.as("Ewald")
	if a := ewald.get("/me/leave"); !a.Has(code) || a.Has("Wer wird stattdessen") {
		t.Errorf("what is open: %d", a.Status)
	}
	if a := ewald.post("/me/leave", nil); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("without a word: %d", a.Status)
	}
	clara := s.as("Clara")
	other := "/experts/" + s.people["Ewald"].ID.String()
	if a := clara.get(other + "/leave"); !a.Has("Dr. Gustav Psych") || !a.Has("Wer wird stattdessen") {
		t.Errorf("the coordination's page: %d", a.Status)
	}
	if a := ewald.post("/me/leave", typed("sure", "yes")); a.Path != "/" || !a.Has("Der Platz im Pool ist beendet") {
		t.Errorf("left: %d at %s", a.Status, a.Path)
	}
	if a := ewald.get("/conferences/" + code); a.Path != "/" {
		t.Errorf("he is still in: %s", a.Path)
	}
	if a := clara.get(other + "/membership"); !a.Has("gehört nicht mehr zum Pool") || a.Has("Prüfung festhalten") {
		t.Errorf("afterwards: %d", a.Status)
	}
	if a := clara.get(other + "/leave"); a.Status != http.StatusConflict {
		t.Errorf("once more: %d", a.Status)
	}
}

func TestAnEntryIsConfirmedByOneTapBehindTheLink(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.clock.set(testBegins.AddDate(0, 0, 130))
	ewald, clara := s.people["Ewald"].ID, s.as("Clara")
	if a := clara.get("/experts/joining"); !a.Has("seit 18 Wochen nicht bestätigt") {
		t.Error("a stale entry does not fade")
	}
	_, err := s.Pool.Sweep(t.Context())
	s.must(err)
	token := query[string](s, `select substring(body_text from '/confirm/([A-Za-z0-9_-]+)') from message_out where kind = 'listing' and to_email = 'ewald@konsil.test'`)
	visitor := s.visitor()
	s.unchanged("looking", func() {
		if a := visitor.get("/confirm/" + token); !a.Has("Stimmt noch") || !a.Has("Hafen") {
			t.Errorf("the page behind the link: %d", a.Status)
		}
	})
	if a := visitor.post("/confirm/"+token, nil); !a.Has("gilt als bestätigt") {
		t.Errorf("confirmed: %d", a.Status)
	}
	if at := query[time.Time](s, `select confirmed_at from expert where account_id = $1`, ewald); !at.Equal(s.clock.now()) {
		t.Errorf("confirmed at %s", at)
	}
}

func TestAgreementsAreKeptOnTheirPages(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, anna := s.as("Clara"), s.as("Anna")
	if a := clara.get("/network/agreements"); !a.Has("Noch keine Vereinbarung") {
		t.Errorf("empty: %d", a.Status)
	}
	form := typed("act", "keep", "partner", "=cmd|Klinik", "signed_on", "2026-01-02", "valid_until", "2025-01-02", "contact", "<b>Frau Muster</b>", "contact_email", "",
		"contact_phone", "", "contingent", "10 Plätze", "reference", "Akte 7")
	if a := clara.post("/network/agreements/new", form); a.Status != http.StatusUnprocessableEntity || !a.Has("vor der Unterschrift") || !a.Has("Akte 7") {
		t.Errorf("ends before it begins: %d", a.Status)
	}
	form.Set("valid_until", "2026-12-24")
	made := clara.post("/network/agreements/new", form)
	if made.Status != http.StatusOK || !made.Has("endet in 31 Tagen") || strings.Contains(made.Body, "<b>Frau") {
		t.Errorf("made: %d", made.Status)
	}
	if a := anna.get("/network/agreements"); !a.Has("Klinik") || a.Has("Neue Vereinbarung") {
		t.Errorf("a caseworker's list: %d", a.Status)
	}
	if a := anna.get(made.Path); a.Has("Vereinbarung beenden") || a.Has("Ändern oder verlängern") {
		t.Error("a caseworker is offered to change it")
	}
	s.clock.set(testBegins.AddDate(0, 0, 100))
	clara, anna = s.as("Clara"), s.as("Anna")
	if a := anna.get("/network/agreements"); !a.Has("beendet") {
		t.Error("what is over does not say so")
	}
	form.Set("valid_until", "2027-12-31")
	if a := clara.post(made.Path, form); !a.Has("läuft") {
		t.Errorf("prolonged: %d", a.Status)
	}
	s.clock.set(testBegins.AddDate(0, 0, 200))
	clara = s.as("Clara")
	if a := clara.get("/network/agreements"); !a.Has("seit 14 Wochen nicht bestätigt") {
		t.Error("nothing fades")
	}
	clara.post(made.Path, typed("act", "right"))
	if a := clara.post(made.Path, typed("act", "end")); !a.Has("beendet") {
		t.Errorf("ended: %d", a.Status)
	}
	if a := clara.post(made.Path, typed("act", "right")); a.Status != http.StatusConflict {
		t.Errorf("confirmed after the end: %d", a.Status)
	}
}

func TestTheProofOfParticipationNamesNoCaseAndNoFormula(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	ewald := s.people["Ewald"].ID
	s.exec(`update account set name = '=1+1' where id = $1`, ewald)
	s.exec(`update seat set attended_at = $2, left_at = $3 where account_id = $1`, ewald, testBegins, testBegins.Add(110*time.Minute))
	s.exec(`update conference set state = 'approved', ended_at = $1`, testBegins.Add(2*time.Hour))
	b := s.as("Ewald")
	page := b.get("/me/participation?quarter=2026-4")
	if !page.Has("1:50 h") || !page.Has("23.11.2026") || page.Has(code) || page.Has("Wie viele Stunden") {
		t.Errorf("the page: %d", page.Status)
	}
	file := b.get("/me/participation.csv?quarter=2026-4")
	want := "\uFEFFDatum;Art;Minuten;Name\r\n23.11.2026;Fallkonferenz;110;'=1+1\r\nSumme;;110;'=1+1\r\n"
	if file.Body != want || !strings.Contains(file.Header.Get("Content-Disposition"), "teilnahme-2026-4.csv") {
		t.Errorf("the file: %q", file.Body)
	}
	if a := s.as("Clara").get("/experts/" + ewald.String() + "/participation?quarter=2026-4"); !a.Has("1:50 h") {
		t.Errorf("the coordination's page: %d", a.Status)
	}
	if a := b.get("/me/participation?quarter=2026-3"); !a.Has("keine Teilnahme") {
		t.Errorf("another quarter: %d", a.Status)
	}
	if a := b.get("/me/participation?quarter=2026-04"); a.Status != http.StatusNotFound {
		t.Errorf("no quarter: %d", a.Status)
	}
	if q := expertpool.QuarterOf(s.clock.now()).String(); !page.Has("4. Quartal 2026") || q != "2026-4" {
		t.Error(q)
	}
}
