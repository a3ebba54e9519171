package web

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// leavingPage is what is open of somebody who leaves the pool.
type leavingPage struct {
	conference.Leaving
	Own    bool
	Base   string
	Others map[string][]expertpool.Expert // who could take a seat, by discipline
	Form   form
	Notice string
}

func (s *server) leaving(c echo.Context) error {
	return s.showLeaving(c, http.StatusOK, leavingPage{})
}

func (s *server) showLeaving(c echo.Context, status int, p leavingPage) error {
	id, base, err := subject(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	if p.Leaving, err = s.Conferences.Leaving(ctx, by, id); err != nil {
		return err
	}
	p.Form.Of, p.Own, p.Base = "leave", id == by.ID, base
	if p.Own {
		return s.page(c, status, "leaving", p)
	}
	p.Others = map[string][]expertpool.Expert{}
	for _, t := range p.Seats {
		if _, known := p.Others[t.Discipline]; known || !t.State.Planned() {
			continue
		}
		if p.Others[t.Discipline], err = s.invitable(c, t.Discipline, id); err != nil {
			return err
		}
	}
	return s.page(c, status, "leaving", p)
}

// invitable are the experts of a discipline who can be invited now, without one of them.
func (s *server) invitable(c echo.Context, discipline string, without uuid.UUID) ([]expertpool.Expert, error) {
	found, err := s.Pool.Find(c.Request().Context(), me(c), discipline)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(found))
	for i, e := range found {
		ids[i] = e.ID
	}
	of, err := s.Pool.Standings(c.Request().Context(), me(c), ids)
	if err != nil {
		return nil, err
	}
	var good []expertpool.Expert
	for _, e := range found {
		if st, known := of[e.ID]; known && e.ID != without && st.Bar(s.Now()) == "" {
			good = append(good, e)
		}
	}
	return good, nil
}

// leavingPost ends a place in the pool. Each row of the form has one value in each of its two lists.
func (s *server) leavingPost(c echo.Context) error {
	id, base, err := subject(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if f.Get("sure") != "yes" {
		f.wrong(&account.InvalidError{Field: "sure", Rule: "required"})
		return s.showLeaving(c, http.StatusUnprocessableEntity, leavingPage{Form: f})
	}
	h := conference.HandOver{Seats: map[string]uuid.UUID{}, Measures: map[uuid.UUID]uuid.UUID{}}
	for i, code := range f.Values["seats"] {
		if i < len(f.Values["substitutes"]) {
			h.Seats[code] = strictID(f.Values["substitutes"][i])
		}
	}
	for i, m := range f.Values["measures"] {
		if i < len(f.Values["heirs"]) {
			h.Measures[strictID(m)] = strictID(f.Values["heirs"][i])
		}
	}
	err = s.Conferences.LeavePool(c.Request().Context(), me(c), id, h)
	var refused *account.RefusedError
	switch {
	case f.wrong(err):
		return s.showLeaving(c, http.StatusUnprocessableEntity, leavingPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused) && refused.Rule != "left_pool":
		return s.showLeaving(c, http.StatusConflict, leavingPage{Form: f, Notice: refused.Rule})
	case err != nil:
		return err
	case base == "/me":
		s.setSession(c, "")
		return s.done(c, "/", "left_pool")
	}
	return s.done(c, base+"/membership", "left_pool")
}

// declarationPage is the declaration of confidentiality: to read, to sign on a second look, and once signed to print.
type declarationPage struct {
	expertpool.Declaration
	Second    bool // the second look
	Signature *expertpool.Signature
	Digest    string
	Form      form
	Notice    string
}

// Paragraphs are the text in parts; where a part has a heading it is the first line.
func (p declarationPage) Paragraphs() [][]string {
	var parts [][]string
	for part := range strings.SplitSeq(p.Body, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, strings.SplitN(part, "\n", 2))
		}
	}
	return parts
}

func (s *server) declaration(c echo.Context) error {
	_, second := c.QueryParams()["sign"]
	return s.showDeclaration(c, http.StatusOK, declarationPage{Second: second})
}

func (s *server) showDeclaration(c echo.Context, status int, p declarationPage) error {
	ctx, by := c.Request().Context(), me(c)
	var err error
	if p.Declaration, err = s.Pool.Declaration(ctx, by); err != nil {
		return err
	}
	_, g, err := s.Pool.Signed(ctx, by, p.Version)
	switch {
	case err == nil:
		p.Signature, p.Second = &g, false
	case !errors.Is(err, account.ErrNotFound):
		return err
	}
	digest := p.Declaration.Digest()
	p.Digest, p.Form.Of = hex.EncodeToString(digest[:]), "sign"
	return s.page(c, status, "declaration", p)
}

func (s *server) signDeclaration(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	if f.Get("read") != "yes" {
		f.Of = "sign"
		f.wrong(&account.InvalidError{Field: "read", Rule: "required"})
		return s.showDeclaration(c, http.StatusUnprocessableEntity, declarationPage{Second: true, Form: f})
	}
	digest, err := hex.DecodeString(f.Get("digest"))
	if err != nil {
		digest = nil // no text at all, which the domain refuses
	}
	err = s.Pool.Sign(c.Request().Context(), me(c), digest, f.Get("name"))
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, "/me/declaration", "signed")
	case f.wrong(err):
		return s.showDeclaration(c, http.StatusUnprocessableEntity, declarationPage{Second: true, Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showDeclaration(c, http.StatusConflict, declarationPage{Notice: refused.Rule})
	}
	return err
}

// wordingPage is the text of the declaration for those who publish it.
type wordingPage struct {
	expertpool.Declaration
	Form form
}

func (s *server) wording(c echo.Context) error {
	d, err := s.Pool.Declaration(c.Request().Context(), me(c))
	if err != nil {
		return err
	}
	f := fill("body", d.Body)
	f.Of = "wording"
	return s.page(c, http.StatusOK, "wording", wordingPage{d, f})
}

func (s *server) wordingPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "wording"
	err = s.Pool.Publish(c.Request().Context(), me(c), f.Get("body"))
	if f.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "wording", wordingPage{Form: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/experts/declaration", "published")
}
