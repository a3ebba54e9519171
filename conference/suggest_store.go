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

// Substitutes ranks the pool for the round of a conference that is planned, as Suggestions does for a request: by the disciplines of
// the round, those first that nobody has accepted for, then another one, and those of experts whom the caller has in mind already.
// Who is asked already is left out. Errors: ErrNotFound, ErrDenied, InvalidError (discipline).
func (s *Store) Substitutes(ctx context.Context, by account.Actor, code, other string, chosen ...uuid.UUID) ([]expertpool.Bench, error) {
	if other != "" && !expertpool.KnownDiscipline(other) {
		return nil, &account.InvalidError{Field: "discipline", Rule: "unknown"}
	}
	var found []expertpool.Bench
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		v, err := s.view(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if err := v.Part.may(toPlan); err != nil {
			return err
		}
		experts, err := expertpool.ByIDs(ctx, tx, by.Network, chosen)
		if err != nil {
			return err
		}
		r := Request{Organisation: v.Organisation, CaseID: v.CaseID, Question: v.Question, Disciplines: lackingFirst(v.Seats)}
		for _, e := range append(experts, expertpool.Expert{Discipline: other}) {
			if e.Discipline != "" && !slices.Contains(r.Disciplines, e.Discipline) {
				r.Disciplines = append(r.Disciplines, e.Discipline)
			}
		}
		found, err = s.suggest(ctx, tx, by, r, Occasion{Starts: v.StartsAt, Length: v.EndsAt.Sub(v.StartsAt)})
		dropAsked(found, v.Seats)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("substitutes: %w", err)
	}
	return found, nil
}

// lackingFirst are the disciplines of a round, those first that nobody has accepted for.
func lackingFirst(seats []Seat) []string {
	var kept, lost []string
	for _, t := range seats {
		if t.Role == ExpertPart && t.Answer == Accepted && !slices.Contains(kept, t.Discipline) {
			kept = append(kept, t.Discipline)
		}
	}
	for _, t := range seats {
		if t.Role == ExpertPart && !slices.Contains(kept, t.Discipline) && !slices.Contains(lost, t.Discipline) {
			lost = append(lost, t.Discipline)
		}
	}
	return append(lost, kept...)
}

// dropAsked takes those out who have been asked, and not told since that they are not needed.
func dropAsked(benches []expertpool.Bench, seats []Seat) {
	for i := range benches {
		benches[i].Suggestions = slices.DeleteFunc(benches[i].Suggestions, func(sg expertpool.Suggestion) bool {
			return slices.ContainsFunc(seats, func(t Seat) bool { return t.AccountID == sg.ID && t.Answer != AnswerCancelled })
		})
	}
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
	o := Occasion{Starts: p.Starts, Length: p.Length}
	if p.Written {
		o = Occasion{} // whoever is away for a day can answer on another
	}
	benches, err := s.suggest(ctx, tx, by, r, o)
	if err != nil {
		return err
	}
	return expertpool.CountPicks(ctx, tx, by.Network, s.Now(), benches, chosen)
}
