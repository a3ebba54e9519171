package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// LMTP takes mail from the mail server of the house (RFC 2033). There are no passwords: whoever can connect is trusted to have
// received the mail properly, so it listens on a socket file or on loopback.
type LMTP struct {
	inbox *Inbox
	l     net.Listener
	s     *smtp.Server
}

// ListenLMTP listens on unix:/path/of/socket or on host:port of this machine. Errors about the address are *InvalidError.
func ListenLMTP(address string, b *Inbox) (*LMTP, error) {
	network, at := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, at = "unix", path
	} else if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
		return nil, &InvalidError{"LMTP", "loopback-or-socket"}
	}
	l, err := net.Listen(network, at)
	if err != nil {
		return nil, fmt.Errorf("lmtp: %w", err)
	}
	t := &LMTP{inbox: b, l: l}
	t.s = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &handover{inbox: b}, nil }))
	t.s.LMTP, t.s.Domain = true, b.host
	t.s.MaxMessageBytes, t.s.MaxRecipients = MaxInbound, 20
	t.s.ReadTimeout, t.s.WriteTimeout = time.Minute, time.Minute
	t.s.ErrorLog = silent{}
	return t, nil
}

// Addr is where it listens.
func (t *LMTP) Addr() net.Addr { return t.l.Addr() }

// Serve takes mail until Close. It returns nil then.
func (t *LMTP) Serve() error {
	if err := t.s.Serve(t.l); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("lmtp: %w", err)
	}
	return nil
}

// Close ends all connections. A mail that was not acknowledged will be brought again.
func (t *LMTP) Close() error { return t.s.Close() }

// isLoopback: a name other than localhost may mean anything tomorrow.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// silent: errors of the protocol quote addresses.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// handover is one connection of the mail server.
type handover struct {
	inbox *Inbox
	to    []string
}

func (h *handover) Reset()                               { h.to = nil }
func (h *handover) Logout() error                        { return nil }
func (h *handover) Mail(string, *smtp.MailOptions) error { return nil }
func (h *handover) Rcpt(to string, _ *smtp.RcptOptions) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ours, err := h.inbox.takes(ctx, to)
	if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot be looked up now, please try again"}
	}
	if !ours {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here has this address"}
	}
	h.to = append(h.to, to)
	return nil
}

// Data exists because the library asks for it; over LMTP it calls LMTPData.
func (h *handover) Data(r io.Reader) error { return errors.New("lmtp only") }

// LMTPData acknowledges each recipient for whom the mail is stored.
func (h *handover) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // too large, or broken off
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, to := range h.to {
		if err := h.inbox.Ingest(ctx, "lmtp", to, raw); err != nil {
			status.SetStatus(to, &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "could not be stored, please try again"})
			continue
		}
		status.SetStatus(to, nil)
	}
	return nil
}
