package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Opinions is what the actor may see of the opinions of a conference, to those to whom the case is open: before the opening who has
// answered, as a number, and what she has written herself; afterwards everything, which is recorded as a look. ErrNotFound where
// nobody is asked for opinions, ErrClosed.
func (s *Store) Opinions(ctx context.Context, by account.Actor, code string) (Opinions, error) {
	var o Opinions
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if o, err = s.opinionsOf(ctx, tx, by, v); err != nil || !opinion.Given(o.Points) {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_opinions", v.Code)
	})
	if err != nil {
		return Opinions{}, fmt.Errorf("opinions: %w", err)
	}
	return o, nil
}

func (s *Store) opinionsOf(ctx context.Context, q casefile.Querier, by account.Actor, v View) (Opinions, error) {
	o := Opinions{Code: v.Code, Question: v.Question, Written: v.Written, Due: v.OpinionsDue()}
	var err error
	if o.Round, err = opinion.RoundOf(ctx, q, v.ID); err != nil {
		return o, err
	}
	answered, err := opinion.Answered(ctx, q, v.ID)
	if err != nil {
		return o, err
	}
	asked, _ := opining(v.Conference, v.Seats)
	o.Asked = len(asked)
	for _, t := range asked {
		o.Mine = o.Mine || t.AccountID == by.ID
		switch {
		case slices.Contains(answered, t.AccountID):
			o.Answered++
		case v.Part == Moderator && !o.Open():
			o.Waits = append(o.Waits, t.Name)
		}
	}
	if o.Own, o.Draft, err = opinion.Own(ctx, q, v.ID, by.ID); err != nil {
		return o, err
	}
	going := v.State.Planned() || v.State == Live
	o.CanSend = o.Mine && v.Part.may(toOpine) == nil && going && (o.Own == nil || !o.Open())
	o.CanAdd = o.Own != nil && o.Open() && v.informable() == nil
	o.CanOpen = v.Part.may(toOpenOpinions) == nil && !o.Open() && v.openableOpinions(v.Seats, answered, s.Now()) == nil
	o.CanAsk = v.Part.may(toAskOpinions) == nil && v.State.Planned() && !o.Open() && len(answered) == 0
	if o.Points, err = points(ctx, q, v.Conference); err != nil {
		return o, err
	}
	if err := s.addParts(ctx, q, by, v, answered, &o); err != nil {
		return o, err
	}
	o.Silent, err = opinion.Silent(ctx, q, v.ID)
	return o, err
}

// addParts adds what depends on who knows which part questions: what the actor is asked, and for the moderation which disciplines are
// lacking.
func (s *Store) addParts(ctx context.Context, q casefile.Querier, by account.Actor, v View, answered []uuid.UUID, o *Opinions) error {
	moderated := v.Written && v.Part.may(toOpenOpinions) == nil && v.State.Planned() && !o.Open()
	if !o.CanSend && !moderated {
		return nil
	}
	who, err := answersOf(ctx, q, v.Conference, v.Seats)
	if err != nil {
		return err
	}
	if moderated {
		o.Lacking = lacking(v.Seats, who.Round, answered, len(who.Parts))
		o.TimeUp = !s.Now().Before(v.EndsAt)
	}
	if !o.CanSend {
		return nil
	}
	for _, n := range who.asksOf(by.ID) {
		i := slices.IndexFunc(o.Points, func(p opinion.Point) bool { return p.Number == n+1 })
		o.Parts = append(o.Parts, opinion.Point{Number: n + 1, Question: o.Points[i].Question, Scale: o.Points[i].Scale})
	}
	return nil
}

// Points are what a conference is about, its question and the part questions of it, to those to whom the case is open: in the order of
// asking, and once opinions are open with them, where they differ most first. Errors: ErrNotFound, ErrClosed.
func (s *Store) Points(ctx context.Context, by account.Actor, code string) ([]opinion.Point, error) {
	var found []opinion.Point
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if found, err = points(ctx, tx, v.Conference); err != nil || !opinion.Given(found) {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_opinions", v.Code)
	})
	if err != nil {
		return nil, fmt.Errorf("points: %w", err)
	}
	return found, nil
}

func points(ctx context.Context, q casefile.Querier, c Conference) ([]opinion.Point, error) {
	r, err := opinion.RoundOf(ctx, q, c.ID)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	all, err := askedPoints(ctx, q, c, r.Scale)
	if err != nil || !r.Open() {
		return all, err
	}
	given, err := opinion.Opened(ctx, q, c.ID)
	if err != nil {
		return nil, err
	}
	opinion.Fill(all, given)
	opinion.Arrange(all)
	return all, nil
}

// askedPoints are the points of a conference in the order of asking, without opinions.
func askedPoints(ctx context.Context, q casefile.Querier, c Conference, scale opinion.Scale) ([]opinion.Point, error) {
	parts, err := partsOf(ctx, q, c.RequestID)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	return opinion.PartPoints(c.Question, scale, texts), nil
}

// OpinionWait is a conference that waits for opinions, without its question. Answered and Lacking are for coordinators.
type OpinionWait struct {
	Conference
	Answered int
	Lacking  []string // disciplines that are needed and have not answered
}

// OpinionsWaiting are the conferences that wait for an opinion of the actor, the nearest end first; for a coordinator those in writing whose
// term has ended before everybody has answered whom they need.
func (s *Store) OpinionsWaiting(ctx context.Context, by account.Actor) ([]OpinionWait, error) {
	const unopened = `where c.state in ('inviting', 'quorate', 'live') and exists (
		select from opinion_round r where r.conference_id = c.id and r.opened_at is null) and `
	switch by.Reach(account.TakePart) {
	case account.OwnSeats:
		found, err := conferences(ctx, s.DB, unopened+`exists (
				select from invitation i where i.conference_id = c.id and i.account_id = $1 and i.state = 'accepted' and (i.declared = 'none' or c.case_id is null))
			and not exists (select from opinion p where p.conference_id = c.id and p.account_id = $1 and p.sent_at is not null)
			order by c.ends_at, c.code`, by.ID)
		waiting := make([]OpinionWait, len(found))
		for i, c := range found {
			c.Question, c.OwnWish = "", ""
			waiting[i].Conference = c
		}
		return waiting, err
	case account.OwnNetwork:
		found, err := conferences(ctx, s.DB, unopened+`o.network_id = $1 and c.form = 'written' and c.ends_at <= $2
			order by c.ends_at, c.code`, by.Network, s.Now())
		if err != nil {
			return nil, err
		}
		return s.unfinished(ctx, found)
	}
	return nil, nil
}

// unfinished are those of some conferences in writing that lack something. Of the others the next sweep takes care.
func (s *Store) unfinished(ctx context.Context, found []Conference) ([]OpinionWait, error) {
	var waiting []OpinionWait
	for _, c := range found {
		seats, err := seatsOf(ctx, s.DB, c.ID)
		if err != nil {
			return nil, err
		}
		answered, missing, err := soFar(ctx, s.DB, c, seats)
		if err != nil {
			return nil, err
		}
		if c.Question, c.OwnWish = "", ""; len(answered) == 0 || len(missing) > 0 {
			waiting = append(waiting, OpinionWait{c, len(answered), missing})
		}
	}
	return waiting, nil
}

// soFar says who has answered in a conference in writing, and which disciplines are lacking.
func soFar(ctx context.Context, q casefile.Querier, c Conference, seats []Seat) (answered []uuid.UUID, missing []string, err error) {
	if answered, err = opinion.Answered(ctx, q, c.ID); err != nil {
		return nil, nil, err
	}
	who, err := answersOf(ctx, q, c, seats)
	if err != nil {
		return nil, nil, err
	}
	return answered, lacking(seats, who.Round, answered, len(who.Parts)), nil
}
