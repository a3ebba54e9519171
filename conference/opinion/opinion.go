// Package opinion is written opinions (Votum): what experts answer to a question each on their own, before they hear one another.
//
// It owns the tables opinion_*, and the rule that opinions are blind: what somebody has written leaves the package for nobody else
// until the round is opened. Who may be asked, and whether the case is open to somebody, the caller decides.
package opinion

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Scale is which positions can be taken to a question.
type Scale string

const (
	Tendency Scale = "tendency"
	Hours    Scale = "hours" // of work a day, SGB VI § 43, SGB II § 8
)

// Scales are all scales, the usual one first.
var Scales = []Scale{Tendency, Hours}

// Unable is the position of somebody who cannot tell. It is on every scale and in no place of it.
const Unable = "unable"

// Positions are those of a scale from one end to the other, Unable last. The hours have the words of casefile.Bands.
func (s Scale) Positions() []string {
	switch s {
	case Tendency:
		return []string{"yes", "partly", "no", Unable}
	case Hours:
		return []string{"under_3", "3_to_6", "from_6", Unable}
	}
	return nil
}

// place is where a position is on its scale, from 0 to 1.
func (s Scale) place(position string) (at float64, has bool) {
	all := s.Positions()
	i := slices.Index(all, position)
	if i < 0 || position == Unable {
		return 0, false
	}
	return float64(i) / float64(len(all)-2), true
}

var aboutHours = regexp.MustCompile(`(?i)\bstunden\b|\bstündig|arbeitszeit`)

// ScaleFor proposes a scale for a question, by its words.
func ScaleFor(question string) Scale {
	if aboutHours.MatchString(question) {
		return Hours
	}
	return Tendency
}

// Confidence is how sure somebody is of her answer.
type Confidence string

const (
	Sure   Confidence = "sure"
	Rather Confidence = "rather"
	Unsure Confidence = "unsure"
)

// Confidences are all of them, the greatest first.
var Confidences = []Confidence{Sure, Rather, Unsure}

// weight is how much an answer counts where answers are compared. Of part questions nobody is asked how sure she is: there all count
// alike.
func (c Confidence) weight() float64 {
	return map[Confidence]float64{Sure: 3, Rather: 2, Unsure: 1, "": 1}[c]
}

// Answer is an opinion in three lines: the position, why, and what is missing; and what it says to part questions, if anything.
type Answer struct {
	Position   string
	Words      string // the position in her own words; may be empty
	Reason     string
	Missing    string // may be empty
	Confidence Confidence
	Parts      []PartAnswer // in the order of the part questions, those left out of which nothing is said
}

// PartAnswer is what an opinion says to one part question.
type PartAnswer struct {
	Number   int // of the part question, from 1
	Position string
	Reason   string // may be empty
}

// longest is how many characters a line may have.
const longest = 300

// Check holds an answer to the rules of a form, and trims its lines; points are what is asked, the question of the conference first.
// InvalidError (position, words, reason, missing, confidence; position_1, reason_1 and so on for part questions).
func (a *Answer) Check(points []Point) error {
	switch {
	case !slices.Contains(points[0].Scale.Positions(), a.Position):
		return &account.InvalidError{Field: "position", Rule: "required"}
	case !slices.Contains(Confidences, a.Confidence):
		return &account.InvalidError{Field: "confidence", Rule: "required"}
	}
	return account.FirstError(
		account.CheckText("words", &a.Words, longest, false),
		account.CheckText("reason", &a.Reason, longest, true),
		account.CheckText("missing", &a.Missing, longest, false),
		a.checkParts(points),
	)
}

// checkParts drops what says nothing. A reason alone is asked for its position.
func (a *Answer) checkParts(points []Point) error {
	var said []PartAnswer
	for _, p := range a.Parts {
		n := strconv.Itoa(p.Number)
		if err := account.CheckText("reason_"+n, &p.Reason, longest, false); err != nil {
			return err
		}
		if p.Position == "" && p.Reason == "" {
			continue
		}
		i := slices.IndexFunc(points, func(q Point) bool { return q.Number == p.Number })
		if i < 0 || p.Number == 0 || !slices.Contains(points[i].Scale.Positions(), p.Position) {
			return &account.InvalidError{Field: "position_" + n, Rule: "required"}
		}
		if slices.ContainsFunc(said, func(s PartAnswer) bool { return s.Number == p.Number }) {
			return &account.InvalidError{Field: "position_" + n, Rule: "unknown"}
		}
		said = append(said, p)
	}
	slices.SortFunc(said, func(x, y PartAnswer) int { return cmp.Compare(x.Number, y.Number) })
	a.Parts = said
	return nil
}

// UsualMinutes is what an opinion takes, and MostMinutes what can be given at most.
const (
	UsualMinutes = 15
	MostMinutes  = 240
)

// Opinion is what one expert has sent: the version that stands.
type Opinion struct {
	AccountID  uuid.UUID
	Name       string
	Discipline string
	Answer
	Version int
	SentAt  time.Time // this version
	Late    bool      // given after the opening, with the others read
	Earlier []Version // those it has replaced, the oldest first
	Addenda []Addendum
}

// Version is an answer as it stood before it was corrected.
type Version struct {
	Answer
	SentAt time.Time
}

// Addendum is what was added to an opinion after the opening.
type Addendum struct {
	Text string
	At   time.Time
}

// Round is the question for opinions of one conference: begun when it is convened or later, opened once, by somebody or because
// nothing is left to wait for.
type Round struct {
	Scale    Scale
	OpenedAt *time.Time
	OpenedBy string // name; empty: nobody
	Why      Why
}

// Open says that everybody in the conference reads all opinions.
func (r Round) Open() bool { return r.OpenedAt != nil }

// Why a round was opened.
type Why string

const (
	AllAnswered Why = "all"
	ByModerator Why = "moderator"
	AtEnd       Why = "end" // of the conference
	AtDeadline  Why = "deadline"
)

// Draft is a form that was not sent: its fields as they were typed.
type Draft map[string]string
