package poll

import (
	"cmp"
	"slices"
	"time"

	"github.com/konsil-server/konsil/conference/slot"
)

// Place is a seat at one option, with who would take it.
type Place struct {
	Seat
	Voice   *Voice // nil: nobody
	Vote    Vote   // hers; empty: she has not answered
	Waiting bool   // nobody has taken it, and somebody who could has not answered
}

// Standing is how an option stands with the best round that the votes allow.
type Standing struct {
	Option
	Places   []Place // by seat
	Needed   int     // seats that are needed,
	Sure     int     // of those: with a yes,
	Usable   int     // with a yes or an if need be,
	Possible int     // with anybody who has not said no
	Extra    int     // seats beyond those with a yes or an if need be
	Reserved int     // how many of all have only said if need be
}

// Whole tells whether everybody who is needed has said yes.
func (s Standing) Whole() bool { return s.Sure == s.Needed }

// Keepable tells whether everybody who is needed can come, some of them if need be.
func (s Standing) Keepable() bool { return s.Usable == s.Needed }

// Missing are the needed places for which nobody has said that she can come.
func (s Standing) Missing() []Place {
	return slices.DeleteFunc(slices.Clone(s.Places), func(p Place) bool { return p.Optional || p.Vote == Yes || p.Vote == IfNeedBe })
}

// Round are the people who would be invited: all places with a yes or an if need be.
func (s Standing) Round() []Place {
	return slices.DeleteFunc(slices.Clone(s.Places), func(p Place) bool { return p.Vote != Yes && p.Vote != IfNeedBe })
}

// Ranking is how all options stand that are still to come at now, the best first. What decides, in this order: how many of those who are
// needed have said yes, how many could come, how many may still say so; how many come beyond those; how few come only if need be; the
// earlier date.
func (p Poll) Ranking(now time.Time) []Standing {
	var found []Standing
	for _, o := range p.Options {
		if o.Start.After(now) {
			found = append(found, p.Standing(o))
		}
	}
	slices.SortStableFunc(found, func(a, b Standing) int {
		return cmp.Or(b.Sure-a.Sure, b.Usable-a.Usable, b.Possible-a.Possible, b.Extra-a.Extra, a.Reserved-b.Reserved, a.Start.Compare(b.Start))
	})
	return found
}

// Standing is how one option stands.
func (p Poll) Standing(o Option) Standing {
	s := Standing{Option: o}
	taken := p.seated(o, false)
	if taken == nil {
		taken = p.seated(o, true)
	}
	for i, seat := range p.Seats {
		place := Place{Seat: seat, Waiting: p.waitsFor(seat, o)}
		if k := taken[i].Person; k >= 0 && k < len(p.Voices) {
			place.Voice, place.Vote = &p.Voices[k], p.Voices[k].At(o.ID)
		}
		s.count(place)
		s.Places = append(s.Places, place)
	}
	return s
}

func (s *Standing) count(p Place) {
	usable := one(p.Vote == Yes || p.Vote == IfNeedBe)
	s.Reserved += one(p.Vote == IfNeedBe)
	if p.Optional {
		s.Extra += usable
		return
	}
	s.Needed++
	s.Sure += one(p.Vote == Yes)
	s.Usable += usable
	s.Possible += one(p.Voice != nil)
}

func (p Poll) waitsFor(seat Seat, o Option) bool {
	return slices.ContainsFunc(p.Voices, func(v Voice) bool { return seat.takes(v) && v.At(o.ID) == "" })
}

// What it costs to seat somebody, for slot's Load: whoever has said yes before who comes if need be, she before who has not answered,
// and anybody before nobody. Sixteen of one kind weigh less than one of the next.
const (
	loadReserved = 1
	loadOpen     = 17
	loadNobody   = 1023
)

// seated is the best round for an option, each seat with another person and people of another house: slot's rule, on a calendar of one
// quarter hour. nil: a needed seat stays empty, unless vacancies may be, which are persons beyond the voices.
func (p Poll) seated(o Option, vacancies bool) []slot.Taken {
	grid := slot.NewGrid(o.Start, o.Start.Add(slot.Quarter))
	whole := grid.Empty()
	grid.Span(whole, grid.At(0), grid.At(1))
	ask := slot.Ask{Grid: grid, Quarters: 1, Limit: 1, Open: whole}
	for _, v := range p.Voices {
		ask.Persons = append(ask.Persons, personAt(v.At(o.ID), v.House, whole))
	}
	for _, seat := range p.Seats {
		place := slot.Seat{Optional: seat.Optional}
		for i, v := range p.Voices {
			if seat.takes(v) && (!seat.Optional || v.At(o.ID) != "") {
				place.Persons = append(place.Persons, i)
			}
		}
		if vacancies && !seat.Optional {
			place.Persons = append(place.Persons, len(ask.Persons))
			ask.Persons = append(ask.Persons, slot.Person{Load: loadNobody})
		}
		ask.Seats = append(ask.Seats, place)
	}
	t, err := slot.New(ask)
	if err != nil {
		return slices.Repeat([]slot.Taken{{Person: -1}}, len(p.Seats)) // more seats than people confer; nothing fits then
	}
	found, is := t.At(grid.At(0))
	if !is {
		return nil
	}
	return found.Taken
}

func personAt(v Vote, house int, whole slot.Set) slot.Person {
	switch v {
	case Yes:
		return slot.Person{Free: whole, House: house}
	case No:
		return slot.Person{Busy: whole, House: house}
	case IfNeedBe:
		return slot.Person{House: house, Load: loadReserved}
	}
	return slot.Person{House: house, Load: loadOpen}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
