package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"rsc.io/qr"

	"github.com/konsil-server/konsil/expertpool/account"
)

// securityPage is how somebody signs in, and where she is signed in.
type securityPage struct {
	Factors  account.Factors
	CanMake  bool // passkeys, at this address
	Form     form
	Sittings []account.Sitting
	Here     uuid.UUID
	Devices  []account.Device
}

func (s *server) security(c echo.Context) error { return s.showSecurity(c, http.StatusOK, form{}) }

func (s *server) showSecurity(c echo.Context, status int, f form) (err error) {
	ctx, a := c.Request().Context(), me(c)
	f.Of = "password" // the only form here that can be wrong
	p := securityPage{Form: f, CanMake: s.Accounts.Passkeys(), Here: a.Session}
	if p.Factors, err = s.Accounts.Factors(ctx, a); err != nil {
		return err
	}
	if p.Sittings, err = s.Accounts.Sittings(ctx, a); err != nil {
		return err
	}
	all, err := s.Accounts.Devices(ctx, a)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.RevokedAt == nil {
			p.Devices = append(p.Devices, d)
		}
	}
	return s.page(c, status, "security", p)
}

// codesPage shows what an authenticator app has to learn.
type codesPage struct {
	account.Pairing
	Form form
}

func (s *server) beginCodes(c echo.Context) error {
	if err := s.Accounts.BeginCodes(c.Request().Context(), whoever(c)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/me/security/codes")
}

func (s *server) codes(c echo.Context) error { return s.showCodes(c, http.StatusOK, form{}) }

func (s *server) showCodes(c echo.Context, status int, f form) error {
	p, err := s.Accounts.Pairing(c.Request().Context(), whoever(c))
	if errors.Is(err, account.ErrNotFound) {
		return c.Redirect(http.StatusSeeOther, enrolled(c)) // the app is paired, or it was never begun
	}
	if err != nil {
		return err
	}
	f.Of = "codes"
	return s.page(c, status, "codes", codesPage{p, f})
}

// recoveryPage shows recovery codes, this once.
type recoveryPage struct {
	Codes []string
	Next  string
}

// enrolled is where somebody goes on who has made a factor: to what she came for, or back to all her factors.
func enrolled(c echo.Context) string {
	if half(c).Session != uuid.Nil {
		return "/"
	}
	return "/me/security"
}

func (s *server) confirmCodes(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	codes, k, err := s.Accounts.ConfirmCodes(c.Request().Context(), whoever(c), f.Get("code"), s.browserToken(c))
	if f.wrong(err) {
		return s.showCodes(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	s.keepKeys(c, k)
	return s.page(c, http.StatusOK, "recovery", recoveryPage{codes, enrolled(c)})
}

func (s *server) drawRecovery(c echo.Context) error {
	codes, err := s.Accounts.DrawRecovery(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "recovery", recoveryPage{codes, "/me/security"})
}

func (s *server) removeCodes(c echo.Context) error {
	if err := s.Accounts.RemoveCodes(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.done(c, "/me/security", "codes_removed")
}

func (s *server) changePassword(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	ended, err := s.Accounts.ChangePassword(c.Request().Context(), me(c), f.Get("old"), f.Get("password"))
	if f.wrong(err) {
		return s.showSecurity(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	s.drop(ended)
	return s.done(c, "/me/security", "password_changed")
}

func (s *server) endSitting(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Accounts.EndSitting(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	s.drop([]uuid.UUID{id})
	return s.done(c, "/me/security", "session_ended")
}

func (s *server) endOthers(c echo.Context) error {
	ended, err := s.Accounts.EndOthers(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	s.drop(ended)
	return s.done(c, "/me/security", "sessions_ended")
}

// drop closes the sockets of sessions that have ended.
func (s *server) drop(sessions []uuid.UUID) {
	for _, id := range sessions {
		s.Live.DropSession(id.String(), "signedout")
	}
}

func (s *server) revokeDevice(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Accounts.RevokeDevice(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/me/security", "device_revoked")
}

// qrPath draws a QR code as the path of an SVG, one unit for a module, with the margin of four that readers need. ISO/IEC 18004 §9.1.
func qrPath(text string) (drawn struct {
	Size int
	Path string
}, err error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return drawn, errors.New("too long for a QR code") // the text is a secret
	}
	var b strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+4, y+4)
			}
		}
	}
	drawn.Size, drawn.Path = code.Size+8, b.String()
	return drawn, nil
}

// named are what people call the browsers and systems whose marks stand in a User-Agent; the first that is found counts.
var namedBrowsers, namedSystems = []struct{ mark, name string }{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"FxiOS/", "Firefox"}, {"Safari/", "Safari"},
}, []struct{ mark, name string }{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "Chromebook"}, {"Linux", "Linux"},
}

// browserName says in words what calls itself so: Firefox, Windows.
func browserName(agent string) string {
	var words []string
	for _, list := range [][]struct{ mark, name string }{namedBrowsers, namedSystems} {
		for _, n := range list {
			if strings.Contains(agent, n.mark) {
				words = append(words, n.name)
				break
			}
		}
	}
	if len(words) == 0 {
		return "Browser"
	}
	return strings.Join(words, ", ")
}
