package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
)

// caseworkPage is how many cases everybody leads and, for the coordination, what the network works with.
type caseworkPage struct {
	Loads []casefile.Load
	Set   bool // may be changed by who looks
	Form  form
}

func (s *server) casework(c echo.Context) error {
	set, err := s.Cases.Casework(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	codes := make([]string, len(set.Codes))
	for i, code := range set.Codes {
		codes[i] = string(code)
	}
	return s.showCasework(c, http.StatusOK, fill(
		"codes", strings.Join(codes, " "), "phases", strings.Join(set.Phases, "\n"),
		"capacities", strings.Join(set.Capacities, "\n"), "caseload", strconv.Itoa(set.Caseload)))
}

func (s *server) showCasework(c echo.Context, status int, f form) error {
	by := me(c)
	loads, err := s.Cases.Loads(c.Request().Context(), by)
	if err != nil {
		return err
	}
	return s.page(c, status, "casework", caseworkPage{loads, by.May(account.SetCasework), f})
}

func (s *server) caseworkPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	set := casefile.Casework{Phases: lines(f.Get("phases")), Capacities: lines(f.Get("capacities"))}
	for _, code := range strings.FieldsFunc(f.Get("codes"), func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) }) {
		set.Codes = append(set.Codes, icf.Code(code))
	}
	set.Caseload, _ = strconv.Atoi(f.Get("caseload")) // 0 is out of range
	err = s.Cases.SetCasework(c.Request().Context(), me(c), set)
	if f.wrong(err) {
		return s.showCasework(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/casework", "casework")
}

// lines are those of a text that are not blank.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
