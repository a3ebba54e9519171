package sfu

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// burst is packets read with one system call (recvmmsg(2)).
type burst struct {
	n        int
	raw      syscall.RawConn
	memory   []byte
	messages [burstSize]message
	pieces   [burstSize]unix.Iovec
	names    [burstSize]unix.RawSockaddrInet6

	wait bool
	try  func(fd uintptr) bool
	once func(fd uintptr)
}

func newBurst(s *mediaSocket) *burst {
	b := &burst{memory: make([]byte, burstSize*intakeBytes)}
	b.raw, _ = s.SyscallConn() // fails for a nil connection only
	for i := range burstSize {
		b.pieces[i].Base = &b.memory[i*intakeBytes]
		b.pieces[i].SetLen(intakeBytes)
		h := &b.messages[i]
		h.Iov = &b.pieces[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	b.try = b.receive
	b.once = func(fd uintptr) { b.receive(fd) }
	return b
}

// read takes what has come, and waits for it if so wanted. The error is that of a socket that was closed.
func (b *burst) read(wait bool) error {
	b.n, b.wait = 0, wait
	if wait {
		return b.raw.Read(b.try)
	}
	return b.raw.Control(b.once)
}

// receive is false if there is nothing to be read, and somebody waits for it.
func (b *burst) receive(fd uintptr) bool {
	for i := range b.messages {
		b.messages[i].Namelen = unix.SizeofSockaddrInet6
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.messages[0])), burstSize, unix.MSG_DONTWAIT, 0, 0)
	if errno == 0 {
		b.n = int(n)
	}
	return b.n > 0 || !b.wait || errno != unix.EAGAIN
}

// packet is one of the n that were read, and where it came from. One that was cut off is empty.
func (b *burst) packet(i int) ([]byte, netip.AddrPort) {
	m, name := &b.messages[i], &b.names[i]
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	from := netip.AddrFrom16(name.Addr).Unmap()
	if name.Family == unix.AF_INET {
		from = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	} else if name.Scope_id != 0 && from.IsLinkLocalUnicast() {
		from = from.WithZone(strconv.Itoa(int(name.Scope_id)))
	}
	size := int(m.length)
	if m.Flags&unix.MSG_TRUNC != 0 {
		size = 0
	}
	return b.memory[i*intakeBytes:][:size], netip.AddrPortFrom(from, binary.BigEndian.Uint16(port[:]))
}
