package expertpool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"
)

func cardOf(r *rand.Rand, id uuid.UUID) card {
	name := fmt.Sprintf("%c%c huber", 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)))
	return card{
		ID: id, Listed: r.IntN(8) > 0, SortName: name, Words: fmt.Sprintf("%s | haus %d | angst", name, r.IntN(20)), Stems: "hub angst",
		Facets: fmt.Sprintf("d:d%d l:de", r.IntN(4)), Postcode: []string{"", "34117", "80331"}[r.IntN(3)], Hours: r.IntN(3),
	}
}

func TestAnIndexThatHasChangedAnswersAsOneBuiltAnew(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	ids := make([]uuid.UUID, 300)
	for i := range ids {
		ids[i] = uuid.New()
	}
	changed, last := newIndex(nil), map[uuid.UUID]card{}
	for range 60 {
		var cards []card
		for range r.IntN(40) {
			c := cardOf(r, ids[r.IntN(len(ids))]) // now and then one twice
			cards, last[c.ID] = append(cards, c), c
		}
		changed.put(cards)
		anew := newIndex(nil)
		for _, c := range last {
			anew.add(c)
		}
		anew.sort()
		for _, h := range []hunt{
			{}, {first: 25}, {facets: []string{"d:d1"}}, {tokens: []token{{word: "ub"}, {word: "haus"}}}, {tokens: []token{{word: "nst"}}},
			{tokens: []token{{word: "x", stems: []string{"hub", "angst"}}}}, {free: true, spent: ids[:100]}, {ground: anew.ground("34117"), within: 30},
			{ground: anew.ground("80331"), tokens: []token{{word: "huber"}}, facets: []string{"l:de", "d:d2"}},
		} {
			was, is := anew.find(h), changed.find(h)
			same := slices.EqualFunc(was.page, is.page, func(a, b caughtHit) bool { return a.id == b.id && (a.way == nil) == (b.way == nil) })
			if was.total != is.total || !same || fmt.Sprint(was.counts) != fmt.Sprint(is.counts) {
				t.Fatalf("%+v: %d and %d, %v and %v", h, was.total, is.total, was.counts, is.counts)
			}
		}
	}
	if changed.slots[0].id == uuid.Nil || !changed.wasteful() && len(changed.slots) > 2*len(changed.order)+1000 {
		t.Errorf("%d slots for %d people, and that is no waste", len(changed.slots), len(changed.order))
	}
}

func TestASpellingIsTakenFromWhatSomebodySays(t *testing.T) {
	t.Parallel()
	x := newIndex(nil)
	one, two := uuid.New(), uuid.New()
	x.put([]card{
		{ID: one, Listed: true, Words: "migraene epilepsie"}, {ID: two, Listed: true, Words: "migraine migraeneberatung"},
		{ID: uuid.New(), Listed: true, Words: "migraene"},
	})
	for word, want := range map[string]string{"migrane": "migraene", "epilepise": "epilepsie", "migraeneberatnug": "migraeneberatung", "xylophon": ""} {
		if got := x.texts.nearest(word, slips(word), x.living); got != want {
			t.Errorf("%s is taken for %q", word, got)
		}
	}
	x.put([]card{{ID: one}})
	if got := x.texts.nearest("epilepise", 2, x.living); got != "" {
		t.Errorf("what only somebody says who has left: %q", got)
	}
}

func TestThePagesOfALongListDoNotOverlap(t *testing.T) {
	t.Parallel()
	x, r := newIndex(nil), rand.New(rand.NewPCG(5, 6))
	var cards []card
	for range 1200 {
		c := cardOf(r, uuid.New())
		c.Listed = true
		cards = append(cards, c)
	}
	x.put(cards)
	seen := map[uuid.UUID]bool{}
	last := ""
	for first := 0; first < 1000; first += PageSize {
		for _, h := range x.find(hunt{tokens: []token{{word: "angst"}}, first: first}).page {
			if seen[h.id] || h.name < last {
				t.Fatalf("%s after %s, seen before: %v", h.name, last, seen[h.id])
			}
			seen[h.id], last = true, h.name
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d on 40 pages", len(seen))
	}
}
