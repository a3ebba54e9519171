package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/nameguard"
)

// mark is something a person is found by, as a keyed hash.
type mark struct {
	kind string // name, sound, number, born
	mac  [16]byte
}

// mark hashes a value for one organisation: the same person has other marks in another one.
func (r ring) mark(organisation uuid.UUID, kind, value string) mark {
	h := hmac.New(sha256.New, r.index)
	fmt.Fprintf(h, "%s|%s|%s", organisation, kind, value)
	return mark{kind, [16]byte(h.Sum(nil))}
}

// marks are all that a person is found by: each part of the name as it is written and as it sounds, the number, the birth date.
func (r ring) marks(i Identity, organisation uuid.UUID) []mark {
	var found []mark
	for _, name := range append(i.otherNames(), i.name()) {
		for _, t := range nameTerms(nameguard.NameParts(name)) {
			found = append(found, r.any(organisation, t)...)
		}
	}
	if i.Number != "" {
		found = append(found, r.mark(organisation, "number", bareNumber(i.Number)))
	}
	if i.Born != "" {
		found = append(found, r.mark(organisation, "born", i.Born))
	}
	return found
}

// term is one thing that somebody looks for; each of its values will do.
type term []struct{ kind, value string }

func (r ring) any(organisation uuid.UUID, t term) []mark {
	marks := make([]mark, 0, len(t))
	for _, v := range t {
		marks = append(marks, r.mark(organisation, v.kind, v.value))
	}
	return marks
}

// mostTerms that are looked for at once.
const mostTerms = 8

var birthDate = regexp.MustCompile(`\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b`)

// terms reads what a person typed who looks for somebody: parts of a name, a birth date, and what is left with a digit in it as
// the number.
func terms(typed string) []term {
	var found []term
	rest := birthDate.ReplaceAllStringFunc(typed, func(date string) string {
		if day, err := time.Parse("2.1.2006", date); err == nil {
			found = append(found, term{{"born", day.Format(time.DateOnly)}})
			return " "
		}
		return date
	})
	if strings.ContainsFunc(rest, unicode.IsDigit) {
		found = append(found, term{{"number", bareNumber(rest)}})
	} else {
		found = append(found, nameTerms(telling(rest))...)
	}
	return found[:min(len(found), mostTerms)]
}

// telling are the parts of a name that somebody looks for: without von and zu, unless there is nothing else.
func telling(name string) []string {
	all := nameguard.NameParts(name)
	if some := slices.DeleteFunc(slices.Clone(all), nameguard.Particle); len(some) > 0 {
		return some
	}
	return all
}

// nameTerms finds each part as it is written, or sounding alike where there is enough to hear.
func nameTerms(parts []string) []term {
	var found []term
	for _, part := range parts {
		t := term{{"name", part}}
		if sound := nameguard.Sound(part); len(sound) >= 2 {
			t = append(t, struct{ kind, value string }{"sound", sound})
		}
		found = append(found, t)
	}
	return found
}

// bareNumber is a number without what people put between its digits.
func bareNumber(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, s)
}

// wanted is what a case must have to be found.
type wanted struct {
	organisation uuid.UUID
	terms        [][]mark
}

// fits says whether a case with these marks has something for every term, and whether it is all as written.
func (w wanted) fits(has map[mark]bool) (yes, exactly bool) {
	exactly = true
	for _, any := range w.terms {
		one := false
		for n, m := range any {
			if has[m] {
				one, exactly = true, exactly && n == 0
				break
			}
		}
		if !one {
			return false, false
		}
	}
	return len(w.terms) > 0, exactly
}
