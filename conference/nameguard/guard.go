package nameguard

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed lists/*.txt
var lists embed.FS

// MaxText is the longest text, in bytes, that Find reads; a case file's texts are a hundredth of it.
const MaxText = 4 << 20

// Guard is a set of word lists and site patterns. Make it with New, load into it, then use it from as many goroutines as you like.
type Guard struct {
	forenames, surnames, places, nouns wordSet
	shapes                             []string // as they were given
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

// files are the lists by the names that their files have.
var files = []string{Forenames: "forenames.txt", Surnames: "surnames.txt", Places: "places.txt", Nouns: "nouns.txt"}

// LoadDir loads the lists of a directory: forenames.txt, surnames.txt, places.txt and nouns.txt, as many as there are. A directory that is
// not there is an empty one; another name that ends in .txt is refused, since somebody meant it to count.
func (g *Guard) LoadDir(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return fmt.Errorf("word lists: %w", err)
	}
	for _, path := range found {
		list := slices.Index(files, filepath.Base(path))
		if list < 0 {
			return fmt.Errorf("word lists: %s is none of %s", filepath.Base(path), strings.Join(files, ", "))
		}
		if err := g.loadFile(List(list), path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func (g *Guard) loadFile(list List, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return g.Load(list, f)
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
	s.placeholders()
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
