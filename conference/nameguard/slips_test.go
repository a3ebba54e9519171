package nameguard

import (
	"math/rand/v2"
	"testing"
)

// among says of a typed word what a page does: takes out letters behind the first, two at most, and looks at what is left.
func among(all map[string]struct{}, typed string) bool {
	is := func(kept string, places ...int) bool { _, there := all[slip(kept, places)]; return there }
	if is(typed) {
		return true
	}
	for i := 1; i < len(typed); i++ {
		one := typed[:i] + typed[i+1:]
		if is(one, i) {
			return true
		}
		for k := i; k < len(one); k++ {
			if is(one[:k]+one[k+1:], i, k+1) {
				return true
			}
		}
	}
	return false
}

// TestSlipsAreTheWordsWithinTheTypingErrors compares them with the distance itself, over short words of few letters where every
// kind of error meets every other, and over long ones.
func TestSlipsAreTheWordsWithinTheTypingErrors(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	word := func(n int, letters string) string {
		w := make([]byte, n)
		for i := range w {
			w[i] = letters[r.IntN(len(letters))]
		}
		return string(w)
	}
	near := 0
	for range 300 {
		name := "a" + word(3+r.IntN(6), "abc")
		for allowed := 1; allowed <= 2; allowed++ {
			all := slips(name, allowed)
			for range 400 {
				typed := "a" + word(1+r.IntN(9), "abc")
				if typed == name {
					continue // found surely, and otherwise
				}
				want := withinTypos(name, typed, allowed)
				if got := among(all, typed); got != want {
					t.Fatalf("%q of %q with %d: %v, want %v", typed, name, allowed, got, want)
				}
				if want {
					near++
				}
			}
		}
	}
	if near < 5000 {
		t.Errorf("only %d words were near", near)
	}
	if n := len(slips("lukaszewicz", 2)); n > 1100 {
		t.Errorf("%d slips of a name of eleven letters", n)
	}
}

// TestMistypedNamesAreThoseThatTheGuardTakesForOne asks similar itself, genitives included.
func TestMistypedNamesAreThoseThatTheGuardTakesForOne(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"otto", "berta", "moses", "geheimnis", "lukaszewicz", "ida"} {
		p := part{loose: name}
		all := p.mistyped()
		for range 30_000 {
			typed := []byte(name)
			for range 1 + r.IntN(3) {
				i := 1 + r.IntN(len(typed)-1)
				switch r.IntN(5) {
				case 0:
					typed[i] = name[r.IntN(len(name))]
				case 1:
					typed = append(typed[:i], append([]byte{name[r.IntN(len(name))]}, typed[i:]...)...)
				case 2:
					if len(typed) > 2 {
						typed = append(typed[:i], typed[i+1:]...)
					}
				case 3:
					if i+1 < len(typed) {
						typed[i], typed[i+1] = typed[i+1], typed[i]
					}
				case 4:
					typed = append(typed, 's')
				}
			}
			want := string(typed) != name && similar(p, string(typed), "")
			if got := among(all, string(typed)); got != want && string(typed) != name {
				t.Fatalf("%q of %q: %v, want %v", typed, name, got, want)
			}
		}
	}
}
