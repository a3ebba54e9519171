package conference

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/konsil-server/konsil/expertpool/account"
)

// AppendNotes appends to several notes, committed when it returns: then, and only then, are the rows saved. The first result has
// an error for each batch that was left out (ErrFenced, or ErrClosed when sealed); the others are in. A second result means that
// it is unknown which are.
//
// This runs many times a second, and a round trip costs as much as the writing. Where the head of each note is known from the
// time before, one statement compares it and appends; a note whose head is not what was known is read and tried once more.
func (s *Store) AppendNotes(ctx context.Context, batches []NoteBatch) ([]error, error) {
	left := make([]error, len(batches))
	todo := make([]int, len(batches)) // in the order of note ids, so that two writers hardly ever block each other
	for i := range todo {
		todo[i] = i
	}
	slices.SortFunc(todo, func(a, b int) int { return cmp.Compare(batches[a].Note, batches[b].Note) })
	heads := s.ends.of(batches)
	for range 2 {
		var err error
		if todo, err = s.tellHeads(ctx, batches, heads, todo, left); err != nil {
			return nil, fmt.Errorf("append notes: %w", err)
		}
		if todo, err = s.extend(ctx, batches, heads, todo); err != nil {
			return nil, fmt.Errorf("append notes: %w", err)
		}
		if len(todo) == 0 {
			return left, nil
		}
	}
	for _, i := range todo {
		left[i] = ErrFenced
	}
	return left, nil
}

// noteHead is the end of a note's log; a nil *noteHead is not known.
type noteHead struct {
	seq  int64
	hash []byte
}

// noteEnds remembers the heads of the notes that were last appended to. It may be wrong: the database compares.
type noteEnds struct {
	mu   sync.Mutex
	ends map[int64]*noteHead
}

// mostEnds bounds what is remembered, at some hundred bytes each; notes that are live together are far fewer.
const mostEnds = 4096

func (e *noteEnds) of(batches []NoteBatch) []*noteHead {
	e.mu.Lock()
	defer e.mu.Unlock()
	heads := make([]*noteHead, len(batches))
	for i, b := range batches {
		if h := e.ends[b.Note]; h != nil && h.seq == b.Head {
			heads[i] = h
		}
	}
	return heads
}

func (e *noteEnds) set(note int64, h *noteHead) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ends == nil || len(e.ends) >= mostEnds {
		e.ends = map[int64]*noteHead{}
	}
	e.ends[note] = h
}

// tellHeads reads the heads that are not known, and returns what can still be appended to; left gets why the rest cannot.
func (s *Store) tellHeads(ctx context.Context, batches []NoteBatch, heads []*noteHead, todo []int, left []error) ([]int, error) {
	var b pgx.Batch
	for _, i := range todo {
		if heads[i] != nil {
			continue
		}
		left[i] = ErrFenced // nor is there a note any more
		b.Queue(`select epoch, head_seq, head_hash, state = 'sealed' from note where id = $1`, batches[i].Note).Query(func(rows pgx.Rows) error {
			var h noteHead
			var epoch int64
			var sealed bool
			_, err := pgx.ForEachRow(rows, []any{&epoch, &h.seq, &h.hash, &sealed}, func() error {
				left[i] = nil
				switch {
				case sealed:
					left[i] = account.Refuse(account.ErrClosed, "note_sealed")
				case epoch != batches[i].Epoch || h.seq != batches[i].Head:
					left[i] = ErrFenced
				}
				heads[i] = &noteHead{h.seq, bytes.Clone(h.hash)}
				return nil
			})
			return err
		})
	}
	if b.Len() > 0 {
		if err := s.DB.SendBatch(ctx, &b).Close(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(todo, func(i int) bool { return left[i] != nil }), nil
}

// extend appends to the notes whose heads are what is known, and returns the others, whose heads are not known any more.
func (s *Store) extend(ctx context.Context, batches []NoteBatch, heads []*noteHead, todo []int) ([]int, error) {
	if len(todo) == 0 {
		return nil, nil
	}
	var b pgx.Batch
	var rows noteColumns
	var from, to headColumns
	for _, i := range todo {
		end := rows.chain(batches[i], heads[i].hash)
		from.add(batches[i], heads[i])
		to.add(batches[i], end)
	}
	held := map[int64]bool{}
	b.Queue(`
		with told as (
			select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bytea[])
				as t (id, epoch, seq, hash, next_seq, next_hash)
		), held as (
			update note n set head_seq = t.next_seq, head_hash = t.next_hash
			from told t
			where n.id = t.id and n.epoch = t.epoch and n.head_seq = t.seq and n.head_hash = t.hash and n.state = 'open'
			returning n.id
		), appended as (
			insert into note_update (note_id, seq, account_id, session_id, at, data, hash)
			select u.* from unnest($7::bigint[], $8::bigint[], $9::uuid[], $10::uuid[], $11::timestamptz[], $12::bytea[], $13::bytea[])
				as u (note_id, seq, account_id, session_id, at, data, hash)
			join held on held.id = u.note_id
		)
		select id from held`,
		from.note, from.epoch, from.seq, from.hash, to.seq, to.hash,
		rows.note, rows.seq, rows.person, rows.session, rows.at, rows.data, rows.hash).Query(func(r pgx.Rows) error {
		var id int64
		_, err := pgx.ForEachRow(r, []any{&id}, func() error { held[id] = true; return nil })
		return err
	})
	for k, i := range todo {
		batches[i].bind(&b, to.end(k))
	}
	// Without a begin the statements of a batch are one transaction, which ends with it.
	if err := s.DB.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	var missed []int
	for k, i := range todo {
		if heads[i] = nil; held[batches[i].Note] {
			s.ends.set(batches[i].Note, to.end(k))
		} else {
			missed = append(missed, i)
		}
	}
	return missed, nil
}

// headColumns are heads of notes, column by column.
type headColumns struct {
	note, epoch, seq []int64
	hash             [][]byte
}

func (c *headColumns) add(b NoteBatch, h *noteHead) {
	c.note, c.epoch, c.seq, c.hash = append(c.note, b.Note), append(c.epoch, b.Epoch), append(c.seq, h.seq), append(c.hash, h.hash)
}

func (c *headColumns) end(i int) *noteHead { return &noteHead{c.seq[i], c.hash[i]} }

// begin queues the log of a note from the row after b.Head on, whose chain begins with hash. The caller has the lock on the note,
// and no rows are there.
func (b NoteBatch) begin(q *pgx.Batch, hash []byte) {
	var rows noteColumns
	end := rows.chain(b, hash)
	q.Queue(`update note set head_seq = $2, head_hash = $3 where id = $1`, b.Note, end.seq, end.hash)
	b.bind(q, end)
	q.Queue(`
		insert into note_update (note_id, seq, account_id, session_id, at, data, hash)
		select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::bytea[])`,
		rows.note, rows.seq, rows.person, rows.session, rows.at, rows.data, rows.hash)
}

// bind queues the client ids that are new, for a note that has got this end just before.
func (b NoteBatch) bind(q *pgx.Batch, end *noteHead) {
	for client, person := range b.Clients {
		q.Queue(`
			insert into note_client (note_id, client, account_id)
			select id, $2, $3 from note where id = $1 and head_seq = $4 and head_hash = $5
			on conflict do nothing`, b.Note, int64(client), uuidOf(person), end.seq, end.hash)
	}
}

// noteColumns are the rows of all notes, column by column, for one statement to take. UUIDs are of the type that pgx encodes
// without a detour through text.
type noteColumns struct {
	note, seq       []int64
	person, session []pgtype.UUID
	at              []time.Time
	data, hash      [][]byte
}

// chain gives the rows of a note their numbers and hashes, and returns where they end.
func (c *noteColumns) chain(n NoteBatch, hash []byte) *noteHead {
	seq := n.Head
	for _, r := range n.Rows {
		seq++
		r.Seq, r.At = seq, r.At.UTC().Truncate(time.Microsecond)
		hash = rowHash(hash, n.Note, r)
		c.note, c.seq = append(c.note, n.Note), append(c.seq, seq)
		c.person, c.session = append(c.person, uuidOf(r.Person)), append(c.session, uuidOf(r.Session))
		c.at, c.data, c.hash = append(c.at, r.At), append(c.data, r.Data), append(c.hash, hash)
	}
	return &noteHead{seq, hash}
}

// rowHash chains the rows: SHA-256(previous ‖ note ‖ seq ‖ person ‖ at ‖ data).
func rowHash(prev []byte, note int64, r NoteRow) []byte {
	h := sha256.New()
	h.Write(prev)
	var n [8]byte
	for _, v := range []int64{note, r.Seq, r.At.UnixMicro()} {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	h.Write(r.Person[:])
	h.Write(r.Data)
	return h.Sum(nil)
}

// uuidOf is null for nobody.
func uuidOf(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != uuid.Nil} }
