package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"
	_ "time/tzdata" // the invented calendars are German on every machine

	"github.com/konsil-server/konsil/conference/slot"
)

// slotsFigures is the line that slots prints.
type slotsFigures struct {
	Experts int     `json:"experts"`
	Weeks   int     `json:"weeks"`
	Seats   int     `json:"seats"`
	P50     float64 `json:"rank_ms_p50"`
	P95     float64 `json:"rank_ms_p95"`
	MapP95  float64 `json:"map_ms_p95"`    // every date with how its seats stand, for the picture
	HeapMax uint64  `json:"heap_bytes"`    // of calendars and one ranking together
	Slots   int     `json:"slots"`         // found in the last ranking
	Starts  int     `json:"starts"`        // at which a conference could be held at all
	Takers  float64 `json:"takers_ms_p95"` // everybody of the pool who could take one seat at one date, in the order of asking
}

// runSlots ranks dates for a panel out of an invented pool, over and over, on one core: a pool of -experts people, -weeks weeks in
// quarter hours, -seats seats of which the last two are optional; half of the seats are for anyone of a discipline, the others for five
// named people of one.
func runSlots(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("slots", flag.ContinueOnError)
	f := slotsFigures{}
	flags.IntVar(&f.Experts, "experts", 5000, "people in the pool")
	flags.IntVar(&f.Weeks, "weeks", 8, "weeks to look through")
	flags.IntVar(&f.Seats, "seats", 8, "seats of the panel")
	rounds := flags.Int("rounds", 100, "how often")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("slots: %w", err)
	}
	if f.Experts < f.Seats || f.Experts > 1_000_000 || f.Weeks < 1 || f.Weeks > 104 || f.Seats < 1 || *rounds < 1 {
		return errors.New("slots: -experts must be at least -seats and at most 1000000, -weeks 1 to 104, -seats and -rounds at least 1")
	}
	runtime.GOMAXPROCS(1)
	before := heap()
	ask, err := crowd(f.Experts, f.Weeks, f.Seats)
	if err != nil {
		return fmt.Errorf("slots: %w", err)
	}
	rank, draw, takers := newLatencies(), newLatencies(), newLatencies()
	for i := range *rounds {
		begin := time.Now()
		table, err := slot.New(ask)
		if err != nil {
			return fmt.Errorf("slots: %w", err)
		}
		found := table.Slots()
		rank.add(time.Since(begin))
		begin = time.Now()
		f.Starts = len(table.Cells())
		draw.add(time.Since(begin))
		f.Slots = len(found)
		f.HeapMax = max(f.HeapMax, heap()-before)
		runtime.KeepAlive(table)
		if err := standIns(ask, i, takers); err != nil {
			return fmt.Errorf("slots: %w", err)
		}
	}
	f.P50, f.P95, f.MapP95, f.Takers = rank.percentile(50), rank.percentile(95), draw.percentile(95), takers.percentile(95)
	return json.NewEncoder(out).Encode(f)
}

// standIns looks for whoever of the whole pool could come instead of somebody, at one date after the other.
func standIns(ask slot.Ask, round int, times *latencies) error {
	one := ask
	everybody := make([]int, len(ask.Persons))
	for i := range everybody {
		everybody[i] = i
	}
	one.Seats = []slot.Seat{{Persons: everybody}}
	begin := time.Now()
	table, err := slot.New(one)
	if err != nil {
		return err
	}
	table.Takers(0, (round*37)%ask.Grid.Len())
	times.add(time.Since(begin))
	return nil
}

// heap is what is in use now, without what nobody needs any more.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// crowd invents the pool: two to four free spans of two hours a week each; of two thirds the other hours are known to be taken, of
// one third nothing is known beyond the rules.
func crowd(experts, weeks, seats int) (slot.Ask, error) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return slot.Ask{}, err
	}
	from := time.Date(2027, 3, 8, 0, 0, 0, 0, loc) // clocks change in the third week
	g := slot.NewGrid(from, from.AddDate(0, 0, 7*weeks))
	a := slot.Ask{Grid: g, Quarters: 3, Open: g.Empty(), Avoid: g.Empty(), Limit: 12}
	for d := time.Monday; d <= time.Friday; d++ {
		g.Days(a.Open, []slot.Weekly{{Day: d, From: 8 * 60, To: 18 * 60}}, loc)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range experts {
		p := slot.Person{Free: g.Empty(), Busy: g.Empty(), House: random.IntN(1 + experts/3), Load: random.IntN(20)}
		for range 2 + random.IntN(3) {
			begin := 8*60 + 30*random.IntN(16)
			g.Days(p.Free, []slot.Weekly{{Day: time.Weekday(1 + random.IntN(5)), From: begin, To: begin + 120}}, loc)
		}
		if i%3 > 0 {
			g.Span(p.Busy, g.At(0), g.At(g.Len()))
			p.Busy.Without(p.Free)
		}
		a.Persons = append(a.Persons, p)
	}
	for i := range seats {
		s := slot.Seat{Optional: seats > 2 && i >= seats-2}
		for j := i; j < experts; j += seats {
			if i%2 == 1 && len(s.Persons) == 5 {
				s.Instead = append(s.Instead, j)
				continue
			}
			s.Persons = append(s.Persons, j)
		}
		a.Seats = append(a.Seats, s)
	}
	return a, nil
}
