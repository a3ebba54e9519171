package nameguard

import "strings"

// Contact reads the field in which somebody has written how a person is reached, as people write it: addresses, numbers with or without
// "Tel." before them, mail addresses, and who else picks up the phone.
func Contact(text string) []Attribute {
	var known []Attribute
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' || r == ';' || r == '|' }) {
		known = append(known, contactPiece(strings.TrimSpace(piece))...)
	}
	return known
}

func contactPiece(piece string) []Attribute {
	toks := tokenize(piece)
	s := &scan{text: piece, toks: toks, guard: &Guard{}, taken: make([]bool, len(toks))}
	s.contacts()
	var known []Attribute
	for i := range toks { // a number at hand is one, whether or not a word announces it
		if end, digits, _ := s.dialled(i); !s.taken[i] && s.isNumber(i) && digits >= 6 && end > i {
			s.add(i, end, Phone, Medium, ByShape)
		}
	}
	for _, f := range merge(s.found) {
		if f.Class == Phone || f.Class == Email {
			known = append(known, Attribute{f.Class, piece[f.Start:f.End]})
		}
	}
	if rest := s.beside(len(known) > 0); rest != "" {
		class := Street
		if len(known) > 0 {
			class = Person // whoever is reached under it
		}
		known = append(known, Attribute{class, rest})
		if bare := strings.TrimLeft(rest, "0123456789 "); class == Street && bare != rest && len(bare) > 3 {
			known = append(known, Attribute{Place, bare}) // the town without its postcode
		}
	}
	return known
}

// beside gives the words that are no part of a number or an address, and do not announce one. Beside a number only what is written with a
// capital letter can be a name.
func (s *scan) beside(numbered bool) string {
	var words []string
	for i, t := range s.toks {
		label := aboutPhone.has(t.fold) || t.fold == "mail" || t.fold == "email" || t.fold == "adresse" || t.fold == "anschrift" || t.fold == "privat" || t.fold == "kontakt"
		if s.taken[i] || t.kind == mark || label || relations.has(t.fold) || salutations.has(t.fold) || numbered && (!t.capital || len(t.fold) < 2) {
			continue
		}
		words = append(words, s.raw(i))
	}
	return strings.Join(words, " ")
}
