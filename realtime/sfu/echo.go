package sfu

import (
	"net/netip"

	"github.com/pion/stun/v4"
)

// answering is the media socket as the mux sees it. It answers a STUN request that names no connection (RFC 8489 §6), which is how
// konsil doctor finds out whether the port can be reached. The mux would drop it.
type answering struct{ *mediaSocket }

// ReadFromAddrPort is part of ice.AddrPortReaderWriter.
func (c answering) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := c.next(b)
		if err != nil || !isBindingRequest(b[:n]) {
			return n, from, err
		}
		reply := replyTo(b[:n], from)
		if reply == nil {
			return n, from, nil
		}
		_, _ = c.WriteToUDPAddrPort(reply, from) // whoever asks asks again
	}
}

func isBindingRequest(b []byte) bool {
	return len(b) >= 20 && b[0] == 0 && b[1] == 1
}

// replyTo is nil for everything but a whole request that names nobody. The reply is never longer than the request, so that nobody has
// us amplify what she sends under another's address.
func replyTo(b []byte, from netip.AddrPort) []byte {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if m.Decode() != nil || m.Contains(stun.AttrUsername) || stun.Fingerprint.Check(m) != nil {
		return nil
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	reply, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())}, stun.Fingerprint)
	if err != nil || len(reply.Raw) > len(b) {
		return nil
	}
	return reply.Raw
}
