// Package attachment makes what people attach to a case harmless: it recognises pictures and PDF documents by their bytes, builds
// them anew without anything that nobody sees (metadata, scripts, embedded files, comments), and reads what text they have.
//
// It takes bytes and gives bytes; it knows no case, no person and no database. What it cannot build anew it refuses, and what it cannot
// read it says so. Everything is bounded: by size, by points of a picture, by pages and by what unpacks out of a document.
package attachment

import "bytes"

// MaxUpload is the most that is taken, in bytes: a photo of a page by a telephone, or a report of some dozen pages.
const MaxUpload = 8 << 20

// Kinds of what is kept, as MIME types.
const (
	PNG  = "image/png"
	JPEG = "image/jpeg"
	PDF  = "application/pdf"
)

// Refused says why something is not taken: size, kind, broken, dimensions, pages, encrypted, active (scripts, embedded files),
// layers (form fields, comments: what is drawn over the pages), inside (a picture format that is not built anew).
type Refused string

func (r Refused) Error() string { return "attachment refused: " + string(r) }

// Clean is an attachment as it may be kept.
type Clean struct {
	Kind   string // PNG, JPEG or PDF
	Data   []byte
	Pages  int    // of a document; 1 for a picture
	Text   string // what can be read, of all pages
	Unread bool   // there is something in it that cannot be read as text, such as a picture: somebody has to look
}

// Make recognises raw by its first bytes and builds it anew. Whatever a name or a header says about it does not count. The error is a
// Refused.
func Make(raw []byte) (Clean, error) {
	switch {
	case len(raw) == 0 || len(raw) > MaxUpload:
		return Clean{}, Refused("size")
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")), bytes.HasPrefix(raw, []byte{0xff, 0xd8, 0xff}):
		return makePicture(raw)
	case bytes.HasPrefix(raw, []byte("%PDF-")):
		return makeDocument(raw)
	}
	return Clean{}, Refused("kind")
}
