package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrNotFound means that there is no such mail.
var ErrNotFound = errors.New("mail: not found")

// Item is a mail as the outbox shows it. State is queued, sent, failed or superseded; Via names the transport that
// took it. LastError has a step and a code, never an address. TriedAt and SentAt are nil until they happen.
type Item struct {
	ID           uuid.UUID  `db:"id"`
	Organisation uuid.UUID  `db:"organisation_id"`
	Thread       string     `db:"thread"`
	Kind         string     `db:"kind"`
	Conference   string     `db:"conference"`
	From         string     `db:"sender"`
	ToName       string     `db:"to_name"`
	ToEmail      string     `db:"to_email"`
	Subject      string     `db:"subject"`
	Text         string     `db:"body_text"`
	HTML         string     `db:"body_html"`
	Calendar     []byte     `db:"calendar"`
	Method       string     `db:"method"`
	MessageID    string     `db:"message_id"`
	State        string     `db:"state"`
	Via          string     `db:"via"`
	Attempts     int        `db:"attempts"`
	LastError    string     `db:"last_error"`
	QueuedAt     time.Time  `db:"queued_at"`
	TriedAt      *time.Time `db:"tried_at"`
	SentAt       *time.Time `db:"sent_at"`
}

const itemColumns = `
	select id, organisation_id, thread, kind, conference, sender, to_name, to_email, subject, body_text, body_html,
		calendar, method, message_id, state, via, attempts, last_error, queued_at, tried_at, sent_at
	from message_out`

// Outbox returns the newest mails of all organisations, newest first, at most limit (1 to 500). It is the mailbox of
// evaluation mode: whoever shows it elsewhere shows every organisation's mail.
func (q *Queue) Outbox(ctx context.Context, limit int) ([]Item, error) {
	rows, err := q.db.Query(ctx, itemColumns+`
		order by position desc
		limit $1`, min(max(limit, 1), 500))
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByName[Item])
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return items, nil
}

// Item returns one mail of whatever organisation, or ErrNotFound. See Outbox.
func (q *Queue) Item(ctx context.Context, id uuid.UUID) (Item, error) {
	rows, err := q.db.Query(ctx, itemColumns+`
		where id = $1`, id)
	if err != nil {
		return Item{}, fmt.Errorf("outbox: %w", err)
	}
	item, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Item])
	if errors.Is(err, pgx.ErrNoRows) {
		return Item{}, ErrNotFound
	}
	if err != nil {
		return Item{}, fmt.Errorf("outbox: %w", err)
	}
	return item, nil
}
