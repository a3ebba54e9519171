package poll

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var monday = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// round makes a poll with options a day apart and a voice for each line: discipline, house, and a letter for each option (y, i, n or -).
func round(seats []Seat, lines ...[2]string) Poll {
	p := Poll{Seats: seats}
	for i := range lines[0][1] {
		p.Options = append(p.Options, Option{ID: uuid.New(), Start: monday.AddDate(0, 0, i)})
	}
	for _, line := range lines {
		v := Voice{ID: uuid.New(), Account: uuid.New(), Discipline: line[0], AskedAt: &monday, Votes: map[uuid.UUID]Cast{}}
		for i, letter := range line[1] {
			if vote := map[rune]Vote{'y': Yes, 'i': IfNeedBe, 'n': No}[letter]; vote != "" {
				v.Votes[p.Options[i].ID] = Cast{Vote: vote}
			}
		}
		p.Voices = append(p.Voices, v)
	}
	return p
}

// order is the ranking as the numbers of the options.
func (p Poll) order() []int {
	var found []int
	for _, s := range p.Ranking(monday.Add(-time.Hour)) {
		found = append(found, slices.IndexFunc(p.Options, func(o Option) bool { return o.ID == s.ID }))
	}
	return found
}

func TestDatesAreRankedByWhoIsNeededThenWhoIsWelcomeThenTheFewestReservations(t *testing.T) {
	t.Parallel()
	a, b, c := Seat{Discipline: "a"}, Seat{Discipline: "b"}, Seat{Discipline: "c", Optional: true}
	for name, test := range map[string]struct {
		poll Poll
		want []int
	}{
		"a yes of those who are needed":   {round([]Seat{a, b, c}, [2]string{"a", "iy"}, [2]string{"b", "yy"}, [2]string{"c", "yn"}), []int{1, 0}},
		"an if need be before an absence": {round([]Seat{a, b}, [2]string{"a", "nyi"}, [2]string{"b", "yny"}), []int{2, 0, 1}},
		"silence before a no":             {round([]Seat{a}, [2]string{"a", "n-"}), []int{1, 0}},
		"who is welcome":                  {round([]Seat{a, c}, [2]string{"a", "yy"}, [2]string{"c", "ny"}), []int{1, 0}},
		"welcome without reserve":         {round([]Seat{a, c}, [2]string{"a", "yy"}, [2]string{"c", "iy"}), []int{1, 0}},
		"the earlier one":                 {round([]Seat{a}, [2]string{"a", "yy"}), []int{0, 1}},
	} {
		if got := test.poll.order(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestOnePersonTakesOneSeatAndAHouseSendsOne(t *testing.T) {
	t.Parallel()
	p := round([]Seat{{Discipline: "a"}, {Discipline: "a"}}, [2]string{"a", "y"})
	if s := p.Ranking(monday.Add(-time.Hour))[0]; s.Whole() || s.Sure != 1 || len(s.Missing()) != 1 {
		t.Errorf("one person for two seats: %+v", s)
	}
	p = round([]Seat{{Discipline: "a"}, {Discipline: "b"}}, [2]string{"a", "y"}, [2]string{"b", "y"})
	p.Voices[0].House, p.Voices[1].House = 7, 7
	if s := p.Ranking(monday.Add(-time.Hour))[0]; s.Whole() {
		t.Error("two of one practice are seated together")
	}
	p.Seats = []Seat{{Discipline: "a", Expert: p.Voices[0].Account}}
	if s := p.Ranking(monday.Add(-time.Hour))[0]; !s.Whole() || s.Places[0].Voice.Account != p.Voices[0].Account {
		t.Errorf("who is named: %+v", s)
	}
}

func TestWhatIsTakenAndWhatIsPastIsNoDate(t *testing.T) {
	t.Parallel()
	p := round([]Seat{{Discipline: "a"}}, [2]string{"a", "yy"})
	p.Voices[0].Taken = map[uuid.UUID]time.Time{p.Options[0].ID: monday}
	if got := p.order(); !slices.Equal(got, []int{1, 0}) || p.Standing(p.Options[0]).Keepable() {
		t.Errorf("%v", got)
	}
	if n := len(p.Ranking(monday.Add(time.Hour))); n != 1 {
		t.Errorf("%d dates are still to come", n)
	}
}

// A yes in place of anything else never makes a date worse, and what is whole is keepable.
func TestAYesNeverMakesADateWorse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seats := []Seat{{Discipline: "a"}, {Discipline: "b", Optional: rapid.Bool().Draw(t, "optional")}, {Discipline: "a"}}
		var lines [][2]string
		for range rapid.IntRange(1, 5).Draw(t, "people") {
			lines = append(lines, [2]string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "of"), rapid.SampledFrom([]string{"y", "i", "n", "-"}).Draw(t, "vote")})
		}
		p := round(seats, lines...)
		before := p.Standing(p.Options[0])
		who := rapid.IntRange(0, len(p.Voices)-1).Draw(t, "who")
		p.Voices[who].Votes[p.Options[0].ID] = Cast{Vote: Yes}
		after := p.Standing(p.Options[0])
		if after.Sure < before.Sure || after.Usable < before.Usable || after.Possible < before.Possible {
			t.Fatalf("%v then %v", before, after)
		}
		if before.Whole() && !before.Keepable() {
			t.Fatal("whole and not keepable")
		}
	})
}
