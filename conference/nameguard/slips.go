package nameguard

import (
	"strconv"
	"strings"
)

// slips says of a word, before anybody has typed it, how it looks within so many typing errors of it: which letters of what was typed are
// none of it, by their places, and what is left without them. Whoever has typed something takes letters out of it, two at most, and needs
// to compare what is left for equality alone. A word is among them exactly if withinTypos says so; the first letter counts as right.
func slips(word string, allowed int) map[string]struct{} {
	all := map[string]struct{}{}
	if word != "" {
		(&slipping{word, all}).on(1, word[:1], nil, allowed, allowed)
	}
	return all
}

// slipping goes through a word from left to right, one way after the other in which it can be typed.
type slipping struct {
	word string
	all  map[string]struct{}
}

// on goes on at letter i, with what is left so far and the places of the letters that were taken out.
func (s *slipping) on(i int, kept string, places []int, errors, allowed int) {
	typed := len(kept) + len(places) // so many letters
	if i == len(s.word) && errors < allowed {
		s.all[slip(kept, places)] = struct{}{}
	}
	if errors > 0 {
		wrong := append(places[:len(places):len(places)], typed)
		s.on(i, kept, wrong, errors-1, allowed) // one too many
		if i < len(s.word) {
			s.on(i+1, kept, places, errors-1, allowed) // one missing
			s.on(i+1, kept, wrong, errors-1, allowed)  // another one
		}
		if i+1 < len(s.word) && s.word[i] != s.word[i+1] {
			s.on(i+2, kept+string([]byte{s.word[i+1], s.word[i]}), places, errors-1, allowed) // exchanged
		}
	}
	if i < len(s.word) {
		s.on(i+1, kept+s.word[i:i+1], places, errors, allowed)
	}
}

// slip writes what is left, and the places where something was taken out.
func slip(kept string, places []int) string {
	var b strings.Builder
	b.WriteString(kept)
	b.WriteByte(':')
	for i, p := range places {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(p))
	}
	return b.String()
}

// mistyped are the slips that similar takes for a part of a name.
func (p part) mistyped() map[string]struct{} {
	all := slips(p.loose, p.allowed())
	if p.allowed() != 1 {
		return all // a genitive is one error of two
	}
	for typed := range slips(p.loose, 1) {
		kept, places, _ := strings.Cut(typed, ":")
		length := len(kept) + 1
		if places != "" {
			length++
		}
		if length > 4 {
			all[kept+"s:"+places] = struct{}{}
		}
	}
	return all
}

// allowed is how many typing errors the length of a name bears.
func (p part) allowed() int {
	switch n := len(p.loose); {
	case n >= 7:
		return 2
	case n >= 4:
		return 1
	}
	return 0
}
