package nameguard

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// ErrShape refuses the shape of a number.
var ErrShape = errors.New("nameguard: a shape needs four to forty places, one of them a 9, only capital letters, digits, blanks and - / . _ #, and at most three optional parts in brackets")

// maxShapes is how many shapes a guard takes: every one of them costs a comparison at each word.
const maxShapes = 50

// pattern is the shape of a number of a site: 9 stands for a digit, A for a letter, everything else for itself.
type pattern string

// With gives a guard that knows also the shapes of numbers that a site uses, such as "99-AA-9999(/99)": 9 is any digit, A any letter, what
// is in round brackets may be missing, everything else stands for itself whatever its case. The lists are shared. ErrShape for a shape that
// would find too much or is none, and for more than 50.
func (g *Guard) With(shapes ...string) (*Guard, error) {
	more := *g
	more.shapes, more.patterns = slices.Clone(g.shapes), slices.Clone(g.patterns)
	for _, shape := range shapes {
		found, err := expand(strings.TrimSpace(shape))
		if err != nil {
			return nil, err
		}
		more.shapes, more.patterns = append(more.shapes, shape), append(more.patterns, found...)
	}
	if len(more.shapes) > maxShapes {
		return nil, ErrShape
	}
	// where an optional part is there it belongs to the number
	slices.SortStableFunc(more.patterns, func(a, b pattern) int { return cmp.Compare(len(b), len(a)) })
	return &more, nil
}

// CheckShape says whether With takes the shape.
func CheckShape(shape string) error {
	_, err := expand(strings.TrimSpace(shape))
	return err
}

// Shaped gives where a text has the shape, and nothing else: to try one out.
func Shaped(text, shape string) ([]Finding, error) {
	g, err := new(Guard).With(shape)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxText {
		text = text[:MaxText]
	}
	toks := tokenize(text)
	s := &scan{text: text, toks: toks, guard: g, taken: make([]bool, len(toks))}
	s.site()
	return merge(s.found), nil
}

// expand gives the patterns of a shape: with and without each of its optional parts.
func expand(shape string) ([]pattern, error) {
	if strings.Count(shape, "(") > 3 {
		return nil, ErrShape
	}
	found := []pattern{""}
	for shape != "" {
		fixed, rest, optional := strings.Cut(shape, "(")
		for i := range found {
			found[i] += pattern(fixed)
		}
		if !optional {
			break
		}
		part, after, closed := strings.Cut(rest, ")")
		if !closed {
			return nil, ErrShape
		}
		for _, p := range slices.Clone(found) {
			found = append(found, p+pattern(part))
		}
		shape = after
	}
	for _, p := range found {
		if !p.valid() {
			return nil, ErrShape
		}
	}
	return found, nil
}

func (p pattern) valid() bool {
	odd := strings.IndexFunc(string(p), func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || strings.ContainsRune(" -/._#", r))
	})
	return odd < 0 && len(p) >= 4 && len(p) <= 40 && strings.Contains(string(p), "9") && strings.TrimSpace(string(p)) == string(p)
}

// site finds the numbers of this site.
func (s *scan) site() {
	for _, p := range s.guard.patterns {
		for i := range s.toks {
			if end := s.shaped(i, p); end > 0 && s.begins(i) && s.ends(end) && s.free(i, end) {
				s.add(i, end, RecordNumber, High, BySite)
			}
		}
	}
}

// shaped gives the token after those that have the pattern's shape, or -1.
func (s *scan) shaped(i int, p pattern) int {
	from := s.toks[i].start
	if from+len(p) > len(s.text) {
		return -1
	}
	for k := range len(p) {
		if !p.takes(k, s.text[from+k]) {
			return -1
		}
	}
	for k := i; k < len(s.toks); k++ {
		switch end := s.toks[k].end; {
		case end == from+len(p):
			return k + 1
		case end > from+len(p):
			return -1
		}
	}
	return -1
}

func (p pattern) takes(k int, c byte) bool {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch want := p[k]; want {
	case '9':
		return c >= '0' && c <= '9'
	case 'A':
		return isCapital(c)
	default:
		return want == c
	}
}
