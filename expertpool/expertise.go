package expertpool

import (
	"slices"
	"strings"
)

// Expertise is what somebody must have to be able to answer something. Any one of it is enough.
type Expertise struct {
	Disciplines []string
	Specialties []string // codes of Specialties
	Topics      []string // words or short phrases
}

// Understand finds the expertise that a sentence speaks of, by the words of the lexicon that the search of the pool goes by, too. Running
// text is taken at its word: beginnings of words and slips of the finger, which a search box forgives, mean nothing here. What the
// lexicon does not know is a topic.
func Understand(sentence string) Expertise {
	var e Expertise
	for _, word := range wordsOf(sentence) {
		e.Topics = appendNew(e.Topics, word)
		for _, line := range lexicon() {
			if !slices.ContainsFunc(line.words, func(known string) bool { return inflected(fold(word), known) }) {
				continue
			}
			for _, f := range line.facets {
				switch kind, code, _ := strings.Cut(f, ":"); kind {
				case "d":
					e.Disciplines = appendNew(e.Disciplines, code)
				case "s":
					e.Specialties = appendNew(e.Specialties, code)
				}
			}
			for _, a := range line.also {
				e.Topics = appendNew(e.Topics, a)
			}
		}
	}
	return e
}

// inflected tells whether a word is one of the lexicon in a form of German grammar.
func inflected(word, known string) bool {
	ending, longer := strings.CutPrefix(word, known)
	return word == known || longer && len(known) >= 5 && slices.Contains(strings.Fields("e n s en es er in ern innen"), ending)
}

func appendNew(to []string, one string) []string {
	if slices.Contains(to, one) {
		return to
	}
	return append(to, one)
}

// With is both together.
func (e Expertise) With(more Expertise) Expertise {
	return Expertise{
		Disciplines: union(e.Disciplines, more.Disciplines), Specialties: union(e.Specialties, more.Specialties), Topics: union(e.Topics, more.Topics),
	}
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, one := range b {
		all = appendNew(all, one)
	}
	return all
}

// Fields are the disciplines in which somebody with it is found.
func (e Expertise) Fields() []string {
	found := slices.Clone(e.Disciplines)
	for _, s := range Specialties() {
		if slices.Contains(e.Specialties, s.Code) && s.Discipline != "" {
			found = appendNew(found, s.Discipline)
		}
	}
	return found
}

// Of says whether somebody has it: by her discipline, one of her specialties, or a topic of hers.
func (e Expertise) Of(c Candidate) bool {
	if slices.Contains(e.Disciplines, c.Discipline) ||
		slices.ContainsFunc(c.Specialties, func(s string) bool { return slices.Contains(e.Specialties, s) }) {
		return true
	}
	var words []string
	for _, t := range e.Topics {
		words = append(words, wordsOf(fold(t))...)
	}
	return slices.ContainsFunc(append(slices.Clone(c.Topics), c.Specialty), func(topic string) bool { return speaksOf(words, fold(topic)) })
}
