package conference

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// History tells how the note of a conference came to be, from its log. It is for those who may see the case now, and looking
// is recorded. Errors: ErrNotFound, ErrClosed.
func (s *Store) History(ctx context.Context, by account.Actor, code string) (History, error) {
	var h History
	err := s.readLog(ctx, by, code, func(l noteLog) error {
		h.Head = l.head
		p := newReplay(l.sections)
		for _, row := range l.rows {
			done, err := p.apply(row)
			if err != nil {
				return err
			}
			if len(done.rows) > 0 {
				h.append(done, l.author)
			}
		}
		return p.complete()
	})
	if err != nil {
		return History{}, fmt.Errorf("history: %w", err)
	}
	return h, nil
}

// NoteAt reads the note of a conference as it stood after row seq: what each section said, who had written which part of it,
// and when. A seq outside the log means its beginning, before the first row, or its end. Within rows that were written at one
// and the same time the reading may go on to the last of them; Reading.Seq says how far. It is for those who may see the case
// now, and looking is recorded. Errors: ErrNotFound, ErrClosed.
func (s *Store) NoteAt(ctx context.Context, by account.Actor, code string, seq int64) (Reading, error) {
	var r Reading
	err := s.readLog(ctx, by, code, func(l noteLog) error {
		p := newReplay(l.sections)
		for _, row := range l.rows {
			if row.Seq > seq && len(p.held) == 0 {
				break
			}
			if _, err := p.apply(row); err != nil {
				return err
			}
			r.Seq, r.At = row.Seq, row.At
		}
		if err := p.complete(); err != nil {
			return err
		}
		r.Conference, r.Head, r.Redactions = l.conference, l.head, l.redactions
		for _, key := range l.sections {
			runs := p.written(key, func(client uint64) Author { return l.author(l.clients[client]) })
			r.Sections = append(r.Sections, Passage{key, runs})
			r.meet(runs)
		}
		return nil
	})
	if err != nil {
		return Reading{}, fmt.Errorf("note: %w", err)
	}
	return r, nil
}

// meet adds the authors of runs who are new.
func (r *Reading) meet(runs []Written) {
	for _, w := range runs {
		if w.Author.Person != uuid.Nil && !slices.Contains(r.Authors, w.Author) {
			r.Authors = append(r.Authors, w.Author)
		}
	}
}

// noteLog is everything that was ever written in a note.
type noteLog struct {
	conference Conference
	head       int64
	sections   []string
	rows       []NoteRow
	clients    map[uint64]uuid.UUID
	author     func(person uuid.UUID) Author
	redactions []Redaction
}

// readLog hands the log of a note to read if the actor may see the case now.
func (s *Store) readLog(ctx context.Context, by account.Actor, code string, read func(noteLog) error) error {
	var l noteLog
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if l, err = logOf(ctx, tx, v); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_notes", v.Code)
	})
	if err != nil {
		return err
	}
	return read(l) // no connection is held while it reckons
}

// logOf reads rows before clients: whoever is named by a row that was read is then known.
func logOf(ctx context.Context, tx pgx.Tx, v View) (noteLog, error) {
	l := noteLog{conference: v.Conference}
	var note int64
	err := tx.QueryRow(ctx, `select id, sections from note where conference_id = $1`, v.ID).Scan(&note, &l.sections)
	if isNone(err) {
		return l, account.ErrNotFound
	}
	if err != nil {
		return l, err
	}
	if l.rows, err = noteRows(ctx, tx, note, 0); err != nil {
		return l, err
	}
	if n := len(l.rows); n > 0 {
		l.head = l.rows[n-1].Seq
	}
	if l.clients, _, err = noteClients(ctx, tx, note); err != nil {
		return l, err
	}
	if l.redactions, err = redactions(ctx, tx, v.ID); err != nil {
		return l, err
	}
	names, err := authorNames(ctx, tx, note)
	l.author = authors(names, v.Seats)
	return l, err
}

func authorNames(ctx context.Context, tx pgx.Tx, note int64) (map[uuid.UUID]string, error) {
	rows, err := tx.Query(ctx, `
		select a.id, a.name from account a
		where a.id in (select account_id from note_client where note_id = $1 union select account_id from note_update where note_id = $1)`, note)
	if err != nil {
		return nil, err
	}
	names := map[uuid.UUID]string{}
	var id uuid.UUID
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	return names, err
}
