package plan

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAnswerOfTheResponsiblePerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from    State
		accept  bool
		to      State
		changed bool
		ok      bool
	}{
		{Proposed, true, Accepted, true, true},
		{Proposed, false, Refused, true, true},
		{Accepted, true, Accepted, false, true},
		{Refused, false, Refused, false, true},
		{Accepted, false, Accepted, false, false},
		{Refused, true, Refused, false, false},
		{Done, true, Done, false, false},
		{InProgress, false, InProgress, false, false},
	} {
		to, changed, err := answer(Measure{State: c.from}, c.accept)
		if changed != c.changed || (err == nil) != c.ok || err == nil && to != c.to || err != nil && !errors.Is(err, account.ErrConflict) {
			t.Errorf("%s, accept %v: %s, %v, %v", c.from, c.accept, to, changed, err)
		}
	}
}

func TestOutcomesAreFinalButNotYet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from    State
		outcome string
		to      State
		changed bool
		ok      bool
	}{
		{Accepted, OutcomeDone, Done, true, true},
		{Accepted, OutcomeNotYet, InProgress, true, true},
		{InProgress, OutcomeNotYet, InProgress, true, true},
		{InProgress, OutcomeNotPossible, NotPossible, true, true},
		{Done, OutcomeDone, Done, false, true},
		{Done, OutcomeNotYet, Done, false, false},
		{NotPossible, OutcomeDone, NotPossible, false, false},
		{Proposed, OutcomeDone, Proposed, false, false},
		{Refused, OutcomeDone, Refused, false, false},
		{Accepted, "perhaps", Accepted, false, false},
	} {
		to, changed, err := report(Measure{State: c.from}, c.outcome)
		if changed != c.changed || (err == nil) != c.ok || err == nil && to != c.to {
			t.Errorf("%s, %s: %s, %v, %v", c.from, c.outcome, to, changed, err)
		}
	}
}

func TestOverdueBeginsTheDayAfter(t *testing.T) {
	t.Parallel()
	m := Measure{State: Accepted, DueOn: time.Date(2026, 12, 10, 0, 0, 0, 0, time.UTC)}
	if m.Overdue(time.Date(2026, 12, 10, 22, 59, 0, 0, time.UTC)) {
		t.Error("overdue on the due date")
	}
	if !m.Overdue(time.Date(2026, 12, 10, 23, 1, 0, 0, time.UTC)) { // 00:01 in Germany
		t.Error("not overdue on the next day")
	}
	m.State = Done
	if m.Overdue(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("done and overdue")
	}
}

func TestDraftNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	good := Draft{What: "Platz anfragen", Responsible: uuid.New(), DueOn: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	if err := good.validate(now); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*Draft){
		"what":        func(d *Draft) { d.What = "  " },
		"responsible": func(d *Draft) { d.Responsible = uuid.Nil },
		"due_on":      func(d *Draft) { d.DueOn = d.DueOn.AddDate(0, 0, -1) },
	} {
		d := good
		change(&d)
		var invalid *account.InvalidError
		if err := d.validate(now); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
