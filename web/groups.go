package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// groupsPage lists the groups of the network, with the form for another one.
type groupsPage struct {
	Groups []expertpool.Group
	Form   form
}

func (s *server) groups(c echo.Context) error {
	return s.showGroups(c, http.StatusOK, form{})
}

func (s *server) showGroups(c echo.Context, status int, f form) error {
	found, err := s.Pool.Groups(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	return s.page(c, status, "groups", groupsPage{found, f})
}

func (s *server) newGroup(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id, err := s.Pool.NewGroup(c.Request().Context(), me(c), f.Get("group_name"))
	if f.wrong(err) {
		return s.showGroups(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, groupAt(id), "group")
}

func groupAt(id uuid.UUID) string { return "/experts/groups/" + id.String() }

// groupPage is one group, with experts who were looked for and can be taken in.
type groupPage struct {
	expertpool.Group
	Asked  string // what was typed into the box
	Others []expertpool.Hit
	Form   form
	Notice string // rule that stood against what was asked
}

func (s *server) group(c echo.Context) error {
	return s.showGroup(c, http.StatusOK, groupPage{Asked: c.QueryParam("q")})
}

func (s *server) showGroup(c echo.Context, status int, p groupPage) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	if p.Group, err = s.Pool.Group(ctx, by, id); err != nil {
		return err
	}
	if p.Asked != "" {
		found, err := s.Pool.Search(ctx, by, expertpool.Search{Text: p.Asked})
		if err != nil {
			return err
		}
		p.Others = slices.DeleteFunc(found.Hits, func(h expertpool.Hit) bool {
			return slices.ContainsFunc(p.Members, func(m expertpool.Expert) bool { return m.ID == h.ID })
		})
	}
	return s.page(c, status, "group", p)
}

// groupPost takes somebody in, or out again.
func (s *server) groupPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	change := s.Pool.Enrol
	if f.Get("act") == "expel" {
		change = s.Pool.Expel
	}
	err = change(c.Request().Context(), me(c), id, strictID(f.Get("expert")))
	var refused *account.RefusedError
	switch {
	case f.wrong(err):
		return s.showGroup(c, http.StatusUnprocessableEntity, groupPage{Asked: f.Get("q"), Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showGroup(c, http.StatusConflict, groupPage{Asked: f.Get("q"), Notice: refused.Rule})
	case err != nil:
		return err
	}
	at := groupAt(id)
	if q := f.Get("q"); q != "" {
		at += "?" + url.Values{"q": {q}}.Encode()
	}
	return s.done(c, at, "group")
}

func (s *server) removeGroup(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Pool.RemoveGroup(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/experts/groups", "group_removed")
}
