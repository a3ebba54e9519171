package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Occasion is what is thought of before anybody is asked. The zero value is: nothing yet.
type Occasion struct {
	Starts time.Time
	Length time.Duration
	Near   string // postcode, where they are wanted in person
}

// Suggestions ranks the pool for a waiting request, by discipline, with reasons; for a date that is thought of. Disciplines that are wished
// come first, then those that part questions need besides. It is advice:
// Convene takes anybody who may see the case. Errors: ErrNotFound, ErrDenied, ErrConflict when the request is
// decided already.
func (s *Store) Suggestions(ctx context.Context, by account.Actor, request uuid.UUID, d Occasion) ([]expertpool.Bench, error) {
	var found []expertpool.Bench
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		r, err := s.waiting(ctx, tx, by, request, "")
		if err != nil {
			return err
		}
		r.Disciplines = r.wanted()
		found, err = s.suggest(ctx, tx, by, r, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("suggestions: %w", err)
	}
	return found, nil
}

func (s *Store) suggest(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, d Occasion) ([]expertpool.Bench, error) {
	n := expertpool.Need{
		Disciplines: r.Disciplines, Organisation: r.Organisation, Near: d.Near, Question: r.Question, Length: d.Length, Now: s.Now(),
	}
	if !d.Starts.IsZero() {
		n.At = expertpool.Span{From: d.Starts, Until: d.Starts.Add(d.Length)}
	}
	candidates, err := expertpool.Candidates(ctx, tx, by.Network, n)
	if err != nil {
		return nil, err
	}
	bound, err := s.bound(ctx, tx, r.CaseID)
	if err != nil {
		return nil, err
	}
	for i := range candidates {
		candidates[i].Tied = slices.Contains(bound, candidates[i].ID)
	}
	return expertpool.Suggest(n, candidates), nil
}

// bound are those who are not for a case: by the client's word, or because they have said in an earlier conference that they know
// the person or have an interest. Which of it is so for whom stays with the case.
func (s *Store) bound(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) ([]uuid.UUID, error) {
	out, err := s.Cases.Excluded(ctx, tx, caseID)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `
		select distinct i.account_id from invitation i join conference c on c.id = i.conference_id
		where c.case_id = $1 and i.declared is not null and i.declared <> $2`, caseID, NoTie)
	if err != nil {
		return nil, fmt.Errorf("ties to a case: %w", err)
	}
	tied, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("ties to a case: %w", err)
	}
	return append(slices.Clone(out), tied...), nil
}

// countPicks keeps as a figure how a choice stands to the advice at this moment.
func (s *Store) countPicks(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, p Panel, chosen []expertpool.Expert) error {
	r.Disciplines = r.wanted()
	benches, err := s.suggest(ctx, tx, by, r, Occasion{Starts: p.Starts, Length: p.Length})
	if err != nil {
		return err
	}
	return expertpool.CountPicks(ctx, tx, by.Network, s.Now(), benches, chosen)
}
