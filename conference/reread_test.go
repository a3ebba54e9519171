package conference

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// outlived names somebody by a name that nobody knew of when it was written: in a summary, a question, notes, minutes and a measure.
func (h *house) outlived() (code string, id uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	code, id = h.convene("Kern", "Reimann")
	h.must(h.cases.Write(ctx, h.caseworker, id, casefile.Summary{Situation: "Kowollik schläft schlecht.", Resources: "r", Tried: "t", Goals: "g", Limits: "l"}))
	h.must(h.cases.Check(ctx, h.caseworker, id, 2, "steht nur da"))
	h.must(h.cases.Release(ctx, h.colleague, id, casefile.Releasing{Version: 2, Reason: "x"}))
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "assessment", 0, 0, "Damals hieß sie Kowollik; Kowoliks Akte fehlt."))
	w.flush()
	h.must(h.s.Propose(ctx, h.caseworker, code, "Für Kowollik anrufen", h.experts["Kern"].ID, h.clock.AddDate(0, 0, 20), "bekannt"))
	h.must(h.s.End(ctx, h.coordinator, code))
	return code, id
}

func TestTextsAreReadAgainWhenMoreIsKnownOfThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id := h.outlived()
	kinds := func() (all []string) {
		t.Helper()
		r, err := h.s.Reread(ctx, h.caseworker, id)
		h.must(err)
		for _, p := range r.Places {
			all = append(all, p.Kind+" "+string(p.Remedy))
		}
		slices.Sort(all)
		return all
	}
	if got := kinds(); len(got) > 0 {
		t.Fatalf("found before anybody knew: %q", got)
	}
	var invalid *account.InvalidError
	if err := h.cases.Grow(ctx, h.caseworker, id, pseudonym.Growth{}); !errors.As(err, &invalid) || invalid.Field != "names" {
		t.Errorf("nothing added: %v", err)
	}
	for who, a := range map[string]account.Actor{"another house": h.foreign, "the coordination": h.coordinator, "an expert": h.experts["Kern"]} {
		if err := h.cases.Grow(ctx, a, id, pseudonym.Growth{Names: "Kowollik"}); err == nil {
			t.Errorf("%s adds to the identity", who)
		}
		if _, err := h.s.Reread(ctx, a, id); err == nil {
			t.Errorf("%s is told where the person is named", who)
		}
	}
	h.must(h.cases.Grow(ctx, h.caseworker, id, pseudonym.Growth{Names: "Kowollik, Fine", Further: "Birkenstieg 7, 17291 Prenzlau"}))
	if got, want := kinds(), []string{"measure fixed", "notes redact", "summary rewrite"}; !slices.Equal(got, want) {
		t.Fatalf("found %q, want %q", got, want)
	}
	r, err := h.s.Reread(ctx, h.caseworker, id)
	h.must(err)
	if r.Since == nil || r.Count() != 4 {
		t.Errorf("%d passages, since %v", r.Count(), r.Since)
	}
	// She is found by the new name, and it stands nowhere in clear.
	found, err := h.cases.Find(ctx, h.caseworker, "kowollik")
	h.must(err)
	if len(found) != 1 || found[0].ID != id {
		t.Errorf("by the new name %d are found", len(found))
	}
	if n := get[int](h, `select count(*) from audit.entry e where e::text ilike '%kowol%' or e::text like '%Birkenstieg%'`); n != 0 {
		t.Errorf("%d entries name her", n)
	}
	i, err := h.vault.Reveal(ctx, signedIn(h.caseworker), id, "Test")
	h.must(err)
	if i.FirstName != "Erfunda" || !strings.Contains(i.Names, "Fine") || !strings.Contains(i.Further, "Birkenstieg") {
		t.Error("the identity has not grown, or has lost something")
	}

	h.must(h.s.RedactFound(ctx, h.caseworker, id, code))
	h.must(h.cases.TakeOut(ctx, h.caseworker, id))
	c, err := h.cases.ByID(ctx, h.caseworker, id)
	h.must(err)
	if c.Summary.Situation != "[Person] schläft schlecht." || c.Latest.State != casefile.Draft {
		t.Errorf("the new version says %q and is %s", c.Summary.Situation, c.Latest.State)
	}
	if n := get[int](h, `select count(*) from note_section where text ilike '%kowol%'`); n != 0 {
		t.Error("the notes still name her")
	}
	if got, want := kinds(), []string{"measure fixed", "summary rewrite"}; !slices.Equal(got, want) { // the released one, until the new one is
		t.Errorf("left are %q, want %q", got, want)
	}
	h.must(h.s.Minute(ctx, h.coordinator, code, "Kowollik macht weiter."))
	h.must(h.s.Approve(ctx, h.coordinator, code, "muss so stehen"))
	if got := kinds(); !slices.Contains(got, "minutes fixed") {
		t.Errorf("approved minutes are %q", got)
	}
	if err := h.s.RedactFound(ctx, h.caseworker, id, code); !errors.Is(err, account.ErrConflict) {
		t.Errorf("approved notes are redacted: %v", err)
	}
	h.must(h.cases.RereadDone(ctx, h.caseworker, id))
	if r, err := h.s.Reread(ctx, h.caseworker, id); err != nil || r.Since != nil {
		t.Errorf("it still waits: %v", err)
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, id)
	h.must(err)
	if _, err := h.s.Reread(ctx, h.caseworker, id); !errors.Is(err, account.ErrClosed) {
		t.Errorf("read again after the withdrawal: %v", err)
	}
	if err := h.cases.Grow(ctx, h.caseworker, id, pseudonym.Growth{Names: "X"}); !errors.Is(err, account.ErrClosed) {
		t.Errorf("grown after the withdrawal: %v", err)
	}
}
