package realtime

import "strings"

// This file is what the server has to do with the keys of the room, which is
// little: it numbers the epochs (roomstate.go) and passes sealed envelopes on.
// It holds no key, keeps no envelope and logs none.

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
	return k.Blob != "" && len(k.Blob) <= limit && k.Epoch >= 0 && isBase64URL(k.Blob)
}

func isBase64URL(blob string) bool {
	return !strings.ContainsFunc(blob, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

// passKey hands an envelope to whom it is for, byte by byte as it came. One
// for somebody who has just left is dropped: the next epoch begins anyway.
func (c *conference) passKey(from *socket, k keyPut) {
	if !from.hasKeys() {
		return
	}
	f := textFrame("key.put", keyFrom{k.Epoch, from.peer, k.Blob})
	for _, s := range c.sockets {
		if s != from && s.hasKeys() && (k.To == "" || s.peer == k.To) {
			s.out.put(f)
		}
	}
}

// hasKeys says whether a socket takes part in the exchange of keys.
func (s *socket) hasKeys() bool { return s.visitor != nil && s.visitor.in && !s.visitor.plain }
