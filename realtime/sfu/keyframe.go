package sfu

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
