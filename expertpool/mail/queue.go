package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Config is what an installation decides about its mail.
type Config struct {
	From      string    // "termine@example.org" or "Name <termine@example.org>": sender of every mail, organizer of every date
	Host      string    // public domain, right half of every Message-ID
	Transport Transport // the way out
	Bounces   bool      // mail comes in: each mail leaves with a return path of its own, so that a bounce tells which one it was
	NoFile    bool      // a date stands in the mail only, and is not attached as a file too
}

// Queue holds the mails of an installation. It is made once, lasts as long as the program and may be used from many
// goroutines. The way a queued mail leaves is the River worker that Register adds; any node may run it.
type Queue struct {
	db        *pgxpool.Pool
	from      netmail.Address
	host      string
	transport Transport
	bounces   bool
	noFile    bool
	jobs      *river.Client[pgx.Tx]            // inserts only
	pause     func(attempts int) time.Duration // before the next try of a mail
}

// New returns the queue of an installation, or *InvalidError about its configuration.
func New(db *pgxpool.Pool, cfg Config) (*Queue, error) {
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil || !isMailbox(from.Address) || !isHeaderText(from.Name, maxName) {
		return nil, &InvalidError{"From", "address"}
	}
	if !isDomain(cfg.Host) {
		return nil, &InvalidError{"Host", "domain"}
	}
	if cfg.Transport == nil {
		return nil, &InvalidError{"Transport", "required"}
	}
	if local, _, _ := strings.Cut(from.Address, "@"); cfg.Bounces && len(local)+len("+"+bouncePrefix)+32 > 64 { // RFC 5321 §4.5.3.1.1
		return nil, &InvalidError{"From", "too-long-for-return-paths"}
	}
	jobs, err := river.NewClient(riverpgxv5.New(db), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("mail queue: %w", err)
	}
	from.Address = strings.ToLower(from.Address) // equal to ORGANIZER, octet by octet
	return &Queue{db, *from, strings.ToLower(cfg.Host), cfg.Transport, cfg.Bounces, cfg.NoFile, jobs, pauseAfter}, nil
}

// Enqueue writes the mail and its job in tx and returns the mail's id. It is rendered now, once and for all. Until
// tx ends, other transactions that queue mail in the same thread wait. Errors about the message are *InvalidError. The
// same state of a date, by SEQUENCE and DTSTAMP, is not queued twice in a thread with one Method: the database refuses it.
func (q *Queue) Enqueue(ctx context.Context, tx pgx.Tx, m Message) (uuid.UUID, error) {
	ids, err := q.EnqueueAll(ctx, tx, m)
	if err != nil {
		return uuid.Nil, err
	}
	return ids[0], nil
}

// EnqueueAll is Enqueue for any number of mails, in as many statements as for one, and returns their ids. Those of one
// thread are queued in the order of the list.
func (q *Queue) EnqueueAll(ctx context.Context, tx pgx.Tx, list ...Message) ([]uuid.UUID, error) {
	for _, m := range list {
		if err := q.accepts(m); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	first, err := takeThreads(ctx, tx, list)
	if err != nil {
		return nil, fmt.Errorf("queue mail: %w", err)
	}
	mails := make([]queued, len(list))
	ids, jobs := make([]uuid.UUID, len(list)), make([]river.InsertManyParams, len(list))
	for i, m := range list {
		if mails[i], err = q.queued(m, first); err != nil {
			return nil, fmt.Errorf("queue mail: %w", err)
		}
		ids[i], jobs[i].Args = mails[i].id, deliverArgs{mails[i].id}
	}
	if err := insertMessages(ctx, tx, mails); err != nil {
		return nil, fmt.Errorf("queue mail: %w", err)
	}
	if _, err := q.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return nil, fmt.Errorf("queue mail: %w", err)
	}
	return ids, nil
}

func (q *Queue) accepts(m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	if strings.EqualFold(m.To.Email, q.from.Address) || strings.EqualFold(m.To.Email, m.From) {
		return &InvalidError{"To", "is-sender"} // would come back as an answer from outside
	}
	return nil
}

// takeThreads locks the threads of mails and returns the Message-ID that each began with; those that open are in neither.
func takeThreads(ctx context.Context, tx pgx.Tx, list []Message) (first map[string]string, err error) {
	var names, referring []string
	for _, m := range list {
		if m.Opens {
			continue
		}
		names = append(names, m.Thread)
		if m.refers() {
			referring = append(referring, m.Thread)
		}
	}
	if err := lockThreads(ctx, tx, names); err != nil {
		return nil, err
	}
	return firstMessageIDs(ctx, tx, referring)
}

// refers tells whether a mail is to refer to the first of its thread.
func (m Message) refers() bool { return m.InReplyTo == "" && len(m.Calendar) > 0 }

// queued is a mail that is written and not yet stored.
type queued struct {
	Message
	envelope
	id  uuid.UUID
	raw []byte
}

// queued writes a mail. first are the Message-IDs that threads began with, and becomes so of those that begin here.
func (q *Queue) queued(m Message, first map[string]string) (queued, error) {
	w := queued{Message: m, envelope: q.envelope(m), id: uuid.New()} // random: the outbox page shows it
	if m.refers() {
		w.reply = first[m.Thread]
	}
	if first[m.Thread] == "" {
		first[m.Thread] = w.messageID
	}
	var err error
	w.raw, err = render(m, w.envelope)
	return w, err
}

func (q *Queue) envelope(m Message) envelope {
	e := envelope{from: q.from, noFile: q.noFile, messageID: "<" + uuid.NewString() + "@" + q.host + ">", reply: m.InReplyTo, date: time.Now()}
	if m.From != "" {
		e.from.Address = strings.ToLower(m.From)
	}
	return e
}

// Rendered is a mail as it would leave first in its thread, without being queued: to be measured, or looked at.
func (q *Queue) Rendered(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return render(m, q.envelope(m))
}

// Register adds the delivery of mails to the workers of the program's River client.
func (q *Queue) Register(w *river.Workers) { river.AddWorker(w, &deliverWorker{q: q}) }

// Supersede drops the messages of threads that have not started to leave: a cancellation overtakes an unsent update.
// One that is leaving at this moment stays, leaves first, and counts as sent.
func (q *Queue) Supersede(ctx context.Context, tx pgx.Tx, threads ...string) error {
	if len(threads) == 0 {
		return nil
	}
	if err := lockThreads(ctx, tx, threads); err != nil {
		return fmt.Errorf("supersede mail: %w", err)
	}
	_, err := tx.Exec(ctx, `
		update message_out
		set state = 'superseded'
		where thread = any($1) and state = 'queued' and not in_doubt`, threads)
	if err != nil {
		return fmt.Errorf("supersede mail: %w", err)
	}
	return nil
}

// LastDate returns the calendar part of the newest mail of a thread that told a date and may have reached its recipient: the date as she has
// it. It is nil when there is none.
func (q *Queue) LastDate(ctx context.Context, tx pgx.Tx, thread string) ([]byte, error) {
	var raw []byte
	err := tx.QueryRow(ctx, `
		select calendar from message_out
		where thread = $1 and method in ('REQUEST', 'CANCEL') and (state = 'sent' or in_doubt)
		order by position desc limit 1`, thread).Scan(&raw)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("last date: %w", err)
	}
	return raw, nil
}

// Sent returns those of some threads of which anything may have reached its recipient: then a cancellation is owed. Asked
// after Supersede in the same tx the answer cannot change until tx ends.
func (q *Queue) Sent(ctx context.Context, tx pgx.Tx, threads ...string) ([]string, error) {
	if len(threads) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		select distinct thread from message_out
		where thread = any($1) and (state = 'sent' or in_doubt)`, threads)
	if err != nil {
		return nil, fmt.Errorf("sent mail: %w", err)
	}
	sent, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("sent mail: %w", err)
	}
	return sent, nil
}
