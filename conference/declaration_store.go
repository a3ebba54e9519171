package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Declare records what an invited expert says about herself and the person. Without a tie the case opens to her, as far as
// everything else allows. With one she leaves the round: nothing of the case is hers from the commit on, the coordination is
// told that a seat is free and not why, and a room shows her out within two seconds. That is so however often she has read the
// case before, because somebody can be recognised late. Errors: InvalidError, ErrNotFound, ErrDenied.
func (s *Store) Declare(ctx context.Context, by account.Actor, code string, d Declaration) error {
	if d != NoTie && !d.Tie() {
		return &account.InvalidError{Field: "declaration", Rule: "required"}
	}
	did := "declare"
	if d.Tie() {
		did = "leave_seat"
	}
	return s.change(ctx, by, code, toDeclare, did, func(tx pgx.Tx, c Conference, seats []Seat) error {
		_, own, err := partOf(by, c, seats)
		if err != nil || own.Declared == d {
			return err
		}
		_, err = tx.Exec(ctx, `
			update invitation set declared = $3, declared_at = $4
			where seat_id = $1 and account_id = $2 and state <> 'cancelled'`, own.ID, by.ID, d, s.Now())
		if err != nil || !d.Tie() {
			return err
		}
		return s.leave(ctx, tx, by, c)
	})
}

// leave frees the seat of an expert and offers it to the coordination.
func (s *Store) leave(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference) error {
	var v invitation
	var sequence int
	err := tx.QueryRow(ctx, `
		select id, sequence from invitation
		where conference_id = $1 and account_id = $2 and state <> 'cancelled' for update`, c.ID, by.ID).Scan(&v.id, &sequence)
	if err != nil {
		return err
	}
	v.sequence = sequence
	if err := s.store(ctx, tx, c, v, Declined, ""); err != nil {
		return err
	}
	if err := opinion.Forget(ctx, tx, c.ID, by.ID); err != nil {
		return err
	}
	if err := s.settle(ctx, tx, c); err != nil {
		return err
	}
	if err := s.Plans.GiveBack(ctx, tx, c.ID, by.ID); err != nil {
		return err
	}
	return s.tell(ctx, tx, c, c.ModeratorID, seatFree)
}

// ShowFrom sets the time from which invited experts may read the case of a planned conference; nil is at once. Errors:
// InvalidError, ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) ShowFrom(ctx context.Context, by account.Actor, code string, from *time.Time) error {
	return s.change(ctx, by, code, toPlan, "show_from", func(tx pgx.Tx, c Conference, _ []Seat) error {
		switch {
		case c.CaseID == uuid.Nil:
			return account.Refuse(account.ErrConflict, "no_case")
		case !c.State.Planned():
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		if err := validVisible(from, c.StartsAt, s.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update conference set visible_from = $2 where id = $1`, c.ID, from)
		if err != nil {
			return fmt.Errorf("visible from: %w", err)
		}
		return nil
	})
}
