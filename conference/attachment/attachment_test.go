package attachment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// hidden stands for everything in a file that nobody sees and that must not remain.
const hidden = "Mustermann"

// dotted is a picture with its left half dark.
func dotted(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{255, 255, 255, 255}
			if x < w/2 {
				c = color.RGBA{0, 0, 0, 255}
			}
			m.Set(x, y, c)
		}
	}
	return m
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// photo is a JPEG file with the notes of a camera: how it was held, and a name.
func photo(m image.Image, orientation uint16) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	exif := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	exif = binary.BigEndian.AppendUint16(exif, orientation)
	exif = append(exif, "\x00\x00\x00\x00\x00\x00"+hidden...)
	note := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
	return append(append(append([]byte{0xff, 0xd8}, note...), exif...), b.Bytes()[2:]...)
}

func made(t *testing.T, raw []byte) Clean {
	t.Helper()
	c, err := Make(raw)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(c.Data, []byte(hidden)) {
		t.Error("what nobody sees is still in it")
	}
	return c
}

func TestAPictureKeepsItsPointsAndNothingElse(t *testing.T) {
	t.Parallel()
	c := made(t, photo(dotted(40, 20), 1))
	if c.Kind != JPEG || !c.Unread || c.Pages != 1 {
		t.Errorf("%+v", c)
	}
	raw := pngOf(dotted(30, 20))
	note := []byte("tEXtName\x00" + hidden)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(note)-4))
	chunk = binary.BigEndian.AppendUint32(append(chunk, note...), crc32.ChecksumIEEE(note))
	raw = bytes.Replace(raw, []byte("\x00\x00\x00\x00IEND"), append(chunk, "\x00\x00\x00\x00IEND"...), 1)
	if c := made(t, append(raw, hidden...)); c.Kind != PNG {
		t.Errorf("%+v", c)
	}
}

func TestAPhotoStandsAsTheCameraWasHeld(t *testing.T) {
	t.Parallel()
	for orientation, dark := range map[uint16]image.Point{1: {5, 10}, 2: {35, 10}, 3: {35, 10}, 4: {5, 10}, 5: {10, 5}, 6: {10, 5}, 7: {10, 35}, 8: {10, 35}} {
		c := made(t, photo(dotted(40, 20), orientation))
		m, err := jpeg.Decode(bytes.NewReader(c.Data))
		if err != nil {
			t.Fatal(err)
		}
		if wide := m.Bounds().Dx() == 40; wide != (orientation < 5) {
			t.Errorf("orientation %d: %v", orientation, m.Bounds())
		}
		if y := color.GrayModel.Convert(m.At(dark.X, dark.Y)).(color.Gray).Y; y > 64 {
			t.Errorf("orientation %d: the dark half is not at %v", orientation, dark)
		}
	}
}

func TestWhatIsTooLargeOrNoPictureIsRefused(t *testing.T) {
	t.Parallel()
	huge := pngOf(dotted(2, 2))
	binary.BigEndian.PutUint32(huge[16:], 60_000) // says that it is 60 000 points wide and high
	binary.BigEndian.PutUint32(huge[20:], 60_000)
	binary.BigEndian.PutUint32(huge[29:], 0)
	for name, try := range map[string]struct {
		raw  []byte
		want Refused
	}{
		"nothing": {nil, "size"}, "too many bytes": {make([]byte, MaxUpload+1), "size"}, "a text": {[]byte("Guten Tag"), "kind"},
		"a page that calls itself a picture": {[]byte("<svg onload=alert(1)>"), "kind"}, "half a picture": {pngOf(dotted(9, 9))[:60], "broken"},
		"a head alone": {[]byte("\xff\xd8\xff\xe0"), "broken"}, "half a document": {[]byte("%PDF-1.4\n1 0 obj <<"), "broken"},
	} {
		if _, err := Make(try.raw); err != try.want {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
	if _, err := Make(huge); err != Refused("dimensions") && err != Refused("broken") {
		t.Errorf("a bomb: %v", err)
	}
	if _, err := Make(pngOf(image.NewGray(image.Rect(0, 0, 5000, 5000)))); err != Refused("dimensions") {
		t.Errorf("25 million points in a small file: %v", err)
	}
}

// pdf writes objects as a document, from number 1 on; the first is its root.
func pdf(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	fmt.Fprintf(&b, "trailer\n<</Root 1 0 R/Info<</Author(%s)>>>>\n%%%%EOF\n", hidden)
	return b.Bytes()
}

func streamed(head, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", head, len(data), data)
}

const (
	root  = `<</Type/Catalog/Pages 2 0 R/Metadata 9 0 R>>`
	pages = `<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 200 200]>>`
	leaf  = `<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>/PieceInfo<</X(Mustermann)>>>>`
	plain = `<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>`
)

func TestADocumentKeepsItsPagesAndItsWordsAreRead(t *testing.T) {
	t.Parallel()
	meta := streamed("/Type/Metadata/Subtype/XML", "<x>"+hidden+"</x>")
	c := made(t, pdf(root, pages, leaf, streamed("", "BT /F1 12 Tf 10 100 Td [(Be)20(fund vom M\xe4rz)-400(bei)]TJ 0 -14 Td (Frau Quast \\(neu\\)) Tj ET"), plain, "null", "null", "null", meta))
	if c.Kind != PDF || c.Pages != 1 || c.Unread {
		t.Errorf("%+v", c)
	}
	if got := strings.Join(strings.Fields(c.Text), " "); got != "Befund vom März bei Frau Quast (neu)" {
		t.Errorf("read %q", got)
	}
	again := made(t, c.Data) // what was made is a document that can be read in the same way
	if again.Text != c.Text || !bytes.Equal(again.Data, c.Data) {
		t.Errorf("made again it is another: %q", again.Text)
	}
	for _, word := range []string{"/Info", "Metadata", "PieceInfo", "/ID"} {
		if bytes.Contains(c.Data, []byte(word)) {
			t.Errorf("%s is still in it", word)
		}
	}
}

func TestPagesAreReadOneByOne(t *testing.T) {
	t.Parallel()
	two := `<</Type/Pages/Count 2/Kids[3 0 R 6 0 R]/MediaBox[0 0 200 200]>>`
	second := `<</Type/Page/Parent 2 0 R/Contents 7 0 R>>`
	c := made(t, pdf(root, two, leaf, streamed("", "BT /F1 12 Tf 10 100 Td (Erste  ) Tj (Zeile) Tj 0 -14 Td (zweite) Tj ET"), plain, second, streamed("", "0 0 10 10 re f")))
	read, err := Pages(c.Data)
	if err != nil || len(read) != 2 || read[0] != (Page{"Erste Zeile\nzweite", false}) || read[1] != (Page{"", true}) {
		t.Errorf("read %+v, %v", read, err)
	}
	if _, err := Pages([]byte("Guten Tag")); err == nil {
		t.Error("what is no document has pages")
	}
}

func TestALaterObjectCountsAndATableOfMeaningsIsFollowed(t *testing.T) {
	t.Parallel()
	table := streamed("", "1 begincodespacerange <0000><ffff> endcodespacerange 1 beginbfchar <0003><0020> endbfchar 1 beginbfrange <0010><0013><0041> endbfrange")
	font := `<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[7 0 R]>>`
	raw := pdf(root, pages, leaf, streamed("", "BT /F1 1 Tf (alt) Tj ET"), font, table, `<</Type/Font/Subtype/CIDFontType2>>`)
	raw = append(raw, "4 0 obj\n"+streamed("", "BT /F1 1 Tf <0010001100030013> Tj ET")+"\nendobj\n"...)
	c := made(t, raw)
	if got := strings.TrimSpace(c.Text); got != "AB D" || c.Unread {
		t.Errorf("read %q, unread %v", got, c.Unread)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	words := "BT /F1 1 Tf (Text) Tj ET "
	for name, raw := range map[string][]byte{
		"a page without letters":     pdf(root, pages, leaf, streamed("", "0 0 10 10 re f"), plain),
		"a picture beside the words": pdf(root, pages, strings.Replace(leaf, "/Font", "/XObject<</I 6 0 R>>/Font", 1), streamed("", words+"/I Do"), plain, streamed("/Subtype/Image/Width 1/Height 1", "x")),
		"a picture within the words": pdf(root, pages, leaf, streamed("", words+"BI /W 1 /H 1 ID x EI"), plain),
		"letters without a meaning":  pdf(root, pages, leaf, streamed("", words), `<</Type/Font/Subtype/Type0/Encoding/Identity-H>>`),
		"packed as we do not unpack": pdf(root, pages, leaf, streamed("/Filter/LZWDecode", words), plain),
	} {
		if c := made(t, raw); !c.Unread {
			t.Errorf("%s passes as read: %q", name, c.Text)
		}
	}
	c := made(t, pdf(root, pages, leaf, streamed("", words+"/Span <</ActualText(Quast)>> BDC EMC"), plain))
	if !strings.Contains(c.Text, "Quast") {
		t.Errorf("a text for other programs is not read: %q", c.Text)
	}
}

func TestADocumentThatActsOrHidesSomethingIsRefused(t *testing.T) {
	t.Parallel()
	words := streamed("", "BT /F1 1 Tf (Text) Tj ET")
	photoInside := streamed("/Subtype/Image/Width 40/Height 20/Filter/DCTDecode", string(photo(dotted(40, 20), 1)))
	withPicture := strings.Replace(leaf, "/Font", "/XObject<</I 6 0 R>>/Font", 1)
	if c := made(t, pdf(root, pages, withPicture, words, plain, photoInside)); !bytes.Contains(c.Data, []byte{0xff, 0xd8}) {
		t.Error("the picture is gone")
	}
	for name, try := range map[string]struct {
		raw  []byte
		want Refused
	}{
		"a script":             {pdf(root, pages, leaf, words, plain, `<</S/JavaScript/JS(app.alert(1))>>`), "active"},
		"a file inside":        {pdf(root, pages, leaf, words, plain, `<</Type/Filespec/EF<</F 7 0 R>>>>`), "active"},
		"a form field":         {pdf(root, pages, strings.Replace(leaf, "/Contents", "/Annots[<</Subtype/Widget/V(x)>>]/Contents", 1), words, plain), "layers"},
		"a comment":            {pdf(root, pages, strings.Replace(leaf, "/Contents", "/Annots[6 0 R]/Contents", 1), words, plain, `<</Subtype/FreeText>>`), "layers"},
		"an encrypted one":     {append(pdf(root, pages, leaf, words, plain), "trailer<</Root 1 0 R/Encrypt 8 0 R>>"...), "encrypted"},
		"a circle of pages":    {pdf(root, `<</Type/Pages/Kids[2 0 R]>>`), "broken"},
		"no page":              {pdf(root, `<</Type/Pages/Kids[]>>`), "broken"},
		"too many pages":       {pdf(root, `<</Type/Pages/Kids[`+strings.Repeat("<</Type/Page>>", maxPages+1)+`]>>`), "pages"},
		"an unknown picture":   {pdf(root, pages, withPicture, words, plain, streamed("/Subtype/Image/Filter/JPXDecode", "x")), "inside"},
		"a photo that is none": {pdf(root, pages, withPicture, words, plain, streamed("/Subtype/Image/Filter/DCTDecode", "x")), "inside"},
	} {
		if _, err := Make(try.raw); err != try.want {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
}

func FuzzMake(f *testing.F) {
	f.Add(pdf(root, pages, leaf, streamed("", "BT /F1 12 Tf (x) Tj ET"), plain))
	f.Add(photo(dotted(4, 4), 6))
	f.Add(pngOf(dotted(3, 3)))
	f.Add([]byte("%PDF-1.4 1 0 obj [[[[<<<<((((\\"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Make(raw)
		var refused Refused
		if err != nil && !errors.As(err, &refused) || err == nil && len(c.Data) == 0 {
			t.Errorf("%v, %d bytes", err, len(c.Data))
		}
	})
}
