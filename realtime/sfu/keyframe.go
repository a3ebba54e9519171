package sfu

import "encoding/binary"

// startsKeyFrame says whether an RTP payload is the beginning of a picture that needs no other. It looks only at what stays readable
// under frame encryption: payload descriptors, and for VP8 the first byte of the frame.
func startsKeyFrame(c codec, b []byte) bool {
	switch c {
	case codecVP8:
		return startsVP8Key(b)
	case codecVP9:
		return startsVP9Key(b)
	}
	return false
}

// startsVP8Key reads the descriptor of RFC 7741 §4.2 and the inverse key frame bit of RFC 6386 §9.1.
func startsVP8Key(b []byte) bool {
	const extended, start, partition = 0x80, 0x10, 0x07
	if len(b) == 0 || b[0]&start == 0 || b[0]&partition != 0 {
		return false
	}
	at := 1
	if b[0]&extended != 0 {
		if len(b) < 2 {
			return false
		}
		at = vp8DescriptorLen(b)
	}
	return at < len(b) && b[at]&1 == 0
}

// picture is where a packet says which picture it belongs to, and which one that is (RFC 7741 §4.2). Zero: it does not say.
type picture struct {
	id    uint16
	at    uint8 // of the number in the payload, 0: not there
	long  bool  // the number has 15 bits, else 7
	base  uint8 // TL0PICIDX
	based uint8 // where that is, 0: not there
}

// mask is for the bits a number has.
func (p picture) mask() uint16 {
	if p.long {
		return 1<<15 - 1
	}
	return 1<<7 - 1
}

// readPicture reads a VP8 descriptor. VP9's stays as it is: it has one layer here, so nothing interrupts its numbers.
func readPicture(c codec, b []byte) (p picture) {
	const extended, numbered, long, based = 0x80, 0x80, 0x80, 0x40
	if c != codecVP8 || len(b) < 3 || b[0]&extended == 0 || b[1]&numbered == 0 {
		return p
	}
	next := uint8(3)
	if p.long = b[2]&long != 0; p.long {
		if len(b) < 4 {
			return picture{}
		}
		next++
		p.id = binary.BigEndian.Uint16(b[2:]) & p.mask()
	} else {
		p.id = uint16(b[2])
	}
	p.at = 2
	if b[1]&based != 0 && int(next) < len(b) {
		p.base, p.based = b[next], next
	}
	return p
}

// pictureMunger renumbers pictures for one receiver, so that a change of layers leaves no gap and goes back nowhere: a decoder
// drops what seems to be older than what it has shown.
type pictureMunger struct {
	begun    bool
	shift    uint16
	baseBy   uint8
	last     uint16 // newest number given out
	lastBase uint8
}

// start goes on at p, right after what was sent before.
func (m *pictureMunger) start(p picture) {
	if p.at == 0 {
		return
	}
	if m.begun {
		m.shift, m.baseBy = m.last+1-p.id, m.lastBase+1-p.base
	}
	m.begun = true
	m.last, m.lastBase = (p.id+m.shift)&p.mask(), p.base+m.baseBy
}

// describe writes the numbers p has for this receiver into the payload.
func (m *pictureMunger) describe(p picture, payload []byte) {
	id := (p.id + m.shift) & p.mask()
	if p.long {
		binary.BigEndian.PutUint16(payload[p.at:], 1<<15|id)
	} else {
		payload[p.at] = byte(id)
	}
	if ahead := (id - m.last) & p.mask(); ahead != 0 && ahead <= p.mask()/2 {
		m.last = id
	}
	if p.based == 0 {
		return
	}
	base := p.base + m.baseBy
	payload[p.based] = base
	if int8(base-m.lastBase) > 0 {
		m.lastBase = base
	}
}

func vp8DescriptorLen(b []byte) int {
	const pictureID, long, tl0, tid, keyIdx = 0x80, 0x80, 0x40, 0x20, 0x10
	flags, at := b[1], 2
	if flags&pictureID != 0 {
		if at < len(b) && b[at]&long != 0 {
			at++
		}
		at++
	}
	if flags&tl0 != 0 {
		at++
	}
	if flags&(tid|keyIdx) != 0 {
		at++
	}
	return at
}

// startsVP9Key reads the descriptor of RFC 9628 §4.2: not predicted from another picture, first packet of the frame, lowest spatial
// layer.
func startsVP9Key(b []byte) bool {
	const picture, predicted, layers, start, long = 0x80, 0x40, 0x20, 0x08, 0x80
	if len(b) == 0 || b[0]&predicted != 0 || b[0]&start == 0 {
		return false
	}
	if b[0]&layers == 0 {
		return true
	}
	at := 1
	if b[0]&picture != 0 {
		if at < len(b) && b[at]&long != 0 {
			at++
		}
		at++
	}
	return at < len(b) && b[at]>>1&0x07 == 0
}
