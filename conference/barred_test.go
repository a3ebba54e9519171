package conference

import (
	"errors"
	"testing"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

func TestWhoCouldNotBeInvitedAnyMoreIsNamedBeforehandAndRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, kern, reimann := t.Context(), h.experts["Kern"], h.experts["Reimann"]
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	shaky := func(by account.Actor, want int) {
		t.Helper()
		found, err := h.s.Shaky(ctx, by)
		h.must(err)
		n := 0
		for _, c := range found {
			if c.Code == code {
				n = c.Experts
			}
		}
		if n != want || want == 0 && len(found) > 0 {
			t.Errorf("%s is told of %d experts, want %d", by.Name, n, want)
		}
	}
	shaky(h.coordinator, 0)
	h.exec(`update verification set valid_until = $1 where expert_id = $2`, expertpool.Today(h.clock).AddDate(0, 0, -1), kern.ID)
	h.exec(`update declaration_signature set version = 0 where expert_id = $1`, reimann.ID)
	shaky(h.coordinator, 2)
	shaky(kern, 0)
	shaky(h.stranger, 0)
	h.open(code)
	door := func(by account.Actor, want string) {
		t.Helper()
		if _, err := h.s.Enter(ctx, by, code); ruleOf(err) != want {
			t.Errorf("%s: %v", by.Name, err)
		}
	}
	door(kern, "not_vouched")
	door(reimann, "unsigned")
	door(h.coordinator, "")
	h.exec(`update verification set valid_until = $1 where expert_id = $2`, expertpool.Today(h.clock), kern.ID)
	door(kern, "")
	h.exec(`update verification set valid_until = $1 where expert_id = $2`, expertpool.Today(h.clock).AddDate(0, 0, -1), kern.ID)
	h.exec(`update seat set attended_at = $2 where account_id = $1`, kern.ID, h.clock)
	door(kern, "") // she was in the room already
	if _, err := h.s.Enter(ctx, h.stranger, code); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}
