package mail

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

const (
	// maxTries ends after about a day and a half: later than that an invitation helps nobody.
	maxTries = 14
	// busyPause is how long a job stands back while another one sends from its thread.
	busyPause = time.Second
	// recordTimeout is what a stopping program still spends on writing down what happened to a mail.
	recordTimeout = 10 * time.Second
)

// deliverArgs wakes the delivery of one message. Everything else is in its row.
type deliverArgs struct {
	Message uuid.UUID `json:"message"`
}

// Kind names the job.
func (deliverArgs) Kind() string { return "mail.deliver" }

type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	q *Queue
}

// Timeout leaves room for a slow server and for writing the result.
func (w *deliverWorker) Timeout(*river.Job[deliverArgs]) time.Duration {
	return 3*sendTimeout + recordTimeout
}

// Work sends what is due. Waiting is no failure: tries are counted in the row, River's own only for a database in trouble.
func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	wait, err := w.q.deliver(ctx, job.Args.Message)
	if err != nil {
		return err
	}
	if wait > 0 {
		return river.JobSnooze(wait)
	}
	return nil
}

// deliver sends the queued messages of a thread in order, up to the given one. A positive wait asks to be called
// again after that time.
func (q *Queue) deliver(ctx context.Context, message uuid.UUID) (wait time.Duration, err error) {
	t, err := holdThread(ctx, q.db, message)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // erased since
		return 0, nil
	case err != nil:
		return 0, err
	case t == nil:
		return busyPause, nil
	}
	defer t.free(ctx)
	for ctx.Err() == nil {
		w, err := t.next(ctx, message)
		if err != nil || w == nil {
			return 0, err
		}
		if w.wait > 0 {
			return w.wait, nil
		}
		if err := q.try(ctx, t, w); err != nil {
			return 0, err
		}
	}
	return 0, ctx.Err()
}

// try sends one message once and writes down what came of it. It returns only errors of the database; then the row
// still says that the mail may be out, and the next try repeats the same bytes, which calendars ignore.
func (q *Queue) try(ctx context.Context, t *thread, w *waiting) error {
	if mine, err := t.begin(ctx, w.id); err != nil || !mine {
		return err
	}
	from := w.sender
	if q.bounces {
		from = returnPath(from, w.id)
	}
	failure := q.transport.Send(ctx, w.raw, from, w.to)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if failure == nil {
		return t.sent(ctx, w.id, q.transport.Name())
	}
	reason, permanent, inDoubt := "unknown", false, true
	var known *SendError
	if errors.As(failure, &known) {
		reason, permanent, inDoubt = known.Step+": "+known.Reason, known.Permanent, known.InDoubt
	}
	state := "queued"
	if permanent || w.attempts+1 >= maxTries {
		state = "failed"
	}
	return t.notSent(ctx, w.id, state, reason, inDoubt || w.inDoubt, q.pause(w.attempts+1))
}

// pauseAfter grows with the fourth power: seconds at first, for a greylisting server minutes, at the end hours.
func pauseAfter(attempts int) time.Duration {
	return time.Duration(math.Pow(float64(attempts), 4)) * time.Second
}
