package slot

import (
	"container/heap"
	"fmt"
	"slices"
	"time"
)

// MaxSeats is how many seats a panel may have; more people than that do not confer.
const MaxSeats = 16

// Person is somebody who could take a seat.
type Person struct {
	Free, Busy Set // what is in neither is unknown; busy wins
	House      int // people of one house, such as a practice, are not seated together; 0: of none
	Load       int // how much has been asked of the person already: of equals, the lower is taken. At most 1023 counts
}

// Seat is to be taken by one person: a certain one, or any one of several.
type Seat struct {
	Persons  []int // indexes into Ask.Persons
	Instead  []int // who else could, if it need not be one of Persons: only for advice
	Optional bool
}

// Ask is the question.
type Ask struct {
	Grid     Grid
	Quarters int // how long, in quarter hours
	Persons  []Person
	Seats    []Seat
	Open     Set // when a conference may be held at all
	Avoid    Set // when it had better not: bridge days, late hours
	Limit    int // how many dates are wanted
	Apart    int // quarter hours that lie between any two of them, so that they are a choice
}

// InvalidError says what is wrong with a question.
type InvalidError struct{ Field, Rule string }

func (e *InvalidError) Error() string { return fmt.Sprintf("slot: %s: %s", e.Field, e.Rule) }

func (a *Ask) check() error {
	switch {
	case a.Quarters < 1 || a.Quarters > 96:
		return &InvalidError{"Quarters", "1 to 96"}
	case len(a.Seats) == 0 || len(a.Seats) > MaxSeats:
		return &InvalidError{"Seats", fmt.Sprintf("1 to %d", MaxSeats)}
	case a.Apart < 0:
		return &InvalidError{"Apart", "not negative"}
	case a.Limit < 1:
		return &InvalidError{"Limit", "at least 1"}
	}
	for _, seat := range a.Seats {
		for _, p := range slices.Concat(seat.Persons, seat.Instead) {
			if p < 0 || p >= len(a.Persons) {
				return &InvalidError{"Seats", "a person who is not there"}
			}
		}
	}
	return nil
}

// Taken is who takes a seat. Person is -1 where an optional seat stays empty.
type Taken struct {
	Person  int
	Certain bool // known to be free; otherwise nothing is known against it
}

// Slot is a date that can be had, with the best panel for it.
type Slot struct {
	Start, End time.Time
	Taken      []Taken // by seat
	Certain    bool    // every required seat is
	Avoided    bool    // touches what had better be avoided
}

// State is how a seat stands at a date.
type State int

const (
	Nobody State = iota
	Possible
	Sure
)

// Table is a question worked out: for each date that could be, how each seat stands.
type Table struct {
	ask   Ask
	seats []row // by seat
	open  Set   // starts at which nothing general is in the way
	sure  []Set // by person: starts for which she is certain
	maybe []Set // starts against which nothing is known
}

// row is one seat: who can take it, the least burdened first, and when anybody can.
type row struct {
	persons     []int
	sure, maybe Set
}

// New works out the question. It takes time and memory in proportion to people × quarter hours.
func New(a Ask) (*Table, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	t := &Table{ask: a, sure: make([]Set, len(a.Persons)), maybe: make([]Set, len(a.Persons))}
	t.open = a.Grid.Empty()
	copy(t.open, a.Open)
	t.open.runs(a.Quarters)
	t.mark(a)
	for _, seat := range a.Seats {
		t.seats = append(t.seats, t.row(seat.Persons))
	}
	return t, nil
}

// mark fills the starts of everybody who is named by a seat.
func (t *Table) mark(a Ask) {
	words := (a.Grid.n + 63) / 64
	for _, seat := range a.Seats {
		for _, p := range slices.Concat(seat.Persons, seat.Instead) {
			if t.sure[p] != nil {
				continue
			}
			both := make(Set, 2*words)
			sure, maybe := both[:words:words], both[words:]
			copy(sure, a.Persons[p].Free)
			sure.Without(a.Persons[p].Busy)
			maybe.fill(0, a.Grid.n)
			maybe.Without(a.Persons[p].Busy)
			sure.runs(a.Quarters)
			maybe.runs(a.Quarters)
			sure.and(t.open)
			maybe.and(t.open)
			t.sure[p], t.maybe[p] = sure, maybe
		}
	}
}

func (t *Table) row(persons []int) row {
	r := row{slices.Clone(persons), t.ask.Grid.Empty(), t.ask.Grid.Empty()}
	slices.SortStableFunc(r.persons, func(a, b int) int { return t.ask.Persons[a].Load - t.ask.Persons[b].Load })
	for _, p := range r.persons {
		r.sure.With(t.sure[p])
		r.maybe.With(t.maybe[p])
	}
	return r
}

// State tells how a seat stands when a conference starts at quarter start.
func (t *Table) State(seat, start int) State {
	switch r := t.seats[seat]; {
	case r.sure.Has(start):
		return Sure
	case r.maybe.Has(start):
		return Possible
	}
	return Nobody
}

// Opens tells whether a conference may start at an instant, whoever has time.
func (t *Table) Opens(start time.Time) bool {
	i := t.ask.Grid.Index(start)
	return t.open.Has(i) && t.ask.Grid.At(i).Equal(start)
}

// At is the best panel for the date that starts at an instant; false when there is none.
func (t *Table) At(start time.Time) (Slot, bool) {
	i := t.ask.Grid.Index(start)
	if !t.Opens(start) {
		return Slot{}, false
	}
	seated := t.seated(i, -1)
	if seated == nil {
		return Slot{}, false
	}
	return t.slot(i, seated), true
}

// Cell is a date on the map of all dates.
type Cell struct {
	Start         time.Time
	Covered, Sure int  // required seats for which there is anybody, and for which somebody is certain
	Missing       int  // the seat that is not covered, if it is the only one; else -1
	Whole         bool // all required seats can be taken, each by another person
}

// Cells is every date at which a conference may be held, in order.
func (t *Table) Cells() []Cell {
	var cells []Cell
	t.open.each(func(i int) {
		c := Cell{Start: t.ask.Grid.At(i), Missing: -1}
		need := 0
		for j, seat := range t.ask.Seats {
			if seat.Optional {
				continue
			}
			need++
			switch t.State(j, i) {
			case Sure:
				c.Sure++
				c.Covered++
			case Possible:
				c.Covered++
			case Nobody:
				c.Missing = j
			}
		}
		if c.Covered != need-1 {
			c.Missing = -1
		}
		c.Whole = c.Covered == need && (t.plenty(i) || t.seated(i, -1) != nil)
		cells = append(cells, c)
	})
	return cells
}

// Slots are the best dates, at most Limit, none of which overlaps a better one or lies nearer to it than Apart. What decides, in this order: how many required
// seats are certain, how many optional ones are taken, how many of those are certain, nothing to be avoided, the earlier date, the load.
//
// It is exact: dates wait in a heap by the best they could be, and are seated only when they come to the top.
func (t *Table) Slots() []Slot {
	var q queue
	t.wholes(-1).each(func(i int) { q = append(q, t.bound(i)) })
	heap.Init(&q)
	var found []Slot
	taken := t.ask.Grid.Empty()
	for len(q) > 0 && len(found) < t.ask.Limit {
		c := heap.Pop(&q).(candidate)
		switch {
		case t.overlaps(taken, c.start):
		case c.seated == nil:
			if c.seated = t.seated(c.start, -1); c.seated != nil {
				c.worth = t.worth(c.start, c.seated)
				heap.Push(&q, c)
			}
		default:
			taken.fill(c.start-t.ask.Apart, min(c.start+t.ask.Quarters+t.ask.Apart, t.ask.Grid.n))
			found = append(found, t.slot(c.start, c.seated))
		}
	}
	return found
}

func (t *Table) overlaps(taken Set, start int) bool {
	return taken.Has(start) || taken.Has(start+t.ask.Quarters-1)
}

func (t *Table) slot(start int, seated []Taken) Slot {
	s := Slot{
		Start: t.ask.Grid.At(start), End: t.ask.Grid.At(start + t.ask.Quarters), Taken: seated, Certain: true,
		Avoided: t.avoided(start),
	}
	for i, seat := range t.ask.Seats {
		s.Certain = s.Certain && (seat.Optional || seated[i].Certain)
	}
	return s
}

func (t *Table) avoided(start int) bool { return t.ask.Avoid.Any(start, t.ask.Quarters) }

// wholes is when every required seat but the one left out has somebody; -1 leaves out none.
func (t *Table) wholes(but int) Set {
	s := slices.Clone(t.open)
	for i, seat := range t.ask.Seats {
		if !seat.Optional && i != but {
			s.and(t.seats[i].maybe)
		}
	}
	return s
}

// worth orders dates: of two, the one with the higher value is better. Bound and worth are the same sum over seats, once of
// what the seat could have at best and once of what it has.
func (t *Table) worth(start int, seated []Taken) uint64 {
	var sure, filled, filledSure, load int
	for i, seat := range t.ask.Seats {
		k := seated[i]
		switch {
		case k.Person < 0:
			continue
		case seat.Optional:
			filled++
			filledSure += one(k.Certain)
		default:
			sure += one(k.Certain)
		}
		load += weight(t.ask.Persons[k.Person].Load)
	}
	return t.pack(start, sure, filled, filledSure, load)
}

func (t *Table) bound(start int) candidate {
	var sure, filled, filledSure int
	for i, seat := range t.ask.Seats {
		s := t.State(i, start)
		if seat.Optional {
			filled += one(s != Nobody)
			filledSure += one(s == Sure)
			continue
		}
		sure += one(s == Sure)
	}
	return candidate{start: start, worth: t.pack(start, sure, filled, filledSure, 0)}
}

func (t *Table) pack(start, sure, filled, filledSure, load int) uint64 {
	const startBits, loadBits = 24, 14 // 16 seats of at most 1023 each
	w := uint64(sure)<<11 | uint64(filled)<<6 | uint64(filledSure)<<1 | uint64(one(!t.avoided(start)))
	w = w<<startBits | uint64(1<<startBits-1-start)
	return w<<loadBits | uint64(1<<loadBits-1-load)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func weight(load int) int { return min(max(load, 0), 1023) }

// candidate is a date that waits for its turn.
type candidate struct {
	start  int
	worth  uint64
	seated []Taken // nil: worth is only the best it could be
}

type queue []candidate

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].worth > q[j].worth }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(candidate)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}

// Taker is somebody who could take a seat at a given date.
type Taker struct {
	Person  int
	Certain bool
}

// Takers are all who could take a seat at the date that starts at quarter start, the certain before the possible and of those
// the least burdened first: the order in which a seat that falls free is offered.
func (t *Table) Takers(seat, start int) []Taker {
	var found []Taker
	for _, p := range t.seats[seat].persons {
		if t.sure[p].Has(start) {
			found = append(found, Taker{p, true})
		}
	}
	for _, p := range t.seats[seat].persons {
		if !t.sure[p].Has(start) && t.maybe[p].Has(start) {
			found = append(found, Taker{p, false})
		}
	}
	return found
}
