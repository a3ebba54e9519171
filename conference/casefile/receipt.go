package casefile

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Sighting is one line of the receipt after a withdrawal: who had seen what, when first and when last (GDPR Art. 19).
type Sighting struct {
	Person                   uuid.UUID
	Name, Role, Organisation string // no name after a year: the record has forgotten it
	Number                   int    `db:"-"` // stands for the name that is forgotten; 0: it is known
	Outside                  bool   // not of the organisation that keeps the case
	What                     string // one of Looked
	First, At                time.Time
	Codes                    []string // of the conferences where it was seen: all that this person knows the case by
}

// Receipt is what the caseworker and the client get after a withdrawal.
type Receipt struct {
	Case        Case
	WithdrawnAt time.Time
	DeletedOn   *time.Time // when everything is deleted, if it is scheduled
	Seen        []Sighting
	Guests      []GuestSighting
}

// GuestSighting is a guest who took part in a conference: who it was is nowhere.
type GuestSighting struct {
	Kind string // client, trusted or interpreter
	At   time.Time
	Code string
}

// Unnamed numbers people whose names are forgotten, from 1 on in the order in which they are asked for.
type Unnamed map[uuid.UUID]int

// Of is the number of the one whom a pseudonym stands for.
func (u Unnamed) Of(pseudonym uuid.UUID) int {
	if u[pseudonym] == 0 {
		u[pseudonym] = len(u) + 1
	}
	return u[pseudonym]
}

// Recipient is somebody outside the organisation who had seen something and is told that it must not be used any more. Those whose
// names are forgotten are told through their organisation.
type Recipient struct {
	Name, Organisation string
	Codes              []string
	What               []string
}

// Recipients are the people to whom a letter goes, by name.
func (r Receipt) Recipients() []Recipient {
	type key struct {
		person       uuid.UUID
		organisation string
	}
	var people []key
	byID := map[key]*Recipient{}
	for _, one := range r.Seen {
		if !one.Outside {
			continue
		}
		who := key{one.Person, one.Organisation}
		if one.Name == "" {
			who.person = uuid.Nil
		}
		to := byID[who]
		if to == nil {
			to = &Recipient{Name: one.Name, Organisation: one.Organisation}
			byID[who], people = to, append(people, who)
		}
		to.Codes, to.What = sorted(append(to.Codes, one.Codes...)), sorted(append(to.What, one.What))
	}
	list := make([]Recipient, len(people))
	for i, who := range people {
		list[i] = *byID[who]
	}
	slices.SortFunc(list, func(a, b Recipient) int { return strings.Compare(a.Name, b.Name) })
	return list
}
