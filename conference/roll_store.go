package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
)

// roll is what the record of the live room says for the minutes: the last roll call, who confirmed it, and who was removed, by
// account or by guest's link.
type roll struct {
	calledAt           *time.Time
	confirmed, removed map[uuid.UUID]time.Time
}

func rollOf(ctx context.Context, q casefile.Querier, conference uuid.UUID) (roll, error) {
	r := roll{confirmed: map[uuid.UUID]time.Time{}, removed: map[uuid.UUID]time.Time{}}
	rows, err := q.Query(ctx, `
		select d.did, d.at, coalesce(d.guest_id, d.person, d.conference_id) from room_deed d
		where d.conference_id = $1 and d.did in ('roll', 'present', 'remove')
			and (d.did = 'remove' or d.id >= (select max(id) from room_deed where conference_id = $1 and did = 'roll'))
		order by d.id`, conference)
	if err != nil {
		return r, fmt.Errorf("roll: %w", err)
	}
	var did string
	var at time.Time
	var who uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&did, &at, &who}, func() error {
		at := at.UTC()
		switch did {
		case "roll":
			r.calledAt = &at
		case "present":
			r.confirmed[who] = at
		case "remove":
			r.removed[who] = at
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("roll: %w", err)
	}
	return r, nil
}

// mark completes an entry of the minutes by what the roll says of it.
func (r roll) mark(p MinutePerson, who uuid.UUID) MinutePerson {
	if at, yes := r.confirmed[who]; yes {
		p.ConfirmedAt = &at
	}
	if at, yes := r.removed[who]; yes {
		p.RemovedAt = &at
	}
	return p
}

// present is who was there, or had said to be, for the minutes: the round, then the guests who were let in. A guest has no name
// there.
func present(ctx context.Context, q casefile.Querier, c Conference) ([]MinutePerson, *time.Time, error) {
	seats, err := seatsOf(ctx, q, c.ID)
	if err != nil {
		return nil, nil, err
	}
	guests, err := guestsOf(ctx, q, c.ID)
	if err != nil {
		return nil, nil, err
	}
	called, err := rollOf(ctx, q, c.ID)
	if err != nil {
		return nil, nil, err
	}
	var people []MinutePerson
	for _, t := range seats {
		if t.AttendedAt != nil || responsibleSeat(t) {
			p := MinutePerson{Name: t.Name, Part: t.Role, Discipline: t.Discipline, Attended: t.AttendedAt != nil, Written: t.Written}
			people = append(people, called.mark(p, t.AccountID))
		}
	}
	for _, g := range guests {
		if g.AttendedAt != nil {
			p := MinutePerson{Part: guestPart, Guest: g.Kind, Attended: true, From: utc(g.AttendedAt), Until: utc(g.LeftAt)}
			people = append(people, called.mark(p, g.ID))
		}
	}
	return people, called.calledAt, nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
