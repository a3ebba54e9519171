// Package conference is a case conference from the request to the follow-up: request, panel, date, invitations, the live
// meeting's rights and notes at rest, minutes.
//
// A conference belongs to the organisation that convenes it and is known by a pseudonym of its own. Coordinators of the
// network moderate it, experts sit in it by invitation. Whoever reads case text passes the consent of the case at that
// moment. The package never sees who the client is and knows neither HTTP nor sockets.
package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// State of a conference:
//
//	inviting ⇄ quorate → live → minutes_draft → approved → closed
//	inviting | quorate → cancelled
//	any of them but cancelled → sealed (consent withdrawn)
type State string

const (
	Inviting     State = "inviting"
	Quorate      State = "quorate"
	Live         State = "live"
	MinutesDraft State = "minutes_draft"
	Approved     State = "approved"
	Closed       State = "closed" // every measure has come to an end
	Cancelled    State = "cancelled"
	Sealed       State = "sealed"
)

// Planned says that the conference is still to come.
func (s State) Planned() bool { return s == Inviting || s == Quorate }

// approved: the minutes are, and nothing of the conference changes any more.
func (s State) approved() bool { return s == Approved || s == Closed }

// Answer of an invited expert; the words of the invitation's state, RFC 5545 PARTSTAT in lower case.
type Answer string

const (
	Offered         Answer = "offered"
	Tentative       Answer = "tentative"
	Accepted        Answer = "accepted"
	Declined        Answer = "declined"
	AnswerCancelled Answer = "cancelled"
)

// Conference is one meeting about one case, or about a topic: then CaseID is uuid.Nil, and there is no client.
type Conference struct {
	ID               uuid.UUID
	Code             string
	Organisation     uuid.UUID
	OrganisationName string
	Network          uuid.UUID
	CaseID           uuid.UUID // uuid.Nil: there is none
	RequestID        uuid.UUID // uuid.Nil: a coordinator has convened a topic by herself
	ModeratorID      uuid.UUID
	ModeratorName    string
	CaseworkerName   string
	Question         string
	OwnWish          string
	State            State
	StartsAt, EndsAt time.Time
	RequestedAt      time.Time
	CreatedAt        time.Time
	OpenedAt         *time.Time
	EndedAt          *time.Time
	Kind             Kind
	VisibleFrom      *time.Time // from when on experts may read; nil: at once
	Spoken           string     // what it is called aloud, such as Ahorn 7; may be empty
	Explanation      string     // of a topic; empty about a case, which has its summary
	Written          bool       // without a meeting: experts answer in writing, each on her own, until EndsAt
	Fixed            bool       // the date stands: nobody is asked to propose another one
}

// Seat is a place in the round: a role, for experts the discipline it stands for, and whoever has been asked.
type Seat struct {
	ID         uuid.UUID
	AccountID  uuid.UUID
	Name       string
	Role       Part
	Discipline string
	Required   bool
	AttendedAt *time.Time
	Answer     Answer // of the standing invitation; empty for those who need none
	AnsweredAt *time.Time
	Comment    string
	Sequence   int
	Declared   Declaration // by an expert, for this invitation; empty before
	CameBack   string      // code of RFC 3463 with which the last mail to her could not be delivered; empty: nothing is known
	Written    bool        // asked for a written opinion instead of coming
}

// Part is what somebody is in one conference.
type Part string

const (
	Moderator  Part = "moderator"
	Caseworker Part = "caseworker"
	ExpertPart Part = "expert"
	Colleague  Part = "colleague" // of any organisation of the network, invited to a topic
)

// Asked says that somebody in this part has an invitation to answer. Others lead the case, or moderate.
func (p Part) Asked() bool { return p == ExpertPart || p == Colleague }

// deed is something that can be done to a conference.
type deed int

const (
	toSee  deed = iota
	toPlan      // move, cancel, invite, uninvite
	toOpen
	toEnter
	toEnd
	toMinute
	toApprove
	toPropose
	toAppend
	toRedact
	toAskGuests // make links for people without an account, and take them back
	toDeclare
	toAskInformation
	toAnswerInformation
	toPass // the plan, to an organisation that the client has agreed to
	toOpine
	toOpenOpinions
	toAskOpinions
	toArrange // the agenda, and to say which phase it is
)

// may is who may do what, by part. Consent and state are asked besides.
var may = map[deed][]Part{
	toSee:     {Moderator, Caseworker, ExpertPart, Colleague},
	toPlan:    {Moderator},
	toOpen:    {Moderator, Caseworker},
	toEnter:   {Moderator, Caseworker, ExpertPart, Colleague},
	toEnd:     {Moderator},
	toMinute:  {Moderator, Caseworker},
	toApprove: {Moderator},
	toPropose: {Moderator, Caseworker, ExpertPart, Colleague},
	toAppend:  {Moderator, Caseworker, ExpertPart, Colleague},
	toRedact:  {Moderator, Caseworker, ExpertPart, Colleague},

	toAskGuests: {Moderator, Caseworker},
	toDeclare:   {ExpertPart},

	toAskInformation:    {Moderator, ExpertPart},
	toAnswerInformation: {Caseworker},
	toPass:              {Caseworker},

	toOpine:        {ExpertPart},
	toOpenOpinions: {Moderator},
	toAskOpinions:  {Moderator},

	toArrange: {Moderator},
}

func (p Part) may(d deed) error {
	if !slices.Contains(may[d], p) {
		return account.ErrDenied
	}
	return nil
}

// partOf tells what the actor is in c. Foreign organisations and people who were not asked, or said no, are told that there
// is no such conference.
func partOf(by account.Actor, c Conference, seats []Seat) (Part, Seat, error) {
	i := slices.IndexFunc(seats, func(s Seat) bool { return s.AccountID == by.ID })
	var own Seat
	if i >= 0 {
		own = seats[i]
	}
	switch reach := by.Reach(account.TakePart); {
	case reach == account.OwnNetwork && by.Network == c.Network:
		return Moderator, own, nil
	case reach == account.OwnOrganisation && by.Organisation == c.Organisation && c.RequestID != uuid.Nil:
		return Caseworker, own, nil
	case reach == account.OwnOrganisation && own.Role == Colleague && own.standing():
		return Colleague, own, nil
	case reach == account.OwnSeats && own.Role == ExpertPart && own.standing():
		return ExpertPart, own, nil
	}
	return "", Seat{}, account.ErrNotFound
}

// standing says that somebody was asked and has neither said no nor been taken out.
func (t Seat) standing() bool {
	return t.Answer != "" && t.Answer != Declined && t.Answer != AnswerCancelled
}

// quorate: every discipline that is required has at least one expert who accepted. Heads do not count.
func quorate(seats []Seat) bool {
	filled := map[string]bool{}
	for _, s := range seats {
		if s.Role == ExpertPart && s.Required && s.Answer != AnswerCancelled {
			filled[s.Discipline] = filled[s.Discipline] || s.Answer == Accepted
		}
	}
	for _, yes := range filled {
		if !yes {
			return false
		}
	}
	return len(filled) > 0
}

// The room may be opened half an hour before the date and until six hours after it.
const (
	openBefore = 30 * time.Minute
	openAfter  = 6 * time.Hour
)

// openable says whether the room of a planned conference can be opened at now.
func (c Conference) openable(now time.Time) bool {
	return !c.Written && now.After(c.OpensAt()) && now.Before(c.EndsAt.Add(openAfter))
}

// OpensAt is when the room may be opened at the earliest.
func (c Conference) OpensAt() time.Time { return c.StartsAt.Add(-openBefore) }

// answerable is the rule for an invitation: what it is answered for must be what it still asks. Who has left because of a tie does
// not come back by it.
func answerable(c Conference, current Answer, declared Declaration, sequence, answered int, now time.Time) error {
	switch {
	case declared.Tie():
		return account.Refuse(account.ErrConflict, "seat_left")
	case c.State == Cancelled || c.State == Sealed || current == AnswerCancelled:
		return account.Refuse(account.ErrConflict, "conference_cancelled")
	case !c.State.Planned() && c.State != Live || now.After(c.EndsAt):
		return account.Refuse(account.ErrConflict, "conference_over")
	case answered != sequence:
		return account.Refuse(account.ErrConflict, "date_moved")
	}
	return nil
}

// Panel is a coordinator's answer to a request: who, and when.
type Panel struct {
	Experts []uuid.UUID
	Starts  time.Time
	Length  time.Duration
	Kind    Kind       // empty: a case conference
	Visible *time.Time // from when on experts may read; nil: at once
	Series  uuid.UUID  // of which Starts and Length are a free place; uuid.Nil: of none
	Fixed   bool       // the date stands: nobody is asked to propose another one

	Optional []uuid.UUID // of Experts, those without whom it can be held

	Written  bool          // in writing, without a meeting: instead of Starts and Length there is DueOn
	DueOn    time.Time     // midnight UTC of the last day for written opinions
	Opinions bool          // first opinions are asked for before a meeting by video, if two experts or more are
	Scale    opinion.Scale // of the opinions; empty: by the words of the question
}

func (p Panel) validate(now time.Time) error {
	switch {
	case len(p.Experts) == 0:
		return &account.InvalidError{Field: "experts", Rule: "required"}
	case len(p.Experts) > 12:
		return &account.InvalidError{Field: "experts", Rule: "twelve"}
	case !p.Kind.known() && p.Kind != TopicConference:
		return &account.InvalidError{Field: "kind", Rule: "unknown"}
	case p.Written && p.Series != uuid.Nil:
		return &account.InvalidError{Field: "series", Rule: "in_writing"}
	case p.Written:
		return nil // its date is checked by dueAt
	}
	if err := validDate(p.Starts, p.Length, now); err != nil {
		return err
	}
	return validVisible(p.Visible, p.Starts, now)
}

func validDate(starts time.Time, length time.Duration, now time.Time) error {
	switch {
	case starts.IsZero():
		return &account.InvalidError{Field: "starts", Rule: "required"}
	case starts.Before(now):
		return &account.InvalidError{Field: "starts", Rule: "future"}
	case starts.After(now.AddDate(1, 0, 0)):
		return &account.InvalidError{Field: "starts", Rule: "one_year"}
	case length < 5*time.Minute || length > 4*time.Hour:
		return &account.InvalidError{Field: "length", Rule: "length"}
	}
	return nil
}

// View is a conference as one actor may see it now.
type View struct {
	Conference
	Part        Part
	Own         Seat // the actor's, if she has one
	Seats       []Seat
	Attachments []casefile.Attachment // released ones; of ByCode alone
	Course      casefile.Course       // what the consent shows of it; of ByCode alone
	Summary     *casefile.Summary     // nil when Closed says why
	Shut        string                // rule why the case is not open to the actor now; empty when it is
	Consent     *time.Time            // last day of the consent that stands
	Measures    []plan.Measure
	Minutes     string // "", draft, approved
	CanOpen     bool
	CanEnter    bool
}

func (v View) can(d deed) bool { return v.Part.may(d) == nil && v.has(d) == nil }

// Can tells a page whether to offer a deed; the deed itself asks again.
func (v View) CanPlan() bool { return v.Part.may(toPlan) == nil && v.State.Planned() }
func (v View) CanAskGuests() bool {
	return !v.Written && v.can(toAskGuests) && v.Shut == "" && (v.State.Planned() || v.State == Live)
}
func (v View) CanUninvite() bool {
	return v.Part.may(toPlan) == nil && (v.State.Planned() || v.State == Live)
}
func (v View) CanDeclare() bool {
	return v.can(toDeclare) && v.State != Cancelled && v.State != Sealed
}
func (v View) CanAskInformation() bool {
	return v.can(toAskInformation) && v.Shut == "" && v.informable() == nil
}
func (v View) CanAnswerInformation() bool {
	return v.Part.may(toAnswerInformation) == nil && v.Shut == "" && v.informable() == nil
}
func (v View) CanArrange() bool {
	return !v.Written && v.can(toArrange) && v.Shut == "" && (v.State.Planned() || v.State == Live)
}
func (v View) CanEnd() bool     { return v.Part.may(toEnd) == nil && v.State == Live }
func (v View) CanMinute() bool  { return v.Part.may(toMinute) == nil && v.State == MinutesDraft }
func (v View) CanApprove() bool { return v.Part.may(toApprove) == nil && v.State == MinutesDraft }
func (v View) CanPass() bool    { return v.can(toPass) && v.Shut == "" && v.State.approved() }
func (v View) CanPropose() bool {
	return v.Part.may(toPropose) == nil && v.Shut == "" && (v.State == Live || v.State == MinutesDraft && !v.Part.Asked())
}
