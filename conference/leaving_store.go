package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Leaving is what is open of an expert who leaves the pool: codes and dates, nothing of a case.
type Leaving struct {
	expertpool.Standing
	Seats    []LeavingSeat
	Measures []LeavingMeasure
}

// LeavingSeat is a conference that she is invited to and that is not over.
type LeavingSeat struct {
	Conference uuid.UUID
	Code       string
	StartsAt   time.Time
	EndsAt     time.Time
	State      State
	Discipline string
	Answer     Answer
}

// LeavingMeasure is something she has promised, or was asked to.
type LeavingMeasure struct {
	ID    uuid.UUID
	Code  string
	DueOn time.Time
	State plan.State
	Heirs []Heir // who of the round can take it over, the caseworker first; none where the case cannot be worked on any more
}

// Heir can take a measure over.
type Heir struct {
	ID   uuid.UUID
	Name string
	Part Part
}

// HandOver says who takes over from somebody who leaves: by the code of a conference another expert, by the id of a measure somebody of
// its round. A seat that is not named becomes free. A measure that is not named goes to the caseworker; with uuid.Nil it is given back.
type HandOver struct {
	Seats    map[string]uuid.UUID
	Measures map[uuid.UUID]uuid.UUID
}

// Leaving shows what is open of an expert, to herself and to those who keep the pool. Errors: ErrNotFound, ErrConflict (left_pool).
func (s *Store) Leaving(ctx context.Context, by account.Actor, expert uuid.UUID) (l Leaving, err error) {
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if l.Standing, err = expertpool.MayLeave(ctx, tx, by, expert); err != nil {
			return err
		}
		if l.Seats, err = leavingSeats(ctx, tx, expert, ""); err != nil {
			return err
		}
		l.Measures, err = s.leavingMeasures(ctx, tx, expert)
		return err
	})
	if err != nil {
		return Leaving{}, fmt.Errorf("leaving: %w", err)
	}
	return l, nil
}

// LeavePool ends an expert's place in the pool: her invitations are cancelled, her seats and measures handed over as h says or else given
// back, her account is closed, all in one transaction. The expert herself, or who keeps the pool; h counts only from the latter.
// Errors: InvalidError (experts), ErrNotFound, ErrConflict (left_pool, changed_meanwhile).
func (s *Store) LeavePool(ctx context.Context, by account.Actor, expert uuid.UUID, h HandOver) error {
	if by.ID == expert {
		h = HandOver{} // she does not see who could
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		seats, err := leavingSeats(ctx, tx, expert, " for update of c")
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select from poll where closed_at is null and id in (select poll_id from poll_voice where account_id = $1) order by id for update`, expert); err != nil {
			return err
		}
		if _, err := expertpool.MayLeave(ctx, tx, by, expert); err != nil {
			return err
		}
		now, err := leavingSeats(ctx, tx, expert, "") // nobody can invite her from here on; somebody may have until here
		if err != nil {
			return err
		}
		if len(now) != len(seats) {
			return account.Refuse(account.ErrConflict, "changed_meanwhile")
		}
		for _, t := range seats {
			if err := s.vacate(ctx, tx, by, expert, t, h.Seats[t.Code]); err != nil {
				return err
			}
		}
		if err := s.passOn(ctx, tx, by, expert, h.Measures); err != nil {
			return err
		}
		if err := s.loseVoices(ctx, tx, []uuid.UUID{expert}, `p.id in (select poll_id from poll_voice where account_id = $1)`, expert); err != nil {
			return err
		}
		return s.Pool.Leave(ctx, tx, by, expert)
	})
	if err != nil {
		return fmt.Errorf("leave pool: %w", err)
	}
	return nil
}

// vacate cancels an expert's invitation, and asks a substitute in her place if there is one.
func (s *Store) vacate(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID, t LeavingSeat, substitute uuid.UUID) error {
	c, err := one(conferences(ctx, tx, `where c.id = $1`, t.Conference))
	if err != nil {
		return err
	}
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, v := range open {
		if v.account == expert {
			if err := s.cancelInvitation(ctx, tx, c, v); err != nil {
				return err
			}
		}
	}
	if substitute != uuid.Nil && c.State.Planned() {
		err = s.substitute(ctx, tx, by, c, open, substitute)
	} else {
		err = s.tell(ctx, tx, c, c.ModeratorID, seatFree)
	}
	if err != nil {
		return err
	}
	if err := s.settle(ctx, tx, c); err != nil {
		return err
	}
	return s.record(ctx, tx, by, c, "vacate_seat", "conference", c.Code, "")
}

// substitute asks another expert, by the rules for everybody who is invited.
func (s *Store) substitute(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, open []invitation, id uuid.UUID) error {
	if slices.ContainsFunc(open, func(v invitation) bool { return v.account == id }) {
		return account.Refuse(account.ErrConflict, "already_invited")
	}
	experts, err := s.chosen(ctx, tx, by, c.CaseID, []uuid.UUID{id})
	if err != nil {
		return err
	}
	return s.seatExperts(ctx, tx, c, experts...)
}

// passOn hands the open measures of somebody who leaves to others.
func (s *Store) passOn(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID, to map[uuid.UUID]uuid.UUID) error {
	measures, err := s.leavingMeasures(ctx, tx, expert)
	if err != nil {
		return err
	}
	for _, m := range measures {
		heir, named := to[m.ID]
		if !named && len(m.Heirs) > 0 {
			heir = m.Heirs[0].ID
		}
		if heir != uuid.Nil && !slices.ContainsFunc(m.Heirs, func(p Heir) bool { return p.ID == heir }) {
			return &account.InvalidError{Field: "measures", Rule: "unknown"}
		}
		if err := s.Plans.HandOver(ctx, tx, by, m.ID, heir); err != nil {
			return err
		}
	}
	return nil
}

func leavingSeats(ctx context.Context, tx pgx.Tx, expert uuid.UUID, lock string) ([]LeavingSeat, error) {
	rows, err := tx.Query(ctx, `
		select c.id, c.code, c.starts_at, c.ends_at, c.state, t.discipline, i.state
		from invitation i join conference c on c.id = i.conference_id join seat t on t.id = i.seat_id
		where i.account_id = $1 and i.state <> 'cancelled' and c.state in ('inviting', 'quorate', 'live')
		order by c.organisation_id, c.starts_at, c.id`+lock, expert)
	if err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LeavingSeat])
}

func (s *Store) leavingMeasures(ctx context.Context, tx pgx.Tx, expert uuid.UUID) ([]LeavingMeasure, error) {
	open, err := s.Plans.OpenOf(ctx, tx, expert)
	if err != nil {
		return nil, err
	}
	found := make([]LeavingMeasure, 0, len(open))
	for _, m := range open {
		l := LeavingMeasure{ID: m.ID, Code: m.ConferenceCode, DueOn: m.DueOn, State: m.State}
		if m.Workable {
			if l.Heirs, err = heirs(ctx, tx, m.Conference, expert); err != nil {
				return nil, err
			}
		}
		found = append(found, l)
	}
	return found, nil
}

// heirs are those of a round who can take a measure over: the caseworker, the moderation, and experts who can still be written to.
func heirs(ctx context.Context, tx pgx.Tx, conference, without uuid.UUID) ([]Heir, error) {
	seats, err := seatsOf(ctx, tx, conference)
	if err != nil {
		return nil, err
	}
	var found []Heir
	for _, t := range seats {
		to, err := addressOf(ctx, tx, t.AccountID)
		if err != nil {
			return nil, err
		}
		if t.AccountID != without && to.Email != "" && responsibleSeat(t) && !t.Declared.Tie() {
			found = append(found, Heir{t.AccountID, t.Name, t.Role})
		}
	}
	slices.SortStableFunc(found, func(a, b Heir) int {
		order := []Part{Caseworker, Moderator, ExpertPart, Colleague}
		return slices.Index(order, a.Part) - slices.Index(order, b.Part)
	})
	return found, nil
}
