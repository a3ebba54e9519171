package conference

import (
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// InformationState of a request for information. Overdue is computed.
//
//	open → answered | withdrawn
type InformationState string

const (
	InformationOpen      InformationState = "open"
	InformationAnswered  InformationState = "answered"
	InformationWithdrawn InformationState = "withdrawn"
)

// Information is what somebody of the round misses in a case, with a deadline. The caseworker answers it; question and answer are
// for the whole round. Asked before there is a conference it is the coordination's, about the request; see AskBack.
type Information struct {
	ID         uuid.UUID
	Code       string    // of the conference, or of the one that comes of the request
	Request    uuid.UUID // Nil when it belongs to a conference
	Question   string
	DueOn      time.Time // a date: the last day
	State      InformationState
	AskedByID  uuid.UUID
	AskedBy    string
	Discipline string // of an expert
	AskedAt    time.Time
	Answer     string
	AnsweredBy string
	AnsweredAt *time.Time
}

// Overdue says that an open request has passed its day.
func (i Information) Overdue(now time.Time) bool {
	return i.State == InformationOpen && expertpool.Today(now).After(i.DueOn)
}

// CanWithdraw says that this person may take the request back.
func (i Information) CanWithdraw(by uuid.UUID) bool {
	return i.State == InformationOpen && i.AskedByID == by
}

// mostInformation is how many requests of one conference may be open: more is a case that is not ready.
const mostInformation = 12

func validInformation(question *string, due, now time.Time) error {
	if err := account.CheckText("missing", question, 500, true); err != nil {
		return err
	}
	switch today := expertpool.Today(now); {
	case due.IsZero():
		return &account.InvalidError{Field: "due_on", Rule: "required"}
	case due.Before(today):
		return &account.InvalidError{Field: "due_on", Rule: "future"}
	case due.After(today.AddDate(0, 3, 0)):
		return &account.InvalidError{Field: "due_on", Rule: "three_months"}
	}
	return nil
}

// informable is the rule for the states in which something can be asked or answered: as long as the answer can still be of use to
// the minutes.
func (c Conference) informable() error {
	if !c.State.Planned() && c.State != Live && c.State != MinutesDraft {
		return account.Refuse(account.ErrConflict, "conference_over")
	}
	return nil
}
