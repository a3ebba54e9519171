package opinion

import (
	"cmp"
	"math"
	"slices"
)

// Point is a question with the opinions on it.
type Point struct {
	Question string
	Scale    Scale
	Opinions []Opinion
}

// Disagreement is how far the opinions on a point are apart, from 0 (one position) to 1 (the two ends of the scale): the mean
// distance between two of them. A pair counts by how sure both are. Who cannot tell is in no pair.
func (p Point) Disagreement() float64 {
	var apart, weight float64
	for i, a := range p.Opinions {
		x, placed := p.Scale.place(a.Position)
		if !placed {
			continue
		}
		for _, b := range p.Opinions[i+1:] {
			if y, placed := p.Scale.place(b.Position); placed {
				w := a.Confidence.weight() * b.Confidence.weight()
				apart += w * math.Abs(x-y)
				weight += w
			}
		}
	}
	if weight == 0 {
		return 0
	}
	return apart / weight
}

// Dissent counts those who take another position than most do, and all who take one. Where as many take another, those count who
// are fewer or as many: of two who differ, one dissents.
func (p Point) Dissent() (others, of int) {
	most := 0
	for _, position := range p.Scale.Positions() {
		if n := p.count(position); position != Unable {
			of, most = of+n, max(most, n)
		}
	}
	return of - most, of
}

func (p Point) count(position string) (n int) {
	for _, o := range p.Opinions {
		if o.Position == position {
			n++
		}
	}
	return n
}

// Tally is how many take each position, those that nobody takes left out, the scale's order.
func (p Point) Tally() (counted []Share) {
	for _, position := range p.Scale.Positions() {
		if n := p.count(position); n > 0 {
			counted = append(counted, Share{position, n})
		}
	}
	return counted
}

// Share is how many take a position.
type Share struct {
	Position string
	Count    int
}

// Arrange puts the points on which opinions are furthest apart first, and within each whoever is furthest from the others. What is
// alike stays in its order.
func Arrange(points []Point) {
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(b.Disagreement(), a.Disagreement()) })
	for _, p := range points {
		middle := p.middle()
		slices.SortStableFunc(p.Opinions, func(a, b Opinion) int {
			return cmp.Compare(p.distance(b, middle), p.distance(a, middle))
		})
	}
}

// middle is the mean place of the opinions, each by how sure it is.
func (p Point) middle() float64 {
	var sum, weight float64
	for _, o := range p.Opinions {
		if at, placed := p.Scale.place(o.Position); placed {
			sum += at * o.Confidence.weight()
			weight += o.Confidence.weight()
		}
	}
	if weight == 0 {
		return 0
	}
	return sum / weight
}

// distance of an opinion from a place; less than any for who cannot tell.
func (p Point) distance(o Opinion, from float64) float64 {
	at, placed := p.Scale.place(o.Position)
	if !placed {
		return -1
	}
	return math.Abs(at - from)
}
