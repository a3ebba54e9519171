package realtime

import (
	"context"
	"fmt"
)

// This file is the hub's table of live conferences: who is in it, who holds
// it, and how one leaves it. A conference leaves the table in two steps:
// retired (nobody enters any more), then, when all it started is gone, removed.

// enter gives the live conference and holds it until release. It opens it when
// nobody is there, and waits for an earlier one to be gone, so that a note is
// never loaded twice.
func (h *Hub) enter(ctx context.Context, id string) (*conference, error) {
	for {
		c, gone := h.hold(id)
		if c == nil && gone == nil {
			return nil, errStopping
		}
		if gone != nil {
			select {
			case <-gone:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		<-c.ready
		if c.err != nil {
			h.release(c)
			return nil, fmt.Errorf("open note: %w", c.err)
		}
		return c, nil
	}
}

// hold takes a hold of a conference, or gives a channel to wait on for the
// retired one to be gone, or nothing when the hub stops.
func (h *Hub) hold(id string) (*conference, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return nil, nil
	}
	c := h.live[id]
	if c == nil {
		c = newConference(h, id)
		h.live[id] = c
		h.running.Add(1)
		go c.run()
	}
	if c.retired {
		return nil, c.done
	}
	c.holders++
	c.inside.Add(1)
	return c, nil
}

// release gives a hold back; the last one makes the conference look whether it
// is still needed.
func (h *Hub) release(c *conference) {
	h.mu.Lock()
	c.holders--
	last := c.holders == 0
	h.mu.Unlock()
	c.inside.Done()
	if last {
		c.mail.post(c.idle)
	}
}

// retireIdle retires a conference that nobody holds.
func (h *Hub) retireIdle(c *conference) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.holders == 0 {
		c.retired = true
	}
	return c.retired
}

// retire lets nobody enter any more.
func (h *Hub) retire(c *conference) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.retired = true
}

// remove is a conference's last act.
func (h *Hub) remove(c *conference) {
	h.mu.Lock()
	delete(h.live, c.id)
	h.mu.Unlock()
	close(c.done)
	h.running.Done()
}

func (h *Hub) find(id string) *conference {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live[id]
}

func (h *Hub) conferences() []*conference {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*conference, 0, len(h.live))
	for _, c := range h.live {
		all = append(all, c)
	}
	return all
}
