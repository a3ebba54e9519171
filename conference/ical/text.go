package ical

import (
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line in octets without its CRLF. RFC 5545 §3.1
const maxLine = 75

// cleanText makes a text value safe to encode: valid UTF-8, newlines as \n, no control characters. It runs before
// encoding because a line that got in through a value looks genuine afterwards.
func cleanText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case r == '\t':
			return ' '
		case r != '\n' && isControl(r):
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// cleanName makes a display name safe as a parameter value. RFC 5545 has no way to write a double quote there, and
// the caret form of RFC 6868 is shown raw by common readers; so quotes turn typographic and carets go. Where a semicolon stands between
// quotes, as it may, node-ical ends the name there.
func cleanName(s string) string {
	open := false
	s = strings.Map(func(r rune) rune {
		switch r {
		case '"':
			open = !open
			if open {
				return '„'
			}
			return '“'
		case '^':
			return -1
		case ';':
			return ','
		case '\n':
			return ' '
		}
		return r
	}, cleanText(s))
	return strings.TrimSpace(cut(s, maxName))
}

// isControl reports C0, DEL and C1.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// cut shortens s to at most n octets without splitting a code point.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// escapeText writes a clean text as a TEXT value. RFC 5545 §3.3.11
func escapeText(s string) string { return textEscapes.Replace(s) }

var textEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// unescapeText reads a TEXT value. Unknown escapes stand for the character itself and a bare comma is kept: both
// are common in the wild and lose nothing.
func unescapeText(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'n' || s[i] == 'N' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// decodeCaret undoes RFC 6868 in parameter values of others.
func decodeCaret(s string) string {
	if strings.IndexByte(s, '^') < 0 {
		return s
	}
	return strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^").Replace(s)
}

// fold breaks content lines at 75 octets, never inside a code point. RFC 5545 §3.1
func fold(lines []string) []byte {
	var b []byte
	for _, line := range lines {
		room := maxLine
		for len(line) > room {
			head := cut(line, room)
			b = append(append(b, head...), "\r\n "...)
			line, room = line[len(head):], maxLine-1 // the leading blank counts
		}
		b = append(append(b, line...), "\r\n"...)
	}
	return b
}
