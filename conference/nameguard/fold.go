package nameguard

import "unicode"

// appendFold writes a letter as it is compared: lower case, umlauts written out, ß as ss, accents dropped. A combining diaeresis
// becomes the e of the umlaut that it makes.
func appendFold(to []byte, r rune) []byte {
	if r < 0x80 {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(to, byte(r))
	}
	switch r = unicode.ToLower(r); r {
	case 'ä':
		return append(to, 'a', 'e')
	case 'ö', 'ø':
		return append(to, 'o', 'e')
	case 'ü':
		return append(to, 'u', 'e')
	case 'ß':
		return append(to, 's', 's')
	case 'æ':
		return append(to, 'a', 'e')
	case 'œ':
		return append(to, 'o', 'e')
	case '\u0308':
		return append(to, 'e')
	}
	if unicode.Is(unicode.Mn, r) {
		return to
	}
	if plain, ok := plainLetters[r]; ok {
		return append(to, plain)
	}
	return append(to, string(r)...)
}

// plainLetters are the Latin letters with marks that occur in names, without the mark.
var plainLetters = func() map[rune]byte {
	plain := make(map[rune]byte)
	for base, marked := range map[byte]string{
		'a': "áàâãåăąāạảấầẩẫậắằẳẵặ", 'c': "çćčĉċ", 'd': "đďð", 'e': "éèêëęěėēẽẹẻếềểễệ", 'g': "ğģĝġ", 'h': "ĥħ", 'i': "íìîïıįīĩịỉ",
		'j': "ĵ", 'k': "ķ", 'l': "łĺľļ", 'n': "ñńňņ", 'o': "óòôõőōọỏốồổỗộơớờởỡợ", 'r': "řŕŗ", 's': "şšśșŝ", 't': "țťţŧ",
		'u': "úùûűůūųũụủưứừửữự", 'w': "ŵ", 'y': "ýÿŷỳỵỷỹ", 'z': "žźż",
	} {
		for _, r := range marked {
			plain[r] = base
		}
	}
	return plain
}()

// foldWord folds a whole word.
func foldWord(s string) string {
	folded := make([]byte, 0, len(s)+4)
	for _, r := range s {
		folded = appendFold(folded, r)
	}
	return string(folded)
}

// loosen takes a folded word and drops the e of umlauts that were written out, so that Müller, Mueller and Muller are one. It may
// make one of two different words; only the subject's own few words are compared so.
func loosen(folded string) string {
	loose := make([]byte, 0, len(folded))
	for i := 0; i < len(folded); i++ {
		loose = append(loose, folded[i])
		if c := folded[i]; (c == 'a' || c == 'o' || c == 'u') && i+1 < len(folded) && folded[i+1] == 'e' {
			i++
		}
	}
	return string(loose)
}
