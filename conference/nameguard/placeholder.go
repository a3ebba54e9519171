package nameguard

// Words that stand for what was taken out of a text: [Person A], [Ort], [Datum 03/2024].
var replacements = words("person ort adresse telefon mail nummer einrichtung datum geburtsdatum link konto")

// placeholders takes what was put into a text instead of a name for what it is. What stands in the brackets must be nothing but that, or
// brackets would hide a name.
func (s *scan) placeholders() {
	for i := range s.toks {
		if end := s.placeholder(i); end > 0 {
			for k := i; k < end; k++ {
				s.taken[k] = true
			}
		}
	}
}

// placeholder gives the token after the closing bracket, or -1.
func (s *scan) placeholder(i int) int {
	if !s.is(i, "[") || !s.isWord(i+1) || !s.glued(i+1) || !replacements.has(s.at(i+1).fold) {
		return -1
	}
	k := i + 2
	switch {
	case s.letter(k):
		k++ // which of several
	case s.digits(k) == 4:
		k++
	case s.digits(k) > 0 && s.digits(k) <= 2 && s.is(k+1, "/") && s.digits(k+2) == 4:
		k += 3
	}
	if !s.is(k, "]") {
		return -1
	}
	return k + 1
}
