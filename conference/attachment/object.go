package attachment

import (
	"bytes"
	"slices"
	"strconv"
)

// The values of a PDF document, ISO 32000-1 §7.3: bool, nil, and these.
type (
	number  string // as it was written
	name    string
	text    []byte
	keyword string // an operator, or a word of the file's own structure
	ref     int    // to an object
	array   []any
	dict    map[name]any
	stream  struct {
		dict dict
		raw  []byte
	}
)

func (n number) int() int {
	i, err := strconv.Atoi(string(n))
	if err != nil {
		f, _ := strconv.ParseFloat(string(n), 64)
		return int(max(min(f, 1<<30), -1<<30))
	}
	return i
}

func (n number) float() float64 { f, _ := strconv.ParseFloat(string(n), 64); return f }

// maxDepth is how deep values may stand in each other.
const maxDepth = 40

// lexer reads values one by one. What it cannot read it skips; it never goes back more than a word, so it is linear.
type lexer struct {
	data []byte
	at   int
}

func blank(c byte) bool     { return c == ' ' || c >= 9 && c <= 13 && c != 11 || c == 0 }
func delimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

func (l *lexer) skip() {
	for l.at < len(l.data) {
		switch c := l.data[l.at]; {
		case blank(c):
			l.at++
		case c == '%':
			for l.at < len(l.data) && l.data[l.at] != '\n' && l.data[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// end is what next returns when there is nothing more.
type end struct{}

// next reads a value; within a document "1 0 R" is one, within the words of a page it is three.
func (l *lexer) next(depth int, refs bool) any {
	l.skip()
	if l.at >= len(l.data) || depth > maxDepth {
		l.at = len(l.data)
		return end{}
	}
	switch c := l.data[l.at]; {
	case c == '/':
		l.at++
		return l.name()
	case c == '(':
		l.at++
		return l.literal()
	case c == '<' && l.at+1 < len(l.data) && l.data[l.at+1] == '<':
		l.at += 2
		return l.dict(depth, refs)
	case c == '<':
		l.at++
		return l.hex()
	case c == '[':
		l.at++
		return l.array(depth, refs)
	case c == '>' && l.at+1 < len(l.data) && l.data[l.at+1] == '>':
		l.at += 2
		return keyword(">>")
	case delimiter(c):
		l.at++
		return keyword(c)
	}
	return l.word(refs)
}

func (l *lexer) regular() string {
	from := l.at
	for l.at < len(l.data) && !blank(l.data[l.at]) && !delimiter(l.data[l.at]) {
		l.at++
	}
	return string(l.data[from:l.at])
}

func (l *lexer) word(refs bool) any {
	w := l.regular()
	switch w {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if _, err := strconv.ParseFloat(w, 64); err != nil || w[0] == 'n' || w[0] == 'i' || w[0] == 'I' || w[0] == 'N' {
		return keyword(w)
	}
	if n, err := strconv.Atoi(w); refs && err == nil && n >= 0 {
		if after, ok := l.reference(); ok {
			l.at = after
			return ref(n)
		}
	}
	return number(w)
}

// reference says whether "0 R" follows, and where it ends.
func (l *lexer) reference() (int, bool) {
	try := lexer{l.data[:min(len(l.data), l.at+24)], l.at}
	try.skip()
	generation := try.regular()
	try.skip()
	if _, err := strconv.Atoi(generation); err != nil || try.regular() != "R" {
		return 0, false
	}
	return try.at, true
}

func (l *lexer) name() name {
	w := l.regular()
	for i := 0; i+2 < len(w); i++ {
		if w[i] != '#' {
			continue
		}
		if c, err := strconv.ParseUint(w[i+1:i+3], 16, 8); err == nil {
			w = w[:i] + string([]byte{byte(c)}) + w[i+3:]
		}
	}
	return name(w)
}

func (l *lexer) dict(depth int, refs bool) dict {
	d := dict{}
	for {
		key := l.next(depth+1, refs)
		switch k := key.(type) {
		case name:
			value := l.next(depth+1, refs)
			if value == keyword(">>") {
				return d
			}
			d[k] = value
		case end:
			return d
		case keyword:
			if k == ">>" {
				return d
			}
		}
	}
}

func (l *lexer) array(depth int, refs bool) array {
	var a array
	for {
		v := l.next(depth+1, refs)
		if _, over := v.(end); over || v == keyword("]") {
			return a
		}
		a = append(a, v)
	}
}

func (l *lexer) hex() text {
	closed := bytes.IndexByte(l.data[l.at:], '>')
	if closed < 0 {
		closed = len(l.data) - l.at
	}
	digits := slices.DeleteFunc(slices.Clone(l.data[l.at:l.at+closed]), blank)
	l.at = min(len(l.data), l.at+closed+1)
	if len(digits)%2 == 1 {
		digits = append(digits, '0')
	}
	out := make(text, 0, len(digits)/2)
	for i := 0; i < len(digits); i += 2 {
		c, _ := strconv.ParseUint(string(digits[i:i+2]), 16, 8)
		out = append(out, byte(c))
	}
	return out
}

// literal reads a string in brackets, §7.3.4.2.
func (l *lexer) literal() text {
	var out text
	for open := 1; l.at < len(l.data); l.at++ {
		switch c := l.data[l.at]; c {
		case '\\':
			l.at++
			out = l.escaped(out)
			continue
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				l.at++
				return out
			}
		}
		out = append(out, l.data[l.at])
	}
	l.at = len(l.data) // a backslash at the very end leads beyond it
	return out
}

// escaped adds what stands for the character behind a backslash.
func (l *lexer) escaped(out text) text {
	if l.at >= len(l.data) {
		return out
	}
	c := l.data[l.at]
	if i := bytes.IndexByte([]byte("nrtbf"), c); i >= 0 {
		return append(out, "\n\r\t\b\f"[i])
	}
	switch {
	case c == '\r' && l.at+1 < len(l.data) && l.data[l.at+1] == '\n':
		l.at++
		return out
	case c == '\n' || c == '\r':
		return out
	case c < '0' || c > '7':
		return append(out, c)
	}
	n := 0
	last := min(l.at+3, len(l.data))
	for ; l.at < last && l.data[l.at] >= '0' && l.data[l.at] <= '7'; l.at++ {
		n = n*8 + int(l.data[l.at]-'0')
	}
	l.at-- // the caller goes on by one
	return append(out, byte(n))
}
