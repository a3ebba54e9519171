package account

import (
	"net/mail"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Managed is an account as those see it who look after it.
type Managed struct {
	ID               uuid.UUID
	Name, Email      string
	Role             Role
	Organisation     uuid.UUID
	OrganisationName string
	MadeAt           time.Time
	SeenAt           *time.Time // last request of any session
	DisabledAt       *time.Time
	Sessions         int // that stand now
}

// House is an organisation as those see it who look after it.
type House struct {
	ID     uuid.UUID
	Name   string
	Kind   string // one of Kinds
	Land   string // whose holidays it keeps, by the letters of ISO 3166-2:DE; empty: not said
	People int    // accounts that can be used
}

// Kinds are those of organisations.
var Kinds = []string{"jobcenter", "provider", "pool"}

// Grants are the roles that the actor may give and take. Nobody gives one that reaches further than she manages: coordinators
// see the whole network. Experts come by the pool, never by a change of role.
func (a Actor) Grants() []Role {
	switch a.Reach(ManagePeople) {
	case OwnOrganisation:
		return []Role{Caseworker, DataProtectionOfficer, Admin}
	case OwnNetwork:
		return []Role{Caseworker, Coordinator, DataProtectionOfficer, Admin, NetworkAdmin}
	}
	return nil
}

// tends says whether the actor may change the account m: within her reach, and not of somebody who reaches further than she.
func (a Actor) tends(m Managed) bool {
	return m.Role == Expert || slices.Contains(a.Grants(), m.Role)
}

func checkAddress(email string) error {
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > 254 {
		return &InvalidError{"email", "address"}
	}
	return nil
}
