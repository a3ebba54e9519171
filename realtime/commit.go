package realtime

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// appendDeadline bounds one transaction of the committer.
const appendDeadline = 5 * time.Second

// committer drains the ticks of all notes into one transaction. While one
// commit is under way the next ticks gather by themselves, so there is no
// window to wait for.
type committer struct {
	notes Notes

	mu    sync.Mutex
	queue []submission
	wake  chan struct{}
}

// submission is one tick of one note; done gets its outcome.
type submission struct {
	batch Batch
	done  func(error)
}

func newCommitter(n Notes) *committer {
	return &committer{notes: n, wake: make(chan struct{}, 1)}
}

func (k *committer) submit(b Batch, done func(error)) {
	k.mu.Lock()
	k.queue = append(k.queue, submission{b, done})
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run commits until stop is closed, by when nobody may submit any more.
func (k *committer) run(stop <-chan struct{}) {
	for {
		select {
		case <-k.wake:
			k.commit()
		case <-stop:
			return
		}
	}
}

func (k *committer) commit() {
	k.mu.Lock()
	subs := k.queue
	k.queue = nil
	k.mu.Unlock()
	if len(subs) == 0 {
		return
	}
	// In ascending order of notes, so that two servers (or a closing of the
	// note) cannot wait for each other's row locks.
	slices.SortFunc(subs, func(a, b submission) int { return cmp.Compare(a.batch.Note, b.batch.Note) })
	ctx, cancel := context.WithTimeout(context.Background(), appendDeadline)
	defer cancel()
	outcomes, err := k.append(ctx, subs)
	if err != nil && len(subs) > 1 {
		k.one(ctx, subs)
		return
	}
	for i, s := range subs {
		if err != nil {
			s.done(err)
		} else {
			s.done(outcomes[i])
		}
	}
}

// one commits each note alone after the transaction of all failed, so that a
// note the database chokes on does not take the others with it. Should the
// common transaction have been committed after all, the heads differ now and
// the notes are fenced, which ends in loading them.
func (k *committer) one(ctx context.Context, subs []submission) {
	for i := range subs {
		outcomes, err := k.append(ctx, subs[i:i+1])
		if err == nil {
			err = outcomes[0]
		}
		subs[i].done(err)
	}
}

func (k *committer) append(ctx context.Context, subs []submission) ([]error, error) {
	if acksBeforeCommit {
		time.Sleep(ackLead)
	}
	batches := make([]Batch, len(subs))
	for i, s := range subs {
		batches[i] = s.batch
	}
	outcomes, err := k.notes.Append(ctx, batches)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	if len(outcomes) != len(batches) {
		return nil, fmt.Errorf("append: %d outcomes for %d batches", len(outcomes), len(batches))
	}
	return outcomes, nil
}
