package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime"
)

func (s *server) open(c echo.Context) error {
	if err := s.Conferences.Open(c.Request().Context(), me(c), code(c)); err != nil {
		return s.settled(c, err, form{}, "")
	}
	return c.Redirect(http.StatusSeeOther, at(c, "/room"))
}

// livePage is what templates/live.html takes.
type livePage struct {
	Title, Code, Question             string
	Phases                            []agenda.Kind
	Sections                          []liveSection
	EndsAt                            time.Time
	Me                                livePerson
	Writable, Pair                    bool
	MeasuresURL, TicketURL, SocketURL string
	LeaveURL, EndURL, PreviousURL     string
	OpinionsURL                       string
	Points                            []opinion.Point
	AddendumURL, RedactionURL         string
	CSS, LiveJS, PageJS               string
}

type liveSection struct{ Key, Title, Hint, Cuts string }

type livePerson struct{ Name, Short, Person string }

func (s *server) room(c echo.Context) error {
	e, err := s.Conferences.Enter(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	p := livePage{
		Title: s.words.t("kind.", e.Kind), Code: e.Code, Question: e.Question, EndsAt: e.EndsAt,
		Me:          livePerson{e.Person.Name, e.Person.Short(), e.Person.ID.String()},
		Phases:      agenda.Kinds,
		Writable:    true,
		Pair:        s.PeerToPeer,
		MeasuresURL: at(c, "/measures"), TicketURL: at(c, "/ticket"), SocketURL: at(c, "/live"), LeaveURL: at(c, ""),
		AddendumURL: at(c, "/addendum"), RedactionURL: at(c, "/redaction"),
		CSS: s.Assets.URL("konsil.css"), LiveJS: s.Assets.URL("live.js"), PageJS: s.Assets.URL("page.js"),
	}
	before, err := s.Conferences.HasPrevious(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	if before {
		p.PreviousURL = at(c, "/previous")
	}
	switch _, err := s.Conferences.Opinions(c.Request().Context(), me(c), code(c)); {
	case err == nil:
		p.OpinionsURL = at(c, "/opinion")
	case !errors.Is(err, account.ErrNotFound):
		return err
	default:
		if p.Points, err = s.Conferences.Points(c.Request().Context(), me(c), code(c)); err != nil {
			return err
		}
	}
	if e.Part == conference.Moderator {
		p.EndURL = at(c, "#end")
	}
	for _, key := range e.Kind.Sections() {
		p.Sections = append(p.Sections, liveSection{
			key, s.words.t("section.", key), s.words.t("section.", key, ".hint"), s.cuts(e.Redactions, key),
		})
	}
	return s.render(c, http.StatusOK, "live", p)
}

// ticket is the one-time key to the socket. Who asks for it is looked at as if she entered anew.
func (s *server) ticket(c echo.Context) error {
	e, err := s.Conferences.Enter(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	devices, err := s.devices(c, e)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"ticket": s.Live.Ticket(realtime.Guest{
		Conference: e.ID.String(), Person: e.Person.ID.String(), Session: e.Person.Session.String(),
		Name: e.Person.Name, Short: e.Person.Short(), Role: s.place(e), Part: livePart(e.Part), Color: e.Color, Devices: devices, EndsAt: e.EndsAt,
	})})
}

// livePart is what somebody with a seat is in the room.
func livePart(p conference.Part) string {
	if p == conference.Moderator {
		return realtime.PartModerator
	}
	return realtime.PartParticipant
}

// place says in words what somebody is in the room for.
func (s *server) place(e conference.Entry) string {
	if e.Discipline != "" {
		return s.words.t("discipline.", e.Discipline)
	}
	return s.words.t("part.", e.Part)
}

func (s *server) live(c echo.Context) error {
	s.Live.Serve(c.Response(), c.Request())
	return nil
}

// sealingGrace is how long people may go on writing once it is said that the conference ends.
const sealingGrace = 3 * time.Second

// end ends a conference. The order keeps every word that was acknowledged: everybody is told and may finish the line; what has
// been received is committed; then the note takes no more rows; then everybody is shown out; then the texts are written from
// the rows as they are for good. Once it is said that the conference ends, it does even if the browser does not wait for it.
func (s *server) end(c echo.Context) error {
	ctx := context.WithoutCancel(c.Request().Context())
	v, err := s.Conferences.ByCode(ctx, me(c), code(c))
	if err != nil {
		return err
	}
	id := v.ID.String()
	if v.CanEnd() {
		s.Live.Sealing(id, sealingGrace)
		err = s.Live.Flush(ctx, id)
	}
	if err == nil {
		err = s.Conferences.End(ctx, me(c), code(c))
	}
	if err != nil {
		s.Live.Unseal(id)
		return s.settled(c, err, form{}, "")
	}
	s.Live.Close(id, "closed")
	if err := s.Live.Flush(ctx, id); err != nil {
		return err
	}
	return s.done(c, at(c, "/minutes"), "ended")
}
