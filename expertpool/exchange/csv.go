package exchange

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Table is a CSV file that has been taken apart but not yet understood.
type Table struct {
	Encoding  string // utf-8 or windows-1252
	Delimiter rune
	Header    []string
	lines     [][]string
	numbers   []int // line of each
}

// ReadTable finds out how a file is written and takes it apart. RFC 4180, and what spreadsheets make of it: semicolons or tabs for commas,
// a byte order mark, Windows-1252. Errors are *FileError.
func ReadTable(raw []byte) (*Table, error) {
	if len(raw) > MaxBytes {
		return nil, &FileError{Rule: "too_large"}
	}
	t := &Table{Encoding: "utf-8"}
	raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
	if !utf8.Valid(raw) {
		var err error
		if raw, err = charmap.Windows1252.NewDecoder().Bytes(raw); err != nil {
			return nil, &FileError{Rule: "encoding"}
		}
		t.Encoding = "windows-1252"
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, &FileError{Rule: "encoding"} // UTF-16, or no text at all
	}
	t.Delimiter = delimiter(raw)
	return t, t.read(raw)
}

// delimiter is what the first line has most of.
func delimiter(raw []byte) rune {
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	best, most := ';', 0
	for _, d := range []rune{';', ',', '\t'} {
		if n := bytes.Count(first, []byte(string(d))); n > most {
			best, most = d, n
		}
	}
	return best
}

func (t *Table) read(raw []byte) error {
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = t.Delimiter, -1, true
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var at *csv.ParseError
			line := 0
			if errors.As(err, &at) {
				line = at.Line
			}
			return &FileError{"structure", line}
		}
		line, _ := r.FieldPos(0)
		switch {
		case len(cells) > maxCells || slices.ContainsFunc(cells, func(c string) bool { return len(c) > maxCell }):
			return &FileError{"too_many", line}
		case len(t.lines) >= MaxRows:
			return &FileError{"too_many", line}
		case !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }):
			continue
		case t.Header == nil:
			t.Header = cells
		default:
			t.lines, t.numbers = append(t.lines, cells), append(t.numbers, line)
		}
	}
	if len(t.lines) == 0 {
		return &FileError{Rule: "empty"}
	}
	return nil
}

// Guess says for each column of the header which field it is; "" where nothing fits. No field is guessed twice.
func (t *Table) Guess() []string {
	guessed := make([]string, len(t.Header))
	for i, h := range t.Header {
		h = fold(h)
		for _, f := range Fields() {
			if !slices.Contains(guessed[:i], f) && slices.Contains(headings[f], h) {
				guessed[i] = f
				break
			}
		}
	}
	return guessed
}

// headings are what columns are called, folded: the first is what we write.
var headings = map[string][]string{
	"name":            {"name", "fullname", "vollername", "nachnamevorname"},
	"email":           {"email", "mail", "emailadresse", "mailadresse"},
	"discipline":      {"fachrichtung", "discipline", "fachgebiet", "disziplin"},
	"profession":      {"beruf", "profession", "berufsgruppe"},
	"specialties":     {"spezialisierungen", "specialties", "facharzt", "facharzttitel", "spezialisierung"},
	"specialty":       {"schwerpunkt", "specialty", "focus", "schwerpunkte"},
	"topics":          {"themen", "topics", "stichworte"},
	"languages":       {"sprachen", "languages", "sprache", "language"},
	"place":           {"ort", "place", "city", "stadt"},
	"postcode":        {"plz", "postcode", "postleitzahl", "zip"},
	"travel_km":       {"umkreisinkm", "travelkm", "umkreis", "umkreiskm", "radius"},
	"modes":           {"wege", "modes", "teilnahme", "kanaele"},
	"lanr":            {"lanr", "arztnummer"},
	"bsnr":            {"bsnr", "betriebsstaettennummer"},
	"accessibility":   {"barrierefreiheit", "accessibility", "barrierefrei"},
	"hours_per_month": {"stundenimmonat", "hourspermonth", "kontingent", "stunden"},
	"max_cases":       {"faellehoechstens", "maxcases", "faelle", "obergrenze"},
}

// titles are the headings of what we write.
var titles = []string{
	"Name", "E-Mail", "Fachrichtung", "Beruf", "Spezialisierungen", "Schwerpunkt", "Themen", "Sprachen", "Ort", "PLZ", "Umkreis in km", "Wege", "LANR", "BSNR",
	"Barrierefreiheit", "Stunden im Monat", "Fälle höchstens",
}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")

func fold(s string) string {
	s = umlauts.Replace(strings.ToLower(s))
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// Rows understands the lines by a field for each column, as Guess gives it. The error is a *FileError: there must be a name and a
// discipline, and no field twice.
func (t *Table) Rows(columns []string, words Words) ([]Row, error) {
	for _, needed := range []string{"name", "discipline"} {
		if !slices.Contains(columns, needed) {
			return nil, &FileError{Rule: "header"}
		}
	}
	for i, c := range columns {
		if c != "" && (slices.Contains(columns[:i], c) || !slices.Contains(Fields(), c)) {
			return nil, &FileError{Rule: "header"}
		}
	}
	rows := make([]Row, len(t.lines))
	for i, cells := range t.lines {
		rows[i].Number = t.numbers[i]
		if len(cells) != len(t.Header) {
			rows[i].Wrong = append(rows[i].Wrong, Wrong{"row", "columns"})
		}
		for j, c := range cells[:min(len(cells), len(columns))] {
			rows[i].set(columns[j], strings.TrimSpace(unguard(strings.TrimSpace(c))), words)
		}
	}
	return checkAll(rows), nil
}

// Line is a line of the file as it came, for giving it back.
func (t *Table) Line(number int) []string {
	if i, found := slices.BinarySearch(t.numbers, number); found {
		return t.lines[i]
	}
	return nil
}

// First is the first line after the header, as an example of what stands in the columns.
func (t *Table) First() []string { return t.lines[0] }

// WriteCSV writes experts as WriteTable does, with German headings.
func WriteCSV(w io.Writer, rows []Row, words Words) error {
	return writeLines(w, titles, func(write func([]string)) {
		for _, r := range rows {
			write(r.cells(words))
		}
	})
}

// WriteWrong gives back the lines that could not be taken, as they came, with what is wrong in a last column: mended, they can be
// brought again.
func (t *Table) WriteWrong(w io.Writer, rows []Row, tell func(Wrong) string) error {
	return writeWrong(w, t.Header, rows, tell, func(r Row) []string {
		cells := make([]string, len(t.Header))
		copy(cells, t.Line(r.Number))
		for i := range cells {
			cells[i] = unguard(cells[i]) // or it would be guarded twice
		}
		return cells
	})
}

// WriteWrong does the same for cards and bundles, which become a table by it.
func WriteWrong(w io.Writer, rows []Row, words Words, tell func(Wrong) string) error {
	return writeWrong(w, titles, rows, tell, func(r Row) []string { return r.cells(words) })
}

func writeWrong(w io.Writer, header []string, rows []Row, tell func(Wrong) string, cells func(Row) []string) error {
	return writeLines(w, append(slices.Clone(header), "Fehler"), func(write func([]string)) {
		for _, r := range rows {
			if len(r.Wrong) == 0 {
				continue
			}
			said := make([]string, len(r.Wrong))
			for i, x := range r.Wrong {
				said[i] = tell(x)
			}
			write(append(cells(r), strings.Join(said, " ")))
		}
	})
}

func (r Row) cells(words Words) []string {
	cells := make([]string, len(titles))
	for i, f := range Fields() {
		cells[i] = r.Cell(f, words)
	}
	return cells
}

// WriteTable writes a table that spreadsheets open as it is: UTF-8 with a mark, semicolons, and no cell that would be taken for a
// formula. RFC 4180 but for the semicolon; OWASP CSV Injection.
func WriteTable(w io.Writer, header []string, rows [][]string) error {
	return writeLines(w, header, func(write func([]string)) {
		for _, r := range rows {
			write(r)
		}
	})
}

func writeLines(w io.Writer, header []string, each func(func([]string))) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.Comma, out.UseCRLF = ';', true
	write := func(cells []string) {
		guarded := make([]string, len(cells))
		for i, c := range cells {
			guarded[i] = guard(c)
		}
		_ = out.Write(guarded) // the writer keeps its error
	}
	write(header)
	each(write)
	out.Flush()
	return out.Error()
}

// A cell that begins with one of these is taken for a formula by spreadsheets, and could call out when the file is opened.
const formula = "=+-@\t\r"

// guard puts an apostrophe before what looks like a formula, and before an apostrophe that stood there already.
func guard(cell string) string {
	if rest := strings.TrimLeft(cell, "'"); rest != "" && strings.ContainsRune(formula, rune(rest[0])) {
		return "'" + cell
	}
	return cell
}

// unguard takes the apostrophe of guard away again.
func unguard(cell string) string {
	rest, has := strings.CutPrefix(cell, "'")
	if inner := strings.TrimLeft(rest, "'"); has && inner != "" && strings.ContainsRune(formula, rune(inner[0])) {
		return rest
	}
	return cell
}
