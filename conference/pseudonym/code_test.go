package pseudonym

import (
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

func TestEveryErrorInOneOrTwoSymbolsIsFound(t *testing.T) {
	t.Parallel()
	for range 2 {
		code := New(OfCase)
		raw := []byte(strings.ReplaceAll(code, "-", ""))
		for i := 2; i < 12; i++ {
			for j := i; j < 12; j++ {
				for _, x := range []byte(symbols) {
					for _, y := range []byte(symbols) {
						wrong := append([]byte{}, raw...)
						wrong[i], wrong[j] = x, y
						if string(wrong) == string(raw) {
							continue
						}
						if got, ok := Read(string(wrong)); ok {
							t.Fatalf("%s read as %s", wrong, got)
						}
					}
				}
			}
		}
	}
}
