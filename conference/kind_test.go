package conference

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// conveneKind makes a live conference of a kind, with Kern in it.
func (h *house) conveneKind(kind Kind) (code string, id uuid.UUID) {
	h.t.Helper()
	r, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: h.newCase(), Question: "Was trägt?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "Drei Vormittage.",
	})
	h.must(err)
	code, err = h.s.Convene(h.t.Context(), h.coordinator, r, Panel{
		Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(time.Hour), Length: 45 * time.Minute, Kind: kind,
	})
	h.must(err)
	h.accept(code, "Kern")
	h.open(code)
	return code, get[uuid.UUID](h, `select id from conference where code = $1`, code)
}

func TestEveryKindHasSectionsWithDecisionsAmongThem(t *testing.T) {
	t.Parallel()
	all := append(slices.Clone(Kinds), TopicConference)
	for _, k := range all {
		keys := k.Sections()
		if sorted := slices.Compact(slices.Sorted(slices.Values(keys))); !slices.Contains(keys, "decisions") || len(sorted) != len(keys) {
			t.Errorf("%s: %v", k, keys)
		}
	}
	if len(sections) != len(all) {
		t.Errorf("%d kinds have sections, there are %d", len(sections), len(all))
	}
}

func TestWhatSectionsBeginWithIsThereOnceWhenTenOpenTheNoteAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, id := h.conveneKind(ParticipationPlanConference)
	var all sync.WaitGroup
	opened := make([]Note, 10)
	for i := range opened {
		all.Go(func() {
			var err error
			if opened[i], err = h.s.OpenNote(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := get[int](h, `select count(*) from note_update`); n != 1 {
		t.Fatalf("%d rows", n)
	}
	for _, n := range opened {
		if n.Head != 1 || len(n.Rows) != 1 || n.Rows[0].Person != uuid.Nil || !slices.Equal(n.Sections, ParticipationPlanConference.Sections()) {
			t.Fatalf("head %d, rows %+v, sections %v", n.Head, n.Rows, n.Sections)
		}
		if person, bound := n.Clients[templateClient]; !bound || person != uuid.Nil {
			t.Errorf("the server's client id is bound to %v (%v)", person, bound)
		}
		u, err := ydoc.Decode(n.Rows[0].Data, ydoc.Limits{Bytes: 1 << 20, Structs: 1 << 10})
		h.must(err)
		doc := ydoc.New()
		_, err = doc.Apply(u)
		h.must(err)
		for _, s := range sections[ParticipationPlanConference] {
			if got := doc.Text(noteRoot(s.key)); got != s.begins {
				t.Errorf("%s begins with %q, want %q", s.key, got, s.begins)
			}
		}
		if doc.State(templateClient) == 0 {
			t.Error("it is not the server's")
		}
	}
}

func TestTheLogGoesOnAfterWhatTheServerWrote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, id := h.conveneKind(ParticipationPlanConference)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "wishes", 0, 0, "Gärtnern. "))
	w.flush()
	r, err := h.s.NoteAt(t.Context(), h.coordinator, code, w.head)
	h.must(err)
	wishes := passage(r, "wishes")
	if wishes.Text() != "Gärtnern. "+sections[ParticipationPlanConference][0].begins {
		t.Errorf("wishes read %q", wishes.Text())
	}
	if by := wishes.Runs[len(wishes.Runs)-1].Author; by.Person != uuid.Nil {
		t.Errorf("%s is said to have written what the server did", by.Name)
	}
	h.must(h.s.Joined(t.Context(), id, h.experts["Kern"].ID))
	h.must(h.s.End(t.Context(), h.coordinator, code))
	m, _, err := h.s.Minutes(t.Context(), h.coordinator, code)
	h.must(err)
	if len(m.Body.Notes) != 1 || m.Body.Notes[0].Key != "wishes" {
		t.Errorf("sections in which nobody wrote are in the minutes: %+v", m.Body.Notes)
	}
}

func TestACaseConferenceBeginsWithAnEmptyNote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, id := h.conveneKind("")
	n, err := h.s.OpenNote(t.Context(), id)
	if err != nil || n.Head != 0 || len(n.Rows) != 0 || !slices.Equal(n.Sections, CaseConference.Sections()) {
		t.Errorf("%+v, %v", n, err)
	}
	if v, err := h.s.ByCode(t.Context(), h.coordinator, code); err != nil || v.Kind != CaseConference {
		t.Errorf("%s, %v", v.Kind, err)
	}
}

func TestASealedNoteIsNotBegun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, id := h.conveneKind(ParticipationPlanConference)
	h.must(h.s.End(t.Context(), h.coordinator, code))
	if n, err := h.s.OpenNote(t.Context(), id); err != nil || n.Head != 0 || len(n.Rows) != 0 {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestAnUnknownKindIsNotConvened(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.s.Convene(t.Context(), h.coordinator, uuid.New(), Panel{
		Experts: []uuid.UUID{uuid.New()}, Starts: h.clock.Add(time.Hour), Length: time.Hour, Kind: "party",
	})
	var invalid *account.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "kind" {
		t.Error(err)
	}
}
