package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Declaration is what an invited expert says about herself and the person before the case is shown to her, once for each
// invitation.
type Declaration string

const (
	NoTie    Declaration = "none"
	Knows    Declaration = "knows"
	Treats   Declaration = "treats"
	Conflict Declaration = "conflict" // of interest, with the organisation that leads the case
)

// Declarations are all of them, in the order in which they are offered.
var Declarations = []Declaration{NoTie, Knows, Treats, Conflict}

// Tie says that whoever declares this leaves the round.
func (d Declaration) Tie() bool { return d != NoTie && slices.Contains(Declarations, d) }

// readable is the rule for somebody in the round beside the consent: an expert reads once she has accepted, has said that there is
// no tie, and it is time. Where there is no case nobody can have a tie. Others are not asked: they lead the case, or moderate.
func (c Conference) readable(part Part, own Seat, now time.Time) error {
	switch {
	case !part.Asked():
		return nil
	case own.Answer != Accepted:
		return account.Refuse(account.ErrConflict, "not_accepted")
	case c.CaseID != uuid.Nil && own.Declared != NoTie:
		return account.Refuse(account.ErrConflict, "undeclared")
	case !c.visible(now):
		return account.Refuse(account.ErrConflict, "not_yet")
	}
	return nil
}

// visible says that the time has come from which experts may read; at the latest that is when the room is opened.
func (c Conference) visible(now time.Time) bool {
	return c.VisibleFrom == nil || !now.Before(*c.VisibleFrom) || !c.State.Planned()
}

// validVisible holds the time from which experts may read to the time before the date; nil is at once.
func validVisible(from *time.Time, starts, now time.Time) error {
	switch {
	case from == nil:
		return nil
	case from.Before(now):
		return &account.InvalidError{Field: "visible_from", Rule: "future"}
	case from.After(starts):
		return &account.InvalidError{Field: "visible_from", Rule: "before_start"}
	}
	return nil
}
