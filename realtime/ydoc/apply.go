package ydoc

import (
	"cmp"
	"maps"
	"slices"
)

// Apply brings an update into the document and returns what was new about
// it; known parts are skipped, so applying twice is harmless. If the update
// builds on something that is not here the error wraps [ErrMissing]; a strict
// document may refuse with [ErrSurrogate]. After an error the document is as
// it was, and nothing stays pending.
func (d *Doc) Apply(u *Update) (Change, error) {
	defer d.rest()
	p, err := d.prepare(u)
	if err != nil {
		return Change{}, err
	}
	if d.Strict {
		if err := d.checkBorders(p); err != nil {
			return Change{}, err
		}
	}
	d.settle(p)
	t := d.begin()
	d.epoch++
	for _, i := range p.order {
		d.integrate(t, p, &u.parts[i])
	}
	d.deleteSpans(t, p)
	return d.finish(t), nil
}

// ApplyAll brings in several updates as one change. They may come in any
// order, overlap, and build on each other in both directions, as the rows of
// one tick do; but together they must be complete, else the error wraps
// [ErrMissing]. After an error the document is as it was.
func (d *Doc) ApplyAll(us []*Update) (Change, error) {
	if len(us) == 1 {
		return d.Apply(us[0])
	}
	return d.Apply(join(us))
}

// settle gives each client of the update that the document will know of a
// place in its table.
func (d *Doc) settle(p *plan) {
	for i, name := range p.u.names {
		if p.clients[i] == nobody && p.state[i] > 0 {
			p.clients[i] = d.addClient(name)
		}
	}
}

// join makes one update of several. Parts of one client are sorted by clock;
// the plan skips what comes twice.
func join(us []*Update) *Update {
	j := &joiner{out: &Update{}, index: map[uint64]uint32{}}
	for _, u := range us {
		j.add(u)
	}
	parts := j.out.parts
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.id.client, b.id.client), cmp.Compare(a.id.clock, b.id.clock))
	})
	j.out.sites = make([]site, len(j.out.names))
	for i := 0; i < len(parts); {
		from, client := i, parts[i].id.client
		for i < len(parts) && parts[i].id.client == client {
			i++
		}
		j.out.sites[client] = site{from, i}
	}
	j.out.deletes = tidySpans(j.out.deletes)
	return j.out
}

type joiner struct {
	out   *Update
	index map[uint64]uint32
	names []uint32 // of the update being added: its clients' places in out
}

func (j *joiner) add(u *Update) {
	j.names = resize(j.names, len(u.names))
	for i, name := range u.names {
		k, ok := j.index[name]
		if !ok {
			k = uint32(len(j.out.names))
			j.index[name] = k
			j.out.names = append(j.out.names, name)
		}
		j.names[i] = k
	}
	for _, p := range u.parts {
		p.id, p.origin, p.right = j.there(p.id), j.there(p.origin), j.there(p.right)
		if p.more != nil && p.more.owner.some() {
			m := *p.more
			m.owner = j.there(m.owner)
			p.more = &m
		}
		j.out.parts = append(j.out.parts, p)
	}
	for _, s := range u.deletes {
		s.client = j.names[s.client]
		j.out.deletes = append(j.out.deletes, s)
	}
}

func (j *joiner) there(r ref) ref {
	if r.some() {
		r.client = j.names[r.client]
	}
	return r
}

// deleteSpans applies the update's delete set.
func (d *Doc) deleteSpans(t *tx, p *plan) {
	spans := p.u.deletes
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && spans[n].client == spans[0].client {
			n++
		}
		d.deleteIn(t, p.clients[spans[0].client], spans[:n])
		spans = spans[n:]
	}
}

// deleteIn deletes sorted spans of one client. Cuts are made in one pass: an
// update may bring thousands of them, and each one alone would move the rest
// of the client's list.
func (d *Doc) deleteIn(t *tx, client uint32, spans []span) {
	c := &d.clients[client]
	first := c.at(spans[0].clock)
	pieces := t.pieces[:0] // what takes the place of items[first:i]
	it, i := c.items[first], first+1
	take := func() (next *item) {
		if i < len(c.items) {
			next = c.items[i]
			i++
		}
		return next
	}
	for _, s := range spans {
		for ; it != nil && it.end() <= s.clock; it = take() {
			pieces = append(pieces, it)
		}
		for it != nil && it.id.clock < s.end() {
			if it.id.clock < s.clock && !it.deleted {
				pieces = append(pieces, it)
				it = it.cut(s.clock - it.id.clock)
			}
			var rest *item
			if it.end() > s.end() && !it.deleted {
				rest = it.cut(s.end() - it.id.clock)
			}
			d.delete(t, it)
			pieces = append(pieces, it)
			if it = rest; it == nil {
				it = take()
			}
		}
	}
	if it != nil {
		pieces = append(pieces, it)
	}
	if len(pieces) > i-first {
		c.items = slices.Replace(c.items, first, i, pieces...)
	}
	t.pieces = pieces[:0]
}

// delete marks an item and, if it is a shared type, all that lives inside.
// The content goes when the change ends.
func (d *Doc) delete(t *tx, it *item) {
	t.doomed = append(t.doomed[:0], it)
	for len(t.doomed) > 0 {
		it := t.doomed[len(t.doomed)-1]
		t.doomed = t.doomed[:len(t.doomed)-1]
		if it.deleted {
			continue
		}
		if !it.keyed() {
			it.parent.length -= it.visible()
		}
		it.deleted = true
		t.deleted = addSpan(t.deleted, span{it.id.client, it.id.clock, it.length})
		if it.kind != kindType {
			continue
		}
		for o := it.more.child.start; o != nil; o = o.right {
			t.doomed = append(t.doomed, o)
		}
		t.doomed = slices.AppendSeq(t.doomed, maps.Values(it.more.child.keys))
	}
}
