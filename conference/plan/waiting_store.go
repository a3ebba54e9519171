package plan

import (
	"context"
	"fmt"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Waiting is how many measures wait: numbers only, so that counting shows nothing of a case.
type Waiting struct {
	Proposed int // to be accepted or refused by the actor
	Overdue  int // of the actor, without an outcome
	Network  int // of everybody in a coordinator's network, without an outcome
}

// Waiting counts the measures that wait, of cases that are open and whose consent stands.
func (s *Store) Waiting(ctx context.Context, by account.Actor) (Waiting, error) {
	var w Waiting
	err := s.db.QueryRow(ctx, `
		select count(*) filter (where m.responsible_id = $1 and m.state = 'proposed'),
			count(*) filter (where m.responsible_id = $1 and m.state in ('accepted', 'in_progress') and m.due_on < $2),
			count(*) filter (where $3 and m.state in ('accepted', 'in_progress') and m.due_on < $2)
		from measure m
		join organisation o on o.id = m.organisation_id
		left join case_file c on c.id = m.case_id
		where (m.responsible_id = $1 or $3 and o.network_id = $4)
			and m.state in ('proposed', 'accepted', 'in_progress') and `+workable(2),
		by.ID, expertpool.Today(s.now()), by.Reach(account.TakePart) == account.OwnNetwork, by.Network).Scan(&w.Proposed, &w.Overdue, &w.Network)
	if err != nil {
		return Waiting{}, fmt.Errorf("waiting measures: %w", err)
	}
	return w, nil
}
