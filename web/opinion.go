package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
)

// opinionPage is the written opinions of a conference: the form of who is asked, and all of them once they are open. The live page takes the
// section out of it.
type opinionPage struct {
	conference.View
	Round  conference.Opinions
	Parts  []partOpinion // part questions that the one who looks is asked
	Form   form
	Notice string
}

// partOpinion is a part question in the form: what can be said to it, and why.
type partOpinion struct {
	Number   int
	Question string
	Position choices
	Reason   field
}

// partOpinions lays out the part questions of the form. The last choice is to say nothing to one, so that a tap can be taken back.
func (s *server) partOpinions(f form, asked []opinion.Point) []partOpinion {
	var parts []partOpinion
	for _, q := range asked {
		n := strconv.Itoa(q.Number)
		p := partOpinion{q.Number, q.Question, s.choices(f, "radio", "position_"+n, "position", q.Scale.Positions()), s.field(f, "text", "reason_"+n, "optional")}
		none := choice{Label: s.words.t("opinion.part.none"), Chosen: f.Get("position_"+n) == ""}
		p.Position.Options = append(p.Position.Options, none)
		p.Reason.Label = s.words.t("opinion.part.reason")
		parts = append(parts, p)
	}
	return parts
}

// partAnswers reads what is said to part questions.
func partAnswers(f form) []opinion.PartAnswer {
	var said []opinion.PartAnswer
	for n := 1; n <= conference.MaxParts; n++ {
		row := strconv.Itoa(n)
		said = append(said, opinion.PartAnswer{Number: n, Position: f.Get("position_" + row), Reason: f.Get("reason_" + row)})
	}
	return said
}

// Confidences are what can be said of how sure one is.
func (opinionPage) Confidences() []string {
	return []string{string(opinion.Sure), string(opinion.Rather), string(opinion.Unsure)}
}

// OpinionForm is the form of the opinion: as it came back, or as it was last typed, or as it stands.
func (p opinionPage) OpinionForm() form {
	f := p.Form.named("opinion")
	if f.Values != nil {
		return f
	}
	f.Values = map[string][]string{"spent": {strconv.Itoa(opinion.UsualMinutes)}}
	set := func(pairs map[string]string) {
		for name, v := range pairs {
			f.Values[name] = []string{v}
		}
	}
	if own := p.Round.Own; own != nil {
		set(map[string]string{"position": own.Position, "words": own.Words, "reason": own.Reason, "missing": own.Missing, "confidence": string(own.Confidence)})
		for _, said := range own.Parts {
			n := strconv.Itoa(said.Number)
			set(map[string]string{"position_" + n: said.Position, "reason_" + n: said.Reason})
		}
	}
	set(p.Round.Draft)
	return f
}

// Named is the form of that name: as it came back, or empty.
func (p opinionPage) Named(name string) form { return p.Form.named(name) }

func (s *server) opinion(c echo.Context) error {
	return s.showOpinion(c, http.StatusOK, opinionPage{})
}

func (s *server) showOpinion(c echo.Context, status int, p opinionPage) error {
	ctx := c.Request().Context()
	var err error
	if p.Round, err = s.Conferences.Opinions(ctx, me(c), code(c)); err != nil {
		return err
	}
	if p.View, err = s.Conferences.ByCode(ctx, me(c), code(c)); err != nil {
		return err
	}
	p.Parts = s.partOpinions(p.OpinionForm(), p.Round.Parts)
	return s.page(c, status, "opinion", p)
}

// opined answers a form of the page: with the page and a receipt, or with the form and what stood against it. Everybody in a room sees it.
func (s *server) opined(c echo.Context, err error, f form, receipt string) error {
	var refused *account.RefusedError
	switch {
	case err == nil:
		v, err := s.Conferences.ByCode(c.Request().Context(), me(c), code(c))
		if err != nil {
			return err
		}
		s.Live.Refresh(v.ID.String(), "opinions")
		return s.done(c, at(c, "/opinion"), receipt)
	case f.wrong(err):
		return s.showOpinion(c, http.StatusUnprocessableEntity, opinionPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showOpinion(c, http.StatusConflict, opinionPage{Form: f, Notice: refused.Rule})
	}
	return err
}

func (s *server) sendOpinion(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "opinion"
	minutes := opinion.UsualMinutes
	if typed := f.Get("spent"); typed != "" {
		minutes, _ = strconv.Atoi(typed) // no number is none, which the domain refuses
	}
	err = s.Conferences.SendOpinion(c.Request().Context(), me(c), code(c), opinion.Answer{
		Position: f.Get("position"), Words: f.Get("words"), Reason: f.Get("reason"), Missing: f.Get("missing"), Confidence: opinion.Confidence(f.Get("confidence")),
		Parts: partAnswers(f),
	}, minutes, f.Get("because"))
	return s.opined(c, err, f, "opinion_sent")
}

// draftOpinion keeps what was typed. A script that sends it while somebody types stays on its page, and gets no other answer than that it is
// kept.
func (s *server) draftOpinion(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "opinion"
	d := opinion.Draft{}
	for name := range f.Values {
		d[name] = f.Get(name)
	}
	err = s.Conferences.DraftOpinion(c.Request().Context(), me(c), code(c), d)
	if !strings.Contains(c.Request().Header.Get("Accept"), "application/json") {
		return s.opined(c, err, f, "opinion_kept")
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) addToOpinion(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "addition"
	return s.opined(c, s.Conferences.AddToOpinion(c.Request().Context(), me(c), code(c), f.Get("addition"), f.Get("because")), f, "opinion_added")
}

func (s *server) openOpinions(c echo.Context) error {
	return s.opined(c, s.Conferences.OpenOpinions(c.Request().Context(), me(c), code(c)), form{}, "opinions_opened")
}

// askOpinions sets whether experts are asked for a first opinion, and how.
func (s *server) askOpinions(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "opinions"
	scale := f.Get("scale")
	if scale == "none" {
		scale = ""
	}
	return s.settled(c, s.Conferences.AskOpinions(c.Request().Context(), me(c), code(c), opinion.Scale(scale)), f, "opinions_asked")
}

// askOpinion asks somebody to write instead of coming.
func (s *server) askOpinion(c echo.Context) error {
	err := s.Conferences.AskOpinion(c.Request().Context(), me(c), code(c), strictID(c.FormValue("expert")))
	return s.settled(c, err, form{}, "opinion_asked")
}

// extendOpinions gives a conference in writing more time.
func (s *server) extendOpinions(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "extend"
	return s.settled(c, s.Conferences.ExtendOpinions(c.Request().Context(), me(c), code(c), readDate(f.Get("due_on"))), f, "opinions_extended")
}

// dissent says in words how far opinions on a point are apart.
func (s *server) dissent(spread opinion.Spread) string {
	others, of := spread.Dissent()
	if spread.Distance == opinion.Agreed {
		return s.words.f("opinion.agree", of)
	}
	apart := s.words.t("opinion.spread.", spread.Distance)
	if others == 0 {
		return apart
	}
	if others == 1 {
		return s.words.f("opinion.dissent.one", of) + ", " + apart
	}
	return s.words.f("opinion.dissent.many", others, of) + ", " + apart
}

// heldIn fills in how a conference is held, where a form for convening says nothing of it yet: by video, with first opinions.
func (s *server) heldIn(f form) {
	if f.Get("held") == "" {
		f.Values["held"], f.Values["opinions"] = []string{"video"}, []string{"yes"}
	}
	if f.Get("due_on") == "" {
		f.Values["due_on"] = []string{conference.UsualDue(s.Now(), "").Format(time.DateOnly)}
	}
}

// scales are what can be chosen for the opinions of a conference by video.
func scales() []string { return []string{"none", string(opinion.Tendency), string(opinion.Hours)} }

// held says when a conference is: its date, or until when it goes where it is in writing.
func (s *server) held(c conference.Conference) string {
	if c.Written {
		return s.words.f("opinion.held", conference.Until(c.EndsAt))
	}
	return conference.When(c.StartsAt, c.EndsAt)
}

// dueForm is the form for another last day: as it came back, or with a day to begin with.
func (p conferencePage) DueForm() form {
	f := p.FormOf("extend")
	if f.Values == nil {
		from := p.EndsAt
		if p.now.After(from) {
			from = p.now
		}
		f = fill("due_on", conference.UsualDue(from, "").Format(time.DateOnly))
		f.Of = "extend"
	}
	return f
}

// ScaleForm is the form for how opinions are asked for: as it came back, or as it stands.
func (p conferencePage) ScaleForm() form {
	f := p.FormOf("opinions")
	if f.Values == nil {
		stands := "none"
		if p.Round != nil {
			stands = string(p.Round.Scale)
		}
		f = fill("scale", stands)
		f.Of = "opinions"
	}
	return f
}

// NextDue is the last day that a conference in writing whose time is up is given by one click.
func (p conferencePage) NextDue() time.Time { return conference.UsualDue(p.now, "") }

// opinionTasks are the opinions that an expert has to give, and for a coordinator conferences in writing that lack some when their time is up.
func (s *server) opinionTasks(ctx context.Context, by account.Actor) ([]task, error) {
	found, err := s.Conferences.OpinionsWaiting(ctx, by)
	if err != nil {
		return nil, err
	}
	own := by.Reach(account.TakePart) == account.OwnSeats
	var tasks []task
	for _, c := range found {
		due, at := c.OpinionsDue(), "/conferences/"+c.Code
		t := task{Clock: shortDay(due), ClockNote: s.words.t("today.opinion.until"), Late: due.Before(s.Now()), URL: at, Act: s.words.t("today.opinions_none.act")}
		switch {
		case own:
			t.Title, t.More = s.words.t("today.opinion"), s.words.f("today.opinion.more", c.Code, conference.Until(due))
			t.URL, t.Act = at+"/opinion", s.words.t("today.opinion.act")
		case c.Answered == 0:
			t.Title, t.More = s.words.f("today.opinions_none", c.Code), s.words.t("today.opinions_none.more")
		default:
			t.Title, t.More = s.words.f("today.opinions_lack", c.Code), s.words.f("today.opinions_lack.more", s.names("discipline", c.Lacking))
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}
