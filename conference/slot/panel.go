package slot

import "math/bits"

// MaxParts is how many part questions a question may have.
const MaxParts = 6

// Parts says which part questions somebody can answer: bit 0 is the first.
type Parts uint8

// Has tells whether the part question of that number, from 0, is among them.
func (p Parts) Has(n int) bool { return p&(1<<n) != 0 }

// AllParts are the part questions of a question that has n.
func AllParts(n int) Parts { return 1<<n - 1 }

// Answerer is somebody who could be asked.
type Answerer struct {
	Parts   Parts
	Unsure  bool // it is not known that she has time
	Penalty int  // of those who are otherwise alike the lower is taken: load, fairness. Not negative
}

// Smallest picks the fewest people who together answer everything that any of them can answer; of equally few, those of whom the fewest
// are unsure, then those with the least sum of penalties. It returns their indexes in the order given, and what nobody can answer.
//
// It is exact. Of people who answer the same, only the best can be in the best round, so what matters is one person for each of at most
// 63 sets, and the cheapest way to each of 64 unions is found by going through them once, from the empty one up.
func Smallest(need Parts, people []Answerer) (chosen []int, open Parts) {
	best := bestOfEach(need, people)
	var ways [1 << MaxParts]way
	for m := range ways {
		ways[m].people = MaxParts + 1 // more than it ever takes
	}
	ways[0].people = 0
	reached := Parts(0)
	for m := range ways {
		if ways[m].people > MaxParts {
			continue
		}
		reached |= Parts(m)
		for answers, who := range best {
			to := m | answers
			if who < 0 || to == m {
				continue
			}
			if w := ways[m].with(people[who], m, who); w.less(ways[to]) {
				ways[to] = w
			}
		}
	}
	in := map[int]bool{}
	for m := int(reached); m != 0; m = ways[m].from {
		in[ways[m].last] = true
	}
	for i := range people {
		if in[i] {
			chosen = append(chosen, i)
		}
	}
	return chosen, need &^ reached
}

// bestOfEach finds, for each set of needed parts, whom it is best to ask of those who answer just these; -1: nobody.
func bestOfEach(need Parts, people []Answerer) (best [1 << MaxParts]int) {
	for m := range best {
		best[m] = -1
	}
	for i, p := range people {
		m := p.Parts & need
		if m == 0 {
			continue
		}
		if was := best[m]; was < 0 || (way{}).with(p, 0, i).less((way{}).with(people[was], 0, was)) {
			best[m] = i
		}
	}
	return best
}

// way is how a union of parts is reached.
type way struct {
	people, unsure, penalty int
	from, last              int // the union before, and who was added to it
}

func (w way) with(p Answerer, from, who int) way {
	return way{w.people + 1, w.unsure + one(p.Unsure), w.penalty + p.Penalty, from, who}
}

func (w way) less(than way) bool {
	switch {
	case w.people != than.people:
		return w.people < than.people
	case w.unsure != than.unsure:
		return w.unsure < than.unsure
	}
	return w.penalty < than.penalty
}

// Spare judges a round that was picked by hand, in the order in which people are to stay: it says what nobody of it answers, and who of it
// answers nothing that the others, without those who are spare already, do not answer as well. The last ones are looked at first.
func Spare(need Parts, round []Parts) (open Parts, spare []bool) {
	var times [MaxParts]int
	for _, p := range round {
		for m := uint8(p & need); m != 0; m &= m - 1 {
			times[bits.TrailingZeros8(m)]++
		}
	}
	open = need
	for n, t := range times {
		if t > 0 {
			open &^= 1 << n
		}
	}
	spare = make([]bool, len(round))
	for i := len(round) - 1; i >= 0; i-- {
		spare[i] = true
		for m := uint8(round[i] & need); m != 0; m &= m - 1 {
			spare[i] = spare[i] && times[bits.TrailingZeros8(m)] > 1
		}
		for m := uint8(round[i] & need); spare[i] && m != 0; m &= m - 1 {
			times[bits.TrailingZeros8(m)]--
		}
	}
	return open, spare
}
