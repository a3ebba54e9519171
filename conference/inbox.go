package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Request is a caseworker's: one question about one case, or, with a nil CaseID, one that tells of nobody. Its states:
//
//	draft → submitted ⇄ needs_info
//	submitted | needs_info → allocated | declined | withdrawn
//
// A draft is its organisation's own. What comes after an end is another request.
type Request struct {
	ID               uuid.UUID
	Organisation     uuid.UUID
	OrganisationName string
	Network          uuid.UUID
	CaseID           uuid.UUID
	CasePseudonym    string // the case's own within its organisation, elsewhere Code
	CaseworkerID     uuid.UUID
	CaseworkerName   string
	Question         string
	Urgency          string // normal, urgent
	Disciplines      []string
	OwnWish          string // the client's, in her own words
	State            string
	SubmittedAt      time.Time // of a draft: when it was kept last
	DecidedAt        *time.Time
	Reason           string
	Code             string // pseudonym of the case in the conference that comes of it; empty in drafts and in requests from before it had one
	ConferenceCode   string
	ConsentStands    bool
	Explanation      string     // without a case: the situation in general words
	DueAt            *time.Time // by when an urgent one wants its answer; local midnight is the end of the day before
	UrgentWhy        string     // of an urgent one
	TakenBy          uuid.UUID  // coordinator who works on it; Nil: nobody
	TakenByName      string
	AskedAt          *time.Time     // since when it waits for an answer of the caseworker
	Paused           time.Duration  // how long it did before
	Because          string         `db:"-"` // of a new one: why something in it stays that names the client
	Parts            []PartQuestion `db:"-"` // at most MaxParts
}

// Waits says that nobody has decided yet.
func (r Request) Waits() bool { return r.State == "submitted" || r.State == "needs_info" }

// Waited is for how long the coordination has had it: not counted is what it waited for the caseworker.
func (r Request) Waited(now time.Time) time.Duration {
	if r.AskedAt != nil {
		now = *r.AskedAt
	}
	return max(0, now.Sub(r.SubmittedAt)-r.Paused)
}

// How long a request may wait.
const (
	normalWait = 24 * time.Hour
	urgentWait = 4 * time.Hour
)

func (r Request) limit() time.Duration {
	if r.Urgency == "urgent" {
		return urgentWait
	}
	return normalWait
}

// RedAt is when a waiting request will have waited too long: a day, urgent ones four hours, and none beyond what it is due at. While its
// clock stands still that is counted as if it went on now.
func (r Request) RedAt(now time.Time) time.Time {
	at := now.Add(r.limit() - r.Waited(now))
	if r.DueAt != nil && r.DueAt.Before(at) {
		return *r.DueAt
	}
	return at
}

// Late says that a request has waited too long. While it waits for the caseworker it has only when it was due already.
func (r Request) Late(now time.Time) bool {
	if r.State == "needs_info" {
		return r.DueAt != nil && now.After(*r.DueAt)
	}
	return r.Waits() && now.After(r.RedAt(now))
}

// taken is the rule that keeps two coordinators from deciding on the same request.
func (r Request) taken(by uuid.UUID) error {
	if r.TakenBy != uuid.Nil && r.TakenBy != by {
		return account.Refuse(account.ErrConflict, "request_taken")
	}
	return nil
}

func (r *Request) validate(now time.Time) (err error) {
	r.calm()
	if r.Parts, err = checkParts(r.Parts); err != nil {
		return err
	}
	err = account.FirstError(
		account.CheckText("question", &r.Question, 300, true),
		account.CheckText("own_wish", &r.OwnWish, 1000, true),
		account.CheckText("urgent_why", &r.UrgentWhy, 200, r.Urgency == "urgent"),
		r.validWishes(),
	)
	if err == nil && r.Urgency == "urgent" {
		err = validDue(r.DueAt, now)
	}
	return err
}

// validWishes holds what a request says of whom it wants, and how soon, to the rules.
func (r *Request) validWishes() error {
	if err := r.validChoices(); err != nil {
		return err
	}
	if len(r.Disciplines) == 0 {
		return &account.InvalidError{Field: "disciplines", Rule: "required"}
	}
	return nil
}

// validateDraft is for what may still lack everything.
func (r *Request) validateDraft() (err error) {
	r.calm()
	if r.Parts, err = checkParts(r.Parts); err != nil {
		return err
	}
	return account.FirstError(
		account.CheckText("question", &r.Question, 300, false),
		account.CheckText("own_wish", &r.OwnWish, 1000, false),
		account.CheckText("urgent_why", &r.UrgentWhy, 200, false),
		r.validChoices(),
	)
}

// calm takes from a request that is not urgent what only urgent ones have.
func (r *Request) calm() {
	if r.Urgency != "urgent" {
		r.DueAt, r.UrgentWhy = nil, ""
	}
}

func (r *Request) validChoices() error {
	slices.Sort(r.Disciplines)
	r.Disciplines = slices.Compact(r.Disciplines)
	switch {
	case r.Urgency != "normal" && r.Urgency != "urgent":
		return &account.InvalidError{Field: "urgency", Rule: "required"}
	case len(r.Disciplines) > 6:
		return &account.InvalidError{Field: "disciplines", Rule: "six"}
	case slices.ContainsFunc(r.Disciplines, func(d string) bool { return !expertpool.KnownDiscipline(d) }):
		return &account.InvalidError{Field: "disciplines", Rule: "unknown"}
	}
	return nil
}

func validDue(due *time.Time, now time.Time) error {
	switch {
	case due == nil || due.IsZero():
		return &account.InvalidError{Field: "due_day", Rule: "required"}
	case !due.After(now):
		return &account.InvalidError{Field: "due_day", Rule: "future"}
	case expertpool.Today(*due).After(expertpool.Today(now).AddDate(0, 3, 1)):
		return &account.InvalidError{Field: "due_day", Rule: "three_months"}
	}
	return nil
}
