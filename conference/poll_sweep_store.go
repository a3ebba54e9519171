package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// SweepPolls lets go of holds that have run out, holds the next best dates, reminds those whose answer is missing, tells whoever leads a
// poll that its deadline has passed without them, and closes polls whose dates have all passed, each poll in a transaction of its own. Running twice, or on two nodes, does everything once.
func (s *Store) SweepPolls(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, `select id from poll where closed_at is null order by deadline_at, id`)
	if err != nil {
		return fmt.Errorf("sweep polls: %w", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("sweep polls: %w", err)
	}
	for _, id := range open {
		if err := s.sweepPoll(ctx, id); err != nil {
			return fmt.Errorf("sweep polls: %w", err)
		}
	}
	return nil
}

func (s *Store) sweepPoll(ctx context.Context, id uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		found, err := polls(ctx, tx, `where p.id = $1 and p.closed_at is null for update of p skip locked`, id)
		if err != nil || len(found) == 0 {
			return err // another node is at it, or somebody has decided
		}
		p := found[0]
		if len(p.Ranking(s.Now())) == 0 {
			return s.closePoll(ctx, tx, p, "passed", nil)
		}
		if err := s.remindLate(ctx, tx, p); err != nil {
			return err
		}
		if err := s.tellOverdue(ctx, tx, p); err != nil {
			return err
		}
		return s.weigh(ctx, tx, p)
	})
}

// remindLate reminds those who owe an answer and whose moment has come; not at night, and not soon after somebody has done it by hand.
func (s *Store) remindLate(ctx context.Context, tx pgx.Tx, p Poll) error {
	now, land := s.Now(), ical.State(p.Land)
	if !p.Votable(now) || !DecentTime(now, land).Equal(now) {
		return nil
	}
	for _, v := range p.Waiting() {
		due := pollReminderDue(*v.AskedAt, p.Deadline, v.Reminders, land)
		if due.IsZero() || now.Before(due) || v.RemindedAt != nil && now.Sub(*v.RemindedAt) < reminderGap {
			continue
		}
		if err := s.remind(ctx, tx, p, v, 1); err != nil {
			return err
		}
	}
	return nil
}

// tellOverdue tells whoever leads a poll, once for each deadline, that it has passed and how many have answered; not at night.
func (s *Store) tellOverdue(ctx context.Context, tx pgx.Tx, p Poll) error {
	now := s.Now()
	if p.OverdueAt != nil || !p.Overdue(now) || !DecentTime(now, ical.State(p.Land)).Equal(now) {
		return nil
	}
	if _, err := tx.Exec(ctx, `update poll set overdue_at = $2 where id = $1`, p.ID, now); err != nil {
		return fmt.Errorf("tell of a deadline: %w", err)
	}
	err := s.tellLead(ctx, tx, p, func(to mail.Address, url string) mail.Message { return pollOverdue(p, to, url) })
	if err != nil {
		return fmt.Errorf("tell of a deadline: %w", err)
	}
	return s.recordPoll(ctx, tx, account.Actor{Role: "server"}, p, "tell_overdue", "")
}

// remind writes to somebody who owes an answer, and counts what goes by itself.
func (s *Store) remind(ctx context.Context, tx pgx.Tx, p Poll, v poll.Voice, byItself int) error {
	_, err := tx.Exec(ctx, `update poll_voice set reminded_at = $2, reminders = reminders + $3 where id = $1`, v.ID, s.Now(), byItself)
	if err != nil {
		return fmt.Errorf("remind: %w", err)
	}
	if err := s.askVoice(ctx, tx, p, v, pollReminder); err != nil {
		return fmt.Errorf("remind: %w", err)
	}
	return s.recordPoll(ctx, tx, account.Actor{Role: "server"}, p, "remind_voice", "")
}
