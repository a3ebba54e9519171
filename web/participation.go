package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/exchange"
)

// participationPage is the proof of a quarter, to print or as a table.
type participationPage struct {
	expertpool.Participation
	Own      bool
	Base     string
	Quarters []expertpool.Quarter // that can be asked for, the latest first
	At       time.Time
}

// quartersShown is how many quarters the page offers: as long as proofs are kept.
const quartersShown = 12

func (s *server) participationOf(c echo.Context) (p participationPage, err error) {
	id, base, err := subject(c)
	if err != nil {
		return p, err
	}
	q := expertpool.QuarterOf(s.Now())
	for at := q; len(p.Quarters) < quartersShown; at = at.Before() {
		p.Quarters = append(p.Quarters, at)
	}
	if asked := c.QueryParam("quarter"); asked != "" {
		if q, err = expertpool.ParseQuarter(asked); err != nil {
			return p, echo.NewHTTPError(http.StatusNotFound)
		}
	}
	p.Base, p.Own, p.At = base, base == "/me", s.Now()
	p.Participation, err = s.Pool.Participation(c.Request().Context(), me(c), id, q)
	return p, err
}

func (s *server) participation(c echo.Context) error {
	p, err := s.participationOf(c)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "participation", p)
}

// participationFile is the same as a table for office programs.
func (s *server) participationFile(c echo.Context) error {
	p, err := s.participationOf(c)
	if err != nil {
		return err
	}
	head := []string{s.words.t("participation.on"), s.words.t("participation.kind"), s.words.t("participation.minutes"), s.words.t("participation.name")}
	var rows [][]string
	for _, a := range p.Attended {
		rows = append(rows, []string{a.On.Format("02.01.2006"), s.words.t("kind.", a.Kind), strconv.Itoa(a.Minutes), p.Name})
	}
	rows = append(rows, []string{s.words.t("participation.sum"), "", strconv.Itoa(p.Minutes()), p.Name})
	var b bytes.Buffer
	if err := exchange.WriteTable(&b, head, rows); err != nil {
		return fmt.Errorf("participation: %w", err)
	}
	return download(c, "text/csv; charset=utf-8", "teilnahme-"+p.Quarter.String()+".csv", b.Bytes())
}
