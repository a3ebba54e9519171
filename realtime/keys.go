package realtime

import (
	"slices"
	"strings"
)

// This file is what the server has to do with the keys of the room, which is
// little: it numbers the epochs and passes sealed envelopes on. It holds no
// key, keeps no envelope and logs none.

const (
	maxEnvelope = 4 << 10 // bytes of a blob to one peer
	maxNotice   = 1 << 10 // of one that goes to everybody
)

// Bodies of text frames.
type (
	// keyPut is an envelope on its way in. To is a peer, or empty for all
	// others in the room.
	keyPut struct {
		Epoch int64  `json:"epoch"`
		To    string `json:"to"`
		Blob  string `json:"blob"`
	}
	keyFrom struct {
		Epoch int64  `json:"epoch"`
		From  string `json:"from"`
		Blob  string `json:"blob"`
	}
	epochBegins struct {
		N       int64    `json:"n"`
		Members []string `json:"members"`
		Reason  string   `json:"reason"`
	}
)

// usable says whether an envelope may be passed on: short enough, and base64url
// (RFC 4648 §5, not padded), which JSON carries byte by byte. What is in it is
// none of our business.
func (k keyPut) usable() bool {
	limit := maxEnvelope
	if k.To == "" {
		limit = maxNotice
	}
	return k.Blob != "" && len(k.Blob) <= limit && k.Epoch >= 0 && !strings.ContainsFunc(k.Blob, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

// passKey hands an envelope to whom it is for, byte by byte as it came. One
// for somebody who has just left is dropped: the next epoch begins anyway.
func (c *conference) passKey(from *socket, k keyPut) {
	if from.person == nil {
		return
	}
	f := textFrame("key.put", keyFrom{k.Epoch, from.peer, k.Blob})
	for _, s := range c.sockets {
		if s != from && s.person != nil && (k.To == "" || s.peer == k.To) {
			s.out.put(f)
		}
	}
}

// raiseEpoch begins a new epoch: from now on members encrypt with keys that
// those who have left do not get, and those who have come did not miss. After
// a leave it must not be called before the media of whoever left is closed,
// or it would be sent what it cannot be trusted to be unable to read.
func (c *conference) raiseEpoch(reason string) {
	c.epoch++
	members := make([]string, 0, len(c.people.present))
	for _, who := range c.people.present {
		members = append(members, who.Peer)
	}
	slices.Sort(members)
	c.tellAll(textFrame("epoch", epochBegins{c.epoch, members, reason}))
}

// departed is told that a reader has ended, and with it its media.
func (c *conference) departed(s *socket) {
	if s.keyed {
		s.keyed = false
		c.raiseEpoch("leave")
	}
}
