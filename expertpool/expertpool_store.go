package expertpool

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Store reads and writes the pool.
type Store struct {
	db  *pgxpool.Pool
	now func() time.Time

	catalogues sync.Map // of networks: *catalogue

	rebuilding sync.Mutex // of the documents of agreements

	calendars calendars // from ReadCalendars

	accounts *account.Store // this and the rest: from Correspond
	mails    *mail.Queue
	url      string
}

// NewStore returns a store on db.
func NewStore(db *pgxpool.Pool, now func() time.Time) *Store {
	return &Store{db: db, now: now}
}

// act is one that is in the right of an actor: what do does and its entry in the record, in one transaction. Errors: ErrDenied, and
// those of do.
func (s *Store) act(ctx context.Context, by account.Actor, need account.Act, did, kind string, id uuid.UUID, do func(tx pgx.Tx) error) error {
	if !by.May(need) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.now(), did, kind, id.String()))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// Find lists the active experts of the actor's network, least asked first. Empty disciplines mean all. Coordinators,
// caseworkers and administrators may look; ErrDenied for others.
func (s *Store) Find(ctx context.Context, by account.Actor, disciplines ...string) ([]Expert, error) {
	if !by.May(account.SeePool) {
		return nil, account.ErrDenied
	}
	if i := slices.IndexFunc(disciplines, func(d string) bool { return !KnownDiscipline(d) }); i >= 0 {
		return nil, &account.InvalidError{Field: "discipline", Rule: "unknown"}
	}
	rows, err := s.db.Query(ctx, `
		select a.id, a.name, a.email, e.discipline, e.specialty, e.place, e.languages, e.hours_per_month,
			(select count(*) from invitation i where i.account_id = a.id and i.stamped_at > $3)::int as asked
		from expert e join account a on a.id = e.account_id
		where e.network_id = $1 and e.active and a.disabled_at is null
			and (cardinality($2::text[]) = 0 or e.discipline = any($2))
		order by e.discipline, asked, a.name collate "de-x-icu"`,
		by.Network, nonNil(disciplines), s.now().AddDate(0, 0, -30))
	if err != nil {
		return nil, fmt.Errorf("find experts: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Expert])
}

// ByIDs returns those of ids that are active experts of the network, within tx.
func ByIDs(ctx context.Context, tx pgx.Tx, network uuid.UUID, ids []uuid.UUID) ([]Expert, error) {
	rows, err := tx.Query(ctx, `
		select a.id, a.name, a.email, e.discipline, e.specialty, e.place, e.languages, e.hours_per_month, 0 as asked
		from expert e join account a on a.id = e.account_id
		where e.network_id = $1 and e.active and a.disabled_at is null and a.id = any($2)
		order by a.name`, network, ids)
	if err != nil {
		return nil, fmt.Errorf("experts by id: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Expert])
}

// Add makes the account id an expert of the pool who can be invited at once: verified for a year by nobody, with the declaration
// signed. It is for the rehearsal network and for tests; people come in by Apply or InviteToPool, and wait to be verified.
func (s *Store) Add(ctx context.Context, network, organisation uuid.UUID, e Expert) error {
	return s.add(ctx, network, organisation, e, func(tx pgx.Tx) error { return s.vouch(ctx, tx, network, e.ID) })
}

// List makes the account id an expert of the pool who waits to be verified and to sign, as everybody does who is real.
func (s *Store) List(ctx context.Context, network, organisation uuid.UUID, e Expert) error {
	return s.add(ctx, network, organisation, e, func(pgx.Tx) error { return nil })
}

func (s *Store) add(ctx context.Context, network, organisation uuid.UUID, e Expert, then func(pgx.Tx) error) error {
	if !KnownDiscipline(e.Discipline) {
		return &account.InvalidError{Field: "discipline", Rule: "unknown"}
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into expert (account_id, network_id, organisation_id, discipline, specialty, place, languages, hours_per_month, confirmed_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			e.ID, network, organisation, e.Discipline, e.Specialty, e.Place, nonNil(e.Languages), e.HoursPerMonth, s.now())
		if err != nil {
			return err
		}
		return then(tx)
	})
	if err != nil {
		return fmt.Errorf("add expert: %w", err)
	}
	return nil
}

// vouch verifies an expert and signs for her.
func (s *Store) vouch(ctx context.Context, tx pgx.Tx, network, expert uuid.UUID) error {
	v := Verification{Checked: []string{"identity"}, ValidUntil: Today(s.now()).AddDate(1, 0, 0)}
	if err := insertVerification(ctx, tx, expert, v, nil, s.now()); err != nil {
		return err
	}
	d, err := currentDeclaration(ctx, tx, network)
	if err != nil {
		return err
	}
	digest := d.Digest()
	return insertSignature(ctx, tx, expert, Signature{Version: d.Version, At: s.now(), Digest: digest[:]})
}

// Organisations lists those of the actor's network, those with experts first. Experts may not look: ErrDenied.
func (s *Store) Organisations(ctx context.Context, by account.Actor) ([]Organisation, error) {
	if !by.May(account.SeePool) {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `
		select o.id, o.name, o.kind from organisation o
		where o.network_id = $1
		order by not exists (select from expert e join account a on a.id = e.account_id where a.organisation_id = o.id), o.name`, by.Network)
	if err != nil {
		return nil, fmt.Errorf("organisations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Organisation])
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
