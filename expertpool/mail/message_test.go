package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// invitation is a mail with everything in it. Its calendar object only has to name its method and the state of its date here.
func invitation(method string) Message {
	l := Letter{Lines: []string{"Guten Tag Änne Groß,", "Sie werden gebeten."}, Button: "Antworten", URL: "https://konsil.example/a/x?y=1&z=2", Foot: []string{"Ohne Angaben zum Fall."}}
	return Message{
		Thread: "2f0c9b1e-invitation", Kind: "invitation", Conference: "K7-1234-5678MG", Organisation: uuid.New(),
		To: Address{Name: `Dr. Änne "A" Groß, FÄ`, Email: "A.Gross@Praxis.example"}, Subject: "Fallkonferenz K7-1234-5678MG · Di., 30.03.2027, 17:30–18:15 Uhr (MESZ)",
		Text: l.Text(), HTML: l.HTML(), Method: method,
		Calendar: calendarPart(method, 0, time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)),
	}
}

func calendarPart(method string, sequence int, stamp time.Time) []byte {
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:%s\r\nSEQUENCE:%d\r\nDTSTAMP:%s\r\nX-TEXT:%s\r\nEND:VCALENDAR\r\n",
		method, sequence, stamp.Format("20060102T150405Z"), strings.Repeat("ä", 30))
}

// rawOf queues a message and returns the bytes that will leave.
func (o *office) rawOf(m Message) string {
	o.t.Helper()
	id := o.put(m)[0]
	var raw []byte
	if err := o.db.QueryRow(o.t.Context(), `select raw from message_out where id = $1`, id).Scan(&raw); err != nil {
		o.t.Fatal(err)
	}
	return string(raw)
}

// part is one leaf or branch of a mail.
type part struct {
	kind, disposition, encoding string
	params                      map[string]string
	body                        []byte
	parts                       []part
}

func readPart(t *testing.T, header func(string) string, r io.Reader) part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	p := part{kind: kind, params: params, disposition: header("Content-Disposition"), encoding: header("Content-Transfer-Encoding")}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		for mr := multipart.NewReader(r, params["boundary"]); ; {
			child, err := mr.NextRawPart()
			if err == io.EOF {
				return p
			}
			if err != nil {
				t.Fatal(err)
			}
			p.parts = append(p.parts, readPart(t, child.Header.Get, child))
		}
	case p.encoding == "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case p.encoding == "quoted-printable":
		r = quotedprintable.NewReader(r)
	}
	if p.body, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return p
}

func readMail(t *testing.T, raw string) (netmail.Header, part) {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header, readPart(t, msg.Header.Get, msg.Body)
}

func TestEnvelopeNamesOneRecipientAndNoProgram(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	m := invitation("REQUEST")
	raw := o.rawOf(m)
	h, _ := readMail(t, raw)
	from, err := h.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "termine@konsil.example" {
		t.Errorf("from %v, error %v", from, err)
	}
	to, err := h.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != m.To.Email || to[0].Name != m.To.Name {
		t.Errorf("to %v, error %v", to, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, error %v", subject, err)
	}
	if id := h.Get("Message-Id"); !isMessageID(id) || !strings.HasSuffix(id, "@konsil.example>") {
		t.Errorf("Message-ID %q", id)
	}
	if date, err := h.Date(); err != nil || time.Since(date) > time.Minute {
		t.Errorf("date %v, error %v", date, err)
	}
	if h.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("Auto-Submitted %q", h.Get("Auto-Submitted"))
	}
	allowed := map[string]bool{"From": true, "To": true, "Subject": true, "Date": true, "Message-Id": true, "Mime-Version": true, "Auto-Submitted": true, "Content-Type": true}
	for name, values := range h {
		if !allowed[name] || len(values) != 1 {
			t.Errorf("header %s: %q", name, values)
		}
	}
	checkLines(t, raw)
}

// checkLines fails on what relays may re-wrap or read two ways.
func checkLines(t *testing.T, raw string) {
	t.Helper()
	for l := range strings.SplitSeq(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
		if len(l) > 100 || strings.ContainsAny(l, "\r\n") || strings.IndexFunc(l, func(r rune) bool { return r > '~' }) >= 0 {
			t.Errorf("line %q", l)
		}
	}
}

func TestCalendarSitsInTheFirstChildAndIsAttachedToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	for _, method := range []string{"REQUEST", "CANCEL", "DECLINECOUNTER"} {
		m := invitation(method)
		m.Thread += method
		_, root := readMail(t, o.rawOf(m))
		if root.kind != "multipart/mixed" || len(root.parts) != 2 {
			t.Fatalf("root %s with %d parts", root.kind, len(root.parts))
		}
		alt, file := root.parts[0], root.parts[1]
		if alt.kind != "multipart/alternative" || len(alt.parts) != 3 {
			t.Fatalf("first child %s with %d parts", alt.kind, len(alt.parts))
		}
		for i, want := range []struct{ kind, body string }{{"text/plain", m.Text}, {"text/html", m.HTML}, {"text/calendar", string(m.Calendar)}} {
			p := alt.parts[i]
			if i < 2 {
				p.body = bytes.ReplaceAll(p.body, []byte("\r\n"), []byte("\n"))
			}
			if p.kind != want.kind || string(p.body) != want.body || p.disposition != "" || !strings.EqualFold(p.params["charset"], "utf-8") {
				t.Errorf("part %d is %s (%v, %q): %q", i, p.kind, p.params, p.disposition, p.body)
			}
		}
		if cal := alt.parts[2]; cal.params["method"] != method || cal.encoding != "base64" {
			t.Errorf("calendar part %v in %s", cal.params, cal.encoding)
		}
		if file.kind != "application/ics" || file.encoding != "base64" || file.params["name"] != "invite.ics" ||
			!strings.HasPrefix(file.disposition, "attachment") || !bytes.Equal(file.body, m.Calendar) {
			t.Errorf("attachment %s %v, %q, %q", file.kind, file.params, file.disposition, file.body)
		}
	}
}

func TestMailWithoutCalendarHasNoEmptyParts(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	m := note("a", "eins")
	if _, root := readMail(t, o.rawOf(m)); root.kind != "text/plain" {
		t.Errorf("root %s", root.kind)
	}
	m.HTML = Letter{Lines: []string{"x"}}.HTML()
	if _, root := readMail(t, o.rawOf(m)); root.kind != "multipart/alternative" || len(root.parts) != 2 {
		t.Errorf("root %s with %d parts", root.kind, len(root.parts))
	}
}

func TestUpdatesReferToTheFirstInvitation(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	first, _ := readMail(t, o.rawOf(invitation("REQUEST")))
	moved := invitation("REQUEST")
	moved.Calendar = calendarPart("REQUEST", 1, time.Date(2027, 3, 1, 9, 0, 1, 0, time.UTC))
	update, _ := readMail(t, o.rawOf(moved))
	cancel, _ := readMail(t, o.rawOf(invitation("CANCEL")))
	id := first.Get("Message-Id")
	for _, h := range []netmail.Header{update, cancel} {
		if h.Get("In-Reply-To") != id || h.Get("References") != id || h.Get("Message-Id") == id {
			t.Errorf("refers to %q and %q, want %q", h.Get("In-Reply-To"), h.Get("References"), id)
		}
	}
	own := invitation("DECLINECOUNTER")
	own.InReplyTo = "<x@konsil.example>"
	if h, _ := readMail(t, o.rawOf(own)); h.Get("In-Reply-To") != own.InReplyTo {
		t.Errorf("refers to %q", h.Get("In-Reply-To"))
	}
}

func TestNoMailContainsAnotherRecipient(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	names := []string{"Anna", "Berta", "Clara"}
	var raws []string
	for _, name := range names {
		m := invitation("REQUEST")
		m.Thread, m.To = name, Address{name, strings.ToLower(name) + "@praxis.example"}
		m.HTML, m.Text = "", "Guten Tag "+name
		raws = append(raws, o.rawOf(m))
	}
	for i, raw := range raws {
		for j, name := range names {
			if strings.Contains(strings.ToLower(raw), strings.ToLower(name)) != (i == j) {
				t.Errorf("mail %d and %s: %s", i, name, raw)
			}
		}
	}
}

func TestHiddenHeadersAndBrokenMessagesAreRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	for _, c := range []struct {
		field string
		spoil func(*Message)
	}{
		{"Subject", func(m *Message) { m.Subject = "a\r\nBcc: x@y.example" }},
		{"Subject", func(m *Message) { m.Subject = "a\nb" }},
		{"Subject", func(m *Message) { m.Subject = "a\x00b" }},
		{"Subject", func(m *Message) { m.Subject = "" }},
		{"Subject", func(m *Message) { m.Subject = strings.Repeat("a", maxSubject+1) }},
		{"To", func(m *Message) { m.To.Name = "a\r\nBcc: x@y.example" }},
		{"To", func(m *Message) { m.To.Email = "a@b.example>\r\nRCPT TO:<x@y.example" }},
		{"To", func(m *Message) { m.To.Email = "a@b.example, x@y.example" }},
		{"To", func(m *Message) { m.To.Email = "a b@c.example" }},
		{"To", func(m *Message) { m.To.Email = "Termine@Konsil.Example" }},
		{"Thread", func(m *Message) { m.Thread = "a@b.example" }},
		{"Thread", func(m *Message) { m.Thread = "" }},
		{"Kind", func(m *Message) { m.Kind = "a b" }},
		{"Conference", func(m *Message) { m.Conference = "a\nb" }},
		{"InReplyTo", func(m *Message) { m.InReplyTo = "<a@b>\r\nBcc: <x@y>" }},
		{"Organisation", func(m *Message) { m.Organisation = uuid.Nil }},
		{"Text", func(m *Message) { m.Text = " \n" }},
		{"Text", func(m *Message) { m.Text = strings.Repeat("a", maxBody+1) }},
		{"HTML", func(m *Message) { m.HTML = "a\x00" }},
		{"Calendar", func(m *Message) { m.Calendar = nil }},
		{"Calendar", func(m *Message) { m.Calendar = make([]byte, maxCalendar+1) }},
		{"Method", func(m *Message) { m.Method = "CANCEL" }},
		{"Method", func(m *Message) { m.Method = "REQUEST; x=y" }},
		{"Method", func(m *Message) { m.Method = "" }},
	} {
		m := invitation("REQUEST")
		c.spoil(&m)
		err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) error {
			_, err := o.Enqueue(t.Context(), tx, m)
			return err
		})
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != c.field || strings.Contains(err.Error(), "example") {
			t.Errorf("error %v, want one about %s", err, c.field)
		}
	}
}

func TestLettersEscapeWordsAndHaveOneLiveLink(t *testing.T) {
	t.Parallel()
	l := Letter{Lines: []string{"<b>Gro\"ß</b>\nzweite"}, Button: "Los & ab", URL: `https://konsil.example/?a=1&b="x"`, Foot: []string{"klein"}}
	page := l.HTML()
	for _, want := range []string{`<html lang="de">`, "&lt;b&gt;Gro&#34;ß&lt;/b&gt;<br>\nzweite", `href="https://konsil.example/?a=1&amp;b=&#34;x&#34;"`, "Los &amp; ab</a>", "klein"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if strings.Count(page, "<a ") != 1 || strings.Contains(page, "<img") || strings.Contains(page, "<script") {
		t.Error(page)
	}
	if text := l.Text(); !strings.Contains(text, "Los & ab:\n"+l.URL+"\n") || !strings.HasSuffix(text, "klein\n") {
		t.Errorf("text %q", text)
	}
	l.URL = "javascript:alert(1)"
	if strings.Contains(l.HTML()+l.Text(), "javascript") {
		t.Error("a dangerous link comes through")
	}
}
