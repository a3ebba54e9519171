package conference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool/account"
)

// StartPoll asks for a few dates of a waiting request those of whom it is not known whether they can. Who would be in the best rounds
// is in it; for a seat that anybody of a discipline can take, at least two people. Who is known to be free or busy at every option is
// counted and not asked. Errors: InvalidError (wishes, options, deadline), ErrNotFound, ErrDenied, ErrConflict (request_decided,
// poll_running, poll_nothing_open).
func (s *Store) StartPoll(ctx context.Context, by account.Actor, request uuid.UUID, d PollDraft) (uuid.UUID, error) {
	var p Poll
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.deciding(ctx, tx, by, request)
		if err != nil {
			return err
		}
		own, err := landOf(ctx, tx, r.Organisation)
		if err != nil {
			return err
		}
		d.Land, d.Weeks = cmp.Or(d.Land, own), maxWeeks
		if err := d.check(s.Now(), r.Urgency == "urgent"); err != nil {
			return err
		}
		if p, err = s.draftPoll(ctx, tx, by, r, d); err != nil {
			return err
		}
		if err := insertPoll(ctx, tx, p); err != nil {
			return err
		}
		if err := s.askVoices(ctx, tx, p, pollAsked); err != nil {
			return err
		}
		if err := s.recordPoll(ctx, tx, by, p, "start_poll", ""); err != nil {
			return err
		}
		return s.weigh(ctx, tx, p)
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("start poll: %w", err)
	}
	return p.ID, nil
}

func (s *Store) draftPoll(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, d PollDraft) (Poll, error) {
	now := s.Now()
	p := Poll{
		ID: uuid.New(), Organisation: r.Organisation, Network: r.Network, CaseID: r.CaseID, RequestID: r.ID, Length: d.Length, Land: string(d.Land),
		Urgent: r.Urgency == "urgent", StartedBy: by.ID, StartedAt: now, Deadline: d.Deadline,
	}
	_, err := onePoll(ctx, tx, `where p.request_id = $1 and p.closed_at is null`, r.ID)
	if err == nil {
		return p, account.Refuse(account.ErrConflict, "poll_running")
	}
	if !errors.Is(err, account.ErrNotFound) {
		return p, err
	}
	if p.Code, err = s.codeFor(ctx, tx, by, r); err != nil {
		return p, err
	}
	sounded, err := s.sound(ctx, tx, by, r, d.DateSearch)
	if err != nil {
		return p, err
	}
	for _, w := range d.Wishes {
		p.Seats = append(p.Seats, poll.Seat(w))
	}
	for _, at := range d.Options {
		p.Options = append(p.Options, poll.Option{ID: uuid.New(), Start: at})
	}
	if p.Voices, err = sounded.voices(p); err != nil {
		return p, err
	}
	for i, v := range p.Voices {
		if len(v.Votes) < len(p.Options) {
			p.Voices[i].AskedAt = &now
		}
	}
	if p.Asked() == 0 {
		return p, account.Refuse(account.ErrConflict, "poll_nothing_open")
	}
	return p, nil
}

// sounding is what is known of people's time, worked out.
type sounding struct {
	calendarAsk
	table *slot.Table
}

// sound looks at everybody who could be asked. Whether a date is one for conferences is not asked: the coordination has chosen it.
func (s *Store) sound(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, d DateSearch) (sounding, error) {
	a, err := s.dateAsk(ctx, tx, by, r, d)
	if err != nil {
		return sounding{}, err
	}
	grid := a.ask.Grid
	grid.Span(a.ask.Open, grid.At(0), grid.At(grid.Len()))
	t, err := slot.New(a.ask)
	return sounding{a, t}, err
}

// known is what is known of everybody at a date; who is not in it may or may not be free.
func (s sounding) known(at time.Time) map[uuid.UUID]poll.Cast {
	found, start := map[uuid.UUID]poll.Cast{}, s.ask.Grid.Index(at)
	for _, seat := range s.ask.Seats {
		for _, p := range seat.Persons {
			if c := s.at(p, start); c.Vote.Said() {
				found[s.people[p].ID] = c
			}
		}
	}
	return found
}

// voices chooses who matters to a poll, with what is known of each at every option.
func (s sounding) voices(p Poll) ([]poll.Voice, error) {
	chosen := map[int]bool{}
	for _, o := range p.Options {
		best, is := s.table.At(o.Start)
		if !is {
			return nil, &account.InvalidError{Field: "options", Rule: "nobody"}
		}
		for _, k := range best.Taken {
			if k.Person >= 0 {
				chosen[k.Person] = true
			}
		}
	}
	for i, seat := range p.Seats {
		if seat.Expert == uuid.Nil {
			s.second(p, i, chosen)
		}
	}
	var found []poll.Voice
	for _, k := range slices.Sorted(maps.Keys(chosen)) {
		who := s.people[k]
		found = append(found, poll.Voice{
			ID: uuid.New(), Account: who.ID, Discipline: who.Discipline, House: s.ask.Persons[k].House, Votes: map[uuid.UUID]poll.Cast{},
		})
	}
	for _, o := range p.Options {
		known := s.known(o.Start)
		for _, v := range found {
			if c, is := known[v.Account]; is {
				v.Votes[o.ID] = c
			}
		}
	}
	return found, nil
}

// second adds people to those who are chosen until there are enough for a seat that anybody of a discipline can take.
func (s sounding) second(p Poll, seat int, chosen map[int]bool) {
	enough := 0
	for _, k := range s.ask.Seats[seat].Persons {
		if chosen[k] {
			enough++
		}
	}
	for _, o := range p.Options {
		for _, k := range s.table.Takers(seat, s.ask.Grid.Index(o.Start)) {
			if enough >= enoughAsked {
				return
			}
			if !chosen[k.Person] {
				chosen[k.Person] = true
				enough++
			}
		}
	}
}

// Poll returns the latest poll of a request, for the coordination. Errors: ErrNotFound, ErrDenied.
func (s *Store) Poll(ctx context.Context, by account.Actor, request uuid.UUID) (Poll, error) {
	var p Poll
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		p, err = s.pollOf(ctx, tx, by, request, "")
		return err
	})
	if err != nil {
		return Poll{}, fmt.Errorf("poll: %w", err)
	}
	return p, nil
}

// pollOf returns the latest poll of a request that the actor may decide on.
func (s *Store) pollOf(ctx context.Context, tx pgx.Tx, by account.Actor, request uuid.UUID, lock string) (Poll, error) {
	if !by.May(account.DecideRequests) {
		return Poll{}, account.ErrDenied
	}
	p, err := onePoll(ctx, tx, `where p.request_id = $1 and o.network_id = $2 order by p.closed_at is null desc, p.started_at desc limit 1`+lock, request, by.Network)
	if err != nil {
		return Poll{}, err
	}
	return p, s.markTaken(ctx, tx, &p)
}

// steer does something to the open poll of a request in one transaction, records it and looks at it anew.
func (s *Store) steer(ctx context.Context, by account.Actor, request uuid.UUID, did string, do func(pgx.Tx, Poll) error) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		p, err := s.pollOf(ctx, tx, by, request, " for update of p")
		if err != nil {
			return err
		}
		if !p.Open() {
			return account.Refuse(account.ErrConflict, pollShut(p, s.Now()))
		}
		if err := do(tx, p); err != nil {
			return err
		}
		if err := s.recordPoll(ctx, tx, by, p, did, ""); err != nil {
			return err
		}
		return s.weighAnew(ctx, tx, p.ID)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// ExtendPoll sets another deadline; whoever was late can answer again. Errors: InvalidError (deadline), ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) ExtendPoll(ctx context.Context, by account.Actor, request uuid.UUID, deadline time.Time) error {
	return s.steer(ctx, by, request, "extend_poll", func(tx pgx.Tx, p Poll) error {
		next := s.Now().AddDate(1, 0, 0)
		if still := p.Ranking(s.Now()); len(still) > 0 {
			next = slices.MinFunc(still, func(a, b poll.Standing) int { return a.Start.Compare(b.Start) }).Start
		}
		if err := checkDeadline(deadline, next, s.Now(), p.Urgent); err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue(`update poll set deadline_at = $2, overdue_at = null where id = $1`, p.ID, deadline)
		b.Queue(`update poll_voice set reminders = 0 where poll_id = $1`, p.ID)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// AddOption puts one more date to those who are asked already, and to those of whom only it is not known. Errors: InvalidError (other),
// ErrNotFound, ErrDenied, ErrConflict (poll_over once the deadline has passed).
func (s *Store) AddOption(ctx context.Context, by account.Actor, request uuid.UUID, at time.Time) error {
	return s.steer(ctx, by, request, "add_poll_option", func(tx pgx.Tx, p Poll) error {
		if rule := pollShut(p, s.Now()); rule != "" {
			return account.Refuse(account.ErrConflict, rule)
		}
		err := checkOption("other", at, s.Now(), p.Urgent)
		switch {
		case err != nil:
			return err
		case len(p.Options) >= mostOptions:
			return &account.InvalidError{Field: "other", Rule: "ten"}
		case at.Before(p.Deadline):
			return &account.InvalidError{Field: "other", Rule: "before_deadline"}
		case slices.ContainsFunc(p.Options, func(o poll.Option) bool { return o.Start.Equal(at) }):
			return &account.InvalidError{Field: "other", Rule: "there"}
		}
		return s.grow(ctx, tx, by, p, at)
	})
}

// grow adds an option, with what is known of each person then, and asks whom it is not known of.
func (s *Store) grow(ctx context.Context, tx pgx.Tx, by account.Actor, p Poll, at time.Time) error {
	r, err := s.waiting(ctx, tx, by, p.RequestID, "")
	if err != nil {
		return err
	}
	d := DateSearch{Length: p.Length, Weeks: maxWeeks, Land: ical.State(p.Land)}
	for _, seat := range p.Seats {
		d.Wishes = append(d.Wishes, Wish(seat))
	}
	sounded, err := s.sound(ctx, tx, by, r, d)
	if err != nil {
		return err
	}
	var b pgx.Batch
	o, known, now := poll.Option{ID: uuid.New(), Start: at}, sounded.known(at), s.Now()
	queueOption(&b, p, o)
	var open []poll.Voice
	for _, v := range p.Voices {
		if c, is := known[v.Account]; is {
			queueVote(&b, p, v.ID, o.ID, c)
			continue
		}
		b.Queue(`update poll_voice set asked_at = coalesce(asked_at, $2) where id = $1`, v.ID, now)
		v.AskedAt = &now
		open = append(open, v)
	}
	if len(open) > 0 {
		b.Queue(`update poll set answered_at = null where id = $1`, p.ID)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	p.Options, p.Voices = append(p.Options, o), open
	return s.askVoices(ctx, tx, p, pollGrown)
}

// RemindPoll writes at once to those who owe an answer. Errors: ErrNotFound, ErrDenied, ErrConflict (poll_over, poll_answered,
// just_reminded within the hour).
func (s *Store) RemindPoll(ctx context.Context, by account.Actor, request uuid.UUID) error {
	return s.steer(ctx, by, request, "remind_poll", func(tx pgx.Tx, p Poll) error {
		if rule := pollShut(p, s.Now()); rule != "" {
			return account.Refuse(account.ErrConflict, rule)
		}
		owing := p.Waiting()
		if len(owing) == 0 {
			return account.Refuse(account.ErrConflict, "poll_answered")
		}
		owing = slices.DeleteFunc(owing, func(v poll.Voice) bool {
			return s.Now().Sub(*v.AskedAt) < remindAgain || v.RemindedAt != nil && s.Now().Sub(*v.RemindedAt) < remindAgain
		})
		if len(owing) == 0 {
			return account.Refuse(account.ErrConflict, "just_reminded")
		}
		for _, v := range owing {
			if err := s.remind(ctx, tx, p, v, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// ClosePoll ends a poll without a date. Errors: ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) ClosePoll(ctx context.Context, by account.Actor, request uuid.UUID) error {
	return s.steer(ctx, by, request, "close_poll", func(tx pgx.Tx, p Poll) error { return s.closePoll(ctx, tx, p, "closed", nil) })
}
