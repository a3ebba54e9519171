package conference

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// Redaction is the mark that a passage leaves in a note it was removed from.
type Redaction struct {
	Section string    `json:"section"`
	Name    string    `json:"name"` // of who removed it
	At      time.Time `json:"at"`
}

// maxCut is how many stretches of different authors, or typed at different times, one passage may consist of.
const maxCut = 4096

// parseUnits reads a passage as the page names it: the characters themselves, as stretches "client:clock:length" in reading
// order with spaces between. Named so, it stays the same passage however the text around it moves.
func parseUnits(text string) ([]ydoc.Range, error) {
	wrong := &account.InvalidError{Field: "units", Rule: "malformed"}
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) > maxCut {
		return nil, wrong
	}
	units := make([]ydoc.Range, len(fields))
	for i, f := range fields {
		var n [3]uint64
		parts := strings.Split(f, ":")
		if len(parts) != len(n) {
			return nil, wrong
		}
		for k, p := range parts {
			var err error
			if n[k], err = strconv.ParseUint(p, 10, 53); err != nil {
				return nil, wrong
			}
		}
		if n[1] >= 1<<31 || n[2] == 0 || n[2] >= 1<<31 {
			return nil, wrong
		}
		units[i] = ydoc.Range{Client: n[0], Clock: uint32(n[1]), Len: uint32(n[2])}
	}
	return units, nil
}

// errPassageChanged says that the passage does not stand in the section as it was named: somebody has written into it or
// removed a part of it meanwhile.
var errPassageChanged = account.Refuse(account.ErrConflict, "passage_changed")

// cutOut leaves the units out of a section's runs. They must stand there one after the other, with nothing in between.
func cutOut(runs []ydoc.Run, units []ydoc.Range) (kept []ydoc.Run, err error) {
	want, begun := slices.Clone(units), false
	for _, r := range runs {
		if !begun && r.Client == want[0].Client && r.Clock <= want[0].Clock && want[0].Clock < r.Clock+r.Len {
			var before ydoc.Run
			if before, r = r.Cut(want[0].Clock - r.Clock); before.Len > 0 {
				kept = append(kept, before)
			}
			begun = true
		}
		for begun && len(want) > 0 && r.Len > 0 {
			n := min(r.Len, want[0].Len)
			if r.Client != want[0].Client || r.Clock != want[0].Clock {
				return nil, errPassageChanged
			}
			var gone ydoc.Run
			if gone, r = r.Cut(n); gone.Len != n { // half of a character
				return nil, errPassageChanged
			}
			if want[0].Clock, want[0].Len = want[0].Clock+n, want[0].Len-n; want[0].Len == 0 {
				want = want[1:]
			}
		}
		if r.Len > 0 {
			kept = append(kept, r)
		}
	}
	if len(want) > 0 {
		return nil, errPassageChanged
	}
	return kept, nil
}

// cut is a passage to be removed.
type cut struct {
	section string
	units   []ydoc.Range
}

// occurrences finds words in the runs of a section, one after the other.
func occurrences(runs []ydoc.Run, words string) (found [][]ydoc.Range) {
	var text strings.Builder
	for _, r := range runs {
		text.WriteString(r.Text)
	}
	rest, from := text.String(), 0
	for {
		before, after, there := strings.Cut(rest, words)
		if !there {
			return found
		}
		from += units16(before)
		to := from + units16(words)
		found = append(found, stretch(runs, from, to))
		rest, from = after, to
	}
}

// stretch names the characters from one place to another.
func stretch(runs []ydoc.Run, from, to int) (units []ydoc.Range) {
	at := 0
	for _, r := range runs {
		begin, end := max(from, at), min(to, at+int(r.Len))
		if begin < end {
			units = append(units, ydoc.Range{Client: r.Client, Clock: r.Clock + uint32(begin-at), Len: uint32(end - begin)})
		}
		at += int(r.Len)
	}
	return units
}

// units16 is the length of a text as documents count it.
func units16(text string) (n int) {
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// piece is a stretch of text that is to be written again: where, by whom, and when it first came.
type piece struct {
	section int // index
	person  uuid.UUID
	at      time.Time
	text    string
}

// pieces cuts runs by the minute in which their characters came, which is as exactly as a note tells it.
func (p *replay) pieces(section int, runs []ydoc.Run, clients map[uint64]uuid.UUID) []piece {
	var out []piece
	for _, rest := range runs {
		person := clients[rest.Client]
		for rest.Len > 0 {
			var run ydoc.Run
			var at time.Time
			run, rest, at = p.first(rest)
			if n := len(out); n > 0 && out[n-1].person == person && minute(out[n-1].at) == minute(at) {
				out[n-1].text += run.Text
				continue
			}
			out = append(out, piece{section, person, at, run.Text})
		}
	}
	return out
}

// rewriting is a note that is being written anew from its pieces, which are in reading order, section by section.
type rewriting struct {
	sections []string
	pieces   []piece
	written  lengths // of the pieces, as far as they are in
	used     map[uint64]uuid.UUID

	doc     *ydoc.Doc
	rows    []NoteRow            // without sequence
	clients map[uint64]uuid.UUID // of doc
	ids     map[uuid.UUID]uint64
}

// rewrite puts pieces into an empty document: each author's of a minute as one row, the oldest first, under client ids that
// are not among those used before. A row builds on those before it only.
func rewrite(sections []string, pieces []piece, used map[uint64]uuid.UUID) (*rewriting, error) {
	w := &rewriting{
		sections: sections, pieces: pieces, written: make(lengths, len(pieces)+1), used: used,
		doc: ydoc.New(), clients: map[uint64]uuid.UUID{}, ids: map[uuid.UUID]uint64{},
	}
	for _, turn := range turnsOf(pieces) {
		var change ydoc.Change
		for _, i := range turn {
			c, err := w.write(i)
			if err != nil {
				return nil, fmt.Errorf("rewrite: %w", err)
			}
			change.Merge(c)
		}
		first := pieces[turn[0]]
		w.rows = append(w.rows, NoteRow{Person: first.person, At: first.at, Data: w.doc.Encode(change)})
	}
	return w, nil
}

// turnsOf gathers, as indexes, what one person wrote in one minute; the first of a turn came first.
func turnsOf(pieces []piece) [][]int {
	type key struct {
		person uuid.UUID
		minute int64
	}
	place := map[key]int{}
	var turns [][]int
	for i, p := range pieces {
		k := key{p.person, minute(p.at)}
		at, known := place[k]
		if !known {
			at = len(turns)
			place[k], turns = at, append(turns, nil)
		}
		turns[at] = append(turns[at], i)
	}
	earlier := func(a, b int) int { return pieces[a].at.Compare(pieces[b].at) }
	for _, t := range turns {
		slices.SortStableFunc(t, earlier)
	}
	slices.SortStableFunc(turns, func(a, b []int) int { return earlier(a[0], b[0]) })
	return turns
}

// write puts piece i where it belongs among those of its section that are in.
func (w *rewriting) write(i int) (ydoc.Change, error) {
	p := w.pieces[i]
	begin, _ := slices.BinarySearchFunc(w.pieces, p.section, func(q piece, section int) int { return cmp.Compare(q.section, section) })
	root := noteRoot(w.sections[p.section])
	before := w.doc.Len(root)
	c, err := w.doc.Edit(w.clientOf(p.person), root, w.written.before(i)-w.written.before(begin), 0, p.text)
	w.written.add(i, w.doc.Len(root)-before)
	return c, err
}

func (w *rewriting) clientOf(person uuid.UUID) uint64 {
	id, known := w.ids[person]
	if !known {
		id = freshClient(w.used, w.clients)
		w.ids[person], w.clients[id] = id, person
	}
	return id
}

// freshClient draws an id as browsers do, that nobody has or had.
func freshClient(used, taken map[uint64]uuid.UUID) uint64 {
	for {
		id := uint64(rand.Uint32())
		_, old := used[id]
		if _, now := taken[id]; !old && !now {
			return id
		}
	}
}

// lengths are numbers in a row, one less than its length, whose sums are asked for while they change: a Fenwick tree.
type lengths []int

func (l lengths) add(i, n int) {
	for i++; i < len(l); i += i & -i {
		l[i] += n
	}
}

// before is the sum of the first i.
func (l lengths) before(i int) (sum int) {
	for ; i > 0; i -= i & -i {
		sum += l[i]
	}
	return sum
}

// restartHash is what the chain of a note's rows begins anew with. The hash before is not in it: with everything else known,
// what was removed could be found from it by trying.
func restartHash(note, base int64) []byte {
	h := sha256.New()
	h.Write([]byte("konsil note rewritten"))
	var n [8]byte
	for _, v := range []int64{note, base} {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	return h.Sum(nil)
}
