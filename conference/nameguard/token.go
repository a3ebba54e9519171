package nameguard

import (
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	mark kind = iota // one character that is neither letter nor digit
	word
	number
)

// gap is what lies between a token and the one before it.
type gap uint8

const (
	glued gap = iota
	spaced
	lined // at least one line break
)

// token is a word, a number or a mark. start and end are bytes of the text.
type token struct {
	start, end int
	kind       kind
	gap        gap
	capital    bool // begins with a capital letter
	upper      bool // at least two letters, all capitals
	fold       string
}

// tokenize cuts a text. Blanks are not tokens; combining marks belong to their word, so that decomposed umlauts stay whole.
func tokenize(text string) []token {
	toks := make([]token, 0, len(text)/5+8)
	folded := make([]byte, 0, len(text)+len(text)/8)
	ends := make([]int, 0, cap(toks))
	between := lined
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			between = lined
			at += size
			continue
		case unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' || r == '\u00ad':
			between = max(between, spaced)
			at += size
			continue
		}
		t := token{start: at, gap: between}
		switch {
		case unicode.IsLetter(r):
			t.kind = word
			at, folded = readWord(text, &t, folded)
		case r >= '0' && r <= '9':
			t.kind = number
			for at < len(text) && text[at] >= '0' && text[at] <= '9' {
				at++
			}
			folded = append(folded, text[t.start:at]...)
		default:
			at += size
			folded = append(folded, text[t.start:at]...)
		}
		t.end = at
		between = glued
		toks = append(toks, t)
		ends = append(ends, len(folded))
	}
	all, from := string(folded), 0
	for i := range toks {
		toks[i].fold = all[from:ends[i]]
		from = ends[i]
	}
	return toks
}

func readWord(text string, t *token, folded []byte) (int, []byte) {
	letters, capitals := 0, 0
	at := t.start
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case unicode.IsLetter(r):
			if unicode.IsUpper(r) {
				capitals++
				t.capital = t.capital || letters == 0
			}
			letters++
		case !unicode.Is(unicode.Mn, r):
			t.upper = letters > 1 && letters == capitals
			return at, folded
		}
		folded = appendFold(folded, r)
		at += size
	}
	t.upper = letters > 1 && letters == capitals
	return at, folded
}
