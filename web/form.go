package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// form is what a form page gets beside its data: what was typed, and what was wrong with it.
type form struct {
	Of     string // name of the form where a page has several, or where a field needs words of its own; see field
	Values map[string][]string
	Field  string // the field that broke a rule
	Rule   string
	Held   []casefile.Hint // what the name guard stopped it for
	Final  bool            // and no reason counts
}

// formOf reads the posted form; nothing typed is lost when it is shown again.
func formOf(c echo.Context) (form, error) {
	v, err := c.FormParams()
	var h *echo.HTTPError
	switch {
	case errors.As(err, &h): // the limit of the body
		return form{}, h
	case err != nil:
		return form{}, refusal{status: http.StatusBadRequest, rule: "malformed"}
	}
	return form{Values: v}, nil
}

// formFor reads the posted form and the id of what it is about, which stands in the address.
func formFor(c echo.Context, param string) (uuid.UUID, form, error) {
	id, err := paramID(c, param)
	if err != nil {
		return id, form{}, err
	}
	f, err := formOf(c)
	return id, f, err
}

// named is the form of that name on a page that has several: as it came back, or empty.
func (f form) named(name string) form {
	if f.Of == name {
		return f
	}
	return form{Of: name}
}

// Get returns the first value of a field.
func (f form) Get(name string) string {
	if v := f.Values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has tells whether value is among the values of a field: a ticked box, a chosen option.
func (f form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Bad returns the rule a field broke, or "".
func (f form) Bad(name string) string {
	if f.Field == name {
		return f.Rule
	}
	return ""
}

// fill returns a form that shows these values.
func fill(pairs ...string) form {
	f := form{Values: map[string][]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values[pairs[i]] = append(f.Values[pairs[i]], pairs[i+1])
	}
	return f
}

// wrong takes a field error into the form and says true; other errors are not the form's business.
func (f *form) wrong(err error) bool {
	var invalid *account.InvalidError
	if !errors.As(err, &invalid) {
		return false
	}
	f.Field, f.Rule = invalid.Field, invalid.Rule
	var names *casefile.NamesError
	if errors.As(err, &names) {
		f.Held, f.Final = names.Hints, names.Final
	}
	return true
}

// field is one control of a form with its words, as the templates "field" and "bad" take it.
type field struct {
	ID, Name, Kind, Value string
	Label, Hint, Error    string
	Auto                  string // autocomplete; off unless said otherwise, so that browsers keep nothing of a case
	Optional, Short       bool
}

// field finds the words of a control: "field.<form>.<name>" or "field.<name>", the same for its hint and the rule it broke.
// Options: optional, short, auto:<autocomplete>.
func (s *server) field(f form, kind, name string, options ...string) field {
	v := field{ID: "f-" + name, Name: name, Kind: kind, Value: f.Get(name), Label: s.own("field.", f.Of, name), Auto: "off"}
	if f.Of != "" {
		v.ID = "f-" + f.Of + "-" + name
	}
	if s.has("hint.", f.Of, name) {
		v.Hint = s.own("hint.", f.Of, name)
	}
	if rule := f.Bad(name); rule != "" {
		v.Error = s.broken(f.Of, name, rule)
	}
	for _, o := range options {
		auto, is := strings.CutPrefix(o, "auto:")
		if is {
			v.Auto = auto
		}
		v.Optional = v.Optional || o == "optional"
		v.Short = v.Short || o == "short"
	}
	return v
}

// wrongs lists what is wrong with a form, for the summary above it.
func (s *server) wrongs(f form) []field {
	if f.Field == "" {
		return nil
	}
	return []field{s.field(f, "", f.Field)}
}

// own returns the words for a field of this form, or those that all forms share.
func (s *server) own(kind, of, name string) string {
	if key := kind + of + "." + name; s.words.has(key) {
		return s.words.t(key)
	}
	if row, n := numberedField(name); row != "" && s.words.has(kind+of+"."+row) {
		return s.words.f(kind+of+"."+row, n+1)
	}
	return s.words.t(kind, name)
}

// numberedField is the name of a field that a form has in each of its rows, and the row, counted from 0: title3 is the title of row 3. The
// words of such a field have a place for the number, counted from 1. Of any other field the name is "".
func numberedField(name string) (row string, n int) {
	m := numbered.FindStringSubmatch(name)
	if m == nil {
		return "", 0
	}
	n, _ = strconv.Atoi(name[len(m[1]):])
	return m[1], n
}

func (s *server) has(kind, of, name string) bool {
	return s.words.has(kind+of+"."+name) || s.words.has(kind+name)
}

func (s *server) broken(of, name, rule string) string {
	row, _ := numberedField(name)
	for _, key := range []string{"rule." + of + "." + name + "." + rule, "rule." + of + "." + row + "." + rule, "rule." + name + "." + rule} {
		if s.words.has(key) {
			return s.words.t(key)
		}
	}
	return s.words.t("rule.", rule)
}

// choices is a group of tick boxes or radio buttons.
type choices struct {
	field
	Options []choice
}

type choice struct {
	Value, Label, Hint string
	Chosen             bool
}

// choices offers values; their words are "<words>.<value>" and, where it helps, "<words>.<value>.hint".
func (s *server) choices(f form, kind, name, words string, values []string) choices {
	group := choices{field: s.field(f, kind, name)}
	for _, v := range values {
		o := choice{Value: v, Label: s.words.t(words, ".", v), Chosen: f.Has(name, v)}
		if key := words + "." + v + ".hint"; s.words.has(key) {
			o.Hint = s.words.t(key)
		}
		group.Options = append(group.Options, o)
	}
	return group
}
