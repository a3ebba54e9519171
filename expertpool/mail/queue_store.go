package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Seeds that turn the name of a thread into the keys of its two advisory locks.
const (
	enqueueSeed  = 0x6d61696c01
	deliverySeed = 0x6d61696c02
)

// lockThreads keeps other transactions from queueing in these threads until tx ends. Positions are drawn at insert and
// seen at commit; without the lock a later position could be seen, and sent, first. Everybody takes the locks of several
// threads in the same order, so that two transactions do not wait for each other.
func lockThreads(ctx context.Context, tx pgx.Tx, threads []string) error {
	if len(threads) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		select pg_advisory_xact_lock(hashtextextended(thread, $2))
		from unnest($1::text[]) thread`, slices.Compact(slices.Sorted(slices.Values(threads))), enqueueSeed)
	return err
}

// firstMessageIDs maps threads to the Message-IDs that they began with.
func firstMessageIDs(ctx context.Context, tx pgx.Tx, threads []string) (map[string]string, error) {
	first := map[string]string{}
	if len(threads) == 0 {
		return first, nil
	}
	rows, err := tx.Query(ctx, `
		select distinct on (thread) thread, message_id
		from message_out
		where thread = any($1) and state <> 'superseded'
		order by thread, position`, threads)
	if err != nil {
		return nil, err
	}
	var thread, id string
	_, err = pgx.ForEachRow(rows, []any{&thread, &id}, func() error { first[thread] = id; return nil })
	return first, err
}

// insertMessages stores mails; their positions rise in the order of the list.
func insertMessages(ctx context.Context, tx pgx.Tx, list []queued) error {
	_, err := tx.Exec(ctx, `
		insert into message_out (
			id, organisation_id, thread, kind, conference, sender, to_name, to_email,
			subject, body_text, body_html, calendar, method, sequence, stamped_at, message_id, raw)
		select * from unnest(
			$1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[], $11::text[], $12::bytea[], $13::text[], $14::int[], $15::timestamptz[], $16::text[], $17::bytea[])`,
		column(list, func(w queued) uuid.UUID { return w.id }),
		column(list, func(w queued) uuid.UUID { return w.Organisation }),
		column(list, func(w queued) string { return w.Thread }),
		column(list, func(w queued) string { return w.Kind }),
		column(list, func(w queued) string { return w.Conference }),
		column(list, func(w queued) string { return w.from.Address }),
		column(list, func(w queued) string { return w.To.Name }),
		column(list, func(w queued) string { return w.To.Email }),
		column(list, func(w queued) string { return w.Subject }),
		column(list, func(w queued) string { return w.Text }),
		column(list, func(w queued) string { return w.HTML }),
		column(list, func(w queued) []byte { return w.Calendar }),
		column(list, func(w queued) string { return w.Method }),
		column(list, queued.sequence),
		column(list, queued.stamp),
		column(list, func(w queued) string { return w.messageID }),
		column(list, func(w queued) []byte { return w.raw }))
	return err
}

// column is one value of each mail.
func column[T any](list []queued, of func(queued) T) []T {
	values := make([]T, len(list))
	for i, w := range list {
		values[i] = of(w)
	}
	return values
}

func (w queued) sequence() *int32 {
	if r := w.revision(); r != nil {
		return &r.sequence
	}
	return nil
}

func (w queued) stamp() *time.Time {
	if r := w.revision(); r != nil {
		return &r.stamp
	}
	return nil
}

// waiting is a queued message about to be sent.
type waiting struct {
	id       uuid.UUID
	sender   string
	to       string
	raw      []byte
	attempts int
	inDoubt  bool // an earlier try may have succeeded
	wait     time.Duration
}

// thread is one thread while this process alone may send from it.
type thread struct {
	conn *pgxpool.Conn
	name string
}

// holdThread takes the thread a message belongs to. It returns nil without error if another delivery has it, and
// pgx.ErrNoRows if there is no such message. The lock lives as long as the connection: no crash leaves it behind.
func holdThread(ctx context.Context, db *pgxpool.Pool, message uuid.UUID) (*thread, error) {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	t := &thread{conn: conn}
	var held bool
	err = conn.QueryRow(ctx, `
		select thread, pg_try_advisory_lock(hashtextextended(thread, $2))
		from message_out
		where id = $1`, message, deliverySeed).Scan(&t.name, &held)
	if err != nil || !held {
		conn.Release()
		return nil, err
	}
	return t, nil
}

// free gives the thread back. If the lock cannot be given back, the connection goes, and the lock with it.
func (t *thread) free(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := t.conn.Exec(ctx, `select pg_advisory_unlock(hashtextextended($1, $2))`, t.name, deliverySeed)
	if err != nil {
		_ = t.conn.Conn().Close(ctx) // the pool notices on release
	}
	t.conn.Release()
}

// next returns the first queued message up to the given one, nil if there is none. Its wait is the time until it is due.
func (t *thread) next(ctx context.Context, upTo uuid.UUID) (*waiting, error) {
	var w waiting
	var seconds float64
	err := t.conn.QueryRow(ctx, `
		select id, sender, to_email, raw, attempts, in_doubt, extract(epoch from due_at - clock_timestamp())::float8
		from message_out
		where thread = $1 and state = 'queued' and position <= (select position from message_out where id = $2)
		order by position
		limit 1`, t.name, upTo).Scan(&w.id, &w.sender, &w.to, &w.raw, &w.attempts, &w.inDoubt, &seconds)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("next message: %w", err)
	}
	w.wait = time.Duration(seconds * float64(time.Second))
	return &w, nil
}

// begin notes, before anything leaves, that the message may be out. False if it was superseded meanwhile.
func (t *thread) begin(ctx context.Context, id uuid.UUID) (bool, error) {
	tag, err := t.conn.Exec(ctx, `
		update message_out
		set in_doubt = true, attempts = attempts + 1, tried_at = now()
		where id = $1 and state = 'queued'`, id)
	if err != nil {
		return false, fmt.Errorf("begin delivery: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

func (t *thread) sent(ctx context.Context, id uuid.UUID, via string) error {
	_, err := t.conn.Exec(ctx, `
		update message_out
		set state = 'sent', in_doubt = false, sent_at = now(), via = $2, last_error = ''
		where id = $1`, id, via)
	if err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

// notSent records a try that failed: for good, or until the pause is over.
func (t *thread) notSent(ctx context.Context, id uuid.UUID, state, reason string, inDoubt bool, pause time.Duration) error {
	_, err := t.conn.Exec(ctx, `
		update message_out
		set state = $2, last_error = $3, in_doubt = $4, due_at = now() + make_interval(secs => $5)
		where id = $1`, id, state, reason, inDoubt, pause.Seconds())
	if err != nil {
		return fmt.Errorf("record failed delivery: %w", err)
	}
	return nil
}
