package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
)

// door is a page of the administration, for whoever may do what it is for.
type door struct {
	Key, URL string // words admin.<key>, admin.<key>.more
	act      account.Act
}

// admin is the way to everything that somebody looks after.
func (s *server) admin(c echo.Context) error {
	var open []door
	for _, d := range []door{
		{"people", "/admin/people", account.ManagePeople},
		{"organisations", "/admin/organisations", account.ManageOrganisations},
		{"joining", "/experts/joining", account.KeepPool},
		{"agreements", "/network/agreements", account.KeepAgreements},
		{"templates", "/templates", account.KeepTemplates},
		{"casework", "/casework", account.SetCasework},
		{"patterns", "/guard/patterns", account.KeepPatterns},
		{"retention", "/retention", account.SeeRetention},
		{"record", "/admin/record", account.CheckAudit},
	} {
		if me(c).May(d.act) {
			open = append(open, d)
		}
	}
	return s.page(c, http.StatusOK, "admin", open)
}

// peoplePage lists accounts.
type peoplePage struct {
	People []account.Managed
	Form   form
	Full   bool // there may be more than are shown
}

func (s *server) people(c echo.Context) error {
	part := c.QueryParam("part")
	found, err := s.Accounts.People(c.Request().Context(), me(c), part)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "people", peoplePage{found, fill("part", part), len(found) == account.MostPeople})
}

// invitePage is the form of an account to be.
type invitePage struct {
	Form   form
	Roles  []account.Role
	Houses []account.House
}

func (s *server) invitePerson(c echo.Context) error {
	return s.showInvitePerson(c, http.StatusOK, fill("role", string(account.Caseworker), "organisation", me(c).Organisation.String()))
}

func (s *server) showInvitePerson(c echo.Context, status int, f form) error {
	f.Of = "person"
	p := invitePage{Form: f, Roles: me(c).Grants()}
	var err error
	if _, p.Houses, err = s.Accounts.Houses(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.page(c, status, "invite", p)
}

func (s *server) invitePersonPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	_, err = s.Accounts.Invite(c.Request().Context(), me(c), account.New{
		Organisation: strictID(f.Get("organisation")), Role: account.Role(f.Get("role")), Name: f.Get("name"), Email: f.Get("email"),
	})
	if f.wrong(err) {
		return s.showInvitePerson(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/admin/people", "person_invited")
}

// personPage is one account and what can be done about it.
type personPage struct {
	account.Managed
	Tends  bool // by who looks
	Roles  []account.Role
	Form   form
	Notice string // what stood against it, words error.<notice>
}

func (s *server) person(c echo.Context) error {
	return s.showPerson(c, http.StatusOK, personPage{})
}

func (s *server) showPerson(c echo.Context, status int, p personPage) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if p.Managed, p.Tends, err = s.Accounts.Person(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	if p.Form.Values == nil {
		p.Form = fill("name", p.Name, "email", p.Email, "role", string(p.Role))
	}
	p.Form.Of, p.Roles = "person", me(c).Grants()
	return s.page(c, status, "person", p)
}

func (s *server) correctPerson(ctx context.Context, by account.Actor, id uuid.UUID, f form) error {
	return s.Accounts.Correct(ctx, by, id, f.Get("name"), f.Get("email"))
}

func (s *server) giveRole(ctx context.Context, by account.Actor, id uuid.UUID, f form) error {
	return s.Accounts.SetRole(ctx, by, id, account.Role(f.Get("role")))
}

// bare makes a change that needs nothing but the account.
func bare(do func(context.Context, account.Actor, uuid.UUID) error) func(context.Context, account.Actor, uuid.UUID, form) error {
	return func(ctx context.Context, by account.Actor, id uuid.UUID, _ form) error { return do(ctx, by, id) }
}

// toPerson changes an account and shows it again: with a receipt, or with what stood against it.
func (s *server) toPerson(do func(context.Context, account.Actor, uuid.UUID, form) error, receipt string) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, f, err := formFor(c, "id")
		if err != nil {
			return err
		}
		err = do(c.Request().Context(), me(c), id, f)
		var refused *account.RefusedError
		switch {
		case f.wrong(err):
			return s.showPerson(c, http.StatusUnprocessableEntity, personPage{Form: f})
		case errors.As(err, &refused):
			return s.showPerson(c, http.StatusConflict, personPage{Notice: refused.Rule})
		case err != nil:
			return err
		case id == me(c).ID && receipt != "person_kept":
			return s.done(c, "/", receipt) // she may not look after accounts any more
		}
		return s.done(c, "/admin/people/"+id.String(), receipt)
	}
}

// housesPage lists the organisations of a network.
type housesPage struct {
	Network string
	Houses  []account.House
	Kinds   []string
	Lands   []ical.State
	Form    form
	At      uuid.UUID // whose form came back; Nil: that of a new one
}

// Of is the form of an organisation, as it was sent or as it stands.
func (p housesPage) Of(h account.House) form {
	if p.At == h.ID {
		return p.Form
	}
	return form{Of: "house-" + h.ID.String(), Values: fill("name", h.Name, "kind", h.Kind, "land", h.Land).Values}
}

// New is the form of one to be.
func (p housesPage) New() form {
	if p.At == uuid.Nil && p.Form.Field != "" {
		return p.Form
	}
	return form{Of: "house", Values: fill("kind", "jobcenter").Values}
}

func (s *server) houses(c echo.Context) error {
	return s.showHouses(c, http.StatusOK, housesPage{})
}

func (s *server) showHouses(c echo.Context, status int, p housesPage) error {
	p.Kinds, p.Lands = account.Kinds, ical.States
	var err error
	if p.Network, p.Houses, err = s.Accounts.Houses(c.Request().Context(), me(c)); err != nil {
		return err
	}
	return s.page(c, status, "houses", p)
}

// keepHouse makes an organisation, or changes the one in the address.
func (s *server) keepHouse(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	at, h := uuid.Nil, account.House{Name: f.Get("name"), Kind: f.Get("kind"), Land: f.Get("land")}
	if c.Param("id") == "" {
		f.Of = "house"
		_, err = s.Accounts.AddHouse(c.Request().Context(), me(c), h)
	} else {
		if at, err = paramID(c, "id"); err != nil {
			return err
		}
		f.Of, h.ID = "house-"+at.String(), at
		err = s.Accounts.KeepHouse(c.Request().Context(), me(c), h)
	}
	if f.wrong(err) {
		return s.showHouses(c, http.StatusUnprocessableEntity, housesPage{Form: f, At: at})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/admin/organisations", "house_kept")
}

// roleNames are roles as a choice offers them.
func roleNames(roles []account.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}
