package expertpool

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// card is what the search knows of an expert: a row of the directory as the database has folded and stemmed it.
type card struct {
	ID       uuid.UUID
	Listed   bool   // somebody who is not is not found
	SortName string // folded
	Words    string // folded: everything that is said of her, her name too
	Stems    string // of those words, a blank between them
	Facets   string // a blank between them
	Postcode string
	Hours    int // that she gives a month
}

// index answers searches in one network's directory. Each expert has a slot; whatever can be looked for is a set of slots or a list
// of them. It only ever grows: who has changed gets another slot and leaves the old one empty, so that lists need not be
// searched; when much is empty it is built anew. It takes about 270 bytes for an expert with a usual profile. It is not
// safe for writing beside anything else.
type index struct {
	slots  []slotted
	living set // slots that are not empty
	at     map[uuid.UUID]int32
	names  vocabulary // words of the names by which the list is sorted
	texts  vocabulary // all words
	stems  vocabulary
	facets map[string]*set
	order  []int32 // the living by name
	rank   []int32 // by slot: where it stands in order

	areas     map[string]Point // middles of postcodes, as far as they are known
	postcodes []located
	postcode  map[string]int32 // number in postcodes
}

type slotted struct {
	id       uuid.UUID
	name     string // by which the list is sorted
	postcode int32  // number of
	hours    int32
}

// located is where a postcode is.
type located struct {
	Point
	known bool
	rough bool // the middle of its region
}

func newIndex(areas map[string]Point) *index {
	return &index{
		at: map[uuid.UUID]int32{}, names: newVocabulary(), texts: newVocabulary(), stems: newVocabulary(), facets: map[string]*set{},
		areas: areas, postcode: map[string]int32{},
	}
}

// put takes experts in, or what has changed of them.
func (x *index) put(cards []card) {
	if len(cards) == 0 {
		return
	}
	for _, c := range cards {
		x.add(c)
	}
	x.sort()
}

// add gives an expert a slot. sort has to follow.
func (x *index) add(c card) {
	if old, known := x.at[c.ID]; known {
		x.living.remove(old)
		delete(x.at, c.ID)
	}
	if !c.Listed {
		return
	}
	slot := int32(len(x.slots))
	x.slots = append(x.slots, slotted{id: c.ID, name: sortable(c.SortName), postcode: x.locate(c.Postcode), hours: int32(c.Hours)})
	x.at[c.ID] = slot
	x.living.add(slot)
	for w := range wordsOfText(c.SortName) {
		x.names.put(w, slot)
	}
	for w := range wordsOfText(c.Words) {
		x.texts.put(w, slot)
	}
	for w := range strings.FieldsSeq(c.Stems) {
		x.stems.put(w, slot)
	}
	for f := range strings.FieldsSeq(c.Facets) {
		who := x.facets[f]
		if who == nil {
			who = new(set)
			x.facets[strings.Clone(f)] = who
		}
		who.add(slot)
	}
}

// locate numbers a postcode.
func (x *index) locate(code string) int32 {
	n, known := x.postcode[code]
	if known {
		return n
	}
	var l located
	if p, has := x.areas[code]; has {
		l = located{Point: p, known: true}
	} else if r, has := regionOf(code); has {
		l = located{Point: r.Centre, known: true, rough: true}
	}
	n = int32(len(x.postcodes))
	x.postcodes = append(x.postcodes, l)
	x.postcode[strings.Clone(code)] = n
	return n
}

// sort brings the slots that are new into the order, and takes those out that have become empty.
func (x *index) sort() {
	var fresh []int32
	for slot := len(x.rank); slot < len(x.slots); slot++ {
		if x.living.has(int32(slot)) { // else it has changed again since
			fresh = append(fresh, int32(slot))
		}
	}
	slices.SortFunc(fresh, x.byName)
	order := make([]int32, 0, len(x.order)+len(fresh))
	for _, s := range x.order {
		if !x.living.has(s) {
			continue
		}
		for len(fresh) > 0 && x.byName(fresh[0], s) < 0 {
			order, fresh = append(order, fresh[0]), fresh[1:]
		}
		order = append(order, s)
	}
	x.order = append(order, fresh...)
	x.rank = append(x.rank, make([]int32, len(x.slots)-len(x.rank))...)
	for i, s := range x.order {
		x.rank[s] = int32(i)
	}
}

func (x *index) byName(a, b int32) int {
	l, r := &x.slots[a], &x.slots[b]
	if c := strings.Compare(l.name, r.name); c != 0 {
		return c
	}
	return bytes.Compare(l.id[:], r.id[:])
}

// wasteful tells whether it would be much smaller if it were built anew.
func (x *index) wasteful() bool {
	empty := len(x.slots) - len(x.order)
	return empty > 1000 && empty > len(x.order)
}

// clip gives back the memory that building it has left over.
func (x *index) clip() {
	x.slots, x.order, x.rank = slices.Clip(x.slots), slices.Clip(x.order), slices.Clip(x.rank)
	for _, v := range []*vocabulary{&x.names, &x.texts, &x.stems} {
		v.clip()
	}
}

// wordsOfText goes through the words of a text, as parse takes a search apart.
func wordsOfText(text string) func(func(string) bool) {
	return strings.FieldsFuncSeq(text, func(r rune) bool { return !wordRune(r) })
}

// wordRune tells whether r stands within a word. Marks do: a diaeresis may be a letter of its own.
func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

// sortable is a folded name without accents: they do not count where a list is in German order.
func sortable(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return strings.Clone(name)
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(name))
}
