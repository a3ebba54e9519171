package expertpool

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Need is what experts are looked for.
type Need struct {
	Disciplines  []string
	Organisation uuid.UUID     // that asks
	Near         string        // postcode where they are wanted in person; "": nowhere
	Question     string        // what it is about: words of it are looked for among the topics of experts
	At           Span          // the date; zero: not known yet
	Length       time.Duration // how long it will take
	Now          time.Time
}

// Candidate is an expert as a suggestion sees her. Counts of the last 30 days and of the last year end at the Need's Now.
type Candidate struct {
	Expert
	Specialties  []string // codes
	Topics       []string
	House        string // practice number: people of one house; empty: none is known
	Postcode     string
	Availability Availability
	Calendar     Busy       // at the date; without one nothing
	Contingent   Contingent // of the month of the date
	OpenCases    int
	MaxCases     int        // 0: no ceiling
	LastAsked    *time.Time // nil: never
	Answered     int        // invitations of the last year that were answered,
	Asks         int        // of so many that were open for two days or answered
	Median       time.Duration
	KM           int    // from where she is wanted; negative: not known
	Out          string // rule why she can't be asked at all, such as an expired verification; "": she can
	Partial      bool   // has stated a tie to the organisation that asks
	Tied         bool   // to somebody in the case, or not for this case by the client's word: which of them is nobody's business here
}

// ReasonKind is what a reason speaks of.
type ReasonKind string

// Reasons, in the order in which they are told. Those that are Against stand first.
const (
	Bound     ReasonKind = "bound"     // not for this case
	Barred    ReasonKind = "barred"    // Text: the rule
	Interest  ReasonKind = "interest"  // has stated a tie to the organisation that asks
	OnPause   ReasonKind = "paused"    // has paused
	Away      ReasonKind = "absent"    // is not there on the date
	Elsewhere ReasonKind = "busy"      // has something else on the date, by her calendar
	Spent     ReasonKind = "spent"     // N of Of minutes of the contingent; this conference does not fit in
	Crowded   ReasonKind = "crowded"   // N of Of open cases
	TooOften  ReasonKind = "too_often" // asked N times in 30 days
	Focus     ReasonKind = "focus"     // Text: a topic of hers that the question speaks of
	Works     ReasonKind = "works"     // Text: what she does, in her own words; says nothing about the question
	InHours   ReasonKind = "in_hours"  // has time on the date
	OutHours  ReasonKind = "out_hours" // the date is outside her usual hours
	NoHours   ReasonKind = "no_hours"  // has said nothing about her hours
	Vacant    ReasonKind = "vacant"    // has said nothing about them either, but her calendar is empty on the date
	Load      ReasonKind = "load"      // N of Of minutes of the contingent
	Cases     ReasonKind = "cases"     // N of Of open cases
	Quick     ReasonKind = "answers"   // answers in N minutes, as a rule
	Silent    ReasonKind = "silent"    // answered N of Of
	LastTime  ReasonKind = "last"      // asked last N days ago
	Never     ReasonKind = "never"     // not asked yet
	OftenSoon ReasonKind = "asked"     // asked N times in 30 days
	Far       ReasonKind = "distance"  // N kilometres
)

// Reason is one thing that speaks for or against somebody, with the points it adds to her rank.
type Reason struct {
	Kind    ReasonKind
	Against bool // she is not suggested because of it, but may be chosen
	Points  float64
	Text    string
	N, Of   int
}

// Suggestion is an expert with her place among those of her discipline.
type Suggestion struct {
	Candidate
	Rank    int // from 1; 0: advised against
	Points  float64
	Reasons []Reason
}

// Advised says that nothing speaks against asking her.
func (s Suggestion) Advised() bool { return s.Rank > 0 }

// Bench is the suggestions for one discipline: those who are advised, best first, then those who are not.
type Bench struct {
	Discipline  string
	Suggestions []Suggestion
}

// What moves a rank, in points. Only differences between people count.
//
// Waiting carries it: every doubling of the time since somebody was last asked is worth ten points. Speed, silence and distance
// together are worth less than that, so that of people who fit alike nobody is asked twice as often as another, however many or few
// requests there are. A topic that fits is worth more, because the smallest round is one of the right people.
const (
	forTopic   = 22.0  // a topic that the question speaks of; more of them change nothing
	forHours   = 10.0  // has time on the date; as much is taken off outside her hours
	perWait    = 10.0  // for each doubling of the time since the last request, up to longestWait
	perAsk     = -4.0  // for each invitation of the last 30 days
	forLoad    = -12.0 // a whole contingent used
	forCases   = -6.0  // as many open cases as she takes
	forQuick   = 3.0   // answers within six hours; half of it within a day
	forSilence = -2.0  // fewer than half of her invitations answered
	perKM      = -0.02
	mostKM     = -3.0

	tooOften    = 5                    // invitations in 30 days
	longestWait = 365 * 24 * time.Hour // who was never asked counts as having waited so long
	fewAsks     = 3                    // invitations: fewer say nothing about how somebody answers
)

// Suggest ranks candidates by discipline, in the order of the Need. Nobody is left out: whom it advises against stands at the end,
// with the reason. Equal points are settled by who was asked less, who has waited longer, and at last by id, so that the same
// question has the same answer.
func Suggest(n Need, from []Candidate) []Bench {
	benches := make([]Bench, len(n.Disciplines))
	words := wordsOf(n.Question)
	for i, d := range n.Disciplines {
		b := &benches[i]
		b.Discipline = d
		for _, c := range from {
			if c.Discipline == d {
				b.Suggestions = append(b.Suggestions, n.judge(c, words))
			}
		}
		slices.SortFunc(b.Suggestions, before)
		for r := range b.Suggestions {
			if b.Suggestions[r].Rank != 0 {
				b.Suggestions[r].Rank = r + 1
			}
		}
	}
	return benches
}

func before(a, b Suggestion) int {
	return cmp.Or(-cmp.Compare(a.Rank, b.Rank), -cmp.Compare(a.Points, b.Points), cmp.Compare(a.Asked, b.Asked),
		since(a.LastAsked).Compare(since(b.LastAsked)), bytes.Compare(a.ID[:], b.ID[:]))
}

func since(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// judge gathers what speaks for and against one. Rank is 1 for everybody who is advised until all are sorted.
func (n Need) judge(c Candidate, words []string) Suggestion {
	s := Suggestion{Candidate: c, Rank: 1}
	for _, look := range []func(Candidate) (Reason, bool){
		bars, n.date, n.load, cases, n.focus(words), n.asked, n.lastAsked, answers, distance,
	} {
		r, some := look(c)
		if !some {
			continue
		}
		s.Points += r.Points
		s.Reasons = append(s.Reasons, r)
		if r.Against {
			s.Rank = 0
		}
	}
	order := []ReasonKind{Bound, Barred, Interest, OnPause, Away, Elsewhere, Spent, Crowded, TooOften, Focus, Works, InHours, OutHours, NoHours, Vacant, Load, Cases, Quick, Silent, OftenSoon, LastTime, Never, Far}
	slices.SortStableFunc(s.Reasons, func(a, b Reason) int { return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)) })
	return s
}

// bars are what keeps somebody out whatever the question is.
func bars(c Candidate) (Reason, bool) {
	switch {
	case c.Tied:
		return Reason{Kind: Bound, Against: true}, true
	case c.Out != "":
		return Reason{Kind: Barred, Against: true, Text: c.Out}, true
	case c.Partial:
		return Reason{Kind: Interest, Against: true}, true
	case c.Availability.Paused != nil:
		return Reason{Kind: OnPause, Against: true}, true
	}
	return Reason{}, false
}

func (n Need) date(c Candidate) (Reason, bool) {
	if n.At == (Span{}) {
		return Reason{}, false
	}
	hours, calendar := c.Availability.At(n.At), c.Calendar.At(n.At)
	switch {
	case hours == Paused:
		return Reason{}, false // which bars tells
	case hours == Absent:
		return Reason{Kind: Away, Against: true}, true
	case calendar == Engaged:
		return Reason{Kind: Elsewhere, Against: true}, true
	case hours == Free:
		return Reason{Kind: InHours, Points: forHours}, true
	case hours == Outside:
		return Reason{Kind: OutHours, Points: -forHours}, true
	case calendar == Free:
		return Reason{Kind: Vacant, Points: forHours}, true
	}
	return Reason{Kind: NoHours}, true
}

func (n Need) load(c Candidate) (Reason, bool) {
	r := Reason{Kind: Load, Points: forLoad * c.Contingent.share(), N: minutes(c.Contingent.Used()), Of: minutes(c.Contingent.Total())}
	if c.Contingent.Left() < max(n.Length, time.Minute) {
		r.Kind, r.Against = Spent, true
	}
	return r, true
}

func minutes(d time.Duration) int { return int(d.Round(time.Minute) / time.Minute) }

func cases(c Candidate) (Reason, bool) {
	if c.MaxCases == 0 {
		return Reason{}, false
	}
	r := Reason{Kind: Cases, N: c.OpenCases, Of: c.MaxCases, Points: forCases * min(1, float64(c.OpenCases)/float64(c.MaxCases))}
	if c.OpenCases >= c.MaxCases {
		r.Kind, r.Against = Crowded, true
	}
	return r, true
}

// focus finds the first topic, or part of what somebody does, that the question speaks of.
func (n Need) focus(words []string) func(Candidate) (Reason, bool) {
	return func(c Candidate) (Reason, bool) {
		for _, topic := range append(slices.Clone(c.Topics), strings.FieldsFunc(c.Specialty, func(r rune) bool { return r == ',' || r == ';' })...) {
			if topic = strings.TrimSpace(topic); speaksOf(words, topic) {
				return Reason{Kind: Focus, Points: forTopic, Text: topic}, true
			}
		}
		if c.Specialty != "" {
			return Reason{Kind: Works, Text: c.Specialty}, true
		}
		return Reason{}, false
	}
}

func (n Need) asked(c Candidate) (Reason, bool) {
	r := Reason{Kind: OftenSoon, N: c.Asked, Points: perAsk * float64(c.Asked)}
	if c.Asked >= tooOften {
		r.Kind, r.Against = TooOften, true
	}
	return r, c.Asked > 0
}

func (n Need) lastAsked(c Candidate) (Reason, bool) {
	if c.LastAsked == nil {
		return Reason{Kind: Never}, true
	}
	waited := min(max(n.Now.Sub(*c.LastAsked), time.Hour), longestWait)
	return Reason{Kind: LastTime, N: int(waited / (24 * time.Hour)), Points: perWait * math.Log2(float64(waited)/float64(longestWait))}, true
}

func answers(c Candidate) (Reason, bool) {
	switch {
	case c.Asks >= fewAsks && 2*c.Answered < c.Asks:
		return Reason{Kind: Silent, N: c.Answered, Of: c.Asks, Points: forSilence}, true
	case c.Answered == 0:
		return Reason{}, false
	}
	r := Reason{Kind: Quick, N: minutes(c.Median)}
	switch {
	case c.Median <= 6*time.Hour:
		r.Points = forQuick
	case c.Median <= 24*time.Hour:
		r.Points = forQuick / 2
	}
	return r, true
}

func distance(c Candidate) (Reason, bool) {
	if c.KM < 0 {
		return Reason{}, false
	}
	return Reason{Kind: Far, N: c.KM, Points: max(mostKM, perKM*float64(c.KM))}, true
}

// leastLetters is how long a word must be to say something about a topic; leastStem how much of a longer one it must share.
const (
	leastLetters = 4
	leastStem    = 5
)

// speaksOf says whether one of the words stands for a word of the topic: the same, or the beginning of the same compound.
func speaksOf(words []string, topic string) bool {
	for _, t := range wordsOf(topic) {
		if slices.ContainsFunc(words, func(w string) bool { return w == t || sharesStem(w, t) }) {
			return true
		}
	}
	return false
}

func sharesStem(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len([]rune(a)) >= leastStem && strings.HasPrefix(b, a)
}

// wordsOf takes a text apart into the words that may name a topic, in lower case.
func wordsOf(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.DeleteFunc(words, func(w string) bool {
		return len([]rune(w)) < leastLetters || slices.Contains([]string{"eine", "einer", "einem", "einen", "nach", "oder", "wenn", "auch", "beim", "ohne", "welche", "welcher", "welches", "arbeit"}, w)
	})
}

// Place is which place in the lists of suggestions somebody had: her rank, and 0 when she was advised against or is in none.
func Place(benches []Bench, id uuid.UUID) (discipline string, rank int) {
	for _, b := range benches {
		for _, s := range b.Suggestions {
			if s.ID == id {
				return b.Discipline, s.Rank
			}
		}
	}
	return "", 0
}
