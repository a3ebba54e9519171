package realtime

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	clerkDeadline = 10 * time.Second // for one job
	lastErrands   = 5 * time.Second  // for all that is left at the end
)

// clerk does the slow things of one conference in the order they were asked
// for, so that who joined is known before who left.
type clerk struct {
	log        *slog.Logger
	conference string
	jobs       *mailbox
	ctx        context.Context // ends the jobs, not the clerk
	cancel     context.CancelFunc
	closing    bool // only the clerk's goroutine: set by the last job
	gone       chan struct{}
}

func newClerk(log *slog.Logger, conference string) *clerk {
	ctx, cancel := context.WithCancel(context.Background())
	return &clerk{log: log, conference: conference, jobs: newMailbox(), ctx: ctx, cancel: cancel, gone: make(chan struct{})}
}

func (k *clerk) run() {
	defer close(k.gone)
	for !k.closing {
		<-k.jobs.wake
		k.jobs.work()
	}
}

// do asks for a job; done, if given, gets its outcome on the clerk's goroutine.
func (k *clerk) do(name string, job func(context.Context) error, done func(error)) {
	k.jobs.post(func() {
		ctx, cancel := context.WithTimeout(k.ctx, clerkDeadline)
		defer cancel()
		err := job(ctx)
		if err != nil {
			k.log.Error("a job of a live conference failed", "job", name, "conference", k.conference, "error", err)
		}
		if done != nil {
			done(err)
		}
	})
}

// attend tells the gate who came or went.
func (k *clerk) attend(tell func(context.Context, Guest) error, g Guest) {
	k.do("attendance", func(ctx context.Context) error { return tell(ctx, g) }, nil)
}

// close returns when everything asked for is done, or has been given up.
func (k *clerk) close() {
	k.jobs.post(func() { k.closing = true })
	limit := time.AfterFunc(lastErrands, k.cancel)
	<-k.gone
	limit.Stop()
	k.cancel()
}

// keepTexts writes the section texts when there is something new, at most once
// a second.
func (c *conference) keepTexts() {
	if c.writing || c.note.pending == nil && c.note.reaches() == c.sectioned {
		return
	}
	c.writing = true
	c.writeTexts(func(error) {
		c.mail.post(func() { c.writing = false })
	})
}

// writeTexts writes the section texts as of now, once they are committed.
// done runs on the clerk's goroutine, or on the conference's when the tick was
// lost.
func (c *conference) writeTexts(done func(error)) {
	var upto int64
	var texts map[string]string
	c.note.settle(
		func() { upto, texts = c.note.reaches(), c.note.texts() },
		func(err error) {
			if err != nil {
				done(err)
				return
			}
			c.clerk.do("section texts", func(ctx context.Context) error {
				return c.hub.cfg.Notes.Sections(ctx, c.note.id, upto, texts)
			}, func(err error) {
				if err == nil {
					c.mail.post(func() { c.sectioned = max(c.sectioned, upto) })
				}
				done(err)
			})
		})
}

// keepSnapshot stores the document when at least rows rows have come since the
// last one.
func (c *conference) keepSnapshot(rows int64) {
	if !c.photographing && c.note.reaches()-c.snapshotted >= rows {
		c.photographing = true
		c.takeSnapshot()
	}
}

// takeSnapshot stores the document as of now, once that is committed.
func (c *conference) takeSnapshot() {
	var upto int64
	var state []byte
	var texts map[string]string
	c.note.settle(
		func() { upto, state, texts = c.note.reaches(), c.note.doc.EncodeState(), c.note.texts() },
		func(err error) {
			if err == nil {
				c.storeSnapshot(upto, state, texts)
			}
		})
}

func (c *conference) storeSnapshot(upto int64, state []byte, texts map[string]string) {
	c.clerk.do("snapshot", func(ctx context.Context) error {
		if err := verify(state, texts); err != nil {
			return err
		}
		return c.hub.cfg.Notes.Snapshot(ctx, c.note.id, upto, state)
	}, func(err error) {
		c.mail.post(func() {
			c.photographing = false
			if err == nil {
				c.snapshotted = upto
			}
		})
	})
}

// errLost is what a caller hears who waited for a commit that did not come.
var errLost = errors.New("realtime: the note could not be committed")

// flush commits what is pending and writes the section texts of that moment.
func (c *conference) flush(ctx context.Context) error {
	written := make(chan error, 1)
	c.mail.post(func() {
		c.writeTexts(func(err error) { written <- err })
	})
	select {
	case err := <-written:
		return err
	case <-c.done:
		select {
		case err := <-written: // as one of its last acts
			return err
		default:
			return errLost
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}
