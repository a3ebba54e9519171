package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/sweep"
)

// Sweep asks everybody whose measure is due at now what became of it, and returns how many it asked. Running twice asks
// once: asked_at and the mail are written in one transaction. Measures of sealed cases are left alone.
func (s *Store) Sweep(ctx context.Context, now time.Time) (int, error) {
	asked := 0
	for {
		found, err := s.askNext(ctx, now)
		if err != nil {
			return asked, fmt.Errorf("sweep measures: %w", err)
		}
		if !found {
			return asked, nil
		}
		asked++
	}
}

func (s *Store) askNext(ctx context.Context, now time.Time) (found bool, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		due, err := list(ctx, tx, `
			left join case_file c on c.id = m.case_id
			where m.state in ('accepted', 'in_progress') and m.asked_at is null and m.ask_on <= $1 and `+unsealed+`
			order by m.ask_on, m.id limit 1
			for update of m skip locked`, expertpool.Today(now))
		if err != nil || len(due) == 0 {
			return err
		}
		found = true
		return s.ask(ctx, tx, due[0], now)
	})
	return found, err
}

func (s *Store) ask(ctx context.Context, tx pgx.Tx, m Measure, now time.Time) error {
	if _, err := tx.Exec(ctx, `update measure set asked_at = $2 where id = $1`, m.ID, now); err != nil {
		return err
	}
	token, err := s.accounts.NewLink(ctx, tx, m.ResponsibleID, account.ForFollowUp, m.ID, now.AddDate(0, 0, linksLast))
	if err != nil {
		return err
	}
	if err := s.mail(ctx, tx, m, "follow_up", askForOutcome(m, s.url+"/follow-up/"+token)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: m.Organisation, At: now, Role: "server", Did: "ask_outcome", Kind: "measure", To: m.ID.String(), Case: m.Case,
	})
}

// SweepArgs is the job that wakes Sweep. It carries nothing: the truth is in the rows.
type SweepArgs struct{}

// Kind names the job.
func (SweepArgs) Kind() string { return "plan.sweep" }

// Register adds the worker for SweepArgs and returns the job that wakes it.
func (s *Store) Register(w *river.Workers) *river.PeriodicJob {
	return sweep.Register[SweepArgs](w, sweep.Pass{Every: time.Hour, Do: func(ctx context.Context) error {
		_, err := s.Sweep(ctx, s.now())
		return err
	}})
}
