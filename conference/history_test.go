package conference

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

var caseSections = CaseConference.Sections()

// writers type into the note of one conference as its home would write it down: one document, rows by tick and author.
type writers struct {
	h    *house
	conf uuid.UUID
	note Note
	doc  *ydoc.Doc
	head int64
	ids  map[uuid.UUID]uint64
}

func (h *house) writers(code string) *writers {
	h.t.Helper()
	w := &writers{h: h, doc: ydoc.New(), ids: map[uuid.UUID]uint64{}}
	w.conf = get[uuid.UUID](h, `select id from conference where code = $1`, code)
	var err error
	w.note, err = h.s.OpenNote(h.t.Context(), w.conf)
	h.must(err)
	w.head = w.note.Head
	for _, row := range w.note.Rows {
		u, err := ydoc.Decode(row.Data, ydoc.Limits{Bytes: 1 << 20, Structs: 1 << 16})
		h.must(err)
		_, err = w.doc.Apply(u)
		h.must(err)
	}
	return w
}

// edit makes a change in the document and gives the row that says so.
func (w *writers) edit(by account.Actor, section string, pos, del int, ins string) NoteRow {
	w.h.t.Helper()
	id, known := w.ids[by.ID]
	if !known {
		id = uint64(1000 + len(w.ids))
		w.ids[by.ID] = id
	}
	c, err := w.doc.Edit(id, "s:"+section, pos, del, ins)
	w.h.must(err)
	return NoteRow{Person: by.ID, At: w.h.clock, Data: w.doc.Encode(c)}
}

// save commits rows as one tick.
func (w *writers) save(rows ...NoteRow) {
	w.h.t.Helper()
	clients := map[uint64]uuid.UUID{}
	for person, id := range w.ids {
		clients[id] = person
	}
	left, err := w.h.s.AppendNotes(w.h.t.Context(), []NoteBatch{{Note: w.note.ID, Epoch: w.note.Epoch, Head: w.head, Rows: rows, Clients: clients}})
	w.h.must(err)
	w.h.must(left[0])
	w.head += int64(len(rows))
}

// flush writes the section texts, as the room does.
func (w *writers) flush() {
	w.h.t.Helper()
	texts := map[string]string{}
	for _, key := range w.note.Sections {
		texts[key] = w.doc.Text("s:" + key)
	}
	w.h.must(w.h.s.WriteSections(w.h.t.Context(), w.note.ID, w.head, texts))
}

// letter is a UTF-16 unit with its story, as the test keeps it.
type letter struct {
	code   uint16
	author uuid.UUID
	minute int64
}

func letters(text string, author uuid.UUID, at time.Time) []letter {
	var out []letter
	for _, code := range utf16.Encode([]rune(text)) {
		out = append(out, letter{code, author, at.Unix() / 60})
	}
	return out
}

func lettersOf(p Passage) []letter {
	var out []letter
	for _, r := range p.Runs {
		out = append(out, letters(r.Text, r.Author.Person, r.At)...)
	}
	return out
}

func passage(r Reading, key string) Passage {
	return r.Sections[slices.IndexFunc(r.Sections, func(p Passage) bool { return p.Key == key })]
}

// liveHouse is a live conference with Kern and Reimann in it.
func liveHouse(t *testing.T) (*house, string, uuid.UUID) {
	t.Helper()
	h := newHouse(t)
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	return h, code, caseID
}

func TestEveryCharacterHasItsAuthorAndTimeAtEveryMoment(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	r := rand.New(rand.NewPCG(2026, 11))
	people := []account.Actor{h.coordinator, h.caseworker, h.experts["Kern"], h.experts["Reimann"]}
	now := map[string][]letter{}
	past := []map[string][]letter{{}}
	for range 160 {
		h.clock = h.clock.Add(time.Duration(r.IntN(40)) * time.Second)
		by, key := people[r.IntN(len(people))], caseSections[r.IntN(3)]
		pos := r.IntN(len(now[key]) + 1)
		del := min(len(now[key])-pos, r.IntN(5)*r.IntN(3))
		ins := []string{"", "ä", "Schule ", "müde, ", "\n- [ ] Anruf"}[r.IntN(5)]
		row := w.edit(by, key, pos, del, ins)
		if ins == "" && del == 0 {
			continue
		}
		w.save(row)
		now[key] = slices.Replace(slices.Clone(now[key]), pos, pos+del, letters(ins, by.ID, h.clock)...)
		past = append(past, map[string][]letter{caseSections[0]: now[caseSections[0]], caseSections[1]: now[caseSections[1]], caseSections[2]: now[caseSections[2]]})
	}
	for seq := 0; seq < len(past); seq += 1 + r.IntN(20) {
		got, err := h.s.NoteAt(t.Context(), h.caseworker, code, int64(seq))
		h.must(err)
		if got.Seq != int64(seq) || got.Head != w.head {
			t.Fatalf("asked for %d of %d, got %d of %d", seq, w.head, got.Seq, got.Head)
		}
		for _, key := range caseSections {
			if !slices.Equal(lettersOf(passage(got, key)), past[seq][key]) {
				t.Fatalf("after row %d section %s is\n%+v, want\n%+v", seq, key, lettersOf(passage(got, key)), past[seq][key])
			}
		}
	}
	last, err := h.s.NoteAt(t.Context(), h.experts["Kern"], code, 1<<40)
	h.must(err)
	if last.Seq != w.head || passage(last, caseSections[0]).Text() != w.doc.Text("s:"+caseSections[0]) || len(last.Authors) != 4 {
		t.Errorf("the end: row %d of %d, %d authors", last.Seq, w.head, len(last.Authors))
	}
	for _, a := range last.Authors {
		if i := slices.IndexFunc(people, func(p account.Actor) bool { return p.ID == a.Person }); i < 0 || people[i].Name != a.Name || a.Short != account.Initials(a.Name) {
			t.Errorf("author %+v", a)
		}
	}
}

func TestRowsOfATickThatNeedEachOtherAreReadTogether(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	kern, reimann := h.experts["Kern"], h.experts["Reimann"]
	w.save(w.edit(kern, caseSections[0], 0, 0, "Anfang. "))
	first := w.edit(kern, caseSections[0], 8, 0, "Kern schreibt")
	second := w.edit(reimann, caseSections[0], 21, 0, " und Reimann ergänzt")
	w.save(second, first) // the row of the one who came later is first
	for seq, want := range map[int64]string{0: "", 1: "Anfang. ", 2: "Anfang. Kern schreibt und Reimann ergänzt", 3: "Anfang. Kern schreibt und Reimann ergänzt"} {
		r, err := h.s.NoteAt(t.Context(), kern, code, seq)
		h.must(err)
		if got := passage(r, caseSections[0]); got.Text() != want {
			t.Errorf("after row %d: %q", seq, got.Text())
		}
		if runs := passage(r, caseSections[0]).Runs; seq > 1 && (len(runs) != 2 || runs[0].Author.Name != kern.Name || runs[1].Author.Name != reimann.Name || r.Seq != 3) {
			t.Errorf("after row %d (reads %d): %+v", seq, r.Seq, runs)
		}
	}
	past, err := h.s.History(t.Context(), kern, code)
	h.must(err)
	if len(past.Moments) != 1 || past.Moments[0].Seq != 3 || past.Moments[0].Added != 41 || past.Moments[0].Size != 41 {
		t.Errorf("history: %+v", past)
	}
}

func TestHistoryIsToldInMoments(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	kern, reimann := h.experts["Kern"], h.experts["Reimann"]
	write := func(pause time.Duration, by account.Actor, section string, pos, del int, ins string) {
		h.clock = h.clock.Add(pause)
		w.save(w.edit(by, section, pos, del, ins))
	}
	write(0, kern, "decisions", 0, 0, "Probe")
	write(5*time.Second, kern, "decisions", 5, 0, "arbeit")
	write(time.Second, reimann, "dissent", 0, 0, "Nein.") // at the same time as the other
	write(40*time.Second, kern, "decisions", 0, 5, "")
	write(10*time.Second, reimann, "dissent", 5, 0, " Zu früh.")
	for range 6 {
		write(25*time.Second, reimann, "dissent", 0, 0, "x")
	}
	past, err := h.s.History(t.Context(), h.coordinator, code)
	h.must(err)
	var told []string
	for _, m := range past.Moments {
		var names []string
		for _, a := range m.Authors {
			names = append(names, a.Short)
		}
		told = append(told, fmt.Sprintf("%d %s %s +%d -%d =%d", m.Seq, strings.Join(names, ","), strings.Join(m.Sections, ","), m.Added, m.Removed, m.Size))
	}
	want := []string{
		"3 DK,DR decisions,dissent +16 -0 =16", "4 DK decisions +0 -5 =11", "9 DR dissent +13 -0 =24", "11 DR dissent +2 -0 =26",
	}
	for i := range want { // initials leave titles out
		want[i] = strings.NewReplacer("DK", account.Initials(kern.Name), "DR", account.Initials(reimann.Name)).Replace(want[i])
	}
	if !slices.Equal(told, want) {
		t.Errorf("moments:\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if past.Head != 11 {
		t.Errorf("head %d", past.Head)
	}
}

func TestNotesAreReadByThoseWhoMaySeeTheCaseNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.convene("Kern", "Reimann", "Voss")
	h.accept(code, "Kern", "Voss") // Reimann has not answered; Voss is not in the circle of the consent
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "decisions", 0, 0, secretWord))
	read := func(by account.Actor) (string, error) {
		r, err := h.s.NoteAt(ctx, by, code, 1)
		past, err2 := h.s.History(ctx, by, code)
		if (err == nil) != (err2 == nil) || err != nil && len(past.Moments) > 0 {
			t.Errorf("%s: note %v, history %v", by.Name, err, err2)
		}
		if err != nil {
			if len(r.Sections) > 0 {
				t.Errorf("%s reads %+v beside an error", by.Name, r)
			}
			return "", err
		}
		return passage(r, "decisions").Text(), nil
	}
	for _, by := range []account.Actor{h.caseworker, h.coordinator, h.experts["Kern"]} {
		if text, err := read(by); err != nil || text != secretWord {
			t.Errorf("%s: %q, %v", by.Name, text, err)
		}
	}
	for name, want := range map[string]error{"Reimann": account.ErrClosed, "Voss": account.ErrClosed} {
		if _, err := read(h.experts[name]); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, by := range []account.Actor{h.foreign, h.stranger} {
		if _, err := read(by); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", by.Name, err)
		}
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'view_notes' and case_id = $1`, caseID); n != 3 {
		t.Errorf("%d sightings are on record, want one for each reader", n)
	}
	_, err := h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	for _, by := range []account.Actor{h.caseworker, h.coordinator, h.experts["Kern"]} {
		if _, err := read(by); !errors.Is(err, account.ErrClosed) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("after the withdrawal %s: %v", by.Name, err)
		}
	}
}

// TestALongLogIsReadBack is about a log as a long conference leaves it, and says how long that takes.
func TestALongLogIsReadBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	doc, p := ydoc.New(), newReplay(caseSections)
	at := time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC)
	var rows []NoteRow
	pos := map[string]int{}
	for i := range 20_000 {
		key, client := caseSections[i/400%len(caseSections)], uint64(1+i/200%5)
		if r.IntN(200) == 0 {
			pos[key] = r.IntN(doc.Len("s:"+key) + 1)
		}
		c, err := doc.Edit(client, "s:"+key, pos[key], 0, "a")
		if err != nil {
			t.Fatal(err)
		}
		pos[key]++
		rows = append(rows, NoteRow{Seq: int64(i + 1), At: at.Add(time.Duration(i) * 100 * time.Millisecond), Data: doc.Encode(c)})
	}
	began := time.Now()
	for _, row := range rows {
		if s, err := p.apply(row); err != nil || len(s.rows) != 1 {
			t.Fatal(s, err)
		}
	}
	n := 0
	for _, key := range caseSections {
		passage := Passage{Key: key, Runs: p.written(key, func(uint64) Author { return Author{} })}
		if passage.Text() != doc.Text("s:"+key) {
			t.Errorf("section %s reads differently", key)
		}
		n += len(passage.Runs)
	}
	t.Logf("%d rows replayed and read as %d stretches in %v", len(rows), n, time.Since(began))
}
