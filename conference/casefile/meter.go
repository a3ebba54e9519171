package casefile

import (
	"cmp"
	"slices"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Traits are what the texts of a case tell about the client, coarse; empty where they tell nothing.
type Traits struct {
	AgeBand    string // one of AgeBands
	Sex        string // one of Sexes
	Region     string // one of Regions
	Occupation string // main area of KldB 2010, one of Occupations
	Diagnosis  string // group, one of Diagnoses
}

// The values of traits. An age band is ten years, or one of the three wide ones that it can be widened to.
var (
	AgeBands    = []string{"u20", "20", "30", "40", "50", "60", "under30", "30to49", "over50"}
	Sexes       = []string{"f", "m", "d"}
	Occupations = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	Diagnoses   = []string{"mental", "addiction", "muscles", "heart", "nerves", "cancer", "other"}
)

// wide are the age bands that others lie in.
var wide = map[string][]string{"under30": {"u20", "20"}, "30to49": {"30", "40"}, "over50": {"50", "60"}}

// Regions are the districts that were loaded, or whether it is town or country.
func (t Towns) Regions() []string { return append([]string{"urban", "rural"}, t.districts...) }

func (t Traits) validate(regions []string) error {
	for _, one := range []struct {
		field, value string
		known        []string
	}{
		{"age_band", t.AgeBand, AgeBands}, {"sex", t.Sex, Sexes}, {"region", t.Region, regions},
		{"occupation", t.Occupation, Occupations}, {"diagnosis", t.Diagnosis, Diagnoses},
	} {
		if one.value != "" && !slices.Contains(one.known, one.value) {
			return &account.InvalidError{Field: one.field, Rule: "unknown"}
		}
	}
	return nil
}

// fits says whether a client of traits o could be the one whom t tells of. What is not known of o does not fit: better too few than too many.
func (t Traits) fits(o Traits) bool {
	one := func(told, of string) bool { return told == "" || told == of }
	return (one(t.AgeBand, o.AgeBand) || slices.Contains(wide[t.AgeBand], o.AgeBand)) && one(t.Sex, o.Sex) && one(t.Region, o.Region) &&
		one(t.Occupation, o.Occupation) && one(t.Diagnosis, o.Diagnosis)
}

// Meter tells how many clients of the organisation's open cases share what the texts of one of them tell.
type Meter struct {
	Traits  Traits
	K       int       // this one included
	Cases   int       // open ones of the organisation with traits
	Coarser []Coarser // what to tell less of, the most effective first; at most three
	Places  []Place   // in the newest summary
}

// Coarser is a way to tell less. A step is the field, and for an age the band that it becomes; "" leaves it out.
type Coarser struct {
	Steps []Step
	K     int
}

// Step is one field told less of.
type Step struct{ Field, To string }

// Place is a municipality that the text names, with about how many people of the client's age and sex live there.
type Place struct {
	Town
	Alike int
}

// Known says that there is something to count by.
func (m Meter) Known() bool { return m.Traits != Traits{} }

// Rare says that the texts are released only with a reason: fewer than three people share what they tell.
func (m Meter) Rare() bool { return m.Known() && m.K < rareBelow }

// Level is none, rare, few or good.
func (m Meter) Level() string {
	switch {
	case !m.Known():
		return "none"
	case m.K < rareBelow:
		return "rare"
	case m.K < goodFrom:
		return "few"
	}
	return "good"
}

const rareBelow, goodFrom = 3, 5

// measure counts. all are the traits of the open cases, those of the case itself among them.
func measure(t Traits, all []Traits) Meter {
	m := Meter{Traits: t, K: t.among(all), Cases: len(all)}
	if !m.Known() || m.K >= goodFrom {
		return m
	}
	steps := t.steps()
	for i, first := range steps {
		m.Coarser = append(m.Coarser, Coarser{[]Step{first}, t.less(first).among(all)})
		for _, second := range steps[i+1:] {
			if first.Field != second.Field {
				m.Coarser = append(m.Coarser, Coarser{[]Step{first, second}, t.less(first).less(second).among(all)})
			}
		}
	}
	m.Coarser = slices.DeleteFunc(m.Coarser, func(c Coarser) bool { return c.K <= m.K })
	slices.SortStableFunc(m.Coarser, func(a, b Coarser) int { // enough people first, then the smaller loss
		return cmp.Or(cmp.Compare(min(b.K, goodFrom), min(a.K, goodFrom)), cmp.Compare(len(a.Steps), len(b.Steps)), cmp.Compare(b.K, a.K))
	})
	m.Coarser = m.Coarser[:min(3, len(m.Coarser))]
	return m
}

func (t Traits) among(all []Traits) int {
	n := 0
	for _, o := range all {
		if t.fits(o) {
			n++
		}
	}
	return n
}

// steps are the ways to tell less of one thing.
func (t Traits) steps() []Step {
	var steps []Step
	for _, band := range []string{"under30", "30to49", "over50"} {
		if slices.Contains(wide[band], t.AgeBand) {
			steps = append(steps, Step{"age_band", band})
		}
	}
	for _, one := range []struct{ field, value string }{
		{"occupation", t.Occupation}, {"diagnosis", t.Diagnosis}, {"region", t.Region}, {"age_band", t.AgeBand}, {"sex", t.Sex},
	} {
		if one.value != "" {
			steps = append(steps, Step{one.field, ""})
		}
	}
	return steps
}

func (t Traits) less(s Step) Traits {
	switch s.Field {
	case "age_band":
		t.AgeBand = s.To
	case "sex":
		t.Sex = s.To
	case "region":
		t.Region = s.To
	case "occupation":
		t.Occupation = s.To
	case "diagnosis":
		t.Diagnosis = s.To
	}
	return t
}

// share is how many of a hundred people in Germany are of an age band, rounded: it is to tell a village from a city.
var share = map[string]int{"": 100, "u20": 19, "20": 11, "30": 13, "40": 12, "50": 15, "60": 30, "under30": 30, "30to49": 25, "over50": 45}

// alike is about how many people of the client's age and sex live in a town.
func (t Traits) alike(one Town) int {
	n := one.Population * share[t.AgeBand] / 100
	if t.Sex == "f" || t.Sex == "m" {
		n /= 2
	}
	return n
}
