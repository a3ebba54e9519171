package conference

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
)

// asksFor submits a request about a case, for psychiatry and occupational medicine.
func (h *house) asksFor(caseID uuid.UUID) uuid.UUID {
	h.t.Helper()
	id, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: caseID, Question: "Was ist zumutbar?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "occupational_medicine"}, OwnWish: "Drei Vormittage.",
	})
	h.must(err)
	return id
}

// tied are those whom suggestions call bound to the case.
func tied(benches []expertpool.Bench) []uuid.UUID {
	var ids []uuid.UUID
	for _, b := range benches {
		for _, sg := range b.Suggestions {
			if sg.Tied {
				ids = append(ids, sg.ID)
			}
		}
	}
	return ids
}

func TestSuggestionsAreForTheCoordinationOfTheNetworkWhileARequestWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.asksFor(h.newCase())
	if _, err := h.s.Suggestions(ctx, h.caseworker, id, Occasion{}); err == nil {
		t.Error("the caseworker who asks gets suggestions")
	}
	for _, by := range []string{"Kern", "Voss"} {
		if _, err := h.s.Suggestions(ctx, h.experts[by], id, Occasion{}); err == nil {
			t.Errorf("%s, an expert, gets suggestions", by)
		}
	}
	if _, err := h.s.Suggestions(ctx, h.stranger, id, Occasion{}); err == nil {
		t.Error("another network gets suggestions")
	}
	got, err := h.s.Suggestions(ctx, h.coordinator, id, Occasion{})
	h.must(err)
	if len(got) != 2 || len(got[0].Suggestions) != 1 || len(got[1].Suggestions) != 1 || got[1].Suggestions[0].ID != h.experts["Kern"].ID {
		t.Errorf("%+v", got)
	}
	h.must(h.s.Decline(ctx, h.coordinator, id, "Bitte später."))
	if _, err := h.s.Suggestions(ctx, h.coordinator, id, Occasion{}); err == nil {
		t.Error("suggestions for a request that is decided")
	}
}

func TestWhatACalendarSaysOfTheDateIsAReason(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	starts := h.clock.Add(26 * time.Hour)
	reasons := func(read time.Time, busyFrom time.Time) []expertpool.ReasonKind {
		t.Helper()
		h.calendar("Kern", read, busyFrom, busyFrom.Add(time.Hour))
		found, err := h.s.Suggestions(t.Context(), h.coordinator, h.asksFor(h.newCase()), Occasion{Starts: starts, Length: time.Hour})
		h.must(err)
		var kinds []expertpool.ReasonKind
		for _, r := range found[1].Suggestions[0].Reasons {
			if r.Kind == expertpool.Elsewhere || r.Kind == expertpool.Vacant || r.Kind == expertpool.NoHours {
				kinds = append(kinds, r.Kind)
			}
		}
		if against := slices.Contains(kinds, expertpool.Elsewhere); against == found[1].Suggestions[0].Advised() {
			t.Errorf("%v, and advised %v", kinds, !against)
		}
		return kinds
	}
	for _, c := range []struct {
		what       string
		read, busy time.Time
		says       expertpool.ReasonKind
	}{
		{"busy", h.clock, starts.Add(-30 * time.Minute), expertpool.Elsewhere},
		{"busy before", h.clock, starts.Add(-time.Hour), expertpool.Vacant},
		{"read too long ago", h.clock.Add(-72 * time.Hour), starts.Add(-30 * time.Minute), expertpool.NoHours},
	} {
		if got := reasons(c.read, c.busy); !slices.Equal(got, []expertpool.ReasonKind{c.says}) {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestWhoSaidThatSheIsBoundStaysBoundInLaterConferencesOfTheCase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.must(h.s.Declare(ctx, h.experts["Kern"], code, Conflict))
	got, err := h.s.Suggestions(ctx, h.coordinator, h.asksFor(caseID), Occasion{})
	h.must(err)
	if ids := tied(got); !slices.Equal(ids, []uuid.UUID{h.experts["Kern"].ID}) {
		t.Errorf("bound: %v", ids)
	}
	other, err := h.s.Suggestions(ctx, h.coordinator, h.asksFor(h.newCase()), Occasion{Starts: h.clock.Add(time.Hour), Length: time.Hour})
	h.must(err)
	if ids := tied(other); len(ids) != 0 {
		t.Errorf("bound to another person's case: %v", ids)
	}
}

func TestAChoiceIsCountedOnceAndAFailedOneNotAtAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.asksFor(h.newCase())
	p := Panel{Starts: h.clock.Add(2 * time.Hour), Length: 25 * time.Minute, Experts: []uuid.UUID{h.experts["Kern"].ID, uuid.New()}}
	if _, err := h.s.Convene(t.Context(), h.coordinator, id, p); err == nil {
		t.Fatal("somebody who does not exist is invited")
	}
	if n := get[int](h, `select count(*) from suggestion_pick`); n != 0 {
		t.Errorf("%d figures of a convening that failed", n)
	}
	p.Experts = []uuid.UUID{h.experts["Kern"].ID, h.experts["Voss"].ID, h.experts["Kern"].ID}
	_, err := h.s.Convene(t.Context(), h.coordinator, id, p)
	h.must(err)
	got := get[string](h, `select string_agg(concat_ws(' ', discipline, rank, picks), ', ' order by discipline) from suggestion_pick`)
	if got != " 0 1, psychiatry 1 1" { // Voss is of a discipline that nobody asked for
		t.Errorf("figures: %q", got)
	}
}
