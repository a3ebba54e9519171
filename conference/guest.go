package conference

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// GuestKind is as what somebody without an account takes part.
type GuestKind string

const (
	GuestClient      GuestKind = "client"      // the person whom the case is about
	GuestTrusted     GuestKind = "trusted"     // SGB IX § 20(3): with whom she wants to come
	GuestInterpreter GuestKind = "interpreter" // of any language, sign language included
)

// GuestKinds are all of them, in the order in which they are offered.
var GuestKinds = []GuestKind{GuestClient, GuestTrusted, GuestInterpreter}

const (
	guestPart Part = "guest" // in the minutes; it has no rights, and no actor has it

	// PresenceText is the version of the sentence that is confirmed before a guest's link is made. The sentence belongs to
	// the page; another one needs another version.
	PresenceText = "presence-1"

	maxGuests = 6 // links of one conference that stand
)

// Guest is a link with which somebody may come to a conference while guests are asked in. Whoever convened the conference
// makes it and hands it over; it ends with the conference, or when it is taken back.
type Guest struct {
	ID         uuid.UUID
	Kind       GuestKind
	CreatedAt  time.Time
	BoundAt    *time.Time // since when it belongs to the browser that used it first
	AttendedAt *time.Time
	LeftAt     *time.Time
	RevokedAt  *time.Time
}

// Stands says that the link has not been taken back.
func (g Guest) Stands() bool { return g.RevokedAt == nil }

// GuestEntry is what a guest's link leads to: a date, no case and no other person.
type GuestEntry struct {
	Guest
	Conference Conference // its Question and OwnWish are empty
	Person     uuid.UUID  // this browser of the guest
	Known      bool       // this is the browser that the link belongs to
}

// Deed is what somebody did in a live room, as it is kept.
type Deed struct {
	Did   string    // one of the words of room_deed
	By    uuid.UUID // account; Nil: a guest, or nobody in particular
	To    uuid.UUID // account, or a browser of a guest; Nil: the room
	Guest uuid.UUID // the link, when it was a guest; else Nil
}

// newGuestToken draws what is in the link. Only its hash is kept.
func newGuestToken() (token string, hash []byte) {
	token = rand.Text() // 130 bits
	return token, hashOf(token)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// guestOpen is the rule for a guest's link at now: it leads to a conference that is not over. ErrClosed says that it once did.
func guestOpen(c Conference, g Guest, now time.Time) error {
	switch {
	case c.State == Sealed || c.State == Cancelled:
		return account.Refuse(account.ErrClosed, "guest_cancelled")
	case !g.Stands():
		return account.Refuse(account.ErrClosed, "guest_revoked")
	case !c.State.Planned() && c.State != Live || now.After(c.EndsAt.Add(openAfter)):
		return account.Refuse(account.ErrClosed, "guest_over")
	}
	return nil
}

// browserOf names a browser that came with a guest's link: the guest herself when it is hers, else somebody else for each
// browser, the same whenever it comes again.
func browserOf(g Guest, browser string, known bool) uuid.UUID {
	if known {
		return g.ID
	}
	return uuid.NewSHA1(g.ID, hashOf(browser))
}

func validGuest(kind GuestKind, confirmed bool) error {
	switch {
	case !slices.Contains(GuestKinds, kind):
		return &account.InvalidError{Field: "guest_kind", Rule: "required"}
	case !confirmed:
		return &account.InvalidError{Field: "guest_confirmed", Rule: "required"}
	}
	return nil
}
