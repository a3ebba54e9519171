package web

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// identityPage asks for the reason, and after it shows who the person is. It is the only page that ever does. In a colleague's case
// it asks for a colleague first, and there it is where colleagues answer.
type identityPage struct {
	casefile.Case
	Access           pseudonym.Access
	Form             form
	Granted, Waiting *pseudonym.Ask // the actor's own
	Me               uuid.UUID
	Revealed         bool
	Who              pseudonym.Identity
	Born             string
}

func (s *server) identity(c echo.Context) error {
	return s.showIdentity(c, http.StatusOK, identityPage{Form: form{Of: "identity"}})
}

func (s *server) showIdentity(c echo.Context, status int, p identityPage) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	if p.Case, err = s.Cases.ByID(ctx, by, id); err != nil {
		return err
	}
	if p.Access, err = s.Vault.Access(ctx, by, id); err != nil {
		return err
	}
	p.Me, p.Granted, p.Waiting = by.ID, p.Access.Granted(by.ID, s.Now()), p.Access.Waiting(by.ID)
	return s.page(c, status, "identity", p)
}

func (s *server) identityPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	p := identityPage{Form: f}
	p.Form.Of = "identity"
	p.Who, err = s.Vault.Reveal(c.Request().Context(), me(c), id, f.Get("reason"))
	if p.Form.wrong(err) {
		return s.showIdentity(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	p.Revealed = true
	p.Born = bornOn(p.Who)
	return s.showIdentity(c, http.StatusOK, p)
}

// bornOn is the birth date as people write it; empty when none is known.
func bornOn(who pseudonym.Identity) string {
	born := readDate(who.Born)
	if born.IsZero() {
		return ""
	}
	return born.Format("02.01.2006")
}

// askIdentity asks the colleagues to agree to a look.
func (s *server) askIdentity(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = "identity"
	err = s.Vault.Ask(c.Request().Context(), me(c), id, f.Get("reason"))
	if f.wrong(err) {
		return s.showIdentity(c, http.StatusUnprocessableEntity, identityPage{Form: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String()+"/identity", "reveal_asked")
}

// answerIdentity is a colleague's answer.
func (s *server) answerIdentity(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	ask, err := uuid.Parse(f.Get("ask"))
	if err != nil {
		return account.ErrNotFound
	}
	grant := f.Get("answer") == "grant"
	if !grant && f.Get("answer") != "refuse" {
		return &account.InvalidError{Field: "answer", Rule: "required"}
	}
	if err := s.Vault.Answer(c.Request().Context(), me(c), ask, grant); err != nil {
		return err
	}
	key := "reveal_refused"
	if grant {
		key = "reveal_granted"
	}
	return s.done(c, "/cases/"+id.String()+"/identity", key)
}

// revealTasks are the looks that colleagues ask for.
func (s *server) revealTasks(ctx context.Context, by account.Actor) ([]task, error) {
	found, err := s.Vault.Waiting(ctx, by)
	if err != nil {
		return nil, err
	}
	tasks := make([]task, 0, len(found))
	for _, a := range found {
		tasks = append(tasks, task{
			Clock: waited(s.Now().Sub(a.AskedAt)), ClockNote: s.words.t("today.reveal.since"),
			Title: s.words.f("today.reveal", a.AskedByName, a.Pseudonym), More: a.Reason,
			URL: "/cases/" + a.CaseID.String() + "/identity", Act: s.words.t("today.reveal.act"),
		})
	}
	return tasks, nil
}
