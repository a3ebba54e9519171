package conference

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// letPass lets the plan of a case go to organisations.
func (h *house) letPass(id uuid.UUID, to ...uuid.UUID) casefile.Consent {
	h.t.Helper()
	c := h.consent("psychiatry", "occupational_medicine")
	c.Purposes, c.PlanTo = append(c.Purposes, casefile.PassPlan), to
	h.must(h.s.Grant(h.t.Context(), h.caseworker, id, c))
	return c
}

// agreed is a conference whose minutes are approved, with one promise of Kern's that names everybody.
func (h *house) agreed() (code string, caseID, measure uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	code, caseID = h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	what := "Erprobung für Frau Mustermann bei Jana Brandt und Dr. Voss, Tel. 03984 551200, Fall " + code + ", vormittags"
	h.must(h.s.Propose(ctx, h.caseworker, code, what, h.experts["Kern"].ID, h.clock.AddDate(0, 0, 20), "Ausnahme"))
	h.must(h.s.Propose(ctx, h.caseworker, code, "Nicht zugesagt", h.experts["Reimann"].ID, h.clock.AddDate(0, 0, 20), ""))
	measure = get[uuid.UUID](h, `select id from measure where responsible_id = $1`, h.experts["Kern"].ID)
	h.must(h.plans.Answer(ctx, h.experts["Kern"], measure, true, ""))
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.coordinator, code, "Beschluss."))
	h.must(h.s.Approve(ctx, h.coordinator, code, "Ausnahme"))
	return code, caseID, measure
}

func TestAPlanGoesOutWithoutNamesUnderAPseudonymOfTheRecipientAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id, measure := h.agreed()
	to := h.foreign.Organisation
	h.letPass(id, to, h.coordinator.Organisation)
	give := Handover{Recipient: to, Measures: []uuid.UUID{measure}, Read: true}
	first, err := h.s.PassPlan(ctx, h.caseworker, code, give)
	h.must(err)
	made, err := h.s.PlanCopy(ctx, h.caseworker, code, first)
	h.must(err)
	raw, err := json.Marshal(made)
	h.must(err)
	for _, word := range []string{"Mustermann", "Brandt", "Voss", "Kern", "551200", code, get[string](h, `select pseudonym from case_file`), "Nicht zugesagt", secretWord, "Uhr", "T0"} {
		if strings.Contains(string(raw), word) {
			t.Errorf("%q goes out in %s", word, raw)
		}
	}
	if written, ok := pseudonym.Read(made.Pseudonym); !ok || written != made.Pseudonym || !strings.HasPrefix(made.Pseudonym, "E7-") {
		t.Errorf("the pseudonym %s has no check symbols", made.Pseudonym)
	}
	if len(made.Measures) != 1 || made.Measures[0].Responsible != "psychiatry" || !strings.Contains(made.Measures[0].What, "vormittags") ||
		!regexp.MustCompile(`^\d{4}-\d\d-\d\d$`).MatchString(made.Measures[0].DueOn) || made.Question != "" {
		t.Errorf("what goes out is %s", raw)
	}
	give.Question = true
	second, err := h.s.PassPlan(ctx, h.caseworker, code, give)
	h.must(err)
	again, err := h.s.PlanCopy(ctx, h.colleague, code, second)
	h.must(err)
	give.Recipient = h.coordinator.Organisation
	third, err := h.s.PassPlan(ctx, h.caseworker, code, give)
	h.must(err)
	other, err := h.s.PlanCopy(ctx, h.caseworker, code, third)
	h.must(err)
	if again.Pseudonym != made.Pseudonym || other.Pseudonym == made.Pseudonym || again.Question == "" {
		t.Errorf("pseudonyms %s and %s for one, %s for another", made.Pseudonym, again.Pseudonym, other.Pseudonym)
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'pass_plan' and case_id = $1 and actor_id = $2 and object_id in ($3, $4) and reason <> ''`,
		id, h.caseworker.ID, made.Pseudonym, other.Pseudonym); n != 3 {
		t.Errorf("%d of 3 are recorded", n)
	}
	d, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag")
	h.must(err)
	if said := h.said(d); !strings.Contains(said, "plan_pass") || !strings.Contains(said, made.Pseudonym) {
		t.Error("the disclosure does not tell of it")
	}
}

func TestNobodyButTheConsentsOrganisationsAreGivenAPlan(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id, measure := h.agreed()
	to := h.foreign.Organisation
	give := Handover{Recipient: to, Measures: []uuid.UUID{measure}, Read: true}
	shut := func(what, rule string) {
		t.Helper()
		_, err := h.s.PassPlan(ctx, h.caseworker, code, give)
		var refused *account.RefusedError
		if !errors.As(err, &refused) || refused.Rule != rule {
			t.Errorf("%s: %v, want %s", what, err, rule)
		}
	}
	shut("without the tick", "not_agreed")
	k := h.letPass(id, to)
	passed, err := h.s.PassPlan(ctx, h.caseworker, code, give)
	h.must(err)
	for who, a := range map[string]account.Actor{"the recipient": h.foreign, "the coordination": h.coordinator, "an expert": h.experts["Kern"], "a stranger": h.stranger} {
		if _, err := h.s.PassPlan(ctx, a, code, give); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s passes: %v", who, err)
		}
		if _, err := h.s.PlanCopy(ctx, a, code, passed); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s looks: %v", who, err)
		}
	}
	for field, bad := range map[string]Handover{
		"recipient": {Measures: give.Measures, Read: true}, "measures": {Recipient: to, Read: true}, "read": {Recipient: to, Question: true},
	} {
		var invalid *account.InvalidError
		if _, err := h.s.PassPlan(ctx, h.caseworker, code, bad); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	give.Recipient = h.coordinator.Organisation
	shut("an organisation that the sheet does not name", "not_in_circle")
	give.Recipient = to

	h.clock = h.clock.Add(time.Hour)
	k.Purposes, k.PlanTo = k.Purposes[:len(k.Purposes)-1], nil
	h.must(h.s.Narrow(ctx, h.caseworker, id, k))
	shut("narrowed", "not_agreed")
	closed := func(what string) {
		t.Helper()
		if _, err := h.s.PlanCopy(ctx, h.caseworker, code, passed); !errors.Is(err, account.ErrClosed) {
			t.Errorf("what went out is shown, %s: %v", what, err)
		}
	}
	closed("narrowed")
	h.letPass(id, to)
	if _, err := h.s.PlanCopy(ctx, h.caseworker, code, passed); err != nil {
		t.Errorf("agreed to again: %v", err)
	}
	day := h.clock
	h.clock = h.clock.AddDate(1, 0, 2)
	shut("expired", "consent_expired")
	closed("expired")
	h.clock = day
	_, err = h.s.Withdraw(ctx, h.caseworker, id)
	h.must(err)
	shut("withdrawn", "withdrawn")
	closed("withdrawn")
	if n := get[int](h, `select count(*) from plan_pass where body is not null`); n != 0 {
		t.Errorf("%d copies are kept after the withdrawal", n)
	}
	all, err := h.s.Passed(ctx, h.caseworker, id)
	h.must(err)
	if len(all) != 1 || all[0].By != h.caseworker.Name || all[0].Pseudonym == "" || all[0].Measures != 1 {
		t.Errorf("the receipt tells %+v", all)
	}
	h.sweep(8)
	if n := get[int](h, `select count(*) from plan_pass`); n != 0 {
		t.Errorf("%d lines outlive the case", n)
	}
}
