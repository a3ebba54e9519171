package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// expertPage is one entry of the directory.
type expertPage struct {
	expertpool.Entry
	Standing expertpool.Standing
	Bar      string
	Keeps    bool // the actor keeps the pool
}

// UsedMinutes is what of the contingent of this month is gone.
func (p expertPage) UsedMinutes() int { return int(p.Contingent.Used().Minutes()) }

func (s *server) expert(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p := expertPage{Keeps: by.May(account.KeepPool)}
	if p.Entry, err = s.Pool.Entry(ctx, by, id); err != nil {
		return err
	}
	standings, err := s.Pool.Standings(ctx, by, []uuid.UUID{id})
	if err != nil {
		return err
	}
	p.Standing = standings[id]
	p.Bar = p.Standing.Bar(s.Now())
	return s.page(c, http.StatusOK, "expert", p)
}

// describePage is the form in which a profile is written.
type describePage struct {
	Form        form
	Name        string
	Own         bool // she writes it herself: what a coordinator has checked is only shown
	Action      string
	Back        string
	Professions choices
	Specialties choices
	Disciplines []string
	Profile     expertpool.Profile // as it is
}

func (s *server) expertProfile(c echo.Context) error {
	id, own, err := described(c)
	if err != nil {
		return err
	}
	e, err := s.Pool.Entry(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	return s.showDescribe(c, http.StatusOK, e, own, profileForm(e.Profile))
}

func (s *server) expertProfilePost(c echo.Context) error {
	id, own, err := described(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "describe"
	ctx, by := c.Request().Context(), me(c)
	err = s.Pool.Describe(ctx, by, id, profileOf(f))
	if f.wrong(err) {
		e, err := s.Pool.Entry(ctx, by, id)
		if err != nil {
			return err
		}
		return s.showDescribe(c, http.StatusUnprocessableEntity, e, own, f)
	}
	if err != nil {
		return err
	}
	s.say(c, "profile_saved")
	if own {
		return c.Redirect(http.StatusSeeOther, "/me/profile")
	}
	return c.Redirect(http.StatusSeeOther, "/experts/"+id.String())
}

// described is whose profile the address means: somebody's, or the actor's own.
func described(c echo.Context) (id uuid.UUID, own bool, err error) {
	if c.Param("id") == "" {
		return me(c).ID, true, nil
	}
	id, err = paramID(c, "id")
	return id, false, err
}

func (s *server) showDescribe(c echo.Context, status int, e expertpool.Entry, own bool, f form) error {
	p := describePage{Form: f, Name: e.Name, Own: own, Profile: e.Profile, Disciplines: expertpool.Disciplines, Action: "/me/profile", Back: "/"}
	if !own {
		p.Action, p.Back = "/experts/"+e.ID.String()+"/profile", "/experts/"+e.ID.String()
	}
	p.Professions = choices{field: s.field(f, "radio", "profession")}
	for _, o := range expertpool.Professions() {
		p.Professions.Options = append(p.Professions.Options, choice{Value: o.Code, Label: o.Term, Chosen: f.Has("profession", o.Code)})
	}
	p.Specialties = choices{field: s.field(f, "checkbox", "specialties")}
	for _, o := range expertpool.Specialties() {
		p.Specialties.Options = append(p.Specialties.Options, choice{Value: o.Code, Label: o.Term, Chosen: f.Has("specialties", o.Code)})
	}
	return s.page(c, status, "describe", p)
}

// profileForm shows a profile in its form.
func profileForm(p expertpool.Profile) form {
	f := fill(
		"discipline", p.Discipline, "profession", p.Profession, "specialty", p.Specialty, "topics", strings.Join(p.Topics, "\n"), "place", p.Place,
		"postcode", p.Postcode, "travel_km", strconv.Itoa(p.TravelKM), "lanr", p.LANR, "bsnr", p.BSNR, "accessibility", p.Accessibility,
		"hours_per_month", strconv.Itoa(p.HoursPerMonth), "max_cases", strconv.Itoa(p.MaxCases),
	)
	f.Of = "describe"
	f.Values["specialties"], f.Values["languages"], f.Values["modes"] = p.Specialties, p.Languages, p.Modes
	return f
}

// profileOf reads a profile from its form. What is not a number breaks the rule of the range.
func profileOf(f form) expertpool.Profile {
	number := func(name string) int {
		text := strings.TrimSpace(f.Get(name))
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return -1
		}
		return n
	}
	return expertpool.Profile{
		Discipline: f.Get("discipline"), Profession: f.Get("profession"), Specialties: f.Values["specialties"], Specialty: f.Get("specialty"),
		Topics:    strings.FieldsFunc(f.Get("topics"), func(r rune) bool { return strings.ContainsRune(",;\r\n", r) }),
		Languages: f.Values["languages"], Place: f.Get("place"), Postcode: f.Get("postcode"), TravelKM: number("travel_km"), Modes: f.Values["modes"],
		LANR: f.Get("lanr"), BSNR: f.Get("bsnr"), Accessibility: f.Get("accessibility"), HoursPerMonth: number("hours_per_month"), MaxCases: number("max_cases"),
	}
}
