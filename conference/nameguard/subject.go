package nameguard

import (
	"slices"
	"strings"
	"time"
)

// Attribute is one thing that is known about the person a case is about, or about somebody close: a relative, the employer, the
// physician. Class says what Value is: Person (one name, or given name and family name together), Birthdate (ISO 8601), Street,
// Place, Phone, Email, or one of the identifiers.
type Attribute struct {
	Class Class
	Value string
}

// Subject is what a text is compared with. It is made for one check and forgotten; it has no method that gives anything back.
type Subject struct {
	parts     []part
	byWord    map[string]int // loosened word → place in parts
	numbers   map[string]Class
	longest   int
	born      time.Time
	initials  [][2]byte
	particles []string // of the names: van, der
	phrases   []phrase
}

// part is one word of a name.
type part struct {
	loose string
	sound string
	class Class
}

// phrase is a street or town of several words.
type phrase struct {
	words []string
	class Class
}

// NewSubject prepares the comparison. Attributes that are empty are left out.
func NewSubject(known ...Attribute) *Subject {
	u := &Subject{byWord: map[string]int{}, numbers: map[string]Class{}}
	for _, a := range known {
		switch a.Class {
		case Person, Organisation:
			u.name(a)
		case Birthdate:
			if born, err := time.Parse(time.DateOnly, strings.TrimSpace(a.Value)); err == nil {
				u.born = born
			}
		case Street, Place:
			u.phrase(a)
		case Email:
			u.mailbox(a.Value)
		default:
			u.number(a)
		}
	}
	return u
}

func (u *Subject) name(a Attribute) {
	var first byte
	for _, t := range tokenize(a.Value) {
		if t.kind != word {
			continue
		}
		if first == 0 {
			first = t.fold[0]
		} else if a.Class == Person {
			u.initials = append(u.initials, [2]byte{first, t.fold[0]}, [2]byte{t.fold[0], first})
		}
		if particles.has(t.fold) && !t.capital {
			u.particles = append(u.particles, t.fold)
		} else if len(t.fold) > 1 {
			u.word(t.fold, a.Class)
		}
	}
}

func (u *Subject) word(folded string, c Class) {
	loose := loosen(folded)
	if _, known := u.byWord[loose]; !known {
		u.byWord[loose] = len(u.parts)
		u.parts = append(u.parts, part{loose, koelner(folded), c})
	}
}

func (u *Subject) phrase(a Attribute) {
	p := phrase{class: a.Class}
	for _, t := range tokenize(a.Value) {
		if t.kind != mark {
			p.words = append(p.words, loosen(t.fold))
		}
	}
	if len(p.words) > 0 {
		u.phrases = append(u.phrases, p)
	}
}

// mailbox remembers the parts of an address before the @ that are words: they are often the name.
func (u *Subject) mailbox(address string) {
	local, _, _ := strings.Cut(address, "@")
	for _, t := range tokenize(local) {
		if t.kind == word && len(t.fold) > 3 {
			u.word(t.fold, Person)
		}
	}
}

// number remembers an identifier without its blanks and signs.
func (u *Subject) number(a Attribute) {
	compact := compacted(a.Value)
	if len(compact) < 4 {
		return
	}
	u.numbers[compact] = a.Class
	if a.Class == Phone { // +49 (0)171 … and 0171 … are one number
		if bare, ok := strings.CutPrefix(compact, "490"); ok {
			u.numbers["0"+bare] = Phone
		} else if bare, ok := strings.CutPrefix(compact, "49"); ok {
			u.numbers["0"+bare] = Phone
		} else if bare, ok := strings.CutPrefix(compact, "0"); ok {
			u.numbers["49"+bare] = Phone
			u.numbers["490"+bare] = Phone
		}
	}
	for n := range u.numbers {
		u.longest = max(u.longest, len(n))
	}
}

func compacted(s string) string {
	var b strings.Builder
	for _, t := range tokenize(s) {
		if t.kind != mark {
			b.WriteString(t.fold)
		}
	}
	return b.String()
}

// belongings finds what belongs to the subject, however it was written.
func (s *scan) belongings(u *Subject) {
	if u == nil {
		return
	}
	s.ownNumbers(u)
	s.ownBirthday(u)
	for i := range s.toks {
		s.ownPhrases(u, i)
		if s.isWord(i) {
			s.ownName(u, i)
		}
	}
}

// ownName compares one word with the names: equal when umlauts and genitive are put aside, or a typing error away, or sounding the
// same. Only words that begin with a capital are compared beyond equality.
func (s *scan) ownName(u *Subject, i int) {
	t := s.at(i)
	if u.isInitials(s, i) {
		s.add(i, i+4, Person, Medium, BySubject)
		return
	}
	if len(t.fold) < 2 {
		return
	}
	loose := loosen(t.fold)
	if p, ok := u.equal(loose); ok {
		first := i
		for first > 0 && s.near(first) && slices.Contains(u.particles, s.at(first-1).fold) {
			first--
		}
		s.add(first, i+1, p.class, s.certainty(t), BySubject)
		return
	}
	if !t.capital || s.guard.nouns.has(t.fold) {
		return
	}
	sound := koelner(t.fold)
	for _, p := range u.parts {
		if similar(p, loose, sound) {
			s.add(i, i+1, p.class, Medium, BySubjectTypo)
			return
		}
	}
}

// certainty of a word that equals a name: many names are words, too.
func (s *scan) certainty(t *token) Confidence {
	switch {
	case !s.guard.nouns.has(t.fold):
		return High
	case t.capital:
		return Medium
	}
	return Low
}

// equal takes the genitive off where the word itself is not the name.
func (u *Subject) equal(loose string) (part, bool) {
	if at, ok := u.byWord[loose]; ok {
		return u.parts[at], true
	}
	if n := len(loose) - 1; n >= 2 && loose[n] == 's' {
		if at, ok := u.byWord[loose[:n]]; ok {
			return u.parts[at], true
		}
	}
	return part{}, false
}

// similar: as many typing errors as the length bears, same first letter; or the same sound.
func similar(p part, loose, sound string) bool {
	allowed := p.allowed()
	if loose[0] == p.loose[0] && (withinTypos(p.loose, loose, allowed) || len(loose) > 4 && loose[len(loose)-1] == 's' && withinTypos(p.loose, loose[:len(loose)-1], min(allowed, 1))) {
		return true
	}
	if d := len(loose) - len(p.loose); len(p.sound) < 3 || d > 2 || d < -2 {
		return false
	}
	return sound == p.sound
}

// isInitials: "G. F." of given name and family name.
func (u *Subject) isInitials(s *scan, i int) bool {
	if !s.isInitial(i) || !s.isInitial(i+2) || !s.near(i+2) {
		return false
	}
	for _, two := range u.initials {
		if s.at(i).fold[0] == two[0] && s.at(i + 2).fold[0] == two[1] {
			return true
		}
	}
	return false
}

// ownNumbers compares runs of letters and digits, whatever stands between their groups.
func (s *scan) ownNumbers(u *Subject) {
	if len(u.numbers) == 0 {
		return
	}
	for i := range s.toks {
		if s.at(i).kind == mark || !s.begins(i) {
			continue
		}
		run := ""
		for k := i; k < i+16 && s.at(k).end > 0 && len(run) < u.longest && (k == i || s.near(k)); k++ {
			if s.at(k).kind == mark {
				continue
			}
			run += s.at(k).fold
			if class, ok := u.numbers[run]; ok {
				s.add(i, k+1, class, High, BySubject)
			}
		}
	}
}

// ownBirthday looks again at the dates that were found.
func (s *scan) ownBirthday(u *Subject) {
	if u.born.IsZero() {
		return
	}
	for n, f := range s.found {
		if (f.Class == Date || f.Class == Birthdate) && sameDay(s.text[f.Start:f.End], u.born) {
			s.found[n].Class, s.found[n].Confidence, s.found[n].Reason = Birthdate, High, BySubject
		}
	}
}

// sameDay says whether a written date names this day of the year, and no other year.
func sameDay(written string, day time.Time) bool {
	var numbers []int
	month := 0
	for _, t := range tokenize(written) {
		switch {
		case t.kind == number && len(t.fold) <= 4:
			n := 0
			for _, c := range []byte(t.fold) {
				n = n*10 + int(c-'0')
			}
			numbers = append(numbers, n)
		case t.kind == word && months.has(t.fold):
			month = monthOf(t.fold)
		}
	}
	if len(numbers) > 0 && numbers[0] > 1900 { // ISO
		return len(numbers) == 3 && numbers[0] == day.Year() && numbers[1] == int(day.Month()) && numbers[2] == day.Day()
	}
	if month > 0 && len(numbers) > 0 {
		numbers = append([]int{numbers[0], month}, numbers[1:]...)
	}
	if len(numbers) < 2 || numbers[0] != day.Day() || numbers[1] != int(day.Month()) {
		return false
	}
	return len(numbers) == 2 || numbers[2]%100 == day.Year()%100
}

func monthOf(folded string) int {
	for n, name := range []string{"ja", "feb", "m", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez"} {
		if strings.HasPrefix(folded, name) && (name != "m" || folded != "mai") {
			return n + 1
		}
	}
	return 0
}

// ownPhrases compares street and town word by word; a last word may have a typing error.
func (s *scan) ownPhrases(u *Subject, i int) {
	for _, p := range u.phrases {
		k, n := i, 0
		for k < len(s.toks) && n < len(p.words) {
			if s.at(k).kind == mark && n > 0 {
				k++
				continue
			}
			if !s.sameWord(k, p.words[n]) {
				break
			}
			k++
			n++
		}
		if n == len(p.words) {
			s.add(i, k, p.class, s.phraseCertainty(i, p), BySubject)
		}
	}
}

func (s *scan) phraseCertainty(i int, p phrase) Confidence {
	if len(p.words) == 1 && s.guard.nouns.has(s.at(i).fold) {
		return Low
	}
	return High
}

func (s *scan) sameWord(i int, want string) bool {
	loose := loosen(s.at(i).fold)
	if loose == want || strings.TrimSuffix(want, "asse") == loose && strings.HasSuffix(want, "strasse") {
		return true
	}
	return s.isWord(i) && s.at(i).capital && len(want) > 5 && loose != "" && loose[0] == want[0] && withinTypos(want, loose, 1)
}
