package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
)

// inWriting gives a panel in writing its dates: from now until the end of its last day.
func (s *Store) inWriting(ctx context.Context, tx pgx.Tx, p *Panel, organisation uuid.UUID) error {
	if !p.Written {
		return nil
	}
	land, err := landOf(ctx, tx, organisation)
	if err != nil {
		return err
	}
	now := s.Now().Truncate(time.Microsecond) // so that the end comes out of the database as it went in
	until, err := dueAt(p.DueOn, now, land)
	p.Starts, p.Length, p.Visible, p.Opinions = now, until.Sub(now), nil, true
	return err
}

// beginOpinions asks for opinions in a new conference, if the panel wants them.
func (s *Store) beginOpinions(ctx context.Context, tx pgx.Tx, c Conference, p Panel) error {
	if !p.Written && (!p.Opinions || len(p.Experts) < 2) {
		return nil
	}
	return opinion.Begin(ctx, tx, c.ID, c.Organisation, p.scale(c.Question), s.Now())
}

func (p Panel) scale(question string) opinion.Scale {
	if p.Scale == "" {
		return opinion.ScaleFor(question)
	}
	return p.Scale
}

// AskOpinions sets whether experts are asked for a first opinion before a conference by video, and on which scale; an empty one is not at
// all. A conference in writing always asks. For the moderator, until somebody has answered. Errors: InvalidError (scale), ErrNotFound,
// ErrDenied, ErrConflict (not_planned, opinions_begun, in_writing).
func (s *Store) AskOpinions(ctx context.Context, by account.Actor, code string, scale opinion.Scale) error {
	return s.change(ctx, by, code, toAskOpinions, "ask_opinions", func(tx pgx.Tx, c Conference, _ []Seat) error {
		switch {
		case !c.State.Planned():
			return account.Refuse(account.ErrConflict, "not_planned")
		case scale == "" && c.Written:
			return account.Refuse(account.ErrConflict, "in_writing")
		case scale == "":
			return opinion.Abandon(ctx, tx, c.ID)
		}
		return opinion.Begin(ctx, tx, c.ID, c.Organisation, scale, s.Now())
	})
}

// AskOpinion asks one expert for a written opinion for a conference as it stands, instead of coming: somebody new, or somebody of the round
// whose invitation ends by it. She gets a mail without a date, and answers like everybody else; when she accepts, her discipline
// counts as filled. For the moderator, while the conference is planned. Errors: InvalidError (experts), ErrNotFound, ErrDenied,
// ErrConflict (not_planned, seat_left, already_invited when she is asked for one already).
func (s *Store) AskOpinion(ctx context.Context, by account.Actor, code string, expert uuid.UUID) error {
	return s.change(ctx, by, code, toAskOpinions, "ask_opinion", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if !c.State.Planned() {
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		if err := s.askInWriting(ctx, tx, by, c, expert); err != nil {
			return err
		}
		return s.settle(ctx, tx, c)
	})
}

func (s *Store) askInWriting(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, expert uuid.UUID) error {
	experts, err := s.chosen(ctx, tx, by, c.CaseID, []uuid.UUID{expert})
	if err != nil {
		return err
	}
	if err := s.insteadOfComing(ctx, tx, c, expert); err != nil {
		return err
	}
	_, err = opinion.RoundOf(ctx, tx, c.ID)
	if errors.Is(err, account.ErrNotFound) {
		err = opinion.Begin(ctx, tx, c.ID, c.Organisation, opinion.ScaleFor(c.Question), s.Now())
	}
	if err != nil {
		return err
	}
	return s.seat(ctx, tx, c, place{who: expert, part: ExpertPart, discipline: experts[0].Discipline, written: true})
}

// insteadOfComing ends the invitation of somebody who is to answer in writing.
func (s *Store) insteadOfComing(ctx context.Context, tx pgx.Tx, c Conference, expert uuid.UUID) error {
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(open, func(v invitation) bool { return v.account == expert })
	switch {
	case i < 0:
		return nil
	case open[i].declared.Tie():
		return account.Refuse(account.ErrConflict, "seat_left")
	case open[i].written && open[i].state != Declined:
		return account.Refuse(account.ErrConflict, "already_invited")
	}
	return s.cancelInvitation(ctx, tx, c, open[i])
}

// draftFields are the fields of the form of an opinion.
func draftFields() []string {
	all := []string{"position", "words", "reason", "missing", "confidence", "spent"}
	for n := 1; n <= MaxParts; n++ {
		all = append(all, fmt.Sprintf("position_%d", n), fmt.Sprintf("reason_%d", n))
	}
	return all
}

// mostDraft is how many bytes a field of a draft may have; what is longer could not be sent.
const mostDraft = 4 * 300

// DraftOpinion keeps what an expert has typed, for herself alone; fields that the form has not are left out. Errors: InvalidError (reason),
// ErrNotFound, ErrDenied, ErrConflict (opinions_opened, conference_over), ErrClosed.
func (s *Store) DraftOpinion(ctx context.Context, by account.Actor, code string, d opinion.Draft) error {
	kept := opinion.Draft{}
	for _, f := range draftFields() {
		if len(d[f]) > mostDraft {
			return &account.InvalidError{Field: f, Rule: "too_long"}
		}
		if d[f] != "" {
			kept[f] = d[f]
		}
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error { // nobody else sees any of it, so that nothing is recorded
		c, _, err := s.opines(ctx, tx, by, code)
		if err != nil {
			return err
		}
		return opinion.Keep(ctx, tx, c.ID, c.Organisation, by.ID, kept)
	})
	if err != nil {
		return fmt.Errorf("draft opinion: %w", err)
	}
	return nil
}

// opines returns a conference in which the actor can send an opinion now.
func (s *Store) opines(ctx context.Context, tx pgx.Tx, by account.Actor, code string) (Conference, []Seat, error) {
	c, seats, err := s.lock(ctx, tx, by, code, toOpine)
	if err != nil {
		return c, seats, err
	}
	part, own, err := partOf(by, c, seats)
	if err != nil {
		return c, seats, err
	}
	if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
		return c, seats, err
	}
	if err := c.readable(part, own, s.Now()); err != nil {
		return c, seats, err
	}
	if !c.State.Planned() && c.State != Live {
		return c, seats, account.Refuse(account.ErrConflict, "conference_over")
	}
	_, err = opinion.RoundOf(ctx, tx, c.ID)
	return c, seats, err
}

// SendOpinion gives the actor's opinion, or corrects it: until the round is opened, earlier versions are kept. Who sends her first one after
// the opening has it marked. minutes is what it took her; it counts where the opinion stands for coming. When everybody has answered the
// round opens by itself, and a conference in writing is over. The text may name nobody: casefile.NamesError. Errors: InvalidError
// (position, words, reason, missing, confidence, spent; position_1, reason_1 and so on for part questions), ErrNotFound, ErrDenied, ErrConflict (opinions_opened, conference_over,
// undeclared, not_accepted), ErrClosed.
func (s *Store) SendOpinion(ctx context.Context, by account.Actor, code string, a opinion.Answer, minutes int, because string) error {
	return s.change(ctx, by, code, toOpine, "send_opinion", func(tx pgx.Tx, c Conference, _ []Seat) error {
		_, seats, err := s.opines(ctx, tx, by, code)
		if err != nil {
			return err
		}
		r, err := opinion.RoundOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		points, err := askedPoints(ctx, tx, c, r.Scale)
		if err != nil {
			return err
		}
		if err := a.Check(points); err != nil {
			return err
		}
		if err := s.Cases.Pass(ctx, tx, by, c.CaseID, c.Organisation, casefile.OpinionText, because, opinionTexts(a)...); err != nil {
			return err
		}
		if err := opinion.Send(ctx, tx, c.ID, c.Organisation, by.ID, a, minutes, s.Now()); err != nil {
			return err
		}
		if err := s.countOpinion(ctx, tx, c, by.ID, minutes); err != nil {
			return err
		}
		return s.openWhenAnswered(ctx, tx, by, c, seats)
	})
}

// opinionTexts are what the name guard reads of an opinion.
func opinionTexts(a opinion.Answer) []casefile.Part {
	texts := []casefile.Part{{Field: "words", Text: a.Words}, {Field: "reason", Text: a.Reason}, {Field: "missing", Text: a.Missing}}
	for _, p := range a.Parts {
		texts = append(texts, casefile.Part{Field: fmt.Sprintf("reason_%d", p.Number), Text: p.Reason})
	}
	return texts
}

// countOpinion counts the time of who does not come, as if she had been there for it.
func (s *Store) countOpinion(ctx context.Context, tx pgx.Tx, c Conference, who uuid.UUID, minutes int) error {
	_, err := tx.Exec(ctx, `
		update seat set attended_at = $3, left_at = $4
		where conference_id = $1 and account_id = $2 and written`, c.ID, who, s.Now().Add(-time.Duration(minutes)*time.Minute), s.Now())
	if err != nil {
		return fmt.Errorf("count opinion: %w", err)
	}
	return nil
}

// AddToOpinion adds to the actor's opinion after the opening, until the minutes are approved. The text may name nobody:
// casefile.NamesError. Errors: InvalidError (addition), ErrNotFound, ErrDenied, ErrConflict (opinions_closed), ErrClosed.
func (s *Store) AddToOpinion(ctx context.Context, by account.Actor, code, text, because string) error {
	if err := account.CheckText("addition", &text, 300, true); err != nil {
		return err
	}
	return s.inform(ctx, by, code, toOpine, "add_to_opinion", func(tx pgx.Tx, c Conference, _ []Seat) error {
		err := s.Cases.Pass(ctx, tx, by, c.CaseID, c.Organisation, casefile.OpinionText, because, casefile.Part{Field: "addition", Text: text})
		if err != nil {
			return err
		}
		return opinion.Add(ctx, tx, c.ID, by.ID, text, s.Now())
	})
}

// OpenOpinions lets the round read all opinions although somebody has not answered; a conference in writing is over by it. Who had not
// answered is recorded. For the moderator. Errors: ErrNotFound, ErrDenied, ErrConflict (opinions_blind before a conference by video begins,
// opinion_quorum where a discipline is missing, opinions_none, opinions_opened), ErrClosed.
func (s *Store) OpenOpinions(ctx context.Context, by account.Actor, code string) error {
	return s.change(ctx, by, code, toOpenOpinions, "open_opinions", func(tx pgx.Tx, c Conference, seats []Seat) error {
		r, err := opinion.RoundOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if r.Open() {
			return account.Refuse(account.ErrConflict, "opinions_opened")
		}
		answered, err := opinion.Answered(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if err := c.openableOpinions(seats, answered, s.Now()); err != nil {
			return err
		}
		return s.openOpinions(ctx, tx, by, c, seats, opinion.ByModerator)
	})
}

// openWhenAnswered opens the round when there is nobody left to wait for.
func (s *Store) openWhenAnswered(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat) error {
	answered, err := opinion.Answered(ctx, tx, c.ID)
	if err != nil || !allAnswered(c, seats, answered) {
		return err
	}
	return s.openOpinions(ctx, tx, by, c, seats, opinion.AllAnswered)
}

// openOpinions opens the round of a conference, if it has one that is not open, and ends a conference in writing.
func (s *Store) openOpinions(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat, why opinion.Why) error {
	r, err := opinion.RoundOf(ctx, tx, c.ID)
	if errors.Is(err, account.ErrNotFound) || err == nil && r.Open() {
		return nil
	}
	if err != nil {
		return err
	}
	answered, err := opinion.Answered(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	asked, _ := opining(c, seats)
	ids := make([]uuid.UUID, len(asked))
	for i, t := range asked {
		ids[i] = t.AccountID
		if slices.Contains(answered, t.AccountID) {
			continue
		}
		if err := s.record(ctx, tx, by, c, "opinion_missing", "account", t.AccountID.String(), string(why)); err != nil {
			return err
		}
	}
	opener := by.ID
	if why != opinion.ByModerator {
		opener = uuid.Nil
	}
	if err := s.recordLacking(ctx, tx, by, c, seats, why); err != nil {
		return err
	}
	if err := opinion.Open(ctx, tx, c.ID, c.Organisation, ids, opener, why, s.Now()); err != nil {
		return err
	}
	if err := s.record(ctx, tx, by, c, "opinions_opened", "conference", c.Code, string(why)); err != nil || !c.Written || !c.State.Planned() {
		return err
	}
	if err := s.beginMinutes(ctx, tx, c); err != nil {
		return err
	}
	return s.tell(ctx, tx, c, c.ModeratorID, opinionsIn)
}

// recordLacking records the disciplines without which a conference in writing is closed.
func (s *Store) recordLacking(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat, why opinion.Why) error {
	if !c.Written {
		return nil
	}
	_, missing, err := soFar(ctx, tx, c, seats)
	if err != nil {
		return err
	}
	for _, discipline := range missing {
		if err := s.record(ctx, tx, by, c, "opinion_missing", "discipline", discipline, string(why)); err != nil {
			return err
		}
	}
	return nil
}

// ExtendOpinions gives a conference in writing more time; whoever has not answered is told, and reminded once more. For the moderator.
// Errors: InvalidError (due_on), ErrNotFound, ErrDenied, ErrConflict (not_planned, not_longer).
func (s *Store) ExtendOpinions(ctx context.Context, by account.Actor, code string, day time.Time) error {
	return s.change(ctx, by, code, toAskOpinions, "extend_opinions", func(tx pgx.Tx, c Conference, _ []Seat) error {
		if !c.Written || !c.State.Planned() {
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		land, err := landOf(ctx, tx, c.Organisation)
		if err != nil {
			return err
		}
		until, err := dueAt(day, s.Now(), land)
		switch {
		case err != nil:
			return err
		case !until.After(c.EndsAt):
			return &account.InvalidError{Field: "due_on", Rule: "longer"}
		}
		c.EndsAt = until
		if _, err := tx.Exec(ctx, `update conference set ends_at = $2 where id = $1`, c.ID, until); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update opinion set reminded_at = null where conference_id = $1`, c.ID); err != nil {
			return err
		}
		return s.tellLonger(ctx, tx, c)
	})
}

// tellLonger tells everybody who can still answer, and keeps the links of their invitations alive.
func (s *Store) tellLonger(ctx context.Context, tx pgx.Tx, c Conference) error {
	answered, err := opinion.Answered(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, v := range open {
		if v.state == Declined || v.declared.Tie() || slices.Contains(answered, v.account) {
			continue
		}
		if err := s.Accounts.ProlongLinks(ctx, tx, linkUntil(c), v.id); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, c, v.account, opinionLonger); err != nil {
			return err
		}
	}
	return nil
}
