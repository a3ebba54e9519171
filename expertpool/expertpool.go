// Package expertpool is the directory of the experts that a network shares: who they are, what they know, how much of their
// time they give.
package expertpool

import (
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // terms and dates run in Germany, on every machine

	"github.com/google/uuid"
)

// Disciplines are what a request can ask for and a quorum can demand, in the order in which they are offered.
var Disciplines = []string{
	"psychiatry", "psychosomatics", "neurology", "orthopaedics", "occupational_medicine", "social_medicine", "general_medicine",
	"psychology", "physiotherapy", "occupational_therapy", "social_work", "addiction_counselling", "debt_counselling",
	"nursing", "coaching", "insurance",
}

// KnownDiscipline tells whether d is one of Disciplines.
func KnownDiscipline(d string) bool { return slices.Contains(Disciplines, d) }

// Expert is a person of the pool. The account signs in; the expert is the profile.
type Expert struct {
	ID            uuid.UUID // of the account
	Name, Email   string
	Discipline    string
	Specialty     string
	Place         string
	Languages     []string
	HoursPerMonth int // contingent
	Asked         int // invitations of the last 30 days: nobody should be asked too often
}

// Organisation is one of a network's.
type Organisation struct {
	ID   uuid.UUID
	Name string
	Kind string // jobcenter, pool, …
}

var berlin = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // cannot be: the zone table is linked in
	}
	return loc
})

// Zone is the time zone people agree on dates in.
func Zone() *time.Location { return berlin() }

// Today is the calendar day of now in Zone, as midnight UTC: the form in which dates are kept.
func Today(now time.Time) time.Time {
	y, m, d := now.In(Zone()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
