package account

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// commonWords are what people's passwords are made of most: words, names, rows of keys, and what is near at hand in this trade. The
// rules below find what is made of them with figures, signs and figures for letters.
//
//go:embed password_words.txt
var commonWords string

// common are the words of the list as they are compared.
var common = sync.OnceValue(func() map[string]bool {
	list := map[string]bool{}
	for word := range strings.FieldsSeq(commonWords) {
		list[core(word)] = true
	}
	return list
})

// checkPassword holds a password to its rules: twelve characters, and nothing that is tried first. There are no rules about kinds of
// characters. Rules: length, common, own (made of the person's name or address). ASVS 5.0 §6.2.
func checkPassword(field, password, name, email string) error {
	if n := utf8.RuneCountInString(password); n < 12 || len(password) > maxPassword {
		return &InvalidError{field, "length"}
	}
	for _, said := range []string{core(password), letters(password)} {
		if own(said, name, email) {
			return &InvalidError{field, "own"}
		}
		if usual(password, said) {
			return &InvalidError{field, "common"}
		}
	}
	return nil
}

// figures are what people write for letters.
var figures = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i", "€", "e")

// umlauts are written in two ways.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")

// core is a password without capitals and without figures and signs around it, with letters for the figures within.
func core(password string) string {
	return letters(figures.Replace(strings.TrimFunc(strings.ToLower(password), func(r rune) bool { return !unicode.IsLetter(r) })))
}

// letters are all that is left without figures and signs.
func letters(password string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, umlauts.Replace(strings.ToLower(password)))
}

// own: nothing is left when the person's names, her address and ours are taken out.
func own(said, name, email string) bool {
	local, domain, _ := strings.Cut(email, "@")
	words := strings.FieldsFunc(name+" "+local+" "+domain, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	rest := said
	for _, w := range words {
		if w = core(w); len(w) > 2 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	return rest != said && (len(rest) < 4 || common()[rest])
}

// usual: few different characters, a run of neighbours, or at most two common words.
func usual(password, said string) bool {
	return varied(password) < 5 || stepped(strings.ToLower(password)) || len(said) < 4 && !varies(password) || ofWords(said, 2)
}

// varied counts different characters.
func varied(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// varies: figures and signs alone have to be many different ones.
func varies(s string) bool { return varied(s) >= 8 }

// rows are the keyboards' rows, the alphabet and the figures, which fingers run along.
const rows = "qwertzuiopü qwertyuiop asdfghjklöä yxcvbnm zxcvbnm abcdefghijklmnopqrstuvwxyz 01234567890 1qaz2wsx3edc4rfv5tgb6zhn7ujm"

// stepped: pieces of three or more that run along a row, or back, make up all but two characters.
func stepped(s string) bool {
	left, text := 0, []rune(s)
	for i := 0; i < len(text); {
		n := run(text[i:])
		if n < 3 {
			left, n = left+1, 1
		}
		i += n
	}
	return left <= 2
}

// run is how many characters from the beginning run along a row.
func run(text []rune) int {
	back := reversed(rows)
	n := 0
	for k := 2; k <= len(text); k++ {
		if piece := string(text[:k]); !strings.Contains(rows, piece) && !strings.Contains(back, piece) {
			break
		}
		n = k
	}
	return n
}

func reversed(s string) string {
	text := []rune(s)
	for i, j := 0, len(text)-1; i < j; i, j = i+1, j-1 {
		text[i], text[j] = text[j], text[i]
	}
	return string(text)
}

// ofWords: it can be cut into at most so many different common words; one that is said again costs nothing.
func ofWords(said string, most int) bool {
	for cut := len(said); cut > 2; cut-- {
		if !common()[said[:cut]] {
			continue
		}
		rest := strings.ReplaceAll(said, said[:cut], "")
		if rest == "" || most > 1 && ofWords(rest, most-1) {
			return true
		}
	}
	return false
}
