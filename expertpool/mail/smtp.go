package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// sendTimeout bounds one delivery. RFC 5321 §4.5.3.2 would allow a patient server ten minutes for the end of the
// data alone; a mail that takes longer than this is tried again.
const sendTimeout = 90 * time.Second

// SMTP hands mails to a relay, one connection each.
type SMTP struct {
	host, port string
	user, pass string
	implicit   bool // TLS from the first byte
}

// NewSMTP reads smtp(s)://[user:pass@]host:port. Errors are *InvalidError and never quote the address.
//
// smtps speaks TLS from the start. smtp uses STARTTLS where the server offers it and insists on it before it shows a
// password; towards the machine itself it speaks plainly. Certificates are always checked.
func NewSMTP(rawURL string) (*SMTP, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, &InvalidError{"SMTP", "url"}
	}
	if u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, &InvalidError{"SMTP", "scheme"}
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, &InvalidError{"SMTP", "nothing-after-port"}
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 {
		return nil, &InvalidError{"SMTP", "port"}
	}
	if net.ParseIP(u.Hostname()) == nil && !isDomain(u.Hostname()) {
		return nil, &InvalidError{"SMTP", "host"}
	}
	s := &SMTP{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps"}
	if u.User != nil {
		s.user = u.User.Username()
		s.pass, _ = u.User.Password()
		if s.user == "" || s.pass == "" {
			return nil, &InvalidError{"SMTP", "user-and-password"}
		}
	}
	return s, nil
}

// Name returns "smtp".
func (s *SMTP) Name() string { return "smtp" }

// Send delivers to one recipient and returns nil after the server's 250 to the whole mail.
func (s *SMTP) Send(ctx context.Context, raw []byte, from, to string) error {
	return s.talk(ctx, from, func(client *smtp.Client) error { return transfer(client, raw, from, to) })
}

// Reach connects and signs in as Send does, and sends nothing.
func (s *SMTP) Reach(ctx context.Context, from string) error {
	return s.talk(ctx, from, func(*smtp.Client) error { return nil })
}

// talk does something with a server that we are connected and signed in to.
func (s *SMTP) talk(ctx context.Context, from string, do func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return stopped("connect", err)
	}
	defer conn.Close()
	// Closing the socket is the one way to wake a client that waits for the server.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return stopped("connect", err)
	}
	if err := s.greet(client, from); err != nil {
		return err
	}
	if err := do(client); err != nil {
		return err
	}
	_ = client.Quit() // it is done; a server in a hurry changes nothing
	return nil
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	address := net.JoinHostPort(s.host, s.port)
	if s.implicit {
		return (&tls.Dialer{Config: s.tls()}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
}

// greet introduces us by the domain we write from, secures the connection and signs in.
func (s *SMTP) greet(client *smtp.Client, from string) error {
	client.SkipSMTPUTF8(true) // our addresses are ASCII; asking for more would shut out relays
	if err := client.Hello(from[strings.LastIndexByte(from, '@')+1:]); err != nil {
		return stopped("hello", err)
	}
	if !s.implicit && !s.local() {
		if offered, _ := client.Extension("STARTTLS"); offered {
			if err := client.StartTLS(s.tls()); err != nil {
				return stopped("tls", err)
			}
		} else if s.user != "" {
			return &SendError{Step: "tls", Reason: "not offered"}
		}
	}
	if s.user == "" {
		return nil
	}
	if err := client.Auth(s.auth(client)); err != nil {
		return stopped("auth", err)
	}
	return nil
}

// auth picks the mechanism; by now the connection is encrypted or ends on this machine.
func (s *SMTP) auth(client *smtp.Client) smtp.Auth {
	if _, offered := client.Extension("AUTH"); strings.Contains(offered, "PLAIN") || !strings.Contains(offered, "LOGIN") {
		return smtp.PlainAuth("", s.user, s.pass, s.host, s.local())
	}
	return smtp.LoginAuth(s.user, s.pass, s.host, s.local())
}

func (s *SMTP) local() bool {
	ip := net.ParseIP(s.host)
	return s.host == "localhost" || ip != nil && ip.IsLoopback()
}

func transfer(client *smtp.Client, raw []byte, from, to string) error {
	if err := client.Mail("<" + from + ">"); err != nil {
		return stopped("from", err)
	}
	if err := client.Rcpt("<" + to + ">"); err != nil {
		return refused("to", err)
	}
	w, err := client.Data()
	if err != nil {
		return refused("data", err)
	}
	if _, err := w.Write(raw); err != nil {
		return stopped("data", err)
	}
	if err := w.Close(); err != nil { // the final dot went out: without an answer nobody knows
		e := refused("end", err)
		var reply *textproto.Error
		e.InDoubt = !errors.As(err, &reply)
		return e
	}
	return nil
}

// refused is stopped where a 5xx speaks about this mail and not about our configuration: then repeating is pointless.
func refused(step string, err error) *SendError {
	e := stopped(step, err)
	var reply *textproto.Error
	e.Permanent = errors.As(err, &reply) && reply.Code >= 500
	return e
}

// stopped reduces an error to what may be shown and stored.
func stopped(step string, err error) *SendError {
	var reply *textproto.Error
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	var timeout net.Error
	reason := "connection lost"
	switch {
	case errors.As(err, &reply):
		reason = replyReason(reply.Code, reply.Msg)
	case errors.As(err, &certificate):
		reason = "certificate"
	case errors.As(err, &dns):
		reason = "host not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "connection refused"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		reason = "timeout"
	case errors.Is(err, context.Canceled):
		reason = "stopped"
	}
	return &SendError{Step: step, Reason: reason}
}
