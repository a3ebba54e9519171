package ydoc

import (
	"fmt"
	"slices"
)

// Bits of a struct's first byte beside its kind.
const (
	bitOrigin = 0x80
	bitRight  = 0x40
	bitKey    = 0x20
	kindMask  = 0x1f
)

// Decode reads an update of format v1. It is strict: whatever it returns can
// be applied safely. The update keeps pointing into the given bytes, which
// must not change while it is in use. Errors wrap [ErrMalformed], and
// [ErrTooLarge] where a limit was the reason.
func Decode(update []byte, lim Limits) (*Update, error) {
	lim = lim.orDefault()
	if len(update) > lim.Bytes {
		return nil, fmt.Errorf("%w: %w: %d bytes, allowed are %d", ErrMalformed, ErrTooLarge, len(update), lim.Bytes)
	}
	d := decoder{reader: reader{buf: update}, u: &Update{}, room: lim.Structs}
	d.structs()
	d.room = lim.Structs
	d.deletes()
	d.end()
	if d.err != nil {
		return nil, d.err
	}
	return d.u, nil
}

type decoder struct {
	reader
	u     *Update
	index map[uint64]uint32 // client to place in u.names; nil while they are few
	room  int               // structs, values or ranges still allowed
}

// few is the number of clients up to which a search beats a map.
const few = 8

// client reads a client id and returns its place in the update's table.
func (d *decoder) client() uint32 {
	name := d.uvarint()
	if d.index == nil {
		if i := slices.Index(d.u.names, name); i >= 0 {
			return uint32(i)
		}
	} else if i, ok := d.index[name]; ok {
		return i
	}
	return d.addClient(name)
}

func (d *decoder) addClient(name uint64) uint32 {
	i := uint32(len(d.u.names))
	d.u.names = append(d.u.names, name)
	d.u.sites = append(d.u.sites, site{})
	switch {
	case d.index != nil:
		d.index[name] = i
	case len(d.u.names) > few:
		d.index = make(map[uint64]uint32, 2*few)
		for k, n := range d.u.names {
			d.index[n] = uint32(k)
		}
	}
	return i
}

func (d *decoder) spend(n int) {
	if d.room -= n; d.room < 0 && d.err == nil {
		d.err = fmt.Errorf("%w: %w: too many structs", ErrMalformed, ErrTooLarge)
	}
}

func (d *decoder) structs() {
	for sections := d.count(3); sections > 0 && d.err == nil; sections-- {
		n := d.count(2)
		client := d.client()
		clock := d.clock()
		s := &d.u.sites[client]
		if s.to > 0 {
			d.fail("client named twice")
		}
		if d.spend(n); d.err != nil {
			return
		}
		from := len(d.u.parts)
		d.u.parts = slices.Grow(d.u.parts, n)
		for ; n > 0 && d.err == nil; n-- {
			d.u.parts = append(d.u.parts, part{})
			p := &d.u.parts[len(d.u.parts)-1]
			d.part(p, ref{client, clock})
			clock += p.length
		}
		if len(d.u.parts) > from { // d.client may have moved d.u.sites
			d.u.sites[client] = site{from, len(d.u.parts)}
		}
	}
}

func (d *decoder) part(p *part, id ref) {
	info := d.byte()
	*p = part{id: id, kind: kind(info & kindMask), origin: none(), right: none()}
	if p.kind == kindGC || p.kind == kindSkip {
		if info&^kindMask != 0 {
			d.fail("flags where none belong")
		}
		p.length = d.length(id.clock)
	} else {
		d.links(p, info)
		d.content(p)
	}
	if p.length == 0 {
		d.fail("empty struct")
	}
	if p.length > maxClock-id.clock {
		d.fail("clock too large")
	}
}

// links reads what places an item: its neighbours at the time it was made,
// or, if it had none, its parent.
func (d *decoder) links(p *part, info byte) {
	p.keyed = info&bitKey != 0
	if info&bitOrigin != 0 {
		p.origin = d.older(p.id)
	}
	if info&bitRight != 0 {
		p.right = d.older(p.id)
	}
	if info&(bitOrigin|bitRight) != 0 {
		return
	}
	p.more = &more{owner: none()}
	switch d.uvarint() {
	case 0:
		p.more.owner = d.older(p.id)
	case 1:
		p.more.inRoot = true
		p.more.root = string(d.text())
	default:
		d.fail("unknown kind of parent")
	}
	if p.keyed {
		p.more.key = string(d.text())
	}
}

// older reads the id of a unit that must have existed when id was made.
func (d *decoder) older(id ref) ref {
	r := ref{d.client(), d.clock()}
	if r.client == id.client && r.clock >= id.clock {
		d.fail("struct refers to itself or to a later one")
	}
	return r
}

// content reads what an item carries. Kinds of length 1 stay as they are on
// the wire.
func (d *decoder) content(p *part) {
	from := d.at
	p.length = 1
	switch p.kind {
	case kindDeleted:
		p.length = d.length(p.id.clock)
	case kindString:
		p.payload = d.text()
		p.length, p.wide = measure(p.payload)
		return
	case kindJSON, kindAny:
		d.values(p)
		return
	case kindBinary:
		d.bytes()
	case kindEmbed:
		d.json(false)
	case kindFormat:
		d.text()
		d.json(false)
	case kindType:
		d.typeName()
	case kindDoc:
		d.text()
		if d.left() > 0 && d.buf[d.at] != anyObject {
			d.fail("options of a document are no object")
		}
		d.any()
	default:
		d.fail("unknown kind of struct")
	}
	if d.err == nil && p.kind != kindDeleted {
		p.payload = d.buf[from:d.at:d.at]
	}
}

func (d *decoder) values(p *part) {
	n := d.count(1)
	if d.spend(n); d.err != nil {
		return
	}
	if p.more == nil {
		p.more = &more{owner: none()}
	}
	p.length = uint32(n)
	p.more.values = make([][]byte, 0, n)
	for ; n > 0 && d.err == nil; n-- {
		from := d.at
		if p.kind == kindAny {
			d.any()
		} else {
			d.json(true)
		}
		p.more.values = append(p.more.values, d.buf[from:d.at:d.at])
	}
}

// Yjs' numbers of its shared types, as far as the format depends on them.
const (
	typeXMLElement = 3
	typeXMLHook    = 5
	typeXMLText    = 6
)

func (d *decoder) typeName() {
	switch t := d.uvarint(); {
	case t == typeXMLElement || t == typeXMLHook:
		d.text()
	case t > typeXMLText:
		d.fail("unknown shared type")
	}
}

func (d *decoder) deletes() {
	for clients := d.count(2); clients > 0 && d.err == nil; clients-- {
		client := d.client()
		n := d.count(2)
		if d.spend(n); d.err != nil {
			return
		}
		d.u.deletes = slices.Grow(d.u.deletes, n)
		for ; n > 0 && d.err == nil; n-- {
			clock := d.clock()
			length := d.length(clock)
			if length > 0 {
				d.u.deletes = append(d.u.deletes, span{client, clock, length})
			}
		}
	}
	d.u.deletes = tidySpans(d.u.deletes)
}
