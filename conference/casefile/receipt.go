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
	Name, Role, Organisation string
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
}

// Recipient is somebody outside the organisation who had seen something and is told that it must not be used any more.
type Recipient struct {
	Name, Organisation string
	Codes              []string
	What               []string
}

// Recipients are the people to whom a letter goes, by name.
func (r Receipt) Recipients() []Recipient {
	var people []uuid.UUID
	byID := map[uuid.UUID]*Recipient{}
	for _, one := range r.Seen {
		if !one.Outside {
			continue
		}
		to := byID[one.Person]
		if to == nil {
			to = &Recipient{Name: one.Name, Organisation: one.Organisation}
			byID[one.Person], people = to, append(people, one.Person)
		}
		to.Codes, to.What = sorted(append(to.Codes, one.Codes...)), sorted(append(to.What, one.What))
	}
	list := make([]Recipient, len(people))
	for i, id := range people {
		list[i] = *byID[id]
	}
	slices.SortFunc(list, func(a, b Recipient) int { return strings.Compare(a.Name, b.Name) })
	return list
}
