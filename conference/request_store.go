package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Submit sends a caseworker's request to the coordination of her network. Errors: InvalidError, casefile.NamesError, ErrDenied, ErrNotFound for a
// foreign case, ErrClosed for a sealed one, ErrConflict while another request of the case waits.
func (s *Store) Submit(ctx context.Context, by account.Actor, r Request) (uuid.UUID, error) {
	if !by.May(account.SubmitRequests) {
		return uuid.Nil, account.ErrDenied
	}
	if err := r.validate(s.Now()); err != nil {
		return uuid.Nil, err
	}
	c, err := s.askable(ctx, by, r.CaseID)
	if err != nil {
		return uuid.Nil, fmt.Errorf("submit request: %w", err)
	}
	r.ID, r.Organisation, r.Network = uuid.New(), by.Organisation, by.Network
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := noneWaits(ctx, tx, r.CaseID); err != nil {
			return err
		}
		err := s.Cases.Pass(ctx, tx, by, r.CaseID, c.Organisation, casefile.RequestText, r.Because,
			append(partTexts(r.Parts), casefile.Part{Field: "question", Text: r.Question}, casefile.Part{Field: "own_wish", Text: r.OwnWish},
				casefile.Part{Field: "urgent_why", Text: r.UrgentWhy})...)
		if err != nil {
			return err
		}
		if err := s.insertRequest(ctx, tx, by, &r); err != nil {
			return err
		}
		if err := s.tellOfUrgent(ctx, tx, r); err != nil {
			return err
		}
		if err := insertParts(ctx, tx, r.ID, r.Organisation, r.Parts); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "submit_request", "")
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("submit request: %w", err)
	}
	return r.ID, nil
}

// askable returns a case of the actor's that something can be asked about.
func (s *Store) askable(ctx context.Context, by account.Actor, caseID uuid.UUID) (casefile.Case, error) {
	c, err := s.Cases.ByID(ctx, by, caseID)
	if err == nil && c.Sealed {
		err = account.Refuse(account.ErrClosed, "withdrawn")
	}
	return c, err
}

// insertRequest sends a request in the place of the draft, if there was one, and gives it its code.
func (s *Store) insertRequest(ctx context.Context, tx pgx.Tx, by account.Actor, r *Request) (err error) {
	if r.Code, err = s.Vault.Alias(ctx, tx, by, r.CaseID, by.Organisation, pseudonym.ForConference(r.ID)); err != nil {
		return err
	}
	if err := dropDraft(ctx, tx, r.CaseID); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into conference_request
			(id, organisation_id, case_id, caseworker_id, question, urgency, disciplines, own_wish, state, submitted_at, code, due_at, urgent_why)
		values ($1, $2, $3, $4, $5, $6, $7, $8, 'submitted', $9, $10, $11, $12)`,
		r.ID, r.Organisation, r.CaseID, by.ID, r.Question, r.Urgency, r.Disciplines, r.OwnWish, s.Now(), r.Code, r.DueAt, r.UrgentWhy)
	if err != nil {
		return fmt.Errorf("insert request: %w", err)
	}
	return nil
}

// noneWaits locks the case, so that two clicks make one request.
func noneWaits(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	var waits bool
	err := tx.QueryRow(ctx, `
		with c as (select id from case_file where id = $1 for update)
		select exists (select from conference_request r join c on c.id = r.case_id where r.state in ('submitted', 'needs_info'))`, caseID).Scan(&waits)
	if err == nil && waits {
		return account.Refuse(account.ErrConflict, "request_waits")
	}
	return err
}

// Decline sends a request back with a reason; who asked is told by a mail that says nothing of it. Coordinators only. ErrConflict when it is
// decided already, or taken by somebody else.
func (s *Store) Decline(ctx context.Context, by account.Actor, id uuid.UUID, reason string) error {
	if err := account.CheckText("reason", &reason, 500, true); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		r, err := s.deciding(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := s.endPolls(ctx, tx, "declined", nil, `p.request_id = $1`, id); err != nil {
			return err
		}
		if err := s.decide(ctx, tx, by, id, "declined", reason); err != nil {
			return err
		}
		if err := s.tellOfRequest(ctx, tx, r, r.CaseworkerID, requestDeclined); err != nil {
			return err
		}
		return s.recordRequest(ctx, tx, by, r, "decline_request", "")
	})
	if err != nil {
		return fmt.Errorf("decline request: %w", err)
	}
	return nil
}

// Requests lists what the actor has to do with: a caseworker's own organisation, a coordinator's whole network. Those that wait for the
// coordination come first, what turns red first on top; then those that wait for an answer, then drafts, then the latest decided ones. At
// most 300.
func (s *Store) Requests(ctx context.Context, by account.Actor) ([]Request, error) {
	switch by.Reach(account.SeeRequests) {
	case account.OwnOrganisation:
		return s.requests(ctx, s.DB, by, `where r.organisation_id = $1`+requestOrder, by.Organisation)
	case account.OwnNetwork:
		found, err := s.requests(ctx, s.DB, by, `where o.network_id = $1 and r.state <> 'draft'`+requestOrder, by.Network)
		for i := range found {
			found[i] = found[i].seenBy(by)
		}
		return found, err
	}
	return nil, account.ErrDenied
}

const requestOrder = ` order by array_position(array['submitted', 'needs_info', 'draft'], r.state),
	case when r.state in ('submitted', 'needs_info') then
		least(r.due_at, r.submitted_at + r.paused + case r.urgency when 'urgent' then interval '4 hours' else interval '24 hours' end) end,
	r.submitted_at desc limit 300`

// Request returns one of Requests, with its part questions.
func (s *Store) Request(ctx context.Context, by account.Actor, id uuid.UUID) (Request, error) {
	found, err := s.requests(ctx, s.DB, by, `where r.id = $1`, id)
	if err != nil {
		return Request{}, err
	}
	if len(found) == 0 || !mayRead(by, found[0]) {
		return Request{}, account.ErrNotFound
	}
	r := found[0].seenBy(by)
	r.Parts, err = partsOf(ctx, s.DB, id)
	return r, err
}

// seenBy leaves nothing in a request that links it to another about the same person, for those outside her organisation.
func (r Request) seenBy(by account.Actor) Request {
	if by.Organisation != r.Organisation {
		r.CasePseudonym = r.Code
	}
	return r
}

func mayRead(by account.Actor, r Request) bool {
	switch by.Reach(account.SeeRequests) {
	case account.OwnOrganisation:
		return by.Organisation == r.Organisation
	case account.OwnNetwork:
		return by.Network == r.Network && r.State != "draft"
	}
	return false
}

// requests never shows the words of a sealed case. Whether consent stands is asked for waiting ones only.
func (s *Store) requests(ctx context.Context, q casefile.Querier, by account.Actor, where string, args ...any) ([]Request, error) {
	rows, err := q.Query(ctx, `
		select r.id, r.organisation_id, o.name, o.network_id, coalesce(r.case_id, `+nobody+`), coalesce(f.pseudonym, r.code), r.caseworker_id, a.name,
			case when f.state = 'sealed' then '' else r.question end, r.urgency, r.disciplines,
			case when f.state = 'sealed' then '' else r.own_wish end,
			r.state, r.submitted_at, r.decided_at, case when f.state = 'sealed' then '' else r.reason end, coalesce(r.code, ''), coalesce(c.code, ''), false,
			r.explanation, r.due_at, case when f.state = 'sealed' then '' else r.urgent_why end,
			coalesce(r.taken_by, `+nobody+`), coalesce(t.name, ''), r.asked_at, r.paused
		from conference_request r
		join organisation o on o.id = r.organisation_id
		left join case_file f on f.id = r.case_id
		join account a on a.id = r.caseworker_id
		left join account t on t.id = r.taken_by
		left join conference c on c.request_id = r.id `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("requests: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Request])
	if err != nil {
		return nil, fmt.Errorf("requests: %w", err)
	}
	for i := range found {
		if !found[i].Waits() {
			continue // nobody decides on it any more
		}
		found[i].ConsentStands = s.Cases.Open(ctx, q, found[i].CaseID, by, casefile.Conference) == nil
	}
	return found, nil
}

// waiting returns a request that the actor may decide on and nobody has decided yet.
func (s *Store) waiting(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, lock string) (Request, error) {
	found, err := s.requests(ctx, tx, by, `where r.id = $1`+lock, id)
	if err != nil {
		return Request{}, err
	}
	switch {
	case len(found) == 0 || !mayRead(by, found[0]):
		return Request{}, account.ErrNotFound
	case !by.May(account.DecideRequests):
		return Request{}, account.ErrDenied
	case !found[0].Waits():
		return Request{}, account.Refuse(account.ErrConflict, "request_decided")
	}
	found[0].Parts, err = partsOf(ctx, tx, id)
	return found[0], err
}

// deciding is waiting for somebody who is about to decide: until tx ends nobody else does, and nobody else has taken it.
func (s *Store) deciding(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Request, error) {
	r, err := s.waiting(ctx, tx, by, id, " for update of r")
	if err == nil {
		err = r.taken(by.ID)
	}
	return r, err
}

// decide ends a request. What was asked about it and is still open ends, too.
func (s *Store) decide(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, state, reason string) error {
	_, err := tx.Exec(ctx, `update information_request set state = 'withdrawn' where request_id = $1 and state = 'open'`, id)
	if err != nil {
		return fmt.Errorf("end inquiry: %w", err)
	}
	_, err = tx.Exec(ctx, `
		update conference_request set state = $2, decided_at = $3, decided_by = $4, reason = $5, paused = `+pausedUntil+`, asked_at = null
		where id = $1`, id, state, s.Now(), by.ID, reason)
	if err != nil {
		return fmt.Errorf("decide request: %w", err)
	}
	return nil
}

// pausedUntil is how long a request has waited for the caseworker up to $3.
const pausedUntil = `paused + coalesce($3::timestamptz - asked_at, '0')`

func (s *Store) recordRequest(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, did, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: r.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: "request", To: r.ID.String(), Case: r.CaseID, Reason: reason,
	})
}
