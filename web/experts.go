package web

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
)

// expertsPage is the pool of the network, whole or of one discipline.
type expertsPage struct {
	Form        form
	Disciplines []string
	Experts     []expertpool.Expert
}

func (s *server) experts(c echo.Context) error {
	p := expertsPage{Form: fill("discipline", c.QueryParam("discipline")), Disciplines: expertpool.Disciplines}
	var wanted []string
	if d := p.Form.Get("discipline"); d != "" {
		wanted = append(wanted, d)
	}
	var err error
	p.Experts, err = s.Pool.Find(c.Request().Context(), me(c), wanted...)
	if p.Form.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "experts", p)
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(p.Experts, func(a, b expertpool.Expert) int {
		return cmp.Compare(slices.Index(p.Disciplines, a.Discipline), slices.Index(p.Disciplines, b.Discipline))
	})
	return s.page(c, http.StatusOK, "experts", p)
}
