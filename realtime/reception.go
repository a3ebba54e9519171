package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/konsil-server/konsil/realtime/sfu"
)

// A client gets new ICE servers well before the credentials of the old ones
// end, since it needs good ones whenever its network changes.
const (
	serversLife  = time.Hour
	serversEvery = 20 * time.Minute
	trialLife    = 2 * time.Minute
)

// ErrBusy is Try's answer when too many are tried out.
var ErrBusy = sfu.ErrBusy

// Try answers the offer of a connection that carries nothing, from a browser
// that wants to know before joining how it reaches the rooms, and gives the ICE
// servers for that. Whoever asks must be somebody who may wait for a room.
// ErrBusy: not now; other errors mean that the offer is of no use.
func (h *Hub) Try(ctx context.Context, person, offer string) (answer string, servers []ICEServer, err error) {
	if h.cfg.Rooms == nil {
		return "", nil, ErrBusy
	}
	answer, err = h.cfg.Rooms.Try(ctx, offer)
	if err != nil {
		return "", nil, err
	}
	return answer, h.iceServers(person, trialLife), nil
}

// iceServers is never nil: null would be no list to a browser.
func (h *Hub) iceServers(person string, life time.Duration) []ICEServer {
	if h.cfg.ICEServers != nil {
		if servers := h.cfg.ICEServers(person, life); servers != nil {
			return servers
		}
	}
	return []ICEServer{}
}

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
	return c.hub.iceServers(s.guest.Person, serversLife)
}

// keepServers renews what was given long ago.
func (c *conference) keepServers(now time.Time) {
	for _, s := range c.sockets {
		if s.visitor != nil && s.visitor.in && now.Sub(s.served) >= serversEvery {
			s.out.put(textFrame("ice.servers", iceServers{c.serversFor(s)}))
		}
	}
}
