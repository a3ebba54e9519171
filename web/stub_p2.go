package web

import "github.com/labstack/echo/v4"

func (s *server) conferences(echo.Context) error    { return nil }
func (s *server) conference(echo.Context) error     { return nil }
func (s *server) move(echo.Context) error           { return nil }
func (s *server) cancel(echo.Context) error         { return nil }
func (s *server) invite(echo.Context) error         { return nil }
func (s *server) uninvite(echo.Context) error       { return nil }
func (s *server) open(echo.Context) error           { return nil }
func (s *server) end(echo.Context) error            { return nil }
func (s *server) room(echo.Context) error           { return nil }
func (s *server) ticket(echo.Context) error         { return nil }
func (s *server) live(echo.Context) error           { return nil }
func (s *server) measures(echo.Context) error       { return nil }
func (s *server) measuresPost(echo.Context) error   { return nil }
func (s *server) minutes(echo.Context) error        { return nil }
func (s *server) minutesPost(echo.Context) error    { return nil }
func (s *server) approve(echo.Context) error        { return nil }
func (s *server) plan(echo.Context) error           { return nil }
func (s *server) answer(echo.Context) error         { return nil }
func (s *server) answerPost(echo.Context) error     { return nil }
func (s *server) answerCalendar(echo.Context) error { return nil }
func (s *server) measure(echo.Context) error        { return nil }
func (s *server) measurePost(echo.Context) error    { return nil }
func (s *server) followUp(echo.Context) error       { return nil }
func (s *server) followUpPost(echo.Context) error   { return nil }
func (s *server) outbox(echo.Context) error         { return nil }
func (s *server) outboxMail(echo.Context) error     { return nil }
func (s *server) outboxCalendar(echo.Context) error { return nil }
