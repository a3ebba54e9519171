package expertpool

import (
	"net/mail"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Checks are what a coordinator can have seen of somebody's qualification: the licence to practise, the number in the
// physicians' register, certificates, the employer's word, a proof of identity.
var Checks = []string{"licence", "register", "certificate", "employer", "identity"}

// TieKinds say how an expert belongs to an institution.
var TieKinds = []string{"employer", "contract", "board", "family", "other"}

const (
	verifiedAtMost = 3    // years that a verification can last
	fadesAfter     = 90   // days without a confirmation after which an entry fades
	fadedAfter     = 120  // days after which it is all but gone
	maxName        = 200  // characters
	maxMessage     = 1000 // characters
	maxInstitution = 200  // characters
)

// Standing is how an expert stands in the pool: what decides whether she can be invited, and how far her entry can be trusted.
type Standing struct {
	ExpertID      uuid.UUID
	Name          string
	Address       bool // there is a mail address
	Active        bool
	LeftAt        *time.Time
	VerifiedUntil *time.Time // a date, the last day; nil: never verified, or the verification was taken back
	Signed        int        // version of the declaration she signed last; 0: none
	Current       int        // version that her network asks for
	ConfirmedAt   time.Time
	OwnerID       *uuid.UUID
	OwnerName     string
}

// Bar names the rule by which she cannot be invited now: left, no_address, not_verified, verification_expired, declaration_missing
// or declaration_outdated. Empty: she can.
func (s Standing) Bar(now time.Time) string {
	switch {
	case s.LeftAt != nil || !s.Active:
		return "left"
	case !s.Address:
		return "no_address"
	case s.VerifiedUntil == nil:
		return "not_verified"
	case s.VerifiedUntil.Before(Today(now)):
		return "verification_expired"
	case s.Signed == 0:
		return "declaration_missing"
	case s.Signed < s.Current:
		return "declaration_outdated"
	}
	return ""
}

// DaysLeft is how many days the verification still holds; negative once it has expired, and 0 without one.
func (s Standing) DaysLeft(now time.Time) int {
	if s.VerifiedUntil == nil {
		return 0
	}
	return int(s.VerifiedUntil.Sub(Today(now)).Hours() / 24)
}

// Fade says how stale the entry is.
func (s Standing) Fade(now time.Time) Fade { return fade(s.ConfirmedAt, now) }

// Verification is what a coordinator has seen, and until when that holds. It is made once and never changed but by being taken back.
type Verification struct {
	ID         uuid.UUID
	Checked    []string // of Checks
	Note       string
	By         string // who; empty: taken over
	At         time.Time
	ValidUntil time.Time // a date, the last day
	RevokedAt  *time.Time
	RevokedWhy string
}

// checkVerification holds a verification to the rules: something was seen, and it ends within three years.
func checkVerification(v *Verification, now time.Time) error {
	today := Today(now)
	switch {
	case len(v.Checked) == 0:
		return &account.InvalidError{Field: "checked", Rule: "required"}
	case slices.ContainsFunc(v.Checked, func(c string) bool { return !slices.Contains(Checks, c) }):
		return &account.InvalidError{Field: "checked", Rule: "unknown"}
	case v.ValidUntil.IsZero():
		return &account.InvalidError{Field: "valid_until", Rule: "required"}
	case !v.ValidUntil.After(today):
		return &account.InvalidError{Field: "valid_until", Rule: "future"}
	case v.ValidUntil.After(today.AddDate(verifiedAtMost, 0, 0)):
		return &account.InvalidError{Field: "valid_until", Rule: "three_years"}
	}
	return account.CheckText("note", &v.Note, 500, false)
}

// Tie is an institution that an expert works for or has ties to: in its cases she is not suggested.
type Tie struct {
	ID           uuid.UUID
	Organisation uuid.UUID // uuid.Nil: none of the network's
	Institution  string
	Kind         string // of TieKinds
}

func (t *Tie) validate() error {
	if !slices.Contains(TieKinds, t.Kind) {
		return &account.InvalidError{Field: "kind", Rule: "required"}
	}
	return account.CheckText("institution", &t.Institution, maxInstitution, t.Organisation == uuid.Nil)
}

// Application is somebody's wish to join, or a coordinator's wish to have her.
type Application struct {
	ID         uuid.UUID
	Name       string
	Email      string
	Profession string // of Professions, or empty
	Discipline string
	Workplace  string
	Message    string
	SentAt     time.Time
}

func (a *Application) validate() error {
	if err := account.CheckText("name", &a.Name, maxName, true); err != nil {
		return err
	}
	if m, err := mail.ParseAddress(a.Email); err != nil || m.Address != a.Email || len(a.Email) > 254 {
		return &account.InvalidError{Field: "email", Rule: "address"}
	}
	if !KnownDiscipline(a.Discipline) {
		return &account.InvalidError{Field: "discipline", Rule: "required"}
	}
	if a.Profession != "" && !KnownProfession(a.Profession) {
		return &account.InvalidError{Field: "profession", Rule: "unknown"}
	}
	return account.FirstError(
		account.CheckText("workplace", &a.Workplace, maxInstitution, false),
		account.CheckText("message", &a.Message, maxMessage, false),
	)
}

// Fade says how stale something is that people confirm from time to time.
type Fade struct {
	Weeks int // since it was last confirmed
	Step  int // 0: fresh; 1: fading; 2: faded
}

func fade(confirmed, now time.Time) Fade {
	days := int(Today(now).Sub(Today(confirmed)).Hours() / 24)
	f := Fade{Weeks: max(0, days/7)}
	switch {
	case days > fadedAfter:
		f.Step = 2
	case days > fadesAfter:
		f.Step = 1
	}
	return f
}
