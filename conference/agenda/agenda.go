// Package agenda is the timed agenda of a conference: phases in an order, each with minutes and somebody who leads through it. It says what
// is proposed at first, what an agenda must be, and how a conference goes through one. It is pure: people and times come as values.
package agenda

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Kind is what a phase is for.
type Kind string

const (
	Opening         Kind = "opening"
	Presentation    Kind = "presentation"
	Confirming      Kind = "confirming" // whoever leads says it again, and asks whether that is right
	Questions       Kind = "questions"  // to understand; nobody recommends anything yet
	Recommendations Kind = "recommendations"
	WithGuest       Kind = "with_guest" // the client, or somebody of hers, is in the room
	Decisions       Kind = "decisions"
	Own             Kind = "own" // what its title says
)

// Kinds are all, in the order in which a conference usually has them.
var Kinds = []Kind{Opening, Presentation, Confirming, Questions, Recommendations, WithGuest, Decisions, Own}

// Role is who leads through a phase, where that is not one person.
type Role string

const (
	Moderator  Role = "moderator"
	Caseworker Role = "caseworker"
	Experts    Role = "experts" // all of them
	Guest      Role = "guest"
	Seat       Role = "seat" // one seat of the conference
)

// Roles are those that need no name.
var Roles = []Role{Moderator, Caseworker, Experts, Guest}

// Owner is who leads through a phase.
type Owner struct {
	Role Role
	Seat uuid.UUID // with the role Seat, and only with it
}

// ReadOwner is the owner that a form names: a role, or the id of a seat. What is neither has no role.
func ReadOwner(typed string) Owner {
	if slices.Contains(Roles, Role(typed)) {
		return Owner{Role: Role(typed)}
	}
	if id, err := uuid.Parse(typed); err == nil && id.String() == typed && id != uuid.Nil {
		return Owner{Seat, id}
	}
	return Owner{}
}

// String is what ReadOwner reads.
func (o Owner) String() string {
	if o.Role == Seat {
		return o.Seat.String()
	}
	return string(o.Role)
}

// Phase is one part of a conference.
type Phase struct {
	Kind    Kind
	Title   string // empty: the word for its kind
	Minutes int
	Owner   Owner
}

// The limits of an agenda.
const (
	MostPhases  = 12
	MostMinutes = 120 // of one phase
	MostTitle   = 80  // characters
)

// Agenda is phases in their order.
type Agenda []Phase

// Length is how long all phases take together.
func (a Agenda) Length() time.Duration {
	sum := 0
	for _, p := range a {
		sum += p.Minutes
	}
	return time.Duration(sum) * time.Minute
}

// Begins are the times at which the phases begin, the first at start.
func (a Agenda) Begins(start time.Time) []time.Time {
	times := make([]time.Time, len(a))
	for i, p := range a {
		times[i] = start
		start = start.Add(time.Duration(p.Minutes) * time.Minute)
	}
	return times
}

// Check brings titles into shape and holds an agenda to the rules, for a conference of that length with these seats. The error is an
// InvalidError: of "phases" (required, twelve, too_long), or of a row counted from 0, as in title0 (required, too_long, text, one_line),
// minutes0 (range), kind0 and owner0 (unknown).
func (a Agenda) Check(length time.Duration, seats []uuid.UUID) error {
	switch {
	case len(a) == 0:
		return &account.InvalidError{Field: "phases", Rule: "required"}
	case len(a) > MostPhases:
		return &account.InvalidError{Field: "phases", Rule: "twelve"}
	}
	for i := range a {
		if err := a[i].check(strconv.Itoa(i), seats); err != nil {
			return err
		}
	}
	if a.Length() > length {
		return &account.InvalidError{Field: "phases", Rule: "too_long"}
	}
	return nil
}

func (p *Phase) check(row string, seats []uuid.UUID) error {
	if !slices.Contains(Kinds, p.Kind) {
		return &account.InvalidError{Field: "kind" + row, Rule: "unknown"}
	}
	if err := account.CheckText("title"+row, &p.Title, MostTitle, p.Kind == Own); err != nil {
		return err
	}
	switch {
	case strings.ContainsAny(p.Title, "\n\t"):
		return &account.InvalidError{Field: "title" + row, Rule: "one_line"}
	case p.Minutes < 1 || p.Minutes > MostMinutes:
		return &account.InvalidError{Field: "minutes" + row, Rule: "range"}
	case p.Owner.Role == Seat && slices.Contains(seats, p.Owner.Seat), slices.Contains(Roles, p.Owner.Role):
		return nil
	}
	return &account.InvalidError{Field: "owner" + row, Rule: "unknown"}
}

// Without is an agenda for a conference in which these seats stay empty. What a phase of its own kind was for nobody else can do, so that it
// is left out; through all others the moderation leads.
func (a Agenda) Without(seats []uuid.UUID) Agenda {
	left := Agenda{}
	for _, p := range a {
		if p.Owner.Role == Seat && slices.Contains(seats, p.Owner.Seat) {
			if p.Kind == Own {
				continue
			}
			p.Owner = Owner{Role: Moderator}
		}
		left = append(left, p)
	}
	return left
}
