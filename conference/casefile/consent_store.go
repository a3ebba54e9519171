package casefile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Open lets somebody look into the case now for one purpose, or says why not: ErrClosed with the rules withdrawn, no_consent,
// consent_not_yet, consent_expired, not_agreed, not_in_circle; ErrNotFound when there is no such case. Every path to case text
// and every socket asks it, at the time of reading.
//
// A conference without a case asks with uuid.Nil. There is nobody whose consent it would take, so it is open for the conference
// itself; for everything that only a client can agree to it is shut: no_case.
func (s *Store) Open(ctx context.Context, q Querier, id uuid.UUID, by account.Actor, p Purpose) error {
	g, err := s.Gate(ctx, q, id, by.ID)
	if err != nil {
		return err
	}
	return g.Open(by, p)
}

// Gate is what Open goes by, as it stood when it was read, for the people it was read for. It is for asking about several of them
// at once and is not kept.
type Gate struct {
	nobody       bool // there is no case
	sealed       bool
	organisation uuid.UUID
	network      uuid.UUID
	consent      *Consent
	disciplines  map[uuid.UUID]string
	now          time.Time
}

// Open is Store.Open for one of the people that the gate was read for.
func (g Gate) Open(by account.Actor, p Purpose) error {
	switch {
	case g.nobody && p == Conference:
		return nil
	case g.nobody:
		return account.Refuse(account.ErrClosed, "no_case")
	}
	return opens(g.sealed, g.consent, reader{by, g.disciplines[by.ID], g.organisation, g.network}, p, g.now)
}

// Gate reads the gate of a case for some people, in as many steps for many as for one; of uuid.Nil see Open. ErrNotFound when there is
// no such case.
func (s *Store) Gate(ctx context.Context, q Querier, id uuid.UUID, people ...uuid.UUID) (Gate, error) {
	if id == uuid.Nil {
		return Gate{nobody: true}, nil
	}
	g := Gate{disciplines: map[uuid.UUID]string{}, now: s.now()}
	err := q.QueryRow(ctx, `
		select f.state = 'sealed', f.organisation_id, o.network_id,
			coalesce((select jsonb_object_agg(e.account_id, e.discipline) from expert e where e.account_id = any($2)), '{}')
		from case_file f join organisation o on o.id = f.organisation_id
		where f.id = $1`, id, people).Scan(&g.sealed, &g.organisation, &g.network, &g.disciplines)
	if errors.Is(err, pgx.ErrNoRows) {
		return Gate{}, account.ErrNotFound
	}
	if err != nil {
		return Gate{}, fmt.Errorf("open case: %w", err)
	}
	g.consent, err = lastGiven(ctx, q, id)
	return g, err
}

// Prepare keeps what a sheet is to say that is printed and not signed yet. It opens nothing. A sheet that was prepared before
// gives way. Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed when sealed.
func (s *Store) Prepare(ctx context.Context, by account.Actor, id uuid.UUID, c Consent) error {
	if err := s.check(&c); err != nil {
		return err
	}
	return s.change(ctx, by, id, "prepare_consent", "", func(tx pgx.Tx, of Case) error {
		if err := inNetwork(ctx, tx, by, c); err != nil {
			return err
		}
		if err := discardPrepared(ctx, tx, id); err != nil {
			return err
		}
		now := s.now()
		c.AskedAt, c.GrantedAt = &now, nil
		return insertConsent(ctx, tx, by, of, c)
	})
}

// Grant records within tx the consent that the client has signed. A consent that stands is replaced: its circle and term no
// longer count. Whose dates that ends is the caller's to see. Errors as Prepare.
func (s *Store) Grant(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, c Consent) error {
	if err := s.check(&c); err != nil {
		return err
	}
	if err := c.signed(s.now()); err != nil {
		return err
	}
	return s.changeIn(ctx, tx, by, id, "grant_consent", "", func(of Case) error {
		if err := inNetwork(ctx, tx, by, c); err != nil {
			return err
		}
		if err := discardPrepared(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			update consent set replaced_at = $2
			where case_id = $1 and granted_at is not null and withdrawn_at is null and replaced_at is null`, id, s.now())
		if err != nil {
			return err
		}
		now := s.now()
		c.GrantedAt = &now
		return insertConsent(ctx, tx, by, of, c)
	})
}

// check is validate with the name guard: a secrecy release names nobody.
func (s *Store) check(c *Consent) error {
	if err := c.validate(s.now()); err != nil {
		return err
	}
	for _, r := range c.Releases {
		for _, text := range []string{r.Holder, r.About} {
			if slices.ContainsFunc(s.guard.Find(text, nil), sure) {
				return &account.InvalidError{Field: "releases", Rule: "names"}
			}
		}
	}
	return nil
}

// Narrow takes something out of the consent that stands, within tx: a purpose, a discipline, an organisation, a person, time, or
// a release from secrecy. What was there before is not kept. Adding anything is InvalidError "wider" of the field, taking the
// conference out of it "withdraw": that is a withdrawal. The caller is a caseworker of the case's organisation, or the client herself
// (ClientRole). Errors: ErrClosed when no consent stands.
func (s *Store) Narrow(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, to Consent) error {
	to.tidy(s.now())
	if !to.Allows(Conference) || len(to.Circle) == 0 || len(to.Organisations) == 0 {
		return &account.InvalidError{Field: "circle", Rule: "withdraw"}
	}
	c, err := s.lockToEnd(ctx, tx, by, id)
	if err == nil && c.Sealed {
		err = account.Refuse(account.ErrClosed, "withdrawn")
	}
	if err != nil {
		return err
	}
	from, err := lastGiven(ctx, tx, id)
	if err != nil {
		return err
	}
	if !from.Stands(s.now()) {
		return account.Refuse(account.ErrClosed, "no_consent")
	}
	if len(to.PlanTo) == 0 { // nobody left to pass it to
		to.Purposes = slices.DeleteFunc(to.Purposes, func(p Purpose) bool { return p == PassPlan })
	}
	if field := to.within(from); field != "" {
		return &account.InvalidError{Field: field, Rule: "wider"}
	}
	if !subset(to.Excluded, from.Excluded) { // nothing else can be new
		if err := inNetwork(ctx, tx, by, to); err != nil {
			return err
		}
	}
	if err := s.narrow(ctx, tx, from.ID, to); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "narrow_consent", c.Pseudonym, id, "")
}

// lockToEnd locks a case for whoever may end its consent, or a part of it.
func (s *Store) lockToEnd(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Case, error) {
	if !by.May(account.WithdrawConsent) {
		return Case{}, account.ErrDenied
	}
	return lockCase(ctx, tx, by.Organisation, id)
}

func (s *Store) narrow(ctx context.Context, tx pgx.Tx, id uuid.UUID, to Consent) error {
	_, err := tx.Exec(ctx, `
		update consent set purposes = $2, circle = $3, organisations = $4, excluded = $5, plan_to = $6, valid_until = $7, narrowed_at = $8
		where id = $1`, id, to.Purposes, to.Circle, listed(to.Organisations), listed(to.Excluded), listed(to.PlanTo), to.ValidUntil, s.now())
	if err != nil {
		return fmt.Errorf("narrow consent: %w", err)
	}
	keep := make([]uuid.UUID, len(to.Releases))
	for i, r := range to.Releases {
		keep[i] = r.ID
	}
	_, err = tx.Exec(ctx, `
		update secrecy_release set ended_at = $3, holder = '', about = ''
		where consent_id = $1 and id <> all($2) and ended_at is null`, id, keep, s.now())
	if err != nil {
		return fmt.Errorf("end releases: %w", err)
	}
	return nil
}

// deleteAfter is how long after a withdrawal the case is deleted: time to print the receipt and the letters, no longer.
const deleteAfter = 7 * 24 * time.Hour

// Withdraw ends the consent, seals the case, forgets who the client is and schedules the deletion of the rest within tx: from the
// commit on Open refuses everybody. The caller is a caseworker of the case's organisation, or the client herself (account.Client). The conferences of the case are the
// caller's. ErrConflict when there is nothing to withdraw.
func (s *Store) Withdraw(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) error {
	c, err := s.lockToEnd(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if c.Sealed {
		return account.Refuse(account.ErrConflict, "already_withdrawn")
	}
	tag, err := tx.Exec(ctx, `
		update consent set withdrawn_at = $2, withdrawn_by = $3
		where case_id = $1 and granted_at is not null and withdrawn_at is null and replaced_at is null`, id, s.now(), nobody(by.ID))
	if err != nil {
		return fmt.Errorf("withdraw consent: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return account.Refuse(account.ErrConflict, "no_consent")
	}
	var b pgx.Batch
	b.Queue(`update case_file set state = 'sealed', sealed_at = $2 where id = $1`, id, s.now())
	b.Queue(`update case_summary set state = 'sealed' where case_id = $1`, id)
	b.Queue(`
		update secrecy_release r set ended_at = $2, holder = '', about = ''
		from consent k where k.id = r.consent_id and k.case_id = $1 and r.ended_at is null`, id, s.now())
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("seal case: %w", err)
	}
	if err := discardPrepared(ctx, tx, id); err != nil {
		return err
	}
	if err := dropAttachments(ctx, tx, id); err != nil {
		return err
	}
	if err := s.vault.Erase(ctx, tx, by, id, "withdrawal"); err != nil {
		return err
	}
	return s.scheduleDeletion(ctx, tx, c)
}

// scheduleDeletion leaves a row for the retention sweep; an earlier date that is set already stays.
func (s *Store) scheduleDeletion(ctx context.Context, tx pgx.Tx, c Case) error {
	_, err := tx.Exec(ctx, `
		insert into case_deletion as d (case_id, organisation_id, due_at, scheduled_at)
		values ($1, $2, $3, $4)
		on conflict (case_id) do update set due_at = least(d.due_at, excluded.due_at)`, c.ID, c.Organisation, s.now().Add(deleteAfter), s.now())
	if err != nil {
		return fmt.Errorf("schedule deletion: %w", err)
	}
	return nil
}

// Ended finds a consent whose term is over and whose dates nobody has called off yet, marks it as seen to within tx, and returns
// its case; uuid.Nil when there is none.
func (s *Store) Ended(ctx context.Context, tx pgx.Tx, today time.Time) (uuid.UUID, error) {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `
		update consent set swept_at = $2
		where id = (
			select id from consent
			where granted_at is not null and withdrawn_at is null and replaced_at is null and swept_at is null and valid_until < $1
			order by valid_until, id limit 1
			for update skip locked
		)
		returning case_id`, today, s.now()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}

// ValidUntil is the last day of the consent that stands, or nil.
func (s *Store) ValidUntil(ctx context.Context, q Querier, id uuid.UUID) (*time.Time, error) {
	c, err := lastGiven(ctx, q, id)
	if err != nil || !c.Stands(s.now()) {
		return nil, err
	}
	return &c.ValidUntil, nil
}

// Excluded are the people who may not look into the case although their discipline may, by the consent that was given last.
func (s *Store) Excluded(ctx context.Context, q Querier, id uuid.UUID) ([]uuid.UUID, error) {
	c, err := lastGiven(ctx, q, id)
	if err != nil || c == nil {
		return nil, err
	}
	return c.Excluded, nil
}

func insertConsent(ctx context.Context, tx pgx.Tx, by account.Actor, of Case, c Consent) error {
	id := uuid.New()
	_, err := tx.Exec(ctx, `
		insert into consent (id, case_id, organisation_id, purposes, circle, organisations, excluded, plan_to, valid_from, valid_until,
			text_version, language, explained, counselled_on, signed_on, recorded_by, asked_at, granted_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		id, of.ID, by.Organisation, c.Purposes, c.Circle, listed(c.Organisations), listed(c.Excluded), listed(c.PlanTo), c.ValidFrom, c.ValidUntil,
		ConsentText, c.Language, c.Explained, c.CounselledOn, date(c.SignedOn), by.ID, c.AskedAt, c.GrantedAt)
	if err != nil {
		return fmt.Errorf("insert consent: %w", err)
	}
	for _, r := range c.Releases {
		_, err := tx.Exec(ctx, `
			insert into secrecy_release (id, consent_id, organisation_id, profession, holder, about)
			values ($1, $2, $3, $4, $5, $6)`, uuid.New(), id, by.Organisation, r.Profession, r.Holder, r.About)
		if err != nil {
			return fmt.Errorf("insert release: %w", err)
		}
	}
	return nil
}

func discardPrepared(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from consent where case_id = $1 and granted_at is null`, id); err != nil {
		return fmt.Errorf("discard prepared consent: %w", err)
	}
	return nil
}

const consentColumns = `
	c.id, c.purposes, c.circle, c.organisations, c.excluded, c.plan_to, c.valid_from, c.valid_until, c.text_version, c.language, c.explained,
	c.counselled_on, coalesce(c.signed_on, '0001-01-01'), a.name, c.asked_at, c.granted_at, c.narrowed_at, c.withdrawn_at
	from consent c join account a on a.id = c.recorded_by`

func (c *Consent) columns() []any {
	return []any{&c.ID, &c.Purposes, &c.Circle, &c.Organisations, &c.Excluded, &c.PlanTo, &c.ValidFrom, &c.ValidUntil, &c.TextVersion, &c.Language,
		&c.Explained, &c.CounselledOn, &c.SignedOn, &c.RecordedByName, &c.AskedAt, &c.GrantedAt, &c.NarrowedAt, &c.WithdrawnAt}
}

// lastGiven is the last consent that was signed, standing or not; nil when there was none.
func lastGiven(ctx context.Context, q Querier, id uuid.UUID) (*Consent, error) {
	return oneConsent(ctx, q, `c.replaced_at is null and c.granted_at is not null order by c.granted_at desc limit 1`, id)
}

func prepared(ctx context.Context, q Querier, id uuid.UUID) (*Consent, error) {
	return oneConsent(ctx, q, `c.granted_at is null`, id)
}

func oneConsent(ctx context.Context, q Querier, which string, id uuid.UUID) (*Consent, error) {
	var c Consent
	err := q.QueryRow(ctx, `select`+consentColumns+` where c.case_id = $1 and `+which, id).Scan(c.columns()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consent: %w", err)
	}
	return &c, nil
}

// releasesOf are the releases from secrecy that stand beside a consent.
func releasesOf(ctx context.Context, q Querier, consent uuid.UUID) ([]SecrecyRelease, error) {
	rows, err := q.Query(ctx, `
		select id, profession, holder, about from secrecy_release
		where consent_id = $1 and ended_at is null order by profession, holder, id`, consent)
	if err != nil {
		return nil, fmt.Errorf("releases: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[SecrecyRelease])
}

// consentsOf returns the last consent of each case of an organisation, as lastGiven does for one.
func (s *Store) consentsOf(ctx context.Context, organisation uuid.UUID) (map[uuid.UUID]*Consent, error) {
	rows, err := s.db.Query(ctx, `select distinct on (c.case_id) c.case_id,`+consentColumns+`
		where c.organisation_id = $1 and c.replaced_at is null and c.granted_at is not null
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

// listed is a list that PostgreSQL takes for empty instead of unknown.
func listed(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

func nobody(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func date(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
