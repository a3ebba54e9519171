package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
)

// feedPage is where somebody gets the address of her dates. Made is it, shown once.
type feedPage struct {
	*conference.Subscription
	Made string
}

func (s *server) feedPage(c echo.Context) error { return s.showFeed(c, "") }

func (s *server) showFeed(c echo.Context, token string) error {
	found, err := s.Conferences.Subscription(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	p := feedPage{Subscription: found}
	if token != "" {
		p.Made = s.URL + "/feed/" + token + ".ics"
	}
	return s.page(c, http.StatusOK, "feed", p)
}

// feedPost makes an address or takes it back. A new one is in the answer itself: it is nowhere else to be read.
func (s *server) feedPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if f.Get("act") == "end" {
		if err := s.Conferences.Unsubscribe(c.Request().Context(), me(c)); err != nil {
			return err
		}
		return s.done(c, "/me/feed", "feed_ended")
	}
	token, err := s.Conferences.Subscribe(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.showFeed(c, token)
}

// feed is the dates themselves, for programs that ask again and again: what has not changed is not sent again (RFC 9110 §13.1.2).
func (s *server) feed(c echo.Context) error {
	token, _ := strings.CutSuffix(c.Param("token"), ".ics")
	raw, err := s.Conferences.Feed(c.Request().Context(), token)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	c.Response().Header().Set("ETag", tag)
	for known := range strings.SplitSeq(c.Request().Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			return c.NoContent(http.StatusNotModified)
		}
	}
	return c.Blob(http.StatusOK, "text/calendar; charset=utf-8", raw)
}
