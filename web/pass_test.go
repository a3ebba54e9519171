package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
)

func TestAPlanIsPassedOnPageByPageAndToldOnReceiptAndLetters(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ctx, anna := t.Context(), s.people["Anna"]
	code := s.opened()
	caseID := query[uuid.UUID](s, `select case_id from conference where code = $1`, code)
	s.must(s.Plans.Answer(ctx, s.people["Ewald"], s.proposed(code, "Ewald"), true, ""))
	s.must(s.Conferences.End(ctx, s.people["Clara"], code))
	at := "/conferences/" + code
	b := s.as("Anna")
	if a := b.get(at + "/pass"); a.Status != http.StatusConflict {
		t.Errorf("before the approval: %d", a.Status)
	}
	s.must(s.Conferences.Minute(ctx, s.people["Clara"], code, "Beschluss."))
	s.must(s.Conferences.Approve(ctx, s.people["Clara"], code, ""))
	if a := b.get(at + "/pass"); a.Status != http.StatusOK || !a.Has("Der Plan darf an niemanden gehen.") {
		t.Errorf("without consent: %d", a.Status)
	}
	k := s.consentTo("psychiatry", "physiotherapy")
	k.Purposes, k.PlanTo = append(k.Purposes, casefile.PassPlan), []uuid.UUID{s.people["Bernd"].Organisation}
	s.must(s.Conferences.Grant(ctx, anna, caseID, k))
	if a := b.get(at); !a.Has("Plan weitergeben") {
		t.Error("the conference does not offer it")
	}
	page := b.get(at + "/pass")
	if page.Status != http.StatusOK || !page.Has("Bergedorf") || !page.Has("Arbeitserprobung beginnen") || !page.Has("Psychiatrie") {
		t.Fatalf("the form: %d", page.Status)
	}
	form := typed("recipient", s.people["Bernd"].Organisation.String(), "measures", query[uuid.UUID](s, `select id from measure`).String())
	s.unchanged("not having read it", func() {
		if a := b.post(at+"/pass", form); a.Status != http.StatusUnprocessableEntity || !a.Has("Bitte bestätigen Sie, dass Sie gelesen haben") {
			t.Errorf("not read: %d", a.Status)
		}
		for _, who := range []string{"Bernd", "Clara", "Ewald", "Rosa", "Quirin"} {
			if a := s.as(who).post(at+"/pass", form); a.Status != http.StatusNotFound && a.Status != http.StatusForbidden {
				t.Errorf("%s passes it on: %d", who, a.Status)
			}
		}
	})
	form.Set("read", "yes")
	made := b.post(at+"/pass", form)
	own := query[string](s, `select pseudonym from plan_pass`)
	if made.Status != http.StatusOK || !made.Has(own) || !made.Has("Die Weitergabe ist festgehalten.") || strings.Contains(made.Body[strings.Index(made.Body, "<article"):], code) {
		t.Fatalf("passed on: %d at %s", made.Status, made.Path)
	}
	if a := b.get(made.Path + "/file"); a.Status != http.StatusOK || !a.Has(`"responsible": "psychiatry"`) || a.Has(code) || !strings.Contains(a.Header.Get("Content-Disposition"), strings.ToLower(own)) {
		t.Errorf("the file: %d, %s", a.Status, a.Body)
	}
	in := "/cases/" + caseID.String()
	if a := b.get(in + "/access-log"); !a.Has(own) || !a.Has("Anna Amt") {
		t.Errorf("the access report: %d", a.Status)
	}
	if a := b.get(in + "/access-log?for=client"); !a.Has(own) || strings.Contains(a.Body[strings.Index(a.Body, "<article"):], "Anna Amt") {
		t.Errorf("the access report for the client: %d", a.Status)
	}
	token, err := s.Cases.NewClientLink(ctx, anna, caseID)
	s.must(err)
	if a := s.visitor().get("/client/" + token); !a.Has("Wohin mein Plan gegangen ist") || !a.Has("Bergedorf") {
		t.Errorf("the client's page: %d", a.Status)
	}
	_, err = s.Conferences.Withdraw(ctx, anna, caseID)
	s.must(err)
	if a := b.get(in + "/receipt"); a.Status != http.StatusOK || !a.Has(own) || !a.Has("Bergedorf") {
		t.Errorf("the receipt: %d", a.Status)
	}
	if a := b.get(in + "/letters"); a.Status != http.StatusOK || !a.Has(own) || !a.Has("Bitte löschen Sie den Plan") {
		t.Errorf("the letters: %d", a.Status)
	}
	if a := b.get(made.Path); a.Status != http.StatusConflict && a.Status != http.StatusGone && a.Status != http.StatusForbidden {
		t.Errorf("what went out, after the withdrawal: %d", a.Status)
	}
}
