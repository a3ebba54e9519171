package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// weighAnew is weigh for a poll that has just been changed.
func (s *Store) weighAnew(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	p, err := onePoll(ctx, tx, `where p.id = $1`, id)
	if err != nil {
		return err
	}
	return s.weigh(ctx, tx, p)
}

// weigh looks at an open poll after something in it has changed, with its row locked: a hold that has run out or that not everybody can
// keep any more falls, the best date that everybody who is needed has said yes to is held, and whoever leads the poll is told.
func (s *Store) weigh(ctx context.Context, tx pgx.Tx, p Poll) error {
	if !p.Open() {
		return nil
	}
	if err := s.lockVoices(ctx, tx, p); err != nil {
		return err
	}
	if err := s.markTaken(ctx, tx, &p); err != nil {
		return err
	}
	held, err := s.keepHold(ctx, tx, &p)
	if err != nil {
		return err
	}
	found := false
	if !held {
		if found, err = s.holdBest(ctx, tx, p); err != nil {
			return err
		}
	}
	if p.AnsweredAt != nil || len(p.Waiting()) > 0 || p.Asked() == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `update poll set answered_at = $2 where id = $1`, p.ID, s.Now()); err != nil || found {
		return err // one mail is enough
	}
	return s.tellLead(ctx, tx, p, func(to mail.Address, url string) mail.Message { return pollAnswered(p, to, url) })
}

// lockVoices lets nobody else hold or confirm dates of the same people until tx ends, so that two polls do not promise one person twice.
func (s *Store) lockVoices(ctx context.Context, tx pgx.Tx, p Poll) error {
	ids := make([]uuid.UUID, len(p.Voices))
	for i, v := range p.Voices {
		ids[i] = v.Account
	}
	_, err := tx.Exec(ctx, `select from expert where account_id = any($1) order by account_id for no key update`, ids)
	return err
}

// keepHold tells whether a date is held that still can be. One that cannot is let go; if its time has run out, for good.
func (s *Store) keepHold(ctx context.Context, tx pgx.Tx, p *Poll) (bool, error) {
	o := p.Held()
	if o == nil {
		return false, nil
	}
	st, over := p.Standing(*o), !s.Now().Before(*o.HeldUntil)
	if !over && st.Whole() {
		return true, holdSeats(ctx, tx, *p, st)
	}
	if err := letHold(ctx, tx, *p, over, s.Now()); err != nil {
		return false, err
	}
	if over {
		at := s.Now()
		o.ReleasedAt = &at
	}
	o.HeldUntil = nil
	return false, s.recordPoll(ctx, tx, account.Actor{Role: "server"}, *p, "release_hold", "")
}

// letHold gives the time of a held date back; for good: it is not held again by itself.
func letHold(ctx context.Context, tx pgx.Tx, p Poll, forGood bool, now time.Time) error {
	var b pgx.Batch
	b.Queue(`update poll_option set held_until = null, released_at = case when $2 then $3 else released_at end
		where poll_id = $1 and held_until is not null`, p.ID, forGood, now)
	b.Queue(`update poll_seat set held_by = null where poll_id = $1 and held_by is not null`, p.ID)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("let go of a hold: %w", err)
	}
	return nil
}

// holdBest holds the best date that can be held, if there is one, and tells whoever leads the poll.
func (s *Store) holdBest(ctx context.Context, tx pgx.Tx, p Poll) (bool, error) {
	ranked := p.Ranking(s.Now())
	i := slices.IndexFunc(ranked, func(st poll.Standing) bool { return st.Whole() && st.ReleasedAt == nil })
	if i < 0 {
		return false, nil
	}
	return true, s.hold(ctx, tx, account.Actor{Role: "server"}, p, ranked[i])
}

func (s *Store) hold(ctx context.Context, tx pgx.Tx, by account.Actor, p Poll, st poll.Standing) error {
	until := s.Now().Add(holdFor)
	if st.Start.Before(until) {
		until = st.Start
	}
	if _, err := tx.Exec(ctx, `update poll_option set held_until = $2, released_at = null where id = $1`, st.ID, until); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if err := holdSeats(ctx, tx, p, st); err != nil {
		return err
	}
	if err := s.recordPoll(ctx, tx, by, p, "hold_date", ""); err != nil {
		return err
	}
	return s.tellLead(ctx, tx, p, func(to mail.Address, url string) mail.Message { return pollFound(p, st.Start, until, to, url) })
}

// holdSeats keeps the time of those free who have said yes to the held date.
func holdSeats(ctx context.Context, tx pgx.Tx, p Poll, st poll.Standing) error {
	var b pgx.Batch
	for i, place := range st.Places {
		var who *uuid.UUID
		if place.Vote == poll.Yes {
			who = &place.Voice.Account
		}
		b.Queue(`update poll_seat set held_by = $3 where poll_id = $1 and place = $2`, p.ID, i, who)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	return nil
}

// ReleaseHold gives the time of the held date back at once; the next best one is held instead, if there is one. Errors: ErrNotFound,
// ErrDenied, ErrConflict (nothing_held).
func (s *Store) ReleaseHold(ctx context.Context, by account.Actor, request uuid.UUID) error {
	return s.steer(ctx, by, request, "release_hold", func(tx pgx.Tx, p Poll) error {
		if p.Held() == nil {
			return account.Refuse(account.ErrConflict, "nothing_held")
		}
		return letHold(ctx, tx, p, true, s.Now())
	})
}

// HoldOption holds a date that everybody who is needed has said yes to, instead of the one that is held. Errors: ErrNotFound, ErrDenied,
// ErrConflict (option_incomplete).
func (s *Store) HoldOption(ctx context.Context, by account.Actor, request, option uuid.UUID) error {
	return s.steer(ctx, by, request, "choose_date", func(tx pgx.Tx, p Poll) error {
		o, is := p.Option(option)
		if !is {
			return account.ErrNotFound
		}
		st := p.Standing(o)
		if !st.Whole() || !o.Start.After(s.Now()) {
			return account.Refuse(account.ErrConflict, "option_incomplete")
		}
		if err := letHold(ctx, tx, p, false, s.Now()); err != nil {
			return err
		}
		return s.hold(ctx, tx, by, p, st)
	})
}

// ConfirmOption makes the conference: the poll is closed, its hold falls, those of the round are invited, all others who were asked hear
// that they are not needed. The vote is no acceptance: the invitation asks once more. It returns the code of the conference. Errors:
// InvalidError (experts), ErrNotFound, ErrDenied, ErrConflict (request_decided: somebody was quicker; option_incomplete).
func (s *Store) ConfirmOption(ctx context.Context, by account.Actor, request, option uuid.UUID) (string, error) {
	var code string
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := s.waiting(ctx, tx, by, request, " for update of r"); err != nil {
			return err
		}
		p, err := onePoll(ctx, tx, `where p.request_id = $1 and p.closed_at is null for update of p`, request)
		if err != nil {
			return err
		}
		o, is := p.Option(option)
		if !is {
			return account.ErrNotFound
		}
		if err := s.lockVoices(ctx, tx, p); err != nil {
			return err
		}
		if err := s.markTaken(ctx, tx, &p); err != nil {
			return err
		}
		st := p.Standing(o)
		if !st.Keepable() || !o.Start.After(s.Now()) {
			return account.Refuse(account.ErrConflict, "option_incomplete")
		}
		code, err = s.confirm(ctx, tx, by, p, st)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("confirm date: %w", err)
	}
	return code, nil
}

func (s *Store) confirm(ctx context.Context, tx pgx.Tx, by account.Actor, p Poll, st poll.Standing) (string, error) {
	panel := Panel{Starts: st.Start, Length: p.Length, Kind: CaseConference}
	for _, place := range st.Round() {
		panel.Experts = append(panel.Experts, place.Voice.Account)
		if place.Optional {
			panel.Optional = append(panel.Optional, place.Voice.Account)
		}
	}
	if err := s.closePoll(ctx, tx, p, "confirmed", panel.Experts); err != nil {
		return "", err
	}
	return s.convene(ctx, tx, by, p.RequestID, panel)
}

// endPolls closes the open polls for which the condition holds, with their rows locked; its parameters begin at $1. Those of invited are
// not told that they are not needed.
func (s *Store) endPolls(ctx context.Context, tx pgx.Tx, why string, invited []uuid.UUID, condition string, args ...any) error {
	found, err := polls(ctx, tx, `where p.closed_at is null and `+condition+` order by p.id for update of p`, args...)
	if err != nil {
		return err
	}
	for _, p := range found {
		if err := s.closePoll(ctx, tx, p, why, invited); err != nil {
			return err
		}
	}
	return nil
}

// closePoll ends a poll: nothing is held any more, and who was asked and is not invited hears that her answer is not needed.
func (s *Store) closePoll(ctx context.Context, tx pgx.Tx, p Poll, why string, invited []uuid.UUID) error {
	if err := letHold(ctx, tx, p, false, s.Now()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update poll set closed_at = $2, closed = $3 where id = $1`, p.ID, s.Now(), why); err != nil {
		return fmt.Errorf("close poll: %w", err)
	}
	if err := s.thank(ctx, tx, p, p.Voices, invited); err != nil {
		return fmt.Errorf("close poll: %w", err)
	}
	return s.recordPoll(ctx, tx, account.Actor{Role: "server"}, p, "end_poll", why)
}

// thank ends the mails to people who were asked. Who is invited now, or has read nothing of it yet, need not read that it is over.
func (s *Store) thank(ctx context.Context, tx pgx.Tx, p Poll, voices []poll.Voice, invited []uuid.UUID) error {
	asked := slices.DeleteFunc(slices.Clone(voices), func(v poll.Voice) bool { return v.AskedAt == nil })
	if err := s.Mails.Supersede(ctx, tx, each(asked, threadOf)...); err != nil {
		return err
	}
	asked = slices.DeleteFunc(asked, func(v poll.Voice) bool { return slices.Contains(invited, v.Account) })
	reached, err := s.Mails.Sent(ctx, tx, each(asked, threadOf)...)
	if err != nil || len(reached) == 0 {
		return err
	}
	to, err := recipients(ctx, tx, uuid.Nil, each(asked, func(v poll.Voice) uuid.UUID { return v.Account })...)
	if err != nil {
		return err
	}
	var letters []mail.Message
	for _, v := range asked {
		if slices.Contains(reached, threadOf(v)) {
			m := pollOver(p, to[v.Account].Address)
			m.Thread = threadOf(v)
			letters = append(letters, m)
		}
	}
	return s.send(ctx, tx, letters...)
}

// threadOf is the thread of the mails to somebody who is asked.
func threadOf(v poll.Voice) string { return v.ID.String() }

// loseVoices takes people out of the open polls for which the condition holds; its parameters begin at $1. A poll that has nobody left
// for a seat that is needed is closed.
func (s *Store) loseVoices(ctx context.Context, tx pgx.Tx, who []uuid.UUID, condition string, args ...any) error {
	found, err := polls(ctx, tx, `where p.closed_at is null and `+condition+` order by p.id for update of p`, args...)
	if err != nil {
		return err
	}
	for _, p := range found {
		stay := p
		stay.Voices = nil
		for _, v := range p.Voices {
			if !slices.Contains(who, v.Account) {
				stay.Voices = append(stay.Voices, v)
				continue
			}
			if err := s.dropVoice(ctx, tx, p, v); err != nil {
				return fmt.Errorf("lose a voice: %w", err)
			}
		}
		switch {
		case len(stay.Voices) == len(p.Voices):
			continue
		case stay.Lost():
			err = s.closePoll(ctx, tx, stay, "expert_left", nil)
		default:
			err = s.weighAnew(ctx, tx, p.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) dropVoice(ctx context.Context, tx pgx.Tx, p Poll, v poll.Voice) error {
	if err := s.thank(ctx, tx, p, []poll.Voice{v}, nil); err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(`delete from link where subject_id = $1`, v.ID)
	b.Queue(`delete from poll_voice where id = $1`, v.ID)
	return tx.SendBatch(ctx, &b).Close()
}

// tellLead writes to whoever has started a poll.
func (s *Store) tellLead(ctx context.Context, tx pgx.Tx, p Poll, letter func(to mail.Address, url string) mail.Message) error {
	to, err := addressOf(ctx, tx, p.StartedBy)
	if err != nil || to.Email == "" {
		return err
	}
	m := letter(to, s.URL+"/requests/"+p.RequestID.String()+"/poll")
	m.Thread = p.ID.String()
	_, err = s.Mails.Enqueue(ctx, tx, m)
	return err
}
