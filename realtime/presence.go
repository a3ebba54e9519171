package realtime

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// This file is who is in a conference, as seen and kept by its goroutine.

// admit takes a socket that is upgraded and whose rights were read. It may have
// been dropped meanwhile. Who need not wait is inside at once; the others hear
// nothing before they say hello, and then of the lobby only.
func (c *conference) admit(s *socket, now Rights) {
	if s.revoked {
		return
	}
	s.arrived, s.write, s.pinged = true, now.Write, time.Now()
	c.act(c.room.setOpen(now.Open))
	if now.Wait {
		c.room.holdBack(s.guest.Person)
	}
	if !c.room.waits(s.guest) && s.guest.reads() {
		c.letInside(s)
	}
}

// letInside makes a socket part of the conference, once.
func (c *conference) letInside(s *socket) {
	if s.inside {
		return
	}
	if !c.has(s.guest.Person) {
		c.clerk.attend(c.hub.cfg.Gate.Joined, s.guest)
	}
	s.inside = true
	c.limitSockets(s.guest.Person)
	if s.guest.reads() {
		c.openNotes(s)
	}
}

// openNotes is the beginning of the notes for one socket.
func (c *conference) openNotes(s *socket) {
	s.reads = true
	s.out.put(c.hello(s))
	if c.note.sealed {
		s.out.put(integersFrame(msgState, uint64(stateSealed)))
	}
	if !c.seals.IsZero() {
		s.out.put(c.sealingFrame())
	}
	c.askStep2(s)
	c.present(s)
}

// hello is the first frame of a socket that gets the notes.
func (c *conference) hello(s *socket) []byte {
	b := []byte{msgHello}
	rights := rightsCode(s.write && !c.note.sealed)
	for _, v := range []uint64{s.id, uint64(c.note.head), rights, maxFrame, uint64(deliverEvery.Milliseconds())} {
		b = binary.AppendUvarint(b, v)
	}
	return frame(opBinary, c.beginsAnew(b, s))
}

// rightsCode is how hello and state spell rights.
func rightsCode(write bool) uint64 {
	if write {
		return 2
	}
	return 1
}

// has says whether a person has a socket inside.
func (c *conference) has(person string) bool {
	return slices.ContainsFunc(c.sockets, func(s *socket) bool { return s.inside && s.guest.Person == person })
}

// limitSockets closes the oldest socket of a person who has too many.
func (c *conference) limitSockets(person string) {
	var theirs []*socket
	for _, s := range c.sockets {
		if s.inside && s.guest.Person == person {
			theirs = append(theirs, s)
		}
	}
	if len(theirs) > socketsEach {
		oldest := slices.MinFunc(theirs, func(a, b *socket) int { return cmp.Compare(a.id, b.id) })
		c.leave(oldest)
		oldest.out.end(closeElsewhere, "elsewhere")
	}
}

// leave takes a socket out. Whoever is connected to it straight knows of it
// before the socket does, if it is ended after. It does nothing the second time.
func (c *conference) leave(s *socket) {
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	c.aware.leave(s)
	if s.visitor != nil {
		c.act(c.room.depart(s.visitor))
	}
	if s.inside && !c.has(s.guest.Person) {
		c.clerk.attend(c.hub.cfg.Gate.Left, s.guest)
	}
}

// part is the last that is heard of a socket: its media has stopped.
func (c *conference) part(s *socket) {
	c.leave(s)
	if s.visitor != nil {
		c.act(c.room.gone(s.visitor))
	}
}

// revoke ends a socket whose right to be here is gone. Whatever of it still
// waits to be read is ignored.
func (c *conference) revoke(s *socket, reason string) {
	s.revoked = true
	last := s.farewell(reason)
	c.leave(s)
	s.out.end(closeEnded, reason, last...)
}

// farewell says why it ends to those who speak text: `ended` in the room, and
// what the lobby says to those who only ever saw the lobby.
func (s *socket) farewell(reason string) [][]byte {
	switch {
	case s.visitor == nil:
		return nil
	case !s.visitor.in:
		return [][]byte{textFrame("lobby.denied", ended{reason})}
	}
	return [][]byte{textFrame("ended", ended{reason})}
}

// expel revokes the sockets of the guests that match, and returns when they
// are gone and what they did is committed or lost.
func (c *conference) expel(match func(Guest) bool, reason string) {
	gone := make(chan []*socket, 1)
	c.mail.post(func() {
		var out []*socket
		for _, s := range slices.Clone(c.sockets) {
			if match(s.guest) {
				c.revoke(s, reason)
				out = append(out, s)
			}
		}
		c.note.settle(func() {}, func(error) { gone <- out })
	})
	select {
	case out := <-gone:
		for _, s := range out {
			<-s.done
		}
	case <-c.done:
	}
}

// hear takes awareness states from a socket.
func (c *conference) hear(s *socket, body []byte) {
	if s.outdated { // points into the document of before
		return
	}
	entries, err := parseAwareness(body)
	if err != nil {
		return // y-protocols has no answer to a broken state, and none is needed
	}
	c.aware.take(s, entries, c.note.clients, c.note.roots)
}

// present tells one socket where everybody is.
func (c *conference) present(s *socket) {
	if all := c.aware.everything(); all != nil {
		s.out.put(awarenessFrame(all))
	}
}

// presentAll tells everybody what has changed about who is where.
func (c *conference) presentAll(now time.Time) {
	c.presented = now
	if len(c.aware.dirty) > 0 {
		f := awarenessFrame(c.aware.news())
		for _, s := range c.sockets {
			if s.reads {
				s.out.put(f)
			}
		}
	}
	c.tellNews()
}

// tellAll sends a text frame to those in the room.
func (c *conference) tellAll(f []byte) {
	for _, s := range c.sockets {
		if s.visitor != nil && s.visitor.in && !s.visitor.going {
			s.out.put(f)
		}
	}
}
