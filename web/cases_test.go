package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
)

func summaryForm() url.Values {
	return typed("situation", "Situation, neu.", "resources", "Ressourcen, neu.", "tried", "Versucht, neu.", "goals", "Ziele, neu.", "limits", "Grenzen, neu.")
}

func caseFormFull() url.Values {
	f := summaryForm()
	maps.Copy(f, typed("first_name", "Wilhelmine", "last_name", "Unverkennbar", "born", "1975-04-30", "number", "AZ-4711", "contact", "Telefon 0000"))
	return f
}

// with is the form with one field changed.
func with(f url.Values, name string, values ...string) url.Values {
	f = maps.Clone(f)
	f[name] = values
	return f
}

// wrongField is a form with one thing wrong.
type wrongField struct {
	field  string
	values []string
	says   string
}

// tryWrong sends each wrong form: it must come back with the field named, everything typed kept, and nothing changed.
func (s *testServer) tryWrong(b *browser, path, of string, full url.Values, wrong []wrongField) {
	s.t.Helper()
	for _, w := range wrong {
		name := fmt.Sprintf("%s %s=%.20q", path[strings.LastIndex(path, "/"):], w.field, w.values)
		sent := with(full, w.field, w.values...)
		s.unchanged(name, func() {
			a := b.post(path, sent)
			wantRefused(s.t, name, a, of+w.field, w.says)
			for field, values := range sent {
				for _, v := range values {
					if v != "" && utfOK(v) && !a.Has(v) {
						s.t.Errorf("%s: what was typed into %s is gone", name, field)
					}
				}
			}
		})
	}
}

// utfOK: broken text and control characters cannot come back as they were.
func utfOK(v string) bool { return !strings.Contains(v, "\x00") && utf8.ValidString(v) }

func long(n int) []string { return []string{strings.Repeat("ä", n)} }

const (
	missing = "Diese Angabe fehlt."
	tooLong = "Der Text ist zu lang."
	badText = "Der Text enthält Zeichen"
)

var summaryWrong = []wrongField{
	{"situation", nil, missing}, {"situation", []string{" \n "}, missing}, {"situation", long(3001), tooLong}, {"situation", []string{"a\x01b"}, badText},
	{"resources", nil, missing}, {"resources", long(2001), tooLong}, {"tried", nil, missing}, {"tried", long(2001), tooLong},
	{"goals", nil, missing}, {"goals", long(1001), tooLong}, {"limits", nil, missing}, {"limits", long(1001), tooLong},
}

func TestANewCaseWithAnythingWrongComesBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.tryWrong(s.as("Anna"), "/cases", "case-", caseFormFull(), append(slices.Clone(summaryWrong),
		wrongField{"first_name", nil, missing}, wrongField{"first_name", long(101), tooLong},
		wrongField{"last_name", []string{"  "}, missing}, wrongField{"last_name", long(101), tooLong},
		wrongField{"number", long(61), tooLong}, wrongField{"contact", long(301), tooLong},
		wrongField{"born", []string{"2199-01-01"}, "Bitte geben Sie ein Datum"}, wrongField{"born", []string{"30.4.1975"}, "Bitte geben Sie ein Datum"},
		wrongField{"born", []string{"1899-12-31"}, "Bitte geben Sie ein Datum"},
	))
}

func TestASummaryWithAnythingWrongComesBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.tryWrong(s.as("Anna"), "/cases/"+s.newCase().String()+"/summary", "", summaryForm(), summaryWrong)
}

func TestAConsentWithAnythingWrongComesBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	full := s.consentForm("psychiatry", "neurology")
	s.tryWrong(s.as("Anna"), "/cases/"+s.newCase().String()+"/consent", "", full, []wrongField{
		{"purposes", nil, "Ohne „Fallkonferenz“"}, {"organisations", nil, "mindestens eine Stelle"}, {"signed_on", nil, "Datum der Unterschrift"},
		{"explained", nil, "Ohne diese Bestätigung"}, {"circle", nil, "Bitte kreuzen Sie mindestens eine"},
		{"valid_until", nil, "Bitte wählen Sie einen Tag ab heute."}, {"valid_until", []string{"2026-11-22"}, "Bitte wählen Sie einen Tag ab heute."},
		{"valid_until", []string{"2029-01-01"}, "Länger als zwei Jahre"},
	})
	b, at := s.as("Anna"), "/cases/"+s.newCase().String()+"/consent"
	s.unchanged("an unknown discipline", func() {
		a := b.post(at, with(full, "circle", "alchemy"))
		wantRefused(t, "an unknown discipline", a, "circle", "Diese Auswahl gibt es nicht.")
	})
}

func TestACaseGoesFromTheFormToTheRequestAndTheNameStaysInTheVault(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Anna")
	if a := b.get("/cases"); !a.Has("Noch keine Fälle") {
		t.Error("an empty list does not say what to do")
	}
	made := b.post("/cases", caseFormFull())
	if made.Status != http.StatusOK || !made.Has("Der Fall ist angelegt.") || !made.Has("Entwurf, Fassung 1") {
		t.Fatalf("new case: %d at %s", made.Status, made.Path)
	}
	at := made.Path
	if a := b.post(at+"/check", typed("version", "1", "checked", "yes")); !a.Has("Die Fassung ist geprüft.") || !a.Has("geprüft, Fassung 1") {
		t.Errorf("check: %d", a.Status)
	}
	if a := b.get(at); a.Has("Fassung freigeben</button>") || !a.Has("eine zweite Person aus Ihrem Haus") {
		t.Error("the author is offered the release")
	}
	second := s.as("Doris")
	if a := second.get("/"); !a.Has("wartet auf Ihre Freigabe") {
		t.Error("the colleague is not told that a release waits for her")
	}
	if a := second.post(at+"/release", typed("version", "1", "checked", "yes")); !a.Has("Die Fassung ist freigegeben.") {
		t.Errorf("release: %d", a.Status)
	}
	if a := b.post(at+"/consent", s.consentForm("psychiatry")); !a.Has("Die Einwilligung ist eingetragen.") || !a.Has("30.06.2027") {
		t.Errorf("consent: %d", a.Status)
	}
	if a := b.post(at+"/request", askForm()); !a.Has("Die Anfrage ist bei der Koordination.") || !a.Has(`<h1 class="question">Passt eine Frage?</h1>`) {
		t.Errorf("request: %d", a.Status)
	}
	for _, page := range []string{"/", "/cases", "/cases/new", at, at + "/summary", at + "/consent", at + "/withdraw", at + "/identity", "/requests", "/experts", "/conferences", "/plan"} {
		if a := b.get(page); a.Status != http.StatusOK || a.Has("Unverkennbar") || a.Has("Wilhelmine") || a.Has("AZ-4711") {
			t.Errorf("%s answers %d, or names the person", page, a.Status)
		}
	}
	a := b.post(at+"/identity", typed("reason", "Rückruf vereinbart"))
	if !a.Has("Wilhelmine") || !a.Has("Unverkennbar") || !a.Has("30.04.1975") || a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the vault does not show the person")
	}
	if why := query[string](s, `select reason from audit.entry where action = 'reveal'`); why != "Rückruf vereinbart" {
		t.Errorf("recorded reason: %q", why)
	}
}

func TestTheVaultOpensOnlyWithAReason(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/cases/" + s.newCase().String() + "/identity"
	b := s.as("Anna")
	for _, w := range []wrongField{{"reason", nil, "Ohne Grund"}, {"reason", []string{" "}, "Ohne Grund"}, {"reason", long(501), tooLong}} {
		a := b.post(at, typed("reason", strings.Join(w.values, "")))
		wantRefused(t, "reason", a, "identity-reason", w.says)
		if a.Has("Geheimniss") {
			t.Error("the person is shown without a reason")
		}
	}
	if n := query[int](s, `select count(*) from audit.entry where action = 'reveal'`); n != 0 {
		t.Errorf("%d sightings recorded for nothing", n)
	}
}

func TestAReleaseNeedsTheTickAndTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, at := s.as("Anna"), "/cases/"+s.newCase().String()
	second := s.as("Doris")
	b.post(at+"/summary", summaryForm())
	wrong := func(who *browser, form string) {
		wantRefused(t, "no tick", who.post(at+"/"+form, typed("version", "2")), form+"-checked", "Bitte bestätigen Sie")
		for _, version := range []string{"1", "3", "0", "-2", "", "zwei", "99999999999999999999"} {
			if a := who.post(at+"/"+form, typed("version", version, "checked", "yes")); a.Status != http.StatusConflict || !a.Has("nicht mehr die neueste") {
				t.Errorf("%s of version %q: %d", form, version, a.Status)
			}
		}
	}
	s.unchanged("check", func() {
		wrong(b, "check")
		if a := second.post(at+"/release", typed("version", "2", "checked", "yes")); a.Status != http.StatusConflict || !a.Has("noch nicht geprüft") {
			t.Errorf("release of a draft: %d", a.Status)
		}
	})
	b.post(at+"/check", typed("version", "2", "checked", "yes"))
	s.unchanged("release", func() {
		wrong(second, "release")
		if a := second.get(at); !a.Has("Bis dahin gilt Fassung 1") {
			t.Error("the page does not say which version counts")
		}
		if a := b.post(at+"/release", typed("version", "2", "checked", "yes")); a.Status != http.StatusConflict || !a.Has("Das gibt jemand anderes frei") {
			t.Errorf("release by the author: %d", a.Status)
		}
	})
	if a := second.post(at+"/release", typed("version", "2", "checked", "yes")); a.Status != http.StatusOK || !a.Has("freigegeben, Fassung 2") {
		t.Errorf("release of the newest: %d", a.Status)
	}
}

func TestAReleaseStopsAtANameUntilItIsReplacedOrJustified(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, at := s.as("Anna"), "/cases/"+s.newCase().String()
	f := summaryForm()
	f.Set("situation", "geheimniss war seit März nicht da. Herr Övermöhle (IBAN DE89 3704 0044 0532 0130 00) hilft.")
	b.post(at+"/summary", f)
	a := b.get(at)
	for _, want := range []string{"<mark class=\"sure\">geheimniss</mark>", "gehört zur Person dieses Falls", "<mark class=\"sure\">Övermöhle</mark>", "Bankverbindung · die Prüfziffer stimmt"} {
		if !a.Has(want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	s.unchanged("check", func() {
		a := b.post(at+"/check", typed("version", "2", "checked", "yes"))
		wantRefused(t, "a name", a, "check-reason", "Der Text nennt wahrscheinlich eine Person")
	})
	if a := b.post(at+"/check", typed("version", "2", "checked", "yes", "reason", "Die Person will genannt werden.")); !a.Has("geprüft, Fassung 2") {
		t.Errorf("check with a reason: %d", a.Status)
	}
	second := s.as("Doris")
	if a := second.get(at); !a.Has("<mark class=\"sure\">Övermöhle</mark>") || !a.Has("„Die Person will genannt werden.“") {
		t.Error("the one who releases sees neither the findings nor the reason")
	}
	if a := second.post(at+"/release", typed("version", "2", "checked", "yes")); !a.Has("freigegeben, Fassung 2") {
		t.Errorf("release of what was justified: %d", a.Status)
	}
	if n := query[int](s, `select count(*) from audit.entry where action = 'check_summary' and reason = 'Die Person will genannt werden.'`); n != 1 {
		t.Errorf("the reason is recorded %d times", n)
	}
	f.Set("situation", "Die Person war länger nicht da. Ein Angehöriger hilft.")
	b.post(at+"/summary", f)
	if a := b.get(at); !a.Has("nichts gefunden") || a.Has("check-reason") {
		t.Error("a text without names is not said to be clean")
	}
	b.post(at+"/check", typed("version", "3", "checked", "yes"))
	if a := second.post(at+"/release", typed("version", "3", "checked", "yes")); !a.Has("freigegeben, Fassung 3") {
		t.Errorf("release without names: %d", a.Status)
	}
}

func TestAWithdrawalSaysWhatItWillDoThenSealsAndGivesAReceipt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(id)
	s.accept(code, "Ewald")
	s.as("Ewald").get("/conferences/" + code)
	b, at := s.as("Anna"), "/cases/"+id.String()
	s.unchanged("looking at the withdrawal", func() {
		if a := b.get(at + "/withdraw"); !a.Has("Die geplante Konferenz wird abgesagt.") || !a.Has("lässt sich nicht rückgängig machen") {
			t.Error("the page does not say what will happen")
		}
		if a := b.get(at + "/receipt"); a.Status != http.StatusConflict {
			t.Errorf("a receipt before the withdrawal: %d", a.Status)
		}
	})
	a := b.post(at+"/withdraw", nil)
	if a.Path != at+"/receipt" || !a.Has("Quittung über den Widerruf") || !a.Has("Dr. Ewald Psych") || !a.Has("Die Einwilligung ist widerrufen.") {
		t.Fatalf("withdrawal: %d at %s", a.Status, a.Path)
	}
	if a := b.get(at); a.Has("Rücken und Panik") || !a.Has("Quittung ansehen") {
		t.Error("the sealed case still shows its summary, or hides the receipt")
	}
	for _, page := range []string{"/summary", "/consent", "/withdraw", "/request"} {
		if a := b.get(at + page); a.Status != http.StatusGone || a.Has("Rücken und Panik") {
			t.Errorf("%s of a sealed case answers %d", page, a.Status)
		}
	}
	s.unchanged("working on a sealed case", func() {
		for page, f := range map[string]url.Values{"/summary": summaryForm(), "/check": typed("version", "1", "checked", "yes"), "/release": typed("version", "1", "checked", "yes"), "/request": askForm(), "/withdraw": nil,
			"/consent": typed("circle", "psychiatry", "valid_until", "2027-06-30", "explained", "yes")} {
			if a := b.post(at+page, f); a.Status != http.StatusGone && a.Status != http.StatusConflict {
				t.Errorf("POST %s of a sealed case answers %d", page, a.Status)
			}
		}
	})
	if a := s.as("Clara").get("/requests"); a.Has("Wie viele Stunden") {
		t.Error("the list of requests still shows the question")
	}
}

func TestWithoutAConsentThereIsNothingToWithdraw(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, at := s.as("Anna"), "/cases/"+s.newCase().String()+"/withdraw"
	s.unchanged("withdraw", func() {
		if a := b.get(at); a.Status != http.StatusConflict {
			t.Errorf("GET answers %d", a.Status)
		}
		if a := b.post(at, nil); a.Status != http.StatusConflict {
			t.Errorf("POST answers %d", a.Status)
		}
	})
}

func TestNobodyElseReachesACase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at := "/cases/" + s.newCase("psychiatry").String()
	forms := map[string]url.Values{
		"/summary": summaryForm(), "/check": typed("version", "1", "checked", "yes"), "/release": typed("version", "1", "checked", "yes"), "/withdraw": nil, "/identity": typed("reason", "Neugier"), "/request": askForm(),
		"/consent": typed("circle", "psychiatry", "valid_until", "2027-06-30", "explained", "yes"),
	}
	pages := []string{"", "/summary", "/consent", "/withdraw", "/receipt", "/identity", "/request"}
	for _, who := range []string{"Bernd", "Quirin", "Clara", "Rosa", "Ewald", "Theo"} {
		b := s.as(who)
		s.unchanged(who, func() {
			for _, page := range pages {
				if a := b.get(at + page); a.Status != http.StatusNotFound {
					t.Errorf("%s: GET %s answers %d", who, page, a.Status)
				}
			}
			for page, f := range forms {
				if a := b.post(at+page, f); a.Status != http.StatusNotFound || a.Has("Geheimniss") {
					t.Errorf("%s: POST %s answers %d", who, page, a.Status)
				}
			}
		})
	}
	s.unchanged("a stranger", func() {
		for page, f := range forms {
			if a := s.visitor().post(at+page, f); a.Path != "/" {
				t.Errorf("a stranger: POST %s ends at %s", page, a.Path)
			}
		}
	})
}

func TestOnlyCaseworkersMakeCases(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for _, who := range []string{"Clara", "Ewald"} {
		b := s.as(who)
		s.unchanged(who, func() {
			if get, post := b.get("/cases/new"), b.post("/cases", caseFormFull()); get.Status != http.StatusNotFound || post.Status != http.StatusNotFound {
				t.Errorf("%s: %d, %d", who, get.Status, post.Status)
			}
		})
	}
}

func TestAnIdThatIsNoneLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase()
	anna, clara := s.as("Anna"), s.as("Clara")
	for _, typed := range []string{"1", "%00", strings.ToUpper(id.String()), "{" + id.String() + "}", "urn:uuid:" + id.String(), strings.ReplaceAll(id.String(), "-", ""),
		uuid.Nil.String(), uuid.NewString(), id.String() + "0"} {
		for _, page := range []string{"", "/summary", "/consent", "/identity", "/withdraw", "/receipt", "/request"} {
			if a := anna.get("/cases/" + typed + page); a.Status != http.StatusNotFound || !a.Has("Diese Seite gibt es nicht") {
				t.Errorf("/cases/%s%s answers %d", typed, page, a.Status)
			}
		}
		if a := clara.get("/requests/" + typed); a.Status != http.StatusNotFound {
			t.Errorf("/requests/%s answers %d", typed, a.Status)
		}
	}
}
