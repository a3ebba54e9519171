package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// handedOverDue is how many days somebody who takes over a measure has at least.
const handedOverDue = 14

// OpenMeasure is a measure that something is still expected of, without a word of what it is.
type OpenMeasure struct {
	ID             uuid.UUID
	Conference     uuid.UUID
	ConferenceCode string
	DueOn          time.Time // a date
	State          State
	Workable       bool // the case is open and its consent stands
}

// OpenOf lists the open measures of a person, within tx, those of one organisation together. Rights are the caller's.
func (s *Store) OpenOf(ctx context.Context, tx pgx.Tx, person uuid.UUID) ([]OpenMeasure, error) {
	rows, err := tx.Query(ctx, `
		select m.id, m.conference_id, m.conference_code, m.due_on, m.state, `+workable(2)+`
		from measure m left join case_file c on c.id = m.case_id
		where m.responsible_id = $1 and m.state in ('proposed', 'accepted', 'in_progress')
		order by m.organisation_id, m.due_on, m.id`, person, expertpool.Today(s.now()))
	if err != nil {
		return nil, fmt.Errorf("open measures: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[OpenMeasure])
}

// HandOver gives an open measure to somebody else, who is asked to accept it and has two weeks at least, within tx; with uuid.Nil nobody
// takes it, and somebody has to be found. Rights and who may take over are the caller's.
func (s *Store) HandOver(ctx context.Context, tx pgx.Tx, by account.Actor, id, to uuid.UUID) error {
	m, err := s.byID(ctx, tx, id)
	if err != nil {
		return err
	}
	if to == uuid.Nil {
		_, err := tx.Exec(ctx, `update measure set state = 'refused', reason = '', answered_at = $2 where id = $1`, id, s.now())
		if err != nil {
			return fmt.Errorf("give back measure: %w", err)
		}
		return s.note(ctx, tx, by, m, "give_back_measure", "")
	}
	_, err = tx.Exec(ctx, `
		update measure set responsible_id = $2, state = 'proposed', reason = '', answered_at = null, asked_at = null, due_on = greatest(due_on, $3),
			ask_on = greatest(due_on, $3)
		where id = $1`, id, to, expertpool.Today(s.now()).AddDate(0, 0, handedOverDue))
	if err != nil {
		return fmt.Errorf("hand over measure: %w", err)
	}
	if m, err = s.byID(ctx, tx, id); err != nil {
		return err
	}
	token, err := s.accounts.NewLink(ctx, tx, to, account.ForMeasure, id, s.linksUntil(m))
	if err != nil {
		return err
	}
	if err := s.mail(ctx, tx, m, "measure", askToAccept(m, s.url+"/measure/"+token)); err != nil {
		return err
	}
	return s.note(ctx, tx, by, m, "hand_over_measure", "")
}
