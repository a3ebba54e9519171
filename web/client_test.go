package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
)

func TestTheSheetIsPreparedPrintedSignedNarrowedAndNobodyElseTouchesIt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase()
	at, anna := "/cases/"+id.String(), s.as("Anna")
	if a := anna.get(at + "/consent/sheet"); a.Status != http.StatusConflict {
		t.Errorf("a sheet of nothing: %d", a.Status)
	}
	form := s.consentForm("psychiatry", "physiotherapy")
	form["purposes"] = []string{"conference", "presence"}
	form["profession_0"], form["holder_0"] = []string{"general_medicine"}, []string{"meine Hausärztin"}
	if a := anna.post(at+"/consent/ask", form); a.Path != at+"/consent/sheet" || !a.Has("Das Blatt ist vorbereitet.") || !a.Has("meine Hausärztin") {
		t.Fatalf("prepared: %d at %s", a.Status, a.Path)
	}
	for text, want := range map[string]string{"de": "Einwilligung in eine Fallkonferenz", "plain": "Darf man über mich sprechen?", "en": "Consent to a case conference", "xx": "Einwilligung in eine Fallkonferenz"} {
		if a := anna.get(at + "/consent/sheet?text=" + text); a.Status != http.StatusOK || !a.Has(want) || a.Has("Geheimniss") {
			t.Errorf("%s: %d", text, a.Status)
		}
	}
	if a := anna.post(at+"/consent", form); a.Status != http.StatusOK || !a.Has("Die Einwilligung ist eingetragen.") || !a.Has("Netz Nord") {
		t.Fatalf("signed: %d", a.Status)
	}
	s.unchanged("others", func() {
		for _, who := range []string{"Bernd", "Clara", "Ewald", "Quirin", "Rosa", "Theo"} {
			b := s.as(who)
			for _, path := range []string{"/consent/sheet", "/narrow", "/letters"} {
				if a := b.get(at + path); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
					t.Errorf("%s gets %s: %d", who, path, a.Status)
				}
			}
			for _, path := range []string{"/consent/ask", "/narrow", "/client-link"} {
				if a := b.post(at+path, fitting("/cases/:id"+path, form)); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
					t.Errorf("%s posts %s: %d", who, path, a.Status)
				}
			}
		}
	})
	if a := anna.get(at + "/narrow"); a.Status != http.StatusOK || !a.Has("Frieda Physio") || !a.Has("Psychiatrie") {
		t.Errorf("narrowing is not offered: %d", a.Status)
	}
	s.unchanged("more than there was", func() {
		if a := anna.post(at+"/narrow", s.consentForm("psychiatry", "neurology")); a.Status != http.StatusUnprocessableEntity || !a.Has("Hier kann nur etwas wegfallen.") {
			t.Errorf("widened: %d", a.Status)
		}
		if a := anna.post(at+"/narrow", s.consentForm()); a.Status != http.StatusUnprocessableEntity || !a.Has("ist es ein Widerruf") {
			t.Errorf("nothing left: %d", a.Status)
		}
	})
	if a := anna.post(at+"/narrow", s.consentForm("psychiatry")); a.Status != http.StatusOK || !a.Has("Die Einwilligung ist eingeschränkt.") || a.Has("Physiotherapie,") || a.Has("meine Hausärztin") {
		t.Errorf("narrowed: %d", a.Status)
	}
}

func TestTheClientWithdrawsByHerLinkOnceAndTheLettersNameNoCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	if a := s.as("Ewald").get("/conferences/" + code); !a.Has("fährt Rad") {
		t.Fatal("nobody has seen anything")
	}
	at, anna := "/cases/"+query[uuid.UUID](s, `select case_id from conference where code = $1`, code).String(), s.as("Anna")
	made := anna.post(at+"/client-link", typed("text", "plain"))
	_, after, _ := strings.Cut(made.Body, s.URL+"/client/")
	token, _, _ := strings.Cut(after, "<")
	if made.Status != http.StatusOK || len(token) != 26 {
		t.Fatalf("the link: %d, %q", made.Status, token)
	}
	phone := s.visitor()
	s.unchanged("looking, and not being sure", func() {
		if a := phone.get("/client/" + token); a.Status != http.StatusOK || !a.Has("Psychiatrie") || !a.Has("Amt") || a.Has("fährt Rad") || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("the client's page: %d, %v", a.Status, a.Header)
		}
		if a := phone.post("/client/"+token, nil); a.Status != http.StatusUnprocessableEntity || !a.Has("Bitte bestätigen Sie") {
			t.Errorf("without the tick: %d", a.Status)
		}
		for _, dead := range []string{"/client/" + token + "A", "/client/x"} {
			if a := phone.post(dead, typed("sure", "yes")); a.Status != http.StatusNotFound {
				t.Errorf("a link that is none: %d", a.Status)
			}
		}
	})
	if a := phone.post("/client/"+token, typed("sure", "yes")); a.Status != http.StatusOK || !a.Has("Ihre Einwilligung ist widerrufen") || !a.Has("Dr. Ewald Psych") {
		t.Errorf("withdrawn: %d", a.Status)
	}
	if a := phone.post("/client/"+token, typed("sure", "yes")); a.Status != http.StatusConflict {
		t.Errorf("withdrawn twice: %d", a.Status)
	}
	pseudonym := query[string](s, `select pseudonym from case_file`)
	if a := anna.get(at + "/letters"); a.Status != http.StatusOK || !a.Has("Dr. Ewald Psych") || !a.Has(code) || strings.Contains(a.Body[strings.Index(a.Body, "<article"):], pseudonym) {
		t.Errorf("the letters: %d", a.Status)
	}
}

func TestTheClientTakesPartOfHerConsentBackByHerLink(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ctx, anna := t.Context(), s.people["Anna"]
	code := s.opened()
	caseID := query[uuid.UUID](s, `select case_id from conference where code = $1`, code)
	k := s.consentTo("psychiatry", "physiotherapy")
	k.Purposes, k.PlanTo = append(k.Purposes, casefile.PassPlan, casefile.Profile), []uuid.UUID{s.people["Bernd"].Organisation}
	k.Organisations = append(k.Organisations, s.people["Bernd"].Organisation)
	k.Releases = []casefile.SecrecyRelease{{Profession: "general_medicine", Holder: "meine Hausärztin"}}
	s.must(s.Conferences.Grant(ctx, anna, caseID, k))
	token, err := s.Cases.NewClientLink(ctx, anna, caseID)
	s.must(err)
	at, phone, ewald := "/client/"+token, s.visitor(), s.as("Ewald")
	if a := phone.get(at); a.Status != http.StatusOK || !a.Has("Nur einen Teil zurücknehmen") || !a.Has("Bergedorf") {
		t.Fatalf("her page: %d", a.Status)
	}
	pool, other := s.people["Clara"].Organisation.String(), s.people["Bernd"].Organisation.String()
	keep := typed("purposes", "conference", "purposes", "follow_up", "purposes", "pass_plan", "circle", "physiotherapy", "organisations", pool, "plan_to", other)
	s.unchanged("more than there was, or nothing at all", func() {
		wide := typed("purposes", "conference", "purposes", "risk", "circle", "physiotherapy", "organisations", pool)
		if a := phone.post(at+"/narrow", wide); a.Status != http.StatusUnprocessableEntity || !a.Has("Hier kann nur etwas wegfallen.") {
			t.Errorf("widened: %d", a.Status)
		}
		if a := phone.post(at+"/narrow", typed("purposes", "conference", "organisations", pool)); a.Status != http.StatusUnprocessableEntity || !a.Has("ist es ein Widerruf") {
			t.Errorf("nobody left: %d", a.Status)
		}
		if a := phone.post("/client/x/narrow", keep); a.Status != http.StatusNotFound {
			t.Errorf("a link that is none: %d", a.Status)
		}
	})
	if a := ewald.get("/conferences/" + code); !a.Has("fährt Rad") {
		t.Fatal("the expert reads nothing before")
	}
	a := phone.post(at+"/narrow", keep)
	if a.Status != http.StatusOK || !a.Has("eingeschränkt") || a.Has("Ich komme selbst dazu") || a.Has("Das ICF-Profil") || a.Has("meine Hausärztin") || len(a.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("narrowed: %d", a.Status)
	}
	if a := ewald.get("/conferences/" + code); a.Has("fährt Rad") {
		t.Errorf("who is out of the circle still reads: %d", a.Status)
	}
	if n := query[int](s, `
		select count(*)::int from consent k where narrowed_at is not null and circle = '{physiotherapy}' and organisations = array[$1::uuid] and plan_to = array[$2::uuid]
			and purposes = '{conference,follow_up,pass_plan}' and not exists (select from secrecy_release r where r.consent_id = k.id and r.ended_at is null)`, pool, other); n != 1 {
		t.Error("the consent says something else")
	}
	if n := query[int](s, `select count(*)::int from audit.entry where action = 'narrow_consent' and actor_role = 'client' and case_id = $1`, caseID); n != 1 {
		t.Errorf("it is recorded %d times", n)
	}
	keep.Del("plan_to")
	if a := phone.post(at+"/narrow", keep); a.Status != http.StatusOK || a.Has("Der Plan darf an die genannten Stellen gehen.") {
		t.Errorf("nobody gets the plan any more: %d", a.Status)
	}
	_, err = s.Conferences.WithdrawByLink(ctx, token)
	s.must(err)
	if a := phone.post(at+"/narrow", keep); a.Status < 400 || a.Status >= 500 {
		t.Errorf("narrowed after the withdrawal: %d", a.Status)
	}
}

func TestTheSheetDoesNotPromiseWhatNothingDoesYet(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at, anna := "/cases/"+s.newCase("psychiatry").String(), s.as("Anna")
	for text, says := range map[string][]string{
		"de":    {"(Das geschieht noch nicht.)", "(Das gibt es noch nicht.)"},
		"plain": {"Jetzt zählt noch niemand.", "Das gibt es noch nicht."},
		"en":    {"five people together (not done yet)", "five cases or more (not done yet)"},
	} {
		a := anna.get(at + "/consent/sheet?text=" + text)
		for _, one := range says {
			if !a.Has(one) {
				t.Errorf("%s: the sheet does not say %q", text, one)
			}
		}
	}
	if a := anna.get(at + "/consent"); strings.Count(a.Body, "bis dahin ist das Häkchen nur festgehalten") != 2 {
		t.Error("the form does not say it")
	}
}
