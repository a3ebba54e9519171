package conference

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
)

// ErrFenced says that somebody else has opened the note since, or that its head is not where the writer believes. What was
// to be appended is not there.
var ErrFenced = errors.New("note is held by another")

// Note is the log of a conference's shared notes, as it is read when the note is opened.
type Note struct {
	ID, Epoch, Head int64
	Base            int64 // the log begins after this sequence: it rises when a passage is removed, see Redact
	Sections        []string
	Sealed          bool
	Upto            int64  // the state holds every row up to this one
	State           []byte // newest snapshot; nil: none
	Rows            []NoteRow
	Clients         map[uint64]uuid.UUID // also those retired
	Retired         map[uint64]uint32    // client ids from before Base: how many units of them the log had
}

// NoteRow is what one author wrote in one tick. A nil Person is the server.
type NoteRow struct {
	Seq             int64
	Person, Session uuid.UUID
	At              time.Time
	Data            []byte
}

// NoteBatch is what is to follow the head of one note.
type NoteBatch struct {
	Note, Epoch, Head int64
	Rows              []NoteRow
	Clients           map[uint64]uuid.UUID // bound for the first time
}

// OpenNote claims the note of a conference by raising its epoch, so that whoever held it before can append no more, and then
// reads it. Who opens it first finds in it what its sections begin with: the server writes that, once, as a row of nobody.
func (s *Store) OpenNote(ctx context.Context, conference uuid.UUID) (Note, error) {
	var n Note
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			update note set epoch = epoch + 1
			where conference_id = $1
			returning id, epoch, head_seq, base_seq, sections, state = 'sealed'`, conference).
			Scan(&n.ID, &n.Epoch, &n.Head, &n.Base, &n.Sections, &n.Sealed)
		if err != nil {
			return err
		}
		if n.Head == 0 && !n.Sealed {
			if n.Head, err = s.beginNote(ctx, tx, conference, n.ID); err != nil {
				return err
			}
		}
		err = tx.QueryRow(ctx, `
			select upto_seq, state from note_snapshot
			where note_id = $1 order by upto_seq desc limit 1`, n.ID).Scan(&n.Upto, &n.State)
		if err != nil && !isNone(err) {
			return err
		}
		if n.Rows, err = noteRows(ctx, tx, n.ID, n.Upto); err != nil {
			return err
		}
		n.Clients, n.Retired, err = noteClients(ctx, tx, n.ID)
		return err
	})
	if isNone(err) {
		return Note{}, account.ErrNotFound
	}
	if err != nil {
		return Note{}, fmt.Errorf("open note: %w", err)
	}
	return n, nil
}

// beginNote writes what the sections of an empty note begin with, and returns its head. The caller has the lock on the note,
// and nothing has ever been written in it.
func (s *Store) beginNote(ctx context.Context, tx pgx.Tx, conference uuid.UUID, note int64) (head int64, err error) {
	var kind Kind
	if err := tx.QueryRow(ctx, `select kind from conference where id = $1`, conference).Scan(&kind); err != nil {
		return 0, err
	}
	data, err := kind.beginning()
	if data == nil {
		return 0, err
	}
	var b pgx.Batch
	var rows noteColumns
	rows.chain(&b, NoteBatch{
		Note: note, Rows: []NoteRow{{At: s.Now(), Data: data}}, Clients: map[uint64]uuid.UUID{templateClient: uuid.Nil},
	}, nil)
	rows.insert(&b)
	return 1, tx.SendBatch(ctx, &b).Close()
}

// AppendNotes appends to several notes in one transaction, committed when it returns: then, and only then, are the rows
// saved. The first result has an error for each batch that was left out (ErrFenced, or ErrClosed when sealed); the others
// are in. A second result means that none is.
func (s *Store) AppendNotes(ctx context.Context, batches []NoteBatch) ([]error, error) {
	left := make([]error, len(batches))
	order := make([]int, len(batches)) // locks are taken in the order of note ids, so that two writers cannot block each other
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(batches[a].Note, batches[b].Note) })
	// Two round trips: this runs many times a second, and each one more costs as much as the writing. A connection that comes
	// back inside a transaction is closed by the pool, which ends the transaction.
	err := s.DB.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		heads, err := beginWithHeads(ctx, c, batches, order)
		if err != nil {
			return err
		}
		var b pgx.Batch
		var rows noteColumns
		for _, i := range order {
			if left[i] = heads[i].fits(batches[i]); left[i] == nil {
				rows.chain(&b, batches[i], heads[i].hash)
			}
		}
		if len(rows.note) > 0 {
			rows.insert(&b)
		}
		b.Queue(`commit`)
		return c.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("append notes: %w", err)
	}
	return left, nil
}

type noteHead struct {
	epoch, seq int64
	hash       []byte
	sealed     bool
}

func (h noteHead) fits(b NoteBatch) error {
	switch {
	case h.sealed:
		return account.Refuse(account.ErrClosed, "note_sealed")
	case h.epoch != b.Epoch || h.seq != b.Head:
		return ErrFenced
	}
	return nil
}

// beginWithHeads begins a transaction and locks the notes in it.
func beginWithHeads(ctx context.Context, c *pgxpool.Conn, batches []NoteBatch, order []int) ([]noteHead, error) {
	heads := make([]noteHead, len(batches))
	var b pgx.Batch
	b.Queue(`begin`)
	for _, i := range order {
		b.Queue(`select epoch, head_seq, head_hash, state = 'sealed' from note where id = $1 for update`, batches[i].Note).
			QueryRow(func(r pgx.Row) error {
				h := &heads[i]
				return r.Scan(&h.epoch, &h.seq, &h.hash, &h.sealed)
			})
	}
	return heads, c.SendBatch(ctx, &b).Close()
}

// noteColumns are the rows of all notes, column by column, for one statement to take. UUIDs are of the type that pgx encodes
// without a detour through text.
type noteColumns struct {
	note, seq       []int64
	person, session []pgtype.UUID
	at              []time.Time
	data, hash      [][]byte
}

func (c *noteColumns) insert(b *pgx.Batch) {
	b.Queue(`
		insert into note_update (note_id, seq, account_id, session_id, at, data, hash)
		select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::bytea[])`,
		c.note, c.seq, c.person, c.session, c.at, c.data, c.hash)
}

// chain gives the rows of a note their numbers and hashes, and queues the new head.
func (c *noteColumns) chain(b *pgx.Batch, n NoteBatch, hash []byte) {
	seq := n.Head
	for _, r := range n.Rows {
		seq++
		r.Seq, r.At = seq, r.At.UTC().Truncate(time.Microsecond)
		hash = rowHash(hash, n.Note, r)
		c.note, c.seq = append(c.note, n.Note), append(c.seq, seq)
		c.person, c.session = append(c.person, uuidOf(r.Person)), append(c.session, uuidOf(r.Session))
		c.at, c.data, c.hash = append(c.at, r.At), append(c.data, r.Data), append(c.hash, hash)
	}
	for client, person := range n.Clients {
		b.Queue(`insert into note_client (note_id, client, account_id) values ($1, $2, $3) on conflict do nothing`, n.Note, int64(client), uuidOf(person))
	}
	b.Queue(`update note set head_seq = $2, head_hash = $3 where id = $1`, n.Note, seq, hash)
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

// SnapshotNote keeps the state of the note up to a row, so that opening it need not replay the log. The log stays. A state from
// before the log was written anew is not kept: the lock waits for whoever is just doing that.
func (s *Store) SnapshotNote(ctx context.Context, note, upto int64, state []byte) error {
	_, err := s.DB.Exec(ctx, `
		with open as (select id from note where id = $1 and base_seq < $2 for share)
		insert into note_snapshot (note_id, upto_seq, state, at)
		select id, $2, $3, $4 from open
		on conflict do nothing`, note, upto, state, s.Now())
	if err != nil {
		return fmt.Errorf("snapshot note: %w", err)
	}
	return nil
}

// WriteSections keeps the plain text of each section as of a row; minutes and search read it.
func (s *Store) WriteSections(ctx context.Context, note, upto int64, texts map[string]string) error {
	var b pgx.Batch
	for key, text := range texts {
		queueSection(&b, note, upto, key, text)
	}
	if err := s.DB.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write sections: %w", err)
	}
	return nil
}

func noteRows(ctx context.Context, tx pgx.Tx, note, after int64) ([]NoteRow, error) {
	rows, err := tx.Query(ctx, `
		select seq, coalesce(account_id, '00000000-0000-0000-0000-000000000000'), coalesce(session_id, '00000000-0000-0000-0000-000000000000'), at, data
		from note_update
		where note_id = $1 and seq > $2
		order by seq`, note, after)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[NoteRow])
}

// noteClients tells whose each client id is, and of those that are retired how many units the log had of them.
func noteClients(ctx context.Context, tx pgx.Tx, note int64) (map[uint64]uuid.UUID, map[uint64]uint32, error) {
	rows, err := tx.Query(ctx, `select client, account_id, retired from note_client where note_id = $1`, note)
	if err != nil {
		return nil, nil, err
	}
	clients, retired := map[uint64]uuid.UUID{}, map[uint64]uint32{}
	var client int64
	var person uuid.NullUUID
	var units *int64
	_, err = pgx.ForEachRow(rows, []any{&client, &person, &units}, func() error {
		clients[uint64(client)] = person.UUID
		if units != nil {
			retired[uint64(client)] = uint32(*units)
		}
		return nil
	})
	return clients, retired, err
}

// uuidOf is null for nobody.
func uuidOf(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != uuid.Nil} }
