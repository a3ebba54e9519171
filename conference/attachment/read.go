package attachment

import (
	"regexp"
	"strings"
)

// Page is what can be read of a page.
type Page struct {
	Text   string // line by line
	Unread bool   // there is more on the page: a picture, or letters whose meaning nobody says
}

var blanks = regexp.MustCompile(`[ \t]+`)

// Pages reads the pages of a document that Make has made, one after the other: for those who would rather read than look, and for
// browsers that show no documents. The error is a Refused.
func Pages(made []byte) ([]Page, error) {
	d, err := read(made)
	if err != nil {
		return nil, err
	}
	pages, err := d.pages()
	if err != nil {
		return nil, err
	}
	read := make([]Page, len(pages))
	for i, p := range pages {
		words := &reader{d: d}
		words.page(p)
		read[i] = Page{tidy(words.out.String()), words.unread}
	}
	return read, nil
}

// tidy takes out the blanks and empty lines that come of how a page is drawn.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(blanks.ReplaceAllString(line, " ")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
