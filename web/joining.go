package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// joinPage is where people apply. It is public and tells nobody whether an address is known.
type joinPage struct {
	expertpool.JoinPage
	Form        form
	Disciplines []string
	Professions []expertpool.Profession
	Sent        bool
}

func (s *server) join(c echo.Context) error { return s.showJoin(c, http.StatusOK, joinPage{}) }

func (s *server) showJoin(c echo.Context, status int, p joinPage) error {
	var err error
	if p.JoinPage, err = s.Pool.JoinPageOf(c.Request().Context(), c.Param("slug")); err != nil {
		return err
	}
	p.Form.Of, p.Disciplines, p.Professions = "join", expertpool.Disciplines, expertpool.Professions()
	return s.page(c, status, "join", p)
}

// joinPost takes an application. The field website is for programs that fill in everything: nobody sees it, and what comes with it gets the
// same answer and goes nowhere.
func (s *server) joinPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if f.Get("website") == "" {
		err = s.Pool.Apply(c.Request().Context(), c.Param("slug"), applied(f))
	}
	if f.wrong(err) {
		return s.showJoin(c, http.StatusUnprocessableEntity, joinPage{Form: f})
	}
	if err != nil {
		return err
	}
	return s.showJoin(c, http.StatusOK, joinPage{Sent: true})
}

func applied(f form) expertpool.Application {
	return expertpool.Application{
		Name: f.Get("name"), Email: strings.TrimSpace(f.Get("email")), Profession: f.Get("profession"), Discipline: f.Get("discipline"),
		Workplace: f.Get("workplace"), Message: f.Get("message"),
	}
}

// joiningPage is behind the link that confirms an address.
type joiningPage struct {
	expertpool.Application
	Done bool
}

func (s *server) joining(c echo.Context) error {
	a, err := s.Pool.Applied(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "joining", joiningPage{Application: a})
}

func (s *server) joiningPost(c echo.Context) error {
	if err := s.Pool.ConfirmAddress(c.Request().Context(), c.Param("token")); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "joining", joiningPage{Done: true})
}

// poolPage is how people come into the pool, and whose place in it needs attention.
type poolPage struct {
	Join         expertpool.JoinPage
	URL          string
	Applications []expertpool.Application
	Watch        []expertpool.Standing
	Houses       []expertpool.Organisation
	Disciplines  []string
	Professions  []expertpool.Profession
	Form         form
	Notice       string
}

func (s *server) poolJoining(c echo.Context) error {
	return s.showPool(c, http.StatusOK, poolPage{Form: fill("organisation", me(c).Organisation.String())})
}

func (s *server) showPool(c echo.Context, status int, p poolPage) (err error) {
	ctx, by := c.Request().Context(), me(c)
	p.Form.Of, p.URL, p.Disciplines, p.Professions = "join", s.URL, expertpool.Disciplines, expertpool.Professions()
	if p.Join, err = s.Pool.OwnJoinPage(ctx, by); err != nil {
		return err
	}
	if p.Applications, err = s.Pool.Applications(ctx, by); err != nil {
		return err
	}
	if p.Watch, err = s.Pool.Watch(ctx, by); err != nil {
		return err
	}
	if p.Houses, err = s.Pool.Organisations(ctx, by); err != nil {
		return err
	}
	return s.page(c, status, "pool-joining", p)
}

func (s *server) joinPagePost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if err := s.Pool.OpenJoinPage(c.Request().Context(), me(c), f.Get("open") == "yes"); err != nil {
		return err
	}
	return s.done(c, "/experts/joining", "join_page")
}

func (s *server) inviteToPool(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	_, err = s.Pool.InviteToPool(c.Request().Context(), me(c), strictID(f.Get("organisation")), applied(f))
	if f.wrong(err) {
		return s.showPool(c, http.StatusUnprocessableEntity, poolPage{Form: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/experts/joining", "pool_invited")
}

func (s *server) decideApplication(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	ctx, by, receipt := c.Request().Context(), me(c), "pool_invited"
	switch f.Get("act") {
	case "admit":
		_, err = s.Pool.Admit(ctx, by, id, strictID(f.Get("organisation")))
	case "decline":
		err, receipt = s.Pool.Decline(ctx, by, id), "pool_declined"
	default:
		return account.ErrNotFound
	}
	var refused *account.RefusedError
	if errors.Is(err, account.ErrConflict) && errors.As(err, &refused) {
		return s.showPool(c, http.StatusConflict, poolPage{Notice: refused.Rule})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/experts/joining", receipt)
}

// subject is whose place in the pool a page is about, and where her pages are: one's own under /me, others' under /experts.
func subject(c echo.Context) (id uuid.UUID, base string, err error) {
	if strings.HasPrefix(c.Path(), "/me/") {
		return me(c).ID, "/me", nil
	}
	id, err = paramID(c, "id")
	return id, "/experts/" + id.String(), err
}

// membershipPage is somebody's place in the pool: for herself, or for those who keep it.
type membershipPage struct {
	expertpool.Membership
	Own     bool
	Base    string
	Bar     string // rule why she cannot be invited now
	Fading  expertpool.Fade
	Checks  []string
	Kinds   []string
	Houses  []expertpool.Organisation
	Form    form
	Notice  string
	Expires bool // within a month
}

// Of is the form of that name, as it was sent or blank.
func (p membershipPage) Of(name string) form { return p.Form.named(name) }

func (s *server) membership(c echo.Context) error {
	return s.showMembership(c, http.StatusOK, membershipPage{})
}

func (s *server) showMembership(c echo.Context, status int, p membershipPage) error {
	id, base, err := subject(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	if p.Membership, err = s.Pool.Membership(ctx, by, id); err != nil {
		return err
	}
	p.Base, p.Own, p.Checks, p.Kinds = base, id == by.ID, expertpool.Checks, expertpool.TieKinds
	p.Bar, p.Fading = p.Standing.Bar(s.Now()), p.Fade(s.Now())
	p.Expires = p.Bar == "" && p.DaysLeft(s.Now()) <= 30
	if !p.Own {
		if p.Houses, err = s.Pool.Organisations(ctx, by); err != nil {
			return err
		}
	}
	return s.page(c, status, "membership", p)
}

// membershipPost does the one thing that the field act names.
func (s *server) membershipPost(c echo.Context) error {
	id, base, err := subject(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = f.Get("act")
	err = s.keepMembership(c, id, f)
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, base+"/membership", "membership")
	case f.wrong(err):
		return s.showMembership(c, http.StatusUnprocessableEntity, membershipPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showMembership(c, http.StatusConflict, membershipPage{Form: f, Notice: refused.Rule})
	}
	return err
}

func (s *server) keepMembership(c echo.Context, id uuid.UUID, f form) error {
	ctx, by := c.Request().Context(), me(c)
	switch f.Of {
	case "verify":
		return s.Pool.Verify(ctx, by, id, expertpool.Verification{Checked: f.Values["checked"], Note: f.Get("note"), ValidUntil: readDate(f.Get("valid_until"))})
	case "unverify":
		return s.Pool.Unverify(ctx, by, id, f.Get("why"))
	case "look_after":
		return s.Pool.LookAfter(ctx, by, id)
	case "set_up":
		return s.Pool.SendSetUp(ctx, by, id)
	case "right":
		if id == by.ID {
			return s.Pool.ConfirmListing(ctx, by)
		}
		return s.Pool.ConfirmFor(ctx, by, id)
	case "tie":
		return s.Pool.AddTie(ctx, by, id, expertpool.Tie{
			Organisation: strictID(f.Get("organisation")), Institution: f.Get("institution"), Kind: f.Get("kind"),
		})
	case "drop_tie":
		return s.Pool.DropTie(ctx, by, id, strictID(f.Get("tie")))
	}
	return account.ErrNotFound
}

// listingPage is what the link of the quarterly mail leads to.
type listingPage struct {
	expertpool.Listing
	Done bool
}

func (s *server) listing(c echo.Context) error {
	by, _, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), expertpool.ForListing)
	if err != nil {
		return err
	}
	p := listingPage{}
	if p.Listing, err = s.Pool.Listing(c.Request().Context(), by); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "listing", p)
}

func (s *server) listingPost(c echo.Context) error {
	by, _, err := s.Accounts.Follow(c.Request().Context(), c.Param("token"), expertpool.ForListing)
	if err != nil {
		return err
	}
	if err := s.Pool.ConfirmListing(c.Request().Context(), by); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "listing", listingPage{Done: true})
}

// specialtyTerms says codes of specialties in words.
func specialtyTerms(codes []string) string {
	var terms []string
	for _, t := range expertpool.Specialties() {
		if slices.Contains(codes, t.Code) {
			terms = append(terms, t.Term)
		}
	}
	return strings.Join(terms, ", ")
}

// poolTasks are the applications that wait for a coordinator, and the declaration that an expert has not signed.
func (s *server) poolTasks(ctx context.Context, by account.Actor) ([]task, error) {
	w, err := s.Pool.Waiting(ctx, by)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, one := range []struct {
		waits           bool
		key, clock, url string
	}{
		{w.Applications > 0, "applications", strconv.Itoa(w.Applications), "/experts/joining"},
		{w.Sign, "sign", s.words.t("today.sign.clock"), "/me/declaration"},
	} {
		if !one.waits {
			continue
		}
		t := task{Clock: one.clock, Title: s.words.t("today.", one.key), More: s.words.t("today.", one.key, ".more"), URL: one.url, Act: s.words.t("today.", one.key, ".act")}
		if one.key == "applications" {
			t.ClockNote = s.words.t("today.applications.note")
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}
