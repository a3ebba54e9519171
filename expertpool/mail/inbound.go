package mail

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // what answers are written in, besides UTF-8
	"github.com/emersion/go-message/textproto"
	"github.com/google/uuid"
)

// Limits of a mail that comes in. go-message reads nested parts in quadratic time, so the depth is counted here.
const (
	MaxInbound   = 1 << 20
	maxHeader    = 64 << 10
	maxDepth     = 8
	maxParts     = 50
	maxExcerpt   = 4000 // characters of plain text shown to people
	maxPartBytes = 512 << 10
)

// Inbound is a mail that came in, as far as an answer needs it.
type Inbound struct {
	ID         uuid.UUID
	ReceivedAt time.Time
	From       string    // bare address, lower case; empty if there is no single readable one
	Bounced    uuid.UUID // our mail that it came back for, by the address it was sent to; uuid.Nil if it is no bounce of that kind
	Refers     []string  // Message-IDs in References, In-Reply-To, and of what a report returns
	Automatic  bool      // RFC 3834: written by a machine
	Report     *Report   // RFC 3464: what became of a mail of ours
	Calendar   []byte    // the first calendar object
	Text       string    // the first plain text, shortened
	Unreadable string    // rule that the mail broke, if it did; what was read before is there
}

// Report says what became of a mail: Action is failed, delayed, delivered, relayed or expanded; Status is a code of RFC 3463.
type Report struct{ Action, Status string }

// Read takes a mail apart that came for recipient, in time linear in its size. It never fails: what cannot be read is said in Unreadable.
func Read(raw []byte, recipient string) Inbound {
	in := Inbound{Bounced: bounceToken(recipient)}
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		in.Unreadable = "header"
		return in
	}
	in.readHeader(e.Header)
	w := walk{in: &in}
	if len(raw) > MaxInbound {
		in.Unreadable = "too_large"
	} else if err := w.part(e, 0); err != nil && in.Unreadable == "" {
		in.Unreadable = "structure"
	}
	return in
}

func (in *Inbound) readHeader(h message.Header) {
	if from, err := netmail.ParseAddressList(h.Get("From")); err == nil && len(from) == 1 {
		in.From = strings.ToLower(from[0].Address)
	}
	in.Automatic = !strings.EqualFold(strings.TrimSpace(h.Get("Auto-Submitted")), "no") && h.Get("Auto-Submitted") != ""
	for _, name := range []string{"In-Reply-To", "References"} {
		for id := range strings.FieldsSeq(h.Get(name)) {
			in.refer(id)
		}
	}
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "To"} { // a mailbox does not say for whom it took a mail
		if in.Bounced == uuid.Nil {
			in.Bounced = bounceToken(h.Get(name))
		}
	}
}

func (in *Inbound) refer(id string) {
	if isMessageID(id) && len(in.Refers) < 20 {
		in.Refers = append(in.Refers, id)
	}
}

// walk goes through the parts of a mail.
type walk struct {
	in    *Inbound
	parts int
}

var errTooMuch = errors.New("mail: too many parts or too deep")

func (w *walk) part(e *message.Entity, depth int) error {
	if w.parts++; w.parts > maxParts || depth > maxDepth {
		return errTooMuch
	}
	if mr := e.MultipartReader(); mr != nil {
		return w.each(mr, depth)
	}
	kind, params, _ := e.Header.ContentType()
	switch {
	case w.in.Calendar == nil && isCalendar(kind, params, e.Header):
		return w.take(e, func(b []byte) { w.in.Calendar = b })
	case w.in.Text == "" && kind == "text/plain":
		return w.take(e, func(b []byte) { w.in.Text = excerpt(b) })
	case w.in.Report == nil && kind == "message/delivery-status":
		return w.take(e, func(b []byte) { w.in.Report = readReport(b) })
	case kind == "message/rfc822" || kind == "text/rfc822-headers":
		return w.take(e, func(b []byte) {
			if h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(b[:min(len(b), maxHeader)]))); err == nil {
				w.in.refer(h.Get("Message-Id"))
			}
		})
	}
	return nil
}

func (w *walk) each(mr message.MultipartReader, depth int) error {
	for {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if p == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return errors.Join(err, errTooMuch)
		}
		if err := w.part(p, depth+1); err != nil {
			return err
		}
	}
}

func (w *walk) take(e *message.Entity, keep func([]byte)) error {
	b, err := io.ReadAll(io.LimitReader(e.Body, maxPartBytes))
	if len(b) > 0 {
		keep(b) // a broken end does not make the beginning worthless
	}
	return err
}

// isCalendar: Outlook and others send answers under several names.
func isCalendar(kind string, params map[string]string, h message.Header) bool {
	switch kind {
	case "text/calendar", "application/ics":
		return true
	case "application/octet-stream":
		_, disposition, _ := h.ContentDisposition()
		return strings.HasSuffix(strings.ToLower(params["name"]), ".ics") || strings.HasSuffix(strings.ToLower(disposition["filename"]), ".ics")
	}
	return false
}

// excerpt is plain text without what could play tricks on a screen.
func excerpt(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxExcerpt {
		s = string([]rune(s)[:maxExcerpt]) + "…"
	}
	return s
}

// readReport reads the first recipient of a delivery status: our mails have one. RFC 3464 §2.3
func readReport(b []byte) *Report {
	r := bufio.NewReader(bytes.NewReader(b))
	for range 10 {
		h, err := textproto.ReadHeader(r)
		if action := strings.ToLower(strings.TrimSpace(h.Get("Action"))); action != "" {
			status, _, _ := strings.Cut(strings.TrimSpace(h.Get("Status")), " ")
			if len(status) > 11 || strings.Trim(status, "0123456789.") != "" {
				status = ""
			}
			return &Report{action, status}
		}
		if err != nil || h.Len() == 0 {
			return nil
		}
	}
	return nil
}

// returnPath is the envelope sender of one mail of ours: what comes back to it tells which one it was. The domain stays that of
// From, so that SPF and DMARC agree.
func returnPath(from string, id uuid.UUID) string {
	local, domain, _ := strings.Cut(from, "@")
	return local + "+" + bouncePrefix + hex.EncodeToString(id[:]) + "@" + domain
}

const bouncePrefix = "b-"

// bounceToken reads the id out of an address that returnPath made, or uuid.Nil.
func bounceToken(address string) uuid.UUID {
	_, rest, found := strings.Cut(address, "+"+bouncePrefix)
	if !found || len(rest) < 33 || rest[32] != '@' {
		return uuid.Nil
	}
	b, err := hex.DecodeString(rest[:32])
	if err != nil {
		return uuid.Nil
	}
	return uuid.UUID(b)
}
