package conference

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// yes answers an invitation without declaring anything.
func (h *house) yes(code, name string) {
	h.t.Helper()
	id, err := h.s.OwnInvitation(h.t.Context(), h.experts[name], code)
	h.must(err)
	h.must(h.s.Answer(h.t.Context(), h.experts[name], id, get[int](h, `select sequence from invitation where id = $1`, id), Accepted, ""))
}

// shut is why the case is shut to somebody; "" while she reads it. What is shut must not say a word of it.
func (h *house) shut(by account.Actor, code string) string {
	h.t.Helper()
	v, err := h.s.ByCode(h.t.Context(), by, code)
	h.must(err)
	if (v.Shut == "") != (v.Summary != nil) || v.Shut != "" && v.Part == ExpertPart && v.Question+v.OwnWish != "" {
		h.t.Errorf("shut by %q, and shows %+v %q", v.Shut, v.Summary, v.Question)
	}
	return v.Shut
}

func TestTheCaseOpensOnlyAfterTheExpertHasSaidThatThereIsNoTie(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	kern := h.experts["Kern"]
	if got := h.shut(kern, code); got != "not_accepted" {
		t.Errorf("before the answer: %q", got)
	}
	h.yes(code, "Kern")
	if got := h.shut(kern, code); got != "undeclared" {
		t.Errorf("before the declaration: %q", got)
	}
	if err := h.s.Declare(ctx, kern, code, "perhaps"); ruleOf(err) == "" && err == nil {
		t.Error("an unknown declaration counts")
	}
	for name, who := range map[string]account.Actor{"the moderator": h.coordinator, "the caseworker": h.caseworker} {
		if err := h.s.Declare(ctx, who, code, NoTie); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s was let declare: %v", name, err)
		}
		if got := h.shut(who, code); got != "" {
			t.Errorf("%s is asked: %q", name, got)
		}
	}
	for name, who := range map[string]account.Actor{"another Jobcenter": h.foreign, "another network": h.stranger, "an expert who was not asked": h.experts["Voss"]} {
		if err := h.s.Declare(ctx, who, code, Knows); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.must(h.s.Declare(ctx, kern, code, NoTie))
	if got := h.shut(kern, code); got != "" {
		t.Errorf("after the declaration: %q", got)
	}
	at := get[time.Time](h, `select declared_at from invitation where account_id = $1`, kern.ID)
	h.clock = h.clock.Add(time.Minute)
	h.must(h.s.Declare(ctx, kern, code, NoTie)) // pressing again changes nothing
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(24*time.Hour), 25*time.Minute))
	h.yes(code, "Kern")
	if got := h.shut(kern, code); got != "" || !get[time.Time](h, `select declared_at from invitation where account_id = $1`, kern.ID).Equal(at) {
		t.Errorf("asked anew for another date: %q", got)
	}
}

func TestUndeclaredNobodyEntersSearchesOrProposes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Reimann")
	h.yes(code, "Kern")
	h.open(code)
	kern := h.experts["Kern"]
	if _, err := h.s.Enter(ctx, kern, code); ruleOf(err) != "undeclared" {
		t.Errorf("enter: %v", err)
	}
	if err := h.s.Propose(ctx, kern, code, "Etwas", kern.ID, h.clock.AddDate(0, 0, 7), ""); ruleOf(err) != "undeclared" {
		t.Errorf("propose: %v", err)
	}
	if _, err := h.s.History(ctx, kern, code); ruleOf(err) != "undeclared" {
		t.Errorf("notes: %v", err)
	}
	if hits, err := h.s.Search(ctx, kern, secretWord); err != nil || len(hits) > 0 {
		t.Errorf("search: %v, %v", hits, err)
	}
}

func TestWhoKnowsThePersonLeavesAndTheCoordinationIsToldNothingOfWhy(t *testing.T) {
	t.Parallel()
	for _, tie := range []Declaration{Knows, Treats, Conflict} {
		t.Run(string(tie), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			ctx := t.Context()
			code, _ := h.convene("Kern", "Reimann")
			h.accept(code, "Kern", "Reimann")
			if got := h.state(code); got != Quorate {
				t.Fatalf("before: %s", got)
			}
			kern := h.experts["Kern"]
			h.must(h.s.Declare(ctx, kern, code, tie)) // recognised late: she had said none
			if got := h.state(code); got != Inviting {
				t.Errorf("the round is still %s", got)
			}
			if _, err := h.s.ByCode(ctx, kern, code); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("the conference is still hers: %v", err)
			}
			for _, a := range []Answer{Accepted, Tentative} {
				if err := h.s.Answer(ctx, kern, h.invitationOf(code, "Kern"), 0, a, ""); ruleOf(err) != "seat_left" {
					t.Errorf("she came back as %s: %v", a, err)
				}
			}
			letter := get[string](h, `select subject || body_text from message_out where kind = 'seat_free' and to_name = $1`, h.coordinator.Name)
			for _, word := range []string{secretWord, "Kern", "kenn", "behand", "Psych"} {
				if strings.Contains(letter, word) {
					t.Errorf("the mail says %q: %s", word, letter)
				}
			}
			h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(24*time.Hour), 25*time.Minute))
			if got := get[Answer](h, `select state from invitation where account_id = $1`, kern.ID); got != Declined {
				t.Errorf("she was asked again for another date: %s", got)
			}
			h.must(h.s.Uninvite(ctx, h.coordinator, code, kern.ID))
			h.must(h.s.Invite(ctx, h.coordinator, code, []uuid.UUID{kern.ID})) // the person wants her there: she is asked anew
			h.yes(code, "Kern")
			if got := h.shut(kern, code); got != "undeclared" {
				t.Errorf("invited anew: %q", got)
			}
		})
	}
}

func TestWhoRecognisesThePersonInTheRoomIsShownOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	kern := h.experts["Kern"]
	h.must(h.s.Propose(ctx, h.coordinator, code, "Etwas mit Orgeln.", kern.ID, h.clock.AddDate(0, 0, 7), ""))
	h.must(h.s.Declare(ctx, kern, code, Knows))
	mine, err := h.plans.Mine(ctx, kern)
	h.must(err)
	asked := get[uuid.UUID](h, `select id from measure`)
	if _, err := h.plans.View(ctx, kern, asked); len(mine) != 0 || !errors.Is(err, account.ErrNotFound) {
		t.Errorf("her measures are still hers: %v, %v", mine, err)
	}
	c, err := byCode(ctx, h.db, code)
	h.must(err)
	token := func(a account.Actor) Presence {
		s := uuid.New()
		h.exec(`insert into session (id, token_hash, account_id, method, factors, device, created_at, seen_at, proved_at, expires_at)
			values ($1, $2, $3, 'rehearsal', 2, '', $4, $4, $4, $5)`, s, s[:], a.ID, h.clock, h.clock.Add(time.Hour))
		return Presence{a.ID, s}
	}
	reasons, err := h.s.Stay(ctx, c.ID, []Presence{token(kern), token(h.experts["Reimann"])})
	h.must(err)
	if reasons[0] != "rights" || reasons[1] != "" {
		t.Errorf("the room says %q", reasons)
	}
}

func TestExpertsReadFromTheTimeOnThatWasSet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	kern := h.experts["Kern"]
	from := func(d time.Duration) *time.Time { at := h.clock.Add(d); return &at }
	for name, try := range map[string]struct {
		by   account.Actor
		from *time.Time
		want string
	}{
		"in the past": {h.coordinator, from(-time.Minute), "visible_from:future"}, "after the begin": {h.coordinator, from(3 * time.Hour), "visible_from:before_start"},
	} {
		var invalid *account.InvalidError
		if err := h.s.ShowFrom(ctx, try.by, code, try.from); !errors.As(err, &invalid) || invalid.Field+":"+invalid.Rule != try.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, who := range map[string]account.Actor{"the caseworker": h.caseworker, "an expert": kern, "another Jobcenter": h.foreign, "another network": h.stranger} {
		if err := h.s.ShowFrom(ctx, who, code, nil); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s set the time: %v", name, err)
		}
	}
	h.must(h.s.ShowFrom(ctx, h.coordinator, code, from(time.Hour)))
	if got := h.shut(kern, code); got != "not_yet" {
		t.Errorf("before the time: %q", got)
	}
	if got := h.shut(h.caseworker, code); got != "" {
		t.Errorf("the caseworker waits as well: %q", got)
	}
	h.clock = h.clock.Add(time.Hour)
	if got := h.shut(kern, code); got != "" {
		t.Errorf("at the time: %q", got)
	}
	h.must(h.s.ShowFrom(ctx, h.coordinator, code, from(30*time.Minute)))
	h.must(h.s.ShowFrom(ctx, h.coordinator, code, nil))
	if got := h.shut(kern, code); got != "" {
		t.Errorf("at once: %q", got)
	}
	h.open(code)
	if err := h.s.ShowFrom(ctx, h.coordinator, code, nil); ruleOf(err) != "not_planned" {
		t.Errorf("set while live: %v", err)
	}
}
