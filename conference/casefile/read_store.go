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
	not exists (select from account b where b.id <> coalesce(l.author_id, c.caseworker_id) and ` + secondPerson + `), o.single_release,
	coalesce(t.name, a.name), coalesce((select p.phase from case_phase p where p.case_id = c.id order by p.began_on desc limit 1), ''), c.reread_at
	from case_file c
	join organisation o on o.id = c.organisation_id
	join account a on a.id = c.caseworker_id
	left join account t on t.id = c.contact_id
	left join lateral (
		select version, state, author_id from case_summary t where t.case_id = c.id and t.state <> 'sealed' order by version desc limit 1
	) l on true
	left join case_summary r on r.case_id = c.id and r.state = 'released'`

func scanCase(row pgx.CollectableRow) (Case, error) { return scanCaseAfter(row) }

// scanCaseAfter reads a case whose row has other columns before caseColumns.
func scanCaseAfter(row pgx.CollectableRow, before ...any) (Case, error) {
	var c Case
	err := row.Scan(append(before, &c.ID, &c.Organisation, &c.Pseudonym, &c.CaseworkerID, &c.CaseworkerName, &c.Sealed, &c.CreatedAt, &c.SealedAt,
		&c.Latest.Number, &c.Latest.State, &c.Latest.AuthorID, &c.Released, &c.Alone, &c.Single, &c.Contact, &c.Phase, &c.RereadAt)...)
	return c, err
}

// List returns the cases of the caseworker's organisation with their consent, open ones first, then the newest, without
// summaries.
func (s *Store) List(ctx context.Context, by account.Actor) ([]Case, error) {
	if !by.May(account.KeepCases) {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `select`+caseColumns+`
		where c.organisation_id = $1 and c.deleted_at is null
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
	if !by.May(account.KeepCases) {
		return 0, nil
	}
	var n int
	err := s.db.QueryRow(ctx, `
		select count(*) from case_file c
		where c.organisation_id = $1 and c.state = 'open' and (
			exists (select from case_summary t where t.case_id = c.id and (t.state = 'draft' or t.state = 'checked' and (
				t.author_id <> $3 or not exists (select from account b where b.id <> $3 and `+secondPerson+`))))
			or not consent_stands(c.id, $2))`,
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
	if c.Consent, err = lastGiven(ctx, s.db, id); err != nil || c.Sealed {
		return c, err
	}
	if c.Prepared, err = prepared(ctx, s.db, id); err != nil {
		return Case{}, err
	}
	for _, one := range []*Consent{c.Consent, c.Prepared} {
		if one == nil {
			continue
		}
		if one.Releases, err = releasesOf(ctx, s.db, one.ID); err != nil {
			return Case{}, err
		}
	}
	if c.Summary, err = summaryOf(ctx, s.db, id, false); err != nil {
		return Case{}, err
	}
	return c, nil
}

// Alias is a case as those know it who watch over who has seen it: nothing of what it says.
type Alias struct {
	ID        uuid.UUID
	Pseudonym string
	Sealed    bool
}

// Aliases lists the cases of the actor's organisation by pseudonym, at most a thousand. ErrDenied for who may not see who has seen them.
func (s *Store) Aliases(ctx context.Context, by account.Actor) ([]Alias, error) {
	return s.aliases(ctx, by, uuid.Nil)
}

// Alias returns one of Aliases. Errors: ErrDenied, ErrNotFound.
func (s *Store) Alias(ctx context.Context, by account.Actor, id uuid.UUID) (Alias, error) {
	found, err := s.aliases(ctx, by, id)
	if err == nil && (len(found) == 0 || id == uuid.Nil) {
		err = account.ErrNotFound
	}
	if err != nil {
		return Alias{}, err
	}
	return found[0], nil
}

// aliases are all, or the one with that id.
func (s *Store) aliases(ctx context.Context, by account.Actor, id uuid.UUID) ([]Alias, error) {
	if !by.May(account.SeeAccessLog) {
		return nil, account.ErrDenied
	}
	found, err := rowsOf[Alias](ctx, s.db, `
		select id, pseudonym, state = 'sealed' as sealed from case_file
		where organisation_id = $1 and deleted_at is null and ($2 = '00000000-0000-0000-0000-000000000000'::uuid or id = $2)
		order by pseudonym limit 1000`, by.Organisation, id)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	return found, nil
}

// Receipt tells who had seen what of a sealed case: a caseworker of its organisation, or the client by her link (account.Client).
// ErrConflict while it is open.
func (s *Store) Receipt(ctx context.Context, by account.Actor, id uuid.UUID) (Receipt, error) {
	if !by.May(account.WithdrawConsent) {
		return Receipt{}, account.ErrDenied
	}
	c, err := caseOf(ctx, s.db, by.Organisation, id)
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
	r := Receipt{Case: c, WithdrawnAt: *c.SealedAt, Seen: seen}
	if r.Guests, err = s.guestSightings(ctx, id); err != nil {
		return Receipt{}, err
	}
	r.DeletedOn, err = s.deletionOf(ctx, id)
	return r, err
}

// deletionOf is when the case is deleted; nil when nothing is scheduled.
func (s *Store) deletionOf(ctx context.Context, id uuid.UUID) (*time.Time, error) {
	var due time.Time
	err := s.db.QueryRow(ctx, `select due_at from case_deletion where case_id = $1`, id).Scan(&due)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("deletion: %w", err)
	}
	return &due, nil
}

// Looked are the deeds that show case text to somebody.
var Looked = []string{"view_summary", "enter_room", "view_notes", "view_minutes", "view_measure", "view_attachment", "view_opinions", "reveal", "disclose"}

// Saw records within tx that the actor was shown what (one of Looked), once an hour for each person and thing. Without a case, which is
// uuid.Nil, there is nobody to whom that would have to be told, and nothing is recorded.
func (s *Store) Saw(ctx context.Context, tx pgx.Tx, by account.Actor, organisation, id uuid.UUID, what, to string) error {
	if id == uuid.Nil {
		return nil
	}
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
		select coalesce(e.actor_id, e.actor) as person, coalesce(a.name, '') as name, e.actor_role as role, coalesce(o.name, '') as organisation,
			coalesce(o.id, e.organisation_id) <> e.organisation_id as outside, e.action as what, min(e.at) as first, max(e.at) as at,
			coalesce(array_agg(distinct e.object_id order by e.object_id) filter (where e.object_kind = 'case'), '{}') as codes
		from audit.entry e left join account a on a.id = e.actor_id left join organisation o on o.id = coalesce(a.organisation_id, e.home_id)
		where e.organisation_id = $1 and e.case_id = $2 and e.action = any($3) and e.actor is not null
		group by 1, 2, 3, 4, 5, e.action
		order by max(e.at), 2, e.action`, organisation, id, Looked)
	if err != nil {
		return nil, fmt.Errorf("sightings: %w", err)
	}
	seen, err := pgx.CollectRows(rows, pgx.RowToStructByName[Sighting])
	if err != nil {
		return nil, fmt.Errorf("sightings: %w", err)
	}
	count := Unnamed{}
	for i := range seen {
		if seen[i].Name == "" {
			seen[i].Number = count.Of(seen[i].Person)
		}
	}
	return seen, nil
}

// guestSightings are the guests who took part in conferences of a case.
func (s *Store) guestSightings(ctx context.Context, id uuid.UUID) ([]GuestSighting, error) {
	rows, err := s.db.Query(ctx, `
		select g.kind, g.attended_at, c.code from conference_guest g join conference c on c.id = g.conference_id
		where c.case_id = $1 and g.attended_at is not null
		order by g.attended_at, g.id`, id)
	if err != nil {
		return nil, fmt.Errorf("guests: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[GuestSighting])
}

func (s *Store) header(ctx context.Context, by account.Actor, id uuid.UUID) (Case, error) {
	return s.caseIn(ctx, s.db, by, id)
}

func (s *Store) caseIn(ctx context.Context, q Querier, by account.Actor, id uuid.UUID) (Case, error) {
	if !by.May(account.KeepCases) {
		return Case{}, account.ErrDenied
	}
	return caseOf(ctx, q, by.Organisation, id)
}

func caseOf(ctx context.Context, q Querier, organisation, id uuid.UUID) (Case, error) {
	rows, err := q.Query(ctx, `select`+caseColumns+` where c.id = $1 and c.organisation_id = $2 and c.deleted_at is null`, id, organisation)
	if err != nil {
		return Case{}, fmt.Errorf("case: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCase)
	if errors.Is(err, pgx.ErrNoRows) {
		return Case{}, account.ErrNotFound
	}
	return c, err
}
