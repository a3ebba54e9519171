package realtime

import "context"

// This file does what the room has decided (roomstate.go), on the conference's
// goroutine.

// greet hears a socket that wants to take part in the room. One that cannot
// encrypt will get neither media nor keys.
func (c *conference) greet(s *socket, g greeting) {
	if s.visitor != nil || !s.arrived {
		return
	}
	s.visitor = newVisitor(s.peer, s.guest, g.Name)
	s.visitor.plain = g.E2EE != nil && !*g.E2EE
	s.visitor.pairs = g.Pair
	c.act(c.room.knock(s.visitor, c.hub.cfg.Now()))
}

func (c *conference) act(effects []effect) {
	for _, e := range effects {
		switch e.do {
		case doEpoch:
			c.tellEpoch()
			c.tellAll(textFrame("epoch", epochBegins{c.room.epoch, c.room.members(), e.what}))
		case doRecord:
			c.record(e)
		case doSendBack, doRemove:
			c.showOut(e)
		default:
			if s := c.socketOf(e.to); s != nil {
				c.actOn(s, e)
			}
		}
	}
}

// actOn does what concerns one socket.
func (c *conference) actOn(s *socket, e effect) {
	switch e.do {
	case doWait:
		s.out.put(textFrame("lobby.waiting", lobbyWaiting{e.to.Name, c.room.locked, c.room.whyWaits(e.to)}))
	case doDeny:
		c.revoke(s, e.what)
	case doReplace:
		s.revoked = true
		s.out.end(closeElsewhere, "elsewhere")
		c.leave(s)
	case doLetIn:
		c.welcome(s)
	case doSilence:
		if p := s.forwarded(); p != nil {
			p.Silence(e.what, e.on)
		}
	case doAllow:
		if p := s.forwarded(); p != nil {
			p.Allow(e.what, e.on)
		}
	case doWay:
		c.takeWay(s)
	case doComplain:
		s.complain(e.what)
	}
}

// tellEpoch tells the server's room the number that frames are sealed under.
func (c *conference) tellEpoch() {
	if rooms := c.hub.cfg.Rooms; rooms != nil {
		rooms.Epoch(c.id, c.room.epoch)
	}
}

// welcome lets a socket take part in the room.
func (c *conference) welcome(s *socket) {
	c.letInside(s)
	if c.room.partner(s.visitor) == nil { // or takeWay follows
		s.joinRoom()
	}
	s.out.put(textFrame("welcome", welcome{s.peer, s.guest.EndsAt, c.serversFor(s), c.room.list(), s.visitor.Part, c.room.status()}))
	close(s.welcomed)
	c.showAgenda(s)
}

// showOut ends all sockets of a person. Who is sent back comes again by itself,
// with nothing left of what it had, and then waits.
func (c *conference) showOut(e effect) {
	for _, s := range c.socketsOf(e.to.Person) {
		if e.do == doRemove {
			c.revoke(s, reasonKick)
			continue
		}
		s.revoked = true
		c.leave(s)
		s.out.end(closeReturned, reasonBack)
	}
}

// record writes down what happened, in the order it did.
func (c *conference) record(e effect) {
	d := Deed{Did: e.what}
	if e.by != nil {
		d.By = e.by.guest
	}
	if e.to != nil {
		d.To = e.to.guest
	}
	c.clerk.do("record", func(ctx context.Context) error { return c.hub.cfg.Gate.Record(ctx, c.id, d) }, nil)
}

func (c *conference) socketOf(v *visitor) *socket {
	for _, s := range c.sockets {
		if s.visitor == v {
			return s
		}
	}
	return nil
}

func (c *conference) socketsOf(person string) (found []*socket) {
	for _, s := range c.sockets {
		if s.guest.Person == person {
			found = append(found, s)
		}
	}
	return found
}

// tellNews tells everybody what has changed in the room, and the moderators who
// waits.
func (c *conference) tellNews() {
	news := c.room.news
	c.room.news = roomNews{}
	if news.people {
		c.tellAll(textFrame("people", peopleList{c.room.list()}))
	}
	if news.room {
		c.tellAll(textFrame("room", c.room.status()))
	}
	if !news.lobby {
		return
	}
	f := textFrame("lobby.list", lobbyList{c.room.waiting()})
	for _, s := range c.sockets {
		if v := s.visitor; v != nil && v.in && v.Part == PartModerator {
			s.out.put(f)
		}
	}
}
