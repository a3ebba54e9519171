package expertpool

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/sweep"
)

// Reminders says whether an expert wants to be reminded of dates that she has promised: so it is until she says otherwise.
func (s *Store) Reminders(ctx context.Context, by account.Actor) (bool, error) {
	wanted := true
	err := s.db.QueryRow(ctx, `select reminders from availability where account_id = $1`, by.ID).Scan(&wanted)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("reminders: %w", err)
	}
	return wanted, nil
}

// KeepReminders says whether the actor, who is an expert, is to be reminded of dates that she has promised.
func (s *Store) KeepReminders(ctx context.Context, by account.Actor, wanted bool) error {
	return s.keepTime(ctx, by, by.ID, "keep_reminders", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update availability set reminders = $2 where account_id = $1`, by.ID, wanted)
		return err
	})
}

// Calendar tells how it stands with the actor's calendar; nil when she lets none be read.
func (s *Store) Calendar(ctx context.Context, by account.Actor) (*Calendar, error) {
	var c Calendar
	var sealed []byte
	err := s.db.QueryRow(ctx, `
		select address, added_at, read_at, paused_at, failed, unread,
			(select count(*) from busy b where b.account_id = c.account_id and b.until_at > $2 and b.from_at < $3)::int
		from busy_calendar c where c.account_id = $1`, by.ID, s.now(), s.now().Add(busyShown)).
		Scan(&sealed, &c.AddedAt, &c.ReadAt, &c.PausedAt, &c.Failed, &c.Unread, &c.Found)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	address, err := s.calendars.open(by.ID, sealed)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("calendar: its address cannot be read")
	}
	c.Host = u.Hostname()
	return &c, nil
}

// KeepCalendar lets the calendar at an address be read from now on, for the first time at once; what was known from another goes. Whether
// reading it went well tells Calendar. Errors: InvalidError (address), ErrNotFound.
func (s *Store) KeepCalendar(ctx context.Context, by account.Actor, address string) error {
	u, err := s.calendars.from.checkCalendar(address)
	if err != nil {
		return err
	}
	sealed, err := s.calendars.seal(by.ID, u.String())
	if err != nil {
		return err
	}
	err = s.keepTime(ctx, by, by.ID, "keep_calendar", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from busy_calendar where account_id = $1`, by.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			insert into busy_calendar (account_id, organisation_id, address, added_at, tried_at, due_at)
			select account_id, organisation_id, $2, $3, $3, $4 from availability where account_id = $1`, by.ID, sealed, s.now(), s.now().Add(readLease))
		return err
	})
	if err != nil {
		return err
	}
	return s.readCalendar(ctx, by.ID)
}

// ReadCalendar reads the actor's calendar now, also when it was left alone. Errors: ErrNotFound, ErrConflict (just_read).
func (s *Store) ReadCalendar(ctx context.Context, by account.Actor) error {
	tag, err := s.db.Exec(ctx, `
		update busy_calendar set tried_at = $2, due_at = $3, paused_at = null, failures = 0
		where account_id = $1 and (tried_at is null or tried_at <= $4)`, by.ID, s.now(), s.now().Add(readLease), s.now().Add(-readAgain))
	if err != nil {
		return fmt.Errorf("read calendar: %w", err)
	}
	if tag.RowsAffected() == 1 {
		return s.readCalendar(ctx, by.ID)
	}
	if c, err := s.Calendar(ctx, by); err != nil || c == nil {
		return errors.Join(account.ErrNotFound, err)
	}
	return account.Refuse(account.ErrConflict, "just_read")
}

// DropCalendar forgets the actor's calendar and all that is known from it.
func (s *Store) DropCalendar(ctx context.Context, by account.Actor) error {
	return s.keepTime(ctx, by, by.ID, "drop_calendar", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from busy_calendar where account_id = $1`, by.ID)
		return err
	})
}

// BusyTimes returns what is known of these people from their calendars within a span, by account. Who lets none be read, or whose was
// never read, is not in the map. The caller has asked for rights.
func BusyTimes(ctx context.Context, q querier, ids []uuid.UUID, within Span, now time.Time) (map[uuid.UUID]Busy, error) {
	found := map[uuid.UUID]Busy{}
	var id uuid.UUID
	var b Busy
	err := each(ctx, q, []any{&id, &b.Fresh, &b.Until}, func() { found[id] = b }, `
		select account_id, read_at > $2, covered_until from busy_calendar where account_id = any($1) and read_at is not null`, array(ids), now.Add(-busyFresh))
	if err != nil || len(found) == 0 {
		return found, err
	}
	var at Span
	err = each(ctx, q, []any{&id, &at.From, &at.Until}, func() {
		b := found[id]
		b.Spans = append(b.Spans, at)
		found[id] = b
	}, `
		select account_id, from_at, until_at from busy
		where account_id = any($1) and until_at > $2 and from_at < $3
		order by account_id, from_at`, array(ids), within.From, within.Until)
	return found, err
}

// RefreshCalendars reads the calendars that are due, sixteen at once, and returns how many it has tried. Two nodes may do so at the same
// time: each takes what the other has not.
func (s *Store) RefreshCalendars(ctx context.Context) (int, error) {
	var tried atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range readAtOnce {
		g.Go(func() error {
			for {
				id, err := s.dueCalendar(ctx)
				if err != nil || id == uuid.Nil {
					return err
				}
				if err := s.readCalendar(ctx, id); err != nil {
					return err
				}
				tried.Add(1)
			}
		})
	}
	if err := g.Wait(); err != nil {
		return int(tried.Load()), fmt.Errorf("refresh calendars: %w", err)
	}
	return int(tried.Load()), nil
}

// dueCalendar takes one that is due, and leaves it to the caller for readLease; uuid.Nil when there is none.
func (s *Store) dueCalendar(ctx context.Context) (id uuid.UUID, err error) {
	err = s.db.QueryRow(ctx, `
		update busy_calendar set due_at = $2, tried_at = $1
		where account_id = (
			select c.account_id from busy_calendar c join expert e on e.account_id = c.account_id join account a on a.id = c.account_id
			where c.due_at <= $1 and c.paused_at is null and e.active and a.disabled_at is null
			order by c.due_at limit 1 for update of c skip locked)
		returning account_id`, s.now(), s.now().Add(readLease)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}

type refreshArgs struct{}

// Kind names the job that wakes RefreshCalendars.
func (refreshArgs) Kind() string { return "expertpool.calendars" }

// InsertOpts says that there is one such job at a time.
func (refreshArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}}}
}

// RegisterCalendars adds the worker that wakes RefreshCalendars, and returns its job. Some calendars take their time.
func (s *Store) RegisterCalendars(w *river.Workers) *river.PeriodicJob {
	return sweep.Register[refreshArgs](w, sweep.Pass{Every: 5 * time.Minute, Timeout: 20 * time.Minute, Do: func(ctx context.Context) error {
		_, err := s.RefreshCalendars(ctx)
		return err
	}})
}
