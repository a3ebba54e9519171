package pseudonym

import (
	"crypto/rand"
	"strings"
)

// symbols has no B, I, O and S: people read them as 8, 1, 0 and 5.
const symbols = "0123456789ACDEFGHJKLMNPQRTUVWXYZ"

// Domains of pseudonyms. A case and each of its conferences have pseudonyms of their own, so that nobody outside the
// convening organisation can tell that two conferences were about the same person.
const (
	OfCase       = "F7"
	OfConference = "K7"
	OfRecipient  = "E7" // of what an organisation is given to keep
	OfTopic      = "T7" // of a conference without a case: it stands for nobody
)

// New draws a pseudonym of the domain: eight random symbols (40 bits) and two check symbols, as in K7-1234-5678MG.
func New(domain string) string {
	var b [8]byte
	rand.Read(b[:])
	d := make([]byte, 8)
	for i := range d {
		d[i] = b[i] & 31
	}
	return format(domain, d)
}

// Read brings what a person typed into the written form: case, blanks and hyphens do not matter, and B, I, O, S are taken
// for the digits they look like. It reports false when the check symbols do not fit; they find every error in one or two
// symbols and every swap of neighbours.
func Read(typed string) (string, bool) {
	s := strings.NewReplacer(" ", "", "-", "", "\u2011", "").Replace(strings.ToUpper(strings.TrimSpace(typed)))
	if len(s) != 12 {
		return "", false
	}
	d := make([]byte, 10)
	for i := range d {
		v := strings.IndexByte(symbols, strings.NewReplacer("B", "8", "I", "1", "O", "0", "S", "5").Replace(s[2+i : 3+i])[0])
		if v < 0 {
			return "", false
		}
		d[i] = byte(v)
	}
	if p, q := check(d[:8]); d[8] != p || d[9] != q {
		return "", false
	}
	return format(s[:2], d[:8]), true
}

func format(domain string, d []byte) string {
	p, q := check(d)
	var s strings.Builder
	s.WriteString(domain)
	s.WriteByte('-')
	for i, v := range append(d[:len(d):len(d)], p, q) {
		if i == 4 {
			s.WriteByte('-')
		}
		s.WriteByte(symbols[v])
	}
	return s.String()
}

// check computes two symbols over GF(32) with the polynomial x^5+x^2+1 and a = 2: p = Σ a^i·d_i, q = Σ a^2i·d_i, i = 1…8.
func check(d []byte) (p, q byte) {
	a, a2 := byte(1), byte(1)
	for _, v := range d {
		a = times(a, 2)
		a2 = times(times(a2, 2), 2)
		p ^= times(a, v)
		q ^= times(a2, v)
	}
	return p, q
}

func times(x, y byte) byte {
	var r byte
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			r ^= x
		}
		x <<= 1
		if x&32 != 0 {
			x ^= 0b100101
		}
	}
	return r
}
