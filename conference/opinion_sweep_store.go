package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// SweepOpinions asks by mail whoever has come to be asked for an opinion, reminds those who are to answer in writing once, and opens
// rounds for which there is nothing left to wait for: a conference in writing ends with its term, if of every discipline that it needs
// somebody has answered. Each conference is a transaction of its own, so that running twice does nothing twice. It stops at the first error.
func (s *Store) SweepOpinions(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, `
		select c.code from conference c join opinion_round r on r.conference_id = c.id
		where c.state in ('inviting', 'quorate', 'live') and r.opened_at is null order by c.id`)
	if err != nil {
		return fmt.Errorf("sweep opinions: %w", err)
	}
	codes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("sweep opinions: %w", err)
	}
	for _, code := range codes {
		err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error { return s.sweepOpinionsOf(ctx, tx, code) })
		if err != nil {
			return fmt.Errorf("sweep opinions: %w", err)
		}
	}
	return nil
}

func (s *Store) sweepOpinionsOf(ctx context.Context, tx pgx.Tx, code string) error {
	found, err := conferences(ctx, tx, `where c.code = $1 and c.state in ('inviting', 'quorate', 'live') for update of c skip locked`, code)
	if err != nil || len(found) == 0 {
		return err
	}
	c := found[0]
	seats, err := seatsOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	answered, err := opinion.Answered(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	server := account.Actor{Organisation: c.Organisation, Role: "server"}
	switch {
	case allAnswered(c, seats, answered):
		return s.openOpinions(ctx, tx, server, c, seats, opinion.AllAnswered)
	case c.Written && !s.Now().Before(c.EndsAt):
		return s.closeAtEnd(ctx, tx, server, c, seats)
	case s.Now().After(c.OpinionsDue()):
		return nil
	}
	land, err := landOf(ctx, tx, c.Organisation)
	if err != nil || !s.mayWrite(c, land) {
		return err
	}
	asked, _ := opining(c, seats)
	for _, t := range seats {
		ready := slices.ContainsFunc(asked, func(a Seat) bool { return a.ID == t.ID })
		if slices.Contains(answered, t.AccountID) || !ready && !(t.Written && silent(t)) {
			continue
		}
		if err := s.askForOpinion(ctx, tx, c, t, ready); err != nil {
			return err
		}
	}
	return nil
}

// closeAtEnd closes a conference in writing whose time is up. Where somebody is lacking it stays open: the coordination extends its term,
// closes it all the same, or calls it off.
func (s *Store) closeAtEnd(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, seats []Seat) error {
	answered, missing, err := soFar(ctx, tx, c, seats)
	if err != nil || len(answered) == 0 || len(missing) > 0 {
		return err
	}
	return s.openOpinions(ctx, tx, by, c, seats, opinion.AtDeadline)
}

// mayWrite says that mails may go now: at a decent time, or when waiting for one would leave too little time to answer.
func (s *Store) mayWrite(c Conference, land ical.State) bool {
	decent := DecentTime(s.Now(), land)
	return !decent.After(s.Now()) || c.OpinionsDue().Sub(decent) < leastNotice
}

// silent says that somebody may still come to be asked: she has not said no.
func silent(t Seat) bool {
	return t.Role == ExpertPart && (t.Answer == Offered || t.Answer == Tentative || t.Answer == Accepted) && !t.Declared.Tie()
}

// askForOpinion writes to an expert who has not answered: when she has come to be asked, which is ready, and a day before the end, once, if
// her opinion stands for coming.
func (s *Store) askForOpinion(ctx context.Context, tx pgx.Tx, c Conference, t Seat, ready bool) error {
	var asked, reminded *time.Time
	err := tx.QueryRow(ctx, `
		select asked_at, reminded_at from opinion where conference_id = $1 and account_id = $2`, c.ID, t.AccountID).Scan(&asked, &reminded)
	if err != nil && !isNone(err) {
		return fmt.Errorf("ask for opinion: %w", err)
	}
	left := c.OpinionsDue().Sub(s.Now())
	var column string
	var letter func(Conference, mail.Address, string) mail.Message
	switch {
	case asked == nil && ready:
		column, letter = "asked_at", opinionAsked
	case t.Written && reminded == nil && left < remindBefore && (asked == nil || s.Now().Sub(*asked) > leastNotice):
		column, letter = "reminded_at", opinionDue
	default:
		return nil
	}
	_, err = tx.Exec(ctx, `
		insert into opinion (id, conference_id, organisation_id, account_id, `+column+`)
		values ($1, $2, $3, $4, $5)
		on conflict (conference_id, account_id) do update set `+column+` = excluded.`+column, uuid.New(), c.ID, c.Organisation, t.AccountID, s.Now())
	if err != nil {
		return fmt.Errorf("ask for opinion: %w", err)
	}
	return s.tell(ctx, tx, c, t.AccountID, letter)
}
