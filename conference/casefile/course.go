package casefile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Course is what becomes of a case over time, beside its summary.
type Course struct {
	Profile    []ProfileRow
	Ratings    []CapacityRow
	Scores     []Score // newest first
	Capacities []WorkCapacity
	Phases     []Phase   // in time; the last is where the case is
	ContactID  uuid.UUID // whom the client turns to
}

// Codes is how many categories the profile has. More than icf.Most describe one person.
func (c Course) Codes() int { return len(c.Profile) }

// Score is a figure that somebody else has computed, such as the rehaScore of KOPF22, with where it comes from. konsil never
// computes one of its own, never compares people by it and never sorts by it; experts see it with the client's consent for that.
type Score struct {
	ID                  uuid.UUID
	Instrument, Version string
	Value, Min, Max     string // decimal, with a point; exactly as entered
	Band                string // as the instrument names it
	MeasuredOn          time.Time
	ComputedBy          string
	ClientSaw           bool // the client knows the figure
	AuthorName          string
	WrittenAt           time.Time
}

func (c *Score) validate(now time.Time) error {
	err := account.FirstError(
		account.CheckText("instrument", &c.Instrument, 80, true), account.CheckText("version", &c.Version, 40, true),
		account.CheckText("band", &c.Band, 80, false), account.CheckText("computed_by", &c.ComputedBy, 120, true))
	if err != nil {
		return err
	}
	var numbers [3]float64
	for i, f := range []struct {
		name string
		text *string
	}{{"value", &c.Value}, {"scale_min", &c.Min}, {"scale_max", &c.Max}} {
		*f.text = strings.Replace(strings.TrimSpace(*f.text), ",", ".", 1)
		n, err := strconv.ParseFloat(*f.text, 64)
		if err != nil || len(*f.text) > 12 || strings.ContainsAny(*f.text, "eExXpP_nN") {
			return &account.InvalidError{Field: f.name, Rule: "number"}
		}
		numbers[i] = n
	}
	switch {
	case numbers[1] >= numbers[2]:
		return &account.InvalidError{Field: "scale_max", Rule: "above_min"}
	case numbers[0] < numbers[1] || numbers[0] > numbers[2]:
		return &account.InvalidError{Field: "value", Rule: "on_scale"}
	}
	return day("measured_on", c.MeasuredOn, now)
}

// day checks a date of something that has happened.
func day(field string, at, now time.Time) error {
	if at.IsZero() {
		return &account.InvalidError{Field: field, Rule: "required"}
	}
	if at.Year() < 1950 || at.After(expertpool.Today(now)) {
		return &account.InvalidError{Field: field, Rule: "past"}
	}
	return nil
}

// Bands are the hours a day that somebody can work: under 3, 3 to under 6, 6 and more (SGB VI section 43, SGB II section 8).
var Bands = []string{"under_3", "3_to_6", "from_6"}

// WorkCapacity is such a band as somebody has stated it. Before and after are two of them.
type WorkCapacity struct {
	ID         uuid.UUID
	Band       string // one of Bands
	StatedOn   time.Time
	Source     string // whose statement: an opinion, a physician, the person
	AuthorName string
}

func (w *WorkCapacity) validate(now time.Time) error {
	if !slices.Contains(Bands, w.Band) {
		return &account.InvalidError{Field: "band", Rule: "unknown"}
	}
	return account.FirstError(account.CheckText("source", &w.Source, 120, true), day("stated_on", w.StatedOn, now))
}

// Phase is where a case is on its way, since a day.
type Phase struct {
	Name       string // one of Casework.Phases when it was entered
	BeganOn    time.Time
	AuthorName string
}

// Views are who rates a capacity.
var Views = []string{"self", "observer"}

// CapacityRating is how much a capacity is impaired, 0 to 4, on one occasion, as the client or somebody else sees it.
type CapacityRating struct {
	Occasion, View, Capacity string
	Value                    int
}

// CapacityRow is one capacity with both views of each occasion, side by side.
type CapacityRow struct {
	Capacity string
	Seen     map[string]map[string]int // by occasion, then view
}

func capacityRows(ratings []CapacityRating) []CapacityRow {
	var rows []CapacityRow
	for _, r := range ratings {
		i := slices.IndexFunc(rows, func(row CapacityRow) bool { return row.Capacity == r.Capacity })
		if i < 0 {
			i = len(rows)
			rows = append(rows, CapacityRow{r.Capacity, map[string]map[string]int{}})
		}
		if rows[i].Seen[r.Occasion] == nil {
			rows[i].Seen[r.Occasion] = map[string]int{}
		}
		rows[i].Seen[r.Occasion][r.View] = r.Value
	}
	return rows
}
