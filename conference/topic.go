package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// A conference without a case. It is convened by a coordinator on a topic, or comes of a question that a caseworker has asked without
// telling of anybody. There is no client, so there is nothing that somebody would have to agree to, and nothing that only a client has:
// no summary, no attachments, no declaration of ties, no guests of hers, nobody to pass the plan on for. Everything else is as always.

// Topic is what a coordinator convenes a conference on.
type Topic struct {
	Question    string
	Explanation string // may be empty
	Colleagues  []uuid.UUID
	Panel
}

func (t *Topic) validate(now time.Time) error {
	err := account.FirstError(
		account.CheckText("topic", &t.Question, 300, true),
		account.CheckText("explanation", &t.Explanation, 2000, false),
	)
	switch {
	case err != nil:
		return err
	case t.Written && len(t.Colleagues) > 0:
		return &account.InvalidError{Field: "colleagues", Rule: "in_writing"} // opinions are those of experts
	case len(t.Colleagues) > 20:
		return &account.InvalidError{Field: "colleagues", Rule: "twenty"}
	case t.Visible != nil:
		return &account.InvalidError{Field: "visible_from", Rule: "no_case"}
	}
	return t.Panel.validate(now)
}

// ColleagueOf is somebody who can be asked to a topic.
type ColleagueOf struct {
	ID           uuid.UUID
	Name         string
	Organisation string
}

// validateQuestion is validate for a request without a case.
func (r *Request) validateQuestion() error {
	err := account.FirstError(
		account.CheckText("question", &r.Question, 300, true),
		account.CheckText("explanation", &r.Explanation, 1000, true),
	)
	if err != nil {
		return err
	}
	return r.validWishes()
}

// Nobody says that a request tells of no case.
func (r Request) Nobody() bool { return r.CaseID == uuid.Nil }

// Topic says that the conference has no case.
func (c Conference) Topic() bool { return c.CaseID == uuid.Nil }

// ofCases are the deeds for which it takes a case.
var ofCases = []deed{toAskGuests, toDeclare, toPass}

// has refuses what needs a case where there is none, and to ask a caseworker for something where none has asked.
func (c Conference) has(d deed) error {
	switch {
	case c.CaseID == uuid.Nil && slices.Contains(ofCases, d):
		return account.Refuse(account.ErrConflict, "no_case")
	case c.RequestID == uuid.Nil && d == toAskInformation:
		return account.Refuse(account.ErrConflict, "nobody_to_ask")
	}
	return nil
}

// withoutRound takes the names of those who sit in a conference out of its texts: the minutes name them anyway.
func withoutRound(seats []Seat, parts []casefile.Part) []casefile.Part {
	people := make([]*somebody, len(seats))
	for i, t := range seats {
		people[i] = &somebody{id: t.AccountID, name: t.Name, concerned: true, called: "[Person]"}
	}
	v := newVeil(people)
	hidden := make([]casefile.Part, len(parts))
	for i, p := range parts {
		hidden[i] = casefile.Part{Field: p.Field, Text: v.hide(p.Text)}
	}
	return hidden
}
