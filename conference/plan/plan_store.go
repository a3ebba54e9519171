package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Store holds measures.
type Store struct {
	db       *pgxpool.Pool
	accounts *account.Store
	cases    *casefile.Store
	mails    *mail.Queue
	url      string
	now      func() time.Time
}

// NewStore returns a store on db; links in mails begin with url.
func NewStore(db *pgxpool.Pool, accounts *account.Store, cases *casefile.Store, mails *mail.Queue, url string, now func() time.Time) *Store {
	return &Store{db, accounts, cases, mails, url, now}
}

// Propose adds a measure within tx and asks the responsible person by mail whether she accepts it. Whether the actor may
// propose, and whom, is the caller's rule. Errors: InvalidError.
func (s *Store) Propose(ctx context.Context, tx pgx.Tx, by account.Actor, d Draft) (uuid.UUID, error) {
	if err := d.validate(s.now()); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	_, err := tx.Exec(ctx, `
		insert into measure (id, organisation_id, conference_id, conference_code, case_id, what, responsible_id, due_on, ask_on, state, proposed_by, proposed_at)
		values ($1, $2, $3, $4, nullif($5, `+nobody+`), $6, $7, $8, $8, 'proposed', $9, $10)`,
		id, d.Organisation, d.Conference, d.ConferenceCode, d.Case, d.What, d.Responsible, d.DueOn, by.ID, s.now())
	if err != nil {
		return uuid.Nil, fmt.Errorf("propose measure: %w", err)
	}
	m, err := s.byID(ctx, tx, id)
	if err != nil {
		return uuid.Nil, err
	}
	token, err := s.accounts.NewLink(ctx, tx, m.ResponsibleID, account.ForMeasure, id, s.linksUntil(m))
	if err != nil {
		return uuid.Nil, err
	}
	if err := s.mail(ctx, tx, m, "measure", askToAccept(m, s.url+"/measure/"+token)); err != nil {
		return uuid.Nil, err
	}
	return id, s.note(ctx, tx, by, m, "propose_measure", "")
}

// View returns a measure to its responsible person, while consent stands. ErrNotFound for others, ErrClosed after a
// withdrawal. Looking is recorded.
func (s *Store) View(ctx context.Context, by account.Actor, id uuid.UUID) (Measure, error) {
	var m Measure
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		if m, err = s.own(ctx, tx, by, id); err != nil {
			return err
		}
		return s.cases.Saw(ctx, tx, by, m.Organisation, m.Case, "view_measure", m.ConferenceCode)
	})
	if err != nil {
		return Measure{}, fmt.Errorf("view measure: %w", err)
	}
	return m, nil
}

// Answer accepts or refuses a measure. The same answer again changes nothing; another one is ErrConflict.
func (s *Store) Answer(ctx context.Context, by account.Actor, id uuid.UUID, accept bool, reason string) error {
	if err := account.CheckText("reason", &reason, 500, !accept); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		m, err := s.own(ctx, tx, by, id)
		if err != nil {
			return err
		}
		next, changed, err := answer(m, accept)
		if err != nil || !changed {
			return err
		}
		_, err = tx.Exec(ctx, `update measure set state = $2, reason = $3, answered_at = $4 where id = $1`, id, next, reason, s.now())
		if err != nil {
			return err
		}
		return s.note(ctx, tx, by, m, string(next)+"_measure", reason)
	})
	if err != nil {
		return fmt.Errorf("answer measure: %w", err)
	}
	return nil
}

// Report records an outcome within tx and returns the measure as it now stands, and whether that is new. Errors:
// InvalidError, ErrNotFound, ErrClosed, ErrConflict when an outcome is final.
func (s *Store) Report(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, outcome, reason string) (Measure, bool, error) {
	m, err := s.own(ctx, tx, by, id)
	if err != nil {
		return Measure{}, false, err
	}
	next, changed, err := report(m, outcome)
	if err != nil || !changed {
		return m, false, err
	}
	if outcome == OutcomeNotPossible && !slices.Contains(Reasons, reason) {
		return m, false, &account.InvalidError{Field: "reason", Rule: "required"}
	}
	if outcome != OutcomeNotPossible {
		reason = ""
	}
	// "Not yet" asks again in two weeks: asked_at is cleared, so that the sweep finds it.
	_, err = tx.Exec(ctx, `
		update measure set state = $2, reason = $3, reported_at = $4,
			ask_on = case when $2 = 'in_progress' then $5 else ask_on end,
			asked_at = case when $2 = 'in_progress' then null else asked_at end
		where id = $1`, id, next, reason, s.now(), expertpool.Today(s.now()).AddDate(0, 0, againAfter))
	if err != nil {
		return m, false, fmt.Errorf("report measure: %w", err)
	}
	m.State, m.Reason = next, reason
	return m, true, s.note(ctx, tx, by, m, "report_"+outcome, reason)
}

// Of lists the measures of a conference in the order in which they were proposed. Rights are the caller's.
func (s *Store) Of(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Measure, error) {
	return list(ctx, q, `where m.conference_id = $1 order by m.proposed_at, m.id`, conference)
}

// OfCase lists what was promised for the client of a case and what became of it, the next due first. What nobody has accepted is
// no promise. Rights are the caller's.
func (s *Store) OfCase(ctx context.Context, q casefile.Querier, id uuid.UUID) ([]Measure, error) {
	return list(ctx, q, `
		where m.case_id = $1 and m.state not in ('proposed', 'refused')
		order by m.state in ('done', 'not_possible'), m.due_on, m.id`, id)
}

// nobody is uuid.Nil in SQL: a measure of a conference without a case has no case either.
const nobody = `'00000000-0000-0000-0000-000000000000'::uuid`

// unsealed says of a measure m with its case c, if it has one, that its consent was not withdrawn; workable that it stands on a day, which
// is the parameter with that number.
const unsealed = `(m.case_id is null or c.state = 'open')`

func workable(day int) string {
	return fmt.Sprintf(`(m.case_id is null or c.state = 'open' and consent_stands(c.id, $%d))`, day)
}

// gaveBack says of a measure m that its responsible person has left the conference because she knows the client: from then on
// nothing of the case is for her.
const gaveBack = `exists (select from invitation i
	where i.conference_id = m.conference_id and i.account_id = m.responsible_id and i.state <> 'cancelled' and i.declared <> 'none')`

// GiveBack takes from somebody who has left a conference what she had promised there, or was asked to: somebody else has to be found.
func (s *Store) GiveBack(ctx context.Context, tx pgx.Tx, conference, person uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		update measure set state = 'refused', reason = '', answered_at = $3
		where conference_id = $1 and responsible_id = $2 and state in ('proposed', 'accepted', 'in_progress')`, conference, person, s.now())
	if err != nil {
		return fmt.Errorf("give back measures: %w", err)
	}
	return nil
}

// Mine lists what the actor has promised or is asked to promise, of cases that are open, the most urgent first. Looking is
// recorded.
func (s *Store) Mine(ctx context.Context, by account.Actor) ([]Measure, error) {
	found, err := list(ctx, s.db, `
		left join case_file c on c.id = m.case_id
		where m.responsible_id = $1 and `+unsealed+` and m.state <> 'refused' and not `+gaveBack+`
		order by (m.state in ('done', 'not_possible')), m.due_on, m.id`, by.ID)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(m Measure) bool { return s.cases.Open(ctx, s.db, m.Case, by, casefile.Conference) != nil })
	for _, m := range found { // a transaction each: they lock the records of different organisations
		err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
			return s.cases.Saw(ctx, tx, by, m.Organisation, m.Case, "view_measure", m.ConferenceCode)
		})
		if err != nil {
			return nil, fmt.Errorf("my measures: %w", err)
		}
	}
	return found, nil
}

// own returns the measure, locked, if the actor is responsible and the case is open to her.
func (s *Store) own(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Measure, error) {
	m, err := s.byID(ctx, tx, id)
	if err != nil {
		return Measure{}, err
	}
	var gone bool
	if err := tx.QueryRow(ctx, `select `+gaveBack+` from measure m where m.id = $1`, id).Scan(&gone); err != nil {
		return Measure{}, fmt.Errorf("measure: %w", err)
	}
	if m.ResponsibleID != by.ID || gone {
		return Measure{}, account.ErrNotFound
	}
	return m, s.cases.Open(ctx, tx, m.Case, by, casefile.Conference)
}

func (s *Store) byID(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Measure, error) {
	found, err := list(ctx, tx, `where m.id = $1 for update of m`, id)
	if err != nil {
		return Measure{}, err
	}
	if len(found) == 0 {
		return Measure{}, account.ErrNotFound
	}
	return found[0], nil
}

func list(ctx context.Context, q casefile.Querier, where string, arg any) ([]Measure, error) {
	rows, err := q.Query(ctx, `
		select m.id, m.organisation_id, m.conference_id, m.conference_code, coalesce(m.case_id, `+nobody+`), m.what, m.responsible_id, a.name,
			m.due_on, m.state, m.reason, m.proposed_at, m.answered_at, m.asked_at, m.reported_at
		from measure m join account a on a.id = m.responsible_id `+where, arg)
	if err != nil {
		return nil, fmt.Errorf("measures: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Measure])
	if err != nil {
		return nil, fmt.Errorf("measures: %w", err)
	}
	return found, nil
}

// note writes the measure's own history and the audit entry.
func (s *Store) note(ctx context.Context, tx pgx.Tx, by account.Actor, m Measure, did, reason string) error {
	_, err := tx.Exec(ctx, `
		insert into measure_event (measure_id, organisation_id, at, account_id, kind, reason)
		values ($1, $2, $3, $4, $5, $6)`, m.ID, m.Organisation, s.now(), by.ID, did, reason)
	if err != nil {
		return fmt.Errorf("measure event: %w", err)
	}
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: m.Organisation, At: s.now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: "measure", To: m.ID.String(), Case: m.Case,
	})
}

func (s *Store) linksUntil(m Measure) time.Time { return m.DueOn.AddDate(0, 0, linksLast) }

func (s *Store) mail(ctx context.Context, tx pgx.Tx, m Measure, kind string, l letter) error {
	var to mail.Address
	if err := tx.QueryRow(ctx, `select name, email from account where id = $1`, m.ResponsibleID).Scan(&to.Name, &to.Email); err != nil {
		return fmt.Errorf("measure mail: %w", errors.Join(err))
	}
	_, err := s.mails.Enqueue(ctx, tx, mail.Message{
		Thread: m.ID.String(), Kind: kind, Conference: m.ConferenceCode, Organisation: m.Organisation, To: to,
		Subject: l.subject, Text: l.Text(), HTML: l.HTML(),
	})
	return err
}
