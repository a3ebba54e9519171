package conference

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// shutTo is the rule that stands between somebody and a conference; "" when she reads its case, "gone" when there is none for her.
func (h *house) shutTo(by account.Actor, code string) string {
	h.t.Helper()
	v, err := h.s.ByCode(h.t.Context(), by, code)
	if errors.Is(err, account.ErrNotFound) {
		return "gone"
	}
	h.must(err)
	if (v.Summary == nil) != (v.Shut != "") {
		h.t.Errorf("%s: the case is shut by %q, and its summary is there: %v", by.Name, v.Shut, v.Summary != nil)
	}
	return v.Shut
}

func (h *house) mails(kind string) int {
	h.t.Helper()
	return get[int](h, `select count(*)::int from message_out where kind = $1`, kind)
}

func TestWhoIsTakenOutOfTheCircleIsOutOfTheRoomAndGetsANeutralCancellation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		narrow func(*house, *casefile.Consent)
		stays  []string // of the experts
	}{
		{"her discipline", func(h *house, c *casefile.Consent) { c.Circle = []string{"occupational_medicine"} }, []string{"Reimann"}},
		{"she herself", func(h *house, c *casefile.Consent) { c.Excluded = []uuid.UUID{h.experts["Kern"].ID} }, []string{"Reimann"}},
		{"the organisation", func(h *house, c *casefile.Consent) { c.Organisations = []uuid.UUID{h.caseworker.Organisation} }, nil},
	} {
		h, ctx := newHouse(t), t.Context()
		code, caseID := h.convene("Kern", "Reimann")
		wide := h.consent("psychiatry", "occupational_medicine")
		wide.Organisations = append(wide.Organisations, h.caseworker.Organisation)
		h.must(h.s.Grant(ctx, h.caseworker, caseID, wide))
		h.exec(`update message_out set state = 'sent', sent_at = now()`)
		h.accept(code, "Kern", "Reimann")
		h.open(code)
		kern := h.experts["Kern"]
		if got := h.shutTo(kern, code); got != "" {
			t.Fatalf("%s: shut by %q before", c.what, got)
		}
		small := wide
		c.narrow(h, &small)
		h.must(h.s.Narrow(ctx, h.caseworker, caseID, small))
		reasons, err := h.s.Stay(ctx, h.idOf(code), []Presence{{kern.ID, uuid.New()}})
		h.must(err)
		if got := h.shutTo(kern, code); got != "gone" || reasons[0] == "" {
			t.Errorf("%s: shut by %q, may stay: %q", c.what, got, reasons[0])
		}
		stay := []account.Actor{h.caseworker, h.coordinator}
		for _, name := range c.stays {
			stay = append(stay, h.experts[name])
		}
		for _, by := range stay {
			if got := h.shutTo(by, code); got != "" {
				t.Errorf("%s: %s is shut out by %q", c.what, by.Name, got)
			}
		}
		if n := h.mails("cancel"); n != 2-len(c.stays) {
			t.Errorf("%s: %d cancellations", c.what, n)
		}
		if _, err := h.s.OwnInvitation(ctx, kern, code); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: still invited: %v", c.what, err)
		}
	}
}

func TestWhoeverIsExcludedCannotBeInvitedAndNobodyIsToldWhy(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID := h.convene("Reimann")
	c := h.consent("psychiatry", "occupational_medicine")
	c.Excluded = []uuid.UUID{h.experts["Kern"].ID}
	h.must(h.s.Grant(ctx, h.caseworker, caseID, c))
	err := h.s.Invite(ctx, h.coordinator, code, []uuid.UUID{h.experts["Kern"].ID})
	var invalid *account.InvalidError
	if !errors.As(err, &invalid) || invalid.Rule != "not_for_case" {
		t.Errorf("invited: %v", err)
	}
}

func TestAConsentThatRunsOutShutsAtMidnightAndTheSweepCallsOffWhatWasPlanned(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	c := h.consent("psychiatry", "occupational_medicine")
	c.ValidUntil = expertpool.Today(h.clock)
	h.must(h.s.Grant(ctx, h.caseworker, caseID, c))
	h.accept(code, "Kern", "Reimann")
	h.exec(`update message_out set state = 'sent', sent_at = now()`)
	h.exec(`update conference set starts_at = starts_at + interval '2 days', ends_at = ends_at + interval '2 days'`)
	if n, err := h.s.SweepConsents(ctx, h.clock); n != 0 || err != nil {
		t.Errorf("%d ended before their time: %v", n, err)
	}
	h.clock = time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC) // midnight in Germany
	for _, by := range []account.Actor{h.experts["Kern"], h.caseworker, h.coordinator} {
		if got := h.shutTo(by, code); got != "consent_expired" {
			t.Errorf("%s: %q before any sweep", by.Name, got)
		}
	}
	for i, want := range []int{1, 0} {
		if n, err := h.s.SweepConsents(ctx, h.clock); n != want || err != nil {
			t.Errorf("sweep %d ended %d: %v", i, n, err)
		}
	}
	if got := h.state(code); got != Cancelled {
		t.Errorf("the conference is %s", got)
	}
	if n := h.mails("cancel"); n != 2 {
		t.Errorf("%d cancellations", n)
	}
}

func TestPresenceAndFollowUpAreAgreedToOneByOne(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, caseID, g, token := h.live()
	room := func() bool {
		r, err := h.s.RoomOf(ctx, h.idOf(code))
		h.must(err)
		return r.Open
	}
	if !room() {
		t.Fatal("the room is not open to guests before")
	}
	c := h.consent("psychiatry", "occupational_medicine")
	c.Purposes = slices.DeleteFunc(c.Purposes, func(p casefile.Purpose) bool { return p == casefile.Presence })
	h.must(h.s.Narrow(ctx, h.caseworker, caseID, c))
	if room() {
		t.Error("the room is open to guests without presence")
	}
	if got, err := h.s.GuestsStay(ctx, h.idOf(code), []uuid.UUID{g.ID}); err != nil || got[0] == "" {
		t.Errorf("a guest may stay without presence: %q, %v", got, err)
	}
	if _, err := h.s.EnterAsGuest(ctx, token, "phone"); !errors.Is(err, account.ErrClosed) {
		t.Errorf("a guest enters without presence: %v", err)
	}
	for _, kind := range GuestKinds {
		if _, _, err := h.s.AskGuest(ctx, h.caseworker, code, kind, true); ruleOf(err) != "no_presence" {
			t.Errorf("a link for %s without presence: %v", kind, err)
		}
	}
	if got := h.shutTo(h.experts["Kern"], code); got != "" {
		t.Errorf("the round is shut out by %q", got)
	}
}

// TestEveryReadOfACaseAsksTheGate calls whatever shows words of a case, for everybody who had a part in it, once the gate is shut: by
// a withdrawal, and by a term that is over, which nothing but the gate knows of.
func TestEveryReadOfACaseAsksTheGate(t *testing.T) {
	t.Parallel()
	for name, shut := range map[string]func(*house, uuid.UUID){
		"withdrawn": func(h *house, id uuid.UUID) {
			_, err := h.s.Withdraw(h.t.Context(), h.caseworker, id)
			h.must(err)
		},
		"expired": func(h *house, _ uuid.UUID) {
			h.exec(`update consent set valid_from = $1, valid_until = $1`, expertpool.Today(h.clock).AddDate(0, 0, -1))
		},
	} {
		h, ctx := newHouse(t), t.Context()
		code, caseID := h.convene("Kern", "Reimann")
		h.accept(code, "Kern", "Reimann")
		h.open(code)
		kern, today := h.experts["Kern"], expertpool.Today(h.clock)
		h.must(h.s.Joined(ctx, h.idOf(code), kern.ID))
		h.must(h.s.Propose(ctx, h.coordinator, code, "Probe der "+secretWord, kern.ID, today.AddDate(0, 0, 7), ""))
		measure := get[uuid.UUID](h, `select id from measure`)
		reads := map[string]func(account.Actor) error{
			"Enter":       func(by account.Actor) error { return second(h.s.Enter(ctx, by, code)) },
			"Minutes":     func(by account.Actor) error { _, _, err := h.s.Minutes(ctx, by, code); return err },
			"MinutesFile": func(by account.Actor) error { return second(h.s.MinutesFile(ctx, by, code)) },
			"History":     func(by account.Actor) error { return second(h.s.History(ctx, by, code)) },
			"NoteAt":      func(by account.Actor) error { return second(h.s.NoteAt(ctx, by, code, 1)) },
			"Previous":    func(by account.Actor) error { return second(h.s.Previous(ctx, by, code)) },
			"Information": func(by account.Actor) error { return second(h.s.Information(ctx, by, code)) },
			"Released":    func(by account.Actor) error { return second(h.cases.Released(ctx, h.db, caseID, by)) },
			"measure":     func(by account.Actor) error { return second(h.plans.View(ctx, by, measure)) },
			"Propose": func(by account.Actor) error {
				return h.s.Propose(ctx, by, code, "x", kern.ID, today.AddDate(0, 0, 7), "")
			},
			"Append":   func(by account.Actor) error { return h.s.Append(ctx, by, code, "decisions", "x") },
			"Answer":   func(by account.Actor) error { return h.plans.Answer(ctx, by, measure, true, "") },
			"Report":   func(by account.Actor) error { return h.s.Report(ctx, by, measure, "done", "") },
			"AskGuest": func(by account.Actor) error { _, _, err := h.s.AskGuest(ctx, by, code, GuestClient, true); return err },
		}
		shut(h, caseID)
		for _, by := range []account.Actor{kern, h.experts["Reimann"], h.coordinator, h.caseworker, h.foreign, h.stranger} {
			for what, read := range reads {
				if err := read(by); !errors.Is(err, account.ErrClosed) && !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
					t.Errorf("%s: %s by %s: %v", name, what, by.Name, err)
				}
			}
			if got := h.foundIn(by, secretWord); len(got) > 0 {
				t.Errorf("%s: %s finds %v", name, by.Name, got)
			}
			mine, err := h.plans.Mine(ctx, by)
			if len(mine) > 0 || err != nil {
				t.Errorf("%s: %s has %d measures: %v", name, by.Name, len(mine), err)
			}
			views, err := h.s.List(ctx, by)
			h.must(err)
			for _, v := range views {
				if v.Summary != nil || v.Measures != nil || by.Role == account.Expert && v.Question != "" {
					t.Errorf("%s: the list shows %s %+v", name, by.Name, v)
				}
			}
		}
	}
}
