package conference

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

const (
	feedBack      = 30 * 24 * time.Hour // how long what is over, or was called off, stays in a feed
	feedLasts     = 2 * 365 * 24 * time.Hour
	feedUsedEvery = time.Hour // finer than that nobody needs to know when a program asked
)

// Subscription is somebody's feed.
type Subscription struct {
	MadeAt time.Time
	UsedAt *time.Time // when a program last asked, to the hour; nil: never
}

// Subscription tells whether the actor has a feed; nil when she has none.
func (s *Store) Subscription(ctx context.Context, by account.Actor) (*Subscription, error) {
	var f Subscription
	err := s.DB.QueryRow(ctx, `select created_at, used_at from link where account_id = $1 and purpose = 'feed' and expires_at > $2`, by.ID, s.Now()).Scan(&f.MadeAt, &f.UsedAt)
	if isNone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	return &f, nil
}

// Subscribe gives the actor a new address of her dates, which is shown this once. The one she had leads nowhere from now on.
func (s *Store) Subscribe(ctx context.Context, by account.Actor) (token string, err error) {
	if by.Session == uuid.Nil || by.Reach(account.TakePart) == "" {
		return "", account.ErrDenied
	}
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from link where account_id = $1 and purpose = 'feed'`, by.ID); err != nil {
			return err
		}
		if token, err = s.Accounts.NewLink(ctx, tx, by.ID, account.ForFeed, by.ID, s.Now().Add(feedLasts)); err != nil {
			return err
		}
		return s.ofAccount(ctx, tx, by, "make_feed")
	})
	if err != nil {
		return "", fmt.Errorf("subscribe: %w", err)
	}
	return token, nil
}

// Unsubscribe makes the address of the actor's dates lead nowhere.
func (s *Store) Unsubscribe(ctx context.Context, by account.Actor) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `delete from link where account_id = $1 and purpose = 'feed'`, by.ID)
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
		return s.ofAccount(ctx, tx, by, "end_feed")
	})
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// ofAccount records what somebody changes about her own account.
func (s *Store) ofAccount(ctx context.Context, tx pgx.Tx, by account.Actor, did string) error {
	return audit.Record(ctx, tx, by.Entry(s.Now(), did, "account", by.ID.String()))
}

// Feed is the dates of whoever an address was given to: those she is asked for or keeps, from 30 days back, and what was called off in that
// time. It says of them what an invitation says, and nothing else. account.ErrUnknown when the address leads nowhere.
func (s *Store) Feed(ctx context.Context, token string) ([]byte, error) {
	by, _, err := s.Accounts.Follow(ctx, token, account.ForFeed)
	if err != nil {
		return nil, err
	}
	_, err = s.DB.Exec(ctx, `
		update link set used_at = $2
		where account_id = $1 and purpose = 'feed' and (used_at is null or used_at < $3)`, by.ID, s.Now(), s.Now().Add(-feedUsedEvery))
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	dates, err := s.dated(ctx, by)
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return ical.Feed("konsil", expertpool.Zone().String(), s.Now(), dates)
}

func (s *Store) dated(ctx context.Context, by account.Actor) ([]ical.Dated, error) {
	rows, err := s.DB.Query(ctx, `
		select c.code, c.starts_at, c.ends_at, s.id, coalesce(i.uid, ''), coalesce(i.sequence, 0), coalesce(i.stamped_at, c.created_at),
			c.state in ('cancelled', 'sealed') or coalesce(i.state, '') in ('cancelled', 'declined') as off,
			coalesce(i.state, '') in ('offered', 'tentative') as open
		from seat s join conference c on c.id = s.conference_id
		left join lateral (
			select * from invitation i where i.seat_id = s.id order by i.state = 'cancelled', i.stamped_at desc limit 1
		) i on true
		where s.account_id = $1 and c.ends_at > $2 and c.form = 'video' and not s.written
		order by c.starts_at, c.code limit 1000`, by.ID, s.Now().Add(-feedBack))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (d ical.Dated, err error) {
		var c Conference
		var seat uuid.UUID
		var open bool
		err = r.Scan(&c.Code, &c.StartsAt, &c.EndsAt, &seat, &d.UID, &d.Sequence, &d.Stamp, &d.Cancelled, &open)
		i := invite{c: c, uid: d.UID, sequence: d.Sequence, stamped: d.Stamp, joinURL: s.joinURL(c)}
		if i.uid == "" { // the staff of a conference is not invited
			i.uid = hex.EncodeToString(seat[:]) + "@" + s.host
		}
		d.Event = i.event()
		d.Tentative = open
		return d, err
	})
}
