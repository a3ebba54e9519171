package ydoc

// finish ends a change: deleted content is dropped, neighbours that became
// equal are merged, and what happened is put into words.
func (d *Doc) finish(t *tx) Change {
	t.deleted = tidySpans(t.deleted)
	for _, s := range t.deleted {
		d.drop(t, s)
	}
	d.merge(t)
	return Change{Inserted: d.rangesOf(t.inserted), Deleted: d.rangesOf(t.deleted)}
}

func (d *Doc) rangesOf(spans []span) []Range {
	if len(spans) == 0 {
		return nil
	}
	out := make([]Range, len(spans))
	for i, s := range spans {
		out[i] = Range{d.clients[s.client].name, s.clock, s.length}
	}
	return tidy(out)
}

// drop forgets the content of deleted items.
func (d *Doc) drop(t *tx, s span) {
	c := &d.clients[s.client]
	for i := c.at(s.clock); i < len(c.items) && c.items[i].id.clock < s.end(); i++ {
		it := c.items[i]
		if it.kind == kindGC || it.kind == kindDeleted {
			continue
		}
		if it.kind == kindType {
			dropInside(t, it.more.child)
		}
		it.empty()
	}
}

func (it *item) empty() {
	it.kind, it.wide, it.payload = kindDeleted, false, nil
	if it.keyed() {
		it.more = &more{keyed: true, key: it.more.key}
	} else {
		it.more = nil
	}
}

// dropInside turns all that lived in a deleted type into GC structs.
func dropInside(t *tx, b *branch) {
	branches := []*branch{b}
	collect := func(it *item) {
		if it.kind == kindType {
			branches = append(branches, it.more.child)
		}
		t.touched = append(t.touched, span{it.id.client, it.id.clock, it.length})
		*it = item{id: it.id, length: it.length, kind: kindGC, deleted: true, origin: none(), after: none()}
	}
	for len(branches) > 0 {
		b := branches[len(branches)-1]
		branches = branches[:len(branches)-1]
		for it := b.start; it != nil; {
			next := it.right
			collect(it)
			it = next
		}
		for _, it := range b.keys {
			for it != nil {
				next := it.left
				collect(it)
				it = next
			}
		}
		b.start, b.keys = nil, nil
	}
}

// merge joins neighbours wherever the change touched a client's list.
func (d *Doc) merge(t *tx) {
	t.touched = append(append(t.touched, t.inserted...), t.deleted...)
	t.touched = tidySpans(t.touched)
	for i := 0; i < len(t.touched); {
		n := i + 1
		for n < len(t.touched) && t.touched[n].client == t.touched[i].client {
			n++
		}
		d.clients[t.touched[i].client].merge(t.touched[i:n])
		i = n
	}
}

// merge goes once through the list; w is where the next item that stays is
// written, r the next that is read. What lies between is stale but still in
// order, so searches keep working.
func (c *client) merge(touched []span) {
	w, r := 0, 0
	for _, s := range touched {
		from := max(c.at(s.clock), r)
		if w != r {
			copy(c.items[w:], c.items[r:from])
		}
		w += from - r
		for r = from; r < len(c.items) && c.items[r].id.clock <= s.end(); r++ {
			if w > 0 && c.items[w-1].absorb(c.items[r]) {
				continue
			}
			c.items[w] = c.items[r]
			w++
		}
	}
	if w == r {
		return
	}
	n := w + copy(c.items[w:], c.items[r:])
	clear(c.items[n:])
	c.items = c.items[:n]
	c.hint = max(w-1, 0)
}
