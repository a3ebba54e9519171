package expertpool

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/expertpool/sweep"
)

// Reminders go out so many days before something ends, the longest first.
var (
	verificationReminders = []int{30, 7}
	agreementReminders    = []int{60, 30}
)

// step is the reminder that is due when days are left and the last one was sent as the one of reminded (0: none yet); 0 when none is.
func step(steps []int, days, reminded int) int {
	due := 0
	for _, s := range steps {
		if days <= s && (reminded == 0 || s < reminded) {
			due = s
		}
	}
	return due
}

// Years after which what is left of people and proofs goes: the end of the year counts, as with claims (BGB section 199).
const keptYears = 3

// Sweep reminds of what ends, asks whether entries are still right, asks for new signatures, counts who took part, and deletes what is
// over. It returns how many mails it has queued. Running it twice, or on two nodes at once, sends nothing twice: each mail is queued
// in the transaction that notes it.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	sent := 0
	for _, pass := range []func(context.Context, pgx.Tx) (bool, error){
		s.remindVerification, s.remindAgreement, s.askToSign, s.askListing,
	} {
		for found := true; found; {
			err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
				found, err = pass(ctx, tx)
				return err
			})
			if err != nil {
				return sent, fmt.Errorf("sweep pool: %w", err)
			}
			if found {
				sent++
			}
		}
	}
	if err := s.sweepRows(ctx); err != nil {
		return sent, fmt.Errorf("sweep pool: %w", err)
	}
	return sent, nil
}

// person is an expert whom a mail goes to, and the one who looks after her entry.
type person struct {
	ID, Organisation uuid.UUID
	Name, Email      string
	OwnerName        string
	OwnerEmail       string
}

// members are those of the pool who can be written to; conditions over expert e, account a, owner w follow.
const members = `
	from expert e join account a on a.id = e.account_id left join account w on w.id = e.owner_id and w.disabled_at is null and w.email <> '' `

func (s *Store) remindVerification(ctx context.Context, tx pgx.Tx) (bool, error) {
	var p person
	var id uuid.UUID
	var until time.Time
	var reminded int
	err := tx.QueryRow(ctx, `
		select a.id, a.organisation_id, a.name, a.email, coalesce(w.name, ''), coalesce(w.email, ''), v.id, v.valid_until, v.reminded`+members+`
		join lateral (
			select * from verification v where v.expert_id = a.id and v.revoked_at is null order by v.verified_at desc, v.id limit 1) v on true
		where e.active and a.disabled_at is null and a.email <> '' and v.valid_until >= $1::date
			and (v.valid_until <= $1::date + $2::int and v.reminded = 0 or v.valid_until <= $1::date + $3::int and v.reminded > $3)
		order by v.valid_until, v.id limit 1 for update of e skip locked`,
		Today(s.now()), verificationReminders[0], verificationReminders[1]).
		Scan(&p.ID, &p.Organisation, &p.Name, &p.Email, &p.OwnerName, &p.OwnerEmail, &id, &until, &reminded)
	if err != nil {
		return false, ignoreNone(err)
	}
	days := int(until.Sub(Today(s.now())).Hours() / 24)
	if _, err := tx.Exec(ctx, `update verification set reminded = $2 where id = $1`, id, step(verificationReminders, days, reminded)); err != nil {
		return false, err
	}
	to := mail.Address{Name: p.Name, Email: p.Email}
	if err := s.sendIfPossible(ctx, tx, p.Organisation, p.ID.String(), to, expires(days, until, s.url+"/me/membership")); err != nil {
		return false, err
	}
	if p.OwnerEmail != "" {
		to := mail.Address{Name: p.OwnerName, Email: p.OwnerEmail}
		l := expiresForOwner(days, s.url+"/experts/"+p.ID.String()+"/membership")
		if err := s.sendIfPossible(ctx, tx, p.Organisation, p.ID.String()+"-owner", to, l); err != nil {
			return false, err
		}
	}
	return true, s.did(ctx, tx, p.Organisation, "remind_verification", "expert", p.ID)
}

func (s *Store) remindAgreement(ctx context.Context, tx pgx.Tx) (bool, error) {
	var id, organisation uuid.UUID
	var until time.Time
	var reminded int
	var to mail.Address
	err := tx.QueryRow(ctx, `
		select g.id, g.valid_until, g.reminded, w.organisation_id, w.name, w.email
		from agreement g join account w on w.id = g.owner_id
		where g.ended_at is null and w.disabled_at is null and w.email <> '' and g.valid_until >= $1::date
			and (g.valid_until <= $1::date + $2::int and g.reminded = 0 or g.valid_until <= $1::date + $3::int and g.reminded > $3)
		order by g.valid_until, g.id limit 1 for update of g skip locked`,
		Today(s.now()), agreementReminders[0], agreementReminders[1]).Scan(&id, &until, &reminded, &organisation, &to.Name, &to.Email)
	if err != nil {
		return false, ignoreNone(err)
	}
	days := int(until.Sub(Today(s.now())).Hours() / 24)
	if _, err := tx.Exec(ctx, `update agreement set reminded = $2 where id = $1`, id, step(agreementReminders, days, reminded)); err != nil {
		return false, err
	}
	if err := s.sendIfPossible(ctx, tx, organisation, id.String(), to, agreementEnds(days, s.url+"/network/agreements/"+id.String())); err != nil {
		return false, err
	}
	return true, s.did(ctx, tx, organisation, "remind_agreement", "agreement", id)
}

// askToSign asks those who have signed an earlier version of the declaration, once for each version.
func (s *Store) askToSign(ctx context.Context, tx pgx.Tx) (bool, error) {
	var p person
	var version int
	err := tx.QueryRow(ctx, `
		select a.id, a.organisation_id, a.name, a.email, d.version`+members+`
		join lateral (select max(version) as version from declaration d where d.network_id is null or d.network_id = e.network_id) d on true
		join lateral (select max(version) as version from declaration_signature g where g.expert_id = a.id) g on g.version < d.version
		where e.active and a.disabled_at is null and a.email <> '' and e.declaration_asked < d.version
		order by a.id limit 1 for update of e skip locked`).Scan(&p.ID, &p.Organisation, &p.Name, &p.Email, &version)
	if err != nil {
		return false, ignoreNone(err)
	}
	if _, err := tx.Exec(ctx, `update expert set declaration_asked = $2 where account_id = $1`, p.ID, version); err != nil {
		return false, err
	}
	err = s.sendIfPossible(ctx, tx, p.Organisation, p.ID.String(), mail.Address{Name: p.Name, Email: p.Email}, signAnew(s.url+"/me/declaration"))
	if err != nil {
		return false, err
	}
	return true, s.did(ctx, tx, p.Organisation, "ask_signature", "expert", p.ID)
}

// askListing asks once a quarter whether an entry is still right, and again a quarter later when nobody has said so. Who has never been
// verified has not come in yet and is left alone.
func (s *Store) askListing(ctx context.Context, tx pgx.Tx) (bool, error) {
	var p person
	err := tx.QueryRow(ctx, `
		select a.id, a.organisation_id, a.name, a.email`+members+`
		where e.active and a.disabled_at is null and a.email <> '' and greatest(e.confirmed_at, e.confirm_asked_at) <= $1
			and exists (select from verification v where v.expert_id = a.id)
		order by e.confirmed_at, a.id limit 1 for update of e skip locked`, s.now().Add(-asksEvery)).Scan(&p.ID, &p.Organisation, &p.Name, &p.Email)
	if err != nil {
		return false, ignoreNone(err)
	}
	if _, err := tx.Exec(ctx, `update expert set confirm_asked_at = $2 where account_id = $1`, p.ID, s.now()); err != nil {
		return false, err
	}
	token, err := s.accounts.NewLink(ctx, tx, p.ID, ForListing, p.ID, s.now().Add(listingLinkLasts))
	if err != nil {
		return false, err
	}
	err = s.sendIfPossible(ctx, tx, p.Organisation, p.ID.String(), mail.Address{Name: p.Name, Email: p.Email}, stillRight(s.url+"/confirm/"+token))
	if err != nil {
		return false, err
	}
	return true, s.did(ctx, tx, p.Organisation, "ask_listing", "expert", p.ID)
}

// did records what the server itself has done.
func (s *Store) did(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, did, kind string, to uuid.UUID) error {
	return audit.Record(ctx, tx, audit.Entry{Organisation: organisation, At: s.now(), Role: "server", Did: did, Kind: kind, To: to.String()})
}

// sweepRows counts who took part and deletes what is over: applications that nobody confirmed or that were decided, proofs of
// participation, the names of those who left, and what tells indexes of the directory that somebody has.
func (s *Store) sweepRows(ctx context.Context) error {
	now := s.now()
	before := time.Date(Today(now).Year()-keptYears, 1, 1, 0, 0, 0, 0, time.UTC)
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(countAttended, now)
		b.Queue(`
			delete from application
			where state in ('sent', 'known') and sent_at < $1 or state in ('accepted', 'declined') and decided_at < $2`,
			now.Add(-addressLinkLasts), now.Add(-declinedKept))
		b.Queue(`delete from participation where on_day < $1`, before)
		b.Queue(`
			update account set name = 'Ehemaliges Mitglied' where name <> 'Ehemaliges Mitglied' and id in (
				select account_id from expert where left_at < $1)`, before)
		b.Queue(`update declaration_signature set signed_name = '' where signed_name <> '' and expert_id in (
				select account_id from expert where left_at < $1)`, before)
		b.Queue(pruneEvents)
		return tx.SendBatch(ctx, &b).Close()
	})
}

type sweepArgs struct{}

// Kind names the job that wakes Sweep.
func (sweepArgs) Kind() string { return "expertpool.sweep" }

// Register adds the worker that wakes Sweep, and returns its job.
func (s *Store) Register(w *river.Workers) *river.PeriodicJob {
	return sweep.Register[sweepArgs](w, sweep.Pass{Every: time.Hour, Do: func(ctx context.Context) error {
		_, err := s.Sweep(ctx)
		return err
	}})
}

func ignoreNone(err error) error {
	if noneIsNotFound(err) == account.ErrNotFound {
		return nil
	}
	return err
}
