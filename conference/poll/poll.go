// Package poll says how a question for dates stands: who has said what to which date, who could take which seat, and which date is the
// best. It is pure: people and dates come as values, and nothing is asked or written here.
package poll

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Vote is what somebody says to a date; empty: nothing yet.
type Vote string

const (
	Yes      Vote = "yes"
	IfNeedBe Vote = "if_need_be"
	No       Vote = "no"
)

// Said tells whether it is one of the three answers.
func (v Vote) Said() bool { return v == Yes || v == IfNeedBe || v == No }

// Source is what tells whether somebody is free at a date, where she has not been asked.
type Source string

const (
	Hours    Source = "hours"    // of her week, as she has told them
	Absence  Source = "absence"  // days on which she is not there
	Promise  Source = "promise"  // another conference, or a date that is kept for one
	Calendar Source = "calendar" // of another place, which she lets be read
)

// Sources are all of them.
var Sources = []Source{Promise, Absence, Calendar, Hours}

// Cast is a vote and where it comes from.
type Cast struct {
	Vote   Vote
	Source Source // empty: said to this question
}

// Seat is a place that is to be taken: by a certain expert, or by anybody of a discipline.
type Seat struct {
	Discipline string
	Expert     uuid.UUID // uuid.Nil: anybody
	Optional   bool
}

func (s Seat) takes(v Voice) bool {
	if s.Expert != uuid.Nil {
		return v.Account == s.Expert
	}
	return v.Discipline == s.Discipline
}

// Option is a date that is asked for: an instant, whatever clocks do until then.
type Option struct {
	ID         uuid.UUID
	Start      time.Time
	HeldUntil  *time.Time // kept free for the seats until then; at most one option of a poll is
	ReleasedAt *time.Time // was held and given back: it is not held again by itself
}

// Voice is somebody whose time matters to a poll, and what she has said.
type Voice struct {
	ID, Account uuid.UUID
	Name        string
	Discipline  string
	House       int        // people of one house are not seated together; 0: of none
	AskedAt     *time.Time // nil: all is known of her, and nobody has asked
	AnsweredAt  *time.Time // when she answered last
	Note        string
	Other       *time.Time // a date that she would rather keep
	RemindedAt  *time.Time
	Reminders   int                     // that went by themselves
	Votes       map[uuid.UUID]Cast      // by option
	Taken       map[uuid.UUID]time.Time // by option: it lies in the way of a date that she is promised to, which begins then
}

// At is what counts for her at an option: what has been promised since weighs more than what she has said.
func (v Voice) At(option uuid.UUID) Vote {
	if _, taken := v.Taken[option]; taken {
		return No
	}
	return v.Votes[option].Vote
}

// Poll is one question for dates. It is open until it is closed: by a conference that comes of it, by hand, or because its request
// has come to an end. Answers are taken until the deadline.
type Poll struct {
	ID, Organisation, Network, CaseID, RequestID uuid.UUID
	Code                                         string // what the conference will be called
	Length                                       time.Duration
	Land                                         string // whose holidays count
	Urgent                                       bool
	StartedBy                                    uuid.UUID
	StartedAt                                    time.Time
	Deadline                                     time.Time
	AnsweredAt                                   *time.Time // when the last of those who are asked had answered
	OverdueAt                                    *time.Time // when whoever started it was told that the deadline has passed
	ClosedAt                                     *time.Time
	Closed                                       string // why
	Seats                                        []Seat
	Options                                      []Option // by start
	Voices                                       []Voice
}

// KnownFrom are the sources of a voice that nobody has asked because all is known of her; none once she has spoken for herself.
func (v Voice) KnownFrom() []Source {
	if v.AskedAt != nil || v.AnsweredAt != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(Sources), func(s Source) bool {
		for _, c := range v.Votes {
			if c.Source == s {
				return false
			}
		}
		return true
	})
}

// Open tells whether the poll waits for a decision.
func (p Poll) Open() bool { return p.ClosedAt == nil }

// Votable tells whether answers are taken at now.
func (p Poll) Votable(now time.Time) bool { return p.Open() && now.Before(p.Deadline) }

// Overdue tells whether the deadline has passed at now and somebody who was asked owes an answer.
func (p Poll) Overdue(now time.Time) bool {
	return p.Open() && !p.Votable(now) && len(p.Waiting()) > 0
}

// Held is the option that is kept free; nil: none is.
func (p Poll) Held() *Option {
	if i := slices.IndexFunc(p.Options, func(o Option) bool { return o.HeldUntil != nil }); i >= 0 {
		return &p.Options[i]
	}
	return nil
}

// Option finds an option by its id.
func (p Poll) Option(id uuid.UUID) (Option, bool) {
	if i := slices.IndexFunc(p.Options, func(o Option) bool { return o.ID == id }); i >= 0 {
		return p.Options[i], true
	}
	return Option{}, false
}

// Waiting are those who have been asked and owe an answer to at least one option.
func (p Poll) Waiting() []Voice {
	var found []Voice
	for _, v := range p.Voices {
		if v.AskedAt != nil && p.owes(v) {
			found = append(found, v)
		}
	}
	return found
}

func (p Poll) owes(v Voice) bool {
	return slices.ContainsFunc(p.Options, func(o Option) bool { return !v.Votes[o.ID].Vote.Said() })
}

// Asked counts those who have been asked.
func (p Poll) Asked() int {
	n := 0
	for _, v := range p.Voices {
		if v.AskedAt != nil {
			n++
		}
	}
	return n
}

// Lost tells whether a seat that is needed has nobody any more who could take it.
func (p Poll) Lost() bool {
	return slices.ContainsFunc(p.Seats, func(s Seat) bool { return !s.Optional && !slices.ContainsFunc(p.Voices, s.takes) })
}
