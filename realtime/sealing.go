package realtime

import "time"

// This file is the time between the word that a note will be sealed and the
// seal, as its conference's goroutine keeps it. It changes nothing about what
// is taken: that is decided by the log.

// announceSealing tells everybody who writes or reads, and returns how long is left.
func (c *conference) announceSealing(in time.Duration) time.Duration {
	if !c.anybody() {
		return 0
	}
	if c.seals.IsZero() {
		c.seals = time.Now().Add(in)
		c.tellState(c.sealingFrame())
	}
	return time.Until(c.seals)
}

func (c *conference) takeSealingBack() {
	if !c.seals.IsZero() {
		c.seals = time.Time{}
		c.tellState(integersFrame(msgState, uint64(stateOpen)))
	}
}

// sealingFrame says how long is left now.
func (c *conference) sealingFrame() []byte {
	left := max(0, time.Until(c.seals).Milliseconds())
	return integersFrame(msgState, uint64(stateSealing), uint64(left))
}

func (c *conference) tellState(frame []byte) {
	for _, s := range c.sockets {
		if s.reads {
			s.out.put(frame)
		}
	}
}

func (c *conference) anybody() bool {
	for _, s := range c.sockets {
		if s.reads {
			return true
		}
	}
	return false
}
