package main

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// What a publisher sends: 30 pictures a second of nine packets, in groups of
// three every 5 ms, and 50 packets of sound; 320 packets a second.
const (
	pictureEvery  = time.Second / 30
	pictureGroups = 3
	groupPackets  = 3
	groupEvery    = 5 * time.Millisecond
	pictureBody   = 1100 // bytes
	soundEvery    = 20 * time.Millisecond
	soundBody     = 100
)

// A body is what stays in clear under frame encryption, then our mark: number
// of the packet, time it was sent, number of the publisher.
const (
	vp8Descriptor = 4
	vp8Clear      = 10
	soundClear    = 1
	markBytes     = 4 + 8 + 2
	trailerBytes  = 12
)

type mark struct {
	number    uint32
	sent      time.Duration // on the hall's clock
	publisher uint16
}

func (m mark) put(b []byte) {
	binary.BigEndian.PutUint32(b, m.number)
	binary.BigEndian.PutUint64(b[4:], uint64(m.sent))
	binary.BigEndian.PutUint16(b[12:], m.publisher)
}

func readMark(b []byte, sound bool) (m mark, ok bool) {
	at := vp8Descriptor + vp8Clear
	if sound {
		at = soundClear
	}
	if len(b) < at+markBytes {
		return m, false
	}
	b = b[at:]
	return mark{binary.BigEndian.Uint32(b), time.Duration(binary.BigEndian.Uint64(b[4:])), binary.BigEndian.Uint16(b[12:])}, true
}

// seal writes the end of an end-to-end encrypted frame: counter, key id,
// length of the clear part, magic.
func seal(b []byte, counter uint64, epoch int64, clear byte) {
	t := b[len(b)-trailerBytes:]
	binary.BigEndian.PutUint64(t, counter)
	t[8], t[9], t[10], t[11] = byte(epoch), clear, 'k', 'n'
}

// source is one published track.
type source struct {
	hall      *hall
	publisher uint16
	sound     bool
	track     *webrtc.TrackLocalStaticRTP
	wantKey   atomic.Bool
	sent      atomic.Uint32
	body      []byte
	header    rtp.Header
	pictures  uint64
}

func newSource(h *hall, publisher int, sound bool, name string) (*source, error) {
	s := &source{hall: h, publisher: uint16(publisher), sound: sound, body: make([]byte, pictureBody)}
	mime := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if sound {
		s.body = s.body[:soundBody]
		mime = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	s.header = rtp.Header{Version: 2}
	s.wantKey.Store(true)
	var err error
	s.track, err = webrtc.NewTrackLocalStaticRTP(mime, s.name(), name)
	return s, err
}

func (s *source) name() string {
	if s.sound {
		return "mic"
	}
	return "camera"
}

func (s *source) key() [2]int { return trackKey(int(s.publisher), s.sound) }

// obey makes a key frame when somebody asks for one.
func (s *source) obey(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.wantKey.Store(true)
			}
		}
	}
}

// produce sends until the hall is closed. Turns are fixed beforehand: one that
// is late does not shift the others.
func (s *source) produce() {
	every, turn := pictureEvery, s.hall.now()
	if s.sound {
		every = soundEvery
	}
	for ; s.hall.sleepUntil(turn); turn += every {
		if s.sound {
			s.header.Timestamp = uint32(turn.Seconds() * 48000)
			s.header.Marker = true
			s.send(soundClear)
			continue
		}
		if !s.picture(turn) {
			return
		}
	}
}

func (s *source) picture(turn time.Duration) bool {
	s.header.Timestamp = uint32(turn.Seconds() * 90000)
	key := s.wantKey.Swap(false)
	s.pictures++
	for group := range pictureGroups {
		if !s.hall.sleepUntil(turn + time.Duration(group)*groupEvery) {
			return false
		}
		for i := range groupPackets {
			s.describe(group+i == 0, key)
			s.header.Marker = group == pictureGroups-1 && i == groupPackets-1
			s.send(vp8Clear)
		}
	}
	return true
}

// describe writes payload descriptor (RFC 7741 §4.2) and frame header
// (RFC 6386 §9.1) of a packet.
func (s *source) describe(first, key bool) {
	const extended, start, pictureID, long = 0x80, 0x10, 0x80, 0x80
	b := s.body
	b[0], b[1], b[2], b[3] = extended, pictureID, long|byte(s.pictures>>8), byte(s.pictures)
	if !first {
		return
	}
	b[0] |= start
	b[4] = 1
	if key {
		copy(b[4:], []byte{0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}) // 640 × 360
	}
}

func (s *source) send(clear byte) {
	at := int(clear)
	if !s.sound {
		at += vp8Descriptor
	}
	n := s.sent.Add(1)
	mark{n, s.hall.now(), s.publisher}.put(s.body[at:])
	if s.header.Marker {
		seal(s.body, uint64(n), s.hall.epoch.Load(), clear)
	}
	s.header.SequenceNumber++
	_ = s.track.WriteRTP(&rtp.Packet{Header: s.header, Payload: s.body}) // what does not arrive is counted as lost
}
