package expertpool

import (
	"net/mail"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Agreement is a cooperation agreement with a partner. It is made and prolonged by those who keep agreements, and ends with its term or
// when it is called off.
type Agreement struct {
	ID           uuid.UUID
	Organisation uuid.UUID // uuid.Nil: the partner is none of the network's
	Partner      string
	SignedOn     time.Time // a date
	ValidUntil   time.Time // a date, the last day
	Contact      string
	ContactEmail string
	ContactPhone string
	Contingent   string // what the partner gives, in words
	Reference    string // where the original of the signed document is kept
	OwnerID      uuid.UUID
	OwnerName    string
	ConfirmedAt  time.Time
	EndedAt      *time.Time
}

// State is running, ending (within 60 days) or ended.
func (a Agreement) State(now time.Time) string {
	today := Today(now)
	switch {
	case a.EndedAt != nil || a.ValidUntil.Before(today):
		return "ended"
	case !a.ValidUntil.After(today.AddDate(0, 0, agreementReminders[0])):
		return "ending"
	}
	return "running"
}

// DaysLeft is how many days it still runs.
func (a Agreement) DaysLeft(now time.Time) int {
	return int(a.ValidUntil.Sub(Today(now)).Hours() / 24)
}

// Fade says how stale what stands here is.
func (a Agreement) Fade(now time.Time) Fade { return fade(a.ConfirmedAt, now) }

func (a *Agreement) validate(now time.Time) error {
	err := account.FirstError(
		account.CheckText("partner", &a.Partner, maxInstitution, true),
		account.CheckText("contact", &a.Contact, maxName, true),
		account.CheckText("contact_phone", &a.ContactPhone, 50, false),
		account.CheckText("contingent", &a.Contingent, 300, false),
		account.CheckText("reference", &a.Reference, 300, false),
	)
	if err != nil {
		return err
	}
	if m, err := mail.ParseAddress(a.ContactEmail); a.ContactEmail != "" && (err != nil || m.Address != a.ContactEmail || len(a.ContactEmail) > 254) {
		return &account.InvalidError{Field: "contact_email", Rule: "address"}
	}
	today := Today(now)
	switch {
	case a.SignedOn.IsZero():
		return &account.InvalidError{Field: "signed_on", Rule: "required"}
	case a.SignedOn.After(today):
		return &account.InvalidError{Field: "signed_on", Rule: "past"}
	case a.ValidUntil.IsZero():
		return &account.InvalidError{Field: "valid_until", Rule: "required"}
	case a.ValidUntil.Before(a.SignedOn):
		return &account.InvalidError{Field: "valid_until", Rule: "before_signed"}
	case a.ValidUntil.After(today.AddDate(30, 0, 0)):
		return &account.InvalidError{Field: "valid_until", Rule: "thirty_years"}
	}
	return nil
}
