// Package icf knows the shape of the International Classification of Functioning, Disability and Health: codes, qualifiers and
// what may be said with them, and how the instruments that are counted beside it are scored.
//
// It is pure. The labels are our own and short; the text of the classification belongs to the WHO and is never part of konsil,
// an operator imports it (see ReadClaML). A code means something only together with its edition: editions move categories.
package icf

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Edition is the one that the labels of this package and the built-in lists follow: the German edition of 2005.
const Edition = "2005"

// Most is how many codes a profile in a summary has at most before it says more about one person than about a need.
const Most = 20

// Errors of Parse and Validate.
var (
	ErrCode      = errors.New("not a code of the ICF")
	ErrQualifier = errors.New("not a qualifier of this component")
)

// Code is a category: a letter and three to five digits, "d850". The zero Code is none.
type Code string

// Component is the letter of a code.
type Component byte

// The components of the ICF.
const (
	Function      Component = 'b' // body functions
	Structure     Component = 's' // body structures
	Participation Component = 'd' // activities and participation
	Environment   Component = 'e' // environmental factors
)

// Components are all of them, in the order in which they are shown.
var Components = []Component{Participation, Function, Structure, Environment}

var codeShape = regexp.MustCompile(`^(b[1-8]|s[1-8]|d[1-9]|e[1-5])[0-9]{2}([0-9]{1,2})?$`)

// ParseCode reads a code as people write it: case and blanks around it do not matter. It does not ask whether the category
// exists in an edition.
func ParseCode(s string) (Code, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !codeShape.MatchString(s) {
		return "", ErrCode
	}
	return Code(s), nil
}

// Component is the component of a code that ParseCode has returned.
func (c Code) Component() Component { return Component(c[0]) }

// Within says that c is the category of broad, or one of its finer ones.
func (c Code) Within(broad Code) bool { return strings.HasPrefix(string(c), string(broad)) }

// Qualifier says how much: 0 none, 1 mild, 2 moderate, 3 severe, 4 complete, 8 not specified, 9 not applicable. Nature and
// location of a structure have meanings of their own for 0 to 9.
type Qualifier int8

// Unset is a qualifier that nobody has given. It is not the same as 8.
const Unset Qualifier = -1

// Graded says that q is a degree, which can be compared and drawn.
func (q Qualifier) Graded() bool { return q >= 0 && q <= 4 }

func (q Qualifier) extent() bool { return q.Graded() || q == 8 || q == 9 }

// Percent is the range that a degree stands for in the classification.
func (q Qualifier) Percent() (from, to int) {
	ranges := [5][2]int{{0, 4}, {5, 24}, {25, 49}, {50, 95}, {96, 100}}
	if !q.Graded() {
		return 0, 0
	}
	return ranges[q][0], ranges[q][1]
}

// Finding is one category with its qualifiers, each in a field of its own: position never decides what a number means.
type Finding struct {
	Code        Code
	Edition     string
	Extent      Qualifier // functions and structures
	Nature      Qualifier // structures
	Location    Qualifier // structures
	Performance Qualifier // what a person does in the life she has
	Capacity    Qualifier // what she could do without help and hindrance
	Barrier     Qualifier // of the environment; a finding has a barrier or a facilitator
	Facilitator Qualifier
}

// Blank is a finding without qualifiers.
func Blank(c Code) Finding {
	return Finding{
		Code: c, Edition: Edition, Extent: Unset, Nature: Unset, Location: Unset,
		Performance: Unset, Capacity: Unset, Barrier: Unset, Facilitator: Unset,
	}
}

// given names the fields of a component that may have a value.
func (c Component) given() []string {
	return map[Component][]string{
		Function: {"extent"}, Structure: {"extent", "nature", "location"},
		Participation: {"performance", "capacity"}, Environment: {"barrier", "facilitator"},
	}[c]
}

// Fields are the qualifiers of a component by their names, in the order in which they are asked for.
func (c Component) Fields() []string { return slices.Clone(c.given()) }

// field is the qualifier of that name.
func (f *Finding) field(name string) *Qualifier {
	return map[string]*Qualifier{
		"extent": &f.Extent, "nature": &f.Nature, "location": &f.Location, "performance": &f.Performance, "capacity": &f.Capacity,
		"barrier": &f.Barrier, "facilitator": &f.Facilitator,
	}[name]
}

// Get is the qualifier of that name; Unset for a name that is none.
func (f Finding) Get(name string) Qualifier {
	if q := f.field(name); q != nil {
		return *q
	}
	return Unset
}

// Set gives the qualifier of that name a value. Validate says whether it fits.
func (f *Finding) Set(name string, q Qualifier) {
	if have := f.field(name); have != nil {
		*have = q
	}
}

// qualifierNames are all that Get and Set know.
var qualifierNames = []string{"extent", "nature", "location", "performance", "capacity", "barrier", "facilitator"}

// FieldError says which qualifier breaks which rule; it unwraps to ErrCode or ErrQualifier.
type FieldError struct {
	Field string // code, or the name of a qualifier
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns ErrCode or ErrQualifier.
func (e *FieldError) Unwrap() error { return e.Err }

// Validate checks number and range of the qualifiers for the component: functions have an extent; structures extent, nature and
// location; activities performance and capacity; the environment a barrier or a facilitator, never both. A finding without any
// qualifier is one that is only named, and valid.
func (f Finding) Validate() error {
	if !codeShape.MatchString(string(f.Code)) {
		return &FieldError{"code", ErrCode}
	}
	given := f.Code.Component().given()
	for _, name := range qualifierNames {
		q := f.Get(name)
		switch {
		case q == Unset:
		case !slices.Contains(given, name):
			return &FieldError{name, ErrQualifier}
		case name == "nature" || name == "location":
			if q < 0 || q > 9 {
				return &FieldError{name, ErrQualifier}
			}
		case !q.extent():
			return &FieldError{name, ErrQualifier}
		}
	}
	if f.Barrier != Unset && f.Facilitator != Unset {
		return &FieldError{"facilitator", ErrQualifier}
	}
	return nil
}

// Parse reads the notation of the classification: "d850", "b130.2", "d850.34", "s730.812", "e310.3", "e310+2".
func Parse(s string) (Finding, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	code, digits, mark := s, "", byte(0)
	if i := strings.IndexAny(s, ".+"); i >= 0 {
		code, digits, mark = s[:i], s[i+1:], s[i]
	}
	c, err := ParseCode(code)
	if err != nil {
		return Finding{}, err
	}
	f := Blank(c)
	fields := c.Component().given()
	if c.Component() == Environment {
		fields = fields[:1]
		if mark == '+' {
			fields = []string{"facilitator"}
		}
	} else if mark == '+' {
		return Finding{}, ErrQualifier
	}
	if mark != 0 && digits == "" || len(digits) > len(fields) {
		return Finding{}, ErrQualifier
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return Finding{}, ErrQualifier
		}
		f.Set(fields[i], Qualifier(digits[i]-'0'))
	}
	if err := f.Validate(); err != nil {
		return Finding{}, ErrQualifier
	}
	return f, nil
}

// String is the notation of the classification. What is not given before something that is becomes 8, not specified.
func (f Finding) String() string {
	if f.Facilitator != Unset {
		return fmt.Sprintf("%s+%d", f.Code, f.Facilitator)
	}
	var digits []byte
	for _, name := range f.Code.Component().given() {
		q := f.Get(name)
		if q == Unset {
			q = 8
		}
		digits = append(digits, '0'+byte(q))
	}
	for n := len(digits); n > 0 && f.Get(f.Code.Component().given()[n-1]) == Unset; n-- {
		digits = digits[:n-1]
	}
	if len(digits) == 0 {
		return string(f.Code)
	}
	return string(f.Code) + "." + string(digits)
}

// Gap is how much worse somebody does than she could: performance less capacity, when both are degrees. What is above zero, the
// environment could change; below zero, it helps already. ok is false where there is nothing to compare.
func (f Finding) Gap() (gap int, ok bool) {
	if !f.Performance.Graded() || !f.Capacity.Graded() {
		return 0, false
	}
	return int(f.Performance) - int(f.Capacity), true
}

// Degree is the one degree that a bar shows: performance before capacity, a facilitator below zero. ok is false where none is
// given.
func (f Finding) Degree() (degree int, ok bool) {
	for _, q := range []Qualifier{f.Extent, f.Performance, f.Capacity, f.Barrier} {
		if q.Graded() {
			return int(q), true
		}
	}
	if f.Facilitator.Graded() {
		return -int(f.Facilitator), true
	}
	return 0, false
}

// Compare orders findings by what there is to do: first what the environment could change most, then the worst degree, then the
// code.
func Compare(a, b Finding) int {
	ga, da := a.rank()
	gb, db := b.rank()
	return cmp.Or(cmp.Compare(ga, gb), cmp.Compare(da, db), cmp.Compare(a.Code, b.Code))
}

func (f Finding) rank() (gap, degree int) {
	gap, ok := f.Gap()
	if !ok {
		gap = -5 // behind every gap there is
	}
	degree, _ = f.Degree()
	return -gap, -degree
}
