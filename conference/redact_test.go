package conference

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// unitsOf names a passage of a section as a page does: all its characters, as they stand in the document.
func unitsOf(t *testing.T, doc *ydoc.Doc, section, words string) string {
	t.Helper()
	text := doc.Text("s:" + section)
	at := strings.Index(text, words)
	if at < 0 {
		t.Fatalf("%q does not say %q", text, words)
	}
	from := len(utf16.Encode([]rune(text[:at])))
	to := from + len(utf16.Encode([]rune(words)))
	var out []string
	pos := 0
	for _, r := range doc.Runs("s:" + section) {
		begin, end := max(from, pos), min(to, pos+int(r.Len))
		if begin < end {
			out = append(out, fmt.Sprintf("%d:%d:%d", r.Client, int(r.Clock)+begin-pos, end-begin))
		}
		pos += int(r.Len)
	}
	return strings.Join(out, " ")
}

// redactable is a live conference in which three people have written.
func redactable(t *testing.T) (h *house, code string, w *writers) {
	t.Helper()
	h, code, _ = liveHouse(t)
	w = h.writers(code)
	w.save(w.edit(h.caseworker, "assessment", 0, 0, "Frau Ütze 🙂 aus Kleinbürgen kommt."))
	h.clock = h.clock.Add(3 * time.Minute)
	w.save(w.edit(h.experts["Kern"], "assessment", 5, 0, "Änne "), w.edit(h.coordinator, "decisions", 0, 0, "Drei Stunden."))
	h.clock = h.clock.Add(5 * time.Minute)
	w.save(w.edit(h.coordinator, "decisions", 0, 5, "Vier ")) // "Drei " is in the log, not in the text
	w.flush()
	h.must(h.s.SnapshotNote(h.t.Context(), w.note.ID, w.head, w.doc.EncodeState()))
	return h, code, w
}

func TestARedactedPassageIsGoneAndTheRestKeepsItsAuthorsAndTimes(t *testing.T) {
	t.Parallel()
	h, code, w := redactable(t)
	ctx := t.Context()
	before, err := h.s.NoteAt(ctx, h.coordinator, code, 1<<40)
	h.must(err)
	h.clock = h.clock.Add(time.Minute)
	h.must(h.s.Redact(ctx, h.experts["Reimann"], code, "assessment", unitsOf(t, w.doc, "assessment", "Änne Ütze 🙂")))

	after, err := h.s.NoteAt(ctx, h.coordinator, code, 1<<40)
	h.must(err)
	if got := passage(after, "assessment").Text(); got != "Frau  aus Kleinbürgen kommt." {
		t.Fatalf("reads %q", got)
	}
	want := slices.Concat(letters("Frau ", h.caseworker.ID, before.At.Add(-8*time.Minute)), letters(" aus Kleinbürgen kommt.", h.caseworker.ID, before.At.Add(-8*time.Minute)))
	if got := lettersOf(passage(after, "assessment")); !slices.Equal(got, want) {
		t.Errorf("letters have other authors or times: %v", got)
	}
	if got, want := lettersOf(passage(after, "decisions")), lettersOf(passage(before, "decisions")); !slices.Equal(got, want) {
		t.Errorf("another section: %v, was %v", got, want)
	}
	if n := get[int](h, `select count(*) from note_snapshot`); n != 0 {
		t.Errorf("%d states from before are left", n)
	}
	if got := get[string](h, `select text from note_section where key = 'assessment'`); strings.Contains(got, "Ütze") {
		t.Errorf("the section's text still says %q", got)
	}
	marks := after.Redactions
	if len(marks) != 1 || marks[0].Section != "assessment" || marks[0].Name != "Dr. Reimann" || !marks[0].At.Equal(h.clock) {
		t.Errorf("marks: %+v", marks)
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'redact_note' and actor_id = $1 and reason = ''`, h.experts["Reimann"].ID); n != 1 {
		t.Errorf("%d audit entries", n)
	}
	if past, err := h.s.History(ctx, h.coordinator, code); err != nil || past.Head != get[int64](h, `select head_seq from note`) {
		t.Errorf("history: head %d, %v", past.Head, err)
	}
}

func TestAfterARedactionTheOldDocumentCanAppendNothing(t *testing.T) {
	t.Parallel()
	h, code, w := redactable(t)
	ctx := t.Context()
	late := w.edit(h.caseworker, "assessment", 0, 0, "Zu spät. ")
	state := w.doc.EncodeState()
	h.must(h.s.Redact(ctx, h.coordinator, code, "assessment", unitsOf(t, w.doc, "assessment", "Ütze")))
	left, err := h.s.AppendNotes(ctx, []NoteBatch{{Note: w.note.ID, Epoch: w.note.Epoch, Head: w.head, Rows: []NoteRow{late}}})
	h.must(err)
	if !errors.Is(left[0], ErrFenced) {
		t.Errorf("appending to the old log: %v", left[0])
	}
	h.must(h.s.SnapshotNote(ctx, w.note.ID, w.head, state))
	w.flush()
	if n := get[int](h, `select count(*) from note_snapshot`); n != 0 {
		t.Error("a state of the old document was kept")
	}
	if got := get[string](h, `select string_agg(text, '|') from note_section`); strings.Contains(got, "Ütze") || strings.Contains(got, "Zu spät") {
		t.Errorf("texts of the old document were kept: %q", got)
	}
	n, err := h.s.OpenNote(ctx, w.conf)
	h.must(err)
	if n.Base <= w.head || n.Head < n.Base || n.Retired[w.ids[h.caseworker.ID]] == 0 {
		t.Errorf("base %d, head %d after %d, retired %v", n.Base, n.Head, w.head, n.Retired)
	}
	for client := range n.Retired {
		for _, row := range n.Rows {
			u, err := ydoc.Decode(row.Data, ydoc.Limits{Bytes: 1 << 20, Structs: 1 << 16})
			h.must(err)
			if slices.ContainsFunc(u.Inserts(), func(r ydoc.Range) bool { return r.Client == client }) {
				t.Errorf("client %d writes on in the new log", client)
			}
		}
	}
	again := h.writers(code)
	again.ids = map[uuid.UUID]uint64{h.caseworker.ID: 77001}
	again.save(again.edit(h.caseworker, "assessment", 0, 0, "Weiter. "))
	h.must(h.s.Redact(ctx, h.coordinator, code, "assessment", unitsOf(t, again.doc, "assessment", "Kleinbürgen")))
	r, err := h.s.NoteAt(ctx, h.coordinator, code, 1<<40)
	h.must(err)
	if got := passage(r, "assessment").Text(); got != "Weiter. Frau Änne  🙂 aus  kommt." || len(r.Redactions) != 2 {
		t.Errorf("after a second one: %q, %d marks", got, len(r.Redactions))
	}
}

func TestARedactionThatDoesNotFitChangesNothing(t *testing.T) {
	t.Parallel()
	h, code, w := redactable(t)
	ctx := t.Context()
	whole := unitsOf(t, w.doc, "assessment", "aus Kleinbürgen")
	w.save(w.edit(h.experts["Kern"], "assessment", strings.Index(w.doc.Text("s:assessment"), "Kleinbürgen")-7, 0, "Groß"))
	good := unitsOf(t, w.doc, "assessment", "kommt")
	smile := strings.Split(unitsOf(t, w.doc, "assessment", "🙂"), ":")
	head := get[int64](h, `select head_seq from note`)
	for _, c := range []struct {
		name, section, units string
		by                   account.Actor
		want                 error
	}{
		{"somebody wrote into it", "assessment", whole, h.coordinator, account.ErrConflict},
		{"it stands elsewhere", "decisions", good, h.coordinator, account.ErrConflict},
		{"half a character", "assessment", smile[0] + ":" + smile[1] + ":1", h.coordinator, account.ErrConflict},
		{"nothing of the kind", "assessment", "4711:0:3", h.coordinator, account.ErrConflict},
		{"from another Jobcenter", "assessment", good, h.foreign, account.ErrNotFound},
		{"from another network", "assessment", good, h.stranger, account.ErrNotFound},
		{"was not asked", "assessment", good, h.experts["Voss"], account.ErrNotFound},
	} {
		if err := h.s.Redact(ctx, c.by, code, c.section, c.units); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, units := range []string{"", "1:2", "1:2:0", "a:b:c", "1:-2:3", strings.Repeat("1:1:1 ", maxCut+1), "1:2147483648:1"} {
		var invalid *account.InvalidError
		if err := h.s.Redact(ctx, h.coordinator, code, "assessment", units); !errors.As(err, &invalid) {
			t.Errorf("units %.20q: %v", units, err)
		}
	}
	if now := get[int64](h, `select head_seq from note`); now != head || get[int](h, `select count(*) from note_redaction`) != 0 {
		t.Errorf("head %d, was %d", now, head)
	}
	h.must(h.s.End(ctx, h.coordinator, code))
	if err := h.s.Redact(ctx, h.coordinator, code, "assessment", good); !errors.Is(err, account.ErrConflict) {
		t.Errorf("after the end: %v", err)
	}
}

func TestWordsAreRedactedWhileTheMinutesAreADraft(t *testing.T) {
	t.Parallel()
	h, code, w := redactable(t)
	ctx := t.Context()
	w.save(w.edit(h.experts["Kern"], "dissent", 0, 0, "Ütze 🙂 Ütze-Ütze, ütze"))
	w.flush()
	if err := h.s.RedactWords(ctx, h.coordinator, code, "Ütze"); !errors.Is(err, account.ErrConflict) {
		t.Errorf("in the room: %v", err)
	}
	h.must(h.s.End(ctx, h.coordinator, code))
	var invalid *account.InvalidError
	if err := h.s.RedactWords(ctx, h.coordinator, code, "ÜTZE"); !errors.As(err, &invalid) || invalid.Rule != "not_there" {
		t.Errorf("words that are not there: %v", err)
	}
	if err := h.s.RedactWords(ctx, h.experts["Kern"], code, "Ütze"); !errors.Is(err, account.ErrDenied) {
		t.Errorf("somebody who does not write the minutes: %v", err)
	}
	h.must(h.s.RedactWords(ctx, h.caseworker, code, " Ütze "))
	m, _, err := h.s.Minutes(ctx, h.coordinator, code)
	h.must(err)
	got := map[string]string{}
	for _, n := range m.Body.Notes {
		got[n.Key] = n.Text
	}
	if got["assessment"] != "Frau Änne  🙂 aus Kleinbürgen kommt." || got["dissent"] != " 🙂 -, ütze" || len(m.Body.Redactions) != 4 {
		t.Errorf("notes %q, marks %+v", got, m.Body.Redactions)
	}
	h.must(h.s.Minute(ctx, h.coordinator, code, "Drei Stunden."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	if err := h.s.RedactWords(ctx, h.caseworker, code, "ütze"); !errors.Is(err, account.ErrConflict) {
		t.Errorf("from approved minutes: %v", err)
	}
}

func TestAllThatIsLeftOfANoteMayBeNothing(t *testing.T) {
	t.Parallel()
	h, code, _ := liveHouse(t)
	w := h.writers(code)
	w.save(w.edit(h.caseworker, "assessment", 0, 0, "alles"))
	h.must(h.s.Redact(t.Context(), h.caseworker, code, "assessment", unitsOf(t, w.doc, "assessment", "alles")))
	w.flush()
	n, err := h.s.OpenNote(t.Context(), w.conf)
	h.must(err)
	if len(n.Rows) != 0 || n.Head != n.Base || get[string](h, `select string_agg(text, '') from note_section`) != "" {
		t.Errorf("%d rows, head %d, base %d", len(n.Rows), n.Head, n.Base)
	}
}

// inFiles counts the files of the cluster, and beside it, that hold any of the words.
func inFiles(t *testing.T, dir string, words ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the server works meanwhile
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, word := range words {
			if bytes.Contains(data, []byte(word)) {
				found = append(found, strings.TrimPrefix(path, dir)+": "+word)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAfterThePurgeNoFileOfTheClusterHoldsTheRedactedWords(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_DATABASE_URL") != "" {
		t.Skip("SKIPPED: the files of another server cannot be searched")
	}
	ctx := t.Context()
	h, code, w := redactable(t)
	const first, second = "Qärnwolxa", "Zumpfbrögg"
	h.clock = h.clock.Add(time.Minute)
	for i, word := range []string{first, second} { // at once, as a note that was pasted
		w.save(w.edit(h.caseworker, "assessment", i*len(utf16.Encode([]rune(first))), 0, word))
	}
	w.flush()
	h.must(h.s.SnapshotNote(ctx, w.note.ID, w.head, w.doc.EncodeState()))
	h.exec(`alter table note_section alter text set statistics 100`) // as it was before the migration
	h.exec(`analyze note_section`)
	h.exec(`alter table note_section alter text set statistics 0`)
	if n := get[int](h, `select count(*) from pg_stats where tablename = 'note_section' and most_common_vals::text || histogram_bounds::text like '%' || $1 || '%'`, first); n != 1 {
		t.Errorf("control: %d samples of the section", n)
	}
	dir := pgtest.Files(t, h.db)
	if found := inFiles(t, dir, first, second); len(found) < 4 {
		t.Fatalf("control: before, the words are in %v only", found)
	}
	h.must(h.s.Redact(ctx, h.caseworker, code, "assessment", unitsOf(t, w.doc, "assessment", first+second)))
	pgtest.Files(t, h.db)
	if found := inFiles(t, dir, first, second); len(found) == 0 {
		t.Error("control: without the purge the words are gone as well, so nothing is proved by their absence after it")
	}
	logs, err := h.s.Purge(ctx)
	h.must(err)
	if !logs {
		t.Error("the private cluster does not let its logs be dropped")
	}
	if found := inFiles(t, dir, first, second, strings.ToLower(first), strings.ToLower(second), "qarnwolxa", "qaernwolxa", "zumpfbroegg", "zumpfbrogg"); len(found) > 0 {
		t.Errorf("after the purge: %v", found)
	}
	if n := get[int](h, `select count(*) from note_redaction where purged_at is null`); n != 0 {
		t.Error("the purge is not on record")
	}
	if got := get[string](h, `select text from note_section where key = 'assessment'`); !strings.HasPrefix(got, "Frau ") {
		t.Errorf("what is left reads %q", got)
	}
}

func TestThePurgeWaitsForThoseWhoStillSeeTheOldNote(t *testing.T) {
	t.Parallel()
	h, code, w := redactable(t)
	tx, err := h.db.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	h.must(err)
	var one int
	h.must(tx.QueryRow(t.Context(), `select 1`).Scan(&one)) // from here on it sees what there is now
	h.must(h.s.Redact(t.Context(), h.caseworker, code, "assessment", unitsOf(t, w.doc, "assessment", "Ütze")))
	if _, err := h.s.Purge(t.Context()); !errors.Is(err, ErrPurgeWaits) {
		t.Errorf("purged under somebody's eyes: %v", err)
	}
	h.must(tx.Rollback(t.Context()))
	if _, err := h.s.Purge(t.Context()); err != nil || get[int](h, `select count(*) from note_redaction where purged_at is null`) != 0 {
		t.Errorf("afterwards: %v", err)
	}
}
