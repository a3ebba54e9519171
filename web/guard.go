package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// The name guard while somebody writes: the page asks once for what it needs to look by itself, and after each pause for what only the
// server can find. Nothing of what it sends is kept.

// guardMarks is what a page needs to look by itself, and the words for what is found.
type guardMarks struct {
	nameguard.Marks
	Classes map[nameguard.Class]string  `json:"classes"`
	Reasons map[nameguard.Reason]string `json:"reasons"`
}

func (s *server) marked(c echo.Context, m nameguard.Marks) error {
	p := guardMarks{m, map[nameguard.Class]string{}, map[nameguard.Reason]string{}}
	for key, says := range s.words {
		if class, is := strings.CutPrefix(key, "guard.class."); is {
			p.Classes[nameguard.Class(class)] = says
		}
		if reason, is := strings.CutPrefix(key, "guard.reason."); is {
			p.Reasons[nameguard.Reason(reason)] = says
		}
	}
	return c.JSON(http.StatusOK, p)
}

// foundLater is a passage as a page counts: UTF-16 units.
type foundLater struct {
	Start      int                  `json:"start"`
	End        int                  `json:"end"`
	Class      nameguard.Class      `json:"class"`
	Confidence nameguard.Confidence `json:"confidence"`
	Reason     nameguard.Reason     `json:"reason"`
}

// maxLook is how long a text may be that a page sends for a look, in bytes: a section of notes.
const maxLook = 200_000

// looked answers the text of the form with what was found in it.
func (s *server) looked(c echo.Context, find func(text string) ([]nameguard.Finding, error)) error {
	if err := s.spend(c, "look", me(c).ID.String()); err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	text := f.Get("text")
	if len(text) > maxLook {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	}
	found, err := find(text)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"found": inUnits(text, found)})
}

// inUnits counts passages, which are in order, as JavaScript does.
func inUnits(text string, found []nameguard.Finding) []foundLater {
	list := make([]foundLater, 0, len(found))
	at, units := 0, 0
	to := func(end int) int {
		for at < end {
			r, size := utf8.DecodeRuneInString(text[at:])
			at += size
			units++
			if r > 0xffff {
				units++
			}
		}
		return units
	}
	for _, f := range found {
		start := to(f.Start)
		list = append(list, foundLater{start, to(f.End), f.Class, f.Confidence, f.Reason})
	}
	return list
}

func (s *server) caseMarks(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	m, err := s.Cases.Marks(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	return s.marked(c, m)
}

func (s *server) caseLook(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.looked(c, func(text string) ([]nameguard.Finding, error) {
		return s.Cases.Examine(c.Request().Context(), me(c), id, text)
	})
}

// newCaseMarks and newCaseLook serve the form of a case that is not there yet. Who its client is stands in the form and is looked for by the
// page alone.
func (s *server) newCaseMarks(c echo.Context) error {
	m, err := s.Cases.MarksOfNobody(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.marked(c, m)
}

func (s *server) newCaseLook(c echo.Context) error {
	return s.looked(c, func(text string) ([]nameguard.Finding, error) {
		return s.Cases.ExamineNew(c.Request().Context(), me(c), text)
	})
}

func (s *server) conferenceMarks(c echo.Context) error {
	m, err := s.Conferences.Marks(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	return s.marked(c, m)
}

func (s *server) conferenceLook(c echo.Context) error {
	return s.looked(c, func(text string) ([]nameguard.Finding, error) {
		return s.Conferences.Examine(c.Request().Context(), me(c), code(c), text)
	})
}

// where gives the words for the place of a passage: a field of a form, a section of the notes, or written opinions in minutes.
func where(field string) string {
	switch {
	case strings.HasPrefix(field, "section."):
		return field
	case strings.HasPrefix(field, "opinion."):
		return "section.opinions"
	}
	return "field." + field
}

// guardPage says what the guard finds and what it misses.
type guardPage struct {
	Figures  nameguard.Figures
	Patterns []casefile.Pattern
}

// Measured is the day of the figures.
func (p guardPage) Measured() time.Time { return readDate(p.Figures.Date) }

// Told are the figures that the page tells, with words guard.figure.<file>.<class>: held-out texts are what it says of free names.
func (p guardPage) Told() []nameguard.Figure {
	var told []nameguard.Figure
	for _, one := range [][2]string{
		{"jobcenter_synth", "subject"}, {"jobcenter_synth", "FAMTYPO"}, {"jobcenter_synth", "KVNR"}, {"jobcenter_synth", "RVNR"}, {"jobcenter_synth", "IBAN"},
		{"jobcenter_synth", "TAX_ID"}, {"jobcenter_synth", "EMAIL"}, {"jobcenter_synth", "PHONE"}, {"jobcenter_synth", "BG_NR"}, {"jobcenter_synth", "relative"},
		{"grascco_phi", "DATE"}, {"grascco_phi", "person"}, {"grascco_phi", "LOCATION_CITY"}, {"grascco_phi", "LOCATION_STREET"}, {"grascco_phi", "LOCATION_HOSPITAL"},
		{"grascco_phi", "AGE"}, {"grascco_phi", "ID"}, {"germeval2014_dev", "PER"},
	} {
		if row, ok := p.Figures.Row(one[0], one[1]); ok {
			told = append(told, row)
		}
	}
	return told
}

// percent says a share as people read it: 99,5 %.
func percent(share float64) string {
	return strings.Replace(fmt.Sprintf("%.1f %%", share*100), ".", ",", 1)
}

func (s *server) guardInfo(c echo.Context) error {
	p := guardPage{Figures: nameguard.Published()}
	var err error
	if me(c).May(account.SeePatterns) {
		if p.Patterns, err = s.Cases.Patterns(c.Request().Context(), me(c)); err != nil {
			return err
		}
	}
	return s.page(c, http.StatusOK, "guard", p)
}

// patternsPage lists the patterns of the network's organisations, with a box to try one.
type patternsPage struct {
	Patterns []casefile.Pattern
	Owners   []casefile.Owner
	Form     form
	Tried    bool
	Pieces   []piece // of the text that was tried
	Hits     int
	Notice   string
}

// piece is a stretch of a tried text, found or not.
type piece struct {
	Text  string
	Found bool
}

func (s *server) patterns(c echo.Context) error {
	return s.showPatterns(c, http.StatusOK, patternsPage{})
}

func (s *server) showPatterns(c echo.Context, status int, p patternsPage) error {
	ctx, by := c.Request().Context(), me(c)
	var err error
	if p.Owners, err = s.Cases.Owners(ctx, by); err != nil {
		return err
	}
	if p.Patterns, err = s.Cases.Patterns(ctx, by); err != nil {
		return err
	}
	p.Form.Of = "pattern"
	return s.page(c, status, "patterns", p)
}

func (s *server) patternsPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if f.Get("do") == "try" {
		return s.tryPattern(c, f)
	}
	err = s.Cases.AddPattern(c.Request().Context(), me(c), strictID(f.Get("organisation")), f.Get("name"), f.Get("shape"))
	return s.patterned(c, err, f, "pattern")
}

func (s *server) patternGone(c echo.Context) error {
	err := s.Cases.RemovePattern(c.Request().Context(), me(c), strictID(c.Param("id")))
	return s.patterned(c, err, form{}, "pattern_gone")
}

func (s *server) patterned(c echo.Context, err error, f form, receipt string) error {
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, "/guard/patterns", receipt)
	case f.wrong(err):
		return s.showPatterns(c, http.StatusUnprocessableEntity, patternsPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showPatterns(c, http.StatusConflict, patternsPage{Form: f, Notice: refused.Rule})
	}
	return err
}

// tryPattern shows what a pattern finds in a text. Neither is kept.
func (s *server) tryPattern(c echo.Context, f form) error {
	text := f.Get("sample")
	if err := account.CheckText("sample", &text, 5000, false); f.wrong(err) {
		return s.showPatterns(c, http.StatusUnprocessableEntity, patternsPage{Form: f})
	}
	found, err := nameguard.Shaped(text, f.Get("shape"))
	if err != nil {
		f.wrong(&account.InvalidError{Field: "shape", Rule: "shape"})
		return s.showPatterns(c, http.StatusUnprocessableEntity, patternsPage{Form: f})
	}
	p := patternsPage{Form: f, Tried: true, Hits: len(found)}
	at := 0
	for _, x := range found {
		p.Pieces = append(p.Pieces, piece{text[at:x.Start], false}, piece{text[x.Start:x.End], true})
		at = x.End
	}
	p.Pieces = append(p.Pieces, piece{text[at:], false})
	return s.showPatterns(c, http.StatusOK, p)
}

// traitChoice is a select of the meter.
type traitChoice struct {
	Field  string
	Values []string
	Value  string
}

// meterPart is the meter on the page of a case.
type meterPart struct {
	casefile.Meter
	ID      string
	Choices []traitChoice
}

// Dots are the people of the picture, ten at most, each with the place of its middle.
func (m meterPart) Dots() []int {
	dots := make([]int, min(m.K, 10))
	for i := range dots {
		dots[i] = 6 + 12*i
	}
	return dots
}

// Width of the picture.
func (m meterPart) Width() int { return 12 * max(1, min(m.K, 10)) }

func (s *server) meterOf(c echo.Context, f casefile.Case) (meterPart, error) {
	m, err := s.Cases.Meter(c.Request().Context(), me(c), f.ID)
	if err != nil {
		return meterPart{}, err
	}
	t := m.Traits
	return meterPart{m, f.ID.String(), []traitChoice{
		{"age_band", casefile.AgeBands, t.AgeBand}, {"sex", casefile.Sexes, t.Sex}, {"region", s.Cases.Regions(), t.Region},
		{"occupation", casefile.Occupations, t.Occupation}, {"diagnosis", casefile.Diagnoses, t.Diagnosis},
	}}, nil
}

// trait says the value of a trait; districts are their own words.
func (s *server) trait(field, value string) string {
	if key := "trait." + field + "." + cmp.Or(value, "none"); s.words.has(key) {
		return s.words.t(key)
	}
	return value
}

func (s *server) describe(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = "traits"
	err = s.Cases.Describe(c.Request().Context(), me(c), id, casefile.Traits{
		AgeBand: f.Get("age_band"), Sex: f.Get("sex"), Region: f.Get("region"), Occupation: f.Get("occupation"), Diagnosis: f.Get("diagnosis"),
	})
	if f.wrong(err) {
		return s.showCase(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String()+"#meter", "traits")
}
