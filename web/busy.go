package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// busyPage is where an expert lets her calendar be read, and says whether she is reminded of dates.
type busyPage struct {
	*expertpool.Calendar
	Reminders bool
	Form      form
}

func (s *server) busy(c echo.Context) error { return s.showBusy(c, http.StatusOK, form{Of: "busy"}) }

func (s *server) showBusy(c echo.Context, status int, f form) error {
	p := busyPage{Form: f}
	var err error
	if p.Calendar, err = s.Pool.Calendar(c.Request().Context(), me(c)); err != nil {
		return err
	}
	if p.Reminders, err = s.Pool.Reminders(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.page(c, status, "busy", p)
}

func (s *server) busyPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "busy"
	ctx, by, act := c.Request().Context(), me(c), f.Get("act")
	switch act {
	case "keep":
		err = s.Pool.KeepCalendar(ctx, by, f.Get("address"))
	case "read":
		err = s.Pool.ReadCalendar(ctx, by)
	case "drop":
		err = s.Pool.DropCalendar(ctx, by)
	case "reminders":
		err = s.Pool.KeepReminders(ctx, by, f.Get("reminders") == "yes")
	default:
		err = &account.InvalidError{Field: "act", Rule: "unknown"}
	}
	if f.wrong(err) {
		return s.showBusy(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/me/busy", "busy."+act)
}
