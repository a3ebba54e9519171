package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// staffOf is an organisation of the network with those of it who can be asked to a topic.
type staffOf struct {
	Name   string
	People []conference.ColleagueOf
}

// colleagues are the people whom the coordination can ask, by organisation, without those who have a seat.
func (s *server) colleagues(ctx context.Context, by account.Actor, seats []conference.Seat) ([]staffOf, error) {
	found, err := s.Conferences.Colleagues(ctx, by)
	if err != nil {
		return nil, err
	}
	var houses []staffOf
	for _, p := range found {
		if slices.ContainsFunc(seats, func(t conference.Seat) bool { return t.AccountID == p.ID && t.Answer != conference.AnswerCancelled }) {
			continue
		}
		if n := len(houses); n == 0 || houses[n-1].Name != p.Organisation {
			houses = append(houses, staffOf{Name: p.Organisation})
		}
		last := &houses[len(houses)-1]
		last.People = append(last.People, p)
	}
	return houses, nil
}

// topicPage is the form with which a coordinator convenes a conference without a case.
type topicPage struct {
	Form        form
	Disciplines []string
	Offers      []offers // for the disciplines that are ticked
	Groups      []expertpool.Group
	Houses      []staffOf
	Lengths     []string
}

// newTopic shows the form: empty, or filled with what a conference was about of which more is to come.
func (s *server) newTopic(c echo.Context) error {
	f := fill("length", lengths[1])
	if of := c.QueryParam("of"); of != "" {
		v, err := s.Conferences.ByCode(c.Request().Context(), me(c), of)
		if err != nil {
			return err
		}
		if v.Topic() {
			f.Values["topic"], f.Values["explanation"] = []string{v.Question}, []string{v.Explanation}
		}
	}
	return s.showTopic(c, http.StatusOK, f)
}

func (s *server) showTopic(c echo.Context, status int, f form) error {
	ctx, by := c.Request().Context(), me(c)
	p := topicPage{Form: f, Disciplines: expertpool.Disciplines, Lengths: lengths}
	p.Form.Of = "convene"
	if p.Form.Get("held") == "" {
		p.Form.Values["held"] = []string{"video"} // without first opinions: they are of the question of a case
	}
	s.heldIn(p.Form)
	wanted := slices.DeleteFunc(slices.Clone(f.Values["disciplines"]), func(d string) bool { return !expertpool.KnownDiscipline(d) })
	panel := panelIn(f)
	when := conference.Occasion{Starts: panel.Starts, Length: panel.Length}
	if when.Starts.Before(s.Now()) {
		when = conference.Occasion{} // nobody can be asked for it
	}
	benches, err := s.Conferences.TopicSuggestions(ctx, by, f.Get("topic"), wanted, when)
	if err != nil {
		return err
	}
	p.Offers = offersOf(benches, f)
	if p.Groups, err = s.Pool.Groups(ctx, by); err != nil {
		return err
	}
	if p.Houses, err = s.colleagues(ctx, by, nil); err != nil {
		return err
	}
	return s.page(c, status, "topic", p)
}

// newTopicPost convenes, or shows who could be asked: what was typed for that stands in no address.
func (s *server) newTopicPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(f.Get("take")) != "":
		return s.showTopic(c, http.StatusOK, taken(f))
	case f.Get("act") == "dates":
		return s.showTopicDates(c, f)
	case f.Get("act") == "look":
		return s.showTopic(c, http.StatusOK, f)
	}
	t := conference.Topic{Question: f.Get("topic"), Explanation: f.Get("explanation"), Colleagues: idsIn(f, "colleagues")}
	if t.Panel, err = s.roundIn(c, f); err != nil {
		return err
	}
	code, err := s.Conferences.ConveneTopic(c.Request().Context(), me(c), t)
	if f.wrong(err) {
		return s.showTopic(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/conferences/"+code, "convened")
}

// topicFields are those of the form for a topic, and besides those with which dates are looked for.
func topicFields() string {
	return strings.Join(topicKept(), " ") + " act date time length take more weeks land wish* optional* " + whoFields()
}

// topicKept are the fields that the page of dates for a topic takes along.
func topicKept() []string {
	return strings.Fields("topic explanation disciplines* experts* groups* colleagues* held due_on opinions scale")
}

// showTopicDates shows when a round for a topic can meet. What was typed comes along, and goes back with the date that is taken.
func (s *server) showTopicDates(c echo.Context, f form) error {
	p := newDatesPage(f.Values)
	p.Disciplines = f.Values["disciplines"]
	p.Kept = url.Values{}
	for _, name := range topicKept() {
		if name = strings.TrimSuffix(name, "*"); len(f.Values[name]) > 0 {
			p.Kept[name] = f.Values[name]
		}
	}
	status, err := s.findDates(c, http.StatusOK, &p, func(d conference.DateSearch) (conference.Dates, error) {
		if len(d.Wishes) == 0 {
			return conference.Dates{}, nil // nothing is asked yet
		}
		return s.Conferences.FindTopicDates(c.Request().Context(), me(c), f.Get("topic"), d)
	})
	if err != nil {
		return err
	}
	return s.page(c, status, "topic-dates", p)
}

// taken fills a date that was found into the form for a topic, with those who can keep it instead of those who were ticked.
func taken(f form) form {
	words := strings.Fields(f.Get("take"))
	at, _ := time.Parse(time.RFC3339, words[0]) // the zero time is refused when it comes to convening
	local := at.In(expertpool.Zone())
	f.Values["date"], f.Values["time"] = []string{local.Format(time.DateOnly)}, []string{local.Format("15:04")}
	f.Values["experts"] = words[1:]
	for _, d := range f.Values["wish"] {
		if !f.Has("disciplines", d) {
			f.Values["disciplines"] = append(f.Values["disciplines"], d)
		}
	}
	f.Values["held"] = []string{"video"}
	return f
}

func (s *server) inviteColleagues(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "colleagues"
	return s.settled(c, s.Conferences.InviteColleagues(c.Request().Context(), me(c), code(c), idsIn(f, "colleagues")), f, "invited")
}

// CanGoOn says that a topic can be made of what a conference without a case came to.
func (p conferencePage) CanGoOn() bool {
	return p.Topic() && p.Part == conference.Moderator && p.Shut == "" && p.Minutes == "approved"
}

// questionPage is the form for a question without a case.
type questionPage struct {
	Form        form
	Disciplines []string
}

func (s *server) newQuestion(c echo.Context) error {
	return s.showQuestion(c, http.StatusOK, fill("urgency", "normal"))
}

func (s *server) showQuestion(c echo.Context, status int, f form) error {
	f.Of = "free"
	return s.page(c, status, "question", questionPage{f, expertpool.Disciplines})
}

func (s *server) newQuestionPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id, err := s.Conferences.Ask(c.Request().Context(), me(c), conference.Request{
		Question: f.Get("question"), Explanation: f.Get("explanation"), Urgency: f.Get("urgency"), Disciplines: slices.Clone(f.Values["disciplines"]),
	})
	if f.wrong(err) {
		return s.showQuestion(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String(), "request")
}

// requestWords is the key of the sentence about a request on "Heute".
func requestWords(r conference.Request) string {
	if r.Nobody() {
		return "today.request.nobody"
	}
	return "today.request"
}
