package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// uploads is the one address that takes more than a form: see bodyLimit and attach.
const uploads = "/cases/:id/attachments"

// attach takes a picture or a document of a case.
func (s *server) attach(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, data, err := uploaded(c)
	f.Of = "attach"
	if err == nil {
		_, err = s.Cases.Attach(c.Request().Context(), me(c), id, casefile.Upload{Title: f.Get("title"), Data: data, Because: f.Get("because")})
	}
	if f.wrong(err) {
		return s.showCase(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String(), "attached")
}

// uploaded reads a form with one file in it, called file. The file stays in memory: what is to lie sealed must not lie in the clear before.
func uploaded(c echo.Context) (form, []byte, error) {
	f, _, data, err := uploadedUpTo(c, attachment.MaxUpload)
	return f, data, err
}

// uploadedUpTo is uploaded for files of so many octets, and says what the file was called.
func uploadedUpTo(c echo.Context, most int64) (f form, name string, data []byte, err error) {
	f = form{Values: url.Values{}}
	r := c.Request()
	if err := patient(c); err != nil {
		return f, "", nil, err
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, most+64<<10)
	tooMuch := &account.InvalidError{Field: "file", Rule: "size"}
	parts, err := r.MultipartReader()
	if err != nil {
		return f, "", nil, tooMuch
	}
	for range 8 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, "", nil, tooMuch
		}
		limit := most + 1
		if part.FormName() != "file" {
			limit = 8 << 10
		}
		value, err := io.ReadAll(io.LimitReader(part, limit))
		if err != nil {
			return f, "", nil, tooMuch
		}
		if part.FormName() == "file" {
			name, data, value = part.FileName(), value, nil
		}
		f.Values[part.FormName()] = append(f.Values[part.FormName()], string(value))
	}
	return f, name, data, slotsOf(c.Path()).check(f.Values)
}

// patient gives a request more time than a form: eight megabytes over a slow line, and then the answer.
func patient(c echo.Context) error {
	w := http.NewResponseController(c.Response())
	err := errors.Join(w.SetReadDeadline(time.Now().Add(2*time.Minute)), w.SetWriteDeadline(time.Now().Add(3*time.Minute)))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (s *server) releaseAttachment(c echo.Context) error {
	return s.changeAttachment(c, "attachment_released", func(of, id uuid.UUID, f form) error {
		return s.Cases.ReleaseAttachment(c.Request().Context(), me(c), of, id, f.Has("looked", "yes"), f.Get("single"))
	})
}

func (s *server) removeAttachment(c echo.Context) error {
	return s.changeAttachment(c, "attachment_removed", func(of, id uuid.UUID, _ form) error {
		return s.Cases.RemoveAttachment(c.Request().Context(), me(c), of, id)
	})
}

func (s *server) changeAttachment(c echo.Context, said string, do func(of, id uuid.UUID, f form) error) error {
	of, err := paramID(c, "id")
	if err != nil {
		return err
	}
	id, err := paramID(c, "file")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = id.String()
	err = do(of, id, f)
	if f.wrong(err) {
		return s.showCase(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+of.String(), said)
}

// attachmentPage shows one attachment in the page: nothing has to be downloaded, and nothing stays on the device.
type attachmentPage struct {
	casefile.Attachment
	Back, Source string
	Read         []attachment.Page // the pages of a document as text, for those who would rather read, or whose browser shows none
}

func (s *server) caseAttachment(c echo.Context) error {
	return s.showAttachment(c, s.ofCase, "/cases/"+c.Param("id"))
}

func (s *server) caseAttachmentData(c echo.Context) error { return s.sendAttachment(c, s.ofCase) }

func (s *server) conferenceAttachment(c echo.Context) error {
	return s.showAttachment(c, s.ofConference, at(c, ""))
}

func (s *server) conferenceAttachmentData(c echo.Context) error {
	return s.sendAttachment(c, s.ofConference)
}

// opened is a way to an attachment that asks its gate.
type opened func(c echo.Context) (casefile.Attachment, []byte, error)

func (s *server) ofCase(c echo.Context) (casefile.Attachment, []byte, error) {
	of, err := paramID(c, "id")
	if err != nil {
		return casefile.Attachment{}, nil, err
	}
	id, err := paramID(c, "file")
	if err != nil {
		return casefile.Attachment{}, nil, err
	}
	return s.Cases.ViewAttachment(c.Request().Context(), me(c), of, id)
}

func (s *server) ofConference(c echo.Context) (casefile.Attachment, []byte, error) {
	id, err := paramID(c, "file")
	if err != nil {
		return casefile.Attachment{}, nil, err
	}
	return s.Conferences.Attachment(c.Request().Context(), me(c), code(c), id)
}

func (s *server) showAttachment(c echo.Context, open opened, back string) error {
	a, data, err := open(c)
	if err != nil {
		return err
	}
	p := attachmentPage{Attachment: a, Back: back, Source: strings.TrimSuffix(c.Request().URL.Path, "/") + "/data"}
	if a.Document() {
		if p.Read, err = attachment.Pages(data); err != nil {
			return fmt.Errorf("pages of an attachment: %w", err)
		}
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return s.page(c, http.StatusOK, "attachment", p)
}

// sendAttachment sends the bytes for the page around them. They were built by this server and can do nothing; should they be opened by
// themselves, they may neither run, load nor send anything.
func (s *server) sendAttachment(c echo.Context, open opened) error {
	a, data, err := open(c)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	policy := "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'"
	if !a.Document() {
		policy += "; sandbox" // browsers show no document in a sandbox
	}
	h.Set("Content-Security-Policy", policy)
	h.Set(echo.HeaderContentDisposition, "inline")
	return c.Blob(http.StatusOK, a.Kind, data)
}
