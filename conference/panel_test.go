package conference

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// asking is a request of the caseworker's with part questions.
func (h *house) asking(parts ...PartQuestion) uuid.UUID {
	h.t.Helper()
	id, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: h.newCase(), Question: "Wie viele Stunden?", Urgency: "normal", Disciplines: []string{"psychiatry", "occupational_medicine"},
		OwnWish: "Ruhe.", Parts: parts,
	})
	h.must(err)
	return id
}

func (h *house) cover(request uuid.UUID) (Request, Coverage) {
	h.t.Helper()
	r, err := h.s.Request(h.t.Context(), h.coordinator, request)
	h.must(err)
	benches, err := h.s.Suggestions(h.t.Context(), h.coordinator, request, Occasion{})
	h.must(err)
	return r, Cover(r, benches)
}

func TestTheSmallestRoundAnswersAllPartQuestionsAndSaysWhoIsSpare(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(`update expert set topics = '{Schmerz}' where account_id = $1`, h.experts["Voss"].ID)
	r := h.asking(PartQuestion{Text: "Wie belastbar?", Disciplines: []string{"psychiatry", "orthopaedics"}},
		PartQuestion{Text: "Was hilft?", Topics: []string{"Schmerz"}}, PartQuestion{}, PartQuestion{Text: "Wer zahlt?", Disciplines: []string{"insurance"}})
	_, c := h.cover(r)
	if len(c.Parts) != 3 || len(c.Smallest) != 1 || c.Smallest[0].ID != h.experts["Voss"].ID || !slices.Equal(c.Open, []int{2}) {
		t.Fatalf("smallest %+v of %d parts, open %v", c.Smallest, len(c.Parts), c.Open)
	}
	round, open := c.Round([]uuid.UUID{h.experts["Voss"].ID, h.experts["Kern"].ID, h.experts["Reimann"].ID})
	for _, a := range round {
		if a.Spare != (a.ID != h.experts["Voss"].ID) {
			t.Errorf("%s is spare: %v", a.Name, a.Spare)
		}
		if a.ID == h.experts["Kern"].ID && !slices.Equal(a.Like, []string{"Dr. Voss"}) {
			t.Errorf("Kern is spare beside %v", a.Like)
		}
	}
	if !slices.Equal(open, []int{2}) {
		t.Errorf("open %v", open)
	}
}

func TestPartQuestionsAreReadByTheNameGuardAndChangeOnlyWhileTheRequestWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	r := h.asking()
	var names *casefile.NamesError
	if err := h.s.AskParts(ctx, h.coordinator, r, []PartQuestion{{Text: "Kann Erfunda Mustermann stehen?"}}, ""); !errors.As(err, &names) {
		t.Errorf("a name: %v", err)
	}
	if err := h.s.AskParts(ctx, h.coordinator, r, []PartQuestion{{Text: "Was?", Topics: []string{"Mustermann"}}}, ""); !errors.As(err, &names) {
		t.Errorf("a name among topics: %v", err)
	}
	if err := h.s.AskParts(ctx, h.caseworker, r, []PartQuestion{{Text: "Was?"}}, ""); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the caseworker: %v", err)
	}
	if err := h.s.AskParts(ctx, h.stranger, r, []PartQuestion{{Text: "Was?"}}, ""); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	h.must(h.s.AskParts(ctx, h.coordinator, r, []PartQuestion{{Text: "Was hilft?", Disciplines: []string{"psychiatry"}}}, ""))
	if got, _ := h.cover(r); len(got.Parts) != 1 || got.Parts[0].Text != "Was hilft?" {
		t.Errorf("parts %+v", got.Parts)
	}
	h.must(h.s.Decline(ctx, h.coordinator, r, "Nein."))
	if err := h.s.AskParts(ctx, h.coordinator, r, nil, ""); !errors.Is(err, account.ErrConflict) {
		t.Errorf("decided: %v", err)
	}
}

func TestAnExpertSeesHerPartQuestionOnceTheCaseIsOpenToHer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, kern := t.Context(), h.experts["Kern"]
	r := h.asking(PartQuestion{Text: "Was sagt die Psychiatrie?"}, PartQuestion{Text: "Was sagt die Arbeitsmedizin?"})
	code, err := h.s.Convene(ctx, h.coordinator, r, Panel{Experts: []uuid.UUID{kern.ID, h.experts["Reimann"].ID}, Starts: h.clock.AddDate(0, 0, 2), Length: 25 * time.Minute})
	h.must(err)
	if a, err := h.s.Answered(ctx, kern, code); err != nil || len(a.Parts) != 0 {
		t.Errorf("before she has accepted: %+v, %v", a, err)
	}
	h.accept(code, "Kern")
	a, err := h.s.Answered(ctx, kern, code)
	if err != nil || !slices.Equal(a.Own, []int{0}) || len(a.Open) != 0 || !slices.Equal(a.By(1), []string{"Dr. Reimann"}) {
		t.Errorf("%+v, %v", a, err)
	}
	h.must(h.s.Answer(ctx, h.experts["Reimann"], h.invitationOf(code, "Reimann"), 0, Declined, ""))
	if a, err = h.s.Answered(ctx, h.coordinator, code); err != nil || !slices.Equal(a.Open, []int{1}) {
		t.Errorf("after a refusal %v is open, %v", a.Open, err)
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, get[uuid.UUID](h, `select case_id from conference where code = $1`, code))
	h.must(err)
	if a, err = h.s.Answered(ctx, h.coordinator, code); err != nil || len(a.Parts) != 0 {
		t.Errorf("after the withdrawal: %+v, %v", a, err)
	}
	if r, err := h.s.Request(ctx, h.caseworker, r); err != nil || len(r.Parts) != 0 {
		t.Errorf("the request after the withdrawal: %+v, %v", r.Parts, err)
	}
}
