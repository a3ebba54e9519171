package web

import (
	"encoding/base64"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

// bringDevice registers the browser that somebody comes into a room with. The page does it by itself (ts/e2ee/device.ts).
func (s *server) bringDevice(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	key, bad := base64.RawURLEncoding.DecodeString(f.Get("key"))
	proof, worse := base64.RawURLEncoding.DecodeString(f.Get("proof"))
	if bad != nil || worse != nil {
		return &account.InvalidError{Field: "key", Rule: "shape"}
	}
	if err := s.Conferences.BringDevice(c.Request().Context(), me(c), code(c), key, proof, c.Request().UserAgent()); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// devices are the fingerprints of the keys that vouch for somebody in a conference: those she had before it was opened.
func (s *server) devices(c echo.Context, e conference.Entry) ([]string, error) {
	if e.OpenedAt == nil {
		return nil, nil
	}
	return s.Accounts.DevicesBefore(c.Request().Context(), e.Person, *e.OpenedAt)
}
