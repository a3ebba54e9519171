package sfu

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// lane is the short way between the socket and the tracks of one connection. Pion's own way leads through five goroutines, each of
// which has to be woken, and that costs more than everything else. The lane takes what the socket reads, decrypts it and hands it to
// the layer at once, and it encrypts what is sent right into the batch that leaves.
//
// Pion negotiates, finds the way, shakes hands and does everything else; the lane only has SRTP sessions of its own, of the same
// keys (secrets.go). What it does not know it leaves to pion: other packets than RTP and RTCP, connections that are not over UDP,
// streams without a layer, packets it cannot decrypt.
//
// No two packets are ever encrypted under the same number: either pion sends all RTP of a connection or the lane does. open decides
// that before the first one.
type lane struct {
	socket   *mediaSocket
	secrets  secrets
	arrivals *arrivals
	way      *bandwidth                     // nil: nothing is sent on this connection
	to       atomic.Pointer[netip.AddrPort] // where the client is; nil: pion sends

	mu     sync.Mutex     // guards what follows
	from   netip.AddrPort // what comes from there is ours, zero: nothing is
	in     *srtp.Context  // nil: closed, or not open yet
	header rtp.Header
	layers map[uint32]*layer // by SSRC
	downs  map[uint32]*down  // by SSRC, both of the stream and of what is sent again

	sending sync.Mutex // guards what follows
	out     *srtp.Context
	marshal rtp.Header
}

func newLane(socket *mediaSocket, way *bandwidth) *lane {
	return &lane{
		socket: socket, way: way, arrivals: newArrivals(),
		layers: map[uint32]*layer{}, downs: map[uint32]*down{},
	}
}

const replayWindow = 1024 // packets of a stream that may come late: those of a picture sent again

// open begins once the connection stands, which is when pion has seen that the client's certificate is the announced one. Connections
// whose secrets are not known, because the client chose to be the DTLS server, stay pion's.
func (l *lane) open(pair *webrtc.ICECandidatePair) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys, err := l.secrets.take()
	if err != nil || keys == nil {
		return err
	}
	in, err := srtp.CreateContext(keys.Keys.RemoteMasterKey, keys.Keys.RemoteMasterSalt, keys.Profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return fmt.Errorf("lane: %w", err)
	}
	out, err := srtp.CreateContext(keys.Keys.LocalMasterKey, keys.Keys.LocalMasterSalt, keys.Profile)
	if err != nil {
		return fmt.Errorf("lane: %w", err)
	}
	l.in = in
	to, direct := directPath(pair)
	if !direct {
		return nil
	}
	l.sending.Lock()
	l.out = out
	l.sending.Unlock()
	l.to.Store(&to)
	l.listen(to)
	return nil
}

// move follows the client to another address. Where the lane does not lead, over TCP, pion goes on for it, for good. False: it cannot,
// because it would begin to count rollovers anew.
func (l *lane) move(pair *webrtc.ICECandidatePair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.in == nil {
		return true
	}
	to, direct := directPath(pair)
	sends := l.to.Load() != nil
	if direct {
		l.listen(to)
		if sends {
			l.to.Store(&to)
		}
		return true
	}
	l.listen(netip.AddrPort{})
	return !sends || l.handBack()
}

// handBack lets pion send from now on, if no stream's numbers have begun anew: pion takes the first it sees for one of the first
// 65536 (RFC 3711 §3.3.1). The caller holds mu.
func (l *lane) handBack() bool {
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.out == nil {
		return true
	}
	for ssrc := range l.downs {
		if rollovers, _ := l.out.ROC(ssrc); rollovers > 0 {
			return false
		}
	}
	l.to.Store(nil)
	l.out = nil
	return true
}

// listen takes what comes from an address, and no longer what comes from the one before. The caller holds mu.
func (l *lane) listen(from netip.AddrPort) {
	l.socket.lanes.swap(l.from, from, l)
	l.from = from
}

// close ends the lane for good. What is sent afterwards goes nowhere.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen(netip.AddrPort{})
	l.in = nil
	clear(l.layers)
	clear(l.downs)
	l.sending.Lock()
	l.out = nil
	l.sending.Unlock()
}

// directPath is where a pair of candidates leads, false if not from our socket straight to an address.
func directPath(pair *webrtc.ICECandidatePair) (netip.AddrPort, bool) {
	if pair == nil || pair.Local == nil || pair.Remote == nil || pair.Local.Protocol != webrtc.ICEProtocolUDP {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil || ip.Zone() != "" {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip.Unmap(), pair.Remote.Port), true
}

// divert hands packets of a stream to a layer from now on.
func (l *lane) divert(ssrc uint32, to *layer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.layers[ssrc] = to
}

// carry makes d get the client's requests about a stream of its own.
func (l *lane) carry(d *down, ssrcs ...uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ssrc := range ssrcs {
		if ssrc != 0 {
			l.downs[ssrc] = d
		}
	}
}

// drop ends what carry began.
func (l *lane) drop(d *down) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.downs, func(_ uint32, o *down) bool { return o == d })
}

// takeMedia decrypts an RTP packet and hands it to its layer. False: pion is to get it.
func (l *lane) takeMedia(t *turns, b []byte, now time.Time) bool {
	plain, to := l.decrypt(t.plain, b)
	if to == nil {
		return false
	}
	if !t.feed(to, plain, now) {
		return false // pion notes its arrival
	}
	l.arrivals.note(plain, now)
	return binary.BigEndian.Uint16(b[2:])%pionsShare != 0
}

// pionsShare: of so many packets pion gets one, too, so that it can go on when the lane ends. Who misses 32768 in a row cannot tell
// how often the numbers have begun anew (RFC 3711 §3.3.1). To the layer it is a duplicate.
const pionsShare = 4096

func (l *lane) decrypt(plain, b []byte) ([]byte, *layer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.in == nil {
		return nil, nil
	}
	plain, err := l.in.DecryptRTP(plain, b, &l.header)
	if err != nil {
		l.header = rtp.Header{} // keeps nothing of what was not authentic
		return nil, nil
	}
	return plain, l.layers[l.header.SSRC]
}

// takeReport decrypts an RTCP packet and does what it asks for. False: it is pion's.
func (l *lane) takeReport(t *turns, b []byte, now time.Time) bool {
	plain, ok := l.decryptReport(t.plain, b)
	if ok {
		eachPart(plain, func(kind rtcp.PacketType, part []byte) { l.takePart(kind, part, now) })
	}
	return ok
}

func (l *lane) decryptReport(plain, b []byte) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.in == nil {
		return nil, false
	}
	plain, err := l.in.DecryptRTCP(plain, b, nil)
	return plain, err == nil
}

// takePart obeys one packet of a compound. Most are about arrivals; what receiver reports say is in these, too.
func (l *lane) takePart(kind rtcp.PacketType, part []byte, now time.Time) {
	if r, ok := asArrivalReport(kind, part); ok {
		if l.way != nil {
			l.way.report(r, now)
		}
		return
	}
	if kind == rtcp.TypeReceiverReport || kind == rtcp.TypeSourceDescription {
		return
	}
	packets, err := rtcp.Unmarshal(part)
	if err != nil {
		return
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if to := l.layer(p.SSRC); to != nil {
				to.hearReport(p, now)
			}
		default:
			for _, ssrc := range p.DestinationSSRC() {
				if d := l.down(ssrc); d != nil {
					d.obey(p, ssrc)
				}
			}
		}
	}
}

func (l *lane) layer(ssrc uint32) *layer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.layers[ssrc]
}

func (l *lane) down(ssrc uint32) *down {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.downs[ssrc]
}

// send encrypts a packet into a batch; false if the lane is closed.
func (l *lane) send(b *batch, h *rtp.Header, payload []byte, to netip.AddrPort) bool {
	room := b.space(h.MarshalSize() + len(payload) + sealBytes)
	n, err := h.MarshalTo(room)
	if err != nil {
		return false
	}
	n += copy(room[n:], payload)
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.out == nil {
		return false
	}
	sealed, err := l.out.EncryptRTP(room, room[:n], &l.marshal)
	if err != nil {
		return false
	}
	b.add(sealed, to)
	return true
}

// sealBytes is what SRTP adds at most: a tag of 10 bytes (RFC 3711 §5.2) or 16 (RFC 7714 §13.2).
const sealBytes = 16
