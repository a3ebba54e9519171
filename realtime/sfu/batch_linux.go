package sfu

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bulkSender sends many packets with one system call (sendmmsg(2)), and several to the same receiver as one, which the kernel or the
// network card takes apart (UDP_SEGMENT in udp(7)): the way through the kernel costs more than the bytes.
type bulkSender struct {
	raw      syscall.RawConn
	six      bool         // the socket speaks IPv6, and IPv4 in its disguise
	segment  atomic.Bool  // several to one receiver may be one message
	refusals atomic.Int32 // of such messages
}

// newBulkSender is nil if the socket cannot be used that way.
func newBulkSender(conn *net.UDPConn) *bulkSender {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	s := &bulkSender{raw: raw}
	known := false
	err = raw.Control(func(fd uintptr) {
		name, err := unix.Getsockname(int(fd))
		_, s.six = name.(*unix.SockaddrInet6)
		known = err == nil
		_, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		s.segment.Store(err == nil)
	})
	if err != nil || !known {
		return nil
	}
	return s
}

const (
	maxSegmentBytes = 60 << 10  // below what an IP packet carries
	maxRefusals     = 8         // a card without checksums refuses always, one receiver behind a narrow link now and then
	noGroup         = ^uint8(0) // of a packet
)

// group is packets that leave as one message: to one receiver, of one size, but the last may be smaller.
type group struct {
	to    netip.AddrPort
	size  int // of the first
	bytes int
	n     int
	full  bool
}

// message is struct mmsghdr.
type message struct {
	unix.Msghdr
	length uint32 // of what was received or sent
}

// bulk is the memory that sending a load takes.
type bulk struct {
	order    [loadSize]uint8 // packets to send
	left     int             // how many
	of       [loadSize]uint8 // per packet: its group
	groups   [loadSize]group
	made     int // groups
	messages [loadSize]message
	pieces   [loadSize]unix.Iovec
	names    [loadSize]unix.RawSockaddrInet6
	controls [loadSize][3]uint64

	next  int // message
	errno unix.Errno
	try   func(fd uintptr) bool
}

func newLoad() *load {
	l := &load{}
	l.try = l.sendSome
	return l
}

// send sends a load, as much of it as can be sent.
func (s *bulkSender) send(l *load) {
	for i := range l.n {
		l.order[i] = uint8(i)
	}
	l.left = l.n
	l.arrange(s.segment.Load(), s.six)
	for l.next < l.made {
		if s.raw.Write(l.try) != nil {
			return // closed
		}
		switch {
		case l.errno == 0:
		case l.groups[l.next].n > 1 && (l.errno == unix.EIO || l.errno == unix.EINVAL):
			if s.refusals.Add(1) >= maxRefusals {
				s.segment.Store(false)
			}
			l.keepUnsent()
			l.arrange(false, s.six)
		default:
			l.next++ // no way to this receiver; the others have theirs
		}
	}
}

// sendSome hands the kernel as many messages as it takes; false: it takes none before the socket is writable.
func (l *load) sendSome(fd uintptr) bool {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&l.messages[l.next])),
		uintptr(l.made-l.next), unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN {
		return false
	}
	if l.errno = errno; errno == 0 {
		l.next += int(n)
	}
	return true
}

// keepUnsent leaves in order what no message has taken away yet.
func (l *load) keepUnsent() {
	kept := 0
	for _, p := range l.order[:l.left] {
		if int(l.of[p]) >= l.next {
			l.order[kept] = p
			kept++
		}
	}
	l.left = kept
}

// arrange makes a message of each group. The pieces of a group stand together, in their order.
func (l *load) arrange(segment, six bool) {
	l.gather(segment)
	var free [loadSize]int // per group: where its next piece goes
	at := 0
	for g := range l.made {
		free[g] = at
		l.address(g, &l.pieces[at], six)
		at += l.groups[g].n
	}
	for _, p := range l.order[:l.left] {
		piece := &l.pieces[free[l.of[p]]]
		free[l.of[p]]++
		piece.Base = unsafe.SliceData(l.packet(int(p)))
		piece.SetLen(l.size[p])
	}
	l.next = 0
}

// gather puts every packet into a group. Loops send to their receivers in turn, so the search begins after the group before.
func (l *load) gather(segment bool) {
	l.made = 0
	hint := 0
	for _, p := range l.order[:l.left] {
		g := noGroup
		if segment {
			g = l.find(l.to[p], l.size[p], hint)
		}
		if g == noGroup {
			g = uint8(l.made)
			l.groups[g] = group{to: l.to[p], size: l.size[p]}
			l.made++
		}
		m := &l.groups[g]
		m.n++
		m.bytes += l.size[p]
		m.full = l.size[p] < m.size
		l.of[p], hint = g, int(g)+1
	}
}

// find is the group a packet goes to. There is one at most to a receiver that is not full; if the packet does not fit, it becomes so,
// or the packets would change their order.
func (l *load) find(to netip.AddrPort, size, hint int) uint8 {
	for k := range l.made {
		g := (hint + k) % l.made
		m := &l.groups[g]
		if m.full || m.to != to {
			continue
		}
		if size <= m.size && m.bytes+size <= maxSegmentBytes {
			return uint8(g)
		}
		m.full = true
		break
	}
	return noGroup
}

// address fills in the message of a group whose pieces begin at first.
func (l *load) address(g int, first *unix.Iovec, six bool) {
	m, h := &l.groups[g], &l.messages[g]
	*h = message{}
	h.Name, h.Namelen = l.name(g, m.to, six)
	h.Iov = first
	h.SetIovlen(m.n)
	if m.n == 1 {
		return
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&l.controls[g]))
	c.Level, c.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	c.SetLen(unix.CmsgLen(2))
	*(*uint16)(unsafe.Add(unsafe.Pointer(c), unix.CmsgLen(0))) = uint16(m.size)
	h.Control = (*byte)(unsafe.Pointer(c))
	h.SetControllen(unix.CmsgSpace(2))
}

// name is the receiver's address as the kernel reads it.
func (l *load) name(g int, to netip.AddrPort, six bool) (*byte, uint32) {
	n := &l.names[g]
	port := (*[2]byte)(unsafe.Pointer(&n.Port))
	if six {
		n.Family, n.Addr = unix.AF_INET6, to.Addr().As16()
		binary.BigEndian.PutUint16(port[:], to.Port())
		return (*byte)(unsafe.Pointer(n)), unix.SizeofSockaddrInet6
	}
	four := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
	four.Family, four.Addr = unix.AF_INET, to.Addr().Unmap().As4()
	binary.BigEndian.PutUint16(port[:], to.Port())
	return (*byte)(unsafe.Pointer(n)), unix.SizeofSockaddrInet4
}
