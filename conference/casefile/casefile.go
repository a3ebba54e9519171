// Package casefile is the case under its pseudonym: its summary and the consent that opens it.
//
// Every way to read a case passes Open, which asks the consent as it stands at that moment. The package never sees who the
// client is (that is package pseudonym) and knows nothing of conferences. It has no field for cooperation, refusal or
// sanction, and must never get one.
package casefile

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Case is a client's case as the convening organisation keeps it.
//
// A caseworker makes it together with the identity in the vault; it is open until its consent is withdrawn, then sealed for
// good. A person who comes back gets a new case.
type Case struct {
	ID             uuid.UUID
	Organisation   uuid.UUID
	Pseudonym      string
	CaseworkerID   uuid.UUID
	CaseworkerName string
	Sealed         bool
	CreatedAt      time.Time
	SealedAt       *time.Time

	Latest   Version // of the summary; the zero Version when sealed
	Released int     // version that the circle may read; 0 while there is none
	Alone    bool    // nobody but the author of the latest version could release it
	Single   bool    // the organisation allows a release by the author where nobody else could do it

	Summary *Summary // the latest; nil when sealed, and in lists
	Consent *Consent // the last one given, standing or not
}

// ConsentText is the version of the text that is explained and signed today.
const ConsentText = "2026-11"

// Consent is the client's: for a purpose, towards a circle of disciplines, for a term. GDPR Art. 7, SGB X section 67b.
type Consent struct {
	ID             uuid.UUID
	Purpose        string // conference
	Circle         []string
	ValidUntil     time.Time // a date: the last day on which it holds
	TextVersion    string
	Explained      bool // voluntariness and withdrawal were explained
	RecordedByName string
	GrantedAt      time.Time
	WithdrawnAt    *time.Time
}

func (c *Consent) validate(now time.Time) error {
	slices.Sort(c.Circle)
	c.Circle = slices.Compact(c.Circle)
	switch {
	case !c.Explained:
		return &account.InvalidError{Field: "explained", Rule: "required"}
	case len(c.Circle) == 0:
		return &account.InvalidError{Field: "circle", Rule: "required"}
	case slices.ContainsFunc(c.Circle, func(d string) bool { return !expertpool.KnownDiscipline(d) }):
		return &account.InvalidError{Field: "circle", Rule: "unknown"}
	case c.ValidUntil.Before(expertpool.Today(now)):
		return &account.InvalidError{Field: "valid_until", Rule: "future"}
	case c.ValidUntil.After(now.AddDate(2, 0, 0)):
		return &account.InvalidError{Field: "valid_until", Rule: "two_years"}
	}
	return nil
}

// Stands says that the consent holds on the day of now.
func (c *Consent) Stands(now time.Time) bool {
	return c != nil && c.WithdrawnAt == nil && !expertpool.Today(now).After(c.ValidUntil)
}

// opens is the one rule that every read path and every socket goes through: may somebody of this discipline look into the
// case at that moment? A nil error opens. An empty discipline stands for those who lead the case: the circle does not bind
// them, the consent does.
func opens(sealed bool, c *Consent, discipline string, now time.Time) error {
	switch {
	case sealed || c != nil && c.WithdrawnAt != nil:
		return account.Refuse(account.ErrClosed, "withdrawn")
	case c == nil:
		return account.Refuse(account.ErrClosed, "no_consent")
	case !c.Stands(now):
		return account.Refuse(account.ErrClosed, "consent_expired")
	case discipline != "" && !slices.Contains(c.Circle, discipline):
		return account.Refuse(account.ErrClosed, "not_in_circle")
	}
	return nil
}

// Sighting is one line of the receipt after a withdrawal: who had seen what, and when last (GDPR Art. 19).
type Sighting struct {
	Name, Role, What string
	At               time.Time
}

// Receipt is what the caseworker gets after a withdrawal.
type Receipt struct {
	Case        Case
	WithdrawnAt time.Time
	Seen        []Sighting
}
