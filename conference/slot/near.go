package slot

import (
	"slices"
	"time"
)

// Near is a date that fails for one seat alone.
type Near struct {
	Start, End time.Time
	Seat       int     // that nobody can take
	Taken      []Taken // the others; -1 at Seat
	Instead    []Taker // who could take it if it need not be one of the seat's own people
}

// Near are the dates, at most Limit for each seat, at which all required seats but one can be taken, none nearer to another than Apart. They come in
// order of time.
func (t *Table) Near() []Near {
	var found []Near
	for i, seat := range t.ask.Seats {
		if seat.Optional {
			continue
		}
		s := t.wholes(i)
		s.Without(t.seats[i].maybe)
		left, next := t.ask.Limit, 0
		s.each(func(start int) {
			if left == 0 || start < next {
				return
			}
			seated := t.seated(start, i)
			if seated == nil {
				return
			}
			left, next = left-1, start+t.ask.Quarters+t.ask.Apart
			found = append(found, Near{
				Start: t.ask.Grid.At(start), End: t.ask.Grid.At(start + t.ask.Quarters),
				Seat: i, Taken: seated, Instead: t.Instead(i, start),
			})
		})
	}
	slices.SortStableFunc(found, func(a, b Near) int { return a.Start.Compare(b.Start) })
	return found
}

// Instead are who could take a seat at the date that starts at quarter start, if it need not be one of the seat's own people.
func (t *Table) Instead(seat, start int) []Taker {
	var found []Taker
	for _, p := range t.ask.Seats[seat].Instead {
		if t.maybe[p].Has(start) {
			found = append(found, Taker{p, t.sure[p].Has(start)})
		}
	}
	slices.SortStableFunc(found, func(a, b Taker) int {
		return (one(b.Certain)-one(a.Certain))*2048 + weight(t.ask.Persons[a.Person].Load) - weight(t.ask.Persons[b.Person].Load)
	})
	return found
}

// Help is what asking less of one required seat would bring.
type Help struct {
	Seat     int
	Optional int // starts at which everybody else can, were this seat optional
	Anyone   int // starts at which all can, were those named under Instead welcome too
}

// Helps tells for each required seat how many starts there would be if it were less of a must. Dates at which one person would
// have to take two seats are counted as if she could: it is advice, not a promise.
func (t *Table) Helps() []Help {
	var found []Help
	for i, seat := range t.ask.Seats {
		if seat.Optional {
			continue
		}
		s := t.wholes(i)
		h := Help{Seat: i, Optional: s.Count()}
		any := slices.Clone(t.seats[i].maybe)
		for _, p := range seat.Instead {
			any.With(t.maybe[p])
		}
		s.and(any)
		h.Anyone = s.Count()
		found = append(found, h)
	}
	return found
}

// Starts is at how many quarter hours the panel could begin as it was asked for, counted as Helps counts.
func (t *Table) Starts() int { return t.wholes(-1).Count() }
