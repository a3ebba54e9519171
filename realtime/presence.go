package realtime

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// This file is who is in a conference, as seen and kept by its goroutine.

// admit lets a socket in that arrived and whose rights were read since. It may
// have been dropped meanwhile.
func (c *conference) admit(s *socket, write bool) {
	if s.revoked {
		return
	}
	if !c.has(s.guest.Person) {
		c.clerk.attend(c.hub.cfg.Gate.Joined, s.guest)
	}
	s.inside, s.write, s.pinged = true, write, time.Now()
	c.limitSockets(s.guest.Person)
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

// hello is the first frame of a socket.
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
		oldest.out.end(closeElsewhere, "elsewhere")
		c.leave(oldest)
	}
}

// leave takes a socket out. It does nothing the second time.
func (c *conference) leave(s *socket) {
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	c.aware.leave(s)
	if s.person != nil {
		c.people.remove(s.person)
		s.person = nil
	}
	if s.inside && !c.has(s.guest.Person) {
		c.clerk.attend(c.hub.cfg.Gate.Left, s.guest)
	}
}

// revoke ends a socket whose right to be here is gone. Whatever of it still
// waits to be read is ignored.
func (c *conference) revoke(s *socket, reason string) {
	s.revoked = true
	s.out.end(closeEnded, reason, s.farewell(reason)...)
	c.leave(s)
}

// farewell is `ended` for those who speak text.
func (s *socket) farewell(reason string) [][]byte {
	if s.person == nil {
		return nil
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

// welcome lets a socket take part in the room.
func (c *conference) welcome(s *socket) {
	if s.person != nil {
		return
	}
	s.person = c.people.add(s.peer, s.guest)
	s.out.put(textFrame("welcome", welcome{s.peer, s.guest.EndsAt, c.serversFor(s), c.people.list(), c.epoch + 1}))
	s.keyed = true
	c.raiseEpoch("join")
}

func (c *conference) setMedia(s *socket, m mediaState) {
	c.updatePerson(s, func(p *person) { p.Mic, p.Camera, p.Screen = m.Mic, m.Camera, m.Screen })
}

func (c *conference) setHand(s *socket, up bool) {
	c.updatePerson(s, func(p *person) { p.Hand = up })
}

func (c *conference) setLive(s *socket, live bool) {
	c.updatePerson(s, func(p *person) { p.Live = live })
}

func (c *conference) updatePerson(s *socket, change func(*person)) {
	if s.person != nil {
		c.people.update(s.person, change)
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
			if s.inside {
				s.out.put(f)
			}
		}
	}
	if c.people.changed {
		c.people.changed = false
		c.tellAll(textFrame("people", peopleList{c.people.list()}))
	}
}

// tellAll sends a text frame to those who speak text.
func (c *conference) tellAll(f []byte) {
	for _, s := range c.sockets {
		if s.person != nil {
			s.out.put(f)
		}
	}
}
