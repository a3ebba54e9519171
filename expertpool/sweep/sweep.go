// Package sweep has the queue wake what a server does again and again: passes over what is due. The queue knows only when; what is due
// stands in the rows, so that a pass which is missed, or runs twice or on two nodes at once, changes nothing.
package sweep

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// Pass is what is done again and again.
type Pass struct {
	Every   time.Duration // the first time when the server starts
	Timeout time.Duration // of one run; 0: a minute
	Do      func(context.Context) error
}

// Register adds the worker of a pass and returns the job that wakes it. Jobs of type A carry nothing; their kind names the pass.
func Register[A river.JobArgs](workers *river.Workers, p Pass) *river.PeriodicJob {
	river.AddWorker(workers, &worker[A]{Pass: p})
	return river.NewPeriodicJob(river.PeriodicInterval(p.Every), func() (river.JobArgs, *river.InsertOpts) {
		var job A
		return job, nil
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

type worker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	Pass
}

func (w *worker[A]) Work(ctx context.Context, _ *river.Job[A]) error { return w.Do(ctx) }

func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return w.Pass.Timeout }
