package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

// notesPage is a note as it stood at some moment: who wrote what, and how to leaf on.
type notesPage struct {
	conference.Reading
	Moments []conference.Moment
}

// Now is the moment that is shown; nil before the first row.
func (p notesPage) Now() *conference.Moment {
	for i := range p.Moments {
		if p.Seq > 0 && p.Moments[i].Seq >= p.Seq {
			return &p.Moments[i]
		}
	}
	return nil
}

// Before and After are the rows to leaf back and on to; -1 where there is nowhere to go.
func (p notesPage) Before() int64 {
	if p.Seq == 0 {
		return -1
	}
	before := int64(0)
	for _, m := range p.Moments {
		if m.Seq < p.Seq {
			before = m.Seq
		}
	}
	return before
}

func (p notesPage) After() int64 {
	for _, m := range p.Moments {
		if m.Seq > p.Seq {
			return m.Seq
		}
	}
	return -1
}

// turn is what one person wrote without anybody else in between.
type turn struct {
	conference.Author
	Runs []conference.Written
}

// turns is a section by whose turn it was.
func turns(p conference.Passage) []turn {
	var out []turn
	for _, r := range p.Runs {
		if n := len(out); n > 0 && out[n-1].Person == r.Author.Person {
			out[n-1].Runs = append(out[n-1].Runs, r)
			continue
		}
		out = append(out, turn{r.Author, []conference.Written{r}})
	}
	return out
}

// notes shows the note of a conference at the row in the address; without one, as it stands.
func (s *server) notes(c echo.Context) error {
	ctx := c.Request().Context()
	seq := int64(math.MaxInt64)
	if typed := c.QueryParam("seq"); typed != "" {
		n, err := strconv.ParseInt(typed, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return account.ErrNotFound
		}
		seq = n
	}
	past, err := s.Conferences.History(ctx, me(c), code(c))
	if err != nil {
		return err
	}
	r, err := s.Conferences.NoteAt(ctx, me(c), code(c), seq)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "notes", notesPage{r, past.Moments})
}

type previousPage struct {
	Code     string
	Previous *conference.Previous
}

// previous shows what the conference before came to. The live page fetches it when somebody unfolds it there.
func (s *server) previous(c echo.Context) error {
	p, err := s.Conferences.Previous(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "previous", previousPage{code(c), p})
}

// searchPage is the box and, once something was typed, what was found.
type searchPage struct {
	Form  form
	Asked bool
	Hits  []conference.Hit
}

func (s *server) search(c echo.Context) error {
	typed, asked := c.QueryParams()["q"]
	p := searchPage{Asked: asked}
	if !asked {
		return s.page(c, http.StatusOK, "search", p)
	}
	p.Form = fill("q", typed[0])
	var err error
	p.Hits, err = s.Conferences.Search(c.Request().Context(), me(c), typed[0])
	if p.Form.wrong(err) {
		p.Asked = false
		return s.page(c, http.StatusUnprocessableEntity, "search", p)
	}
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "search", p)
}
