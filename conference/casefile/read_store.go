package casefile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Querier is a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const caseColumns = `
	c.id, c.organisation_id, c.pseudonym, c.caseworker_id, a.name, c.state = 'sealed', c.created_at, c.sealed_at,
	coalesce(l.version, 0), coalesce(l.state, ''), coalesce(l.author_id, c.caseworker_id), coalesce(r.version, 0),
	not exists (select from account b where b.id <> coalesce(l.author_id, c.caseworker_id) and ` + secondPerson + `), o.single_release
	from case_file c
	join organisation o on o.id = c.organisation_id
	join account a on a.id = c.caseworker_id
	left join lateral (
		select version, state, author_id from case_summary t where t.case_id = c.id and t.state <> 'sealed' order by version desc limit 1
	) l on true
	left join case_summary r on r.case_id = c.id and r.state = 'released'`

func scanCase(row pgx.CollectableRow) (Case, error) {
	var c Case
	err := row.Scan(&c.ID, &c.Organisation, &c.Pseudonym, &c.CaseworkerID, &c.CaseworkerName, &c.Sealed, &c.CreatedAt, &c.SealedAt,
		&c.Latest.Number, &c.Latest.State, &c.Latest.AuthorID, &c.Released, &c.Alone, &c.Single)
	return c, err
}

// List returns the cases of the caseworker's organisation with their consent, open ones first, then the newest, without
// summaries.
func (s *Store) List(ctx context.Context, by account.Actor) ([]Case, error) {
	if by.Role != account.Caseworker {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `select`+caseColumns+`
		where c.organisation_id = $1
		order by c.state = 'sealed', c.created_at desc`, by.Organisation)
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	cases, err := pgx.CollectRows(rows, scanCase)
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	given, err := s.consentsOf(ctx, by.Organisation)
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	for i := range cases {
		cases[i].Consent = given[cases[i].ID]
	}
	return cases, nil
}

// Waiting counts the open cases of the caseworker's organisation that wait for her to check or release a summary, or for a
// consent: those of which Todo says something. Nothing of a case waits for others.
func (s *Store) Waiting(ctx context.Context, by account.Actor) (int, error) {
	if by.Role != account.Caseworker {
		return 0, nil
	}
	var n int
	err := s.db.QueryRow(ctx, `
		select count(*) from case_file c
		where c.organisation_id = $1 and c.state = 'open' and (
			exists (select from case_summary t where t.case_id = c.id and (t.state = 'draft' or t.state = 'checked' and (
				t.author_id <> $3 or not exists (select from account b where b.id <> $3 and `+secondPerson+`))))
			or not exists (select from consent k where k.case_id = c.id and k.withdrawn_at is null and k.replaced_at is null and k.valid_until >= $2))`,
		by.Organisation, expertpool.Today(s.now()), by.ID).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("waiting cases: %w", err)
	}
	return n, nil
}

// ByID returns a case of the caseworker's organisation. A sealed case has no summary any more.
func (s *Store) ByID(ctx context.Context, by account.Actor, id uuid.UUID) (Case, error) {
	c, err := s.header(ctx, by, id)
	if err != nil {
		return Case{}, err
	}
	if _, c.Consent, err = standing(ctx, s.db, id); err != nil || c.Sealed {
		return c, err
	}
	if c.Summary, err = summaryOf(ctx, s.db, id, false); err != nil {
		return Case{}, err
	}
	return c, nil
}

// Receipt tells who had seen what of a sealed case. ErrConflict while it is open.
func (s *Store) Receipt(ctx context.Context, by account.Actor, id uuid.UUID) (Receipt, error) {
	c, err := s.header(ctx, by, id)
	if err != nil {
		return Receipt{}, err
	}
	if !c.Sealed {
		return Receipt{}, account.Refuse(account.ErrConflict, "not_withdrawn")
	}
	seen, err := s.sightings(ctx, by.Organisation, id)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Case: c, WithdrawnAt: *c.SealedAt, Seen: seen}, nil
}

// Looked are the deeds that show case text to somebody.
var Looked = []string{"view_summary", "enter_room", "view_notes", "view_minutes", "view_measure", "reveal"}

// Saw records within tx that the actor was shown what (one of Looked), once an hour for each person and thing.
func (s *Store) Saw(ctx context.Context, tx pgx.Tx, by account.Actor, organisation, id uuid.UUID, what, to string) error {
	var already bool
	err := tx.QueryRow(ctx, `
		select exists (select from audit.entry
			where case_id = $1 and actor_id = $2 and action = $3 and object_id = $4 and at > $5)`,
		id, by.ID, what, to, s.now().Add(-time.Hour)).Scan(&already)
	if err != nil || already {
		return err
	}
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: what, Kind: "case", To: to, Case: id,
	})
}

func (s *Store) sightings(ctx context.Context, organisation, id uuid.UUID) ([]Sighting, error) {
	rows, err := s.db.Query(ctx, `
		select a.name, a.role, e.action as what, max(e.at) as at
		from audit.entry e join account a on a.id = e.actor_id
		where e.organisation_id = $1 and e.case_id = $2 and e.action = any($3)
		group by a.id, a.name, a.role, e.action
		order by max(e.at)`, organisation, id, Looked)
	if err != nil {
		return nil, fmt.Errorf("sightings: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Sighting])
}

func (s *Store) header(ctx context.Context, by account.Actor, id uuid.UUID) (Case, error) {
	return s.caseIn(ctx, s.db, by, id)
}

func (s *Store) caseIn(ctx context.Context, q Querier, by account.Actor, id uuid.UUID) (Case, error) {
	if by.Role != account.Caseworker {
		return Case{}, account.ErrDenied
	}
	rows, err := q.Query(ctx, `select`+caseColumns+` where c.id = $1 and c.organisation_id = $2`, id, by.Organisation)
	if err != nil {
		return Case{}, fmt.Errorf("case: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCase)
	if errors.Is(err, pgx.ErrNoRows) {
		return Case{}, account.ErrNotFound
	}
	return c, err
}

// standing returns whether the case is sealed and the last consent given, if any.
func standing(ctx context.Context, q Querier, id uuid.UUID) (bool, *Consent, error) {
	var sealed bool
	err := q.QueryRow(ctx, `select state = 'sealed' from case_file where id = $1`, id).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil, account.ErrNotFound
	}
	if err != nil {
		return false, nil, fmt.Errorf("case: %w", err)
	}
	var c Consent
	err = q.QueryRow(ctx, `select`+consentColumns+`
		where c.case_id = $1 and c.replaced_at is null
		order by c.granted_at desc limit 1`, id).Scan(c.columns()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return sealed, nil, nil
	}
	if err != nil {
		return false, nil, fmt.Errorf("consent: %w", err)
	}
	return sealed, &c, nil
}

const consentColumns = `
	c.id, c.purpose, c.circle, c.valid_until, c.text_version, c.explained, a.name, c.granted_at, c.withdrawn_at
	from consent c join account a on a.id = c.recorded_by`

func (c *Consent) columns() []any {
	return []any{&c.ID, &c.Purpose, &c.Circle, &c.ValidUntil, &c.TextVersion, &c.Explained, &c.RecordedByName, &c.GrantedAt, &c.WithdrawnAt}
}

// consentsOf returns the last consent of each case of an organisation, as standing does for one.
func (s *Store) consentsOf(ctx context.Context, organisation uuid.UUID) (map[uuid.UUID]*Consent, error) {
	rows, err := s.db.Query(ctx, `select distinct on (c.case_id) c.case_id,`+consentColumns+`
		where c.organisation_id = $1 and c.replaced_at is null
		order by c.case_id, c.granted_at desc`, organisation)
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	given := map[uuid.UUID]*Consent{}
	var id uuid.UUID
	for rows.Next() {
		var c Consent
		if err := rows.Scan(append([]any{&id}, c.columns()...)...); err != nil {
			rows.Close()
			return nil, fmt.Errorf("consents: %w", err)
		}
		given[id] = &c
	}
	return given, rows.Err()
}

// ValidUntil is the last day of the consent that stands, or nil.
func (s *Store) ValidUntil(ctx context.Context, q Querier, id uuid.UUID) (*time.Time, error) {
	_, c, err := standing(ctx, q, id)
	if err != nil || !c.Stands(s.now()) {
		return nil, err
	}
	return &c.ValidUntil, nil
}
