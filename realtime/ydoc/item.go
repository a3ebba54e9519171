package ydoc

// kind says what a struct carries; the numbers are those of the format.
type kind uint8

const (
	kindGC      kind = 0 // was inside something deleted; only its length is left
	kindDeleted kind = 1
	kindJSON    kind = 2
	kindBinary  kind = 3
	kindString  kind = 4
	kindEmbed   kind = 5
	kindFormat  kind = 6
	kindType    kind = 7
	kindAny     kind = 8
	kindDoc     kind = 9
	kindSkip    kind = 10 // a gap in an update; never in a document
)

// item is one struct in a document. It lives in its client's list and, unless
// its kind is GC, in the list of its parent. Neighbours that continue each
// other become one item when a change ends, and an item is cut where a later
// change needs a border.
type item struct {
	left, right   *item
	parent        *branch
	id            ref   // client is an index into Doc.clients
	origin, after ref   // what was to its left and to its right when it was made
	from          *item // held origin when last asked, see Doc.holderOf
	length        uint32
	stamp         uint32 // see Doc.resolve
	kind          kind
	deleted       bool
	wide          bool // text may contain a character of two units
	gone          bool // absorbed by left; markers and from may still point here
	payload       []byte
	more          *more
}

// The payload of a String item is its text. Binary, Embed, Format, Type and
// Doc items keep the bytes of the wire, which the engine only passes on.

// more is what few structs need.
type more struct {
	values [][]byte // of JSON and Any items, one per unit, as on the wire
	keyed  bool     // of items: key is meant, even if empty
	key    string
	child  *branch // of Type items: what lives inside

	// Of parts that have no neighbour: their parent.
	inRoot bool
	root   string
	owner  ref
}

// branch is a shared type: a list of items, entries by key, or both.
type branch struct {
	root   string // name, if owner is nil
	owner  *item
	start  *item
	keys   map[string]*item // the last item of each key's list, which is its value
	length uint32           // visible units of the list

	markers []marker
	epoch   uint64 // of the markers, see Doc.epoch
}

func (it *item) end() uint32 { return it.id.clock + it.length }

func (it *item) last() ref { return ref{it.id.client, it.end() - 1} }

func (it *item) keyed() bool { return it.more != nil && it.more.keyed }

// countable reports whether the item takes up room in its parent's list.
func (it *item) countable() bool {
	return it.kind != kindGC && it.kind != kindDeleted && it.kind != kindFormat
}

// visible is the number of units that the item shows.
func (it *item) visible() uint32 {
	if it.deleted || !it.countable() {
		return 0
	}
	return it.length
}

// cut shortens it to n units and returns the rest as an item of its own,
// linked in after it.
func (it *item) cut(n uint32) *item {
	r := &item{
		left: it, right: it.right, parent: it.parent,
		id:     ref{it.id.client, it.id.clock + n},
		origin: ref{it.id.client, it.id.clock + n - 1}, after: it.after,
		length: it.length - n, kind: it.kind, deleted: it.deleted, wide: it.wide,
	}
	switch it.kind {
	case kindString:
		it.payload, r.payload = cutText(it.payload, it.length, n)
	case kindJSON, kindAny:
		values := it.more.values
		r.more = &more{values: values[n:], keyed: it.more.keyed, key: it.more.key}
		it.more.values = values[:n:n]
	}
	if it.keyed() && r.more == nil {
		r.more = &more{keyed: true, key: it.more.key}
	}
	it.length = n
	it.right = r
	if r.right != nil {
		r.right.left = r
	} else if r.keyed() && r.parent != nil {
		r.parent.keys[r.more.key] = r
	}
	return r
}

// absorb makes r, which follows it in the client's list, a part of it if the
// two were made one after the other at one place and still stand together.
func (it *item) absorb(r *item) bool {
	if it.kind != r.kind || it.deleted != r.deleted {
		return false
	}
	if it.kind == kindGC {
		it.length += r.length
		return true
	}
	if it.right != r || r.origin != it.last() || it.after != r.after || !it.join(r) {
		return false
	}
	it.length += r.length
	if it.right = r.right; it.right != nil {
		it.right.left = it
	} else if it.keyed() {
		it.parent.keys[it.more.key] = it
	}
	r.gone, r.payload, r.more, r.right, r.from = true, nil, nil, nil, nil
	return true
}

// join appends the content of r if the kind of content can grow.
func (it *item) join(r *item) bool {
	switch it.kind {
	case kindDeleted:
	case kindString:
		it.payload = append(it.payload, r.payload...)
		it.wide = it.wide || r.wide
	case kindJSON, kindAny:
		it.more.values = append(it.more.values, r.more.values...)
	default:
		return false
	}
	return true
}
