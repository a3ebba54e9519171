package ydoc

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// checkBorders refuses a planned update that would cut a surrogate pair, be
// it in the document or in the update itself. A border lies before the unit
// that its ref names. All borders are collected and sorted, so that each text
// is walked once however many of them it holds.
func (d *Doc) checkBorders(p *plan) error {
	p.borders = p.borders[:0]
	for _, i := range p.order {
		part := &p.u.parts[i]
		if r := part.origin; r.some() {
			p.borders = append(p.borders, ref{r.client, r.clock + 1})
		}
		if part.right.some() {
			p.borders = append(p.borders, part.right)
		}
	}
	for _, s := range p.u.deletes {
		p.borders = append(p.borders, ref{s.client, s.clock}, ref{s.client, s.end()})
	}
	p.sortOrder()
	for k, i := range p.cover {
		part, known := &p.u.parts[i], d.knownOf(p, p.u.parts[i].id.client)
		if k > 0 {
			if before := &p.u.parts[p.cover[k-1]]; before.id.client == part.id.client {
				known = before.end()
			}
		}
		if part.id.clock < known { // its first units are dropped
			p.borders = append(p.borders, ref{part.id.client, known})
		}
	}
	slices.SortFunc(p.borders, compareRefs)
	var w walk
	for _, b := range p.borders {
		if w.cuts(d.holder(p, b), b.clock) {
			return fmt.Errorf("%w: client %d before clock %d", ErrSurrogate, p.u.names[b.client], b.clock)
		}
	}
	return nil
}

func compareRefs(a, b ref) int {
	return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.clock, b.clock))
}

// sortOrder fills p.cover with the planned parts by client and clock; their
// ends ascend too.
func (p *plan) sortOrder() {
	p.cover = append(p.cover[:0], p.order...)
	if len(p.cover) > 1 {
		slices.SortFunc(p.cover, func(a, b int) int {
			return compareRefs(p.u.parts[a].id, p.u.parts[b].id)
		})
	}
}

// knownOf is the state that the document has of a client of the update.
func (d *Doc) knownOf(p *plan, client uint32) uint32 {
	if c := p.clients[client]; c != nobody {
		return d.clients[c].state
	}
	return 0
}

// holder returns the run of text that holds, or will hold, unit b; one that
// is not wide if there is none.
func (d *Doc) holder(p *plan, b ref) run {
	if b.clock < d.knownOf(p, b.client) {
		it := d.item(ref{p.clients[b.client], b.clock})
		return run{it.id.clock, it.payload, it.kind == kindString && it.wide}
	}
	i := sort.Search(len(p.cover), func(i int) bool {
		part := &p.u.parts[p.cover[i]]
		return part.id.client > b.client || part.id.client == b.client && part.end() > b.clock
	})
	if i == len(p.cover) {
		return run{}
	}
	part := &p.u.parts[p.cover[i]]
	if part.id.client != b.client {
		return run{}
	}
	return run{part.id.clock, part.payload, part.wide}
}

// run is text that begins at a clock.
type run struct {
	clock uint32
	text  []byte
	wide  bool
}

// walk goes through a run of text from border to border.
type walk struct {
	in   run
	unit uint32 // reached so far, counted from the start of the run
	at   int    // its byte
}

// cuts reports whether a border before clock falls inside a pair of r.
func (w *walk) cuts(r run, clock uint32) bool {
	if !r.wide || clock <= r.clock {
		return false
	}
	if len(w.in.text) == 0 || &w.in.text[0] != &r.text[0] || clock-r.clock < w.unit {
		*w = walk{in: r}
	}
	n, inside := byteFromStart(r.text[w.at:], clock-r.clock-w.unit)
	w.at += n
	w.unit = clock - r.clock
	return inside
}
