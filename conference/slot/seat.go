package slot

import (
	"math"
	"slices"
)

// What a seat costs, so that the cheapest panel is the best one: a required seat that is only possible weighs more than all
// optional seats together, an empty optional seat more than all uncertain ones, and those more than anybody's load.
const (
	costUnsure   = 1 << 36 // of a required seat
	costEmpty    = 1 << 26
	costOptional = 1 << 16 // of an optional seat that is only possible
	costNever    = 1 << 50
)

// seated is the best panel for the date that starts at quarter start, each seat with another person and another house; nil when
// there is none. The seat but, when it is not -1, may stay empty.
func (t *Table) seated(start, but int) []Taken {
	n := len(t.ask.Seats)
	offers := make([][]offer, n)
	columns := map[int]int{} // house, or person of no house, to column
	for i := range t.ask.Seats {
		offers[i] = t.offers(i, start, n)
		for _, o := range offers[i] {
			if _, known := columns[o.house]; !known {
				columns[o.house] = len(columns)
			}
		}
	}
	m := len(columns) + n // one column more for each seat: it stays empty
	cost := make([]int64, n*m)
	who := make([]Taken, n*m)
	for i, seat := range t.ask.Seats {
		line := cost[i*m : (i+1)*m]
		for j := range line {
			line[j] = costNever
			who[i*m+j].Person = -1
		}
		if seat.Optional || i == but {
			line[len(columns)+i] = costEmpty
		}
		for _, o := range offers[i] {
			j := columns[o.house]
			line[j], who[i*m+j] = o.cost, o.Taken
		}
	}
	taken := make([]Taken, n)
	for i, j := range assign(cost, n, m) {
		if cost[i*m+j] == costNever {
			return nil
		}
		taken[i] = who[i*m+j]
	}
	return taken
}

type offer struct {
	Taken
	house int
	cost  int64
}

// offers are the cheapest people for a seat, each of another house. As many as there are seats are enough: the other seats
// can take all but one of them away.
func (t *Table) offers(seat, start, enough int) []offer {
	var found []offer
	take := func(p int, certain bool) {
		o := offer{Taken{p, certain}, t.house(p), int64(weight(t.ask.Persons[p].Load))}
		for _, f := range found {
			if f.house == o.house {
				return // the one before was at least as good
			}
		}
		switch {
		case !certain && t.ask.Seats[seat].Optional:
			o.cost += costOptional
		case !certain:
			o.cost += costUnsure
		}
		found = append(found, o)
	}
	r := t.seats[seat]
	if r.sure.Has(start) {
		for _, p := range r.persons {
			if len(found) < enough && t.sure[p].Has(start) {
				take(p, true)
			}
		}
	}
	if len(found) < enough && r.maybe.Has(start) {
		for _, p := range r.persons {
			if len(found) < enough && t.maybe[p].Has(start) && !t.sure[p].Has(start) {
				take(p, false)
			}
		}
	}
	return found
}

// plenty tells quickly, for most dates, that all required seats can be taken: sorted by how many houses could take each, the
// first has one, the second two and so on, so none can be left without. When it says no, seated knows.
func (t *Table) plenty(start int) bool {
	var choices [MaxSeats]int
	n := 0
	for i, seat := range t.ask.Seats {
		if !seat.Optional {
			choices[n] = t.choices(i, start, len(t.ask.Seats))
			n++
		}
	}
	slices.Sort(choices[:n])
	for i, c := range choices[:n] {
		if c <= i {
			return false
		}
	}
	return true
}

// choices counts the houses that could take a seat, up to enough.
func (t *Table) choices(seat, start, enough int) int {
	var seen [MaxSeats]int
	n := 0
	for _, p := range t.seats[seat].persons {
		if n == enough {
			break
		}
		if h := t.house(p); t.maybe[p].Has(start) && !slices.Contains(seen[:n], h) {
			seen[n] = h
			n++
		}
	}
	return n
}

// house numbers houses upwards and people of none downwards.
func (t *Table) house(p int) int {
	if h := t.ask.Persons[p].House; h > 0 {
		return h
	}
	return -1 - p
}

// assign gives each of n rows a column of its own out of m ≥ n so that the sum of costs is least (Kuhn and Munkres, by
// shortest augmenting paths: O(n²m)).
func assign(cost []int64, n, m int) []int {
	u, v := make([]int64, n+1), make([]int64, m+1)
	row, way := make([]int, m+1), make([]int, m+1) // row[j]: who has column j; 0: nobody
	least, used := make([]int64, m+1), make([]bool, m+1)
	for i := 1; i <= n; i++ {
		row[0] = i
		for j := range least {
			least[j], used[j] = math.MaxInt64, false
		}
		j := 0
		for row[j] != 0 {
			j = step(cost, m, j, row, u, v, least, way, used)
		}
		for ; j != 0; j = way[j] {
			row[j] = row[way[j]]
		}
	}
	got := make([]int, n)
	for j := 1; j <= m; j++ {
		if row[j] != 0 {
			got[row[j]-1] = j - 1
		}
	}
	return got
}

// step takes column j into the tree, moves the potentials and returns the nearest column outside.
func step(cost []int64, m, j int, row []int, u, v, least []int64, way []int, used []bool) int {
	used[j] = true
	i, delta, next := row[j], int64(math.MaxInt64), 0
	for k := 1; k <= m; k++ {
		if used[k] {
			continue
		}
		if c := cost[(i-1)*m+k-1] - u[i] - v[k]; c < least[k] {
			least[k], way[k] = c, j
		}
		if least[k] < delta {
			delta, next = least[k], k
		}
	}
	for k := 0; k <= m; k++ {
		if used[k] {
			u[row[k]] += delta
			v[k] -= delta
		} else if least[k] != math.MaxInt64 {
			least[k] -= delta
		}
	}
	return next
}
