package pseudonym

import (
	"strconv"
	"strings"
	"testing"
)

func TestCheckSymbolsOfKnownPseudonyms(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"0000000000", "1000000024", "12345678MG", "ZYXWVUTR0T"} {
		d := make([]byte, 8)
		for i := range d {
			d[i] = byte(strings.IndexByte(symbols, want[i]))
		}
		got := strings.ReplaceAll(format("K7", d), "-", "")[2:]
		if got != want {
			t.Errorf("check symbols of %s: got %s", want[:8], got)
		}
	}
}

func TestReadTakesWhatPeopleType(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"K7-1234-5678MG", "k7 1234 5678mg", " K7I2345678MG", "K7-1234-567BMG"} {
		got, ok := Read(typed)
		if !ok || got != "K7-1234-5678MG" {
			t.Errorf("Read(%q) = %q, %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "K7-1234-5678MM", "K7-1243-5678MG", "K7-1234-5678", "K7-1234-567§MG", strings.Repeat("9", 400)} {
		if got, ok := Read(typed); ok {
			t.Errorf("Read(%q) = %q: an error went unnoticed", typed, got)
		}
	}
}

// Over a sample of pseudonyms: every wrong symbol, every two wrong symbols, every swap of any two. Mistaken symbols that are read as
// what they look like are no errors.
func TestEveryErrorInOneOrTwoSymbolsAndEverySwapIsFound(t *testing.T) {
	t.Parallel()
	tried := 0
	for range 3 {
		raw := []byte(strings.ReplaceAll(New(OfCase), "-", ""))
		wrong := make([]byte, len(raw))
		try := func() {
			if string(wrong) == string(raw) {
				return
			}
			tried++
			if got, ok := Read(string(wrong)); ok {
				t.Fatalf("%s, meant as %s, is read as %s", wrong, raw, got)
			}
		}
		for i := 2; i < 12; i++ {
			for j := i + 1; j < 12; j++ {
				copy(wrong, raw)
				wrong[i], wrong[j] = wrong[j], wrong[i]
				try()
				for _, x := range []byte(symbols) {
					for _, y := range []byte(symbols) {
						copy(wrong, raw)
						wrong[i], wrong[j] = x, y
						try()
					}
				}
			}
		}
	}
	if tried < 3*45*1000 {
		t.Errorf("only %d errors were tried", tried)
	}
}

func TestWhatIsSaidAloudIsShortAndCanBeToldApart(t *testing.T) {
	t.Parallel()
	words := strings.Fields(spokenWords)
	seen := map[string]bool{}
	for _, w := range words {
		if seen[w] || len([]rune(w)) > 12 {
			t.Errorf("%s", w)
		}
		seen[w] = true
	}
	if len(words)*98 < 8000 {
		t.Errorf("%d words", len(words))
	}
	for range 200 {
		word, number, ok := strings.Cut(Spoken(), " ")
		if n, err := strconv.Atoi(number); !ok || !seen[word] || err != nil || n < 2 || n > 99 {
			t.Fatalf("%s %s", word, number)
		}
	}
}
