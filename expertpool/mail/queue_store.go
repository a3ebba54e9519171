package mail

import (
	"context"
	"errors"
	"fmt"
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

// lockThread keeps other transactions from queueing in the thread until tx ends. Positions are drawn at insert and
// seen at commit; without the lock a later position could be seen, and sent, first.
func lockThread(ctx context.Context, tx pgx.Tx, thread string) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, $2))`, thread, enqueueSeed)
	return err
}

func firstMessageID(ctx context.Context, tx pgx.Tx, thread string) (string, error) {
	var id string
	err := tx.QueryRow(ctx, `
		select message_id
		from message_out
		where thread = $1 and state <> 'superseded'
		order by position
		limit 1`, thread).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return id, err
}

func insertMessage(ctx context.Context, tx pgx.Tx, id uuid.UUID, m Message, e envelope, raw []byte) error {
	_, err := tx.Exec(ctx, `
		insert into message_out (
			id, organisation_id, thread, kind, conference, sender, to_name, to_email,
			subject, body_text, body_html, calendar, method, message_id, raw)
		values (
			@id, @organisation, @thread, @kind, @conference, @sender, @to_name, @to_email,
			@subject, @text, @html, @calendar, @method, @message_id, @raw)`,
		pgx.NamedArgs{
			"id": id, "organisation": m.Organisation, "thread": m.Thread, "kind": m.Kind, "conference": m.Conference,
			"sender": e.from.Address, "to_name": m.To.Name, "to_email": m.To.Email, "subject": m.Subject,
			"text": m.Text, "html": m.HTML, "calendar": m.Calendar, "method": m.Method, "message_id": e.messageID, "raw": raw,
		})
	return err
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
