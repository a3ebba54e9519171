package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// List returns the conferences the actor has a part in, those to come first, then the latest. Questions of sealed cases, and
// of those not open to the actor, are blank.
func (s *Store) List(ctx context.Context, by account.Actor) ([]View, error) {
	return s.some(ctx, by, `true
		order by c.state in ('live') desc, c.ended_at is not null or c.state in ('cancelled', 'sealed'),
			case when c.ended_at is null then c.starts_at end, c.starts_at desc
		limit 200`)
}

// Planned returns the conferences of List in which something was agreed, with their measures; showing them is recorded.
func (s *Store) Planned(ctx context.Context, by account.Actor) ([]View, error) {
	views, err := s.List(ctx, by)
	if err != nil {
		return nil, err
	}
	views = slices.DeleteFunc(views, func(v View) bool { return len(v.Measures) == 0 })
	for _, v := range views { // a transaction each: they lock the records of different organisations
		err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
			return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_measure", v.Code)
		})
		if err != nil {
			return nil, fmt.Errorf("planned: %w", err)
		}
	}
	return views, nil
}

// ByCode returns a conference as the actor may see it now; showing the summary is recorded. ErrNotFound when she has no part
// in it.
func (s *Store) ByCode(ctx context.Context, by account.Actor, code string) (View, error) {
	var v View
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		if v, err = s.view(ctx, tx, by, code); err != nil || v.Summary == nil {
			return err
		}
		if v.Attachments, err = s.Cases.ReleasedAttachments(ctx, tx, v.CaseID); err != nil {
			return err
		}
		if v.Course, err = s.Cases.Shown(ctx, tx, v.CaseID, by); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_summary", v.Code)
	})
	if err != nil {
		return View{}, fmt.Errorf("conference: %w", err)
	}
	return v, nil
}

func (s *Store) view(ctx context.Context, tx pgx.Tx, by account.Actor, code string) (View, error) {
	c, err := byCode(ctx, tx, code)
	if err != nil {
		return View{}, err
	}
	return s.viewOf(ctx, tx, by, c)
}

// openView is view for those to whom the case is open now; others get ErrClosed with the rule that stands against them.
func (s *Store) openView(ctx context.Context, tx pgx.Tx, by account.Actor, code string) (View, error) {
	v, err := s.view(ctx, tx, by, code)
	if err == nil && v.Shut != "" {
		err = account.Refuse(account.ErrClosed, v.Shut)
	}
	return v, err
}

func (s *Store) viewOf(ctx context.Context, q casefile.Querier, by account.Actor, c Conference) (View, error) {
	v := View{Conference: c}
	var err error
	if v.Seats, err = seatsOf(ctx, q, c.ID); err != nil {
		return v, err
	}
	if v.Part, v.Own, err = partOf(by, c, v.Seats); err != nil {
		return v, err
	}
	if err := s.fill(ctx, q, by, &v); err != nil {
		return v, err
	}
	v.CanOpen = v.Part.may(toOpen) == nil && v.State.Planned() && v.Shut == "" && c.openable(s.Now())
	v.CanEnter = v.Shut == "" && v.State == Live
	if v.Shut != "" {
		v.blank()
	}
	return v, nil
}

// fill reads what the case allows, or says in Shut why it does not.
func (s *Store) fill(ctx context.Context, q casefile.Querier, by account.Actor, v *View) error {
	text, err := s.released(ctx, q, v.Conference, by)
	switch {
	case v.State == Sealed:
		v.Shut = "withdrawn"
		return nil
	case v.State == Cancelled:
		v.Shut = "conference_cancelled"
		return nil
	case errors.Is(err, account.ErrClosed), errors.Is(err, account.ErrNotFound):
		v.Shut = ruleOf(shutBy(err))
		return nil
	case err != nil:
		return err
	}
	if err := v.readable(v.Part, v.Own, s.Now()); err != nil {
		v.Shut = ruleOf(err)
		return nil
	}
	v.Summary = text
	if v.Measures, err = s.Plans.Of(ctx, q, v.ID); err != nil {
		return err
	}
	until, err := s.Cases.ValidUntil(ctx, q, v.CaseID)
	if err != nil {
		return err
	}
	v.Consent = until
	err = q.QueryRow(ctx, `select state from minutes where conference_id = $1`, v.ID).Scan(&v.Minutes)
	if isNone(err) {
		err = nil
	}
	return err
}

// blank takes the words of the case out of a view. Those who lead the case see the question until it is sealed: they wrote
// or weighed it before there was a consent. A topic tells of nobody, so that whoever is asked sees what for.
func (v *View) blank() {
	v.Summary, v.Measures, v.Explanation = nil, nil, ""
	if !v.Part.Asked() && v.State != Sealed && v.Shut != "withdrawn" {
		return
	}
	if v.CaseID != uuid.Nil {
		v.Question, v.OwnWish = "", ""
	}
	v.Own.Comment = ""
	for i := range v.Seats {
		v.Seats[i].Comment = "" // what somebody answers an invitation with may speak of the case
	}
}

// shutBy gives the case's own refusal, or the one for a summary that nobody has released.
func shutBy(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return account.Refuse(account.ErrClosed, "not_released")
	}
	return err
}

func ruleOf(err error) string {
	var r *account.RefusedError
	if errors.As(err, &r) {
		return r.Rule
	}
	return ""
}
