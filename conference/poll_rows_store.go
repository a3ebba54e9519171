package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// polls loads whole polls, in the order of where, which may lock them: for update of p.
func polls(ctx context.Context, q casefile.Querier, where string, args ...any) ([]Poll, error) {
	rows, err := q.Query(ctx, `
		select p.id, p.organisation_id, o.network_id, coalesce(p.case_id, `+nobody+`), p.request_id, p.code, p.length_minutes, p.land, r.urgency = 'urgent',
			p.started_by, p.started_at, p.deadline_at, p.answered_at, p.overdue_at, p.closed_at, coalesce(p.closed, '')
		from poll p join organisation o on o.id = p.organisation_id join conference_request r on r.id = p.request_id `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("polls: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Poll, err error) {
		var minutes int
		err = row.Scan(&p.ID, &p.Organisation, &p.Network, &p.CaseID, &p.RequestID, &p.Code, &minutes, &p.Land, &p.Urgent,
			&p.StartedBy, &p.StartedAt, &p.Deadline, &p.AnsweredAt, &p.OverdueAt, &p.ClosedAt, &p.Closed)
		p.Length = time.Duration(minutes) * time.Minute
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("polls: %w", err)
	}
	for i := range found {
		if err := fillPoll(ctx, q, &found[i]); err != nil {
			return nil, fmt.Errorf("polls: %w", err)
		}
	}
	return found, nil
}

// onePoll is polls where there is one at most. ErrNotFound without one.
func onePoll(ctx context.Context, q casefile.Querier, where string, args ...any) (Poll, error) {
	found, err := polls(ctx, q, where, args...)
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Poll{}, err
	}
	return found[0], nil
}

func fillPoll(ctx context.Context, q casefile.Querier, p *Poll) error {
	rows, err := q.Query(ctx, `
		select discipline, coalesce(expert_id, `+nobody+`), optional from poll_seat where poll_id = $1 order by place`, p.ID)
	if err != nil {
		return err
	}
	if p.Seats, err = pgx.CollectRows(rows, pgx.RowToStructByPos[poll.Seat]); err != nil {
		return err
	}
	rows, err = q.Query(ctx, `select id, starts_at, held_until, released_at from poll_option where poll_id = $1 order by starts_at`, p.ID)
	if err != nil {
		return err
	}
	if p.Options, err = pgx.CollectRows(rows, pgx.RowToStructByPos[poll.Option]); err != nil {
		return err
	}
	rows, err = q.Query(ctx, `
		select v.id, v.account_id, a.name, v.discipline, v.house, v.asked_at, v.answered_at, v.note, v.other_at, v.reminded_at, v.reminders
		from poll_voice v join account a on a.id = v.account_id where v.poll_id = $1 order by v.discipline, a.name, v.id`, p.ID)
	if err != nil {
		return err
	}
	p.Voices, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (v poll.Voice, err error) {
		v.Votes = map[uuid.UUID]poll.Cast{}
		return v, row.Scan(&v.ID, &v.Account, &v.Name, &v.Discipline, &v.House, &v.AskedAt, &v.AnsweredAt, &v.Note, &v.Other, &v.RemindedAt, &v.Reminders)
	})
	if err != nil {
		return err
	}
	return fillVotes(ctx, q, p)
}

func fillVotes(ctx context.Context, q casefile.Querier, p *Poll) error {
	rows, err := q.Query(ctx, `
		select t.voice_id, t.option_id, t.vote, t.source from poll_vote t join poll_voice v on v.id = t.voice_id where v.poll_id = $1`, p.ID)
	if err != nil {
		return err
	}
	votes := map[uuid.UUID]map[uuid.UUID]poll.Cast{}
	for _, v := range p.Voices {
		votes[v.ID] = v.Votes
	}
	var voice, option uuid.UUID
	var c poll.Cast
	_, err = pgx.ForEachRow(rows, []any{&voice, &option, &c.Vote, &c.Source}, func() error {
		votes[voice][option] = c
		return nil
	})
	return err
}

// markTaken notes at which options people of a poll have been promised elsewhere since they were asked.
func (s *Store) markTaken(ctx context.Context, tx pgx.Tx, p *Poll) error {
	elsewhere, err := booked(ctx, tx, p.Network, s.Now(), p.RequestID)
	if err != nil {
		return err
	}
	for i := range p.Voices {
		v := &p.Voices[i]
		for _, at := range elsewhere[v.Account] {
			for _, o := range p.Options {
				if at.From.Add(-changeover).Before(o.Start.Add(p.Length)) && at.Until.Add(changeover).After(o.Start) {
					if v.Taken == nil {
						v.Taken = map[uuid.UUID]time.Time{}
					}
					v.Taken[o.ID] = at.From
				}
			}
		}
	}
	return nil
}

func insertPoll(ctx context.Context, tx pgx.Tx, p Poll) error {
	var b pgx.Batch
	b.Queue(`
		insert into poll (id, organisation_id, case_id, request_id, code, length_minutes, land, started_by, started_at, deadline_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		p.ID, p.Organisation, nilID(p.CaseID), p.RequestID, p.Code, int(p.Length.Minutes()), p.Land, p.StartedBy, p.StartedAt, p.Deadline)
	for i, seat := range p.Seats {
		b.Queue(`insert into poll_seat (poll_id, place, organisation_id, discipline, expert_id, optional) values ($1, $2, $3, $4, $5, $6)`,
			p.ID, i, p.Organisation, seat.Discipline, nilID(seat.Expert), seat.Optional)
	}
	for _, o := range p.Options {
		queueOption(&b, p, o)
	}
	for _, v := range p.Voices {
		b.Queue(`
			insert into poll_voice (id, poll_id, organisation_id, account_id, discipline, house, asked_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			v.ID, p.ID, p.Organisation, v.Account, v.Discipline, v.House, v.AskedAt)
		for option, c := range v.Votes {
			queueVote(&b, p, v.ID, option, c)
		}
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("insert poll: %w", err)
	}
	return nil
}

func queueOption(b *pgx.Batch, p Poll, o poll.Option) {
	b.Queue(`insert into poll_option (id, poll_id, organisation_id, starts_at) values ($1, $2, $3, $4)`, o.ID, p.ID, p.Organisation, o.Start)
}

func queueVote(b *pgx.Batch, p Poll, voice, option uuid.UUID, c poll.Cast) {
	b.Queue(`
		insert into poll_vote (voice_id, option_id, organisation_id, vote, source) values ($1, $2, $3, $4, $5)
		on conflict (voice_id, option_id) do update set vote = excluded.vote, source = excluded.source`, voice, option, p.Organisation, c.Vote, c.Source)
}

func nilID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func (s *Store) recordPoll(ctx context.Context, tx pgx.Tx, by account.Actor, p Poll, did, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: p.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role),
		Did: did, Kind: "poll", To: p.ID.String(), Case: p.CaseID, Reason: reason,
	})
}
