package nameguard

import "strings"

// scan is one text being read: its tokens, and what was found in it so far.
type scan struct {
	text  string
	toks  []token
	guard *Guard
	found []Finding
	taken []bool // per token: part of an identifier, a date or an address; not looked at again as something weaker
}

// add notes the tokens from i up to but without j.
func (s *scan) add(i, j int, c Class, sure Confidence, why Reason) {
	s.found = append(s.found, Finding{s.toks[i].start, s.toks[j-1].end, c, sure, why})
	for ; i < j; i++ {
		s.taken[i] = true
	}
}

func (s *scan) free(i, j int) bool {
	for ; i < j; i++ {
		if s.taken[i] {
			return false
		}
	}
	return true
}

// at gives token i, or an empty one beyond either end, so that rules may look around freely.
func (s *scan) at(i int) *token {
	if i < 0 || i >= len(s.toks) {
		return &token{gap: lined}
	}
	return &s.toks[i]
}

func (s *scan) is(i int, fold string) bool { return s.at(i).fold == fold }

// isMark says whether token i is one of marks.
func (s *scan) isMark(i int, marks string) bool {
	t := s.at(i)
	return t.kind == mark && t.end > t.start && strings.Contains(marks, t.fold)
}

func (s *scan) isWord(i int) bool   { return s.at(i).kind == word }
func (s *scan) isNumber(i int) bool { return s.at(i).kind == number }
func (s *scan) near(i int) bool     { return s.at(i).gap != lined }
func (s *scan) glued(i int) bool    { return s.at(i).gap == glued && i > 0 && i < len(s.toks) }
func (s *scan) raw(i int) string    { t := s.at(i); return s.text[t.start:t.end] }

// value is the number at i, or -1 for anything else and for numbers of more than nine digits.
func (s *scan) value(i int) int {
	t := s.at(i)
	if t.kind != number || len(t.fold) > 9 {
		return -1
	}
	n := 0
	for _, c := range []byte(t.fold) {
		n = n*10 + int(c-'0')
	}
	return n
}

// digits is how many digits the number at i has; 0 for anything else.
func (s *scan) digits(i int) int {
	if !s.isNumber(i) {
		return 0
	}
	return len(s.at(i).fold)
}

// says reports whether one of the words stands among the last reach tokens before i, on the same line.
func (s *scan) says(i, reach int, words wordSet) bool {
	for k := i - 1; k >= max(0, i-reach) && s.at(k+1).gap != lined; k-- {
		if s.isWord(k) && words.has(s.at(k).fold) {
			return true
		}
	}
	return false
}

// wordSet is a small set of folded words.
type wordSet map[string]struct{}

func words(list string) wordSet {
	set := make(wordSet)
	for _, w := range strings.Fields(list) {
		set[w] = struct{}{}
	}
	return set
}

func (w wordSet) has(fold string) bool { _, ok := w[fold]; return ok }
