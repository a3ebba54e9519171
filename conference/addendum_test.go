package conference

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// endedHouse is a conference that has ended; Kern and the coordinator were there, Reimann accepted and did not come.
func endedHouse(t *testing.T) (*house, string, uuid.UUID) {
	t.Helper()
	h := newHouse(t)
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	conf := get[uuid.UUID](h, `select id from conference where code = $1`, code)
	for _, a := range []account.Actor{h.coordinator, h.experts["Kern"]} {
		h.must(h.s.Joined(t.Context(), conf, a.ID))
	}
	n, err := h.s.OpenNote(t.Context(), conf)
	h.must(err)
	h.must(h.s.WriteSections(t.Context(), n.ID, 0, map[string]string{"decisions": "Probearbeit."}))
	h.must(h.s.End(t.Context(), h.coordinator, code))
	return h, code, caseID
}

func (h *house) addenda() int { h.t.Helper(); return get[int](h, `select count(*) from note_addendum`) }

func TestWhoWasInTheRoomAddsWhatCameTooLate(t *testing.T) {
	t.Parallel()
	h, code, _ := endedHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	for range 2 { // the answer to the first may have been lost
		h.must(h.s.Append(ctx, kern, code, "assessment", " Nachmittags müde. "))
	}
	h.must(h.s.Append(ctx, h.coordinator, code, "assessment", "Nachmittags müde."))
	m, _, err := h.s.Minutes(ctx, h.caseworker, code)
	h.must(err)
	if a := m.Body.Addenda; len(a) != 2 || a[0].Name != "Dr. Kern" || a[0].Text != "Nachmittags müde." || a[0].Section != "assessment" ||
		!a[0].At.Equal(h.clock) || a[1].Name != "Karin Oelze" || len(m.Late) != 0 {
		t.Fatalf("in the draft: %+v, late %+v", a, m.Late)
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'append_note' and actor_id = $1`, kern.ID); n == 0 {
		t.Error("nobody recorded it")
	}
	if _, err := audit.Verify(ctx, h.db); err != nil {
		t.Error(err)
	}
}

func TestAnAddendumAfterTheApprovalStaysOutsideWhatIsSigned(t *testing.T) {
	t.Parallel()
	h, code, _ := endedHouse(t)
	ctx := t.Context()
	h.must(h.s.Append(ctx, h.experts["Kern"], code, "assessment", "Vor der Freigabe."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	before, err := h.s.MinutesFile(ctx, h.coordinator, code)
	h.must(err)
	h.must(h.s.Append(ctx, h.experts["Kern"], code, "dissent", "Nach der Freigabe.")) // the clock stands still
	after, err := h.s.MinutesFile(ctx, h.coordinator, code)
	h.must(err)
	p, err := VerifyMinutes(after)
	if err != nil || string(after) != string(before) || len(p.Body.Addenda) != 1 || p.Body.Addenda[0].Text != "Vor der Freigabe." {
		t.Errorf("the file says %+v, %v", p.Body.Addenda, err)
	}
	m, _, err := h.s.Minutes(ctx, h.experts["Kern"], code)
	h.must(err)
	if len(m.Body.Addenda) != 1 || len(m.Late) != 1 || m.Late[0].Text != "Nach der Freigabe." {
		t.Errorf("signed %+v, late %+v", m.Body.Addenda, m.Late)
	}
}

func TestAnAddendumIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	h, code, _ := endedHouse(t)
	kern := h.experts["Kern"]
	add := func(by account.Actor, section, text string) error {
		return h.s.Append(t.Context(), by, code, section, text)
	}
	var invalid *account.InvalidError
	for field, err := range map[string]error{
		"text":    add(kern, "assessment", strings.Repeat("ä", 2001)),
		"section": add(kern, "elsewhere", "x"),
	} {
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("wrong %s: %v", field, err)
		}
	}
	if err := add(kern, "assessment", " \n"); !errors.As(err, &invalid) || invalid.Rule != "required" {
		t.Errorf("nothing: %v", err)
	}
	for name, c := range map[string]struct {
		by   account.Actor
		want error
	}{
		"accepted and did not come": {h.experts["Reimann"], account.ErrDenied}, "leads the case and did not come": {h.caseworker, account.ErrDenied},
		"foreign organisation": {h.foreign, account.ErrNotFound}, "foreign network": {h.stranger, account.ErrNotFound}, "not asked": {h.experts["Voss"], account.ErrNotFound},
	} {
		if err := add(c.by, "assessment", "x"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := h.addenda(); n != 0 {
		t.Fatalf("%d were taken", n)
	}
	h.clock = h.clock.Add(24 * time.Hour)
	h.must(add(kern, "assessment", strings.Repeat("ä", 2000)))
	h.clock = h.clock.Add(time.Minute)
	if err := add(kern, "assessment", "x"); !errors.Is(err, account.ErrConflict) || ruleOf(err) != "addendum_late" {
		t.Errorf("a day later: %v", err)
	}
}

func TestThereIsNoAddendumToANoteThatIsStillOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.convene("Kern")
	h.accept(code, "Kern")
	h.open(code)
	h.must(h.s.Joined(t.Context(), get[uuid.UUID](h, `select id from conference where code = $1`, code), h.experts["Kern"].ID))
	if err := h.s.Append(t.Context(), h.experts["Kern"], code, "assessment", "x"); ruleOf(err) != "not_ended" {
		t.Error(err)
	}
}

func TestAWithdrawalTakesAddendaAwayAndLetsNoneIn(t *testing.T) {
	t.Parallel()
	h, code, caseID := endedHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	h.must(h.s.Append(ctx, kern, code, "assessment", "Nachmittags müde."))
	if _, err := h.s.Withdraw(ctx, h.caseworker, caseID); err != nil {
		t.Fatal(err)
	}
	if err := h.s.Append(ctx, kern, code, "assessment", "Noch eins."); !errors.Is(err, account.ErrClosed) {
		t.Errorf("added after the withdrawal: %v", err)
	}
	for _, by := range []account.Actor{kern, h.coordinator, h.caseworker} {
		if m, _, err := h.s.Minutes(ctx, by, code); !errors.Is(err, account.ErrClosed) || len(m.Body.Addenda)+len(m.Late) > 0 {
			t.Errorf("%s still reads %+v, %v", by.Name, m.Body.Addenda, err)
		}
	}
	if n := h.addenda(); n != 1 {
		t.Errorf("%d addenda", n)
	}
}

func TestConsentThatHasRunOutTakesNoAddendum(t *testing.T) {
	t.Parallel()
	h, code, _ := endedHouse(t)
	h.exec(`update consent set valid_until = $1`, h.clock.AddDate(0, 0, -1))
	if err := h.s.Append(t.Context(), h.experts["Kern"], code, "assessment", "x"); !errors.Is(err, account.ErrClosed) {
		t.Error(err)
	}
}
