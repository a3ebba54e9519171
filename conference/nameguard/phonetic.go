package nameguard

import "strings"

// koelner gives the Kölner Phonetik of a folded word (Postel 1969), "" for a word without a Latin letter.
func koelner(folded string) string {
	folded = loosen(folded)
	code := make([]byte, 0, len(folded)+2)
	for i := range len(folded) {
		var before, after byte
		if i > 0 {
			before = folded[i-1]
		}
		if i+1 < len(folded) {
			after = folded[i+1]
		}
		for _, c := range []byte(sound(folded[i], before, after)) {
			if len(code) == 0 || code[len(code)-1] != c {
				code = append(code, c)
			}
		}
	}
	if len(code) == 0 {
		return ""
	}
	return string(code[0]) + strings.ReplaceAll(string(code[1:]), "0", "")
}

func sound(c, before, after byte) string {
	in := func(set string, b byte) bool { return b != 0 && strings.IndexByte(set, b) >= 0 }
	switch c {
	case 'a', 'e', 'i', 'j', 'o', 'u', 'y':
		return "0"
	case 'b':
		return "1"
	case 'p':
		if after == 'h' {
			return "3"
		}
		return "1"
	case 'd', 't':
		if in("csz", after) {
			return "8"
		}
		return "2"
	case 'f', 'v', 'w':
		return "3"
	case 'g', 'k', 'q':
		return "4"
	case 'c':
		hard := in("ahkoqux", after) || before == 0 && in("lr", after)
		if hard && !in("sz", before) {
			return "4"
		}
		return "8"
	case 'x':
		if in("ckq", before) {
			return "8"
		}
		return "48"
	case 'l':
		return "5"
	case 'm', 'n':
		return "6"
	case 'r':
		return "7"
	case 's', 'z':
		return "8"
	}
	return ""
}

// withinTypos says whether b can be made from a by at most allowed insertions, deletions, replacements or swaps of neighbours
// (Damerau-Levenshtein, optimal string alignment). Words are short; anything longer than 63 bytes is only compared for equality.
func withinTypos(a, b string, allowed int) bool {
	if a == b {
		return true
	}
	if len(a) > 63 || len(b) > 63 || allowed == 0 || len(a)-len(b) > allowed || len(b)-len(a) > allowed {
		return false
	}
	var rows [3][64]int
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)] <= allowed
}
