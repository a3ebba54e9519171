package conference

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// FindDates looks for dates that a round can keep, for a request that waits. It is advice for the moment: Convene does not hold anybody to it.
// Errors: InvalidError, ErrNotFound, ErrDenied, ErrConflict when the request is decided already.
func (s *Store) FindDates(ctx context.Context, by account.Actor, request uuid.UUID, d DateSearch) (Dates, error) {
	if err := d.validate(); err != nil {
		return Dates{}, err
	}
	return s.findDates(ctx, by, d, func(tx pgx.Tx) (Request, error) { return s.waiting(ctx, tx, by, request, "") })
}

// FindTopicDates looks for dates for a topic that is thought of, as FindDates does for a request. Errors: InvalidError, ErrDenied.
func (s *Store) FindTopicDates(ctx context.Context, by account.Actor, topic string, d DateSearch) (Dates, error) {
	if !by.May(account.Convene) {
		return Dates{}, account.ErrDenied
	}
	if err := d.validate(); err != nil {
		return Dates{}, err
	}
	return s.findDates(ctx, by, d, func(pgx.Tx) (Request, error) { return Request{Organisation: by.Organisation, Question: topic}, nil })
}

// findDates looks for dates of what is asked.
func (s *Store) findDates(ctx context.Context, by account.Actor, d DateSearch, asked func(pgx.Tx) (Request, error)) (Dates, error) {
	var a calendarAsk
	var own ical.State
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		r, err := asked(tx)
		if err != nil {
			return err
		}
		if own, err = landOf(ctx, tx, r.Organisation); err != nil {
			return err
		}
		d.Land = cmp.Or(d.Land, own)
		a, err = s.dateAsk(ctx, tx, by, r, d)
		return err
	})
	if err != nil {
		return Dates{}, fmt.Errorf("find dates: %w", err)
	}
	t, err := slot.New(a.ask)
	if err != nil {
		return Dates{}, fmt.Errorf("find dates: %w", err)
	}
	found := a.answer(d, t)
	found.Land = own
	return found, nil
}

// dateAsk gathers what is known of those who could be asked.
func (s *Store) dateAsk(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, d DateSearch) (calendarAsk, error) {
	r.Disciplines = nil
	for _, w := range d.Wishes {
		if !slices.Contains(r.Disciplines, w.Discipline) {
			r.Disciplines = append(r.Disciplines, w.Discipline)
		}
	}
	benches, err := s.suggest(ctx, tx, by, r, Occasion{Length: d.Length})
	if err != nil {
		return calendarAsk{}, err
	}
	from := r.soonest(s.Now())
	promised, err := booked(ctx, tx, by.Network, from, r.ID)
	if err != nil {
		return calendarAsk{}, err
	}
	calendars, err := calendarsOf(ctx, tx, benches, expertpool.Span{From: from, Until: s.Now().AddDate(0, 0, 7*d.Weeks)}, s.Now())
	if err != nil {
		return calendarAsk{}, err
	}
	return askFor(d, benches, promised, calendars, from.Add(slot.Quarter-1), s.Now()), nil
}

// calendarsOf is what is known from the calendars of everybody on the benches.
func calendarsOf(ctx context.Context, tx pgx.Tx, benches []expertpool.Bench, within expertpool.Span, now time.Time) (map[uuid.UUID]expertpool.Busy, error) {
	var ids []uuid.UUID
	for _, b := range benches {
		for _, s := range b.Suggestions {
			ids = append(ids, s.ID)
		}
	}
	return expertpool.BusyTimes(ctx, tx, ids, within, now)
}

// booked are the dates that experts of a network have been asked for and have not declined, and those that a poll of another request
// keeps free.
func booked(ctx context.Context, tx pgx.Tx, network uuid.UUID, from time.Time, request uuid.UUID) (map[uuid.UUID][]expertpool.Span, error) {
	rows, err := tx.Query(ctx, `
		select i.account_id, c.starts_at, c.ends_at
		from invitation i join conference c on c.id = i.conference_id join expert e on e.account_id = i.account_id join seat t on t.id = i.seat_id
		where e.network_id = $1 and c.ends_at > $2 and c.form = 'video' and not t.written and c.state in ('inviting', 'quorate', 'live') and i.state in ('offered', 'tentative', 'accepted')
		union all
		select s.held_by, o.starts_at, o.starts_at + p.length_minutes * interval '1 minute'
		from poll_seat s join poll p on p.id = s.poll_id join poll_option o on o.poll_id = p.id and o.held_until is not null
		join expert e on e.account_id = s.held_by
		where e.network_id = $1 and o.starts_at + p.length_minutes * interval '1 minute' > $2 and p.closed_at is null and p.request_id <> $3`,
		network, from, request)
	if err != nil {
		return nil, fmt.Errorf("booked: %w", err)
	}
	found := map[uuid.UUID][]expertpool.Span{}
	var id uuid.UUID
	var at expertpool.Span
	if _, err := pgx.ForEachRow(rows, []any{&id, &at.From, &at.Until}, func() error {
		found[id] = append(found[id], at)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("booked: %w", err)
	}
	return found, nil
}
