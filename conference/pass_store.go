package conference

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Passing shows a caseworker of the case what a plan would say if she passed it on, once the minutes are approved. Without a consent for
// that there is no recipient. Errors: ErrNotFound, ErrDenied, ErrConflict (plan_not_approved), ErrClosed.
func (s *Store) Passing(ctx context.Context, by account.Actor, code string) (Passing, error) {
	var p Passing
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		p, err = s.passing(ctx, tx, by, code)
		return err
	})
	if err != nil {
		return Passing{}, fmt.Errorf("passing: %w", err)
	}
	return p, nil
}

func (s *Store) passing(ctx context.Context, tx pgx.Tx, by account.Actor, code string) (Passing, error) {
	c, seats, err := s.lock(ctx, tx, by, code, toPass)
	if err != nil {
		return Passing{}, err
	}
	if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
		return Passing{}, err
	}
	if !c.State.approved() {
		return Passing{}, account.Refuse(account.ErrConflict, "plan_not_approved")
	}
	p := Passing{Conference: c}
	if p.Recipients, err = s.recipients(ctx, tx, c.CaseID); err != nil {
		return Passing{}, err
	}
	clear, err := s.withoutNames(ctx, tx, c, seats)
	if err != nil {
		return Passing{}, err
	}
	p.Question = clear(c.Question)
	all, err := s.Plans.Of(ctx, tx, c.ID)
	for _, m := range promised(all) {
		p.Measures = append(p.Measures, PlanCopyItem{m.ID, clear(m.What), m.DueOn.Format(time.DateOnly), responsible(m.ResponsibleID, seats)})
	}
	return p, err
}

// recipients are the organisations to which the gate lets the plan of a case go now.
func (s *Store) recipients(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) ([]Recipient, error) {
	rows, err := tx.Query(ctx, `
		select o.id, o.name from consent k join organisation o on o.id = any(k.plan_to)
		where k.case_id = $1 and k.granted_at is not null and k.replaced_at is null order by o.name, o.id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	named, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Recipient])
	if err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	return slices.DeleteFunc(named, func(r Recipient) bool { return s.letsPass(ctx, tx, caseID, r.ID) != nil }), nil
}

// letsPass asks the gate for an organisation.
func (s *Store) letsPass(ctx context.Context, q casefile.Querier, caseID, recipient uuid.UUID) error {
	return s.Cases.Open(ctx, q, caseID, account.Actor{Organisation: recipient}, casefile.PassPlan)
}

// withoutNames gives what takes out of texts of a conference whoever is named in them: people of the network, and everybody whom the
// guard finds.
func (s *Store) withoutNames(ctx context.Context, tx pgx.Tx, c Conference, seats []Seat) (func(string) string, error) {
	people, err := nameable(ctx, tx, c.CaseID)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	lens, err := s.Cases.Lens(ctx, tx, c.CaseID, c.Organisation)
	if err != nil {
		return nil, fmt.Errorf("name guard: %w", err)
	}
	for _, p := range people {
		p.concerned = p.concerned || slices.ContainsFunc(seats, func(t Seat) bool { return t.AccountID == p.id })
	}
	veil := newVeil(people)
	return func(text string) string { return lens.Clear(veil.hide(text)) }, nil
}

// PassPlan passes a plan on: to an organisation that the client has agreed to, without any name, under a pseudonym that nobody else has
// for her. It is recorded who did that and to whom; the id is for PlanCopy. Errors: InvalidError (recipient, measures, read), ErrNotFound,
// ErrDenied, ErrConflict (plan_not_approved), ErrClosed with the gate's rules.
func (s *Store) PassPlan(ctx context.Context, by account.Actor, code string, h Handover) (uuid.UUID, error) {
	if err := h.validate(); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		p, err := s.passing(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if err := s.letsPass(ctx, tx, p.Conference.CaseID, h.Recipient); err != nil {
			return err
		}
		made, err := s.copyOf(ctx, tx, by, p, h)
		if err != nil {
			return err
		}
		if err := s.insertPass(ctx, tx, by, id, p.Conference, h.Recipient, made); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: p.Conference.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role), Did: "pass_plan", Kind: "plan",
			To: made.Pseudonym, Case: p.Conference.CaseID, Reason: made.To,
		})
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("pass plan: %w", err)
	}
	return id, nil
}

// copyOf is what goes out of what could.
func (s *Store) copyOf(ctx context.Context, tx pgx.Tx, by account.Actor, p Passing, h Handover) (PlanCopy, error) {
	c := p.Conference
	made := PlanCopy{Format: planFormat, From: c.OrganisationName, On: expertpool.Today(s.Now()).Format(time.DateOnly)}
	for _, r := range p.Recipients {
		if r.ID == h.Recipient {
			made.To = r.Name
		}
	}
	if h.Question {
		made.Question = p.Question
	}
	for _, m := range p.Measures {
		if slices.Contains(h.Measures, m.ID) {
			made.Measures = append(made.Measures, m)
		}
	}
	if len(made.Measures) != len(h.Measures) {
		return made, &account.InvalidError{Field: "measures", Rule: "unknown"}
	}
	var err error
	made.Pseudonym, err = s.Vault.Alias(ctx, tx, by, c.CaseID, c.Organisation, pseudonym.ForRecipient(h.Recipient))
	return made, err
}

func (s *Store) insertPass(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, c Conference, recipient uuid.UUID, made PlanCopy) error {
	body, err := json.Marshal(made)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into plan_pass (id, case_id, organisation_id, conference_id, recipient_id, pseudonym, measures, question, body, passed_by, passed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		id, c.CaseID, c.Organisation, c.ID, recipient, made.Pseudonym, len(made.Measures), made.Question != "", string(body), by.ID, s.Now())
	return err
}

// PlanCopy is a plan that was passed on, to print or send, as long as the client lets the organisation have it: the gate is asked each
// time, and looking is recorded. Errors: ErrNotFound, ErrDenied, ErrClosed with the gate's rules.
func (s *Store) PlanCopy(ctx context.Context, by account.Actor, code string, id uuid.UUID) (PlanCopy, error) {
	var made PlanCopy
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if err := v.Part.may(toPass); err != nil {
			return err
		}
		var recipient uuid.UUID
		var body *string
		err = tx.QueryRow(ctx, `select recipient_id, body from plan_pass where id = $1 and conference_id = $2`, id, v.ID).Scan(&recipient, &body)
		if isNone(err) || err == nil && body == nil {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := s.letsPass(ctx, tx, v.CaseID, recipient); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(*body), &made); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_measure", v.Code)
	})
	if err != nil {
		return PlanCopy{}, fmt.Errorf("plan copy: %w", err)
	}
	return made, nil
}

// Passed tells what was passed on of a case, sealed or not, the latest first: to whom, when, by whom. For caseworkers of its organisation
// and its data-protection officer. Errors: ErrDenied, ErrNotFound.
func (s *Store) Passed(ctx context.Context, by account.Actor, caseID uuid.UUID) ([]Passed, error) {
	if _, err := s.Cases.Alias(ctx, by, caseID); err != nil {
		return nil, fmt.Errorf("passed: %w", err)
	}
	return passedOf(ctx, s.DB, caseID)
}

// passedOf is Passed without asking who wants to know.
func passedOf(ctx context.Context, q casefile.Querier, caseID uuid.UUID) ([]Passed, error) {
	rows, err := q.Query(ctx, `
		select p.id, c.code, o.name, p.pseudonym, p.measures, p.question, a.name, p.passed_at
		from plan_pass p join conference c on c.id = p.conference_id join organisation o on o.id = p.recipient_id join account a on a.id = p.passed_by
		where p.case_id = $1 order by p.passed_at desc, p.id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("passed: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Passed])
}
