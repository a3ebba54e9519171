package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Agenda is the agenda of a conference: its own, or what is proposed for it while nobody has changed that and the conference has not begun
// its first phase.
type Agenda struct {
	agenda.Run
	Phases   agenda.Agenda
	Shape    agenda.Shape  // what a proposal goes by
	Proposed bool          // nobody has changed anything
	Length   time.Duration // of the conference, as planned
	Seats    []Seat        // that can lead through a phase
}

// Proposal is what the conference would begin with.
func (a Agenda) Proposal() agenda.Agenda { return agenda.Propose(a.Shape, a.Length) }

// Without is the agenda for a conference in which nobody of a discipline is there any more.
func (a Agenda) Without(discipline string) agenda.Agenda {
	var empty []uuid.UUID
	for _, t := range a.Seats {
		if t.Discipline == discipline && t.Answer != Accepted {
			empty = append(empty, t.ID)
		}
	}
	return a.Phases.Without(empty)
}

// Owner is the seat of whoever leads through a phase, where that is one person: by name, or the caseworker. None has no id.
func (a Agenda) Owner(p agenda.Phase) Seat {
	i := slices.IndexFunc(a.Seats, func(t Seat) bool {
		return p.Owner.Role == agenda.Seat && t.ID == p.Owner.Seat || p.Owner.Role == agenda.Caseworker && t.Role == Caseworker
	})
	if i < 0 {
		return Seat{}
	}
	return a.Seats[i]
}

// Leaderless says that whoever was to lead through a phase does not come.
func (a Agenda) Leaderless(p agenda.Phase) bool {
	t := a.Owner(p)
	return p.Owner.Role == agenda.Seat && (t.ID == uuid.Nil || t.Role.Asked() && !t.standing() || t.Written)
}

// Over says that the phases take longer than the conference: it has become shorter since.
func (a Agenda) Over() bool { return a.Phases.Length() > a.Length }

// Spare is how much of the conference no phase has taken.
func (a Agenda) Spare() time.Duration { return max(0, a.Length-a.Phases.Length()) }

// shapeOf is what the proposal for a conference goes by.
func shapeOf(c Conference, seats []Seat, guests bool) agenda.Shape {
	s := agenda.Shape{Guests: guests}
	switch {
	case c.Topic():
		s.Course = agenda.TopicCourse
	case c.Kind == ParticipationPlanConference:
		s.Course = agenda.PlanCourse
	}
	s.Caseworker = slices.ContainsFunc(seats, func(t Seat) bool { return t.Role == Caseworker })
	return s
}

// leading are the seats that can lead through a phase: everybody who has been asked and not taken out again. Somebody who has said no stays
// in the list, so that it is seen whose phase is orphaned.
func leading(seats []Seat) []Seat {
	return slices.DeleteFunc(slices.Clone(seats), func(t Seat) bool { return t.Answer == AnswerCancelled || t.Written })
}

// arrangeable is the rule for who changes an agenda: it is not in use yet.
func (c Conference) arrangeable(a Agenda) error {
	switch {
	case c.Written:
		return account.Refuse(account.ErrConflict, "in_writing")
	case !c.State.Planned() && c.State != Live:
		return account.Refuse(account.ErrConflict, "conference_over")
	case a.Begun():
		return account.Refuse(account.ErrConflict, "agenda_begun")
	}
	return nil
}

// agendaParts are the texts of an agenda that people wrote.
func agendaParts(phases agenda.Agenda) (parts []casefile.Part) {
	for _, p := range phases {
		if p.Title != "" {
			parts = append(parts, casefile.Part{Field: "agenda", Text: p.Title})
		}
	}
	return parts
}

// MinutePhase is a phase of the agenda in minutes: what was planned and how long it took, rounded to whole minutes.
type MinutePhase struct {
	Kind    agenda.Kind `json:"kind"`
	Title   string      `json:"title,omitempty"`
	Planned int         `json:"planned_minutes"`
	Took    int         `json:"took_minutes"`
}

// minutes is the agenda as it stands in minutes; nothing where the conference did not go by it.
func (a Agenda) minutes(now time.Time) (all []MinutePhase) {
	if !a.Begun() {
		return nil
	}
	for i, p := range a.Phases {
		all = append(all, MinutePhase{p.Kind, p.Title, p.Minutes, agenda.WholeMinutes(a.Took(i, now))})
	}
	return all
}
