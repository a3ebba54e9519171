package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Polled returns what a poll asks the actor, to whom the voice belongs. Looking changes nothing. ErrNotFound for others.
func (s *Store) Polled(ctx context.Context, by account.Actor, voice uuid.UUID) (PollAsk, error) {
	p, v, err := polled(ctx, s.DB, by, voice, "")
	if err != nil {
		return PollAsk{}, fmt.Errorf("polled: %w", err)
	}
	return askOf(p, v, s.Now()), nil
}

// polled finds the poll in which a voice is the actor's, whether she was asked or all is known of her.
func polled(ctx context.Context, q casefile.Querier, by account.Actor, voice uuid.UUID, lock string) (Poll, poll.Voice, error) {
	if !by.May(account.TakePart) {
		return Poll{}, poll.Voice{}, account.ErrNotFound
	}
	p, err := onePoll(ctx, q, `
		where p.id = (select poll_id from poll_voice where id = $1 and account_id = $2)`+lock, voice, by.ID)
	if err != nil {
		return Poll{}, poll.Voice{}, err
	}
	i := slices.IndexFunc(p.Voices, func(v poll.Voice) bool { return v.ID == voice })
	if i < 0 {
		return Poll{}, poll.Voice{}, account.ErrNotFound // let go a moment ago
	}
	return p, p.Voices[i], nil
}

// AnswerPoll keeps what somebody says to the dates of a poll; she can change it until the deadline. Errors: InvalidError (votes, note,
// other), ErrNotFound, ErrConflict (poll_over, poll_closed, poll_decided).
func (s *Store) AnswerPoll(ctx context.Context, by account.Actor, voice uuid.UUID, b Ballot) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		p, v, err := polled(ctx, tx, by, voice, ` for update of p`)
		if err != nil {
			return err
		}
		if rule := pollShut(p, s.Now()); rule != "" {
			return account.Refuse(account.ErrConflict, rule)
		}
		if err := b.check(p, s.Now()); err != nil {
			return err
		}
		if err := s.cast(ctx, tx, p, v, b); err != nil {
			return err
		}
		if err := s.recordPoll(ctx, tx, by, p, "answer_poll", ""); err != nil {
			return err
		}
		return s.weighAnew(ctx, tx, p.ID)
	})
	if err != nil {
		return fmt.Errorf("answer poll: %w", err)
	}
	return nil
}

func (s *Store) cast(ctx context.Context, tx pgx.Tx, p Poll, v poll.Voice, b Ballot) error {
	var batch pgx.Batch
	for option, vote := range b.Votes {
		queueVote(&batch, p, v.ID, option, poll.Cast{Vote: vote})
	}
	batch.Queue(`update poll_voice set answered_at = $2, note = $3, other_at = $4 where id = $1`, v.ID, s.Now(), b.Note, b.Other)
	return tx.SendBatch(ctx, &batch).Close()
}

// PollAsks lists the polls that wait for an answer of the actor, the nearest deadline first.
func (s *Store) PollAsks(ctx context.Context, by account.Actor) ([]PollAsk, error) {
	asks, err := s.ownPolls(ctx, by, `asked_at is not null`)
	return slices.DeleteFunc(asks, func(a PollAsk) bool { return !a.Owes }), err
}

// PollsUnasked lists the polls that take answers and go by what is known of the actor's time without asking her: she can say otherwise
// with AnswerPoll.
func (s *Store) PollsUnasked(ctx context.Context, by account.Actor) ([]PollAsk, error) {
	return s.ownPolls(ctx, by, `asked_at is null`)
}

// ownPolls lists the polls that take answers in which the actor has a voice of this kind, the nearest deadline first.
func (s *Store) ownPolls(ctx context.Context, by account.Actor, kind string) ([]PollAsk, error) {
	if by.Reach(account.TakePart) != account.OwnSeats {
		return nil, nil
	}
	found, err := polls(ctx, s.DB, `
		where p.closed_at is null and p.deadline_at > $2
			and p.id in (select poll_id from poll_voice where account_id = $1 and `+kind+`)
		order by p.deadline_at, p.id`, by.ID, s.Now())
	if err != nil {
		return nil, fmt.Errorf("own polls: %w", err)
	}
	var asks []PollAsk
	for _, p := range found {
		for _, v := range p.Voices {
			if v.Account == by.ID {
				asks = append(asks, askOf(p, v, s.Now()))
			}
		}
	}
	return asks, nil
}

// PollsToDecide lists the open polls that wait for the coordination: a date is held, all have answered, or the deadline has passed.
func (s *Store) PollsToDecide(ctx context.Context, by account.Actor) ([]Poll, error) {
	if !by.May(account.DecideRequests) {
		return nil, nil
	}
	found, err := polls(ctx, s.DB, `
		where p.closed_at is null and o.network_id = $1 and (p.answered_at is not null or p.deadline_at <= $2
			or exists (select from poll_option t where t.poll_id = p.id and t.held_until is not null))
		order by p.deadline_at, p.id`, by.Network, s.Now())
	if err != nil {
		return nil, fmt.Errorf("polls to decide: %w", err)
	}
	return found, nil
}

// askVoices sends everybody of a poll who is to be asked her letter, with a link of her own.
func (s *Store) askVoices(ctx context.Context, tx pgx.Tx, p Poll, letter func(Poll, mail.Address, string) mail.Message) error {
	for _, v := range p.Voices {
		if v.AskedAt == nil {
			continue
		}
		if err := s.askVoice(ctx, tx, p, v, letter); err != nil {
			return fmt.Errorf("ask: %w", err)
		}
	}
	return nil
}

func (s *Store) askVoice(ctx context.Context, tx pgx.Tx, p Poll, v poll.Voice, letter func(Poll, mail.Address, string) mail.Message) error {
	to, err := addressOf(ctx, tx, v.Account)
	if err != nil || to.Email == "" {
		return err
	}
	if err := s.Accounts.ProlongLinks(ctx, tx, pollLinkUntil(p), v.ID); err != nil {
		return err
	}
	token, err := s.Accounts.NewLink(ctx, tx, v.Account, account.ForPoll, v.ID, pollLinkUntil(p))
	if err != nil {
		return err
	}
	return s.sendVoice(ctx, tx, v, letter(p, to, s.URL+"/poll/"+token))
}

func (s *Store) sendVoice(ctx context.Context, tx pgx.Tx, v poll.Voice, m mail.Message) error {
	m.Thread = v.ID.String()
	_, err := s.Mails.Enqueue(ctx, tx, m)
	return err
}

// pollLinkUntil: a link into a poll works until the last date is over, and a little longer to say so.
func pollLinkUntil(p Poll) time.Time {
	last := p.Deadline
	for _, o := range p.Options {
		if o.Start.After(last) {
			last = o.Start
		}
	}
	return last.Add(7 * 24 * time.Hour)
}
