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

// Proposal is another date that an invited expert would rather keep. It changes nothing until the coordination decides.
type Proposal struct {
	ID               uuid.UUID
	Name             string // of the expert
	StartsAt, EndsAt time.Time
	Comment          string
	Source           string // web, mail
	MadeAt           time.Time
}

// ProposeDate keeps an expert's wish for another date, and with it the last one she had is settled. Her answer stays what it was. Errors:
// InvalidError, ErrNotFound, and ErrConflict with date_fixed, or as of Answer when there is nothing to answer any more.
func (s *Store) ProposeDate(ctx context.Context, by account.Actor, id uuid.UUID, sequence int, start time.Time, comment string) error {
	if err := account.CheckText("comment", &comment, 300, false); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, _, c, err := s.asked(ctx, tx, by, id, " for update of c, i")
		if err != nil {
			return err
		}
		if err := answerable(c, v.state, v.declared, v.sequence, sequence, s.Now()); err != nil {
			return err
		}
		p := Proposal{StartsAt: start, EndsAt: start.Add(c.EndsAt.Sub(c.StartsAt)), Comment: comment, Source: "web"}
		return s.propose(ctx, tx, addressee{v: v, c: c, by: by}, p)
	})
	if err != nil {
		return fmt.Errorf("propose a date: %w", err)
	}
	return nil
}

func (s *Store) propose(ctx context.Context, tx pgx.Tx, a addressee, p Proposal) error {
	if a.v.written {
		return account.Refuse(account.ErrConflict, "in_writing")
	}
	if a.c.Fixed {
		return account.Refuse(account.ErrConflict, "date_fixed")
	}
	if err := validDate(p.StartsAt, p.EndsAt.Sub(p.StartsAt), s.Now()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		update proposal set decision = 'replaced', decided_at = $2 where invitation_id = $1 and decision is null`, a.v.id, s.Now()); err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	_, err := tx.Exec(ctx, `
		insert into proposal (id, invitation_id, organisation_id, sequence, starts_at, ends_at, comment, source, made_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		uuid.New(), a.v.id, a.c.Organisation, a.v.sequence, p.StartsAt, p.EndsAt, p.Comment, p.Source, s.Now())
	if err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	return s.record(ctx, tx, a.by, a.c, "propose_date", "invitation", a.v.id.String(), p.Source)
}

// proposals are those of a conference that wait for a decision, the oldest first.
func proposals(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Proposal, error) {
	rows, err := q.Query(ctx, `
		select p.id, a.name, p.starts_at, p.ends_at, p.comment, p.source, p.made_at
		from proposal p join invitation i on i.id = p.invitation_id join account a on a.id = i.account_id
		where i.conference_id = $1 and p.decision is null and i.state <> 'cancelled' and p.sequence = i.sequence
		order by p.made_at`, conference)
	if err != nil {
		return nil, fmt.Errorf("proposals: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Proposal])
}

// RefuseProposal leaves the date where it is and tells the expert so: her calendar by DECLINECOUNTER (RFC 5546 §3.2.8), her by words,
// because few calendars show it. To take a proposal is to move the conference. Errors: ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) RefuseProposal(ctx context.Context, by account.Actor, code string, id uuid.UUID) error {
	return s.change(ctx, by, code, toPlan, "refuse_proposal", func(tx pgx.Tx, c Conference, _ []Seat) error {
		var v invitation
		err := tx.QueryRow(ctx, `
			update proposal p set decision = 'refused', decided_at = $3, decided_by = $4
			from invitation i
			where p.id = $1 and i.id = p.invitation_id and i.conference_id = $2 and p.decision is null
			returning i.id, i.account_id, i.uid, i.sequence, i.stamped_at, i.organizer, i.state`, id, c.ID, s.Now(), by.ID).
			Scan(&v.id, &v.account, &v.uid, &v.sequence, &v.stamped, &v.organizer, &v.state)
		if isNone(err) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		if v.state == AnswerCancelled {
			return nil // she is out already
		}
		v.stamped = s.nextStamp(v)
		if _, err := tx.Exec(ctx, `update invitation set stamped_at = $2 where id = $1`, v.id, v.stamped); err != nil {
			return err
		}
		i, err := s.inviteOf(ctx, tx, c, v)
		if err != nil {
			return err
		}
		raw, err := ical.DeclineCounter(i.event(), "Es bleibt beim Termin.")
		if err != nil {
			return err
		}
		m := i.stays()
		m.Calendar, m.Method = raw, "DECLINECOUNTER"
		return s.send(ctx, tx, m)
	})
}

// takeProposals settles what was proposed for a date that is now another one.
func (s *Store) takeProposals(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, start time.Time) error {
	_, err := tx.Exec(ctx, `
		update proposal p set decided_at = $3, decided_by = $4, decision = case when p.starts_at = $2 then 'taken' else 'replaced' end
		from invitation i
		where i.id = p.invitation_id and i.conference_id = $1 and p.decision is null`, c.ID, start, s.Now(), by.ID)
	if err != nil {
		return fmt.Errorf("proposals: %w", err)
	}
	return nil
}
