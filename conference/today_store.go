package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Asks lists the invitations of the actor that wait for an answer, the nearest date first: codes and dates, nothing of a case.
func (s *Store) Asks(ctx context.Context, by account.Actor) ([]Asked, error) {
	rows, err := s.DB.Query(ctx, `
		select i.id, c.code, c.starts_at, c.ends_at, i.sequence, i.state, i.answered_at, i.comment, t.written or c.form = 'written', c.fixed, ''
		from invitation i join conference c on c.id = i.conference_id join seat t on t.id = i.seat_id`+asks+`
		order by c.starts_at, i.id`, by.ID, s.Now())
	if err != nil {
		return nil, fmt.Errorf("asks: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Asked])
	if err != nil {
		return nil, fmt.Errorf("asks: %w", err)
	}
	return found, nil
}

// asks is what makes an invitation wait: not answered for good, and the date still to come.
const asks = `
	where i.account_id = $1 and i.state in ('offered', 'tentative') and c.state in ('inviting', 'quorate') and c.ends_at > $2`

// Waiting is how much waits for the actor's decision.
type Waiting struct {
	Asks     int // invitations to answer, of an expert or a colleague
	Requests int // requests to allocate that nobody else has taken, of a coordinator
	Minutes  int // drafts to approve, of a coordinator
}

// Waiting counts what waits for the actor here.
func (s *Store) Waiting(ctx context.Context, by account.Actor) (Waiting, error) {
	var w Waiting
	var err error
	switch by.Reach(account.TakePart) {
	case account.OwnSeats, account.OwnOrganisation:
		err = s.DB.QueryRow(ctx, `select count(*) from invitation i join conference c on c.id = i.conference_id`+asks, by.ID, s.Now()).Scan(&w.Asks)
	case account.OwnNetwork:
		err = s.DB.QueryRow(ctx, `
			select (select count(*) from conference_request r join organisation o on o.id = r.organisation_id
					where o.network_id = $1 and r.state = 'submitted' and (r.taken_by is null or r.taken_by = $2)),
				(select count(*) from conference c join organisation o on o.id = c.organisation_id
					where o.network_id = $1 and c.state = 'minutes_draft')`, by.Network, by.ID).Scan(&w.Requests, &w.Minutes)
	}
	if err != nil {
		return Waiting{}, fmt.Errorf("waiting: %w", err)
	}
	return w, nil
}

// Between returns the conferences by video that the actor has a part in, that begin in that span and were not called off, the
// earliest first.
func (s *Store) Between(ctx context.Context, by account.Actor, from, to time.Time) ([]View, error) {
	return s.some(ctx, by, `c.form = 'video' and c.starts_at >= $2 and c.starts_at < $3 and c.state not in ('cancelled', 'sealed') order by c.starts_at, c.code`, from, to)
}

// Drafts returns the conferences the actor has a part in whose minutes wait for approval, the oldest first.
func (s *Store) Drafts(ctx context.Context, by account.Actor) ([]View, error) {
	return s.some(ctx, by, `c.state = 'minutes_draft' order by c.ended_at, c.code`)
}

// OfCase returns the requests and conferences of a case, the latest first. A foreign case has none.
func (s *Store) OfCase(ctx context.Context, by account.Actor, caseID uuid.UUID) ([]Request, []View, error) {
	if !by.May(account.KeepCases) {
		return nil, nil, account.ErrDenied
	}
	asked, err := s.requests(ctx, s.DB, by, `where r.case_id = $1 and r.organisation_id = $2 order by r.submitted_at desc`, caseID, by.Organisation)
	if err != nil {
		return nil, nil, err
	}
	held, err := s.some(ctx, by, `c.case_id = $2 order by c.starts_at desc`, caseID)
	return asked, held, err
}

// some returns those conferences of the actor, as she may see them, for which the condition holds; its parameters begin at $2.
func (s *Store) some(ctx context.Context, by account.Actor, condition string, args ...any) ([]View, error) {
	whose, id, err := partIn(by, "$1")
	if err != nil {
		return nil, err
	}
	found, err := conferences(ctx, s.DB, `where `+whose+` and `+condition, append([]any{id}, args...)...)
	if err != nil {
		return nil, err
	}
	views := make([]View, 0, len(found))
	for _, c := range found {
		v, err := s.viewOf(ctx, s.DB, by, c)
		if errors.Is(err, account.ErrNotFound) {
			continue // asked once, not any more
		}
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}
