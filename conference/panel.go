package conference

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// PartQuestion is one of the things that have to be answered for the question of a request to be answered. The caseworker writes it with
// the request; the coordination may change it while the request waits. Its words belong to the case.
type PartQuestion struct {
	ID          uuid.UUID
	Text        string
	Disciplines []string // one of them can answer it, or whoever knows about one of
	Topics      []string // these; with neither, what the text speaks of
}

// MaxParts is how many part questions a request may have.
const MaxParts = slot.MaxParts

const maxPart, maxPartTopics = 200, 10

// checkParts drops empty rows and holds the others to their rules. Their fields are called part_1 and so on, by row.
func checkParts(parts []PartQuestion) ([]PartQuestion, error) {
	var kept []PartQuestion
	for i, p := range parts {
		p.Text = strings.TrimSpace(p.Text)
		if p.Text == "" && len(p.Disciplines)+len(p.Topics) == 0 {
			continue
		}
		row := "_" + string(rune('1'+i))
		if i >= MaxParts {
			return nil, &account.InvalidError{Field: "part_1", Rule: "six"}
		}
		if err := account.CheckText("part"+row, &p.Text, maxPart, true); err != nil {
			return nil, err
		}
		slices.Sort(p.Disciplines)
		p.Disciplines = slices.Compact(p.Disciplines)
		if slices.ContainsFunc(p.Disciplines, func(d string) bool { return !expertpool.KnownDiscipline(d) }) {
			return nil, &account.InvalidError{Field: "who" + row, Rule: "unknown"}
		}
		if len(p.Topics) > maxPartTopics {
			return nil, &account.InvalidError{Field: "topics" + row, Rule: "ten"}
		}
		for k := range p.Topics {
			if err := account.CheckText("topics"+row, &p.Topics[k], 80, true); err != nil {
				return nil, err
			}
		}
		p.ID = uuid.New()
		kept = append(kept, p)
	}
	return kept, nil
}

// partTexts are what the name guard reads of part questions.
func partTexts(parts []PartQuestion) []casefile.Part {
	var texts []casefile.Part
	for _, p := range parts {
		texts = append(texts, casefile.Part{Field: "part_question", Text: p.Text}, casefile.Part{Field: "topics", Text: strings.Join(p.Topics, ", ")})
	}
	return texts
}

// expertise is what answers a part question; wished disciplines, where nothing says which.
func (p PartQuestion) expertise(wished []string) expertpool.Expertise {
	e := expertpool.Expertise{Disciplines: p.Disciplines, Topics: p.Topics}
	for _, t := range p.Topics {
		e = e.With(expertpool.Expertise{Specialties: expertpool.Understand(t).Specialties})
	}
	if len(p.Disciplines)+len(p.Topics) == 0 {
		e = expertpool.Understand(p.Text)
	}
	if len(e.Fields()) == 0 && len(p.Topics) == 0 {
		e.Disciplines = wished
	}
	return e
}

// Suggested are the disciplines that the words of a part question speak of, where nobody has said who can answer it.
func (p PartQuestion) Suggested() []string {
	if len(p.Disciplines)+len(p.Topics) > 0 {
		return nil
	}
	return expertpool.Understand(p.Text).Fields()
}

// wanted are the disciplines in which experts are looked for: those that are wished, and those that part questions need besides.
func (r Request) wanted() []string {
	all := slices.Clone(r.Disciplines)
	for _, p := range r.Parts {
		for _, d := range p.expertise(r.Disciplines).Fields() {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// Coverage says who of the pool answers which part questions of a request, and which round is the smallest.
type Coverage struct {
	Parts    []PartQuestion
	Smallest []Answering // the fewest of those who are advised who answer everything that any of them can
	Open     []int       // part questions, from 0, that nobody of them can answer
	people   []Answering // everybody, in the order of the benches
}

// Answering is somebody with the part questions that she answers.
type Answering struct {
	ID    uuid.UUID
	Name  string
	Parts []int    // from 0
	Spare bool     // answers nothing that others of the round do not answer
	Like  []string // who of the round answers the same, of one who is spare
	mask  slot.Parts
}

// Cover works it out for a request and the suggestions for it. Without part questions there is nothing to say.
func Cover(r Request, benches []expertpool.Bench) Coverage {
	c := Coverage{Parts: r.Parts}
	var advised []slot.Answerer
	var whose []int
	for _, b := range benches {
		for _, s := range b.Suggestions {
			c.people = append(c.people, answering(r, s.Candidate))
			if !s.Advised() {
				continue
			}
			whose = append(whose, len(c.people)-1)
			advised = append(advised, slot.Answerer{
				Parts: c.people[len(c.people)-1].mask, Penalty: s.Rank,
				Unsure: slices.ContainsFunc(s.Reasons, func(r expertpool.Reason) bool {
					return r.Kind == expertpool.OutHours || r.Kind == expertpool.NoHours
				}),
			})
		}
	}
	chosen, open := slot.Smallest(slot.AllParts(len(r.Parts)), advised)
	for _, i := range chosen {
		c.Smallest = append(c.Smallest, c.people[whose[i]])
	}
	c.Open = numbers(open)
	return c
}

func answering(r Request, c expertpool.Candidate) Answering {
	a := Answering{ID: c.ID, Name: c.Name}
	for n, p := range r.Parts {
		if p.expertise(r.Disciplines).Of(c) {
			a.mask |= 1 << n
		}
	}
	a.Parts = numbers(a.mask)
	return a
}

func numbers(p slot.Parts) []int {
	var list []int
	for n := range MaxParts {
		if p.Has(n) {
			list = append(list, n)
		}
	}
	return list
}

// Of is what somebody of the pool answers.
func (c Coverage) Of(id uuid.UUID) Answering {
	for _, a := range c.people {
		if a.ID == id {
			return a
		}
	}
	return Answering{ID: id}
}

// Round judges people who were picked by hand, in the order of the benches, and says what none of them answers.
func (c Coverage) Round(picked []uuid.UUID) (round []Answering, open []int) {
	for _, a := range c.people {
		if slices.Contains(picked, a.ID) {
			round = append(round, a)
		}
	}
	return judge(len(c.Parts), round)
}

// judge marks who of a round is spare, and beside whom.
func judge(parts int, round []Answering) ([]Answering, []int) {
	masks := make([]slot.Parts, len(round))
	for i, a := range round {
		masks[i] = a.mask
	}
	open, spare := slot.Spare(slot.AllParts(parts), masks)
	for i := range round {
		if round[i].Spare = spare[i]; !spare[i] {
			continue
		}
		for k, other := range round {
			if k != i && !spare[k] && other.mask&round[i].mask != 0 {
				round[i].Like = append(round[i].Like, other.Name)
			}
		}
	}
	return round, numbers(open)
}
