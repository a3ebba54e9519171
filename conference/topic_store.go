package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// nobody is uuid.Nil in SQL.
const nobody = `'00000000-0000-0000-0000-000000000000'::uuid`

// ConveneTopic makes a conference on a topic: seats, a date or in writing the end of the time for answers, and an invitation to each expert and
// colleague, all in one transaction. It returns the code of the conference. Coordinators only. Errors: InvalidError, casefile.NamesError for a text that names somebody, ErrDenied.
func (s *Store) ConveneTopic(ctx context.Context, by account.Actor, t Topic) (string, error) {
	if !by.May(account.Convene) {
		return "", account.ErrDenied
	}
	t.Kind = TopicConference
	if err := t.validate(s.Now()); err != nil {
		return "", err
	}
	var code string
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		err := s.Cases.Nameless(ctx, tx, by.Organisation, casefile.Part{Field: "topic", Text: t.Question}, casefile.Part{Field: "explanation", Text: t.Explanation})
		if err != nil {
			return err
		}
		if err := s.inWriting(ctx, tx, &t.Panel, by.Organisation); err != nil {
			return err
		}
		experts, err := s.chosen(ctx, tx, by, uuid.Nil, t.Experts)
		if err != nil {
			return err
		}
		colleagues, err := s.chosenColleagues(ctx, tx, by, t.Colleagues)
		if err != nil {
			return err
		}
		if code, err = freshCode(ctx, tx); err != nil {
			return err
		}
		of := Request{Organisation: by.Organisation, Question: t.Question, Explanation: t.Explanation}
		c, err := s.found(ctx, tx, by, of, code, t.Panel, experts)
		if err != nil {
			return err
		}
		return s.seatColleagues(ctx, tx, c, colleagues)
	})
	if err != nil {
		return "", fmt.Errorf("convene a topic: %w", err)
	}
	return code, nil
}

// Ask sends a question without a case to the coordination of the caseworker's network. Nothing in it may tell of anybody: no reason lets a
// passage stay. Errors: InvalidError, casefile.NamesError, ErrDenied.
func (s *Store) Ask(ctx context.Context, by account.Actor, r Request) (uuid.UUID, error) {
	if !by.May(account.SubmitRequests) {
		return uuid.Nil, account.ErrDenied
	}
	if err := r.validateQuestion(); err != nil {
		return uuid.Nil, err
	}
	r.ID, r.Organisation, r.Network, r.CaseID = uuid.New(), by.Organisation, by.Network, uuid.Nil
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		err := s.Cases.Anonymous(ctx, tx, by.Organisation, casefile.Part{Field: "question", Text: r.Question}, casefile.Part{Field: "explanation", Text: r.Explanation})
		if err != nil {
			return err
		}
		if r.Code, err = freshCode(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into conference_request (id, organisation_id, caseworker_id, question, explanation, urgency, disciplines, own_wish, state, submitted_at, code)
			values ($1, $2, $3, $4, $5, $6, $7, '', 'submitted', $8, $9)`,
			r.ID, r.Organisation, by.ID, r.Question, r.Explanation, r.Urgency, r.Disciplines, s.Now(), r.Code)
		if err != nil {
			return err
		}
		if err := s.tellOfUrgent(ctx, tx, r); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "ask_question", "")
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("ask: %w", err)
	}
	return r.ID, nil
}

// freshCode draws a code that no conference without a case has, nor will have. Those of conferences about a case are of another series.
func freshCode(ctx context.Context, tx pgx.Tx) (string, error) {
	for {
		code := pseudonym.New(pseudonym.OfTopic)
		var taken bool
		err := tx.QueryRow(ctx, `
			select exists (select from conference where code = $1) or exists (select from conference_request where code = $1)`, code).Scan(&taken)
		if err != nil {
			return "", fmt.Errorf("code: %w", err)
		}
		if !taken {
			return code, nil
		}
	}
}

// TopicSuggestions ranks the pool for a topic, by discipline, with reasons, as Suggestions does for a request. Errors: ErrDenied.
func (s *Store) TopicSuggestions(ctx context.Context, by account.Actor, topic string, disciplines []string, d Occasion) ([]expertpool.Bench, error) {
	if !by.May(account.Convene) {
		return nil, account.ErrDenied
	}
	var found []expertpool.Bench
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		found, err = s.suggest(ctx, tx, by, Request{Question: topic, Disciplines: disciplines}, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("suggestions: %w", err)
	}
	return found, nil
}

// Colleagues are those whom the coordination can ask to a topic beside the pool: people of the network's organisations, by organisation
// and name. Errors: ErrDenied.
func (s *Store) Colleagues(ctx context.Context, by account.Actor) ([]ColleagueOf, error) {
	if !by.May(account.Convene) {
		return nil, account.ErrDenied
	}
	found, err := colleagues(ctx, s.DB, by, nil)
	if err != nil {
		return nil, fmt.Errorf("colleagues: %w", err)
	}
	return found, nil
}

// InviteColleagues asks colleagues to a topic that is still to come. Errors: InvalidError, ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) InviteColleagues(ctx context.Context, by account.Actor, code string, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return &account.InvalidError{Field: "colleagues", Rule: "required"}
	}
	return s.change(ctx, by, code, toPlan, "invite", func(tx pgx.Tx, c Conference, seats []Seat) error {
		switch {
		case c.CaseID != uuid.Nil:
			return account.Refuse(account.ErrConflict, "has_case")
		case c.Written:
			return account.Refuse(account.ErrConflict, "in_writing")
		case !c.State.Planned():
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		chosen, err := s.chosenColleagues(ctx, tx, by, ids)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seats, func(t Seat) bool { return t.Answer != AnswerCancelled && slices.Contains(chosen, t.AccountID) }) {
			return account.Refuse(account.ErrConflict, "already_invited")
		}
		return s.seatColleagues(ctx, tx, c, chosen)
	})
}

// chosenColleagues are those of ids, each once, or the field is named when somebody cannot be asked.
func (s *Store) chosenColleagues(ctx context.Context, tx pgx.Tx, by account.Actor, ids []uuid.UUID) ([]uuid.UUID, error) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := colleagues(ctx, tx, by, ids)
	if err == nil && len(found) != len(ids) {
		err = &account.InvalidError{Field: "colleagues", Rule: "unknown"}
	}
	return ids, err
}

func (s *Store) seatColleagues(ctx context.Context, tx pgx.Tx, c Conference, ids []uuid.UUID) error {
	return s.seat(ctx, tx, c, each(ids, func(id uuid.UUID) place { return place{who: id, part: Colleague} })...)
}

// colleagues are people of the network who take part for an organisation; all of them, or those of ids.
func colleagues(ctx context.Context, q casefile.Querier, by account.Actor, ids []uuid.UUID) ([]ColleagueOf, error) {
	rows, err := q.Query(ctx, `
		select a.id, a.name, o.name, a.role from account a join organisation o on o.id = a.organisation_id
		where o.network_id = $1 and a.disabled_at is null and ($2::uuid[] is null or a.id = any($2))
		order by o.name, a.name, a.id`, by.Network, ids)
	if err != nil {
		return nil, err
	}
	var found []ColleagueOf
	var one ColleagueOf
	var role account.Role
	_, err = pgx.ForEachRow(rows, []any{&one.ID, &one.Name, &one.Organisation, &role}, func() error {
		if (account.Actor{Role: role}).Reach(account.TakePart) == account.OwnOrganisation {
			found = append(found, one)
		}
		return nil
	})
	return found, err
}

// released is the summary that a conference goes by, after the gate of its case; nil without a case.
func (s *Store) released(ctx context.Context, q casefile.Querier, c Conference, by account.Actor) (*casefile.Summary, error) {
	if c.CaseID == uuid.Nil {
		return nil, s.Cases.Open(ctx, q, c.CaseID, by, casefile.Conference)
	}
	text, err := s.Cases.Released(ctx, q, c.CaseID, by)
	return &text, err
}

// pass lets texts of a conference go to others, by the rule of its case. Without one they name nobody but those who sit in it; a reason
// counts for the minutes alone, in which somebody may have to be quoted, and stands in the record.
func (s *Store) pass(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat, d casefile.Document, because string, parts ...casefile.Part) error {
	if c.CaseID != uuid.Nil {
		return s.Cases.Pass(ctx, tx, by, c.CaseID, c.Organisation, d, because, parts...)
	}
	if err := account.CheckText("because", &because, 300, false); err != nil {
		return err
	}
	err := s.Cases.Pass(ctx, tx, by, uuid.Nil, c.Organisation, d, "", withoutRound(seats, parts)...)
	var names *casefile.NamesError
	if d != casefile.MinutesText || !errors.As(err, &names) {
		return err
	}
	if because == "" {
		return &casefile.NamesError{Hints: names.Hints}
	}
	return s.record(ctx, tx, by, c, "justify_names", "conference", c.Code, because)
}
