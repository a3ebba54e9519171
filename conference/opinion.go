package conference

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// A conference by video asks for opinions until the evening before it, in minutes after midnight; one in writing takes them until
// the end of office hours of its last day.
const (
	opinionsUntil  = 18 * 60
	writtenUntil   = 18 * 60
	usualWritten   = 5              // working days that a conference in writing takes
	longestWritten = 3              // months
	leastNotice    = 12 * time.Hour // somebody who is asked later than that before the end is written to at once, at night too
	remindBefore   = 24 * time.Hour
)

// OpinionsDue is until when opinions are asked for: in a conference in writing its end, else the evening before, or half an hour
// before the beginning where that evening has passed when it is convened.
func (c Conference) OpinionsDue() time.Time {
	if c.Written {
		return c.EndsAt
	}
	y, m, d := expertpool.Today(c.StartsAt).AddDate(0, 0, -1).Date()
	if evening := slot.Wall(y, m, d, opinionsUntil, expertpool.Zone()); evening.After(c.CreatedAt) {
		return evening
	}
	return c.OpensAt()
}

// UsualDue is the last day that a conference in writing convened now is given, if nobody says otherwise; midnight UTC.
func UsualDue(now time.Time, land ical.State) time.Time {
	day := expertpool.Today(now)
	for left := usualWritten; left > 0; {
		if day = day.AddDate(0, 0, 1); workday(day, land) {
			left--
		}
	}
	return day
}

// dueAt is the moment until which a conference in writing goes whose last day this is: InvalidError on due_on.
func dueAt(day, now time.Time, land ical.State) (time.Time, error) {
	today := expertpool.Today(now)
	rule := ""
	switch {
	case day.IsZero():
		rule = "required"
	case !day.After(today):
		rule = "tomorrow"
	case day.After(today.AddDate(0, longestWritten, 0)):
		rule = "three_months"
	case !workday(day, land):
		rule = "workday"
	}
	if rule != "" {
		return time.Time{}, &account.InvalidError{Field: "due_on", Rule: rule}
	}
	y, m, d := day.Date()
	return slot.Wall(y, m, d, writtenUntil, expertpool.Zone()), nil
}

// openableOpinions is the rule for a moderator who opens opinions although somebody has not answered: a conference by video at its
// beginning or after the day for answers, one in writing once every required discipline has answered or its time is up.
func (c Conference) openableOpinions(seats []Seat, answered []uuid.UUID, now time.Time) error {
	switch {
	case !c.State.Planned() && c.State != Live:
		return account.Refuse(account.ErrConflict, "conference_over")
	case c.Written && len(answered) == 0:
		return account.Refuse(account.ErrConflict, "opinions_none")
	case c.State == Live || now.After(c.OpinionsDue()):
		return nil
	case !c.Written && !now.Before(c.OpensAt()):
		return nil
	case !c.Written:
		return account.Refuse(account.ErrConflict, "opinions_blind")
	case !answeredQuorum(seats, answered):
		return account.Refuse(account.ErrConflict, "opinion_quorum")
	}
	return nil
}

// answeredQuorum: of every required discipline somebody has answered.
func answeredQuorum(seats []Seat, answered []uuid.UUID) bool {
	given := slices.Clone(seats)
	for i := range given {
		if given[i].Answer == Accepted && !slices.Contains(answered, given[i].AccountID) {
			given[i].Answer = Offered
		}
	}
	return quorate(given)
}

// lacking are the disciplines that a conference in writing needs and of which nobody has answered when its time is up, in the order of
// the seats. Each that is required is needed, unless others who have answered know everything that those of it are asked: round says
// who of those who have not said no knows which part questions, nobody where there are none.
func lacking(seats []Seat, round []Answering, answered []uuid.UUID, parts int) []string {
	var known slot.Parts
	for _, a := range round {
		if slices.Contains(answered, a.ID) {
			known |= a.mask
		}
	}
	spare := func(discipline string) bool {
		people := 0
		for _, t := range seats {
			i := slices.IndexFunc(round, func(a Answering) bool { return a.ID == t.AccountID })
			if t.Discipline != discipline || i < 0 {
				continue
			}
			if people++; round[i].asks(parts)&^known != 0 {
				return false
			}
		}
		return people > 0
	}
	var missing []string
	for _, t := range seats {
		needed := t.Role == ExpertPart && t.Required && t.Answer != AnswerCancelled && !slices.Contains(missing, t.Discipline)
		if needed && !answeredOf(seats, t.Discipline, answered) && !spare(t.Discipline) {
			missing = append(missing, t.Discipline)
		}
	}
	return missing
}

func answeredOf(seats []Seat, discipline string, answered []uuid.UUID) bool {
	return slices.ContainsFunc(seats, func(t Seat) bool {
		return t.Role == ExpertPart && t.Discipline == discipline && t.Answer == Accepted && slices.Contains(answered, t.AccountID)
	})
}

// asks are the part questions that somebody is asked: those that she knows about, and all of them where it is in doubt which.
func (a Answering) asks(parts int) slot.Parts {
	if a.mask == 0 {
		return slot.AllParts(parts)
	}
	return a.mask
}

// asksOf are the part questions, from 0, for the form of one of a round: those that she knows about and those that nobody of the round
// does; all of them, if in doubt.
func (a Answers) asksOf(person uuid.UUID) []int {
	ask := slot.AllParts(len(a.Parts))
	for _, who := range a.Round {
		if who.ID == person {
			ask = who.asks(len(a.Parts))
		}
	}
	for _, n := range a.Open {
		ask |= 1 << n
	}
	return numbers(ask)
}

// opining are the experts who are asked for an opinion: they have accepted and, where there is a case, have no tie. open says that somebody else may still
// become one of them.
func opining(c Conference, seats []Seat) (asked []Seat, open bool) {
	for _, t := range seats {
		switch {
		case t.Role != ExpertPart:
		case t.Answer == Accepted && (t.Declared == NoTie || c.CaseID == uuid.Nil):
			asked = append(asked, t)
		case t.Answer == Accepted || t.Answer == Offered || t.Answer == Tentative:
			open = open || !t.Declared.Tie()
		}
	}
	return asked, open
}

// allAnswered says that there is nobody left to wait for. A single opinion shows nobody anything new, so that in a conference by
// video it takes two.
func allAnswered(c Conference, seats []Seat, answered []uuid.UUID) bool {
	asked, open := opining(c, seats)
	if open || len(asked) == 0 || len(asked) < 2 && !c.Written {
		return false
	}
	return !slices.ContainsFunc(asked, func(t Seat) bool { return !slices.Contains(answered, t.AccountID) })
}

// Opinions is the round of opinions of a conference as one person may see it now.
type Opinions struct {
	opinion.Round
	Code     string
	Question string
	Written  bool // the whole conference is
	Due      time.Time
	Asked    int
	Answered int
	Waits    []string // names of who has not answered; for the moderation, while the round is not open
	Mine     bool     // the actor is asked
	Own      *opinion.Opinion
	Draft    opinion.Draft
	Parts    []opinion.Point // part questions that the actor is asked, in their order, without opinions
	Points   []opinion.Point // once it is open, where opinions differ most first; before it in the order of asking, without opinions
	Lacking  []string        // disciplines that are needed and have not answered; for the moderation, of a conference in writing that is not open
	TimeUp   bool            // of a conference in writing that is not open: its term is over
	Silent   []string        // names of who had not answered when it was opened
	CanSend  bool
	CanAdd   bool
	CanOpen  bool
	CanAsk   bool // change whether and how opinions are asked for
}

// Panel says that enough have answered to speak of a panel.
func (o Opinions) Panel() bool { return o.Answered >= 2 }

// MinuteOpinion is a written opinion as it stands in minutes.
type MinuteOpinion struct {
	Name       string             `json:"name"`
	Discipline string             `json:"discipline"`
	Position   string             `json:"position"`
	Words      string             `json:"words,omitempty"`
	Reason     string             `json:"reason"`
	Missing    string             `json:"missing,omitempty"`
	Confidence opinion.Confidence `json:"confidence"`
	At         time.Time          `json:"at"`
	Late       bool               `json:"late,omitempty"` // given with the others read
	Addenda    []string           `json:"addenda,omitempty"`
}

// MinutePoint is a point as it stands in minutes of a conference that has part questions: how far opinions on it are apart, and what they
// say. Those on the question of the conference itself are its MinuteOpinions.
type MinutePoint struct {
	Number   int    `json:"number,omitempty"` // of a part question, from 1
	Question string `json:"question"`
	opinion.Spread
	Said []MinutePart `json:"said,omitempty"`
}

// MinutePart is what a written opinion says to a part question.
type MinutePart struct {
	Name       string `json:"name"`
	Discipline string `json:"discipline"`
	Position   string `json:"position"`
	Reason     string `json:"reason,omitempty"`
}

// minutedPoints are the points in their order, where there are part questions. How far apart opinions are is said where there are any.
func minutedPoints(points []opinion.Point) (all []MinutePoint) {
	if len(points) < 2 {
		return nil
	}
	given := opinion.Given(points)
	for _, p := range points {
		m := MinutePoint{Number: p.Number, Question: p.Question}
		if given {
			m.Spread = p.Spread()
		}
		for _, o := range p.Opinions {
			if p.Number > 0 {
				m.Said = append(m.Said, MinutePart{o.Name, o.Discipline, o.Position, o.Reason})
			}
		}
		all = append(all, m)
	}
	return all
}

// minuted are the opinions on the question of the conference.
func minuted(points []opinion.Point) (all []MinuteOpinion) {
	for _, p := range points {
		if p.Number > 0 {
			continue
		}
		for _, o := range p.Opinions {
			m := MinuteOpinion{
				Name: o.Name, Discipline: o.Discipline, Position: o.Position, Words: o.Words, Reason: o.Reason, Missing: o.Missing,
				Confidence: o.Confidence, At: o.SentAt.UTC(), Late: o.Late,
			}
			for _, a := range o.Addenda {
				m.Addenda = append(m.Addenda, a.Text)
			}
			all = append(all, m)
		}
	}
	return all
}

// positionWords are how positions are called in texts that konsil begins for people.
var positionWords = map[string]string{
	"yes": "eher ja", "partly": "teils", "no": "eher nein", opinion.Unable: "kann es nicht beurteilen",
	"under_3": "unter 3 Stunden am Tag", "3_to_6": "3 bis unter 6 Stunden am Tag", "from_6": "6 Stunden am Tag und mehr",
}

// writtenDraft is what the minutes of a conference in writing begin with, for the moderation to write on: how the opinions are spread,
// and why. Who said what stands in the annex.
func writtenDraft(points []opinion.Point) string {
	var b strings.Builder
	for _, p := range points {
		if len(points) > 1 {
			fmt.Fprintf(&b, "\n%s\n", p.Question)
		}
		writePoint(&b, p)
	}
	return strings.TrimSpace(b.String())
}

func writePoint(b *strings.Builder, p opinion.Point) {
	if len(p.Opinions) == 0 {
		b.WriteString("Dazu hat niemand etwas gesagt.\n")
		return
	}
	var said []string
	for _, t := range p.Tally() {
		said = append(said, fmt.Sprintf("%d × %s", t.Count, positionWords[t.Position]))
	}
	fmt.Fprintf(b, "Schriftliche Einschätzungen: %s.\n", strings.Join(said, ", "))
	writeLines(b, "Begründungen:", p.Opinions, func(o opinion.Opinion) string { return o.Reason })
	writeLines(b, "Es fehlt noch:", p.Opinions, func(o opinion.Opinion) string { return o.Missing })
}

// writeLines writes the lines that are not empty under their title, if there are any.
func writeLines(b *strings.Builder, title string, all []opinion.Opinion, line func(opinion.Opinion) string) {
	for _, o := range all {
		if line(o) == "" {
			continue
		}
		if title != "" {
			b.WriteString("\n" + title + "\n")
			title = ""
		}
		b.WriteString("– " + line(o) + "\n")
	}
}
