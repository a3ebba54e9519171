package web

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
)

// accessPage asks for the reason of a disclosure to the client, and after it is the disclosure.
type accessPage struct {
	casefile.Case
	Ask        bool // a colleague has to agree first
	Form       form
	Disclosure *conference.Disclosure
	Born       string
}

func (s *server) access(c echo.Context) error {
	return s.showAccess(c, http.StatusOK, accessPage{Form: form{Of: "access"}})
}

func (s *server) showAccess(c echo.Context, status int, p accessPage) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	if p.Case, err = s.Cases.ByID(ctx, by, id); err != nil {
		return err
	}
	if !p.Sealed {
		way, err := s.Vault.Access(ctx, by, id)
		if err != nil {
			return err
		}
		p.Ask = !way.Alone && way.Granted(by.ID, s.Now()) == nil
	}
	return s.page(c, status, "access", p)
}

// accessPost discloses, as a page to print or as a file that programs read.
func (s *server) accessPost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = "access"
	if err := patient(c); err != nil { // attachments may make it large
		return err
	}
	d, err := s.Conferences.Disclose(c.Request().Context(), me(c), id, f.Get("reason"))
	if f.wrong(err) {
		return s.showAccess(c, http.StatusUnprocessableEntity, accessPage{Form: f})
	}
	if err != nil {
		return err
	}
	if f.Get("as") == "json" {
		if err := s.Conferences.EmbedFiles(c.Request().Context(), me(c), id, &d, maxEmbedded); err != nil {
			return err
		}
		return discloseFile(c, d)
	}
	p := accessPage{Form: f, Disclosure: &d}
	if d.Identity != nil {
		p.Born = bornOn(*d.Identity)
	}
	return s.showAccess(c, http.StatusOK, p)
}

// maxEmbedded is how many bytes of attachments a file of a disclosure takes in. The page says so in words: access.left.files.
const maxEmbedded = 16 << 20

// disclosureFile is a disclosure as programs read it: each chapter a list of records. GDPR Art. 15(3), 20(1).
type disclosureFile struct {
	Format   string                      `json:"format"`
	Case     string                      `json:"case"`
	On       string                      `json:"on"` // a date
	Reason   string                      `json:"reason"`
	Sealed   bool                        `json:"withdrawn"`
	Identity *pseudonym.Identity         `json:"identity,omitempty"`
	Chapters map[string][]map[string]any `json:"chapters"`
	Hidden   []string                    `json:"placeholders"`
	LeftOut  []string                    `json:"left_out"`
}

// discloseFile answers with the file. Its name says nothing about anybody.
func discloseFile(c echo.Context, d conference.Disclosure) error {
	file := disclosureFile{
		Format: "konsil-disclosure-1", Case: d.Pseudonym, On: d.At.Format(time.DateOnly), Reason: d.Reason, Sealed: d.Sealed, Identity: d.Identity,
		Chapters: map[string][]map[string]any{}, Hidden: d.Hidden, LeftOut: d.LeftOut,
	}
	for _, ch := range d.Chapters {
		for _, record := range ch.Records {
			facts := map[string]any{}
			for _, f := range record {
				facts[f.Key] = f.Value
			}
			file.Chapters[ch.Key] = append(file.Chapters[ch.Key], facts)
		}
	}
	raw, err := json.MarshalIndent(file, "", "\t")
	if err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="auskunft-`+strings.ToLower(rand.Text()[:8])+`.json"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(raw, '\n'))
}

// factWords are where the words of a fact's values stand; values of other facts are told as they are.
func factWords(key string) string {
	for words, keys := range map[string]string{
		"discipline": "discipline circle disciplines", "purpose": "purposes", "language": "language", "summary": "summary_state", "role": "role",
		"part": "part", "declaration": "declared", "state": "conference_state", "request": "request_state", "urgency": "urgency", "kind": "kind",
		"section": "section", "measure": "measure_state", "information": "information_state", "guest": "guest_kind", "occasion": "occasion",
		"rater": "rater", "view": "view", "band": "band", "seen": "seen", "retention.class": "retention_class", "reason": "reason",
		"trait.age_band": "age_band", "trait.sex": "sex", "trait.region": "region", "trait.occupation": "occupation", "trait.diagnosis": "diagnosis",
		"access.file": "file_kind", "access.document": "document", "access.minutes": "minutes_state", "access.event": "event",
	} {
		for k := range strings.FieldsSeq(keys) {
			if k == key {
				return words
			}
		}
	}
	return ""
}

// fact says a value in words.
func (s *server) fact(f conference.Fact) string {
	switch v := f.Value.(type) {
	case conference.Date:
		if f.Key == "month" {
			return v.Format("01/2006")
		}
		return v.Format("02.01.2006")
	case time.Time:
		return v.In(expertpool.Zone()).Format("02.01.2006, 15:04 Uhr")
	case bool:
		return s.words.t("access.bool.", v)
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i] = s.fact(conference.Fact{Key: f.Key, Value: v[i]})
		}
		return strings.Join(list, ", ")
	}
	value := fmt.Sprint(f.Value)
	if key := factWords(f.Key) + "." + value; s.words.has(key) {
		return s.words.t(key)
	}
	return value
}

// looksPage is the access report: for the organisation with names, for the client without.
type looksPage struct {
	casefile.Alias
	Named  bool
	Looks  []conference.Look
	Passed []conference.Passed // without who did it, for the client
	At     time.Time
}

func (s *server) accessLog(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p := looksPage{Named: c.QueryParam("for") != "client", At: s.Now()}
	if p.Alias, err = s.Cases.Alias(ctx, by, id); err != nil {
		return err
	}
	if p.Looks, err = s.Conferences.Looks(ctx, by, id, p.Named); err != nil {
		return err
	}
	if p.Passed, err = s.Conferences.Passed(ctx, by, id); err != nil {
		return err
	}
	if !p.Named {
		for i := range p.Passed {
			p.Passed[i].By = ""
		}
	}
	return s.page(c, http.StatusOK, "access-log", p)
}
