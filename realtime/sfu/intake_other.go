//go:build !linux

package sfu

import "net/netip"

// burst is one packet.
type burst struct {
	n      int
	socket *mediaSocket
	memory [intakeBytes]byte
	size   int
	from   netip.AddrPort
}

func newBurst(s *mediaSocket) *burst { return &burst{socket: s} }

// read waits for a packet if so wanted; else there is none. The error is that of a socket that was closed.
func (b *burst) read(wait bool) (err error) {
	b.n = 0
	if !wait {
		return nil
	}
	b.size, b.from, err = b.socket.ReadFromUDPAddrPort(b.memory[:])
	if err == nil {
		b.n = 1
	}
	return err
}

func (b *burst) packet(int) ([]byte, netip.AddrPort) {
	return b.memory[:b.size], netip.AddrPortFrom(b.from.Addr().Unmap(), b.from.Port())
}
