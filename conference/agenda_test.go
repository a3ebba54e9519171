package conference

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// agendaOfCode reads an agenda as the coordinator sees it.
func (h *house) agendaOfCode(code string) Agenda {
	h.t.Helper()
	a, _, err := h.s.Agenda(h.t.Context(), h.coordinator, code)
	h.must(err)
	return a
}

func (h *house) conferenceID(code string) uuid.UUID {
	h.t.Helper()
	return get[uuid.UUID](h, `select id from conference where code = $1`, code)
}

func (h *house) turns(code string, from, to int) Agenda {
	h.t.Helper()
	a, err := h.s.TurnAgenda(h.t.Context(), h.coordinator.ID, h.conferenceID(code), from, to)
	h.must(err)
	return a
}

func TestAConferenceHasAProposalUntilSomebodyChangesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern")
	a := h.agendaOfCode(code)
	if !a.Proposed || a.At != -1 || a.Begun() || len(a.Phases) != 6 || a.Phases.Length() != 25*time.Minute || a.Phases[1].Owner.Role != agenda.Caseworker {
		t.Fatalf("the proposal is %+v", a)
	}
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(3*time.Hour), 50*time.Minute))
	if a = h.agendaOfCode(code); a.Phases.Length() != 50*time.Minute {
		t.Errorf("a proposal follows the length: %v", a.Phases.Length())
	}
	if _, _, err := h.s.AskGuest(ctx, h.caseworker, code, "client", true); err != nil {
		t.Fatal(err)
	}
	if a = h.agendaOfCode(code); !slices.ContainsFunc(a.Phases, func(p agenda.Phase) bool { return p.Kind == agenda.WithGuest }) {
		t.Error("a guest is asked, and there is no phase for her")
	}

	kern := a.Seats[slices.IndexFunc(a.Seats, func(t Seat) bool { return t.Name == "Dr. Kern" })].ID
	own := agenda.Agenda{{Kind: agenda.Own, Title: "Belastbarkeit", Minutes: 20, Owner: agenda.Owner{Role: agenda.Seat, Seat: kern}}, {Kind: agenda.Decisions, Minutes: 30, Owner: agenda.Owner{Role: agenda.Moderator}}}
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, own, ""))
	if a = h.agendaOfCode(code); a.Proposed || !slices.Equal(a.Phases, own) || a.Owner(a.Phases[0]).Name != "Dr. Kern" || a.Spare() != 0 {
		t.Errorf("arranged: %+v", a)
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'arrange_agenda'`); n != 1 {
		t.Errorf("%d entries in the record", n)
	}
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(4*time.Hour), 25*time.Minute))
	if a = h.agendaOfCode(code); !a.Over() {
		t.Error("the conference has become shorter than its phases, and nothing says so")
	}
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, a.Proposal(), ""))
	if a = h.agendaOfCode(code); !a.Proposed || get[int](h, `select count(*)::int from agenda_phase`) != 0 {
		t.Error("what is proposed anyway is kept as if somebody had changed it")
	}
}

func TestOnlyTheModerationArrangesAnAgendaAndOnlyBeforeItBegins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern")
	some := agenda.Agenda{{Kind: agenda.Decisions, Minutes: 5, Owner: agenda.Owner{Role: agenda.Moderator}}}
	for who, by := range map[string]account.Actor{"caseworker": h.caseworker, "expert": h.experts["Kern"]} {
		if err := h.s.ArrangeAgenda(ctx, by, code, some, ""); !errors.Is(err, account.ErrDenied) {
			t.Errorf("the %s: %v", who, err)
		}
		if _, _, err := h.s.Agenda(ctx, by, code); err != nil {
			t.Errorf("the %s reads: %v", who, err)
		}
	}
	for who, by := range map[string]account.Actor{"stranger": h.stranger, "foreign house": h.foreign} {
		if err := h.s.ArrangeAgenda(ctx, by, code, some, ""); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the %s: %v", who, err)
		}
		if _, _, err := h.s.Agenda(ctx, by, code); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the %s reads: %v", who, err)
		}
	}
	if _, _, err := h.s.Agenda(ctx, h.experts["Reimann"], code); !errors.Is(err, account.ErrClosed) {
		t.Errorf("who has not accepted reads: %v", err)
	}
	named := agenda.Agenda{{Kind: agenda.Own, Title: "Was Erfunda Mustermann will", Minutes: 5, Owner: agenda.Owner{Role: agenda.Moderator}}}
	var names *casefile.NamesError
	if err := h.s.ArrangeAgenda(ctx, h.coordinator, code, named, ""); !errors.As(err, &names) || names.Hints[0].Passage == "" {
		t.Errorf("a title that names the client: %v", err)
	}
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, named, "steht so im Bescheid"))

	h.open(code)
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, some, ""))
	h.turns(code, -1, 0)
	var refused *account.RefusedError
	if err := h.s.ArrangeAgenda(ctx, h.coordinator, code, named, "egal"); !errors.As(err, &refused) || refused.Rule != "agenda_begun" {
		t.Errorf("once it has begun: %v", err)
	}
	_, err := h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	if _, _, err := h.s.Agenda(ctx, h.coordinator, code); !errors.Is(err, account.ErrClosed) {
		t.Errorf("after the withdrawal: %v", err)
	}
	if _, err := h.s.TurnAgenda(ctx, h.coordinator.ID, h.conferenceID(code), 0, 0); !errors.Is(err, account.ErrClosed) {
		t.Errorf("turning after the withdrawal: %v", err)
	}
}

func TestTheMinutesKeepHowLongEachPhaseTook(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern")
	id := h.conferenceID(code)
	if _, err := h.s.TurnAgenda(ctx, h.coordinator.ID, id, -1, 0); !errors.Is(err, account.ErrConflict) {
		t.Errorf("before it is live: %v", err)
	}
	h.open(code)
	for who, by := range map[string]account.Actor{"caseworker": h.caseworker, "expert": h.experts["Kern"]} {
		if _, err := h.s.TurnAgenda(ctx, by.ID, id, -1, 0); !errors.Is(err, account.ErrDenied) {
			t.Errorf("the %s turns: %v", who, err)
		}
	}
	if _, err := h.s.TurnAgenda(ctx, h.stranger.ID, id, -1, 0); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger turns: %v", err)
	}
	for _, to := range []int{6, -2, 1000} {
		var invalid *account.InvalidError
		if _, err := h.s.TurnAgenda(ctx, h.coordinator.ID, id, -1, to); !errors.As(err, &invalid) {
			t.Errorf("to phase %d: %v", to, err)
		}
	}
	if a := h.turns(code, -1, 0); a.At != 0 || a.Proposed || !a.Since.Equal(h.clock) {
		t.Errorf("begun: %+v", a)
	}
	pass := func(d time.Duration) { h.clock = h.clock.Add(d) }
	pass(3 * time.Minute)
	h.turns(code, 0, 1)
	if a := h.turns(code, 0, 1); a.At != 1 { // two press at once
		t.Errorf("pressed twice it is phase %d", a.At)
	}
	pass(4 * time.Minute)
	h.turns(code, 1, 2)
	pass(20 * time.Second)
	h.turns(code, 2, 1)
	pass(2 * time.Minute)
	again, err := h.s.RoomAgenda(ctx, id)
	h.must(err)
	if again.At != 1 || again.Took(1, h.clock) != 6*time.Minute || again.Took(0, h.clock) != 3*time.Minute || again.Took(3, h.clock) != 0 {
		t.Errorf("read anew: %+v", again.Run)
	}
	h.must(h.s.End(ctx, h.coordinator, code))
	pass(time.Hour)
	m, _, err := h.s.Minutes(ctx, h.coordinator, code)
	h.must(err)
	var said []string
	for _, p := range m.Body.Agenda {
		said = append(said, string(p.Kind)+" "+strconv.Itoa(p.Took))
	}
	if got, want := strings.Join(said, ", "), "opening 3, presentation 6, confirming 0, questions 0, recommendations 0, decisions 0"; got != want {
		t.Errorf("the minutes say %s, want %s", got, want)
	}
	h.must(h.s.Minute(ctx, h.coordinator, code, "Drei Stunden."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	file, err := h.s.MinutesFile(ctx, h.coordinator, code)
	h.must(err)
	proof, err := VerifyMinutes(file)
	h.must(err)
	if !slices.Equal(proof.Body.Agenda, m.Body.Agenda) || proof.Body.Agenda[0].Planned != 2 {
		t.Errorf("the file says %+v", proof.Body.Agenda)
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'turn_agenda'`); n != 4 {
		t.Errorf("%d changes of phase are in the record", n)
	}
}

func TestAConferenceWithoutPhasesLeavesNoneInItsMinutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern")
	h.open(code)
	h.must(h.s.End(t.Context(), h.coordinator, code))
	m, _, err := h.s.Minutes(t.Context(), h.coordinator, code)
	h.must(err)
	raw, err := json.Marshal(m.Body)
	h.must(err)
	if m.Body.Agenda != nil || strings.Contains(string(raw), "agenda") {
		t.Errorf("nobody went by an agenda, and the minutes say %s", raw)
	}
}

func TestAStandInNobodyTakesLeavesAnAgendaWithoutTheDiscipline(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	a := h.agendaOfCode(code)
	of := func(name string) agenda.Owner {
		i := slices.IndexFunc(a.Seats, func(t Seat) bool { return t.Name == name })
		return agenda.Owner{Role: agenda.Seat, Seat: a.Seats[i].ID}
	}
	arranged := agenda.Agenda{{Kind: agenda.Questions, Minutes: 5, Owner: of("Dr. Kern")}, {Kind: agenda.Own, Title: "Arbeitsplatz", Minutes: 5, Owner: of("Dr. Reimann")}, {Kind: agenda.Recommendations, Minutes: 5, Owner: of("Dr. Reimann")}}
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, arranged, ""))
	h.must(h.s.Answer(ctx, h.experts["Reimann"], h.invitationOf(code, "Reimann"), 0, Declined, ""))
	a = h.agendaOfCode(code)
	if !a.Leaderless(a.Phases[1]) || a.Leaderless(a.Phases[0]) {
		t.Error("who does not come any more is not told from who does")
	}
	want := agenda.Agenda{arranged[0], {Kind: agenda.Recommendations, Minutes: 5, Owner: agenda.Owner{Role: agenda.Moderator}}}
	if got := a.Without("occupational_medicine"); !slices.Equal(got, want) {
		t.Errorf("without occupational medicine: %+v", got)
	}
	if got := a.Without("psychiatry"); !slices.Equal(got, arranged) {
		t.Errorf("nobody is missing there: %+v", got)
	}
	h.must(h.s.ArrangeAgenda(ctx, h.coordinator, code, want, ""))
}
