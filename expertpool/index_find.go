package expertpool

import (
	"cmp"
	"math"
	"slices"

	"github.com/google/uuid"
)

// hunt is a search as the index needs it.
type hunt struct {
	tokens []token
	facets []string
	ground *ground
	within int // km around ground; 0: any
	free   bool
	spent  []uuid.UUID // for free: who has no hours left
	first  int         // of the page among the hits
}

// ground is where a search measures from.
type ground struct {
	near string
	located
}

// caught is what a hunt has found.
type caught struct {
	total  int
	capped bool // there are too many for counts
	counts map[string]int
	page   []caughtHit
}

type caughtHit struct {
	slotted
	way *Way
}

// ground is nil when no place was asked for, or one that nobody knows.
func (x *index) ground(postcode string) *ground {
	if p, has := x.areas[postcode]; has {
		return &ground{postcode, located{Point: p, known: true}}
	}
	if r, has := regionOf(postcode); has {
		return &ground{postcode, located{Point: r.Centre, known: true, rough: true}}
	}
	return nil
}

// browses tells whether nothing but facets was asked for: then everybody is counted, however many they are.
func (h hunt) browses() bool { return len(h.tokens) == 0 && h.ground == nil && !h.free }

// find looks for everybody who meets a hunt.
func (x *index) find(h hunt) caught {
	hits := slices.Clone(x.living)
	for _, f := range h.facets {
		hits.keep(x.having(f))
	}
	met := make([]meeting, len(h.tokens))
	for i, t := range h.tokens {
		met[i] = x.meet(t)
		hits.keep(met[i].any)
	}
	if h.free {
		hits.keep(x.free(h.spent))
	}
	var km []float64
	if h.ground != nil {
		km = x.distances(*h.ground, h.within)
		if h.within > 0 {
			hits.keep(x.inside(km, float64(h.within)))
		}
	}
	c := caught{total: hits.size(), counts: map[string]int{}, page: x.page(hits, met, km, h)}
	if c.capped = c.total > MaxCounted && !h.browses(); c.capped {
		c.total = MaxCounted
	} else {
		c.counts = x.count(hits)
	}
	return c
}

// having is who has a facet.
func (x *index) having(facet string) set {
	if who := x.facets[facet]; who != nil {
		return *who
	}
	return nil
}

// meeting is who meets a word of a search, and how.
type meeting struct{ any, name, facet, text, synonym set }

// meet looks a word up: as the dictionary stems it, as a part of words, as what it stands for, by its own parts.
func (x *index) meet(t token) meeting {
	n := len(x.slots)
	m := meeting{any: x.stemmed(t.stems), name: newSet(n), facet: newSet(n), text: newSet(n), synonym: newSet(n)}
	x.names.containing(t.word, m.name)
	x.texts.containing(t.word, m.text)
	for _, f := range t.facets {
		m.facet.take(x.having(f))
	}
	for _, f := range t.synonyms {
		m.synonym.take(x.having(f))
	}
	m.any.take(m.facet)
	m.any.take(m.synonym)
	if len(t.word) >= shortest {
		m.any.take(m.text)
	}
	for _, w := range append([]string{t.taken}, t.also...) {
		if len(w) >= shortest {
			x.texts.containing(w, m.any)
		}
	}
	if len(t.parts) > 0 {
		all := slices.Clone(x.living)
		for _, p := range t.parts {
			all.keep(x.meet(p).any)
		}
		m.any.take(all)
	}
	return m
}

// shortest is how long a word must be to be met as a part of others.
const shortest = 3

// stemmed is who has all of these stems. Without any, which words have that say nothing, it is nobody.
func (x *index) stemmed(stems []string) set {
	all := newSet(len(x.slots))
	for i, s := range stems {
		if i == 0 {
			x.stems.exactly(s, all)
			continue
		}
		who := newSet(len(x.slots))
		x.stems.exactly(s, who)
		all.keep(who)
	}
	return all
}

// score weighs how well a word is met: in the name, by what it names, in what she says herself, by what it stands for. In halves.
func (m *meeting) score(slot int32) int32 {
	switch {
	case m.name.has(slot):
		return 8
	case m.facet.has(slot):
		return 6
	case m.text.has(slot):
		return 5
	case m.synonym.has(slot):
		return 4
	}
	return 2
}

// free is who has hours left this month.
func (x *index) free(spent []uuid.UUID) set {
	who := newSet(len(x.slots))
	for slot, s := range x.slots {
		if s.hours > 0 {
			who.add(int32(slot))
		}
	}
	for _, id := range spent {
		if slot, known := x.at[id]; known {
			who.remove(slot)
		}
	}
	return who
}

// kmPerDegree is how far it is at least from one parallel to the one a degree further.
const kmPerDegree = 111

// distances measures from g to each postcode; infinite where nobody knows, and where the parallel alone is further than within,
// unless that is 0.
func (x *index) distances(g ground, within int) []float64 {
	km := make([]float64, len(x.postcodes))
	for i, p := range x.postcodes {
		if !p.known || within > 0 && math.Abs(p.Lat-g.Lat)*kmPerDegree > float64(within) {
			km[i] = math.Inf(1)
		} else {
			km[i] = g.To(p.Point)
		}
	}
	return km
}

func (x *index) inside(km []float64, within float64) set {
	who := newSet(len(x.slots))
	for slot, s := range x.slots {
		if km[s.postcode] <= within {
			who.add(int32(slot))
		}
	}
	return who
}

// count says how many of the hits have which facet.
func (x *index) count(hits set) map[string]int {
	counts := make(map[string]int, len(x.facets))
	for f, who := range x.facets {
		if n := who.sharing(hits); n > 0 {
			counts[f] = n
		}
	}
	return counts
}

// page sorts the hits as far as needed.
func (x *index) page(hits set, met []meeting, km []float64, h hunt) []caughtHit {
	b := firsts{most: h.first + PageSize}
	for slot := range hits.each() {
		r := placed{slot: slot, rank: x.rank[slot], km: math.Inf(1)}
		for i := range met {
			r.score += met[i].score(slot)
		}
		if km != nil {
			r.km = km[x.slots[slot].postcode]
		}
		b.add(r)
	}
	all := b.cut()
	page := make([]caughtHit, 0, PageSize)
	for _, r := range all[min(h.first, len(all)):] {
		c := caughtHit{slotted: x.slots[r.slot]}
		if !math.IsInf(r.km, 1) {
			c.way = &Way{KM: int(r.km + .5), Rough: h.ground.rough || x.postcodes[c.postcode].rough}
		}
		page = append(page, c)
	}
	return page
}

// respell takes another spelling for each word that nobody meets, and says which. What the lexicon knows goes before what people
// say about themselves.
func (x *index) respell(tokens []token) []Instead {
	var all []Instead
	for i := range tokens {
		t := &tokens[i]
		if len(t.facets)+len(t.synonyms)+len(t.parts) > 0 || slips(t.word) == 0 || x.meet(*t).any.meets(x.living) {
			continue
		}
		known := respelled(t.word)
		if known != "" {
			like := understand(t.asked, known)
			t.facets, t.synonyms, t.also = like.facets, like.synonyms, like.also
		} else {
			known = x.texts.nearest(t.word, slips(t.word), x.living)
		}
		if known != "" {
			t.taken = known
			all = append(all, Instead{Asked: t.asked, Taken: known})
		}
	}
	return all
}

// placed is a hit on its way to the page.
type placed struct {
	slot, rank, score int32
	km                float64 // infinite where it is not known, or no place was asked for
}

// ahead sorts hits: the best first, then the nearest, then by name.
func ahead(a, b placed) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.km, b.km), cmp.Compare(a.rank, b.rank))
}

// firsts keeps the first of many hits.
type firsts struct {
	most int
	hits []placed
	full bool // as many as are wanted were sorted: what comes after the last of them is out
}

func (f *firsts) add(r placed) {
	if f.full && ahead(r, f.hits[f.most-1]) >= 0 {
		return
	}
	if f.hits = append(f.hits, r); len(f.hits) >= 2*f.most {
		f.cut()
	}
}

// cut drops all that come too late, and sorts the rest.
func (f *firsts) cut() []placed {
	slices.SortFunc(f.hits, ahead)
	if len(f.hits) >= f.most {
		f.hits, f.full = f.hits[:f.most], true
	}
	return f.hits
}
