package realtime

import (
	"slices"
	"time"
)

// serversEvery is when a client gets new ICE servers: what it was given may
// hold credentials that end, and it needs good ones when its network changes.
const serversEvery = 20 * time.Minute

type iceServers struct {
	ICEServers []ICEServer `json:"iceServers"`
}

// setMissing notes from whom a person currently gets no sound or picture, so
// that everybody sees it.
func (r *roomState) setMissing(v *visitor, c command, _ time.Time) []effect {
	peers := make(map[string]bool)
	for _, m := range c.Missing {
		peers[m.Peer] = true
	}
	missing := []string{}
	for _, other := range r.visitors {
		if other.in && other != v && peers[other.Peer] {
			missing = append(missing, other.Peer)
		}
	}
	if !slices.Equal(missing, v.Missing) {
		v.Missing = missing
		r.news.people = true
	}
	return nil
}

// serversFor gives the ICE servers for a socket from now on.
func (c *conference) serversFor(s *socket) []ICEServer {
	s.served = time.Now()
	var servers []ICEServer
	if c.hub.cfg.ICEServers != nil {
		servers = c.hub.cfg.ICEServers(s.guest.Person)
	}
	if servers == nil {
		servers = []ICEServer{} // null would be no list to a browser
	}
	return servers
}

// keepServers renews what was given long ago.
func (c *conference) keepServers(now time.Time) {
	for _, s := range c.sockets {
		if s.visitor != nil && s.visitor.in && now.Sub(s.served) >= serversEvery {
			s.out.put(textFrame("ice.servers", iceServers{c.serversFor(s)}))
		}
	}
}
