package conference

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// AskGuest makes a personal link for a guest and returns it with its token, which is shown once: only its hash is kept. The
// client must have agreed to be present; the actor confirms that this guest is wanted there and knows that everybody is seen and
// heard, which goes on record. Errors: InvalidError (guest_kind, guest_confirmed), ErrNotFound, ErrDenied, ErrClosed (no_presence
// and those of casefile.Store.Open), ErrConflict (not_planned, guests_full).
func (s *Store) AskGuest(ctx context.Context, by account.Actor, code string, kind GuestKind, confirmed bool) (Guest, string, error) {
	if err := validGuest(kind, confirmed); err != nil {
		return Guest{}, "", err
	}
	token, hash := newGuestToken()
	g := Guest{ID: uuid.New(), Kind: kind, CreatedAt: s.Now()}
	err := s.guestDeed(ctx, by, code, func(tx pgx.Tx, c Conference) error {
		if err := s.mayAsk(ctx, tx, by, c); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			insert into conference_guest (id, conference_id, organisation_id, kind, token_hash, confirmed, created_at, created_by)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, g.ID, c.ID, c.Organisation, kind, hash, PresenceText, g.CreatedAt, by.ID)
		if err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "ask_guest", "guest", g.ID.String(), string(kind)+" "+PresenceText)
	})
	return g, token, err
}

// mayAsk is the rule for one more guest. With a guest of any kind the conference is open: the client is seen in it, or somebody
// of hers. That takes her word for it.
func (s *Store) mayAsk(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference) error {
	if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Presence); err != nil {
		return noPresence(err)
	}
	if !c.State.Planned() && c.State != Live {
		return account.Refuse(account.ErrConflict, "not_planned")
	}
	guests, err := guestsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	standing := 0
	for _, g := range guests {
		if g.Stands() {
			standing++
		}
	}
	if standing >= maxGuests {
		return account.Refuse(account.ErrConflict, "guests_full")
	}
	return nil
}

// RevokeGuest takes a link back. The caller ends what it opened in the live room. Doing it again changes nothing. Errors:
// ErrNotFound, ErrDenied, ErrClosed.
func (s *Store) RevokeGuest(ctx context.Context, by account.Actor, code string, id uuid.UUID) error {
	return s.guestDeed(ctx, by, code, func(tx pgx.Tx, c Conference) error {
		guests, err := guestsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(guests, func(g Guest) bool { return g.ID == id })
		switch {
		case i < 0:
			return account.ErrNotFound
		case !guests[i].Stands():
			return nil
		}
		if _, err := tx.Exec(ctx, `update conference_guest set revoked_at = $2 where id = $1`, id, s.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "revoke_guest", "guest", id.String(), "")
	})
}

// guestDeed does something about the guests of a conference, for those who lead its case.
func (s *Store) guestDeed(ctx context.Context, by account.Actor, code string, do func(pgx.Tx, Conference) error) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, _, err := s.lock(ctx, tx, by, code, toAskGuests)
		if err != nil {
			return err
		}
		if c.State == Sealed {
			return account.Refuse(account.ErrClosed, "withdrawn")
		}
		return do(tx, c)
	})
	if err != nil {
		return fmt.Errorf("guests: %w", err)
	}
	return nil
}

// Guests returns the links of a conference, newest last, to those who may make them. Others are told ErrDenied or ErrNotFound.
func (s *Store) Guests(ctx context.Context, by account.Actor, code string) ([]Guest, error) {
	var guests []Guest
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := byCode(ctx, tx, code)
		if err != nil {
			return err
		}
		seats, err := seatsOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		part, _, err := partOf(by, c, seats)
		if err != nil {
			return err
		}
		if err := part.may(toAskGuests); err != nil {
			return err
		}
		guests, err = guestsOf(ctx, tx, c.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("guests: %w", err)
	}
	return guests, nil
}

func guestsOf(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Guest, error) {
	rows, err := q.Query(ctx, `
		select id, kind, created_at, bound_at, attended_at, left_at, revoked_at from conference_guest
		where conference_id = $1
		order by created_at, id`, conference)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Guest])
}

// GuestLink tells what a guest's link leads to; looking changes nothing. browser is the secret of the browser that looks, empty
// when it has none. Errors: ErrUnknown, ErrClosed (guest_over, guest_revoked, guest_cancelled) when it leads nowhere any more.
func (s *Store) GuestLink(ctx context.Context, token, browser string) (GuestEntry, error) {
	e, owner, err := s.guestEntry(ctx, s.DB, token, "")
	if err != nil {
		return GuestEntry{}, fmt.Errorf("guest: %w", err)
	}
	e.identify(browser, owner)
	return e, nil
}

// EnterAsGuest is GuestLink for somebody who asks to come in: the conference must be live and its consent stand. The first
// browser that asks owns the link from then on. Errors as GuestLink, ErrConflict (guest_not_live), ErrClosed without consent.
func (s *Store) EnterAsGuest(ctx context.Context, token, browser string) (GuestEntry, error) {
	var e GuestEntry
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var owner []byte
		var err error
		if e, owner, err = s.guestEntry(ctx, tx, token, " for update of g"); err != nil {
			return err
		}
		if err := s.Cases.Open(ctx, tx, e.Conference.CaseID, guestOf(e.Conference), casefile.Presence); err != nil {
			return account.Refuse(account.ErrClosed, "guest_cancelled") // why is not for a link to say
		}
		if e.Conference.State != Live {
			return account.Refuse(account.ErrConflict, "guest_not_live")
		}
		if owner == nil && browser != "" {
			owner = hashOf(browser)
			_, err = tx.Exec(ctx, `update conference_guest set browser_hash = $2, bound_at = $3 where id = $1`, e.ID, owner, s.Now())
		}
		e.identify(browser, owner)
		return err
	})
	if err != nil {
		return GuestEntry{}, fmt.Errorf("guest: %w", err)
	}
	return e, nil
}

// identify tells whether a browser is the one that the link belongs to.
func (e *GuestEntry) identify(browser string, owner []byte) {
	e.Known = browser != "" && (owner == nil || subtle.ConstantTimeCompare(owner, hashOf(browser)) == 1)
	e.Person = browserOf(e.Guest, browser, e.Known)
}

func (s *Store) guestEntry(ctx context.Context, q casefile.Querier, token, lock string) (GuestEntry, []byte, error) {
	var e GuestEntry
	var owner []byte
	g, c := &e.Guest, &e.Conference
	err := q.QueryRow(ctx, `
		select g.id, g.kind, g.created_at, g.bound_at, g.revoked_at, g.browser_hash,
			c.id, c.code, c.organisation_id, c.case_id, c.kind, c.state, c.starts_at, c.ends_at
		from conference_guest g join conference c on c.id = g.conference_id
		where g.token_hash = $1`+lock, hashOf(token)).
		Scan(&g.ID, &g.Kind, &g.CreatedAt, &g.BoundAt, &g.RevokedAt, &owner,
			&c.ID, &c.Code, &c.Organisation, &c.CaseID, &c.Kind, &c.State, &c.StartsAt, &c.EndsAt)
	if isNone(err) {
		return e, nil, account.ErrUnknown
	}
	if err == nil {
		err = guestOpen(*c, *g, s.Now())
	}
	return e, owner, err
}

// GuestsStay is Stay for guests, by their links.
func (s *Store) GuestsStay(ctx context.Context, conference uuid.UUID, links []uuid.UUID) ([]string, error) {
	c, err := one(conferences(ctx, s.DB, `where c.id = $1`, conference))
	if err != nil {
		return nil, fmt.Errorf("guests stay: %w", err)
	}
	guests, err := guestsOf(ctx, s.DB, conference)
	if err != nil {
		return nil, fmt.Errorf("guests stay: %w", err)
	}
	all, err := s.guestsShut(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("guests stay: %w", err)
	}
	reasons := make([]string, len(links))
	for i, id := range links {
		reasons[i] = all
		if all == "" && !stands(guests, id) {
			reasons[i] = "rights"
		}
	}
	return reasons, nil
}

func stands(guests []Guest, id uuid.UUID) bool {
	return slices.ContainsFunc(guests, func(g Guest) bool { return g.ID == id && g.Stands() })
}

// guestsShut says why no guest may stay; "" when they may.
func (s *Store) guestsShut(ctx context.Context, c Conference) (string, error) {
	switch {
	case c.State == Sealed:
		return "withdrawn", nil
	case c.State != Live:
		return "closed", nil
	}
	err := s.Cases.Open(ctx, s.DB, c.CaseID, guestOf(c), casefile.Presence)
	if errors.Is(err, account.ErrClosed) {
		return "withdrawn", nil
	}
	return "", err
}

// guestOf is who comes to a conference without an account, before the gate of its case.
func guestOf(c Conference) account.Actor {
	return account.Actor{Organisation: c.Organisation, Role: account.Guest}
}

// noPresence says more plainly what is missing when everything but the client's presence is agreed.
func noPresence(err error) error {
	if ruleOf(err) == "not_agreed" {
		return account.Refuse(account.ErrClosed, "no_presence")
	}
	return err
}

// Room is what the record says about a live room: whether guests are foreseen and may be shown, and who was removed and not let
// in since.
type Room struct {
	Open    bool
	Removed map[uuid.UUID]bool
}

// RoomOf reads it.
func (s *Store) RoomOf(ctx context.Context, conference uuid.UUID) (Room, error) {
	r := Room{Removed: map[uuid.UUID]bool{}}
	rows, err := s.DB.Query(ctx, `
		select null, exists (select from conference_guest where conference_id = $1 and revoked_at is null)
		union all
		select person, did = 'remove' from (
			select distinct on (person) person, did from room_deed
			where conference_id = $1 and did in ('admit', 'remove') and person is not null
			order by person, id desc
		) last`, conference)
	if err != nil {
		return r, fmt.Errorf("room: %w", err)
	}
	var person *uuid.UUID
	var yes bool
	_, err = pgx.ForEachRow(rows, []any{&person, &yes}, func() error {
		if person == nil {
			r.Open = yes
		} else if yes {
			r.Removed[*person] = true
		}
		return nil
	})
	if err == nil && r.Open {
		r.Open, err = s.guestsMay(ctx, conference)
	}
	if err != nil {
		return r, fmt.Errorf("room: %w", err)
	}
	return r, nil
}

func (s *Store) guestsMay(ctx context.Context, conference uuid.UUID) (bool, error) {
	c, err := one(conferences(ctx, s.DB, `where c.id = $1`, conference))
	if err != nil {
		return false, err
	}
	shut, err := s.guestsShut(ctx, c)
	return shut == "", err
}

// GuestJoined notes that a guest was let into the room.
func (s *Store) GuestJoined(ctx context.Context, link uuid.UUID) error {
	_, err := s.DB.Exec(ctx, `update conference_guest set attended_at = coalesce(attended_at, $2) where id = $1`, link, s.Now())
	if err != nil {
		return fmt.Errorf("guest joined: %w", err)
	}
	return nil
}

// GuestLeft notes when a guest was last there.
func (s *Store) GuestLeft(ctx context.Context, link uuid.UUID) error {
	_, err := s.DB.Exec(ctx, `update conference_guest set left_at = $2 where id = $1`, link, s.Now())
	if err != nil {
		return fmt.Errorf("guest left: %w", err)
	}
	return nil
}

// RecordDeed keeps what was done in a live room, and who did it also in the audit.
func (s *Store) RecordDeed(ctx context.Context, conference uuid.UUID, d Deed) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := one(conferences(ctx, tx, `where c.id = $1`, conference))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into room_deed (conference_id, organisation_id, at, did, account_id, person, guest_id)
			values ($1, $2, $3, $4, nullif($5, $8::uuid), nullif($6, $8), nullif($7, $8))`,
			c.ID, c.Organisation, s.Now(), d.Did, d.By, d.To, d.Guest, uuid.Nil)
		if err != nil {
			return err
		}
		by := account.Actor{Role: "guest"}
		if d.By != uuid.Nil {
			if by, err = s.Accounts.ByID(ctx, d.By); err != nil {
				return err
			}
		}
		kind, to := "conference", c.Code
		if d.To != uuid.Nil {
			kind, to = "person", d.To.String()
		}
		return s.record(ctx, tx, by, c, "room_"+d.Did, kind, to, c.Code)
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", d.Did, err)
	}
	return nil
}
