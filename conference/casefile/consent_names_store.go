package casefile

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// ConsentNames are what a consent's organisations and people are called, each list in order. Whoever is gone is left out.
type ConsentNames struct {
	Organisations, Excluded, PlanTo []string
	ByID                            map[uuid.UUID]string
}

// Names tells them.
func (s *Store) Names(ctx context.Context, c Consent) (ConsentNames, error) {
	rows, err := s.db.Query(ctx, `
		select id, name from organisation where id = any($1)
		union all
		select id, name from account where id = any($2)`, slices.Concat(c.Organisations, c.PlanTo), c.Excluded)
	if err != nil {
		return ConsentNames{}, fmt.Errorf("names: %w", err)
	}
	names := map[uuid.UUID]string{}
	var id uuid.UUID
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	if err != nil {
		return ConsentNames{}, fmt.Errorf("names: %w", err)
	}
	of := func(ids []uuid.UUID) (list []string) {
		for _, id := range ids {
			if n := names[id]; n != "" {
				list = append(list, n)
			}
		}
		slices.Sort(list)
		return list
	}
	return ConsentNames{of(c.Organisations), of(c.Excluded), of(c.PlanTo), names}, nil
}

// inNetwork checks that a consent names organisations and people of the actor's network only.
func inNetwork(ctx context.Context, q Querier, by account.Actor, c Consent) error {
	organisations := sortedIDs(slices.Concat(c.Organisations, c.PlanTo))
	var known, people int
	err := q.QueryRow(ctx, `
		select (select count(*) from organisation where network_id = $1 and id = any($2)),
			(select count(*) from account a join organisation o on o.id = a.organisation_id where o.network_id = $1 and a.id = any($3))`,
		by.Network, listed(organisations), listed(c.Excluded)).Scan(&known, &people)
	switch {
	case err != nil:
		return fmt.Errorf("network: %w", err)
	case known != len(organisations):
		return &account.InvalidError{Field: "organisations", Rule: "unknown"}
	case people != len(c.Excluded):
		return &account.InvalidError{Field: "excluded", Rule: "unknown"}
	}
	return nil
}
