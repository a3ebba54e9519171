package ydoc

// Doc is one document. [New] makes it, one goroutine at a time uses it, and
// it needs no closing. It never forgets who inserted which unit, but deleted
// content is dropped at the end of the call that deletes it.
type Doc struct {
	// Strict makes Apply and ApplyAll refuse, with [ErrSurrogate], a change
	// that would put a border inside a surrogate pair. Without it both halves
	// become U+FFFD on the replica that cuts, as in Yjs, and replicas may
	// then differ for ever.
	Strict bool

	clients []client
	index   map[uint64]uint32 // client id to place in clients
	roots   map[string]*branch

	lastName   uint64 // the client looked up last
	lastClient uint32

	stamp uint32 // of the item compared last, see resolve
	epoch uint64 // counts changes that came from outside, see marker
	plan  plan   // scratch of Apply
	tx    tx     // scratch of every change
}

// New returns an empty document.
func New() *Doc {
	return &Doc{index: map[uint64]uint32{}, roots: map[string]*branch{}, lastName: maxSafe + 1}
}

// State returns the clock that the client's next unit will have, which is
// the number of units known of it.
func (d *Doc) State(client uint64) uint32 {
	if c := d.client(client); c != nobody {
		return d.clients[c].state
	}
	return 0
}

func (d *Doc) root(name string) *branch {
	b := d.roots[name]
	if b == nil {
		b = &branch{root: name}
		d.roots[name] = b
	}
	return b
}

// tx gathers what one change does to the document, in spans of Doc.clients.
type tx struct {
	inserted []span
	deleted  []span
	touched  []span // other places where neighbours may have become mergeable
	doomed   []*item
	pieces   []*item
}

func (d *Doc) begin() *tx {
	t := &d.tx
	t.inserted, t.deleted, t.touched = t.inserted[:0], t.deleted[:0], t.touched[:0]
	return t
}

// scratchKept is how many entries of scratch an idle document may hold on to.
const scratchKept = 1024

// rest lets go of the update just applied and, after a large one, of the
// scratch it took: most documents sit idle most of the time.
func (d *Doc) rest() {
	d.plan.u = nil
	if cap(d.plan.order) > scratchKept || cap(d.plan.next) > scratchKept || cap(d.plan.borders) > scratchKept {
		d.plan = plan{}
	}
	if cap(d.tx.touched) > scratchKept || cap(d.tx.pieces) > scratchKept || cap(d.tx.doomed) > scratchKept {
		d.tx = tx{}
	}
}
