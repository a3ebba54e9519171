package web

import (
	"github.com/labstack/echo/v4"
)

// askInformation asks the caseworker for what is missing in the case.
func (s *server) askInformation(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "information"
	err = s.Conferences.AskInformation(c.Request().Context(), me(c), code(c), f.Get("missing"), readDate(f.Get("due_on")), f.Get("because"))
	return s.settled(c, err, f, "information_asked")
}

func (s *server) answerInformation(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = id.String()
	err = s.Conferences.AnswerInformation(c.Request().Context(), me(c), code(c), id, f.Get("given"), f.Get("because"))
	return s.settled(c, err, f, "information_given")
}

func (s *server) withdrawInformation(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.settled(c, s.Conferences.WithdrawInformation(c.Request().Context(), me(c), code(c), id), form{}, "information_withdrawn")
}
