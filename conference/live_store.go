package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Entry is what somebody takes into the room.
type Entry struct {
	Conference
	Part       Part
	Discipline string
	Person     account.Actor
	Color      int // 0…7, by seat: the same for everybody in the room
	Redactions []Redaction
}

// Open opens the room of a planned conference. ErrClosed when no consent stands or nothing is released, ErrConflict outside
// its time.
func (s *Store) Open(ctx context.Context, by account.Actor, code string) error {
	return s.change(ctx, by, code, toOpen, "open_room", func(tx pgx.Tx, c Conference, seats []Seat) error {
		switch {
		case c.State == Live:
			return nil // two people may press at once
		case !c.State.Planned():
			return account.Refuse(account.ErrConflict, "not_planned")
		case c.Written:
			return account.Refuse(account.ErrConflict, "in_writing")
		case !c.openable(s.Now()):
			return account.Refuse(account.ErrConflict, "not_now")
		}
		if _, err := s.released(ctx, tx, c, by); err != nil {
			return shutBy(err)
		}
		_, err := tx.Exec(ctx, `update conference set state = 'live', opened_at = $2 where id = $1`, c.ID, s.Now())
		return err
	})
}

// Enter lets the actor into a live room. Errors: ErrNotFound, ErrDenied, ErrConflict (not_live, not_accepted, not_vouched,
// unsigned), ErrClosed.
func (s *Store) Enter(ctx context.Context, by account.Actor, code string) (Entry, error) {
	var e Entry
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := byCode(ctx, tx, code)
		if err != nil {
			return err
		}
		seats, err := seatsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		part, own, err := partOf(by, c, seats)
		if err != nil {
			return err
		}
		if err := s.enterable(ctx, tx, by, c, part, own); err != nil {
			return err
		}
		if err := s.admitted(ctx, tx, by, part, own); err != nil {
			return err
		}
		e = Entry{Conference: c, Part: part, Discipline: own.Discipline, Person: by, Color: colorOf(by.ID, seats)}
		if e.Redactions, err = redactions(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, c.Organisation, c.CaseID, "enter_room", c.Code)
	})
	if err != nil {
		return Entry{}, fmt.Errorf("enter: %w", err)
	}
	return e, nil
}

func (s *Store) enterable(ctx context.Context, q casefile.Querier, by account.Actor, c Conference, part Part, own Seat) error {
	gate, err := s.Cases.Gate(ctx, q, c.CaseID, by.ID)
	if err != nil {
		return err
	}
	return s.passes(gate, by, c, part, own)
}

// passes is enterable for somebody whom the gate was read for.
func (s *Store) passes(gate casefile.Gate, by account.Actor, c Conference, part Part, own Seat) error {
	if err := gate.Open(by, casefile.Conference); err != nil {
		return err
	}
	if c.State != Live {
		return account.Refuse(account.ErrConflict, "not_live")
	}
	if err := c.readable(part, own, s.Now()); err != nil {
		return err
	}
	return part.may(toEnter)
}

// Presence is somebody in a room: the person and the session she came with.
type Presence struct{ Person, Session uuid.UUID }

// Stay tells for each of those present why she may not be in the room any more: "" when she may, else withdrawn, closed,
// rights or signedout. It reads everything anew, in as many steps for many as for one: the room asks every second.
func (s *Store) Stay(ctx context.Context, conference uuid.UUID, present []Presence) ([]string, error) {
	c, err := one(conferences(ctx, s.DB, `where c.id = $1`, conference))
	if err != nil {
		return nil, fmt.Errorf("stay: %w", err)
	}
	seats, err := seatsOf(ctx, s.DB, c.ID)
	if err != nil {
		return nil, fmt.Errorf("stay: %w", err)
	}
	sessions, people := make([]uuid.UUID, len(present)), make([]uuid.UUID, len(present))
	for i, p := range present {
		sessions[i], people[i] = p.Session, p.Person
	}
	standing, err := s.Accounts.Standing(ctx, sessions)
	if err != nil {
		return nil, fmt.Errorf("stay: %w", err)
	}
	gate, err := s.Cases.Gate(ctx, s.DB, c.CaseID, people...)
	if err != nil {
		return nil, fmt.Errorf("stay: %w", err)
	}
	reasons := make([]string, len(present))
	for i, p := range present {
		by, signedIn := standing[p.Session]
		if reasons[i], err = s.reason(gate, c, seats, by, signedIn && by.ID == p.Person); err != nil {
			return nil, fmt.Errorf("stay: %w", err)
		}
	}
	return reasons, nil
}

func (s *Store) reason(gate casefile.Gate, c Conference, seats []Seat, by account.Actor, signedIn bool) (string, error) {
	if c.State == Sealed {
		return "withdrawn", nil
	}
	if c.State != Live {
		return "closed", nil
	}
	if !signedIn {
		return "signedout", nil
	}
	part, own, err := partOf(by, c, seats)
	if err != nil {
		return "rights", nil
	}
	switch err := s.passes(gate, by, c, part, own); {
	case err == nil:
		return "", nil
	case errors.Is(err, account.ErrClosed):
		return "withdrawn", nil
	case errors.Is(err, account.ErrConflict), errors.Is(err, account.ErrDenied):
		return "rights", nil
	default:
		return "", err
	}
}

// Joined notes that somebody with a seat is there. People of the coordination without a seat get one, so that the roll is
// complete.
func (s *Store) Joined(ctx context.Context, conference, person uuid.UUID) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := one(conferences(ctx, tx, `where c.id = $1`, conference))
		if err != nil {
			return err
		}
		by, err := s.Accounts.ByID(ctx, person)
		if err != nil {
			return err
		}
		part := Moderator
		if by.Reach(account.TakePart) == account.OwnOrganisation {
			part = Caseworker
		}
		var first bool
		err = tx.QueryRow(ctx, `
			insert into seat as s (id, conference_id, organisation_id, account_id, role, required, attended_at)
			values ($1, $2, $3, $4, $5, false, $6)
			on conflict (conference_id, account_id) do update set attended_at = coalesce(s.attended_at, excluded.attended_at)
			returning attended_at = $6`, uuid.New(), c.ID, c.Organisation, person, part, s.Now().Truncate(time.Microsecond)).Scan(&first)
		if err != nil || !first {
			return err
		}
		return s.record(ctx, tx, by, c, "attend", "conference", c.Code, "")
	})
	if err != nil {
		return fmt.Errorf("joined: %w", err)
	}
	return nil
}

// Left notes when somebody was last there.
func (s *Store) Left(ctx context.Context, conference, person uuid.UUID) error {
	_, err := s.DB.Exec(ctx, `
		update seat set left_at = $3
		where conference_id = $1 and account_id = $2`, conference, person, s.Now())
	if err != nil {
		return fmt.Errorf("left: %w", err)
	}
	return nil
}

// End ends a live conference: its note takes no more rows, and the minutes begin as a draft. Until somebody writes them, the
// decisions in it are what the section of that name says. The caller has the note's section texts written and closes the room.
func (s *Store) End(ctx context.Context, by account.Actor, code string) error {
	return s.change(ctx, by, code, toEnd, "end_conference", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if c.State != Live {
			return account.Refuse(account.ErrConflict, "not_live")
		}
		if err := s.openOpinions(ctx, tx, by, c, seats, opinion.AtEnd); err != nil {
			return err
		}
		return s.beginMinutes(ctx, tx, c)
	})
}

// beginMinutes ends a conference: its note takes no more rows, and there is a draft.
func (s *Store) beginMinutes(ctx context.Context, tx pgx.Tx, c Conference) error {
	var b pgx.Batch
	b.Queue(`update conference set state = 'minutes_draft', ended_at = $2 where id = $1`, c.ID, s.Now())
	b.Queue(`update note set state = 'sealed', sealed_at = $2 where conference_id = $1`, c.ID, s.Now())
	b.Queue(leavePhase, c.ID, s.Now())
	b.Queue(`
		insert into minutes (conference_id, organisation_id, state, changed_at)
		values ($1, $2, 'draft', $3)`, c.ID, c.Organisation, s.Now())
	return tx.SendBatch(ctx, &b).Close()
}

func colorOf(person uuid.UUID, seats []Seat) int {
	for i, s := range seats {
		if s.AccountID == person {
			return i % 8
		}
	}
	return 7
}
