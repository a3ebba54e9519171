package mail

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// envelope is what a message gets from us when it is queued.
type envelope struct {
	from      netmail.Address
	messageID string // with angle brackets
	reply     string // Message-ID this one refers to, or ""
	date      time.Time
	noFile    bool // the calendar part is enough
}

// render writes the mail as it will leave, RFC 5322 with CRLF.
//
// The tree is multipart/mixed → multipart/alternative(text, html, calendar) + attachment: Outlook looks for the
// calendar part only inside the first child, Google and RFC 6047 §2.4 want its method, and some programs find only
// the attachment. Base64 keeps relays from wrapping lines. No part and no header tells which program wrote it.
func render(m Message, e envelope) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&e.from)
	msg.ToMailAddress(&netmail.Address{Name: m.To.Name, Address: m.To.Email})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(e.date)
	msg.SetGenHeader(gomail.HeaderMessageID, e.messageID)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday replies, please
	if e.reply != "" {
		msg.SetGenHeader(gomail.HeaderInReplyTo, e.reply)
		msg.SetGenHeader(gomail.HeaderReferences, e.reply)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	if len(m.Calendar) > 0 {
		kind := gomail.ContentType("text/calendar; method=" + m.Method)
		msg.AddAlternativeString(kind, string(m.Calendar), gomail.WithPartEncoding(gomail.EncodingB64))
		if e.noFile {
			return written(msg)
		}
		err := msg.AttachReader("invite.ics", bytes.NewReader(m.Calendar), gomail.WithFileContentType("application/ics"))
		if err != nil {
			return nil, fmt.Errorf("attach calendar: %w", err)
		}
	}
	return written(msg)
}

func written(msg *gomail.Msg) ([]byte, error) {
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return b.Bytes(), nil
}
