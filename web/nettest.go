package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime"
)

// nettest answers a browser that tries out before a conference whether and how it reaches the rooms.
func (s *server) nettest(c echo.Context) error { return s.try(c, me(c).ID.String()) }

// guestNettest is nettest for whoever has a guest's link.
func (s *server) guestNettest(c echo.Context) error {
	e, err := s.Conferences.GuestLink(c.Request().Context(), c.Param("token"), s.browser(c))
	if err != nil {
		return err
	}
	return s.try(c, e.ID.String())
}

// try is the test of one person, whoever she is. It tells nothing of any room.
func (s *server) try(c echo.Context, person string) error {
	if err := s.spend(c, "nettest", person); err != nil {
		return err
	}
	answer, servers, err := s.Live.Try(c.Request().Context(), person, c.FormValue("sdp"))
	switch {
	case errors.Is(err, realtime.ErrBusy):
		return tooMany(c, time.Second)
	case err != nil:
		return &account.InvalidError{Field: "sdp", Rule: "unusable"}
	}
	return c.JSON(http.StatusOK, struct {
		SDP        string               `json:"sdp"`
		ICEServers []realtime.ICEServer `json:"iceServers"`
	}{answer, servers})
}
