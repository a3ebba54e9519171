package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
	first := NoteBatch{
		Note: note, Rows: []NoteRow{{At: s.Now(), Data: data}}, Clients: map[uint64]uuid.UUID{templateClient: uuid.Nil},
	}
	var b pgx.Batch
	first.begin(&b, nil)
	return 1, tx.SendBatch(ctx, &b).Close()
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
