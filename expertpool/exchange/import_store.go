package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Store keeps what was brought, applies it and takes it back. Coordinators only, each in her own network: ErrDenied and ErrNotFound.
type Store struct {
	db       *pgxpool.Pool
	pool     *expertpool.Store
	accounts *account.Store
	jobs     *river.Client[pgx.Tx] // inserts only
	now      func() time.Time
}

// NewStore returns a store on db. Batches move on by the worker that Register adds.
func NewStore(db *pgxpool.Pool, pool *expertpool.Store, accounts *account.Store, now func() time.Time) (*Store, error) {
	jobs, err := river.NewClient(riverpgxv5.New(db), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	return &Store{db, pool, accounts, jobs, now}, nil
}

// Bring reads a file and stages its rows beside what the directory has; nothing in the directory changes. A table whose columns cannot be
// guessed is kept without rows until Name has named them. Errors: *FileError, ErrDenied.
func (s *Store) Bring(ctx context.Context, by account.Actor, f File, words Words) (uuid.UUID, error) {
	if !by.May(account.KeepPool) {
		return uuid.Nil, account.ErrDenied
	}
	b := Batch{ID: uuid.New(), Format: FormatOf(f.Data), Columns: []string{}}
	var rows []Row
	var err error
	if b.Format == CSV {
		var t *Table
		if t, err = ReadTable(f.Data); err == nil {
			b.Columns = t.Guess()
			rows, err = t.Rows(b.Columns, words)
		}
		var file *FileError
		if t != nil && errors.As(err, &file) && file.Rule == "header" {
			err = nil // somebody will say what the columns are
		}
	} else {
		rows, err = readCards(b.Format, f, words)
	}
	if err != nil {
		return uuid.Nil, err
	}
	return b.ID, pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into exchange_batch (id, network_id, organisation_id, made_by, made_at, file_name, format, file, discipline, columns, stepped_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $5)`,
			b.ID, by.Network, by.Organisation, by.ID, s.now(), f.Name, b.Format, f.Data, f.Discipline, b.Columns)
		if err != nil {
			return fmt.Errorf("keep a file: %w", err)
		}
		if err := s.stage(ctx, tx, by.Network, b, rows); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "import_brought", b.ID, b.Format+" "+strconv.Itoa(len(rows)))
	})
}

func readCards(format string, f File, words Words) ([]Row, error) {
	if format == VCard {
		return ReadVCards(f.Data, f.Discipline, words)
	}
	return ReadFHIR(f.Data, f.Discipline)
}

// Name says anew which field each column of a table is, and stages its rows again. Errors: *FileError, ErrConflict once it is applied.
func (s *Store) Name(ctx context.Context, by account.Actor, id uuid.UUID, columns []string, words Words) error {
	return s.change(ctx, by, id, func(tx pgx.Tx, b Batch) error {
		if b.State != Read || b.Format != CSV {
			return account.ErrConflict
		}
		t, err := tableOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if len(columns) != len(t.Header) {
			return &FileError{Rule: "header"}
		}
		rows, err := t.Rows(columns, words)
		if err != nil {
			return err
		}
		b.Columns = columns
		if _, err := tx.Exec(ctx, `update exchange_batch set columns = $2, stepped_at = $3 where id = $1`, id, columns, s.now()); err != nil {
			return fmt.Errorf("name columns: %w", err)
		}
		return s.stage(ctx, tx, by.Network, b, rows)
	})
}

// stage puts rows beside what the network has, in place of those that were there.
func (s *Store) stage(ctx context.Context, tx pgx.Tx, network uuid.UUID, b Batch, rows []Row) error {
	d, err := s.directory(ctx, tx, network, rows)
	if err != nil {
		return err
	}
	columns := b.Columns
	if b.Format != CSV {
		columns = nil
	}
	if _, err := tx.Exec(ctx, `delete from exchange_row where batch_id = $1`, b.ID); err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"exchange_row"}, []string{"batch_id", "number", "state", "value", "before", "expert_id", "perhaps_id"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := d.compare(rows[i], columns)
			return []any{b.ID, r.Number, r.State, r.Row, r.Before, known(r.Expert), known(r.Perhaps)}, nil
		}))
	if err != nil {
		return fmt.Errorf("stage rows: %w", err)
	}
	return nil
}

func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func (s *Store) directory(ctx context.Context, tx pgx.Tx, network uuid.UUID, rows []Row) (*directory, error) {
	all, err := s.pool.Listed(ctx, tx, network)
	if err != nil {
		return nil, err
	}
	taken, err := s.taken(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	return newDirectory(all, taken), nil
}

// taken are the addresses of rows that belong to an account, whosever it is.
func (s *Store) taken(ctx context.Context, tx pgx.Tx, rows []Row) (map[string]bool, error) {
	addresses := make([]string, 0, len(rows))
	for _, r := range rows {
		if r.Email != "" {
			addresses = append(addresses, r.Email)
		}
	}
	return s.accounts.Taken(ctx, tx, addresses)
}

// Apply lets the server take the rows that are new or changed into the directory. Errors: ErrConflict unless it was only read.
func (s *Store) Apply(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, func(tx pgx.Tx, b Batch) error {
		if b.State != Read || b.ToApply() == 0 {
			return account.Refuse(account.ErrConflict, "import_over")
		}
		return s.begin(ctx, tx, by, b, Applying, "import_apply")
	})
}

// Undo lets the server take back what was applied, also while it is still being applied. Errors: ErrConflict when there is nothing to
// take back.
func (s *Store) Undo(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, func(tx pgx.Tx, b Batch) error {
		if b.State != Applied && b.State != Applying {
			return account.Refuse(account.ErrConflict, "import_over")
		}
		return s.begin(ctx, tx, by, b, Undoing, "import_undo")
	})
}

func (s *Store) begin(ctx context.Context, tx pgx.Tx, by account.Actor, b Batch, state State, did string) error {
	if err := s.move(ctx, tx, b.ID, state); err != nil {
		return err
	}
	if _, err := s.jobs.InsertTx(ctx, tx, WorkArgs{}, nil); err != nil {
		return fmt.Errorf("queue an import: %w", err)
	}
	return s.record(ctx, tx, by, did, b.ID, fmt.Sprintf("new %d changed %d", b.New, b.Changed))
}

func (s *Store) move(ctx context.Context, tx pgx.Tx, id uuid.UUID, state State) error {
	if _, err := tx.Exec(ctx, `update exchange_batch set state = $2, stepped_at = $3 where id = $1`, id, state, s.now()); err != nil {
		return fmt.Errorf("move a batch: %w", err)
	}
	return nil
}

// Discard throws away what was brought and not applied. Errors: ErrConflict once it is applied.
func (s *Store) Discard(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, func(tx pgx.Tx, b Batch) error {
		if b.State != Read {
			return account.Refuse(account.ErrConflict, "import_over")
		}
		if _, err := tx.Exec(ctx, `delete from exchange_batch where id = $1`, id); err != nil {
			return fmt.Errorf("discard a batch: %w", err)
		}
		return s.record(ctx, tx, by, "import_discard", id, "")
	})
}

// change does something to a batch of the actor's network that nobody else works on meanwhile.
func (s *Store) change(ctx context.Context, by account.Actor, id uuid.UUID, do func(pgx.Tx, Batch) error) error {
	if !by.May(account.KeepPool) {
		return account.ErrDenied
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var locked uuid.UUID
		err := tx.QueryRow(ctx, `select id from exchange_batch where id = $1 and network_id = $2 for update`, id, by.Network).Scan(&locked)
		if errors.Is(err, pgx.ErrNoRows) {
			return account.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lock a batch: %w", err)
		}
		found, err := batches(ctx, tx, `b.id = $1`, id)
		if err != nil {
			return err
		}
		return do(tx, found[0])
	})
}

func (s *Store) record(ctx context.Context, tx pgx.Tx, by account.Actor, did string, id uuid.UUID, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: by.Organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "import", To: id.String(), Reason: reason,
	})
}

// Batches lists those of the actor's network, the newest first.
func (s *Store) Batches(ctx context.Context, by account.Actor) ([]Batch, error) {
	if !by.May(account.KeepPool) {
		return nil, account.ErrDenied
	}
	return batches(ctx, s.db, `b.network_id = $1`, by.Network)
}

// Batch returns one of Batches. ErrNotFound.
func (s *Store) Batch(ctx context.Context, by account.Actor, id uuid.UUID) (Batch, error) {
	if !by.May(account.KeepPool) {
		return Batch{}, account.ErrDenied
	}
	found, err := batches(ctx, s.db, `b.network_id = $1 and b.id = $2`, by.Network, id)
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Batch{}, err
	}
	return found[0], nil
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func batches(ctx context.Context, q querier, where string, args ...any) (all []Batch, err error) {
	rows, err := q.Query(ctx, `
		select b.id, b.file_name, b.format, b.columns, a.name, b.made_at, b.state, b.stepped_at, c.*
		from exchange_batch b join account a on a.id = b.made_by
		cross join lateral (
			select count(*) filter (where r.state = 'new'), count(*) filter (where r.state = 'changed'), count(*) filter (where r.state = 'unchanged'),
				count(*) filter (where r.state = 'wrong'), count(*) filter (where r.applied_at is not null),
				count(*) filter (where r.applied_at is null and r.state in ('new', 'changed')),
				coalesce(min(r.number) filter (where r.applied_at is null and r.state in ('new', 'changed')), 0),
				count(*) filter (where r.undone = 'done'), count(*) filter (where r.undone = 'used'), count(*) filter (where r.undone = 'changed')
			from exchange_row r where r.batch_id = b.id) c
		where `+where+` order by b.made_at desc, b.id`, args...)
	if err == nil {
		var b Batch
		_, err = pgx.ForEachRow(rows, []any{
			&b.ID, &b.FileName, &b.Format, &b.Columns, &b.MadeByName, &b.MadeAt, &b.State, &b.SteppedAt, &b.New, &b.Changed, &b.Unchanged, &b.Wrong,
			&b.Applied, &b.Waiting, &b.Next, &b.TakenBack, &b.StayUsed, &b.StayChanged,
		}, func() error {
			own := b
			own.Columns = slices.Clone(b.Columns)
			all = append(all, own)
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("batches: %w", err)
	}
	return all, nil
}

// Table is the table that a batch came as. ErrNotFound for other formats.
func (s *Store) Table(ctx context.Context, by account.Actor, id uuid.UUID) (*Table, error) {
	if b, err := s.Batch(ctx, by, id); err != nil {
		return nil, err
	} else if b.Format != CSV {
		return nil, account.ErrNotFound
	}
	return tableOf(ctx, s.db, id)
}

func tableOf(ctx context.Context, q querier, id uuid.UUID) (*Table, error) {
	var raw []byte
	if err := q.QueryRow(ctx, `select file from exchange_batch where id = $1`, id).Scan(&raw); err != nil {
		return nil, fmt.Errorf("file of a batch: %w", err)
	}
	return ReadTable(raw)
}

// Rows are those of a batch in a state, by number; most 0 are all.
func (s *Store) Rows(ctx context.Context, by account.Actor, id uuid.UUID, state string, most int) ([]Staged, error) {
	if _, err := s.Batch(ctx, by, id); err != nil {
		return nil, err
	}
	return staged(ctx, s.db, `r.batch_id = $1 and r.state = $2 order by r.number limit nullif($3, 0)`, id, state, most)
}

// Stuck are the rows of a batch that could not be taken back; most 0 are all.
func (s *Store) Stuck(ctx context.Context, by account.Actor, id uuid.UUID, most int) ([]Staged, error) {
	if _, err := s.Batch(ctx, by, id); err != nil {
		return nil, err
	}
	return staged(ctx, s.db, `r.batch_id = $1 and r.undone in ('used', 'changed') order by r.number limit nullif($2, 0)`, id, most)
}

func staged(ctx context.Context, q querier, where string, args ...any) ([]Staged, error) {
	rows, err := q.Query(ctx, `
		select r.state, r.value, r.before, coalesce(r.expert_id, '00000000-0000-0000-0000-000000000000'), coalesce(r.perhaps_id, '00000000-0000-0000-0000-000000000000'), coalesce(a.name, ''), r.undone
		from exchange_row r left join account a on a.id = coalesce(r.expert_id, r.perhaps_id)
		where `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("rows of a batch: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Staged, err error) {
		err = row.Scan(&r.State, &r.Row, &r.Before, &r.Expert, &r.Perhaps, &r.Known, &r.Undone)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("rows of a batch: %w", err)
	}
	return all, nil
}
