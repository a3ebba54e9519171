package ydoc

import (
	"fmt"
	"unicode/utf8"
)

// Text returns the text of a root; of one that nobody has written to, "".
// What is no text (values, embedded things) is left out.
func (d *Doc) Text(root string) string {
	b := d.roots[root]
	if b == nil {
		return ""
	}
	out := make([]byte, 0, b.length)
	for it := b.start; it != nil; it = it.right {
		if it.kind == kindString && !it.deleted {
			out = append(out, it.payload...)
		}
	}
	return string(out)
}

// Len returns the length of a root in UTF-16 units; values and embedded
// things count one each.
func (d *Doc) Len(root string) int {
	if b := d.roots[root]; b != nil {
		return int(b.length)
	}
	return 0
}

// Edit replaces del units from pos on by ins, as client, who must not be
// writing anywhere else at the same time. Errors wrap [ErrRange] if the
// stretch is not inside the text, [ErrSurrogate] if one of its ends is inside
// a surrogate pair, [ErrMalformed] if ins is not UTF-8; the document is then
// as it was.
func (d *Doc) Edit(client uint64, root string, pos, del int, ins string) (Change, error) {
	if err := d.checkEdit(client, root, pos, del, ins); err != nil {
		return Change{}, err
	}
	b := d.root(root)
	b.refreshMarkers(d.epoch)
	from := d.find(b, uint32(pos))
	if from.insidePair() || del > 0 && d.find(b, uint32(pos+del)).insidePair() {
		return Change{}, fmt.Errorf("%w: edit of %d units at %d", ErrSurrogate, del, pos)
	}
	t := d.begin()
	left := from.it
	if left != nil && from.n < left.length {
		d.endsAt(t, ref{left.id.client, left.id.clock + from.n - 1})
	}
	if del > 0 {
		d.deleteAfter(t, b, left, uint32(del))
	}
	if ins != "" {
		d.insertAfter(t, b, left, d.addClient(client), ins)
	}
	units := uint32(0)
	for _, s := range t.inserted {
		units += s.length
	}
	b.shiftMarkers(uint32(pos), uint32(del), units)
	c := d.finish(t)
	b.settleMarkers()
	return c, nil
}

func (d *Doc) checkEdit(client uint64, root string, pos, del int, ins string) error {
	n := d.Len(root)
	switch {
	case pos < 0 || del < 0 || pos > n || del > n-pos:
		return fmt.Errorf("%w: %d units at %d of %d", ErrRange, del, pos, n)
	case client > maxSafe || len(ins) > maxClock || d.State(client) > maxClock-uint32(len(ins)):
		return fmt.Errorf("%w: client or clock too large", ErrRange)
	case !utf8.ValidString(ins) || !utf8.ValidString(root):
		return fmt.Errorf("%w: text is not UTF-8", ErrMalformed)
	}
	return nil
}

// deleteAfter deletes n visible units after left.
func (d *Doc) deleteAfter(t *tx, b *branch, left *item, n uint32) {
	it := b.start
	if left != nil {
		it = left.right
	}
	for ; n > 0; it = it.right {
		v := it.visible()
		if v == 0 {
			continue
		}
		if v > n {
			d.endsAt(t, ref{it.id.client, it.id.clock + n - 1})
			v = n
		}
		d.delete(t, it)
		n -= v
	}
}

func (d *Doc) insertAfter(t *tx, b *branch, left *item, client uint32, ins string) {
	right, origin, after := b.start, none(), none()
	if left != nil {
		right, origin = left.right, left.last()
	}
	if right != nil {
		after = right.id
	}
	s := text{bytes: []byte(ins)}
	s.units, s.wide = measure(s.bytes)
	if d.extend(t, client, origin, after, s) {
		return
	}
	d.place(t, &item{
		left: left, right: right, parent: b,
		id:     ref{client, d.clients[client].state},
		origin: origin, after: after,
		length: s.units, kind: kindString, wide: s.wide, payload: s.bytes,
	})
}

// place in a text: after n units of it, which shows them; a nil item is the
// beginning.
type place struct {
	it *item
	n  uint32
}

func (p place) insidePair() bool {
	if p.it == nil || !p.it.wide || p.it.kind != kindString || p.n == p.it.length {
		return false
	}
	_, inside := byteAt(p.it.payload, p.it.length, p.n)
	return inside
}

// find returns the place at pos, as far left as possible: before whatever
// was deleted there.
func (d *Doc) find(b *branch, pos uint32) place {
	if pos == 0 {
		return place{}
	}
	m, steps := b.nearest(pos), 0
	for m.pos >= pos { // deleted neighbours share a position
		m.it = m.it.left
		m.pos -= m.it.visible()
		steps++
	}
	for m.pos+m.it.visible() < pos {
		m.pos += m.it.visible()
		m.it = m.it.right
		steps++
	}
	if steps > farWalk {
		b.remember(m)
	}
	return place{m.it, pos - m.pos}
}

// marker remembers that an item's first unit is at pos, so that edits at
// places far apart need not walk through the text each time. Markers follow
// Edit; any other change drops them, which is what the epoch is for.
type marker struct {
	it  *item
	pos uint32
}

const (
	maxMarkers = 32
	farWalk    = 8 // steps after which a new marker pays
)

// nearest returns the marker closest to pos, or the beginning.
func (b *branch) nearest(pos uint32) marker {
	best := marker{b.start, 0}
	for _, m := range b.markers {
		if distance(m.pos, pos) < distance(best.pos, pos) {
			best = m
		}
	}
	return best
}

func distance(a, b uint32) uint32 { return max(a, b) - min(a, b) }

func (b *branch) refreshMarkers(epoch uint64) {
	if b.epoch != epoch {
		b.markers, b.epoch = b.markers[:0], epoch
	}
}

// settleMarkers moves markers from absorbed items to those that absorbed
// them, at the end of the change that did it: later cuts would hide where
// the absorbed one had begun.
func (b *branch) settleMarkers() {
	for i := range b.markers {
		m := &b.markers[i]
		for m.it.gone {
			l := m.it.left
			if l.visible() > 0 {
				m.pos -= m.it.id.clock - l.id.clock
			}
			m.it = l
		}
	}
}

func (b *branch) remember(m marker) {
	if len(b.markers) < maxMarkers {
		b.markers = append(b.markers, m)
		return
	}
	copy(b.markers, b.markers[1:])
	b.markers[maxMarkers-1] = m
}

// shiftMarkers follows an edit at pos. Markers within what was deleted, or
// exactly where something was inserted, are no longer certain and go.
func (b *branch) shiftMarkers(pos, del, ins uint32) {
	kept := b.markers[:0]
	for _, m := range b.markers {
		switch {
		case m.pos > pos+del:
			m.pos += ins - del
		case m.pos >= pos:
			continue
		}
		kept = append(kept, m)
	}
	b.markers = kept
}
