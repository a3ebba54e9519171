package conference

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Convene turns a waiting request into a conference: seats, a date, and an invitation to each expert, all in one
// transaction. It returns the code of the conference. Errors: InvalidError, ErrNotFound, ErrDenied, ErrConflict when the
// request is decided already, or taken by somebody else.
func (s *Store) Convene(ctx context.Context, by account.Actor, request uuid.UUID, p Panel) (string, error) {
	p.Kind = cmp.Or(p.Kind, CaseConference)
	if p.Kind == TopicConference {
		return "", &account.InvalidError{Field: "kind", Rule: "unknown"} // it is one where there is no case, and only there
	}
	var code string
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		code, err = s.convene(ctx, tx, by, request, p)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("convene: %w", err)
	}
	return code, nil
}

// convene is Convene within tx. A poll about the request is over with it.
func (s *Store) convene(ctx context.Context, tx pgx.Tx, by account.Actor, request uuid.UUID, p Panel) (string, error) {
	if err := p.validate(s.Now()); err != nil {
		return "", err
	}
	r, err := s.deciding(ctx, tx, by, request)
	if err != nil {
		return "", err
	}
	if err := s.takePlace(ctx, tx, by, p); err != nil {
		return "", err
	}
	if err := s.inWriting(ctx, tx, &p, r.Organisation); err != nil {
		return "", err
	}
	if err := s.endPolls(ctx, tx, "convened", p.Experts, `p.request_id = $1`, r.ID); err != nil {
		return "", err
	}
	experts, err := s.chosen(ctx, tx, by, r.CaseID, p.Experts)
	if err != nil {
		return "", err
	}
	if err := s.countPicks(ctx, tx, by, r, p, experts); err != nil {
		return "", err
	}
	if err := s.decide(ctx, tx, by, r.ID, "allocated", ""); err != nil {
		return "", err
	}
	code, err := s.codeFor(ctx, tx, by, r)
	if err != nil {
		return "", err
	}
	if r.CaseID == uuid.Nil {
		p.Kind = TopicConference
	}
	_, err = s.found(ctx, tx, by, r, code, p, experts)
	return code, err
}

// codeFor is what the conference that comes of a request is called.
func (s *Store) codeFor(ctx context.Context, tx pgx.Tx, by account.Actor, r Request) (string, error) {
	if r.CaseID == uuid.Nil {
		return r.Code, nil
	}
	return s.Vault.Alias(ctx, tx, by, r.CaseID, r.Organisation, pseudonym.ForConference(r.ID))
}

// found makes a conference of what a request asks, with its seats, and asks the experts.
func (s *Store) found(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, code string, p Panel, experts []expertpool.Expert) (Conference, error) {
	spoken, err := freeSpoken(ctx, tx)
	if err != nil {
		return Conference{}, err
	}
	if err := s.insertConference(ctx, tx, by, r, code, spoken, p); err != nil {
		return Conference{}, err
	}
	c, err := byCode(ctx, tx, code)
	if err != nil {
		return c, err
	}
	if err := s.beginOpinions(ctx, tx, c, p); err != nil {
		return c, err
	}
	places := placesFor(c, experts...)
	for i := range places {
		places[i].optional = slices.Contains(p.Optional, places[i].who)
	}
	if err := s.seat(ctx, tx, c, places...); err != nil {
		return c, err
	}
	return c, s.record(ctx, tx, by, c, "convene", "conference", code, "")
}

// Invite asks further experts, on the date as it stands. Who was asked before and withdrawn is asked anew.
func (s *Store) Invite(ctx context.Context, by account.Actor, code string, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return &account.InvalidError{Field: "experts", Rule: "required"}
	}
	return s.change(ctx, by, code, toPlan, "invite", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if !c.State.Planned() {
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		experts, err := s.chosen(ctx, tx, by, c.CaseID, ids)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seats, func(t Seat) bool { return t.Answer != AnswerCancelled && slices.Contains(ids, t.AccountID) }) {
			return account.Refuse(account.ErrConflict, "already_invited")
		}
		if err := s.seatExperts(ctx, tx, c, experts...); err != nil {
			return err
		}
		return s.settle(ctx, tx, c)
	})
}

// Uninvite takes an expert out of the round: she alone gets a cancellation and sees nothing any more. While
// the conference is live, too: she is shown out of its room within two seconds.
func (s *Store) Uninvite(ctx context.Context, by account.Actor, code string, expert uuid.UUID) error {
	return s.change(ctx, by, code, toPlan, "uninvite", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if !c.State.Planned() && c.State != Live {
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		open, err := openInvitations(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(open, func(v invitation) bool { return v.account == expert })
		if i < 0 {
			return account.ErrNotFound
		}
		if err := s.cancelInvitation(ctx, tx, c, open[i]); err != nil {
			return err
		}
		return s.settle(ctx, tx, c)
	})
}

// Move sets a new date. Everybody is asked again, with a SEQUENCE one higher; earlier answers count no more.
func (s *Store) Move(ctx context.Context, by account.Actor, code string, starts time.Time, length time.Duration) error {
	if err := validDate(starts, length, s.Now()); err != nil {
		return err
	}
	return s.change(ctx, by, code, toPlan, "move", func(tx pgx.Tx, c Conference, _ []Seat) error {
		_, err := s.moveTo(ctx, tx, by, c, starts, length)
		return err
	})
}

// moveTo moves a conference that is locked, and returns it as it is then. A place of a series that it had is free.
func (s *Store) moveTo(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, starts time.Time, length time.Duration) (Conference, error) {
	if !c.State.Planned() {
		return c, account.Refuse(account.ErrConflict, "not_planned")
	}
	if c.Written {
		return c, account.Refuse(account.ErrConflict, "in_writing")
	}
	if c.StartsAt.Equal(starts) && c.EndsAt.Equal(starts.Add(length)) {
		return c, account.Refuse(account.ErrConflict, "same_date")
	}
	c.StartsAt, c.EndsAt = starts, starts.Add(length)
	_, err := tx.Exec(ctx, `
		update conference set starts_at = $2, ends_at = $3, state = 'inviting', series_id = case when starts_at = $2 then series_id end
		where id = $1`, c.ID, c.StartsAt, c.EndsAt)
	if err != nil {
		return c, err
	}
	if err := s.takeProposals(ctx, tx, by, c, starts); err != nil {
		return c, err
	}
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return c, err
	}
	open = slices.DeleteFunc(open, func(v invitation) bool { return v.declared.Tie() || v.written }) // has left for good, or does not come anyway
	return c, s.askAgain(ctx, tx, c, true, open...)
}

// Cancel calls a planned conference off; everybody who was asked gets a CANCEL. Its request counts as decided.
func (s *Store) Cancel(ctx context.Context, by account.Actor, code string) error {
	return s.change(ctx, by, code, toPlan, "cancel", func(tx pgx.Tx, c Conference, _ []Seat) error { return s.cancelPlanned(ctx, tx, c) })
}

// cancelPlanned calls a conference off that is locked.
func (s *Store) cancelPlanned(ctx context.Context, tx pgx.Tx, c Conference) error {
	if !c.State.Planned() {
		return account.Refuse(account.ErrConflict, "not_planned")
	}
	if err := setState(ctx, tx, c.ID, Cancelled); err != nil {
		return err
	}
	return s.cancelAll(ctx, tx, c)
}

func (s *Store) cancelAll(ctx context.Context, tx pgx.Tx, c Conference) error {
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, v := range open {
		if err := s.cancelInvitation(ctx, tx, c, v); err != nil {
			return err
		}
	}
	return nil
}

// settle brings the state of a planned conference in line with the answers.
func (s *Store) settle(ctx context.Context, tx pgx.Tx, c Conference) error {
	if !c.State.Planned() {
		return nil
	}
	seats, err := seatsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	if quorate(seats) {
		return setState(ctx, tx, c.ID, Quorate)
	}
	return setState(ctx, tx, c.ID, Inviting)
}

// chosen returns the experts with these ids, or names the field when one of them is not in the actor's pool, cannot be invited now, or
// is not to see this case by the client's word.
func (s *Store) chosen(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, ids []uuid.UUID) ([]expertpool.Expert, error) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	experts, err := expertpool.Invitable(ctx, tx, by.Network, ids, s.Now())
	if err != nil {
		return nil, err
	}
	out, err := s.Cases.Excluded(ctx, tx, caseID)
	if err == nil && slices.ContainsFunc(ids, func(id uuid.UUID) bool { return slices.Contains(out, id) }) {
		err = &account.InvalidError{Field: "experts", Rule: "not_for_case"}
	}
	return experts, err
}

// freeSpoken draws what people will call the conference aloud: something that no other is called that is still to come or runs.
func freeSpoken(ctx context.Context, tx pgx.Tx) (string, error) {
	for range 50 {
		spoken := pseudonym.Spoken()
		var taken bool
		err := tx.QueryRow(ctx, `
			select exists (select from conference where spoken = $1 and state not in ('closed', 'cancelled', 'sealed'))`, spoken).Scan(&taken)
		if err != nil || !taken {
			return spoken, err
		}
	}
	return "", nil // so many are under way that it goes without
}

func (s *Store) insertConference(ctx context.Context, tx pgx.Tx, by account.Actor, r Request, code, spoken string, p Panel) error {
	var b pgx.Batch
	id := uuid.New()
	b.Queue(`
		insert into conference (id, code, organisation_id, case_id, request_id, moderator_id, question, state, starts_at, ends_at, zone, created_at, kind, visible_from, spoken, explanation, form, series_id, fixed)
		values ($1, $2, $3, nullif($4, `+nobody+`), nullif($5, `+nobody+`), $6, $7, 'inviting', $8, $9, $10, $11, $12, $13, $14, $15, case when $16 then 'written' else 'video' end, nullif($17, `+nobody+`), $18)`,
		id, code, r.Organisation, r.CaseID, r.ID, by.ID, r.Question, p.Starts, p.Starts.Add(p.Length), expertpool.Zone().String(), s.Now(), p.Kind, p.Visible, spoken, r.Explanation, p.Written, p.Series, p.Fixed)
	for part, who := range map[Part]uuid.UUID{Moderator: by.ID, Caseworker: r.CaseworkerID} {
		if who == uuid.Nil {
			continue // nobody has asked for a topic
		}
		b.Queue(`
			insert into seat (id, conference_id, organisation_id, account_id, role)
			values ($1, $2, $3, $4, $5)`, uuid.New(), id, r.Organisation, who, part)
	}
	b.Queue(`
		insert into note (conference_id, organisation_id, sections, state)
		values ($1, $2, $3, 'open')`, id, r.Organisation, p.Kind.Sections())
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("insert conference: %w", err)
	}
	return nil
}
