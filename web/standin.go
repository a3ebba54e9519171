package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// standInPage is what somebody is asked who could stand in. It knows a code and a date, no case and no other person.
type standInPage struct {
	conference.StandInOffer
	Link   string
	Notice string
}

// Minutes is how long the conference takes.
func (p standInPage) Minutes() int { return int(p.EndsAt.Sub(p.StartsAt).Minutes()) }

func (s *server) offered(c echo.Context) (account.Actor, conference.StandInOffer, error) {
	by, id, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), account.ForInvitation)
	if err != nil {
		return by, conference.StandInOffer{}, err
	}
	o, err := s.Conferences.StandInOffer(c.Request().Context(), by, id)
	return by, o, err
}

func (s *server) standIn(c echo.Context) error {
	_, o, err := s.offered(c)
	if err != nil {
		return err
	}
	return s.showStandIn(c, http.StatusOK, o, "")
}

func (s *server) showStandIn(c echo.Context, status int, o conference.StandInOffer, notice string) error {
	return s.page(c, status, "stand-in", standInPage{o, "/stand-in/" + c.Param("token"), notice})
}

func (s *server) standInPost(c echo.Context) error {
	ctx := c.Request().Context()
	by, o, err := s.offered(c)
	if err != nil {
		return err
	}
	receipt := "stands_in"
	switch c.FormValue("answer") {
	case string(conference.Accepted):
		err = s.Conferences.StandIn(ctx, by, o.ID)
	case string(conference.Declined):
		receipt, err = "stands_not_in", s.Conferences.RefuseStandIn(ctx, by, o.ID)
	default:
		return s.showStandIn(c, http.StatusUnprocessableEntity, o, "")
	}
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, "/stand-in/"+c.Param("token"), receipt)
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		if _, o, err = s.offered(c); err != nil {
			return err
		}
		return s.showStandIn(c, http.StatusConflict, o, refused.Rule)
	}
	return err
}

// findStandIn begins to look for somebody of a discipline.
func (s *server) findStandIn(c echo.Context) error {
	return s.settled(c, s.Conferences.FindStandIn(c.Request().Context(), me(c), code(c), c.FormValue("discipline")), form{}, "stand_in_sought")
}

// goOn holds the conference without a discipline.
func (s *server) goOn(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	how := conference.Instead(f.Get("instead"))
	return s.settled(c, s.Conferences.GoOn(c.Request().Context(), me(c), code(c), f.Get("discipline"), how), f, "goes_on")
}

// searchBySelf says whether a search begins by itself.
func (s *server) searchBySelf(c echo.Context) error {
	return s.settled(c, s.Conferences.SearchBySelf(c.Request().Context(), me(c), code(c), c.FormValue("auto") == "yes"), form{}, "stand_in_auto")
}

// nextDatesPage offers dates that everybody can keep, with somebody of the discipline that is missing.
type nextDatesPage struct {
	Code, Discipline string
	Offers           []conference.Offer
	Form             form
}

// Last is who would come instead.
func (nextDatesPage) Last(o conference.Offer) conference.Somebody { return o.Round[len(o.Round)-1] }

func (s *server) nextDates(c echo.Context) error {
	return s.showNextDates(c, http.StatusOK, c.QueryParam("discipline"), form{})
}

func (s *server) showNextDates(c echo.Context, status int, discipline string, f form) error {
	p := nextDatesPage{Code: code(c), Discipline: discipline, Form: f}
	var err error
	if p.Offers, err = s.Conferences.NextDates(c.Request().Context(), me(c), p.Code, discipline); err != nil {
		return err
	}
	return s.page(c, status, "next-dates", p)
}

func (s *server) moveWith(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	starts, _ := time.Parse(time.RFC3339, f.Get("starts")) // what is no date is refused by the domain
	err = s.Conferences.MoveWith(c.Request().Context(), me(c), code(c), f.Get("discipline"), starts, strictID(f.Get("expert")))
	if f.wrong(err) {
		return s.showNextDates(c, http.StatusUnprocessableEntity, f.Get("discipline"), f)
	}
	if err != nil {
		return err
	}
	return s.done(c, at(c, ""), "moved")
}

// gapTasks are the disciplines that conferences of a coordinator's network have lost. While somebody is looked for there is nothing to do.
func (s *server) gapTasks(ctx context.Context, by account.Actor) ([]task, error) {
	found, err := s.Conferences.Gaps(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, g := range found {
		key := "today.gap"
		if g.Race != "" {
			key += "." + string(g.Race)
		}
		tasks = append(tasks, task{
			Clock: g.StartsAt.In(expertpool.Zone()).Format("15:04"), ClockNote: shortDay(g.StartsAt),
			Late:  g.Race != conference.RaceRuns && g.StartsAt.Sub(s.Now()) < 24*time.Hour,
			Title: s.words.f(key, s.words.t("discipline.", g.Discipline)), More: s.words.f("today.gap.more", g.Code),
			URL: "/conferences/" + g.Code + "#stand-in", Act: s.words.t("today.gap.act"),
		})
	}
	return tasks, nil
}

// NextDatesOf is where other dates for a gap are looked for.
func (p conferencePage) NextDatesOf(g conference.Gap) string {
	return "/conferences/" + p.Code + "/stand-in?" + url.Values{"discipline": {g.Discipline}}.Encode()
}
