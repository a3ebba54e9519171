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
// tx ends, other transactions that queue mail in the same thread wait. Errors about the message are *InvalidError.
func (q *Queue) Enqueue(ctx context.Context, tx pgx.Tx, m Message) (uuid.UUID, error) {
	if err := m.check(); err != nil {
		return uuid.Nil, err
	}
	if strings.EqualFold(m.To.Email, q.from.Address) || strings.EqualFold(m.To.Email, m.From) {
		return uuid.Nil, &InvalidError{"To", "is-sender"} // would come back as an answer from outside
	}
	if err := lockThread(ctx, tx, m.Thread); err != nil {
		return uuid.Nil, fmt.Errorf("queue mail: %w", err)
	}
	e := q.envelope(m)
	if e.reply == "" && len(m.Calendar) > 0 {
		first, err := firstMessageID(ctx, tx, m.Thread)
		if err != nil {
			return uuid.Nil, fmt.Errorf("queue mail: %w", err)
		}
		e.reply = first
	}
	raw, err := render(m, e)
	if err != nil {
		return uuid.Nil, fmt.Errorf("queue mail: %w", err)
	}
	id := uuid.New() // random: the outbox page shows it
	if err := insertMessage(ctx, tx, id, m, e, raw); err != nil {
		return uuid.Nil, fmt.Errorf("queue mail: %w", err)
	}
	if _, err := q.jobs.InsertTx(ctx, tx, deliverArgs{id}, nil); err != nil {
		return uuid.Nil, fmt.Errorf("queue mail: %w", err)
	}
	return id, nil
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

// Supersede drops the messages of a thread that have not started to leave: a cancellation overtakes an unsent update.
// One that is leaving at this moment stays, leaves first, and counts as sent.
func (q *Queue) Supersede(ctx context.Context, tx pgx.Tx, thread string) error {
	if err := lockThread(ctx, tx, thread); err != nil {
		return fmt.Errorf("supersede mail: %w", err)
	}
	_, err := tx.Exec(ctx, `
		update message_out
		set state = 'superseded'
		where thread = $1 and state = 'queued' and not in_doubt`, thread)
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

// Sent reports whether anything of a thread may have reached its recipient: then a cancellation is owed. Asked after
// Supersede in the same tx the answer cannot change until tx ends.
func (q *Queue) Sent(ctx context.Context, tx pgx.Tx, thread string) (bool, error) {
	var sent bool
	err := tx.QueryRow(ctx, `
		select exists (
			select from message_out
			where thread = $1 and (state = 'sent' or in_doubt))`, thread).Scan(&sent)
	if err != nil {
		return false, fmt.Errorf("sent mail: %w", err)
	}
	return sent, nil
}
