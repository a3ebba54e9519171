package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// AskInformation asks the caseworker for something that is missing in the case, by a day. She is told by a mail that says nothing
// of it. For experts to whom the case is open, and the moderator. because says why something in the text stays that names the
// client, if it does. Errors: InvalidError (missing, due_on), casefile.NamesError, ErrNotFound, ErrDenied, ErrConflict, ErrClosed.
func (s *Store) AskInformation(ctx context.Context, by account.Actor, code, question string, due time.Time, because string) error {
	if err := validInformation(&question, due, s.Now()); err != nil {
		return err
	}
	return s.inform(ctx, by, code, toAskInformation, "ask_information", func(tx pgx.Tx, c Conference, seats []Seat) error {
		err := s.pass(ctx, tx, by, c, seats, casefile.InformationText, because, casefile.Part{Field: "missing", Text: question})
		if err != nil {
			return err
		}
		var open int
		err = tx.QueryRow(ctx, `select count(*) from information_request where conference_id = $1 and state = 'open'`, c.ID).Scan(&open)
		if err != nil {
			return err
		}
		if open >= mostInformation {
			return account.Refuse(account.ErrConflict, "information_full")
		}
		_, err = tx.Exec(ctx, `
			insert into information_request (id, conference_id, organisation_id, asked_by, question, due_on, state, asked_at)
			values ($1, $2, $3, $4, $5, $6, 'open', $7)`, uuid.New(), c.ID, c.Organisation, by.ID, question, due, s.Now())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(seats, func(t Seat) bool { return t.Role == Caseworker })
		if i < 0 {
			return nil
		}
		return s.tell(ctx, tx, c, seats[i].AccountID, informationAsked)
	})
}

// AnswerInformation answers an open request, for the whole round; whoever asked is told by a mail that says nothing of it. For
// caseworkers of the convening organisation. Errors as of AskInformation, the text's field is given.
func (s *Store) AnswerInformation(ctx context.Context, by account.Actor, code string, id uuid.UUID, answer, because string) error {
	if err := account.CheckText("given", &answer, 2000, true); err != nil {
		return err
	}
	return s.inform(ctx, by, code, toAnswerInformation, "answer_information", func(tx pgx.Tx, c Conference, seats []Seat) error {
		err := s.pass(ctx, tx, by, c, seats, casefile.InformationText, because, casefile.Part{Field: "given", Text: answer})
		if err != nil {
			return err
		}
		asker, err := endInformation(ctx, tx, `conference_id`, c.ID, id, `state = 'answered', answer = $3, answered_by = $4, answered_at = $5`, answer, by.ID, s.Now())
		if err != nil {
			return err
		}
		return s.tell(ctx, tx, c, asker, informationGiven)
	})
}

// WithdrawInformation takes back an open request: whoever asked it. Errors: ErrNotFound, ErrDenied, ErrConflict, ErrClosed.
func (s *Store) WithdrawInformation(ctx context.Context, by account.Actor, code string, id uuid.UUID) error {
	return s.inform(ctx, by, code, toAskInformation, "withdraw_information", func(tx pgx.Tx, c Conference, _ []Seat) error {
		asker, err := endInformation(ctx, tx, `conference_id`, c.ID, id, `state = 'withdrawn'`)
		if err == nil && asker != by.ID {
			err = account.ErrDenied
		}
		return err
	})
}

// Information lists what was asked about a case for this conference, open ones first, the nearest day on top: to those to whom the
// case is open. Showing it is recorded as a look at the summary. Errors: ErrNotFound, ErrClosed.
func (s *Store) Information(ctx context.Context, by account.Actor, code string) ([]Information, error) {
	var found []Information
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		found, err = information(ctx, tx, `i.conference_id = $1 order by i.state <> 'open', i.due_on, i.asked_at`, v.ID)
		if err != nil || len(found) == 0 {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_summary", v.Code)
	})
	if err != nil {
		return nil, fmt.Errorf("information: %w", err)
	}
	return found, nil
}

// InformationWaiting is what waits for a caseworker's organisation, the nearest day first, without the questions.
func (s *Store) InformationWaiting(ctx context.Context, by account.Actor) ([]Information, error) {
	if !by.May(account.AnswerInformation) {
		return nil, nil
	}
	found, err := information(ctx, s.DB, `i.organisation_id = $1 and i.state = 'open'
		and (c.state in ('inviting', 'quorate', 'live', 'minutes_draft') or r.state = 'needs_info')
		order by i.due_on, i.asked_at`, by.Organisation)
	for i := range found {
		found[i].Question = ""
	}
	return found, err
}

// inform is change for what belongs to the text of a case: it asks the consent, and what an expert may read.
func (s *Store) inform(ctx context.Context, by account.Actor, code string, d deed, did string, do func(pgx.Tx, Conference, []Seat) error) error {
	return s.change(ctx, by, code, d, did, func(tx pgx.Tx, c Conference, seats []Seat) error {
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
		if err := c.informable(); err != nil {
			return err
		}
		return do(tx, c, seats)
	})
}

// endInformation ends an open request of a conference, or of a request for one, and says who asked it. The parameters of set begin at $3.
func endInformation(ctx context.Context, tx pgx.Tx, column string, of, id uuid.UUID, set string, args ...any) (asker uuid.UUID, err error) {
	var state InformationState
	err = tx.QueryRow(ctx, `
		select asked_by, state from information_request
		where id = $1 and `+column+` = $2 for update`, id, of).Scan(&asker, &state)
	switch {
	case isNone(err):
		return asker, account.ErrNotFound
	case err != nil:
		return asker, err
	case state != InformationOpen:
		return asker, account.Refuse(account.ErrConflict, "information_ended")
	}
	_, err = tx.Exec(ctx, `update information_request set `+set+` where id = $1 and `+column+` = $2`, append([]any{id, of}, args...)...)
	return asker, err
}

func information(ctx context.Context, q casefile.Querier, where string, args ...any) ([]Information, error) {
	rows, err := q.Query(ctx, `
		select i.id, coalesce(c.code, r.code, ''), coalesce(i.request_id, `+nobody+`), i.question, i.due_on, i.state, i.asked_by, a.name, coalesce(s.discipline, ''), i.asked_at, i.answer, coalesce(b.name, ''), i.answered_at
		from information_request i
		left join conference c on c.id = i.conference_id
		left join conference_request r on r.id = i.request_id
		join account a on a.id = i.asked_by
		left join account b on b.id = i.answered_by
		left join seat s on s.conference_id = i.conference_id and s.account_id = i.asked_by
		where `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("information: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Information])
}

// tell sends somebody a neutral mail about the conference.
func (s *Store) tell(ctx context.Context, tx pgx.Tx, c Conference, who uuid.UUID, letter func(Conference, mail.Address, string) mail.Message) error {
	to, err := addressOf(ctx, tx, who)
	if err != nil || to.Email == "" {
		return err
	}
	m := letter(c, to, s.joinURL(c))
	m.Thread = c.ID.String() + "-" + who.String()
	_, err = s.Mails.Enqueue(ctx, tx, m)
	return err
}
