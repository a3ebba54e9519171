package conference

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// live is a conference that has begun, with one guest's link.
func (h *house) live() (code string, caseID uuid.UUID, g Guest, token string) {
	h.t.Helper()
	code, caseID = h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	g, token, err := h.s.AskGuest(h.t.Context(), h.caseworker, code, GuestClient, true)
	h.must(err)
	return code, caseID, g, token
}

func (h *house) idOf(code string) uuid.UUID {
	h.t.Helper()
	return get[uuid.UUID](h, `select id from conference where code = $1`, code)
}

func TestALinkBelongsToTheFirstBrowserThatKnocks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, _, g, token := h.live()
	look, err := h.s.GuestLink(t.Context(), token, "scanner")
	h.must(err)
	if !look.Known || look.BoundAt != nil || look.Conference.Question != "" || look.Conference.OwnWish != "" {
		t.Errorf("looking: %+v", look)
	}
	var knocking sync.WaitGroup
	entries := make([]GuestEntry, 8)
	for i := range entries {
		knocking.Go(func() {
			var err error
			if entries[i], err = h.s.EnterAsGuest(t.Context(), token, string(rune('a'+i))); err != nil {
				t.Error(err)
			}
		})
	}
	knocking.Wait()
	known := 0
	persons := map[uuid.UUID]bool{}
	for _, e := range entries {
		persons[e.Person] = true
		if e.Known {
			known++
			if e.Person != g.ID {
				t.Error("the guest is somebody else")
			}
		}
	}
	if known != 1 || len(persons) != len(entries) {
		t.Errorf("%d browsers own the link, %d persons", known, len(persons))
	}
	for i, e := range entries {
		again, err := h.s.EnterAsGuest(t.Context(), token, string(rune('a'+i)))
		if err != nil || again.Known != e.Known || again.Person != e.Person {
			t.Errorf("browser %d is %v, was %v: %v", i, again.Person, e.Person, err)
		}
	}
	if e, err := h.s.EnterAsGuest(t.Context(), token, ""); err != nil || e.Known {
		t.Errorf("a browser without a secret is known: %v", err)
	}
	if _, err := h.s.EnterAsGuest(t.Context(), token+"A", "a"); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("another link: %v", err)
	}
}

func TestGuestsStayAsLongAsTheirLinkAndTheConsentStand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID, g, _ := h.live()
	other, _, err := h.s.AskGuest(ctx, h.coordinator, code, GuestInterpreter, true)
	h.must(err)
	stay := func(want ...string) {
		t.Helper()
		got, err := h.s.GuestsStay(ctx, h.idOf(code), []uuid.UUID{g.ID, other.ID, uuid.New()})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	stay("", "", "rights")
	for _, who := range []account.Actor{h.foreign, h.stranger, h.experts["Voss"]} {
		if err := h.s.RevokeGuest(ctx, who, code, other.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s takes a link back: %v", who.Name, err)
		}
	}
	if err := h.s.RevokeGuest(ctx, h.experts["Kern"], code, other.ID); !errors.Is(err, account.ErrDenied) {
		t.Errorf("an expert takes a link back: %v", err)
	}
	for range 2 {
		h.must(h.s.RevokeGuest(ctx, h.coordinator, code, other.ID))
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'revoke_guest'`); n != 1 {
		t.Errorf("taken back %d times on record", n)
	}
	stay("", "rights", "rights")
	h.must(h.s.RevokeGuest(ctx, h.caseworker, code, g.ID))
	if r, err := h.s.RoomOf(ctx, h.idOf(code)); err != nil || r.Open {
		t.Errorf("guests are foreseen without a link: %v", err)
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	stay("withdrawn", "withdrawn", "withdrawn")
	if _, _, err := h.s.AskGuest(ctx, h.caseworker, code, GuestClient, true); !errors.Is(err, account.ErrClosed) {
		t.Errorf("a guest without consent: %v", err)
	}
}

func TestTheRecordRemembersWhoWasRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _, _, _ := h.live()
	id, kern := h.idOf(code), h.experts["Kern"].ID
	for _, c := range []struct {
		did  string
		want bool
	}{{"admit", false}, {"remove", true}, {"return", true}, {"admit", false}, {"lock", false}, {"remove", true}} {
		h.must(h.s.RecordDeed(ctx, id, Deed{Did: c.did, By: h.coordinator.ID, To: kern}))
		if r, err := h.s.RoomOf(ctx, id); err != nil || r.Removed[kern] != c.want || !r.Open {
			t.Errorf("after %s: %+v, %v", c.did, r, err)
		}
	}
	if h.s.RecordDeed(ctx, id, Deed{Did: "applaud", By: h.coordinator.ID}) == nil {
		t.Error("an unknown deed is recorded")
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'room_remove' and object_id = $1`, kern.String()); n != 2 {
		t.Errorf("%d removals in the audit", n)
	}
}

func TestTheMinutesSayWhichGuestsCameAndWhoConfirmedTheRollCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _, g, token := h.live()
	id, kern := h.idOf(code), h.experts["Kern"].ID
	deed := func(d Deed) {
		h.t.Helper()
		h.clock = h.clock.Add(time.Minute)
		h.must(h.s.RecordDeed(ctx, id, d))
	}
	e, err := h.s.EnterAsGuest(ctx, token, "phone")
	h.must(err)
	h.must(h.s.Joined(ctx, id, kern))
	h.must(h.s.Joined(ctx, id, h.experts["Reimann"].ID))
	deed(Deed{Did: "roll", By: h.coordinator.ID})
	deed(Deed{Did: "present", By: h.experts["Reimann"].ID, To: h.experts["Reimann"].ID}) // of a call that was made anew
	h.must(h.s.GuestJoined(ctx, g.ID))
	came := h.clock
	deed(Deed{Did: "roll", By: h.coordinator.ID})
	called := h.clock
	deed(Deed{Did: "present", By: kern, To: kern})
	deed(Deed{Did: "present", To: e.Person, Guest: g.ID})
	deed(Deed{Did: "remove", By: h.coordinator.ID, To: kern})
	h.must(h.s.GuestLeft(ctx, g.ID))
	left := h.clock
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.caseworker, code, "Drei Stunden."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	file, err := h.s.MinutesFile(ctx, h.caseworker, code)
	h.must(err)
	p, err := VerifyMinutes(file)
	h.must(err)
	if at := p.Body.RollAt; at == nil || !at.Equal(called) {
		t.Errorf("the roll was called at %v, not %v", at, called)
	}
	of := func(name string) MinutePerson {
		i := slices.IndexFunc(p.Body.People, func(m MinutePerson) bool { return m.Name == name })
		if i < 0 {
			t.Fatalf("%q is not in %+v", name, p.Body.People)
		}
		return p.Body.People[i]
	}
	if k := of("Dr. Kern"); k.ConfirmedAt == nil || !k.ConfirmedAt.Equal(called.Add(time.Minute)) || k.RemovedAt == nil {
		t.Errorf("who confirmed and was removed: %+v", k)
	}
	if r := of("Dr. Reimann"); r.ConfirmedAt != nil || r.RemovedAt != nil {
		t.Errorf("who confirmed the call before: %+v", r)
	}
	if m := of(""); m.Part != guestPart || m.Guest != GuestClient || m.ConfirmedAt == nil || !m.From.Equal(came) || !m.Until.Equal(left) {
		t.Errorf("the guest: %+v", m)
	}
}
