package conference

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// AskParts replaces the part questions of a waiting request, for those who decide on it. because says why something in them stays that
// names the client, if it does. Errors: InvalidError (part_1, who_1, topics_1 …), casefile.NamesError, ErrNotFound, ErrDenied,
// ErrConflict when the request is decided already or taken by somebody else, ErrClosed for a sealed case.
func (s *Store) AskParts(ctx context.Context, by account.Actor, request uuid.UUID, parts []PartQuestion, because string) error {
	parts, err := checkParts(parts)
	if err != nil {
		return fmt.Errorf("part questions: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.deciding(ctx, tx, by, request)
		if err != nil {
			return err
		}
		if r.Nobody() {
			because = "" // what tells of nobody has no reason to name somebody
		}
		if err := s.Cases.Pass(ctx, tx, by, r.CaseID, r.Organisation, casefile.RequestText, because, partTexts(parts)...); err != nil {
			return err
		}
		if err := dropParts(ctx, tx, r.ID); err != nil {
			return err
		}
		if err := insertParts(ctx, tx, r.ID, r.Organisation, parts); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "ask_parts", "")
	})
	if err != nil {
		return fmt.Errorf("part questions: %w", err)
	}
	return nil
}

func dropParts(ctx context.Context, tx pgx.Tx, request uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from part_question where request_id = $1`, request); err != nil {
		return fmt.Errorf("part questions: %w", err)
	}
	return nil
}

func insertParts(ctx context.Context, tx pgx.Tx, request, organisation uuid.UUID, parts []PartQuestion) error {
	for i, p := range parts {
		_, err := tx.Exec(ctx, `
			insert into part_question (id, request_id, organisation_id, position, text, disciplines, topics)
			values ($1, $2, $3, $4, $5, $6, $7)`,
			p.ID, request, organisation, i+1, p.Text, append([]string{}, p.Disciplines...), append([]string{}, p.Topics...))
		if err != nil {
			return fmt.Errorf("part question: %w", err)
		}
	}
	return nil
}

// partsOf are the part questions of a request in their order; none of a sealed case.
func partsOf(ctx context.Context, q casefile.Querier, request uuid.UUID) ([]PartQuestion, error) {
	rows, err := q.Query(ctx, `
		select p.id, p.text, p.disciplines, p.topics
		from part_question p join conference_request r on r.id = p.request_id left join case_file f on f.id = r.case_id
		where p.request_id = $1 and coalesce(f.state, 'open') <> 'sealed'
		order by p.position`, request)
	if err != nil {
		return nil, fmt.Errorf("part questions: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PartQuestion])
	if err != nil {
		return nil, fmt.Errorf("part questions: %w", err)
	}
	return found, nil
}

// Answers says who of the round of a conference answers which part questions.
type Answers struct {
	Parts []PartQuestion
	Round []Answering // experts who have been asked and have not said no
	Open  []int       // part questions, from 0, that none of them answers
	Own   []int       // those of the one who looks
}

// By are the names of those who answer a part question.
func (a Answers) By(n int) []string {
	var names []string
	for _, who := range a.Round {
		if slices.Contains(who.Parts, n) {
			names = append(names, who.Name)
		}
	}
	return names
}

// Answered returns the part questions of a conference to those who may see its question now; it has none for others. Errors: ErrNotFound.
func (s *Store) Answered(ctx context.Context, by account.Actor, code string) (Answers, error) {
	var a Answers
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		v, err := s.view(ctx, tx, by, code)
		if err != nil || v.Question == "" {
			return err
		}
		if a, err = answersOf(ctx, tx, v.Conference, v.Seats); err != nil {
			return err
		}
		for _, who := range a.Round {
			if who.ID == by.ID {
				a.Own = who.Parts
			}
		}
		return nil
	})
	if err != nil {
		return Answers{}, fmt.Errorf("part questions: %w", err)
	}
	return a, nil
}

// answersOf says who of a round answers which part questions; nothing where there are none.
func answersOf(ctx context.Context, q casefile.Querier, c Conference, seats []Seat) (Answers, error) {
	var r Request
	var err error
	if r.Parts, err = partsOf(ctx, q, c.RequestID); err != nil || len(r.Parts) == 0 {
		return Answers{}, err
	}
	if err := q.QueryRow(ctx, `select disciplines from conference_request where id = $1`, c.RequestID).Scan(&r.Disciplines); err != nil {
		return Answers{}, fmt.Errorf("part questions: %w", err)
	}
	round, err := knowledge(ctx, q, seats)
	if err != nil {
		return Answers{}, err
	}
	a := Answers{Parts: r.Parts}
	for _, who := range round {
		a.Round = append(a.Round, answering(r, who))
	}
	a.Round, a.Open = judge(len(a.Parts), a.Round)
	return a, nil
}

// knowledge is what the experts of a round know, of those who have not said no: those who have said yes first.
func knowledge(ctx context.Context, q casefile.Querier, seats []Seat) ([]expertpool.Candidate, error) {
	var ids []uuid.UUID
	for _, want := range [][]Answer{{Accepted}, {Offered, Tentative}} {
		for _, t := range seats {
			if t.Role == ExpertPart && slices.Contains(want, t.Answer) && !t.Declared.Tie() {
				ids = append(ids, t.AccountID)
			}
		}
	}
	rows, err := q.Query(ctx, `
		select a.id, a.name, e.discipline, e.specialty, e.specialties, e.topics
		from expert e join account a on a.id = e.account_id
		where a.id = any($1) order by array_position($1, a.id)`, ids)
	if err != nil {
		return nil, fmt.Errorf("round: %w", err)
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (c expertpool.Candidate, err error) {
		return c, r.Scan(&c.ID, &c.Name, &c.Discipline, &c.Specialty, &c.Specialties, &c.Topics)
	})
}
