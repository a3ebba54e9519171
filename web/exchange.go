package web

import (
	"bytes"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/exchange"
)

// imports is the address that takes files for the directory: see bodyLimit and bring.
const imports = "/experts/import"

// shownRows is how many rows of each kind a page shows.
const shownRows = 20

// exchangeWords are the words that files have for codes: the same as on the pages.
func (s *server) exchangeWords() exchange.Words {
	all := exchange.Words{}
	for _, d := range expertpool.Disciplines {
		all["discipline."+d] = s.words.t("discipline.", d)
	}
	for _, l := range expertpool.Languages() {
		all["languages."+l] = s.words.t("language.", l)
	}
	for _, m := range expertpool.Modes() {
		all["modes."+m] = s.words.t("mode.", m)
	}
	for _, p := range expertpool.Professions() {
		all["profession."+p.Code] = p.Term
	}
	for _, sp := range expertpool.Specialties() {
		all["specialties."+sp.Code] = sp.Term
	}
	return all
}

// importsPage takes a file, and lists those of the last days.
type importsPage struct {
	Form        form
	Line        int // of the file, where it could not be read; 0: of none in particular
	Batches     []exchange.Batch
	Disciplines []string
}

func (s *server) imports(c echo.Context) error {
	return s.showImports(c, http.StatusOK, importsPage{Form: form{Of: "import"}})
}

func (s *server) showImports(c echo.Context, status int, p importsPage) error {
	var err error
	if p.Batches, err = s.Exchange.Batches(c.Request().Context(), me(c)); err != nil {
		return err
	}
	p.Disciplines = expertpool.Disciplines
	return s.page(c, status, "import", p)
}

// bring takes a file and shows what would become of it.
func (s *server) bring(c echo.Context) error {
	f, name, data, err := uploadedUpTo(c, exchange.MaxBytes)
	f.Of = "import"
	var id uuid.UUID
	if err == nil && f.Get("discipline") != "" && !expertpool.KnownDiscipline(f.Get("discipline")) {
		err = &account.InvalidError{Field: "discipline", Rule: "unknown"}
	}
	if err == nil {
		id, err = s.Exchange.Bring(c.Request().Context(), me(c), exchange.File{Name: fileName(name), Data: data, Discipline: f.Get("discipline")}, s.exchangeWords())
	}
	line, err := fileRule(err)
	if f.wrong(err) {
		return s.showImports(c, http.StatusUnprocessableEntity, importsPage{Form: f, Line: line})
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, imports+"/"+id.String())
}

// fileRule makes what is wrong with a whole file an error of the field it was chosen in.
func fileRule(err error) (line int, _ error) {
	var file *exchange.FileError
	if !errors.As(err, &file) {
		return 0, err
	}
	return file.Line, &account.InvalidError{Field: "file", Rule: file.Rule}
}

// fileName is what a file is called, without its folders and without what no page should show.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:80])
	}
	return s
}

// importTemplate is an empty table with the columns that are understood, and one line as an example.
func (s *server) importTemplate(c echo.Context) error {
	example := exchange.Row{Name: s.words.t("import.template.name"), Email: "eva.beispiel@praxis.example", Profile: expertpool.Profile{
		Discipline: "psychiatry", Profession: "physician", Specialties: []string{"psychiatry"}, Specialty: s.words.t("import.template.specialty"),
		Topics: []string{s.words.t("import.template.topic"), s.words.t("import.template.topic.other")}, Languages: []string{"de", "tr"}, Place: "Northeim",
		Postcode: "37154", TravelKM: 30, Modes: []string{"video", "on_site"}, HoursPerMonth: 4, MaxCases: 10,
	}}
	var b bytes.Buffer
	if err := exchange.WriteCSV(&b, []exchange.Row{example}, s.exchangeWords()); err != nil {
		return err
	}
	return download(c, "text/csv; charset=utf-8", "fachleute-vorlage.csv", b.Bytes())
}

func download(c echo.Context, kind, name string, data []byte) error {
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, kind, data)
}

// batchPage shows what becomes of a file, or has become of it.
type batchPage struct {
	exchange.Batch
	Form     form
	Encoding string   // of a table: how it was read
	Cut      string   // its delimiter, as a word of the language file
	Columns  []column // to be named
	Fields   []option
	New      []rowLine
	Changed  []rowLine
	Wrong    []rowLine
	Stuck    []rowLine // could not be taken back
}

type column struct {
	Name, Header, Example, Field string
}

type option struct{ Value, Label string }

// rowLine is a row in words.
type rowLine struct {
	Number  int
	Name    string
	URL     string // of the entry that is meant, was added, or may be the same
	About   string
	Perhaps string // name of whoever may be the same
	Changes []changeLine
	Said    []string // what is wrong, or why it stays
}

type changeLine struct{ Field, Before, After string }

// Named tells whether the columns say enough for rows to be read.
func (p batchPage) Named() bool { return p.Batch.Rows() > 0 }

func (s *server) batch(c echo.Context) error {
	return s.showBatch(c, http.StatusOK, form{Of: "import"})
}

func (s *server) showBatch(c echo.Context, status int, f form) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	p := batchPage{Form: f}
	if p.Batch, err = s.Exchange.Batch(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	if p.State == exchange.Read && p.Format == exchange.CSV {
		if err := s.offerColumns(c, &p); err != nil {
			return err
		}
	}
	if err := s.readBatch(c, &p); err != nil {
		return err
	}
	return s.page(c, status, "import-batch", p)
}

// readBatch reads the rows that the page shows in the state of its batch.
func (s *server) readBatch(c echo.Context, p *batchPage) error {
	ctx, by := c.Request().Context(), me(c)
	kinds := map[string]*[]rowLine{exchange.Rejected: &p.Wrong}
	if p.State == exchange.Read {
		kinds[exchange.New], kinds[exchange.Changed] = &p.New, &p.Changed
	}
	for kind, lines := range kinds {
		rows, err := s.Exchange.Rows(ctx, by, p.ID, kind, shownRows)
		if err != nil {
			return err
		}
		*lines = s.rowLines(rows)
	}
	if p.State != exchange.Undone {
		return nil
	}
	rows, err := s.Exchange.Stuck(ctx, by, p.ID, shownRows)
	p.Stuck = s.rowLines(rows)
	return err
}

func (s *server) rowLines(rows []exchange.Staged) (lines []rowLine) {
	words := s.exchangeWords()
	for _, r := range rows {
		l := rowLine{Number: r.Number, Name: r.Name, About: aboutRow(r, words)}
		if r.Expert != uuid.Nil && r.State != exchange.Rejected {
			l.Name, l.URL = r.Known, "/experts/"+r.Expert.String()
		}
		if r.Perhaps != uuid.Nil && r.Expert == uuid.Nil {
			l.Perhaps, l.URL = r.Known, "/experts/"+r.Perhaps.String()
		}
		for _, f := range r.Changes() {
			l.Changes = append(l.Changes, changeLine{s.own("field.", "import", f), dash(r.Was(f, words)), dash(r.Cell(f, words))})
		}
		for _, w := range r.Wrong {
			l.Said = append(l.Said, s.own("field.", "import", w.Field)+": "+s.broken("import", w.Field, w.Rule))
		}
		if r.Undone != "" {
			l.Said = append(l.Said, s.words.t("import.stays.", r.Undone))
		}
		lines = append(lines, l)
	}
	return lines
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func aboutRow(r exchange.Staged, words exchange.Words) string {
	var said []string
	for _, f := range []string{"discipline", "place", "email"} {
		if v := r.Cell(f, words); v != "" {
			said = append(said, v)
		}
	}
	return strings.Join(said, " · ")
}

// offerColumns says how the table was read, and lets its columns be named.
func (s *server) offerColumns(c echo.Context, p *batchPage) error {
	t, err := s.Exchange.Table(c.Request().Context(), me(c), p.ID)
	if err != nil {
		return err
	}
	p.Encoding, p.Cut = t.Encoding, map[rune]string{';': "semicolon", ',': "comma", '\t': "tab"}[t.Delimiter]
	first := t.First()
	for i, h := range t.Header {
		k := column{Name: "column" + strconv.Itoa(i), Header: h}
		if i < len(first) {
			k.Example = first[i]
		}
		if p.Form.Field == "file" {
			k.Field = p.Form.Get(k.Name)
		} else if i < len(p.Batch.Columns) {
			k.Field = p.Batch.Columns[i]
		}
		p.Columns = append(p.Columns, k)
	}
	for _, f := range exchange.Fields() {
		p.Fields = append(p.Fields, option{f, s.own("field.", "import", f)})
	}
	return nil
}

// batchPost does what the field act names.
func (s *server) batchPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	ctx, by, to, said := c.Request().Context(), me(c), imports+"/"+id.String(), ""
	f.Of = "import"
	switch f.Get("act") {
	case "name":
		err, said = s.Exchange.Name(ctx, by, id, columnsOf(f), s.exchangeWords()), "import_name"
	case "apply":
		err = s.Exchange.Apply(ctx, by, id)
	case "undo":
		err = s.Exchange.Undo(ctx, by, id)
	case "discard":
		err, to, said = s.Exchange.Discard(ctx, by, id), imports, "import_discard"
	default:
		return account.ErrNotFound
	}
	if _, err = fileRule(err); f.wrong(err) {
		return s.showBatch(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	if said == "" { // the page tells how far it is, and a notice would soon be wrong
		return c.Redirect(http.StatusSeeOther, to)
	}
	return s.done(c, to, said)
}

// columnsOf reads a field for each column, in the order of the table.
func columnsOf(f form) []string {
	var columns []string
	for i := 0; len(f.Values["column"+strconv.Itoa(i)]) > 0; i++ {
		columns = append(columns, f.Get("column"+strconv.Itoa(i)))
	}
	return columns
}

// wrongRows gives back the rows that could not be taken, as a table with the reasons.
func (s *server) wrongRows(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	b, err := s.Exchange.Batch(ctx, by, id)
	if err != nil {
		return err
	}
	staged, err := s.Exchange.Rows(ctx, by, id, exchange.Rejected, 0)
	if err != nil {
		return err
	}
	rows := make([]exchange.Row, len(staged))
	for i := range staged {
		rows[i] = staged[i].Row
	}
	tell := func(w exchange.Wrong) string {
		return s.own("field.", "import", w.Field) + ": " + s.broken("import", w.Field, w.Rule)
	}
	var out bytes.Buffer
	if b.Format == exchange.CSV {
		var t *exchange.Table
		if t, err = s.Exchange.Table(ctx, by, id); err == nil {
			err = t.WriteWrong(&out, rows, tell)
		}
	} else {
		err = exchange.WriteWrong(&out, rows, s.exchangeWords(), tell)
	}
	if err != nil {
		return err
	}
	return download(c, "text/csv; charset=utf-8", "fachleute-fehler.csv", out.Bytes())
}

// exportPage asks in which format, and of whom.
type exportPage struct {
	Form        form
	Disciplines []string
}

func (s *server) export(c echo.Context) error {
	f := fill("format", exchange.CSV)
	f.Of = "export"
	return s.page(c, http.StatusOK, "export", exportPage{f, expertpool.Disciplines})
}

func (s *server) exportPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "export"
	data, err := s.Exchange.Export(c.Request().Context(), me(c), f.Get("format"), f.Get("discipline"), s.exchangeWords())
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "export", exportPage{f, expertpool.Disciplines})
	}
	if err != nil {
		return err
	}
	kind := map[string][2]string{
		exchange.CSV: {"text/csv; charset=utf-8", "csv"}, exchange.VCard: {"text/vcard; charset=utf-8", "vcf"}, exchange.FHIR: {"application/fhir+json", "json"},
	}[f.Get("format")]
	return download(c, kind[0], "fachleute-"+s.Now().In(expertpool.Zone()).Format("2006-01-02")+"."+kind[1], data)
}
