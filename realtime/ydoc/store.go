package ydoc

import (
	"slices"
	"sort"
)

// client is what a document holds of one client: all its structs, without a
// gap, by clock.
type client struct {
	name  uint64
	state uint32 // the clock that comes next
	items []*item
	hint  int // where the last search ended: typing stays in one place
}

// at returns the place of the struct that holds clock, which must be below
// c.state.
func (c *client) at(clock uint32) int {
	n := len(c.items)
	if c.items[n-1].id.clock <= clock {
		return n - 1
	}
	if i := c.hint; i+1 < n && c.items[i].id.clock <= clock {
		if clock < c.items[i+1].id.clock {
			return i
		}
		if i+2 < n && clock < c.items[i+2].id.clock {
			c.hint = i + 1
			return i + 1
		}
	}
	c.hint = sort.Search(n, func(i int) bool { return c.items[i].id.clock > clock }) - 1
	return c.hint
}

func (d *Doc) item(r ref) *item {
	c := &d.clients[r.client]
	return c.items[c.at(r.clock)]
}

func (d *Doc) client(name uint64) uint32 {
	if d.lastName == name && len(d.clients) > 0 {
		return d.lastClient
	}
	i, ok := d.index[name]
	if !ok {
		return nobody
	}
	d.lastName, d.lastClient = name, i
	return i
}

func (d *Doc) addClient(name uint64) uint32 {
	if i := d.client(name); i != nobody {
		return i
	}
	i := uint32(len(d.clients))
	d.clients = append(d.clients, client{name: name})
	d.index[name] = i
	return i
}

// beginsAt returns the item that begins at r, cutting one if need be. A GC
// struct is never cut.
func (d *Doc) beginsAt(t *tx, r ref) *item {
	c := &d.clients[r.client]
	i := c.at(r.clock)
	it := c.items[i]
	if it.id.clock == r.clock || it.kind == kindGC {
		return it
	}
	return d.cutAt(t, c, i, r.clock)
}

// endsAt returns the item whose last unit is r, cutting one if need be.
func (d *Doc) endsAt(t *tx, r ref) *item {
	c := &d.clients[r.client]
	i := c.at(r.clock)
	it := c.items[i]
	if it.end() != r.clock+1 && it.kind != kindGC {
		d.cutAt(t, c, i, r.clock+1)
	}
	return it
}

func (d *Doc) cutAt(t *tx, c *client, i int, clock uint32) *item {
	it := c.items[i]
	right := it.cut(clock - it.id.clock)
	c.items = slices.Insert(c.items, i+1, right)
	t.touched = append(t.touched, span{it.id.client, clock, 1})
	return right
}

// append adds a struct that continues its client's list.
func (d *Doc) append(t *tx, it *item) {
	c := &d.clients[it.id.client]
	c.items = append(c.items, it)
	c.state = it.end()
	t.inserted = addSpan(t.inserted, span{it.id.client, it.id.clock, it.length})
}
