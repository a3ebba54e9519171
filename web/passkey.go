package web

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// What a page's script (ts/passkey.ts) gets for its questions: where to go on, or that nothing came of it.
type wayOn struct {
	To string `json:"to,omitempty"`
}

// challengeCookie binds what a browser is to sign to this browser.
const challengeCookie = "konsil-passkey"

// challenge gives a browser what it is to sign.
func (s *server) challenge(c echo.Context, made account.Challenge, err error) error {
	var refused *account.RefusedError
	if errors.As(err, &refused) {
		return c.JSON(http.StatusConflict, wayOn{})
	}
	if err != nil {
		return err
	}
	s.keep(c, s.ownName(challengeCookie), made.Cookie, account.ChallengeLife)
	return c.JSONBlob(http.StatusOK, made.Options)
}

// signed takes the cookie of what a browser was to sign; it is good for one answer.
func (s *server) signed(c echo.Context) string {
	token := s.cookie(c, challengeCookie)
	s.keep(c, s.ownName(challengeCookie), "", gone)
	return token
}

// took answers the script after its answer was looked at.
func (s *server) took(c echo.Context, k account.Keys, to string, err error) error {
	if errors.Is(err, account.ErrWrong) || errors.Is(err, account.ErrConflict) || errors.Is(err, account.ErrDenied) {
		s.Log.Info("passkey refused", "from", c.RealIP())
		return c.JSON(http.StatusUnprocessableEntity, wayOn{})
	}
	if err != nil {
		return err
	}
	s.keepKeys(c, k)
	return c.JSON(http.StatusOK, wayOn{to})
}

func (s *server) askPasskey(c echo.Context) error {
	made, err := s.Accounts.AskPasskey(c.Request().Context())
	return s.challenge(c, made, err)
}

// answerPasskey signs in whoever has the passkey; in a session it shows that she is still there, or that she has the factor she owes.
func (s *server) answerPasskey(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, answer := c.Request().Context(), []byte(f.Get("answer"))
	var k account.Keys
	if a := whoever(c); a.Session != uuid.Nil {
		k, err = s.Accounts.ConfirmByPasskey(ctx, a, s.signed(c), s.browserToken(c), answer)
	} else {
		t := account.Attempt{Browser: s.browserToken(c), Device: c.Request().UserAgent()}
		k, err = s.Accounts.SignInByPasskey(ctx, s.signed(c), t, answer)
	}
	return s.took(c, k, localPath(f.Get("next")), err)
}

func (s *server) makePasskey(c echo.Context) error {
	made, err := s.Accounts.MakePasskey(c.Request().Context(), whoever(c))
	return s.challenge(c, made, err)
}

func (s *server) keepPasskey(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	device := browserName(c.Request().UserAgent())
	k, err := s.Accounts.KeepPasskey(c.Request().Context(), whoever(c), s.signed(c), s.browserToken(c), device, []byte(f.Get("answer")))
	if err == nil {
		s.say(c, "passkey_added")
	}
	return s.took(c, k, enrolled(c), err)
}

func (s *server) removePasskey(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Accounts.RemovePasskey(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/me/security", "passkey_removed")
}
