package expertpool

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Search is what somebody looks for in the pool: one line of words, a place and facets. Everything that is set must hold. The
// zero value finds everybody.
type Search struct {
	Text   string // words, a postcode: what people type into a search box; at most MaxText characters count
	Near   string // postcode
	Within int    // km around Near; 0: any distance, and 100 km when nothing else is asked for
	Facets Facets
	Free   bool // still has hours this month
	Page   int  // from 0
}

// Facets are the values that a search is narrowed by. Codes that nobody knows find nobody.
type Facets struct {
	Disciplines, Professions, Specialties, Languages, Modes []string
}

// Bounds of a search.
const (
	MaxText  = 120
	PageSize = 25
	MaxPages = 40
	// MaxCounted is how many hits of a search for words or a place are counted and ranked; beyond that it wants narrowing.
	MaxCounted = 5000

	maxTokens = 8
)

// Found is a page of what a search has found.
type Found struct {
	Total   int
	Capped  bool // there are more than MaxCounted, Total says that many, and Counts is empty
	Hits    []Hit
	Counts  map[string]int // by facet, as Facet writes it: how many of the hits have it
	Near    string         // the postcode that distances are from; "" when none was asked for or nobody knows it
	Instead []Instead      // words that nothing was found for, and those that were searched instead
	Heard   []string       // facets that the words of the search stand for, as "Psychiatrie"
}

// Instead is a spelling that was taken for another.
type Instead struct{ Asked, Taken string }

// Hit is an expert with the reasons why she is among the hits.
type Hit struct {
	Expert
	Profile      Profile
	Organisation string
	Way          *Way // from Found.Near
	UsedMinutes  int  // of the contingent of this month
	Why          []Match
}

// Match says what of a hit a word of the search has met.
type Match struct {
	Kind  string // one of the Met…
	Value string // what was met: a facet, or words of the profile
	Asked string // the word as it was typed
}

// Kinds of matches.
const (
	MetFacet    = "facet"    // Value is a facet that is called so
	MetSynonym  = "synonym"  // Value is a facet that the word stands for
	MetName     = "name"     // the word stands in the name
	MetText     = "text"     // Value is a topic or the expert's own words in which it stands
	MetPlace    = "place"    // of the place
	MetHouse    = "house"    // of the organisation
	MetSpelling = "spelling" // Value is what stands there, spelled like the word
	MetComes    = "comes"    // she comes as far as this: Value is km
)

// Facet writes a value of a kind as one word: d discipline, p profession, s specialty, l language, m mode.
func Facet(kind, code string) string { return kind + ":" + code }

// check refuses what no list has.
func (f Facets) check() error {
	return account.FirstError(
		allOf("discipline", f.Disciplines, len(Disciplines), KnownDiscipline),
		allOf("profession", f.Professions, len(Professions()), KnownProfession),
		allOf("specialties", f.Specialties, len(Specialties()), KnownSpecialty),
		allOf("languages", f.Languages, len(Languages()), func(l string) bool { return slices.Contains(Languages(), l) }),
		allOf("modes", f.Modes, len(Modes()), func(m string) bool { return slices.Contains(Modes(), m) }),
	)
}

// all lists the facets.
func (f Facets) all() []string {
	var list []string
	for _, g := range []struct {
		kind  string
		codes []string
	}{{"d", f.Disciplines}, {"p", f.Professions}, {"s", f.Specialties}, {"l", f.Languages}, {"m", f.Modes}} {
		for _, c := range g.codes {
			list = append(list, Facet(g.kind, c))
		}
	}
	return list
}

// token is one word of a search with everything that it may stand for.
type token struct {
	asked    string // as it was typed
	word     string // folded
	facets   []string
	synonyms []string // facets that it only stands for
	also     []string // folded words that mean the same
	stems    []string // of word, as the database's dictionary has them
	parts    []token  // of a compound; all of them must be met
	taken    string   // the spelling that was taken for word
}

// parse takes the words of a search apart. A postcode among them becomes the place, if none was named.
func parse(q *Search) []token {
	var tokens []token
	text := []rune(q.Text)
	for asked := range wordsOfText(string(text[:min(len(text), MaxText)])) {
		word := fold(asked)
		switch {
		case word == "" || slices.Contains(silent(), word):
		case len(word) == 5 && digits(word):
			if q.Near == "" {
				q.Near = word
			}
		case len(tokens) < maxTokens && !slices.ContainsFunc(tokens, func(t token) bool { return t.word == word }):
			tokens = append(tokens, understand(asked, word))
		}
	}
	return tokens
}

// silent words say nothing about anybody.
func silent() []string {
	return strings.Fields("und oder mit fuer in im am an auf aus bei beim der die das den dem des ein eine einen einer fachrichtung spricht zum zur von vor ort")
}

// understand looks a word up in the lexicon; if it is not there, its parts.
func understand(asked, word string) token {
	t := token{asked: asked, word: word}
	for _, e := range lexicon() {
		if !slices.ContainsFunc(e.words, func(w string) bool { return sameWord(word, w) }) {
			continue
		}
		if e.synonym {
			t.synonyms = append(t.synonyms, e.facets...)
		} else {
			t.facets = append(t.facets, e.facets...)
		}
		t.also = append(t.also, e.also...)
	}
	if len(t.facets)+len(t.synonyms)+len(t.also) == 0 {
		t.parts = compound(asked, word)
	}
	return t
}

// sameWord tells whether a typed word is one of the lexicon: in another form of German grammar, or its beginning.
func sameWord(word, known string) bool {
	if word == known || len(word) >= 4 && strings.HasPrefix(known, word) || len(word) >= 6 && strings.HasSuffix(known, word) {
		return true
	}
	ending, longer := strings.CutPrefix(word, known)
	return longer && len(known) >= 5 && slices.Contains(strings.Fields("e n s en es er in ern innen"), ending)
}

// compound takes a word apart into two or more of the lexicon, with the letters that German puts between them; nil if that
// cannot be done.
func compound(asked, word string) []token {
	for i := len(word) - 4; i >= 4; i-- {
		head, tail := word[:i], word[i:]
		if !inLexicon(head) && !slices.ContainsFunc([]string{"s", "n", "en"}, func(joint string) bool {
			h, has := strings.CutSuffix(head, joint)
			return has && inLexicon(h)
		}) {
			continue
		}
		first := understand(asked, head)
		if inLexicon(tail) {
			return []token{first, understand(asked, tail)}
		}
		if rest := compound(asked, tail); rest != nil {
			return append([]token{first}, rest...)
		}
	}
	return nil
}

// inLexicon tells whether a word stands there whole.
func inLexicon(word string) bool {
	return len(word) >= 4 && slices.ContainsFunc(lexicon(), func(e entry) bool {
		return slices.ContainsFunc(e.words, func(w string) bool {
			return w == word || len(w) >= 5 && strings.HasPrefix(word, w) && len(word)-len(w) <= 2 && sameWord(word, w)
		})
	})
}

// respelled finds the word of the lexicon that a typed one was probably meant to be; "" if there is none.
func respelled(word string) string {
	best, least := "", slips(word)+1
	for _, e := range lexicon() {
		for _, w := range e.words {
			if d := edits(word, w, least); d < least {
				best, least = w, d
			}
		}
	}
	return best
}

// slips is how many slips of the finger are forgiven in a word.
func slips(word string) int {
	switch n := len(word); {
	case n < 5:
		return 0
	case n < 8:
		return 1
	}
	return 2
}

// edits counts the letters to insert, drop, change or swap with a neighbour to get from a to b (optimal string alignment).
// It gives up at most.
func edits(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		if slices.Min(row) >= most {
			return most
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most)
}

// fold writes German letters in one way, as de_fold does in the database.
func fold(s string) string { return umlauts().Replace(strings.ToLower(norm.NFC.String(s))) }

var umlauts = sync.OnceValue(func() *strings.Replacer { // a table: built once
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")
})

// Used says how much of the contingent of this month is gone, in per cent; 0 when none is given.
func (h Hit) Used() int {
	if h.HoursPerMonth == 0 {
		return 0
	}
	return min(100, h.UsedMinutes*100/(h.HoursPerMonth*60))
}
