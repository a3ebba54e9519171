package realtime

import (
	"context"
	"slices"
	"time"
)

const (
	lookEvery    = time.Second
	lookDeadline = 2 * time.Second
	blindFor     = 5 * time.Second // without knowing the rights, then all are closed
)

// keepDoor is the doorkeeper's goroutine: once a second it reads the rights of
// everybody inside. The commands of the hub are quicker; this is what holds
// when one got lost, or the change was made on another node.
func (c *conference) keepDoor() {
	defer close(c.keeper)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.look()
		case <-c.quit:
			return
		}
	}
}

func (c *conference) look() {
	asked := make(chan []*socket, 1)
	c.mail.post(func() { asked <- slices.Clone(c.sockets) })
	select {
	case sockets := <-asked:
		c.readRights(sockets)
	case <-c.quit:
	}
}

func (c *conference) readRights(sockets []*socket) {
	if len(sockets) == 0 {
		now := time.Now()
		c.mail.post(func() { c.looked = now })
		return
	}
	guests, of := distinct(sockets)
	ctx, cancel := context.WithTimeout(context.Background(), lookDeadline)
	defer cancel()
	began := time.Now()
	rights, err := c.hub.cfg.Gate.Rights(ctx, c.id, guests)
	if err != nil || len(rights) != len(guests) {
		c.log.Warn("rights cannot be read", "conference", c.id, "error", err)
		return // housekeep counts how long
	}
	c.mail.post(func() { c.apply(sockets, of, rights, began) })
}

// distinct gives the guests behind sockets, each once however many sockets she
// has, and for each socket the place of its guest.
func distinct(sockets []*socket) (guests []Guest, of []int) {
	type signIn struct{ person, session string }
	place := make(map[signIn]int)
	of = make([]int, len(sockets))
	for i, s := range sockets {
		key := signIn{s.guest.Person, s.guest.Session}
		at, known := place[key]
		if !known {
			at = len(guests)
			place[key] = at
			guests = append(guests, s.guest)
		}
		of[i] = at
	}
	return guests, of
}

// apply puts what was read into effect: to each socket the rights of its guest.
func (c *conference) apply(sockets []*socket, of []int, rights []Rights, read time.Time) {
	c.looked = read
	for i, s := range sockets {
		now := rights[of[i]]
		switch {
		case s.revoked:
		case !now.Enter:
			c.revoke(s, now.Reason)
		case s.reads && s.write != now.Write:
			s.write = now.Write
			s.out.put(integersFrame(msgState, uint64(stateRights), rightsCode(s.write && !c.note.sealed)))
		}
	}
	if i := slices.IndexFunc(rights, func(r Rights) bool { return r.Enter }); i >= 0 {
		c.act(c.room.setOpen(rights[i].Open)) // of the conference: the same for all
	}
}

// housekeep is what a conference does every second.
func (c *conference) housekeep() {
	now := time.Now()
	if now.Sub(c.looked) > blindFor {
		c.log.Error("rights unknown for too long, closing", "conference", c.id)
		// The memory is as good as before: a tick under way is waited for.
		c.end(ending{code: closeReload, reason: "reload", last: integersFrame(msgState, uint64(stateUnavailable))})
		return
	}
	for _, s := range c.sockets {
		if s.arrived && now.Sub(s.pinged) >= pingEvery {
			s.pinged = now
			s.out.put(frame(opPing, nil))
		}
	}
	c.keepServers(now)
	if c.rewriting == 0 {
		c.keepTexts()
		c.keepSnapshot(snapshotEvery)
	}
}
