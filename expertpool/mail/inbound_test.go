package mail

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

const calendarAnswer = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n"

// crlf turns a readable mail into one as it comes over the wire.
func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\n", "\r\n"))
}

func TestAnAnswerIsReadHoweverItIsWrapped(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString([]byte(calendarAnswer))
	for name, raw := range map[string]string{
		"as the only part": "Content-Type: text/calendar; method=REPLY\nContent-Transfer-Encoding: base64\n\n" + b64 + "\n",
		"beside text": "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGern, bis dann. Gr=FC=DFe\n" +
			"--x\nContent-Type: text/calendar; charset=utf-8; method=REPLY\nContent-Transfer-Encoding: base64\n\n" + b64 + "\n--x--\n",
		"as a file without a type": "Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\nContent-Type: text/plain\n\nGern, bis dann. Grüße\n--a b\n" +
			"Content-Type: application/octet-stream; name=answer.ICS\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=answer.ICS\n\n" + b64 + "\n--a b--\n",
	} {
		in := Read(crlf("From: Ruth <Ruth@Praxis.example>\nIn-Reply-To: <1@konsil.example>\nMIME-Version: 1.0\n"+raw), "termine@konsil.example")
		if string(in.Calendar) != calendarAnswer || in.From != "ruth@praxis.example" || in.Unreadable != "" || in.Automatic || len(in.Refers) != 1 {
			t.Errorf("%s: %+v", name, in)
		}
		if name != "as the only part" && in.Text != "Gern, bis dann. Grüße" {
			t.Errorf("%s: text %q", name, in.Text)
		}
	}
}

func TestABounceSaysWhichMailAndWhy(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	back := returnPath("termine@konsil.example", id)
	raw := crlf(`
From: MAILER-DAEMON@mx.example
To: ` + back + `
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r
Content-Type: text/plain

The mail system could not deliver.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ruth@praxis.example
Action: failed
Status: 5.1.1 (bad mailbox)
Diagnostic-Code: smtp; 550 no such user

--r
Content-Type: text/rfc822-headers

Message-Id: <abc@konsil.example>
Subject: Fallkonferenz

--r--
`)
	for _, recipient := range []string{back, "termine@konsil.example"} { // a mailbox does not tell for whom; the header does
		in := Read(raw, recipient)
		if in.Bounced != id || in.Report == nil || *in.Report != (Report{"failed", "5.1.1"}) || !in.Automatic || len(in.Refers) != 1 || in.Refers[0] != "<abc@konsil.example>" {
			t.Errorf("to %s: %+v %+v", recipient, in, in.Report)
		}
	}
}

func TestHostileMailIsCheapAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	var deep strings.Builder
	deep.WriteString("From: a@b.example\nContent-Type: multipart/mixed; boundary=b0\n\n")
	for i := range 3000 {
		fmt.Fprintf(&deep, "--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n", i, i+1)
	}
	many := "From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: text/plain\n\nx\n", 20_000) + "--b--\n"
	for name, c := range map[string]struct{ raw, rule string }{
		"nested a thousandfold": {deep.String(), "structure"},
		"of many parts":         {many, "structure"},
		"endless header":        {strings.Repeat("X-A: b\n", 30_000) + "\n", "header"},
		"one long line":         {"From: " + strings.Repeat("a", 900_000), "header"},
		"no header":             {"\x00\x01\x02", "header"},
		"too large":             {"From: a@b.example\n\n" + strings.Repeat("x", MaxInbound), "too_large"},
		"broken base64":         {"From: a@b.example\nContent-Type: text/calendar\nContent-Transfer-Encoding: base64\n\n!!!!\n", "structure"},
	} {
		began := time.Now()
		in := Read(crlf(c.raw), "termine@konsil.example")
		if in.Unreadable != c.rule {
			t.Errorf("%s: %q, not %q", name, in.Unreadable, c.rule)
		}
		if d := time.Since(began); d > 20*time.Second { // quadratic reading takes minutes
			t.Errorf("%s took %v", name, d)
		}
	}
}

func TestAMailInAnUnknownAlphabetIsStillRead(t *testing.T) {
	t.Parallel()
	in := Read(crlf("From: a@b.example\nContent-Type: text/plain; charset=klingon\n\nplain \x1b[31m words \u202e\n"), "")
	if in.Unreadable != "" || in.Text != "plain [31m words" {
		t.Errorf("%q %q", in.Unreadable, in.Text)
	}
}

func TestAReturnPathLeadsBackToItsMailOnly(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	if got := bounceToken(returnPath("termine@konsil.example", id)); got != id {
		t.Errorf("%v, not %v", got, id)
	}
	for _, wrong := range []string{"termine@konsil.example", "termine+b-12@konsil.example", "termine+b-" + strings.Repeat("g", 32) + "@x", "+b-" + strings.Repeat("a", 40)} {
		if got := bounceToken(wrong); got != uuid.Nil {
			t.Errorf("%q leads to %v", wrong, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("From: a@b.example\r\nContent-Type: multipart/report; boundary=r\r\n\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nA: b\r\n\r\nAction: failed\r\n\r\n--r--\r\n"), "termine+b-00@x")
	f.Add([]byte("Content-Type: text/calendar\r\n\r\nBEGIN"), "")
	f.Fuzz(func(t *testing.T, raw []byte, to string) {
		in := Read(raw, to)
		if len([]rune(in.Text)) > maxExcerpt+1 || len(in.Calendar) > maxPartBytes || len(in.Refers) > 20 {
			t.Error("more than allowed was kept")
		}
	})
}
