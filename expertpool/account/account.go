// Package account is signing in: accounts, sessions, the links that mails carry, and the Actor that every domain call takes.
//
// Tokens are random and kept as SHA-256 only. The package decides who somebody is; what they may do is decided by the
// package whose data they touch.
package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

var (
	// ErrUnknown says that nobody is signed in by this token, or that this link leads nowhere. It never says why.
	ErrUnknown = errors.New("not signed in")
	// ErrWrong says that address and password do not belong together.
	ErrWrong = errors.New("address or password is wrong")
	// ErrHalf says that whoever is signed in by this token has shown one factor and owes the second.
	ErrHalf = errors.New("one factor is missing")
	// ErrTaken says that an account with this address exists.
	ErrTaken = errors.New("address is taken")
	// ErrSeveral says that more than one account has this name.
	ErrSeveral = errors.New("several accounts have this name")
)

// Role is what a person does in the network. What that allows is in the table of rights.go.
type Role string

const (
	Caseworker  Role = "caseworker"
	Coordinator Role = "coordinator"
	Expert      Role = "expert"
	Admin       Role = "admin" // looks after the accounts of one organisation
	// NetworkAdmin looks after the accounts and the organisations of a whole network.
	NetworkAdmin Role = "network_admin"
	// DataProtectionOfficer sees who did what in her organisation, never what a case says.
	DataProtectionOfficer Role = "data_protection_officer"
)

// The roles of those who have no account and come by a link of their own.
const (
	Client Role = "client" // whom a case is about
	Guest  Role = "guest"  // in a room, beside the client
)

// Roles are those that an account can have, in the order in which they are offered.
var Roles = []Role{Caseworker, Coordinator, Expert, DataProtectionOfficer, Admin, NetworkAdmin}

// Actor is the person making a call. It is made by Session or Follow and never from what a browser says.
type Actor struct {
	ID               uuid.UUID
	Session          uuid.UUID // uuid.Nil when the call came by a link from a mail
	Organisation     uuid.UUID
	Network          uuid.UUID
	Role             Role
	Name             string
	OrganisationName string
	Method           Method    // by which the session began
	ProvedAt         time.Time // when a factor was last shown in the session
	half             bool      // owes the second factor
}

// Method is how somebody has signed in.
type Method string

const (
	ByPassword  Method = "password"
	ByPasskey   Method = "passkey"
	BySetup     Method = "setup" // a link that lets choose a password or a passkey
	ByOIDC      Method = "oidc"
	ByRehearsal Method = "rehearsal" // evaluation mode: nothing is shown, and it counts as everything
)

// freshFor is how long a factor that was shown is enough for what must not be done by whoever finds a desk unattended.
const freshFor = 10 * time.Minute

// Fresh says that the actor has shown a factor within the last ten minutes. ASVS 5.0 §7.5.
func (a Actor) Fresh(now time.Time) bool {
	return a.Session != uuid.Nil && !a.half && now.Sub(a.ProvedAt) < freshFor
}

// Short is the two or three letters that stand for a person where there is little room. Titles do not count.
func (a Actor) Short() string { return Initials(a.Name) }

// Initials takes the first letters of the first and the last word that is not a title.
func Initials(name string) string {
	var letters []string
	for _, w := range strings.Fields(name) {
		if strings.HasSuffix(w, ".") || w == "Dr" {
			continue
		}
		r, _ := utf8.DecodeRuneInString(w)
		letters = append(letters, string(r))
	}
	switch len(letters) {
	case 0:
		return "?"
	case 1:
		return letters[0]
	}
	return letters[0] + letters[len(letters)-1]
}

// Purpose is what a link in a mail is for. A link for one purpose does nothing for another.
type Purpose string

const (
	ForInvitation Purpose = "invitation"
	ForMeasure    Purpose = "measure"
	ForFollowUp   Purpose = "follow_up"
	ForPoll       Purpose = "poll"
	ForFeed       Purpose = "feed"  // somebody's own dates, for calendar programs
	ForSetup      Purpose = "setup" // of an account that is new or has lost every factor: once, within a day
	ForReset      Purpose = "reset" // of a forgotten password: once, within ten minutes
)

// life is how long a session lasts: from signing in, and without a request.
type life struct{ whole, idle time.Duration }

// sessionIdle is the longest time without a request that any role has.
const sessionIdle = 2 * time.Hour

// lives are the lives of sessions by role; every role has a line. A live page in use counts as requests. ASVS 5.0 §7.3.
var lives = map[Role]life{
	Caseworker:            {12 * time.Hour, sessionIdle},
	Coordinator:           {12 * time.Hour, sessionIdle},
	Expert:                {12 * time.Hour, sessionIdle},
	DataProtectionOfficer: {12 * time.Hour, sessionIdle},
	Admin:                 {12 * time.Hour, 30 * time.Minute},
	NetworkAdmin:          {12 * time.Hour, 30 * time.Minute},
}

// halfLife is how long somebody who has shown one factor may take for the second.
const halfLife = time.Hour

// newToken returns 32 random bytes as text and their hash, which is what is kept.
func newToken() (string, []byte) {
	b := make([]byte, 32)
	rand.Read(b)
	token := base64.RawURLEncoding.EncodeToString(b)
	return token, hashToken(token)
}

func hashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// New is an account to be.
type New struct {
	Organisation uuid.UUID
	Role         Role
	Name, Email  string // Email may be empty for an expert who is only listed
	Password     string // empty: this account cannot sign in by password
	Rehearsal    bool
}

func (n New) validate() error {
	if !slices.Contains(Roles, n.Role) {
		return &InvalidError{"role", "unknown"}
	}
	if err := CheckText("name", &n.Name, 200, true); err != nil {
		return err
	}
	listed := n.Role == Expert && n.Email == "" && n.Password == "" // stands in the directory, and can neither sign in nor be invited
	if !listed {
		if err := checkAddress(n.Email); err != nil {
			return err
		}
	}
	if n.Password != "" {
		return checkPassword("password", n.Password, n.Name, n.Email)
	}
	return nil
}
