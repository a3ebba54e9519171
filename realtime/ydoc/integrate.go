package ydoc

import "math"

// integrate brings a part into the document. The plan has made sure that all
// it refers to is here.
func (d *Doc) integrate(t *tx, p *plan, part *part) {
	id := ref{p.clients[part.id.client], part.id.clock}
	origin, after := p.here(part.origin), p.here(part.right)
	known := d.clients[id.client].state - id.clock
	if known == 0 && d.extend(t, id.client, origin, after, part.text()) {
		return
	}
	it := &item{id: id, origin: origin, after: after, length: part.length, kind: part.kind, wide: part.wide}
	if it.kind == kindGC {
		d.collect(t, it, known)
		return
	}
	left, right := d.neighbours(t, it, known)
	if left != nil && left.kind == kindGC || right != nil && right.kind == kindGC {
		d.collect(t, it, 0)
		return
	}
	it.left, it.right = left, right
	if it.parent = d.parentOf(it, p, part); it.parent == nil {
		it.left, it.right = nil, nil
		d.collect(t, it, 0)
		return
	}
	it.fill(part, known)
	d.place(t, it)
}

// here translates a ref of the update into one of the document.
func (p *plan) here(r ref) ref {
	if r.some() {
		r.client = p.clients[r.client]
	}
	return r
}

// collect appends a struct of which nothing but its length is kept.
func (d *Doc) collect(t *tx, it *item, known uint32) {
	d.append(t, &item{
		id:     ref{it.id.client, it.id.clock + known},
		length: it.length - known, kind: kindGC, deleted: true, origin: none(), after: none(),
	})
}

// extend is the short way for typing: text that continues the client's last
// item, at its end, with nothing in between, would become one with it when
// the change ends.
func (d *Doc) extend(t *tx, client uint32, origin, after ref, s text) bool {
	items := d.clients[client].items
	if s.units == 0 || len(items) == 0 {
		return false
	}
	l := items[len(items)-1]
	if l.kind != kindString || l.deleted || l.keyed() || origin != l.last() || after != l.after {
		return false
	}
	if l.right == nil && after.some() || l.right != nil && l.right.id != after {
		return false
	}
	t.inserted = addSpan(t.inserted, span{client, l.end(), s.units})
	l.payload = append(l.payload, s.bytes...)
	l.wide = l.wide || s.wide
	l.length += s.units
	l.parent.length += s.units
	d.clients[client].state = l.end()
	return true
}

// neighbours finds the items that it was inserted between. If its first
// known units are here already, the rest continues them.
func (d *Doc) neighbours(t *tx, it *item, known uint32) (left, right *item) {
	if known > 0 {
		it.id.clock += known
		it.length -= known
		it.origin = ref{it.id.client, it.id.clock - 1}
	}
	if it.origin.some() {
		left = d.endsAt(t, it.origin)
	}
	if it.after.some() {
		right = d.beginsAt(t, it.after)
	}
	return left, right
}

// parentOf returns where the item belongs, or nil if that is gone. A part
// with a neighbour takes the neighbour's parent and key.
func (d *Doc) parentOf(it *item, p *plan, part *part) *branch {
	next := it.left
	if next == nil {
		next = it.right
	}
	if next != nil {
		if next.keyed() {
			it.more = &more{keyed: true, key: next.more.key}
		}
		return next.parent
	}
	if part.keyed {
		it.more = &more{keyed: true, key: part.more.key}
	}
	if part.more.inRoot {
		return d.root(part.more.root)
	}
	owner := d.item(p.here(part.more.owner))
	if owner.kind != kindType {
		return nil
	}
	return owner.more.child
}

// fill gives the item its own copy of the part's content from unit known on.
func (it *item) fill(part *part, known uint32) {
	switch part.kind {
	case kindString:
		text := part.payload
		if known > 0 {
			_, text = cutText(text, part.length, known)
		}
		it.payload = append([]byte(nil), text...)
	case kindJSON, kindAny:
		it.extra().values = cloneAll(part.more.values[known:])
	case kindType:
		it.payload = append([]byte(nil), part.payload...)
		it.extra().child = &branch{owner: it}
	case kindBinary, kindEmbed, kindFormat, kindDoc:
		it.payload = append([]byte(nil), part.payload...)
	}
}

func (it *item) extra() *more {
	if it.more == nil {
		it.more = &more{}
	}
	return it.more
}

// cloneAll copies values out of the update into one block.
func cloneAll(values [][]byte) [][]byte {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	block := make([]byte, 0, size)
	out := make([][]byte, len(values))
	for i, v := range values {
		from := len(block)
		block = append(block, v...)
		out[i] = block[from:len(block):len(block)]
	}
	return out
}

// place links an item whose neighbours and parent are known into the lists,
// after resolving what others inserted at the same spot.
func (d *Doc) place(t *tx, it *item) {
	b, left, right := it.parent, it.left, it.right
	if left == nil && (right == nil || right.left != nil) || left != nil && left.right != right {
		it.left = d.resolve(it)
	}
	switch {
	case it.left != nil:
		it.right = it.left.right
		it.left.right = it
	case it.keyed():
		it.right = b.firstOf(it.more.key)
	default:
		it.right = b.start
		b.start = it
	}
	if it.right != nil {
		it.right.left = it
	} else if it.keyed() {
		d.setKey(t, it)
	}
	if !it.keyed() {
		b.length += it.visible()
	}
	d.append(t, it)
	if it.kind == kindDeleted {
		it.deleted = true
		t.deleted = addSpan(t.deleted, span{it.id.client, it.id.clock, it.length})
	}
	if b.owner != nil && b.owner.deleted || it.keyed() && it.right != nil {
		d.delete(t, it)
	}
}

// setKey makes it the value of its key; what was the value is deleted.
func (d *Doc) setKey(t *tx, it *item) {
	if it.parent.keys == nil {
		it.parent.keys = map[string]*item{}
	}
	it.parent.keys[it.more.key] = it
	if it.left != nil {
		d.delete(t, it.left)
	}
}

// firstOf returns the beginning of a key's list.
func (b *branch) firstOf(key string) *item {
	o := b.keys[key]
	for o != nil && o.left != nil {
		o = o.left
	}
	return o
}

// resolve decides after which item a new one stands, where others inserted
// between the same neighbours without knowing of it. It is the heart of
// YATA: every replica comes to the same order, and runs of one author stay
// together.
//
// Two sets of the algorithm are kept as numbers: each visited item gets the
// next stamp, so "visited in this search" is stamp > begin, and "visited
// since the last decision" is stamp > since.
func (d *Doc) resolve(it *item) *item {
	left, o := it.left, it.parent.start
	if left != nil {
		o = left.right
	} else if it.keyed() {
		o = it.parent.firstOf(it.more.key)
	}
	if d.stamp > math.MaxInt32 {
		d.forgetStamps()
	}
	begin, since := d.stamp, d.stamp
	name := d.clients[it.id.client].name
	for ; o != nil && o != it.right; o = o.right {
		d.stamp++
		o.stamp = d.stamp
		if o.origin == it.origin {
			if d.clients[o.id.client].name < name {
				left, since = o, d.stamp
			} else if o.after == it.after {
				break
			}
			continue
		}
		if !o.origin.some() {
			break
		}
		seen := d.holderOf(o).stamp
		if seen <= begin {
			break
		}
		if seen <= since {
			left, since = o, d.stamp
		}
	}
	return left
}

// holderOf returns the item that holds o's origin. It remembers the answer,
// because a search may ask the same thousands of times; since then that item
// may have been absorbed or cut.
func (d *Doc) holderOf(o *item) *item {
	for o.from != nil && o.from.gone {
		o.from = o.from.left
	}
	if o.from == nil || o.origin.clock >= o.from.end() {
		o.from = d.item(o.origin)
	}
	return o.from
}

func (d *Doc) forgetStamps() {
	d.stamp = 0
	for i := range d.clients {
		for _, it := range d.clients[i].items {
			it.stamp = 0
		}
	}
}
