package icf

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Entry is a category of an imported edition with its official title.
type Entry struct {
	Code  Code
	Title string
}

// What an imported file has at most. The edition of 2017 has some 1,600 categories and a few megabytes.
const (
	mostFile    = 64 << 20 // bytes
	mostEntries = 20000
	mostTitle   = 500 // bytes
)

// ErrFile says that a file is not an edition of the ICF in ClaML.
var ErrFile = errors.New("not an ICF in ClaML")

// ReadClaML reads an edition from the format in which the classification is published (ClaML, EN ISO 13120): the categories
// with their preferred titles, German ones where there are several. Chapters and blocks are left out. It reads at most 64 MiB,
// resolves no external entities and keeps 20,000 categories; more is ErrFile.
func ReadClaML(r io.Reader) (edition string, entries []Entry, err error) {
	d := xml.NewDecoder(io.LimitReader(r, mostFile))
	d.Entity = nil
	var c classes
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, fmt.Errorf("%w: line %d", ErrFile, line(d))
		}
		start, is := t.(xml.StartElement)
		if !is {
			continue
		}
		switch start.Name.Local {
		case "Title":
			edition = attribute(start, "version")
		case "Class":
			if err := c.read(d, start); err != nil {
				return "", nil, err
			}
		}
	}
	if edition == "" || len(edition) > 20 || len(c.entries) == 0 {
		return "", nil, ErrFile
	}
	return edition, c.entries, nil
}

type classes struct{ entries []Entry }

// read keeps a category and skips anything else.
func (c *classes) read(d *xml.Decoder, start xml.StartElement) error {
	code, err := ParseCode(attribute(start, "code"))
	if err != nil {
		return skip(d)
	}
	var class struct {
		Rubrics []struct {
			Kind   string `xml:"kind,attr"`
			Labels []struct {
				Language string `xml:"lang,attr"`
				Text     string `xml:",chardata"`
			} `xml:"Label"`
		} `xml:"Rubric"`
	}
	if err := d.DecodeElement(&class, &start); err != nil {
		return fmt.Errorf("%w: %s", ErrFile, code)
	}
	title := ""
	for _, r := range class.Rubrics {
		for _, l := range r.Labels {
			if text := strings.Join(strings.Fields(l.Text), " "); r.Kind == "preferred" && (title == "" || l.Language == "de") {
				title = text
			}
		}
	}
	if title == "" || len(title) > mostTitle || len(c.entries) == mostEntries {
		return fmt.Errorf("%w: %s", ErrFile, code)
	}
	c.entries = append(c.entries, Entry{code, title})
	return nil
}

func skip(d *xml.Decoder) error {
	if err := d.Skip(); err != nil {
		return fmt.Errorf("%w: line %d", ErrFile, line(d))
	}
	return nil
}

func line(d *xml.Decoder) int {
	n, _ := d.InputPos()
	return n
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
