package expertpool

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// reading is a calendar while it is read.
type reading struct {
	account      uuid.UUID
	organisation uuid.UUID
	sealed       []byte
	known        asked
	covered      *time.Time
	failures     int
	zone         string
}

// readCalendar fetches a calendar and keeps what it says, or why that did not work: that is no error.
func (s *Store) readCalendar(ctx context.Context, id uuid.UUID) error {
	r := reading{account: id}
	err := s.db.QueryRow(ctx, `
		select c.organisation_id, c.address, c.etag, c.modified, c.covered_until, c.failures, a.zone
		from busy_calendar c join availability a on a.account_id = c.account_id
		where c.account_id = $1`, id).Scan(&r.organisation, &r.sealed, &r.known.etag, &r.known.modified, &r.covered, &r.failures, &r.zone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // taken back a moment ago
	}
	if err != nil {
		return fmt.Errorf("read calendar: %w", err)
	}
	if r.covered == nil || r.covered.Before(s.now().Add(busyEnough)) {
		r.known = asked{} // an unchanged one would tell nothing of what has come nearer
	}
	a, times, err := s.download(ctx, r)
	var failed *fetchError
	switch {
	case errors.As(err, &failed):
		err = s.calendarFailed(ctx, r, failed.rule)
	case err == nil:
		err = s.calendarRead(ctx, r, a, times)
	}
	if err != nil {
		return fmt.Errorf("read calendar: %w", err)
	}
	return nil
}

// download fetches a calendar and reads it. Of an unchanged one there are no times.
func (s *Store) download(ctx context.Context, r reading) (answer, ical.BusyTimes, error) {
	address, err := s.calendars.open(r.account, r.sealed)
	if err != nil {
		return answer{}, ical.BusyTimes{}, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return answer{}, ical.BusyTimes{}, &fetchError{"address"}
	}
	a, err := s.calendars.from.fetch(ctx, u, r.known)
	if err != nil || a.same {
		return a, ical.BusyTimes{}, err
	}
	own, err := url.Parse(s.url)
	if err != nil {
		return a, ical.BusyTimes{}, err
	}
	times, err := ical.Busy(a.raw, ical.BusyQuery{
		Within: ical.Span{From: s.now(), Until: s.now().Add(busyCovers)}, Zone: Availability{Zone: r.zone}.Location(), Own: own.Hostname(),
	})
	var invalid *ical.InvalidError
	if errors.As(err, &invalid) {
		return a, times, &fetchError{"unreadable"}
	}
	return a, times, err
}

// calendarRead replaces what was known, unless another address was given meanwhile.
func (s *Store) calendarRead(ctx context.Context, r reading, a answer, times ical.BusyTimes) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			update busy_calendar set read_at = $3, due_at = $4, failures = 0, failed = '', etag = $5, modified = $6
			where account_id = $1 and address = $2`, r.account, r.sealed, s.now(), s.now().Add(nextRead(0)), a.etag, a.modified)
		if err != nil || tag.RowsAffected() == 0 || a.same {
			return err
		}
		if _, err := tx.Exec(ctx, `
			update busy_calendar set covered_until = $2, unread = $3 where account_id = $1`, r.account, s.now().Add(busyCovers), times.Unread); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from busy where account_id = $1`, r.account); err != nil {
			return err
		}
		from, until := make([]time.Time, len(times.Spans)), make([]time.Time, len(times.Spans))
		for i, b := range times.Spans {
			from[i], until[i] = b.From, b.Until
		}
		_, err = tx.Exec(ctx, `
			insert into busy (account_id, from_at, until_at) select $1, * from unnest($2::timestamptz[], $3::timestamptz[])`, r.account, from, until)
		return err
	})
}

// calendarFailed notes a failure. After too many in a row the calendar is left alone, and its owner told so once.
func (s *Store) calendarFailed(ctx context.Context, r reading, rule string) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		failures := r.failures + 1
		tag, err := tx.Exec(ctx, `
			update busy_calendar set failures = $3, failed = $4, due_at = $5, paused_at = case when $3::int >= $6::int then $7::timestamptz end
			where account_id = $1 and address = $2`, r.account, r.sealed, failures, rule, s.now().Add(nextRead(failures)), maxFailures, s.now())
		if err != nil || tag.RowsAffected() == 0 || failures != maxFailures {
			return err
		}
		var to mail.Address
		if err := tx.QueryRow(ctx, `select name, email from account where id = $1`, r.account).Scan(&to.Name, &to.Email); err != nil {
			return err
		}
		if to.Email != "" {
			if err := s.sendIfPossible(ctx, tx, r.organisation, r.account.String(), to, calendarLost(s.url+"/me/busy")); err != nil {
				return err
			}
		}
		return s.did(ctx, tx, r.organisation, "pause_calendar", "expert", r.account)
	})
}

func calendarLost(url string) letter {
	return letter{"calendar", "Ihr Kalender lässt sich nicht mehr lesen", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"Sie haben konsil erlaubt, Ihre belegten Zeiten aus Ihrem Kalender zu lesen. Das ist mehrmals hintereinander nicht gelungen; wir versuchen es deshalb nicht weiter.",
			"Bis Sie die Adresse erneuern, fragen wir bei der Terminsuche nach, statt in den Kalender zu sehen.",
		},
		Button: "Kalender ansehen", URL: url, Foot: []string{signature},
	}}
}
