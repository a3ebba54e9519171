package slot

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// quarters makes a set of a short calendar: x is in it, everything else is not.
func quarters(g Grid, s string) Set {
	set := g.Empty()
	for i, c := range s {
		if c == 'x' {
			set.fill(i, i+1)
		}
	}
	return set
}

func short(n int) Grid {
	from := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	return NewGrid(from, from.Add(time.Duration(n)*Quarter))
}

func TestARunIsFoundWhereverItBeginsInAWord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		d := rapid.IntRange(1, 96).Draw(t, "d")
		in := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(t, "in")
		g := short(n)
		s := g.Empty()
		for i, p := range in {
			if p < 0.9 {
				s.fill(i, i+1)
			}
		}
		got := slices.Clone(s)
		got.runs(d)
		for i := range n {
			want := true
			for k := range d {
				want = want && s.Has(i+k)
			}
			if got.Has(i) != want {
				t.Fatalf("start %d of %d quarters: %v", i, d, got.Has(i))
			}
		}
	})
}

func TestNineOClockStaysNineOClockOverAClockChange(t *testing.T) {
	t.Parallel()
	loc := berlin(t)
	for _, change := range []struct{ day, sunday string }{{"2027-03-26", "2027-03-28"}, {"2027-10-29", "2027-10-31"}} {
		day, err := time.ParseInLocation("2006-01-02", change.day, loc)
		if err != nil {
			t.Fatal(err)
		}
		g := NewGrid(day, day.AddDate(0, 0, 5))
		s := g.Empty()
		for d := range 7 {
			g.Days(s, []Weekly{{time.Weekday(d), 9 * 60, 10 * 60}}, loc)
		}
		if n := s.Count(); n != 5*4 {
			t.Errorf("%s: %d quarters, not 20", change.day, n)
		}
		s.each(func(i int) {
			if h := g.At(i).In(loc).Hour(); h != 9 {
				t.Errorf("%s: an hour at %v", change.day, g.At(i).In(loc))
			}
		})
	}
}

func TestTheDayOfAClockChangeHasItsOwnLength(t *testing.T) {
	t.Parallel()
	loc := berlin(t)
	for day, want := range map[string]int{"2027-03-28": 92, "2027-10-31": 100, "2027-06-01": 96} {
		d, err := time.ParseInLocation("2006-01-02", day, loc)
		if err != nil {
			t.Fatal(err)
		}
		g := NewGrid(d.AddDate(0, 0, -1), d.AddDate(0, 0, 2))
		s := g.Empty()
		g.Days(s, []Weekly{{d.Weekday(), 0, 1440}}, loc)
		if n := s.Count(); n != want {
			t.Errorf("%s has %d quarters, not %d", day, n, want)
		}
	}
}

func TestAnHourThatComesTwiceMeansTheFirstAndAMissingOneTheOffsetBefore(t *testing.T) {
	t.Parallel()
	loc := berlin(t)
	for _, c := range []struct {
		y    int
		m    time.Month
		d    int
		want string
	}{
		{2027, 10, 31, "2027-10-31T00:30:00Z"}, // 02:30 summer time, not 02:30 standard time
		{2027, 3, 28, "2027-03-28T01:30:00Z"},  // there is no 02:30: with the offset before it is 03:30
		{2027, 7, 1, "2027-07-01T00:30:00Z"},
	} {
		if got := Wall(c.y, c.m, c.d, 150, loc).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("02:30 on %d-%d-%d is %s, not %s", c.y, c.m, c.d, got, c.want)
		}
	}
}

func TestAQuarterThatIsHalfBusyIsBusyAndHalfFreeIsNotFree(t *testing.T) {
	t.Parallel()
	g := short(8)
	a, b := g.At(1).Add(5*time.Minute), g.At(4).Add(time.Minute)
	busy, free := g.Empty(), g.Empty()
	g.Span(busy, a, b)
	g.Within(free, a, b)
	if want := quarters(g, ".xxxx..."); !slices.Equal(busy, want) {
		t.Errorf("busy %b, not %b", busy, want)
	}
	if want := quarters(g, "..xx...."); !slices.Equal(free, want) {
		t.Errorf("free %b, not %b", free, want)
	}
	g.Span(busy, g.At(-40), g.At(-30))
	g.Span(busy, g.At(90), g.At(95))
	if busy.Count() != 4 {
		t.Error("what lies outside the grid got in")
	}
}

func TestTwoOfOneHouseAreNotSeatedTogether(t *testing.T) {
	t.Parallel()
	g := short(4)
	all := quarters(g, "xxxx")
	a := Ask{
		Grid: g, Quarters: 2, Open: all, Limit: 5,
		Persons: []Person{{Free: all, House: 7}, {Free: all, House: 7}, {Free: all, Load: 900}},
		Seats:   []Seat{{Persons: []int{0}}, {Persons: []int{1, 2}}},
	}
	table, err := New(a)
	if err != nil {
		t.Fatal(err)
	}
	slots := table.Slots()
	if len(slots) != 2 || slots[0].Taken[1].Person != 2 {
		t.Errorf("seated %+v", slots)
	}
	a.Persons[2].Busy = all
	if table, err = New(a); err != nil {
		t.Fatal(err)
	}
	if slots := table.Slots(); len(slots) != 0 {
		t.Errorf("a practice fills two seats: %+v", slots)
	}
}

func TestADateThatFailsForOneSeatSaysForWhichAndWhoCouldInstead(t *testing.T) {
	t.Parallel()
	g := short(4)
	all, none := quarters(g, "xxxx"), quarters(g, "....")
	table, err := New(Ask{
		Grid: g, Quarters: 4, Open: all, Limit: 3,
		Persons: []Person{{Free: all}, {Busy: all}, {Free: none, Load: 1}, {Free: all, Load: 5}},
		Seats:   []Seat{{Persons: []int{0}}, {Persons: []int{1}, Instead: []int{2, 3}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := table.Slots(); len(s) != 0 {
		t.Fatalf("there is a date: %+v", s)
	}
	near := table.Near()
	if len(near) != 1 || near[0].Seat != 1 || near[0].Taken[0].Person != 0 || near[0].Taken[1].Person != -1 {
		t.Fatalf("near misses: %+v", near)
	}
	if want := []Taker{{3, true}, {2, false}}; !slices.Equal(near[0].Instead, want) {
		t.Errorf("instead %v, not %v", near[0].Instead, want)
	}
	if help := table.Helps(); help[0] != (Help{Seat: 0, Optional: 0, Anyone: 0}) || help[1] != (Help{Seat: 1, Optional: 1, Anyone: 1}) {
		t.Errorf("helps %+v", help)
	}
}

func TestAQuestionThatCannotBeAskedNamesTheField(t *testing.T) {
	t.Parallel()
	good := Ask{Grid: short(4), Quarters: 1, Persons: make([]Person, 1), Seats: []Seat{{Persons: []int{0}}}, Limit: 1}
	for field, spoil := range map[string]func(*Ask){
		"Quarters": func(a *Ask) { a.Quarters = 0 },
		"Limit":    func(a *Ask) { a.Limit = 0 },
		"Seats":    func(a *Ask) { a.Seats = []Seat{{Persons: []int{1}}} },
	} {
		a := good
		spoil(&a)
		_, err := New(a)
		if invalid, ok := err.(*InvalidError); !ok || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

// The reference tries everybody on every seat.
func TestTheBestDateIsTheOneThatTryingEverythingFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		table, err := New(a)
		if err != nil {
			t.Fatal(err)
		}
		var want uint64
		for start := range a.Grid.Len() {
			want = max(want, try(table, start, nil))
		}
		for _, c := range table.Cells() {
			start := a.Grid.Index(c.Start)
			if c.Whole != (try(table, start, nil) > 0) {
				t.Fatalf("the map says %v of start %d", c.Whole, start)
			}
			if s, is := table.At(c.Start); is != c.Whole || is && table.worth(start, s.Taken) != try(table, start, nil) {
				t.Fatalf("asked for start %d: %v %+v", start, is, s)
			}
		}
		slots := table.Slots()
		if (len(slots) > 0) != (want > 0) {
			t.Fatalf("%d dates found, the best worth %d", len(slots), want)
		}
		for i, s := range slots {
			start := a.Grid.Index(s.Start)
			if w := table.worth(start, s.Taken); i == 0 && w != want || w != try(table, start, nil) {
				t.Fatalf("date %d is worth %x, the best %x", i, w, want)
			}
			gap := time.Duration(a.Apart) * Quarter
			for _, before := range slots[:i] {
				if s.Start.Before(before.End.Add(gap)) && before.Start.Before(s.End.Add(gap)) {
					t.Fatal("two dates are too near to each other")
				}
			}
		}
	})
}

func draw(t *rapid.T) Ask {
	a := Ask{Grid: short(rapid.IntRange(1, 12).Draw(t, "n")), Quarters: rapid.IntRange(1, 3).Draw(t, "d"), Limit: 3, Apart: rapid.IntRange(0, 2).Draw(t, "apart")}
	set := func(name string, p float64) Set {
		s := a.Grid.Empty()
		for i := range a.Grid.Len() {
			if rapid.Float64Range(0, 1).Draw(t, name) < p {
				s.fill(i, i+1)
			}
		}
		return s
	}
	a.Open, a.Avoid = set("open", 0.95), set("avoid", 0.2)
	for range rapid.IntRange(1, 6).Draw(t, "people") {
		a.Persons = append(a.Persons, Person{
			set("free", 0.7), set("busy", 0.15), rapid.IntRange(0, 3).Draw(t, "house"), rapid.IntRange(0, 4).Draw(t, "load"),
		})
	}
	for range rapid.IntRange(1, 4).Draw(t, "seats") {
		of := rapid.SliceOfDistinct(rapid.IntRange(0, len(a.Persons)-1), rapid.ID[int]).Draw(t, "of")
		a.Seats = append(a.Seats, Seat{Persons: of, Optional: rapid.Bool().Draw(t, "optional")})
	}
	return a
}

// try is the worth of the best panel at start whose first seats are taken already; 0: there is none.
func try(t *Table, start int, seated []Taken) uint64 {
	i := len(seated)
	if !t.open.Has(start) {
		return 0
	}
	if i == len(t.ask.Seats) {
		return t.worth(start, seated)
	}
	var best uint64
	if t.ask.Seats[i].Optional {
		best = try(t, start, append(slices.Clone(seated), Taken{Person: -1}))
	}
	for _, p := range t.ask.Seats[i].Persons {
		if !t.maybe[p].Has(start) || slices.ContainsFunc(seated, func(k Taken) bool { return k.Person >= 0 && t.house(k.Person) == t.house(p) }) {
			continue
		}
		best = max(best, try(t, start, append(slices.Clone(seated), Taken{p, t.sure[p].Has(start)})))
	}
	return best
}
