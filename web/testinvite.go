package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/trial"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// calendarPage is where somebody tries what her calendar makes of our dates. Domain is what DNS says of the address that mails come from,
// once somebody who can see to that has asked.
type calendarPage struct {
	*trial.Trial
	Private  bool
	From     string
	Steps    []string
	Checks   map[string][]string
	CanCheck bool
	Domain   *mail.Standing
}

// Runs tells whether there is a test that is not called off.
func (p calendarPage) Runs() bool { return p.Trial != nil && p.Step != trial.Cancelled }

// Findings are the lines about the domain: what was looked up, and what was found.
func (p calendarPage) Findings() [][2]string {
	return [][2]string{{"spf", p.Domain.SPF}, {"dkim", p.Domain.DKIM}, {"dmarc", p.Domain.DMARC}}
}

func (s *server) calendar(c echo.Context) error {
	by := me(c)
	p := calendarPage{
		From: s.Trials.Organizer, Steps: []string{trial.Asked, trial.Moved, trial.Cancelled}, Checks: trial.Checks(),
		CanCheck: by.May(account.Convene) || by.May(account.ManagePeople),
	}
	var err error
	if p.Trial, p.Private, err = s.Trials.Own(c.Request().Context(), by); err != nil {
		return err
	}
	if p.CanCheck && c.QueryParam("domain") != "" {
		found := mail.StandingOf(c.Request().Context(), s.DNS, p.From)
		p.Domain = &found
	}
	return s.page(c, http.StatusOK, "testinvite", p)
}

// calendarPost sends, moves or calls off a test, keeps what was seen, or how dates are to be marked.
func (s *server) calendarPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	said := "trial_" + f.Get("act")
	switch f.Get("act") {
	case "begin":
		err = s.Trials.Begin(ctx, by)
	case "move":
		err = s.Trials.Move(ctx, by)
	case "cancel":
		err = s.Trials.Cancel(ctx, by)
	case "tick":
		err = s.Trials.Tick(ctx, by, f.Values["seen"])
	case "private":
		err = s.Trials.Choose(ctx, by, f.Get("private") != "")
	default:
		err = refusal{status: http.StatusBadRequest, rule: "malformed"}
	}
	if err != nil {
		return err
	}
	return s.done(c, "/me/calendar", said)
}
