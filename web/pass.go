package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// passPage offers to pass a plan on, and shows word by word what would go out.
type passPage struct {
	conference.Passing
	Recipients choices
	Passed     []conference.Passed // of the case
	Form       form
	Notice     string
}

// Chosen says that a measure goes along: all do until somebody leaves one out.
func (p passPage) Chosen(m conference.PlanCopyItem) bool {
	return p.Form.Values == nil || p.Form.Has("measures", m.ID.String())
}

// DueOn reads the date of a measure, which is kept as text.
func (p passPage) DueOn(m conference.PlanCopyItem) time.Time { return readDate(m.DueOn) }

func (s *server) pass(c echo.Context) error { return s.showPass(c, http.StatusOK, passPage{}) }

func (s *server) showPass(c echo.Context, status int, p passPage) error {
	ctx, by := c.Request().Context(), me(c)
	var err error
	if p.Passing, err = s.Conferences.Passing(ctx, by, code(c)); err != nil {
		return err
	}
	if p.Passed, err = s.Conferences.Passed(ctx, by, p.Conference.CaseID); err != nil {
		return err
	}
	p.Form.Of = "pass"
	p.Recipients = choices{field: s.field(p.Form, "radio", "recipient")}
	for _, r := range p.Passing.Recipients {
		only := len(p.Passing.Recipients) == 1
		p.Recipients.Options = append(p.Recipients.Options, choice{Value: r.ID.String(), Label: r.Name, Chosen: only || p.Form.Has("recipient", r.ID.String())})
	}
	return s.page(c, status, "pass", p)
}

// passPost passes the plan on, and shows what went out.
func (s *server) passPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	h := conference.Handover{Recipient: strictID(f.Get("recipient")), Measures: idsIn(f, "measures"), Question: f.Has("question", "yes"), Read: f.Has("read", "yes")}
	id, err := s.Conferences.PassPlan(c.Request().Context(), me(c), code(c), h)
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.done(c, at(c, "/pass/"+id.String()), "passed")
	case f.wrong(err):
		return s.showPass(c, http.StatusUnprocessableEntity, passPage{Form: f})
	case errors.Is(err, account.ErrClosed) && errors.As(err, &refused) && slices.Contains([]string{"not_in_circle", "not_agreed"}, refused.Rule):
		return s.showPass(c, http.StatusConflict, passPage{Form: f, Notice: "not_passed"}) // the consent has changed while she was choosing
	}
	return err
}

// planCopyPage is a plan as it was passed on, to print.
type planCopyPage struct {
	conference.PlanCopy
	Code, File string
}

// Day reads a date of the document.
func (p planCopyPage) Day(written string) time.Time { return readDate(written) }

func (s *server) planCopy(c echo.Context) error {
	made, err := s.passedOn(c)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "plan-copy", planCopyPage{made, code(c), at(c, "/pass/"+c.Param("id")+"/file")})
}

// planCopyFile is the same for programs. Its name tells the recipient's pseudonym and nothing else.
func (s *server) planCopyFile(c echo.Context) error {
	made, err := s.passedOn(c)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(made, "", "\t")
	if err != nil {
		return fmt.Errorf("plan copy: %w", err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="plan-`+strings.ToLower(made.Pseudonym)+`.json"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(raw, '\n'))
}

func (s *server) passedOn(c echo.Context) (conference.PlanCopy, error) {
	id, err := paramID(c, "id")
	if err != nil {
		return conference.PlanCopy{}, err
	}
	return s.Conferences.PlanCopy(c.Request().Context(), me(c), code(c), id)
}

// receiptPage is what had been seen of a case, and what had left the house, when its consent was withdrawn.
type receiptPage struct {
	casefile.Receipt
	Passed []conference.Passed
}

// Told are the organisations that hold something, each with the pseudonym under which.
func (p receiptPage) Told() []conference.Passed {
	told := slices.Clone(p.Passed)
	slices.SortStableFunc(told, func(a, b conference.Passed) int { // the latest of each stays
		return strings.Compare(a.Organisation+a.Pseudonym, b.Organisation+b.Pseudonym)
	})
	return slices.CompactFunc(told, func(a, b conference.Passed) bool { return a.Pseudonym == b.Pseudonym })
}
