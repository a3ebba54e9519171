//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// ledger is the log as the database has it, read row by row.
type ledger struct {
	doc    *ydoc.Doc
	head   int64
	next   map[uint64]uint32 // client id → clock that its next row must begin with
	writer map[uint64]string // client id → account
	tokens map[string]int    // what strokes typed → how often rows have it
}

// typed finds the tokens of strokes in a row: text stands in updates as it is.
var typed = regexp.MustCompile(`<[a-z]\d+(?:ä|🙂)?>`)

// read takes the rows that are new. Each character is in exactly one row, and that row is its writer's. q sees one moment of
// the database.
func (l *ledger) read(ctx context.Context, q pgx.Tx) error {
	rows, err := q.Query(ctx, `select seq, account_id::text, data from note_update where seq > $1 order by seq`, l.head)
	if err != nil {
		return err
	}
	var seq int64
	var account *string
	var data []byte
	var all [][]byte
	_, err = pgx.ForEachRow(rows, []any{&seq, &account, &data}, func() error {
		if l.head++; seq != l.head {
			return fmt.Errorf("row %d follows row %d", seq, l.head-1)
		}
		all = append(all, append([]byte(nil), data...))
		return l.book(seq, account, data)
	})
	if err != nil {
		return err
	}
	var head int64
	if err := q.QueryRow(ctx, `select max(head_seq) from note`).Scan(&head); err != nil {
		return err
	}
	if head != l.head {
		return fmt.Errorf("the note's head is %d, its last row %d", head, l.head)
	}
	return apply(l.doc, all)
}

func (l *ledger) book(seq int64, account *string, data []byte) error {
	u, err := ydoc.Decode(data, ydoc.Limits{})
	if err != nil {
		return fmt.Errorf("row %d: %w", seq, err)
	}
	for _, token := range typed.FindAll(data, -1) {
		l.tokens[string(token)]++
	}
	for _, r := range u.Inserts() {
		if l.next[r.Client] != r.Clock {
			return fmt.Errorf("row %d has clock %d of client %d after clock %d", seq, r.Clock, r.Client, l.next[r.Client])
		}
		l.next[r.Client] += r.Len
		if account == nil || l.writer[r.Client] != *account {
			return fmt.Errorf("row %d says another writer than client %d belongs to", seq, r.Client)
		}
	}
	return nil
}

func apply(doc *ydoc.Doc, updates [][]byte) error {
	all := make([]*ydoc.Update, len(updates))
	for i, data := range updates {
		var err error
		if all[i], err = ydoc.Decode(data, ydoc.Limits{}); err != nil {
			return err
		}
	}
	_, err := doc.ApplyAll(all)
	return err
}

// shows expects that updates are no news to the log.
func (l *ledger) shows(updates []*ydoc.Update) error {
	change, err := l.doc.ApplyAll(updates)
	if err != nil {
		return err
	}
	if !change.Empty() {
		return fmt.Errorf("inserted %v, deleted %v", change.Inserted, change.Deleted)
	}
	return nil
}

// missing counts the strokes that were acknowledged and are news to the log.
func (l *ledger) missing(s *scribe, saved []*stroke) (n int) {
	for _, w := range saved {
		u, err := ydoc.Decode(w.update, ydoc.Limits{})
		var change ydoc.Change
		if err == nil {
			change, err = l.doc.Apply(u)
		}
		if err != nil && !errors.Is(err, ydoc.ErrMissing) {
			s.t.Errorf("a stroke of %s cannot be read: %v", s.name, err)
		}
		if err != nil || !change.Empty() {
			n++
		}
	}
	return n
}
