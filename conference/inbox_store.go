package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Take makes a waiting request the actor's to decide, from whoever had it: Nil is nobody. Errors: ErrNotFound, ErrDenied, ErrConflict when
// it is decided already or somebody else has taken it since (request_taken).
func (s *Store) Take(ctx context.Context, by account.Actor, id, from uuid.UUID) error {
	return s.handle(ctx, by, id, "take_request", func(tx pgx.Tx, r Request) error {
		if r.TakenBy == by.ID {
			return nil
		}
		if err := r.taken(from); err != nil {
			return err
		}
		return setTaker(ctx, tx, id, &by.ID, s.Now())
	})
}

// Give lets go of a request that the actor has taken. Errors as of Take.
func (s *Store) Give(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.handle(ctx, by, id, "give_request", func(tx pgx.Tx, r Request) error {
		if err := r.taken(by.ID); err != nil {
			return err
		}
		return setTaker(ctx, tx, id, nil, s.Now())
	})
}

// handle does something to a waiting request in one transaction and records it.
func (s *Store) handle(ctx context.Context, by account.Actor, id uuid.UUID, did string, do func(pgx.Tx, Request) error) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.waiting(ctx, tx, by, id, " for update of r")
		if err != nil {
			return err
		}
		if err := do(tx, r); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, did, "")
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func setTaker(ctx context.Context, tx pgx.Tx, id uuid.UUID, who *uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update conference_request set taken_by = $2, taken_at = case when $2::uuid is null then null else $3::timestamptz end
		where id = $1`, id, who, now)
	if err != nil {
		return fmt.Errorf("who works on a request: %w", err)
	}
	return nil
}

// KeepRequestDraft keeps a request that is not ready; a case has one draft at most, its organisation's. What is written in it is nobody else's yet:
// the name guard reads it when it is submitted. Errors: InvalidError, ErrDenied, ErrNotFound for a foreign case, ErrClosed for a sealed one,
// ErrConflict while a request of the case waits.
func (s *Store) KeepRequestDraft(ctx context.Context, by account.Actor, r Request) error {
	if !by.May(account.SubmitRequests) {
		return account.ErrDenied
	}
	if err := r.validateDraft(); err != nil {
		return err
	}
	if _, err := s.askable(ctx, by, r.CaseID); err != nil {
		return fmt.Errorf("keep draft of a request: %w", err)
	}
	r.Organisation = by.Organisation
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := noneWaits(ctx, tx, r.CaseID); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			insert into conference_request
				(id, organisation_id, case_id, caseworker_id, question, urgency, disciplines, own_wish, state, submitted_at, due_at, urgent_why)
			values ($1, $2, $3, $4, $5, $6, coalesce($7::text[], '{}'), $8, 'draft', $9, $10, $11)
			on conflict (case_id) where state = 'draft' do update set
				caseworker_id = $4, question = $5, urgency = $6, disciplines = excluded.disciplines, own_wish = $8, submitted_at = $9, due_at = $10, urgent_why = $11
			returning id`,
			uuid.New(), r.Organisation, r.CaseID, by.ID, r.Question, r.Urgency, r.Disciplines, r.OwnWish, s.Now(), r.DueAt, r.UrgentWhy).Scan(&r.ID)
		if err != nil {
			return err
		}
		if err := dropParts(ctx, tx, r.ID); err != nil {
			return err
		}
		if err := insertParts(ctx, tx, r.ID, r.Organisation, r.Parts); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "keep_request_draft", "")
	})
	if err != nil {
		return fmt.Errorf("keep draft of a request: %w", err)
	}
	return nil
}

// WithdrawRequest takes back a waiting request, for caseworkers of its organisation; a draft is thrown away. Errors: ErrNotFound, ErrDenied,
// ErrConflict when it is decided already.
func (s *Store) WithdrawRequest(ctx context.Context, by account.Actor, id uuid.UUID) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.ownRequest(ctx, tx, by, id)
		if err != nil {
			return err
		}
		switch {
		case r.State == "draft":
			if err := dropDraft(ctx, tx, r.CaseID); err != nil {
				return err
			}
			return s.recordRequest(ctx, tx, by, r, "drop_request_draft", "")
		case !r.Waits():
			return account.Refuse(account.ErrConflict, "request_decided")
		}
		if err := s.endPolls(ctx, tx, "withdrawn", nil, `p.request_id = $1`, id); err != nil {
			return err
		}
		if err := s.decide(ctx, tx, by, id, "withdrawn", ""); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "withdraw_request", "")
	})
	if err != nil {
		return fmt.Errorf("withdraw request: %w", err)
	}
	return nil
}

// dropDraft throws the draft of a case away, if there is one.
func dropDraft(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		delete from part_question where request_id in (select id from conference_request where case_id = $1 and state = 'draft')`, caseID)
	if err != nil {
		return fmt.Errorf("draft of a request: %w", err)
	}
	if _, err := tx.Exec(ctx, `delete from conference_request where case_id = $1 and state = 'draft'`, caseID); err != nil {
		return fmt.Errorf("draft of a request: %w", err)
	}
	return nil
}

// ownRequest returns a request of the caseworker's organisation that nobody else changes until tx ends.
func (s *Store) ownRequest(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Request, error) {
	found, err := s.requests(ctx, tx, by, `where r.id = $1 for update of r`, id)
	switch {
	case err != nil:
		return Request{}, err
	case len(found) == 0 || !mayRead(by, found[0]):
		return Request{}, account.ErrNotFound
	case !by.May(account.SubmitRequests):
		return Request{}, account.ErrDenied
	}
	return found[0], nil
}

// figureDays is over how many days the coordination is shown how quick it was.
const figureDays = 90

// Allocated is how quick the coordination was: over how many requests, and how long the middle one had waited for it.
type Allocated struct {
	Count  int
	Median time.Duration
}

// Allocated tells a coordinator about her network's last ninety days. Errors: ErrDenied.
func (s *Store) Allocated(ctx context.Context, by account.Actor) (Allocated, error) {
	if by.Reach(account.DecideRequests) != account.OwnNetwork {
		return Allocated{}, account.ErrDenied
	}
	var a Allocated
	var seconds float64
	err := s.DB.QueryRow(ctx, `
		select count(*), coalesce(percentile_cont(0.5) within group (order by extract(epoch from r.decided_at - r.submitted_at - r.paused)), 0)
		from conference_request r join organisation o on o.id = r.organisation_id
		where o.network_id = $1 and r.state = 'allocated' and r.decided_at > $2`, by.Network, s.Now().AddDate(0, 0, -figureDays)).Scan(&a.Count, &seconds)
	if err != nil {
		return Allocated{}, fmt.Errorf("time to allocation: %w", err)
	}
	a.Median = time.Duration(seconds * float64(time.Second))
	return a, nil
}

// tellOfUrgent mails the coordination at once that an urgent request waits.
func (s *Store) tellOfUrgent(ctx context.Context, tx pgx.Tx, r Request) error {
	if r.Urgency != "urgent" {
		return nil // at the next decent moment, see SweepInbox
	}
	who, err := coordinatorsOf(ctx, tx, r.Network)
	if err != nil {
		return err
	}
	for _, c := range who {
		if err := s.tellOfRequest(ctx, tx, r, c.id, requestUrgent); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `update conference_request set told_at = $2 where id = $1`, r.ID, s.Now())
	return err
}

// coordination is somebody of it, and where mails to her are kept.
type coordination struct{ id, organisation uuid.UUID }

func coordinatorsOf(ctx context.Context, tx pgx.Tx, network uuid.UUID) ([]coordination, error) {
	rows, err := tx.Query(ctx, `
		select a.id, a.organisation_id from account a join organisation o on o.id = a.organisation_id
		where o.network_id = $1 and a.role = $2 and a.disabled_at is null
		order by a.id`, network, account.Coordinator)
	if err != nil {
		return nil, fmt.Errorf("coordination: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c coordination, err error) {
		return c, row.Scan(&c.id, &c.organisation)
	})
	if err != nil {
		return nil, fmt.Errorf("coordination: %w", err)
	}
	return found, nil
}

// tellOfRequest sends somebody a neutral mail about a request.
func (s *Store) tellOfRequest(ctx context.Context, tx pgx.Tx, r Request, who uuid.UUID, letter func(Request, mail.Address, string) mail.Message) error {
	to, err := addressOf(ctx, tx, who)
	if err != nil || to.Email == "" {
		return err
	}
	m := letter(r, to, s.URL+"/requests/"+r.ID.String())
	m.Conference, m.Organisation, m.Thread = r.Code, r.Organisation, r.ID.String()+"-"+who.String()
	_, err = s.Mails.Enqueue(ctx, tx, m)
	return err
}

// SweepInbox tells the coordination by one mail each how many requests have come that are not urgent, on working days by day. Running twice
// tells once.
func (s *Store) SweepInbox(ctx context.Context) error {
	if DecentTime(s.Now(), "").After(s.Now()) {
		return nil
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		came, err := untold(ctx, tx, s.Now())
		if err != nil {
			return err
		}
		for network, n := range came {
			who, err := coordinatorsOf(ctx, tx, network)
			if err != nil {
				return err
			}
			for _, c := range who {
				if err := s.tellOfNew(ctx, tx, c, n); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep inbox: %w", err)
	}
	return nil
}

// untold marks the requests that the coordination was not told of, and counts those by network that still wait.
func untold(ctx context.Context, tx pgx.Tx, now time.Time) (map[uuid.UUID]int, error) {
	rows, err := tx.Query(ctx, `
		with told as (
			update conference_request set told_at = $1 where told_at is null and state <> 'draft'
			returning organisation_id, state
		)
		select o.network_id, count(*) from told t join organisation o on o.id = t.organisation_id where t.state = 'submitted' group by 1`, now)
	if err != nil {
		return nil, fmt.Errorf("new requests: %w", err)
	}
	came := map[uuid.UUID]int{}
	var network uuid.UUID
	var n int
	_, err = pgx.ForEachRow(rows, []any{&network, &n}, func() error {
		came[network] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("new requests: %w", err)
	}
	return came, nil
}

func (s *Store) tellOfNew(ctx context.Context, tx pgx.Tx, c coordination, n int) error {
	to, err := addressOf(ctx, tx, c.id)
	if err != nil || to.Email == "" {
		return err
	}
	m := requestsCame(n, to, s.URL+"/requests")
	m.Organisation, m.Thread = c.organisation, c.id.String()+"-inbox"
	_, err = s.Mails.Enqueue(ctx, tx, m)
	return err
}
