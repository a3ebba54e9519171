package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/sweep"
)

// chunk is how many rows one transaction takes: few enough that a page sees progress and little is done again after a crash.
const chunk = 500

// WorkArgs is the job that moves batches on. It carries nothing: the truth is in the rows.
type WorkArgs struct{}

// Kind names the job.
func (WorkArgs) Kind() string { return "exchange.work" }

// Register adds the worker that moves batches on, and returns its job. It runs every minute: so does one go on whose server was killed. Its
// time is longer than the largest file takes; what is cut off goes on where it was.
func (s *Store) Register(w *river.Workers) *river.PeriodicJob {
	return sweep.Register[WorkArgs](w, sweep.Pass{Every: time.Minute, Timeout: 15 * time.Minute, Do: s.Work})
}

// Work moves every batch on that is being applied or taken back, chunk by chunk, until all are done, and deletes those whose time is over.
// It may run on several nodes at once. A batch that fails does not hold up the others.
func (s *Store) Work(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, `
		delete from exchange_batch where state in ('read', 'applied', 'undone') and stepped_at < $1`, s.now().Add(-Keeps)); err != nil {
		return fmt.Errorf("old batches: %w", err)
	}
	rows, err := s.db.Query(ctx, `select id from exchange_batch where state in ('applying', 'undoing') order by stepped_at, id`)
	if err != nil {
		return fmt.Errorf("batches at work: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("batches at work: %w", err)
	}
	var failed []error
	for _, id := range ids {
		for more := true; more; {
			if more, err = s.step(ctx, id); err != nil {
				failed = append(failed, fmt.Errorf("batch %s: %w", id, err))
				break
			}
		}
	}
	return errors.Join(failed...)
}

// work is a batch in the transaction of one chunk.
type work struct {
	*Store
	tx                        pgx.Tx
	id, network, organisation uuid.UUID
	marks                     pgx.Batch
}

// step does one chunk of a batch: all of it or nothing. more is false when there is nothing left to do, or somebody else does it.
func (s *Store) step(ctx context.Context, id uuid.UUID) (more bool, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		w := &work{Store: s, tx: tx, id: id}
		var state State
		err := tx.QueryRow(ctx, `
			select network_id, organisation_id, state from exchange_batch where id = $1 and state in ('applying', 'undoing') for update skip locked`, id).
			Scan(&w.network, &w.organisation, &state)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if state == Undoing {
			more, err = w.undo(ctx)
		} else {
			more, err = w.apply(ctx)
		}
		return err
	})
	return more, err
}

func (w *work) apply(ctx context.Context) (more bool, err error) {
	rows, err := staged(ctx, w.tx, `r.batch_id = $1 and r.applied_at is null and r.state in ('new', 'changed') order by r.number limit $2`, w.id, chunk)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		return false, w.finish(ctx, Applied, "import_applied")
	}
	held, err := w.pool.Hold(ctx, w.tx, w.network, experts(rows))
	if err != nil {
		return false, err
	}
	taken, err := w.taken(ctx, w.tx, bare(rows))
	if err != nil {
		return false, err
	}
	for i := range rows {
		r := &rows[i]
		if r.State == New {
			err = w.add(ctx, r, taken)
		} else {
			err = w.describe(ctx, r, held)
		}
		if err != nil {
			return false, fmt.Errorf("row %d: %w", r.Number, err)
		}
		w.markApplied(*r)
	}
	return true, w.tx.SendBatch(ctx, &w.marks).Close()
}

// add lists somebody new, who waits to be verified like everybody else. Nobody is written to.
func (w *work) add(ctx context.Context, r *Staged, taken map[string]bool) error {
	if r.Email != "" && taken[r.Email] {
		r.reject("email", "address_taken")
		return nil
	}
	id, err := w.accounts.AddIn(ctx, w.tx, account.New{Organisation: w.organisation, Role: account.Expert, Name: r.Name, Email: r.Email})
	var invalid *account.InvalidError
	if errors.As(err, &invalid) {
		r.reject(invalid.Field, invalid.Rule)
		return nil
	}
	if err != nil {
		return err
	}
	r.Expert = id
	return w.pool.ListIn(ctx, w.tx, w.network, w.organisation, id, r.Profile)
}

// describe changes somebody as she was shown before: who has been changed since is left alone.
func (w *work) describe(ctx context.Context, r *Staged, held map[uuid.UUID]expertpool.Listed) error {
	is, there := held[r.Expert]
	switch {
	case !there || is.Left:
		r.reject("row", "left")
	case changed(is.Profile, *r.Before):
		r.reject("row", "changed_meanwhile")
	default:
		return w.pool.DescribeIn(ctx, w.tx, r.Expert, r.Profile)
	}
	return nil
}

func (w *work) markApplied(r Staged) {
	if r.State == Rejected {
		w.marks.Queue(`update exchange_row set state = $3, value = $4 where batch_id = $1 and number = $2`, w.id, r.Number, r.State, r.Row)
		return
	}
	w.marks.Queue(`update exchange_row set applied_at = $3, expert_id = $4 where batch_id = $1 and number = $2`, w.id, r.Number, w.now(), r.Expert)
}

// changed tells whether a profile is not what it was, whatever order its lists are in.
func changed(is, was expertpool.Profile) bool {
	_, _ = is.Check(), was.Check() // bring them into shape; what is there already may break younger rules
	return len(is.Differences(was)) > 0
}

// undo takes back the latest rows that stand: values that nobody has changed since, and people of whom nothing but the entry is there.
func (w *work) undo(ctx context.Context) (more bool, err error) {
	rows, err := staged(ctx, w.tx, `r.batch_id = $1 and r.applied_at is not null and r.undone = '' order by r.number desc limit $2`, w.id, chunk)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 {
		return false, w.finish(ctx, Undone, "import_undone")
	}
	held, err := w.pool.Hold(ctx, w.tx, w.network, experts(rows))
	if err != nil {
		return false, err
	}
	var goes []uuid.UUID
	outcome := map[uuid.UUID]string{}
	for _, r := range rows {
		is, there := held[r.Expert]
		switch {
		case !there:
			outcome[r.Expert] = "done" // gone already
		case changed(is.Profile, r.Profile):
			outcome[r.Expert] = "changed"
		case r.State == New:
			goes = append(goes, r.Expert)
		default:
			outcome[r.Expert] = "done"
			if err := w.pool.DescribeIn(ctx, w.tx, r.Expert, *r.Before); err != nil {
				return false, err
			}
		}
	}
	if err := w.remove(ctx, goes, outcome); err != nil {
		return false, err
	}
	for _, r := range rows {
		w.marks.Queue(`update exchange_row set undone = $3 where batch_id = $1 and number = $2`, w.id, r.Number, outcome[r.Expert])
	}
	return true, w.tx.SendBatch(ctx, &w.marks).Close()
}

// remove takes those of ids out who have not been used since.
func (w *work) remove(ctx context.Context, ids []uuid.UUID, outcome map[uuid.UUID]string) error {
	unused, err := w.pool.Unused(ctx, w.tx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		outcome[id] = "used"
		if slices.Contains(unused, id) {
			outcome[id] = "done"
		}
	}
	err = w.unlist(ctx, unused)
	if !errors.Is(err, account.ErrConflict) {
		return err
	}
	for _, id := range unused { // somebody is referred to from elsewhere: one by one, to see who
		switch err := w.unlist(ctx, []uuid.UUID{id}); {
		case errors.Is(err, account.ErrConflict):
			outcome[id] = "used"
		case err != nil:
			return err
		}
	}
	return nil
}

// unlist removes people, or nobody when one of them is still needed.
func (w *work) unlist(ctx context.Context, ids []uuid.UUID) error {
	return pgx.BeginFunc(ctx, w.tx, func(inner pgx.Tx) error { return w.pool.Unlist(ctx, inner, ids) })
}

func (w *work) finish(ctx context.Context, state State, did string) error {
	found, err := batches(ctx, w.tx, `b.id = $1`, w.id)
	if err != nil {
		return err
	}
	if err := w.move(ctx, w.tx, w.id, state); err != nil {
		return err
	}
	b := found[0]
	said := fmt.Sprintf("applied %d wrong %d", b.Applied, b.Wrong)
	if state == Undone {
		said = fmt.Sprintf("taken back %d stay %d", b.TakenBack, b.StayUsed+b.StayChanged)
	}
	return audit.Record(ctx, w.tx, audit.Entry{
		Organisation: w.organisation, At: w.now(), Role: "server", Did: did, Kind: "import", To: w.id.String(), Reason: said,
	})
}

func experts(rows []Staged) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(rows))
	for _, r := range rows {
		if r.Expert != uuid.Nil {
			ids = append(ids, r.Expert)
		}
	}
	return ids
}

func bare(rows []Staged) []Row {
	all := make([]Row, 0, len(rows))
	for _, r := range rows {
		if r.State == New {
			all = append(all, r.Row)
		}
	}
	return all
}
