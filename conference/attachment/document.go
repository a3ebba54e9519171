package attachment

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
)

const (
	maxPages    = 60
	maxObjects  = 50_000
	maxUnpacked = 48 << 20 // of everything in a document together
)

// document is a PDF document as its objects. The table of contents at its end is not believed: objects are read one after the
// other, and a later one of the same number counts, as it does after changes that were appended.
type document struct {
	objects map[ref]any
	root    any
	left    int // bytes that may still be unpacked
}

var begins = regexp.MustCompile(`(?:^|[\s\x00>])(\d{1,9})[\s\x00]+\d{1,5}[\s\x00]+obj\b|\btrailer\b`)

func read(raw []byte) (*document, error) {
	d := &document{objects: map[ref]any{}, left: maxUnpacked}
	var packed []stream
	for at := 0; ; {
		m := begins.FindSubmatchIndex(raw[at:])
		if m == nil {
			break
		}
		l := &lexer{raw, at + m[1]}
		v := l.next(0, true)
		if m[2] < 0 { // trailer
			d.trailer(v)
			at = max(l.at, at+m[1])
			continue
		}
		id, _ := strconv.Atoi(string(raw[at+m[2] : at+m[3]]))
		if head, is := v.(dict); is {
			if s, is := l.stream(head); is {
				v = s
				switch head["Type"] {
				case name("XRef"):
					d.trailer(head)
				case name("ObjStm"):
					packed = append(packed, s)
				}
			}
		}
		if len(d.objects) >= maxObjects {
			return nil, Refused("pages")
		}
		d.objects[ref(id)] = v
		at = max(l.at, at+m[1])
	}
	if d.root == nil {
		return nil, Refused("broken")
	}
	if d.root == "encrypted" {
		return nil, Refused("encrypted")
	}
	for _, s := range packed {
		if err := d.unpackObjects(s); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// trailer keeps where the document begins, and whether it is encrypted.
func (d *document) trailer(v any) {
	t, is := v.(dict)
	if !is {
		return
	}
	if t["Encrypt"] != nil {
		d.root = "encrypted"
	}
	if r := t["Root"]; r != nil && d.root != "encrypted" {
		d.root = r
	}
}

// stream reads the bytes behind a dictionary, if there are any. Its length is believed only when the end stands there.
func (l *lexer) stream(head dict) (stream, bool) {
	at := l.at
	l.skip()
	rest, is := bytes.CutPrefix(l.data[l.at:], []byte("stream"))
	if !is {
		l.at = at
		return stream{}, false
	}
	rest, _ = bytes.CutPrefix(rest, []byte("\r"))
	rest, _ = bytes.CutPrefix(rest, []byte("\n"))
	from := len(l.data) - len(rest)
	if n, is := head["Length"].(number); is && n.int() >= 0 && n.int() <= len(rest) {
		if bytes.HasPrefix(bytes.TrimLeft(rest[n.int():], "\r\n \t"), []byte("endstream")) {
			l.at = from + n.int()
			return stream{head, rest[:n.int()]}, true
		}
	}
	n := bytes.Index(rest, []byte("endstream"))
	if n < 0 {
		l.at = len(l.data)
		return stream{}, false
	}
	l.at = from + n
	return stream{head, bytes.TrimRight(rest[:n], "\r\n")}, true
}

// unpackObjects reads the objects within a stream, §7.5.7. One that stands outside counts as the later.
func (d *document) unpackObjects(s stream) error {
	plain, ok := d.unpack(s)
	if !ok {
		return Refused("broken")
	}
	n, _ := d.value(s.dict["N"]).(number)
	first, _ := d.value(s.dict["First"]).(number)
	if first.int() < 0 || first.int() > len(plain) {
		return Refused("broken")
	}
	heads := &lexer{plain[:first.int()], 0}
	for range min(n.int(), maxObjects) {
		id, is := heads.next(0, false).(number)
		at, is2 := heads.next(0, false).(number)
		if !is || !is2 || at.int() < 0 || first.int()+at.int() > len(plain) {
			return Refused("broken")
		}
		if _, there := d.objects[ref(id.int())]; !there {
			d.objects[ref(id.int())] = (&lexer{plain, first.int() + at.int()}).next(0, true)
		}
		if len(d.objects) > maxObjects {
			return Refused("pages")
		}
	}
	return nil
}

// value follows references.
func (d *document) value(v any) any {
	for range 8 {
		r, is := v.(ref)
		if !is {
			return v
		}
		v = d.objects[r]
	}
	return nil
}

func (d *document) dict(v any) dict {
	switch v := d.value(v).(type) {
	case dict:
		return v
	case stream:
		return v.dict
	}
	return nil
}

// filters are the names of how a stream is packed, outermost first.
func (d *document) filters(s stream) []name {
	switch f := d.value(s.dict["Filter"]).(type) {
	case name:
		return []name{f}
	case array:
		names := make([]name, len(f))
		for i, v := range f {
			names[i], _ = d.value(v).(name)
		}
		return names
	}
	return nil
}

// unpack gives the bytes of a stream that is not packed or by Flate alone, without predictors; others are for pictures.
func (d *document) unpack(s stream) ([]byte, bool) {
	filters := d.filters(s)
	switch {
	case len(filters) == 0:
		return s.raw, true
	case len(filters) > 1 || filters[0] != "FlateDecode" && filters[0] != "Fl":
		return nil, false
	}
	if p, is := d.value(d.dict(s.dict["DecodeParms"])["Predictor"]).(number); is && p.int() > 1 {
		return nil, false
	}
	z, err := zlib.NewReader(bytes.NewReader(s.raw))
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(z, int64(d.left)+1))
	d.left -= len(plain)
	if d.left < 0 || err != nil && len(plain) == 0 {
		return nil, false
	}
	return plain, true // a broken end is common, and what was read is what viewers show
}

// page is a page with what it inherits.
type page struct{ dict dict }

// inherited are the entries that a page may have from above, §7.7.3.4.
var inherited = []name{"Resources", "MediaBox", "CropBox", "Rotate"}

func (d *document) pages() ([]page, error) {
	var found []page
	seen := map[ref]bool{}
	var walk func(v any, above dict, depth int) error
	walk = func(v any, above dict, depth int) error {
		if r, is := v.(ref); is {
			if seen[r] {
				return Refused("broken")
			}
			seen[r] = true
		}
		node := d.dict(v)
		if node == nil || depth > maxDepth {
			return Refused("broken")
		}
		has := dict{}
		for _, k := range inherited {
			if has[k] = node[k]; has[k] == nil {
				has[k] = above[k]
			}
		}
		kids, inner := d.value(node["Kids"]).(array)
		if !inner {
			has["Contents"], has["Annots"] = node["Contents"], node["Annots"]
			found = append(found, page{has})
		}
		if len(found) > maxPages {
			return Refused("pages")
		}
		for _, k := range kids {
			if err := walk(k, has, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	root := d.dict(d.root)
	if root == nil {
		return nil, Refused("broken")
	}
	if err := walk(root["Pages"], dict{}, 0); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, Refused("broken")
	}
	return found, nil
}

// acts are entries of a document that make it do something, or carry other files.
var acts = []name{"JS", "JavaScript", "EmbeddedFiles", "EmbeddedFile", "EF", "RichMedia", "Launch", "XFA"}

// active says that something in the document acts or carries files, be it reachable or not.
func (d *document) active() bool {
	for _, v := range d.objects {
		if acting(v) {
			return true
		}
	}
	return false
}

func acting(v any) bool {
	switch v := v.(type) {
	case stream:
		return acting(v.dict)
	case array:
		return slices.ContainsFunc(v, acting)
	case dict:
		for k, inner := range v {
			word, is := inner.(name)
			if slices.Contains(acts, k) || is && (k == "S" || k == "Type" || k == "Subtype") && slices.Contains(acts, word) || acting(inner) {
				return true
			}
		}
	}
	return false
}

// layered says that something is drawn over a page: a form field, a comment, a stamp. A link is not drawn.
func (d *document) layered(p page) bool {
	notes, _ := d.value(p.dict["Annots"]).(array)
	return slices.ContainsFunc(notes, func(v any) bool {
		n := d.dict(v)
		return n != nil && n["Subtype"] != name("Link") && n["Subtype"] != name("Popup")
	})
}

// makeDocument writes the pages of a document into a new one: what is drawn on them and what that needs, and nothing else.
func makeDocument(raw []byte) (Clean, error) {
	d, err := read(raw)
	if err != nil {
		return Clean{}, err
	}
	if d.active() {
		return Clean{}, Refused("active")
	}
	pages, err := d.pages()
	if err != nil {
		return Clean{}, err
	}
	if slices.ContainsFunc(pages, d.layered) {
		return Clean{}, Refused("layers")
	}
	w := &writer{d: d, number: map[ref]int{}}
	out, err := w.write(pages)
	if err != nil {
		return Clean{}, err
	}
	words := &reader{d: d}
	for _, p := range pages {
		words.page(p)
	}
	return Clean{Kind: PDF, Data: out, Pages: len(pages), Text: words.out.String(), Unread: words.unread}, nil
}

// unseen are entries that say something about what they stand in and draw nothing.
var unseen = []name{
	"Metadata", "PieceInfo", "LastModified", "StructParent", "StructParents", "OC", "Properties", "OPI", "Alternates", "Parent", "Measure", "PtData",
}

// writer builds a new document out of parts of another.
type writer struct {
	d      *document
	out    bytes.Buffer
	number map[ref]int // in the new document; 1 is the root, 2 the pages
	todo   []ref
	at     []int // where each object begins
	failed error
}

func (w *writer) write(pages []page) ([]byte, error) {
	w.out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	first := 3
	kids := make([]byte, 0, 16*len(pages))
	for i := range pages {
		kids = fmt.Appendf(kids, "%d 0 R ", first+i)
	}
	w.begin(1, "<</Type/Catalog/Pages 2 0 R>>")
	w.begin(2, fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(pages), kids))
	next := first + len(pages)
	for i, p := range pages {
		delete(p.dict, "Annots")
		w.begin(first+i, "")
		w.out.WriteString("<</Type/Page/Parent 2 0 R")
		next = w.entries(p.dict, next)
		w.out.WriteString(">>\nendobj\n")
	}
	for len(w.todo) > 0 && w.failed == nil {
		r := w.todo[0]
		w.todo = w.todo[1:]
		w.begin(w.number[r], "")
		next = w.value(w.d.value(r), next)
		w.out.WriteString("\nendobj\n")
	}
	if w.failed != nil {
		return nil, w.failed
	}
	return w.end(next), nil
}

// begin writes the head of an object, and all of it when its body is there.
func (w *writer) begin(n int, body string) {
	for len(w.at) <= n {
		w.at = append(w.at, 0)
	}
	w.at[n] = w.out.Len()
	fmt.Fprintf(&w.out, "%d 0 obj\n", n)
	if body != "" {
		w.out.WriteString(body + "\nendobj\n")
	}
}

// end writes the table of contents, §7.5.4, without a word about who made the document, or when.
func (w *writer) end(size int) []byte {
	table := w.out.Len()
	fmt.Fprintf(&w.out, "xref\n0 %d\n0000000000 65535 f \n", size)
	for n := 1; n < size; n++ {
		fmt.Fprintf(&w.out, "%010d 00000 n \n", w.at[n])
	}
	fmt.Fprintf(&w.out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", size, table)
	return w.out.Bytes()
}

// value writes v; references lead to objects of the new document, which are numbered from next on. It returns the next number.
func (w *writer) value(v any, next int) int {
	switch v := v.(type) {
	case nil, end:
		w.out.WriteString("null")
	case bool:
		fmt.Fprint(&w.out, v)
	case number:
		w.out.WriteString(string(v))
	case name:
		w.name(v)
	case text:
		fmt.Fprintf(&w.out, "<%x>", []byte(v))
	case ref:
		n, known := w.number[v]
		if !known {
			n, next = next, next+1
			w.number[v] = n
			w.todo = append(w.todo, v)
		}
		fmt.Fprintf(&w.out, "%d 0 R", n)
	case array:
		w.out.WriteByte('[')
		for _, inner := range v {
			next = w.value(inner, next)
			w.out.WriteByte(' ')
		}
		w.out.WriteByte(']')
	case dict:
		w.out.WriteString("<<")
		next = w.entries(v, next)
		w.out.WriteString(">>")
	case stream:
		next = w.stream(v, next)
	default:
		w.failed = Refused("broken")
	}
	return next
}

func (w *writer) entries(d dict, next int) int {
	keys := make([]name, 0, len(d))
	for k, v := range d {
		if v != nil && !slices.Contains(unseen, k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		w.name(k)
		w.out.WriteByte(' ')
		next = w.value(d[k], next)
	}
	return next
}

func (w *writer) name(n name) {
	w.out.WriteByte('/')
	for _, c := range []byte(n) {
		if c <= ' ' || c > '~' || c == '#' || delimiter(c) {
			fmt.Fprintf(&w.out, "#%02x", c)
		} else {
			w.out.WriteByte(c)
		}
	}
}

func (w *writer) stream(s stream, next int) int {
	raw := s.raw
	filters := w.d.filters(s)
	switch {
	case slices.Contains(filters, "JPXDecode"):
		w.failed = Refused("inside")
	case slices.Equal(filters, []name{"DCTDecode"}):
		if raw = withoutNotes(raw); raw == nil {
			w.failed = Refused("inside")
		}
	case slices.Contains(filters, "DCTDecode"):
		w.failed = Refused("inside")
	case slices.Contains(filters, "Crypt"):
		w.failed = Refused("encrypted")
	}
	head := dict{}
	for k, v := range s.dict {
		if k != "F" && k != "FFilter" && k != "FDecodeParms" { // bytes of another file
			head[k] = v
		}
	}
	head["Length"] = number(strconv.Itoa(len(raw)))
	w.out.WriteString("<<")
	next = w.entries(head, next)
	w.out.WriteString(">>stream\n")
	w.out.Write(raw)
	w.out.WriteString("\nendstream")
	return next
}
