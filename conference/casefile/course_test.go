package casefile

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
)

func observed(t *testing.T, occasion, rater, notation string) Observation {
	t.Helper()
	f, err := icf.Parse(notation)
	if err != nil {
		t.Fatal(err)
	}
	return Observation{Occasion: occasion, Rater: rater, Month: time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC), Finding: f}
}

func TestProfileShowsWhatTheEnvironmentCouldChangeFirstAndWhereRatersDiffer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	for _, o := range []Observation{
		observed(t, "entry", "self", "d850.43"), observed(t, "entry", "professional", "d850.41"), observed(t, "interim", "professional", "d850.21"),
		observed(t, "entry", "professional", "b130.3"), observed(t, "entry", "professional", "e310+2"), observed(t, "entry", "professional", "d720.3"),
		observed(t, "entry", "professional", "d720.31"), // which replaces the one before
	} {
		d.must(d.Observe(ctx, d.by, id, o))
	}
	c, err := d.Course(ctx, d.second, id)
	d.must(err)
	var got []string
	for _, row := range c.Profile {
		got = append(got, row.Last().String())
	}
	if want := []string{"d720.31", "d850.21", "b130.3", "e310+2"}; !slices.Equal(got, want) {
		t.Errorf("the profile reads %v, want %v", got, want)
	}
	if row := c.Profile[1]; row.Differs() || len(row.Seen["entry"]) != 2 || row.Seen["entry"][0].Rater != "self" || row.Label.Label == "" {
		t.Errorf("the row of d850: %+v", row) // 4 and 4: they differ in the capacity, not in what is done
	}
	d.must(d.Observe(ctx, d.by, id, observed(t, "entry", "self", "b130.1")))
	if c, err = d.Course(ctx, d.by, id); err != nil || !c.Profile[2].Differs() {
		t.Errorf("raters who differ: %+v, %v", c.Profile[2], err)
	}
	d.must(d.ForgetObservation(ctx, d.by, id, c.Profile[0].Last().ID))
	if err := d.ForgetObservation(ctx, d.by, id, c.Profile[0].Last().ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("forgotten twice: %v", err)
	}
	n, err := ImportICF(ctx, d.db, "2005", []icf.Entry{{Code: "d850", Title: "Amtlich"}, {Code: "d850", Title: "Doppelt"}, {Code: "b130", Title: "Auch"}})
	if c, _ = d.Course(ctx, d.by, id); err != nil || n != 2 || c.Profile[0].Title != "Amtlich" {
		t.Errorf("%d imported, %v: %+v", n, err, c.Profile[0])
	}
}

func TestWhatIsWrongWithAnObservationOrAScoreIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	for want, change := range map[string]func(*Observation){
		"":                    func(*Observation) {},
		"occasion:unknown":    func(o *Observation) { o.Occasion = "later" },
		"rater:unknown":       func(o *Observation) { o.Rater = "somebody" },
		"instrument:required": func(o *Observation) { o.Rater = "instrument" },
		"month:past":          func(o *Observation) { o.Month = d.clock.AddDate(0, 2, 0) },
		"code:icf":            func(o *Observation) { o.Code = "x1" },
		"barrier:icf":         func(o *Observation) { o.Barrier = 1 },
		"performance:icf":     func(o *Observation) { o.Performance = 7 },
		"note:too_long":       func(o *Observation) { o.Note = longText },
	} {
		o := observed(t, "entry", "self", "d850.3")
		change(&o)
		if err := d.Observe(ctx, d.by, id, o); ruleOf(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, change := range map[string]func(*Score){
		"":                     func(*Score) {},
		"instrument:required":  func(s *Score) { s.Instrument = " " },
		"computed_by:required": func(s *Score) { s.ComputedBy = "" },
		"value:number":         func(s *Score) { s.Value = "hoch" },
		"scale_min:number":     func(s *Score) { s.Min = "NaN" },
		"scale_max:above_min":  func(s *Score) { s.Max = "0" },
		"value:on_scale":       func(s *Score) { s.Value = "101" },
		"measured_on:past":     func(s *Score) { s.MeasuredOn = d.clock.AddDate(0, 0, 1) },
		"measured_on:required": func(s *Score) { s.MeasuredOn = time.Time{} },
	} {
		s := score()
		change(&s)
		if err := d.AddScore(ctx, d.by, id, s); ruleOf(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c, err := d.Course(ctx, d.by, id)
	if err != nil || len(c.Scores) != 1 || c.Scores[0].Value != "62.5" || c.Scores[0].Band != "erhöht" {
		t.Errorf("%+v, %v", c.Scores, err)
	}
}

var longText = string(slices.Repeat([]byte("x"), 301))

func score() Score {
	return Score{
		Instrument: "rehaScore", Version: "2", Value: "62,5", Min: "0", Max: "100", Band: "erhöht", MeasuredOn: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC),
		ComputedBy: "Rentenversicherung", ClientSaw: true,
	}
}

func TestACaseGoesThroughPhasesAndShowsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	on := func(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }
	for want, err := range map[string]error{
		"phase:unknown": d.Enter(ctx, d.by, id, "Irgendwo", on(2)), "began_on:past": d.Enter(ctx, d.by, id, "Zusteuerung", on(30)),
		"band:unknown":    d.StateCapacity(ctx, d.by, id, WorkCapacity{Band: "8", StatedOn: on(2), Source: "Gutachten"}),
		"ratings:unknown": d.Rate(ctx, d.by, id, "entry", "self", map[string]int{"Fliegen": 1}), "view:unknown": d.Rate(ctx, d.by, id, "entry", "x", map[string]int{"Durchhalten": 1}),
		"contact:unknown": d.TurnTo(ctx, d.by, id, d.foreign.ID),
	} {
		if ruleOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	d.must(d.Enter(ctx, d.by, id, "Aktive Unterstützung", on(20)))
	d.must(d.Enter(ctx, d.second, id, "Zusteuerung", on(2)))
	d.must(d.Enter(ctx, d.by, id, "Situations- und Bedarfsanalyse", on(20)))
	d.must(d.StateCapacity(ctx, d.by, id, WorkCapacity{Band: "from_6", StatedOn: on(20), Source: "Ärztlicher Dienst"}))
	d.must(d.StateCapacity(ctx, d.by, id, WorkCapacity{Band: "under_3", StatedOn: on(2), Source: "eigene Angabe"}))
	d.must(d.Rate(ctx, d.by, id, "entry", "self", map[string]int{"Durchhalten": 1, "Sich behaupten": 4}))
	d.must(d.Rate(ctx, d.by, id, "entry", "observer", map[string]int{"Durchhalten": 3}))
	d.must(d.Rate(ctx, d.by, id, "entry", "observer", map[string]int{"Durchhalten": 2}))
	d.must(d.TurnTo(ctx, d.by, id, d.second.ID))
	c, err := d.Course(ctx, d.by, id)
	d.must(err)
	if len(c.Phases) != 2 || c.Phases[0].Name != "Zusteuerung" || c.Phases[1].Name != "Situations- und Bedarfsanalyse" {
		t.Errorf("phases: %+v", c.Phases)
	}
	if len(c.Capacities) != 2 || c.Capacities[0].Band != "under_3" || c.Capacities[1].Band != "from_6" {
		t.Errorf("work capacity: %+v", c.Capacities)
	}
	if len(c.Ratings) != 2 || c.Ratings[0].Capacity != "Durchhalten" || c.Ratings[0].Seen["entry"]["self"] != 1 || c.Ratings[0].Seen["entry"]["observer"] != 2 {
		t.Errorf("ratings: %+v", c.Ratings)
	}
	if c.ContactID != d.second.ID {
		t.Errorf("the contact is %v", c.ContactID)
	}
}

// Every act of this file by everybody who may not do it, and by everybody once the case is sealed.
func TestOnlyTheConveningOrganisationKeepsACourse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	acts := map[string]func(account.Actor) error{
		"observe": func(by account.Actor) error { return d.Observe(ctx, by, id, observed(t, "entry", "self", "d850.3")) },
		"forget":  func(by account.Actor) error { return d.ForgetObservation(ctx, by, id, uuid.New()) },
		"score":   func(by account.Actor) error { return d.AddScore(ctx, by, id, score()) },
		"unscore": func(by account.Actor) error { return d.ForgetScore(ctx, by, id, uuid.New()) },
		"capacity": func(by account.Actor) error {
			return d.StateCapacity(ctx, by, id, WorkCapacity{Band: "from_6", StatedOn: d.clock.AddDate(0, 0, -3), Source: "x"})
		},
		"unstate": func(by account.Actor) error { return d.ForgetCapacity(ctx, by, id, uuid.New()) },
		"rate": func(by account.Actor) error {
			return d.Rate(ctx, by, id, "entry", "self", map[string]int{"Durchhalten": 1})
		},
		"phase":   func(by account.Actor) error { return d.Enter(ctx, by, id, "Zusteuerung", d.clock.AddDate(0, 0, -3)) },
		"contact": func(by account.Actor) error { return d.TurnTo(ctx, by, id, d.second.ID) },
		"read":    func(by account.Actor) error { _, err := d.Course(ctx, by, id); return err },
	}
	expert := d.by
	expert.Role = account.Expert
	for what, act := range acts {
		for who, want := range map[*account.Actor]error{&d.foreign: account.ErrNotFound, &d.lead: account.ErrDenied, &expert: account.ErrDenied} {
			if err := act(*who); !errors.Is(err, want) {
				t.Errorf("%s by a %s: %v, want %v", what, who.Role, err, want)
			}
		}
	}
	_, err := d.db.Exec(ctx, `update case_file set state = 'sealed', sealed_at = now() where id = $1`, id)
	d.must(err)
	for what, act := range acts {
		if err := act(d.by); !errors.Is(err, account.ErrClosed) {
			t.Errorf("%s of a sealed case: %v", what, err)
		}
	}
}

func TestCoordinationKeepsTheListsAndSeesTheLoad(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	d.newCase()
	d.newCase()
	set, err := d.Casework(ctx, d.by)
	if err != nil || set.Caseload != 25 || len(set.Phases) != 4 || len(set.Codes) != 21 {
		t.Fatalf("%+v, %v", set, err)
	}
	if err := d.SetCasework(ctx, d.by, set); !errors.Is(err, account.ErrDenied) {
		t.Errorf("set by a caseworker: %v", err)
	}
	for want, change := range map[string]func(*Casework){
		"codes:icf": func(c *Casework) { c.Codes = []icf.Code{"x"} }, "phases:lines": func(c *Casework) { c.Phases = nil },
		"capacities:required": func(c *Casework) { c.Capacities = []string{" "} }, "caseload:range": func(c *Casework) { c.Caseload = 0 },
	} {
		bad := set
		change(&bad)
		if err := d.SetCasework(ctx, d.lead, bad); ruleOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	set.Caseload, set.Phases, set.Codes = 2, []string{"Anfang", "Ende"}, []icf.Code{"D850"}
	d.must(d.SetCasework(ctx, d.lead, set))
	if set, err = d.Casework(ctx, d.foreign); err != nil || !slices.Equal(set.Phases, []string{"Anfang", "Ende"}) || set.Codes[0] != "d850" {
		t.Errorf("%+v, %v", set, err)
	}
	loads, err := d.Loads(ctx, d.lead)
	full := 0
	for _, l := range loads {
		if l.Full() {
			full++
		}
	}
	if err != nil || len(loads) != 3 || full != 1 {
		t.Errorf("%+v, %v", loads, err)
	}
	if loads, err = d.Loads(ctx, d.foreign); err != nil || len(loads) != 1 || loads[0].Cases != 0 {
		t.Errorf("of another organisation: %+v, %v", loads, err)
	}
}
