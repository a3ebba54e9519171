// Package yardstick measures what a name guard finds in texts whose personal data somebody has marked by hand, and what it finds
// that is none. It serves konsil-bench and the tests, so that both count alike.
package yardstick

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/konsil-server/konsil/conference/nameguard"
)

// Document is a text with the passages that have to be found. Start and End count code points, End exclusive.
type Document struct {
	ID       string            `json:"id"`
	Text     string            `json:"text"`
	Entities []Entity          `json:"entities"`
	Vault    map[string]string `json:"vault"` // what is known about the person the text is about; may be empty
}

// Entity is one passage. Ref says whom it identifies and Form how it was written, where the file tells.
type Entity struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
	Ref   string `json:"ref"`
	Form  string `json:"form"`
	Text  string `json:"text"`
}

// Load reads a file of one JSON document a line.
func Load(path string) ([]Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("marked texts: %w", err)
	}
	defer f.Close()
	var docs []Document
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var d Document
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("marked texts %s: %w", filepath.Base(path), err)
		}
		docs = append(docs, d)
	}
	return docs, lines.Err()
}

// HeldOut says whether a document is of the fifth that rules must not be made from.
func (d Document) HeldOut() bool {
	h := fnv.New32a()
	h.Write([]byte(d.ID))
	return h.Sum32()%5 == 0
}

// Subject is the person the text is about, nil where the file does not say.
func (d Document) Subject() *nameguard.Subject {
	if len(d.Vault) == 0 {
		return nil
	}
	v := d.Vault
	return nameguard.NewSubject(
		nameguard.Attribute{Class: nameguard.Person, Value: v["given"] + " " + v["family"]},
		nameguard.Attribute{Class: nameguard.Birthdate, Value: v["birth_date"]},
		nameguard.Attribute{Class: nameguard.Street, Value: v["street"]},
		nameguard.Attribute{Class: nameguard.Place, Value: v["zip"]},
		nameguard.Attribute{Class: nameguard.Place, Value: v["city"]},
		nameguard.Attribute{Class: nameguard.HealthInsured, Value: v["kvnr"]},
		nameguard.Attribute{Class: nameguard.PensionInsured, Value: v["rvnr"]},
		nameguard.Attribute{Class: nameguard.TaxID, Value: v["tax_id"]},
		nameguard.Attribute{Class: nameguard.BankAccount, Value: v["iban"]},
		nameguard.Attribute{Class: nameguard.Phone, Value: v["phone"]},
		nameguard.Attribute{Class: nameguard.Email, Value: v["email"]},
		nameguard.Attribute{Class: nameguard.CustomerID, Value: v["ba_kundennummer"]},
		nameguard.Attribute{Class: nameguard.CommunityID, Value: v["bg_nummer"]},
	)
}

// Row is what was found of one kind: N passages, Full of them with every letter and digit covered, Any touched at all.
type Row struct {
	N, Full, Any int
}

// Recall is the share that was fully covered; 1 of none.
func (r Row) Recall() float64 { return share(r.Full, r.N) }

func share(part, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(part) / float64(of)
}

// Score is a measurement. Right counts findings that touch a marked passage.
type Score struct {
	Rows            map[string]*Row
	Findings, Right int
	Bytes           int
	Missed, Wrong   []string // with some text around, for reading
}

// Precision is the share of findings that touch something marked.
func (s *Score) Precision() float64 { return share(s.Right, s.Findings) }

// Row of a kind; an empty one if there was none.
func (s *Score) Row(kind string) Row {
	if r := s.Rows[kind]; r != nil {
		return *r
	}
	return Row{}
}

// Measure runs the guard over documents. kinds gives the rows an entity counts in, none if it does not matter; counts says whether a
// finding counts against precision.
func Measure(g *nameguard.Guard, docs []Document, kinds func(Entity) []string, counts func(nameguard.Finding) bool) *Score {
	s := &Score{Rows: map[string]*Row{}}
	for _, d := range docs {
		found := g.Find(d.Text, d.Subject())
		s.document(d, found, kinds, counts)
	}
	return s
}

func (s *Score) document(d Document, found []nameguard.Finding, kinds func(Entity) []string, counts func(nameguard.Finding) bool) {
	s.Bytes += len(d.Text)
	at := offsets(d.Text)
	covered, marked := make([]bool, len(d.Text)), make([]bool, len(d.Text))
	for _, f := range found {
		fill(covered, f.Start, f.End)
	}
	for _, e := range d.Entities {
		start, end := at[e.Start], at[e.End]
		fill(marked, start, end)
		full, any := coverage(d.Text[start:end], covered[start:end])
		for _, kind := range kinds(e) {
			if kind == "" {
				continue // the file does not tell how it was written
			}
			if s.Rows[kind] == nil {
				s.Rows[kind] = &Row{}
			}
			r := s.Rows[kind]
			r.N++
			if full {
				r.Full++
			} else {
				s.Missed = append(s.Missed, kind+": "+around(d.Text, start, end))
			}
			if any {
				r.Any++
			}
		}
	}
	for _, f := range found {
		if !counts(f) {
			continue
		}
		s.Findings++
		if touches(marked[f.Start:f.End]) {
			s.Right++
		} else {
			s.Wrong = append(s.Wrong, string(f.Class)+"/"+string(f.Reason)+": "+around(d.Text, f.Start, f.End))
		}
	}
}

// offsets gives the byte at which each code point begins, and the length.
func offsets(text string) []int {
	at := make([]int, 0, len(text)+1)
	for i := range text {
		at = append(at, i)
	}
	return append(at, len(text))
}

func fill(set []bool, from, to int) {
	for i := from; i < to; i++ {
		set[i] = true
	}
}

// coverage looks at letters and digits only: blanks and signs give nothing away.
func coverage(passage string, covered []bool) (full, any bool) {
	full = true
	for i, r := range passage {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		full = full && covered[i]
		any = any || covered[i]
	}
	return full, any
}

func touches(set []bool) bool {
	for _, yes := range set {
		if yes {
			return true
		}
	}
	return false
}

func around(text string, start, end int) string {
	from, to := max(0, start-40), min(len(text), end+25)
	return strings.ReplaceAll(strings.ToValidUTF8(text[from:start]+"⟦"+text[start:end]+"⟧"+text[end:to], ""), "\n", "⏎")
}

// Kinds gives the rows of an entity of one of the known files: its type, for the subject of a text also its form and "subject", for
// others whose it is.
func Kinds(file string) func(Entity) []string {
	switch file {
	case "germeval2014_dev":
		return func(e Entity) []string {
			if e.Type != "PER" {
				return nil // towns and firms of the news identify nobody
			}
			return []string{e.Type}
		}
	case "grascco_phi":
		return func(e Entity) []string {
			if e.Type == "NAME_PATIENT" || e.Type == "NAME_DOCTOR" {
				return []string{e.Type, "person"}
			}
			return []string{e.Type}
		}
	}
	return func(e Entity) []string {
		switch e.Ref {
		case "subject":
			return []string{e.Type, e.Form, "subject"}
		case "":
			return []string{e.Type}
		}
		return []string{e.Type, e.Ref, e.Form}
	}
}

// Counts says which findings count against precision: in news only people are marked completely.
func Counts(file string) func(nameguard.Finding) bool {
	return func(f nameguard.Finding) bool { return file != "germeval2014_dev" || f.Class == nameguard.Person }
}
