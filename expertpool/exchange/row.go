// Package exchange carries experts in and out of the directory: as a table for people (CSV), as cards for address books (vCard 4), and as a
// bundle for other directories (FHIR R4). Readers take what strangers wrote, within limits and in linear time; what a row does
// not say properly is said of that row, and the others are read.
package exchange

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Limits of one file.
const (
	MaxBytes = 10 << 20
	MaxRows  = 20_000
	maxCells = 80
	maxCell  = 4000 // octets
)

// Row is one expert as a file has her.
type Row struct {
	Number int // of the line, the card or the entry, from 1; 0 in what is written
	Name   string
	Email  string // empty: she is only listed
	expertpool.Profile
	Assumed []string `json:",omitempty"` // fields that the file says nothing about, and that were filled in
	Wrong   []Wrong  `json:",omitempty"` // empty: it can be taken as it is
}

// Wrong is a rule that a row breaks. Field is one of Fields, or "row".
type Wrong struct{ Field, Rule string }

// FileError says why a file as a whole cannot be read: a rule and, where there is one, the line.
type FileError struct {
	Rule string // too_large, too_many, encoding, structure, empty, header
	Line int
}

func (e *FileError) Error() string { return fmt.Sprintf("file: %s, line %d", e.Rule, e.Line) }

// Fields are what a row has, in the order in which they are written.
func Fields() []string {
	return []string{
		"name", "email", "discipline", "profession", "specialties", "specialty", "topics", "languages", "place", "postcode", "travel_km",
		"modes", "lanr", "bsnr", "accessibility", "hours_per_month", "max_cases",
	}
}

// Words are the terms that people write for codes: "discipline.psychiatry" → "Psychiatrie". Codes themselves are always understood.
type Words map[string]string

// code finds what a term of a kind stands for; unknown terms stay as they are, so that the check names them.
func (w Words) code(kind, term string) string {
	term = strings.TrimSpace(term)
	if _, is := w[kind+"."+term]; is {
		return term
	}
	for key, word := range w {
		if code, of := strings.CutPrefix(key, kind+"."); of && strings.EqualFold(word, term) {
			return code
		}
	}
	return term
}

// term is what people write for a code.
func (w Words) term(kind, code string) string {
	if word, is := w[kind+"."+code]; is {
		return word
	}
	return code
}

// set reads one cell into a field. Errors are kept with the row.
func (r *Row) set(field, value string, words Words) {
	number := func(to *int) {
		if value == "" {
			return
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			r.Wrong = append(r.Wrong, Wrong{field, "number"})
			return
		}
		*to = n
	}
	codes := func(kind string) []string {
		all := list(value)
		for i := range all {
			all[i] = words.code(kind, all[i])
		}
		return all
	}
	switch field {
	case "name":
		r.Name = strings.Join(strings.Fields(value), " ")
	case "email":
		r.Email = strings.ToLower(value)
	case "discipline":
		r.Discipline = words.code("discipline", value)
	case "profession":
		r.Profession = words.code("profession", value)
	case "specialties":
		r.Specialties = codes("specialties")
	case "specialty":
		r.Specialty = value
	case "topics":
		r.Topics = list(value)
	case "languages":
		r.Languages = codes("languages")
	case "place":
		r.Place = value
	case "postcode":
		r.Postcode = value
	case "travel_km":
		number(&r.TravelKM)
	case "modes":
		r.Modes = codes("modes")
	case "lanr":
		r.LANR = value
	case "bsnr":
		r.BSNR = value
	case "accessibility":
		r.Accessibility = value
	case "hours_per_month":
		number(&r.HoursPerMonth)
	case "max_cases":
		number(&r.MaxCases)
	}
}

// Cell is a field as people read it; without words, with the codes.
func (r Row) Cell(field string, words Words) string {
	terms := func(kind string, codes []string) string {
		all := make([]string, len(codes))
		for i, c := range codes {
			all[i] = words.term(kind, c)
		}
		return strings.Join(all, " | ")
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	switch field {
	case "name":
		return r.Name
	case "email":
		return r.Email
	case "discipline":
		return words.term("discipline", r.Discipline)
	case "profession":
		if r.Profession == "" {
			return ""
		}
		return words.term("profession", r.Profession)
	case "specialties":
		return terms("specialties", r.Specialties)
	case "specialty":
		return r.Specialty
	case "topics":
		return strings.Join(r.Topics, " | ")
	case "languages":
		return terms("languages", r.Languages)
	case "place":
		return r.Place
	case "postcode":
		return r.Postcode
	case "travel_km":
		return number(r.TravelKM)
	case "modes":
		return terms("modes", r.Modes)
	case "lanr":
		return r.LANR
	case "bsnr":
		return r.BSNR
	case "accessibility":
		return r.Accessibility
	case "hours_per_month":
		return strconv.Itoa(r.HoursPerMonth)
	case "max_cases":
		return number(r.MaxCases)
	}
	return ""
}

// list cuts a cell with several values. A bar separates; where there is none, a semicolon or a comma does.
func list(s string) []string {
	cut := "|"
	for _, c := range []string{"|", ";", ","} {
		if strings.Contains(s, c) {
			cut = c
			break
		}
	}
	var all []string
	for v := range strings.SplitSeq(s, cut) {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return all
}

// check brings a row into shape and notes what is wrong with it. Who is not said to take part in any way does so by video, who is said to
// speak nothing speaks German: most files say neither.
func (r *Row) check() {
	if len(r.Modes) == 0 {
		r.Modes = []string{"video"}
		r.Assumed = append(r.Assumed, "modes")
	}
	if len(r.Languages) == 0 {
		r.Languages = []string{"de"}
		r.Assumed = append(r.Assumed, "languages")
	}
	if err := account.CheckText("name", &r.Name, 200, true); err != nil {
		r.note(err)
	}
	if a, err := mail.ParseAddress(r.Email); r.Email != "" && (err != nil || a.Address != r.Email || len(r.Email) > 254) {
		r.Wrong = append(r.Wrong, Wrong{"email", "address"})
	}
	if err := r.Profile.Check(); err != nil {
		r.note(err)
	}
}

func (r *Row) note(err error) {
	var invalid *account.InvalidError
	if errors.As(err, &invalid) && !slices.ContainsFunc(r.Wrong, func(w Wrong) bool { return w.Field == invalid.Field }) {
		r.Wrong = append(r.Wrong, Wrong{invalid.Field, invalid.Rule})
	}
}

// checkAll checks rows and finds those that one file has twice.
func checkAll(rows []Row) []Row {
	seen := map[string]bool{}
	for i := range rows {
		rows[i].check()
		if rows[i].Email == "" {
			continue
		}
		if seen[rows[i].Email] {
			rows[i].Wrong = append(rows[i].Wrong, Wrong{"email", "twice"})
		}
		seen[rows[i].Email] = true
	}
	return rows
}
