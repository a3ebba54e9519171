package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
)

// partRow is one part question in a form: its text, and who can answer it.
type partRow struct {
	Text, Topics field
	Who          choices
	Open         bool     // who can answer it is said already, or was wrong
	Suggested    []string // disciplines that its words speak of
}

// partRows are the rows of a form for part questions: those at once, and those that are folded away.
type partRows struct{ First, More []partRow }

// rowsAtOnce is how many empty rows stand open.
const rowsAtOnce = 2

// partsIn reads part questions from the fields of their rows.
func partsIn(f form) []conference.PartQuestion {
	parts := make([]conference.PartQuestion, conference.MaxParts)
	for i := range parts {
		row := strconv.Itoa(i + 1)
		parts[i] = conference.PartQuestion{Text: f.Get("part_" + row), Disciplines: slices.Clone(f.Values["who_"+row])}
		for topic := range strings.SplitSeq(f.Get("topics_"+row), ",") {
			if topic = strings.TrimSpace(topic); topic != "" {
				parts[i].Topics = append(parts[i].Topics, topic)
			}
		}
	}
	return parts
}

// partsForm is the form of part questions as they are.
func partsForm(parts []conference.PartQuestion) form {
	f := fill()
	for i, p := range parts {
		row := strconv.Itoa(i + 1)
		f.Values["part_"+row] = []string{p.Text}
		f.Values["who_"+row] = p.Disciplines
		f.Values["topics_"+row] = []string{strings.Join(p.Topics, ", ")}
	}
	return f
}

// partRows lays the rows of a form out.
func (s *server) partRows(f form) partRows {
	var rows partRows
	for i, p := range partsIn(f) {
		n := strconv.Itoa(i + 1)
		r := partRow{
			Text: s.field(f, "text", "part_"+n), Topics: s.field(f, "text", "topics_"+n, "optional"),
			Who: s.choices(f, "checkbox", "who_"+n, "discipline", expertpool.Disciplines),
		}
		r.Text.Label, r.Topics.Label, r.Who.Label = s.words.f("part.text", i+1), s.words.t("part.topics"), s.words.t("part.disciplines")
		r.Topics.Hint = s.words.t("part.topics.hint")
		r.Open = len(p.Disciplines)+len(p.Topics) > 0 || r.Topics.Error != "" || r.Who.Error != ""
		if p.Text != "" {
			r.Suggested = p.Suggested()
		}
		if i < rowsAtOnce || p.Text != "" || r.Open || r.Text.Error != "" {
			rows.First = append(rows.First, r)
		} else {
			rows.More = append(rows.More, r)
		}
	}
	return rows
}

// PartsForm is the form for the part questions of a request: as it came back, or as they are.
func (p requestPage) PartsForm() form {
	f := p.Ask
	if f.Values == nil {
		f = partsForm(p.Parts)
	}
	f.Of = "parts"
	return f
}

// askParts keeps the part questions of a waiting request.
func (s *server) askParts(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = s.Conferences.AskParts(c.Request().Context(), me(c), id, partsIn(f), f.Get("because"))
	if f.wrong(err) {
		return s.showRequest(c, http.StatusUnprocessableEntity, requestPage{Ask: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String()+"#parts", "parts")
}

// panelView is which round answers which part questions, for the form that convenes.
type panelView struct {
	conference.Coverage
	Request uuid.UUID
	Round   []conference.Answering // who is ticked
	Missed  []int                  // what nobody of them answers
}

// panelOf judges the round that is ticked in a form, with the members of groups. Where the form asks for it, the smallest one is ticked before.
func panelOf(r conference.Request, benches []expertpool.Bench, groups []expertpool.Group, convene *form) panelView {
	v := panelView{Coverage: conference.Cover(r, benches), Request: r.ID}
	if convene.Get("take") == "smallest" {
		delete(convene.Values, "experts")
		delete(convene.Values, "groups")
		for _, a := range v.Smallest {
			convene.Values["experts"] = append(convene.Values["experts"], a.ID.String())
		}
	}
	picked := panelIn(*convene).Experts
	for _, g := range groups {
		if !convene.Has("groups", g.ID.String()) {
			continue
		}
		for _, m := range g.Members {
			picked = append(picked, m.ID)
		}
	}
	v.Round, v.Missed = v.Coverage.Round(picked)
	return v
}

// Of is what somebody answers; of one who is not ticked without a judgement about her.
func (v panelView) Of(id uuid.UUID) conference.Answering {
	for _, a := range v.Round {
		if a.ID == id {
			return a
		}
	}
	return v.Coverage.Of(id)
}

// By are the names of those of a round who answer a part question.
func (v panelView) By(n int) string { return namesFor(v.Round, n) }

func namesFor(round []conference.Answering, n int) string {
	var names []string
	for _, a := range round {
		if slices.Contains(a.Parts, n) && !a.Spare {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, ", ")
}

// partList says which part questions: Teilfrage 1, Teilfragen 1 und 3.
func (s *server) partList(parts []int) string {
	if len(parts) == 1 {
		return s.words.f("part.one", parts[0]+1)
	}
	var n []string
	for _, p := range parts {
		n = append(n, strconv.Itoa(p+1))
	}
	if len(n) == 0 {
		return ""
	}
	return s.words.f("part.many", strings.Join(n[:len(n)-1], ", "), n[len(n)-1])
}

// spare says why somebody of a round is not needed for the part questions.
func (s *server) spare(a conference.Answering) string {
	if len(a.Like) == 0 {
		return s.words.t("panel.none")
	}
	return s.words.f("panel.spare", strings.Join(a.Like, ", "))
}
