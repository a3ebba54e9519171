package web

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// agreementDocuments is the address of the signed document of an agreement; it takes a file: see bodyLimit and uploadedUpTo.
const agreementDocuments = "/network/agreements/:id/document"

// documentFor is what the page of an agreement says about its document: nothing where there is none, or to those who only look.
func (s *server) documentFor(c echo.Context, id uuid.UUID) (*expertpool.AgreementDocument, error) {
	d, err := s.Pool.AgreementDocument(c.Request().Context(), me(c), id)
	switch {
	case errors.Is(err, account.ErrDenied), errors.Is(err, account.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &d, nil
}

// keepAgreementDocument takes the document of an agreement, in place of one that it has.
func (s *server) keepAgreementDocument(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, name, data, err := uploadedUpTo(c, attachment.MaxUpload)
	if name = fileName(name); strings.Trim(name, " ./") == "" {
		name = s.words.t("agreement.title")
	}
	if err == nil {
		err = s.Pool.KeepAgreementDocument(c.Request().Context(), me(c), id, name, data)
	}
	switch {
	case err == nil:
		return s.done(c, "/network/agreements/"+id.String(), "agreement_document")
	case f.wrong(err):
		return s.showAgreement(c, http.StatusUnprocessableEntity, agreementPage{Upload: f})
	}
	return s.agreementRefused(c, err)
}

func (s *server) removeAgreementDocument(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Pool.RemoveAgreementDocument(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	return s.done(c, "/network/agreements/"+id.String(), "agreement_document_removed")
}

// agreementDocument hands the document out as a file. It was built by this server and can do nothing; should a browser show it all the
// same, it may neither run, load nor send anything.
func (s *server) agreementDocument(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	d, data, err := s.Pool.AgreementDocumentData(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": downloadName(d)}))
	return c.Blob(http.StatusOK, d.Kind, data)
}

// downloadName ends as the kind says, whatever the file was called when it came.
func downloadName(d expertpool.AgreementDocument) string {
	end := map[string]string{attachment.PDF: ".pdf", attachment.PNG: ".png", attachment.JPEG: ".jpg"}[d.Kind]
	return strings.TrimSuffix(d.Name, path.Ext(d.Name)) + end
}
