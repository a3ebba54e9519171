package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Remind asks those once more who have not answered, and tells those who come about their date on the working day before. It returns
// how many mails it has queued. Running twice, or on two nodes at once, sends nothing twice: what is sent is noted in the transaction
// that queues it, on rows that are locked and read there.
func (s *Store) Remind(ctx context.Context) (int, error) {
	sent := 0
	for found := true; found; {
		err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
			n, err := s.remindNext(ctx, tx)
			found = n >= 0
			sent += max(n, 0)
			return err
		})
		if err != nil {
			return sent, fmt.Errorf("remind: %w", err)
		}
	}
	n, err := s.remindOfDates(ctx)
	if err != nil {
		return sent + n, fmt.Errorf("remind of dates: %w", err)
	}
	return sent + n, nil
}

// unanswered are invitations i of conferences c that somebody still has to answer. Who has proposed another time has said something.
const unanswered = `
	i.state = 'offered' and i.undeliverable = '' and coalesce(i.declared, 'none') = 'none' and c.state in ('inviting', 'quorate')
	and not exists (select from proposal p where p.invitation_id = i.id and p.sequence = i.sequence and p.decided_at is null)`

// remindNext looks after one reminder that is due: 1 it has gone, 0 it was put off, -1 there was none.
func (s *Store) remindNext(ctx context.Context, tx pgx.Tx) (int, error) {
	var v invitation
	var reminded int
	err := tx.QueryRow(ctx, `
		select i.id, i.conference_id, i.account_id, i.uid, i.sequence, i.stamped_at, i.organizer, i.state, i.reminded
		from invitation i join conference c on c.id = i.conference_id join account a on a.id = i.account_id
		where i.remind_at <= $1 and c.starts_at > $2 and a.disabled_at is null and`+unanswered+`
		order by i.remind_at, i.id limit 1 for update of c, i skip locked`, s.Now(), s.Now().Add(noReminder)).
		Scan(&v.id, &v.conference, &v.account, &v.uid, &v.sequence, &v.stamped, &v.organizer, &v.state, &reminded)
	if isNone(err) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	c, err := one(conferences(ctx, tx, `where c.id = $1`, v.conference))
	if err != nil {
		return -1, err
	}
	land, err := landOf(ctx, tx, c.Organisation)
	if err != nil {
		return -1, err
	}
	if decent := DecentTime(s.Now(), land); decent.After(s.Now()) {
		_, err := tx.Exec(ctx, `update invitation set remind_at = $2 where id = $1`, v.id, decent)
		return 0, err
	}
	return 1, s.remindOne(ctx, tx, c, v, reminded, land)
}

func (s *Store) remindOne(ctx context.Context, tx pgx.Tx, c Conference, v invitation, reminded int, land ical.State) error {
	reminded++
	next := nextReminder(v.stamped, c.StartsAt, reminded, land)
	for next != nil && next.Before(s.Now().Add(reminderGap)) { // the server was away when they were due: one is enough
		reminded++
		next = nextReminder(v.stamped, c.StartsAt, reminded, land)
	}
	if _, err := tx.Exec(ctx, `update invitation set reminded = $2, remind_at = $3 where id = $1`, v.id, reminded, next); err != nil {
		return err
	}
	token, err := s.Accounts.NewLink(ctx, tx, v.account, account.ForInvitation, v.id, linkUntil(c))
	if err != nil {
		return err
	}
	i, err := s.inviteOf(ctx, tx, c, v)
	if err != nil {
		return err
	}
	i.answerURL = s.URL + "/answer/" + token
	if err := s.send(ctx, tx, i.remind(s.Now(), land)); err != nil {
		return err
	}
	return s.reminded(ctx, tx, c, v.id, "remind_invitation")
}

// soonest is how far ahead a date can be whose working day before is today: no row of holidays is longer.
const soonest = 14 * 24 * time.Hour

// remindOfDates looks after the conferences whose eve it is.
func (s *Store) remindOfDates(ctx context.Context) (int, error) {
	rows, err := s.DB.Query(ctx, `
		select distinct c.id, c.starts_at, o.land from conference c join organisation o on o.id = c.organisation_id join invitation i on i.conference_id = c.id
		where c.state in ('inviting', 'quorate') and c.starts_at between $1 and $2 and i.state = 'accepted' and i.reminded_of is distinct from c.starts_at`,
		s.Now().Add(noReminder), s.Now().Add(soonest))
	if err != nil {
		return 0, err
	}
	type date struct {
		ID       uuid.UUID
		StartsAt time.Time
		Land     ical.State
	}
	dates, err := pgx.CollectRows(rows, pgx.RowToStructByPos[date])
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, d := range dates {
		eve := eveOf(d.StartsAt, d.Land)
		if s.Now().Before(eve) || DecentTime(s.Now(), d.Land).After(s.Now()) {
			continue
		}
		err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
			n, err := s.remindRound(ctx, tx, d.ID, d.StartsAt, eve)
			sent += n
			return err
		})
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// remindRound tells everybody who had accepted by the eve and wants to be told. Who accepts later knows the date.
func (s *Store) remindRound(ctx context.Context, tx pgx.Tx, conference uuid.UUID, starts, eve time.Time) (int, error) {
	c, err := one(conferences(ctx, tx, `where c.id = $1 and c.starts_at = $2 and c.state in ('inviting', 'quorate') for update of c skip locked`, conference, starts))
	if errors.Is(err, account.ErrNotFound) {
		return 0, nil // moved, called off, or another node has it
	}
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, `
		update invitation i set reminded_of = $2
		from account a left join availability t on t.account_id = a.id
		where i.conference_id = $1 and i.state = 'accepted' and i.reminded_of is distinct from $2 and a.id = i.account_id
			and not exists (select from seat w where w.id = i.seat_id and w.written)
		returning i.id, i.account_id, i.organizer, i.answered_at < $3 and a.disabled_at is null and coalesce(t.reminders, true)`, c.ID, starts, eve)
	if err != nil {
		return 0, err
	}
	var due []invitation
	var v invitation
	var wanted bool
	if _, err := pgx.ForEachRow(rows, []any{&v.id, &v.account, &v.organizer, &wanted}, func() error {
		if wanted {
			due = append(due, v)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	for _, v := range due {
		i, err := s.inviteOf(ctx, tx, c, v)
		if err != nil {
			return 0, err
		}
		if err := s.send(ctx, tx, i.remindOfDate(s.URL+"/me/busy#reminders")); err != nil {
			return 0, err
		}
		if err := s.reminded(ctx, tx, c, v.id, "remind_date"); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

func (s *Store) reminded(ctx context.Context, tx pgx.Tx, c Conference, id uuid.UUID, did string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: c.Organisation, At: s.Now(), Role: "server", Did: did, Kind: "invitation", To: id.String(), Case: c.CaseID,
	})
}
