package casefile

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/nameguard"
)

// Texts without a case. There is no client whose name would be looked for, nobody has agreed to anything, and so no reason lets a passage
// stay: it goes, or the text does not.

// Nameless holds texts that are to name nobody, such as the topic of a conference: names, birthdays, addresses and numbers of people.
// NamesError, which no reason answers. Rights are the caller's.
func (s *Store) Nameless(ctx context.Context, q Querier, organisation uuid.UUID, parts ...Part) error {
	hints, err := s.hintsOfNobody(ctx, q, organisation, parts)
	if err != nil {
		return err
	}
	return final(slices.DeleteFunc(hints, func(h Hint) bool { return !h.ofSomebody() }))
}

// Anonymous holds texts that tell of a situation without telling of anybody, such as a question without a case: what Nameless holds,
// links, places so small that people there know each other, and two or more of an exact age, a place, an institution and a date: together
// they fit few. NamesError, which no reason answers. Rights are the caller's.
func (s *Store) Anonymous(ctx context.Context, q Querier, organisation uuid.UUID, parts ...Part) error {
	hints, err := s.hintsOfNobody(ctx, q, organisation, parts)
	if err != nil {
		return err
	}
	rare := rareTogether(hints)
	var held []Hint
	for _, h := range hints {
		switch {
		case h.ofSomebody(), h.Class == nameguard.Web:
		case h.Class == nameguard.Place && s.towns.small(h):
			h.Reason = bySmallPlace
		case rare && quasi(h):
			h.Reason = byCombination
		default:
			continue
		}
		held = append(held, h)
	}
	return final(held)
}

// Why something is held that the guard itself thinks nothing of, as keys of the interface's words.
const (
	bySmallPlace  nameguard.Reason = "small_place"
	byCombination nameguard.Reason = "combination"
)

func (s *Store) hintsOfNobody(ctx context.Context, q Querier, organisation uuid.UUID, parts []Part) ([]Hint, error) {
	lens, err := s.blind(ctx, q, organisation)
	if err != nil {
		return nil, fmt.Errorf("name guard: %w", err)
	}
	return lens.Hints(parts...), nil
}

func final(held []Hint) error {
	if len(held) == 0 {
		return nil
	}
	return &NamesError{Hints: held, Final: true}
}

// ofSomebody says that the passage is of one person, whoever that is.
func (h Hint) ofSomebody() bool {
	switch h.Class {
	case nameguard.Date, nameguard.Age, nameguard.Place, nameguard.Organisation, nameguard.Web:
		return false
	}
	return h.Confidence >= nameguard.Medium
}

// quasi says that the passage is of few people when others stand beside it.
func quasi(h Hint) bool {
	switch h.Class {
	case nameguard.Date, nameguard.Place, nameguard.Organisation:
		return h.Confidence >= nameguard.Medium
	case nameguard.Age: // the guard never is sure of one: a training can be three years old
		years, err := strconv.Atoi(h.Passage)
		return err == nil && years >= grownUp
	}
	return false
}

// grownUp is from which age on a number of years is somebody's.
const grownUp = 15

func rareTogether(hints []Hint) bool {
	kinds := map[nameguard.Class]bool{}
	for _, h := range hints {
		if quasi(h) {
			kinds[h.Class] = true
		}
	}
	return len(kinds) >= 2
}

// fewPeople is below how many inhabitants a place is not named in a text that is to tell of nobody.
const fewPeople = 20_000

// small says that a place may have few people: one that is known to, a postcode, or one of which nothing is known.
func (t Towns) small(h Hint) bool {
	if one, known := t.in(h.Passage); known {
		return one.Population < fewPeople || strings.ContainsFunc(h.Passage, unicode.IsDigit)
	}
	return h.Reason != nameguard.ByList // the list of our own has the larger towns
}
