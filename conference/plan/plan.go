// Package plan is what a conference agreed: measures, each with one responsible person and a due date.
//
// A measure is a promise only when its responsible person has accepted it. At the due date that person is asked, and the
// answer ends the measure or names the day on which to ask again. The package takes the ids of conferences and cases; it
// knows nothing else about them.
package plan

import (
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// State of a measure:
//
//	proposed → accepted → (in_progress →) done | not_possible
//	proposed → refused
type State string

const (
	Proposed    State = "proposed"
	Accepted    State = "accepted"
	Refused     State = "refused"
	InProgress  State = "in_progress" // asked once, answered "not yet"
	Done        State = "done"
	NotPossible State = "not_possible"
)

// Measure is one agreed item: what, who, until when.
type Measure struct {
	ID              uuid.UUID
	Organisation    uuid.UUID
	Conference      uuid.UUID
	ConferenceCode  string
	Case            uuid.UUID // uuid.Nil: the conference had none
	What            string
	ResponsibleID   uuid.UUID
	ResponsibleName string
	DueOn           time.Time // a date
	State           State
	Reason          string // why refused, not yet, or not possible
	ProposedAt      time.Time
	AnsweredAt      *time.Time
	AskedAt         *time.Time
	ReportedAt      *time.Time
}

// Open says that something is still expected of the responsible person.
func (m Measure) Open() bool {
	return m.State == Proposed || m.State == Accepted || m.State == InProgress
}

// Overdue says that the due date has passed and the measure is still open.
func (m Measure) Overdue(now time.Time) bool {
	return m.Open() && expertpool.Today(now).After(m.DueOn)
}

// Draft is a measure to be.
type Draft struct {
	Organisation   uuid.UUID
	Conference     uuid.UUID
	ConferenceCode string
	Case           uuid.UUID
	What           string
	Responsible    uuid.UUID
	DueOn          time.Time
}

func (d *Draft) validate(now time.Time) error {
	if err := account.CheckText("what", &d.What, 500, true); err != nil {
		return err
	}
	switch today := expertpool.Today(now); {
	case d.Responsible == uuid.Nil:
		return &account.InvalidError{Field: "responsible", Rule: "required"}
	case d.DueOn.IsZero():
		return &account.InvalidError{Field: "due_on", Rule: "required"}
	case d.DueOn.Before(today):
		return &account.InvalidError{Field: "due_on", Rule: "future"}
	case d.DueOn.After(today.AddDate(2, 0, 0)):
		return &account.InvalidError{Field: "due_on", Rule: "two_years"}
	}
	return nil
}

// Outcomes a responsible person can report.
const (
	OutcomeDone        = "done"
	OutcomeNotYet      = "not_yet"
	OutcomeNotPossible = "not_possible"
)

// Reasons why a measure was not possible. Closed, so that they can be counted.
var Reasons = []string{"waiting_time", "no_offer", "not_approved", "health", "client_decided", "no_contact", "no_capacity", "other"}

// againAfter is when somebody who answered "not yet" is asked again, in days.
const againAfter = 14

// linksLast is how long the links in mails about a measure work after its due date, in days.
const linksLast = 90

// answer is the rule for accepting and refusing. Saying the same thing again changes nothing and is no fault.
func answer(m Measure, accept bool) (next State, changed bool, err error) {
	next = Refused
	if accept {
		next = Accepted
	}
	switch {
	case m.State == next:
		return next, false, nil
	case m.State == Proposed:
		return next, true, nil
	}
	return m.State, false, account.Refuse(account.ErrConflict, "measure_answered")
}

// report is the rule for an outcome. What is done or not possible is final.
func report(m Measure, outcome string) (next State, changed bool, err error) {
	switch outcome {
	case OutcomeDone:
		next = Done
	case OutcomeNotYet:
		next = InProgress
	case OutcomeNotPossible:
		next = NotPossible
	default:
		return m.State, false, &account.InvalidError{Field: "outcome", Rule: "unknown"}
	}
	switch m.State {
	case Accepted, InProgress:
		return next, true, nil
	case next:
		return next, false, nil
	case Proposed, Refused:
		return m.State, false, account.Refuse(account.ErrConflict, "measure_not_accepted")
	}
	return m.State, false, account.Refuse(account.ErrConflict, "measure_reported")
}
