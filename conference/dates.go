package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Hours in which conferences are held, Monday to Friday, in minutes after midnight. From late on and before early they are better avoided.
const (
	dayBegins, early, late, dayEnds = 7 * 60, 8 * 60, 17 * 60, 19 * 60

	// leadTime is how soon a conference can be at the earliest; urgentLead where somebody waits for it.
	leadTime   = 24 * time.Hour
	urgentLead = 2 * time.Hour
	maxWeeks   = 8
	maxOffers  = 8
	apart      = 3 * time.Hour // between two dates that are offered: a choice, not a list of quarter hours
	// changeover is left free around what somebody has promised already.
	changeover = slot.Quarter
)

// Wish is a seat of a round that is looked for: a certain expert, or anybody of a discipline.
type Wish struct {
	Discipline string
	Expert     uuid.UUID // uuid.Nil: anybody
	Optional   bool
}

// DateSearch asks for dates of a waiting request.
type DateSearch struct {
	Wishes []Wish
	Length time.Duration // time is kept free for whole quarter hours of it
	Weeks  int           // from now
	At     time.Time     // a date to be told about as well; zero: none
	Land   ical.State    // whose holidays count; empty: those of the Land that the asking organisation is in
}

// soonest is when a conference about a request can be at the earliest.
func (r Request) soonest(now time.Time) time.Time {
	if r.Urgency == "urgent" {
		return now.Add(urgentLead)
	}
	return now.Add(leadTime)
}

func (d DateSearch) validate() error {
	switch {
	case len(d.Wishes) == 0:
		return &account.InvalidError{Field: "wishes", Rule: "required"}
	case len(d.Wishes) > 12:
		return &account.InvalidError{Field: "wishes", Rule: "twelve"}
	case d.Weeks < 1 || d.Weeks > maxWeeks:
		return &account.InvalidError{Field: "weeks", Rule: "weeks"}
	case d.Length < slot.Quarter || d.Length > 4*time.Hour:
		return &account.InvalidError{Field: "length", Rule: "length"}
	case d.Land != "" && !slices.Contains(ical.States, d.Land):
		return &account.InvalidError{Field: "land", Rule: "unknown"}
	}
	for _, w := range d.Wishes {
		if !expertpool.KnownDiscipline(w.Discipline) {
			return &account.InvalidError{Field: "wishes", Rule: "unknown"}
		}
	}
	return nil
}

// Somebody is an expert in an answer about dates.
type Somebody struct {
	ID      uuid.UUID // uuid.Nil: the seat stays empty
	Name    string
	Certain bool // has time then, as she says herself; otherwise nothing is known against it
}

// Offer is a date that can be had.
type Offer struct {
	Start, End time.Time
	Round      []Somebody // by wish
	Certain    bool       // everybody who is needed has time
	Avoided    bool       // early or late
}

// Experts are who would be asked.
func (o Offer) Experts() []uuid.UUID {
	var ids []uuid.UUID
	for _, who := range o.Round {
		if who.ID != uuid.Nil {
			ids = append(ids, who.ID)
		}
	}
	return ids
}

// NearMiss is a date at which one wish alone is missing.
type NearMiss struct {
	Start, End time.Time
	Lack
}

// Dates is the answer: the best dates, those that nearly fit, what would help, and every date there is for the picture.
type Dates struct {
	Offers []Offer
	Chosen *Offer // at the date that was asked about; nil: it cannot be had, or none was
	Fails  *Fail  // why it cannot; nil: it can, or none was
	Near   []NearMiss
	Land   ical.State  // of the asking organisation; empty: not known
	Helps  []slot.Help // by wish that is needed
	Starts int         // how many quarter hours it could begin at
	Cells  []DateCell
	Needed int      // wishes that are not optional
	Nobody []string // disciplines of which nobody can be asked at all
}

// calendarAsk is the question as slot takes it, who the numbers stand for, and what is known of their time.
type calendarAsk struct {
	ask      slot.Ask
	length   time.Duration
	people   []expertpool.Candidate
	promised map[uuid.UUID][]expertpool.Span
	busy     map[uuid.UUID]expertpool.Busy
	read     map[int]times // by person, once somebody has asked why
}

// askFor puts a search into numbers. benches are those of Suggest: their order is the order in which equals are taken. promised are what
// people have said yes to, busy what their calendars say.
func askFor(d DateSearch, benches []expertpool.Bench, promised map[uuid.UUID][]expertpool.Span, busy map[uuid.UUID]expertpool.Busy, from time.Time, now time.Time) calendarAsk {
	a := calendarAsk{length: d.Length, promised: promised, busy: busy, read: map[int]times{}}
	grid := slot.NewGrid(from, now.AddDate(0, 0, 7*d.Weeks))
	a.ask = slot.Ask{Grid: grid, Quarters: int((d.Length + slot.Quarter - 1) / slot.Quarter), Limit: maxOffers, Apart: int(apart / slot.Quarter)}
	a.ask.Open, a.ask.Avoid = opening(grid, d.Land)
	byDiscipline := map[string][]int{}
	houses := map[string]int{}
	for _, b := range benches {
		for _, s := range b.Suggestions {
			if slices.ContainsFunc(s.Reasons, func(r expertpool.Reason) bool {
				return r.Kind == expertpool.Bound || r.Kind == expertpool.Barred || r.Kind == expertpool.OnPause
			}) {
				continue
			}
			p := timesOf(grid, s.Candidate, promised[s.ID], busy[s.ID]).person()
			p.Load = load(s)
			if s.House != "" {
				if houses[s.House] == 0 {
					houses[s.House] = len(houses) + 1
				}
				p.House = houses[s.House]
			}
			byDiscipline[b.Discipline] = append(byDiscipline[b.Discipline], len(a.people))
			a.people = append(a.people, s.Candidate)
			a.ask.Persons = append(a.ask.Persons, p)
		}
	}
	for _, w := range d.Wishes {
		seat := slot.Seat{Persons: byDiscipline[w.Discipline], Optional: w.Optional}
		if w.Expert != uuid.Nil {
			seat.Instead, seat.Persons = seat.Persons, nil
			if i := slices.IndexFunc(a.people, func(c expertpool.Candidate) bool { return c.ID == w.Expert }); i >= 0 {
				seat.Persons = []int{i}
				seat.Instead = slices.DeleteFunc(slices.Clone(seat.Instead), func(p int) bool { return p == i })
			}
		}
		a.ask.Seats = append(a.ask.Seats, seat)
	}
	return a
}

// load orders equals: those who are advised in their order, then all others.
func load(s expertpool.Suggestion) int {
	if s.Advised() {
		return min(s.Rank, 900)
	}
	return 1000
}

// opening is when conferences are held, and of that what is better avoided.
func opening(g slot.Grid, land ical.State) (open, avoid slot.Set) {
	open, avoid = g.Empty(), g.Empty()
	zone := expertpool.Zone()
	for d := time.Monday; d <= time.Friday; d++ {
		g.Days(open, []slot.Weekly{{Day: d, From: dayBegins, To: dayEnds}}, zone)
		g.Days(avoid, []slot.Weekly{{Day: d, From: dayBegins, To: early}, {Day: d, From: late, To: dayEnds}}, zone)
	}
	closed := g.Empty()
	for year := g.At(0).In(zone).Year(); year <= g.At(g.Len()).In(zone).Year(); year++ {
		for _, h := range holidays(land, year) {
			g.Span(closed, slot.Wall(h.Day.Year(), h.Day.Month(), h.Day.Day(), 0, zone), slot.Wall(h.Day.Year(), h.Day.Month(), h.Day.Day(), 1440, zone))
		}
		for _, day := range []int{24, 31} { // hardly anybody comes
			g.Span(avoid, slot.Wall(year, time.December, day, 0, zone), slot.Wall(year, time.December, day, 1440, zone))
		}
	}
	open.Without(closed)
	return open, avoid
}

// answer turns numbers back into people.
func (a calendarAsk) answer(d DateSearch, t *slot.Table) Dates {
	found := Dates{Helps: t.Helps(), Starts: t.Starts()}
	for _, c := range t.Cells() {
		cell := DateCell{Cell: c}
		if c.Missing >= 0 && !c.Whole {
			cell.Why = a.why(c.Missing, a.ask.Grid.Index(c.Start))
		}
		found.Cells = append(found.Cells, cell)
	}
	for _, s := range t.Slots() {
		found.Offers = append(found.Offers, a.offer(s))
	}
	if s, is := t.At(d.At); is {
		o := a.offer(s)
		found.Chosen = &o
	} else if !d.At.IsZero() {
		found.Fails = a.fail(d.At, t)
	}
	for _, n := range t.Near() {
		found.Near = append(found.Near, NearMiss{n.Start, n.Start.Add(a.length), a.lack(n.Seat, a.ask.Grid.Index(n.Start), n.Instead)})
	}
	for i, w := range d.Wishes {
		if !w.Optional {
			found.Needed++
		}
		if seat := a.ask.Seats[i]; len(seat.Persons) == 0 && len(seat.Instead) == 0 && !slices.Contains(found.Nobody, w.Discipline) {
			found.Nobody = append(found.Nobody, w.Discipline)
		}
	}
	return found
}

func (a calendarAsk) offer(s slot.Slot) Offer {
	o := Offer{Start: s.Start, End: s.Start.Add(a.length), Certain: s.Certain, Avoided: s.Avoided}
	for _, k := range s.Taken {
		o.Round = append(o.Round, a.somebody(k.Person, k.Certain))
	}
	return o
}

func (a calendarAsk) somebody(p int, certain bool) Somebody {
	if p < 0 {
		return Somebody{}
	}
	return Somebody{a.people[p].ID, a.people[p].Name, certain}
}
