package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// place is a seat for somebody who is to be asked.
type place struct {
	who        uuid.UUID
	part       Part
	discipline string
	written    bool // a written opinion is wanted, not that she comes
	optional   bool // an expert without whom it can be held
}

// seatExperts gives experts seats and asks them.
func (s *Store) seatExperts(ctx context.Context, tx pgx.Tx, c Conference, experts ...expertpool.Expert) error {
	return s.seat(ctx, tx, c, placesFor(c, experts...)...)
}

// placesFor are those of experts as a rule.
func placesFor(c Conference, experts ...expertpool.Expert) []place {
	return each(experts, func(e expertpool.Expert) place {
		return place{who: e.ID, part: ExpertPart, discipline: e.Discipline, written: c.Written}
	})
}

// seat gives people seats and asks them, in as many statements for many as for one.
func (s *Store) seat(ctx context.Context, tx pgx.Tx, c Conference, places ...place) error {
	fresh, err := s.newInvitations(ctx, tx, c, places...)
	if err != nil {
		return err
	}
	return s.ask(ctx, tx, c, false, fresh...)
}

// newInvitations gives people seats, or back those they had, with invitations that have not been sent. Only experts are needed for a
// quorum. Of what is asked in writing SweepOpinions reminds them.
func (s *Store) newInvitations(ctx context.Context, tx pgx.Tx, c Conference, places ...place) ([]invitation, error) {
	if len(places) == 0 {
		return nil, nil
	}
	land, err := landOf(ctx, tx, c.Organisation)
	if err != nil {
		return nil, err
	}
	made, stamped := make([]invitation, len(places)), s.Now().UTC().Truncate(time.Second)
	for i, p := range places {
		made[i] = invitation{
			id: uuid.New(), conference: c.ID, account: p.who, uid: ical.NewUID(s.host), stamped: stamped, organizer: s.Organizer,
			written: p.written, fresh: true,
		}
	}
	_, err = tx.Exec(ctx, `
		with asked as (
			select * from unnest($3::uuid[], $4::text[], $5::text[], $6::bool[], $7::uuid[], $8::text[], $12::bool[])
				as x (account_id, role, discipline, written, invitation_id, uid, optional)
		), seated as (
			insert into seat (id, conference_id, organisation_id, account_id, role, discipline, required, written)
			select gen_random_uuid(), $1, $2, account_id, role, discipline, role = 'expert' and not optional, written from asked
			on conflict (conference_id, account_id) do update set discipline = excluded.discipline, written = excluded.written
			returning id, account_id
		)
		insert into invitation (id, conference_id, seat_id, organisation_id, account_id, uid, sequence, stamped_at, organizer, state, remind_at)
		select x.invitation_id, $1, t.id, $2, x.account_id, x.uid, 0, $9, $10, 'offered', case when not x.written then $11::timestamptz end
		from asked x join seated t using (account_id)`,
		c.ID, c.Organisation, each(places, func(p place) uuid.UUID { return p.who }), each(places, func(p place) string { return string(p.part) }),
		each(places, func(p place) string { return p.discipline }), each(places, func(p place) bool { return p.written }),
		each(made, invitation.key), each(made, func(v invitation) string { return v.uid }),
		stamped, s.Organizer, nextReminder(stamped, c.StartsAt, 0, land), each(places, func(p place) bool { return p.optional }))
	if err != nil {
		return nil, fmt.Errorf("seats: %w", err)
	}
	return made, nil
}

// ask sends invitations as they stand, each with a link of its own.
func (s *Store) ask(ctx context.Context, tx pgx.Tx, c Conference, moved bool, asked ...invitation) error {
	if len(asked) == 0 {
		return nil
	}
	tokens, err := s.Accounts.NewLinks(ctx, tx, account.ForInvitation, linkUntil(c), each(asked, func(v invitation) account.Holder {
		return account.Holder{Account: v.account, Subject: v.id}
	})...)
	if err != nil {
		return err
	}
	invites, err := s.invites(ctx, tx, c, asked...)
	if err != nil {
		return err
	}
	letters := make([]mail.Message, len(asked))
	for i, v := range asked {
		invites[i].answerURL = s.URL + "/answer/" + tokens[i]
		invites[i].standIn = v.standIn
		if v.written {
			letters[i] = invites[i].inWriting()
		} else if letters[i], err = invites[i].request(moved); err != nil {
			return fmt.Errorf("invitation mail: %w", err)
		}
	}
	return s.send(ctx, tx, letters...)
}

// askAgain sends invitations once more, with a newer stamp: calendars take that for the same date. One that has moved raises SEQUENCE
// (RFC 5546 §2.1.4) and drops the answers that were for the old one. Reminders of before and mails that came back count no more.
func (s *Store) askAgain(ctx context.Context, tx pgx.Tx, c Conference, moved bool, asked ...invitation) error {
	if len(asked) == 0 {
		return nil
	}
	land, err := landOf(ctx, tx, c.Organisation)
	if err != nil {
		return err
	}
	remind := make([]*time.Time, len(asked))
	for i, v := range asked {
		if asked[i].stamped = s.nextStamp(v); moved {
			asked[i].sequence++
		}
		if !v.written {
			remind[i] = nextReminder(asked[i].stamped, c.StartsAt, 0, land)
		}
	}
	ids := each(asked, invitation.key)
	_, err = tx.Exec(ctx, `
		update invitation i set sequence = x.sequence, stamped_at = x.stamped_at,
			undeliverable = '', undeliverable_at = null, reminded = 0, remind_at = x.remind_at,
			state = case when $5 then 'offered' else i.state end, comment = case when $5 then '' else i.comment end,
			answered_at = case when not $5 then i.answered_at end
		from unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[]) as x (id, sequence, stamped_at, remind_at)
		where i.id = x.id`,
		ids, each(asked, func(v invitation) int { return v.sequence }), each(asked, func(v invitation) time.Time { return v.stamped }), remind, moved)
	if err != nil {
		return fmt.Errorf("ask again: %w", err)
	}
	if err := s.Accounts.ProlongLinks(ctx, tx, linkUntil(c), ids...); err != nil {
		return err
	}
	return s.ask(ctx, tx, c, moved, asked...)
}

// invites are what mails about invitations are made of, in their order.
func (s *Store) invites(ctx context.Context, tx pgx.Tx, c Conference, of ...invitation) ([]invite, error) {
	to, err := recipients(ctx, tx, c.ID, each(of, func(v invitation) uuid.UUID { return v.account })...)
	if err != nil {
		return nil, err
	}
	return each(of, func(v invitation) invite {
		i := s.inviteTo(c, v)
		i.to, i.private, i.optional = to[v.account].Address, to[v.account].private, to[v.account].optional
		return i
	}), nil
}

// inviteOf is invites for one.
func (s *Store) inviteOf(ctx context.Context, tx pgx.Tx, c Conference, v invitation) (invite, error) {
	found, err := s.invites(ctx, tx, c, v)
	if err != nil {
		return invite{}, err
	}
	return found[0], nil
}

// inviteTo is what is known of an invitation without whom it is to.
func (s *Store) inviteTo(c Conference, v invitation) invite {
	return invite{
		c: c, thread: v.id.String(), opens: v.fresh, uid: v.uid, sequence: v.sequence, stamped: v.stamped, organizer: v.organizer,
		joinURL: s.joinURL(c), utc: s.UTC,
	}
}

// send queues mails about invitations. Who has left the pool has no address any more, and gets none.
func (s *Store) send(ctx context.Context, tx pgx.Tx, letters ...mail.Message) error {
	var leave []mail.Message
	for _, m := range letters {
		if m.To.Email != "" {
			leave = append(leave, m)
		}
	}
	_, err := s.Mails.EnqueueAll(ctx, tx, leave...)
	return err
}

// recipient is where mails to an account go, whether she wants her dates marked as private, and whether a conference can be held without her.
type recipient struct {
	mail.Address
	private, optional bool
}

// recipients maps accounts to where their mails about a conference go; uuid.Nil is none. Who has left the pool has no address any more, and gets none.
func recipients(ctx context.Context, tx pgx.Tx, conference uuid.UUID, accounts ...uuid.UUID) (map[uuid.UUID]recipient, error) {
	rows, err := tx.Query(ctx, `
		select a.id, a.name, a.email, coalesce(k.private, false), not coalesce(t.required, true)
		from account a
		left join calendar_choice k on k.account_id = a.id
		left join seat t on t.account_id = a.id and t.conference_id = $2
		where a.id = any($1)`, accounts, conference)
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	found := map[uuid.UUID]recipient{}
	var id uuid.UUID
	var to recipient
	_, err = pgx.ForEachRow(rows, []any{&id, &to.Name, &to.Email, &to.private, &to.optional}, func() error { found[id] = to; return nil })
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	return found, nil
}

// each is what of makes of every one of a list.
func each[T, R any](list []T, of func(T) R) []R {
	made := make([]R, len(list))
	for i, one := range list {
		made[i] = of(one)
	}
	return made
}
