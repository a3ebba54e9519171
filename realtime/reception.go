package realtime

import "time"

// serversEvery is when a client gets new ICE servers: what it was given may
// hold credentials that end, and it needs good ones when its network changes.
const serversEvery = 20 * time.Minute

// reception is what a client says about the media that reaches it.
type reception struct {
	Missing []struct {
		Peer   string `json:"peer"`
		Source string `json:"source"`
	} `json:"missing"`
}

func (r reception) peers() map[string]bool {
	peers := make(map[string]bool)
	for _, m := range r.Missing {
		peers[m.Peer] = true
	}
	return peers
}

type iceServers struct {
	ICEServers []ICEServer `json:"iceServers"`
}

// setMissing notes from whom a person currently gets no sound or picture, so
// that everybody sees it.
func (c *conference) setMissing(s *socket, peers map[string]bool) {
	missing := []string{}
	for _, who := range c.people.present {
		if peers[who.Peer] && who != s.person {
			missing = append(missing, who.Peer)
		}
	}
	c.updatePerson(s, func(p *person) { p.Missing = missing })
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
		if s.person != nil && now.Sub(s.served) >= serversEvery {
			s.out.put(textFrame("ice.servers", iceServers{c.serversFor(s)}))
		}
	}
}
