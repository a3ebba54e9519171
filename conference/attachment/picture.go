package attachment

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
)

// maxPoints of a picture: what the larger telephones take. A small file can unpack to far more, so it is asked before anything is
// unpacked; at most eight bytes each are needed then.
const maxPoints = 20 << 20

// makePicture unpacks a picture and packs its points again, as people see it: turned as its camera says. Nothing else of the file
// remains.
func makePicture(raw []byte) (Clean, error) {
	c, format, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return Clean{}, Refused("broken")
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxPoints/c.Height {
		return Clean{}, Refused("dimensions")
	}
	points, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return Clean{}, Refused("broken")
	}
	var b bytes.Buffer
	kind := PNG
	if format == "jpeg" {
		kind = JPEG
		err = jpeg.Encode(&b, turned(points, orientation(raw)), &jpeg.Options{Quality: 88})
	} else {
		err = png.Encode(&b, points)
	}
	if err != nil {
		return Clean{}, Refused("broken")
	}
	return Clean{Kind: kind, Data: b.Bytes(), Pages: 1, Unread: true}, nil
}

// turned gives the points as the orientation of a camera says they are meant: 1…8, as of Exif 2.3 §4.6.4.
func turned(m image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return m
	}
	from := m.Bounds()
	w, h := from.Dx(), from.Dy()
	size := image.Rect(0, 0, w, h)
	if orientation > 4 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			fx, fy := x, y
			if orientation > 4 {
				fx, fy = y, x
			}
			switch orientation {
			case 2, 7, 3, 8:
				fx = w - 1 - fx
			}
			switch orientation {
			case 3, 4, 6, 7:
				fy = h - 1 - fy
			}
			to.Set(x, y, m.At(from.Min.X+fx, from.Min.Y+fy))
		}
	}
	return to
}

// orientation reads how a camera was held out of the Exif part of a JPEG file; 1, upright, when there is none or it is not to be
// understood.
func orientation(raw []byte) int {
	upright := 1
	segments(raw, func(marker byte, body []byte) {
		exif, is := bytes.CutPrefix(body, []byte("Exif\x00\x00"))
		if marker != 0xe1 || !is || len(exif) < 8 {
			return
		}
		var order binary.ByteOrder = binary.BigEndian
		if exif[0] == 'I' {
			order = binary.LittleEndian
		}
		at := int(order.Uint32(exif[4:]))
		if at < 8 || at+2 > len(exif) {
			return
		}
		entries := exif[at+2:]
		for range min(int(order.Uint16(exif[at:])), len(entries)/12) {
			if order.Uint16(entries) == 0x0112 {
				upright = int(order.Uint16(entries[8:]))
			}
			entries = entries[12:]
		}
	})
	return upright
}

// segments calls do with each segment of a JPEG file before its points, and returns where those begin; 0 when it is none.
func segments(raw []byte, do func(marker byte, body []byte)) int {
	at := 2
	for at+4 <= len(raw) && raw[at] == 0xff {
		marker, n := raw[at+1], int(binary.BigEndian.Uint16(raw[at+2:]))
		if n < 2 || at+2+n > len(raw) {
			return 0
		}
		if marker == 0xda {
			return at
		}
		do(marker, raw[at+4:at+2+n])
		at += 2 + n
	}
	return 0
}

// withoutNotes takes the segments for notes (Exif, XMP, comments) out of a JPEG picture within a document, where its points cannot be
// packed again without changing its colours. nil when it is not understood.
func withoutNotes(raw []byte) []byte {
	if !bytes.HasPrefix(raw, []byte{0xff, 0xd8}) {
		return nil
	}
	kept := []byte{0xff, 0xd8}
	points := segments(raw, func(marker byte, body []byte) {
		note := marker == 0xfe || marker > 0xe0 && marker <= 0xef && marker != 0xee // 0xee says how colours are mixed
		if !note {
			kept = append(binary.BigEndian.AppendUint16(append(kept, 0xff, marker), uint16(len(body)+2)), body...)
		}
	})
	if points == 0 {
		return nil
	}
	rest := raw[points:]
	if end := bytes.LastIndex(rest, []byte{0xff, 0xd9}); end >= 0 {
		rest = rest[:end+2] // what stands behind the picture is not part of it
	}
	return append(kept, rest...)
}
