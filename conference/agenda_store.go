package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Agenda returns the agenda of a conference to those to whom its case is open, with what else they may see of it. ErrNotFound where there is
// no meeting, ErrClosed.
func (s *Store) Agenda(ctx context.Context, by account.Actor, code string) (Agenda, View, error) {
	var a Agenda
	var v View
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		if v, err = s.openView(ctx, tx, by, code); err != nil {
			return err
		}
		if v.Written {
			return account.ErrNotFound
		}
		a, err = agendaOf(ctx, tx, v.Conference, v.Seats)
		return err
	})
	if err != nil {
		return Agenda{}, View{}, fmt.Errorf("agenda: %w", err)
	}
	return a, v, nil
}

// AgendaOf is Agenda for a view that was given to the actor just now, and is not shut.
func (s *Store) AgendaOf(ctx context.Context, v View) (Agenda, error) {
	return agendaOf(ctx, s.DB, v.Conference, v.Seats)
}

func agendaOf(ctx context.Context, q casefile.Querier, c Conference, seats []Seat) (Agenda, error) {
	a := Agenda{Run: agenda.Run{At: -1}, Length: c.EndsAt.Sub(c.StartsAt), Seats: leading(seats)}
	rows, err := q.Query(ctx, `
		select exists (select from conference_guest where conference_id = $1 and revoked_at is null),
			p.position, p.kind, p.title, p.minutes, p.owner, p.seat_id, p.since, p.spent
		from (select) here left join agenda_phase p on p.conference_id = $1
		order by p.position`, c.ID)
	if err != nil {
		return a, fmt.Errorf("agenda: %w", err)
	}
	var guests bool
	var position *int
	var kind, title, owner *string
	var minutes *int
	var seat *uuid.UUID
	var since *time.Time
	var spent *time.Duration
	_, err = pgx.ForEachRow(rows, []any{&guests, &position, &kind, &title, &minutes, &owner, &seat, &since, &spent}, func() error {
		if position == nil {
			return nil // there is none but the proposal
		}
		p := agenda.Phase{Kind: agenda.Kind(*kind), Title: *title, Minutes: *minutes, Owner: agenda.Owner{Role: agenda.Role(*owner)}}
		if seat != nil {
			p.Owner.Seat = *seat
		}
		if since != nil {
			a.At, a.Since = len(a.Phases), *since
		}
		a.Phases, a.Spent = append(a.Phases, p), append(a.Spent, *spent)
		return nil
	})
	if err != nil {
		return a, fmt.Errorf("agenda: %w", err)
	}
	a.Shape = shapeOf(c, seats, guests)
	if a.Proposed = len(a.Phases) == 0; a.Proposed {
		a.Phases = a.Proposal()
		a.Spent = make([]time.Duration, len(a.Phases))
	}
	return a, nil
}

// ArrangeAgenda sets the agenda of a conference that has not entered its first phase; what is proposed anyway leaves it to follow the
// conference. For the moderation. What in a title names the client has to go, unless because says why it stays. Errors: those of
// agenda.Check, casefile.NamesError, ErrNotFound, ErrDenied, ErrClosed, ErrConflict (in_writing, conference_over, agenda_begun).
func (s *Store) ArrangeAgenda(ctx context.Context, by account.Actor, code string, phases agenda.Agenda, because string) error {
	return s.change(ctx, by, code, toArrange, "arrange_agenda", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
			return err
		}
		a, err := agendaOf(ctx, tx, c, seats)
		if err != nil {
			return err
		}
		if err := c.arrangeable(a); err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(a.Seats))
		for i, t := range a.Seats {
			ids[i] = t.ID
		}
		if err := phases.Check(a.Length, ids); err != nil {
			return err
		}
		if err := s.pass(ctx, tx, by, c, seats, casefile.AgendaText, because, agendaParts(phases)...); err != nil {
			return err
		}
		if slices.Equal(phases, a.Proposal()) {
			phases = nil
		}
		return setAgenda(ctx, tx, c, phases)
	})
}

func setAgenda(ctx context.Context, tx pgx.Tx, c Conference, phases agenda.Agenda) error {
	var b pgx.Batch
	b.Queue(`delete from agenda_phase where conference_id = $1`, c.ID)
	for i, p := range phases {
		b.Queue(`
			insert into agenda_phase (conference_id, organisation_id, position, kind, title, minutes, owner, seat_id)
			values ($1, $2, $3, $4, $5, $6, $7, nullif($8, `+nobody+`))`, c.ID, c.Organisation, i, p.Kind, p.Title, p.Minutes, p.Owner.Role, p.Owner.Seat)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("agenda: %w", err)
	}
	return nil
}

// RoomAgenda is the agenda of a live conference for its room, which has asked already who is in it. A conference in writing has no phases.
func (s *Store) RoomAgenda(ctx context.Context, conference uuid.UUID) (Agenda, error) {
	c, err := one(conferences(ctx, s.DB, `where c.id = $1`, conference))
	if err != nil {
		return Agenda{}, fmt.Errorf("agenda: %w", err)
	}
	seats, err := seatsOf(ctx, s.DB, c.ID)
	if err != nil {
		return Agenda{}, fmt.Errorf("agenda: %w", err)
	}
	return agendaOf(ctx, s.DB, c, seats)
}

// TurnAgenda lets a live conference go from one phase to another, counted from 0; from is -1 before the first. Where it is not in that phase
// any more somebody else was quicker, and nothing changes. It returns the agenda as it is then. For the moderation. Errors: InvalidError (to),
// ErrNotFound, ErrDenied, ErrConflict (not_live), ErrClosed.
func (s *Store) TurnAgenda(ctx context.Context, person, conference uuid.UUID, from, to int) (Agenda, error) {
	by, err := s.Accounts.ByID(ctx, person)
	if err != nil {
		return Agenda{}, fmt.Errorf("turn agenda: %w", err)
	}
	var a Agenda
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, seats, err := s.leadsLive(ctx, tx, by, conference)
		if err != nil {
			return err
		}
		if a, err = agendaOf(ctx, tx, c, seats); err != nil || a.At != from || from == to {
			return err
		}
		if to < 0 || to >= len(a.Phases) {
			return &account.InvalidError{Field: "to", Rule: "range"}
		}
		if a.Proposed { // from now on it is what they went by
			if err := setAgenda(ctx, tx, c, a.Phases); err != nil {
				return err
			}
		}
		if err := s.enterPhase(ctx, tx, c.ID, to); err != nil {
			return err
		}
		if a, err = agendaOf(ctx, tx, c, seats); err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "turn_agenda", "conference", c.Code, string(a.Phases[to].Kind))
	})
	if err != nil {
		return Agenda{}, fmt.Errorf("turn agenda: %w", err)
	}
	return a, nil
}

// leadsLive returns a live conference that the actor leads, locked.
func (s *Store) leadsLive(ctx context.Context, tx pgx.Tx, by account.Actor, conference uuid.UUID) (Conference, []Seat, error) {
	c, err := one(conferences(ctx, tx, `where c.id = $1`, conference))
	if err != nil {
		return c, nil, err
	}
	c, seats, err := s.lock(ctx, tx, by, c.Code, toArrange)
	switch {
	case err != nil:
	case c.State == Sealed:
		err = account.Refuse(account.ErrClosed, "withdrawn")
	case c.State != Live:
		err = account.Refuse(account.ErrConflict, "not_live")
	}
	return c, seats, err
}

// enterPhase ends the phase that a conference is in, and begins another.
func (s *Store) enterPhase(ctx context.Context, tx pgx.Tx, conference uuid.UUID, to int) error {
	var b pgx.Batch
	b.Queue(leavePhase, conference, s.Now())
	b.Queue(`update agenda_phase set since = $3 where conference_id = $1 and position = $2`, conference, to, s.Now())
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("phase: %w", err)
	}
	return nil
}

// leavePhase ends the phase that conference $1 is in at $2, if it is in one.
const leavePhase = `
	update agenda_phase set spent = spent + greatest($2 - since, interval '0'), since = null
	where conference_id = $1 and since is not null`
