package web

import "github.com/labstack/echo/v4"

func (s *server) today(echo.Context) error          { return nil }
func (s *server) signInPost(echo.Context) error     { return nil }
func (s *server) signOut(echo.Context) error        { return nil }
func (s *server) rehearse(echo.Context) error       { return nil }
func (s *server) cases(echo.Context) error          { return nil }
func (s *server) newCase(echo.Context) error        { return nil }
func (s *server) newCasePost(echo.Context) error    { return nil }
func (s *server) caseFile(echo.Context) error       { return nil }
func (s *server) summary(echo.Context) error        { return nil }
func (s *server) summaryPost(echo.Context) error    { return nil }
func (s *server) release(echo.Context) error        { return nil }
func (s *server) consent(echo.Context) error        { return nil }
func (s *server) consentPost(echo.Context) error    { return nil }
func (s *server) withdraw(echo.Context) error       { return nil }
func (s *server) withdrawPost(echo.Context) error   { return nil }
func (s *server) receipt(echo.Context) error        { return nil }
func (s *server) identity(echo.Context) error       { return nil }
func (s *server) identityPost(echo.Context) error   { return nil }
func (s *server) newRequest(echo.Context) error     { return nil }
func (s *server) newRequestPost(echo.Context) error { return nil }
func (s *server) requests(echo.Context) error       { return nil }
func (s *server) request(echo.Context) error        { return nil }
func (s *server) convene(echo.Context) error        { return nil }
func (s *server) decline(echo.Context) error        { return nil }
func (s *server) experts(echo.Context) error        { return nil }
