package agenda

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAProposalFillsEveryLengthToTheMinute(t *testing.T) {
	t.Parallel()
	for minutes := 5; minutes <= 240; minutes++ {
		for _, s := range []Shape{
			{}, {Caseworker: true}, {Caseworker: true, Guests: true}, {Course: PlanCourse, Caseworker: true, Guests: true}, {Course: PlanCourse}, {Course: TopicCourse}, {Course: TopicCourse, Caseworker: true},
		} {
			length := time.Duration(minutes) * time.Minute
			a := Propose(s, length)
			if a.Length() != length {
				t.Errorf("%+v, %d min: the phases take %v", s, minutes, a.Length())
			}
			if err := a.Check(length, nil); err != nil {
				t.Errorf("%+v, %d min: %v in %+v", s, minutes, err, a)
			}
			if has := slices.ContainsFunc(a, func(p Phase) bool { return p.Kind == WithGuest }); has != s.Guests {
				t.Errorf("%+v, %d min: a phase with guests: %v", s, minutes, has)
			}
		}
	}
}

func TestAProposalHasItsOrderAndItsOwners(t *testing.T) {
	t.Parallel()
	written := func(a Agenda) string {
		var all []string
		for _, p := range a {
			all = append(all, string(p.Kind)+" "+p.Owner.String()+" "+(time.Duration(p.Minutes)*time.Minute).String())
		}
		return strings.Join(all, ", ")
	}
	for _, c := range []struct {
		of     Shape
		length time.Duration
		want   string
	}{
		{Shape{Caseworker: true}, 25 * time.Minute, "opening moderator 2m0s, presentation caseworker 4m0s, confirming moderator 1m0s, questions experts 5m0s, " +
			"recommendations experts 9m0s, decisions moderator 4m0s"},
		{Shape{Caseworker: true, Guests: true}, 31 * time.Minute, "opening moderator 2m0s, presentation caseworker 4m0s, confirming moderator 1m0s, questions experts 5m0s, " +
			"recommendations experts 9m0s, with_guest guest 6m0s, decisions moderator 4m0s"},
		{Shape{Course: TopicCourse}, 50 * time.Minute, "opening moderator 4m0s, presentation moderator 10m0s, recommendations experts 24m0s, decisions moderator 12m0s"},
		{Shape{Caseworker: true, Guests: true}, 5 * time.Minute, "presentation caseworker 1m0s, questions experts 1m0s, recommendations experts 1m0s, with_guest guest 1m0s, decisions moderator 1m0s"},
	} {
		if got := written(Propose(c.of, c.length)); got != c.want {
			t.Errorf("%+v, %v:\n%s, want\n%s", c.of, c.length, got, c.want)
		}
	}
}

func TestAnAgendaBreaksEachRuleWhereItIsBroken(t *testing.T) {
	t.Parallel()
	seat := uuid.New()
	good := func() Agenda {
		return Agenda{{Opening, "", 2, Owner{Role: Moderator}}, {Own, " Blick in die Werkstatt ", 8, Owner{Seat, seat}}}
	}
	if a := good(); a.Check(10*time.Minute, []uuid.UUID{seat}) != nil || a[1].Title != "Blick in die Werkstatt" {
		t.Fatalf("a good one is refused, or its title keeps its blanks: %+v", a)
	}
	for _, c := range []struct {
		name        string
		spoil       func(*Agenda)
		field, rule string
	}{
		{"no phase", func(a *Agenda) { *a = nil }, "phases", "required"},
		{"thirteen phases", func(a *Agenda) { *a = slices.Repeat((*a)[:1], 13) }, "phases", "twelve"},
		{"a kind that is none", func(a *Agenda) { (*a)[1].Kind = "lunch" }, "kind1", "unknown"},
		{"no kind", func(a *Agenda) { (*a)[0].Kind = "" }, "kind0", "unknown"},
		{"own words without any", func(a *Agenda) { (*a)[1].Title = " " }, "title1", "required"},
		{"a long title", func(a *Agenda) { (*a)[0].Title = strings.Repeat("ä", 81) }, "title0", "too_long"},
		{"a title in two lines", func(a *Agenda) { (*a)[0].Title = "Rück\nfragen" }, "title0", "one_line"},
		{"no minute", func(a *Agenda) { (*a)[0].Minutes = 0 }, "minutes0", "range"},
		{"minus two minutes", func(a *Agenda) { (*a)[1].Minutes = -2 }, "minutes1", "range"},
		{"121 minutes", func(a *Agenda) { (*a)[1].Minutes = 121 }, "minutes1", "range"},
		{"nobody", func(a *Agenda) { (*a)[0].Owner = Owner{} }, "owner0", "unknown"},
		{"a role that is none", func(a *Agenda) { (*a)[0].Owner = Owner{Role: "cook"} }, "owner0", "unknown"},
		{"another conference's seat", func(a *Agenda) { (*a)[1].Owner.Seat = uuid.New() }, "owner1", "unknown"},
		{"longer than the conference", func(a *Agenda) { (*a)[1].Minutes = 9 }, "phases", "too_long"},
	} {
		a := good()
		c.spoil(&a)
		var invalid *account.InvalidError
		if err := a.Check(10*time.Minute, []uuid.UUID{seat}); !errors.As(err, &invalid) || invalid.Field != c.field || invalid.Rule != c.rule {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAnOwnerIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, o := range []Owner{{Role: Moderator}, {Role: Caseworker}, {Role: Experts}, {Role: Guest}, {Seat, uuid.New()}} {
		if got := ReadOwner(o.String()); got != o {
			t.Errorf("%+v comes back as %+v", o, got)
		}
	}
	for _, typed := range []string{"", "seat", "Moderator", uuid.Nil.String(), strings.ToUpper(uuid.NewString()), "{" + uuid.NewString() + "}"} {
		if got := ReadOwner(typed); got != (Owner{}) {
			t.Errorf("%q is %+v", typed, got)
		}
	}
}

func TestPhasesBeginOneAfterTheOther(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	got := Propose(Shape{Caseworker: true}, 25*time.Minute).Begins(start)
	var said []string
	for _, at := range got {
		said = append(said, at.Format("15:04"))
	}
	if want := "10:00 10:02 10:06 10:07 10:12 10:21"; strings.Join(said, " ") != want {
		t.Errorf("they begin at %v, want %s", said, want)
	}
}

func TestWithoutSomebodyHerOwnPointGoesAndTheModerationTakesTheRest(t *testing.T) {
	t.Parallel()
	gone, there := uuid.New(), uuid.New()
	a := Agenda{
		{Opening, "", 2, Owner{Role: Moderator}}, {Questions, "Was fehlt?", 5, Owner{Seat, gone}}, {Own, "Werkstatt", 4, Owner{Seat, gone}}, {Own, "Schmerz", 4, Owner{Seat, there}},
	}
	want := Agenda{{Opening, "", 2, Owner{Role: Moderator}}, {Questions, "Was fehlt?", 5, Owner{Role: Moderator}}, {Own, "Schmerz", 4, Owner{Seat, there}}}
	if got := a.Without([]uuid.UUID{gone}); !slices.Equal(got, want) {
		t.Errorf("without her: %+v", got)
	}
	if got := a.Without(nil); !slices.Equal(got, a) || a[1].Owner.Seat != gone {
		t.Errorf("without nobody: %+v", got)
	}
}

func TestAPhaseThatIsEnteredAgainGoesOn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 7, 0, 0, time.UTC)
	r := Run{At: 1, Since: now.Add(-90 * time.Second), Spent: []time.Duration{2 * time.Minute, 3 * time.Minute, 0}}
	for phase, want := range []time.Duration{2 * time.Minute, 270 * time.Second, 0} {
		if got := r.Took(phase, now); got != want {
			t.Errorf("phase %d took %v, want %v", phase, got, want)
		}
	}
	if got := r.Took(1, now.Add(-time.Hour)); got != 3*time.Minute {
		t.Errorf("with a clock that goes back it took %v", got)
	}
	for _, c := range []struct {
		run   Run
		begun bool
	}{{r, true}, {Run{At: -1, Spent: []time.Duration{0, time.Second}}, true}, {Run{At: -1, Spent: make([]time.Duration, 2)}, false}, {Run{At: 0, Spent: make([]time.Duration, 2)}, true}} {
		if c.run.Begun() != c.begun {
			t.Errorf("%+v has begun: %v", c.run, !c.begun)
		}
	}
	for d, want := range map[time.Duration]int{0: 0, 29 * time.Second: 0, 30 * time.Second: 1, 150 * time.Second: 3} {
		if got := WholeMinutes(d); got != want {
			t.Errorf("%v are %d minutes, want %d", d, got, want)
		}
	}
}
