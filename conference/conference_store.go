package conference

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Parts are what a Store leans on.
type Parts struct {
	DB         *pgxpool.Pool
	Accounts   *account.Store
	Vault      *pseudonym.Vault // gives a conference its pseudonym
	Cases      *casefile.Store
	Plans      *plan.Store
	Pool       *expertpool.Store // for people who leave it
	Mails      *mail.Queue
	MinutesKey *MinutesKey
	URL        string // public address, without a slash at the end
	Organizer  string // address that invitations come from; kept with each invitation for its life
	Now        func() time.Time
	Tombstones string // file that names the cases that are deleted; empty: none is kept
	UTC        bool   // dates go out in UTC, for calendars that stumble over zones
}

// Store holds requests, conferences, invitations, notes and minutes.
type Store struct {
	Parts
	host string // of URL; right side of calendar UIDs
	ends noteEnds
}

// NewStore returns a store. The error is about p.URL or a missing p.MinutesKey.
func NewStore(p Parts) (*Store, error) {
	if p.MinutesKey == nil {
		return nil, errors.New("no key to sign minutes with")
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("public address %q has no host", p.URL)
	}
	return &Store{Parts: p, host: u.Hostname()}, nil
}

const conferenceColumns = `
	c.id, c.code, c.organisation_id, o.name, o.network_id, coalesce(c.case_id, ` + nobody + `), coalesce(c.request_id, ` + nobody + `), c.moderator_id, m.name,
	coalesce(w.name, ''), c.question, coalesce(r.own_wish, ''), c.state, c.starts_at, c.ends_at, coalesce(r.submitted_at, c.created_at), c.created_at,
	c.opened_at, c.ended_at, c.kind, c.visible_from, c.spoken, c.explanation, c.form = 'written', c.fixed
	from conference c
	join organisation o on o.id = c.organisation_id
	left join conference_request r on r.id = c.request_id
	join account m on m.id = c.moderator_id
	left join account w on w.id = r.caseworker_id`

func conferences(ctx context.Context, q casefile.Querier, where string, args ...any) ([]Conference, error) {
	rows, err := q.Query(ctx, `select`+conferenceColumns+` `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("conferences: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Conference])
	if err != nil {
		return nil, fmt.Errorf("conferences: %w", err)
	}
	return found, nil
}

func one(found []Conference, err error) (Conference, error) {
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Conference{}, err
	}
	return found[0], nil
}

func byCode(ctx context.Context, q casefile.Querier, code string) (Conference, error) {
	return one(conferences(ctx, q, `where c.code = $1`, code))
}

// lock returns a conference that nobody else changes until tx ends, with its seats and the actor's part in it.
func (s *Store) lock(ctx context.Context, tx pgx.Tx, by account.Actor, code string, d deed) (Conference, []Seat, error) {
	c, err := one(conferences(ctx, tx, `where c.code = $1 for update of c`, code))
	if err != nil {
		return Conference{}, nil, err
	}
	seats, err := seatsOf(ctx, tx, c.ID)
	if err != nil {
		return Conference{}, nil, err
	}
	part, _, err := partOf(by, c, seats)
	if err != nil {
		return Conference{}, nil, err
	}
	if err := part.may(d); err != nil {
		return Conference{}, nil, err
	}
	return c, seats, c.has(d)
}

// change does something to a conference in one transaction and records it.
func (s *Store) change(ctx context.Context, by account.Actor, code string, d deed, did string, do func(pgx.Tx, Conference, []Seat) error) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, seats, err := s.lock(ctx, tx, by, code, d)
		if err != nil {
			return err
		}
		if c.State == Sealed {
			return account.Refuse(account.ErrClosed, "withdrawn")
		}
		if err := do(tx, c, seats); err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, did, "conference", c.Code, "")
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func (s *Store) record(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, did, kind, to, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: c.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: kind, To: to, Case: c.CaseID, Reason: reason,
	})
}

func setState(ctx context.Context, tx pgx.Tx, id uuid.UUID, state State) error {
	_, err := tx.Exec(ctx, `update conference set state = $2 where id = $1`, id, state)
	if err != nil {
		return fmt.Errorf("conference state: %w", err)
	}
	return nil
}

func seatsOf(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Seat, error) {
	rows, err := q.Query(ctx, `
		select s.id, s.account_id, a.name, s.role, s.discipline, s.required, s.attended_at,
			coalesce(i.state, ''), i.answered_at, coalesce(i.comment, ''), coalesce(i.sequence, 0), coalesce(i.declared, ''), coalesce(i.undeliverable, ''), s.written
		from seat s
		join account a on a.id = s.account_id
		left join lateral (
			select * from invitation i where i.seat_id = s.id order by i.state = 'cancelled', i.stamped_at desc limit 1
		) i on true
		where s.conference_id = $1
		order by array_position(array['moderator', 'caseworker', 'expert', 'colleague'], s.role), s.discipline, a.name`, conference)
	if err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	seats, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Seat])
	if err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	return seats, nil
}

// addressOf is where mails to an account go. Who has left the pool has no address any more, and gets none.
func addressOf(ctx context.Context, tx pgx.Tx, account uuid.UUID) (mail.Address, error) {
	found, err := recipients(ctx, tx, uuid.Nil, account)
	return found[account].Address, err
}

func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
