package expertpool

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/slot"
)

// A Wednesday; the date that is looked for is the Thursday after it.
var (
	asksAt = time.Date(2027, 5, 5, 8, 0, 0, 0, time.UTC)
	asksOn = Span{From: time.Date(2027, 5, 6, 12, 0, 0, 0, time.UTC), Until: time.Date(2027, 5, 6, 12, 30, 0, 0, time.UTC)}
)

func numbered(n int) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint32(id[:], uint32(n+1))
	return id
}

// plain is somebody about whom nothing stands out.
func plain(n int) Candidate {
	ago := asksAt.AddDate(0, 0, -40)
	return Candidate{
		Expert:     Expert{ID: numbered(n), Name: fmt.Sprint("Dr. ", n), Discipline: "psychiatry", Specialty: "Alltag", HoursPerMonth: 4},
		Contingent: Contingent{Hours: 4, Attended: time.Hour}, OpenCases: 1, MaxCases: 4, LastAsked: &ago, Answered: 4, Asks: 5, Median: 30 * time.Hour, KM: 20,
	}
}

func need() Need {
	return Need{
		Disciplines: []string{"psychiatry"}, Question: "Hilft bei Angst und Rückenschmerzen eine Reha in Wohnortnähe?", At: asksOn,
		Length: 30 * time.Minute, Now: asksAt,
	}
}

func ranked(t *testing.T, n Need, from ...Candidate) []Suggestion {
	t.Helper()
	benches := Suggest(n, from)
	if len(benches) != 1 {
		t.Fatalf("%d benches", len(benches))
	}
	return benches[0].Suggestions
}

func reasonOf(s Suggestion, kind ReasonKind) (Reason, bool) {
	i := slices.IndexFunc(s.Reasons, func(r Reason) bool { return r.Kind == kind })
	if i < 0 {
		return Reason{}, false
	}
	return s.Reasons[i], true
}

func TestEveryReasonMovesTheRankItsOwnWay(t *testing.T) {
	t.Parallel()
	daysAgo := func(n int) *time.Time { at := asksAt.AddDate(0, 0, -n); return &at }
	for _, c := range []struct {
		name   string
		change func(*Candidate)
		up     bool
		says   Reason
	}{
		{"a topic that the question names", func(c *Candidate) { c.Topics = []string{"Sucht", "Angst"} }, true, Reason{Kind: Focus, Text: "Angst"}},
		{"a topic in her own words, as part of a compound", func(c *Candidate) { c.Specialty = "Schlaf, Rücken" }, true, Reason{Kind: Focus, Text: "Rücken"}},
		{"time on the date", func(c *Candidate) {
			c.Availability.Rules = []slot.Weekly{{Day: time.Thursday, From: 840, To: 960}}
		}, true, Reason{Kind: InHours}},
		{"a date outside her hours", func(c *Candidate) {
			c.Availability.Rules = []slot.Weekly{{Day: time.Friday, From: 840, To: 960}}
		}, false, Reason{Kind: OutHours}},
		{"an empty calendar, where nothing is known of her hours", func(c *Candidate) {
			c.Calendar = Busy{Fresh: true, Until: asksOn.Until}
		}, true, Reason{Kind: Vacant}},
		{"less of the contingent used", func(c *Candidate) { c.Contingent.Attended = 30 * time.Minute }, true, Reason{Kind: Load, N: 30, Of: 240}},
		{"more of the contingent used, by what is planned", func(c *Candidate) { c.Contingent.Planned = time.Hour }, false, Reason{Kind: Load, N: 120, Of: 240}},
		{"fewer open cases", func(c *Candidate) { c.OpenCases = 0 }, true, Reason{Kind: Cases, N: 0, Of: 4}},
		{"more open cases", func(c *Candidate) { c.OpenCases = 3 }, false, Reason{Kind: Cases, N: 3, Of: 4}},
		{"asked this month", func(c *Candidate) { c.Asked = 1 }, false, Reason{Kind: OftenSoon, N: 1}},
		{"asked more lately", func(c *Candidate) { c.LastAsked = daysAgo(35) }, false, Reason{Kind: LastTime, N: 35}},
		{"asked longer ago", func(c *Candidate) { c.LastAsked = daysAgo(50) }, true, Reason{Kind: LastTime, N: 50}},
		{"never asked", func(c *Candidate) { c.LastAsked = nil }, true, Reason{Kind: Never}},
		{"answers within hours", func(c *Candidate) { c.Median = 5 * time.Hour }, true, Reason{Kind: Quick, N: 300}},
		{"answers within a day", func(c *Candidate) { c.Median = 20 * time.Hour }, true, Reason{Kind: Quick, N: 1200}},
		{"hardly answers", func(c *Candidate) { c.Answered = 2 }, false, Reason{Kind: Silent, N: 2, Of: 5}},
		{"nearer", func(c *Candidate) { c.KM = 5 }, true, Reason{Kind: Far, N: 5}},
		{"further", func(c *Candidate) { c.KM = 90 }, false, Reason{Kind: Far, N: 90}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := plain(50)
			c.change(&changed)
			all := []Candidate{changed}
			for i := range 10 {
				all = append(all, plain(45+i+i/5)) // five whose id comes before hers, five after
			}
			got := ranked(t, need(), all...)
			at := slices.IndexFunc(got, func(s Suggestion) bool { return s.ID == changed.ID })
			if want := map[bool]int{true: 0, false: 10}[c.up]; at != want {
				t.Errorf("stands at %d, want %d", at, want)
			}
			r, there := reasonOf(got[at], c.says.Kind)
			if !there || r.Against || r.Text != c.says.Text || r.N != c.says.N || r.Of != c.says.Of {
				t.Errorf("says %+v, want %+v", got[at].Reasons, c.says)
			}
			if got[at].Rank != at+1 {
				t.Errorf("rank %d at place %d", got[at].Rank, at)
			}
		})
	}
}

func TestWhomSomethingSpeaksAgainstStandsAtTheEndWithTheReason(t *testing.T) {
	t.Parallel()
	since := asksAt.AddDate(0, -1, 0)
	for _, c := range []struct {
		name   string
		change func(*Candidate)
		says   Reason
	}{
		{"a tie", func(c *Candidate) { c.Tied = true }, Reason{Kind: Bound}},
		{"a bar", func(c *Candidate) { c.Out = "expired" }, Reason{Kind: Barred, Text: "expired"}},
		{"a tie to the organisation", func(c *Candidate) { c.Partial = true }, Reason{Kind: Interest}},
		{"paused", func(c *Candidate) { c.Availability.Paused = &since }, Reason{Kind: OnPause}},
		{"absent on the date", func(c *Candidate) {
			c.Availability.Absences = []Absence{{First: Today(asksOn.From), Last: Today(asksOn.From)}}
		}, Reason{Kind: Away}},
		{"something else in her calendar", func(c *Candidate) {
			c.Availability.Rules = []slot.Weekly{{Day: time.Thursday, From: 840, To: 960}} // goes before the hours of her week
			c.Calendar = Busy{Fresh: true, Until: asksOn.Until, Spans: []Span{{From: asksOn.Until.Add(-time.Minute), Until: asksOn.Until.Add(time.Hour)}}}
		}, Reason{Kind: Elsewhere}},
		{"contingent used up", func(c *Candidate) { c.Contingent.Planned = 151 * time.Minute }, Reason{Kind: Spent, N: 211, Of: 240}},
		{"no contingent at all", func(c *Candidate) { c.Contingent = Contingent{} }, Reason{Kind: Spent}},
		{"no place for another case", func(c *Candidate) { c.OpenCases = 4 }, Reason{Kind: Crowded, N: 4, Of: 4}},
		{"asked too often", func(c *Candidate) { c.Asked = 5 }, Reason{Kind: TooOften, N: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			best := plain(1)
			best.Topics, best.KM, best.Median = []string{"Angst"}, 0, time.Hour
			c.change(&best)
			got := ranked(t, need(), best, plain(2), plain(3))
			last := got[2]
			if last.ID != best.ID || last.Advised() || last.Rank != 0 {
				t.Fatalf("stands with rank %d, the last is %s", last.Rank, last.Name)
			}
			if r := last.Reasons[0]; r.Kind != c.says.Kind || !r.Against || r.Text != c.says.Text || r.N != c.says.N || r.Of != c.says.Of {
				t.Errorf("first says %+v, want %+v", r, c.says)
			}
			if !got[0].Advised() || got[0].Rank != 1 || got[1].Rank != 2 {
				t.Error("the others have no ranks")
			}
		})
	}
}

func TestWhatJustFitsIsNotAdvisedAgainst(t *testing.T) {
	t.Parallel()
	c := plain(1)
	c.Contingent.Planned = 150 * time.Minute // half an hour is left, which is what is asked for
	c.OpenCases, c.Asked = 3, 4
	c.Calendar = Busy{Fresh: true, Until: asksOn.Until, Spans: []Span{{From: asksOn.From.Add(-time.Hour), Until: asksOn.From}, {From: asksOn.Until, Until: asksOn.Until.Add(time.Hour)}}}
	c.Availability.Absences = []Absence{{First: Today(asksOn.From).AddDate(0, 0, 1), Last: Today(asksOn.From).AddDate(0, 0, 9)}}
	if got := ranked(t, need(), c); !got[0].Advised() {
		t.Errorf("%+v", got[0].Reasons)
	}
	n := need()
	n.At = Span{}
	c.Availability.Absences[0].First = Today(asksOn.From)
	if got := ranked(t, n, c); !got[0].Advised() {
		t.Errorf("without a date: %+v", got[0].Reasons)
	}
}

func TestSuggestionsComeByDisciplineAndTheSameEveryTime(t *testing.T) {
	t.Parallel()
	n := need()
	n.Disciplines = []string{"physiotherapy", "psychiatry", "nursing"}
	var all []Candidate
	for i := range 40 {
		c := plain(i)
		if i%4 == 0 {
			c.Discipline = "physiotherapy"
		}
		all = append(all, c)
	}
	first := Suggest(n, all)
	if len(first) != 3 || len(first[0].Suggestions) != 10 || len(first[1].Suggestions) != 30 || len(first[2].Suggestions) != 0 {
		t.Fatalf("%d benches", len(first))
	}
	slices.Reverse(all)
	again := Suggest(n, all)
	for i := range first {
		if !slices.EqualFunc(first[i].Suggestions, again[i].Suggestions, func(a, b Suggestion) bool { return a.ID == b.ID && a.Rank == b.Rank }) {
			t.Errorf("%s: another order for the same people", first[i].Discipline)
		}
	}
	if d, r := Place(first, numbered(1)); d != "psychiatry" || r != 1 {
		t.Errorf("place %s %d", d, r)
	}
	if d, r := Place(first, numbered(99)); d != "" || r != 0 {
		t.Errorf("somebody who is in no list: %s %d", d, r)
	}
}

func TestShortAndCommonWordsNameNoTopic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		question, topic string
		speaks          bool
	}{
		{"Was tun bei Angst?", "Angst und Depression", true},
		{"Welche Reha passt bei Rücken und Erschöpfung zugleich?", "Schmerz und Erschöpfung", true},
		{"Wie geht es mit den Rückenschmerzen weiter?", "Rücken", true},
		{"Hilft eine Suchtberatung?", "Sucht", true},
		{"Hilft eine Kur?", "Kurse", false},
		{"Wohin nach der Reha?", "Nachsorge", false},
		{"Passt eine Stelle im Lager?", "Eine Hilfe nach dem Unfall", false},
		{"", "Angst", false},
	} {
		if speaksOf(wordsOf(c.question), c.topic) != c.speaks {
			t.Errorf("%q and %q: want %v", c.question, c.topic, c.speaks)
		}
	}
}

// pool plays a year of requests: whoever stands first is asked, answers, and gives her half hour.
type playedPool struct {
	people []Candidate
	asked  [][]time.Time
}

func (p *playedPool) ask(t *testing.T, now time.Time) {
	t.Helper()
	n := need()
	n.Now, n.At = now, Span{From: now.AddDate(0, 0, 7), Until: now.AddDate(0, 0, 7).Add(30 * time.Minute)}
	month := MonthOf(n.At.From)
	for i := range p.people {
		c := &p.people[i]
		c.Asked, c.LastAsked, c.Contingent.Attended, c.Contingent.Planned = 0, nil, 0, 0
		for _, at := range p.asked[i] {
			c.LastAsked = &at
			if at.After(now.AddDate(0, 0, -30)) {
				c.Asked++
			}
			if held := at.AddDate(0, 0, 7); !held.Before(month.From) && held.Before(month.Until) {
				c.Contingent.Planned += 30 * time.Minute
			}
		}
	}
	first := ranked(t, n, p.people...)[0]
	i := slices.IndexFunc(p.people, func(c Candidate) bool { return c.ID == first.ID })
	p.asked[i] = append(p.asked[i], now)
}

func TestNobodyOfEqualFitIsAskedMoreThanTwiceAsOftenOver200Requests(t *testing.T) {
	t.Parallel()
	for _, people := range []int{3, 8, 25} {
		for _, every := range []time.Duration{6 * time.Hour, 24 * time.Hour, 4 * 24 * time.Hour} {
			t.Run(fmt.Sprintf("%d people, a request every %s", people, every), func(t *testing.T) {
				t.Parallel()
				p := playedPool{asked: make([][]time.Time, people)}
				for i := range people { // alike in what they know and give, unlike in how they answer and where they are
					c := plain(i)
					c.HoursPerMonth, c.Contingent = 4, Contingent{Hours: 4}
					c.Median, c.KM = []time.Duration{time.Hour, 20 * time.Hour, 90 * time.Hour}[i%3], i*10
					if i%5 == 4 {
						c.Answered = 1
					}
					p.people = append(p.people, c)
				}
				for r := range 200 {
					p.ask(t, asksAt.Add(time.Duration(r)*every))
				}
				least, most := 200, 0
				for _, asked := range p.asked {
					least, most = min(least, len(asked)), max(most, len(asked))
				}
				if least == 0 || most > 2*least {
					t.Errorf("somebody was asked %d times, somebody else %d times", least, most)
				}
			})
		}
	}
}
