package ydoc

import (
	"slices"
	"unicode/utf8"
)

// Run is a stretch of visible text that one client inserted: the Range names
// its units, Text is what they read.
type Run struct {
	Range
	Text string
}

// Runs returns the visible text of a root in reading order, in as few runs as
// the document holds it in; joined, their texts are [Doc.Text]. Neighbours may
// be of the same client: somebody may have typed between them and deleted it.
func (d *Doc) Runs(root string) []Run {
	b := d.roots[root]
	if b == nil {
		return nil
	}
	var runs []Run
	for it := b.start; it != nil; it = it.right {
		if it.kind == kindString && !it.deleted {
			runs = append(runs, Run{Range{d.clients[it.id.client].name, it.id.clock, it.length}, string(it.payload)})
		}
	}
	return runs
}

// Cut splits r before its unit n, which must not be beyond its end, in time
// that follows n. A border inside a surrogate pair moves to the end of that
// character.
func (r Run) Cut(n uint32) (left, right Run) {
	at, units := 0, uint32(0)
	for units < n {
		_, size := utf8.DecodeRuneInString(r.Text[at:])
		at += size
		units++
		if size == 4 {
			units++
		}
	}
	left = Run{Range{r.Client, r.Clock, units}, r.Text[:at]}
	right = Run{Range{r.Client, r.Clock + units, r.Len - units}, r.Text[at:]}
	return left, right
}

// RootsOf returns the names of the roots in which c, a change that d went
// through, inserted or deleted something: each once, sorted. What has been
// dropped with the thing it lived in has no root any more.
func (d *Doc) RootsOf(c Change) []string {
	var names []string
	for _, ranges := range [][]Range{c.Inserted, c.Deleted} {
		for _, r := range ranges {
			names = d.rootsOf(names, r)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (d *Doc) rootsOf(names []string, r Range) []string {
	i := d.client(r.Client)
	if i == nobody || r.Clock >= d.clients[i].state {
		return names
	}
	c := &d.clients[i]
	for k := c.at(r.Clock); k < len(c.items) && c.items[k].id.clock < r.Clock+r.Len; k++ {
		b := c.items[k].parent
		for b != nil && b.owner != nil {
			b = b.owner.parent
		}
		if b != nil && (len(names) == 0 || names[len(names)-1] != b.root) {
			names = append(names, b.root)
		}
	}
	return names
}
