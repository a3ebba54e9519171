package opinion

import (
	"cmp"
	"math"
	"slices"
)

// Point is a question of a conference with the opinions on it.
type Point struct {
	Number   int // of a part question, from 1; 0 is the question of the conference itself
	Question string
	Scale    Scale
	Opinions []Opinion
}

// PartPoints are the points of a conference in the order in which they are asked, without opinions. Each part question has the scale
// that its own words ask for.
func PartPoints(question string, s Scale, parts []string) []Point {
	points := []Point{{Question: question, Scale: s}}
	for i, text := range parts {
		points = append(points, Point{Number: i + 1, Question: text, Scale: ScaleFor(text)})
	}
	return points
}

// Fill gives each point the opinions that say something to it. What an opinion says to a part question has neither words of its own
// nor a confidence, and the addenda stand with the question of the conference.
func Fill(points []Point, given []Opinion) {
	for i := range points {
		for _, o := range given {
			if own, says := o.on(points[i].Number); says {
				points[i].Opinions = append(points[i].Opinions, own)
			}
		}
	}
}

// Given says that there is an opinion on any of the points.
func Given(points []Point) bool {
	return slices.ContainsFunc(points, func(p Point) bool { return len(p.Opinions) > 0 })
}

// on is what an opinion says to the point of a number.
func (o Opinion) on(number int) (Opinion, bool) {
	if number == 0 {
		return o, true
	}
	own, says := o.Answer.on(number)
	earlier := o.Earlier
	o.Answer, o.Earlier, o.Addenda = own, nil, nil
	for i, v := range earlier {
		was, said := v.Answer.on(number)
		next := own
		if i+1 < len(earlier) {
			next, _ = earlier[i+1].Answer.on(number)
		}
		if said && (was.Position != next.Position || was.Reason != next.Reason) {
			o.Earlier = append(o.Earlier, Version{was, v.SentAt})
		}
	}
	return o, says
}

func (a Answer) on(number int) (Answer, bool) {
	for _, p := range a.Parts {
		if p.Number == number {
			return Answer{Position: p.Position, Reason: p.Reason}, true
		}
	}
	return Answer{}, false
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

// Distance says in a word how far the opinions on a point are apart.
type Distance string

const (
	Unsaid Distance = "unsaid" // nobody has said anything to it
	Untold Distance = "untold" // whoever did cannot tell
	Single Distance = "single" // one opinion alone
	Agreed Distance = "agreed"
	Near   Distance = "near"
	Apart  Distance = "apart"
	Far    Distance = "far"
)

// Spread is how the opinions on a point are distributed.
type Spread struct {
	Distance Distance `json:"distance,omitempty"`
	Tally    []Share  `json:"tally,omitempty"` // those positions left out that nobody takes, the scale's order
}

// Share is how many take a position.
type Share struct {
	Position string `json:"position"`
	Count    int    `json:"count"`
}

// Spread measures the point.
func (p Point) Spread() Spread {
	s := Spread{Tally: p.Tally()}
	others, of := s.Dissent()
	far := p.Disagreement()
	switch {
	case len(p.Opinions) == 0:
		s.Distance = Unsaid
	case of == 0:
		s.Distance = Untold
	case of == 1:
		s.Distance = Single
	case others == 0:
		s.Distance = Agreed
	case far < 1.0/3:
		s.Distance = Near
	case far < 2.0/3:
		s.Distance = Apart
	default:
		s.Distance = Far
	}
	return s
}

// Dissent counts those who take another position than most do, and all who take one. Where as many take another, those count who
// are fewer or as many: of two who differ, one dissents.
func (s Spread) Dissent() (others, of int) {
	most := 0
	for _, share := range s.Tally {
		if share.Position != Unable {
			of, most = of+share.Count, max(most, share.Count)
		}
	}
	return of - most, of
}

// Tally is how many take each position.
func (p Point) Tally() (counted []Share) {
	for _, position := range p.Scale.Positions() {
		if n := p.count(position); n > 0 {
			counted = append(counted, Share{position, n})
		}
	}
	return counted
}

func (p Point) count(position string) (n int) {
	for _, o := range p.Opinions {
		if o.Position == position {
			n++
		}
	}
	return n
}

// Arrange puts the points on which opinions are furthest apart first, of those alike the ones on which fewer take a position, and within
// each whoever is furthest from the others. What is alike stays in its order.
func Arrange(points []Point) {
	slices.SortStableFunc(points, func(a, b Point) int {
		_, few := a.Spread().Dissent()
		_, more := b.Spread().Dissent()
		return cmp.Or(cmp.Compare(b.Disagreement(), a.Disagreement()), cmp.Compare(few, more))
	})
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
