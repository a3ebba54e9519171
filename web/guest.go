package web

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/realtime"
)

// This file is for people without an account: their links, as whoever leads the case makes and takes them back, and what such a
// link leads to. A guest sees no question, no notes and no name of a case.

// guestLinkPage shows a link that was just made. It is not shown again.
type guestLinkPage struct {
	conference.View
	Guest conference.Guest
	Link  string
}

func (s *server) askGuest(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "guest"
	ctx, kind := c.Request().Context(), conference.GuestKind(f.Get("guest_kind"))
	g, token, err := s.Conferences.AskGuest(ctx, me(c), code(c), kind, f.Has("guest_confirmed", "yes"))
	if err != nil {
		return s.settled(c, err, f, "")
	}
	v, err := s.Conferences.ByCode(ctx, me(c), code(c))
	if err != nil {
		return err
	}
	s.Live.Refresh(v.ID.String(), "conference")
	return s.page(c, http.StatusOK, "guest-link", guestLinkPage{View: v, Guest: g, Link: s.URL + "/guest/" + token})
}

// revokeGuest takes a link back, and shows whoever came with it out of the room.
func (s *server) revokeGuest(c echo.Context) error {
	id := strictID(c.FormValue("guest"))
	err := s.Conferences.RevokeGuest(c.Request().Context(), me(c), code(c), id)
	if err == nil {
		s.Live.DropSession(id.String(), "rights")
	}
	return s.settled(c, err, form{}, "guest_revoked")
}

// guestPage is what templates/guest.html takes.
type guestPage struct {
	Title, Code          string
	Name                 string // what the others see unless the guest says otherwise
	StartsAt, EndsAt     time.Time
	Phases               []agenda.Kind
	Live, Pair           bool
	TicketURL, SocketURL string
	NettestURL           string
	CSS, GuestJS, PageJS string
}

func (s *server) guest(c echo.Context) error {
	e, err := s.Conferences.GuestLink(c.Request().Context(), c.Param("token"), s.browser(c))
	if err != nil {
		return err
	}
	s.nameBrowser(c)
	conf := e.Conference
	return s.render(c, http.StatusOK, "guest", guestPage{
		Title: s.words.t("kind.", conf.Kind), Code: conf.Code, Name: s.guestName(e.Kind), StartsAt: conf.StartsAt, EndsAt: conf.EndsAt,
		Live:      conf.State == conference.Live,
		Phases:    agenda.Kinds,
		Pair:      s.PeerToPeer,
		TicketURL: "/guest/" + c.Param("token") + "/ticket", SocketURL: "/conferences/" + conf.Code + "/live",
		NettestURL: "/guest/" + c.Param("token") + "/nettest",
		CSS:        s.Assets.URL("konsil.css"), GuestJS: s.Assets.URL("guest.js"), PageJS: s.Assets.URL("page.js"),
	})
}

// guestTicket is ticket for somebody with a guest's link. With it the link becomes this browser's, if it was nobody's yet.
func (s *server) guestTicket(c echo.Context) error {
	ctx := c.Request().Context()
	e, err := s.Conferences.GuestLink(ctx, c.Param("token"), s.browser(c))
	if err != nil {
		return err
	}
	// The owner of a link has a budget of her own: nobody to whom it was forwarded can use it up.
	if err := s.spend(c, "guest", e.ID.String()+strconv.FormatBool(e.Known && e.BoundAt != nil)); err != nil {
		return err
	}
	if e, err = s.Conferences.EnterAsGuest(ctx, c.Param("token"), s.browser(c)); err != nil {
		return err
	}
	name := s.guestName(e.Kind)
	return c.JSON(http.StatusOK, map[string]string{"ticket": s.Live.Ticket(realtime.Guest{
		Conference: e.Conference.ID.String(), Person: e.Person.String(), Session: e.ID.String(),
		Name: name, Short: name, Role: s.words.t("guest.", e.Kind), Part: realtime.PartGuest, Kind: string(e.Kind),
		Unknown: !e.Known, Color: guestColor, EndsAt: e.Conference.EndsAt,
	})})
}

// guestColor is the colour of people without a seat.
const guestColor = 7

// guestName is how a guest is called who has not typed a name.
func (s *server) guestName(k conference.GuestKind) string {
	return s.words.f("guest.name", s.words.t("guest.", k))
}

// browserFor is how long a browser is known as the one that a link belongs to; links end with their conference long before.
const browserFor = 90 * 24 * time.Hour

func (s *server) browserCookie() string { return s.cookieName() + "-guest" }

// browser is the secret of a guest's browser, or "" when it has none.
func (s *server) browser(c echo.Context) string {
	if k, err := c.Cookie(s.browserCookie()); err == nil {
		return k.Value
	}
	return ""
}

// nameBrowser gives a browser a secret that only it knows. Looking at a link does no more than that: programs that open every
// link in a message must not become its owner.
func (s *server) nameBrowser(c echo.Context) {
	if s.browser(c) != "" {
		return
	}
	s.keep(c, s.browserCookie(), rand.Text(), browserFor)
}
