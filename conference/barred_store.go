package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// admitted refuses an expert who was invited and could not be any more: her verification has ended or was taken back, or she has not
// signed the declaration of confidentiality that holds now. Whoever has been in the room may come back to it.
func (s *Store) admitted(ctx context.Context, q casefile.Querier, by account.Actor, part Part, own Seat) error {
	if part != ExpertPart || own.AttendedAt != nil {
		return nil
	}
	of, err := expertpool.Standings(ctx, q, by.Network, []uuid.UUID{by.ID})
	if err != nil {
		return err
	}
	switch of[by.ID].Bar(s.Now()) {
	case "left", "not_verified", "verification_expired":
		return account.Refuse(account.ErrConflict, "not_vouched")
	case "declaration_missing", "declaration_outdated":
		return account.Refuse(account.ErrConflict, "unsigned")
	}
	return nil
}

// Shaky is a conference to come with experts in its round who could not be invited any more, and would be refused at its door.
type Shaky struct {
	Code     string
	StartsAt time.Time
	Experts  int
}

// Shaky lists those that the actor coordinates, the nearest first. Others have none.
func (s *Store) Shaky(ctx context.Context, by account.Actor) ([]Shaky, error) {
	if by.Reach(account.TakePart) != account.OwnNetwork {
		return nil, nil
	}
	rows, err := s.DB.Query(ctx, `
		select c.code, c.starts_at, array_agg(i.account_id)
		from conference c join organisation o on o.id = c.organisation_id
		join invitation i on i.conference_id = c.id join expert e on e.account_id = i.account_id
		where o.network_id = $1 and c.state in ('inviting', 'quorate') and c.ends_at > $2 and i.state in ('offered', 'tentative', 'accepted')
		group by c.id order by c.starts_at, c.code`, by.Network, s.Now())
	if err != nil {
		return nil, fmt.Errorf("shaky conferences: %w", err)
	}
	var coming []Shaky
	var rounds [][]uuid.UUID
	var c Shaky
	var round []uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&c.Code, &c.StartsAt, &round}, func() error {
		coming, rounds = append(coming, c), append(rounds, slices.Clone(round))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("shaky conferences: %w", err)
	}
	of, err := expertpool.Standings(ctx, s.DB, by.Network, slices.Concat(rounds...))
	if err != nil {
		return nil, err
	}
	for i, round := range rounds {
		for _, id := range round {
			if of[id].Bar(s.Now()) != "" {
				coming[i].Experts++
			}
		}
	}
	return slices.DeleteFunc(coming, func(c Shaky) bool { return c.Experts == 0 }), nil
}
