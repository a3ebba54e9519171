package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// recordPage is whether the audit record of an organisation holds, and the way to who has seen which case.
type recordPage struct {
	account.Record
	Cases []casefile.Alias
}

func (s *server) record(c echo.Context) error {
	ctx, by := c.Request().Context(), me(c)
	var p recordPage
	var err error
	if p.Record, err = s.Accounts.CheckRecord(ctx, by); err != nil {
		return err
	}
	if p.Cases, err = s.Cases.Aliases(ctx, by); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "record", p)
}
