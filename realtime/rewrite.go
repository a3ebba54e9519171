package realtime

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
)

// This file is what a conference does while the log of its note is written
// anew, as when a passage is removed for good. Nothing of the document of
// before may come back: not from a frame that was under way, not from a browser
// that was away meanwhile, not from an undo.

// rewrite runs the caller's part of Hub.Rewrite and returns its outcome.
func (c *conference) rewrite(ctx context.Context, rewrite func(context.Context) error) error {
	outcome := make(chan error, 1)
	c.mail.post(func() { c.beginRewrite(rewrite, outcome) })
	select {
	case err := <-outcome:
		return err
	case <-c.quit:
		select {
		case err := <-outcome:
			return err
		default:
			return errLost
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginRewrite takes no more frames, so that all that waits is committed soon,
// and then has the log rewritten and loaded. What the log says afterwards
// counts, whatever became of the transaction.
func (c *conference) beginRewrite(rewrite func(context.Context) error, outcome chan<- error) {
	c.rewriting++
	var loaded *note
	c.note.settle(func() {}, func(err error) {
		if err != nil {
			outcome <- err
			return
		}
		c.clerk.do("rewrite", func(ctx context.Context) error {
			result := rewrite(ctx)
			stored, err := c.hub.cfg.Notes.Open(ctx, c.id)
			if err == nil {
				loaded, err = loadNote(stored)
			}
			outcome <- result
			return err
		}, func(err error) {
			c.mail.post(func() { c.rewritten(loaded, err) })
		})
	})
}

// rewritten goes on with the note as it was loaded.
func (c *conference) rewritten(loaded *note, err error) {
	if err != nil {
		c.fail(err, stateUnavailable)
		return
	}
	c.rewriting--
	anew := loaded.base != c.note.base
	c.note = loaded
	if !anew {
		return
	}
	clear(c.outgoing)
	c.outgoing = c.outgoing[:0]
	c.sectioned, c.snapshotted = loaded.head, loaded.base
	c.aware = newAwareness()
	for _, s := range c.sockets {
		s.owed, s.bound, s.outdated = 0, 0, true
		switch {
		case !s.reads:
		case s.visitor == nil: // may not understand the frame, and then goes on showing what was removed
			s.out.end(closeReload, "reload")
		default:
			s.out.put(frame(opBinary, c.beginsAnew(binary.AppendUvarint([]byte{msgState}, uint64(stateRewritten)), s)))
		}
	}
}

// beginsAnew appends what a socket has to know of the log's beginning: the
// sequence that tells it from others before it, and how much of what the
// person typed into documents of before had reached the log.
func (c *conference) beginsAnew(b []byte, s *socket) []byte {
	b = binary.AppendUvarint(b, uint64(c.note.base))
	var theirs []uint64
	for client := range maps.Keys(c.note.retired) {
		if c.note.clients[client] == s.guest.Person {
			theirs = append(theirs, client)
		}
	}
	slices.Sort(theirs)
	b = binary.AppendUvarint(b, uint64(len(theirs)))
	for _, client := range theirs {
		b = binary.AppendUvarint(b, client)
		b = binary.AppendUvarint(b, uint64(c.note.retired[client]))
	}
	return b
}
