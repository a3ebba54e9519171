package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Propose adds a measure to the plan of a conference: while it is live anybody in it may, afterwards those who write the
// minutes. The responsible person must have a seat. because says why something in it stays that names the client, if it does. Errors:
// InvalidError, casefile.NamesError, ErrConflict, ErrClosed.
func (s *Store) Propose(ctx context.Context, by account.Actor, code, what string, responsible uuid.UUID, due time.Time, because string) error {
	return s.change(ctx, by, code, toPropose, "propose", func(tx pgx.Tx, c Conference, seats []Seat) error {
		part, own, err := partOf(by, c, seats)
		if err != nil {
			return err
		}
		if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
			return err
		}
		if err := c.readable(part, own, s.Now()); err != nil {
			return err
		}
		if c.State != Live && (c.State != MinutesDraft || part.Asked()) {
			return account.Refuse(account.ErrConflict, "minutes_locked")
		}
		if !slices.ContainsFunc(seats, func(t Seat) bool { return t.AccountID == responsible && responsibleSeat(t) }) {
			return &account.InvalidError{Field: "responsible", Rule: "required"}
		}
		err = s.pass(ctx, tx, by, c, seats, casefile.MeasureText, because, casefile.Part{Field: "what", Text: what})
		if err != nil {
			return err
		}
		_, err = s.Plans.Propose(ctx, tx, by, plan.Draft{
			Organisation: c.Organisation, Conference: c.ID, ConferenceCode: c.Code, Case: c.CaseID,
			What: what, Responsible: responsible, DueOn: due,
		})
		return err
	})
}

// responsibleSeat: whoever takes part can take on a measure.
func responsibleSeat(t Seat) bool { return !t.Role.Asked() || t.Answer == Accepted }

// Report records what became of a measure and tells the experts who advised, when it has come to an end. Errors:
// InvalidError, ErrNotFound, ErrClosed, ErrConflict.
func (s *Store) Report(ctx context.Context, by account.Actor, measure uuid.UUID, outcomeOf, reason string) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		m, changed, err := s.Plans.Report(ctx, tx, by, measure, outcomeOf, reason)
		if err != nil || !changed || m.Open() {
			return err
		}
		c, err := one(conferences(ctx, tx, `where c.id = $1 for update of c`, m.Conference))
		if err != nil {
			return err
		}
		if err := s.tellExperts(ctx, tx, c, m); err != nil {
			return err
		}
		return s.closeWhenDone(ctx, tx, c)
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func (s *Store) tellExperts(ctx context.Context, tx pgx.Tx, c Conference, m plan.Measure) error {
	seats, err := seatsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, t := range seats {
		if !t.Role.Asked() || t.AttendedAt == nil || t.AccountID == m.ResponsibleID {
			continue
		}
		to, err := addressOf(ctx, tx, t.AccountID)
		if err != nil {
			return err
		}
		if to.Email == "" {
			continue
		}
		letter := outcome(c, to, s.joinURL(c)+"#plan")
		letter.Thread = t.ID.String()
		if _, err := s.Mails.Enqueue(ctx, tx, letter); err != nil {
			return err
		}
	}
	return nil
}

// closeWhenDone closes an approved conference when nothing is expected of anybody any more.
func (s *Store) closeWhenDone(ctx context.Context, tx pgx.Tx, c Conference) error {
	if c.State != Approved {
		return nil
	}
	measures, err := s.Plans.Of(ctx, tx, c.ID)
	if err != nil || slices.ContainsFunc(measures, plan.Measure.Open) {
		return err
	}
	return setState(ctx, tx, c.ID, Closed)
}
