package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
)

// RaceState is how far the search for a stand-in has come.
type RaceState string

const (
	RaceRuns   RaceState = "running"
	RaceFilled RaceState = "filled" // somebody took the place
	RaceNobody RaceState = "nobody" // everybody was asked, or it is too late; who was asked may still say yes
	RaceEnded  RaceState = "ended"  // nobody is needed any more, or the date has moved
)

// Instead is what the coordination does when nobody can stand in.
type Instead string

const (
	WithOpinion Instead = "opinion" // the conference is held, the discipline is asked for a written opinion
	Without     Instead = "without" // the conference is held, the discipline is not needed any more
	moved       Instead = "moved"
)

// Race is the search for somebody of a discipline, for the date of a conference as it was when it began. It is made by the coordination, or by
// the server when the conference is near; the first who accepts ends it.
type Race struct {
	ID         uuid.UUID
	Discipline string
	StartsAt   time.Time
	State      RaceState
	Outcome    Instead // empty while nothing else was chosen
	Wave       int     // how many have gone out
	NextAt     *time.Time
	BeganAt    time.Time
	EndedAt    *time.Time
	Listed     int    // who could come,
	Asked      int    // who of them has been asked,
	Declined   int    // and has said no
	Taker      string // name of the one who took the place
}

// A search begins by itself when the conference is nearer than autoWithin. Within urgentWithin nobody is spared at night. lastCall
// before the date it is over.
const (
	autoWithin   = 24 * time.Hour
	urgentWithin = 12 * time.Hour
	lastCall     = 10 * time.Minute
	maxTakers    = 200
)

// waveSize is how many are asked in a wave, from 0: one, then three, then all others.
func waveSize(wave, waiting int) int {
	switch wave {
	case 0:
		return min(1, waiting)
	case 1:
		return min(3, waiting)
	}
	return waiting
}

// waveGap is how long a wave has to answer: an eighth of the time that is left, which is minutes when it is soon and hours when it is days.
func waveGap(left time.Duration) time.Duration {
	return min(max(left/8, 4*time.Minute), 12*time.Hour).Truncate(time.Minute)
}

// step is what comes next in a race.
type step int

const (
	wait step = iota
	askMore
	giveUp
	callOff
)

// next decides for a race that runs. needed says that its discipline still has nobody; waiting is how many have not been asked.
func (r Race) next(c Conference, needed bool, waiting int, now time.Time) step {
	switch {
	case !c.State.Planned() || !c.StartsAt.Equal(r.StartsAt) || !needed:
		return callOff
	case !now.Before(c.StartsAt.Add(-lastCall)):
		return giveUp
	case r.Wave == 0 && waiting == 0:
		return giveUp // there is nobody to ask, at whatever hour
	case r.NextAt != nil && now.Before(*r.NextAt):
		return wait
	case waiting == 0:
		return giveUp
	}
	return askMore
}

// missing says that a conference needs a discipline that has nobody: somebody of it has said no or was taken out, and nobody has accepted.
// Whoever has not answered yet is waited for while there is time.
func missing(c Conference, seats []Seat, discipline string, now time.Time) bool {
	lost := false
	for _, t := range seats {
		if t.Role != ExpertPart || !t.Required || t.Discipline != discipline {
			continue
		}
		switch t.Answer {
		case Accepted:
			return false
		case Declined, AnswerCancelled:
			lost = true
		default:
			if c.StartsAt.Sub(now) >= autoWithin {
				return false
			}
		}
	}
	return lost
}

// takersOf are who of a bench can come from start until end, in the order in which they are asked: who is known to be free before those of
// whom nothing is known, and of those the best suggestion first, which minds load, fairness and how they answer. Left out is who is busy, away,
// barred, bound to the case or to the house that asks, and who is in the round or was.
func takersOf(bench expertpool.Bench, promised map[uuid.UUID][]expertpool.Span, calendars map[uuid.UUID]expertpool.Busy, round []Seat, start, end time.Time) ([]uuid.UUID, error) {
	grid := slot.NewGrid(start, end.Add(slot.Quarter-1))
	open := grid.Empty()
	grid.Span(open, grid.At(0), grid.At(grid.Len()))
	ask := slot.Ask{Grid: grid, Quarters: grid.Len(), Open: open, Avoid: grid.Empty(), Limit: 1, Seats: make([]slot.Seat, 1)}
	var ids []uuid.UUID
	for _, s := range bench.Suggestions {
		if slices.ContainsFunc(round, func(t Seat) bool { return t.AccountID == s.ID }) || keptOut(s) {
			continue
		}
		p := timesOf(grid, s.Candidate, promised[s.ID], calendars[s.ID]).person()
		p.Load = load(s)
		ask.Seats[0].Persons = append(ask.Seats[0].Persons, len(ids))
		ask.Persons = append(ask.Persons, p)
		ids = append(ids, s.ID)
	}
	table, err := slot.New(ask)
	if err != nil {
		return nil, err
	}
	var takers []uuid.UUID
	for _, t := range table.Takers(0, 0) {
		takers = append(takers, ids[t.Person])
	}
	return takers[:min(len(takers), maxTakers)], nil
}

// keptOut says that somebody is not asked in any case.
func keptOut(s expertpool.Suggestion) bool {
	return slices.ContainsFunc(s.Reasons, func(r expertpool.Reason) bool {
		return slices.Contains([]expertpool.ReasonKind{expertpool.Bound, expertpool.Barred, expertpool.Interest, expertpool.OnPause, expertpool.Away}, r.Kind)
	})
}
