package conference

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Hit is a section of a note in which something was found.
type Hit struct {
	Code             string
	StartsAt, EndsAt time.Time
	Question         string
	Section          string
	Excerpt          []Piece
}

// Piece is a part of an excerpt; Found ones are what the query asked for.
type Piece struct {
	Text  string
	Found bool
}

const (
	maxHits    = 20
	mostTyped  = 200 // characters of a query
	fuzzyFrom  = 5   // letters of a word that may be typed a little wrong
	aroundWord = 90  // characters of an excerpt on each side
)

// Marks around what was found, between the database and here. Texts are stripped of them.
const found, foundEnd = '\x02', '\x03'

// plainWords are the words of a query that says nothing but words. Quotation marks, - and or mean that the person wants
// exactly this; then nothing similar is looked for.
func plainWords(query string) []string {
	for _, w := range strings.Fields(query) {
		if strings.HasPrefix(w, "-") || strings.EqualFold(w, "or") || strings.Contains(w, `"`) {
			return nil
		}
	}
	return strings.FieldsFunc(query, func(r rune) bool { return !inWord(r) })
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// pieces takes a marked headline apart; false when nothing is marked.
func pieces(headline string) ([]Piece, bool) {
	var out []Piece
	marked := false
	for rest := headline; rest != ""; {
		before, after, ok := strings.Cut(rest, string(found))
		if before != "" {
			out = append(out, Piece{Text: before})
		}
		if !ok {
			break
		}
		hit, tail, _ := strings.Cut(after, string(foundEnd))
		out, rest, marked = append(out, Piece{hit, true}), tail, true
	}
	return out, marked
}

// around is the excerpt for what only parts of words tell: the first word that contains one of those sought, with what stands
// around it. Without such a word it is the beginning of the text.
func around(text string, sought []string) []Piece {
	from, to := wordWith(text, sought)
	start, end := stepBack(text, from, aroundWord), stepOn(text, to, aroundWord)
	lead, tail := "", ""
	if start > 0 {
		lead = "… "
	}
	if end < len(text) {
		tail = " …"
	}
	if from == to {
		return []Piece{{Text: text[:end] + tail}}
	}
	return []Piece{{Text: lead + text[start:from]}, {text[from:to], true}, {Text: text[to:end] + tail}}
}

func wordWith(text string, sought []string) (from, to int) {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !inWord(r) {
			at += size
			continue
		}
		end := len(text)
		if n := strings.IndexFunc(text[at:], func(r rune) bool { return !inWord(r) }); n >= 0 {
			end = at + n
		}
		word := fold(text[at:end])
		for _, s := range sought {
			if strings.Contains(word, fold(s)) {
				return at, end
			}
		}
		at = end
	}
	return 0, 0
}

// fold brings the spellings of a German word together, as the database's de_fold does.
func fold(word string) string {
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss").Replace(strings.ToLower(word))
}

// stepBack and stepOn go some characters back or on.
func stepBack(text string, at, steps int) int {
	for ; steps > 0 && at > 0; steps-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return at
}

func stepOn(text string, at, steps int) int {
	for ; steps > 0 && at < len(text); steps-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}
