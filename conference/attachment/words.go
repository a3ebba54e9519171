package attachment

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// reader reads the words of pages, §9.4, in the order in which they are drawn.
type reader struct {
	d      *document
	out    strings.Builder
	unread bool // a picture, or letters that nobody says the meaning of
	fonts  map[ref]*font
}

// font says what the bytes of a string mean.
type font struct {
	wide    bool // two bytes each
	means   map[int]string
	latin   bool // what means does not say is Windows' Latin
	unknown bool
}

func (r *reader) page(p page) {
	before := r.out.Len()
	var all []byte
	switch c := r.d.value(p.dict["Contents"]).(type) {
	case stream:
		all = r.plain(c)
	case array:
		for _, v := range c {
			if s, is := r.d.value(v).(stream); is {
				all = append(append(all, r.plain(s)...), '\n')
			}
		}
	}
	r.words(all, r.d.dict(p.dict["Resources"]), 0)
	if strings.IndexFunc(r.out.String()[before:], unicode.IsLetter) < 0 {
		r.unread = true // a scan, or letters drawn as lines
	}
	r.out.WriteString("\n\n")
}

func (r *reader) plain(s stream) []byte {
	b, ok := r.d.unpack(s)
	if !ok {
		r.unread = true
	}
	return b
}

// words follows the operators of a page, or of a form within it, that show text.
func (r *reader) words(content []byte, resources dict, depth int) {
	s := script{reader: r, resources: resources, depth: depth, l: &lexer{content, 0}}
	var operands []any
	for {
		v := s.l.next(0, false)
		if _, over := v.(end); over {
			return
		}
		if op, is := v.(keyword); is {
			s.do(op, operands)
			operands = operands[:0]
		} else if operands = append(operands, v); len(operands) > 64 {
			operands = operands[1:]
		}
	}
}

// script is a content stream while it is read.
type script struct {
	*reader
	resources dict
	depth     int
	l         *lexer
	f         *font
	line      float64 // where the last line stood
}

// do follows one operator. ISO 32000-1, Annex A.
func (s *script) do(op keyword, operands []any) {
	var last any
	if len(operands) > 0 {
		last = operands[len(operands)-1]
	}
	switch op {
	case "Tf":
		if len(operands) >= 2 {
			s.f = s.font(s.resources, operands[len(operands)-2])
		}
	case "Tj":
		s.show(s.f, last)
	case "'", `"`:
		s.out.WriteByte('\n')
		s.show(s.f, last)
	case "TJ":
		parts, _ := last.(array)
		for _, part := range parts {
			if n, is := part.(number); is && n.float() < -180 {
				s.out.WriteByte(' ') // a gap as wide as a blank
			}
			s.show(s.f, part)
		}
	case "Td", "TD", "Tm":
		n, _ := last.(number)
		s.moved(op == "Tm", n.float())
	case "T*":
		s.out.WriteByte('\n')
	case "BT":
		s.out.WriteByte(' ')
	case "BDC", "DP":
		s.unshown(last)
	case "Do":
		s.draw(s.resources, last, s.depth)
	case "BI": // a picture in the middle of the words
		s.unread = true
		if i := bytes.Index(s.l.data[s.l.at:], []byte("EI")); i >= 0 {
			s.l.at += i + 2
		}
	}
}

// moved parts what stands on different lines, and what stands apart on one. y is the height of a line, or how far from the last one it is.
func (s *script) moved(absolute bool, y float64) {
	switch {
	case absolute && y != s.line || !absolute && y != 0:
		s.out.WriteByte('\n')
		s.line = y
	case !absolute:
		s.out.WriteByte(' ')
	}
}

// unshown reads what stands behind the marks of a page for other programs: the text that a picture of letters stands for.
func (r *reader) unshown(v any) {
	marks, _ := v.(dict)
	for _, of := range marks {
		s, is := of.(text)
		if !is {
			continue
		}
		if utf, wide := bytes.CutPrefix(s, []byte{0xfe, 0xff}); wide {
			r.out.WriteString(utf16Text(text(utf)) + " ")
			continue
		}
		for _, c := range s {
			r.out.WriteRune(latin(c))
		}
		r.out.WriteByte(' ')
	}
}

// draw follows a form; a picture cannot be read.
func (r *reader) draw(resources dict, of any, depth int) {
	called, _ := of.(name)
	s, is := r.d.value(r.d.dict(resources["XObject"])[called]).(stream)
	if !is || s.dict["Subtype"] != name("Form") || depth > 6 {
		r.unread = true
		return
	}
	own := r.d.dict(s.dict["Resources"])
	if own == nil {
		own = resources
	}
	r.words(r.plain(s), own, depth+1)
}

func (r *reader) show(f *font, v any) {
	s, is := v.(text)
	if !is || len(s) == 0 {
		return
	}
	if f == nil || f.unknown {
		r.unread = true
		return
	}
	step := 1
	if f.wide {
		step = 2
	}
	for i := 0; i+step <= len(s); i += step {
		code := int(s[i])
		if f.wide {
			code = code<<8 | int(s[i+1])
		}
		switch said, known := f.means[code]; {
		case known:
			r.out.WriteString(said)
		case f.latin:
			r.out.WriteRune(latin(byte(code)))
		default:
			r.unread = true
		}
	}
}

// font finds out what the strings of a font mean: as the document says, or as Windows' Latin where its own coding is near enough.
func (r *reader) font(resources dict, called any) *font {
	key, _ := called.(name)
	entry := r.d.dict(resources["Font"])[key]
	at, shared := entry.(ref)
	if f := r.fonts[at]; shared && f != nil {
		return f
	}
	head := r.d.dict(entry)
	f := &font{means: map[int]string{}, wide: head["Subtype"] == name("Type0")}
	if s, is := r.d.value(head["ToUnicode"]).(stream); is {
		f.meaning(r.plain(s))
	} else {
		f.named(r.d, head)
	}
	if shared {
		if r.fonts == nil {
			r.fonts = map[ref]*font{}
		}
		r.fonts[at] = f
	}
	return f
}

// named takes the coding of a font that has no table of meanings: Windows' Latin with the differences that the document names.
func (f *font) named(d *document, head dict) {
	coding := d.value(head["Encoding"])
	if f.wide || head["Subtype"] == name("Type3") || head == nil || coding == name("MacRomanEncoding") || coding == name("MacExpertEncoding") {
		f.unknown = true
		return
	}
	f.latin = true
	differences, _ := d.value(d.dict(coding)["Differences"]).(array)
	code := 0
	for _, v := range differences {
		switch v := v.(type) {
		case number:
			code = v.int()
		case name:
			said, known := glyphs[v]
			if !known && len(v) == 1 {
				said, known = string(v), true
			}
			if known {
				f.means[code] = said
			} else {
				f.unknown = true
			}
			code++
		}
	}
}

// latin is what a byte means in Windows' Latin, code page 1252.
func latin(c byte) rune {
	if c < 0x80 || c > 0x9f {
		return rune(c)
	}
	return []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")[c-0x80]
}

// glyphs are the names of letters and signs that German texts have, of Adobe's list.
var glyphs = map[name]string{
	"space": " ", "hyphen": "-", "period": ".", "comma": ",", "colon": ":", "semicolon": ";", "slash": "/", "parenleft": "(", "parenright": ")",
	"quotesingle": "'", "quotedbl": `"`, "quoteright": "’", "quoteleft": "‘", "quotedblbase": "„", "quotedblleft": "“", "quotedblright": "”",
	"endash": "–", "emdash": "—", "bullet": "•", "plus": "+", "equal": "=", "percent": "%", "ampersand": "&", "at": "@", "underscore": "_",
	"question": "?", "exclam": "!", "section": "§", "degree": "°", "Euro": "€", "numbersign": "#", "asterisk": "*",
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"adieresis": "ä", "odieresis": "ö", "udieresis": "ü", "Adieresis": "Ä", "Odieresis": "Ö", "Udieresis": "Ü", "germandbls": "ß",
	"eacute": "é", "egrave": "è", "agrave": "à", "aacute": "á", "ccedilla": "ç", "fi": "fi", "fl": "fl", "ff": "ff", "ffi": "ffi", "ffl": "ffl",
}

// meaning reads a table of meanings, §9.10.3.
func (f *font) meaning(table []byte) {
	l := &lexer{table, 0}
	var kept []any
	for len(f.means) < 1<<16 {
		v := l.next(0, false)
		if _, over := v.(end); over {
			return
		}
		op, is := v.(keyword)
		if !is {
			kept = append(kept, v)
			continue
		}
		switch op {
		case "endcodespacerange":
			if first, is := slices.Concat(kept, []any{nil})[0].(text); is {
				f.wide = len(first) == 2
			}
		case "endbfchar":
			for ; len(kept) >= 2; kept = kept[2:] {
				f.means[code(kept[0])] = utf16Text(kept[1])
			}
		case "endbfrange":
			for ; len(kept) >= 3; kept = kept[3:] {
				f.between(code(kept[0]), code(kept[1]), kept[2])
			}
		}
		kept = kept[:0]
	}
}

func (f *font) between(from, to int, means any) {
	to = min(to, from+0xffff)
	if each, is := means.(array); is {
		for i := from; i <= to && i-from < len(each); i++ {
			f.means[i] = utf16Text(each[i-from])
		}
		return
	}
	first := []rune(utf16Text(means))
	if len(first) == 0 {
		return
	}
	for i := from; i <= to; i++ {
		next := slices.Clone(first)
		next[len(next)-1] += rune(i - from)
		f.means[i] = string(next)
	}
}

func code(v any) int {
	n := 0
	s, _ := v.(text)
	for _, c := range s[:min(len(s), 2)] {
		n = n<<8 | int(c)
	}
	return n
}

func utf16Text(v any) string {
	s, _ := v.(text)
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return string(utf16.Decode(units))
}
