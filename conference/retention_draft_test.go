package conference

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// workedOn is a case whose summary is released in one version, and worked on in another.
func (h *house) workedOn(word string) uuid.UUID {
	h.t.Helper()
	id := h.newCase()
	for range 2 { // the first of them is written over
		h.must(h.cases.Write(h.t.Context(), h.caseworker, id, casefile.Summary{Situation: word, Resources: "r", Tried: "t", Goals: "g", Limits: "l"}))
	}
	return id
}

func (h *house) versions(id uuid.UUID) int {
	return get[int](h, `select count(*) from case_summary where case_id = $1 and released_at is null`, id)
}

func TestADraftsAuthorIsToldAWeekBeforeItGoesAndKeepsItByAClick(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	const word = "Eigenwort"
	kept, gone := h.workedOn(word), h.workedOn(word)
	conflict := func(err error) string {
		var refused *account.RefusedError
		if errors.As(err, &refused) {
			return refused.Rule
		}
		return fmt.Sprint(err)
	}
	h.sweep(22)
	if n := h.mails("draft"); n != 0 {
		t.Errorf("%d mails eight days before", n)
	}
	if rule := conflict(h.s.KeepDraft(ctx, h.caseworker, kept)); rule != "draft_stays" {
		t.Errorf("kept before its time: %s", rule)
	}
	h.sweep(1)
	h.sweep(0)
	if n := h.mails("draft"); n != 2 {
		t.Errorf("%d mails a week before, want one for each draft", n)
	}
	text := get[string](h, `select string_agg(to_email || subject || body_text, ' ') from message_out where kind = 'draft'`)
	for _, no := range []string{word, get[string](h, `select pseudonym from case_file where id = $1`, kept), "Mustermann"} {
		if strings.Contains(text, no) {
			t.Errorf("the mail says %q", no)
		}
	}
	if !strings.Contains(text, "https://konsil.test/cases/"+kept.String()+"/retention") {
		t.Errorf("the mail leads nowhere: %s", text)
	}
	for who, by := range map[string]account.Actor{"another Jobcenter": h.foreign, "an expert": h.experts["Kern"]} {
		if err := h.s.KeepDraft(ctx, by, kept); !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("kept by %s: %v", who, err)
		}
	}
	h.must(h.s.KeepDraft(ctx, h.colleague, kept))
	if rule := conflict(h.s.KeepDraft(ctx, h.colleague, kept)); rule != "draft_stays" {
		t.Errorf("and once more: %s", rule)
	}
	h.sweep(7)
	if h.versions(gone) == 0 {
		t.Error("a draft has gone on its last day")
	}
	h.sweep(1)
	if a, b := h.versions(kept), h.versions(gone); a != 1 || b != 0 {
		t.Errorf("%d versions are left of the one that was kept, %d of the other", a, b)
	}
	d, err := h.s.DraftOf(ctx, h.caseworker, kept)
	if err != nil || d == nil || d.Soon {
		t.Errorf("it ends %+v, %v", d, err)
	}
	h.sweep(22)
	if n := h.mails("draft"); n != 3 {
		t.Errorf("%d mails, the second end was not told", n)
	}
	h.sweep(8)
	if n := h.versions(kept); n != 0 {
		t.Errorf("%d versions are kept for ever", n)
	}
	if rule := conflict(h.s.KeepDraft(ctx, h.caseworker, kept)); rule != "no_draft" {
		t.Errorf("what has gone is kept: %s", rule)
	}
}

func TestNoDraftGoesWithoutNoticeWhenNothingRanForWeeks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.workedOn("x")
	h.exec(`update account set disabled_at = $2 where id = $1`, h.caseworker.ID, h.clock) // who wrote it has left, and leads the case
	h.sweep(60)
	if n := h.versions(id); n != 1 || h.mails("draft") != 1 {
		t.Errorf("%d versions are left after %d mails, want the last one and one", n, h.mails("draft"))
	}
	h.sweep(6)
	if n := h.versions(id); n != 1 {
		t.Error("it has gone before a week was over")
	}
	h.must(h.s.KeepDraft(ctx, h.colleague, id))
	if d, err := h.s.DraftOf(ctx, h.colleague, id); err != nil || d == nil || !d.On.Equal(h.clock.AddDate(0, 0, 30).Truncate(24*time.Hour)) {
		t.Errorf("it ends %+v, %v", d, err)
	}
	h.must(h.s.SetTerm(ctx, h.colleague, "draft", 0, ""))
	other := h.newCase()
	h.must(h.cases.Write(ctx, h.colleague, other, casefile.Summary{Situation: "s", Resources: "r", Tried: "t", Goals: "g", Limits: "l"}))
	h.sweep(1)
	if n := h.versions(other); n != 0 {
		t.Error("a term shorter than the notice is not kept")
	}
}
