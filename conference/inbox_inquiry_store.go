package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// AskBack asks the caseworker something before the coordination decides, by a day; until there is an answer the clock of the request stands
// still. She is told by a mail that says nothing of it. Errors: InvalidError (missing, due_on), casefile.NamesError, ErrNotFound, ErrDenied,
// ErrConflict when it is decided, taken by somebody else, or a question is open already (inquiry_open).
func (s *Store) AskBack(ctx context.Context, by account.Actor, id uuid.UUID, question string, due time.Time, because string) error {
	if err := validInformation(&question, due, s.Now()); err != nil {
		return err
	}
	return s.handle(ctx, by, id, "ask_back", func(tx pgx.Tx, r Request) error {
		if err := r.taken(by.ID); err != nil {
			return err
		}
		if r.State == "needs_info" {
			return account.Refuse(account.ErrConflict, "inquiry_open")
		}
		err := s.let(ctx, tx, by, r, because, casefile.Part{Field: "missing", Text: question})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into information_request (id, request_id, organisation_id, asked_by, question, due_on, state, asked_at)
			values ($1, $2, $3, $4, $5, $6, 'open', $7)`, uuid.New(), id, r.Organisation, by.ID, question, due, s.Now())
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update conference_request set state = 'needs_info', asked_at = $2 where id = $1`, id, s.Now())
		if err != nil {
			return err
		}
		return s.tellOfRequest(ctx, tx, r, r.CaseworkerID, inquiryMade)
	})
}

// AnswerInquiry answers what the coordination has asked: the request waits for it again, and whoever asked is told by a mail that says
// nothing of it. The answer goes to another organisation, so the consent must stand. For caseworkers of the request's organisation. Errors:
// InvalidError (given), casefile.NamesError, ErrNotFound, ErrDenied, ErrClosed without a consent, ErrConflict when it is not asked any more.
func (s *Store) AnswerInquiry(ctx context.Context, by account.Actor, id, inquiry uuid.UUID, answer, because string) error {
	if err := account.CheckText("given", &answer, 2000, true); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.ownRequest(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := s.Cases.Open(ctx, tx, r.CaseID, by, casefile.Conference); err != nil {
			return err
		}
		err = s.let(ctx, tx, by, r, because, casefile.Part{Field: "given", Text: answer})
		if err != nil {
			return err
		}
		asker, err := endInformation(ctx, tx, `request_id`, id, inquiry, `state = 'answered', answer = $3, answered_by = $4, answered_at = $5`, answer, by.ID, s.Now())
		if err != nil {
			return err
		}
		if err := s.goOn(ctx, tx, id); err != nil {
			return err
		}
		if err := s.tellOfRequest(ctx, tx, r, asker, inquiryAnswered); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "answer_back", "")
	})
	if err != nil {
		return fmt.Errorf("answer back: %w", err)
	}
	return nil
}

// WithdrawInquiry takes back a question that is still open, by any coordinator of the network who may decide. Errors as of AskBack.
func (s *Store) WithdrawInquiry(ctx context.Context, by account.Actor, id, inquiry uuid.UUID) error {
	return s.handle(ctx, by, id, "withdraw_inquiry", func(tx pgx.Tx, r Request) error {
		if err := r.taken(by.ID); err != nil {
			return err
		}
		if _, err := endInformation(ctx, tx, `request_id`, id, inquiry, `state = 'withdrawn'`); err != nil {
			return err
		}
		return s.goOn(ctx, tx, id)
	})
}

// let lets a text about a request go to others, or names what is wrong with it: without a case nobody may be told of at all.
func (s *Store) let(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, because string, p casefile.Part) error {
	if r.Nobody() {
		return s.Cases.Anonymous(ctx, tx, r.Organisation, p)
	}
	return s.Cases.Pass(ctx, tx, by, r.CaseID, r.Organisation, casefile.InformationText, because, p)
}

// goOn lets the clock of a request run again. Its parameter $3 is the time; see pausedUntil.
func (s *Store) goOn(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		update conference_request set state = $2, paused = `+pausedUntil+`, asked_at = null
		where id = $1 and state = 'needs_info'`, id, "submitted", s.Now())
	if err != nil {
		return fmt.Errorf("request goes on: %w", err)
	}
	return nil
}

// Inquiries are what the coordination has asked about a request, the latest first. Of a sealed case there are none. An answer is empty as
// long as the consent does not open the case to the actor; reading one is recorded as a look at the summary. Errors: ErrNotFound.
func (s *Store) Inquiries(ctx context.Context, by account.Actor, id uuid.UUID) ([]Information, error) {
	var found []Information
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		of, err := s.requests(ctx, tx, by, `where r.id = $1`, id)
		switch {
		case err != nil:
			return err
		case len(of) == 0 || !mayRead(by, of[0]):
			return account.ErrNotFound
		case of[0].Question == "":
			return nil // sealed, or a draft
		}
		if found, err = information(ctx, tx, `i.request_id = $1 order by i.asked_at desc`, id); err != nil || len(found) == 0 {
			return err
		}
		return s.showAnswers(ctx, tx, by, of[0], found)
	})
	if err != nil {
		return nil, fmt.Errorf("inquiries: %w", err)
	}
	return found, nil
}

// showAnswers takes the answers away where the case is shut to the actor, and records the look where it is not.
func (s *Store) showAnswers(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, found []Information) error {
	if by.Organisation == r.Organisation || r.Nobody() {
		return nil
	}
	shut := s.Cases.Open(ctx, tx, r.CaseID, by, casefile.Conference) != nil
	read := false
	for i := range found {
		if shut {
			found[i].Answer = ""
		}
		read = read || found[i].Answer != ""
	}
	if !read {
		return nil
	}
	return s.Cases.Saw(ctx, tx, by, r.Organisation, r.CaseID, "view_summary", r.Code)
}
