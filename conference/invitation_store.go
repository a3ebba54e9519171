package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
)

// invitation is one expert asked for one conference: one recipient, one calendar UID, for its life.
type invitation struct {
	id, conference, account uuid.UUID
	uid                     string
	sequence                int
	stamped                 time.Time
	organizer               string
	state                   Answer
	declared                Declaration
	standIn                 bool // has said yes already, to a call for a stand-in
	fresh                   bool // made in this transaction: nobody else knows it, and no mail has gone before
	written                 bool // a written opinion is asked for, not that she comes
}

// Asked is what the answer page may show: a code and a date, no case, no other person.
type Asked struct {
	ID         uuid.UUID
	Code       string
	StartsAt   time.Time
	EndsAt     time.Time
	Sequence   int
	Answer     Answer
	AnsweredAt *time.Time
	Comment    string
	Written    bool   // a written opinion until EndsAt is asked for, no date
	Fixed      bool   // no other date can be proposed
	Shut       string // rule why it cannot be answered any more; empty while it can
}

// Invited returns what an invitation asks, to the invited person. ErrNotFound for others.
func (s *Store) Invited(ctx context.Context, by account.Actor, id uuid.UUID) (Asked, error) {
	v, a, c, err := s.asked(ctx, s.DB, by, id, "")
	if err != nil {
		return Asked{}, fmt.Errorf("invitation: %w", err)
	}
	if refused := answerable(c, v.state, v.declared, v.sequence, v.sequence, s.Now()); refused != nil {
		a.Shut = refused.(*account.RefusedError).Rule
	}
	return a, nil
}

// OwnInvitation is the id of the invitation with which the actor is asked for a conference. ErrNotFound when she is not.
func (s *Store) OwnInvitation(ctx context.Context, by account.Actor, code string) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.DB.QueryRow(ctx, `
		select i.id from invitation i join conference c on c.id = i.conference_id
		where c.code = $1 and i.account_id = $2 and i.state <> 'cancelled'`, code, by.ID).Scan(&id)
	if isNone(err) {
		return uuid.Nil, account.ErrNotFound
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("own invitation: %w", err)
	}
	return id, nil
}

// Answer records an expert's answer to the date with that sequence number. It may change until the conference is over; the
// same answer again changes nothing. Errors: InvalidError, ErrNotFound, ErrConflict with conference_cancelled,
// conference_over or date_moved.
func (s *Store) Answer(ctx context.Context, by account.Actor, id uuid.UUID, sequence int, answer Answer, comment string) error {
	if err := account.CheckText("comment", &comment, 300, false); err != nil {
		return err
	}
	if answer != Accepted && answer != Tentative && answer != Declined {
		return &account.InvalidError{Field: "answer", Rule: "required"}
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, a, c, err := s.asked(ctx, tx, by, id, " for update of c, i")
		if err != nil {
			return err
		}
		if err := answerable(c, v.state, v.declared, v.sequence, sequence, s.Now()); err != nil {
			return err
		}
		if a.Answer == answer && a.Comment == comment {
			return nil
		}
		if err := s.store(ctx, tx, c, v, answer, comment); err != nil {
			return err
		}
		if err := s.settle(ctx, tx, c); err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "answer_"+string(answer), "invitation", id.String(), "")
	})
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Calendar is the invitation as a calendar file with the answer in it, for people whose calendar takes no mail.
func (s *Store) Calendar(ctx context.Context, by account.Actor, id uuid.UUID) ([]byte, error) {
	v, a, c, err := s.asked(ctx, s.DB, by, id, "")
	if err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	if a.Answer == AnswerCancelled {
		return nil, account.Refuse(account.ErrConflict, "conference_cancelled")
	}
	if v.written {
		return nil, account.ErrNotFound // there is no date
	}
	partstat := map[Answer]string{Offered: "NEEDS-ACTION", Tentative: "TENTATIVE", Accepted: "ACCEPTED", Declined: "DECLINED"}[a.Answer]
	i := s.inviteTo(c, v)
	if err := s.DB.QueryRow(ctx, `select name, email from account where id = $1`, by.ID).Scan(&i.to.Name, &i.to.Email); err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	return ical.Answered(i.event(), partstat)
}

func (s *Store) asked(ctx context.Context, q casefile.Querier, by account.Actor, id uuid.UUID, lock string) (invitation, Asked, Conference, error) {
	v := invitation{id: id, account: by.ID}
	a := Asked{ID: id}
	c := Conference{}
	err := q.QueryRow(ctx, `
		select i.uid, i.sequence, i.stamped_at, i.organizer, i.state, i.answered_at, i.comment,
			coalesce(i.declared, ''), t.written, c.id, c.code, c.organisation_id, coalesce(c.case_id, `+nobody+`), c.state, c.starts_at, c.ends_at, c.created_at, c.form = 'written', c.fixed
		from invitation i join conference c on c.id = i.conference_id join seat t on t.id = i.seat_id
		where i.id = $1 and i.account_id = $2`+lock, id, by.ID).
		Scan(&v.uid, &v.sequence, &v.stamped, &v.organizer, &v.state, &a.AnsweredAt, &a.Comment,
			&v.declared, &v.written, &c.ID, &c.Code, &c.Organisation, &c.CaseID, &c.State, &c.StartsAt, &c.EndsAt, &c.CreatedAt, &c.Written, &c.Fixed)
	if isNone(err) {
		return v, a, c, account.ErrNotFound
	}
	v.conference = c.ID
	a.Code, a.StartsAt, a.EndsAt, a.Sequence, a.Answer, a.Written, a.Fixed = c.Code, c.StartsAt, c.EndsAt, v.sequence, v.state, v.written, c.Fixed
	if a.Written {
		a.EndsAt = c.OpinionsDue()
	}
	if c.State == Sealed {
		a.Comment = "" // it may speak of the case
	}
	return v, a, c, err
}

// origin is where an answer comes from.
type origin struct {
	source string     // web or mail
	stamp  *time.Time // of a mail: when the calendar says it was given
	mail   *uuid.UUID
}

func (s *Store) store(ctx context.Context, tx pgx.Tx, c Conference, v invitation, answer Answer, comment string) error {
	return s.storeFrom(ctx, tx, c, v, answer, comment, origin{source: "web"})
}

func (s *Store) storeFrom(ctx context.Context, tx pgx.Tx, c Conference, v invitation, answer Answer, comment string, o origin) error {
	_, err := tx.Exec(ctx, `
		update invitation set state = $2, answered_at = $3, comment = $4, remind_at = null
		where id = $1`, v.id, answer, s.Now(), comment)
	if err != nil {
		return fmt.Errorf("store answer: %w", err)
	}
	_, err = tx.Exec(ctx, `
		insert into response (invitation_id, organisation_id, at, source, answer, sequence, comment, stamp, mail_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, v.id, c.Organisation, s.Now(), o.source, answer, v.sequence, comment, o.stamp, o.mail)
	if err != nil {
		return fmt.Errorf("store response: %w", err)
	}
	return nil
}

// cancelInvitation ends an invitation. What has not left yet need not leave any more; who was never reached needs no CANCEL.
func (s *Store) cancelInvitation(ctx context.Context, tx pgx.Tx, c Conference, v invitation) error {
	v.sequence, v.stamped = v.sequence+1, s.nextStamp(v)
	var undeliverable string
	err := tx.QueryRow(ctx, `
		update invitation set state = 'cancelled', sequence = $2, stamped_at = $3, remind_at = null
		where id = $1
		returning undeliverable`, v.id, v.sequence, v.stamped).Scan(&undeliverable)
	if err != nil {
		return fmt.Errorf("cancel invitation: %w", err)
	}
	if err := s.Mails.Supersede(ctx, tx, v.id.String()); err != nil {
		return err
	}
	reached, err := s.Mails.Sent(ctx, tx, v.id.String())
	if err != nil || len(reached) == 0 || undeliverable != "" {
		return err
	}
	if c, err = s.asLastTold(ctx, tx, c, v); err != nil {
		return err
	}
	i, err := s.inviteOf(ctx, tx, c, v)
	if err != nil {
		return err
	}
	if v.written {
		return s.send(ctx, tx, i.inWritingOff())
	}
	m, err := i.cancel()
	if err != nil {
		return fmt.Errorf("cancel mail: %w", err)
	}
	return s.send(ctx, tx, m)
}

// asLastTold is a conference with the date that stands in the person's calendar: a move that has not left never got there.
func (s *Store) asLastTold(ctx context.Context, tx pgx.Tx, c Conference, v invitation) (Conference, error) {
	raw, err := s.Mails.LastDate(ctx, tx, v.id.String())
	if err != nil || raw == nil {
		return c, err
	}
	if o, err := ical.Parse(raw); err == nil && o.End.After(o.Start) {
		c.StartsAt, c.EndsAt = o.Start, o.End
	}
	return c, nil
}

func (s *Store) joinURL(c Conference) string { return s.URL + "/conferences/" + c.Code }

// nextStamp keeps DTSTAMP rising for each UID, in whole seconds.
func (s *Store) nextStamp(v invitation) time.Time {
	now := s.Now().UTC().Truncate(time.Second)
	if next := v.stamped.Add(time.Second); now.Before(next) {
		return next
	}
	return now
}

func openInvitations(ctx context.Context, tx pgx.Tx, conference uuid.UUID) ([]invitation, error) {
	rows, err := tx.Query(ctx, `
		select i.id, i.conference_id, i.account_id, i.uid, i.sequence, i.stamped_at, i.organizer, i.state, coalesce(i.declared, ''), t.written
		from invitation i join seat t on t.id = i.seat_id
		where i.conference_id = $1 and i.state <> 'cancelled'
		order by i.id for update of i`, conference)
	if err != nil {
		return nil, fmt.Errorf("invitations: %w", err)
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (v invitation, err error) {
		err = r.Scan(&v.id, &v.conference, &v.account, &v.uid, &v.sequence, &v.stamped, &v.organizer, &v.state, &v.declared, &v.written)
		return v, err
	})
}

func (v invitation) key() uuid.UUID { return v.id }

// linkUntil: an answer link works until the conference is over, and a little longer to say so.
func linkUntil(c Conference) time.Time { return c.EndsAt.Add(7 * 24 * time.Hour) }
