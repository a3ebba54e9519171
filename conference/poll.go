package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

const (
	leastOptions, startOptions, mostOptions = 2, 6, 10

	// enoughAsked is how many people are asked for a seat that anybody of a discipline can take, as far as there are as many.
	enoughAsked = 2
	// holdFor is how long a date is kept free that everybody who is needed can keep.
	holdFor = 24 * time.Hour
	// remindAgain is how soon those who owe an answer can be reminded by hand, after they were asked or reminded last.
	remindAgain = time.Hour
	// pollReminderLast is how long before the deadline a reminder goes at the latest.
	pollReminderLast = time.Hour
)

// Poll is a question for dates, see package poll. It is for the coordination; experts see PollAsk.
type Poll = poll.Poll

// PollDraft is a question for dates: whom they are for, as in a search for dates, and which.
type PollDraft struct {
	DateSearch
	Options  []time.Time
	Deadline time.Time // zero: two working days from now, where somebody waits urgently four hours; sooner if the first date is near
}

// pace is how fast a poll goes: how long before the first date answers must be there, how long there is to answer at least.
type pace struct{ before, least time.Duration }

func paceOf(urgent bool) pace {
	if urgent {
		return pace{before: time.Hour, least: 30 * time.Minute}
	}
	return pace{before: 24 * time.Hour, least: 2 * time.Hour}
}

// PollDeadline is until when answers are asked for if nobody says otherwise.
func PollDeadline(now, first time.Time, urgent bool, land ical.State) time.Time {
	due := now.Add(4 * time.Hour)
	if !urgent {
		due = now.In(expertpool.Zone())
		for days := 2; days > 0; {
			due = due.AddDate(0, 0, 1)
			if workday(expertpool.Today(due), land) {
				days--
			}
		}
	}
	if last := first.Add(-paceOf(urgent).before); last.Before(due) {
		due = last
	}
	return due.Truncate(slot.Quarter)
}

// EarliestPolled is the earliest date that a poll can ask for.
func EarliestPolled(now time.Time, urgent bool) time.Time {
	p := paceOf(urgent)
	return now.Add(p.before + p.least)
}

// check orders the options and sets the deadline.
func (d *PollDraft) check(now time.Time, urgent bool) error {
	if err := d.validate(); err != nil {
		return err
	}
	slices.SortFunc(d.Options, time.Time.Compare)
	d.Options = slices.CompactFunc(d.Options, time.Time.Equal)
	switch {
	case len(d.Options) < leastOptions:
		return &account.InvalidError{Field: "options", Rule: "two"}
	case len(d.Options) > startOptions:
		return &account.InvalidError{Field: "options", Rule: "six"}
	}
	for _, at := range d.Options {
		if err := checkOption("options", at, now, urgent); err != nil {
			return err
		}
	}
	if d.Deadline.IsZero() {
		d.Deadline = PollDeadline(now, d.Options[0], urgent, d.Land)
	}
	return checkDeadline(d.Deadline, d.Options[0], now, urgent)
}

func checkOption(field string, at, now time.Time, urgent bool) error {
	switch {
	case at.IsZero():
		return &account.InvalidError{Field: field, Rule: "required"}
	case !at.Truncate(slot.Quarter).Equal(at):
		return &account.InvalidError{Field: field, Rule: "quarter"}
	case at.Before(EarliestPolled(now, urgent)):
		return &account.InvalidError{Field: field, Rule: "too_soon"}
	case at.After(now.AddDate(0, 0, 7*maxWeeks)):
		return &account.InvalidError{Field: field, Rule: "too_far"}
	}
	return nil
}

func checkDeadline(due, first, now time.Time, urgent bool) error {
	p := paceOf(urgent)
	switch {
	case due.Before(now.Add(p.least)):
		return &account.InvalidError{Field: "deadline", Rule: "too_soon"}
	case due.After(first.Add(-p.before)):
		return &account.InvalidError{Field: "deadline", Rule: "before_first"}
	}
	return nil
}

// pollReminderDue is when somebody who was asked at asked is reminded by herself after so many reminders: at half of the time, and a day
// before the deadline if that is another moment; on a working day and not at night. Zero: not any more.
func pollReminderDue(asked, deadline time.Time, sent int, land ical.State) time.Time {
	half := DecentTime(asked.Add(deadline.Sub(asked)/2), land)
	last := DecentTime(deadline.Add(-24*time.Hour), land)
	moments := []time.Time{half}
	if last.Sub(half) >= reminderGap {
		moments = append(moments, last)
	}
	if sent >= len(moments) || moments[sent].After(deadline.Add(-pollReminderLast)) {
		return time.Time{}
	}
	return moments[sent]
}

// Ballot is what somebody answers to a poll.
type Ballot struct {
	Votes map[uuid.UUID]poll.Vote // by option
	Note  string
	Other *time.Time // a date that she would rather keep
}

func (b *Ballot) check(p Poll, now time.Time) error {
	if err := account.CheckText("note", &b.Note, 300, false); err != nil {
		return err
	}
	if len(b.Votes) == 0 {
		return &account.InvalidError{Field: "votes", Rule: "required"}
	}
	for id, vote := range b.Votes {
		switch _, there := p.Option(id); {
		case !there:
			return &account.InvalidError{Field: "votes", Rule: "unknown"}
		case !vote.Said():
			return &account.InvalidError{Field: "votes", Rule: "required"}
		}
	}
	if b.Other == nil {
		return nil
	}
	return checkOption("other", *b.Other, now, p.Urgent)
}

// pollShut names the rule by which a poll takes no answer any more; empty while it does.
func pollShut(p Poll, now time.Time) string {
	switch {
	case p.Closed == "confirmed" || p.Closed == "convened":
		return "poll_decided"
	case !p.Open():
		return "poll_closed"
	case !p.Votable(now):
		return "poll_over"
	}
	return ""
}

// PollChoice is one date as somebody who is asked sees it.
type PollChoice struct {
	ID         uuid.UUID
	Start, End time.Time
	poll.Cast
}

// PollAsk is what a poll asks one person: code, length, dates and her own discipline. No case, nobody else, no other vote.
type PollAsk struct {
	ID         uuid.UUID
	Code       string
	Discipline string
	Length     time.Duration
	Deadline   time.Time
	Choices    []PollChoice
	AnsweredAt *time.Time
	Owes       bool // at least one date has no vote
	Unasked    bool // all is known of her, and she has not said otherwise
	Note       string
	Other      *time.Time
	Shut       string // rule why it takes no answer any more; empty while it does
}

func askOf(p Poll, v poll.Voice, now time.Time) PollAsk {
	a := PollAsk{
		ID: v.ID, Code: p.Code, Discipline: v.Discipline, Length: p.Length, Deadline: p.Deadline, AnsweredAt: v.AnsweredAt,
		Note: v.Note, Other: v.Other, Shut: pollShut(p, now), Unasked: v.AskedAt == nil && v.AnsweredAt == nil,
	}
	for _, o := range p.Options {
		c := PollChoice{ID: o.ID, Start: o.Start, End: o.Start.Add(p.Length), Cast: v.Votes[o.ID]}
		a.Owes = a.Owes || !c.Vote.Said()
		a.Choices = append(a.Choices, c)
	}
	return a
}
