package expertpool

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// hit is what callers get of a row.
func (r hitRow) hit(tokens []token, way *Way) Hit {
	month := Contingent{Attended: seconds(r.Attended), Planned: seconds(r.Planned)}
	h := Hit{
		Expert: Expert{
			ID: r.ID, Name: r.Name, Email: r.Email, Discipline: r.Discipline, Specialty: r.Specialty, Place: r.Place, Languages: r.Languages,
			HoursPerMonth: r.HoursPerMonth, Asked: r.Asked,
		},
		Profile: Profile{
			Discipline: r.Discipline, Profession: r.Profession, Specialties: r.Specialties, Specialty: r.Specialty, Topics: r.Topics, Languages: r.Languages,
			Place: r.Place, Postcode: r.Postcode, TravelKM: r.TravelKM, Modes: r.Modes, Accessibility: r.Accessibility, HoursPerMonth: r.HoursPerMonth,
			MaxCases: r.MaxCases,
		},
		Organisation: r.Organisation, Way: way, UsedMinutes: int(month.Used().Round(time.Minute) / time.Minute),
	}
	for _, t := range tokens {
		h.Why = append(h.Why, r.why(t)...)
	}
	if way != nil && way.KM <= r.TravelKM && slices.Contains(r.Modes, "on_site") {
		h.Why = append(h.Why, Match{Kind: MetComes, Value: strconv.Itoa(r.TravelKM)})
	}
	return h
}

// why says what of the row a word of the search has met: the best of it, for a compound the best of each part.
func (r hitRow) why(t token) []Match {
	met := func(facets []string) string {
		i := slices.IndexFunc(facets, func(f string) bool { return slices.Contains(r.Facets, f) })
		if i < 0 {
			return ""
		}
		return facets[i]
	}
	if t.taken != "" {
		return []Match{{MetSpelling, cmp.Or(met(t.facets), met(t.synonyms), r.written(t.taken), t.taken), t.asked}}
	}
	if strings.Contains(fold(r.Name), t.word) {
		return []Match{{MetName, r.Name, t.asked}}
	}
	if f := met(t.facets); f != "" {
		return []Match{{MetFacet, f, t.asked}}
	}
	for _, w := range append([]string{t.word, stem(t.word)}, t.also...) {
		switch {
		case r.saying(w) != "":
			return []Match{{MetText, r.saying(w), t.asked}}
		case strings.Contains(fold(r.Place), w):
			return []Match{{MetPlace, r.Place, t.asked}}
		}
	}
	if f := met(t.synonyms); f != "" {
		return []Match{{MetSynonym, f, t.asked}}
	}
	if strings.Contains(fold(r.Organisation), stem(t.word)) {
		return []Match{{MetHouse, r.Organisation, t.asked}}
	}
	var all []Match
	for _, p := range t.parts {
		all = append(all, r.why(p)...)
	}
	return all
}

// saying is the topic, or else the words of her own, in which w stands.
func (r hitRow) saying(w string) string {
	for _, text := range append(slices.Clone(r.Topics), r.Specialty) {
		if strings.Contains(fold(text), w) {
			return text
		}
	}
	return ""
}

// written is how a folded word stands in the row's texts.
func (r hitRow) written(word string) string {
	for _, text := range append(slices.Clone(r.Topics), r.Specialty, r.Name, r.Place, r.Organisation) {
		for _, w := range letters(text) {
			if strings.Contains(fold(w), word) {
				return w
			}
		}
	}
	return ""
}

// stem takes off what German adds to the end of a word; the database knows better, this serves to show where it found it.
func stem(word string) string {
	for _, ending := range strings.Fields("innen ern en er es em in e n s") {
		if s, ok := strings.CutSuffix(word, ending); ok && len(s) >= 4 {
			return s
		}
	}
	return word
}

// letters are the words of a text.
func letters(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
