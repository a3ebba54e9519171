package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// planFormat names the form of a plan that is passed on.
const planFormat = "konsil-plan-1"

// PlanCopy is a plan as an organisation is given it to keep: what was promised, until when and by which discipline, under a pseudonym
// that this organisation alone knows the person by. It has no name, no pseudonym of others, and no time finer than a day.
type PlanCopy struct {
	Format    string         `json:"format"`
	Pseudonym string         `json:"pseudonym"`
	From      string         `json:"from"` // organisations
	To        string         `json:"to"`
	On        string         `json:"on"` // ISO 8601 date
	Question  string         `json:"question,omitempty"`
	Measures  []PlanCopyItem `json:"measures,omitempty"`
}

// PlanCopyItem is one measure of it.
type PlanCopyItem struct {
	ID          uuid.UUID `json:"-"` // of the measure, while somebody chooses
	What        string    `json:"what"`
	DueOn       string    `json:"due_on"`      // ISO 8601 date
	Responsible string    `json:"responsible"` // a discipline; for those who lead the case caseworker or moderator
}

// Handover is what a caseworker passes on, and to whom.
type Handover struct {
	Recipient uuid.UUID
	Measures  []uuid.UUID
	Question  bool
	Read      bool // she has read what goes out
}

func (h Handover) validate() error {
	switch {
	case h.Recipient == uuid.Nil:
		return &account.InvalidError{Field: "recipient", Rule: "required"}
	case len(h.Measures) == 0 && !h.Question:
		return &account.InvalidError{Field: "measures", Rule: "required"}
	case !h.Read:
		return &account.InvalidError{Field: "read", Rule: "required"}
	}
	return nil
}

// Passing is what a plan would say if it was passed on now, to choose from.
type Passing struct {
	Conference Conference
	Recipients []Recipient // to whom the consent lets it go
	Question   string
	Measures   []PlanCopyItem
}

// Recipient is an organisation that something may be passed to.
type Recipient struct {
	ID   uuid.UUID
	Name string
}

// Passed says that a plan was passed on.
type Passed struct {
	ID           uuid.UUID
	Code         string // of the conference
	Organisation string // that was given it
	Pseudonym    string // under which
	Measures     int
	Question     bool
	By           string
	At           time.Time
}

// promised leaves out what nobody has promised.
func promised(all []plan.Measure) []plan.Measure {
	return slices.DeleteFunc(all, func(m plan.Measure) bool { return m.State == plan.Proposed || m.State == plan.Refused })
}

// responsible says as what somebody of the round has promised something.
func responsible(person uuid.UUID, seats []Seat) string {
	for _, t := range seats {
		if t.AccountID == person {
			if t.Discipline != "" {
				return t.Discipline
			}
			return string(t.Role)
		}
	}
	return string(Caseworker) // a colleague who has taken over
}
