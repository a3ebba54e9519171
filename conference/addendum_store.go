package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// addendumFor is how long after the end of a conference the people who were there may hand in what came too late.
const addendumFor = 24 * time.Hour

// Addendum is text that somebody had typed in the room and that reached the server after the note was sealed.
type Addendum struct {
	Name    string    `json:"name"`
	Section string    `json:"section"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// Append hands in text that came too late for a section of the note, 2000 characters at most. It is for those who were in
// the room, until 24 hours after the end, while consent stands; what the same person has handed in already is not taken
// twice, so trying again is safe. Errors: InvalidError (section, text), ErrNotFound, ErrDenied when she was not there,
// ErrConflict (not_ended, addendum_late), ErrClosed.
func (s *Store) Append(ctx context.Context, by account.Actor, code, section, text string) error {
	if err := account.CheckText("text", &text, 2000, true); err != nil {
		return err
	}
	return s.change(ctx, by, code, toAppend, "append_note", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if !slices.ContainsFunc(seats, func(t Seat) bool { return t.AccountID == by.ID && t.AttendedAt != nil }) {
			return account.ErrDenied
		}
		if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
			return err
		}
		if err := c.appendable(s.Now()); err != nil {
			return err
		}
		return s.insertAddendum(ctx, tx, by, c, section, text)
	})
}

// appendable is the rule for the time in which something may be added.
func (c Conference) appendable(now time.Time) error {
	switch {
	case c.EndedAt == nil:
		return account.Refuse(account.ErrConflict, "not_ended")
	case now.After(c.EndedAt.Add(addendumFor)):
		return account.Refuse(account.ErrConflict, "addendum_late")
	}
	return nil
}

// insertAddendum relies on the lock on the conference: nobody adds at the same time, nor approves.
func (s *Store) insertAddendum(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, section, text string) error {
	var known bool
	err := tx.QueryRow(ctx, `
		select $2 = any(sections) from note
		where conference_id = $1`, c.ID, section).Scan(&known)
	if err != nil {
		return fmt.Errorf("sections: %w", err)
	}
	if !known {
		return &account.InvalidError{Field: "section", Rule: "unknown"}
	}
	_, err = tx.Exec(ctx, `
		insert into note_addendum (conference_id, organisation_id, account_id, section, text, at)
		select $1, $2, $3, $4, $5, $6
		where not exists (
			select from note_addendum
			where conference_id = $1 and account_id = $3 and section = $4 and text = $5
		)`, c.ID, c.Organisation, by.ID, section, text, s.Now())
	if err != nil {
		return fmt.Errorf("insert addendum: %w", err)
	}
	return nil
}

// addenda are in the order in which they came.
func addenda(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Addendum, error) {
	rows, err := q.Query(ctx, `
		select a.name, d.section, d.text, d.at
		from note_addendum d join account a on a.id = d.account_id
		where d.conference_id = $1
		order by d.id`, conference)
	if err != nil {
		return nil, fmt.Errorf("addenda: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Addendum])
	if err != nil {
		return nil, fmt.Errorf("addenda: %w", err)
	}
	for i := range found {
		found[i].At = found[i].At.UTC() // one spelling in the canonical text
	}
	return found, nil
}
