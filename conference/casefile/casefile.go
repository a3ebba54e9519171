// Package casefile is the case under its pseudonym: its summary and the consent that opens it.
//
// Every way to read a case passes Open, which asks the consent as it stands at that moment. The package never sees who the
// client is (that is package pseudonym) and knows nothing of conferences. It has no field for cooperation, refusal or
// sanction, and must never get one.
package casefile

import (
	"time"

	"github.com/google/uuid"
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
	Contact        string     // whom the client turns to
	Phase          string     // where the case is on its way; "" while nobody has said
	RereadAt       *time.Time // since when its texts wait to be read again, since more is known of who the client is; nil when they do not

	Latest   Version // of the summary; the zero Version when sealed
	Released int     // version that the circle may read; 0 while there is none
	Alone    bool    // nobody but the author of the latest version could release it
	Single   bool    // the organisation allows a release by the author where nobody else could do it

	Summary  *Summary // the latest; nil when sealed, and in lists
	Consent  *Consent // the last one given, standing or not
	Prepared *Consent // a sheet that waits for its signature; nil when there is none, and in lists
}
