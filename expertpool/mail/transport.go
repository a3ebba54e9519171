package mail

import (
	"context"
	"fmt"
	"strings"
)

// Transport takes a finished mail one step further. Send returns nil once somebody else has taken responsibility
// for it. A *SendError tells how far it came; after any other error the mail may have left. Name is a short word for
// the outbox page.
type Transport interface {
	Send(ctx context.Context, raw []byte, from, to string) error
	Name() string
}

// SendError says at which step a delivery stopped and why, in words that contain nothing of the mail or of the
// server's reply, which often quotes the address.
type SendError struct {
	Step      string // connect, hello, tls, auth, from, to, data, end
	Reason    string // a reply code such as "451 4.7.1", or one word
	Permanent bool   // the recipient's side refused this mail for good
	InDoubt   bool   // the mail may have been taken
}

func (e *SendError) Error() string { return "mail: " + e.Step + ": " + e.Reason }

// Outbox is the transport of an installation without a mail server: mails stay in the database, where the outbox
// page shows them, and count as sent.
type Outbox struct{}

// Send is done at once: the row is the mailbox.
func (Outbox) Send(ctx context.Context, raw []byte, from, to string) error { return ctx.Err() }

// Name returns "outbox".
func (Outbox) Name() string { return "outbox" }

// replyReason keeps the codes of a server's reply and drops its words. RFC 5321 §4.2, RFC 3463 §2
func replyReason(code int, words string) string {
	reason := fmt.Sprint(code)
	enhanced, _, _ := strings.Cut(words, " ")
	if parts := strings.Split(enhanced, "."); len(parts) == 3 && len(enhanced) <= 9 &&
		strings.Trim(enhanced, "0123456789.") == "" && parts[0] == reason[:1] {
		reason += " " + enhanced
	}
	return reason
}
