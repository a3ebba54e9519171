package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Previous is what the conference before came to, in the same case.
type Previous struct {
	Code             string
	StartsAt, EndsAt time.Time
	Approved         bool   // its minutes are
	Decisions        string // of approved minutes; before that they are nobody's word
	Notes            []MinuteNote
	Open             []plan.Measure // what is still expected of somebody
}

// Previous returns what came out of the last conference about the same case before this one; nil when there was none. It is
// for those who may see the case now, whoever sat in the conference before: the consent is for the case and names the
// disciplines. Looking is recorded. Errors: ErrNotFound, ErrClosed.
func (s *Store) Previous(ctx context.Context, by account.Actor, code string) (*Previous, error) {
	var p *Previous
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		before, err := s.beforeThis(ctx, tx, by, v)
		if err != nil || len(before) == 0 {
			return err
		}
		if p, err = s.outcome(ctx, tx, before[0]); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_notes", p.Code)
	})
	if err != nil {
		return nil, fmt.Errorf("previous conference: %w", err)
	}
	return p, nil
}

// HasPrevious says whether Previous would return something, without showing it. Errors: ErrNotFound.
func (s *Store) HasPrevious(ctx context.Context, by account.Actor, code string) (bool, error) {
	var before []Conference
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.view(ctx, tx, by, code)
		if err == nil && v.Shut == "" {
			before, err = s.beforeThis(ctx, tx, by, v)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("previous conference: %w", err)
	}
	return len(before) > 0, nil
}

// beforeThis is the last conference about the case that took place before v; none or one. The client must have agreed that one
// conference sees what came out of another: without that there is none.
func (s *Store) beforeThis(ctx context.Context, tx pgx.Tx, by account.Actor, v View) ([]Conference, error) {
	err := s.Cases.Open(ctx, tx, v.CaseID, by, casefile.FollowUp)
	if errors.Is(err, account.ErrClosed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return conferences(ctx, tx, `
		where c.case_id = $1 and c.id <> $2 and c.starts_at <= $3 and c.state in ('minutes_draft', 'approved', 'closed')
		order by c.starts_at desc, c.ended_at desc limit 1`, v.CaseID, v.ID, v.StartsAt)
}

func (s *Store) outcome(ctx context.Context, tx pgx.Tx, c Conference) (*Previous, error) {
	m, err := s.minutes(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	p := &Previous{Code: c.Code, StartsAt: c.StartsAt, EndsAt: c.EndsAt, Approved: m.State == "approved"}
	if p.Approved {
		p.Decisions = m.Body.Decisions
	}
	p.Notes = slices.DeleteFunc(m.Body.Notes, func(n MinuteNote) bool { return strings.TrimSpace(n.Text) == "" })
	p.Open, err = s.Plans.Of(ctx, tx, c.ID)
	p.Open = slices.DeleteFunc(p.Open, func(m plan.Measure) bool { return !m.Open() })
	return p, err
}
