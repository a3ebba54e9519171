package casefile

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Occasions are when a profile is taken, in their order in time.
var Occasions = []string{"entry", "interim", "end"}

// Raters are who says so. Where the client and a professional differ, it is something to talk about.
var Raters = []string{"self", "professional", "instrument"}

// Observation is one ICF category of a case, as somebody rated it on one occasion. It is one of the client's few, not a
// collection: see icf.Most.
type Observation struct {
	ID         uuid.UUID
	Occasion   string // one of Occasions
	Month      time.Time
	Rater      string // one of Raters
	Instrument string // what was used, where Rater is instrument
	icf.Finding
	Note       string // pseudonymised
	AuthorName string
	WrittenAt  time.Time
}

func (o *Observation) validate(now time.Time) error {
	o.Month = time.Date(o.Month.Year(), o.Month.Month(), 1, 0, 0, 0, 0, time.UTC)
	if o.Rater != "instrument" {
		o.Instrument = ""
	}
	if o.Edition == "" {
		o.Edition = icf.Edition
	}
	switch {
	case !slices.Contains(Occasions, o.Occasion):
		return &account.InvalidError{Field: "occasion", Rule: "unknown"}
	case !slices.Contains(Raters, o.Rater):
		return &account.InvalidError{Field: "rater", Rule: "unknown"}
	case o.Month.Year() < 1950 || o.Month.After(now):
		return &account.InvalidError{Field: "month", Rule: "past"}
	}
	var of *icf.FieldError
	if err := o.Finding.Validate(); errors.As(err, &of) {
		return &account.InvalidError{Field: of.Field, Rule: "icf"}
	}
	return account.FirstError(
		account.CheckText("instrument", &o.Instrument, 80, o.Rater == "instrument"), account.CheckText("note", &o.Note, 300, false))
}

// ProfileRow is one category with what was rated on each occasion.
type ProfileRow struct {
	Code  icf.Code
	Label icf.Label
	Title string                    // of the imported edition; empty while none is
	Seen  map[string][]*Observation // by occasion, in the order of Raters
}

// Of is the observation that counts on an occasion, a professional's before others; nil where there is none.
func (r ProfileRow) Of(occasion string) *Observation {
	seen := r.Seen[occasion]
	if i := slices.IndexFunc(seen, func(o *Observation) bool { return o.Rater == "professional" }); i >= 0 {
		return seen[i]
	}
	if len(seen) > 0 {
		return seen[0]
	}
	return nil
}

// Last is the observation that counts today: that of the latest occasion.
func (r ProfileRow) Last() *Observation {
	for _, occasion := range slices.Backward(Occasions) {
		if o := r.Of(occasion); o != nil {
			return o
		}
	}
	return nil
}

// Differs says that raters differ on some occasion: a point to talk about.
func (r ProfileRow) Differs() bool {
	for _, seen := range r.Seen {
		for _, one := range seen {
			a, given := one.Degree()
			b, also := seen[0].Degree()
			if given && also && a != b {
				return true
			}
		}
	}
	return false
}

// profileRows puts the observations of a case into rows: what the environment could change most on top, then what is worst.
func profileRows(seen []Observation) []ProfileRow {
	labels, at := icf.Labels(), map[icf.Code]int{}
	var rows []ProfileRow
	slices.SortStableFunc(seen, func(a, b Observation) int {
		return cmp.Compare(slices.Index(Raters, a.Rater), slices.Index(Raters, b.Rater))
	})
	for i := range seen {
		o := &seen[i]
		n, known := at[o.Code]
		if !known {
			n = len(rows)
			at[o.Code] = n
			rows = append(rows, ProfileRow{Code: o.Code, Label: labels[o.Code], Seen: map[string][]*Observation{}})
		}
		rows[n].Seen[o.Occasion] = append(rows[n].Seen[o.Occasion], o)
	}
	slices.SortStableFunc(rows, func(a, b ProfileRow) int { return icf.Compare(a.Last().Finding, b.Last().Finding) })
	return rows
}
