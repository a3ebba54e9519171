package nameguard

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"
)

//go:embed lists/*.txt
var lists embed.FS

// MaxText is the longest text, in bytes, that Find reads; a case file's texts are a hundredth of it.
const MaxText = 4 << 20

// Guard is a set of word lists and site patterns. Make it with New, add to it, then use it from as many goroutines as you like.
type Guard struct {
	forenames, surnames, places, nouns wordSet
	patterns                           []pattern
}

// New gives a guard with the lists of our own: first names of the last hundred years in Germany and of the languages spoken there,
// frequent surnames, larger towns, and words that look like names but are none.
func New() *Guard {
	g := &Guard{forenames: wordSet{}, surnames: wordSet{}, places: wordSet{}, nouns: wordSet{}}
	for name, set := range map[string]wordSet{"forenames": g.forenames, "surnames": g.surnames, "places": g.places, "nouns": g.nouns} {
		f, err := lists.Open("lists/" + name + ".txt")
		if err == nil {
			err = set.read(f)
		}
		if err != nil {
			panic("nameguard: " + err.Error()) // they are compiled in
		}
	}
	return g
}

// List is one of the word lists that a deployment may add to.
type List uint8

const (
	Forenames List = iota
	Surnames
	Places
	Nouns // words that are no names, whatever they look like
)

// Load adds words to a list: one entry a line, blank lines and lines that begin with # left out, at most 200 bytes each.
func (g *Guard) Load(list List, r io.Reader) error {
	set := [...]wordSet{g.forenames, g.surnames, g.places, g.nouns}[list]
	if err := set.read(r); err != nil {
		return fmt.Errorf("word list: %w", err)
	}
	return nil
}

func (w wordSet) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, entry := range strings.Split(line, ",") {
			if entry = foldWord(strings.TrimSpace(entry)); entry != "" {
				w[entry] = struct{}{}
			}
		}
	}
	return lines.Err()
}

func (g *Guard) known(fold string) bool { return g.forenames.has(fold) || g.surnames.has(fold) }

// Find reads a text and gives what could name somebody, in order and without overlaps. subject may be nil. The cost is linear in
// the text; a text beyond MaxText gives one finding over all of it, since nobody has read it.
func (g *Guard) Find(text string, subject *Subject) []Finding {
	if len(text) > MaxText {
		return []Finding{{0, len(text), RecordNumber, High, ByShape}}
	}
	toks := tokenize(text)
	s := &scan{text: text, toks: toks, guard: g, taken: make([]bool, len(toks))}
	s.site()
	s.numbers()
	s.contacts()
	s.dates()
	s.ages()
	s.addresses()
	s.institutions()
	s.names()
	s.repetitions()
	s.belongings(subject)
	return merge(s.found)
}

// institutions leaves names of persons inside them to be found by themselves: "Praxis Dr. Nolte" is both.
func (s *scan) institutions() {
	taken := append([]bool(nil), s.taken...)
	s.organisations()
	s.taken = taken
}

// ErrPattern refuses a site pattern.
var ErrPattern = errors.New("nameguard: a pattern needs at least four places, one of them a digit, and only letters, digits, blanks and - / . _ #")

// pattern is the shape of a number of this site: 9 stands for a digit, A for a letter, everything else for itself.
type pattern string

// AddPattern adds the shape of a number that this site uses, such as "99-AA-9999": 9 is any digit, A any letter, blanks and signs
// stand for themselves. It gives ErrPattern for a shape that would find too much or is none.
func (g *Guard) AddPattern(shape string) error {
	shape = strings.TrimSpace(shape)
	digits := strings.Count(shape, "9")
	odd := strings.IndexFunc(shape, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || strings.ContainsRune(" -/._#", r))
	})
	if len(shape) < 4 || len(shape) > 40 || digits == 0 || odd >= 0 {
		return ErrPattern
	}
	g.patterns = append(g.patterns, pattern(shape))
	return nil
}

// site finds the numbers of this site.
func (s *scan) site() {
	for _, p := range s.guard.patterns {
		for i := range s.toks {
			if end := s.shaped(i, p); end > 0 && s.begins(i) && s.ends(end) && s.free(i, end) {
				s.add(i, end, SitePattern, High, BySite)
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
		c := s.text[from+k]
		switch want := p[k]; {
		case want == '9' && c >= '0' && c <= '9', want == 'A' && (isCapital(c) || c >= 'a' && c <= 'z'), want == c:
		default:
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
