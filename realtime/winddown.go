package realtime

import "time"

// windDown ends a conference: nobody comes in, nothing is taken, every socket
// closes, and the goroutine returns when all that it started is gone.
func (c *conference) windDown() {
	e := *c.stop
	c.hub.retire(c)
	if c.rewriting > 0 { // the memory may be of before by now, and what waits be made with it
		c.note.parted = true
	} else if e.keep {
		c.finish()
	}
	for _, s := range c.sockets { // before the readers notice and end by themselves
		c.sayGoodbye(s, e)
	}
	close(c.quit)
	c.awaitTick()
	c.leaveBehind(e)
	c.note.lost(errStopping)
	c.inside.Wait()
	<-c.keeper
	c.mail.work() // commands that came too late: they find nobody
	c.clerk.close()
}

// finish commits what has been received so far.
func (c *conference) finish() {
	c.receiveWaiting()
	for c.note.pending != nil || c.note.flying != nil {
		if c.note.flying == nil {
			c.commit(time.Now())
		}
		<-c.mail.wake
		c.mail.work()
	}
	if len(c.outgoing) > 0 {
		c.deliver(time.Now())
	}
}

// awaitTick waits for the tick under way: its rows must not turn up in the log
// after the conference has said that it is over.
func (c *conference) awaitTick() {
	for c.note.flying != nil {
		<-c.mail.wake
		c.mail.work()
	}
}

func (c *conference) sayGoodbye(s *socket, e ending) {
	s.revoked = true // nothing of it counts any more
	var last [][]byte
	if e.code == closeEnded {
		last = s.farewell(e.reason)
	}
	if e.last != nil {
		last = append(last, e.last)
	}
	s.out.end(e.code, e.reason, last...)
	if s.inside {
		s.inside, s.reads = false, false
		if !c.has(s.guest.Person) {
			c.clerk.attend(c.hub.cfg.Gate.Left, s.guest)
		}
	}
}

// leaveBehind writes section texts and snapshot, so that the note is found as
// it was left and loads quickly. Not where memory and log have parted, and not
// where the consent was withdrawn: nothing of the case may be written then.
// What still waits for a tick that will not come makes settle give both up.
func (c *conference) leaveBehind(e ending) {
	if c.note.parted || e.code == closeEnded && e.reason == "withdrawn" {
		return
	}
	if c.note.head != c.sectioned {
		c.writeTexts(func(error) {})
	}
	if c.note.head != c.snapshotted {
		c.takeSnapshot()
	}
}
