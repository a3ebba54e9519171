package nameguard

import (
	"slices"
	"strings"
	"unicode"
)

// NameParts are the words of a name as they are compared: folded, a double name in its parts. They are what an index of names is
// made of; changing it means making such indexes anew.
func NameParts(name string) []string {
	var parts []string
	apart := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && r != '\'' && r != '’'
	}
	for _, w := range strings.FieldsFunc(name, apart) {
		w = foldWord(strings.NewReplacer("'", "", "’", "").Replace(w))
		if w != "" && !slices.Contains(parts, w) {
			parts = append(parts, w)
		}
	}
	return parts
}

// Particle says that a part of a name is left out as often as not: von, zu, Dr., Frau.
func Particle(part string) bool {
	return particles.has(part) || titles.has(part) || salutations.has(part)
}

// Sound is the Kölner Phonetik of a part, "" where there is nothing to hear.
func Sound(part string) string { return koelner(part) }
