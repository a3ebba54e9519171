package nameguard

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed figures.jsonl
var published string

// Figures are what the guard reached when it was last measured with the lists of our own, as the interface tells them.
type Figures struct {
	Date    string // 2006-01-02
	Command string
	Rows    []Figure
	Files   []FileFigure
}

// Figure is the recall for one class of passage in one file of marked texts: the share of which every letter and digit is covered.
type Figure struct {
	File   string  `json:"file"`
	Class  string  `json:"class"`
	Gold   int     `json:"gold"`
	Recall float64 `json:"recall"`
}

// FileFigure is the precision in one file: the share of findings that touch something marked.
type FileFigure struct {
	File      string  `json:"file"`
	Precision float64 `json:"precision"`
}

// Published gives the figures of figures.jsonl: a line that says when and how, then the lines of konsil-bench guard.
func Published() Figures {
	var p Figures
	for line := range strings.Lines(published) {
		var one struct {
			Date, Command string
			Figure
			Precision float64
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			panic("nameguard: figures.jsonl: " + err.Error()) // it is compiled in
		}
		switch {
		case one.Date != "":
			p.Date, p.Command = one.Date, one.Command
		case one.Class != "":
			p.Rows = append(p.Rows, one.Figure)
		case one.File != "":
			p.Files = append(p.Files, FileFigure{one.File, one.Precision})
		}
	}
	return p
}

// Row gives the figure of a class in a file; false where it was not measured.
func (f Figures) Row(file, class string) (Figure, bool) {
	for _, r := range f.Rows {
		if r.File == file && r.Class == class {
			return r, true
		}
	}
	return Figure{}, false
}
