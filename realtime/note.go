package realtime

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

const (
	// maxNote is the text of a note in UTF-16 units: three hundred pages, which
	// every browser still holds, and every start of the server still reads.
	maxNote = 512 << 10
	// maxBinding is how many client ids one socket may bind. A page has one, and
	// what earlier pages left has theirs; ids are kept for ever.
	maxBinding   = 32
	loadedBytes  = 64 << 20 // our own state and rows are trusted further than a frame
	loadedStruct = 16 << 20
)

// note is the live document of a conference with what is known about the log:
// up to head it is committed, flying is with the committer, pending gathers.
// It belongs to the conference's goroutine and does no I/O.
type note struct {
	id, epoch int64
	base      int64 // the log begins after it
	head      int64 // last committed row
	sections  []string
	roots     map[string]bool
	sealed    bool
	parted    bool // the document holds what the log does not and never will
	doc       *ydoc.Doc
	clients   map[uint64]string // client id → person, for ever
	retired   map[uint64]uint32 // those of documents from before base → units
	deleted   *coverage         // of doc; nil when not computed since the last change

	pending *tick
	flying  *tick
	waiting []waiter // for the pending tick to be handed over
}

// tick is what one commit gathers.
type tick struct {
	began   time.Time // when the first change came
	authors []author
	all     ydoc.Change
	clients map[uint64]string // bound in this tick
	acks    map[*socket]uint64
	after   []func(error)

	rows  []Row
	frame []byte // for everybody, made by our encoder
}

type author struct {
	person, session string
	change          ydoc.Change
}

// waiter looks at the document and speaks when that is committed.
type waiter struct {
	look func()
	done func(error)
}

// loadNote builds the document from the log. The rows after the snapshot are
// applied together: those of one tick may need each other in both directions.
func loadNote(n Note) (*note, error) {
	doc := ydoc.New()
	lim := ydoc.Limits{Bytes: loadedBytes, Structs: loadedStruct}
	if len(n.State) > 0 {
		state, err := ydoc.Decode(n.State, lim)
		if err == nil {
			_, err = doc.Apply(state)
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot at %d: %w", n.Upto, err)
		}
	}
	rows := make([]*ydoc.Update, len(n.Rows))
	for i, r := range n.Rows {
		var err error
		if rows[i], err = ydoc.Decode(r.Data, lim); err != nil {
			return nil, fmt.Errorf("row %d: %w", r.Seq, err)
		}
	}
	if _, err := doc.ApplyAll(rows); err != nil {
		return nil, fmt.Errorf("rows after %d: %w", n.Upto, err)
	}
	doc.Strict = true // what comes from now on must not cut surrogate pairs
	return newNote(n, doc), nil
}

func newNote(n Note, doc *ydoc.Doc) *note {
	live := &note{
		id: n.ID, epoch: n.Epoch, base: n.Base, head: n.Head, sealed: n.Sealed, doc: doc,
		sections: n.Sections, roots: make(map[string]bool, len(n.Sections)),
		clients: make(map[uint64]string, len(n.Clients)), retired: n.Retired,
	}
	for _, key := range n.Sections {
		live.roots[root(key)] = true
	}
	for client, person := range n.Clients {
		live.clients[client] = person
	}
	return live
}

// root is the name of a section's Y.Text.
func root(section string) string { return "s:" + section }

// integrate checks an update of g and, if it may be, applies it and adds it to
// the pending tick.
func (n *note) integrate(s *socket, u *ydoc.Update, step2 bool) refusal {
	if s.outdated || n.outdated(u) {
		return refusedOutdated
	}
	fresh := n.fresh(u)
	if len(fresh) == 0 && n.nothingDeleted(s, u, step2) {
		return accepted
	}
	if why := n.check(s, u, fresh); why != accepted {
		return why
	}
	change, err := n.doc.Apply(u)
	switch {
	case errors.Is(err, ydoc.ErrMissing):
		return refusedDependency
	case err != nil:
		return refusedMalformed
	case change.Empty():
		return accepted
	}
	n.gather(s, change, fresh)
	return accepted
}

// outdated says whether an update was made with a document from before the log
// was written anew. It may bring back what was removed then.
func (n *note) outdated(u *ydoc.Update) bool {
	if len(n.retired) == 0 {
		return false
	}
	retired := func(r ydoc.Range) bool { _, is := n.retired[r.Client]; return is }
	return slices.ContainsFunc(u.Inserts(), retired) || slices.ContainsFunc(u.Deletes(), retired)
}

// fresh gives the ranges that hold something we do not have yet.
func (n *note) fresh(u *ydoc.Update) []ydoc.Range {
	var fresh []ydoc.Range
	for _, r := range u.Inserts() {
		if uint64(r.Clock)+uint64(r.Len) > uint64(n.doc.State(r.Client)) {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// nothingDeleted says whether an update without fresh structs is news at all.
// Whoever may not write is not refused for answering our sync step 1 with what
// everybody knows; but that costs a look at the whole document, so it is done
// once per step 1 only.
func (n *note) nothingDeleted(s *socket, u *ydoc.Update, step2 bool) bool {
	deletes := u.Deletes()
	if len(deletes) == 0 {
		return true
	}
	if s.write && !n.sealed || !step2 || s.owed == 0 {
		return false
	}
	s.owed--
	if n.deleted == nil {
		n.deleted = deletedIn(n.doc)
	}
	return n.deleted.covers(deletes)
}

func (n *note) check(s *socket, u *ydoc.Update, fresh []ydoc.Range) refusal {
	switch {
	case n.sealed:
		return refusedSealed
	case !s.write:
		return refusedRight
	case !n.knows(u.Roots()):
		return refusedMalformed
	case len(fresh) > 0 && n.length()+units(fresh) > maxNote:
		return refusedSize
	}
	return n.checkClients(s, fresh)
}

// checkClients keeps authorship honest: beyond what we have, an update may
// only carry structs of client ids that are the sender's, or nobody's yet.
func (n *note) checkClients(s *socket, fresh []ydoc.Range) refusal {
	unbound := make(map[uint64]bool)
	for _, r := range fresh {
		person, bound := n.clients[r.Client]
		switch {
		case bound && person != s.guest.Person:
			return refusedClient
		case !bound && n.doc.State(r.Client) > 0: // the template's, say
			return refusedClient
		case !bound:
			unbound[r.Client] = true
		}
	}
	if s.bound+len(unbound) > maxBinding {
		return refusedClient
	}
	return accepted
}

func (n *note) knows(roots []string) bool {
	for _, r := range roots {
		if !n.roots[r] {
			return false
		}
	}
	return true
}

// length is that of all sections together, in UTF-16 units.
func (n *note) length() int {
	sum := 0
	for _, key := range n.sections {
		sum += n.doc.Len(root(key))
	}
	return sum
}

func units(ranges []ydoc.Range) int {
	sum := 0
	for _, r := range ranges {
		sum += int(r.Len)
	}
	return sum
}

// gather adds what was just applied to the pending tick.
func (n *note) gather(s *socket, change ydoc.Change, fresh []ydoc.Range) {
	if n.pending == nil {
		n.pending = &tick{began: time.Now(), acks: make(map[*socket]uint64), clients: make(map[uint64]string)}
	}
	t := n.pending
	n.deleted = nil
	for _, r := range fresh {
		if _, bound := n.clients[r.Client]; !bound {
			n.clients[r.Client] = s.guest.Person
			t.clients[r.Client] = s.guest.Person
			s.bound++
		}
	}
	t.all.Merge(change)
	for i := range t.authors {
		if a := &t.authors[i]; a.person == s.guest.Person && a.session == s.guest.Session {
			a.change.Merge(change)
			return
		}
	}
	t.authors = append(t.authors, author{s.guest.Person, s.guest.Session, change})
}

// acknowledge promises an answer for the first frames of a socket once
// everything that is in memory now is committed.
func (n *note) acknowledge(s *socket, frames uint64) {
	switch {
	case n.pending != nil:
		n.pending.acks[s] = frames
	case n.flying != nil:
		n.flying.acks[s] = frames
	default:
		s.out.put(integersFrame(msgAck, frames))
	}
}

// settle runs look when the document equals the log plus the tick under way,
// and done when that tick is committed or lost. Both run at once when nothing
// is under way.
func (n *note) settle(look func(), done func(error)) {
	if n.pending != nil {
		n.waiting = append(n.waiting, waiter{look, done})
		return
	}
	look()
	if n.flying != nil {
		n.flying.after = append(n.flying.after, done)
		return
	}
	done(nil)
}

// reaches is the sequence the log has once the tick under way is committed.
func (n *note) reaches() int64 {
	if n.flying != nil {
		return n.head + int64(len(n.flying.rows))
	}
	return n.head
}

// handOver closes the pending tick and encodes it: this is the one moment at
// which the document is exactly what the tick makes of it.
func (n *note) handOver(now time.Time) Batch {
	t := n.pending
	n.pending, n.flying = nil, t
	for i, a := range t.authors {
		t.rows = append(t.rows, Row{
			Seq: n.head + int64(i) + 1, Person: a.person, Session: a.session, At: now, Data: n.doc.Encode(a.change),
		})
	}
	if len(t.rows) == 1 {
		t.frame = syncFrame(syncUpdate, t.rows[0].Data)
	} else {
		t.frame = syncFrame(syncUpdate, n.doc.Encode(t.all))
	}
	for _, w := range n.waiting {
		w.look()
		t.after = append(t.after, w.done)
	}
	n.waiting = nil
	return Batch{Note: n.id, Epoch: n.epoch, Head: n.head, Rows: t.rows, Clients: t.clients}
}

// landed books the tick under way as committed.
func (n *note) landed() *tick {
	t := n.flying
	n.head = n.reaches()
	n.flying = nil
	return t
}

// lost tells everybody who waited that the memory is of no more use.
func (n *note) lost(err error) {
	var after []func(error)
	for _, t := range []*tick{n.flying, n.pending} {
		if t != nil {
			after = append(after, t.after...)
		}
	}
	for _, w := range n.waiting {
		after = append(after, w.done)
	}
	n.parted = n.parted || n.flying != nil || n.pending != nil
	n.flying, n.pending, n.waiting = nil, nil, nil
	for _, done := range after {
		done(err)
	}
}

// texts is what the sections read now.
func (n *note) texts() map[string]string {
	texts := make(map[string]string, len(n.sections))
	for _, key := range n.sections {
		texts[key] = n.doc.Text(root(key))
	}
	return texts
}
