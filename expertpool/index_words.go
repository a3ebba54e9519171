package expertpool

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"
)

// vocabulary is all different words of many texts, and who has them. The words stand in one text after the other: looking for a
// part of a word in all of them goes through a few hundred kilobytes, which takes less time than an index of parts and no memory.
type vocabulary struct {
	number map[string]int32
	text   []byte   // the words, each with a line break after it
	starts []int32  // of the words in text
	shapes []uint32 // of the words, see shape
	owners [][]int32
}

func newVocabulary() vocabulary { return vocabulary{number: map[string]int32{}} }

// put says that somebody has a word. Owners come in ascending order.
func (v *vocabulary) put(word string, owner int32) {
	n, known := v.number[word]
	if !known {
		n = int32(len(v.starts))
		word = strings.Clone(word) // the text that it stands in is not kept
		v.number[word] = n
		v.starts = append(v.starts, int32(len(v.text)))
		v.text = append(append(v.text, word...), '\n')
		v.shapes = append(v.shapes, shape(word))
		v.owners = append(v.owners, nil)
	}
	if has := v.owners[n]; len(has) == 0 || has[len(has)-1] != owner {
		v.owners[n] = append(has, owner)
	}
}

// word is the nth.
func (v *vocabulary) word(n int) []byte {
	end := len(v.text)
	if n+1 < len(v.starts) {
		end = int(v.starts[n+1])
	}
	return v.text[v.starts[n] : end-1]
}

// exactly adds the owners of a word to into.
func (v *vocabulary) exactly(word string, into set) {
	if n, known := v.number[word]; known {
		for _, o := range v.owners[n] {
			into.add(o)
		}
	}
}

// containing adds the owners of all words in which part stands.
func (v *vocabulary) containing(part string, into set) {
	if part == "" {
		return
	}
	for at := 0; ; {
		i := bytes.Index(v.text[at:], []byte(part))
		if i < 0 {
			return
		}
		n, begins := slices.BinarySearch(v.starts, int32(at+i))
		if !begins {
			n-- // it stands within the word that began before
		}
		for _, o := range v.owners[n] {
			into.add(o)
		}
		at = int(v.starts[n]) + len(v.word(n)) + 1
	}
}

// nearest is the word that at most so many slips lead to from the given one and that somebody of living has: the one with the
// fewest slips, then the one that most have. "" if there is none.
func (v *vocabulary) nearest(word string, slips int, living set) string {
	best, had := "", 0
	looks := shape(word)
	for n := range v.starts {
		w := v.word(n)
		// A slip changes the length by one and the shape by two letters at most.
		if max(len(w)-len(word), len(word)-len(w)) > slips || bits.OnesCount32(looks^v.shapes[n]) > 2*slips {
			continue
		}
		d := edits(word, string(w), slips+1)
		if d > slips {
			continue
		}
		if has := v.alive(n, living); has > 0 && (d < slips || has > had) {
			best, slips, had = string(w), d, has
		}
	}
	return best
}

// alive is how many of living have the nth word.
func (v *vocabulary) alive(n int, living set) (has int) {
	for _, o := range v.owners[n] {
		if living.has(o) {
			has++
		}
	}
	return has
}

// shape is which letters and digits stand in a word: words that are far apart in it are far apart in slips.
func shape(word string) (s uint32) {
	for i := range len(word) {
		s |= 1 << (word[i] & 31)
	}
	return s
}

// clip gives back the memory that growing has left over.
func (v *vocabulary) clip() {
	v.text, v.starts, v.shapes, v.owners = slices.Clip(v.text), slices.Clip(v.starts), slices.Clip(v.shapes), slices.Clip(v.owners)
	for n := range v.owners {
		v.owners[n] = slices.Clone(v.owners[n])
	}
}
