package conference

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// rule is what an error says stood against it.
func rule(err error) string {
	var invalid *account.InvalidError
	var refused *account.RefusedError
	switch {
	case errors.As(err, &invalid):
		return invalid.Field + "." + invalid.Rule
	case errors.As(err, &refused):
		return refused.Rule
	case errors.Is(err, account.ErrNotFound):
		return "not_found"
	case err != nil:
		return err.Error()
	}
	return ""
}

// promises lets an expert promise something at the end of a conference that she takes part in, and returns the measure.
func (h *house) promises(name string) (string, uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	due := expertpool.Today(h.clock).AddDate(0, 0, 3)
	h.must(h.s.Propose(ctx, h.caseworker, code, "Belastung erproben", h.experts[name].ID, due, ""))
	m := get[uuid.UUID](h, `select id from measure where conference_code = $1`, code)
	h.must(h.plans.Answer(ctx, h.experts[name], m, true, ""))
	h.must(h.s.End(ctx, h.coordinator, code))
	return code, m
}

func TestWhoLeavesThePoolIsSeenOutAndNothingOfHersIsLeftOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	_, measure := h.promises("Kern")
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	for name, by := range map[string]account.Actor{"a caseworker": h.caseworker, "another network": h.stranger, "a colleague": h.experts["Reimann"]} {
		_, err := h.s.Leaving(ctx, by, kern.ID)
		if rule(err) != "not_found" || rule(h.s.LeavePool(ctx, by, kern.ID, HandOver{})) != "not_found" {
			t.Errorf("%s sees or does it: %v", name, err)
		}
	}
	l, err := h.s.Leaving(ctx, kern, kern.ID)
	h.must(err)
	if len(l.Seats) != 1 || l.Seats[0].Code != code || len(l.Measures) != 1 || l.Measures[0].ID != measure || l.Measures[0].Heirs[0].ID != h.caseworker.ID {
		t.Fatalf("open: %+v", l)
	}
	h.must(h.s.LeavePool(ctx, kern, kern.ID, HandOver{Measures: map[uuid.UUID]uuid.UUID{measure: h.experts["Reimann"].ID}})) // which is not hers to say
	if open := get[int](h, `select count(*) from invitation i join conference c on c.id = i.conference_id where i.account_id = $1 and c.code = $2 and i.state <> 'cancelled'`, kern.ID, code); open != 0 {
		t.Error("she is still invited")
	}
	if h.mails("seat_free") != 1 {
		t.Errorf("%d mails that a seat is free", h.mails("seat_free"))
	}
	waiting, err := h.plans.Mine(ctx, h.caseworker)
	h.must(err)
	if len(waiting) != 1 || waiting[0].ID != measure || waiting[0].State != plan.Proposed || waiting[0].DueOn.Before(expertpool.Today(h.clock).AddDate(0, 0, 14)) {
		t.Errorf("the measure: %+v", waiting)
	}
	if _, err := h.accounts.ByID(ctx, kern.ID); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("her account: %v", err)
	}
	if got := rule(h.s.Invite(ctx, h.coordinator, code, []uuid.UUID{kern.ID})); got != "experts.left" {
		t.Errorf("invited again: %q", got)
	}
	if got := rule(h.s.LeavePool(ctx, h.coordinator, kern.ID, HandOver{})); got != "left_pool" {
		t.Errorf("left twice: %q", got)
	}
	// What she had advised still comes to its end, though no mail reaches her.
	h.must(h.plans.Answer(ctx, h.caseworker, measure, true, ""))
	h.must(h.s.Report(ctx, h.caseworker, measure, plan.OutcomeDone, ""))
	h.must(h.s.Cancel(ctx, h.coordinator, code))
}

func TestACoordinatorHandsOverSeatsAndMeasures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	_, measure := h.promises("Kern")
	code, _ := h.convene("Kern")
	leave := func(substitute, heir uuid.UUID) error {
		return h.s.LeavePool(ctx, h.coordinator, kern.ID, HandOver{Seats: map[string]uuid.UUID{code: substitute}, Measures: map[uuid.UUID]uuid.UUID{measure: heir}})
	}
	h.exec(`update verification set valid_until = $1 where expert_id = $2`, expertpool.Today(h.clock).AddDate(0, 0, -1), h.experts["Voss"].ID)
	for what, c := range map[string]struct {
		substitute, heir uuid.UUID
		rule             string
	}{
		"a substitute whose check is over": {h.experts["Voss"].ID, h.caseworker.ID, "experts.verification_expired"},
		"a stranger":                       {h.stranger.ID, h.caseworker.ID, "experts.unknown"},
		"herself":                          {kern.ID, h.caseworker.ID, "already_invited"},
		"an heir who was not there":        {uuid.Nil, h.foreign.ID, "measures.unknown"},
	} {
		if got := rule(leave(c.substitute, c.heir)); got != c.rule {
			t.Errorf("%s: %q, want %q", what, got, c.rule)
		}
	}
	if get[bool](h, `select active from expert where account_id = $1`, kern.ID) != true {
		t.Fatal("half of it was done")
	}
	h.must(leave(h.experts["Reimann"].ID, uuid.Nil))
	if id := h.invitationOf(code, "Reimann"); id == uuid.Nil || h.mails("seat_free") != 0 {
		t.Error("nobody was asked in her place")
	}
	if state := get[string](h, `select state from measure where id = $1`, measure); state != "refused" {
		t.Errorf("what nobody takes over is %s", state)
	}
}

func TestNobodyIsInvitedWhoseStandingDoesNotAllowItThroughAnyDoor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, voss := t.Context(), h.experts["Voss"].ID
	planned, caseID := h.convene("Kern")
	doors := map[string]func() error{
		"convene": func() error {
			r, err := h.s.Submit(ctx, h.caseworker, Request{CaseID: caseID, Question: "Und jetzt?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "w"})
			h.must(err)
			_, err = h.s.Convene(ctx, h.coordinator, r, Panel{Experts: []uuid.UUID{h.experts["Kern"].ID, voss}, Starts: h.clock.Add(48 * time.Hour), Length: 25 * time.Minute})
			h.exec(`update conference_request set state = 'withdrawn' where id = $1 and state = 'submitted'`, r)
			return err
		},
		"invite": func() error { return h.s.Invite(ctx, h.coordinator, planned, []uuid.UUID{voss}) },
		"substitute": func() error {
			return h.s.LeavePool(ctx, h.coordinator, h.experts["Kern"].ID, HandOver{Seats: map[string]uuid.UUID{planned: voss}})
		},
	}
	for want, spoil := range map[string]string{
		"experts.verification_expired": `update verification set valid_until = '2026-11-23' where expert_id = $1`,
		"experts.not_verified":         `update verification set revoked_at = now(), revoked_by = expert_id where expert_id = $1`,
		"experts.declaration_missing":  `delete from declaration_signature where expert_id = $1`,
		"experts.no_address":           `update account set email = '' where id = $1`,
		"experts.left":                 `update expert set active = false, left_at = now() where account_id = $1`,
	} {
		h.exec(`update verification set valid_until = '2027-11-23', revoked_at = null, revoked_by = null where expert_id = $1`, voss)
		h.exec(`insert into declaration_signature select $1, 1, '', '', now() on conflict do nothing`, voss)
		h.exec(`update account set email = 'voss@konsil.test' where id = $1`, voss)
		h.exec(`update expert set active = true, left_at = null where account_id = $1`, voss)
		h.exec(spoil, voss)
		for door, through := range doors {
			if got := rule(through()); got != want {
				t.Errorf("%s: %q, want %q", door, got, want)
			}
		}
	}
	if n := get[int](h, `select count(*) from invitation where account_id = $1`, voss); n != 0 {
		t.Errorf("%d invitations", n)
	}
}
