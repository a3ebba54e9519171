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
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// StandInOffer is what somebody who is asked to stand in may see: a code and a date, no case, no other person.
type StandInOffer struct {
	ID       uuid.UUID
	Code     string
	StartsAt time.Time
	EndsAt   time.Time
	State    string // asked, declined, taken, thanked
	Shut     string // rule why it cannot be taken any more; empty while it can
}

// StandInOffer returns what an offer asks, to whom it was made. ErrNotFound for others.
func (s *Store) StandInOffer(ctx context.Context, by account.Actor, id uuid.UUID) (StandInOffer, error) {
	f, race, c, err := offered(ctx, s.DB, by, id)
	if err != nil {
		return StandInOffer{}, fmt.Errorf("stand-in: %w", err)
	}
	if f.State != "taken" && !takeable(race, c, s.Now()) {
		f.Shut = "stand_in_gone"
	}
	return f, nil
}

// takeable is the rule for an offer that was not taken yet, as far as it needs no look at the round.
func takeable(r Race, c Conference, now time.Time) bool {
	return (r.State == RaceRuns || r.State == RaceNobody) && r.Outcome == "" && c.State.Planned() && c.StartsAt.Equal(r.StartsAt) && now.Before(c.EndsAt)
}

// offered reads an offer with its race and the conference as both stand.
func offered(ctx context.Context, q casefile.Querier, by account.Actor, id uuid.UUID) (f StandInOffer, r Race, c Conference, err error) {
	err = q.QueryRow(ctx, `
		select f.id, f.state, r.id, r.discipline, r.state, r.outcome, r.starts_at, c.code, c.state, c.starts_at, c.ends_at
		from stand_in_offer f join stand_in_race r on r.id = f.race_id join conference c on c.id = r.conference_id
		where f.id = $1 and f.account_id = $2 and f.asked_at is not null`, id, by.ID).
		Scan(&f.ID, &f.State, &r.ID, &r.Discipline, &r.State, &r.Outcome, &r.StartsAt, &f.Code, &c.State, &c.StartsAt, &c.EndsAt)
	if isNone(err) {
		err = account.ErrNotFound
	}
	f.StartsAt, f.EndsAt = c.StartsAt, c.EndsAt
	return f, r, c, err
}

// StandIn takes an offer: of all who accept, the first has the place, with an invitation that is accepted already and a calendar entry;
// nobody else is needed from then on, and all others who were asked are thanked, in the same transaction. Errors: ErrNotFound, ErrConflict
// (stand_in_gone, stand_in_busy, stand_in_barred).
func (s *Store) StandIn(ctx context.Context, by account.Actor, id uuid.UUID) error {
	err := s.answerOffer(ctx, by, id, func(tx pgx.Tx, f StandInOffer, r Race, c Conference, seats []Seat) error {
		if !takeable(r, c, s.Now()) || !missing(c, seats, r.Discipline, s.Now()) {
			return account.Refuse(account.ErrConflict, "stand_in_gone")
		}
		if err := s.seatStandIn(ctx, tx, by, c); err != nil {
			return err
		}
		if err := setOffer(ctx, tx, f.ID, "taken", s.Now()); err != nil {
			return err
		}
		if err := s.closeRace(ctx, tx, c, r.ID, RaceFilled); err != nil {
			return err
		}
		if err := s.settle(ctx, tx, c); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, c, c.ModeratorID, standInFound); err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "stand_in", "conference", c.Code, "")
	})
	if err != nil {
		return fmt.Errorf("stand in: %w", err)
	}
	return nil
}

// RefuseStandIn says no to an offer. When all who were asked have said no, the next are asked at once. Errors: ErrNotFound.
func (s *Store) RefuseStandIn(ctx context.Context, by account.Actor, id uuid.UUID) error {
	err := s.answerOffer(ctx, by, id, func(tx pgx.Tx, f StandInOffer, r Race, c Conference, _ []Seat) error {
		if f.State != "asked" {
			return nil
		}
		if err := setOffer(ctx, tx, f.ID, "declined", s.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			update stand_in_race r set next_at = $2
			where id = $1 and state = 'running' and not exists (select from stand_in_offer f where f.race_id = r.id and f.state = 'asked')`, r.ID, s.Now())
		if err != nil {
			return err
		}
		return s.record(ctx, tx, by, c, "refuse_stand_in", "conference", c.Code, "")
	})
	if err != nil {
		return fmt.Errorf("refuse to stand in: %w", err)
	}
	return nil
}

// answerOffer does something with an offer while nobody else changes its conference. What has been taken stays so.
func (s *Store) answerOffer(ctx context.Context, by account.Actor, id uuid.UUID, do func(pgx.Tx, StandInOffer, Race, Conference, []Seat) error) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		f, _, _, err := offered(ctx, tx, by, id)
		if err != nil {
			return err
		}
		c, seats, err := lockedWithSeats(ctx, tx, f.Code)
		if err != nil {
			return err
		}
		f, r, _, err := offered(ctx, tx, by, id) // as it is now that the lock is there
		if err != nil || f.State == "taken" {
			return err
		}
		return do(tx, f, r, c, seats)
	})
}

func setOffer(ctx context.Context, tx pgx.Tx, id uuid.UUID, state string, now time.Time) error {
	_, err := tx.Exec(ctx, `update stand_in_offer set state = $2, answered_at = $3 where id = $1`, id, state, now)
	if err != nil {
		return fmt.Errorf("stand-in offer: %w", err)
	}
	return nil
}

// seatStandIn gives an expert a seat with an accepted invitation, by the rules for everybody who is invited.
func (s *Store) seatStandIn(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference) error {
	experts, err := s.chosen(ctx, tx, by, c.CaseID, []uuid.UUID{by.ID})
	var invalid *account.InvalidError
	if errors.As(err, &invalid) {
		return account.Refuse(account.ErrConflict, "stand_in_barred")
	}
	if err != nil {
		return err
	}
	taken, err := engaged(ctx, tx, c, []uuid.UUID{by.ID})
	if err != nil {
		return err
	}
	if taken[by.ID] {
		return account.Refuse(account.ErrConflict, "stand_in_busy")
	}
	made, err := s.newInvitations(ctx, tx, c, place{who: by.ID, part: ExpertPart, discipline: experts[0].Discipline})
	if err != nil {
		return err
	}
	if err := s.store(ctx, tx, c, made[0], Accepted, ""); err != nil {
		return err
	}
	made[0].standIn = true
	return s.ask(ctx, tx, c, false, made...)
}

// SearchBySelf says whether a search for a conference begins by itself when it is near. Errors: ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) SearchBySelf(ctx context.Context, by account.Actor, code string, yes bool) error {
	did := "stand_in_manual"
	if yes {
		did = "stand_in_auto"
	}
	return s.change(ctx, by, code, toPlan, did, func(tx pgx.Tx, c Conference, _ []Seat) error {
		if !c.State.Planned() {
			return account.Refuse(account.ErrConflict, "not_planned")
		}
		_, err := tx.Exec(ctx, `update conference set stand_in_auto = $2 where id = $1`, c.ID, yes)
		return err
	})
}

// GoOn holds a conference without a discipline that has nobody: it does not count for the quorum any more, and a search for it ends. How
// it is made up for is on record; WithOpinion asks those who said no for a written opinion. Errors: InvalidError (instead), ErrNotFound, ErrDenied, ErrConflict (not_planned, nobody_missing).
func (s *Store) GoOn(ctx context.Context, by account.Actor, code, discipline string, how Instead) error {
	if how != WithOpinion && how != Without {
		return &account.InvalidError{Field: "instead", Rule: "required"}
	}
	return s.change(ctx, by, code, toPlan, "go_on_"+string(how), func(tx pgx.Tx, c Conference, seats []Seat) error {
		switch {
		case !c.State.Planned():
			return account.Refuse(account.ErrConflict, "not_planned")
		case !missing(c, seats, discipline, s.Now()):
			return account.Refuse(account.ErrConflict, "nobody_missing")
		}
		_, err := tx.Exec(ctx, `
			update seat set required = false where conference_id = $1 and role = 'expert' and discipline = $2`, c.ID, discipline)
		if err != nil {
			return err
		}
		if err := s.chooseInstead(ctx, tx, by, c, discipline, how); err != nil {
			return err
		}
		if how == WithOpinion {
			if err := s.askWhoCannotCome(ctx, tx, by, c, seats, discipline); err != nil {
				return err
			}
		}
		return s.settle(ctx, tx, c)
	})
}

// askWhoCannotCome asks those of a discipline who have said no, but not for a tie, for a written opinion instead. Who cannot be asked for
// anything any more is passed over: the moderator sees on the conference that nobody of the discipline was asked.
func (s *Store) askWhoCannotCome(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat, discipline string) error {
	for _, t := range seats {
		if t.Role != ExpertPart || t.Discipline != discipline || t.Answer != Declined || t.Declared.Tie() {
			continue
		}
		var invalid *account.InvalidError
		if err := s.askInWriting(ctx, tx, by, c, t.AccountID); err != nil && !errors.As(err, &invalid) {
			return err
		}
	}
	return nil
}

// chooseInstead ends the search for a discipline with what was chosen in its place; where there was none, that is kept all the same.
func (s *Store) chooseInstead(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, discipline string, how Instead) error {
	was, err := races(ctx, tx, `r.conference_id = $1 and r.discipline = $2 and r.starts_at = $3 order by r.began_at desc limit 1`, c.ID, discipline, c.StartsAt)
	if err != nil {
		return err
	}
	if len(was) == 0 {
		_, err = tx.Exec(ctx, `
			insert into stand_in_race (id, conference_id, organisation_id, discipline, starts_at, state, outcome, began_at, began_by, ended_at)
			values ($1, $2, $3, $4, $5, 'ended', $6, $7, $8, $7)`, uuid.New(), c.ID, c.Organisation, discipline, c.StartsAt, how, s.Now(), by.ID)
		return err
	}
	if _, err = tx.Exec(ctx, `update stand_in_race set outcome = $2 where id = $1`, was[0].ID, how); err != nil {
		return err
	}
	return s.closeRace(ctx, tx, c, was[0].ID, RaceEnded)
}

// NextDates are the next dates, at most three, that everybody of a planned conference who has not said no can keep together with somebody of the
// discipline that is missing: she is the last of each Offer's Round. Errors: ErrNotFound, ErrDenied, ErrConflict.
func (s *Store) NextDates(ctx context.Context, by account.Actor, code, discipline string) ([]Offer, error) {
	var found []Offer
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, seats, err := s.lock(ctx, tx, by, code, toPlan)
		if err != nil {
			return err
		}
		if !c.State.Planned() || !missing(c, seats, discipline, s.Now()) {
			return account.Refuse(account.ErrConflict, "nobody_missing")
		}
		found, err = s.nextDates(ctx, tx, c, seats, discipline)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("next dates: %w", err)
	}
	return found, nil
}

const nextDates, nextDatesWeeks = 3, 4

func (s *Store) nextDates(ctx context.Context, tx pgx.Tx, c Conference, seats []Seat, discipline string) ([]Offer, error) {
	d := DateSearch{Length: c.EndsAt.Sub(c.StartsAt), Weeks: nextDatesWeeks}
	for _, t := range seats {
		if t.Role == ExpertPart && t.Answer != Declined && t.Answer != AnswerCancelled {
			d.Wishes = append(d.Wishes, Wish{Discipline: t.Discipline, Expert: t.AccountID, Optional: !t.Required})
		}
	}
	d.Wishes = append(d.Wishes, Wish{Discipline: discipline})
	r := Request{Organisation: c.Organisation, CaseID: c.CaseID, Question: c.Question}
	for _, w := range d.Wishes {
		if !slices.Contains(r.Disciplines, w.Discipline) {
			r.Disciplines = append(r.Disciplines, w.Discipline)
		}
	}
	server := account.Actor{Organisation: c.Organisation, Network: c.Network, Role: "server"}
	benches, err := s.suggest(ctx, tx, server, r, Occasion{Length: d.Length})
	if err != nil {
		return nil, err
	}
	from := s.Now().Add(urgentLead)
	busy, err := booked(ctx, tx, c.Network, from, uuid.Nil)
	if err != nil {
		return nil, err
	}
	if d.Land, err = landOf(ctx, tx, c.Organisation); err != nil {
		return nil, err
	}
	calendars, err := calendarsOf(ctx, tx, benches, expertpool.Span{From: from, Until: s.Now().AddDate(0, 0, 7*d.Weeks)}, s.Now())
	if err != nil {
		return nil, err
	}
	a := askFor(d, benches, busy, calendars, from.Add(slot.Quarter-1), s.Now())
	a.ask.Limit = nextDates
	table, err := slot.New(a.ask)
	if err != nil {
		return nil, err
	}
	var found []Offer
	for _, one := range table.Slots() {
		found = append(found, a.offer(one))
	}
	return found, nil
}

// MoveWith moves a planned conference to a date at which an expert of the discipline that is missing can come, and asks her with all others.
// Errors: those of Move and Invite, and ErrConflict (nobody_missing).
func (s *Store) MoveWith(ctx context.Context, by account.Actor, code, discipline string, starts time.Time, expert uuid.UUID) error {
	return s.change(ctx, by, code, toPlan, "move", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if err := validDate(starts, c.EndsAt.Sub(c.StartsAt), s.Now()); err != nil {
			return err
		}
		if !missing(c, seats, discipline, s.Now()) {
			return account.Refuse(account.ErrConflict, "nobody_missing")
		}
		if err := s.chooseInstead(ctx, tx, by, c, discipline, moved); err != nil {
			return err
		}
		experts, err := s.chosen(ctx, tx, by, c.CaseID, []uuid.UUID{expert})
		if err != nil {
			return err
		}
		c, err = s.moveTo(ctx, tx, by, c, starts, c.EndsAt.Sub(c.StartsAt))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seats, func(t Seat) bool { return t.AccountID == expert && t.Answer != AnswerCancelled }) {
			return nil // asked again like everybody
		}
		return s.seatExperts(ctx, tx, c, experts...)
	})
}
