package mail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// Verdict is what became of a mail that came in.
type Verdict struct {
	State        string    // Done, Kept or Ignored
	Rule         string    // why it is kept or ignored: a word for the page of whoever looks after it
	Thread       string    // of ours that it belongs to, if known
	Organisation uuid.UUID // whose coordinators look after it; uuid.Nil: unknown
	Detail       string    // what it said, in one word or code, for the log of its thread
}

// States of mail that came in. Kept mail waits for a person, who settles it.
const (
	Done    = "done"
	Kept    = "kept"
	Ignored = "ignored"
)

// Receiver decides about a mail within tx: its effects and the verdict come about together, once.
type Receiver func(ctx context.Context, tx pgx.Tx, in Inbound) (Verdict, error)

// maxReads is how often a mail is tried that makes its receiver fail. Then a person has to look.
const maxReads = 5

// Inbox takes mail in. It is stored before it is acknowledged and read afterwards, by any node.
type Inbox struct {
	*Queue
	receive Receiver
}

// NewInbox returns the inbox of the installation whose mails q sends.
func NewInbox(q *Queue, receive Receiver) *Inbox { return &Inbox{q, receive} }

// Ingest stores a mail that came for recipient. The same mail again is not stored twice; that is no error. Of what is longer
// than MaxInbound only the beginning is kept.
func (b *Inbox) Ingest(ctx context.Context, via, recipient string, raw []byte) error {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n", strings.ToLower(recipient))
	hash.Write(raw)
	if len(raw) > MaxInbound {
		raw = raw[:MaxInbound+1]
	}
	err := pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `
			insert into message_in (id, digest, received_at, via, recipient, raw)
			values ($1, $2, now(), $3, left($4, 320), $5)
			on conflict (digest) do nothing`, uuid.New(), hash.Sum(nil), via, recipient, raw)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		_, err = b.jobs.InsertTx(ctx, tx, readArgs{}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("take mail in: %w", err)
	}
	return nil
}

// takes tells whether an address is ours to take mail for: the sender's own, one that its mails come back to, or one that mails of ours
// came from before the configuration changed: invitations are answered to where they came from.
func (b *Inbox) takes(ctx context.Context, recipient string) (bool, error) {
	local, domain, _ := strings.Cut(strings.ToLower(recipient), "@")
	local, _, _ = strings.Cut(local, "+")
	if local+"@"+domain == b.from.Address {
		return true, nil
	}
	var once bool
	err := b.db.QueryRow(ctx, `select exists (select from message_out where sender = $1)`, local+"@"+domain).Scan(&once)
	if err != nil {
		return false, fmt.Errorf("take mail in: %w", err)
	}
	return once, nil
}

// readArgs wakes the reading of whatever waits.
type readArgs struct{}

// Kind names the job.
func (readArgs) Kind() string { return "mail.read" }

// InsertOpts: one job that has not begun is enough for any number of mails.
func (readArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 10} }

type readWorker struct {
	river.WorkerDefaults[readArgs]
	b *Inbox
}

// Work reads until nothing waits.
func (w *readWorker) Work(ctx context.Context, _ *river.Job[readArgs]) error {
	for ctx.Err() == nil {
		more, err := w.b.Next(ctx)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	return ctx.Err()
}

// RegisterInbox adds the reading of mail to the workers of the program's River client.
func (b *Inbox) RegisterInbox(w *river.Workers) { river.AddWorker(w, &readWorker{b: b}) }

// Next reads one waiting mail, which the worker does until it is told false: there is none that another node does not hold.
func (b *Inbox) Next(ctx context.Context) (bool, error) {
	var failed error
	var id uuid.UUID
	err := pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		var raw []byte
		var recipient string
		var at time.Time
		err := tx.QueryRow(ctx, `
			select id, raw, recipient, received_at from message_in
			where state = 'waiting'
			order by attempts, received_at limit 1
			for update skip locked`).Scan(&id, &raw, &recipient, &at)
		if err != nil {
			return err
		}
		in := Read(raw, recipient)
		in.ID, in.ReceivedAt = id, at
		v, err := b.decide(ctx, tx, in)
		if err != nil {
			failed = err
			return err
		}
		return conclude(ctx, tx, id, v)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows) && failed == nil:
		return false, nil
	case failed != nil && ctx.Err() == nil:
		return true, b.setBack(ctx, id)
	case err != nil:
		return false, fmt.Errorf("read mail: %w", err)
	}
	return true, nil
}

// decide asks the receiver; a mail that makes it panic is a mail that fails.
func (b *Inbox) decide(ctx context.Context, tx pgx.Tx, in Inbound) (v Verdict, err error) {
	defer func() {
		if recover() != nil { // what it says may quote the mail
			err = errors.New("receiver panicked")
		}
	}()
	return b.receive(ctx, tx, in)
}

func conclude(ctx context.Context, tx pgx.Tx, id uuid.UUID, v Verdict) error {
	var organisation *uuid.UUID
	if v.Organisation != uuid.Nil {
		organisation = &v.Organisation
	}
	_, err := tx.Exec(ctx, `
		update message_in set state = $2, rule = $3, thread = $4, organisation_id = $5, detail = $6, attempts = attempts + 1
		where id = $1`, id, v.State, v.Rule, v.Thread, organisation, v.Detail)
	return err
}

// setBack counts a try that failed. After the last the mail waits for a person instead.
func (b *Inbox) setBack(ctx context.Context, id uuid.UUID) error {
	_, err := b.db.Exec(ctx, `
		update message_in
		set attempts = attempts + 1,
			state = case when attempts + 1 >= $2 then 'kept' else state end,
			rule = case when attempts + 1 >= $2 then 'failed' else rule end
		where id = $1 and state = 'waiting'`, id, maxReads)
	if err != nil {
		return fmt.Errorf("set mail back: %w", err)
	}
	return nil
}

// ReadAgain puts a mail that was kept back in line, because something has become known that may help.
func (q *Queue) ReadAgain(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `update message_in set state = 'waiting', rule = '', attempts = 0 where id = $1 and state = 'kept'`, id); err != nil {
		return fmt.Errorf("read mail again: %w", err)
	}
	if _, err := q.jobs.InsertTx(ctx, tx, readArgs{}, nil); err != nil {
		return fmt.Errorf("read mail again: %w", err)
	}
	return nil
}
