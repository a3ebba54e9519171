package nameguard

import "testing"

func TestKoelnerPhonetikAgreesWithItsVectors(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"MüllerLüdenscheidt": "65752682", "Wikipedia": "3412", "Breschnew": "17863", "Meyer": "67", "Maier": "67", "Mayr": "67", "Schmidt": "862", "Schmitt": "862",
		"Philipp": "351", "Filip": "351", "Wagner": "3467", "Wagener": "3467", "Özdemir": "08267", "Oezdemir": "08267",
	} {
		if got := koelner(foldWord(word)); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}

func TestTypingErrorsAreCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"brinkmann", "brinmkann", 1}, {"kurz", "kuurz", 1}, {"schneider", "schneidr", 1}, {"kowalski", "kovalski", 1}, {"kurz", "lang", 4}, {"abc", "ca", 3},
	} {
		for allowed := range 5 {
			if got := withinTypos(c.a, c.b, allowed); got != (allowed >= c.want) {
				t.Errorf("%s → %s within %d: %v", c.a, c.b, allowed, got)
			}
		}
	}
}
