package conference

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// Author is who wrote in a note. Whoever is nobody's account is the server, with a nil Person and no name.
type Author struct {
	Person      uuid.UUID
	Name, Short string
	Color       int // 0…7, by seat, as in the room
}

// Moment is a stretch of writing, as somebody who leafs through a note would call it one.
type Moment struct {
	Seq            int64 // of its last row: NoteAt shows the note as it stood then
	From, At       time.Time
	Authors        []Author // in the order in which they began
	Sections       []string // that they wrote in
	Added, Removed int      // UTF-16 units
	Size           int      // of all sections at its end, in UTF-16 units
}

// History is the way of a note from empty to what it says.
type History struct {
	Head    int64 // last committed row
	Moments []Moment
}

// Reading is a note as it stood after one of its rows.
type Reading struct {
	Conference
	Seq, Head int64
	At        time.Time // of the row; zero before the first one
	Sections  []Passage // all, also those that are empty
	Authors   []Author  // of what can be read, in reading order, each once

	Redactions []Redaction // what is not to be read any more, at any row
}

// Passage is a section of a reading.
type Passage struct {
	Key  string
	Runs []Written
}

// Written is a stretch of text that one person wrote within one minute.
type Written struct {
	Text   string
	Author Author
	At     time.Time // when the first character of it came
}

// Text is what the section says.
func (p Passage) Text() string {
	var text string
	for _, r := range p.Runs {
		text += r.Text
	}
	return text
}

// noteRoot is the name of a section's text within the document of the note.
func noteRoot(section string) string { return "s:" + section }

// heldRows is how many rows may wait for a later one. The rows of a tick may build on each other in both directions; there
// is one for each person who typed within a few hundredths of a second.
const heldRows = 256

// replay reads a log row by row. It keeps what the document itself does not: when each character came.
type replay struct {
	doc      *ydoc.Doc
	sections []string
	arrived  map[uint64][]arrival // by client, ascending
	held     []NoteRow            // rows that build on one that is still to come
	updates  []*ydoc.Update       // of held
}

// arrival says that the client's units from clock on, until the next arrival, came at a time.
type arrival struct {
	clock uint32
	at    time.Time
}

// stride is what one or, when they need each other, a few rows did.
type stride struct {
	rows           []NoteRow
	sections       []string
	added, removed int
	size           int
}

func newReplay(sections []string) *replay {
	return &replay{doc: ydoc.New(), sections: sections, arrived: map[uint64][]arrival{}}
}

// apply goes on by one row. Without rows in the stride it waits for those that this one builds on.
func (p *replay) apply(row NoteRow) (stride, error) {
	// Rows were checked when they were written, so they are trusted further than what comes from a browser.
	u, err := ydoc.Decode(row.Data, ydoc.Limits{Bytes: 64 << 20, Structs: 16 << 20})
	if err != nil {
		return stride{}, fmt.Errorf("row %d: %w", row.Seq, err)
	}
	p.held, p.updates = append(p.held, row), append(p.updates, u)
	before := p.size()
	change, err := p.doc.ApplyAll(p.updates)
	if errors.Is(err, ydoc.ErrMissing) && len(p.held) < heldRows {
		return stride{}, nil
	}
	if err != nil {
		return stride{}, fmt.Errorf("row %d: %w", row.Seq, err)
	}
	for i, u := range p.updates {
		p.arrive(u, p.held[i].At)
	}
	done := stride{rows: p.held, size: p.size()}
	for _, r := range change.Deleted {
		done.removed += int(r.Len)
	}
	done.added = done.size - before + done.removed
	for _, root := range p.doc.RootsOf(change) {
		if i := slices.IndexFunc(p.sections, func(key string) bool { return noteRoot(key) == root }); i >= 0 {
			done.sections = append(done.sections, p.sections[i])
		}
	}
	p.held, p.updates = nil, nil
	return done, nil
}

// complete says that no row waits for one that never came.
func (p *replay) complete() error {
	if len(p.held) > 0 {
		return fmt.Errorf("row %d builds on something that is not in the log", p.held[0].Seq)
	}
	return nil
}

// arrive remembers when the units of an update came; of what came twice, the first time.
func (p *replay) arrive(u *ydoc.Update, at time.Time) {
	for _, r := range u.Inserts() {
		known := p.arrived[r.Client]
		if n := len(known); n > 0 && (known[n-1].clock >= r.Clock || known[n-1].at.Equal(at)) {
			continue
		}
		p.arrived[r.Client] = append(known, arrival{r.Clock, at})
	}
}

func (p *replay) size() int {
	n := 0
	for _, key := range p.sections {
		n += p.doc.Len(noteRoot(key))
	}
	return n
}

// written reads a section: who wrote what, and when.
func (p *replay) written(key string, authorOf func(client uint64) Author) []Written {
	var out []Written
	for _, rest := range p.doc.Runs(noteRoot(key)) {
		author := authorOf(rest.Client)
		for rest.Len > 0 {
			var run ydoc.Run
			var at time.Time
			run, rest, at = p.first(rest)
			if n := len(out); n > 0 && out[n-1].Author.Person == author.Person && minute(out[n-1].At) == minute(at) {
				out[n-1].Text += run.Text
				continue
			}
			out = append(out, Written{run.Text, author, at})
		}
	}
	return out
}

// first cuts off what of a run came at the same time as its first unit.
func (p *replay) first(r ydoc.Run) (first, rest ydoc.Run, at time.Time) {
	came := p.arrived[r.Client]
	i, found := slices.BinarySearchFunc(came, r.Clock, func(a arrival, clock uint32) int { return int(int64(a.clock) - int64(clock)) })
	if !found {
		i--
	}
	n := r.Len
	if i+1 < len(came) {
		n = min(n, came[i+1].clock-r.Clock)
	}
	if i >= 0 {
		at = came[i].at
	}
	first, rest = r.Cut(n)
	return first, rest, at
}

func minute(t time.Time) int64 { return t.Unix() / 60 }

// What belongs to one moment: no long pause, nobody new unless they write at the same time, and not for too long.
const (
	momentPause    = 30 * time.Second
	momentTogether = 2 * time.Second
	momentLength   = 2 * time.Minute
)

// append adds what rows did to the last moment, or begins another.
func (h *History) append(s stride, authorOf func(person uuid.UUID) Author) {
	for _, r := range s.rows {
		if !h.continues(r) {
			h.Moments = append(h.Moments, Moment{From: r.At})
		}
		m := &h.Moments[len(h.Moments)-1]
		m.Seq, m.At = r.Seq, r.At
		if !slices.ContainsFunc(m.Authors, func(a Author) bool { return a.Person == r.Person }) {
			m.Authors = append(m.Authors, authorOf(r.Person))
		}
	}
	m := &h.Moments[len(h.Moments)-1]
	m.Added, m.Removed, m.Size = m.Added+s.added, m.Removed+s.removed, s.size
	for _, key := range s.sections {
		if !slices.Contains(m.Sections, key) {
			m.Sections = append(m.Sections, key)
		}
	}
}

func (h *History) continues(r NoteRow) bool {
	if len(h.Moments) == 0 {
		return false
	}
	m := h.Moments[len(h.Moments)-1]
	pause := r.At.Sub(m.At)
	known := slices.ContainsFunc(m.Authors, func(a Author) bool { return a.Person == r.Person })
	return (known && pause <= momentPause || pause <= momentTogether) && r.At.Sub(m.From) <= momentLength
}

// authors names those who may have written in a note.
func authors(names map[uuid.UUID]string, seats []Seat) func(person uuid.UUID) Author {
	return func(person uuid.UUID) Author {
		if person == uuid.Nil {
			return Author{}
		}
		return Author{person, names[person], account.Initials(names[person]), colorOf(person, seats)}
	}
}
