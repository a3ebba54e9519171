package trial

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Store holds tests and what people have chosen about their calendars. All fields are required but UTC.
type Store struct {
	DB        *pgxpool.Pool
	Mails     *mail.Queue
	URL       string // public address, without a slash at the end
	Organizer string
	Now       func() time.Time
	UTC       bool // dates go out in UTC
}

// Own is the actor's test; nil when she has none. private is whether her dates are marked so.
func (s *Store) Own(ctx context.Context, by account.Actor) (t *Trial, private bool, err error) {
	err = pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if private, err = prefersPrivate(ctx, tx, by); err != nil {
			return err
		}
		found, err := own(ctx, tx, by, "")
		if errors.Is(err, account.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select at, said, sequence < $2 from test_answer where test_id = $1 order by id`, found.ID, found.sequence)
		if err != nil {
			return err
		}
		found.Answers, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Answer])
		t = &found
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("own test: %w", err)
	}
	return t, private, nil
}

// Begin sends the actor an invitation. One that is not called off yet has to be first. Errors: ErrDenied; ErrConflict with trial_runs or
// trial_often; InvalidError when no mail can reach her.
func (s *Store) Begin(ctx context.Context, by account.Actor) error {
	return s.step(ctx, by, "begin_trial", func(tx pgx.Tx) (Trial, error) {
		old, err := own(ctx, tx, by, " for update")
		if err == nil && old.Step != Cancelled {
			return old, account.Refuse(account.ErrConflict, "trial_runs")
		}
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return old, err
		}
		if _, err := tx.Exec(ctx, `delete from test_invitation where account_id = $1`, by.ID); err != nil {
			return old, err
		}
		host, err := url.Parse(s.URL)
		if err != nil {
			return old, err
		}
		start := day(s.Now())
		t := Trial{
			ID: uuid.New(), Step: Asked, StartsAt: start, EndsAt: start.Add(30 * time.Minute), uid: ical.NewUID(host.Hostname()),
			stamped: s.Now().UTC().Truncate(time.Second), organizer: s.Organizer,
		}
		_, err = tx.Exec(ctx, `
			insert into test_invitation (id, account_id, organisation_id, uid, sequence, stamped_at, organizer, starts_at, ends_at, step)
			values ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9)`, t.ID, by.ID, by.Organisation, t.uid, t.stamped, t.organizer, t.StartsAt, t.EndsAt, t.Step)
		return t, err
	})
}

// Move sends the invitation for the day after, later: calendars have to ask again. Errors as of Begin; ErrNotFound, or ErrConflict with
// trial_over, when there is nothing to move.
func (s *Store) Move(ctx context.Context, by account.Actor) error {
	return s.change(ctx, by, "move_trial", func(t *Trial) {
		t.Step, t.StartsAt, t.EndsAt = Moved, t.StartsAt.AddDate(0, 0, 1).Add(4*time.Hour), t.EndsAt.AddDate(0, 0, 1).Add(4*time.Hour)
	})
}

// Cancel calls the date off. Errors as of Move.
func (s *Store) Cancel(ctx context.Context, by account.Actor) error {
	return s.change(ctx, by, "cancel_trial", func(t *Trial) { t.Step = Cancelled })
}

func (s *Store) change(ctx context.Context, by account.Actor, did string, how func(*Trial)) error {
	return s.step(ctx, by, did, func(tx pgx.Tx) (Trial, error) {
		t, err := own(ctx, tx, by, " for update")
		if err != nil {
			return t, err
		}
		if t.Step == Cancelled {
			return t, account.Refuse(account.ErrConflict, "trial_over")
		}
		how(&t)
		t.sequence++ // RFC 5546 §2.1.4
		if now := s.Now().UTC().Truncate(time.Second); now.After(t.stamped) {
			t.stamped = now
		} else {
			t.stamped = t.stamped.Add(time.Second)
		}
		_, err = tx.Exec(ctx, `
			update test_invitation set step = $2, sequence = $3, stamped_at = $4, starts_at = $5, ends_at = $6
			where id = $1`, t.ID, t.Step, t.sequence, t.stamped, t.StartsAt, t.EndsAt)
		return t, err
	})
}

// step does something to the actor's test, mails it, and records it.
func (s *Store) step(ctx context.Context, by account.Actor, did string, do func(pgx.Tx) (Trial, error)) error {
	if !by.May(account.ManageOwnAccount) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		t, err := do(tx)
		if err != nil {
			return err
		}
		if err := s.send(ctx, tx, by, t); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.Now(), did, "account", by.ID.String()))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func (s *Store) send(ctx context.Context, tx pgx.Tx, by account.Actor, t Trial) error {
	var to mail.Address
	var today int
	err := tx.QueryRow(ctx, `
		select name, email, (select count(*) from message_out m where m.kind = $2 and m.to_email = a.email and m.queued_at > now() - interval '1 day')
		from account a where id = $1`, by.ID, kind).Scan(&to.Name, &to.Email, &today)
	switch {
	case err != nil:
		return err
	case to.Email == "":
		return &account.InvalidError{Field: "email", Rule: "required"}
	case today >= most && t.Step != Cancelled: // what was begun can be ended
		return account.Refuse(account.ErrConflict, "trial_often")
	}
	private, err := prefersPrivate(ctx, tx, by)
	if err != nil {
		return err
	}
	m := t.letter(to, when(t), s.page())
	m.Organisation, m.Method = by.Organisation, "REQUEST"
	render := ical.Request
	if t.Step == Cancelled {
		m.Method, render = "CANCEL", ical.Cancel
	}
	if m.Calendar, err = render(t.event(to, s.zone(), s.page(), private)); err != nil {
		return err
	}
	_, err = s.Mails.Enqueue(ctx, tx, m)
	return err
}

func (s *Store) page() string { return s.URL + "/me/calendar" }

func (s *Store) zone() string {
	if s.UTC {
		return "UTC"
	}
	return expertpool.Zone().String()
}

func when(t Trial) string {
	local := t.StartsAt.In(expertpool.Zone())
	return local.Format("02.01.2006, 15:04") + "–" + t.EndsAt.In(expertpool.Zone()).Format("15:04") + " Uhr"
}

// Tick keeps what she has seen, of Checks; others are left out. ErrNotFound without a test.
func (s *Store) Tick(ctx context.Context, by account.Actor, seen []string) error {
	known := slices.Concat(Checks()[Asked], Checks()[Moved], Checks()[Cancelled])
	seen = slices.DeleteFunc(slices.Clone(seen), func(check string) bool { return !slices.Contains(known, check) })
	slices.Sort(seen)
	if seen = slices.Compact(seen); seen == nil {
		seen = []string{}
	}
	return s.recorded(ctx, by, "tick_trial", func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update test_invitation set ticks = $2 where account_id = $1`, by.ID, seen)
		if err == nil && done.RowsAffected() == 0 {
			err = account.ErrNotFound
		}
		return err
	})
}

// Choose says whether the actor's dates are marked private from now on.
func (s *Store) Choose(ctx context.Context, by account.Actor, private bool) error {
	return s.recorded(ctx, by, "choose_private", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into calendar_choice (account_id, private) values ($1, $2)
			on conflict (account_id) do update set private = excluded.private`, by.ID, private)
		return err
	})
}

func (s *Store) recorded(ctx context.Context, by account.Actor, did string, do func(pgx.Tx) error) error {
	if !by.May(account.ManageOwnAccount) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.Now(), did, "account", by.ID.String()))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func prefersPrivate(ctx context.Context, tx pgx.Tx, by account.Actor) (private bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from calendar_choice where account_id = $1 and private)`, by.ID).Scan(&private)
	return private, err
}

func own(ctx context.Context, tx pgx.Tx, by account.Actor, lock string) (Trial, error) {
	var t Trial
	err := tx.QueryRow(ctx, `
		select id, step, starts_at, ends_at, ticks, uid, sequence, stamped_at, organizer
		from test_invitation where account_id = $1`+lock, by.ID).
		Scan(&t.ID, &t.Step, &t.StartsAt, &t.EndsAt, &t.Ticks, &t.uid, &t.sequence, &t.stamped, &t.organizer)
	if errors.Is(err, pgx.ErrNoRows) {
		err = account.ErrNotFound
	}
	return t, err
}

// Received takes what came back for a test: mine is false for all other mail, and then nothing has happened. A test that is gone already
// still owns what comes back for it.
func (s *Store) Received(ctx context.Context, tx pgx.Tx, in mail.Inbound) (v mail.Verdict, mine bool, err error) {
	said, uid, sequence := "unclear", "", 0
	if in.Calendar != nil {
		if o, err := ical.Parse(in.Calendar); err == nil {
			said, uid, sequence = meaning(o), o.UID, o.Sequence
		}
	}
	if in.Report != nil && in.Report.Action == "failed" {
		said = "came_back"
	}
	v = mail.Verdict{State: mail.Done, Rule: kind, Detail: said}
	var answers int
	err = tx.QueryRow(ctx, `
		select t.id::text, t.organisation_id, (select count(*) from test_answer where test_id = t.id)
		from test_invitation t
		where t.uid = $1 or t.id::text in (select thread from message_out where kind = $4 and (id = $2 or message_id = any($3)))
		order by t.uid = $1 desc limit 1`, uid, in.Bounced, in.Refers, kind).Scan(&v.Thread, &v.Organisation, &answers)
	if errors.Is(err, pgx.ErrNoRows) {
		return s.receivedLate(ctx, tx, in)
	}
	if err != nil {
		return v, false, fmt.Errorf("test answer: %w", err)
	}
	if in.Automatic && in.Report == nil && in.Calendar == nil || in.Report != nil && said != "came_back" || answers >= 100 {
		v.State = mail.Ignored // a holiday reply, a delay, or a flood
		return v, true, nil
	}
	_, err = tx.Exec(ctx, `insert into test_answer (test_id, at, said, sequence) values ($1, $2, $3, $4)`, v.Thread, s.Now(), said, sequence)
	if err != nil {
		return v, false, fmt.Errorf("test answer: %w", err)
	}
	return v, true, nil
}

// receivedLate recognises what comes back for a test that has been replaced.
func (s *Store) receivedLate(ctx context.Context, tx pgx.Tx, in mail.Inbound) (v mail.Verdict, mine bool, err error) {
	v = mail.Verdict{State: mail.Ignored, Rule: kind}
	err = tx.QueryRow(ctx, `
		select thread, organisation_id from message_out
		where kind = $3 and (id = $1 or message_id = any($2)) limit 1`, in.Bounced, in.Refers, kind).Scan(&v.Thread, &v.Organisation)
	if errors.Is(err, pgx.ErrNoRows) {
		return mail.Verdict{}, false, nil
	}
	if err != nil {
		return v, false, fmt.Errorf("test answer: %w", err)
	}
	return v, true, nil
}
