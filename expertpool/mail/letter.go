package mail

import (
	"html"
	"strings"
)

// Letter is the wording of a mail, written twice from one source: as plain text, complete on its own, and as quiet
// HTML with at most one button. It has no pictures and loads nothing, so opening it tells nobody anything.
type Letter struct {
	Lang   string   // language of the words, "de" if empty
	Lines  []string // paragraphs
	Button string   // label; empty: no button, as in a cancellation
	URL    string   // where the button leads, http or https
	Foot   []string // small print below
}

// Text returns the plain text, lines ending in \n.
func (l Letter) Text() string {
	parts := append([]string{}, l.Lines...)
	if l.hasButton() {
		parts = append(parts, l.Button+":\n"+l.URL)
	}
	if len(l.Foot) > 0 {
		parts = append(parts, strings.Join(l.Foot, "\n"))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// HTML returns a whole page with everything escaped. Styles stand at the elements because mail programs drop style
// sheets; text and button keep a contrast above 7:1, and the link stays underlined for those who see no colour.
func (l Letter) HTML() string {
	lang := l.Lang
	if lang == "" {
		lang = "de"
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"" + html.EscapeString(lang) + "\">\n<head><meta charset=\"utf-8\">" +
		"<meta name=\"viewport\" content=\"width=device-width\"><title>konsil</title></head>\n" +
		"<body style=\"margin:0;padding:24px;background:#ffffff;color:#1c1b19;font:17px/1.5 sans-serif\">\n" +
		"<div style=\"max-width:36em;margin:0 auto\">\n")
	for _, line := range l.Lines {
		b.WriteString("<p style=\"margin:0 0 16px\">" + htmlLines(line) + "</p>\n")
	}
	if l.hasButton() {
		b.WriteString("<p style=\"margin:24px 0\"><a href=\"" + html.EscapeString(l.URL) + "\" style=\"display:inline-block;" +
			"padding:12px 20px;background:#0b4f4d;color:#ffffff;border-radius:4px\">" + html.EscapeString(l.Button) + "</a></p>\n")
	}
	for _, line := range l.Foot {
		b.WriteString("<p style=\"margin:0 0 8px;font-size:15px\">" + htmlLines(line) + "</p>\n")
	}
	b.WriteString("</div>\n</body>\n</html>\n")
	return b.String()
}

func htmlLines(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "\n", "<br>\n")
}

// hasButton refuses targets a browser might execute.
func (l Letter) hasButton() bool {
	return l.Button != "" && (strings.HasPrefix(l.URL, "https://") || strings.HasPrefix(l.URL, "http://"))
}
